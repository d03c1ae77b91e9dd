//! Every declared operation, broken in every way: no fault may turn into a verdict.
//!
//! The whole world is scanned once without faults. Then, for each operation and fault, the service of
//! that operation is scanned again into a copy of the snapshot (the rest is resumed), the whole is
//! evaluated, and every verdict compared with the fault-free one.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod campaign;
mod economy;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use posture_catalog::{Catalog, Status};
use posture_collect::{CallPolicy, Progress, ScanRequest, Session, operation_of, scan, services};
use posture_engine::{Options, evaluate};
use posture_model::{AccountId, Gap, Region};
use posture_snapshot::{Snapshot, ToolRecord, UnitKey};
use posture_testkit::{Fault, Replay, world};

type Verdicts = BTreeMap<(String, String, String), Status>;

#[test]
fn no_fault_becomes_a_verdict() {
    let catalog = Catalog::builtin().expect("the built-in catalogue is sound");
    let base = tempfile::tempdir().expect("a directory");
    let clean = base.path().join("clean");
    run(&clean, &replay());
    let expected = verdicts(&clean, &catalog);
    assert!(
        expected.len() > 300,
        "the world shows too little: {}",
        expected.len()
    );

    let mut work: Vec<(&str, String, Fault)> = Vec::new();
    for service in services() {
        for operation in service.operations {
            for fault in Fault::ALL {
                work.push((service.name, operation.to_string(), fault));
            }
        }
    }
    let total = work.len();
    let work = Mutex::new(work.into_iter());
    let problems = Mutex::new(Vec::new());
    let noticed = AtomicUsize::new(0);
    // Two cores; the scans themselves run on a paused clock and never wait.
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                loop {
                    let next = work.lock().expect("no panic holds this").next();
                    let Some((service, operation, fault)) = next else {
                        break;
                    };
                    let found = broken(&clean, service, &operation, fault, &catalog, &expected);
                    noticed.fetch_add(usize::from(found.noticed), Ordering::Relaxed);
                    problems
                        .lock()
                        .expect("no panic holds this")
                        .extend(found.problems);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("all threads have ended");
    assert!(
        problems.is_empty(),
        "{} of {total} faults were taken for facts:\n{}",
        problems.len(),
        problems.join("\n")
    );
    // A matrix in which faults change nothing would prove nothing. Some facts are collected for people
    // and for other tools, and no check rests on them.
    let noticed = noticed.into_inner();
    assert!(
        noticed * 2 > total,
        "only {noticed} of {total} faults made a verdict unknown"
    );
}

/// What a fault did.
struct Found {
    /// Verdicts that it must not have changed.
    problems: Vec<String>,
    /// Whether it made any verdict unknown.
    noticed: bool,
}

/// What a fault did to the verdicts that it must not do.
fn broken(
    clean: &Path,
    service: &str,
    operation: &str,
    fault: Fault,
    catalog: &Catalog,
    expected: &Verdicts,
) -> Found {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("snapshot");
    reopen(clean, &copy, service);
    let replay = replay().breaking(operation, fault);
    run(&copy, &replay);
    assert!(
        replay.seen().contains_key(operation),
        "{operation} was not called"
    );
    let found = verdicts(&copy, catalog);
    let mut problems = Vec::new();
    for (key, status) in expected {
        let (check, kind, arn) = key;
        match found.get(key) {
            Some(now) if now == status || *now == Status::Unknown => {}
            Some(now) => problems.push(format!(
                "{operation} {fault:?}: {check} on {arn}: {} became {}",
                status.as_str(),
                now.as_str()
            )),
            None => {
                let covered = found.iter().any(|((c, k, a), status)| {
                    c == check && k == kind && a.ends_with('*') && *status == Status::Unknown
                });
                if !covered {
                    problems.push(format!("{operation} {fault:?}: {check} on {arn} vanished"));
                }
            }
        }
    }
    for (key, status) in &found {
        if !expected.contains_key(key) && *status != Status::Unknown {
            problems.push(format!(
                "{operation} {fault:?}: {} on {} appeared as {}",
                key.0,
                key.2,
                status.as_str()
            ));
        }
    }
    Found {
        problems,
        noticed: found != *expected,
    }
}

fn replay() -> Replay {
    Replay::new(operation_of).with(world::all())
}

/// A copy of the snapshot in which one service has not been read yet.
fn reopen(clean: &Path, copy: &Path, service: &str) {
    copy_tree(clean, copy, &|name: &str| {
        name.split('.').next() == Some(service)
    });
    let path = copy.join("manifest.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    let mut manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    manifest["scan"]["finished_at"] = serde_json::Value::Null;
    fs::write(path, manifest.to_string()).expect("written");
}

fn copy_tree(from: &Path, to: &Path, skip: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a listing") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &to.join(&name), skip);
        } else if !skip(&name) {
            fs::copy(entry.path(), to.join(&name)).expect("copied");
        }
    }
}

fn run(snapshot: &Path, replay: &Replay) {
    let request = ScanRequest {
        regions: vec![Region::new(world::REGION).expect("a region")],
        last_accessed: true,
        policy: CallPolicy {
            attempts: 2,
            throttled_attempts: 2,
            ..CallPolicy::default()
        },
        unit_timeout: Duration::from_secs(3600),
        ..ScanRequest::new(
            Session::fixed(replay.client(), Some("http://replay.invalid")),
            posture_snapshot::Directory::store(snapshot),
            ToolRecord {
                name: "posture".into(),
                version: "test".into(),
            },
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime
        .block_on(scan(request, Arc::new(Silent)))
        .expect("a scan");
}

fn verdicts(snapshot: &Path, catalog: &Catalog) -> Verdicts {
    let snapshot = Snapshot::open(snapshot).expect("a snapshot");
    let options = Options {
        keep: Status::ALL.into_iter().collect(),
        ..Options::default()
    };
    evaluate(&snapshot, catalog, &options)
        .expect("an evaluation")
        .findings
        .to_vec()
        .expect("the findings")
        .into_iter()
        .map(|finding| {
            let key = (
                finding.check.to_string(),
                finding.resource.r#type,
                finding.resource.arn,
            );
            (key, finding.status)
        })
        .collect()
}

struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize, _: usize) {}
    fn account_failed(&self, _: &AccountId, _: &Gap) {}
    fn unit_done(&self, _: &UnitKey, _: u64, _: usize) {}
    fn resumed(&self, _: usize) {}
}
