//! Writing a snapshot unit by unit, and resuming an interrupted one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use posture_model::{Resource, Timestamp};
use sha2::{Digest, Sha256};

use crate::files::write_atomically;
use crate::format::{
    AccountRecord, LedgerEntry, Listing, Manifest, ScanRecord, Scope, UnitKey, UnitRecord,
};
use crate::read::{read_manifest, read_unit_records, unit_paths};
use crate::{SCHEMA_VERSION, SnapshotError, ToolRecord};

/// Compression level of resource files: fast, and small enough for text as repetitive as this.
const ZSTD_LEVEL: i32 = 3;

/// A snapshot being written.
#[derive(Debug)]
pub struct SnapshotWriter {
    root: PathBuf,
    manifest: Manifest,
    done: BTreeMap<UnitKey, UnitRecord>,
}

impl SnapshotWriter {
    /// Starts a snapshot in a new or empty directory, or resumes the interrupted one that is there.
    ///
    /// A finished snapshot is replaced as a whole: its units are forgotten before the first is
    /// written.
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
            scope,
            accounts: Vec::new(),
            units: Vec::new(),
            ledger: Vec::new(),
        };
        let (manifest, done) = match read_manifest(root) {
            Ok(found) if found.scan.finished_at.is_some() => {
                clear_units(root)?;
                (fresh, BTreeMap::new())
            }
            Ok(found) => {
                if let Some(difference) = scope_difference(&found.scope, &fresh.scope) {
                    return Err(SnapshotError::OtherScope {
                        path: root.to_owned(),
                        difference,
                    });
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
                (resumed, done)
            }
            Err(SnapshotError::NotASnapshot { .. }) => {
                let mut entries =
                    fs::read_dir(root).map_err(|e| SnapshotError::io("list", root, e))?;
                if entries.next().is_some() {
                    return Err(SnapshotError::NotEmpty {
                        path: root.to_owned(),
                    });
                }
                (fresh, BTreeMap::new())
            }
            Err(other) => return Err(other),
        };
        let writer = Self {
            root: root.to_owned(),
            manifest,
            done,
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

    /// Says which accounts the scan covers; called as soon as they are known.
    pub fn set_accounts(&mut self, mut accounts: Vec<AccountRecord>) -> Result<(), SnapshotError> {
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
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
        self.write_manifest()
    }

    fn write_manifest(&self) -> Result<(), SnapshotError> {
        let path = self.root.join("manifest.json");
        write_atomically(&path, &to_json(&path, &self.manifest)?)
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

/// Removes the units of a finished snapshot that is about to be replaced. Only what this crate wrote
/// is touched.
fn clear_units(root: &Path) -> Result<(), SnapshotError> {
    for record in read_unit_records(root)? {
        let (data_path, record_path) = unit_paths(root, &record.key);
        for path in [record_path, data_path] {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(SnapshotError::io("remove", &path, e));
                }
                _ => {}
            }
        }
    }
    Ok(())
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
