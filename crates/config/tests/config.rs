//! The configuration file: what it can say, and what is said about mistakes in it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

use std::collections::BTreeSet;
use std::path::Path;

use posture_config::{Config, Keep, Words, schema};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("example.toml");
const WORDS: Words<'_> = Words {
    services: &["ec2", "iam", "lambda", "s3"],
    formats: &["table", "json"],
};

fn read(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("etc/posture.toml"), text, WORDS).map_err(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        all.join("\n\n")
    })
}

#[test]
fn everything_that_it_can_say_is_read() {
    let config = read(EXAMPLE).unwrap();
    // Relative paths are those of the file's directory.
    let outputs = config.outputs.unwrap();
    assert_eq!(outputs.value, ["table", "json=etc/reports/report.json"]);
    assert_eq!(outputs.line, 2);
    assert_eq!(config.waivers.unwrap().value, Path::new("etc/waivers.yaml"));
    let checks = config.checks.unwrap().value;
    assert_eq!(
        checks,
        [Path::new("etc/checks"), Path::new("/etc/posture/checks")]
    );
    assert_eq!(config.fail_on.unwrap().value, "medium");
    assert_eq!(config.scope.accounts.unwrap().value.len(), 2);
    assert_eq!(config.scope.max_attempts.unwrap().value, 6);
    assert!(config.overrides.is_some());
    let due = config.tickets.due_days;
    assert_eq!(
        (due.critical.unwrap().value, due.info.unwrap().value),
        (Some(3), None)
    );
    let keep = Keep {
        runs: Some(30),
        days: Some(90),
    };
    assert_eq!(config.schedule.keep.unwrap().value, keep);
    assert_eq!(
        config.schedule.output_dir.unwrap().value,
        Path::new("etc/runs")
    );
    assert_eq!(config.schedule.webhook.format.unwrap().value, "slack");
    // Nothing is required.
    let empty = read("# nothing\n").unwrap();
    assert!(empty.outputs.is_none() && empty.scope.regions.is_none());
    assert_eq!(
        read("schedule.keep = 7")
            .unwrap()
            .schedule
            .keep
            .unwrap()
            .value
            .runs,
        Some(7)
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, expected) in [
        (
            "fail_no = \"high\"\n",
            &[
                "etc/posture.toml:1:1: unknown key `fail_no`\n  |\n1 | fail_no = \"high\"\n  | ^^^^^^^\n  = help: did you mean `fail_on`?",
            ][..],
        ),
        (
            "\nfail_on = \"hihg\"\n",
            &[
                "etc/posture.toml:2:11: there is no severity `hihg`\n  |\n2 | fail_on = \"hihg\"\n  |           ^^^^^^\n  = help: did you mean `high`?",
            ],
        ),
        (
            "[scope]\nregoins = []\n",
            &[
                "etc/posture.toml:2:1: unknown key `regoins`",
                "did you mean `regions`?",
            ],
        ),
        (
            "[scope]\nservices = [\"s3\", \"lamda\"]\n",
            &[
                "etc/posture.toml:2:19: there is no service `lamda`",
                "did you mean `lambda`?",
            ],
        ),
        (
            "[scope]\naccounts = [111122223333, \"12\"]\n",
            &[
                "2:13: each of `accounts` must be text",
                "2:27: \"12\" is not a 12-digit account id",
            ],
        ),
        (
            "[scope]\norganization = \"yes\"\nmax_attempts = 0\ncall_timeout = -1",
            &[
                "2:16: `organization` must be true or false",
                "3:16: `max_attempts` must be a whole number from 1 to 20",
                "4:16: `call_timeout` must be a whole number from 0",
            ],
        ),
        ("scope = 1\n", &["1:9: `scope` must be a table"]),
        ("outputs = \"table\"\n", &["1:11: `outputs` must be a list"]),
        (
            "outputs = [\"tabel\", \"jsn=x\"]\n",
            &[
                "1:12: there is no report format `tabel`",
                "1:21: there is no report format `jsn`",
            ],
        ),
        (
            "status = [\"failed\"]\n",
            &["there is no status `failed`", "did you mean `fail`?"],
        ),
        (
            "[schedule]\nkeep = \"often\"\n",
            &[
                "2:8: \"often\" is not what to keep: a number of runs (30), of days (90d), or both (30,90d)",
            ],
        ),
        (
            "[tickets.due_days]\nhigh = \"soon\"\n",
            &["2:8: `high` must be a number of days up to 3650, or \"none\""],
        ),
        ("waivers = true\n", &["1:11: `waivers` must be text"]),
        ("a = 1\na = 2\n", &["etc/posture.toml:2:1: duplicate key"]),
        ("fail_on = \"high\n", &["etc/posture.toml:1:"]),
        // Columns count characters.
        (
            "title = 'ä'\nwaivers = [ 'ü', 1 ] # ö",
            &[
                "2:11: `waivers` must be text\n  |\n2 | waivers = [ 'ü', 1 ] # ö\n  |           ^^^^^^^^^^",
            ],
        ),
    ] {
        let said = read(text).expect_err(text);
        for part in expected {
            assert!(said.contains(part), "{part}\nis not in\n{said}");
        }
    }
}

