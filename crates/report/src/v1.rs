//! Version 1 of the JSON report. These types are frozen: they change only by what an older reader may
//! ignore, and then the second number of the version rises.
//!
//! The schema is closed (`additionalProperties: false`), so that a validated report holds nothing
//! undocumented. Reading is open: fields that a newer 1.x added are ignored.

use std::collections::BTreeMap;

use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

/// The version this build writes.
pub const SCHEMA_VERSION: &str = "1.1";

/// A report.
///
/// It is written and read by [`crate::render_json`] and [`crate::Stored`], finding by finding; these are its
/// fields in any order.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Report {
    /// Everything but the findings.
    #[schemars(flatten)]
    pub head: Head,
    /// Verdicts of the statuses that were asked for (failing and unknown unless told otherwise), the
    /// worst first.
    pub findings: Vec<Finding>,
}

/// A report without its findings.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Head {
    /// Version of this format; the first number changes when a reader must change.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    pub schema_version: String,
    /// What was scanned, when and with what.
    pub scan: Scan,
    /// Counts over every verdict, whether listed in `findings` or not.
    pub summary: Summary,
    /// Severity-weighted scores.
    pub scores: Scores,
    /// How the calls to AWS ended: one row for each place, operation and outcome.
    pub coverage: Vec<Coverage>,
    /// The checks that were run, in the order of their ids. Since 1.1.
    pub checks: Vec<CheckRun>,
    /// The waivers that were given, in the order of their file. Since 1.1.
    pub waivers: Vec<WaiverRecord>,
    /// Questions that no AWS API answers; a person must.
    pub manual: Vec<ManualQuestion>,
    /// Keys of the resources that were judged, sorted, so that a later comparison can tell a resource that
    /// is gone from one that is sound: the first 16 hexadecimal digits of a hash of type, account, region
    /// and ARN. Since 1.1.
    pub resources: Vec<String>,
}

/// What was scanned, when and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Scan {
    /// Random id of the scan.
    pub id: String,
    /// When it started; ages are counted up to this moment.
    pub started_at: Timestamp,
    /// When it ended; null when it was interrupted.
    pub finished_at: Option<Timestamp>,
    /// The program.
    pub tool: Tool,
    /// The accounts, those that could not be entered included.
    pub accounts: Vec<Account>,
    /// Where was looked for what. Since 1.1.
    #[serde(default)]
    pub places: Vec<Place>,
    /// The statuses that `findings` lists; one that is not here says nothing by its absence. Since 1.1.
    #[serde(default)]
    pub statuses: Vec<Status>,
    /// The earlier report that `first_seen` was carried over from; null where none was given. Since 1.1.
    #[serde(default)]
    pub baseline: Option<Baseline>,
    /// The shares of a scan that several processes made together; null for a scan in one piece. Since 1.1.
    #[serde(default)]
    pub shards: Option<Shards>,
}

/// The shares of a scan that several processes made together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Shards {
    /// How many there are to be.
    pub of: u32,
    /// Numbers, counted from 0, of those that are not there or not finished.
    pub missing: Vec<u32>,
}

/// An earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Baseline {
    /// Id of its scan.
    pub scan: String,
    /// When that scan started.
    pub started_at: Timestamp,
    /// Failing findings that are new since, or have come back; what `--new-only` looks at.
    pub new: BySeverity,
    /// Failing findings that the earlier report lacks because a check is new or changed, or because it did
    /// not look there.
    pub uncompared: BySeverity,
}

/// What was looked for in one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The services whose resources were listed.
    pub services: Vec<String>,
    /// Resource types of these services of which there may be more than were seen.
    pub incomplete: Vec<String>,
}

/// The program that scanned, and its catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Tool {
    /// `posture`.
    pub name: String,
    /// Version of the program that collected.
    pub version: String,
    /// Digest of the checks that judged.
    pub catalog_digest: String,
}

/// An account of the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name or alias, where known.
    pub name: Option<String>,
    /// The regions scanned in it.
    pub regions: Vec<Region>,
    /// Path of organizational units from the root, where known. Since 1.1.
    #[serde(default)]
    pub ou_path: Option<String>,
    /// Its e-mail address in the organization, where known. Since 1.1.
    #[serde(default)]
    pub email: Option<String>,
    /// Its tags in the organization. Since 1.1.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Why it could not be scanned at all, or not as asked. Since 1.1.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

