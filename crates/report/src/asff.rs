//! The findings in the AWS Security Finding Format, as requests of `BatchImportFindings`.
//!
//! Security Hub takes at most 100 findings at once, all of one account, in the region of its endpoint. So each
//! line is one request, ready for the AWS CLI. A finding keeps to the limits that AWS documents; what is
//! longer is cut.

use std::collections::BTreeMap;
use std::io::{self, Write};

use posture_engine::resource_key;
use posture_model::{AccountId, CheckId, Partition, Region};
use serde::Serialize;

use crate::batch::{Batches, Target};
use crate::clean::clean;
use crate::json::line;
use crate::partition::Partitions;
use crate::source::Source;
use crate::table::resource_name;
use crate::v1::{Confidence, Finding, Head, Outcome, Severity, Status};

/// Findings in one request.
pub const BATCH: usize = 100;
/// What stands before a check's id in `GeneratorId`, and before the finding's own in `Id`.
pub const PREFIX: &str = "posture/";
/// `ProductFields` by which a finding is recognized later.
pub mod fields {
    /// The check's id.
    pub const CHECK: &str = "posture/check";
    /// The region, or `global`.
    pub const REGION: &str = "posture/region";
    /// The resource's type.
    pub const TYPE: &str = "posture/resource_type";
    /// The key of the resource among those of a report.
    pub const RESOURCE: &str = "posture/resource_key";
    /// The verdict.
    pub const STATUS: &str = "posture/status";
    /// The scan's id.
    pub const SCAN: &str = "posture/scan";
}

/// Tags, and further facts of a resource, that a finding may have.
const PAIRS: usize = 50;
/// Facts that are shown of a resource.
const FACTS: usize = 20;

/// Writes one request a line.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let converter = Converter::of(source.head());
    let mut batches = Batches::new(BATCH);
    let mut line_of = Vec::new();
    source.each(&mut |finding| {
        line_of.clear();
        line(&converter.convert(finding), &mut line_of)?;
        let size = line_of.len();
        let target = converter.target(finding);
        for (_, batch) in batches.push(target, line_of.clone(), size) {
            request(&batch, out)?;
        }
        Ok(())
    })?;
    for (_, batch) in batches.rest() {
        request(&batch, out)?;
    }
    Ok(())
}

fn request(findings: &[Vec<u8>], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"Findings\":[")?;
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(finding)?;
    }
    out.write_all(b"]}\n")
}

/// Makes findings of Security Hub of those of one report.
#[derive(Debug, Clone)]
pub struct Converter<'a> {
    head: &'a Head,
    partitions: Partitions,
    digests: BTreeMap<&'a CheckId, &'a str>,
}

/// A finding as Security Hub takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct SecurityFinding {
    pub schema_version: &'static str,
    pub id: String,
    pub product_arn: String,
    pub product_name: &'static str,
    pub company_name: &'static str,
    pub generator_id: String,
    pub aws_account_id: String,
    pub types: Vec<&'static str>,
    pub first_observed_at: String,
    pub last_observed_at: String,
    pub created_at: String,
    pub updated_at: String,
    pub severity: SecuritySeverity,
    pub confidence: i32,
    pub title: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
    pub product_fields: BTreeMap<&'static str, String>,
    pub resources: Vec<SecurityResource>,
    pub compliance: Compliance,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
    pub record_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    pub finding_provider_fields: ProviderFields,
}

/// How bad a finding is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct SecuritySeverity {
    pub label: &'static str,
    pub original: &'static str,
}

/// How to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Remediation {
    pub recommendation: Recommendation,
}

/// What to do, and where more is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Recommendation {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct SecurityResource {
    pub r#type: &'static str,
    pub id: String,
    pub partition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    pub details: Details,
}

/// Facts of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Details {
    pub other: BTreeMap<String, String>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Compliance {
    pub status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_requirements: Vec<String>,
}

/// Where the finding stands in someone's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Workflow {
    pub status: &'static str,
}

/// A word beside the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct Note {
    pub text: String,
    pub updated_by: &'static str,
    pub updated_at: String,
}

/// What the provider says of a finding, whatever a person made of it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the AWS Security Finding Format"
)]
pub struct ProviderFields {
    pub severity: SecuritySeverity,
    pub types: Vec<&'static str>,
    pub confidence: i32,
}

