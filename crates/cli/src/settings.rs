//! What is in force: flags go before the environment, the environment before the configuration file, and the file
//! before what is built in.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, ValueEnum};
use posture_collect::services;
use posture_config::{Config, FILE_NAME, Said, Words};
use posture_report::Format;
use serde_json::{Value, json};

use crate::args::{
    CatalogArgs, ChecksCommand, Cli, Command, ConfigCommand, ConnectArgs, FilterArgs, Global,
    KeyValue, ListFormat, OutputArgs, PaceArgs, RoleArgs, ScanArgs, ScheduleArgs, SessionArgs,
    TicketsArgs, WaiverArgs, WebhookFormat,
};
use crate::evaluate::mistakes;
use crate::exit::Failure;

/// Fills in from the configuration file what neither a flag nor the environment says.
pub(crate) fn apply(cli: &mut Cli, matches: &ArgMatches) -> Result<(), Failure> {
    let reads = match &cli.command {
        Command::Scan(_)
        | Command::Evaluate(_)
        | Command::Explain(_)
        | Command::Doctor(_)
        | Command::Diff(_)
        | Command::Report(_)
        | Command::Tickets(_) => true,
        Command::Checks(args) => matches!(
            args.command,
            ChecksCommand::List { .. } | ChecksCommand::Show { .. }
        ),
        // It reads the file by itself: it shows the settings of another command.
        _ => false,
    };
    if !reads {
        return Ok(());
    }
    let given = Given::of(matches);
    if let Command::Scan(_) = &cli.command
        && given.on_command_line("snapshot")
        && given.on_command_line("output_dir")
    {
        return Err(
            Failure::usage("--snapshot and --output-dir both say where the snapshot goes")
                .help("each run below --output-dir has a snapshot of its own"),
        );
    }
    let config = load(&cli.global)?.unwrap_or_default();
    match &mut cli.command {
        Command::Scan(args) => scan(args, &config, &mut Filler::new(given)),
        Command::Evaluate(args) => {
            let mut filler = Filler::new(given);
            filler.some("snapshot", &config.snapshot, |v| args.snapshot = v);
            catalog(&mut args.select.catalog, &config, &mut filler);
            waivers(&mut args.waivers, &config, &mut filler);
            output(&mut args.output, &config, &mut filler);
        }
        Command::Explain(args) => {
            let mut filler = Filler::new(given);
            filler.some("snapshot", &config.snapshot, |v| args.snapshot = v);
            catalog(&mut args.catalog, &config, &mut filler);
            waivers(&mut args.waivers, &config, &mut filler);
        }
        Command::Report(args) => {
            let mut filler = Filler::new(given);
            catalog(&mut args.select.catalog, &config, &mut filler);
            waivers(&mut args.waivers, &config, &mut filler);
        }
        Command::Diff(args) => {
            let mut filler = Filler::new(given);
            catalog(&mut args.catalog, &config, &mut filler);
            waivers(&mut args.waivers, &config, &mut filler);
        }
        Command::Tickets(args) => {
            let mut filler = Filler::new(given);
            catalog(&mut args.catalog, &config, &mut filler);
            waivers(&mut args.waivers, &config, &mut filler);
            tickets(args, &config.tickets, &mut filler)?;
        }
        Command::Checks(args) => {
            let filler = &mut Filler::new(given);
            match &mut args.command {
                ChecksCommand::List { select, .. } => catalog(&mut select.catalog, &config, filler),
                ChecksCommand::Show { catalog: args, .. } => catalog(args, &config, filler),
                ChecksCommand::Lint { .. } | ChecksCommand::Test { .. } => {}
            }
        }
        Command::Doctor(args) => {
            let mut filler = Filler::new(given);
            connect(&mut args.connect, &config, &mut filler);
            role(&mut args.role, &config, &mut filler);
            sessions(&mut args.sessions, &config, &mut filler);
            filler.some("service", &config.scope.services, |v| args.service = v);
        }
        _ => {}
    }
    Ok(())
}

/// Which arguments a person gave, by a flag or in the environment.
struct Given<'a> {
    /// Of the innermost command.
    matches: &'a ArgMatches,
}

