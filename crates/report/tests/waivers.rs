//! Waivers in every form of the report.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

mod common;
#[path = "common/edit.rs"]
mod edit;

use std::collections::BTreeMap;

use posture_catalog::Status;
use posture_engine::{Evaluation, Waiver, WaiverOutcome, WaiverState};
use posture_model::{CheckId, Timestamp};
use posture_report::v1::{Report, WaiverState as Shown};
use posture_report::{TableOptions, explain, render_json, render_table, report_schema};

fn outcome(state: WaiverState, matched: u64, expires: &str, owner: &str) -> WaiverOutcome {
    WaiverOutcome {
        waiver: Waiver {
            check: CheckId::new("lambda-function-url-unauthenticated").unwrap(),
            resource: "arn:aws:lambda:*:function:legacy-*".to_owned(),
            account: None,
            region: None,
            tags: BTreeMap::new(),
            reason: "behind the partner's gateway".to_owned(),
            owner: owner.to_owned(),
            ticket: "SEC-17".to_owned(),
            expires: Timestamp::parse(expires).unwrap(),
            source: "waivers.yaml:3".to_owned(),
        },
        state,
        matched,
    }
}

/// The scan started on 2026-01-31.
fn evaluation() -> Evaluation {
    let mut evaluation = common::evaluation();
    evaluation.waivers = vec![
        outcome(WaiverState::Live, 1, "2026-06-30T23:59:59Z", "carol"),
        outcome(WaiverState::Expired, 2, "2026-01-01T23:59:59Z", "alice"),
        outcome(
            WaiverState::Unused,
            0,
            "2026-06-30T23:59:59Z",
            "bob\u{1b}[31m",
        ),
        outcome(WaiverState::Live, 1, "2026-02-05T23:59:59Z", "dave"),
        outcome(WaiverState::Unknown, 0, "2026-06-30T23:59:59Z", "erin"),
    ];
    evaluation.by_status.insert(Status::Waived, 2);
    evaluation.kept.push(Status::Waived);
    edit::edit(&mut evaluation, |findings| {
        let finding = findings.first_mut().unwrap();
        finding.status = Status::Waived;
        finding.waiver = Some(0);
    });
    evaluation
}

fn report() -> Report {
    common::report_of(&evaluation())
}

#[test]
fn the_table_shows_what_a_person_must_see() {
    let mut out = Vec::new();
    render_table(&report(), &TableOptions::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let section = text.split("Waivers ──").nth(1).unwrap();
    let section = section.split("Findings ──").next().unwrap();
    for line in [
        ["expired 2026-01-01: 2 fail again", "alice"],
        ["expires 2026-02-05", "dave"],
        ["covers nothing", "bob"],
    ] {
        let found = section
            .lines()
            .any(|l| line.iter().all(|part| l.contains(part)));
        assert!(found, "{line:?} is not in {section}");
    }
    assert!(section.contains("2 findings are waived by 2 waivers. 1 more speaks of something"));
    assert!(
        !section.contains("carol") && !section.contains("erin"),
        "{section}"
    );
    assert!(text.contains("2 waived"));
    assert!(!text.contains('\u{1b}'));

    let mut out = Vec::new();
    render_table(&common::report(), &TableOptions::default(), &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("Waivers"));
}

#[test]
fn json_and_explain_show_the_waiver_of_a_finding() {
    let report = report();
    let mut out = Vec::new();
    render_json(&report, &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let validator = jsonschema::validator_for(&report_schema()).unwrap();
    assert!(validator.is_valid(&value));
    assert_eq!(Report::read(out.as_slice()).unwrap(), report);
    assert_eq!(
        value["findings"][0]["waiver"],
        serde_json::json!({
            "reason": "behind the partner's gateway", "owner": "carol", "ticket": "SEC-17",
            "expires": "2026-06-30T23:59:59Z"
        })
    );
    let states: Vec<Shown> = report.head.waivers.iter().map(|w| w.state).collect();
    let expected = [
        Shown::Live,
        Shown::Expired,
        Shown::Unused,
        Shown::Live,
        Shown::Unknown,
    ];
    assert_eq!(states, expected);
    assert_eq!(value["waivers"][1]["matched"], 2);
    assert_eq!(value["waivers"][1]["source"], "waivers.yaml:3");

    let frameworks = common::frameworks();
    let text = explain(&report.head, &report.findings[0], &frameworks, 100, false);
    assert!(text.contains("WAIVED"), "{text}");
    assert!(
        text.contains("waived      until 2026-06-30 23:59 UTC by carol"),
        "{text}"
    );
    assert!(
        text.contains("reason      behind the partner's gateway"),
        "{text}"
    );
    assert!(text.contains("ticket      SEC-17"), "{text}");
}
