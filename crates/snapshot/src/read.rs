//! Reading a snapshot, distrusting every byte of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use posture_model::Resource;
use sha2::{Digest, Sha256};

use crate::format::{Manifest, UnitKey, UnitRecord};
use crate::write::hex;
use crate::{SCHEMA_VERSION, SnapshotError};

/// What a snapshot's directory is known by.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A snapshot opened for reading.
#[derive(Debug)]
pub struct Snapshot {
    /// Where its units are.
    root: PathBuf,
    manifest: Manifest,
}

impl Snapshot {
    /// Opens a snapshot and reads its manifest. An interrupted one opens too, with the units it has.
    pub fn open(root: &Path) -> Result<Self, SnapshotError> {
        let mut manifest = read_manifest(root)?;
        if manifest.scan.finished_at.is_none() {
            manifest.units = read_unit_records(root)?;
            manifest.units.sort_by(|a, b| a.key.cmp(&b.key));
        }
        let root = match &manifest.generation {
            Some(generation) => root.join(generation.as_str()),
            None => root.to_owned(),
        };
        Ok(Self { root, manifest })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// All resources of a unit.
    ///
    /// The digest is compared first, so a truncated or altered file is an error and not a shorter
    /// list.
    pub fn read_unit(&self, unit: &UnitRecord) -> Result<Vec<Resource>, SnapshotError> {
        let (path, _) = unit_paths(&self.root, &unit.key);
        let bytes = fs::read(&path).map_err(|e| SnapshotError::io("read", &path, e))?;
        if hex(&Sha256::digest(&bytes)) != unit.sha256 {
            return Err(SnapshotError::corrupt(
                &path,
                "its digest differs from the one recorded",
            ));
        }
        let decoder =
            zstd::Decoder::new(bytes.as_slice()).map_err(|e| SnapshotError::corrupt(&path, e))?;
        let mut resources = Vec::with_capacity(usize::try_from(unit.resources).unwrap_or_default());
        for (index, line) in BufReader::new(decoder).lines().enumerate() {
            let line = line.map_err(|e| SnapshotError::corrupt(&path, e))?;
            let resource: Resource = serde_json::from_str(&line).map_err(|e| {
                SnapshotError::corrupt(&path, format_args!("line {}: {e}", index + 1))
            })?;
            resources.push(resource);
        }
        if resources.len() as u64 != unit.resources {
            return Err(SnapshotError::corrupt(
                &path,
                format_args!(
                    "it holds {} resources where {} were recorded",
                    resources.len(),
                    unit.resources
                ),
            ));
        }
        Ok(resources)
    }
}

pub(crate) fn unit_paths(root: &Path, key: &UnitKey) -> (PathBuf, PathBuf) {
    let directory = root
        .join(format!("account={}", key.account))
        .join(format!("region={}", key.region));
    (
        directory.join(format!("{}.jsonl.zst", key.service)),
        directory.join(format!("{}.unit.json", key.service)),
    )
}

pub(crate) fn read_manifest(root: &Path) -> Result<Manifest, SnapshotError> {
    let path = root.join(MANIFEST);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Err(SnapshotError::NotASnapshot {
                path: root.to_owned(),
            });
        }
        Err(e) => return Err(SnapshotError::io("read", &path, e)),
    };
    // The version is looked at by itself: the rest of a newer manifest may not parse at all.
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| SnapshotError::corrupt(&path, e))?;
    let found = value
        .get("schema_version")
        .and_then(|v| v.as_str())
        .ok_or_else(|| SnapshotError::corrupt(&path, "it has no schema_version"))?;
    if newer(found, SCHEMA_VERSION) {
        return Err(SnapshotError::Newer {
            path,
            found: found.to_owned(),
            supported: SCHEMA_VERSION,
        });
    }
    serde_json::from_value(value).map_err(|e| SnapshotError::corrupt(&path, e))
}

fn newer(found: &str, supported: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split('.')
            .map(|part| part.parse().unwrap_or(u64::MAX))
            .collect()
    };
    numbers(found) > numbers(supported)
}

/// The records of all complete units below a snapshot's directory.
pub(crate) fn read_unit_records(root: &Path) -> Result<Vec<UnitRecord>, SnapshotError> {
    let mut records = Vec::new();
    for region in unit_directories(root)? {
        for entry in fs::read_dir(&region).map_err(|e| SnapshotError::io("list", &region, e))? {
            let path = entry
                .map_err(|e| SnapshotError::io("list", &region, e))?
                .path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if !name.ends_with(".unit.json") {
                continue;
            }
            let bytes = fs::read(&path).map_err(|e| SnapshotError::io("read", &path, e))?;
            let record: UnitRecord =
                serde_json::from_slice(&bytes).map_err(|e| SnapshotError::corrupt(&path, e))?;
            // A record that was moved would make another unit's resources vanish.
            let (_, expected) = unit_paths(root, &record.key);
            if expected != path {
                return Err(SnapshotError::corrupt(&path, "it records another unit"));
            }
            records.push(record);
        }
    }
    Ok(records)
}

/// The directories that hold units.
pub(crate) fn unit_directories(root: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let mut found = Vec::new();
    for account in directories(root, "account=")? {
        found.extend(directories(&account, "region=")?);
    }
    Ok(found)
}

pub(crate) fn directories(parent: &Path, prefix: &str) -> Result<Vec<PathBuf>, SnapshotError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent).map_err(|e| SnapshotError::io("list", parent, e))? {
        let path = entry
            .map_err(|e| SnapshotError::io("list", parent, e))?
            .path();
        let named = path
            .file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with(prefix));
        if named && path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