#[test]
fn a_secret_address_is_refused_and_not_repeated() {
    for url in [
        "https://hooks.slack.com/services/T0/B0/SECRET",
        "https://discord.com/api/webhooks/1/SECRET",
        "https://alerts.example.com/x?token=SECRET",
        "https://me:SECRET@alerts.example.com/x",
    ] {
        for key in ["url", "ulr"] {
            let said = read(&format!("[schedule.webhook]\n{key} = \"{url}\"\n")).unwrap_err();
            assert!(!said.contains("SECRET"), "{said}");
            assert!(said.contains("posture.toml:2:"), "{said}");
        }
    }
}

#[test]
fn what_is_in_a_bucket_stays_there() {
    let text = "snapshot = \"s3://bucket/prefix\"\noutputs = [\"json=s3://bucket/report.json\"]\n";
    let config = read(text).unwrap();
    assert_eq!(
        config.snapshot.unwrap().value,
        Path::new("s3://bucket/prefix")
    );
    assert_eq!(
        config.outputs.unwrap().value,
        ["json=s3://bucket/report.json"]
    );
}

/// The tables of the schema, by their path.
fn tables(schema: &Value) -> Vec<(Vec<String>, Value)> {
    fn walk(root: &Value, at: &Value, path: Vec<String>, found: &mut Vec<(Vec<String>, Value)>) {
        let at = match at["$ref"].as_str() {
            Some(name) => &root["$defs"][name.rsplit('/').next().unwrap()],
            None => at,
        };
        let Some(properties) = at["properties"].as_object() else {
            return;
        };
        for (name, property) in properties {
            let below = [path.clone(), vec![name.clone()]].concat();
            walk(root, property, below, found);
        }
        found.push((path, at.clone()));
    }
    let mut found = Vec::new();
    walk(schema, schema, Vec::new(), &mut found);
    found
}

/// A hand-written reader and a schema: neither may know a key that the other does not.
#[test]
fn the_schema_and_the_reader_agree() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let example: Value = as_json(EXAMPLE);
    let errors: Vec<String> = validator
        .iter_errors(&example)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let tables = tables(&schema);
    assert_eq!(tables.len(), 8);
    for (path, table) in tables {
        assert_eq!(table["additionalProperties"], json!(false), "{path:?}");
        let known: BTreeSet<&str> = table["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let header = if path.is_empty() {
            String::new()
        } else {
            format!("[{}]\n", path.join("."))
        };
        // Nothing is like this key, so the help lists all that the reader knows.
        let said = read(&format!("{header}qqqqqqqq = 1\n")).unwrap_err();
        let listed = said.split("there is: ").nth(1).unwrap();
        assert_eq!(
            listed.split(", ").collect::<BTreeSet<_>>(),
            known,
            "{path:?}"
        );
        // And the example has all of them.
        let shown = path.iter().fold(&example, |at, name| &at[name]);
        let shown: BTreeSet<&str> = shown
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(shown, known, "{path:?}");
    }
    for (wrong, right) in [
        (r#"{"fail_on": "hihg"}"#, r#"{"fail_on": "none"}"#),
        (
            r#"{"schedule": {"keep": "often"}}"#,
            r#"{"schedule": {"keep": 7}}"#,
        ),
        (
            r#"{"overrides": {"x": {"severty": "low"}}}"#,
            r#"{"overrides": {"x": {"severity": "low"}}}"#,
        ),
        (
            r#"{"tickets": {"due_days": {"low": null}}}"#,
            r#"{"tickets": {"due_days": {"low": "none"}}}"#,
        ),
    ] {
        assert!(
            !validator.is_valid(&serde_json::from_str(wrong).unwrap()),
            "{wrong}"
        );
        assert!(
            validator.is_valid(&serde_json::from_str(right).unwrap()),
            "{right}"
        );
    }
}

fn as_json(text: &str) -> Value {
    fn of(value: &toml::de::DeValue<'_>) -> Value {
        use toml::de::DeValue;
        match value {
            DeValue::String(text) => json!(text),
            DeValue::Integer(number) => json!(number.as_str().parse::<i64>().unwrap()),
            DeValue::Boolean(value) => json!(value),
            DeValue::Array(items) => items.iter().map(|item| of(item.get_ref())).collect(),
            DeValue::Table(table) => {
                let entries = table.iter();
                entries
                    .map(|(key, value)| (key.get_ref().to_string(), of(value.get_ref())))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            other => panic!("{other:?} is not in the example"),
        }
    }
    let table = toml::de::DeTable::parse(text).unwrap();
    of(&toml::de::DeValue::Table(table.into_inner()))
}
