//! OCSF Compliance Findings, against a schema made of the published one.

use std::sync::LazyLock;

use jsonschema::Validator;
use posture_report::v1::Status;
use posture_report::{Format, Source};
use serde_json::Value;

use crate::{compared, empty, full, hostile_reports, rendered};

const SCHEMA: &str = include_str!("../fixtures/ocsf-1.8.0-compliance-finding.schema.json");

/// Where a number stands, where its name stands, and which name each number has.
type Names = (&'static str, &'static str, &'static [(u64, &'static str)]);

/// Numbers whose names the framework fixes, each beside its name; 99 has a name of one's own.
const NAMES: &[Names] = &[
    (
        "/activity_id",
        "/activity_name",
        &[(1, "Create"), (2, "Update"), (3, "Close")],
    ),
    (
        "/severity_id",
        "/severity",
        &[
            (1, "Informational"),
            (2, "Low"),
            (3, "Medium"),
            (4, "High"),
            (5, "Critical"),
        ],
    ),
    (
        "/confidence_id",
        "/confidence",
        &[(1, "Low"), (2, "Medium"), (3, "High")],
    ),
    (
        "/status_id",
        "/status",
        &[
            (1, "New"),
            (2, "In Progress"),
            (3, "Suppressed"),
            (4, "Resolved"),
        ],
    ),
    (
        "/compliance/status_id",
        "/compliance/status",
        &[(1, "Pass"), (2, "Warning"), (3, "Fail")],
    ),
    (
        "/cloud/account/type_id",
        "/cloud/account/type",
        &[(10, "AWS Account")],
    ),
    (
        "/finding_info/analytic/type_id",
        "/finding_info/analytic/type",
        &[(1, "Rule")],
    ),
    (
        "/resources/0/role_id",
        "/resources/0/role",
        &[(1, "Target"), (3, "Affected")],
    ),
];

fn events(source: &dyn Source) -> Vec<Value> {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| crate::validator(SCHEMA));
    rendered(Format::Ocsf, source)
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = VALIDATOR
                .iter_errors(&event)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            event
        })
        .collect()
}

#[test]
fn every_line_is_an_event_of_the_class() {
    let report = full();
    let events = events(&report);
    assert_eq!(events.len(), report.findings.len());
    for (event, finding) in events.iter().zip(&report.findings) {
        assert_eq!(event["class_uid"], 2003);
        assert_eq!(event["category_uid"], 2);
        let activity = event["activity_id"].as_u64().unwrap();
        assert_eq!(event["type_uid"], 200_300 + activity);
        assert_eq!(event["metadata"]["version"], "1.8.0");
        assert_eq!(event["finding_info"]["uid"], finding.id.as_str());
        assert_eq!(event["time"], 1_769_860_800_000_u64);
        for (number, name, names) in NAMES {
            let number = event.pointer(number).unwrap().as_u64().unwrap();
            let name = event.pointer(name).unwrap();
            match names.iter().find(|(known, _)| *known == number) {
                Some((_, known)) => assert_eq!(name, known),
                None => assert_eq!(number, 99, "{name}"),
            }
        }
    }
    assert!(self::events(&empty()).is_empty());
}

#[test]
fn a_verdict_is_said_as_it_is() {
    let report = full();
    for (event, finding) in events(&report).iter().zip(&report.findings) {
        let (verdict, status) = match finding.status {
            Status::Fail => (3, 1),
            Status::Waived => (3, 3),
            Status::Unknown => (2, 1),
            Status::Pass => (1, 99),
            Status::NotApplicable => (99, 99),
        };
        assert_eq!(event["compliance"]["status_id"], verdict, "{}", finding.id);
        assert_eq!(event["status_id"], status, "{}", finding.id);
        assert_eq!(event["status_code"], finding.status.as_str());
    }
}

#[test]
fn what_was_seen_before_is_an_update() {
    let events = events(&compared(full()));
    assert_eq!(events[0]["activity_id"], 2);
    assert_eq!(
        events[0]["finding_info"]["first_seen_time"],
        1_767_268_800_000_u64
    );
    assert_eq!(events[1]["activity_id"], 1);
    assert_eq!(events[1]["finding_info"].get("first_seen_time"), None);
}

#[test]
fn what_is_global_has_no_region_and_a_listing_no_resource() {
    let mut report = full();
    report.findings[0].region = posture_model::Region::global();
    report.findings[0].resource.arn = "arn:aws-cn:iam::222222222222:user/u".to_owned();
    let events = events(&report);
    assert_eq!(events[0]["cloud"].get("region"), None);
    assert_eq!(events[0]["cloud"]["cloud_partition"], "aws-cn");
    assert_eq!(
        events[1]["cloud"]["region"],
        report.findings[1].region.as_str()
    );
    let listing = report
        .findings
        .iter()
        .position(|f| f.resource.id == "*")
        .unwrap();
    let resource = &events[listing]["resources"][0];
    assert_eq!(resource.get("uid"), None);
    assert_eq!(resource["name"], "every lambda.function");
}

#[test]
fn hostile_text_is_data() {
    for (text, report) in hostile_reports() {
        let events = events(&report);
        assert_eq!(events.len(), report.findings.len(), "{text:?}");
        assert_eq!(events[0]["resources"][0]["tags"][0]["value"], *text);
    }
}