impl<'a> Given<'a> {
    fn of(mut matches: &'a ArgMatches) -> Self {
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        Self { matches }
    }

    fn source(&self, id: &str) -> Option<ValueSource> {
        self.matches.value_source(id)
    }

    fn is_given(&self, id: &str) -> bool {
        matches!(
            self.source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    }

    fn on_command_line(&self, id: &str) -> bool {
        self.source(id) == Some(ValueSource::CommandLine)
    }
}

/// Takes settings from a file, and remembers which.
struct Filler<'a> {
    given: Given<'a>,
    /// Arguments that the file decided, each with the line.
    filled: Vec<(&'static str, usize)>,
}

impl<'a> Filler<'a> {
    fn new(given: Given<'a>) -> Self {
        Self {
            given,
            filled: Vec::new(),
        }
    }

    fn some<T: Clone>(&mut self, id: &'static str, said: &Option<Said<T>>, put: impl FnOnce(T)) {
        if let Some(said) = said
            && !self.given.is_given(id)
        {
            put(said.value.clone());
            self.filled.push((id, said.line));
        }
    }
}

fn scan(args: &mut ScanArgs, config: &Config, filler: &mut Filler<'_>) {
    connect(&mut args.connect, config, filler);
    role(&mut args.role, config, filler);
    sessions(&mut args.sessions, config, filler);
    let scope = &config.scope;
    filler.some("org", &scope.organization, |v| args.org = v);
    // `--org` asks for the whole organization, whatever part of it the file names.
    if !filler.given.on_command_line("org") {
        filler.some("account", &scope.accounts, |v| args.account = v);
        filler.some("accounts", &scope.accounts_file, |v| {
            args.accounts = Some(v)
        });
    }
    let whole = args.org || !filler.given.is_given("org");
    accounts(&mut args.filter, whole, config, filler);
    pace(&mut args.pace, config, filler);
    filler.some("region", &scope.regions, |v| args.region = v);
    filler.some("exclude_region", &scope.exclude_regions, |v| {
        args.exclude_region = v
    });
    filler.some("service", &scope.services, |v| args.service = v);
    filler.some("snapshot", &config.snapshot, |v| args.snapshot = v);
    catalog(&mut args.select.catalog, config, filler);
    waivers(&mut args.waivers, config, filler);
    output(&mut args.output, config, filler);
    schedule(&mut args.schedule, config, filler);
}

fn tickets(
    args: &mut TicketsArgs,
    config: &posture_config::Tickets,
    filler: &mut Filler<'_>,
) -> Result<(), Failure> {
    if let Some(said) = &config.group_by
        && !filler.given.is_given("group_by")
    {
        args.group_by = word("group_by", &said.value)?;
        filler.filled.push(("group_by", said.line));
    }
    if let Some(said) = &config.on_waived
        && !filler.given.is_given("on_waived")
    {
        args.on_waived = word("on_waived", &said.value)?;
        filler.filled.push(("on_waived", said.line));
    }
    filler.some("min_severity", &config.min_severity, |v| {
        args.min_severity = v
    });
    filler.some("label", &config.labels, |v| args.label = v);
    if !filler.given.is_given("due") {
        let due = &config.due_days;
        let days = [
            ("critical", &due.critical),
            ("high", &due.high),
            ("medium", &due.medium),
            ("low", &due.low),
            ("info", &due.info),
        ];
        for (severity, said) in days {
            let Some(said) = said else { continue };
            args.due.push(match said.value {
                Some(days) => format!("{severity}={days}"),
                None => format!("{severity}=none"),
            });
            filler.filled.push(("due", said.line));
        }
    }
    filler.some("repo", &config.github.repository, |v| args.repo = Some(v));
    filler.some("api_url", &config.github.api_url, |v| {
        args.api_url = Some(v)
    });
    filler.some("url", &config.jira.url, |v| args.url = Some(v));
    filler.some("project", &config.jira.project, |v| args.project = Some(v));
    filler.some("issue_type", &config.jira.issue_type, |v| {
        args.issue_type = v
    });
    Ok(())
}

/// One of the words that a flag takes; reading the file has checked them.
fn word<T: ValueEnum>(key: &str, text: &str) -> Result<T, Failure> {
    T::from_str(text, false).map_err(|error| Failure::usage(format!("tickets.{key}: {error}")))
}

fn connect(args: &mut ConnectArgs, config: &Config, filler: &mut Filler<'_>) {
    let scope = &config.scope;
    filler.some("profile", &scope.profile, |v| args.profile = Some(v));
    filler.some("endpoint_url", &scope.endpoint_url, |v| {
        args.endpoint_url = Some(v)
    });
    filler.some("call_timeout", &scope.call_timeout, |v| {
        args.call_timeout = v
    });
    filler.some("max_attempts", &scope.max_attempts, |v| {
        args.max_attempts = v
    });
}

fn role(args: &mut RoleArgs, config: &Config, filler: &mut Filler<'_>) {
    let scope = &config.scope;
    filler.some("role_name", &scope.role_name, |v| args.role_name = Some(v));
    filler.some("external_id", &scope.external_id, |v| {
        args.external_id = Some(v)
    });
}

fn sessions(args: &mut SessionArgs, config: &Config, filler: &mut Filler<'_>) {
    let scope = &config.scope;
    filler.some("via", &scope.via, |v| args.via = v);
    filler.some("session_name", &scope.session_name, |v| {
        args.session_name = v
    });
    filler.some("session_tag", &scope.session_tags, |v| {
        args.session_tag = pairs(&v)
    });
}

/// Reading the file has checked that they are pairs.
fn pairs(texts: &[String]) -> Vec<KeyValue> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// `whole` is false where `--org=false` takes back what the file says of an organization.
fn accounts(args: &mut FilterArgs, whole: bool, config: &Config, filler: &mut Filler<'_>) {
    let scope = &config.scope;
    // What is left out is left out, however an account was named.
    filler.some("exclude_account", &scope.exclude_accounts, |v| {
        args.exclude_account = v
    });
    if !whole {
        return;
    }
    filler.some("ou", &scope.organizational_units, |v| args.ou = v);
    filler.some("exclude_ou", &scope.exclude_organizational_units, |v| {
        args.exclude_ou = v
    });
    filler.some("account_tag", &scope.account_tags, |v| {
        args.account_tag = pairs(&v)
    });
}

fn pace(args: &mut PaceArgs, config: &Config, filler: &mut Filler<'_>) {
    let scope = &config.scope;
    filler.some("max_rps", &scope.max_rps, |v| args.max_rps = Some(v));
    filler.some("max_in_flight", &scope.max_in_flight, |v| {
        args.max_in_flight = v
    });
    filler.some("workers", &scope.workers, |v| args.workers = v);
    filler.some("unit_timeout", &scope.unit_timeout, |v| {
        args.unit_timeout = v.into()
    });
    filler.some("scan_timeout", &scope.scan_timeout, |v| {
        args.scan_timeout = Some(v.into())
    });
}

fn catalog(args: &mut CatalogArgs, config: &Config, filler: &mut Filler<'_>) {
    filler.some("checks", &config.checks, |v| args.checks = v);
    args.overrides.clone_from(&config.overrides);
}

fn waivers(args: &mut WaiverArgs, config: &Config, filler: &mut Filler<'_>) {
    filler.some("waivers", &config.waivers, |v| args.waivers = Some(v));
}

fn output(args: &mut OutputArgs, config: &Config, filler: &mut Filler<'_>) {
    filler.some("output", &config.outputs, |v| args.output = v);
    filler.some("status", &config.status, |v| args.status = v);
    filler.some("fail_on", &config.fail_on, |v| args.fail_on = v);
    filler.some("allow_incomplete", &config.allow_incomplete, |v| {
        args.allow_incomplete = v
    });
    filler.some("max_findings", &config.max_findings, |v| {
        args.max_findings = v
    });
}

fn schedule(args: &mut ScheduleArgs, config: &Config, filler: &mut Filler<'_>) {
    let settings = &config.schedule;
    // Whoever names a snapshot's directory makes a scan by hand, and no scheduled one.
    if filler.given.on_command_line("snapshot") && !filler.given.on_command_line("output_dir") {
        args.output_dir = None;
        args.webhook = None;
        args.webhook_file = None;
        return;
    }
    filler.some("output_dir", &settings.output_dir, |v| {
        args.output_dir = Some(v)
    });
    filler.some("keep", &settings.keep, |v| args.keep = Some(v));
    filler.some("keep_snapshots", &settings.keep_snapshots, |v| {
        args.keep_snapshots = v
    });
    let webhook = &settings.webhook;
    // The two say where to: one that is given goes before both of the file.
    if !filler.given.is_given("webhook") && !filler.given.is_given("webhook_file") {
        filler.some("webhook_file", &webhook.url_file, |v| {
            args.webhook_file = Some(v)
        });
        if args.webhook_file.is_none() {
            filler.some("webhook", &webhook.url, |v| args.webhook = Some(v));
        }
    }
    filler.some("webhook_format", &webhook.format, |v| {
        args.webhook_format = match v.as_str() {
            "slack" => WebhookFormat::Slack,
            _ => WebhookFormat::Json,
        };
    });
    filler.some("webhook_severity", &webhook.severity, |v| {
        args.webhook_severity = v
    });
}

/// The configuration in force, if there is one.
fn load(global: &Global) -> Result<Option<Config>, Failure> {
    let file = match (&global.config, global.no_config) {
        (_, true) => return Ok(None),
        (Some(file), _) if !file.is_file() => {
            return Err(Failure::usage(format!(
                "there is no configuration file {}",
                file.display()
            ))
            .help("--config and POSTURE_CONFIG name one; --no-config does without"));
        }
        (Some(file), _) => file.clone(),
        (None, _) => match found()? {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let names: Vec<&str> = services().iter().map(|service| service.name).collect();
    let formats: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
    let words = Words {
        services: &names,
        formats: &formats,
    };
    let config = Config::read(&file, words).map_err(|wrong| {
        mistakes("the configuration file", &wrong)
            .help("docs/configuration.md lists what it can say; --no-config does without")
    })?;
    tracing::info!(file = %file.display(), "configuration read");
    Ok(Some(config))
}

/// The file in the working directory, which nobody named.
fn found() -> Result<Option<PathBuf>, Failure> {
    let file = Path::new(FILE_NAME);
    match file.metadata() {
        Ok(found) if found.is_file() => {}
        _ => return Ok(None),
    }
    if !is_trusted(file) {
        // It says whom a scan talks to, and where findings are posted.
        return Err(Failure::usage(format!(
            "the {FILE_NAME} of this directory belongs to somebody else, or can be written by anyone"
        ))
        .help("name it if it is meant: --config posture.toml; --no-config does without"));
    }
    Ok(Some(file.to_owned()))
}

/// Whether a file is ours or the system's, and nobody else may write it.
#[cfg(unix)]
fn is_trusted(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = file.metadata() else {
        return false;
    };
    // Who we are, without a system call that Rust has no safe name for.
    let own = tempfile::tempfile()
        .and_then(|file| file.metadata())
        .map(|own| own.uid());
    let ours = own.is_ok_and(|own| own == found.uid());
    (ours || found.uid() == 0) && found.mode() & 0o002 == 0
}

#[cfg(not(unix))]
fn is_trusted(_: &Path) -> bool {
    true
}

/// `posture config`.
pub(crate) fn run(command: &ConfigCommand, global: &Global) -> Result<u8, Failure> {
    let ConfigCommand::Show { output } = command;
    let matches = Cli::command()
        .try_get_matches_from(["posture", "scan"])
        .map_err(|error| unreadable(&error))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| unreadable(&error))?;
    let Command::Scan(mut args) = cli.command else {
        return Err(Failure::usage("the settings are those of posture scan"));
    };
    let config = load(global)?;
    let given = Given::of(&matches);
    let mut filler = Filler::new(given);
    scan(
        &mut args,
        config.as_ref().unwrap_or(&Config::default()),
        &mut filler,
    );
    let settings = settings(&args, config.as_ref(), &filler);
    crate::print(&match output {
        ListFormat::Json => posture_report::json_text(&as_json(config.as_ref(), &settings))
            .map_err(Failure::usage)?,
        ListFormat::Table => as_table(config.as_ref(), &settings),
    })
}

/// What is wrong with a variable of the environment. Clap begins its text as we begin ours.
fn unreadable(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let text = text.trim();
    Failure::usage(text.strip_prefix("error: ").unwrap_or(text))
        .help("a variable of the environment says so: docs/configuration.md lists them")
}

/// One setting: its flag, its value, and where it comes from.
struct Setting {
    flag: String,
    value: String,
    source: String,
}

fn settings(args: &ScanArgs, config: Option<&Config>, filler: &Filler<'_>) -> Vec<Setting> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let path = |value: &Option<PathBuf>| {
        value
            .as_ref()
            .map(|p| p.display().to_string())
            .unwrap_or_default()
    };
    // What is a secret, or may be one, is said to be there.
    let hidden = |given: bool| {
        if given {
            "(set)".to_owned()
        } else {
            String::new()
        }
    };
    let number = |value: Option<u64>| value.map(|n| n.to_string()).unwrap_or_default();
    let pace = &args.pace;
    let listed: Vec<(&'static str, String)> = vec![
        ("profile", text(&args.connect.profile)),
        ("endpoint_url", text(&args.connect.endpoint_url)),
        ("call_timeout", args.connect.call_timeout.to_string()),
        ("max_attempts", args.connect.max_attempts.to_string()),
        ("max_rps", number(pace.max_rps.map(u64::from))),
        ("max_in_flight", pace.max_in_flight.to_string()),
        ("workers", pace.workers.to_string()),
        ("unit_timeout", pace.unit_timeout.to_string()),
        ("scan_timeout", number(pace.scan_timeout)),
        ("org", args.org.to_string()),
        ("account", join(&args.account)),
        ("accounts", path(&args.accounts)),
        ("exclude_account", join(&args.filter.exclude_account)),
        ("ou", join(&args.filter.ou)),
        ("exclude_ou", join(&args.filter.exclude_ou)),
        ("account_tag", join(&args.filter.account_tag)),
        ("via", join(&args.sessions.via)),
        ("role_name", text(&args.role.role_name)),
        ("external_id", hidden(args.role.external_id.is_some())),
        ("session_name", args.sessions.session_name.clone()),
        ("session_tag", join(&args.sessions.session_tag)),
        ("region", join(&args.region)),
        ("exclude_region", join(&args.exclude_region)),
        ("service", join(&args.service)),
        ("snapshot", args.snapshot.display().to_string()),
        (
            "checks",
            join(args.select.catalog.checks.iter().map(|p| p.display())),
        ),
        ("waivers", path(&args.waivers.waivers)),
        ("output", join(&args.output.output)),
        ("status", join(&args.output.status)),
        ("fail_on", args.output.fail_on.clone()),
        ("allow_incomplete", args.output.allow_incomplete.to_string()),
        ("max_findings", args.output.max_findings.to_string()),
        ("output_dir", path(&args.schedule.output_dir)),
        (
            "keep",
            args.schedule
                .keep
                .map(|keep| keep.to_string())
                .unwrap_or_default(),
        ),
        ("keep_snapshots", args.schedule.keep_snapshots.to_string()),
        ("webhook", hidden(args.schedule.webhook.is_some())),
        ("webhook_file", path(&args.schedule.webhook_file)),
        (
            "webhook_format",
            match args.schedule.webhook_format {
                WebhookFormat::Json => "json".to_owned(),
                WebhookFormat::Slack => "slack".to_owned(),
            },
        ),
        (
            "webhook_severity",
            args.schedule.webhook_severity.as_str().to_owned(),
        ),
    ];
    let file = config
        .map(|config| config.file.display().to_string())
        .unwrap_or_default();
    listed
        .into_iter()
        .map(|(id, value)| {
            let line = filler.filled.iter().find(|(filled, _)| *filled == id);
            let source = match (line, filler.given.source(id)) {
                (Some((_, line)), _) => format!("{file}:{line}"),
                (None, Some(ValueSource::EnvVariable)) => "environment".to_owned(),
                _ => "default".to_owned(),
            };
            Setting {
                flag: id.replace('_', "-"),
                value,
                source,
            }
        })
        .collect()
}

/// Values as a flag takes them.
fn join<T: std::fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    texts.join(",")
}

