//! The command line. Names follow the AWS CLI where it has a counterpart.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use posture_catalog::{Overrides, Severity, Status};
use posture_config::Keep;
use posture_model::{AccountId, Region};

/// Where a scan writes, and other commands look, unless told otherwise.
pub(crate) const DEFAULT_SNAPSHOT: &str = "posture-snapshot";

/// Scans the security posture of AWS accounts, read-only, and says what it could not see.
#[derive(Debug, Parser)]
#[command(
    name = "posture",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 sound; 1 findings at or above --fail-on; 2 usage or \
configuration; 3 not everything could be read; 4 nothing could be scanned; 5 another run is under way; 6 the \
webhook was not told; 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Log more: -v for calls that failed, -vv for every call
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Log nothing but errors, and show no progress; with --output-dir say nothing when nothing is new
    #[arg(
        short,
        long,
        global = true,
        env = "POSTURE_QUIET",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) quiet: bool,
    /// Form of log lines on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true, env = "POSTURE_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: LogFormat,
    /// Configuration file [default: posture.toml, where there is one]
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "POSTURE_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true)]
    pub(crate) no_config: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Collect the configuration of accounts, evaluate it and report
    Scan(Box<ScanArgs>),
    /// Evaluate a snapshot again, without AWS
    Evaluate(EvaluateArgs),
    /// Say what changed between two reports or snapshots
    Diff(DiffArgs),
    /// Say which tickets to open, update, reopen and close, or do it
    Tickets(Box<TicketsArgs>),
    /// Write a stored report or a snapshot in another form, or import it into Security Hub
    Report(Box<ReportArgs>),
    /// List, show, lint and test checks
    Checks(ChecksArgs),
    /// Say what a finding rests on, and what to do about it
    Explain(ExplainArgs),
    /// Say whether a principal of a snapshot can do something, and why
    Can(CanArgs),
    /// List the principals of a snapshot that can do something
    WhoCan(WhoCanArgs),
    /// Show how principals of a snapshot can become administrators
    Escalations(EscalationsArgs),
    /// Show which services principals of a snapshot are granted and do not use
    Unused(UnusedArgs),
    /// Answer questions about policies that are not deployed yet
    Policy(PolicyArgs),
    /// Print the least privilege that a scan needs
    Permissions(PermissionsArgs),
    /// Look into credentials, regions, reachability and denied actions
    Doctor(DoctorArgs),
    /// Show the settings in force and where each comes from
    Config(ConfigArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or the command reference in Markdown
    #[command(hide = true)]
    Manual {
        /// Markdown instead of roff
        #[arg(long)]
        markdown: bool,
    },
}

/// How to reach AWS.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Profile of the shared AWS configuration files
    ///
    /// Goes before keys in the environment, as with the AWS CLI; AWS_PROFILE does not.
    #[arg(long, env = "POSTURE_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// Endpoint for all services, such as a local emulator's
    #[arg(
        long,
        value_name = "URL",
        env = "POSTURE_ENDPOINT_URL",
        hide_env_values = true
    )]
    pub(crate) endpoint_url: Option<String>,
    /// Longest wait for one answer, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 20,
        env = "POSTURE_CALL_TIMEOUT",
        hide_env_values = true
    )]
    pub(crate) call_timeout: u64,
    /// Attempts at a call before it counts as unanswered
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20), env = "POSTURE_MAX_ATTEMPTS", hide_env_values = true)]
    pub(crate) max_attempts: u32,
}

/// Which role to take in other accounts.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Role to assume in accounts other than the caller's: a name, or an ARN with {account}
    #[arg(
        long,
        value_name = "NAME",
        env = "POSTURE_ROLE_NAME",
        hide_env_values = true
    )]
    pub(crate) role_name: Option<String>,
    /// External id that the role asks for
    #[arg(
        long,
        value_name = "ID",
        env = "POSTURE_EXTERNAL_ID",
        hide_env_values = true
    )]
    pub(crate) external_id: Option<String>,
}

