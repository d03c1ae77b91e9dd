//! `posture report`: a stored report or a snapshot in another form, without AWS.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Posture, demo, read_json, work_dir};

fn report(from: &Path) -> Posture {
    Posture::new([Path::new("report"), from])
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_stored_report_is_rendered_again_as_it_was() {
    let Some(demo) = demo() else { return };
    // Byte for byte, from a file and from a pipe, and without evaluating anything.
    let bytes = std::fs::read_to_string(&demo.report_path).unwrap();
    let again = report(&demo.report_path).args(["-o", "json"]).run().code(0);
    assert_eq!(again.stdout, bytes);
    let copy = work_dir().join("piped.json");
    Posture::through(shell(&demo.report_path), ["report", "-", "-o"])
        .args([format!("json={}", copy.display())])
        .run()
        .code(0);
    assert_eq!(std::fs::read_to_string(copy).unwrap(), bytes);
    let table = report(&demo.report_path).run().code(0);
    assert!(table.stdout.contains("Do this first"));
}

/// `cat FILE | "$@"`.
fn shell(path: &Path) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "cat \"$0\" | \"$@\""]).arg(path);
    shell
}

#[test]
fn a_snapshot_and_its_report_give_the_same() {
    let Some(demo) = demo() else { return };
    for format in [
        "json", "jsonl", "csv", "markdown", "junit", "sarif", "ocsf", "asff",
    ] {
        let stored = report(&demo.report_path).args(["-o", format]).run().code(0);
        let judged = report(&demo.snapshot).args(["-o", format]).run().code(0);
        assert!(stored.stdout == judged.stdout, "{format}");
        assert!(!stored.stdout.is_empty(), "{format}");
        assert_eq!(stored.stderr, "", "{format}");
    }
}

#[test]
fn every_form_holds_every_finding() {
    let Some(demo) = demo() else { return };
    let directory = work_dir().join("forms");
    std::fs::create_dir(&directory).unwrap();
    let path = |name: &str| directory.join(name);
    let mut run = report(&demo.report_path);
    for format in ["jsonl", "csv", "md", "junit", "sarif", "ocsf", "asff"] {
        run = run.args([
            "-o".to_owned(),
            format!("{format}={}", path(format).display()),
        ]);
    }
    run.run().code(0);
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let ids: Vec<&str> = demo.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert!(ids.len() > 300);
    let of = |values: Vec<Value>, pointer: &str| -> Vec<String> {
        let texts = values
            .iter()
            .map(|value| value.pointer(pointer).unwrap().as_str().unwrap());
        texts.map(str::to_owned).collect()
    };
    assert_eq!(of(lines(&read("jsonl")), "/id"), ids);
    assert_eq!(of(lines(&read("ocsf")), "/finding_info/uid"), ids);
    let sarif: Value = serde_json::from_str(&read("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap().clone();
    assert_eq!(of(results, "/fingerprints/postureFindingId~1v1"), ids);
    let requests = lines(&read("asff"));
    let sent: usize = requests
        .iter()
        .map(|r| r["Findings"].as_array().unwrap().len())
        .sum();
    assert_eq!(sent, ids.len());
    assert_eq!(read("junit").matches("<testcase ").count(), ids.len() + 1);
    assert_eq!(read("csv").matches("\r\n").count(), ids.len() + 1);
    assert!(read("md").len() <= 65_536);
}

#[test]
fn findings_are_selected_and_what_is_left_out_is_not_claimed() {
    let Some(demo) = demo() else { return };
    let path = work_dir().join("narrow.json");
    report(&demo.report_path)
        .args(["--severity", "critical", "--status", "fail", "-o"])
        .args([format!("json={}", path.display())])
        .run()
        .code(0);
    let narrow = read_json(&path);
    assert_eq!(narrow["scan"]["statuses"], serde_json::json!(["fail"]));
    let checks = narrow["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["severity"] == "critical"));
    let findings = narrow["findings"].as_array().unwrap();
    assert_eq!(
        findings.len() as u64,
        demo.report["summary"]["by_severity"]["critical"]
            .as_u64()
            .unwrap()
    );
    assert_eq!(narrow["summary"]["by_severity"]["high"], 0);

    let check = findings[0]["check"].as_str().unwrap();
    let one = report(&demo.report_path)
        .args(["--check", check, "-o", "jsonl"])
        .run()
        .code(0);
    let one = lines(&one.stdout);
    assert!(!one.is_empty());
    assert!(one.iter().all(|finding| finding["check"] == check));
}

#[test]
fn what_a_stored_report_cannot_show_is_refused() {
    let Some(demo) = demo() else { return };
    let from = &demo.report_path;
    for (args, says) in [
        (
            &["--status", "pass"][..],
            "does not list pass verdicts, only fail, unknown",
        ),
        (&["--status", "all"], "does not list pass verdicts"),
        (&["--practice", "FN-01"], "--practice needs a snapshot"),
        (
            &["--check", "s3-bucket-pubic-policy"],
            "did you mean \"s3-bucket-public-policy\"?",
        ),
        (&["-o", "pdf"], "is no report format"),
        (&["--dry-run"], "--dry-run goes with --to"),
        (&["--profile", "x"], "--profile goes with --to"),
        (
            &["-o", "csv", "-o", "jsonl"],
            "two reports cannot share stdout",
        ),
    ] {
        let ran = report(from).args(args).run().code(2);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    // A snapshot has them all.
    let passes = report(&demo.snapshot)
        .args(["--status", "pass", "-o", "jsonl"])
        .run()
        .code(0);
    let expected = demo.report["summary"]["by_status"]["pass"]
        .as_u64()
        .unwrap();
    assert_eq!(lines(&passes.stdout).len() as u64, expected);
}

#[test]
fn what_is_no_report_is_said() {
    let directory = work_dir().join("no-report");
    std::fs::create_dir(&directory).unwrap();
    let file = |name: &str, content: &str| -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    for (from, says) in [
        (directory.join("nothing.json"), "No such file"),
        (file("other.json", "{}"), "no `schema_version`"),
        (
            file("newer.json", r#"{"schema_version": "2.0"}"#),
            "this build reads 1.x",
        ),
        (
            file("cut.json", r#"{"schema_version": "1.1", "findings": ["#),
            "damaged",
        ),
        (file("text.json", "hello"), "damaged"),
    ] {
        let ran = report(&from).run().code(2);
        assert!(
            ran.stderr.contains(says),
            "{}: {}",
            from.display(),
            ran.stderr
        );
        assert!(ran.stderr.contains("help: name a report"), "{}", ran.stderr);
    }
    let ran = report(&directory).run();
    assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let Some(demo) = demo() else { return };
    for format in ["json", "jsonl", "csv", "junit", "sarif", "ocsf", "asff"] {
        let mut shell = std::process::Command::new("bash");
        shell.args([
            "-c",
            "set -o pipefail; \"$@\" | head -c 100 > /dev/null",
            "bash",
        ]);
        let ran = Posture::through(
            shell,
            ["report".into(), demo.report_path.clone().into_os_string()],
        )
        .args(["-o", format])
        .run()
        .code(0);
        assert_eq!(ran.stderr, "", "{format}");
    }
}