fn as_json(config: Option<&Config>, settings: &[Setting]) -> Value {
    let settings: Vec<Value> = settings
        .iter()
        .map(|setting| json!({"flag": setting.flag, "value": setting.value, "source": setting.source}))
        .collect();
    json!({"file": config.map(|config| config.file.display().to_string()), "settings": settings})
}

fn as_table(config: Option<&Config>, settings: &[Setting]) -> String {
    let width = settings
        .iter()
        .map(|s| s.value.chars().count())
        .max()
        .unwrap_or(0)
        .min(48);
    let mut text = match config {
        Some(config) => format!("configuration file: {}\n\n", config.file.display()),
        None => "no configuration file\n\n".to_owned(),
    };
    for setting in settings {
        let value = if setting.value.is_empty() {
            "-"
        } else {
            &setting.value
        };
        text.push_str(&format!(
            "{:<17} {value:<width$}  {}\n",
            setting.flag, setting.source
        ));
    }
    // Lists are long in a file of a large organization; terminals break lines by themselves.
    if !std::io::stdout().is_terminal() {
        return text;
    }
    text.lines()
        .map(|line| format!("{}\n", posture_report::clean(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        outputs = ["json"]
        fail_on = "low"
        allow_incomplete = true
        waivers = "w.yaml"
        [scope]
        organization = true
        organizational_units = ["Workloads"]
        exclude_accounts = ["444455556666"]
        account_tags = ["env=prod"]
        max_rps = 20
        accounts = ["111122223333"]
        regions = ["eu-west-1"]
        max_attempts = 9
        [schedule]
        output_dir = "runs"
        keep = 3
        [schedule.webhook]
        url = "https://alerts.example.com/x"
        severity = "low"
    "#;

    fn scanned(flags: &[&str]) -> ScanArgs {
        let words = Words {
            services: &[],
            formats: &["json", "table"],
        };
        let config = Config::parse(Path::new("posture.toml"), FILE, words).unwrap();
        let line = ["posture", "scan"].iter().chain(flags);
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        let Command::Scan(mut args) = Cli::from_arg_matches(&matches).unwrap().command else {
            panic!("not a scan");
        };
        scan(&mut args, &config, &mut Filler::new(Given::of(&matches)));
        *args
    }

    #[test]
    fn the_file_fills_in_what_is_not_given() {
        let args = scanned(&[]);
        assert!(args.org && args.output.allow_incomplete);
        assert_eq!(args.output.output, ["json"]);
        assert_eq!(args.connect.max_attempts, 9);
        assert_eq!(args.connect.call_timeout, 20);
        assert_eq!(args.filter.ou, ["Workloads"]);
        assert_eq!(args.filter.account_tag[0].to_string(), "env=prod");
        assert_eq!(args.pace.max_rps, Some(20));
        assert_eq!(args.schedule.output_dir.as_deref(), Some(Path::new("runs")));
        assert_eq!(
            args.schedule.webhook.as_deref(),
            Some("https://alerts.example.com/x")
        );
    }

    #[test]
    fn flags_go_before_it() {
        let args = scanned(&[
            "--org=false",
            "--region",
            "us-east-1",
            "--fail-on",
            "none",
            "-o",
            "table",
        ]);
        assert!(!args.org);
        // Without the organization nobody knows of its units; what is left out is left out all the same.
        assert!(args.filter.ou.is_empty() && args.filter.account_tag.is_empty());
        assert_eq!(args.filter.exclude_account.len(), 1);
        assert_eq!(args.region[0].as_str(), "us-east-1");
        assert_eq!(
            (args.output.fail_on.as_str(), args.output.output[0].as_str()),
            ("none", "table")
        );
        // All of the organization, whatever part of it the file names.
        assert!(scanned(&["--org"]).account.is_empty());
        assert_eq!(scanned(&[]).account.len(), 1);
        assert_eq!(scanned(&["--webhook-file", "f"]).schedule.webhook, None);
    }

    #[test]
    fn a_snapshot_that_is_named_makes_it_a_scan_by_hand() {
        let args = scanned(&["--snapshot", "x"]);
        assert_eq!(
            (args.schedule.output_dir, args.schedule.webhook),
            (None, None)
        );
    }
}
