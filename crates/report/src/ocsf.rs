//! The findings as events of the Open Cybersecurity Schema Framework: class Compliance Finding, one event a
//! line, as security lakes and pipelines take them.
//!
//! What could not be decided is `Warning`, which the framework has for "did not yield a result due to missing
//! information"; a waived failure is still `Fail`, and suppressed.

use std::io::{self, Write};

use posture_model::Timestamp;
use serde_json::{Map, Value, json};

use crate::json::line;
use crate::partition::Partitions;
use crate::source::Source;
use crate::table::resource_name;
use crate::v1::{Confidence, Finding, Gap, Head, Outcome, Severity, Status};

/// The version of the framework.
const VERSION: &str = "1.8.0";
const CATEGORY: u32 = 2;
const CLASS: u32 = 2003;

/// A number of the framework, and its name.
type Named = (u32, &'static str);

/// Writes one event a line.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let partitions = Partitions::of(head);
    source.each(&mut |finding| {
        line(&event(head, finding, &partitions), out)?;
        out.write_all(b"\n")
    })
}

fn event(head: &Head, finding: &Finding, partitions: &Partitions) -> Value {
    let scan = &head.scan;
    let (activity, activity_name) = activity(head, finding);
    let (severity, severity_name) = severity(finding.severity);
    let (confidence, confidence_name) = confidence(finding.confidence);
    let (status, status_name) = status(finding.status);
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_name": "Findings",
        "category_uid": CATEGORY,
        "class_name": "Compliance Finding",
        "class_uid": CLASS,
        "type_name": format!("Compliance Finding: {activity_name}"),
        "type_uid": CLASS * 100 + activity,
        "time": milliseconds(scan.started_at),
        "timezone_offset": 0,
        "severity": severity_name,
        "severity_id": severity,
        "confidence": confidence_name,
        "confidence_id": confidence,
        "status": status_name,
        "status_code": finding.status,
        "status_id": status,
        "message": finding.message,
        "metadata": metadata(head, finding),
        "cloud": cloud(head, finding, partitions),
        "compliance": compliance(finding),
        "finding_info": finding_info(head, finding),
        "resources": [resource(finding, partitions)],
    });
    let Some(fields) = event.as_object_mut() else {
        return event;
    };
    if let Some(remediation) = remediation(finding) {
        fields.insert("remediation".to_owned(), remediation);
    }
    if !finding.evidence.is_empty() {
        fields.insert("evidences".to_owned(), json!([{"data": finding.evidence}]));
    }
    if let Some(waiver) = &finding.waiver {
        fields.insert("status_detail".to_owned(), json!(waiver.reason));
        fields.insert("unmapped".to_owned(), json!({"waiver": waiver}));
    }
    event
}

/// Without an earlier report every finding looks new.
fn activity(head: &Head, finding: &Finding) -> Named {
    match finding.first_seen {
        Some(seen) if seen < head.scan.started_at => (2, "Update"),
        _ => (1, "Create"),
    }
}

fn severity(severity: Severity) -> Named {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn confidence(confidence: Confidence) -> Named {
    match confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    }
}

/// Where the finding stands in someone's work. What is sound was never a matter of work, and calling it
/// resolved would say that someone had mended it.
fn status(status: Status) -> Named {
    match status {
        Status::Fail | Status::Unknown => (1, "New"),
        Status::Waived => (3, "Suppressed"),
        Status::Pass => (99, "Pass"),
        Status::NotApplicable => (99, "Not Applicable"),
    }
}

fn verdict(status: Status) -> Named {
    match status {
        Status::Pass => (1, "Pass"),
        Status::Unknown => (2, "Warning"),
        Status::Fail | Status::Waived => (3, "Fail"),
        Status::NotApplicable => (99, "Not Applicable"),
    }
}

fn metadata(head: &Head, finding: &Finding) -> Value {
    let scan = &head.scan;
    json!({
        "version": VERSION,
        "profiles": ["cloud"],
        "product": {
            "name": "posture",
            "uid": "posture",
            "vendor_name": "posture",
            "version": scan.tool.version,
        },
        "event_code": finding.check,
        // Of the event, which the next scan's has not; the finding's own is in finding_info.
        "uid": format!("{}/{}", scan.id, finding.id),
        "correlation_uid": scan.id,
        "tenant_uid": finding.account,
        "original_time": scan.started_at,
    })
}

