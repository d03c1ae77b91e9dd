//! Waivers: which failures they cover, and what they must not touch.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use posture_catalog::{Catalog, Status};
use posture_engine::{Evaluation, Input, Options, WaiverState, Waivers, evaluate_input};
use posture_model::{AccountId, Collected, Gap, GapReason, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope, ToolRecord, UnitKey,
    UnitRecord,
};
use serde_json::{Value, json};

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

const OLD: &str = r#"id: old
title: Function keeps an old runtime
severity: high
confidence: high
resource: lambda.function
practices: [FN-09]
well_architected: [REL05-BP02]
pass: resource.policy == null
risk: It costs.
fix: {cli: "aws lambda get-function --function-name {resource.name}"}
references: [https://docs.aws.amazon.com/lambda/]
cases:
  - {name: none, expect: pass, resource: {}}
  - {name: some, expect: fail, resource: {policy: {Version: '2012-10-17'}}}
  - {name: unread, expect: unknown, resource: {policy: {unavailable: error}}}
"#;

const ASKED: &str = r"id: asked
title: Someone looks at the bill
severity: low
confidence: low
practices: [FN-09]
manual: Does someone look at the bill?
risk: It costs.
fix: {console: Look.}
references: [https://docs.aws.amazon.com/lambda/]
";

fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [("old", OLD), ("asked", ASKED)] {
            std::fs::write(directory.path().join(format!("{name}.yaml")), text).unwrap();
        }
        Catalog::load_only(&[directory.path().to_owned()]).unwrap()
    });
    &CATALOG
}

fn weak() -> Value {
    json!({"Version": "2012-10-17"})
}

fn unread() -> Value {
    json!({"unavailable": {"reason": "access_denied", "operation": "lambda:GetPolicy", "iam_action": "lambda:GetPolicy", "code": null}})
}

fn function(
    owner: &str,
    place: &str,
    name: &str,
    policy: Value,
    tags: Collected<BTreeMap<String, String>>,
) -> Resource {
    Resource {
        r#type: "lambda.function".into(),
        arn: format!("arn:aws:lambda:{place}:{owner}:function:{name}"),
        id: name.into(),
        name: name.into(),
        account: AccountId::new(owner).unwrap(),
        region: Region::new(place).unwrap(),
        partition: Partition::aws(),
        tags,
        created: None,
        properties: json!({"policy": policy}),
    }
}

fn tagged(team: &str) -> Collected<BTreeMap<String, String>> {
    Collected::Known([("team".to_owned(), team.to_owned())].into())
}

/// A scan of these functions, started on 2026-03-01 at noon; each place's listing with its gap.
fn input(places: &[(&str, &str, Option<GapReason>)], resources: &[Resource]) -> Input {
    let moment = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
    let mut accounts: BTreeMap<AccountId, Vec<Region>> = BTreeMap::new();
    let mut units = Vec::new();
    let mut read = Vec::new();
    for (owner, place, reason) in places {
        let key = UnitKey {
            account: AccountId::new(*owner).unwrap(),
            region: Region::new(*place).unwrap(),
            service: "lambda".into(),
        };
        accounts
            .entry(key.account.clone())
            .or_default()
            .push(key.region.clone());
        let own: Vec<Resource> = resources
            .iter()
            .filter(|r| r.account == key.account && r.region == key.region)
            .cloned()
            .collect();
        let listing = Listing {
            count: own.len() as u64,
            gap: reason.map(|reason| Gap {
                operation: "lambda:ListFunctions".into(),
                ..Gap::bare(reason)
            }),
        };
        read.push((key.region.clone(), own));
        units.push(UnitRecord {
            key,
            listings: [("lambda.function".to_owned(), listing)].into(),
            ledger: Vec::new(),
            resources: 0,
            sha256: String::new(),
        });
    }
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION.into(),
        tool: ToolRecord {
            name: "posture".into(),
            version: "0".into(),
        },
        scan: ScanRecord {
            id: "scan".into(),
            started_at: moment,
            finished_at: Some(moment),
        },
        scope: Scope::default(),
        generation: None,
        shard: None,
        shards: None,
        caller: None,
        accounts: accounts
            .into_iter()
            .map(|(id, regions)| AccountRecord {
                id,
                name: None,
                email: None,
                ou_path: None,
                tags: BTreeMap::new(),
                partition: Partition::aws(),
                regions,
                gaps: Vec::new(),
                ledger: Vec::new(),
            })
            .collect(),
        units,
        ledger: Vec::new(),
    };
    Input::new(manifest, read)
}

