//! Waivers: what is accepted until a date stays in sight, and nothing else becomes sound.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Posture, Ran, Server, demo, findings, manifest_dir, read_json, work_dir};

const CHECK: &str = "lambda-function-policy-public";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

fn written(name: &str, text: &str) -> PathBuf {
    let path = work_dir().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn entry(check: &str, resource: &str, expires: &str) -> String {
    format!(
        "  - check: {check}\n    resource: '{resource}'\n    reason: behind a gateway\n    owner: jane\n    \
         ticket: SEC-17\n    expires: {expires}\n"
    )
}

fn evaluate(snapshot: &Path, waivers: &Path, args: &[&str]) -> Ran {
    Posture::new(["evaluate", "--waivers"])
        .args([waivers, snapshot])
        .args(args)
        .run()
}

/// The ARNs on which the check fails in the demo.
fn failing(report: &Value) -> Vec<String> {
    let found = findings(report);
    let failing = found
        .values()
        .filter(|f| f.check == CHECK && f.status == "fail");
    failing.map(|f| f.arn.clone()).collect()
}

#[test]
fn a_waived_finding_stays_in_sight_and_fails_no_build() {
    let Some(demo) = demo() else { return };
    let arns = failing(&demo.report);
    assert_eq!(arns.len(), 2, "{arns:?}");
    let file = written(
        "waivers-live.yaml",
        &format!(
            "waivers:\n{}",
            entry(CHECK, "arn:aws:lambda:*:function:weak-*", "2999-12-31")
        ),
    );
    let narrow = ["--check", CHECK, "--allow-incomplete"];
    let plain = Posture::new(["evaluate"])
        .args([&demo.snapshot])
        .args(narrow)
        .args(["-o", "json"])
        .run()
        .code(1);
    let waived = evaluate(
        &demo.snapshot,
        &file,
        &[&narrow[..], &["-o", "json"]].concat(),
    )
    .code(0);
    let (plain, waived) = (json(&plain.stdout), json(&waived.stdout));

    let after = findings(&waived);
    for (key, before) in findings(&plain) {
        let now = &after[&key];
        let expected = if arns.contains(&before.arn) {
            "waived"
        } else {
            before.status.as_str()
        };
        assert_eq!(now.status, expected);
    }
    let shown = waived["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["status"] == "waived")
        .unwrap();
    assert_eq!(shown["waiver"]["owner"], "jane");
    assert_eq!(shown["waiver"]["ticket"], "SEC-17");
    assert_eq!(shown["waiver"]["expires"], "2999-12-31T23:59:59Z");
    assert_eq!(waived["summary"]["by_status"]["waived"], 2);
    assert_eq!(waived["summary"]["by_severity"]["critical"], 0);
    assert_eq!(waived["waivers"][0]["state"], "live");
    assert_eq!(waived["waivers"][0]["matched"], 2);
    // They count for neither side of the score, so it rests on what passes.
    assert_eq!(waived["scores"]["overall"]["fail"], 0);
    assert_eq!(
        waived["scores"]["overall"]["pass"],
        plain["scores"]["overall"]["pass"]
    );

    let table = evaluate(&demo.snapshot, &file, &narrow).code(0).stdout;
    assert!(
        table.contains("2 waived") && table.contains("2 findings are waived by 1 waiver."),
        "{table}"
    );
    let id = shown["id"].as_str().unwrap();
    let explained = Posture::new(["explain", id, "--snapshot"])
        .args([&demo.snapshot])
        .args([Path::new("--waivers"), &file])
        .run()
        .code(0)
        .stdout;
    assert!(
        explained.contains("WAIVED")
            && explained.contains("SEC-17")
            && explained.contains("behind a gateway"),
        "{explained}"
    );
    // Without the file it fails as ever.
    let explained = Posture::new(["explain", id, "--snapshot"])
        .args([&demo.snapshot])
        .run()
        .code(0)
        .stdout;
    assert!(
        explained.contains("FAIL") && !explained.contains("SEC-17"),
        "{explained}"
    );
}

#[test]
fn what_expired_or_covers_nothing_is_told() {
    let Some(demo) = demo() else { return };
    let arn = &failing(&demo.report)[0];
    let file = written(
        "waivers-old.yaml",
        &format!(
            "waivers:\n{}{}{}",
            entry(CHECK, arn, "2020-01-31"),
            entry(
                CHECK,
                "arn:aws:lambda:us-east-1:805377356735:function:gone",
                "2999-12-31"
            ),
            entry(
                CHECK,
                "arn:aws:lambda:us-east-1:999999999999:function:elsewhere",
                "2999-12-31"
            ),
        ),
    );
    let ran = evaluate(
        &demo.snapshot,
        &file,
        &["--check", CHECK, "--allow-incomplete", "-o", "json"],
    )
    .code(1);
    let report = json(&ran.stdout);
    let states: Vec<(&str, u64)> = report["waivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|waiver| {
            (
                waiver["state"].as_str().unwrap(),
                waiver["matched"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(states, [("expired", 1), ("unused", 0), ("unknown", 0)]);
    assert_eq!(failing(&report).len(), 2, "an expired waiver does nothing");
    let table = evaluate(&demo.snapshot, &file, &["--check", CHECK]).stdout;
    for line in [
        "expired 2020-01-31: 1 fails again",
        "covers nothing",
        "waivers-old.yaml:2",
        "1 more speaks of something",
    ] {
        assert!(table.contains(line), "{line:?} is not in {table}");
    }
}

#[test]
fn a_snapshot_gives_the_same_bytes_whenever_it_is_evaluated() {
    let Some(demo) = demo() else { return };
    // Ends in the past of the test, and in the future of the scan's clock as little as possible.
    let started = demo.report["scan"]["started_at"].as_str().unwrap();
    let file = written(
        "waivers-edge.yaml",
        &format!("waivers:\n{}", entry(CHECK, "*", started)),
    );
    let run = || evaluate(&demo.snapshot, &file, &["-o", "json"]).stdout;
    let first = run();
    assert_eq!(first, run());
    assert_eq!(
        json(&first)["waivers"][0]["state"],
        "live",
        "in force in the second in which the scan began"
    );
}

#[test]
fn the_documents_example_is_accepted() {
    let Some(demo) = demo() else { return };
    let text = std::fs::read_to_string(manifest_dir().join("docs/waivers.md")).unwrap();
    let example = text
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let file = written("waivers-docs.yaml", example);
    let ran = evaluate(&demo.snapshot, &file, &["-o", "json"]);
    assert_eq!(
        json(&ran.stdout)["waivers"].as_array().map(Vec::len),
        Some(4)
    );
}

#[test]
fn only_failures_are_waived() {
    let Some(demo) = demo() else { return };
    let unknown: Vec<String> = findings(&demo.report)
        .values()
        .filter(|f| f.status == "unknown")
        .map(|f| f.check.clone())
        .collect();
    assert!(!unknown.is_empty());
    let entries: Vec<String> = unknown
        .iter()
        .map(|check| entry(check, "*", "2999-12-31"))
        .collect();
    let file = written(
        "waivers-unknown.yaml",
        &format!("waivers:\n{}", entries.concat()),
    );
    let ran = evaluate(&demo.snapshot, &file, &["-o", "json"]).code(3);
    let report = json(&ran.stdout);
    let before = demo.report["summary"]["by_status"]["unknown"].clone();
    assert_eq!(report["summary"]["by_status"]["unknown"], before);
}

#[test]
fn a_scan_takes_waivers_and_refuses_bad_ones_before_it_begins() {
    let Some(server) = Server::moto() else { return };
    let good = written(
        "waivers-scan.yaml",
        &format!(
            "waivers:\n{}",
            entry("s3-bucket-versioning-off", "*", "2999-12-31")
        ),
    );
    let report = work_dir().join("waivers-scan.json");
    let scan = |file: &Path| {
        Posture::new([
            "scan",
            "--region",
            "us-east-1",
            "--service",
            "s3",
            "--waivers",
        ])
        .args([
            file,
            Path::new("--snapshot"),
            &work_dir().join("waivers-scan"),
        ])
        .args([
            "--account",
            server.account("prod"),
            "--role-name",
            "PostureScan",
        ])
        .args([format!("-ojson={}", report.display())])
    };
    scan(&good).against(server).run();
    let waived = read_json(&report);
    assert!(waived["summary"]["by_status"]["waived"].as_u64().unwrap() > 0);
    assert!(
        findings(&waived)
            .values()
            .any(|f| f.check == "s3-bucket-versioning-off" && f.status == "waived")
    );

    // Without credentials: the file is looked at first.
    let bad = written(
        "waivers-bad.yaml",
        "waivers:\n  - check: s3-bucket-versionning-off\n    resource: '*'\n    reason: r\n    owner: o\n    tickets: T\n    expires: 2026-02-30\n",
    );
    let ran = scan(&bad).run().code(2);
    for part in [
        "3 mistakes in the file of waivers",
        ":2:12: there is no check `s3-bucket-versionning-off`\n  |\n2 |   - check: s3-bucket-versionning-off\n  |            ^^^^^^^^^^^^^^^^^^^^^^^^^\n  = help: did you mean `s3-bucket-versioning-off`?",
        ":6:5: unknown key `tickets`",
        "did you mean `ticket`?",
        ":7:14: `expires` is no date",
    ] {
        assert!(
            ran.stderr.contains(part),
            "{part}\nis not in\n{}",
            ran.stderr
        );
    }
    let ran = scan(Path::new("/nonexistent/waivers.yaml")).run().code(2);
    assert!(
        ran.stderr
            .contains("cannot read the waivers in /nonexistent/waivers.yaml"),
        "{}",
        ran.stderr
    );
}
