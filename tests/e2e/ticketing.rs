//! A month of scans, as `docs/ticketing.md` tells it: every command in it is run here, and what it shows is what
//! comes out. `POSTURE_BLESS=1` writes the outputs into the document instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use posture_catalog::{Catalog, Status, example_resources};
use posture_model::{AccountId, Gap, GapReason, Partition, Region, Resource, Timestamp};
use posture_snapshot::{AccountRecord, Listing, Scope, SnapshotWriter, ToolRecord, UnitKey};
use serde_json::Value;

use self::github::{GitHub, REPOSITORY, TOKEN};
use self::server::{Asked, Office, Said, Server};
use crate::support::{Posture, manifest_dir};

#[expect(dead_code, reason = "a part is used here")]
#[path = "../../crates/track/tests/it/common/github.rs"]
mod github;
#[expect(dead_code, reason = "a part is used here")]
#[path = "../../crates/track/tests/it/common/server.rs"]
mod server;

const DOCUMENT: &str = "docs/ticketing.md";
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const URL: &str = "lambda-function-url-unauthenticated";
const ROTATION: &str = "kms-key-rotation-off";
const VERSIONING: &str = "s3-bucket-versioning-off";

/// What exists on a day: check, verdict, name; and whether keys could be listed.
struct Day {
    name: &'static str,
    resources: Vec<(&'static str, Status, &'static str)>,
    keys_denied: bool,
}

/// The month that the document tells of.
fn month() -> Vec<Day> {
    use Status::{Fail, Pass};
    let day = |name, resources: &[(&'static str, Status, &'static str)], keys_denied| Day {
        name,
        resources: resources.to_vec(),
        keys_denied,
    };
    vec![
        day(
            "2026-11-02",
            &[
                (URL, Fail, "checkout"),
                (URL, Pass, "orders"),
                (ROTATION, Fail, "payments"),
                (VERSIONING, Fail, "acme-exports"),
            ],
            false,
        ),
        // The URL is mended; a new function has one.
        day(
            "2026-11-09",
            &[
                (URL, Pass, "checkout"),
                (URL, Pass, "orders"),
                (URL, Fail, "refunds"),
                (ROTATION, Fail, "payments"),
                (VERSIONING, Fail, "acme-exports"),
            ],
            false,
        ),
        // Keys cannot be listed; a bucket is deleted.
        day(
            "2026-11-16",
            &[
                (URL, Pass, "checkout"),
                (URL, Pass, "orders"),
                (URL, Fail, "refunds"),
            ],
            true,
        ),
        // Keys are back, and the key is mended; the first URL is open again.
        day(
            "2026-11-23",
            &[
                (URL, Fail, "checkout"),
                (URL, Pass, "orders"),
                (URL, Fail, "refunds"),
                (ROTATION, Pass, "payments"),
            ],
            false,
        ),
    ]
}

/// Writes the snapshots of the month, one directory a day.
fn snapshots(directory: &Path) {
    let catalog = Catalog::builtin().unwrap_or_else(|_| panic!("the catalogue has mistakes"));
    for day in month() {
        let root = directory.join(day.name);
        snapshot(&catalog, &day, &root);
        // The moment is the document's.
        let path = root.join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest["scan"]["started_at"] = format!("{}T02:00:00Z", day.name).into();
        manifest["scan"]["finished_at"] = format!("{}T02:01:12Z", day.name).into();
        fs::write(&path, manifest.to_string()).unwrap();
    }
}

fn snapshot(catalog: &Catalog, day: &Day, root: &Path) {
    let tool = ToolRecord {
        name: "posture".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let scope = Scope {
        services: ["kms", "lambda", "s3"].map(str::to_owned).to_vec(),
        ..Scope::default()
    };
    let account = AccountId::new(ACCOUNT).unwrap();
    let scan = format!("scan-of-{}", day.name);
    let mut writer = SnapshotWriter::create_or_resume(root, tool, scan, scope).unwrap();
    let record = AccountRecord {
        id: account.clone(),
        name: Some("prod".to_owned()),
        email: None,
        ou_path: None,
        tags: BTreeMap::new(),
        partition: Partition::aws(),
        regions: vec![Region::new(REGION).unwrap()],
        gaps: Vec::new(),
        ledger: Vec::new(),
    };
    writer.set_accounts(account.clone(), vec![record]).unwrap();
    let mut keys = Vec::new();
    for (service, region, kind) in [
        ("kms", REGION, "kms.key"),
        ("lambda", REGION, "lambda.function"),
        ("s3", "global", "s3.bucket"),
    ] {
        let resources: Vec<Resource> = day
            .resources
            .iter()
            .filter_map(|(check, verdict, name)| resource(catalog, check, *verdict, name))
            .filter(|resource| resource.r#type == kind)
            .collect();
        let gap = (day.keys_denied && service == "kms").then(|| Gap {
            operation: "kms:ListKeys".to_owned(),
            iam_action: "kms:ListKeys".to_owned(),
            ..Gap::bare(GapReason::AccessDenied)
        });
        let listing = Listing {
            count: resources.len() as u64,
            gap,
        };
        let key = UnitKey {
            account: account.clone(),
            region: Region::new(region).unwrap(),
            service: service.to_owned(),
        };
        let listings = BTreeMap::from([(kind.to_owned(), listing)]);
        writer
            .write_unit(key.clone(), listings, Vec::new(), resources)
            .unwrap();
        keys.push(key);
    }
    writer.finish(Vec::new(), &keys, Timestamp::now()).unwrap();
}

/// A resource on which a check has this verdict, from the check's own cases.
fn resource(catalog: &Catalog, check: &str, verdict: Status, name: &str) -> Option<Resource> {
    let check = catalog.find(check).unwrap();
    let mut resource = example_resources(check)
        .unwrap()
        .into_iter()
        .find_map(|(expect, resource)| (expect == verdict).then_some(resource))?;
    resource.account = AccountId::new(ACCOUNT).unwrap();
    resource.region = Region::new(REGION).unwrap();
    resource.arn = match resource.r#type.as_str() {
        "lambda.function" => format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
        "kms.key" => format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}"),
        _ => format!("arn:aws:s3:::{name}"),
    };
    resource.id = name.to_owned();
    resource.name = name.to_owned();
    Some(resource)
}

