//! What is written comes back; what is damaged is said to be.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use posture_model::{AccountId, Collected, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    Listing, Scope, Snapshot, SnapshotError, SnapshotWriter, ToolRecord, UnitKey,
};
use serde_json::json;

fn tool() -> ToolRecord {
    ToolRecord {
        name: "posture".into(),
        version: "0".into(),
    }
}

fn key(service: &str) -> UnitKey {
    UnitKey {
        account: AccountId::new("123456789012").unwrap(),
        region: Region::new("eu-west-1").unwrap(),
        service: service.into(),
    }
}

fn resource(name: &str) -> Resource {
    Resource {
        r#type: "lambda.function".into(),
        arn: format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}"),
        id: name.into(),
        name: name.into(),
        account: AccountId::new("123456789012").unwrap(),
        region: Region::new("eu-west-1").unwrap(),
        partition: Partition::aws(),
        tags: Collected::Absent,
        created: None,
        properties: json!({"runtime": "python3.13"}),
    }
}

fn writer(root: &Path) -> Result<SnapshotWriter, SnapshotError> {
    static SCANS: AtomicU32 = AtomicU32::new(0);
    let id = format!("scan-{}", SCANS.fetch_add(1, Ordering::Relaxed));
    SnapshotWriter::create_or_resume(root, tool(), id, Scope::default())
}

fn write(root: &Path, finish: bool) {
    let mut writer = writer(root).unwrap();
    let listings = BTreeMap::from([(
        "lambda.function".to_owned(),
        Listing {
            count: 2,
            gap: None,
        },
    )]);
    writer
        .write_unit(
            key("lambda"),
            listings,
            Vec::new(),
            vec![resource("b"), resource("a")],
        )
        .unwrap();
    if finish {
        writer
            .finish(Vec::new(), &[key("lambda")], Timestamp::now())
            .unwrap();
    }
}

fn data(root: &Path) -> std::path::PathBuf {
    root.join("account=123456789012/region=eu-west-1/lambda.jsonl.zst")
}

#[test]
fn resources_come_back_sorted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let resources = snapshot.read_unit(&snapshot.manifest().units[0]).unwrap();
    assert_eq!(resources, vec![resource("a"), resource("b")]);
}

#[test]
fn lines_tell_what_they_are_without_being_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let mut seen = Vec::new();
    snapshot
        .each_line(&snapshot.manifest().units[0], |line| {
            let envelope = line.envelope()?;
            assert_eq!(line.kind(), Some(envelope.r#type.as_str()));
            seen.push(envelope.arn);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [resource("a").arn, resource("b").arn]);
}

#[test]
fn a_unit_tells_of_its_own_account_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path()).unwrap();
    let foreign = Resource {
        account: AccountId::new("210987654321").unwrap(),
        ..resource("a")
    };
    writer
        .write_unit(key("lambda"), BTreeMap::new(), Vec::new(), vec![foreign])
        .unwrap();
    writer
        .finish(Vec::new(), &[key("lambda")], Timestamp::now())
        .unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let read = snapshot.read_unit(&snapshot.manifest().units[0]);
    let why = read.unwrap_err().to_string();
    assert!(why.contains("it is of account 210987654321"), "{why}");
}

#[test]
fn an_interrupted_scan_resumes_and_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false);
    assert_eq!(
        Snapshot::open(dir.path()).unwrap().manifest().units.len(),
        1
    );
    let resumed = writer(dir.path()).unwrap();
    assert!(resumed.completed(&key("lambda")).is_some());
    assert!(resumed.completed(&key("kms")).is_none());
}

#[test]
fn a_damaged_unit_is_collected_again() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false);
    fs::write(data(dir.path()), b"junk").unwrap();
    assert!(
        writer(dir.path())
            .unwrap()
            .completed(&key("lambda"))
            .is_none()
    );
}

#[test]
fn a_finished_scan_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    assert!(
        writer(dir.path())
            .unwrap()
            .completed(&key("lambda"))
            .is_none()
    );
}

/// All files below a directory, by their paths relative to it.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap();
                found.push(relative.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn names(root: &Path) -> Vec<String> {
    let snapshot = Snapshot::open(root).unwrap();
    snapshot
        .manifest()
        .units
        .iter()
        .flat_map(|unit| snapshot.read_unit(unit).unwrap())
        .map(|resource| resource.name)
        .collect()
}

#[test]
fn a_finished_snapshot_is_there_until_its_successor_is() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, true);
    for round in 0..2 {
        let before = names(root);
        let mut next = writer(root).unwrap();
        next.write_unit(
            key("lambda"),
            BTreeMap::new(),
            Vec::new(),
            vec![resource(&format!("new{round}"))],
        )
        .unwrap();
        drop(next);
        assert_eq!(names(root), before, "an interrupted successor changed it");

        let resumed = writer(root).unwrap();
        assert!(resumed.completed(&key("lambda")).is_some());
        resumed
            .finish(Vec::new(), &[key("lambda")], Timestamp::now())
            .unwrap();
        assert_eq!(names(root), [format!("new{round}")]);
        let left = files(root);
        assert_eq!(left.len(), 3, "{left:?}");
    }
}