/// Counts over every verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Summary {
    /// Resources judged.
    pub resources: u64,
    /// Checks run.
    pub checks: u64,
    /// Whether everything that was asked for could be read.
    pub complete: bool,
    /// Verdicts by status.
    pub by_status: ByStatus,
    /// Failing verdicts by severity.
    pub by_severity: BySeverity,
}

/// Verdicts by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ByStatus {
    /// Weak.
    pub fail: u64,
    /// A fact that decides could not be read.
    pub unknown: u64,
    /// Sound, and every fact behind it was read.
    pub pass: u64,
    /// The check has nothing to say.
    pub not_applicable: u64,
    /// Weak, and someone took responsibility for it.
    pub waived: u64,
}

/// Failing verdicts by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct BySeverity {
    /// Open to the world, or the keys to everything.
    pub critical: u64,
    /// Likely to be used against the account.
    pub high: u64,
    /// A weakness that needs another to be used.
    pub medium: u64,
    /// Hygiene.
    pub low: u64,
    /// Worth knowing.
    pub info: u64,
}

impl BySeverity {
    /// The count of one severity.
    pub fn get(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// The worst severity that is counted.
    pub fn worst(&self) -> Option<Severity> {
        let mut all = Severity::ALL.into_iter();
        all.find(|severity| self.get(*severity) > 0)
    }

    /// Counts more of one severity.
    pub fn add(&mut self, severity: Severity, more: u64) {
        *self.get_mut(severity) += more;
    }

    /// The count of one severity, to change.
    pub fn get_mut(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        }
    }
}

/// A check that was run, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct CheckRun {
    /// Its id.
    pub id: CheckId,
    /// The problem that it looks for.
    pub title: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// The resource type that it judges.
    pub resource: String,
    /// Digest of its rule: the type, the conditions and their constants. A verdict that changes with it
    /// says nothing of the resource.
    #[schemars(regex(pattern = r"^[0-9a-f]{16}$"))]
    pub digest: String,
    /// Its verdicts.
    pub verdicts: ByStatus,
}

/// A waiver that was given to the scan, and whether it did anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct WaiverRecord {
    /// The check that it is for.
    pub check: CheckId,
    /// Glob over the ARNs that it is for.
    pub resource: String,
    /// The account that it is for; null for all.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The region that it is for; null for all.
    #[serde(default)]
    pub region: Option<Region>,
    /// Tags that the resources must have, with these values.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Why the weakness is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// Where that was decided.
    pub ticket: String,
    /// The last second in which it is in force.
    pub expires: Timestamp,
    /// Whether it was in force when the scan started.
    pub state: WaiverState,
    /// Findings that it covers; for an expired one the failing findings that it would cover.
    pub matched: u64,
    /// Where it stands, as `file:line`.
    pub source: String,
}

/// Whether a waiver is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// In force, and some finding is covered by it.
    Live,
    /// In force; all that it speaks of was judged, and no finding is covered by it.
    Unused,
    /// In force, and no finding is covered by it; but not all that it speaks of was looked at and could be
    /// read, so that it may still be needed.
    Unknown,
    /// Past its date; what it covered fails again.
    Expired,
}

impl WaiverState {
    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Unused => "unused",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
        }
    }
}

/// Severity-weighted scores. A score is the share of passes among passes and failures, in percent,
/// rounded down to one decimal; null when nothing was judged. Unknowns move no score: they lower
/// `coverage`, the share of verdicts that could be reached. Waived findings count for neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Scores {
    /// Over everything.
    pub overall: OverallScore,
    /// For each pillar of the Well-Architected Framework, followed by its questions.
    pub well_architected: Vec<WellArchitectedScore>,
    /// For all ten categories of the OWASP Serverless Top 10.
    pub owasp_serverless: Vec<OwaspScore>,
    /// For each account.
    pub accounts: Vec<AccountScore>,
}

/// The score over everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct OverallScore {
    /// Percent; null when nothing was judged.
    pub score: Option<f64>,
    /// Percent; null when there was nothing to judge.
    pub coverage: Option<f64>,
    /// Passing verdicts.
    pub pass: u64,
    /// Failing verdicts.
    pub fail: u64,
    /// Verdicts that could not be reached.
    pub unknown: u64,
}

