//! Writing a snapshot unit by unit, and resuming an interrupted one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use posture_model::{AccountId, Resource, Timestamp};
use sha2::{Digest, Sha256};

use crate::format::{
    AccountRecord, Generation, LedgerEntry, Listing, Manifest, ScanRecord, Scope, UnitKey,
    UnitRecord,
};
use crate::read::{
    MANIFEST, RECORD, RESOURCES, UNITS, own_records, place_of, read_manifest, read_unit_records,
    shard_manifests, unit_names,
};
use crate::shard::{self, Shard};
use crate::store::{Directory, Store};
use crate::{SCHEMA_VERSION, SnapshotError, ToolRecord};

/// Compression level of resource files: fast, and small enough for text as repetitive as this.
const ZSTD_LEVEL: i32 = 3;

/// How long after its start an interrupted scan may be resumed, in seconds.
pub(crate) const RESUME_WITHIN: i64 = 24 * 60 * 60;

/// A snapshot being written.
#[derive(Debug)]
pub struct SnapshotWriter {
    store: Arc<dyn Store>,
    /// What the names of its units and, until it is finished, of its manifest begin with.
    base: String,
    /// The name of its manifest, behind `base`.
    name: String,
    manifest: Manifest,
    done: BTreeMap<UnitKey, UnitRecord>,
    /// The finished snapshot that this one is to replace.
    replaces: Option<Manifest>,
    /// When the interrupted scan began that was too old to go on with.
    forgotten: Option<Timestamp>,
}

/// Writes the units of a snapshot. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct UnitWriter {
    store: Arc<dyn Store>,
    base: String,
}