#[test]
fn what_a_killed_scan_left_is_swept_up() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, true);
    write(root, true);
    let whole = files(root);
    let units = root.join(whole.iter().find(|f| f.ends_with(".zst")).unwrap());
    let directory = units.parent().unwrap();
    fs::write(root.join(".posture-abc.tmp"), b"half").unwrap();
    fs::write(root.join("mine.tmp"), b"not ours").unwrap();
    // Killed after a step, before the removal of what it replaced.
    fs::create_dir_all(data(root).parent().unwrap()).unwrap();
    fs::copy(&units, data(root)).unwrap();
    fs::create_dir_all(root.join("next-killed/account=123456789012/region=eu-west-1")).unwrap();
    fs::write(directory.join(".posture-def.tmp"), b"half").unwrap();

    writer(root)
        .unwrap()
        .finish(Vec::new(), &[], Timestamp::now())
        .unwrap();
    let left = files(root);
    assert_eq!(left, ["manifest.json", "mine.tmp"]);
}

#[test]
fn an_interrupted_scan_is_forgotten_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false);
    let path = dir.path().join("manifest.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["scan"]["started_at"] = json!("2026-01-01T00:00:00Z");
    fs::write(&path, manifest.to_string()).unwrap();
    let anew = writer(dir.path()).unwrap();
    assert!(anew.completed(&key("lambda")).is_none());
    assert!(!data(dir.path()).exists());
    assert!(anew.started_at() > Timestamp::parse("2026-01-02T00:00:00Z").unwrap());
}

#[test]
fn a_manifest_that_points_elsewhere_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let path = dir.path().join("manifest.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for elsewhere in ["..", "/etc", "next-../..", "next-a/b", "account=1"] {
        manifest["generation"] = json!(elsewhere);
        fs::write(&path, manifest.to_string()).unwrap();
        let error = Snapshot::open(dir.path()).unwrap_err();
        assert!(matches!(error, SnapshotError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn another_scope_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false);
    let scope = Scope {
        services: vec!["kms".into()],
        ..Scope::default()
    };
    let refused = SnapshotWriter::create_or_resume(dir.path(), tool(), "x".into(), scope);
    assert!(
        matches!(refused, Err(SnapshotError::OtherScope { difference, .. }) if difference == "services")
    );
    // What one scan asked and the other did not must not be mixed.
    let scope = Scope {
        last_accessed: true,
        ..Scope::default()
    };
    let refused = SnapshotWriter::create_or_resume(dir.path(), tool(), "x".into(), scope);
    assert!(
        matches!(refused, Err(SnapshotError::OtherScope { difference, .. }) if difference == "services last accessed")
    );
}

#[test]
fn older_manifests_did_not_ask_for_services_last_accessed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let path = dir.path().join("manifest.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let scope = manifest["scope"].as_object_mut().unwrap();
    assert_eq!(scope.remove("last_accessed"), Some(json!(false)));
    fs::write(&path, manifest.to_string()).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert!(!snapshot.manifest().scope.last_accessed);
}

#[test]
fn truncation_is_corruption() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let bytes = fs::read(data(dir.path())).unwrap();
    fs::write(data(dir.path()), &bytes[..bytes.len() - 5]).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let error = snapshot
        .read_unit(&snapshot.manifest().units[0])
        .unwrap_err();
    assert!(matches!(error, SnapshotError::Corrupt { .. }), "{error}");
}

#[test]
fn a_record_that_lost_its_count_is_not_an_empty_unit() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let manifest = dir.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(r#""resources": 2"#), "{text}");
    fs::write(
        &manifest,
        text.replace(r#""resources": 2"#, r#""resources": 0"#),
    )
    .unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    let read = snapshot.read_unit(&snapshot.manifest().units[0]);
    assert!(
        matches!(read, Err(SnapshotError::Corrupt { .. })),
        "{read:?}"
    );
}

#[test]
fn newer_schema_is_refused_and_nonsense_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    let manifest = dir.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"1.0\"", "\"2.0\"")).unwrap();
    assert!(matches!(
        Snapshot::open(dir.path()),
        Err(SnapshotError::Newer { .. })
    ));
    fs::write(&manifest, &text[..40]).unwrap();
    assert!(matches!(
        Snapshot::open(dir.path()),
        Err(SnapshotError::Corrupt { .. })
    ));
}

#[test]
fn foreign_directories_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
    assert!(matches!(
        writer(dir.path()),
        Err(SnapshotError::NotEmpty { .. })
    ));
    assert!(matches!(
        Snapshot::open(dir.path()),
        Err(SnapshotError::NotASnapshot { .. })
    ));
}

#[cfg(unix)]
#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), true);
    for path in [data(dir.path()), dir.path().join("manifest.json")] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
