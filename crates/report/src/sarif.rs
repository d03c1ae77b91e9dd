//! The findings as SARIF 2.1.0, for code scanning.
//!
//! A check is a rule and a verdict a result: `fail` with a level, `open` where a fact was missing, and `pass`
//! and `notApplicable` where the report lists them. A resource is a logical location under its ARN. Code
//! scanning wants a file beside it, so each has a path below a base that says that it names no file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use posture_model::CheckId;
use serde_json::{Map, Value, json};

use crate::clean::clean;
use crate::json::line;
use crate::markdown::{code, label};
use crate::source::Source;
use crate::unread::unread;
use crate::v1::{Confidence, Finding, Head, Severity, Status, Waiver};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const HOME: &str = "https://github.com/posture-scanner/posture";
/// Under which the id of a finding stands among the fingerprints.
const FINGERPRINT: &str = "postureFindingId/v1";
/// The one that code scanning compares.
const LINE_HASH: &str = "primaryLocationLineHash";
/// Code scanning takes no more tags for a rule.
const TAGS: usize = 20;
/// Places named for each call that was not answered.
const PLACES: usize = 50;

/// Writes the report, each result on a line. Rules stand before results, so the findings are gone over twice.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let rules = Rules::of(source)?;
    write!(
        out,
        "{{\n\"$schema\": \"{SCHEMA}\",\n\"version\": \"2.1.0\",\n\"runs\": [{{\n\"tool\": "
    )?;
    line(&tool(head, &rules), out)?;
    for (name, value) in [
        (
            "automationDetails",
            json!({"id": format!("posture/{}", head.scan.id)}),
        ),
        ("invocations", json!([invocation(head)])),
        ("originalUriBaseIds", bases()),
        ("columnKind", json!("utf16CodeUnits")),
        ("properties", run_properties(head)),
    ] {
        write!(out, ",\n\"{name}\": ")?;
        line(&value, out)?;
    }
    out.write_all(b",\n\"results\": [")?;
    let mut first = true;
    source.each(&mut |finding| {
        let separator: &[u8] = if std::mem::take(&mut first) {
            b"\n"
        } else {
            b",\n"
        };
        out.write_all(separator)?;
        line(&result(head, finding, &rules), out)
    })?;
    out.write_all(b"\n]\n}]\n}\n")
}

/// The rules, and where each stands.
struct Rules {
    places: BTreeMap<CheckId, usize>,
    rules: Vec<Rule>,
}

/// What is known of a check.
struct Rule {
    id: CheckId,
    title: String,
    severity: Severity,
    resource: String,
    digest: Option<String>,
    told: Option<Told>,
}

/// What only its findings tell of a check.
struct Told {
    confidence: Confidence,
    /// None where it differs from resource to resource, and so is no text of the rule.
    risk: Option<String>,
    references: Vec<String>,
    tags: Vec<String>,
}

impl Rules {
    fn of(source: &dyn Source) -> io::Result<Self> {
        let mut rules = Self {
            places: BTreeMap::new(),
            rules: Vec::new(),
        };
        for check in &source.head().checks {
            rules.add(Rule {
                id: check.id.clone(),
                title: check.title.clone(),
                severity: check.severity,
                resource: check.resource.clone(),
                digest: Some(check.digest.clone()),
                told: None,
            });
        }
        source.each(&mut |finding| {
            if !rules.places.contains_key(&finding.check) {
                rules.add(Rule {
                    id: finding.check.clone(),
                    title: finding.title.clone(),
                    severity: finding.severity,
                    resource: finding.resource.r#type.clone(),
                    digest: None,
                    told: None,
                });
            }
            let place = rules.places.get(&finding.check);
            if let Some(rule) = place.and_then(|place| rules.rules.get_mut(*place)) {
                rule.hear(finding);
            }
            Ok(())
        })?;
        Ok(rules)
    }

    fn add(&mut self, rule: Rule) {
        self.places.insert(rule.id.clone(), self.rules.len());
        self.rules.push(rule);
    }
}

impl Rule {
    fn hear(&mut self, finding: &Finding) {
        match &mut self.told {
            Some(told) => {
                if told.risk.as_ref().is_some_and(|risk| *risk != finding.risk) {
                    told.risk = None;
                }
            }
            None => {
                self.told = Some(Told {
                    confidence: finding.confidence,
                    risk: Some(finding.risk.clone()),
                    references: finding.references.clone(),
                    tags: tags(finding),
                });
            }
        }
    }