impl UnitWriter {
    /// Writes one complete unit: the resources first, then the record that makes them count.
    pub fn write(
        &self,
        key: UnitKey,
        listings: BTreeMap<String, Listing>,
        ledger: Vec<LedgerEntry>,
        mut resources: Vec<Resource>,
    ) -> Result<UnitRecord, SnapshotError> {
        // Fan-out finishes in any order; the file must not depend on it.
        resources.sort_by(|a, b| (&a.r#type, &a.arn, &a.id).cmp(&(&b.r#type, &b.arn, &b.id)));
        let (data, record_name) = unit_names(&self.base, &key);
        let compressed = compress(&resources)
            .map_err(|e| SnapshotError::io("write", &self.store.place(&data), e))?;
        let record = UnitRecord {
            key,
            listings,
            ledger,
            resources: resources.len() as u64,
            sha256: hex(&Sha256::digest(&compressed)),
        };
        self.store.write(&data, &compressed)?;
        let place = place_of(self.store.as_ref(), &self.base, &record.key);
        self.store.write(&record_name, &to_json(&place, &record)?)?;
        Ok(record)
    }
}

/// Where a scan begins.
struct Start {
    manifest: Manifest,
    /// The units that an interrupted run completed.
    done: BTreeMap<UnitKey, UnitRecord>,
    /// When the interrupted run began that was too old to go on with.
    forgotten: Option<Timestamp>,
}

impl Start {
    /// With nothing read yet, after `found` had been forgotten.
    fn anew(manifest: Manifest, found: Option<&Manifest>) -> Self {
        let interrupted = |found: &&Manifest| found.scan.finished_at.is_none();
        Self {
            manifest,
            done: BTreeMap::new(),
            forgotten: found.filter(interrupted).map(|found| found.scan.started_at),
        }
    }

    /// With what an interrupted run left.
    fn resumed(found: Manifest, fresh: Manifest, done: BTreeMap<UnitKey, UnitRecord>) -> Self {
        Self {
            manifest: Manifest {
                tool: fresh.tool,
                ..found
            },
            done,
            forgotten: None,
        }
    }
}

impl SnapshotWriter {
    /// Starts a snapshot in a directory; see [`Self::create_or_resume_in`].
    pub fn create_or_resume(
        root: &Path,
        tool: ToolRecord,
        scan_id: String,
        scope: Scope,
    ) -> Result<Self, SnapshotError> {
        let now = Timestamp::now();
        Self::create_or_resume_in(Directory::store(root), tool, scan_id, scope, None, now)
    }

    /// Starts a snapshot in a new or empty store, or resumes the interrupted one that is there.
    ///
    /// A finished snapshot stays as it is until the new one is finished too: its successor is written
    /// below a name of its own, and takes its place in one step. An interrupted scan that was started
    /// more than a day before `now` is forgotten; see [`Self::forgotten`].
    ///
    /// A shard writes its own units and its own manifest beside those of the others, and touches nothing of
    /// theirs. A shard that was finished is written anew in place.
    pub fn create_or_resume_in(
        store: Arc<dyn Store>,
        tool: ToolRecord,
        scan_id: String,
        scope: Scope,
        shard: Option<Shard>,
        now: Timestamp,
    ) -> Result<Self, SnapshotError> {
        store.prepare()?;
        let fresh = Manifest {
            schema_version: SCHEMA_VERSION.to_owned(),
            tool,
            scan: ScanRecord {
                id: scan_id,
                started_at: now,
                finished_at: None,
            },
            generation: None,
            shard,
            shards: None,
            scope,
            caller: None,
            accounts: Vec::new(),
            units: Vec::new(),
            ledger: Vec::new(),
        };
        let writer = match shard {
            Some(shard) => Self::begin_shard(store, fresh, shard)?,
            None => Self::begin(store, fresh)?,
        };
        // Written at once, so that an unwritable directory or a full disk shows before the first unit is read.
        writer.write_manifest()?;
        Ok(writer)
    }

    fn begin(store: Arc<dyn Store>, fresh: Manifest) -> Result<Self, SnapshotError> {
        let (replaces, base, before) = match read_manifest(store.as_ref(), MANIFEST)? {
            Some(found) if found.scan.finished_at.is_some() => {
                store.sweep("")?;
                let (base, forgotten) = successor(store.as_ref(), &found, &fresh)?;
                (Some(found), base, forgotten)
            }
            _ => (None, String::new(), None),
        };
        let start = resume(store.as_ref(), &base, fresh)?;
        Ok(Self {
            store,
            base,
            name: MANIFEST.to_owned(),
            manifest: start.manifest,
            done: start.done,
            replaces,
            forgotten: before.or(start.forgotten),
        })
    }

    fn begin_shard(
        store: Arc<dyn Store>,
        fresh: Manifest,
        shard: Shard,
    ) -> Result<Self, SnapshotError> {
        let start = resume_shard(store.as_ref(), fresh, shard)?;
        Ok(Self {
            store,
            base: String::new(),
            name: shard.manifest(),
            manifest: start.manifest,
            done: start.done,
            replaces: None,
            forgotten: start.forgotten,
        })
    }

    /// The moment to which ages refer.
    pub fn started_at(&self) -> Timestamp {
        self.manifest.scan.started_at
    }

    /// When the interrupted scan began that was here, and that this one does not go on with because it is too old.
    pub fn forgotten(&self) -> Option<Timestamp> {
        self.forgotten
    }

    /// What is known of the accounts, by this run or the one that it resumes.
    pub fn accounts(&self) -> &[AccountRecord] {
        &self.manifest.accounts
    }

    /// The record of a unit that an earlier run completed.
    pub fn completed(&self, key: &UnitKey) -> Option<&UnitRecord> {
        self.done.get(key)
    }

    /// Writes one complete unit.
    pub fn write_unit(
        &mut self,
        key: UnitKey,
        listings: BTreeMap<String, Listing>,
        ledger: Vec<LedgerEntry>,
        resources: Vec<Resource>,
    ) -> Result<(), SnapshotError> {
        let record = self.units().write(key, listings, ledger, resources)?;
        self.add(record);
        Ok(())
    }

    /// What writes units, several at once where that is wanted.
    pub fn units(&self) -> UnitWriter {
        UnitWriter {
            store: Arc::clone(&self.store),
            base: self.base.clone(),
        }
    }

    /// Takes in a unit that [`UnitWriter::write`] has written.
    pub fn add(&mut self, record: UnitRecord) {
        self.done.insert(record.key.clone(), record);
    }

    /// Says who scans and which accounts the scan covers; called as soon as they are known.
    pub fn set_accounts(
        &mut self,
        caller: AccountId,
        mut accounts: Vec<AccountRecord>,
    ) -> Result<(), SnapshotError> {
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        self.manifest.caller = Some(caller);
        self.manifest.accounts = accounts;
        self.write_manifest()
    }

    /// Ends the scan. Without this the snapshot is an interrupted one, which can be resumed but also
    /// evaluated for what it holds.
    pub fn finish(
        mut self,
        ledger: Vec<LedgerEntry>,
        wanted: &[UnitKey],
        now: Timestamp,
    ) -> Result<(), SnapshotError> {
        self.manifest.ledger = ledger;
        self.manifest.units = wanted
            .iter()
            .filter_map(|key| self.done.get(key).cloned())
            .collect();
        self.manifest.units.sort_by(|a, b| a.key.cmp(&b.key));
        // A clock may have been set in between.
        let end = now.max(self.manifest.scan.started_at);
        self.manifest.scan.finished_at = Some(end);
        let Some(old) = &self.replaces else {
            return self.write_manifest();
        };
        self.manifest.generation = self.base.trim_end_matches('/').to_owned().try_into().ok();
        let store = self.store.as_ref();
        // The one step: before it the old snapshot is there as a whole, after it the new one.
        store.write(MANIFEST, &to_json(&store.place(MANIFEST), &self.manifest)?)?;
        store.remove(&format!("{}{MANIFEST}", self.base))?;
        match &old.generation {
            Some(generation) => clear(store, &format!("{}/", generation.as_str())),
            None => clear_units(store, ""),
        }
    }

    fn write_manifest(&self) -> Result<(), SnapshotError> {
        let name = format!("{}{}", self.base, self.name);
        let place = self.store.place(&name);
        self.store.write(&name, &to_json(&place, &self.manifest)?)
    }
}

/// What the names of the successor of a finished snapshot begin with: those that an interrupted scan has
/// begun with, or new ones; and when an interrupted scan began that is too old for that.
fn successor(
    store: &dyn Store,
    current: &Manifest,
    fresh: &Manifest,
) -> Result<(String, Option<Timestamp>), SnapshotError> {
    let in_use = current.generation.as_ref().map(Generation::as_str);
    if in_use.is_some() {
        // Units here belong to a snapshot before the current one, and outlived it by a kill.
        clear_units(store, "")?;
    }
    let names = store.list(Generation::PREFIX)?;
    let begun: BTreeSet<&str> = names
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0))
        .filter(|name| Some(*name) != in_use)
        .collect();
    let now = fresh.scan.started_at;
    let (mut resumed, mut forgotten) = (None, None);
    for name in begun {
        let base = format!("{name}/");
        // One that cannot be read, or is over, was left behind by a scan that was killed at its end.
        match read_manifest(store, &format!("{base}{MANIFEST}")) {
            Ok(Some(found)) if resumed.is_none() && !is_over(&found.scan, now) => {
                resumed = Some(base);
            }
            found => {
                clear(store, &base)?;
                let scan = found.ok().flatten().map(|found| found.scan);
                forgotten = scan
                    .filter(|scan| scan.finished_at.is_none())
                    .map(|scan| scan.started_at)
                    .or(forgotten);
            }
        }
    }
    let base =
        resumed.unwrap_or_else(|| format!("{}/", Generation::of_scan(&fresh.scan.id).as_str()));
    Ok((base, forgotten))
}

