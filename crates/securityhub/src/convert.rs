//! From the findings of the report's renderer to the SDK's.

use aws_sdk_securityhub::types::{
    AwsSecurityFinding, Compliance, ComplianceStatus, FindingProviderFields,
    FindingProviderSeverity, Note, Partition, Recommendation, RecordState, Remediation, Resource,
    ResourceDetails, Severity, SeverityLabel, Workflow, WorkflowStatus,
};
use posture_report::asff::{SecurityFinding, SecurityResource, SecuritySeverity};

/// The finding as the SDK has it.
pub(crate) fn to_sdk(finding: SecurityFinding) -> AwsSecurityFinding {
    let fields = finding
        .product_fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    AwsSecurityFinding::builder()
        .schema_version(finding.schema_version)
        .id(finding.id)
        .product_arn(finding.product_arn)
        .product_name(finding.product_name)
        .company_name(finding.company_name)
        .generator_id(finding.generator_id)
        .aws_account_id(finding.aws_account_id)
        .set_types(Some(owned(&finding.types)))
        .first_observed_at(finding.first_observed_at)
        .last_observed_at(finding.last_observed_at)
        .created_at(finding.created_at)
        .updated_at(finding.updated_at)
        .severity(severity(&finding.severity))
        .confidence(finding.confidence)
        .title(finding.title)
        .description(finding.description)
        .set_remediation(finding.remediation.map(|remediation| {
            let said = remediation.recommendation;
            Remediation::builder()
                .recommendation(
                    Recommendation::builder()
                        .text(said.text)
                        .set_url(said.url)
                        .build(),
                )
                .build()
        }))
        .set_product_fields(Some(fields))
        .set_resources(Some(finding.resources.into_iter().map(resource).collect()))
        .compliance(
            Compliance::builder()
                .status(ComplianceStatus::from(finding.compliance.status))
                .set_related_requirements(Some(finding.compliance.related_requirements))
                .build(),
        )
        .set_workflow(finding.workflow.map(|workflow| {
            Workflow::builder()
                .status(WorkflowStatus::from(workflow.status))
                .build()
        }))
        .record_state(RecordState::from(finding.record_state))
        .set_note(finding.note.map(|note| {
            Note::builder()
                .text(note.text)
                .updated_by(note.updated_by)
                .updated_at(note.updated_at)
                .build()
        }))
        .finding_provider_fields(
            FindingProviderFields::builder()
                .confidence(finding.finding_provider_fields.confidence)
                .set_types(Some(owned(&finding.finding_provider_fields.types)))
                .severity(
                    FindingProviderSeverity::builder()
                        .label(SeverityLabel::from(
                            finding.finding_provider_fields.severity.label,
                        ))
                        .original(finding.finding_provider_fields.severity.original)
                        .build(),
                )
                .build(),
        )
        .build()
}

/// A finding of Security Hub, archived: what was imported, without what people and Security Hub itself made
/// of it since, which no import may carry.
pub(crate) fn archived(finding: &AwsSecurityFinding, now: &str) -> AwsSecurityFinding {
    AwsSecurityFinding::builder()
        .set_schema_version(finding.schema_version.clone())
        .set_id(finding.id.clone())
        .set_product_arn(finding.product_arn.clone())
        .set_product_name(finding.product_name.clone())
        .set_company_name(finding.company_name.clone())
        .set_generator_id(finding.generator_id.clone())
        .set_aws_account_id(finding.aws_account_id.clone())
        .set_types(finding.types.clone())
        .set_first_observed_at(finding.first_observed_at.clone())
        .set_last_observed_at(finding.last_observed_at.clone())
        .set_created_at(finding.created_at.clone())
        .updated_at(now)
        .set_severity(finding.severity.clone())
        .set_confidence(finding.confidence)
        .set_title(finding.title.clone())
        .set_description(finding.description.clone())
        .set_remediation(finding.remediation.clone())
        .set_product_fields(finding.product_fields.clone())
        .set_resources(finding.resources.clone())
        .set_compliance(finding.compliance.clone())
        .set_finding_provider_fields(finding.finding_provider_fields.clone())
        .record_state(RecordState::Archived)
        .build()
}

fn severity(severity: &SecuritySeverity) -> Severity {
    Severity::builder()
        .label(SeverityLabel::from(severity.label))
        .original(severity.original)
        .build()
}

fn resource(resource: SecurityResource) -> Resource {
    Resource::builder()
        .r#type(resource.r#type)
        .id(resource.id)
        .partition(Partition::from(resource.partition.as_str()))
        .set_region(resource.region)
        .set_tags((!resource.tags.is_empty()).then(|| resource.tags.into_iter().collect()))
        .details(
            ResourceDetails::builder()
                .set_other(Some(resource.details.other.into_iter().collect()))
                .build(),
        )
        .build()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
