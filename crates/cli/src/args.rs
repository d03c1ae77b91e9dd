//! The command line. Names follow the AWS CLI where it has a counterpart.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use posture_catalog::{Severity, Status};
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
configuration; 3 not everything could be read; 4 nothing could be scanned; 130 interrupted."
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
    /// Log nothing but errors, and show no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Form of log lines on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub(crate) log_format: LogFormat,
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
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Endpoint for all services, such as a local emulator's
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Longest wait for one answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) call_timeout: u64,
    /// Attempts at a call before it counts as unanswered
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) max_attempts: u32,
}

/// Which role to take in other accounts.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Role to assume in accounts other than the caller's: a name, or an ARN with {account}
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
    /// External id that the role asks for
    #[arg(long, value_name = "ID", requires = "role_name")]
    pub(crate) external_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Scan every active account of the organization
    #[arg(long)]
    pub(crate) org: bool,
    /// Scan this account; repeat or separate with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) account: Vec<AccountId>,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Scan this region only; repeat or separate with commas [default: every enabled region]
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) region: Vec<Region>,
    /// Leave this region out; repeat or separate with commas
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) exclude_region: Vec<Region>,
    /// Collect this service only, such as lambda; repeat or separate with commas
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) service: Vec<String>,
    #[command(flatten)]
    pub(crate) last_accessed: LastAccessedArgs,
    /// Directory for the snapshot; an interrupted scan of the same scope goes on where it stopped
    #[arg(long, value_name = "DIR", default_value = DEFAULT_SNAPSHOT)]
    pub(crate) snapshot: PathBuf,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
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
    /// Load further checks from this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) checks: Vec<PathBuf>,
}

/// What to show, and how to end.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Report as FORMAT[=PATH]: table, json; repeat for several
    #[arg(short, long, value_name = "FORMAT[=PATH]", default_value = "table")]
    pub(crate) output: Vec<String>,
    /// Verdicts to list: fail, unknown, pass, not_applicable, waived, all
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        default_value = "fail,unknown"
    )]
    pub(crate) status: Vec<String>,
    /// Exit with 1 when a finding is at least this severe: critical, high, medium, low, info, none
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    pub(crate) fail_on: String,
    /// Do not exit with 3 when something could not be read
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// Findings that the table lists in full
    #[arg(long, value_name = "N", default_value_t = 20)]
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
    pub(crate) output: OutputArgs,
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
        /// Load further checks from this directory
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
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
    /// Load further checks from this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) checks: Vec<PathBuf>,
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
    #[arg(short, long, value_enum, default_value_t = PermissionsFormat::Json)]
    pub(crate) output: PermissionsFormat,
    /// For these services only; repeat or separate with commas
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) service: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PermissionsFormat {
    Json,
    Cloudformation,
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
