//! `posture report`: a report in another form, or imported.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use posture_catalog::Status;
use posture_model::CheckId;
use posture_report::{
    CannotNarrow, Format, Narrow, Narrowed, ReadError, RenderOptions, Source, Stored, v1,
};
use tempfile::NamedTempFile;

use crate::args::{Destination, ReportArgs, statuses};
use crate::evaluate::{evaluate, listed, live, load_catalog, selection, table_options, waivers};
use crate::exit::{Failure, OK, did_you_mean};
use crate::output::{Target, targets};
use crate::reports::is_snapshot;
use crate::securityhub;

pub(crate) fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let plan = Plan::new(args)?;
    if is_snapshot(&args.from) {
        return plan.of_snapshot(&args.from);
    }
    let spooled;
    let path = if args.from == Path::new("-") {
        spooled = spool()?;
        spooled.path()
    } else {
        &args.from
    };
    let stored = Stored::open(path).map_err(|error| cannot_read(&args.from, &error))?;
    plan.of_stored(&stored)
}

/// What is asked for.
struct Plan<'a> {
    args: &'a ReportArgs,
    outputs: Vec<(Format, Target)>,
    /// The verdicts to list; none for what there is.
    statuses: Option<Vec<Status>>,
}

impl<'a> Plan<'a> {
    fn new(args: &'a ReportArgs) -> Result<Self, Failure> {
        let asked = match (args.output.is_empty(), args.to) {
            (true, None) => vec![Format::Table.as_str().to_owned()],
            _ => args.output.clone(),
        };
        if args.to.is_none() {
            securityhub::unused(&args.import)?;
        }
        let statuses = statuses(&args.status).map_err(Failure::usage)?;
        Ok(Self {
            args,
            outputs: targets(&asked)?,
            statuses: (!args.status.is_empty()).then_some(statuses),
        })
    }

    /// Renders a stored report as it was judged.
    fn of_stored(&self, stored: &dyn Source) -> Result<u8, Failure> {
        let select = &self.args.select;
        if !select.catalog.checks.is_empty() || !select.practice.is_empty() {
            let flag = if select.catalog.checks.is_empty() {
                "--practice"
            } else {
                "--checks"
            };
            return Err(Failure::usage(format!(
                "{flag} needs a snapshot: a stored report is not judged again"
            ))
            .help("name the snapshot's directory instead of the report"));
        }
        let mut narrow = Narrow {
            severities: select.severity.iter().map(|s| (*s).into()).collect(),
            ..Narrow::default()
        };
        for id in &select.check {
            narrow.checks.insert(check_id(stored.head(), id)?);
        }
        let wanted: Vec<v1::Status> = self
            .statuses
            .iter()
            .flatten()
            .map(|s| (*s).into())
            .collect();
        // `all` is whatever the report has.
        let all = self.args.status.iter().any(|name| name == "all");
        if all {
            narrow_to_all(stored.head())?;
        }
        let within = Narrowed::new(stored, narrow.clone()).map_err(cannot_narrow)?;
        narrow.statuses = if all { Vec::new() } else { wanted };
        let shown = Narrowed::new(stored, narrow).map_err(cannot_narrow)?;
        self.write(&shown, None)?;
        self.import(&within, &shown)
    }

    /// Judges a snapshot and renders that.
    fn of_snapshot(&self, snapshot: &Path) -> Result<u8, Failure> {
        let catalog = load_catalog(&self.args.select.catalog)?;
        let mut options = selection(&catalog, &self.args.select)?;
        let shown = self.statuses.clone();
        let shown = shown.unwrap_or_else(|| listed(&self.args.waivers).to_vec());
        options.waivers = waivers(&self.args.waivers, &catalog)?;
        options.keep = shown.iter().copied().collect();
        if self.args.to.is_some() {
            // What is open must be known for what is resolved to be.
            options
                .keep
                .extend([Status::Fail, Status::Unknown, Status::Waived]);
        }
        let evaluation = evaluate(snapshot, &catalog, &options)?;
        let report = live(&evaluation, &catalog)?;
        let narrow = Narrow {
            statuses: shown.iter().map(|status| (*status).into()).collect(),
            ..Narrow::default()
        };
        let narrowed = Narrowed::new(&report, narrow).map_err(cannot_narrow)?;
        self.write(&narrowed, Some(snapshot))?;
        self.import(
            &report,
            if self.statuses.is_some() {
                &narrowed
            } else {
                &report
            },
        )
    }

    fn write(&self, source: &dyn Source, snapshot: Option<&Path>) -> Result<(), Failure> {
        for (format, target) in &self.outputs {
            let options = RenderOptions {
                table: table_options(target, self.args.max_findings, snapshot),
                ..RenderOptions::default()
            };
            target.write(*format, |out| format.render(source, &options, out))?;
        }
        Ok(())
    }

    /// `within` is what was judged, `shown` what of it is to be sent.
    fn import(&self, within: &dyn Source, shown: &dyn Source) -> Result<u8, Failure> {
        match self.args.to {
            None => Ok(OK),
            Some(Destination::Securityhub) => {
                securityhub::import(within, shown, self.statuses.is_some(), &self.args.import)
            }
        }
    }
}

/// `--status all` of a report that lists only some would pass for all.
fn narrow_to_all(head: &v1::Head) -> Result<(), Failure> {
    let listed = &head.scan.statuses;
    let missing = Status::ALL
        .into_iter()
        .map(v1::Status::from)
        // None is waived where nothing was, and then there is nothing to list.
        .filter(|status| *status != v1::Status::Waived || head.summary.by_status.waived > 0)
        .find(|status| !listed.contains(status));
    match missing {
        Some(asked) => Err(cannot_narrow(CannotNarrow::NotListed {
            asked,
            listed: listed.clone(),
        })),
        None => Ok(()),
    }
}

fn check_id(head: &v1::Head, id: &str) -> Result<CheckId, Failure> {
    let known: BTreeSet<&str> = head.checks.iter().map(|check| check.id.as_str()).collect();
    CheckId::new(id)
        .ok()
        .filter(|id| known.contains(id.as_str()))
        .ok_or_else(|| {
            Failure::usage(format!(
                "the report has no check {id:?}{}",
                did_you_mean(id, known.iter().copied())
            ))
        })
}

fn cannot_narrow(error: CannotNarrow) -> Failure {
    let help = match &error {
        CannotNarrow::NotListed { asked, .. } | CannotNarrow::Silent { asked } => Some(format!(
            "make one that does: posture evaluate SNAPSHOT --status {} -o json=report.json",
            asked.as_str()
        )),
        CannotNarrow::NoCheck { .. } => None,
    };
    let failure = Failure::usage(error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn cannot_read(path: &Path, error: &ReadError) -> Failure {
    let why = match error {
        ReadError::Io(error) => error.to_string(),
        ReadError::Malformed(cause) => format!("{error}: {cause}"),
        _ => error.to_string(),
    };
    Failure::usage(format!("{}: {why}", path.display()))
        .help("name a report that posture wrote with -o json=PATH, or the directory of a snapshot")
}

/// Standard input in a file of its own: a report is gone over more than once.
fn spool() -> Result<NamedTempFile, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("failed to read stdin: {error}"));
    let mut file = NamedTempFile::with_prefix(".posture-").map_err(failed)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(failed)?;
    file.flush().map_err(failed)?;
    Ok(file)
}