impl<'a> Converter<'a> {
    /// Of this report.
    pub fn of(head: &'a Head) -> Self {
        Self {
            head,
            partitions: Partitions::of(head),
            digests: head
                .checks
                .iter()
                .map(|check| (&check.id, check.digest.as_str()))
                .collect(),
        }
    }

    /// Where a finding of this report goes. What has no region goes to the partition's home.
    pub fn target(&self, finding: &Finding) -> Target {
        let partition = self.partitions.of_finding(finding);
        target(&partition, &finding.account, &finding.region)
    }

    /// The partition of the scan.
    pub fn partition(&self) -> &Partition {
        self.partitions.of_scan()
    }

    /// The finding as Security Hub takes it.
    pub fn convert(&self, finding: &Finding) -> SecurityFinding {
        let scan = &self.head.scan;
        let partition = self.partitions.of_finding(finding);
        let target = target(&partition, &finding.account, &finding.region);
        let observed = scan.started_at.to_string();
        let first = finding.first_seen.unwrap_or(scan.started_at).to_string();
        let updated = scan.finished_at.unwrap_or(scan.started_at).to_string();
        let severity = severity(finding);
        let confidence = confidence(finding.confidence);
        let types = vec!["Software and Configuration Checks/AWS Security Best Practices"];
        SecurityFinding {
            schema_version: "2018-10-08",
            id: format!("{PREFIX}{}", finding.id),
            product_arn: product_arn(&partition, &target),
            product_name: "posture",
            company_name: "posture",
            generator_id: format!("{PREFIX}{}", finding.check),
            aws_account_id: finding.account.to_string(),
            types: types.clone(),
            first_observed_at: first.clone(),
            last_observed_at: observed,
            created_at: first,
            updated_at: updated.clone(),
            severity: severity.clone(),
            confidence,
            title: title(finding),
            description: description(finding),
            remediation: remediation(finding),
            product_fields: self.product_fields(finding),
            resources: vec![resource(finding, &partition)],
            compliance: Compliance {
                status: compliance_status(finding.status),
                related_requirements: requirements(finding),
            },
            workflow: (finding.status == Status::Waived).then_some(Workflow {
                status: "SUPPRESSED",
            }),
            record_state: "ACTIVE",
            note: waiver_note(finding, &updated),
            finding_provider_fields: ProviderFields {
                severity,
                types,
                confidence,
            },
        }
    }

    fn product_fields(&self, finding: &Finding) -> BTreeMap<&'static str, String> {
        let resource = &finding.resource;
        let key = resource_key(
            &resource.r#type,
            finding.account.as_str(),
            finding.region.as_str(),
            &resource.arn,
        );
        let mut pairs = BTreeMap::from([
            (fields::CHECK, finding.check.to_string()),
            (fields::REGION, finding.region.to_string()),
            (fields::TYPE, resource.r#type.clone()),
            (fields::RESOURCE, key),
            (fields::STATUS, finding.status.as_str().to_owned()),
            (fields::SCAN, self.head.scan.id.clone()),
            ("posture/version", self.head.scan.tool.version.clone()),
            ("posture/account_name", self.account_name(&finding.account)),
            ("posture/not_read", not_read(finding)),
        ]);
        if let Some(digest) = self.digests.get(&finding.check) {
            pairs.insert("posture/rule", (*digest).to_owned());
        }
        for value in pairs.values_mut() {
            *value = cut(&clean(value), 2048);
        }
        pairs.retain(|_, value| !value.is_empty());
        pairs
    }

    fn account_name(&self, account: &AccountId) -> String {
        self.head
            .account_name(account)
            .map(clean)
            .unwrap_or_default()
    }
}

/// Where findings of an account and region go.
pub fn target(partition: &Partition, account: &AccountId, region: &Region) -> Target {
    let home = || Region::new(partition.home_region());
    let region = if region.is_global() {
        home().unwrap_or_else(|_| region.clone())
    } else {
        region.clone()
    };
    Target {
        account: account.clone(),
        region,
    }
}

/// The integration of one's own that every Security Hub has.
pub fn product_arn(partition: &Partition, target: &Target) -> String {
    let Target { account, region } = target;
    format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
}