/// The score of a pillar or of a question. A check that is keyed to several best practices of one
/// question counts once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct WellArchitectedScore {
    /// Whether the row is a pillar or a question.
    pub kind: WellArchitectedKind,
    /// `SEC` for a pillar, `SEC03` for a question.
    pub id: String,
    /// The pillar's name or the question.
    pub title: String,
    /// The pillar's name.
    pub pillar: String,
    /// Percent; null when not assessed.
    pub score: Option<f64>,
    /// Percent; null when there was nothing to judge.
    pub coverage: Option<f64>,
    /// Passing verdicts.
    pub pass: u64,
    /// Failing verdicts.
    pub fail: u64,
    /// Verdicts that could not be reached.
    pub unknown: u64,
}

/// What a Well-Architected row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WellArchitectedKind {
    /// A pillar.
    Pillar,
    /// A question.
    Question,
}

/// The score of an OWASP Serverless category. `no`: configuration cannot show it, so the score is
/// always null. `partly`: configuration can show weaknesses but not their absence, so there is a
/// score only when something failed, and never 100.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct OwaspScore {
    /// `S1` to `S10`.
    pub id: String,
    /// Published code, such as `S1:2017`.
    pub code: String,
    /// The category's name.
    pub title: String,
    /// What configuration can show of it.
    pub assessable: Assessable,
    /// Percent; null when not assessed.
    pub score: Option<f64>,
    /// Percent; null when there was nothing to judge.
    pub coverage: Option<f64>,
    /// Passing verdicts.
    pub pass: u64,
    /// Failing verdicts.
    pub fail: u64,
    /// Verdicts that could not be reached.
    pub unknown: u64,
}

/// How much of a category configuration can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assessable {
    /// Nothing; it lives in code.
    No,
    /// Weaknesses, but never their absence.
    Partly,
    /// All of it.
    Yes,
}

impl From<posture_catalog::Assessable> for Assessable {
    fn from(assessable: posture_catalog::Assessable) -> Self {
        use posture_catalog::Assessable as Catalog;
        match assessable {
            Catalog::No => Self::No,
            Catalog::Partly => Self::Partly,
            Catalog::Yes => Self::Yes,
        }
    }
}

/// The score of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct AccountScore {
    /// The account's id.
    pub id: AccountId,
    /// Its name, where known.
    pub name: Option<String>,
    /// Percent; null when nothing was judged.
    pub score: Option<f64>,
    /// Percent; null when there was nothing to judge.
    pub coverage: Option<f64>,
    /// Passing verdicts.
    pub pass: u64,
    /// Failing verdicts.
    pub fail: u64,
    /// Verdicts that could not be reached.
    pub unknown: u64,
}

/// How the calls of one operation in one place ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Coverage {
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The service, by the name of its collector.
    pub service: String,
    /// The operation, as `service:Operation`.
    pub operation: String,
    /// The IAM action that it needs.
    pub iam_action: String,
    /// How the calls ended.
    pub outcome: Outcome,
    /// Calls that ended so. Failures that are not denials are counted together: where they are of
    /// several kinds there is one row, `error`, which names them.
    pub count: u64,
    /// AWS's error code or codes; null where there is none.
    pub error: Option<String>,
}

/// How a call ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// AWS answered.
    Ok,
    /// The scan's principal may not call the operation.
    AccessDenied,
    /// AWS kept throttling until the retries were used up.
    Throttled,
    /// No answer within the deadline, or no connection.
    Timeout,
    /// The service does not exist in this region.
    NotOffered,
    /// The endpoint does not implement the operation.
    Unsupported,
    /// The scan was not told to ask for it.
    NotRequested,
    /// The answer could not be understood.
    Malformed,
    /// Any other error.
    Error,
}

impl Outcome {
    /// The outcome in prose.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Ok => "read",
            Self::AccessDenied => "access denied",
            Self::Throttled => "throttled",
            Self::Timeout => "no answer in time",
            Self::NotOffered => "not offered here",
            Self::Unsupported => "not supported",
            Self::NotRequested => "not asked for",
            Self::Malformed => "not understood",
            Self::Error => "failed",
        }
    }
}

impl From<posture_model::GapReason> for Outcome {
    fn from(reason: posture_model::GapReason) -> Self {
        use posture_model::GapReason;
        match reason {
            GapReason::AccessDenied => Self::AccessDenied,
            GapReason::Throttled => Self::Throttled,
            GapReason::Timeout => Self::Timeout,
            GapReason::NotOffered => Self::NotOffered,
            GapReason::Unsupported => Self::Unsupported,
            GapReason::NotRequested => Self::NotRequested,
            GapReason::Malformed => Self::Malformed,
            GapReason::Error => Self::Error,
        }
    }
}

