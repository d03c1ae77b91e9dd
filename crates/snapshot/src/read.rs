//! Reading a snapshot, distrusting every byte of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use posture_model::{AccountId, Region, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::format::{AccountRecord, LedgerEntry, Manifest, Shards, UnitKey, UnitRecord};
use crate::shard::{self, Shard};
use crate::store::{Directory, Store};
use crate::write::{RESUME_WITHIN, hex, is_empty};
use crate::{SCHEMA_VERSION, SnapshotError};

/// What a snapshot is known by.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A snapshot opened for reading. Clones share everything.
#[derive(Debug, Clone)]
pub struct Snapshot {
    store: Arc<dyn Store>,
    /// What the names of its units begin with.
    base: String,
    manifest: Arc<Manifest>,
}

impl Snapshot {
    /// Opens the snapshot in a directory.
    pub fn open(root: &Path) -> Result<Self, SnapshotError> {
        Self::open_in(Directory::store(root))
    }

    /// Opens a snapshot and reads its manifest, or those of all its shards. An interrupted one opens too, with
    /// the units it has.
    pub fn open_in(store: Arc<dyn Store>) -> Result<Self, SnapshotError> {
        let Some(mut manifest) = read_manifest(store.as_ref(), MANIFEST)? else {
            let manifest = read_shards(store.as_ref())?;
            return Ok(Self {
                store,
                base: String::new(),
                manifest: Arc::new(manifest),
            });
        };
        if manifest.scan.finished_at.is_none() {
            let names = store.list(UNITS)?;
            manifest.units = read_unit_records(store.as_ref(), "", &names)?;
            manifest.units.sort_by(|a, b| a.key.cmp(&b.key));
        }
        let base = match &manifest.generation {
            Some(generation) => format!("{}/", generation.as_str()),
            None => String::new(),
        };
        Ok(Self {
            store,
            base,
            manifest: Arc::new(manifest),
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Is told which units will be read, in about this order; see [`Store::read_ahead`].
    pub fn read_ahead<'u>(&self, units: impl IntoIterator<Item = &'u UnitRecord>) {
        let units = units.into_iter().filter(|unit| !is_empty(unit));
        let names = units.map(|unit| unit_names(&self.base, &unit.key).0);
        self.store.read_ahead(names.collect());
    }

    /// All resources of a unit, in memory.
    pub fn read_unit(&self, unit: &UnitRecord) -> Result<Vec<Resource>, SnapshotError> {
        let mut resources = Vec::new();
        self.each_line(unit, |line| {
            resources.push(line.resource()?);
            Ok(())
        })?;
        Ok(resources)
    }

    /// Shows the resources of a unit one at a time, as lines that are read by whoever wants to.
    ///
    /// The digest is compared before the first is shown, so a truncated or altered file is an error and not a
    /// shorter list. Nothing that was shown counts unless the end is reached without an error.
    pub fn each_line(
        &self,
        unit: &UnitRecord,
        mut see: impl FnMut(Line<'_>) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        // Most services are not used in most regions, and an object store takes its time for each file.
        if is_empty(unit) {
            return Ok(());
        }
        let (path, bytes) = self.compressed(unit)?;
        if hex(&Sha256::digest(&bytes)) != unit.sha256 {
            return Err(SnapshotError::corrupt(
                &path,
                "its digest differs from the one recorded",
            ));
        }
        let decoder =
            zstd::Decoder::new(bytes.as_slice()).map_err(|e| SnapshotError::corrupt(&path, e))?;
        let mut reader = BufReader::with_capacity(1 << 16, decoder);
        let mut text = Vec::new();
        let mut number = 0;
        while {
            text.clear();
            let read = reader.read_until(b'\n', &mut text);
            read.map_err(|e| SnapshotError::corrupt(&path, e))? > 0
        } {
            number += 1;
            see(Line {
                text: &text,
                number,
                path: &path,
                unit: &unit.key,
            })?;
        }
        if number != unit.resources {
            return Err(SnapshotError::corrupt(
                &path,
                format_args!(
                    "it holds {number} resources where {} were recorded",
                    unit.resources
                ),
            ));
        }
        Ok(())
    }

    /// The file of a unit as it is, a tenth or less of what is in it: the one place where resources come from.
    fn compressed(&self, unit: &UnitRecord) -> Result<(PathBuf, Vec<u8>), SnapshotError> {
        let (name, _) = unit_names(&self.base, &unit.key);
        let path = self.store.place(&name);
        let bytes = self.store.read(&name)?;
        let bytes = bytes
            .ok_or_else(|| SnapshotError::io("read", &path, std::io::ErrorKind::NotFound.into()))?;
        Ok((path, bytes))
    }
}

/// One resource as it is written.
#[derive(Debug)]
pub struct Line<'a> {
    text: &'a [u8],
    number: u64,
    path: &'a Path,
    unit: &'a UnitKey,
}

/// What tells a resource from all others, without its properties.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Envelope {
    /// Its type.
    pub r#type: String,
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: AccountId,
    /// Its region, or `global`.
    pub region: Region,
}

impl Line<'_> {
    /// The type of the resource, where a glance tells: costs next to nothing, and finds no mistakes.
    pub fn kind(&self) -> Option<&str> {
        let rest = self.text.strip_prefix(br#"{"type":""#)?;
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let closed = rest.get(end) == Some(&b'"');
        let kind = rest.get(..end).filter(|_| closed)?;
        std::str::from_utf8(kind).ok()
    }

    /// Reads what the resource is; costs a fraction of reading all of it.
    pub fn envelope(&self) -> Result<Envelope, SnapshotError> {
        let envelope: Envelope = self.read()?;
        self.belongs(&envelope.account)?;
        Ok(envelope)
    }

    /// Reads the resource.
    pub fn resource(&self) -> Result<Resource, SnapshotError> {
        let resource: Resource = self.read()?;
        self.belongs(&resource.account)?;
        Ok(resource)
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, SnapshotError> {
        serde_json::from_slice(self.text).map_err(|e| self.corrupt(&e))
    }

    /// What one account's unit says of another account would be missing there.
    fn belongs(&self, account: &AccountId) -> Result<(), SnapshotError> {
        if *account == self.unit.account {
            return Ok(());
        }
        Err(self.corrupt(&format_args!("it is of account {account}")))
    }

    fn corrupt(&self, detail: &dyn std::fmt::Display) -> SnapshotError {
        SnapshotError::corrupt(self.path, format_args!("line {}: {detail}", self.number))
    }
}

/// What the names of units begin with.
pub(crate) const UNITS: &str = "account=";

/// What the names of resources and of records end with.
pub(crate) const RESOURCES: &str = ".jsonl.zst";
pub(crate) const RECORD: &str = ".unit.json";

/// Names of a unit's resources and of its record.
pub(crate) fn unit_names(base: &str, key: &UnitKey) -> (String, String) {
    let stem = format!(
        "{base}{UNITS}{}/region={}/{}",
        key.account, key.region, key.service
    );
    (format!("{stem}{RESOURCES}"), format!("{stem}{RECORD}"))
}

/// Account and region of the unit that a file of a snapshot without a generation belongs to.
fn unit_place(name: &str) -> Option<(AccountId, Region)> {
    let (account, rest) = name.strip_prefix(UNITS)?.split_once('/')?;
    let (region, _) = rest.strip_prefix("region=")?.split_once('/')?;
    Some((AccountId::new(account).ok()?, Region::new(region).ok()?))
}

/// A manifest; none where there is no such file.
pub(crate) fn read_manifest(
    store: &dyn Store,
    name: &str,
) -> Result<Option<Manifest>, SnapshotError> {
    let bytes = store.read(name)?;
    bytes
        .map(|bytes| parse_manifest(&store.place(name), &bytes))
        .transpose()
}

fn parse_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, SnapshotError> {
    // The version is looked at by itself: the rest of a newer manifest may not parse at all.
    #[derive(Deserialize)]
    struct Version {
        schema_version: String,
    }
    let found: Version =
        serde_json::from_slice(bytes).map_err(|e| SnapshotError::corrupt(path, e))?;
    if newer(&found.schema_version, SCHEMA_VERSION) {
        return Err(SnapshotError::Newer {
            path: path.to_owned(),
            found: found.schema_version,
            supported: SCHEMA_VERSION,
        });
    }
    serde_json::from_slice(bytes).map_err(|e| SnapshotError::corrupt(path, e))
}

fn newer(found: &str, supported: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split('.')
            .map(|part| part.parse().unwrap_or(u64::MAX))
            .collect()
    };
    numbers(found) > numbers(supported)
}

/// The records of complete units, of those that are in a listing of the store.
pub(crate) fn read_unit_records(
    store: &dyn Store,
    base: &str,
    names: &[String],
) -> Result<Vec<UnitRecord>, SnapshotError> {
    let records = names.iter().filter(|name| name.ends_with(RECORD));
    let records: Vec<String> = records.cloned().collect();
    let mut found = Vec::with_capacity(records.len());
    store.read_each(&records, &mut |name, bytes| {
        let Some(bytes) = bytes else { return Ok(()) };
        let path = store.place(name);
        let record: UnitRecord =
            serde_json::from_slice(&bytes).map_err(|e| SnapshotError::corrupt(&path, e))?;
        // A record that was moved would make another unit's resources vanish.
        let (_, expected) = unit_names(base, &record.key);
        if expected != name {
            return Err(SnapshotError::corrupt(&path, "it records another unit"));
        }
        found.push(record);
        Ok(())
    })?;
    Ok(found)
}

/// The records of the units of a shard that are complete, of those that are in a listing of the store.
pub(crate) fn own_records(
    store: &dyn Store,
    shard: Shard,
    names: &[String],
) -> Result<Vec<UnitRecord>, SnapshotError> {
    // Those of other shards are not read: each would read what all have written.
    let foreign = |name: &String| {
        unit_place(name).is_some_and(|(account, region)| !shard.takes(&account, &region))
    };
    let own = names.iter().filter(|name| !foreign(name));
    read_unit_records(store, "", &own.cloned().collect::<Vec<_>>())
}

/// The manifests of the shards that are there.
pub(crate) fn shard_manifests(
    store: &dyn Store,
) -> Result<BTreeMap<Shard, Manifest>, SnapshotError> {
    let names = store.list(shard::PREFIX)?;
    let names: Vec<String> = names
        .into_iter()
        .filter(|name| Shard::of_manifest(name).is_some())
        .collect();
    let mut found = BTreeMap::new();
    store.read_each(&names, &mut |name, bytes| {
        if let Some((shard, bytes)) = Shard::of_manifest(name).zip(bytes) {
            found.insert(shard, parse_manifest(&store.place(name), &bytes)?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Numbers of the shards that have not finished, of a scan that is written in shards.
pub fn missing_shards(store: &dyn Store) -> Result<Vec<u32>, SnapshotError> {
    fresh_shards(store).map(|(_, shards)| shards.missing)
}

/// The manifests of the shards of one scan.
type Fresh = (BTreeMap<Shard, Manifest>, Shards);

fn fresh_shards(store: &dyn Store) -> Result<Fresh, SnapshotError> {
    let found = shard_manifests(store)?;
    let place = store.place("");
    let Some(of) = found.keys().map(|shard| shard.of).next() else {
        return Err(SnapshotError::NotASnapshot { path: place });
    };
    if found.keys().any(|shard| shard.of != of) {
        let detail = "it holds shards of scans with different numbers of shards";
        return Err(SnapshotError::corrupt(&place, detail));
    }
    let newest = found
        .values()
        .map(|manifest| manifest.scan.started_at.unix());
    let newest = newest.max().unwrap_or_default();
    // What is left of an earlier run would be shown beside what is a day younger.
    let fresh: BTreeMap<Shard, Manifest> = found
        .into_iter()
        .filter(|(_, manifest)| newest - manifest.scan.started_at.unix() <= RESUME_WITHIN)
        .collect();
    let missing: Vec<u32> = Shard::all(of)
        .filter(|shard| {
            let manifest = fresh.get(shard);
            manifest.is_none_or(|manifest| manifest.scan.finished_at.is_none())
        })
        .map(|shard| shard.index)
        .collect();
    Ok((fresh, Shards { of, missing }))
}

/// One manifest over all shards that wrote to a store.
fn read_shards(store: &dyn Store) -> Result<Manifest, SnapshotError> {
    let (fresh, shards) = fresh_shards(store)?;
    let place = store.place("");
    let corrupt = |detail: &str| SnapshotError::corrupt(&place, detail);
    let mut merged: Option<Manifest> = None;
    let running = |manifest: &Manifest| manifest.scan.finished_at.is_none();
    let names = if fresh.values().any(running) {
        store.list(UNITS)?
    } else {
        Vec::new()
    };
    for (shard, mut manifest) in fresh {
        if running(&manifest) {
            manifest.units = own_records(store, shard, &names)?;
        }
        match &mut merged {
            None => merged = Some(manifest),
            Some(merged) if merged.scope != manifest.scope => {
                return Err(corrupt("it holds shards of scans with different scopes"));
            }
            Some(merged) => join(merged, manifest),
        }
    }
    let mut merged = merged.ok_or(SnapshotError::NotASnapshot {
        path: place.clone(),
    })?;
    if !shards.missing.is_empty() {
        merged.scan.finished_at = None;
    }
    merged.units.sort_by(|a, b| a.key.cmp(&b.key));
    merged.units.dedup_by(|a, b| a.key == b.key);
    merged.shard = None;
    merged.shards = Some(shards);
    Ok(merged)
}

/// Adds what another shard read.
fn join(merged: &mut Manifest, other: Manifest) {
    let scan = &mut merged.scan;
    // Ids are random; the smallest is the same whoever looks.
    if other.scan.id < scan.id {
        scan.id.clone_from(&other.scan.id);
    }
    scan.started_at = scan.started_at.min(other.scan.started_at);
    scan.finished_at = scan
        .finished_at
        .zip(other.scan.finished_at)
        .map(|(a, b)| a.max(b));
    merged.caller = merged.caller.take().or(other.caller);
    merged.units.extend(other.units);
    merged.ledger = most(std::mem::take(&mut merged.ledger), other.ledger);
    let mut accounts: BTreeMap<AccountId, AccountRecord> = std::mem::take(&mut merged.accounts)
        .into_iter()
        .map(|account| (account.id.clone(), account))
        .collect();
    for account in other.accounts {
        match accounts.get_mut(&account.id) {
            Some(known) => join_account(known, account),
            None => {
                accounts.insert(account.id.clone(), account);
            }
        }
    }
    merged.accounts = accounts.into_values().collect();
}

fn join_account(known: &mut AccountRecord, other: AccountRecord) {
    for region in other.regions {
        if !known.regions.contains(&region) {
            known.regions.push(region);
        }
    }
    known.regions.sort();
    for gap in other.gaps {
        if !known.gaps.contains(&gap) {
            known.gaps.push(gap);
        }
    }
    known.name = known.name.take().or(other.name);
    known.ou_path = known.ou_path.take().or(other.ou_path);
    known.ledger = most(std::mem::take(&mut known.ledger), other.ledger);
}

/// Every shard enters every account, with the same calls: they are counted as one scan makes them.
fn most(known: Vec<LedgerEntry>, other: Vec<LedgerEntry>) -> Vec<LedgerEntry> {
    let mut entries: BTreeMap<String, LedgerEntry> = BTreeMap::new();
    for entry in known.into_iter().chain(other) {
        match entries.get_mut(&entry.operation) {
            None => {
                entries.insert(entry.operation.clone(), entry);
            }
            Some(known) => {
                known.calls = known.calls.max(entry.calls);
                known.pages = known.pages.max(entry.pages);
                known.retries = known.retries.max(entry.retries);
                known.throttled = known.throttled.max(entry.throttled);
                known.denied = known.denied.max(entry.denied);
                known.failed = known.failed.max(entry.failed);
                known.milliseconds = known.milliseconds.max(entry.milliseconds);
                for gap in entry.gaps {
                    if !known.gaps.contains(&gap) {
                        known.gaps.push(gap);
                    }
                }
            }
        }
    }
    entries.into_values().collect()
}

/// Where a unit's record is, for errors.
pub(crate) fn place_of(store: &dyn Store, base: &str, key: &UnitKey) -> PathBuf {
    store.place(&unit_names(base, key).1)
}