/// How the role is taken.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// ARN of a role to assume before anything else; repeat for a chain, in its order
    ///
    /// The last one is the caller: it lists the organization and assumes the role in each account.
    #[arg(long, value_name = "ARN", env = "POSTURE_VIA", hide_env_values = true)]
    pub(crate) via: Vec<String>,
    /// Name of the sessions, as CloudTrail shows it
    #[arg(long, value_name = "NAME", default_value = posture_collect::SESSION_NAME, env = "POSTURE_SESSION_NAME", hide_env_values = true)]
    pub(crate) session_name: String,
    /// Tag of the sessions in each account; repeat for several
    ///
    /// The role's trust policy must permit sts:TagSession.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) session_tag: Vec<KeyValue>,
}

/// A key and a value, written `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyValue(pub(crate) String, pub(crate) String);

impl std::str::FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self(key.to_owned(), value.to_owned())),
            _ => Err(format!("{text:?} is not KEY=VALUE")),
        }
    }
}

impl std::fmt::Display for KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.0, self.1)
    }
}

/// Which accounts of the organization.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts of the organization (with --org)")]
pub(crate) struct FilterArgs {
    /// Scan accounts below this organizational unit only: an id (ou-...) or a path (Workloads/Prod); repeat for
    /// several
    #[arg(long, value_name = "OU", env = "POSTURE_OU", hide_env_values = true)]
    pub(crate) ou: Vec<String>,
    /// Leave out accounts below this organizational unit; repeat for several
    #[arg(
        long,
        value_name = "OU",
        env = "POSTURE_EXCLUDE_OU",
        hide_env_values = true
    )]
    pub(crate) exclude_ou: Vec<String>,
    /// Scan accounts with this tag only; repeat for several
    ///
    /// An account must have each key that is named, with one of the values named for it.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        env = "POSTURE_ACCOUNT_TAG",
        hide_env_values = true
    )]
    pub(crate) account_tag: Vec<KeyValue>,
    /// Leave this account out; repeat or separate with commas
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        env = "POSTURE_EXCLUDE_ACCOUNT",
        hide_env_values = true
    )]
    pub(crate) exclude_account: Vec<AccountId>,
}

/// How gently, and for how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceArgs {
    /// Most calls in any second, over the whole scan [default: what each service allows]
    ///
    /// Each service has a limit of its own in every account and region, fitted to AWS's quotas, and slows down
    /// when AWS throttles. This comes on top.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "POSTURE_MAX_RPS", hide_env_values = true)]
    pub(crate) max_rps: Option<u32>,
    /// Most calls under way at once, over the whole scan
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000), env = "POSTURE_MAX_IN_FLIGHT", hide_env_values = true)]
    pub(crate) max_in_flight: u32,
    /// Units (a service in an account and region) under way at once
    ///
    /// So many at most are read again after a scan was killed.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000), env = "POSTURE_WORKERS", hide_env_values = true)]
    pub(crate) workers: u32,
    /// Longest time for one unit, in minutes; what it has not read by then is unknown
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_080), env = "POSTURE_UNIT_TIMEOUT", hide_env_values = true)]
    pub(crate) unit_timeout: u64,
    /// Longest time for the whole scan, in minutes; what it has not read by then is unknown [default: none]
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=10_080), env = "POSTURE_SCAN_TIMEOUT", hide_env_values = true)]
    pub(crate) scan_timeout: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Scan every active account of the organization
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true, env = "POSTURE_ORG", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) org: bool,
    /// Scan this account; repeat or separate with commas
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        env = "POSTURE_ACCOUNT",
        hide_env_values = true
    )]
    pub(crate) account: Vec<AccountId>,
    /// Scan the accounts of this file too: one id a line; what follows it, and lines that begin with #, are remarks
    #[arg(
        long,
        value_name = "FILE",
        env = "POSTURE_ACCOUNTS",
        hide_env_values = true
    )]
    pub(crate) accounts: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    #[command(flatten)]
    pub(crate) sessions: SessionArgs,
    /// Scan this region only; repeat or separate with commas [default: every enabled region]
    #[arg(
        long,
        value_name = "REGION",
        value_delimiter = ',',
        env = "POSTURE_REGION",
        hide_env_values = true
    )]
    pub(crate) region: Vec<Region>,
    /// Leave this region out; repeat or separate with commas
    #[arg(
        long,
        value_name = "REGION",
        value_delimiter = ',',
        env = "POSTURE_EXCLUDE_REGION",
        hide_env_values = true
    )]
    pub(crate) exclude_region: Vec<Region>,
    /// Collect this service only, such as lambda; repeat or separate with commas
    #[arg(
        long,
        value_name = "SERVICE",
        value_delimiter = ',',
        env = "POSTURE_SERVICE",
        hide_env_values = true
    )]
    pub(crate) service: Vec<String>,
    #[command(flatten)]
    pub(crate) last_accessed: LastAccessedArgs,
    /// Directory or s3://bucket/prefix for the snapshot; an interrupted scan of the same scope goes on where it
    /// stopped
    #[arg(long, value_name = "DIR|S3", default_value = DEFAULT_SNAPSHOT, env = "POSTURE_SNAPSHOT", hide_env_values = true)]
    pub(crate) snapshot: PathBuf,
    /// Collect only this share of the places, I of N counted from 0, and judge nothing
    ///
    /// All shares write to one snapshot, which posture evaluate judges. Of /N, the number is read from
    /// AWS_BATCH_JOB_ARRAY_INDEX (AWS Batch array jobs) or JOB_COMPLETION_INDEX (Kubernetes indexed jobs).
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
    /// As shard 0, wait so many minutes for the others, then judge the whole and report
    ///
    /// The other shards take no notice. After the time, what is there is judged, and what is missing is named.
    #[arg(long, value_name = "MINUTES", requires = "shard")]
    pub(crate) gather: Option<u64>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArgs,
}

