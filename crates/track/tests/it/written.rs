//! What comparisons and operations look like, and what files survive.

use std::fs;

use posture_report::v1::{Report, Status};
use posture_track::tickets::{
    self, GroupBy, LedgerError, LedgerFile, Planner, Policy, Step, operation_schema,
};
use posture_track::{Compared, Diff, diff, diff_schema};
use serde_json::Value;

use crate::common::{Plan, World};

/// A world before and after: something new, mended, gone, out of sight and waived.
fn two() -> (Report, Report) {
    let mut world = World::default();
    world.exists.extend(0..9);
    world.weak.extend([
        (0, 0, 0),
        (0, 3, 0),
        (1, 1, 0),
        (2, 4, 0),
        (2, 5, 0),
        (4, 6, 0),
        (4, 7, 0),
    ]);
    let old = world.report(&Plan::default());
    world.day = 7;
    // Mended, new, gone, waived; a rule of its own; a region out of sight.
    world.weak.remove(&(0, 0, 0));
    world.weak.insert((0, 1, 0));
    world.exists.remove(&4);
    world.waived.insert((2, 5));
    world.versions.insert(1, 1);
    let plan = Plan {
        blind: vec![(0, 0, 2)],
        accounts: [true, true],
        regions: [true, true],
        unread: vec![(0, 3)],
        ..Plan::default()
    };
    (old, world.report(&plan))
}

fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_comparison_in_all_its_forms() {
    let (old, new) = two();
    let diff = Diff::of(&old, &new).unwrap();
    let options = diff::TableOptions {
        width: 110,
        color: false,
        most: 20,
    };
    insta::assert_snapshot!(
        "diff_table",
        text(|out| diff::render_table(&diff, &options, out))
    );
    insta::assert_snapshot!(
        "diff_markdown",
        text(|out| diff::render_markdown(&diff, 20, out))
    );
    let json = text(|out| diff::render_json(&diff, out));
    let value: Value = serde_json::from_str(&json).unwrap();
    let schema = jsonschema::validator_for(&diff_schema()).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    let kinds: Vec<String> = value["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            format!(
                "{} {} -> {}: {}",
                change["kind"].as_str().unwrap(),
                change["was"].as_str().unwrap(),
                change["now"].as_str().unwrap(),
                change["finding"]["resource"]["name"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!("diff_changes", kinds.join("\n"));
    assert_eq!(value["summary"]["waivers_began"], 1);
}

#[test]
fn an_old_format_proves_nothing() {
    let (mut old, mut new) = two();
    new.head.schema_version = "1.0".to_owned();
    let diff = Diff::of(&old, &new).unwrap();
    assert_eq!((diff.summary().fixed, diff.summary().resource_gone), (0, 0));
    assert!(diff.summary().notes[0].contains("nothing can be called fixed or gone"));
    // A waiver is listed, and needs no proof.
    let policy = Policy {
        on_waived: tickets::OnWaived::Keep,
        ..Policy::default()
    };
    let ledger = Planner::new(&old, &policy).unwrap().ledger().unwrap();
    let mut planner = Planner::new(&new, &policy).unwrap();
    let counts = planner.plan(&ledger, &mut |_| Ok(())).unwrap();
    assert_eq!(counts.close, 0);
    assert!(counts.unproven > 0);
    // As the old one of two, it does not say by which rules it judged.
    new.head.schema_version = "1.1".to_owned();
    old.head.schema_version = "1.0".to_owned();
    old.head.checks.clear();
    let diff = Diff::of(&old, &new).unwrap();
    assert_eq!(
        (
            diff.summary().fixed,
            diff.summary().resource_gone,
            diff.summary().new
        ),
        (0, 1, 1),
        "{:?}",
        diff.summary()
    );
}

#[test]
fn hostile_names_are_inert_in_every_form() {
    let (old, mut new) = two();
    let hostile = "\u{1b}[31m<script>@security #1 | `x` \u{202e}gpj.exe";
    for finding in &mut new.findings {
        finding.resource.name = hostile.to_owned();
        finding.title = hostile.to_owned();
    }
    new.head.scan.accounts[0].name = Some(hostile.to_owned());
    let diff = Diff::of(&old, &new).unwrap();
    let options = diff::TableOptions {
        width: 100,
        color: false,
        most: 20,
    };
    let table = text(|out| diff::render_table(&diff, &options, out));
    let markdown = text(|out| diff::render_markdown(&diff, 20, out));
    let json = text(|out| diff::render_json(&diff, out));
    for shown in [&table, &markdown, &json] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }
    // Outside code nothing is a tag, a link, a mention or a reference.
    for event in pulldown_cmark::Parser::new_ext(&markdown, pulldown_cmark::Options::all()) {
        use pulldown_cmark::{Event, Tag};
        match event {
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                panic!("{event:?} in {markdown}")
            }
            Event::Text(text) => assert!(
                !text.contains("@security") && !text.contains("#1"),
                "{text}"
            ),
            _ => {}
        }
    }
    let policy = Policy::default();
    let lines = lines(&new, &policy);
    assert!(!lines.is_empty());
    for line in lines {
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(!value["title"].as_str().unwrap().contains('\u{202e}'));
    }
}

