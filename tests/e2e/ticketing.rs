//! A month of scans, as `docs/ticketing.md` tells it: every command in it is run here, and what it shows is what
//! comes out. `POSTURE_BLESS=1` writes the outputs into the document instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use posture_catalog::{Catalog, Status, example_resources};
use posture_model::{AccountId, Gap, GapReason, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, LedgerEntry, Listing, ScanRecord, Scope, ToolRecord, UnitKey, UnitRecord,
    write_snapshot,
};

use crate::support::{Posture, binary, manifest_dir};
