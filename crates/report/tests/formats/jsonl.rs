//! JSON Lines.

use posture_report::Format;
use serde_json::Value;

use crate::{empty, full, hostile_reports, rendered};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_line_is_a_finding_and_stands_for_itself() {
    let report = full();
    let text = rendered(Format::Jsonl, &report);
    let lines = lines(&text);
    assert_eq!(lines.len(), report.findings.len());
    for (line, finding) in lines.iter().zip(&report.findings) {
        let mut line = line.as_object().unwrap().clone();
        assert_eq!(line.shift_remove("scan_id").unwrap(), "0b9c7c3e5f");
        assert_eq!(
            line.shift_remove("started_at").unwrap(),
            "2026-01-31T12:00:00Z"
        );
        assert_eq!(line.shift_remove("schema_version").unwrap(), "1.1");
        assert_eq!(line.shift_remove("complete").unwrap(), false);
        let name = report.head.account_name(&finding.account);
        assert_eq!(
            line.shift_remove("account_name").unwrap(),
            serde_json::json!(name)
        );
        // What is left is the finding as the JSON report has it.
        assert_eq!(Value::Object(line), serde_json::to_value(finding).unwrap());
    }
    assert_eq!(rendered(Format::Jsonl, &empty()), "");
}

#[test]
fn hostile_text_stays_within_its_line_and_comes_back_whole() {
    for (text, report) in hostile_reports() {
        let lines = lines(&rendered(Format::Jsonl, &report));
        assert_eq!(lines.len(), report.findings.len(), "{text:?}");
        assert_eq!(lines[0]["resource"]["name"], *text);
        assert_eq!(lines[0]["resource"]["tags"][text], *text);
    }
}
