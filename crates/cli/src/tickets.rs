//! `posture tickets`.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use posture_report::{Source, clean};
use posture_track::tickets::{
    self, Applied, ApplyError, Counts, Due, GitHub, GroupBy, Jira, JiraCredentials, Kind, Ledger,
    LedgerError, LedgerFile, OnWaived, Operation, Planner, Policy, Progress, Secret, Sink,
    SinkError, Step, Ticket,
};

use crate::args::{self, SinkKind, TicketsArgs};
use crate::evaluate::{load_catalog, waivers};
use crate::exit::{Failure, NOTHING, OK, USAGE, remark};
use crate::reports::{Given, unreadable};

pub(crate) fn run(args: &TicketsArgs) -> Result<u8, Failure> {
    let policy = policy(args)?;
    let place = place(args)?;
    let catalog = load_catalog(&args.catalog)?;
    let waivers = waivers(&args.waivers, &catalog)?;
    let report = Given::open(&args.report, &catalog, &waivers)?;
    let report = report.source(&catalog)?;
    let previous = match &args.previous {
        Some(path) => {
            let previous = Given::open(path, &catalog, &waivers)?;
            let previous = previous.source(&catalog)?;
            Some(told(&*previous, &policy)?)
        }
        None => None,
    };
    let mut planner = Planner::new(&*report, &policy).map_err(unreadable)?;
    let mut memory = Memory::open(args, policy.group_by, place.as_ref(), previous)?;
    match place {
        None => stream(&mut planner, &mut memory, args.apply),
        Some(place) if args.apply => {
            let mut sink = place.sink(args, policy.group_by)?;
            carry_out(&mut planner, &mut memory, &mut *sink, args)
        }
        Some(place) => dry_run(&mut planner, memory, &place, args, policy.group_by),
    }
}

fn policy(args: &TicketsArgs) -> Result<Policy, Failure> {
    let mut due = Due::default();
    for text in &args.due {
        due.read(text).map_err(Failure::usage)?;
    }
    Ok(Policy {
        group_by: match args.group_by {
            args::GroupBy::Finding => GroupBy::Finding,
            args::GroupBy::Check => GroupBy::Check,
            args::GroupBy::Resource => GroupBy::Resource,
        },
        least: args.min_severity.into(),
        due,
        labels: args.label.clone(),
        on_waived: match args.on_waived {
            args::OnWaived::Close => OnWaived::Close,
            args::OnWaived::Keep => OnWaived::Keep,
        },
    })
}

/// What telling a report from the beginning would have left in the ledger.
fn told(report: &dyn Source, policy: &Policy) -> Result<Ledger, Failure> {
    Planner::new(report, policy)
        .and_then(|mut planner| planner.ledger())
        .map_err(unreadable)
}

/// Where the tickets are.
enum Place {
    GitHub { repo: String },
    Jira { url: String, project: String },
}

fn place(args: &TicketsArgs) -> Result<Option<Place>, Failure> {
    let missing = |flag: &str, of: &str| {
        Failure::usage(format!("--to {of} needs {flag}"))
            .help("posture tickets --help shows the flags of each system")
    };
    if args.apply && args.ledger.is_none() {
        return Err(Failure::usage("--apply needs --ledger FILE").help(
            "the ledger remembers which ticket is for what; where it is lost, it is rebuilt from the tickets",
        ));
    }
    if !(0.0..=60.0).contains(&args.pace) {
        return Err(Failure::usage(
            "--pace is a number of seconds between 0 and 60",
        ));
    }
    Ok(match args.to {
        None => None,
        Some(SinkKind::Github) => Some(Place::GitHub {
            repo: args
                .repo
                .clone()
                .ok_or_else(|| missing("--repo OWNER/NAME", "github"))?,
        }),
        Some(SinkKind::Jira) => Some(Place::Jira {
            url: args
                .url
                .clone()
                .ok_or_else(|| missing("--url URL", "jira"))?,
            project: args
                .project
                .clone()
                .ok_or_else(|| missing("--project KEY", "jira"))?,
        }),
    })
}

/// A variable that holds something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

impl Place {
    /// The name by which the ledger knows it.
    fn name(&self, args: &TicketsArgs) -> String {
        match self {
            Self::GitHub { repo } => GitHub::name(args.api_url.as_deref(), repo),
            Self::Jira { url, project } => Jira::name(url, project),
        }
    }

    /// Whether there are credentials to look with.
    fn has_credentials(&self) -> bool {
        match self {
            Self::GitHub { .. } => variable("GITHUB_TOKEN").is_some(),
            Self::Jira { .. } => jira_credentials().is_some(),
        }
    }

