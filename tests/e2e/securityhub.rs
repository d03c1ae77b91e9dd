//! `posture report --to securityhub`: what is imported, what is archived, and what never is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Hub, Posture, Proxy, Ran, Request, Server, demo, read_json, work_dir};

const OWN: &str = "111111111111";
const OTHER: &str = "222222222222";
const CHECKS: [(&str, &str, &str); 2] = [
    (
        "lambda-function-policy-public",
        "lambda.function",
        "critical",
    ),
    ("iam-user-unused", "iam.user", "low"),
];

/// A report of a made-up scan, to be changed as a test wants it.
#[derive(Debug, Clone)]
struct Made {
    report: Value,
}

impl Made {
    /// Two accounts, two regions; everything could be read, and nothing was found.
    fn new(started_at: &str) -> Self {
        let place = |account: &str, region: &str, services: &[&str]| json!({"account": account, "region": region, "services": services, "incomplete": []});
        let counts = json!({"fail": 0, "unknown": 0, "pass": 0, "not_applicable": 0, "waived": 0});
        let scores = json!({"score": null, "coverage": null, "pass": 0, "fail": 0, "unknown": 0});
        let account = |id: &str, name: &str| json!({"id": id, "name": name, "regions": ["eu-west-1", "us-east-1"]});
        let places: Vec<Value> = [OWN, OTHER]
            .iter()
            .flat_map(|id| {
                [
                    place(id, "eu-west-1", &["lambda"]),
                    place(id, "us-east-1", &["lambda"]),
                    place(id, "global", &["iam"]),
                ]
            })
            .collect();
        Self {
            report: json!({
                "schema_version": "1.1",
                "scan": {
                    "id": "s1",
                    "started_at": started_at,
                    "finished_at": started_at,
                    "tool": {"name": "posture", "version": "0.1.0", "catalog_digest": "d"},
                    "accounts": [account(OWN, "own"), account(OTHER, "other")],
                    "places": places,
                    "statuses": ["fail", "unknown", "waived"],
                },
                "summary": {
                    "resources": 0, "checks": 2, "complete": true, "by_status": counts,
                    "by_severity": {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0},
                },
                "scores": {"overall": scores, "well_architected": [], "owasp_serverless": [], "accounts": []},
                "coverage": [],
                "checks": CHECKS.iter().map(|(id, kind, severity)| json!({
                    "id": id, "title": "A weakness", "severity": severity, "resource": kind,
                    "digest": "0123456789abcdef", "verdicts": counts,
                })).collect::<Vec<_>>(),
                "findings": [],
                "manual": [],
                "resources": [],
            }),
        }
    }

    /// With a finding, in whose place it is judged.
    fn with(mut self, number: usize, status: &str, place: (&str, &str)) -> Self {
        let (account, region) = place;
        let (check, kind, severity) = CHECKS[usize::from(region == "global")];
        let arn = arn(number, account, region);
        let finding = json!({
            "id": id(number), "check": check, "title": "A weakness", "status": status,
            "severity": severity, "confidence": "high", "account": account, "region": region,
            "resource": {"type": kind, "arn": arn, "id": format!("r{number}"), "name": format!("r{number}"), "tags": {}},
            "message": "A weakness: found", "evidence": [], "gaps": [], "practices": [],
            "well_architected": [], "owasp_serverless": [], "serverless_lens": [],
            "risk": "It may be used.", "fix": {"cli": "aws x", "terraform": null, "console": null},
            "references": [], "first_seen": null,
            "waiver": if status == "waived" {
                json!({"reason": "accepted", "owner": "alice", "ticket": "T-1", "expires": "2099-01-01T00:00:00Z"})
            } else { Value::Null },
        });
        self.list("findings").push(finding);
        self
    }

