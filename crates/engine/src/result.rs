//! What an evaluation yields. Internal types: the report has a frozen format of its own.

use std::collections::BTreeMap;

use posture_catalog::Status;
use posture_model::{AccountId, CheckId, FindingId, Gap, Region, Tags, Timestamp};
use posture_snapshot::{AccountRecord, LedgerEntry, Shards};
use serde::{Deserialize, Serialize};

use crate::finding_id::ResourceKeys;
use crate::findings::Findings;
use crate::waivers::WaiverOutcome;

/// The outcome of evaluating a catalogue over a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The scan's id.
    pub scan_id: String,
    /// When the scan started.
    pub started_at: Timestamp,
    /// When it ended; null for an interrupted one.
    pub finished_at: Option<Timestamp>,
    /// Version of the tool that collected.
    pub tool_version: String,
    /// Digest of the catalogue.
    pub catalog_digest: String,
    /// The accounts.
    pub accounts: Vec<AccountRecord>,
    /// Resources evaluated.
    pub resources: u64,
    /// Checks that were run.
    pub checks: u64,
    /// Verdicts by status, over all findings, whether kept in `findings` or not.
    pub by_status: BTreeMap<Status, u64>,
    /// Findings of the statuses that were asked for, in a stable order: worst first.
    pub findings: Findings,
    /// Verdict counts from which scores are made.
    pub tallies: Tallies,
    /// Every operation's outcome in every place.
    pub coverage: Vec<CoverageEntry>,
    /// Whether everything asked for was read.
    pub complete: bool,
    /// Questions for a person: ids of manual checks.
    pub manual: Vec<CheckId>,
    /// The rules that were run, in the order of their ids, each with its verdicts by status.
    pub runs: BTreeMap<CheckId, BTreeMap<Status, u64>>,
    /// Where was looked for what.
    pub places: Vec<PlaceRecord>,
    /// Keys of the resources that were judged; see [`resource_key`](crate::resource_key).
    pub resource_keys: ResourceKeys,
    /// Statuses that `findings` holds.
    pub kept: Vec<Status>,
    /// The shares of a scan that was made in shares.
    pub shards: Option<Shards>,
    /// The waivers that were given, in the order of their file.
    pub waivers: Vec<WaiverOutcome>,
}

/// What was looked for in one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceRecord {
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The services whose resources were listed, sorted.
    pub services: Vec<String>,
    /// Types of these services of which there may be more than were seen, sorted.
    pub incomplete: Vec<String>,
}

/// Counts of verdicts, weighted and not, by what scores are given for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Over everything.
    pub overall: Tally,
    /// By check.
    pub checks: BTreeMap<CheckId, Tally>,
    /// By account.
    pub accounts: BTreeMap<AccountId, Tally>,
    /// By Well-Architected best practice.
    pub well_architected: BTreeMap<String, Tally>,
    /// By OWASP Serverless category.
    pub owasp_serverless: BTreeMap<String, Tally>,
}

/// Verdicts of one group. Waived findings count as failures of neither kind: they move no score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of passes.
    pub pass: u64,
    /// Number of failures.
    pub fail: u64,
    /// Number of unknowns.
    pub unknown: u64,
    /// Severity weights of the passes.
    pub pass_weight: u64,
    /// Severity weights of the failures.
    pub fail_weight: u64,
    /// Severity weights of the unknowns.
    pub unknown_weight: u64,
}

impl Tally {
    /// Share of passes among passes and failures, weighted by severity, in percent; null when there
    /// is neither.
    pub fn score(&self) -> Option<f64> {
        percent(self.pass_weight, self.pass_weight + self.fail_weight)
    }

    /// Share of verdicts that could be reached, in percent; null when there was none to reach.
    pub fn coverage(&self) -> Option<f64> {
        let known = self.pass_weight + self.fail_weight;
        percent(known, known + self.unknown_weight)
    }
}

/// Percent with one decimal, rounded down so that 100 means all.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let permille = (part * 1000).checked_div(whole)?;
    #[expect(clippy::cast_precision_loss, reason = "at most 1000")]
    Some(permille as f64 / 10.0)
}

/// One verdict on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id: a hash of check, account, region, canonical ARN and discriminator.
    pub id: FindingId,
    /// The check.
    pub check: CheckId,
    /// The verdict.
    pub status: Status,
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The resource, or the place whose listing failed.
    pub resource: FindingResource,
    /// The facts, as the check's author words them; empty when they could not be read.
    pub evidence: Vec<Evidence>,
    /// What could not be read, for `unknown`.
    pub gaps: Vec<Gap>,
    /// The waiver that covers it, for `waived`: its place in [`Evaluation::waivers`].
    pub waiver: Option<usize>,
}

/// The resource that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingResource {
    /// Its type.
    pub r#type: String,
    /// Its ARN; for a listing that failed, `*` in the resource's place.
    pub arn: String,
    /// Its id; `*` for a listing.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tags, where known.
    pub tags: Tags,
}

/// A fact a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `summary` for the author's sentence, or the path of a field that was read.
    pub field: String,
    /// Its value, as text. Secrets never get here: the snapshot does not hold them.
    pub value: String,
    /// The operations that tell, as `service:Operation`.
    pub source: Vec<String>,
}

/// One operation's outcome in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoverageEntry {
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The service.
    pub service: String,
    /// What the ledger says.
    pub ledger: LedgerEntry,
}