/// What an interrupted scan left, or a fresh start.
fn resume(store: &dyn Store, base: &str, fresh: Manifest) -> Result<Start, SnapshotError> {
    let Some(found) = read_manifest(store, &format!("{base}{MANIFEST}"))? else {
        store.sweep(base)?;
        if !store.list(base)?.is_empty() {
            return Err(SnapshotError::NotEmpty {
                path: store.place(base),
            });
        }
        return Ok(Start::anew(fresh, None));
    };
    store.sweep(base)?;
    if is_over(&found.scan, fresh.scan.started_at) {
        clear_units(store, base)?;
        return Ok(Start::anew(fresh, Some(&found)));
    }
    same_scope(store, &found, &fresh)?;
    let names = store.list(&format!("{base}{UNITS}"))?;
    let records = read_unit_records(store, base, &names)?;
    let done = intact(store, base, records)?;
    Ok(Start::resumed(found, fresh, done))
}

/// The same for a shard, which may not touch what belongs to others.
fn resume_shard(store: &dyn Store, fresh: Manifest, shard: Shard) -> Result<Start, SnapshotError> {
    let path = store.place("");
    let differs = |difference: String| SnapshotError::OtherScope {
        path: path.clone(),
        difference,
    };
    let foreign = |name: &String| {
        !name.starts_with(shard::PREFIX)
            && !name.starts_with(UNITS)
            && !name.starts_with(".posture-")
    };
    if store.read(MANIFEST)?.is_some() {
        return Err(differs("it was not written in shards".to_owned()));
    }
    let names = store.list("")?;
    if names.iter().any(foreign) {
        return Err(SnapshotError::NotEmpty { path });
    }
    let all = shard_manifests(store)?;
    if let Some(other) = all.keys().find(|found| found.of != shard.of) {
        return Err(differs(format!("it is written in {} shards", other.of)));
    }
    // Those of yesterday's run make room for today's.
    let now = fresh.scan.started_at;
    for found in all.values().filter(|found| !is_old(&found.scan, now)) {
        same_scope(store, found, &fresh)?;
    }
    let records = own_records(store, shard, &names)?;
    match all.get(&shard) {
        Some(found) if !is_over(&found.scan, now) => {
            let done = intact(store, "", records)?;
            Ok(Start::resumed(found.clone(), fresh, done))
        }
        found => {
            remove_units(store, "", &records)?;
            Ok(Start::anew(fresh, found))
        }
    }
}

