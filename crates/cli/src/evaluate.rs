//! From a snapshot to reports and an exit code; the second half of a scan, and all of `evaluate`.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use posture_catalog::{Catalog, Diagnostic, Severity, Status};
use posture_engine::{EngineError, Evaluation, Options, Waivers};
use posture_report::{
    CatalogView, Earlier, Format, Live, RenderOptions, Source, Stored, TableOptions, build, v1,
};
use posture_snapshot::{Snapshot, Store};
use posture_track::Compared;

use crate::args::{
    CatalogArgs, DEFAULT_SNAPSHOT, EvaluateArgs, OutputArgs, SelectArgs, WaiverArgs, statuses,
};
use crate::connect::{open_snapshot, snapshot_failure};
use crate::exit::{FINDINGS, Failure, INCOMPLETE, OK, did_you_mean};
use crate::object_store::{self, Access};
use crate::output::{Target, one_on_stdout, places};
use crate::reports::{stored, unreadable};

pub(crate) fn run(args: &EvaluateArgs) -> Result<u8, Failure> {
    let plan = Plan::new(&args.select, &args.waivers, &args.output)?;
    one_on_stdout(plan.outputs())?;
    let store = object_store::store(&args.snapshot, Access::default())?;
    plan.finish(&args.snapshot, store)
}

/// Everything that can be wrong with the flags, found out before the first call to AWS.
#[derive(Debug)]
pub(crate) struct Plan {
    catalog: Catalog,
    options: Options,
    outputs: Vec<(Format, Target)>,
    fail_on: Option<Severity>,
    baseline: Option<Stored>,
    new_only: bool,
    allow_incomplete: bool,
    max_findings: usize,
    earlier: Vec<Earlier>,
}

