//! ASFF, against what AWS documents of it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use posture_model::Region;
use posture_report::v1::Status;
use posture_report::{Format, Source};
use serde_json::Value;

use crate::{Many, empty, full, hostile_reports, rendered};

const SCHEMA: &str = include_str!("../fixtures/asff-2018-10-08.schema.json");
/// Bytes of a finding, and of a request.
const FINDING: usize = 240 << 10;
const REQUEST: usize = 6 << 20;

fn requests(source: &dyn Source) -> Vec<Value> {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| crate::validator(SCHEMA));
    rendered(Format::Asff, source)
        .lines()
        .map(|line| {
            assert!(line.len() <= REQUEST);
            let request: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = VALIDATOR
                .iter_errors(&request)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            for finding in request["Findings"].as_array().unwrap() {
                assert!(finding.to_string().len() <= FINDING);
            }
            request
        })
        .collect()
}

fn findings(source: &dyn Source) -> Vec<Value> {
    let requests = requests(source);
    let lists = requests
        .iter()
        .map(|request| request["Findings"].as_array().unwrap());
    lists.flatten().cloned().collect()
}

#[test]
fn every_finding_is_sent_once_under_its_own_id() {
    let report = full();
    let mut sent: Vec<String> = findings(&report)
        .iter()
        .map(|finding| finding["Id"].as_str().unwrap().to_owned())
        .collect();
    let mut ids: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("posture/{}", f.id))
        .collect();
    sent.sort();
    ids.sort();
    assert_eq!(sent, ids);
    assert!(requests(&empty()).is_empty());
}

#[test]
fn a_request_is_for_one_account_and_region_and_holds_at_most_100() {
    let many = Many::new(2_400);
    let requests = requests(&many);
    let mut sent = 0;
    for request in &requests {
        let list = request["Findings"].as_array().unwrap();
        sent += list.len();
        let places: BTreeSet<&str> = list
            .iter()
            .map(|f| f["ProductArn"].as_str().unwrap())
            .collect();
        assert_eq!(places.len(), 1);
        for finding in list {
            let account = finding["AwsAccountId"].as_str().unwrap();
            let arn = finding["ProductArn"].as_str().unwrap();
            assert!(
                arn.ends_with(&format!(":{account}:product/{account}/default")),
                "{arn}"
            );
        }
    }
    assert_eq!(sent, 2_400);
    assert!(
        requests
            .iter()
            .any(|request| request["Findings"].as_array().unwrap().len() == 100)
    );
}

#[test]
fn verdicts_are_said_as_they_are() {
    let report = full();
    let found = findings(&report);
    for finding in &report.findings {
        let id = format!("posture/{}", finding.id);
        let sent = found.iter().find(|sent| sent["Id"] == *id).unwrap();
        let status = match finding.status {
            Status::Fail | Status::Waived => "FAILED",
            Status::Unknown => "WARNING",
            Status::Pass => "PASSED",
            Status::NotApplicable => "NOT_AVAILABLE",
        };
        assert_eq!(sent["Compliance"]["Status"], status);
        assert_eq!(sent["RecordState"], "ACTIVE");
        assert_eq!(sent["Severity"], sent["FindingProviderFields"]["Severity"]);
        let quiet = matches!(finding.status, Status::Pass | Status::NotApplicable);
        let label = sent["Severity"]["Label"].as_str().unwrap();
        let own = finding.severity.as_str().to_uppercase();
        assert_eq!(label, if quiet { "INFORMATIONAL" } else { &own });
        let suppressed = finding.status == Status::Waived;
        assert_eq!(sent.get("Workflow").is_some(), suppressed);
    }
    let waived = found
        .iter()
        .find(|sent| sent.get("Workflow").is_some())
        .unwrap();
    assert_eq!(waived["Workflow"]["Status"], "SUPPRESSED");
    let note = waived["Note"]["Text"].as_str().unwrap();
    assert!(note.contains("behind the office's network"), "{note}");
}

#[test]
fn what_has_no_region_goes_to_the_partitions_home() {
    let mut report = full();
    report.findings.truncate(2);
    for (finding, partition) in report.findings.iter_mut().zip(["aws", "aws-cn"]) {
        finding.region = Region::global();
        finding.resource.arn = format!("arn:{partition}:iam::222222222222:user/u");
        "iam.user".clone_into(&mut finding.resource.r#type);
    }
    let found = findings(&report);
    let arns: BTreeSet<&str> = found
        .iter()
        .map(|f| f["ProductArn"].as_str().unwrap())
        .collect();
    assert_eq!(
        arns,
        BTreeSet::from([
            "arn:aws-cn:securityhub:cn-north-1:222222222222:product/222222222222/default",
            "arn:aws:securityhub:us-east-1:222222222222:product/222222222222/default",
        ])
    );
    for finding in &found {
        assert_eq!(finding["Resources"][0]["Type"], "AwsIamUser");
        assert_eq!(finding["Resources"][0].get("Region"), None);
    }
}

#[test]
fn what_is_too_long_is_cut_and_no_command_is() {
    let mut report = full();
    report.findings.truncate(1);
    let long = "very long 長い ".repeat(400);
    let finding = &mut report.findings[0];
    finding.message = long.clone();
    finding.title = long.clone();
    finding.risk = long.clone();
    finding.resource.name = long.clone();
    finding.resource.arn = format!("arn:aws:lambda:eu-west-1:222222222222:function:{long}");
    finding.fix.cli = Some(format!("aws lambda {long}"));
    finding.fix.console = None;
    for key in 0..80 {
        finding
            .resource
            .tags
            .insert(format!("{key:03}{long}"), long.clone());
    }
    let found = findings(&report);
    let said = found[0]["Remediation"]["Recommendation"]["Text"]
        .as_str()
        .unwrap();
    assert!(said.starts_with("posture explain "), "{said}");
    assert_eq!(
        found[0]["Resources"][0]["Tags"].as_object().unwrap().len(),
        50
    );
}

#[test]
fn hostile_text_is_data() {
    for (text, report) in hostile_reports() {
        assert_eq!(findings(&report).len(), report.findings.len(), "{text:?}");
    }
}
