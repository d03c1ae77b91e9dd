//! A report's findings, keyed so that two reports can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A finding's key: check, account, region and ARN (`*` for a place that could not be listed).
pub(crate) type Key = (String, String, String, String);

/// What the tests look at in a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) status: String,
    pub(crate) severity: String,
    pub(crate) kind: String,
    pub(crate) arn: String,
    pub(crate) message: String,
}

/// The findings of a report. A resource without an ARN of its own is told apart by its id.
pub(crate) fn findings(report: &Value) -> BTreeMap<Key, Finding> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let found = Finding {
                check: text(&finding["check"]),
                account: text(&finding["account"]),
                region: text(&finding["region"]),
                status: text(&finding["status"]),
                severity: text(&finding["severity"]),
                kind: text(&finding["resource"]["type"]),
                arn: text(&finding["resource"]["arn"]),
                message: text(&finding["message"]),
            };
            let key = (
                found.check.clone(),
                found.account.clone(),
                found.region.clone(),
                format!("{} {}", found.arn, text(&finding["resource"]["id"])),
            );
            (key, found)
        })
        .collect()
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
