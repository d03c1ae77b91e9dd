//! The simulated fleet and the collectors fit together: a scan of it leaves nothing unread, and reaches
//! everything that any collector may call.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use posture_collect::{core_operations, services};
use posture_fleet::{CANARY, Config, Estate, Fleet};
use serde_json::Value;

use crate::support::{Posture, findings, read_json, work_dir};

/// Everything that a scan may call, as `service:Operation` with the service that AWS knows.
fn declared() -> BTreeSet<String> {
    let of_services = services().iter().flat_map(|service| service.operations);
    let core = core_operations().iter().map(|operation| {
        let service = operation.action.split(':').next().unwrap();
        format!("{service}:{}", operation.name)
    });
    of_services
        .map(ToString::to_string)
        .chain(core)
        // Asked only where a listing does not tell, which S3's own always does.
        .filter(|operation| operation != "s3:GetBucketLocation")
        .collect()
}

/// What a file holds, unpacked.
fn content(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let bytes = match path.extension().is_some_and(|extension| extension == "zst") {
        true => zstd::decode_all(bytes.as_slice()).unwrap(),
        false => bytes,
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    std::fs::read_dir(path)
        .unwrap()
        .flat_map(|entry| files(&entry.unwrap().path()))
        .collect()
}

#[test]
fn a_scan_of_the_fleet_is_complete_and_reaches_every_declared_operation() {
    let estate = Estate {
        accounts: 3,
        suspended_accounts: 1,
        resources: 8,
        page_size: 7,
        role: Some("audit/PostureScan".to_owned()),
        external_id: Some("agreed-upon".to_owned()),
        ..Estate::default()
    };
    let fleet = Fleet::start(Config {
        estate,
        ..Config::default()
    })
    .unwrap();
    let report = work_dir().join("fleet.json");
    let snapshot = work_dir().join("fleet");
    Posture::new(["scan", "--org", "--role-name", "audit/PostureScan"])
        .args([
            "--external-id",
            "agreed-upon",
            "--status",
            "all",
            "--last-accessed",
        ])
        .args(["-o".to_owned(), format!("json={}", report.display())])
        .args([Path::new("--snapshot"), &snapshot])
        .keys("local", "local")
        .at(&fleet.url())
        .run()
        .code(1);

    let read = read_json(&report);
    assert_eq!(read["summary"]["complete"], true);
    let accounts = read["scan"]["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 3, "the suspended account is left out");
    let unread: Vec<&Value> = read["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] != "ok")
        // Members may not list the organization.
        .filter(|row| row["service"] != "organizations" || row["outcome"] != "not_offered")
        .collect();
    assert!(unread.is_empty(), "{unread:?}");

    let stats = fleet.stats();
    assert!(stats.unknown.is_empty(), "{:?}", stats.unknown);
    let called: BTreeSet<String> = stats
        .places
        .iter()
        .flat_map(|place| {
            let name = |operation: &str| format!("{}:{operation}", place.service);
            place
                .operations
                .iter()
                .map(move |known| name(&known.operation))
        })
        .collect();
    let untouched: Vec<String> = declared().difference(&called).cloned().collect();
    assert_eq!(untouched, Vec::<String>::new(), "never called");

    // Sound and weak things alike.
    let all = findings(&read);
    for status in ["pass", "fail"] {
        let count = all
            .values()
            .filter(|finding| finding.status == status)
            .count();
        assert!(count > 500, "{count} {status}");
    }
    for path in files(&snapshot).into_iter().chain([report]) {
        assert!(!content(&path).contains(CANARY), "{}", path.display());
    }
}