/// Runs by a timer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scheduled runs")]
pub(crate) struct ScheduleArgs {
    /// Write each run into a dated directory below this one, and point `latest` at the last complete one
    ///
    /// A run holds report.json, a file for each -o FORMAT without a path, and the snapshot. A second run that
    /// starts before the first is over ends with 5. A run that was interrupted goes on.
    #[arg(
        long,
        value_name = "DIR",
        env = "POSTURE_OUTPUT_DIR",
        hide_env_values = true
    )]
    pub(crate) output_dir: Option<PathBuf>,
    /// Runs to keep: the newest N, those of the last days (30d), or both (10,30d) [default: all]
    #[arg(
        long,
        value_name = "N|DAYSd",
        env = "POSTURE_KEEP",
        hide_env_values = true
    )]
    pub(crate) keep: Option<Keep>,
    /// Whether to keep the snapshot of each run beside its report
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, env = "POSTURE_KEEP_SNAPSHOTS", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) keep_snapshots: bool,
    /// Post new findings to this address; better given in the environment, which other users cannot see
    #[arg(
        long,
        value_name = "URL",
        env = "POSTURE_WEBHOOK_URL",
        hide_env_values = true
    )]
    pub(crate) webhook: Option<String>,
    /// File that holds the webhook's address
    #[arg(
        long,
        value_name = "FILE",
        env = "POSTURE_WEBHOOK_FILE",
        hide_env_values = true
    )]
    pub(crate) webhook_file: Option<PathBuf>,
    /// What is posted
    #[arg(long, value_enum, default_value_t = WebhookFormat::Json, env = "POSTURE_WEBHOOK_FORMAT", hide_env_values = true)]
    pub(crate) webhook_format: WebhookFormat,
    /// Post findings that are at least this severe
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "high",
        env = "POSTURE_WEBHOOK_SEVERITY",
        hide_env_values = true
    )]
    pub(crate) webhook_severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WebhookFormat {
    Json,
    Slack,
}

/// Which checks there are.
#[derive(Debug, Default, Args)]
pub(crate) struct CatalogArgs {
    /// Load further checks from this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) checks: Vec<PathBuf>,
    /// What the configuration file wants otherwise about checks.
    #[arg(skip)]
    pub(crate) overrides: Option<Overrides>,
}

/// What someone took responsibility for.
#[derive(Debug, Args)]
pub(crate) struct WaiverArgs {
    /// File of waivers: failures that someone took responsibility for until a date
    ///
    /// They count where a snapshot is judged; a stored report keeps those that it was written with.
    #[arg(
        long,
        value_name = "FILE",
        env = "POSTURE_WAIVERS",
        hide_env_values = true
    )]
    pub(crate) waivers: Option<PathBuf>,
}

