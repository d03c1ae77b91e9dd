//! The files of a snapshot as types. Version 1.

use std::collections::BTreeMap;

use posture_model::{AccountId, Gap, Partition, Region, Tags, Timestamp};
use serde::{Deserialize, Serialize};

use crate::shard::Shard;

/// The version this build writes. The first number changes when an older build could misread it.
pub const SCHEMA_VERSION: &str = "1.0";

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout.
    pub schema_version: String,
    /// What wrote it.
    pub tool: ToolRecord,
    /// When, and how it ended.
    pub scan: ScanRecord,
    /// The directory below this file's that holds the units; none for this file's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// Which share of the scan this is; none for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Of a scan in shares that was put together: which are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
    /// What was asked for.
    pub scope: Scope,
    /// The account whose credentials the scan started with; null until it is known.
    #[serde(default)]
    pub caller: Option<AccountId>,
    /// The accounts, in the order of their ids.
    pub accounts: Vec<AccountRecord>,
    /// The units that are complete, in the order of their keys.
    pub units: Vec<UnitRecord>,
    /// The caller's own calls outside any unit, which found the accounts, by operation.
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
}

/// The shares of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// How many there are to be.
    pub of: u32,
    /// Numbers of those that are not there, or not finished.
    pub missing: Vec<u32>,
}

/// Name of a directory with the units of a scan that replaced an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Generation(String);

impl Generation {
    /// What every such name begins with.
    pub(crate) const PREFIX: &str = "next-";

    /// The directory for a scan.
    pub(crate) fn of_scan(id: &str) -> Self {
        let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        Self(format!("{}{plain}", Self::PREFIX))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Generation {
    type Error = &'static str;

    /// Nothing but a name of that form: a snapshot is not trusted to point elsewhere.
    fn try_from(name: String) -> Result<Self, Self::Error> {
        let rest = name.strip_prefix(Self::PREFIX);
        if rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric())) {
            Ok(Self(name))
        } else {
            Err("generation is not the name of a directory of units")
        }
    }
}

impl From<Generation> for String {
    fn from(generation: Generation) -> Self {
        generation.0
    }
}

/// The program that wrote a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRecord {
    /// `posture`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// Random id.
    pub id: String,
    /// When it started; ages in checks are counted up to this moment.
    pub started_at: Timestamp,
    /// When it ended; null while it runs and after an interruption.
    pub finished_at: Option<Timestamp>,
}

/// What a scan was asked to cover. An interrupted scan resumes only under the same scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Accounts asked for, by id; empty for the caller's own.
    pub accounts: Vec<AccountId>,
    /// Whether the whole organization was asked for.
    pub organization: bool,
    /// The role assumed in each account, if any.
    pub role: Option<String>,
    /// Regions asked for; empty for every enabled one.
    pub regions: Vec<Region>,
    /// Regions left out.
    pub excluded_regions: Vec<Region>,
    /// Services asked for; empty for all.
    pub services: Vec<String>,
    /// Organizational units asked for; empty for all.
    #[serde(default)]
    pub ous: Vec<String>,
    /// Organizational units left out.
    #[serde(default)]
    pub excluded_ous: Vec<String>,
    /// Tags of accounts asked for, as key and value; empty for any.
    #[serde(default)]
    pub account_tags: Vec<(String, String)>,
    /// Accounts left out.
    #[serde(default)]
    pub excluded_accounts: Vec<AccountId>,
    /// Roles taken one after the other before the accounts' own.
    #[serde(default)]
    pub role_chain: Vec<String>,
    /// Whether it was asked which services users and roles last accessed.
    #[serde(default)]
    pub last_accessed: bool,
}

/// An account of the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// Its name or alias, where known.
    pub name: Option<String>,
    /// Its e-mail address in the organization, where known.
    #[serde(default)]
    pub email: Option<String>,
    /// Path of organizational units from the root, such as `Root/Workloads/Prod`.
    #[serde(default)]
    pub ou_path: Option<String>,
    /// Its tags in the organization.
    #[serde(default)]
    pub tags: Tags,
    /// Its partition.
    pub partition: Partition,
    /// The regions scanned.
    pub regions: Vec<Region>,
    /// Why it could not be scanned at all or to its end, why its regions are not known, or why its place
    /// and tags are not.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// The calls that entered it and found its regions, by operation.
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
}

/// What identifies a unit of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitKey {
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The collector's name, such as `lambda`.
    pub service: String,
}

impl std::fmt::Display for UnitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.service)
    }
}

/// `<service>.unit.json`: one complete unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// Which unit.
    #[serde(flatten)]
    pub key: UnitKey,
    /// The outcome of each listing, by resource type; every type of the service that the unit reads.
    pub listings: BTreeMap<String, Listing>,
    /// The unit's calls.
    pub ledger: Vec<LedgerEntry>,
    /// Lines in the resource file.
    pub resources: u64,
    /// SHA-256 of the compressed resource file.
    pub sha256: String,
}

/// Whether the resources of one type in one place are all known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Listing {
    /// Resources that were read.
    pub count: u64,
    /// Why there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// Calls of one operation in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The SDK operation, as `service:Operation`.
    pub operation: String,
    /// The IAM action it needs.
    pub iam_action: String,
    /// Calls asked for (retries not counted).
    pub calls: u64,
    /// Pages read beyond the first of each listing.
    pub pages: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Attempts that were throttled.
    pub throttled: u64,
    /// Calls that ended in access denied.
    pub denied: u64,
    /// Calls that ended in another failure, throttling and time-outs included.
    pub failed: u64,
    /// Time spent in attempts, in milliseconds.
    pub milliseconds: u64,
    /// The failures' gaps, at most one a kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}
