//! What an organization wants otherwise about checks.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

use std::path::PathBuf;
use std::sync::LazyLock;

use posture_catalog::document::Source;
use posture_catalog::{Catalog, Overrides, Severity, Status, run_cases};
use serde_json::json;

const LONG: &str = r#"id: long
title: Function runs long
severity: high
confidence: high
resource: lambda.function
practices: [FN-09]
params: {max_seconds: 60, names: [a, b], share: 0.5}
pass: resource.timeout <= params.max_seconds && !(resource.name in params.names) && params.share < 1.0
risk: It costs.
fix: {console: Look.}
references: [https://docs.aws.amazon.com/lambda/]
cases:
  - {name: short, expect: pass, resource: {timeout: 3, name: x}}
  - {name: long, expect: fail, resource: {timeout: 900, name: x}}
"#;

fn catalog() -> Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        let other = LONG.replace("id: long", "id: other");
        for (name, text) in [("long", LONG), ("other", &other)] {
            std::fs::write(directory.path().join(format!("{name}.yaml")), text).unwrap();
        }
        Catalog::load_only(&[PathBuf::from(directory.path())]).unwrap()
    });
    CATALOG.clone()
}

/// The tree is what matters, not the language that it is written in.
fn overrides(text: &str) -> Overrides {
    let (source, tree) = Source::parse("posture.toml", text);
    Overrides::new(source, tree.unwrap())
}

fn with(text: &str) -> Result<Catalog, String> {
    catalog()
        .with_overrides(&overrides(text))
        .map_err(|mistakes| {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            all.join("\n\n")
        })
}

#[test]
fn text_and_severity_change_what_is_said_and_not_what_is_judged() {
    let before = catalog();
    let text =
        "long: {severity: low, title: Function runs, references: ['https://wiki.example.com/x']}";
    let after = with(text).unwrap();
    let (old, new) = (before.find("long").unwrap(), after.find("long").unwrap());
    assert_eq!(new.meta.severity, Severity::Low);
    assert_eq!(new.meta.title, "Function runs");
    assert_eq!(new.meta.references, ["https://wiki.example.com/x"]);
    assert_eq!(old.meta.rule_digest(), new.meta.rule_digest());
    // The catalogue says something else all the same.
    assert_ne!(before.digest(), after.digest());
    assert_eq!(
        before.find("other").unwrap().meta,
        after.find("other").unwrap().meta
    );
    assert_eq!(with("{}").unwrap().digest(), before.digest());
}

#[test]
fn a_threshold_changes_the_verdict_and_the_rule() {
    let verdicts = |catalog: &Catalog| -> Vec<Option<String>> {
        let check = catalog.find("long").unwrap();
        run_cases(check)
            .into_iter()
            .map(|case| case.problem)
            .collect()
    };
    assert!(verdicts(&catalog()).iter().all(Option::is_none));
    let after = with("long: {params: {max_seconds: 900}}").unwrap();
    let problems = verdicts(&after);
    assert!(problems[0].is_none());
    assert!(
        problems[1]
            .as_ref()
            .unwrap()
            .contains(Status::Pass.as_str())
    );
    let (old, new) = (catalog(), after);
    let (old, new) = (old.find("long").unwrap(), new.find("long").unwrap());
    assert_eq!(new.meta.params["max_seconds"], json!(900));
    assert_eq!(new.meta.params["names"], json!(["a", "b"]));
    assert_ne!(old.meta.rule_digest(), new.meta.rule_digest());
    // A whole number where any number goes; lists of the same kind, an empty one too.
    let after = with("long: {params: {share: 1, names: []}}").unwrap();
    assert_eq!(after.find("long").unwrap().meta.params["share"], json!(1.0));
    assert!(verdicts(&after)[0].is_some(), "1.0 is not below 1.0");
    let after = with("long: {params: {names: [x]}}").unwrap();
    assert!(verdicts(&after)[0].is_some(), "x is one of the names");
}

#[test]
fn a_check_that_is_switched_off_is_known_and_not_run() {
    let after = with("other: {enabled: true}\nlong: {enabled: false, severity: low}").unwrap();
    assert!(after.find("long").is_none());
    assert_eq!(after.checks().len(), 1);
    let (check, place) = after.find_any("long").unwrap();
    assert_eq!(
        (check.meta.severity, place),
        (Severity::Low, Some("posture.toml:2"))
    );
    assert_eq!(after.find_any("other").unwrap().1, None);
    assert_eq!(after.disabled().len(), 1);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, expected) in [
        (
            "lnog: {severity: low}",
            &[
                "posture.toml:1:1: there is no check `lnog`\n  |\n1 | lnog: {severity: low}\n  | ^^^^\n  = help: did you mean `long`?",
            ][..],
        ),
        (
            "long: {severity: hihg}",
            &["1:18: `hihg` is no severity", "did you mean `high`?"],
        ),
        (
            "long: {severty: low}",
            &["1:8: unknown key `severty`", "did you mean `severity`?"],
        ),
        (
            "long: {params: {max_second: 1}}",
            &[
                "1:17: `long` has no parameter `max_second`",
                "did you mean `max_seconds`?",
            ],
        ),
        (
            "long: {params: {max_seconds: '1', names: [1], share: x}}",
            &[
                "1:30: `max_seconds` is of type int, such as 60",
                "1:42: `names` is of type list of string",
                "`share` is of type double",
            ],
        ),
        (
            "long: {params: {max_seconds: 1.5}}",
            &["`max_seconds` is of type int"],
        ),
        (
            "long: {title: It ends.}",
            &["1:15: a title has no full stop at its end"],
        ),
        (
            "long: {references: ['http://x']}",
            &["1:21: a reference is an https:// address"],
        ),
        (
            "long: {enabled: 'no'}",
            &["1:17: `enabled` must be true or false"],
        ),
        ("long: 1", &["1:7: what is to be changed must be a mapping"]),
        ("[]", &["1:1: `overrides` must be a table"]),
    ] {
        let said = with(text).expect_err(text);
        for part in expected {
            assert!(said.contains(part), "{part}\nis not in\n{said}");
        }
    }
}
