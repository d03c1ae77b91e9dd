//! The configuration file, `posture.toml`: its types, and how it is read. Every mistake in it is shown where it
//! is.
//!
//! Nothing here has an effect: the program holds a file against its flags and its environment, which go before
//! it.

mod keep;
mod read;
mod schema;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use posture_catalog::{Diagnostic, Overrides, Severity};
use posture_model::{AccountId, Region};
use schemars::JsonSchema;

pub use keep::{Keep, KeepError};
pub use schema::schema;

/// The name of the file that is looked for.
pub const FILE_NAME: &str = "posture.toml";

/// A setting, and the line that gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// What is said.
    pub value: T,
    /// Where, from 1.
    pub line: usize,
}

/// Names that the file may use and that other crates know.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Services that can be collected.
    pub services: &'a [&'a str],
    /// Forms of the report.
    pub formats: &'a [&'a str],
}

/// What a configuration file says. Nothing in it is required; relative paths are those of the file's directory.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The file, as it was named.
    #[schemars(skip)]
    pub file: PathBuf,
    /// Reports as FORMAT or FORMAT=PATH, such as `table` or `json=report.json`.
    pub outputs: Option<Said<Vec<String>>>,
    /// Verdicts to list: `fail`, `unknown`, `pass`, `not_applicable`, `waived`, or `all`.
    #[schemars(with = "Option<Vec<schema::Status>>")]
    pub status: Option<Said<Vec<String>>>,
    /// Exit with 1 when a finding is at least this severe; `none` never does.
    #[schemars(with = "Option<schema::FailOn>")]
    pub fail_on: Option<Said<String>>,
    /// Do not exit with 3 when something could not be read.
    pub allow_incomplete: Option<Said<bool>>,
    /// Findings that the table lists in full.
    pub max_findings: Option<Said<usize>>,
    /// Directory for the snapshot.
    pub snapshot: Option<Said<PathBuf>>,
    /// File of waivers.
    pub waivers: Option<Said<PathBuf>>,
    /// Directories, or files, with further checks.
    pub checks: Option<Said<Vec<PathBuf>>>,
    /// What is scanned, and as whom.
    #[schemars(with = "Option<Scope>")]
    pub scope: Scope,
    /// Changes to checks, by their ids.
    #[schemars(with = "Option<BTreeMap<String, schema::Override>>")]
    pub overrides: Option<Overrides>,
    /// How tickets are made of findings.
    #[schemars(with = "Option<Tickets>")]
    pub tickets: Tickets,
    /// Scheduled runs.
    #[schemars(with = "Option<Schedule>")]
    pub schedule: Schedule,
}

/// What is scanned, and as whom.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Scope {
    /// Scan every active account of the organization.
    pub organization: Option<Said<bool>>,
    /// Scan these accounts; with `organization`, these of it.
    pub accounts: Option<Said<Vec<AccountId>>>,
    /// File with further accounts, one id a line.
    pub accounts_file: Option<Said<PathBuf>>,
    /// Leave these accounts out.
    pub exclude_accounts: Option<Said<Vec<AccountId>>>,
    /// With `organization`: scan accounts below these organizational units only, by id or path.
    pub organizational_units: Option<Said<Vec<String>>>,
    /// With `organization`: leave out accounts below these organizational units.
    pub exclude_organizational_units: Option<Said<Vec<String>>>,
    /// With `organization`: scan accounts with these tags only, each as KEY=VALUE.
    pub account_tags: Option<Said<Vec<String>>>,
    /// ARNs of roles to assume one after the other before anything else.
    pub via: Option<Said<Vec<String>>>,
    /// Role to assume in accounts other than the caller's: a name, or an ARN with `{account}`.
    pub role_name: Option<Said<String>>,
    /// External id that the role asks for.
    pub external_id: Option<Said<String>>,
    /// Name of the sessions, as CloudTrail shows it.
    pub session_name: Option<Said<String>>,
    /// Tags of the sessions in each account, each as KEY=VALUE.
    pub session_tags: Option<Said<Vec<String>>>,
    /// Scan these regions only.
    pub regions: Option<Said<Vec<Region>>>,
    /// Leave these regions out.
    pub exclude_regions: Option<Said<Vec<Region>>>,
    /// Collect these services only, such as `lambda`.
    pub services: Option<Said<Vec<String>>>,
    /// Profile of the shared AWS configuration files.
    pub profile: Option<Said<String>>,
    /// Endpoint for all services, such as a local emulator's.
    pub endpoint_url: Option<Said<String>>,
    /// Longest wait for one answer, in seconds.
    pub call_timeout: Option<Said<u64>>,
    /// Attempts at a call before it counts as unanswered.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: Option<Said<u32>>,
    /// Most calls in any second, over the whole scan.
    #[schemars(range(min = 1))]
    pub max_rps: Option<Said<u32>>,
    /// Most calls under way at once, over the whole scan.
    #[schemars(range(min = 1, max = 10000))]
    pub max_in_flight: Option<Said<u32>>,
    /// Units (a service in an account and region) under way at once.
    #[schemars(range(min = 1, max = 10000))]
    pub workers: Option<Said<u32>>,
    /// Longest time for one unit, in minutes.
    #[schemars(range(min = 1, max = 10080))]
    pub unit_timeout: Option<Said<u32>>,
    /// Longest time for the whole scan, in minutes.
    #[schemars(range(min = 1, max = 10080))]
    pub scan_timeout: Option<Said<u32>>,
}