    /// The resource of a finding was judged, whatever came of it.
    fn judged(mut self, keys: &BTreeMap<String, String>, numbers: &[usize]) -> Self {
        let mut known: Vec<Value> = numbers.iter().map(|n| json!(keys[&hub_id(*n)])).collect();
        known.sort_by_key(|key| key.as_str().unwrap().to_owned());
        *self.list("resources") = known;
        self
    }

    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        self.report[name].as_array_mut().unwrap()
    }

    fn write(&self, name: &str) -> PathBuf {
        let path = work_dir().join(format!("hub-{name}.json"));
        std::fs::write(&path, self.report.to_string()).unwrap();
        path
    }
}

fn id(number: usize) -> String {
    format!("{number:032x}")
}

fn hub_id(number: usize) -> String {
    format!("posture/{}", id(number))
}

fn arn(number: usize, account: &str, region: &str) -> String {
    match region {
        "global" => format!("arn:aws:iam::{account}:user/r{number}"),
        _ => format!("arn:aws:lambda:{region}:{account}:function:r{number}"),
    }
}

/// Imports a report.
fn import(hub: &Hub, made: &Made, name: &str) -> Posture {
    Posture::new(["report", "--to", "securityhub", "--role-name", "Importer"])
        .args([made.write(name)])
        .keys("local", "local")
        .at(&hub.endpoint())
}

/// The resource keys that findings carry, by id.
fn keys(hub: &Hub) -> BTreeMap<String, String> {
    let key = |finding: &Value| {
        let key = &finding["ProductFields"]["posture/resource_key"];
        key.as_str().unwrap().to_owned()
    };
    hub.findings()
        .iter()
        .map(|(id, finding)| (id.clone(), key(finding)))
        .collect()
}

