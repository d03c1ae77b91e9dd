//! What is written comes back; what is damaged is said to be.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use posture_model::{AccountId, Collected, Partition, Region, Resource};
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
    SnapshotWriter::create_or_resume(root, tool(), "scan".into(), Scope::default())
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
        writer.finish(Vec::new(), &[key("lambda")]).unwrap();
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
