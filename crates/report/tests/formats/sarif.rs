//! SARIF 2.1.0, against the schema of OASIS.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use posture_report::v1::{Report, Status};
use posture_report::{Format, Source};
use serde_json::Value;

use crate::{compared, empty, full, hostile_reports, rendered};

const SCHEMA: &str = include_str!("../fixtures/sarif-schema-2.1.0.json");

fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| crate::validator(SCHEMA));
    &VALIDATOR
}

fn run(source: &dyn Source) -> Value {
    let log: Value = serde_json::from_str(&rendered(Format::Sarif, source)).unwrap();
    let errors: Vec<String> = validator()
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    log["runs"][0].clone()
}

fn results(run: &Value) -> &[Value] {
    run["results"].as_array().unwrap()
}

#[test]
fn the_schema_is_followed() {
    for report in [full(), compared(full()), empty()] {
        run(&report);
    }
    // The validator would say if it were not.
    let mut log: Value = serde_json::from_str(&rendered(Format::Sarif, &full())).unwrap();
    log["runs"][0]["results"][0]["kind"] = "weak".into();
    assert!(!validator().is_valid(&log));
}

#[test]
fn verdicts_are_kinds_and_severities_levels() {
    let report = full();
    let run = run(&report);
    assert_eq!(results(&run).len(), report.findings.len());
    for (result, finding) in results(&run).iter().zip(&report.findings) {
        let kind = match finding.status {
            Status::Fail | Status::Waived => "fail",
            Status::Unknown => "open",
            Status::Pass => "pass",
            Status::NotApplicable => "notApplicable",
        };
        assert_eq!(result["kind"], kind);
        // The standard: whatever is no failure has no level.
        assert_eq!(result["level"] == "none", kind != "fail");
        let suppressed = result.get("suppressions").is_some();
        assert_eq!(suppressed, finding.status == Status::Waived);
        for prints in ["fingerprints", "partialFingerprints"] {
            assert_eq!(result[prints]["postureFindingId/v1"], finding.id.as_str());
        }
        let location = &result["locations"][0];
        let logical = &location["logicalLocations"][0];
        assert_eq!(logical["fullyQualifiedName"], finding.resource.arn);
        assert!(location["physicalLocation"]["artifactLocation"]["uri"].is_string());
    }
    let waived = &results(&run).last().unwrap()["suppressions"][0];
    assert_eq!(waived["status"], "accepted");
    assert_eq!(waived["justification"], "behind the office's network");
}

#[test]
fn results_point_at_their_rules() {
    let report = full();
    let run = run(&report);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), rules.len());
    assert_eq!(rules.len(), report.head.checks.len());
    for result in results(&run) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    for rule in rules {
        // What code scanning reads.
        let severity: f64 = rule["properties"]["security-severity"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((0.0..=10.0).contains(&severity));
        let tags = rule["properties"]["tags"].as_array().unwrap();
        assert!(tags.contains(&"security".into()) && tags.len() <= 20);
        assert!(rule["help"]["text"].is_string() && rule["help"]["markdown"].is_string());
    }
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "lambda-function-url-unauthenticated")
        .unwrap();
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    assert_eq!(rule["properties"]["precision"], "very-high");
    assert_eq!(
        rule["helpUri"],
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    );
    let tags = rule["properties"]["tags"].as_array().unwrap();
    for tag in [
        "lambda",
        "owasp-serverless/S2",
        "well-architected/SEC03-BP07",
        "practice/FN-01",
    ] {
        assert!(tags.contains(&tag.into()), "{tags:?}");
    }
}

#[test]
fn a_rule_tells_nothing_of_one_resource() {
    // The check's risk names the resource: that is a matter of each result.
    let run = run(&full());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "lambda-function-url-unauthenticated")
        .unwrap();
    assert!(!rule.to_string().contains("checkout-webhook"), "{rule}");
    assert_eq!(
        rule["fullDescription"]["text"],
        "Lambda function URL accepts unauthenticated requests"
    );
}

#[test]
fn a_scan_that_could_not_read_everything_was_not_successful() {
    let incomplete = run(&full());
    let invocation = &incomplete["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    let said: Vec<&str> = notifications
        .iter()
        .map(|notification| notification["message"]["text"].as_str().unwrap())
        .collect();
    assert!(
        said.iter()
            .any(|text| text.starts_with("lambda:GetPolicy: access denied in ")),
        "{said:?}"
    );
    let mut report: Report = empty();
    report.head.summary.complete = true;
    assert_eq!(run(&report)["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn a_baseline_tells_new_from_known() {
    let run = run(&compared(full()));
    let state = |index: usize| results(&run)[index]["baselineState"].as_str();
    assert_eq!(state(0), Some("unchanged"));
    assert_eq!(state(1), Some("new"));
    let unknown = results(&run)
        .iter()
        .find(|result| result["kind"] == "open")
        .unwrap();
    assert_eq!(unknown.get("baselineState"), None);
    // Without an earlier report nothing is said.
    let run = self::run(&full());
    assert!(
        results(&run)
            .iter()
            .all(|result| result.get("baselineState").is_none())
    );
}

#[test]
fn hostile_text_is_data() {
    for (text, report) in hostile_reports() {
        let run = run(&report);
        assert_eq!(results(&run).len(), report.findings.len(), "{text:?}");
        let location = &results(&run)[0]["locations"][0];
        let uri = location["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
        assert!(uri.chars().all(plain), "{uri}");
        assert_eq!(uri.split('/').count(), 4, "{uri}");
        assert!(uri.split('/').all(|step| step != ".."), "{uri}");
        for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
            crate::markdown::assert_inert(rule["help"]["markdown"].as_str().unwrap(), text);
            if let Some(uri) = rule["helpUri"].as_str() {
                assert!(uri.starts_with("https://"), "{uri}");
            }
        }
    }
}