    fn sink(&self, args: &TicketsArgs, group_by: GroupBy) -> Result<Box<dyn Sink>, Failure> {
        let pace = Duration::from_secs_f64(args.pace);
        Ok(match self {
            Self::GitHub { repo } => {
                let token = variable("GITHUB_TOKEN").ok_or_else(|| {
                    Failure::usage("GITHUB_TOKEN is not set").help(
                        "it holds a token that may read and write the issues of the repository",
                    )
                })?;
                let api = args.api_url.as_deref();
                let sink = GitHub::new(api, repo, &Secret::new(token), group_by, pace);
                Box::new(sink.map_err(|error| stopped(&error))?)
            }
            Self::Jira { url, project } => {
                let credentials = jira_credentials().ok_or_else(|| {
                    Failure::usage("neither JIRA_USER and JIRA_TOKEN nor JIRA_BEARER are set").help(
                        "Jira Cloud takes the e-mail address of a user and an API token, a server a personal \
                         access token",
                    )
                })?;
                let sink = Jira::new(url, project, &args.issue_type, &credentials, group_by, pace);
                Box::new(sink.map_err(|error| stopped(&error))?)
            }
        })
    }
}

fn jira_credentials() -> Option<JiraCredentials> {
    if let Some(token) = variable("JIRA_BEARER") {
        return Some(JiraCredentials::Bearer(Secret::new(token)));
    }
    Some(JiraCredentials::Basic {
        user: variable("JIRA_USER")?,
        token: Secret::new(variable("JIRA_TOKEN")?),
    })
}

fn stopped(error: &SinkError) -> Failure {
    let help = match error {
        SinkError::Stop { help, .. } => help.clone(),
        _ => "what was done is in the ledger; the same command goes on from there".to_owned(),
    };
    Failure::usage(error).help(help)
}

/// What is known of the tickets.
struct Memory {
    file: Option<LedgerFile>,
    ledger: Ledger,
}

impl Memory {
    fn open(
        args: &TicketsArgs,
        group_by: GroupBy,
        place: Option<&Place>,
        previous: Option<Ledger>,
    ) -> Result<Self, Failure> {
        let Some(path) = &args.ledger else {
            return Ok(Self {
                file: None,
                ledger: previous.unwrap_or_else(|| Ledger::new(group_by)),
            });
        };
        let name = place.map(|place| place.name(args));
        let opened = if args.apply {
            LedgerFile::open(path, group_by, name.as_deref())
        } else {
            LedgerFile::look(path, group_by, name.as_deref())
        };
        let mut file = opened.map_err(|error| ledger_failure(&error))?;
        // A ledger that is there knows better than a report.
        if let (false, Some(previous)) = (file.existed(), previous) {
            file.replace(previous);
        }
        Ok(Self {
            ledger: file.ledger().clone(),
            file: Some(file),
        })
    }
}

fn ledger_failure(error: &LedgerError) -> Failure {
    Failure::usage(error)
}

/// Writes the operations for another system, and then notes that they were told.
fn stream(planner: &mut Planner<'_>, memory: &mut Memory, apply: bool) -> Result<u8, Failure> {
    let mut ledger = memory.ledger.clone();
    let mut out = BufWriter::new(io::stdout().lock());
    let planned = planner.plan(&memory.ledger, &mut |step| {
        match step {
            Step::Do(operation) => {
                tickets::write_line(operation, &mut out)?;
                let entry = operation.after.clone();
                ledger.entries.insert(entry.key.clone(), entry);
            }
            Step::Note(entry) => {
                ledger.entries.insert(entry.key.clone(), entry.clone());
            }
        }
        Ok(())
    });
    let counts = match planned.and_then(|counts| out.flush().map(|()| counts)) {
        Ok(counts) => counts,
        // What nobody reads was not told: the ledger stays as it was.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(OK),
        Err(error) => return Err(unreadable(error)),
    };
    drop(out);
    if let (true, Some(file)) = (apply, &mut memory.file) {
        file.replace(ledger);
        file.tidy().map_err(|error| ledger_failure(&error))?;
    }
    left_alone(&counts);
    Ok(OK)
}