fn title(finding: &Finding) -> String {
    let name = cut(&resource_name(finding), 100);
    let title = cut(&clean(&finding.title), 256 - name.len() - 2);
    format!("{title}: {name}")
}

fn description(finding: &Finding) -> String {
    let mut text = clean(&finding.message);
    if !finding.risk.is_empty() {
        text = format!(
            "{}. {}",
            cut(text.trim_end_matches('.'), 600),
            clean(&finding.risk)
        );
    }
    match cut(&text, 1024) {
        text if text.is_empty() => clean(finding.check.as_str()),
        text => text,
    }
}

/// A command that was cut would be another command: where it is too long, its reader is sent on.
fn remediation(finding: &Finding) -> Option<Remediation> {
    const MOST: usize = 512;
    let fix = &finding.fix;
    let ways = [&fix.cli, &fix.console];
    let mut ways = ways.into_iter().flatten().map(|way| clean(way));
    let text = ways.find(|way| !way.is_empty() && way.len() <= MOST);
    let url = finding
        .references
        .iter()
        .find(|reference| reference.starts_with("https://") && clean(reference) == **reference)
        .cloned();
    let more = || format!("posture explain {}", finding.id);
    let text = match text {
        Some(text) => text,
        None if fix.cli.is_none() && fix.console.is_none() && url.is_none() => return None,
        None => more(),
    };
    Some(Remediation {
        recommendation: Recommendation { text, url },
    })
}

fn requirements(finding: &Finding) -> Vec<String> {
    let mut all = Vec::new();
    for (standard, ids) in [
        ("AWS Well-Architected", &finding.well_architected),
        ("OWASP Serverless Top 10", &finding.owasp_serverless),
        ("Serverless Lens", &finding.serverless_lens),
        ("posture", &finding.practices),
    ] {
        all.extend(
            ids.iter()
                .map(|id| cut(&format!("{standard} {}", clean(id)), 64)),
        );
    }
    all.truncate(32);
    all
}