fn read(text: &str) -> Waivers {
    Waivers::read("waivers.yaml", text, catalog()).unwrap_or_else(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n\n"))
    })
}

/// One waiver of the check, in force until the end of 2026 unless told otherwise.
fn entry(resource: &str, more: &str) -> String {
    let expires = if more.contains("expires") {
        ""
    } else {
        ", expires: 2026-12-31"
    };
    format!(
        "  - {{check: old, resource: '{resource}', reason: r, owner: o, ticket: T-1{expires}{more}}}\n"
    )
}

fn run(input: &Input, entries: &[String]) -> Evaluation {
    let options = Options {
        keep: Status::ALL.into(),
        waivers: read(&format!("waivers:\n{}", entries.concat())),
        ..Options::default()
    };
    evaluate_input(input, catalog(), &options).unwrap()
}

fn statuses(evaluation: &Evaluation) -> BTreeMap<String, &'static str> {
    let findings = evaluation.findings.to_vec().unwrap();
    findings
        .into_iter()
        .map(|f| (f.resource.name, f.status.as_str()))
        .collect()
}

fn states(evaluation: &Evaluation) -> Vec<(WaiverState, u64)> {
    let waivers = evaluation.waivers.iter();
    waivers
        .map(|outcome| (outcome.state, outcome.matched))
        .collect()
}

fn estate() -> Input {
    input(
        &[
            (ONE, "eu-west-1", None),
            (ONE, "us-east-1", None),
            (TWO, "eu-west-1", None),
        ],
        &[
            function(ONE, "eu-west-1", "a", weak(), tagged("pay")),
            function(ONE, "us-east-1", "b", weak(), tagged("web")),
            function(TWO, "eu-west-1", "c", weak(), tagged("pay")),
            function(TWO, "eu-west-1", "sound", Value::Null, tagged("pay")),
            function(TWO, "eu-west-1", "unread", unread(), tagged("pay")),
        ],
    )
}