fn carry_out(
    planner: &mut Planner<'_>,
    memory: &mut Memory,
    sink: &mut dyn Sink,
    args: &TicketsArgs,
) -> Result<u8, Failure> {
    let Some(file) = &mut memory.file else {
        return Err(Failure::usage("--apply needs --ledger FILE"));
    };
    let applied = tickets::apply(planner, file, sink, args.max_open, &mut |progress| {
        print(&match progress {
            Progress::Done(operation, ticket) => line(operation, ticket),
            Progress::Refused(operation, why) => {
                format!("{}\n        refused: {}", line(operation, None), clean(why))
            }
        });
    })
    .map_err(|error| match error {
        ApplyError::TooMany { .. } => Failure::usage(error).help(
            "--min-severity and --group-by make fewer of them, --max-open allows more; nothing was changed",
        ),
        ApplyError::Report(error) => unreadable(error),
        ApplyError::Ledger(error) => ledger_failure(&error),
    })?;
    summary(&applied);
    match &applied.stopped {
        Some(error) => Err(stopped(error)),
        None if applied.refused > 0 => Ok(USAGE),
        None => Ok(OK),
    }
}

/// Shows what would be done. With credentials, the tickets that are there are taken into account.
fn dry_run(
    planner: &mut Planner<'_>,
    mut memory: Memory,
    place: &Place,
    args: &TicketsArgs,
    group_by: GroupBy,
) -> Result<u8, Failure> {
    let mut counts = planner
        .plan(&memory.ledger, &mut |_| Ok(()))
        .map_err(unreadable)?;
    let mut unlooked = false;
    let new = memory.file.as_ref().is_none_or(|file| !file.existed());
    if new || tickets::needs_look(&memory.ledger, &counts) {
        if place.has_credentials() {
            let found = place.sink(args, group_by)?.find();
            let found = found.map_err(|error| Failure {
                code: NOTHING,
                ..stopped(&error)
            })?;
            tickets::adopt(&mut memory.ledger, found);
        } else {
            unlooked = true;
        }
    }
    counts = planner
        .plan(&memory.ledger, &mut |step| {
            if let Step::Do(operation) = step {
                print(&line(operation, operation.ticket.as_ref()));
            }
            Ok(())
        })
        .map_err(unreadable)?;
    if counts.all() > 0 {
        print("");
    }
    print(&format!(
        "{} Nothing was changed; --apply does it.",
        would(&counts)
    ));
    if unlooked {
        print(
            "Without credentials nobody looked which tickets are there already; those are not opened again.",
        );
    }
    left_alone(&counts);
    Ok(OK)
}

/// `open    HIGH      title`.
fn line(operation: &Operation, ticket: Option<&Ticket>) -> String {
    let title = operation.title.as_ref().unwrap_or(&operation.after.title);
    let place = ticket.map(|ticket| format!("  {}", clean(&ticket.url)));
    format!(
        "{:<7} {:<8} {}{}",
        operation.kind,
        operation.severity.as_str().to_uppercase(),
        clean(title),
        place.unwrap_or_default()
    )
}

fn would(counts: &Counts) -> String {
    if counts.all() == 0 {
        return "All tickets are as they should be.".to_owned();
    }
    let parts: Vec<String> = [Kind::Open, Kind::Update, Kind::Reopen, Kind::Close]
        .into_iter()
        .filter(|kind| counts.get(*kind) > 0)
        .map(|kind| format!("{} to {kind}", counts.get(kind)))
        .collect();
    format!("{}.", parts.join(", "))
}

fn summary(applied: &Applied) {
    let done = &applied.done;
    let mut text = format!(
        "{} opened, {} updated, {} reopened, {} closed",
        done.open, done.update, done.reopen, done.close
    );
    if applied.adopted > 0 {
        text.push_str(&format!(", {} found again", applied.adopted));
    }
    if applied.refused > 0 {
        text.push_str(&format!(", {} refused", applied.refused));
    }
    print(&text);
}

/// Tickets that stay open without proof, on stderr: data goes to stdout.
fn left_alone(counts: &Counts) {
    if counts.unproven > 0 {
        remark(&format!(
            "{} open: this report does not prove that what they are for is mended or gone",
            stay(counts.unproven)
        ));
    }
    if counts.unwhole > 0 {
        remark(&format!(
            "{} open: the ledger was lost, and not all they are for is known; --previous REPORT helps, or close \
             them by hand",
            stay(counts.unwhole)
        ));
    }
}

fn stay(count: u64) -> String {
    if count == 1 {
        "1 ticket stays".to_owned()
    } else {
        format!("{count} tickets stay")
    }
}

/// Shows a line. Work goes on where nobody reads it.
fn print(text: &str) {
    let _ = crate::print(&format!("{text}\n"));
}