    fn descriptor(&self) -> Value {
        let mut rule = Map::new();
        rule.insert("id".to_owned(), json!(self.id));
        rule.insert("name".to_owned(), json!(name(&self.id)));
        let title = clean(&self.title);
        rule.insert("shortDescription".to_owned(), json!({"text": title}));
        let risk = self.told.as_ref().and_then(|told| told.risk.as_deref());
        let risk = risk.map(clean).filter(|risk| !risk.is_empty());
        let full = risk.clone().unwrap_or_else(|| title.clone());
        rule.insert("fullDescription".to_owned(), json!({"text": full}));
        let references: Vec<String> = self
            .told
            .iter()
            .flat_map(|told| &told.references)
            .filter(|reference| is_address(reference))
            .cloned()
            .collect();
        rule.insert(
            "help".to_owned(),
            self.help(&title, risk.as_deref(), &references),
        );
        if let Some(reference) = references.first() {
            rule.insert("helpUri".to_owned(), json!(reference));
        }
        rule.insert(
            "defaultConfiguration".to_owned(),
            json!({"level": level(self.severity)}),
        );
        rule.insert("properties".to_owned(), self.properties());
        Value::Object(rule)
    }

    fn help(&self, title: &str, risk: Option<&str>, references: &[String]) -> Value {
        let severity = self.severity.as_str();
        let resource = clean(&self.resource);
        let mut text = format!("{title}\n\nSeverity: {severity}. Resource type: {resource}.\n");
        let mut markdown = format!(
            "{}\n\n**Severity:** {severity} · **Resource type:** {}\n",
            label(title),
            code(&resource)
        );
        if let Some(risk) = risk {
            text.push_str(&format!("\n{risk}\n"));
            markdown.push_str(&format!("\n{}\n", label(risk)));
        }
        for reference in references {
            text.push_str(&format!("\n{reference}"));
            markdown.push_str(&format!("\n- <{reference}>"));
        }
        json!({"text": text.trim_end(), "markdown": markdown.trim_end()})
    }

    fn properties(&self) -> Value {
        let mut all = vec!["security".to_owned(), "aws".to_owned()];
        all.extend(self.resource.split('.').next().map(clean));
        all.extend(self.told.iter().flat_map(|told| told.tags.iter().cloned()));
        all.dedup();
        all.truncate(TAGS);
        let mut properties = Map::new();
        properties.insert("tags".to_owned(), json!(all));
        properties.insert(
            "security-severity".to_owned(),
            json!(security_severity(self.severity)),
        );
        properties.insert("severity".to_owned(), json!(self.severity));
        properties.insert("problem.severity".to_owned(), json!(problem(self.severity)));
        if let Some(told) = &self.told {
            properties.insert("precision".to_owned(), json!(precision(told.confidence)));
        }
        properties.insert("resourceType".to_owned(), json!(clean(&self.resource)));
        if let Some(digest) = &self.digest {
            properties.insert("digest".to_owned(), json!(digest));
        }
        Value::Object(properties)
    }
}

/// `LambdaFunctionPolicyPublic`: an identifier that people can read.
fn name(id: &CheckId) -> String {
    id.as_str()
        .split('-')
        .filter_map(|word| {
            let first = word.chars().next()?;
            Some(format!(
                "{}{}",
                first.to_ascii_uppercase(),
                word.get(first.len_utf8()..).unwrap_or_default()
            ))
        })
        .collect()
}

fn tags(finding: &Finding) -> Vec<String> {
    let of = |prefix: &str, ids: &[String]| -> Vec<String> {
        ids.iter()
            .map(|id| format!("{prefix}{}", clean(id)))
            .collect()
    };
    [
        of("owasp-serverless/", &finding.owasp_serverless),
        of("well-architected/", &finding.well_architected),
        of("serverless-lens/", &finding.serverless_lens),
        of("practice/", &finding.practices),
    ]
    .concat()
}

fn tool(head: &Head, rules: &Rules) -> Value {
    let tool = &head.scan.tool;
    let version = clean(&tool.version);
    json!({"driver": {
        "name": "posture",
        "version": version,
        "semanticVersion": version,
        "informationUri": HOME,
        "rules": rules.rules.iter().map(Rule::descriptor).collect::<Vec<_>>(),
        "properties": {"catalogDigest": tool.catalog_digest},
    }})
}

/// What the scan did, and what it could not read.
fn invocation(head: &Head) -> Value {
    let notifications: Vec<Value> = unread(head)
        .iter()
        .map(|entry| {
            json!({
                "level": "error",
                "message": {"text": entry.sentence(head, PLACES)},
                "properties": {"outcome": entry.outcome, "iamAction": clean(entry.subject)},
            })
        })
        .collect();
    let mut invocation = json!({
        "executionSuccessful": head.summary.complete,
        "startTimeUtc": head.scan.started_at,
        "toolExecutionNotifications": notifications,
    });
    if let (Some(end), Some(fields)) = (head.scan.finished_at, invocation.as_object_mut()) {
        fields.insert("endTimeUtc".to_owned(), json!(end));
    }
    invocation
}

fn bases() -> Value {
    json!({"AWS": {"description": {
        "text": "Paths below this base name resources as account/region/type/id; they are no files."
    }}})
}

fn run_properties(head: &Head) -> Value {
    json!({
        "summary": head.summary,
        "score": head.scores.overall.score,
        "coverage": head.scores.overall.coverage,
        "statuses": head.scan.statuses,
    })
}

