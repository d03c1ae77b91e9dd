//! Where permissions are missing: what was not read is unknown, and nothing else changes.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Posture, Ran, Server, findings, read_json, work_dir};

/// Scans as a user of the seed and gives the report with every verdict.
fn scan(server: &Server, user: &str, name: &str, args: &[&str]) -> (Ran, PathBuf) {
    let report = work_dir().join(format!("denied-{name}.json"));
    let ran = Posture::new(["scan", "--region", "us-east-1", "--status", "all"])
        .args(args)
        .args(["-o".to_owned(), format!("json={}", report.display())])
        .args([
            "--snapshot".into(),
            work_dir().join(format!("denied-{name}")),
        ])
        .with_credentials_of(server, user)
        .run();
    (ran, report)
}

fn coverage<'a>(report: &'a Value, operation: &str) -> Vec<&'a Value> {
    report["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["operation"] == operation)
        .collect()
}

#[test]
fn a_blind_role_turns_verdicts_into_unknown_and_nothing_else() {
    let Some(server) = Server::enforcing() else {
        return;
    };
    let prod = server.account("prod");
    let run = |role: &str| {
        let services = "s3,lambda,kms,ec2,wafv2,iam";
        let args = [
            "--account",
            prod,
            "--role-name",
            role,
            "--service",
            services,
            "--last-accessed",
        ];
        let (ran, report) = scan(server, "scanner", role, &args);
        (ran, read_json(&report))
    };
    let (_, full) = run("PostureScan");
    let (ran, blind) = run("PostureScanBlind");
    ran.code(3);
    let (full, found) = (findings(&full), findings(&blind));
    assert!(full.len() > 500, "{} verdicts", full.len());
    let mut to_unknown = 0;
    for (key, before) in &full {
        let Some(after) = found.get(key) else {
            let unlisted = found.values().any(|f| {
                (f.arn.as_str(), f.status.as_str()) == ("*", "unknown")
                    && (&f.check, &f.account, &f.region)
                        == (&before.check, &before.account, &before.region)
            });
            assert!(unlisted, "gone without a word: {before:?}");
            continue;
        };
        if after.status != before.status {
            assert_eq!(after.status, "unknown", "{before:?} became {after:?}");
            to_unknown += 1;
        }
    }
    for (key, after) in &found {
        let known = full.contains_key(key) || (after.arn == "*" && after.status == "unknown");
        assert!(known, "out of nothing: {after:?}");
    }
    assert!(to_unknown > 20, "only {to_unknown} verdicts became unknown");
    // Each planted denial shows, with the action that would answer.
    for (operation, action) in [
        ("s3:GetBucketPolicy", "s3:GetBucketPolicy"),
        ("lambda:GetPolicy", "lambda:GetPolicy"),
        ("kms:GetKeyPolicy", "kms:GetKeyPolicy"),
        (
            "ec2:DescribeSnapshotAttribute",
            "ec2:DescribeSnapshotAttribute",
        ),
        ("wafv2:ListWebACLs", "wafv2:ListWebACLs"),
        (
            "iam:GetServiceLastAccessedDetails",
            "iam:GetServiceLastAccessedDetails",
        ),
    ] {
        let rows = coverage(&blind, operation);
        let denied =
            |row: &&Value| row["outcome"] == "access_denied" && row["iam_action"] == action;
        assert!(rows.iter().any(denied), "{operation}: {rows:?}");
    }
}

#[test]
fn accounts_that_cannot_be_entered_are_recorded_and_the_others_complete() {
    let Some(server) = Server::enforcing() else {
        return;
    };
    let args = ["--org", "--role-name", "PostureScan", "--service", "s3"];
    let (ran, report) = scan(server, "loner", "loner", &args);
    let ran = ran.code(3);
    let report = read_json(&report);
    let accounts = report["scan"]["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 4, "{accounts:?}");
    let found = findings(&report);
    assert!(
        found
            .values()
            .any(|f| f.account == server.account("management") && f.kind == "s3.bucket"),
        "the caller's own account was not scanned"
    );
    assert_eq!(report["summary"]["complete"], false);
    for name in ["prod", "dev", "security"] {
        let id = server.account(name);
        assert!(
            coverage(&report, "core:AssumeRole")
                .iter()
                .any(|row| row["account"] == id && row["outcome"] == "access_denied"),
            "{name} is not recorded as closed"
        );
        assert!(ran.stderr.contains(id), "{name} is not in the log");
        assert!(
            found
                .values()
                .all(|f| f.account != id || f.status == "unknown"),
            "a verdict about an account that nobody entered"
        );
    }
}

#[test]
fn a_stranger_gets_an_error_or_unknowns_but_never_a_pass() {
    let Some(server) = Server::enforcing() else {
        return;
    };
    let args = ["--org", "--role-name", "PostureScan", "--service", "s3"];
    let (ran, report) = scan(server, "stranger", "stranger-org", &args);
    let ran = ran.code(4);
    assert!(!report.exists());
    assert!(
        ran.stderr.contains("organizations:ListAccounts"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("help: "), "{}", ran.stderr);

    let (ran, report) = scan(server, "stranger", "stranger", &["--service", "s3,kms"]);
    ran.code(3);
    let found = findings(&read_json(&report));
    assert!(!found.is_empty());
    for finding in found.values() {
        assert_eq!(finding.status, "unknown", "{finding:?}");
    }
}