/// One verdict of one check on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Finding {
    /// Id: the same for the same check and resource in every run.
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    pub id: FindingId,
    /// The check's id.
    pub check: CheckId,
    /// The problem that the check looks for.
    pub title: String,
    /// The verdict.
    pub status: Status,
    /// How bad a failure is.
    pub severity: Severity,
    /// How sure a failure is.
    pub confidence: Confidence,
    /// The account.
    pub account: AccountId,
    /// The region, or `global`.
    pub region: Region,
    /// The resource.
    pub resource: Resource,
    /// The verdict in one sentence.
    pub message: String,
    /// The facts that the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// What could not be read, for `unknown`.
    pub gaps: Vec<Gap>,
    /// Practices of the catalogue.
    pub practices: Vec<String>,
    /// Well-Architected best practices.
    pub well_architected: Vec<String>,
    /// OWASP Serverless Top 10 categories.
    pub owasp_serverless: Vec<String>,
    /// Serverless Lens questions.
    pub serverless_lens: Vec<String>,
    /// Why it matters.
    pub risk: String,
    /// How to mend it, filled in for this resource. A placeholder such as `{resource.name}` is left
    /// where the value could do harm on a command line.
    pub fix: Fix,
    /// Where AWS or the field says so.
    pub references: Vec<String>,
    /// When the finding was first seen; null when no earlier report was given.
    pub first_seen: Option<Timestamp>,
    /// Who took responsibility; null when no one did.
    pub waiver: Option<Waiver>,
}

/// The resource that a finding is about. Where a listing failed, `id` is `*` and stands for all
/// resources of the type in that place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Resource {
    /// Its type, `service.noun`.
    pub r#type: String,
    /// Its ARN.
    pub arn: String,
    /// Its id in AWS's API.
    pub id: String,
    /// The name a person would call it by.
    pub name: String,
    /// Its tags, where known.
    pub tags: BTreeMap<String, String>,
}

/// A fact that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Evidence {
    /// `summary` for the check's own sentence, or the path of a field.
    pub field: String,
    /// Its value as text.
    pub value: String,
    /// The operations that told, as `service:Operation`.
    pub source: Vec<String>,
}

/// A fact that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The operation that did not answer, as `service:Operation`; null where there is none.
    pub operation: Option<String>,
    /// The IAM action that would let it answer; null where there is none.
    pub iam_action: Option<String>,
    /// AWS's error code; null where there was none.
    pub code: Option<String>,
}

/// Why a fact could not be read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The scan's principal may not call the operation.
    AccessDenied,
    /// AWS kept throttling until the retries were used up.
    Throttled,
    /// No answer within the deadline, or no connection.
    Timeout,
    /// The service does not exist in this region.
    NotOffered,
    /// The endpoint does not implement the operation.
    Unsupported,
    /// The scan was not told to ask for it.
    NotRequested,
    /// The answer could not be understood.
    Malformed,
    /// Any other error.
    Error,
}

impl From<posture_model::GapReason> for GapReason {
    fn from(reason: posture_model::GapReason) -> Self {
        use posture_model::GapReason as Model;
        match reason {
            Model::AccessDenied => Self::AccessDenied,
            Model::Throttled => Self::Throttled,
            Model::Timeout => Self::Timeout,
            Model::NotOffered => Self::NotOffered,
            Model::Unsupported => Self::Unsupported,
            Model::NotRequested => Self::NotRequested,
            Model::Malformed => Self::Malformed,
            Model::Error => Self::Error,
        }
    }
}

impl From<GapReason> for Outcome {
    fn from(reason: GapReason) -> Self {
        match reason {
            GapReason::AccessDenied => Self::AccessDenied,
            GapReason::Throttled => Self::Throttled,
            GapReason::Timeout => Self::Timeout,
            GapReason::NotOffered => Self::NotOffered,
            GapReason::Unsupported => Self::Unsupported,
            GapReason::NotRequested => Self::NotRequested,
            GapReason::Malformed => Self::Malformed,
            GapReason::Error => Self::Error,
        }
    }
}

/// How to mend a failure; each part is null where the check has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Fix {
    /// AWS CLI command.
    pub cli: Option<String>,
    /// Terraform snippet.
    pub terraform: Option<String>,
    /// Steps in the console.
    pub console: Option<String>,
}

/// Responsibility taken for a weakness until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Waiver {
    /// Why the weakness is accepted.
    pub reason: String,
    /// Who accepts it; null where not said.
    pub owner: Option<String>,
    /// Where that was decided; null where not said. Since 1.1.
    #[serde(default)]
    pub ticket: Option<String>,
    /// The last second in which it is in force; then the finding fails again.
    pub expires: Timestamp,
}

