//! Runs a real scan of one service over replayed answers, and reads the snapshot it wrote.

use std::sync::Arc;
use std::time::Duration;

use posture_collect::{Progress, ScanError, ScanRequest, Session, operation_of, scan};
use posture_model::{AccountId, Gap, Region, Resource};
use posture_snapshot::{LedgerEntry, Listing, Snapshot, ToolRecord, UnitKey, UnitRecord};
use posture_testkit::{Replay, Reply, world};

/// What a scan of one service wrote.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) replay: Replay,
    pub(crate) resources: Vec<Resource>,
    pub(crate) units: Vec<UnitRecord>,
}

impl Scanned {
    /// The resources of a type.
    pub(crate) fn of(&self, kind: &str) -> Vec<&Resource> {
        self.resources.iter().filter(|r| r.r#type == kind).collect()
    }

    /// The only resource of a type with this name.
    pub(crate) fn named(&self, kind: &str, name: &str) -> &Resource {
        let found: Vec<_> = self
            .of(kind)
            .into_iter()
            .filter(|r| r.name == name)
            .collect();
        assert_eq!(found.len(), 1, "{kind} {name}: {found:?}");
        found[0]
    }

    /// The listing of a type, wherever its unit is.
    pub(crate) fn listing(&self, kind: &str) -> &Listing {
        self.units
            .iter()
            .find_map(|unit| unit.listings.get(kind))
            .unwrap_or_else(|| panic!("{kind} was not listed"))
    }

    /// The ledger's entry of an operation, `service:Operation`.
    pub(crate) fn ledger(&self, operation: &str) -> &LedgerEntry {
        self.units
            .iter()
            .flat_map(|unit| &unit.ledger)
            .find(|entry| entry.operation == operation)
            .unwrap_or_else(|| panic!("{operation} was not called"))
    }
}

/// Scans one service in eu-west-1 (and its global unit) with the world's answers, `extra` first.
pub(crate) async fn scan_world(service: &str, extra: Vec<Reply>) -> Scanned {
    let replay = Replay::new(operation_of)
        .with(world::of("core"))
        .with(extra)
        .with(world::of(service));
    scan_replay(service, replay).await
}

/// Scans one service with the given answers only (and those that find accounts and regions).
pub(crate) async fn scan_only(service: &str, replies: Vec<Reply>) -> Scanned {
    let replay = Replay::new(operation_of)
        .with(world::of("core"))
        .with(replies);
    scan_replay(service, replay).await
}

/// Scans one service over a replay.
pub(crate) async fn scan_replay(service: &str, replay: Replay) -> Scanned {
    try_scan(service, replay).await.unwrap()
}

/// The same, when the scan itself may fail.
pub(crate) async fn try_scan(service: &str, replay: Replay) -> Result<Scanned, ScanError> {
    scan_with(service, replay, |_| {}).await
}

/// The same, asked for in another way.
pub(crate) async fn scan_with(
    service: &str,
    replay: Replay,
    change: impl FnOnce(&mut ScanRequest),
) -> Result<Scanned, ScanError> {
    let dir = tempfile::tempdir().unwrap();
    let mut request = ScanRequest {
        regions: vec![Region::new(world::REGION).unwrap()],
        services: vec![service.to_owned()],
        last_accessed: true,
        unit_timeout: Duration::from_secs(3600),
        ..ScanRequest::new(
            Session::fixed(replay.client(), Some("http://replay.invalid")),
            posture_snapshot::Directory::store(dir.path().join("snapshot")),
            ToolRecord {
                name: "posture".into(),
                version: "test".into(),
            },
        )
    };
    change(&mut request);
    scan(request, Arc::new(Silent)).await?;
    let snapshot = Snapshot::open(&dir.path().join("snapshot")).unwrap();
    let units = snapshot.manifest().units.clone();
    let resources = units
        .iter()
        .flat_map(|unit| snapshot.read_unit(unit).unwrap())
        .collect();
    Ok(Scanned {
        replay,
        resources,
        units,
    })
}

pub(crate) struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize, _: usize) {}
    fn account_failed(&self, _: &AccountId, _: &Gap) {}
    fn unit_done(&self, _: &UnitKey, _: u64, _: usize) {}
    fn resumed(&self, _: usize) {}
}

/// Every declared operation of the service must be reached and answered by its world.
pub(crate) async fn assert_world_is_whole(service: &str) {
    let scanned = scan_world(service, Vec::new()).await;
    assert!(
        scanned.replay.unanswered().is_empty(),
        "requests without an answer: {:#?}",
        scanned.replay.unanswered()
    );
    let declared: Vec<String> = posture_collect::find_service(service)
        .unwrap()
        .operations
        .iter()
        .map(ToString::to_string)
        .collect();
    let seen = scanned.replay.seen();
    let unreached: Vec<_> = declared
        .iter()
        .filter(|op| !seen.contains_key(*op))
        .collect();
    assert!(
        unreached.is_empty(),
        "declared but never called: {unreached:?}"
    );
    for unit in &scanned.units {
        for (kind, listing) in &unit.listings {
            assert!(listing.gap.is_none(), "{kind}: {:?}", listing.gap);
        }
    }
    let text = serde_json::to_string(&scanned.resources).unwrap();
    assert!(!text.contains(world::CANARY), "the canary leaked");
    assert!(
        !text.contains("\"unavailable\""),
        "a fact of the fault-free world was not read: {text}"
    );
}
