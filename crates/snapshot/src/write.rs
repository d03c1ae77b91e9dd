//! Writing a snapshot unit by unit, and resuming an interrupted one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use posture_model::{AccountId, Resource, Timestamp};
use sha2::{Digest, Sha256};

use crate::files::{sweep, write_atomically};
use crate::format::{
    AccountRecord, Generation, LedgerEntry, Listing, Manifest, ScanRecord, Scope, UnitKey,
    UnitRecord,
};
use crate::read::{
    MANIFEST, directories, read_manifest, read_unit_records, unit_directories, unit_paths,
};
use crate::{SCHEMA_VERSION, SnapshotError, ToolRecord};

/// Compression level of resource files: fast, and small enough for text as repetitive as this.
const ZSTD_LEVEL: i32 = 3;

/// How long after its start an interrupted scan may be resumed, in seconds.
const RESUME_WITHIN: i64 = 24 * 60 * 60;

/// A snapshot being written.
#[derive(Debug)]
pub struct SnapshotWriter {
    /// Where its units and, until it is finished, its manifest are.
    root: PathBuf,
    manifest: Manifest,
    done: BTreeMap<UnitKey, UnitRecord>,
    /// The finished snapshot that this one is to replace, and its directory, which holds `root`.
    replaces: Option<(PathBuf, Manifest)>,
}

impl SnapshotWriter {
    /// Starts a snapshot in a new or empty directory, or resumes the interrupted one that is there.
    ///
    /// A finished snapshot stays as it is until the new one is finished too: its successor is written
    /// into a directory inside, and takes its place in one step. An interrupted scan that was started
    /// more than a day ago is forgotten.
    pub fn create_or_resume(
        root: &Path,
        tool: ToolRecord,
        scan_id: String,
        scope: Scope,
    ) -> Result<Self, SnapshotError> {
        fs::create_dir_all(root).map_err(|e| SnapshotError::io("create", root, e))?;
        restrict(root)?;
        let fresh = Manifest {
            schema_version: SCHEMA_VERSION.to_owned(),
            tool,
            scan: ScanRecord {
                id: scan_id,
                started_at: Timestamp::now(),
                finished_at: None,
            },
            generation: None,
            scope,
            caller: None,
            accounts: Vec::new(),
            units: Vec::new(),
            ledger: Vec::new(),
        };
        let (replaces, root) = match read_manifest(root) {
            Ok(found) if found.scan.finished_at.is_some() => {
                sweep(root)?;
                let next = successor(root, &found, &fresh)?;
                fs::create_dir_all(&next).map_err(|e| SnapshotError::io("create", &next, e))?;
                restrict(&next)?;
                (Some((root.to_owned(), found)), next)
            }
            Ok(_) | Err(SnapshotError::NotASnapshot { .. }) => (None, root.to_owned()),
            Err(other) => return Err(other),
        };
        let (manifest, done) = resume(&root, fresh)?;
        let writer = Self {
            root,
            manifest,
            done,
            replaces,
        };
        // Written at once, so that an unwritable directory or a full disk shows before the first call.
        writer.write_manifest()?;
        Ok(writer)
    }

    /// The moment to which ages refer.
    pub fn started_at(&self) -> Timestamp {
        self.manifest.scan.started_at
    }

    /// The record of a unit that an earlier run completed.
    pub fn completed(&self, key: &UnitKey) -> Option<&UnitRecord> {
        self.done.get(key)
    }