fn state(hub: &Hub, number: usize) -> String {
    let findings = hub.findings();
    findings[&hub_id(number)]["RecordState"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn workflow(hub: &Hub, number: usize) -> String {
    let findings = hub.findings();
    findings[&hub_id(number)]["Workflow"]["Status"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What the last line sums up.
#[track_caller]
fn assert_sum(ran: &Ran, sum: &str) {
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("in all"))
        .unwrap();
    assert_eq!(line, format!("in all  {sum}"), "{}", ran.stdout);
}

const MONDAY: &str = "2026-03-02T05:00:00Z";
const TUESDAY: &str = "2026-03-03T05:00:00Z";

#[test]
fn findings_go_to_their_own_account_and_region_and_come_once() {
    let hub = Hub::start();
    let made = Made::new(MONDAY)
        .with(1, "fail", (OWN, "eu-west-1"))
        .with(2, "fail", (OWN, "us-east-1"))
        .with(3, "unknown", (OTHER, "eu-west-1"))
        .with(4, "fail", (OTHER, "global"));
    let ran = import(&hub, &made, "places").run().code(0);
    assert_sum(&ran, "4 new, 0 updated, 0 archived");
    let findings = hub.findings();
    assert_eq!(findings.len(), 4);
    let at = |number: usize| {
        let finding = &findings[&hub_id(number)];
        (
            finding["AwsAccountId"].as_str().unwrap(),
            finding["Region"].as_str().unwrap(),
        )
    };
    assert_eq!(at(1), (OWN, "eu-west-1"));
    assert_eq!(at(2), (OWN, "us-east-1"));
    assert_eq!(at(3), (OTHER, "eu-west-1"));
    assert_eq!(at(4), (OTHER, "us-east-1"));
    assert_eq!(findings[&hub_id(3)]["Compliance"]["Status"], "WARNING");
    let created = findings[&hub_id(1)]["CreatedAt"].clone();

    // The same report again, and the next day's: updated, never doubled, and as old as they are.
    let ran = import(&hub, &made, "places").run().code(0);
    assert_sum(&ran, "0 new, 4 updated, 0 archived");
    let mut tuesday = made.clone();
    tuesday.report["scan"]["started_at"] = TUESDAY.into();
    import(&hub, &tuesday, "places-later").run().code(0);
    let findings = hub.findings();
    assert_eq!(findings.len(), 4);
    assert_eq!(findings[&hub_id(1)]["CreatedAt"], created);
    assert_eq!(findings[&hub_id(1)]["LastObservedAt"], TUESDAY);
}

#[test]
fn what_is_resolved_is_archived_and_what_was_not_seen_is_not() {
    let hub = Hub::start();
    let place = (OWN, "eu-west-1");
    let mut monday = Made::new(MONDAY);
    for number in 1..=4 {
        monday = monday.with(number, "fail", place);
    }
    monday = monday
        .with(5, "fail", (OWN, "us-east-1"))
        .with(6, "fail", (OWN, "global"));
    import(&hub, &monday, "monday").run().code(0);
    let keys = keys(&hub);

    // Tuesday: 1 still fails, 2 was judged and is sound, 3 is gone, 4 cannot be read any more.
    let tuesday = Made::new(TUESDAY)
        .with(1, "fail", place)
        .with(4, "unknown", place)
        .judged(&keys, &[1, 2, 4, 5, 6]);

    // Whatever keeps the scan from knowing, nothing is archived.
    let blind = |name: &str, change: &dyn Fn(&mut Value), says: &str| {
        let mut made = tuesday.clone();
        made.report["resources"] = json!([]);
        change(&mut made.report);
        let ran = import(&hub, &made, name).run().code(0);
        for number in 1..=6 {
            assert_eq!(
                state(&hub, number),
                "ACTIVE",
                "{name}: {number}\n{}",
                ran.stdout
            );
        }
        assert!(ran.stdout.contains(says), "{name}: {}", ran.stdout);
    };
    blind(
        "interrupted",
        &|report| report["scan"]["finished_at"] = Value::Null,
        "interrupted",
    );
    blind(
        "checks",
        &|report| report["checks"] = json!([]),
        "the check was not run",
    );
    blind(
        "places",
        &|report| report["scan"]["places"] = json!([]),
        "did not look there",
    );
    blind(
        "statuses",
        &|report| report["scan"]["statuses"] = json!(["fail"]),
        "does not list",
    );
    blind(
        "incomplete",
        &|report| {
            for place in report["scan"]["places"].as_array_mut().unwrap() {
                place["incomplete"] = json!(["lambda.function", "iam.user"]);
            }
        },
        "not everything could be listed",
    );
    blind(
        "older",
        &|report| report["scan"]["started_at"] = "2026-03-01T05:00:00Z".into(),
        "a later scan has told of them",
    );

    // The first import of Tuesday's own report settles it.
    let ran = import(&hub, &tuesday, "tuesday").run().code(0);
    let states: Vec<String> = (1..=6).map(|number| state(&hub, number)).collect();
    assert_eq!(
        states,
        [
            "ACTIVE", "ARCHIVED", "ARCHIVED", "ACTIVE", "ARCHIVED", "ARCHIVED"
        ],
        "{}",
        ran.stdout
    );
    assert_sum(&ran, "0 new, 2 updated, 4 archived");
    let findings = hub.findings();
    assert_eq!(findings[&hub_id(4)]["Compliance"]["Status"], "WARNING");

    // Again: nothing more to do. And on Wednesday 2 is back.
    let ran = import(&hub, &tuesday, "tuesday").run().code(0);
    assert_sum(&ran, "0 new, 2 updated, 0 archived");
    let mut wednesday = tuesday.with(2, "fail", place);
    wednesday.report["scan"]["started_at"] = "2026-03-04T05:00:00Z".into();
    import(&hub, &wednesday, "wednesday").run().code(0);
    assert_eq!(state(&hub, 2), "ACTIVE");
}

#[test]
fn a_selection_archives_within_itself_only() {
    let hub = Hub::start();
    let monday = Made::new(MONDAY)
        .with(1, "fail", (OWN, "eu-west-1"))
        .with(2, "fail", (OWN, "global"))
        .with(3, "fail", (OTHER, "eu-west-1"));
    import(&hub, &monday, "select-monday").run().code(0);
    let clean = Made::new(TUESDAY);
    let ran = import(&hub, &clean, "select")
        .args(["--severity", "critical", "--account", OWN])
        .run()
        .code(0);
    assert_sum(&ran, "0 new, 0 updated, 1 archived");
    assert_eq!(state(&hub, 1), "ARCHIVED");
    assert_eq!(state(&hub, 2), "ACTIVE");
    assert_eq!(state(&hub, 3), "ACTIVE");
    import(&hub, &clean, "select")
        .args(["--no-archive"])
        .run()
        .code(0);
    assert_eq!(state(&hub, 2), "ACTIVE");
    // Listing failures alone does not say what is unknown now: that is for the report to know, not for what
    // is sent.
    let open = Made::new(TUESDAY).with(2, "unknown", (OWN, "global"));
    import(&hub, &open, "select-open")
        .args(["--status", "fail"])
        .run()
        .code(0);
    assert_eq!(state(&hub, 2), "ACTIVE");
    assert_eq!(state(&hub, 3), "ARCHIVED");
}

#[test]
fn findings_of_others_are_left_alone() {
    let hub = Hub::start();
    let monday =
        Made::new(MONDAY)
            .with(1, "fail", (OWN, "eu-west-1"))
            .with(2, "fail", (OWN, "eu-west-1"));
    import(&hub, &monday, "others-monday").run().code(0);
    // Another tool sends through the same integration; and one of ours lost what tells what it is about.
    hub.change(&hub_id(1), |finding| {
        finding.insert("GeneratorId".to_owned(), json!("other/check"));
    });
    hub.change(&hub_id(2), |finding| {
        finding.insert("ProductFields".to_owned(), json!({}));
    });
    import(&hub, &Made::new(TUESDAY), "others").run().code(0);
    assert_eq!(state(&hub, 1), "ACTIVE");
    assert_eq!(state(&hub, 2), "ACTIVE");
}

#[test]
fn waived_findings_are_suppressed_and_come_back() {
    let hub = Hub::start();
    let place = (OWN, "eu-west-1");
    let monday = Made::new(MONDAY)
        .with(1, "fail", place)
        .with(2, "waived", place)
        .with(3, "fail", place);
    import(&hub, &monday, "waived-monday").run().code(0);
    assert_eq!(workflow(&hub, 1), "NEW");
    assert_eq!(workflow(&hub, 2), "SUPPRESSED");
    // A person suppressed 3.
    hub.change(&hub_id(3), |finding| {
        finding.insert("Workflow".to_owned(), json!({"Status": "SUPPRESSED"}));
        finding.insert(
            "Note".to_owned(),
            json!({"Text": "mine", "UpdatedBy": "bob", "UpdatedAt": MONDAY}),
        );
    });
    let tuesday = Made::new(TUESDAY)
        .with(1, "waived", place)
        .with(2, "fail", place)
        .with(3, "fail", place);
    let ran = import(&hub, &tuesday, "waived-tuesday").run().code(0);
    assert_sum(
        &ran,
        "0 new, 3 updated, 0 archived, 2 suppressed or released",
    );
    assert_eq!(workflow(&hub, 1), "SUPPRESSED");
    assert_eq!(workflow(&hub, 2), "NEW");
    // What a person decided stays.
    assert_eq!(workflow(&hub, 3), "SUPPRESSED");
    let note = hub.findings()[&hub_id(1)]["Note"].clone();
    assert!(
        note["Text"].as_str().unwrap().contains("accepted"),
        "{note}"
    );
}

#[test]
fn a_dry_run_sends_nothing() {
    let hub = Hub::start();
    let made =
        Made::new(MONDAY)
            .with(1, "fail", (OWN, "eu-west-1"))
            .with(2, "waived", (OTHER, "global"));
    let ran = import(&hub, &made, "dry").args(["--dry-run"]).run().code(0);
    assert!(ran.stdout.starts_with("Nothing was sent"), "{}", ran.stdout);
    assert_sum(&ran, "2 new, 0 updated, 0 archived");
    import(&hub, &made, "dry").run().code(0);
    hub.forget_calls();
    let ran = import(&hub, &Made::new(TUESDAY), "dry-clean")
        .args(["--dry-run"])
        .run()
        .code(0);
    assert_sum(&ran, "0 new, 0 updated, 2 archived");
    assert_eq!(state(&hub, 1), "ACTIVE");
    assert_eq!(
        hub.calls("BatchImportFindings") + hub.calls("BatchUpdateFindings"),
        0
    );
    assert!(hub.calls("GetFindings") > 0);
}

#[test]
fn many_findings_go_in_batches_over_pages_and_throttling_is_waited_out() {
    let hub = Hub::start();
    hub.pages_of(30);
    hub.throttle(2);
    let mut made = Made::new(MONDAY);
    for number in 1..=250 {
        made = made.with(number, "fail", (OWN, "eu-west-1"));
    }
    let ran = import(&hub, &made, "many").run().code(0);
    assert_sum(&ran, "250 new, 0 updated, 0 archived");
    assert_eq!(hub.calls("BatchImportFindings"), 3);
    let ran = import(&hub, &Made::new(TUESDAY), "many-clean")
        .run()
        .code(0);
    assert_sum(&ran, "0 new, 0 updated, 250 archived");
    assert!(
        hub.findings()
            .values()
            .all(|finding| finding["RecordState"] == "ARCHIVED")
    );
}

#[test]
fn what_is_not_taken_is_said_and_is_no_success() {
    let hub = Hub::start();
    hub.refuse(&hub_id(2));
    hub.disable(OWN, "us-east-1");
    let made = Made::new(MONDAY)
        .with(1, "fail", (OWN, "eu-west-1"))
        .with(2, "fail", (OWN, "eu-west-1"))
        .with(3, "fail", (OWN, "us-east-1"))
        .with(4, "fail", (OTHER, "eu-west-1"));
    let ran = import(&hub, &made, "failing").run().code(2);
    assert!(hub.findings().contains_key(&hub_id(1)));
    assert!(hub.findings().contains_key(&hub_id(4)));
    for says in [
        "error: not everything was imported",
        "refused by the test",
        &hub_id(2),
        "is not subscribed to AWS Security Hub",
        "(1 finding not sent)",
        "posture permissions --for securityhub",
    ] {
        assert!(
            ran.stderr.contains(says),
            "{says:?} is missing: {}",
            ran.stderr
        );
    }
    // Where nothing is to be sent, no Security Hub is no problem.
    let quiet = Made::new(TUESDAY).with(1, "fail", (OWN, "eu-west-1"));
    import(&hub, &quiet, "failing-quiet").run().code(0);
}

#[test]
fn an_account_of_others_needs_a_role() {
    let hub = Hub::start();
    let made = Made::new(MONDAY)
        .with(1, "fail", (OTHER, "eu-west-1"))
        .with(2, "fail", (OWN, "eu-west-1"));
    let ran = Posture::new(["report", "--to", "securityhub"])
        .args([made.write("role")])
        .keys("local", "local")
        .at(&hub.endpoint())
        .run()
        .code(2);
    assert!(ran.stderr.contains("--role-name"), "{}", ran.stderr);
    assert!(hub.findings().contains_key(&hub_id(2)));
    assert!(!hub.findings().contains_key(&hub_id(1)));
    let ran = Posture::new(["report", "--to", "securityhub"])
        .args([made.write("keys")])
        .at("http://127.0.0.1:9")
        .run()
        .code(4);
    assert!(
        ran.stderr.contains("no usable credentials"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_policy_is_what_is_called() {
    let ran = Posture::new(["permissions", "--for", "securityhub"])
        .run()
        .code(0);
    let policy: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!([
            "securityhub:BatchImportFindings",
            "securityhub:BatchUpdateFindings",
            "securityhub:GetFindings"
        ])
    );
    // And what scans may do nothing of it.
    let scan = Posture::new(["permissions"]).run().code(0);
    assert!(!scan.stdout.contains("securityhub"));
    let ran = Posture::new(["permissions", "--for", "securityhub", "-o", "terraform"])
        .run()
        .code(2);
    assert!(ran.stderr.contains("one policy, as JSON"), "{}", ran.stderr);
}

/// The findings of all requests of a kind.
fn sent(requests: &[Request]) -> Vec<Value> {
    requests
        .iter()
        .filter(|request| request.path == "/findings/import")
        .flat_map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let findings = body["Findings"].as_array().unwrap().clone();
            assert!((1..=100).contains(&findings.len()));
            findings
        })
        .collect()
}

/// The whole way, from a scan to the emulator's Security Hub and back.
#[test]
fn the_demo_is_imported_into_an_emulated_aws_and_its_resolved_findings_archived() {
    let Some(demo) = demo() else { return };
    let Some(server) = Server::moto() else { return };
    let run = |name: &str, report: &Value| {
        let proxy = Proxy::start(&server.endpoint);
        let path = work_dir().join(format!("moto-{name}.json"));
        std::fs::write(&path, report.to_string()).unwrap();
        let ran = Posture::new([
            "report",
            "--to",
            "securityhub",
            "--role-name",
            "PostureScan",
        ])
        .args([path])
        .keys("local", "local")
        .at(&proxy.endpoint())
        .run()
        .code(0);
        (ran, sent(&proxy.requests()))
    };
    let report = read_json(&demo.report_path);
    let total = report["findings"].as_array().unwrap().len();
    let (ran, first) = run("first", &report);
    assert_sum(&ran, &format!("{total} new, 0 updated, 0 archived"));
    assert_eq!(first.len(), total);

    // A later scan: one weakness was mended, one resource deleted, and one type could not be listed.
    let mut later = report.clone();
    later["scan"]["started_at"] = "2099-01-01T00:00:00Z".into();
    let failing = |kind: &str| {
        let all = report["findings"].as_array().unwrap();
        let found = all
            .iter()
            .find(|f| f["status"] == "fail" && f["resource"]["type"] == kind);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (mended, deleted, hidden) = (
        failing("s3.bucket"),
        failing("ec2.security_group"),
        failing("kms.key"),
    );
    let key = |id: &str| {
        let found = first
            .iter()
            .find(|f| f["Id"] == format!("posture/{id}"))
            .unwrap();
        found["ProductFields"]["posture/resource_key"].clone()
    };
    let (gone, unseen) = (key(&deleted), key(&hidden));
    later["findings"].as_array_mut().unwrap().retain(|f| {
        ![&mended, &deleted, &hidden]
            .iter()
            .any(|id| f["id"] == **id)
    });
    later["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|key| *key != gone && *key != unseen);
    for place in later["scan"]["places"].as_array_mut().unwrap() {
        place["incomplete"]
            .as_array_mut()
            .unwrap()
            .push(json!("kms.key"));
    }
    let (ran, second) = run("later", &later);
    assert_sum(&ran, &format!("0 new, {} updated, 2 archived", total - 3));
    assert!(
        ran.stdout
            .contains("left as they are: 1 earlier finding not listed now, because not everything"),
        "{}",
        ran.stdout
    );
    let mut archived: Vec<&str> = second
        .iter()
        .filter(|finding| finding["RecordState"] == "ARCHIVED")
        .map(|finding| finding["Id"].as_str().unwrap())
        .collect();
    archived.sort_unstable();
    let mut expected = [format!("posture/{mended}"), format!("posture/{deleted}")];
    expected.sort();
    assert_eq!(archived, expected);
}
