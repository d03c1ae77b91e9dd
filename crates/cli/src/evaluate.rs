//! From a snapshot to reports and an exit code; the second half of a scan, and all of `evaluate`.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use posture_catalog::{Catalog, Severity, Status};
use posture_engine::{EngineError, Evaluation, Options};
use posture_report::{CatalogView, Format, Live, Source, TableOptions, build, v1};
use posture_snapshot::Snapshot;

use crate::args::{DEFAULT_SNAPSHOT, EvaluateArgs, OutputArgs, SelectArgs, statuses};
use crate::connect::snapshot_failure;
use crate::exit::{FINDINGS, Failure, INCOMPLETE, OK, did_you_mean};
use crate::output::{Target, targets};

pub(crate) fn run(args: &EvaluateArgs) -> Result<u8, Failure> {
    let plan = Plan::new(&args.select, &args.output)?;
    plan.finish(&args.snapshot)
}

/// Everything that can be wrong with the flags, found out before the first call to AWS.
#[derive(Debug)]
pub(crate) struct Plan {
    catalog: Catalog,
    options: Options,
    outputs: Vec<(Format, Target)>,
    fail_on: Option<Severity>,
    allow_incomplete: bool,
    max_findings: usize,
}

impl Plan {
    pub(crate) fn new(select: &SelectArgs, output: &OutputArgs) -> Result<Self, Failure> {
        let catalog = load_catalog(&select.checks)?;
        let keep = statuses(&output.status).map_err(Failure::usage)?;
        let mut options = selection(&catalog, select)?;
        options.keep = keep.into_iter().collect();
        let fail_on = match output.fail_on.as_str() {
            "none" => None,
            name => Some(name.parse().map_err(Failure::usage)?),
        };
        Ok(Self {
            outputs: targets(&output.output)?,
            catalog,
            options,
            fail_on,
            allow_incomplete: output.allow_incomplete,
            max_findings: output.max_findings,
        })
    }

    /// Evaluates the snapshot, writes every report, and says how to exit.
    pub(crate) fn finish(&self, snapshot: &Path) -> Result<u8, Failure> {
        let evaluation = evaluate(snapshot, &self.catalog, &self.options)?;
        let report = live(&evaluation, &self.catalog)?;
        for (format, target) in &self.outputs {
            let table = table_options(target, self.max_findings, Some(snapshot));
            target.write(*format, |out| format.render(&report, &table, out))?;
        }
        Ok(self.code(report.head(), evaluation.complete))
    }

    fn code(&self, report: &v1::Head, complete: bool) -> u8 {
        if !complete && !self.allow_incomplete {
            return INCOMPLETE;
        }
        let worst = report.worst_failing_severity();
        match (self.fail_on, worst) {
            (Some(limit), Some(worst)) if worst >= limit.into() => FINDINGS,
            _ => OK,
        }
    }
}

/// How the table looks where it goes. `snapshot` is what the commands it suggests are to name.
pub(crate) fn table_options(
    target: &Target,
    max_findings: usize,
    snapshot: Option<&Path>,
) -> TableOptions {
    let shown = *target == Target::Stdout;
    TableOptions {
        color: shown && color(),
        width: if shown { width() } else { 100 },
        max_findings,
        snapshot: snapshot
            .filter(|snapshot| *snapshot != Path::new(DEFAULT_SNAPSHOT))
            .map(|snapshot| snapshot.display().to_string()),
    }
}

/// The catalogue, with the user's own checks; their mistakes are shown where they are.
pub(crate) fn load_catalog(paths: &[PathBuf]) -> Result<Catalog, Failure> {
    for path in paths {
        if !path.exists() {
            return Err(Failure::usage(format!("there is no {}", path.display())));
        }
    }
    Catalog::load(paths).map_err(|diagnostics| {
        let text: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        let count = match text.len() {
            1 => "a mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        Failure::usage(format!("{count} in check files\n\n{}\n", text.join("\n\n")))
            .help("posture checks lint PATH checks them without scanning")
    })
}

pub(crate) fn selection(catalog: &Catalog, select: &SelectArgs) -> Result<Options, Failure> {
    let mut options = Options {
        severities: select.severity.iter().copied().collect(),
        ..Options::default()
    };
    for id in &select.check {
        let check = catalog.find(id).ok_or_else(|| unknown_check(catalog, id))?;
        options.checks.insert(check.meta.id.clone());
    }
    let known: BTreeSet<&str> = catalog
        .checks()
        .iter()
        .flat_map(|check| check.meta.practices.iter().map(String::as_str))
        .collect();
    for practice in &select.practice {
        if !known.contains(practice.as_str()) {
            return Err(Failure::usage(format!(
                "no check covers the practice {practice:?}{}",
                did_you_mean(practice, known.iter().copied())
            ))
            .help("posture checks list shows the practices of each check"));
        }
        options.practices.insert(practice.clone());
    }
    Ok(options)
}

pub(crate) fn unknown_check(catalog: &Catalog, id: &str) -> Failure {
    let hint = catalog
        .closest_id(id)
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default();
    Failure::usage(format!("there is no check {id:?}{hint}"))
        .help("posture checks list shows them all")
}

pub(crate) fn evaluate(
    snapshot: &Path,
    catalog: &Catalog,
    options: &Options,
) -> Result<Evaluation, Failure> {
    let snapshot = Snapshot::open(snapshot).map_err(snapshot_failure)?;
    posture_engine::evaluate(&snapshot, catalog, options).map_err(|error| match error {
        EngineError::Snapshot(error) => snapshot_failure(error),
        other => Failure::nothing(other),
    })
}

/// The whole report, in memory, for commands that look findings up.
pub(crate) fn report(evaluation: &Evaluation, catalog: &Catalog) -> Result<v1::Report, Failure> {
    build(evaluation, &view(catalog)).map_err(Failure::nothing)
}

/// The report, one finding at a time.
pub(crate) fn live<'a>(
    evaluation: &'a Evaluation,
    catalog: &'a Catalog,
) -> Result<Live<'a>, Failure> {
    Live::new(evaluation, view(catalog)).map_err(Failure::nothing)
}

fn view(catalog: &Catalog) -> CatalogView<'_> {
    CatalogView::new(
        catalog.checks().iter().map(|check| &check.meta),
        catalog.frameworks(),
    )
}

/// All statuses, for commands that look a finding up.
pub(crate) fn everything() -> Options {
    Options {
        keep: Status::ALL.into_iter().collect(),
        ..Options::default()
    }
}

pub(crate) fn color() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(100)
}