/// Whether nothing is to be added to a scan: it ended, or what it read is too old to be shown beside
/// what would be read now.
fn is_over(scan: &ScanRecord, now: Timestamp) -> bool {
    scan.finished_at.is_some() || is_old(scan, now)
}

/// A start that lies as far ahead was told by a clock that was wrong: ages cannot be counted from it.
fn is_old(scan: &ScanRecord, now: Timestamp) -> bool {
    let age = now.unix() - scan.started_at.unix();
    age.abs() > RESUME_WITHIN
}

fn same_scope(store: &dyn Store, found: &Manifest, fresh: &Manifest) -> Result<(), SnapshotError> {
    match scope_difference(&found.scope, &fresh.scope) {
        Some(difference) => Err(SnapshotError::OtherScope {
            path: store.place(""),
            difference,
        }),
        None => Ok(()),
    }
}

fn scope_difference(found: &Scope, wanted: &Scope) -> Option<String> {
    let differs = [
        ("accounts", found.accounts != wanted.accounts),
        ("organization", found.organization != wanted.organization),
        ("role", found.role != wanted.role),
        ("regions", found.regions != wanted.regions),
        (
            "excluded regions",
            found.excluded_regions != wanted.excluded_regions,
        ),
        ("services", found.services != wanted.services),
        ("organizational units", found.ous != wanted.ous),
        (
            "excluded organizational units",
            found.excluded_ous != wanted.excluded_ous,
        ),
        ("account tags", found.account_tags != wanted.account_tags),
        (
            "excluded accounts",
            found.excluded_accounts != wanted.excluded_accounts,
        ),
        ("role chain", found.role_chain != wanted.role_chain),
        (
            "services last accessed",
            found.last_accessed != wanted.last_accessed,
        ),
    ];
    let names: Vec<&str> = differs
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| *name)
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The units whose resources are as recorded. A file that was damaged since is collected again rather than
/// trusted.
fn intact(
    store: &dyn Store,
    base: &str,
    records: Vec<UnitRecord>,
) -> Result<BTreeMap<UnitKey, UnitRecord>, SnapshotError> {
    // Of what holds nothing, nothing can be lost.
    let (empty, files): (Vec<_>, Vec<_>) = records.into_iter().partition(is_empty);
    let mut files: BTreeMap<String, UnitRecord> = files
        .into_iter()
        .map(|record| (unit_names(base, &record.key).0, record))
        .collect();
    let mut done: BTreeMap<UnitKey, UnitRecord> = empty
        .into_iter()
        .map(|record| (record.key.clone(), record))
        .collect();
    let names: Vec<String> = files.keys().cloned().collect();
    store.read_each(&names, &mut |name, bytes| {
        let record = files.remove(name);
        let whole = |record: &UnitRecord| {
            bytes.is_some_and(|bytes| hex(&Sha256::digest(&bytes)) == record.sha256)
        };
        if let Some(record) = record.filter(whole) {
            done.insert(record.key.clone(), record);
        }
        Ok(())
    })?;
    Ok(done)
}

