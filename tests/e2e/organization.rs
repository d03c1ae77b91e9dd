//! A whole organization, simulated: what cannot be read is named, what can is judged as ever; gently, and nothing
//! is lost by a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use posture_fleet::{
    Account, Config, Death, ErrorKind, ErrorRule, Estate, Faults, Fleet, Latency, Limit, Sessions,
};
use serde_json::Value;

use crate::support::{Posture, findings, read_json, work_dir};

const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];

fn start(estate: Estate, faults: Faults) -> Fleet {
    Fleet::start(Config { estate, faults }).unwrap()
}

fn account(index: usize) -> String {
    Account::nth(index).to_string()
}

/// A scan into files of this name.
struct Scan<'a> {
    fleet: &'a Fleet,
    name: &'a str,
    services: &'a str,
}

impl Scan<'_> {
    fn report(&self) -> PathBuf {
        work_dir().join(format!("{}.json", self.name))
    }

    fn snapshot(&self) -> PathBuf {
        work_dir().join(self.name)
    }

    fn posture(&self) -> Posture {
        Posture::new(["scan", "--role-name", "PostureScan", "--status", "all"])
            .args(["--service", self.services])
            .args(["-o".to_owned(), format!("json={}", self.report().display())])
            .args([Path::new("--snapshot"), &self.snapshot()])
            .keys("local", "local")
            .at(&self.fleet.url())
    }

    fn org(&self) -> Posture {
        self.posture().args(["--org"])
    }

    fn read(&self) -> Value {
        read_json(&self.report())
    }
}

/// The accounts that a report is about.
fn accounts(report: &Value) -> Vec<String> {
    let accounts = report["scan"]["accounts"].as_array().unwrap();
    let id = |account: &Value| account["id"].as_str().unwrap().to_owned();
    accounts.iter().map(id).collect()
}

