//! What is asked of a store, where each question takes long.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use posture_model::{AccountId, Collected, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    Directory, Scope, Shard, Snapshot, SnapshotError, SnapshotWriter, Store, ToolRecord, UnitKey,
};
use serde_json::json;

/// A directory that writes down what is read, and what is announced.
#[derive(Debug)]
struct Watched {
    directory: Directory,
    read: Mutex<Vec<String>>,
    announced: Mutex<Vec<String>>,
}

impl Watched {
    fn of(root: &Path) -> Arc<Self> {
        Arc::new(Self {
            directory: Directory::new(root),
            read: Mutex::default(),
            announced: Mutex::default(),
        })
    }

    /// What was read since the last time, of the files whose names end so.
    fn read_of(&self, suffix: &str) -> Vec<String> {
        let mut names = std::mem::take(&mut *self.read.lock().unwrap());
        names.retain(|name| name.ends_with(suffix));
        names
    }
}

impl Store for Watched {
    fn prepare(&self) -> Result<(), SnapshotError> {
        self.directory.prepare()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        self.read.lock().unwrap().push(name.to_owned());
        self.directory.read(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        self.directory.write(name, content)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        self.directory.remove(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, SnapshotError> {
        self.directory.list(prefix)
    }

    fn sweep(&self, prefix: &str) -> Result<(), SnapshotError> {
        self.directory.sweep(prefix)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.place(name)
    }

    fn read_ahead(&self, names: Vec<String>) {
        *self.announced.lock().unwrap() = names;
    }
}

fn key(region: &str, service: &str) -> UnitKey {
    UnitKey {
        account: AccountId::new("123456789012").unwrap(),
        region: Region::new(region).unwrap(),
        service: service.into(),
    }
}

fn resource(key: &UnitKey) -> Resource {
    let region = &key.region;
    Resource {
        r#type: "lambda.function".into(),
        arn: format!("arn:aws:lambda:{region}:123456789012:function:f"),
        id: "f".into(),
        name: "f".into(),
        account: key.account.clone(),
        region: region.clone(),
        partition: Partition::aws(),
        tags: Collected::Absent,
        created: None,
        properties: json!({}),
    }
}

fn begin(store: &Arc<Watched>, shard: Option<Shard>) -> SnapshotWriter {
    let tool = ToolRecord {
        name: "posture".into(),
        version: "0".into(),
    };
    let store = Arc::clone(store) as Arc<dyn Store>;
    let now = Timestamp::now();
    SnapshotWriter::create_or_resume_in(store, tool, "id".into(), Scope::default(), shard, now)
        .unwrap()
}

fn write(writer: &mut SnapshotWriter, key: &UnitKey, resources: Vec<Resource>) {
    writer
        .write_unit(key.clone(), BTreeMap::new(), Vec::new(), resources)
        .unwrap();
}

#[test]
fn what_is_read_is_announced_and_what_is_empty_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = Watched::of(dir.path());
    let (full, empty) = (key("eu-west-1", "lambda"), key("eu-west-1", "kms"));
    let mut writer = begin(&store, None);
    write(&mut writer, &full, vec![resource(&full)]);
    write(&mut writer, &empty, Vec::new());
    // An interrupted scan goes on with both.
    let writer = begin(&store, None);
    assert!(writer.completed(&full).is_some() && writer.completed(&empty).is_some());
    writer
        .finish(Vec::new(), &[full.clone(), empty.clone()], Timestamp::now())
        .unwrap();

    let snapshot = Snapshot::open_in(Arc::clone(&store) as _).unwrap();
    store.read_of("");
    snapshot.read_ahead(&snapshot.manifest().units);
    let counts: Vec<usize> = snapshot
        .manifest()
        .units
        .iter()
        .map(|unit| snapshot.read_unit(unit).unwrap().len())
        .collect();
    assert_eq!(counts, [0, 1], "kms, lambda");
    let read = store.read_of("");
    assert_eq!(
        read,
        ["account=123456789012/region=eu-west-1/lambda.jsonl.zst"]
    );
    assert_eq!(*store.announced.lock().unwrap(), read);
}

#[test]
fn a_shard_reads_what_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Watched::of(dir.path());
    let regions = ["eu-west-1", "us-east-1", "eu-central-1", "us-west-2"];
    let keys = regions.map(|region| key(region, "lambda"));
    let taken = |shard: Shard| {
        let own = keys
            .iter()
            .filter(|key| shard.takes(&key.account, &key.region));
        own.cloned().collect::<Vec<_>>()
    };
    let shards: Vec<Shard> = Shard::all(2).collect();
    for shard in &shards {
        assert!(!taken(*shard).is_empty(), "the hash deals to both");
        let mut writer = begin(&store, Some(*shard));
        for key in taken(*shard) {
            write(&mut writer, &key, vec![resource(&key)]);
        }
    }
    store.read_of("");
    for shard in shards {
        let writer = begin(&store, Some(shard));
        let own = taken(shard);
        assert!(own.iter().all(|key| writer.completed(key).is_some()));
        assert_eq!(store.read_of(".unit.json").len(), own.len());
    }
    // Together they are the whole, each record read once.
    let snapshot = Snapshot::open_in(Arc::clone(&store) as _).unwrap();
    assert_eq!(snapshot.manifest().units.len(), keys.len());
    assert_eq!(store.read_of(".unit.json").len(), keys.len());
}