/// Removes a whole snapshot. Only what this crate wrote is touched.
fn clear(store: &dyn Store, base: &str) -> Result<(), SnapshotError> {
    clear_units(store, base)?;
    store.remove(&format!("{base}{MANIFEST}"))?;
    store.sweep(base)
}

/// Removes the units of a snapshot.
fn clear_units(store: &dyn Store, base: &str) -> Result<(), SnapshotError> {
    let names = store.list(&format!("{base}{UNITS}"))?;
    // Records first: a unit without one does not count.
    for suffix in [RECORD, RESOURCES] {
        let these = names.iter().filter(|name| name.ends_with(suffix));
        store.remove_each(&these.cloned().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn remove_units(
    store: &dyn Store,
    base: &str,
    records: &[UnitRecord],
) -> Result<(), SnapshotError> {
    let names = records.iter().map(|record| unit_names(base, &record.key));
    let (resources, records): (Vec<String>, Vec<String>) = names.unzip();
    store.remove_each(&records)?;
    store.remove_each(&resources)
}

/// As much is given to the compressor at once. What is smaller as a whole is said to be, and costs it tables of that
/// size only.
const PIECE: usize = 1 << 18;

fn compress(resources: &[Resource]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    let mut lines = Vec::new();
    let mut whole = true;
    for resource in resources {
        serde_json::to_writer(&mut lines, resource)?;
        lines.push(b'\n');
        if lines.len() >= PIECE {
            encoder.write_all(&lines)?;
            lines.clear();
            whole = false;
        }
    }
    if whole {
        encoder.set_pledged_src_size(Some(lines.len() as u64))?;
    }
    encoder.write_all(&lines)?;
    encoder.finish()
}

/// Whether a unit holds nothing, by its digest too: a record whose count was damaged is not taken for an empty one.
pub(crate) fn is_empty(record: &UnitRecord) -> bool {
    static DIGEST: LazyLock<Option<String>> =
        LazyLock::new(|| compress(&[]).ok().map(|bytes| hex(&Sha256::digest(bytes))));
    record.resources == 0 && DIGEST.as_ref() == Some(&record.sha256)
}

fn to_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, SnapshotError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| SnapshotError::io("encode", path, e.into()))?;
    text.push(b'\n');
    Ok(text)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