/// The document, with what its commands show made anew.
fn replayed(document: &str, directory: &Path, api: &str) -> String {
    let mut out = String::new();
    let mut code = 0;
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next() {
            if line == "```" {
                out.push_str("```\n");
                break;
            }
            let Some(first) = line.strip_prefix("$ ") else {
                continue;
            };
            out.push_str(line);
            out.push('\n');
            let mut command = first.to_owned();
            while command.ends_with('\\') {
                let more = lines.next().unwrap();
                out.push_str(more);
                out.push('\n');
                command.pop();
                command.push_str(more.trim());
            }
            for line in ran(&command, directory, api, &mut code).lines() {
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
    }
    out
}

/// Runs one line of a shell, as far as the document needs one.
fn ran(command: &str, directory: &Path, api: &str, code: &mut i32) -> String {
    if command == "echo $?" {
        return code.to_string();
    }
    if let Some(file) = command.strip_prefix("rm ") {
        fs::remove_file(directory.join(file)).unwrap();
        return String::new();
    }
    let (command, filter) = match command.split_once(" | jq -c '{") {
        Some((command, filter)) => (command, Some(filter.trim_end_matches("}'"))),
        None => (command, None),
    };
    let words = command.strip_prefix("posture ").unwrap().split_whitespace();
    let done = Posture::new(words)
        .within(directory)
        .env("GITHUB_TOKEN", TOKEN)
        .env("GITHUB_API_URL", api)
        .run();
    *code = done.status.code().unwrap();
    let stdout = match filter {
        Some(fields) => done
            .stdout
            .lines()
            .map(|line| picked(line, fields))
            .collect(),
        None => done.stdout,
    };
    stdout + &done.stderr
}

/// What `jq -c '{a, b}'` makes of a line.
fn picked(line: &str, fields: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    let parts: Vec<String> = fields
        .split(", ")
        .map(|field| format!("\"{field}\":{}", value[field]))
        .collect();
    format!("{{{}}}\n", parts.join(","))
}

#[test]
fn the_month_of_the_document_is_what_happens() {
    let directory = tempfile::tempdir().unwrap();
    snapshots(directory.path());
    let github = Server::start(GitHub::default());
    let path = manifest_dir().join(DOCUMENT);
    let document = fs::read_to_string(&path).unwrap();
    let replayed = replayed(&document, directory.path(), &github.address);
    if std::env::var_os("POSTURE_BLESS").is_some() {
        fs::write(&path, replayed).unwrap();
        return;
    }
    for (number, (says, does)) in (1..).zip(document.lines().zip(replayed.lines())) {
        assert_eq!(
            says, does,
            "{DOCUMENT}:{number}: POSTURE_BLESS=1 writes what happens"
        );
    }
    assert_eq!(document.lines().count(), replayed.lines().count());
}

/// GitHub, which is slow to answer once.
struct Slow {
    github: GitHub,
    made: usize,
    /// The issue after whose making no answer comes for a while.
    stops_at: usize,
}

impl Office for Slow {
    fn answer(&mut self, asked: &Asked, host: &str) -> Said {
        let said = self.github.answer(asked, host);
        if asked.method == "POST" {
            self.made += 1;
            if self.made == self.stops_at {
                std::thread::sleep(Duration::from_millis(1500));
            }
        }
        said
    }
}

/// As `kill -9` does.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_makes_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    snapshots(directory.path());
    for stops_at in 1..=3 {
        let server = Server::start(Slow {
            github: GitHub::default(),
            made: 0,
            stops_at,
        });
        let ledger = format!("ledger-{stops_at}.jsonl");
        let run = || {
            Posture::new(["tickets", "2026-11-02", "--to", "github", "--apply"])
                .args(["--repo", REPOSITORY, "--pace", "0", "--ledger", &ledger])
                .args(["--min-severity", "low"])
                .within(directory.path())
                .env("GITHUB_TOKEN", TOKEN)
                .env("GITHUB_API_URL", &server.address)
        };
        let started = Instant::now();
        let child = run().spawn();
        // The request has arrived, and its answer is on the way.
        let asked = || {
            let asked = server.asked.lock().unwrap();
            asked.iter().filter(|one| one.method == "POST").count()
        };
        while asked() < stops_at && started.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(asked(), stops_at);
        kill(child);
        let ran = run().run().code(0);
        assert!(ran.stdout.contains("found again"), "{}", ran.stdout);
        let office = server.office.lock().unwrap();
        let issues = office.github.issues.iter();
        let mut titles: Vec<String> = issues.map(|issue| issue["title"].to_string()).collect();
        drop(office);
        let all = titles.len();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), all, "{}", ran.stdout);
        assert!(all >= 3, "{titles:?}");
        let again = run().run().code(0);
        assert_eq!(again.stdout, "0 opened, 0 updated, 0 reopened, 0 closed\n");
    }
}