#[test]
fn a_live_waiver_covers_failures_and_nothing_else() {
    let evaluation = run(&estate(), &[entry("*", "")]);
    let expected = [
        ("a", "waived"),
        ("b", "waived"),
        ("c", "waived"),
        ("sound", "pass"),
        ("unread", "unknown"),
    ];
    let expected = expected.map(|(name, status)| (name.to_owned(), status));
    assert_eq!(statuses(&evaluation), expected.into());
    assert_eq!(states(&evaluation), [(WaiverState::Live, 3)]);
    for finding in evaluation.findings.to_vec().unwrap() {
        assert_eq!(
            finding.waiver,
            (finding.status == Status::Waived).then_some(0)
        );
    }
    // Counted as waived, and for neither side of the scores.
    assert_eq!(evaluation.by_status[&Status::Waived], 3);
    assert!(!evaluation.by_status.contains_key(&Status::Fail));
    let tally = evaluation.tallies.overall;
    assert_eq!((tally.pass, tally.fail, tally.unknown), (1, 0, 1));
    assert_eq!(tally.score(), Some(100.0));
    assert!(
        evaluation
            .runs
            .values()
            .all(|run| run[&Status::Waived] == 3 && run[&Status::Fail] == 0)
    );
    // Ids and facts are those of the failure.
    let plain = run(&estate(), &[]);
    let of = |e: &Evaluation| {
        let findings = e.findings.to_vec().unwrap().into_iter();
        findings
            .map(|f| (f.id, f.evidence))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(of(&plain), of(&evaluation));
}

#[test]
fn all_that_is_given_must_match() {
    for (resource, more, waived) in [
        (
            "arn:aws:lambda:eu-west-1:111111111111:function:a",
            "",
            &["a"][..],
        ),
        ("arn:aws:lambda:eu-west-1:111111111111:function:", "", &[]),
        ("arn:aws:lambda:*:function:?", "", &["a", "b", "c"]),
        ("*", ", account: 111111111111", &["a", "b"]),
        ("*", ", account: '222222222222'", &["c"]),
        ("*", ", region: eu-west-1", &["a", "c"]),
        ("*", ", account: 111111111111, region: eu-west-1", &["a"]),
        ("*", ", tags: {team: pay}", &["a", "c"]),
        ("*", ", tags: {team: pa}", &[]),
        ("*", ", tags: {team: pay, stage: x}", &[]),
    ] {
        let evaluation = run(&estate(), &[entry(resource, more)]);
        let found: Vec<String> = statuses(&evaluation)
            .into_iter()
            .filter(|(_, status)| *status == "waived")
            .map(|(name, _)| name)
            .collect();
        assert_eq!(found, waived, "{resource}{more}");
    }
}

#[test]
fn the_first_one_in_force_wins() {
    let evaluation = run(
        &estate(),
        &[
            entry("*:function:a", ", expires: 2026-02-28"),
            entry("*:function:?", ""),
            entry("arn:aws:lambda:eu-west-1:111111111111:function:a", ""),
        ],
    );
    assert!(statuses(&evaluation)["a"] == "waived");
    // The expired one would cover nothing that fails, the exact one comes too late.
    assert_eq!(
        states(&evaluation),
        [
            (WaiverState::Expired, 0),
            (WaiverState::Live, 3),
            (WaiverState::Unused, 0)
        ]
    );
}

#[test]
fn an_expired_waiver_does_nothing_but_say_what_it_would() {
    // Reckoned at the scan's start, 2026-03-01T12:00:00Z, whatever the clock says.
    for (expires, in_force) in [
        ("2026-02-28", false),
        ("2026-03-01", true),
        ("2026-03-01T11:59:59Z", false),
        ("2026-03-01T12:00:00Z", true),
        ("'2026-03-01T13:00:00+02:00'", false),
    ] {
        let evaluation = run(&estate(), &[entry("*", &format!(", expires: {expires}"))]);
        let (status, state) = match in_force {
            true => ("waived", WaiverState::Live),
            false => ("fail", WaiverState::Expired),
        };
        assert_eq!(statuses(&evaluation)["a"], status, "{expires}");
        assert_eq!(states(&evaluation), [(state, 3)], "{expires}");
    }
}

#[test]
fn a_waiver_is_unused_only_where_everything_was_seen() {
    let sound = || {
        vec![function(
            ONE,
            "eu-west-1",
            "sound",
            Value::Null,
            tagged("pay"),
        )]
    };
    let whole = input(&[(ONE, "eu-west-1", None)], &sound());
    let state = |input: &Input, entry: String| states(&run(input, &[entry]))[0].0;
    assert_eq!(state(&whole, entry("*", "")), WaiverState::Unused);
    // Another account or region was not looked at.
    assert_eq!(
        state(&whole, entry("*", ", account: 222222222222")),
        WaiverState::Unknown
    );
    assert_eq!(
        state(
            &whole,
            entry("arn:aws:lambda:eu-west-1:222222222222:function:x", "")
        ),
        WaiverState::Unknown
    );
    assert_eq!(
        state(&whole, entry("*", ", region: us-east-1")),
        WaiverState::Unknown
    );
    // The listing failed.
    let cut = input(
        &[(ONE, "eu-west-1", Some(GapReason::AccessDenied))],
        &sound(),
    );
    assert_eq!(state(&cut, entry("*", "")), WaiverState::Unknown);
    // A verdict that it may be for is unknown.
    let open = input(
        &[(ONE, "eu-west-1", None)],
        &[function(ONE, "eu-west-1", "f", unread(), tagged("pay"))],
    );
    assert_eq!(state(&open, entry("*:f", "")), WaiverState::Unknown);
    assert_eq!(state(&open, entry("*:g", "")), WaiverState::Unused);
    assert_eq!(
        state(&open, entry("*:f", ", tags: {team: web}")),
        WaiverState::Unused
    );
    // Tags that were not read waive nothing, and prove nothing.
    let tagless = function(
        ONE,
        "eu-west-1",
        "f",
        weak(),
        Collected::Unavailable(Gap::bare(GapReason::AccessDenied)),
    );
    let tagless = input(&[(ONE, "eu-west-1", None)], &[tagless]);
    let evaluation = run(&tagless, &[entry("*", ", tags: {team: pay}")]);
    assert_eq!(statuses(&evaluation)["f"], "fail");
    assert_eq!(states(&evaluation), [(WaiverState::Unknown, 0)]);
    // The check was not run.
    let options = Options {
        severities: [posture_catalog::Severity::Low].into(),
        waivers: read(&format!("waivers:\n{}", entry("*", ""))),
        ..Options::default()
    };
    let evaluation = evaluate_input(&estate(), catalog(), &options).unwrap();
    assert_eq!(states(&evaluation), [(WaiverState::Unknown, 0)]);
}

#[test]
fn what_stands_in_the_file_is_kept() {
    let text = "# comment\nwaivers:\n  - check: old\n    resource: '*'\n    account: 012345678901\n    reason: >-\n      said\n      twice\n    owner: me\n    ticket: 4711\n    expires: 2026-12-31\n    tags: {cost-centre: 0042, on: true, empty: ''}\n";
    let evaluation = {
        let options = Options {
            waivers: read(text),
            ..Options::default()
        };
        evaluate_input(&estate(), catalog(), &options).unwrap()
    };
    let waiver = &evaluation.waivers[0].waiver;
    assert_eq!(waiver.account.as_ref().unwrap().as_str(), "012345678901");
    assert_eq!(
        (waiver.reason.as_str(), waiver.ticket.as_str()),
        ("said twice", "4711")
    );
    assert_eq!(waiver.expires.to_string(), "2026-12-31T23:59:59Z");
    assert_eq!(waiver.source, "waivers.yaml:3");
    let tags: Vec<_> = waiver
        .tags
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        tags,
        [("cost-centre", "0042"), ("empty", ""), ("on", "true")]
    );
    assert!(
        read("").is_empty()
            && read("# nothing yet\n").is_empty()
            && read("waivers: []\n").is_empty()
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, expected) in [
        (
            "waivers:\n  - check: olt\n    resource: '*'\n    reasn: x\n    owner: o\n    ticket: t\n    expires: 2026-02-30\n",
            vec![
                "w.yaml:2:12: there is no check `olt`\n  |\n2 |   - check: olt\n  |            ^^^\n  = help: did you mean `old`?",
                "w.yaml:4:5: unknown key `reasn`\n  |\n4 |     reasn: x\n  |     ^^^^^\n  = help: did you mean `reason`?",
                "w.yaml:7:14: `expires` is no date\n  |\n7 |     expires: 2026-02-30\n  |              ^^^^^^^^^^\n  = help: give a day, such as 2026-12-31, or a time, such as 2026-12-31T12:00:00Z",
            ],
        ),
        (
            "waivers:\n  - {check: asked, resource: '*', reason: r, owner: o, ticket: t, expires: 2026-12-31}\n",
            vec!["w.yaml:2:13: `asked` is a question for a person: it never fails"],
        ),
        (
            "waivers:\n  - {check: old}\n",
            vec!["w.yaml:2:5: `resource`, `reason`, `owner`, `ticket` and `expires` are missing"],
        ),
        (
            "waivers:\n  - {check: old, check: old}\n",
            vec!["w.yaml:2:18: `check` is given twice"],
        ),
        (
            "waivers: {}\n",
            vec!["w.yaml:1:10: `waivers` must be a list"],
        ),
        (
            "[]\n",
            vec!["w.yaml:1:1: a file of waivers must be a mapping"],
        ),
        ("waiver: []\n", vec!["w.yaml:1:1: unknown key `waiver`"]),
        (
            "waivers:\n  - {check: old, resource: '*', reason: [], owner: '', ticket: t, expires: 2026, account: 12, region: x, tags: [a]}\n",
            vec![
                "`reason` must be text",
                "`owner` is empty",
                "`expires` is no date",
                "12-digit account id",
                "region name",
                "`tags` must be a mapping",
            ],
        ),
    ] {
        let mistakes = Waivers::read("w.yaml", text, catalog()).unwrap_err();
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        for part in expected {
            assert!(
                all.iter().any(|m| m.contains(part)),
                "{part}\nnot in\n{}",
                all.join("\n\n")
            );
        }
    }
}

#[test]
fn thousands_of_waivers_cost_little_and_change_nothing_else() {
    let functions: Vec<Resource> = (0..2_000)
        .map(|n| function(ONE, "eu-west-1", &format!("f{n}"), weak(), tagged("pay")))
        .collect();
    let input = input(&[(ONE, "eu-west-1", None)], &functions);
    let literal = |n: usize| entry(&format!("arn:aws:lambda:eu-west-1:{ONE}:function:f{n}"), "");
    let glob = |n: usize| entry(&format!("arn:aws:lambda:*:{ONE}:function:x{n}*"), "");
    let entries: Vec<String> = (0..1_000)
        .map(literal)
        .chain((0..1_000).map(glob))
        .collect();
    let evaluation = run(&input, &entries);
    assert_eq!(evaluation.by_status[&Status::Waived], 1_000);
    assert_eq!(evaluation.by_status[&Status::Fail], 1_000);
    assert_eq!(
        states(&evaluation)
            .iter()
            .filter(|s| **s == (WaiverState::Live, 1))
            .count(),
        1_000
    );
}
