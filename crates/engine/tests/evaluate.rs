//! Verdicts over snapshots: what is missing stays missing, and nothing depends on chance.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use posture_catalog::{Catalog, Status};
use posture_engine::{
    EngineError, Evaluation, Finding, Input, Options, evaluate, evaluate_input, explain,
};
use posture_model::{
    AccountId, CheckId, Collected, Gap, GapReason, Partition, Region, Resource, Timestamp,
};
use posture_snapshot::{
    AccountRecord, LedgerEntry, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope, Snapshot,
    SnapshotWriter, ToolRecord, UnitKey, UnitRecord,
};
use serde_json::json;

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

const LONG: &str = r#"id: long
title: Function runs long
severity: high
confidence: high
resource: lambda.function
practices: [FN-09]
well_architected: [REL05-BP02]
owasp_serverless: [S6]
applies: resource.package_type == "Zip"
pass: resource.timeout <= 60
evidence: '"time-out " + string(resource.timeout) + " s"'
risk: It costs.
fix: {cli: "aws lambda update-function-configuration --function-name {resource.name}"}
references: [https://docs.aws.amazon.com/lambda/]
cases:
  - {name: short, expect: pass, resource: {package_type: Zip, timeout: 3}}
  - {name: long, expect: fail, resource: {package_type: Zip, timeout: 900}}
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

fn catalog() -> Catalog {
    let dir = tempfile::tempdir().unwrap();
    let key = LONG
        .replace("id: long", "id: keyless")
        .replace("severity: high", "severity: critical")
        .replace("applies: resource.package_type == \"Zip\"\n", "")
        .replace(
            "resource.timeout <= 60",
            "lookup(\"kms.key\", resource.name) != null || resource.policy != null",
        )
        .replace(
            "cases:",
            "cases:\n  - {name: unread, expect: unknown, resource: {policy: {unavailable: error}}}",
        )
        .replace("timeout: 3}", "policy: {Version: '2012-10-17'}}")
        .replace("timeout: 900}", "name: x}");
    for (name, text) in [("long", LONG), ("asked", ASKED), ("keyless", key.as_str())] {
        fs::write(dir.path().join(format!("{name}.yaml")), text).unwrap();
    }
    Catalog::load_only(&[dir.path().to_owned()]).unwrap_or_else(|diagnostics| {
        panic!(
            "{}",
            diagnostics
                .iter()
                .map(ToString::to_string)
                .collect::<String>()
        )
    })
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn function(owner: &str, place: &str, name: &str, timeout: i64) -> Resource {
    Resource {
        r#type: "lambda.function".into(),
        arn: format!("arn:aws:lambda:{place}:{owner}:function:{name}"),
        id: name.into(),
        name: name.into(),
        account: account(owner),
        region: region(place),
        partition: Partition::aws(),
        tags: Collected::Absent,
        created: None,
        properties: json!({"timeout": timeout, "package_type": "Zip", "policy": null}),
    }
}

/// A unit of work: account, region, service, listings with their gaps, ledger, resources.
struct Unit(
    &'static str,
    &'static str,
    &'static str,
    Vec<(&'static str, Option<GapReason>)>,
    Vec<Resource>,
);

fn gap(reason: GapReason) -> Gap {
    Gap {
        operation: "lambda:ListFunctions".into(),
        ..Gap::bare(reason)
    }
}

fn input(units: Vec<Unit>) -> Input {
    input_of(units, |_| {})
}

fn input_of(units: Vec<Unit>, change: impl FnOnce(&mut Manifest)) -> Input {
    let moment = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let mut regions: BTreeMap<&str, BTreeSet<Region>> = BTreeMap::new();
    let mut records = Vec::new();
    let mut resources = Vec::new();
    for Unit(owner, place, service, listings, all) in units {
        regions.entry(owner).or_default().insert(region(place));
        records.push(UnitRecord {
            key: UnitKey {
                account: account(owner),
                region: region(place),
                service: service.into(),
            },
            listings: listings
                .into_iter()
                .map(|(kind, reason)| {
                    let listing = Listing {
                        count: 0,
                        gap: reason.map(gap),
                    };
                    (kind.to_owned(), listing)
                })
                .collect(),
            ledger: Vec::new(),
            resources: all.len() as u64,
            sha256: String::new(),
        });
        resources.push((region(place), all));
    }
    let mut manifest = Manifest {
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
        accounts: regions
            .into_iter()
            .map(|(owner, regions)| AccountRecord {
                id: account(owner),
                name: None,
                email: None,
                ou_path: None,
                tags: BTreeMap::new(),
                partition: Partition::aws(),
                regions: regions.into_iter().collect(),
                gaps: Vec::new(),
                ledger: Vec::new(),
            })
            .collect(),
        units: records,
        ledger: Vec::new(),
    };
    change(&mut manifest);
    Input::new(manifest, resources)
}

fn keys(owner: &'static str, place: &'static str) -> Unit {
    Unit(owner, place, "kms", vec![("kms.key", None)], Vec::new())
}

fn functions(
    owner: &'static str,
    place: &'static str,
    reason: Option<GapReason>,
    all: &[(&str, i64)],
) -> Unit {
    Unit(
        owner,
        place,
        "lambda",
        vec![("lambda.function", reason)],
        all.iter()
            .map(|(name, timeout)| function(owner, place, name, *timeout))
            .collect(),
    )
}

fn all() -> Options {
    Options {
        keep: Status::ALL.into(),
        ..Options::default()
    }
}

fn just(id: &str) -> Options {
    Options {
        checks: [CheckId::new(id).unwrap()].into(),
        ..all()
    }
}

fn run(input: &Input, options: &Options) -> Evaluation {
    evaluate_input(input, &catalog(), options).unwrap()
}

fn findings(evaluation: &Evaluation) -> Vec<Finding> {
    evaluation.findings.to_vec().unwrap()
}

fn statuses(evaluation: &Evaluation) -> Vec<(String, &'static str)> {
    findings(evaluation)
        .iter()
        .map(|f| {
            (
                format!("{}/{}/{}", f.account, f.region, f.resource.id),
                f.status.as_str(),
            )
        })
        .collect()
}

#[test]
fn verdicts_evidence_and_tallies() {
    let input = input(vec![
        functions(ONE, "eu-west-1", None, &[("slow", 900), ("fast", 3)]),
        keys(ONE, "eu-west-1"),
    ]);
    let evaluation = run(&input, &just("long"));
    assert_eq!(
        statuses(&evaluation),
        [
            (format!("{ONE}/eu-west-1/slow"), "fail"),
            (format!("{ONE}/eu-west-1/fast"), "pass"),
        ]
    );
    let evidence = findings(&evaluation)[0].evidence.clone();
    assert_eq!(evidence[0].field, "summary");
    assert_eq!(evidence[0].value, "time-out 900 s");
    assert_eq!(evidence[0].source, ["lambda:ListFunctions"]);
    let timeout = evidence
        .iter()
        .find(|e| e.field == "resource.timeout")
        .unwrap();
    assert_eq!(timeout.value, "900");
    assert_eq!(timeout.source, ["lambda:ListFunctions"]);
    assert!(evaluation.complete);
    assert_eq!(evaluation.resources, 2);
    assert_eq!(evaluation.checks, 1);
    let tally = evaluation.tallies.overall;
    assert_eq!((tally.pass, tally.fail, tally.unknown), (1, 1, 0));
    assert_eq!(tally.score(), Some(50.0));
    assert_eq!(evaluation.tallies.well_architected["REL05-BP02"], tally);
    assert_eq!(evaluation.tallies.owasp_serverless["S6"], tally);
    assert_eq!(evaluation.tallies.accounts[&account(ONE)], tally);
    assert_eq!(evaluation.by_status[&Status::Fail], 1);
}

#[test]
fn options_select_checks_and_findings() {
    let input = input(vec![
        functions(ONE, "eu-west-1", None, &[("slow", 900), ("fast", 3)]),
        keys(ONE, "eu-west-1"),
    ]);
    let ids = |options: &Options| -> BTreeSet<String> {
        let evaluation = run(&input, options);
        findings(&evaluation)
            .iter()
            .map(|f| f.check.to_string())
            .collect()
    };
    assert_eq!(
        ids(&all()),
        ["keyless".to_owned(), "long".to_owned()].into()
    );
    let critical = Options {
        severities: [posture_catalog::Severity::Critical].into(),
        ..all()
    };
    assert_eq!(ids(&critical), ["keyless".to_owned()].into());
    let practice = Options {
        practices: ["FN-01".to_owned()].into(),
        ..all()
    };
    assert_eq!(ids(&practice), BTreeSet::new());
    // What is not kept is counted all the same.
    let fails = Options {
        keep: [Status::Fail].into(),
        ..just("long")
    };
    let evaluation = run(&input, &fails);
    assert_eq!(evaluation.findings.len(), 1);
    assert_eq!(evaluation.by_status[&Status::Pass], 1);
    assert_eq!(run(&input, &all()).manual, [CheckId::new("asked").unwrap()]);
}

#[test]
fn worst_comes_first() {
    let input = input(vec![
        functions(TWO, "eu-west-1", None, &[("b", 900), ("a", 900)]),
        functions(ONE, "us-east-1", Some(GapReason::AccessDenied), &[]),
        functions(ONE, "eu-west-1", None, &[("z", 900), ("ok", 3)]),
        keys(ONE, "eu-west-1"),
        keys(ONE, "us-east-1"),
        keys(TWO, "eu-west-1"),
    ]);
    let evaluation = run(&input, &all());
    let got: Vec<String> = findings(&evaluation)
        .iter()
        .map(|f| format!("{} {} {}", f.status.as_str(), f.check, f.resource.id))
        .collect();
    assert_eq!(
        got,
        [
            "fail keyless ok",
            "fail keyless z",
            "fail keyless a",
            "fail keyless b",
            "fail long z",
            "fail long a",
            "fail long b",
            "unknown keyless *",
            "unknown long *",
            "pass long ok",
        ]
    );
}

#[test]
fn a_listing_that_failed_is_one_unknown_a_place() {
    let input = input(vec![
        // Some pages were read before it broke.
        functions(ONE, "eu-west-1", Some(GapReason::Throttled), &[("fast", 3)]),
        functions(ONE, "us-east-1", None, &[]),
        keys(ONE, "eu-west-1"),
        keys(ONE, "us-east-1"),
    ]);
    let evaluation = run(&input, &just("long"));
    assert_eq!(
        statuses(&evaluation),
        [
            (format!("{ONE}/eu-west-1/*"), "unknown"),
            (format!("{ONE}/eu-west-1/fast"), "pass"),
        ]
    );
    assert_eq!(findings(&evaluation)[0].gaps, [gap(GapReason::Throttled)]);
    assert_eq!(findings(&evaluation)[0].resource.arn, "*");
    assert!(!evaluation.complete);
    assert_eq!(evaluation.tallies.overall.unknown, 1);
}

#[test]
fn what_a_region_does_not_offer_is_not_missing() {
    let input = input(vec![
        functions(ONE, "eu-west-1", Some(GapReason::NotOffered), &[]),
        keys(ONE, "eu-west-1"),
    ]);
    let evaluation = run(&input, &all());
    assert_eq!(statuses(&evaluation), []);
    assert!(evaluation.complete);
}

#[test]
fn a_unit_that_is_missing_is_not_empty() {
    // An interrupted scan: the second region's unit was never written.
    let units = vec![
        functions(ONE, "eu-west-1", None, &[("fast", 3)]),
        keys(ONE, "eu-west-1"),
        keys(ONE, "us-east-1"),
    ];
    let evaluation = run(
        &input_of(units, |manifest| manifest.scan.finished_at = None),
        &just("long"),
    );
    assert_eq!(
        statuses(&evaluation),
        [
            (format!("{ONE}/us-east-1/*"), "unknown"),
            (format!("{ONE}/eu-west-1/fast"), "pass"),
        ]
    );
    assert!(!evaluation.complete);
}

#[test]
fn a_service_that_was_left_out_is_left_out() {
    let units = || vec![keys(ONE, "eu-west-1")];
    let asked = input_of(units(), |manifest| {
        manifest.scope.services = vec!["kms".into()]
    });
    let evaluation = run(&asked, &just("long"));
    assert_eq!(statuses(&evaluation), []);
    assert!(evaluation.complete);
    // Asked for everything and yet not there: an older version did not know the service.
    let evaluation = run(&input(units()), &just("long"));
    assert_eq!(
        statuses(&evaluation),
        [(format!("{ONE}/global/*"), "unknown")]
    );
    assert!(!evaluation.complete);
}

#[test]
fn a_lookup_into_what_was_not_listed_is_unknown() {
    let lookup = |reason| {
        let input = input(vec![
            functions(ONE, "eu-west-1", None, &[("f", 3)]),
            Unit(
                ONE,
                "eu-west-1",
                "kms",
                vec![("kms.key", reason)],
                Vec::new(),
            ),
        ]);
        findings(&run(&input, &just("keyless")))[0].clone()
    };
    assert_eq!(lookup(None).status, Status::Fail);
    let unknown = lookup(Some(GapReason::AccessDenied));
    assert_eq!(unknown.status, Status::Unknown);
    assert_eq!(unknown.gaps, [gap(GapReason::AccessDenied)]);
}

#[test]
fn a_field_that_an_older_snapshot_lacks_is_unknown() {
    let mut old = function(ONE, "eu-west-1", "old", 3);
    old.properties = json!({"package_type": "Zip"});
    let input = input(vec![Unit(
        ONE,
        "eu-west-1",
        "lambda",
        vec![("lambda.function", None)],
        vec![old],
    )]);
    let evaluation = run(&input, &just("long"));
    let finding = &findings(&evaluation)[0];
    assert_eq!(finding.status, Status::Unknown);
    assert_eq!(finding.gaps[0].reason, GapReason::Unsupported);
}

#[test]
fn gaps_of_accounts_and_of_the_ledger_make_it_incomplete() {
    let units = || {
        vec![
            functions(ONE, "eu-west-1", None, &[]),
            keys(ONE, "eu-west-1"),
        ]
    };
    assert!(run(&input(units()), &all()).complete);
    let with = |entry: LedgerEntry| {
        let input = input_of(units(), |manifest| manifest.units[0].ledger = vec![entry]);
        let evaluation = run(&input, &all());
        assert_eq!(evaluation.coverage.len(), 1);
        evaluation.complete
    };
    let denied = |reason| LedgerEntry {
        operation: "lambda:GetPolicy".into(),
        failed: 1,
        gaps: vec![gap(reason)],
        ..LedgerEntry::default()
    };
    assert!(!with(denied(GapReason::AccessDenied)));
    assert!(!with(denied(GapReason::Timeout)));
    assert!(with(denied(GapReason::NotOffered)));
    let lost = input_of(units(), |manifest| {
        let mut record = manifest.accounts[0].clone();
        record.id = account(TWO);
        record.gaps = vec![Gap {
            operation: "sts:AssumeRole".into(),
            ..Gap::bare(GapReason::AccessDenied)
        }];
        record.ledger = vec![LedgerEntry {
            operation: "sts:AssumeRole".into(),
            denied: 1,
            gaps: record.gaps.clone(),
            ..LedgerEntry::default()
        }];
        manifest.accounts.push(record);
        manifest.caller = Some(account(ONE));
        manifest.ledger = vec![LedgerEntry {
            operation: "organizations:ListAccounts".into(),
            calls: 1,
            ..LedgerEntry::default()
        }];
    });
    let evaluation = run(&lost, &all());
    assert!(!evaluation.complete);
    let rows: Vec<_> = evaluation
        .coverage
        .iter()
        .map(|entry| {
            let denied = entry.ledger.denied;
            (entry.account.as_str(), entry.service.as_str(), denied)
        })
        .collect();
    assert_eq!(rows, [(ONE, "organizations", 0), (TWO, "sts", 1)]);
}

#[test]
fn an_answer_that_was_no_error_but_not_understood_shows_in_the_coverage() {
    let unit = functions(ONE, "eu-west-1", Some(GapReason::Malformed), &[]);
    let input = input_of(vec![unit, keys(ONE, "eu-west-1")], |manifest| {
        for unit in &mut manifest.units {
            unit.ledger = vec![LedgerEntry {
                operation: "lambda:ListFunctions".into(),
                calls: 1,
                ..LedgerEntry::default()
            }];
        }
    });
    let evaluation = run(&input, &all());
    assert!(!evaluation.complete);
    let gaps: Vec<_> = evaluation
        .coverage
        .iter()
        .map(|entry| (entry.service.as_str(), entry.ledger.gaps.clone()))
        .collect();
    assert_eq!(
        gaps,
        [("kms", vec![]), ("lambda", vec![gap(GapReason::Malformed)])]
    );
}

#[test]
fn ids_do_not_depend_on_what_else_there_is() {
    let alone = input(vec![
        functions(ONE, "eu-west-1", None, &[("slow", 900)]),
        keys(ONE, "eu-west-1"),
    ]);
    let crowd = input(vec![
        functions(
            ONE,
            "eu-west-1",
            None,
            &[("aaa", 900), ("slow", 900), ("zzz", 3)],
        ),
        functions(TWO, "eu-west-1", None, &[("slow", 900)]),
        keys(ONE, "eu-west-1"),
        keys(TWO, "eu-west-1"),
    ]);
    let of = |evaluation: &Evaluation, owner: &str| {
        findings(evaluation)
            .iter()
            .find(|f| f.resource.id == "slow" && f.account.as_str() == owner)
            .unwrap()
            .id
            .clone()
    };
    let (alone, crowd) = (run(&alone, &just("long")), run(&crowd, &just("long")));
    assert_eq!(of(&alone, ONE), of(&crowd, ONE));
    assert_ne!(of(&crowd, ONE), of(&crowd, TWO));
    // Pinned: a change here would orphan every waiver and ticket.
    assert_eq!(of(&alone, ONE).as_str(), "e6a757b67fe27df75d2a6531418c24ff");
}

#[test]
fn resources_that_share_an_arn_have_ids_of_their_own() {
    let twin = |id: &str| {
        let mut resource = function(ONE, "eu-west-1", "twin", 900);
        resource.id = id.into();
        resource
    };
    let with = |resources: Vec<Resource>| {
        let input = input(vec![Unit(
            ONE,
            "eu-west-1",
            "lambda",
            vec![("lambda.function", None)],
            resources,
        )]);
        let evaluation = run(&input, &just("long"));
        let ids: Vec<_> = findings(&evaluation)
            .into_iter()
            .map(|f| (f.resource.id, f.id))
            .collect();
        ids.into_iter().collect::<BTreeMap<_, _>>()
    };
    let (two, reversed) = (
        with(vec![twin("a"), twin("b")]),
        with(vec![twin("b"), twin("a")]),
    );
    assert_eq!(two, reversed);
    assert_ne!(two["a"], two["b"]);
    assert_eq!(two["a"], with(vec![twin("a")])["a"]);
    // Not even their ids differ.
    let input = input(vec![Unit(
        ONE,
        "eu-west-1",
        "lambda",
        vec![("lambda.function", None)],
        vec![twin("a"), twin("a"), twin("a")],
    )]);
    assert_eq!(run(&input, &just("long")).findings.len(), 3);
}

#[test]
fn every_finding_can_be_explained() {
    let input = input(vec![
        functions(ONE, "eu-west-1", None, &[("slow", 900), ("fast", 3)]),
        functions(ONE, "us-east-1", Some(GapReason::AccessDenied), &[]),
        keys(ONE, "eu-west-1"),
        keys(ONE, "us-east-1"),
    ]);
    let catalog = catalog();
    let evaluation = evaluate_input(&input, &catalog, &all()).unwrap();
    for finding in &findings(&evaluation) {
        let explanation = explain(&input, &catalog, &finding.id).unwrap().unwrap();
        assert_eq!(explanation.finding, *finding);
        assert!(!explanation.operations.is_empty());
    }
    let all = findings(&evaluation);
    let slow = all.iter().find(|f| f.check.as_str() == "long").unwrap();
    let explanation = explain(&input, &catalog, &slow.id).unwrap().unwrap();
    assert_eq!(explanation.pass.as_deref(), Some("resource.timeout <= 60"));
    assert_eq!(explanation.facts[1].field, "resource.package_type");
    let nobody = "0".repeat(32).parse().unwrap();
    assert_eq!(explain(&input, &catalog, &nobody).unwrap(), None);
}

/// Written to disk and read back, with as many resources as several threads share out among them.
#[test]
fn two_evaluations_are_the_same_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let tool = ToolRecord {
        name: "posture".into(),
        version: "0".into(),
    };
    let mut writer =
        SnapshotWriter::create_or_resume(dir.path(), tool, "scan".into(), Scope::default())
            .unwrap();
    let mut wanted = Vec::new();
    for place in ["eu-west-1", "us-east-1"] {
        for (service, kind) in [("lambda", "lambda.function"), ("kms", "kms.key")] {
            let resources = if service == "lambda" {
                (0..500)
                    .map(|n| function(ONE, place, &format!("f{n}"), n % 120))
                    .collect()
            } else {
                Vec::new()
            };
            let key = UnitKey {
                account: account(ONE),
                region: region(place),
                service: service.into(),
            };
            let listings = BTreeMap::from([(kind.to_owned(), Listing::default())]);
            writer
                .write_unit(key.clone(), listings, Vec::new(), resources)
                .unwrap();
            wanted.push(key);
        }
    }
    writer
        .finish(Vec::new(), &wanted, Timestamp::now())
        .unwrap();
    let catalog = catalog();
    let text = || {
        let snapshot = Snapshot::open(dir.path()).unwrap();
        let evaluation = evaluate(&snapshot, &catalog, &all()).unwrap();
        assert_eq!(evaluation.findings.len(), 2000);
        format!("{evaluation:?}")
    };
    let first = text();
    for _ in 0..5 {
        assert_eq!(text(), first);
    }
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let tool = ToolRecord {
        name: "posture".into(),
        version: "0".into(),
    };
    let mut writer =
        SnapshotWriter::create_or_resume(dir.path(), tool, "scan".into(), Scope::default())
            .unwrap();
    let key = UnitKey {
        account: account(ONE),
        region: region("eu-west-1"),
        service: "lambda".into(),
    };
    let resources = vec![function(ONE, "eu-west-1", "f", 3)];
    writer
        .write_unit(key.clone(), BTreeMap::new(), Vec::new(), resources)
        .unwrap();
    writer.finish(Vec::new(), &[key], Timestamp::now()).unwrap();
    let data = dir
        .path()
        .join(format!("account={ONE}/region=eu-west-1/lambda.jsonl.zst"));
    fs::write(data, b"junk").unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let result = evaluate(&snapshot, &catalog(), &all());
    assert!(matches!(result, Err(EngineError::Snapshot(_))));
}

/// Whatever a snapshot holds, nothing panics, and what is not understood is not judged.
#[test]
fn hostile_resources_are_not_judged() {
    let mut resources = Vec::new();
    for (number, properties) in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"timeout": "9", "package_type": "Zip"}),
        json!({"timeout": {"unavailable": {"reason": "error"}}, "package_type": "Zip"}),
        json!({"timeout": 1e99, "package_type": ["Zip"]}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut resource = function(ONE, "eu-west-1", &format!("h{number}"), 0);
        resource.properties = properties;
        resource.arn = ["", "arn", "*", "arn:::::", "\u{1b}[2J", "arn:aws:lambda"][number].into();
        resources.push(resource);
    }
    let mut unknown = function(ONE, "eu-west-1", "newer", 3);
    unknown.r#type = "lambda.newer_than_this".into();
    resources.push(unknown);
    let count = resources.len() - 1;
    let input = input(vec![
        Unit(
            ONE,
            "eu-west-1",
            "lambda",
            vec![("lambda.function", None)],
            resources,
        ),
        keys(ONE, "eu-west-1"),
    ]);
    let evaluation = run(&input, &just("long"));
    assert_eq!(evaluation.findings.len(), count as u64);
    for finding in &findings(&evaluation) {
        assert_eq!(finding.status, Status::Unknown, "{}", finding.resource.id);
        assert!(!finding.gaps.is_empty());
    }
}

/// All built-in checks over all resources of all their cases, each against every rule of its type.
#[test]
fn the_whole_catalogue_over_its_own_examples() {
    let catalog = Catalog::builtin().unwrap();
    let (manifest, units) = posture_engine::bench::synthetic(&catalog, 200).unwrap();
    let input = Input::new(manifest, units);
    let evaluation = evaluate_input(&input, &catalog, &Options::default()).unwrap();
    assert!(evaluation.by_status[&Status::Pass] > 0);
    assert!(evaluation.by_status[&Status::Fail] > 0);
    let sums: u64 = evaluation.by_status.values().sum();
    assert!(sums > evaluation.findings.len());
}