impl Plan {
    pub(crate) fn new(
        select: &SelectArgs,
        waivers: &WaiverArgs,
        output: &OutputArgs,
    ) -> Result<Self, Failure> {
        let catalog = load_catalog(&select.catalog)?;
        let mut options = selection(&catalog, select)?;
        options.waivers = self::waivers(waivers, &catalog)?;
        options.keep = match output.status.as_slice() {
            [] => listed(waivers).iter().copied().collect(),
            names => statuses(names)
                .map_err(Failure::usage)?
                .into_iter()
                .collect(),
        };
        let fail_on = severity_limit(&output.fail_on)?;
        let baseline = output.baseline.as_deref().map(stored).transpose()?;
        Ok(Self {
            outputs: places(&output.output)?,
            catalog,
            options,
            fail_on,
            baseline,
            new_only: output.new_only,
            allow_incomplete: output.allow_incomplete,
            max_findings: output.max_findings,
            earlier: earlier(&output.trend)?,
        })
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The outputs that were asked for; none where nothing was said.
    pub(crate) fn outputs(&self) -> &[(Format, Target)] {
        &self.outputs
    }

    pub(crate) fn allows_incomplete(&self) -> bool {
        self.allow_incomplete
    }

    /// Evaluates the snapshot, writes every report, and says how to exit.
    pub(crate) fn finish(&self, snapshot: &Path, store: Arc<dyn Store>) -> Result<u8, Failure> {
        let opened = Snapshot::open_in(store).map_err(snapshot_failure)?;
        let evaluation = self.judge(&opened)?;
        let mut report = live(&evaluation, &self.catalog)?;
        let shown = [(Format::Table, Target::Stdout)];
        let outputs = match self.outputs.as_slice() {
            [] => &shown,
            outputs => outputs,
        };
        self.tell(&mut report, self.baseline.as_ref(), outputs, snapshot)?;
        Ok(self.code(report.head(), evaluation.complete))
    }

    pub(crate) fn judge(&self, snapshot: &Snapshot) -> Result<Evaluation, Failure> {
        let evaluation = judge(snapshot, &self.catalog, &self.options)?;
        tell_missing_shards(&evaluation);
        Ok(evaluation)
    }

    /// The earlier report that was named.
    pub(crate) fn baseline(&self) -> Option<&Stored> {
        self.baseline.as_ref()
    }

    /// Writes reports, compared with an earlier one where there is one; the snapshot's directory is for the commands
    /// that they suggest.
    pub(crate) fn tell(
        &self,
        report: &mut Live<'_>,
        baseline: Option<&Stored>,
        outputs: &[(Format, Target)],
        snapshot: &Path,
    ) -> Result<(), Failure> {
        let Some(baseline) = baseline else {
            return self.write(report, outputs, snapshot);
        };
        let compared = Compared::of(baseline, report).map_err(unreadable)?;
        report.set_baseline(compared.record().clone());
        self.write(&compared.dated(report), outputs, snapshot)
    }

    fn write(
        &self,
        report: &dyn Source,
        outputs: &[(Format, Target)],
        snapshot: &Path,
    ) -> Result<(), Failure> {
        for (format, target) in outputs {
            let options = RenderOptions {
                table: table_options(target, self.max_findings, Some(snapshot)),
                earlier: self.earlier.clone(),
            };
            target.write(*format, |out| format.render(report, &options, out))?;
        }
        Ok(())
    }

    pub(crate) fn code(&self, report: &v1::Head, complete: bool) -> u8 {
        if !complete && !self.allow_incomplete {
            return INCOMPLETE;
        }
        let worst = match &report.scan.baseline {
            Some(baseline) if self.new_only => baseline.new.worst(),
            _ => report.worst_failing_severity(),
        };
        match (self.fail_on, worst) {
            (Some(limit), Some(worst)) if worst >= limit.into() => FINDINGS,
            _ => OK,
        }
    }
}

/// What there is to remember of earlier reports.
fn earlier(paths: &[PathBuf]) -> Result<Vec<Earlier>, Failure> {
    let read = |path: &PathBuf| {
        let stored = Stored::open(path).map_err(|error| {
            let cause = error.source().map(|cause| format!(": {cause}"));
            let cause = cause.unwrap_or_default();
            Failure::usage(format!("{}: {error}{cause}", path.display()))
                .help("--trend takes JSON reports of earlier scans: --trend reports/*.json")
        })?;
        Ok(Earlier::from(stored.head()))
    };
    paths.iter().map(read).collect()
}

/// What `--fail-on` says.
pub(crate) fn severity_limit(name: &str) -> Result<Option<Severity>, Failure> {
    match name {
        "none" => Ok(None),
        name => name.parse().map(Some).map_err(Failure::usage),
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

/// The catalogue, with the user's own checks and what the configuration wants otherwise; mistakes are shown where
/// they are.
pub(crate) fn load_catalog(args: &CatalogArgs) -> Result<Catalog, Failure> {
    for path in &args.checks {
        if !path.exists() {
            return Err(Failure::usage(format!("there is no {}", path.display())));
        }
    }
    let catalog = Catalog::load(&args.checks).map_err(|diagnostics| {
        mistakes("check files", &diagnostics)
            .help("posture checks lint PATH checks them without scanning")
    })?;
    match &args.overrides {
        Some(overrides) => catalog.with_overrides(overrides).map_err(|diagnostics| {
            mistakes("the configuration file", &diagnostics)
                .help("posture checks show ID says what a check has; --no-config does without")
        }),
        None => Ok(catalog),
    }
}

/// The waivers in the file that is named, if one is.
/// The verdicts that a report lists where nobody says which. Waived findings stay in sight where someone waives.
pub(crate) fn listed(waivers: &WaiverArgs) -> &'static [Status] {
    match waivers.waivers {
        Some(_) => &[Status::Fail, Status::Unknown, Status::Waived],
        None => &[Status::Fail, Status::Unknown],
    }
}

pub(crate) fn waivers(args: &WaiverArgs, catalog: &Catalog) -> Result<Waivers, Failure> {
    let Some(file) = &args.waivers else {
        return Ok(Waivers::default());
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "cannot read the waivers in {}: {error}",
            file.display()
        ))
        .help("--waivers, POSTURE_WAIVERS or `waivers` in posture.toml names the file")
    })?;
    Waivers::read(&file.display().to_string(), &text, catalog).map_err(|diagnostics| {
        mistakes("the file of waivers", &diagnostics).help("docs/waivers.md says what a waiver has")
    })
}

pub(crate) fn mistakes(place: &str, diagnostics: &[Diagnostic]) -> Failure {
    let text: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    let count = match text.len() {
        1 => "a mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    Failure::usage(format!("{count} in {place}\n\n{}\n", text.join("\n\n")))
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
    if let Some((_, Some(place))) = catalog.find_any(id) {
        return Failure::usage(format!("the check {id:?} is switched off by {place}"));
    }
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
    judge(&open_snapshot(snapshot)?, catalog, options)
}

fn judge(snapshot: &Snapshot, catalog: &Catalog, options: &Options) -> Result<Evaluation, Failure> {
    posture_engine::evaluate(snapshot, catalog, options).map_err(|error| match error {
        EngineError::Snapshot(error) => snapshot_failure(error),
        other => Failure::nothing(other),
    })
}

/// Names the shares without which the report is not whole; its places say what that means.
fn tell_missing_shards(evaluation: &Evaluation) {
    if let Some(shards) = &evaluation.shards
        && !shards.missing.is_empty()
    {
        let missing: Vec<String> = shards
            .missing
            .iter()
            .map(|index| format!("{index}/{}", shards.of))
            .collect();
        tracing::warn!(
            "shards that are missing or not finished: {}; run them again with the same --snapshot",
            missing.join(", ")
        );
    }
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