    /// Writes one complete unit: the resources first, then the record that makes them count.
    pub fn write_unit(
        &mut self,
        key: UnitKey,
        listings: BTreeMap<String, Listing>,
        ledger: Vec<LedgerEntry>,
        mut resources: Vec<Resource>,
    ) -> Result<(), SnapshotError> {
        // Fan-out finishes in any order; the file must not depend on it.
        resources.sort_by(|a, b| (&a.r#type, &a.arn, &a.id).cmp(&(&b.r#type, &b.arn, &b.id)));
        let (data_path, record_path) = unit_paths(&self.root, &key);
        if let Some(parent) = data_path.parent() {
            fs::create_dir_all(parent).map_err(|e| SnapshotError::io("create", parent, e))?;
        }
        let compressed =
            compress(&resources).map_err(|e| SnapshotError::io("write", &data_path, e))?;
        let record = UnitRecord {
            key: key.clone(),
            listings,
            ledger,
            resources: resources.len() as u64,
            sha256: hex(&Sha256::digest(&compressed)),
        };
        write_atomically(&data_path, &compressed)?;
        write_atomically(&record_path, &to_json(&record_path, &record)?)?;
        self.done.insert(key, record);
        Ok(())
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
    ) -> Result<(), SnapshotError> {
        self.manifest.ledger = ledger;
        self.manifest.units = wanted
            .iter()
            .filter_map(|key| self.done.get(key).cloned())
            .collect();
        self.manifest.units.sort_by(|a, b| a.key.cmp(&b.key));
        self.manifest.scan.finished_at = Some(Timestamp::now());
        let Some((root, old)) = &self.replaces else {
            return self.write_manifest();
        };
        let name = self.root.file_name().and_then(|name| name.to_str());
        self.manifest.generation = name.and_then(|name| name.to_owned().try_into().ok());
        let path = root.join(MANIFEST);
        // The one step: before it the old snapshot is there as a whole, after it the new one.
        write_atomically(&path, &to_json(&path, &self.manifest)?)?;
        remove(&self.root.join(MANIFEST))?;
        match &old.generation {
            Some(generation) => clear(&root.join(generation.as_str())),
            None => clear_units(root),
        }
    }

    fn write_manifest(&self) -> Result<(), SnapshotError> {
        let path = self.root.join(MANIFEST);
        write_atomically(&path, &to_json(&path, &self.manifest)?)
    }
}

/// Where the successor of a finished snapshot is written: where an interrupted scan has begun one, or
/// in a new directory.
fn successor(root: &Path, current: &Manifest, fresh: &Manifest) -> Result<PathBuf, SnapshotError> {
    let in_use = current.generation.as_ref().map(Generation::as_str);
    if in_use.is_some() {
        // Units here belong to a snapshot before the current one, and outlived it by a kill.
        clear_units(root)?;
    }
    let mut begun = None;
    for directory in directories(root, Generation::PREFIX)? {
        let name = directory.file_name().and_then(|name| name.to_str());
        if name.is_some() && name == in_use {
            continue;
        }
        // One that cannot be read, or is over, was left behind by a scan that was killed at its end.
        match read_manifest(&directory) {
            Ok(found) if begun.is_none() && !is_over(&found.scan) => begun = Some(directory),
            _ => clear(&directory)?,
        }
    }
    Ok(begun.unwrap_or_else(|| root.join(Generation::of_scan(&fresh.scan.id).as_str())))
}

/// What an interrupted scan left in a directory, or a fresh start there.
fn resume(
    root: &Path,
    fresh: Manifest,
) -> Result<(Manifest, BTreeMap<UnitKey, UnitRecord>), SnapshotError> {
    let found = match read_manifest(root) {
        Ok(found) => found,
        Err(SnapshotError::NotASnapshot { .. }) => {
            sweep(root)?;
            let mut entries = fs::read_dir(root).map_err(|e| SnapshotError::io("list", root, e))?;
            if entries.next().is_some() {
                return Err(SnapshotError::NotEmpty {
                    path: root.to_owned(),
                });
            }
            return Ok((fresh, BTreeMap::new()));
        }
        Err(other) => return Err(other),
    };
    if is_over(&found.scan) {
        sweep(root)?;
        clear_units(root)?;
        return Ok((fresh, BTreeMap::new()));
    }
    if let Some(difference) = scope_difference(&found.scope, &fresh.scope) {
        return Err(SnapshotError::OtherScope {
            path: root.to_owned(),
            difference,
        });
    }
    sweep(root)?;
    for directory in unit_directories(root)? {
        sweep(&directory)?;
    }
    let done = read_unit_records(root)?
        .into_iter()
        // A file that was damaged since is collected again rather than trusted.
        .filter(|record| intact(root, record))
        .map(|record| (record.key.clone(), record))
        .collect();
    let resumed = Manifest {
        tool: fresh.tool,
        ..found
    };
    Ok((resumed, done))
}

/// Whether nothing is to be added to a scan: it ended, or what it read is too old to be shown beside
/// what would be read now.
fn is_over(scan: &ScanRecord) -> bool {
    let age = Timestamp::now().unix() - scan.started_at.unix();
    scan.finished_at.is_some() || age > RESUME_WITHIN
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

fn intact(root: &Path, record: &UnitRecord) -> bool {
    let (data_path, _) = unit_paths(root, &record.key);
    fs::read(data_path).is_ok_and(|bytes| hex(&Sha256::digest(&bytes)) == record.sha256)
}

/// Removes a directory that holds a whole snapshot. Only what this crate wrote is touched.
fn clear(root: &Path) -> Result<(), SnapshotError> {
    sweep(root)?;
    clear_units(root)?;
    remove(&root.join(MANIFEST))?;
    // Not empty when it holds something of somebody else's.
    let _ = fs::remove_dir(root);
    Ok(())
}

/// Removes the units of a snapshot, and the directories that they leave empty.
fn clear_units(root: &Path) -> Result<(), SnapshotError> {
    for account in directories(root, "account=")? {
        for region in directories(&account, "region=")? {
            sweep(&region)?;
            for entry in fs::read_dir(&region).map_err(|e| SnapshotError::io("list", &region, e))? {
                let path = entry
                    .map_err(|e| SnapshotError::io("list", &region, e))?
                    .path();
                let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
                if name.ends_with(".unit.json") || name.ends_with(".jsonl.zst") {
                    remove(&path)?;
                }
            }
            let _ = fs::remove_dir(&region);
        }
        let _ = fs::remove_dir(&account);
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(SnapshotError::io("remove", path, e))
        }
        _ => Ok(()),
    }
}

fn compress(resources: &[Resource]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    for resource in resources {
        serde_json::to_writer(&mut encoder, resource)?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish()
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

/// Names of resources tell an attacker where to look: the directory is its owner's alone.
#[cfg(unix)]
fn restrict(root: &Path) -> Result<(), SnapshotError> {
    use std::os::unix::fs::PermissionsExt;
    let empty = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))
            .map_err(|e| SnapshotError::io("restrict", root, e))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<(), SnapshotError> {
    Ok(())
}