/// A question that no AWS API answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ManualQuestion {
    /// The check's id.
    pub check: CheckId,
    /// The problem.
    pub title: String,
    /// What to ask.
    pub question: String,
    /// Practices of the catalogue.
    pub practices: Vec<String>,
}

/// How bad it is when a check fails. Ordered: `Critical` is the greatest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Hygiene.
    Low,
    /// A weakness that needs another to be used.
    Medium,
    /// Likely to be used against the account.
    High,
    /// Open to the world, or the keys to everything.
    Critical,
}

impl Severity {
    /// All severities, the worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl From<posture_catalog::Severity> for Severity {
    fn from(severity: posture_catalog::Severity) -> Self {
        use posture_catalog::Severity as Catalog;
        match severity {
            Catalog::Info => Self::Info,
            Catalog::Low => Self::Low,
            Catalog::Medium => Self::Medium,
            Catalog::High => Self::High,
            Catalog::Critical => Self::Critical,
        }
    }
}

/// How sure one can be that a failing finding is a real weakness.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Often a matter of taste or context.
    Low,
    /// Usually right.
    Medium,
    /// The configuration says so.
    High,
}

impl Confidence {
    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl From<posture_catalog::Confidence> for Confidence {
    fn from(confidence: posture_catalog::Confidence) -> Self {
        use posture_catalog::Confidence as Catalog;
        match confidence {
            Catalog::Low => Self::Low,
            Catalog::Medium => Self::Medium,
            Catalog::High => Self::High,
        }
    }
}

/// The verdict of a check on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Weak.
    Fail,
    /// A fact that decides could not be read.
    Unknown,
    /// Sound, and every fact behind it was read.
    Pass,
    /// The check has nothing to say here.
    NotApplicable,
    /// Weak, and someone took responsibility for it until a date.
    Waived,
}

impl Status {
    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Pass => "pass",
            Self::NotApplicable => "not_applicable",
            Self::Waived => "waived",
        }
    }
}

impl From<posture_catalog::Status> for Status {
    fn from(status: posture_catalog::Status) -> Self {
        use posture_catalog::Status as Catalog;
        match status {
            Catalog::Fail => Self::Fail,
            Catalog::Unknown => Self::Unknown,
            Catalog::Pass => Self::Pass,
            Catalog::NotApplicable => Self::NotApplicable,
            Catalog::Waived => Self::Waived,
        }
    }
}

/// Why a finding could not be picked out of a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// No finding has an id that starts so.
    #[error(
        "no finding of this report has id {id:?}; the report lists only the statuses it was asked for (see `--status all`)"
    )]
    None {
        /// What was asked for.
        id: String,
    },
    /// Several findings have ids that start so.
    #[error("{count} findings have ids that start with {id:?}; give more digits")]
    Several {
        /// What was asked for.
        id: String,
        /// How many there are.
        count: usize,
    },
}

impl Report {
    /// The finding whose id starts with `id`.
    pub fn find(&self, id: &str) -> Result<&Finding, FindError> {
        let mut matching = self
            .findings
            .iter()
            .filter(|finding| !id.is_empty() && finding.id.as_str().starts_with(id));
        match (matching.next(), matching.count()) {
            (Some(finding), 0) => Ok(finding),
            (Some(_), more) => Err(FindError::Several {
                id: id.to_owned(),
                count: more + 1,
            }),
            (None, _) => Err(FindError::None { id: id.to_owned() }),
        }
    }
}

impl Head {
    /// The worst severity that has a failing verdict, waived ones aside; what `--fail-on` compares.
    pub fn worst_failing_severity(&self) -> Option<Severity> {
        self.summary.by_severity.worst()
    }

    /// Whether the format is so old that absence from the report says nothing: it does not tell which checks
    /// ran, where was looked, or which resources were judged.
    pub fn is_silent(&self) -> bool {
        let minor = self.schema_version.split('.').nth(1);
        minor.and_then(|minor| minor.parse().ok()).unwrap_or(0_u32) < 1
    }

    /// The name of an account, where known.
    pub fn account_name(&self, id: &AccountId) -> Option<&str> {
        self.scan
            .accounts
            .iter()
            .find(|account| account.id == *id)
            .and_then(|account| account.name.as_deref())
    }
}

/// The JSON Schema of [`Report`], as written: every field is always there.
pub fn report_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("title".to_owned(), "posture report, version 1".into());
    schema.to_value()
}