/// How tickets are made of findings.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tickets {
    /// What one ticket is for: `finding`, `check` or `resource`.
    #[schemars(with = "Option<schema::GroupBy>")]
    pub group_by: Option<Said<String>>,
    /// Findings below this severity open nothing.
    pub min_severity: Option<Said<Severity>>,
    /// Labels beside posture's own.
    pub labels: Option<Said<Vec<String>>>,
    /// What becomes of a ticket when its findings are waived: `close` or `keep`.
    #[schemars(with = "Option<schema::OnWaived>")]
    pub on_waived: Option<Said<String>>,
    /// Days to mend a finding, by severity; `"none"` for no date.
    #[schemars(with = "Option<DueDays>")]
    pub due_days: DueDays,
    /// GitHub Issues. The token is in the environment alone.
    #[schemars(with = "Option<GitHub>")]
    pub github: GitHub,
    /// Jira. The token is in the environment alone.
    #[schemars(with = "Option<Jira>")]
    pub jira: Jira,
}

/// Days to mend a finding, by severity. A severity that is given no date is `Some(None)`.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DueDays {
    /// Open to the world, or the keys to everything.
    #[schemars(with = "Option<schema::Days>")]
    pub critical: Option<Said<Option<u32>>>,
    /// Likely to be used against the account.
    #[schemars(with = "Option<schema::Days>")]
    pub high: Option<Said<Option<u32>>>,
    /// A weakness that needs another to be used.
    #[schemars(with = "Option<schema::Days>")]
    pub medium: Option<Said<Option<u32>>>,
    /// Hygiene.
    #[schemars(with = "Option<schema::Days>")]
    pub low: Option<Said<Option<u32>>>,
    /// Worth knowing.
    #[schemars(with = "Option<schema::Days>")]
    pub info: Option<Said<Option<u32>>>,
}

/// GitHub Issues.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GitHub {
    /// The repository, as `owner/name`.
    pub repository: Option<Said<String>>,
    /// The API's address, for a server of one's own.
    pub api_url: Option<Said<String>>,
}

/// Jira.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Jira {
    /// The site's address.
    pub url: Option<Said<String>>,
    /// The project's key.
    pub project: Option<Said<String>>,
    /// The type of issues, such as `Task`.
    pub issue_type: Option<Said<String>>,
}

/// Scheduled runs.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Schedule {
    /// Directory that each run gets a dated directory in.
    pub output_dir: Option<Said<PathBuf>>,
    /// Runs to keep: the newest N, or those of the last days as in `"30d"`, or both as in `"10,30d"`.
    #[schemars(with = "Option<schema::KeepSpec>")]
    pub keep: Option<Said<Keep>>,
    /// Whether the snapshot of each run is kept beside its report.
    pub keep_snapshots: Option<Said<bool>>,
    /// Where new findings are posted.
    #[schemars(with = "Option<Webhook>")]
    pub webhook: Webhook,
}

/// Where new findings are posted. An address that is itself a secret, as those of chat services are, belongs in
/// `POSTURE_WEBHOOK_URL` or in a file of its own.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Webhook {
    /// The address, where it holds no secret.
    pub url: Option<Said<String>>,
    /// File that holds the address.
    pub url_file: Option<Said<PathBuf>>,
    /// What is posted: `json` or `slack`.
    #[schemars(with = "Option<schema::WebhookFormat>")]
    pub format: Option<Said<String>>,
    /// Post findings that are at least this severe.
    pub severity: Option<Said<Severity>>,
}

impl Config {
    /// Reads a file.
    pub fn read(file: &Path, words: Words<'_>) -> Result<Self, Vec<Diagnostic>> {
        read::file(file, words)
    }

    /// Reads text; `file` is what it is called, and where its relative paths begin.
    pub fn parse(file: &Path, text: &str, words: Words<'_>) -> Result<Self, Vec<Diagnostic>> {
        read::text(file, text, words)
    }
}