fn result(head: &Head, finding: &Finding, rules: &Rules) -> Value {
    let (kind, level) = match finding.status {
        Status::Fail | Status::Waived => ("fail", level(finding.severity)),
        Status::Unknown => ("open", "none"),
        Status::Pass => ("pass", "none"),
        Status::NotApplicable => ("notApplicable", "none"),
    };
    let mut result = json!({
        "ruleId": finding.check,
        "ruleIndex": rules.places.get(&finding.check),
        "kind": kind,
        "level": level,
        "message": {"text": message(finding)},
        "locations": [location(finding)],
        "fingerprints": {FINGERPRINT: finding.id},
        "partialFingerprints": {
            FINGERPRINT: finding.id,
            LINE_HASH: format!("{}:1", finding.id),
        },
        "properties": properties(head, finding),
    });
    let Some(fields) = result.as_object_mut() else {
        return result;
    };
    if let Some(state) = baseline_state(head, finding) {
        fields.insert("baselineState".to_owned(), json!(state));
    }
    if finding.status == Status::Waived {
        fields.insert(
            "suppressions".to_owned(),
            json!([suppression(finding.waiver.as_ref())]),
        );
    }
    result
}

fn message(finding: &Finding) -> String {
    let mut text = clean(&finding.message);
    if let Some(fix) = finding
        .fix
        .cli
        .as_deref()
        .or(finding.fix.console.as_deref())
    {
        text.push_str("\n\nFix: ");
        text.push_str(&crate::table::clean_lines(fix));
    }
    text
}

fn location(finding: &Finding) -> Value {
    let resource = &finding.resource;
    json!({
        "logicalLocations": [{
            "name": crate::table::resource_name(finding),
            "fullyQualifiedName": resource.arn,
            "kind": "resource",
        }],
        "physicalLocation": {
            "artifactLocation": {"uri": path(finding), "uriBaseId": "AWS"},
            "region": {"startLine": 1},
        },
    })
}

/// `805377356735/us-east-1/lambda.function/checkout`, in the characters that an address may have.
fn path(finding: &Finding) -> String {
    let resource = &finding.resource;
    let id = if resource.id.is_empty() {
        &resource.name
    } else {
        &resource.id
    };
    [
        finding.account.as_str(),
        finding.region.as_str(),
        &resource.r#type,
        id,
    ]
    .map(segment)
    .join("/")
}

/// One step of a path. A step of dots alone would lead elsewhere.
fn segment(text: &str) -> String {
    let dots = text.chars().all(|c| c == '.');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
        if plain || (byte == b'.' && !dots) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn properties(head: &Head, finding: &Finding) -> Value {
    let mut properties = json!({
        "status": finding.status,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "account": finding.account,
        "region": finding.region,
        "resourceType": finding.resource.r#type,
    });
    let Some(fields) = properties.as_object_mut() else {
        return properties;
    };
    if let Some(name) = head.account_name(&finding.account) {
        fields.insert("accountName".to_owned(), json!(name));
    }
    if !finding.resource.tags.is_empty() {
        // `tags` of a property bag is a list of words; those of the resource are others.
        fields.insert("resourceTags".to_owned(), json!(finding.resource.tags));
    }
    if !finding.gaps.is_empty() {
        fields.insert("gaps".to_owned(), json!(finding.gaps));
    }
    if let Some(seen) = finding.first_seen {
        fields.insert("firstSeen".to_owned(), json!(seen));
    }
    properties
}

/// Known only where the report was compared with an earlier one.
fn baseline_state(head: &Head, finding: &Finding) -> Option<&'static str> {
    head.scan.baseline.as_ref()?;
    if !matches!(finding.status, Status::Fail | Status::Waived) {
        return None;
    }
    let known = finding
        .first_seen
        .is_some_and(|seen| seen < head.scan.started_at);
    Some(if known { "unchanged" } else { "new" })
}

fn suppression(waiver: Option<&Waiver>) -> Value {
    let Some(waiver) = waiver else {
        return json!({"kind": "external", "status": "accepted"});
    };
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": clean(&waiver.reason),
        "properties": {
            "owner": waiver.owner,
            "ticket": waiver.ticket,
            "expires": waiver.expires,
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// In the middle of what code scanning calls by the same word: above 9 critical, from 7 high, from 4 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "very-high",
        Confidence::Medium => "high",
        Confidence::Low => "medium",
    }
}

/// An address that a page may link to.
fn is_address(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/?#=&+%:,".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_else() {
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("a/../b c"), "a%2F..%2Fb%20c");
        assert_eq!(segment("é*"), "%C3%A9%2A");
    }

    #[test]
    fn names_are_read_from_ids() {
        let id = CheckId::new("lambda-function-url-auth-none").unwrap();
        assert_eq!(name(&id), "LambdaFunctionUrlAuthNone");
    }
}