#[test]
fn of_fifty_accounts_what_can_be_read_is_and_the_rest_is_named() {
    let estate = Estate {
        accounts: 50,
        regions: REGIONS.map(str::to_owned).to_vec(),
        disabled_regions: Vec::new(),
        resources: 2,
        ..Estate::default()
    };
    let fleet = start(estate, Faults::default());
    let scan = |name| Scan {
        fleet: &fleet,
        name,
        services: "kms,ecr,lambda",
    };
    let sound = scan("fifty-sound");
    sound.org().run().code(1);
    let truth = findings(&sound.read());

    let closed: BTreeSet<String> = [7, 19, 42].map(account).into();
    let dead = "eu-central-1";
    let tight = Limit {
        retry_after_s: Some(0),
        ..Limit::new(4.0, 8.0)
    };
    fleet
        .set_faults(Faults {
            dead_regions: BTreeMap::from([(dead.to_owned(), Death::Close)]),
            unassumable: [7, 19, 42].map(Account::nth).into(),
            limits: BTreeMap::from([
                ("lambda".to_owned(), tight.clone()),
                ("kms".to_owned(), tight),
            ]),
            ..Faults::default()
        })
        .unwrap();
    fleet.reset();
    let broken = scan("fifty");
    let ran = broken
        .org()
        .args(["--max-attempts", "3", "--call-timeout", "5"])
        .run()
        .code(3);
    let report = broken.read();
    assert_eq!(report["summary"]["complete"], false);
    assert!(
        fleet.stats().totals.counts.throttled > 0,
        "nothing was throttled"
    );

    // The ledger names the three, and says why.
    for account in report["scan"]["accounts"].as_array().unwrap() {
        let id = account["id"].as_str().unwrap();
        assert!(
            account["name"].is_string() && account["email"].is_string(),
            "{account}"
        );
        assert!(
            account["ou_path"].as_str().unwrap().starts_with("Root"),
            "{account}"
        );
        let gaps = account["gaps"].as_array().unwrap();
        assert_eq!(gaps.is_empty(), !closed.contains(id), "{account}");
        for gap in gaps {
            assert_eq!(gap["operation"], "core:AssumeRole");
            assert_eq!(gap["reason"], "access_denied");
            assert!(ran.stderr.contains(id), "{}", ran.stderr);
        }
    }
    assert_eq!(accounts(&report).len(), 50);
    // Everywhere else only the dead region lacks anything.
    for row in report["coverage"].as_array().unwrap() {
        let whose = row["account"].as_str().unwrap();
        if row["outcome"] == "ok" || row["outcome"] == "not_offered" {
            continue;
        }
        let named = row["region"] == dead || row["operation"] == "core:AssumeRole";
        assert!(named, "{row}");
        assert!(row["region"] == dead || closed.contains(whose), "{row}");
    }
    // 47 accounts are judged as ever in three regions, and not judged in the fourth.
    let found = findings(&report);
    let mut compared = 0;
    for (key, was) in &truth {
        if closed.contains(&was.account) {
            assert!(!found.contains_key(key), "{key:?} was judged unseen");
        } else if was.region != dead {
            assert_eq!(found.get(key), Some(was), "{key:?}");
            compared += 1;
        }
    }
    for (key, is) in &found {
        let open = !truth.contains_key(key) || is.region == dead;
        assert!(!open || is.status == "unknown", "{is:?}");
    }
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn accounts_are_chosen_by_unit_tag_and_file() {
    let estate = Estate {
        accounts: 12,
        suspended_accounts: 1,
        regions: vec!["us-east-1".to_owned()],
        disabled_regions: Vec::new(),
        resources: 1,
        ..Estate::default()
    };
    let fleet = start(estate, Faults::default());
    let scan = |name| Scan {
        fleet: &fleet,
        name,
        services: "ecr",
    };
    let all = scan("choose-all");
    all.org().run();
    let report = all.read();
    let known = report["scan"]["accounts"].as_array().unwrap();
    assert_eq!(known.len(), 12, "the suspended one is left out");
    let wanted = |holds: &dyn Fn(&Value) -> bool| -> Vec<String> {
        let chosen = known.iter().filter(|account| holds(account));
        chosen
            .map(|a| a["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();

    // A unit with those below it, by path.
    let unit = known
        .iter()
        .map(|account| text(&account["ou_path"]))
        .filter(|path| path != "Root")
        .map(|path| path.split('/').take(2).collect::<Vec<_>>().join("/"))
        .next()
        .unwrap();
    let below = |account: &Value| {
        let path = text(&account["ou_path"]);
        path == unit || path.starts_with(&format!("{unit}/"))
    };
    let chosen = scan("choose-unit");
    chosen
        .org()
        .args(["--ou", unit.trim_start_matches("Root/")])
        .run();
    assert_eq!(accounts(&chosen.read()), wanted(&below));
    let others = scan("choose-no-unit");
    others.org().args(["--exclude-ou", &unit]).run();
    assert_eq!(accounts(&others.read()), wanted(&|account| !below(account)));

    let (key, value) = known
        .iter()
        .find_map(|account| account["tags"].as_object()?.iter().next())
        .unwrap();
    let tagged = scan("choose-tag");
    tagged
        .org()
        .args(["--account-tag".to_owned(), format!("{key}={}", text(value))])
        .run();
    let holds = |account: &Value| account["tags"][key] == *value;
    assert_eq!(accounts(&tagged.read()), wanted(&holds));

    let file = work_dir().join("accounts.txt");
    let listed = format!("# audit\n{}\n{}, payments\n", account(2), account(3));
    std::fs::write(&file, listed).unwrap();
    let named = scan("choose-file");
    named
        .posture()
        .args([Path::new("--accounts"), &file])
        .args(["--exclude-account", &account(2)])
        .run();
    assert_eq!(accounts(&named.read()), [account(3)]);
    // By name it is known only what a caller knows without the organization.
    assert!(named.read()["scan"]["accounts"][0]["name"].is_null());
}

#[test]
fn what_cannot_be_chosen_is_said_before_anything_is_read() {
    let fleet = start(Estate::default(), Faults::default());
    let scan = Scan {
        fleet: &fleet,
        name: "unchosen",
        services: "ecr",
    };
    let says = |posture: Posture, code, words: &[&str]| {
        let ran = posture.run().code(code);
        for word in words {
            assert!(ran.stderr.contains(word), "{word:?} in {}", ran.stderr);
        }
    };
    says(
        scan.org().args(["--ou", "Workload/Prod"]),
        2,
        &["no unit", "there are:"],
    );
    says(
        scan.posture().args(["--ou", "Workloads"]),
        2,
        &["give --org"],
    );
    says(
        scan.org().args(["--account", "999999999999"]),
        2,
        &["no active account of the organization"],
    );
    let elsewhere = "arn:aws:iam::111000000001:role/PostureScan";
    says(
        Posture::new(["scan", "--org", "--role-name", elsewhere])
            .args(["--service", "ecr"])
            .args([Path::new("--snapshot"), &scan.snapshot()])
            .keys("local", "local")
            .at(&fleet.url()),
        2,
        &["is no role in account", "{account}"],
    );
    says(
        scan.org().args(["--via", "Audit"]),
        2,
        &["not the ARN of a role"],
    );
    says(
        scan.org().args(["--session-name", "a b"]),
        2,
        &["no name of a session"],
    );
    let file = work_dir().join("wrong.txt");
    std::fs::write(&file, "111000000001\nprod\n").unwrap();
    says(
        scan.posture().args([Path::new("--accounts"), &file]),
        2,
        &["wrong.txt:2: ", "one account id a line"],
    );
    // A filter that asks for what the caller may not read chooses nobody in silence.
    fleet
        .set_faults(Faults {
            errors: vec![ErrorRule {
                kind: ErrorKind::Denied,
                rate: 1.0,
                account: None,
                region: None,
                service: Some("organizations".to_owned()),
                operation: Some("ListTagsForResource".to_owned()),
                attempts: None,
            }],
            ..Faults::default()
        })
        .unwrap();
    says(
        scan.org().args(["--account-tag", "env=prod"]),
        4,
        &[
            "it cannot be told",
            "grant organizations:ListTagsForResource",
        ],
    );
    assert!(!scan.snapshot().exists(), "something was written");
}

#[test]
fn roles_in_a_chain_lead_to_the_accounts_and_are_renewed() {
    let estate = Estate {
        accounts: 3,
        regions: vec!["us-gov-west-1".to_owned()],
        disabled_regions: Vec::new(),
        partition: "aws-us-gov".to_owned(),
        resources: 6,
        ..Estate::default()
    };
    let faults = Faults {
        latency: Latency {
            base_ms: 30,
            ..Latency::default()
        },
        sessions: Sessions {
            lifetime_ms: 400,
            // A careful client could not know.
            promised_ms: Some(3_600_000),
        },
        ..Faults::default()
    };
    let fleet = start(estate, faults);
    let scan = Scan {
        fleet: &fleet,
        name: "chain",
        services: "kms,ecr",
    };
    let via = |index| format!("arn:aws-us-gov:iam::{}:role/Hop", account(index));
    scan.org()
        .args(["--via".to_owned(), via(1), "--via".to_owned(), via(0)])
        .args(["--region", "us-gov-west-1", "--session-name", "nightly"])
        .args(["--session-tag", "team=security"])
        .run()
        .code(1);
    let report = scan.read();
    assert_eq!(report["summary"]["complete"], true);
    assert_eq!(accounts(&report).len(), 3);
    assert!(fleet.stats().totals.counts.expired > 0, "nothing expired");
}

/// Calls that need not have been made, in the places of each unit that has any.
fn repeated_units(fleet: &Fleet) -> BTreeSet<(String, String, String)> {
    let stats = fleet.stats();
    let places = stats
        .places
        .iter()
        .filter(|place| place.counts.repeated > 0);
    places
        .filter(|place| ["kms", "ecr", "iam"].contains(&place.service.as_str()))
        .map(|place| {
            (
                place.account.to_string(),
                place.region.clone(),
                place.service.clone(),
            )
        })
        .collect()
}

fn complete_units(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let each = entries.flatten().map(|entry| {
        let path = entry.path();
        let is_unit = path.to_str().is_some_and(|p| p.ends_with(".unit.json"));
        if path.is_dir() {
            complete_units(&path)
        } else {
            usize::from(is_unit)
        }
    });
    each.sum()
}

#[test]
fn a_kill_at_any_moment_costs_one_unit_for_each_worker() {
    const WORKERS: usize = 3;
    const KILLS: u64 = 10;
    let estate = Estate {
        accounts: 4,
        regions: REGIONS.map(str::to_owned).to_vec(),
        disabled_regions: Vec::new(),
        resources: 3,
        ..Estate::default()
    };
    let faults = Faults {
        latency: Latency {
            base_ms: 15,
            ..Latency::default()
        },
        ..Faults::default()
    };
    let fleet = start(estate, faults);
    let whole = Scan {
        fleet: &fleet,
        name: "uninterrupted",
        services: "kms,ecr,iam",
    };
    let command = |scan: &Scan<'_>| scan.org().args(["--workers", &WORKERS.to_string()]);
    command(&whole).run().code(1);
    let truth = whole.read()["findings"].to_string();

    let mut interrupted = 0;
    for kill in 0..KILLS {
        let name = format!("killed-{kill}");
        let scan = Scan {
            name: &name,
            ..whole
        };
        fleet.reset();
        let mut child = command(&scan).spawn();
        // At every stage: before the first unit, and later and later.
        let from = usize::try_from(kill).unwrap() * 3;
        let begun = Instant::now();
        while complete_units(&scan.snapshot()) < from && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(7 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        let manifest = std::fs::read(scan.snapshot().join("manifest.json"));
        let over = manifest.is_ok_and(|manifest| {
            let manifest: Value = serde_json::from_slice(&manifest).unwrap();
            !manifest["scan"]["finished_at"].is_null()
        });
        command(&scan).run().code(1);
        // One that was over is not gone on with: the second is a scan of its own.
        if !over {
            interrupted += 1;
            let again = repeated_units(&fleet);
            assert!(again.len() <= WORKERS, "kill {kill}: {again:?}");
        }
        assert_eq!(scan.read()["findings"].to_string(), truth, "kill {kill}");
    }
    assert!(
        interrupted >= 5,
        "{interrupted} of {KILLS} were killed in time"
    );
}

/// What is more than the calls that a perfect scan makes.
#[test]
fn a_server_that_throttles_is_asked_hardly_more_often_than_need_be() {
    let estate = Estate {
        accounts: 1,
        regions: vec!["us-east-1".to_owned()],
        disabled_regions: Vec::new(),
        resources_of: BTreeMap::from([("s3".to_owned(), 60)]),
        ..Estate::default()
    };
    let faults = Faults {
        // Less than a scan would take by itself.
        limits: BTreeMap::from([("s3".to_owned(), Limit::new(30.0, 60.0))]),
        ..Faults::default()
    };
    let fleet = start(estate, faults);
    let scan = Scan {
        fleet: &fleet,
        name: "throttled",
        services: "s3",
    };
    scan.posture().args(["--fail-on", "none"]).run().code(0);
    assert_eq!(scan.read()["summary"]["complete"], true);
    let stats = fleet.stats();
    let s3 = stats.places.iter().filter(|place| place.service == "s3");
    let (calls, throttled) = s3.fold((0, 0), |(calls, throttled), place| {
        (
            calls + place.counts.calls,
            throttled + place.counts.throttled,
        )
    });
    assert!(calls > 800, "{calls} calls");
    assert!(throttled > 0, "nothing was throttled");
    let least = calls - throttled;
    assert!(
        50 * throttled <= least,
        "{throttled} throttled beside {least}"
    );
}