/// What is asked only on demand.
#[derive(Debug, Args)]
pub(crate) struct LastAccessedArgs {
    /// Ask which services each user and role last accessed: two or more calls for each
    ///
    /// For posture unused and for the checks on unused services, which have nothing to say without it.
    #[arg(long)]
    pub(crate) last_accessed: bool,
}

/// Which checks to run.
#[derive(Debug, Args)]
pub(crate) struct SelectArgs {
    /// Run this check only; repeat or separate with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) check: Vec<String>,
    /// Run checks of this severity only; repeat or separate with commas
    #[arg(long, value_name = "SEVERITY", value_delimiter = ',')]
    pub(crate) severity: Vec<Severity>,
    /// Run checks that cover this practice only, such as FN-01; repeat or separate with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) practice: Vec<String>,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
}

/// What to show, and how to end.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Report as FORMAT[=PATH]; repeat for several
    #[arg(short, long, value_name = "FORMAT[=PATH]", help = output_help("table"))]
    pub(crate) output: Vec<String>,
    /// Verdicts to list: fail, unknown, pass, not_applicable, waived, all [default: fail,unknown, and waived where
    /// there are waivers]
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        env = "POSTURE_STATUS",
        hide_env_values = true
    )]
    pub(crate) status: Vec<String>,
    /// Exit with 1 when a finding is at least this severe: critical, high, medium, low, info, none
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "high",
        env = "POSTURE_FAIL_ON",
        hide_env_values = true
    )]
    pub(crate) fail_on: String,
    /// Compare with this earlier report (JSON): what is new, and since when each finding is known
    #[arg(long, value_name = "REPORT")]
    pub(crate) baseline: Option<PathBuf>,
    /// Let --fail-on look only at what is new or came back since the baseline
    #[arg(long, requires = "baseline")]
    pub(crate) new_only: bool,
    /// Do not exit with 3 when something could not be read
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true, env = "POSTURE_ALLOW_INCOMPLETE", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) allow_incomplete: bool,
    /// Show the trend over these earlier JSON reports in the HTML report
    #[arg(long, value_name = "REPORT", num_args = 1..)]
    pub(crate) trend: Vec<PathBuf>,
    /// Findings that the table lists in full
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        env = "POSTURE_MAX_FINDINGS",
        hide_env_values = true
    )]
    pub(crate) max_findings: usize,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The snapshot's directory
    #[arg(value_name = "SNAPSHOT", default_value = DEFAULT_SNAPSHOT)]
    pub(crate) snapshot: PathBuf,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The old report (JSON), or a snapshot's directory
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The new report (JSON), or a snapshot's directory
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Comparison as FORMAT[=PATH]: table, json, markdown; repeat for several
    #[arg(short, long, value_name = "FORMAT[=PATH]", default_value = "table")]
    pub(crate) output: Vec<String>,
    /// Exit with 1 when something new or regressed is at least this severe: critical, high, medium, low,
    /// info, none
    #[arg(long, value_name = "SEVERITY", default_value = "none")]
    pub(crate) fail_on: String,
    /// Changes of each kind that table and markdown list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) max_findings: usize,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TicketsArgs {
    /// The report (JSON), or a snapshot's directory
    #[arg(value_name = "REPORT")]
    pub(crate) report: PathBuf,
    /// File that remembers what was told; made where it does not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// The report that was told last, in place of a ledger that is lost or that nobody keeps
    #[arg(long, value_name = "REPORT")]
    pub(crate) previous: Option<PathBuf>,
    /// What one ticket is for
    #[arg(long, value_enum, default_value_t = GroupBy::Finding)]
    pub(crate) group_by: GroupBy,
    /// Open nothing for findings below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "info")]
    pub(crate) min_severity: Severity,
    /// Days to mend a finding, such as critical=7 or info=none; repeat or separate with commas [default:
    /// critical=7,high=30,medium=90,low=180,info=none]
    #[arg(long, value_name = "SEVERITY=DAYS", value_delimiter = ',')]
    pub(crate) due: Vec<String>,
    /// A further label for each ticket; repeat or separate with commas
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    pub(crate) label: Vec<String>,
    /// What becomes of a ticket whose findings are waived
    #[arg(long, value_enum, default_value_t = OnWaived::Close)]
    pub(crate) on_waived: OnWaived,
    /// Where the tickets are; without it, operations are written as lines of JSON for a system of your own
    #[arg(long, value_enum, value_name = "SINK")]
    pub(crate) to: Option<SinkKind>,
    /// Do it; without it nothing is changed, neither tickets nor ledger
    #[arg(long)]
    pub(crate) apply: bool,
    /// Refuse to open more tickets than this at once
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_open: u64,
    /// Least seconds between two changes of tickets
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) pace: f64,
    /// GitHub: the repository, as owner/name; the token is taken from GITHUB_TOKEN
    #[arg(long, value_name = "OWNER/NAME", env = "GITHUB_REPOSITORY")]
    pub(crate) repo: Option<String>,
    /// GitHub: address of the API, for GitHub Enterprise [default: that of github.com]
    #[arg(long, value_name = "URL", env = "GITHUB_API_URL")]
    pub(crate) api_url: Option<String>,
    /// Jira: its address; credentials are taken from JIRA_USER and JIRA_TOKEN, or from JIRA_BEARER
    #[arg(long, value_name = "URL", env = "JIRA_URL")]
    pub(crate) url: Option<String>,
    /// Jira: key of the project
    #[arg(long, value_name = "KEY")]
    pub(crate) project: Option<String>,
    /// Jira: type of the issues
    #[arg(long, value_name = "NAME", default_value = "Task")]
    pub(crate) issue_type: String,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupBy {
    Finding,
    Check,
    Resource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnWaived {
    /// It is closed, and reopened when the waiver ends
    Close,
    /// It stays
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SinkKind {
    Github,
    Jira,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A JSON report (- for stdin), or the directory of a snapshot
    #[arg(value_name = "REPORT_OR_SNAPSHOT", default_value = DEFAULT_SNAPSHOT)]
    pub(crate) from: PathBuf,
    /// Report as FORMAT[=PATH]; repeat for several
    #[arg(short, long, value_name = "FORMAT[=PATH]", help = output_help("table, without --to"))]
    pub(crate) output: Vec<String>,
    /// Verdicts to list: fail, unknown, pass, not_applicable, waived, all [default: what the report lists; of
    /// a snapshot fail,unknown]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
    /// Findings that the table lists in full
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) max_findings: usize,
    /// Import the findings into a service
    ///
    /// Sends what fails, is unknown or waived to the Security Hub of each finding's account and region, and
    /// archives what posture sent earlier and this report proves resolved. The role that `posture permissions
    /// --for securityhub` describes is needed in each account.
    #[arg(long, value_enum, value_name = "SERVICE")]
    pub(crate) to: Option<Destination>,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
}

/// Where findings can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Destination {
    Securityhub,
}