fn lines(report: &Report, policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    let mut planner = Planner::new(report, policy).unwrap();
    let ledger = tickets::Ledger::new(policy.group_by);
    planner
        .plan(&ledger, &mut |step| {
            if let Step::Do(operation) = step {
                lines.push(text(|out| tickets::write_line(operation, out)));
            }
            Ok(())
        })
        .unwrap();
    lines
}

#[test]
fn operations_fit_their_schema() {
    let (old, new) = two();
    let schema = jsonschema::validator_for(&operation_schema()).unwrap();
    for group_by in [GroupBy::Finding, GroupBy::Check, GroupBy::Resource] {
        let policy = Policy {
            group_by,
            ..Policy::default()
        };
        let ledger = Planner::new(&old, &policy).unwrap().ledger().unwrap();
        let mut planner = Planner::new(&new, &policy).unwrap();
        let mut kinds = Vec::new();
        planner
            .plan(&ledger, &mut |step| {
                if let Step::Do(operation) = step {
                    let line = text(|out| tickets::write_line(operation, out));
                    assert_eq!(line.matches('\n').count(), 1);
                    let value: Value = serde_json::from_str(&line).unwrap();
                    let wrong: Vec<String> =
                        schema.iter_errors(&value).map(|e| e.to_string()).collect();
                    assert_eq!(wrong, Vec::<String>::new());
                    kinds.push(format!("{} {}", operation.kind, operation.after.title));
                }
                Ok(())
            })
            .unwrap();
        insta::assert_snapshot!(format!("operations_by_{group_by}"), kinds.join("\n"));
    }
}

#[test]
fn dates_are_carried_from_report_to_report() {
    let (old, new) = two();
    let compared = Compared::of(&old, &new).unwrap();
    let mut dated = new.clone();
    dated.findings.clear();
    let day = |finding: &posture_report::v1::Finding| finding.first_seen.map(|day| day.to_string());
    {
        use posture_report::Source;
        compared
            .dated(&new)
            .each(&mut |finding| {
                dated.findings.push(finding.clone());
                Ok(())
            })
            .unwrap();
    }
    let of = |check: &str, name: &str, status: Status| {
        let found = dated
            .findings
            .iter()
            .find(|f| f.check.as_str() == check && f.resource.name == name && f.status == status);
        day(found.unwrap_or_else(|| panic!("no {check} {name}")))
    };
    let (then, now) = (
        Some("2026-11-01T00:00:00Z".to_owned()),
        Some("2026-11-08T00:00:00Z".to_owned()),
    );
    assert_eq!(of("lambda-function-open", "beta", Status::Fail), now);
    assert_eq!(of("s3-bucket-open", "data", Status::Waived), then);
    // It failed then, and cannot be read now: the day is not forgotten.
    assert_eq!(of("lambda-function-open", "alpha", Status::Unknown), then);
    let record = compared.record();
    assert_eq!((record.scan.as_str(), record.new.high), ("scan-0", 1));
    // The day is carried over the scan that could not read it.
    let mut world = World::default();
    world.exists.extend(0..9);
    world.weak.insert((0, 3, 0));
    world.day = 14;
    let later = world.report(&Plan::default());
    let again = Compared::of(&dated, &later).unwrap();
    let mut seen = None;
    {
        use posture_report::Source;
        again
            .dated(&later)
            .each(&mut |finding| {
                seen = day(finding);
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(seen, then);
}

#[test]
fn a_ledger_is_never_cut_or_guessed_at() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.jsonl");
    let open = || LedgerFile::open(&path, GroupBy::Finding, None);
    let (old, _) = two();
    let told = Planner::new(&old, &Policy::default())
        .unwrap()
        .ledger()
        .unwrap();
    let entries: Vec<_> = told.entries.values().cloned().collect();
    {
        let mut file = open().unwrap();
        for entry in &entries {
            file.put(entry.clone()).unwrap();
        }
        // Another run at the same time.
        assert!(matches!(open(), Err(LedgerError::Locked { .. })));
        assert!(LedgerFile::look(&path, GroupBy::Finding, None).is_ok());
    }
    let whole = fs::read_to_string(&path).unwrap();
    assert_eq!(open().unwrap().ledger(), &told);
    // Wherever a process is killed, what was whole is read, and what follows is written behind it.
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for end in [last, last + 1, last + 20, whole.len() - 2] {
        fs::write(&path, &whole[..end]).unwrap();
        let mut file = open().unwrap();
        assert_eq!(file.ledger().entries.len(), entries.len() - 1, "{end}");
        file.put(entries[entries.len() - 1].clone()).unwrap();
        drop(file);
        assert_eq!(open().unwrap().ledger(), &told);
    }
    // What is damaged otherwise is no ledger to go on from.
    for (wrong, says) in [
        ("", "it is empty"),
        ("{}\n", "no ledger"),
        ("{\"posture_ledger\":9}\n", "newer posture"),
        (
            "{\"posture_ledger\":1,\"group_by\":\"check\",\"sink\":null}\n",
            "by check",
        ),
        (
            "{\"posture_ledger\":1,\"group_by\":\"finding\",\"sink\":\"github:a/b\"}\n",
            "github:a/b",
        ),
    ] {
        fs::write(&path, wrong).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains(says), "{wrong:?}: {error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), wrong);
    }
    let header = whole.lines().next().unwrap();
    fs::write(
        &path,
        format!("{header}\nnonsense\n{}\n", whole.lines().nth(1).unwrap()),
    )
    .unwrap();
    assert!(open().unwrap_err().to_string().contains("line 2"));
}
