//! The demo organization: what is planted weak is found, what is planted sound is left alone, no secret
//! leaves the scanner, and the same snapshot gives the same bytes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::planted::{self, Exceptions};
use crate::support::{Posture, Server, demo, findings, manifest_dir, read_json, work_dir};

/// Weak resources for which the catalogue speaks of another resource: seed note, check that fails there.
const ELSEWHERE: &[(&str, &str)] = &[
    // A judgement about the organization as a whole, which names the account.
    (
        "no guardrail bounds this account",
        "organizations-organization-accounts-unguarded",
    ),
    // The route is what is too wide, so the route table has the finding.
    (
        "the whole other network is routed",
        "ec2-route-table-peering-route-too-broad",
    ),
    // Rights are judged where they take effect: on the group's members.
    ("a group of administrators", "iam-user-administrator"),
];

/// Types that no check judges by themselves: their ARNs' parts.
const NOT_JUDGED: &[&str] = &[
    ":organizations::",
    ":oidc-provider/",
    "/rulegroup/",
    "/vpclinks/",
    ":dynamodb:",
    ":secretsmanager:",
];

#[test]
fn the_report_covers_the_organization() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let scanned: BTreeSet<&str> = demo.report["scan"]["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["id"].as_str().unwrap())
        .collect();
    let planted: BTreeSet<&str> = server.seed["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["id"].as_str().unwrap())
        .collect();
    assert_eq!(scanned, planted);
    for name in ["management", "prod", "dev", "security"] {
        assert!(demo.ran.stdout.contains(name), "{name} is not in the table");
    }
    let summary = &demo.report["summary"]["by_status"];
    let headline = format!("{} fail", summary["fail"]);
    for text in ["Score", "Failing", "Do this first", &headline] {
        assert!(
            demo.ran.stdout.contains(text),
            "{text:?} is not in\n{}",
            demo.ran.stdout
        );
    }
}

/// The emulator does not offer every call: 3, or with leave 1 for what was found.
#[test]
fn the_exit_code_is_the_documented_one() {
    let Some(demo) = demo() else { return };
    assert_eq!(demo.report["summary"]["complete"], false);
    assert_eq!(demo.ran.status.code(), Some(3));
    let evaluate = |flags: &[&str]| {
        Posture::new(["evaluate", "-o", "table"])
            .args([&demo.snapshot])
            .args(flags)
            .run()
    };
    evaluate(&[]).code(3);
    evaluate(&["--allow-incomplete"]).code(1);
    evaluate(&["--allow-incomplete", "--fail-on", "none"]).code(0);
}

#[test]
fn the_report_fits_its_published_schema() {
    let Some(demo) = demo() else { return };
    let schema = read_json(&manifest_dir().join("docs/schema/report-v1.schema.json"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [&demo.report, &evaluated(&demo.snapshot, "schema", "all")] {
        let errors: Vec<String> = validator
            .iter_errors(report)
            .take(5)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

const EXCEPTIONS: Exceptions = Exceptions {
    elsewhere: ELSEWHERE,
    not_reported: &[],
    not_judged: NOT_JUDGED,
};

#[test]
fn what_is_weak_is_found() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    planted::assert_weak_is_found(server, &findings(&demo.report), &EXCEPTIONS);
}

#[test]
fn what_is_sound_is_left_alone() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let report = evaluated(&demo.snapshot, "sound", "all");
    planted::assert_sound_is_left_alone(server, &findings(&report), &EXCEPTIONS);
}

#[test]
fn no_canary_leaves_the_scanner() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let mut written = vec![
        ("stdout".to_owned(), demo.ran.stdout.clone().into_bytes()),
        ("stderr".to_owned(), demo.ran.stderr.clone().into_bytes()),
        (
            "report".to_owned(),
            std::fs::read(&demo.report_path).unwrap(),
        ),
    ];
    let all = work_dir().join("canary.json");
    Posture::new(["evaluate", "--status", "all", "-o"])
        .args([format!("json={}", all.display())])
        .args([&demo.snapshot])
        .run()
        .code(3);
    written.push((
        "report of everything".to_owned(),
        std::fs::read(all).unwrap(),
    ));
    planted::add_files(&demo.snapshot, &mut written);
    assert!(written.len() > 100, "a snapshot of {} files", written.len());
    planted::assert_no_canary(server, &written);
    // -vv logs calls, so there was something to look through.
    assert!(demo.ran.stderr.lines().count() > 200);
}

#[test]
fn one_snapshot_gives_the_same_bytes() {
    let Some(demo) = demo() else { return };
    let report = |name: &str, status: &str| {
        let path = work_dir().join(format!("same-{name}.json"));
        Posture::new(["evaluate", "--status", status, "-o"])
            .args([format!("json={}", path.display())])
            .args([&demo.snapshot])
            .run()
            .code(3);
        std::fs::read(path).unwrap()
    };
    let first = report("1", "fail,unknown");
    assert!(first == report("2", "fail,unknown"));
    assert!(
        first == std::fs::read(&demo.report_path).unwrap(),
        "the scan's own report differs from an evaluation of its snapshot"
    );
    assert!(report("3", "all") == report("4", "all"));
    let stdout = Posture::new(["evaluate", "-o", "json"])
        .args([&demo.snapshot])
        .run();
    assert!(
        stdout.stdout.as_bytes() == first,
        "stdout differs from a file"
    );
}

fn evaluated(snapshot: &Path, name: &str, status: &str) -> serde_json::Value {
    let path = work_dir().join(format!("evaluated-{name}.json"));
    Posture::new(["evaluate", "--status", status, "-o"])
        .args([format!("json={}", path.display())])
        .args([snapshot])
        .run()
        .code(3);
    read_json(&path)
}