/// How to import.
#[derive(Debug, Args)]
#[command(next_help_heading = "Import (with --to)")]
pub(crate) struct ImportArgs {
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave what is resolved as it is
    #[arg(long)]
    pub(crate) no_archive: bool,
    /// Import into this region only; repeat or separate with commas
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) region: Vec<Region>,
    /// Import into this account only; repeat or separate with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) account: Vec<AccountId>,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

fn output_help(default: &str) -> String {
    format!(
        "Report as FORMAT[=PATH]: {}; repeat for several [default: {default}]",
        posture_report::Format::names()
    )
}

#[derive(Debug, Args)]
pub(crate) struct ChecksArgs {
    #[command(subcommand)]
    pub(crate) command: ChecksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChecksCommand {
    /// List the checks
    List {
        /// Form of the list
        #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
        output: ListFormat,
        #[command(flatten)]
        select: SelectArgs,
    },
    /// Show one check
    Show {
        /// The check's id
        id: String,
        /// Form
        #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
        output: ListFormat,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// Validate and type-check check files
    Lint {
        /// Files or directories [default: the built-in checks]
        paths: Vec<PathBuf>,
    },
    /// Validate check files and run their cases
    Test {
        /// Files or directories [default: the built-in checks]
        paths: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The finding's id, or enough of its beginning
    pub(crate) finding: String,
    /// The snapshot that the finding comes from
    #[arg(long, value_name = "DIR", default_value = DEFAULT_SNAPSHOT)]
    pub(crate) snapshot: PathBuf,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
    /// Form
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct CanArgs {
    /// Who: the ARN of a user or role, or its name; an account, a service, or * for anyone
    #[arg(value_name = "PRINCIPAL")]
    pub(crate) principal: String,
    /// What, such as s3:GetObject
    #[arg(value_name = "ACTION")]
    pub(crate) action: String,
    /// On what: an ARN [default: *, for actions that take no resource]
    #[arg(
        value_name = "RESOURCE",
        default_value = "*",
        hide_default_value = true
    )]
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) snapshot: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WhoCanArgs {
    /// What, such as s3:GetObject
    #[arg(value_name = "ACTION")]
    pub(crate) action: String,
    /// On what: an ARN
    #[arg(value_name = "RESOURCE")]
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) snapshot: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EscalationsArgs {
    /// Only this principal: the ARN of a user or role, or its name
    #[arg(value_name = "PRINCIPAL")]
    pub(crate) principal: Option<String>,
    #[command(flatten)]
    pub(crate) snapshot: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnusedArgs {
    /// Only this principal, in detail: the ARN of a user or role, or its name
    #[arg(value_name = "PRINCIPAL")]
    pub(crate) principal: Option<String>,
    /// Days without use after which a service counts as unused
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub(crate) days: u16,
    #[command(flatten)]
    pub(crate) snapshot: AccessArgs,
}

/// Which snapshot to ask, and how to show the answer.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// The snapshot to ask
    #[arg(long, value_name = "DIR", default_value = DEFAULT_SNAPSHOT)]
    pub(crate) snapshot: PathBuf,
    /// Form
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Decide requests over policies; JSON in, JSON out
    ///
    /// The input is a request or an array of them, each with principal, action, resource,
    /// resource_account, identity_policies, resource_policy, permission_boundary, session_policies, scps
    /// and rcps (a list of levels from the root down, each a list of documents) and context. Each answer
    /// has decision (allowed, explicit_deny, implicit_deny or unknown) and reasons.
    Evaluate(InputArgs),
    /// Say whether a resource's policy lets anyone in; JSON in, JSON out
    ///
    /// The input is the policy, or an object with policy and, for buckets, acl, account_block,
    /// bucket_block and object_ownership.
    Public {
        /// What the policy belongs to
        #[arg(long = "type", value_name = "TYPE", value_parser = clap::builder::PossibleValuesParser::new(posture_policy::public_question::TYPES))]
        kind: String,
        #[command(flatten)]
        input: InputArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// File with the input; - for stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PermissionsArgs {
    /// Form: the policy alone, or a role with it as a template
    #[arg(short, long, visible_alias = "template", value_enum, default_value_t = PermissionsFormat::Json)]
    pub(crate) output: PermissionsFormat,
    /// For these services only; repeat or separate with commas
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) service: Vec<String>,
    /// What to permit
    #[arg(long = "for", value_enum, value_name = "PURPOSE", default_value_t = Purpose::Scan)]
    pub(crate) purpose: Purpose,
}

/// What permissions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Purpose {
    /// Scanning: what the role in each account needs
    Scan,
    /// Running scans: what the principal needs that assumes the role in each account
    Scanner,
    /// Importing findings into Security Hub
    Securityhub,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PermissionsFormat {
    /// The policy
    Json,
    /// A stack with the role, for one account
    Cloudformation,
    /// A stack for the management account, which puts the role into all accounts and keeps it there
    CloudformationStackset,
    /// The role as a module, for one account
    Terraform,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Account to try the actions in [default: the caller's]
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<AccountId>,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    #[command(flatten)]
    pub(crate) sessions: SessionArgs,
    /// Region to try the actions in [default: the session's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// Try this service only; repeat or separate with commas
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) service: Vec<String>,
    #[command(flatten)]
    pub(crate) last_accessed: LastAccessedArgs,
    /// Form
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings of a scan without further flags
    Show {
        /// Form
        #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
        output: ListFormat,
    },
}

/// The statuses named by `--status`, `all` included.
pub(crate) fn statuses(names: &[String]) -> Result<Vec<Status>, String> {
    let mut statuses = Vec::new();
    for name in names {
        if name == "all" {
            return Ok(Status::ALL.to_vec());
        }
        statuses.push(name.parse::<Status>()?);
    }
    Ok(statuses)
}