fn cloud(head: &Head, finding: &Finding, partitions: &Partitions) -> Value {
    let mut account = json!({
        "uid": finding.account,
        "type": "AWS Account",
        "type_id": 10,
    });
    if let (Some(name), Some(fields)) =
        (head.account_name(&finding.account), account.as_object_mut())
    {
        fields.insert("name".to_owned(), json!(name));
    }
    let mut cloud = json!({
        "provider": "AWS",
        "account": account,
        "cloud_partition": partitions.of_finding(finding),
    });
    // `global` is no region of AWS.
    if let (false, Some(fields)) = (finding.region.is_global(), cloud.as_object_mut()) {
        fields.insert("region".to_owned(), json!(finding.region));
    }
    cloud
}

fn compliance(finding: &Finding) -> Value {
    let (status, status_name) = verdict(finding.status);
    let mut standards = Vec::new();
    let mut requirements = Vec::new();
    for (standard, ids) in [
        ("AWS Well-Architected Framework", &finding.well_architected),
        (
            "AWS Well-Architected Serverless Lens",
            &finding.serverless_lens,
        ),
        ("OWASP Serverless Top 10", &finding.owasp_serverless),
        ("posture practices", &finding.practices),
    ] {
        if !ids.is_empty() {
            standards.push(standard);
            requirements.extend(ids.iter().map(String::as_str));
        }
    }
    let mut details: Vec<String> = finding.gaps.iter().map(gap).collect();
    if details.is_empty() {
        details.push(finding.message.clone());
    }
    json!({
        "control": finding.check,
        "desc": finding.title,
        "standards": standards,
        "requirements": requirements,
        "status": status_name,
        "status_id": status,
        "status_code": finding.status,
        "status_details": details,
    })
}

fn gap(gap: &Gap) -> String {
    let what = gap.operation.as_deref().unwrap_or("a fact");
    let mut text = format!("{what}: {}", Outcome::from(gap.reason).phrase());
    if let Some(code) = &gap.code {
        text.push_str(&format!(" ({code})"));
    }
    if let Some(action) = &gap.iam_action {
        text.push_str(&format!("; needs {action}"));
    }
    text
}

fn finding_info(head: &Head, finding: &Finding) -> Value {
    let mut info = Map::new();
    let mut add = |name: &str, value: Value| info.insert(name.to_owned(), value);
    add("uid", json!(finding.id));
    add("title", json!(finding.title));
    if !finding.risk.is_empty() {
        add("desc", json!(finding.risk));
    }
    add(
        "analytic",
        json!({"uid": finding.check, "name": finding.title, "type": "Rule", "type_id": 1}),
    );
    if let Some(seen) = finding.first_seen {
        add("first_seen_time", json!(milliseconds(seen)));
        add("created_time", json!(milliseconds(seen)));
    }
    add("last_seen_time", json!(milliseconds(head.scan.started_at)));
    let mut sources: Vec<&str> = finding
        .evidence
        .iter()
        .flat_map(|fact| fact.source.iter().map(String::as_str))
        .collect();
    sources.sort_unstable();
    sources.dedup();
    if !sources.is_empty() {
        add("data_sources", json!(sources));
    }
    add(
        "product",
        json!({"name": "posture", "uid": "posture", "vendor_name": "posture"}),
    );
    add("types", json!(["Security Posture"]));
    Value::Object(info)
}

fn resource(finding: &Finding, partitions: &Partitions) -> Value {
    let of = &finding.resource;
    let mut resource = json!({
        "name": resource_name(finding),
        "type": of.r#type,
        "provider": "AWS",
        "cloud_partition": partitions.of_finding(finding),
        "owner": {"account": {"uid": finding.account, "type": "AWS Account", "type_id": 10}},
        "role": "Affected",
        "role_id": 3,
    });
    let Some(fields) = resource.as_object_mut() else {
        return resource;
    };
    // Where a listing failed there is no one resource that could be named.
    if of.id != "*" {
        fields.insert("uid".to_owned(), json!(of.arn));
        fields.insert("uid_alt".to_owned(), json!(of.id));
        fields.insert("name".to_owned(), json!(of.name));
    }
    if !finding.region.is_global() {
        fields.insert("region".to_owned(), json!(finding.region));
    }
    if !of.tags.is_empty() {
        let tags: Vec<Value> = of
            .tags
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        fields.insert("tags".to_owned(), json!(tags));
    }
    resource
}

/// How to mend it; the framework wants words beside references.
fn remediation(finding: &Finding) -> Option<Value> {
    let fix = &finding.fix;
    let ways: Vec<&str> = [&fix.console, &fix.cli, &fix.terraform]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    if ways.is_empty() {
        return None;
    }
    let mut remediation = json!({"desc": ways.join("\n\n")});
    if let (false, Some(fields)) = (finding.references.is_empty(), remediation.as_object_mut()) {
        fields.insert("references".to_owned(), json!(finding.references));
    }
    Some(remediation)
}

fn milliseconds(moment: Timestamp) -> i64 {
    moment.unix().saturating_mul(1000)
}