fn resource(finding: &Finding, partition: &Partition) -> SecurityResource {
    let of = &finding.resource;
    let kind = resource_type(&of.r#type);
    // A whole account, and the place of a listing that failed, have no ARN that Security Hub would know.
    let account = kind == "AwsAccount" || of.id == "*" || of.arn.is_empty();
    let id = if account {
        format!("AWS::::Account:{}", finding.account)
    } else {
        cut(&clean(&of.arn), 512)
    };
    let mut tags = BTreeMap::new();
    for (key, value) in of.tags.iter().take(PAIRS) {
        let key = cut(&clean(key), 128);
        if !key.is_empty() {
            tags.insert(key, cut(&clean(value), 256));
        }
    }
    SecurityResource {
        r#type: if account { "AwsAccount" } else { kind },
        id,
        partition: partition.to_string(),
        region: (!finding.region.is_global()).then(|| finding.region.to_string()),
        tags,
        details: Details {
            other: facts(finding),
        },
    }
}

fn facts(finding: &Finding) -> BTreeMap<String, String> {
    let of = &finding.resource;
    let own = [("type", &of.r#type), ("id", &of.id), ("name", &of.name)];
    let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
    let evidence = finding
        .evidence
        .iter()
        .take(FACTS)
        .map(|fact| (fact.field.clone(), fact.value.clone()));
    own.into_iter()
        .chain(evidence)
        .map(|(name, value)| (cut(&clean(&name), 127), cut(&clean(&value), 1023)))
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .collect()
}

/// The name that Security Hub has for a resource type.
fn resource_type(kind: &str) -> &'static str {
    match kind {
        "account.account"
        | "apigateway.account"
        | "ec2.region_settings"
        | "ecr.registry"
        | "iam.account"
        | "lambda.account_settings"
        | "organizations.account"
        | "organizations.organization" => "AwsAccount",
        "apigateway.rest_api" => "AwsApiGatewayRestApi",
        "apigateway.stage" => "AwsApiGatewayStage",
        "apigatewayv2.api" => "AwsApiGatewayV2Api",
        "apigatewayv2.stage" => "AwsApiGatewayV2Stage",
        "ec2.address" => "AwsEc2Eip",
        "ec2.instance" => "AwsEc2Instance",
        "ec2.launch_template" => "AwsEc2LaunchTemplate",
        "ec2.network_acl" => "AwsEc2NetworkAcl",
        "ec2.network_interface" => "AwsEc2NetworkInterface",
        "ec2.route_table" => "AwsEc2RouteTable",
        "ec2.security_group" => "AwsEc2SecurityGroup",
        "ec2.subnet" => "AwsEc2Subnet",
        "ec2.transit_gateway" => "AwsEc2TransitGateway",
        "ec2.volume" => "AwsEc2Volume",
        "ec2.vpc" => "AwsEc2Vpc",
        "ec2.vpc_peering_connection" => "AwsEc2VpcPeeringConnection",
        "ecr.repository" => "AwsEcrRepository",
        "iam.group" => "AwsIamGroup",
        "iam.policy" => "AwsIamPolicy",
        "iam.role" => "AwsIamRole",
        "iam.user" => "AwsIamUser",
        "kms.key" => "AwsKmsKey",
        "lambda.function" => "AwsLambdaFunction",
        "lambda.layer_version" => "AwsLambdaLayerVersion",
        "s3.bucket" => "AwsS3Bucket",
        "s3control.access_point" => "AwsS3AccessPoint",
        "s3control.account_settings" => "AwsS3AccountPublicAccessBlock",
        "wafv2.rule_group" => "AwsWafv2RuleGroup",
        "wafv2.web_acl" => "AwsWafv2WebAcl",
        _ => "Other",
    }
}

/// `WARNING` is Security Hub's word for "some information is missing".
fn compliance_status(status: Status) -> &'static str {
    match status {
        Status::Fail | Status::Waived => "FAILED",
        Status::Unknown => "WARNING",
        Status::Pass => "PASSED",
        Status::NotApplicable => "NOT_AVAILABLE",
    }
}

/// What is open keeps the severity of the check: missing a permission must not make a finding look harmless.
fn severity(finding: &Finding) -> SecuritySeverity {
    let label = match (finding.status, finding.severity) {
        (Status::Pass | Status::NotApplicable, _) | (_, Severity::Info) => "INFORMATIONAL",
        (_, Severity::Low) => "LOW",
        (_, Severity::Medium) => "MEDIUM",
        (_, Severity::High) => "HIGH",
        (_, Severity::Critical) => "CRITICAL",
    };
    SecuritySeverity {
        label,
        original: finding.severity.as_str(),
    }
}

fn confidence(confidence: Confidence) -> i32 {
    match confidence {
        Confidence::High => 95,
        Confidence::Medium => 70,
        Confidence::Low => 40,
    }
}

/// The waiver in words. Security Hub takes notes from a provider for new findings alone.
fn waiver_note(finding: &Finding, at: &str) -> Option<Note> {
    let waiver = finding.waiver.as_ref()?;
    let by = [&waiver.owner, &waiver.ticket];
    let by: Vec<String> = by.into_iter().flatten().map(|text| clean(text)).collect();
    let text = format!(
        "Waived until {} ({}): {}",
        waiver.expires,
        by.join(", "),
        clean(&waiver.reason)
    );
    Some(Note {
        text: cut(&text, 512),
        updated_by: "posture",
        updated_at: at.to_owned(),
    })
}

/// What could not be read, in words.
fn not_read(finding: &Finding) -> String {
    let gaps: Vec<String> = finding
        .gaps
        .iter()
        .map(|gap| {
            let what = gap.iam_action.as_deref().or(gap.operation.as_deref());
            let why = Outcome::from(gap.reason).phrase();
            format!("{}: {why}", what.unwrap_or("a fact"))
        })
        .collect();
    gaps.join("; ")
}

/// The text in at most so many bytes, which are as many characters or more.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    const MARK: &str = "...";
    let room = most.saturating_sub(MARK.len());
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= room)
        .last()
        .unwrap_or(0);
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_whole_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcdef", 5), "ab...");
        assert_eq!(cut("日本語日本語", 10), "日本...");
    }

    #[test]
    fn every_resource_type_has_a_name() {
        for info in posture_model::all_types() {
            let name = resource_type(info.name);
            assert!(name.starts_with("Aws") || name == "Other", "{name}");
        }
    }
}
