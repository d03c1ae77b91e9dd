//! `posture scan --output-dir`: a run by a timer, of which nobody watches the screen.

use std::path::{Path, PathBuf};

use posture_collect::ScanError;
use posture_report::{Format, Source, clean, v1};
use posture_schedule::{
    Address, Form, Known, LIMIT, Lock, LockError, News, Run, RunError, Runs, post, previous_report,
};
use posture_snapshot::{Directory, Snapshot, SnapshotError};

use crate::args::{Global, ScanArgs, ScheduleArgs, WebhookFormat};
use crate::connect::{scan_failure, snapshot_failure};
use crate::evaluate::{Plan, live};
use crate::exit::{BUSY, FINDINGS, Failure, OK, UNTOLD, USAGE};
use crate::output::Target;
use crate::reports::stored;
use crate::scan::collect;

/// The snapshot of a run.
const SNAPSHOT: &str = "snapshot";

pub(crate) fn run(
    args: &ScanArgs,
    global: &Global,
    directory: &Path,
    plan: &Plan,
) -> Result<u8, Failure> {
    let webhook = webhook(&args.schedule)?;
    let runs = Runs::open(directory).map_err(failed)?;
    let _lock = Lock::acquire(directory).map_err(|error| match error {
        LockError::Held(_) => Failure::new(BUSY, format!("{error}, in {}", directory.display())),
        LockError::Run(error) => failed(error),
    })?;
    let begun = scanned(args, global, &runs)?;
    let snapshot = begun.join(SNAPSHOT);
    let opened = Snapshot::open(&snapshot).map_err(snapshot_failure)?;
    let started_at = opened.manifest().scan.started_at;
    let destination = runs.destination(started_at);

    let evaluation = plan.judge(&opened)?;
    let mut report = live(&evaluation, plan.catalog())?;
    // The last complete run is what this one is compared with, unless another report was named.
    let previous = match plan.baseline() {
        Some(_) => None,
        None => previous_report(directory).and_then(|path| stored(&path).ok()),
    };
    let baseline = plan.baseline().or(previous.as_ref());
    // Commands that the table suggests are for the place where the snapshot will be.
    let shown = destination.join(SNAPSHOT);
    plan.tell(&mut report, baseline, &outputs(plan, &begun), &shown)?;
    if !args.schedule.keep_snapshots {
        let removed = std::fs::remove_dir_all(&snapshot);
        removed
            .map_err(|e| Failure::usage(format!("failed to remove {}: {e}", snapshot.display())))?;
    }

    let known = Known::of(&runs).map_err(failed)?;
    for problem in &known.unreadable {
        tracing::error!("an earlier report cannot be compared with: {problem}");
    }
    let head = report.head();
    let unwritable = |e: std::io::Error| Failure::usage(e);
    let news = News::of(&report, &known, v1::Severity::Info).map_err(unwritable)?;
    let alarm = match &webhook {
        Some(hook) => Some((
            hook,
            News::of(&report, &known, hook.least).map_err(unwritable)?,
        )),
        None => None,
    };
    let alarm = alarm.filter(|(_, news)| news.total() > 0);
    let complete = evaluation.complete || plan.allows_incomplete();
    let mut run = runs
        .finish(&destination, started_at, complete, alarm.is_none())
        .map_err(failed)?;
    if complete {
        runs.set_latest(&run).map_err(failed)?;
    }
    let told = tell(alarm, head, &mut run);
    if let Some(keep) = args.schedule.keep
        && let Err(error) = runs.prune(keep, started_at)
    {
        tracing::error!("earlier runs were not removed: {error}");
    }
    if !(global.quiet && news.total() == 0 && complete) {
        crate::print(&digest(head, &news, &known, &run))?;
    }
    let code = plan.code(head, evaluation.complete);
    match told {
        Ok(()) => Ok(code),
        // An alarm that nobody heard is more than findings; what was not read is more than that.
        Err(failure) if matches!(code, OK | FINDINGS) => Err(failure),
        Err(failure) => Err(Failure { code, ..failure }),
    }
}

fn failed(error: RunError) -> Failure {
    Failure::new(USAGE, error)
}

/// Scans into the directory of a run that was begun, and gives that directory.
fn scanned(args: &ScanArgs, global: &Global, runs: &Runs) -> Result<PathBuf, Failure> {
    let begun = runs.begin().map_err(failed)?;
    let into = |run: &Path| {
        let place = run.join(SNAPSHOT);
        collect(args, global, &place, Directory::store(&place), None)
    };
    match into(&begun)? {
        Ok(_) => Ok(begun),
        Err(ScanError::Snapshot(SnapshotError::OtherScope { difference, .. })) => {
            // Nobody is there to decide: what was asked last counts.
            tracing::warn!("the interrupted run had another scope ({difference}) and is forgotten");
            runs.discard().map_err(failed)?;
            let begun = runs.begin().map_err(failed)?;
            into(&begun)?.map_err(scan_failure)?;
            Ok(begun)
        }
        Err(error) => Err(scan_failure(error)),
    }
}

/// What is written, and where: without a path into the directory of the run. There is always a report for programs.
fn outputs(plan: &Plan, run: &Path) -> Vec<(Format, Target)> {
    let in_run = |format: Format| {
        let name = match format {
            Format::Table => "report.txt".to_owned(),
            other => format!("report.{other}"),
        };
        (format, Target::File(run.join(name)))
    };
    let mut outputs = vec![in_run(Format::Json)];
    for (format, target) in plan.outputs() {
        match target {
            Target::Stdout if *format == Format::Json => {}
            Target::Stdout => outputs.push(in_run(*format)),
            other => outputs.push((*format, other.clone())),
        }
    }
    outputs
}

/// Who is told, and of what.
struct Hook {
    address: Address,
    form: Form,
    least: v1::Severity,
}

fn webhook(args: &ScheduleArgs) -> Result<Option<Hook>, Failure> {
    let text = match (&args.webhook, &args.webhook_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "--webhook and --webhook-file both say where new findings are posted",
            )
            .help(
                "give one of them; in the environment: POSTURE_WEBHOOK_URL or POSTURE_WEBHOOK_FILE",
            ));
        }
        (Some(url), None) => url.clone(),
        (None, Some(file)) => std::fs::read_to_string(file).map_err(|e| {
            Failure::usage(format!(
                "cannot read the webhook's address from {}: {e}",
                file.display()
            ))
        })?,
    };
    Ok(Some(Hook {
        address: text
            .parse()
            .map_err(|error: posture_schedule::AddressError| Failure::usage(error))?,
        form: match args.webhook_format {
            WebhookFormat::Json => Form::Json,
            WebhookFormat::Slack => Form::Slack,
        },
        least: args.webhook_severity.into(),
    }))
}

/// Posts what is new. What could not be posted is new to the next run as well.
fn tell(alarm: Option<(&Hook, News)>, head: &v1::Head, run: &mut Run) -> Result<(), Failure> {
    let Some((hook, news)) = alarm else {
        return Ok(());
    };
    let report = run.report().display().to_string();
    let posted = post(
        &hook.address,
        hook.form,
        head,
        &news,
        &report,
        &mut |time| std::thread::sleep(time),
    );
    posted.map_err(|error| {
        Failure::new(UNTOLD, format!("new findings were not posted: {error}")).help(format!(
            "the report is {report}; the next run posts them again"
        ))
    })?;
    tracing::info!(findings = news.total(), "new findings posted");
    run.told().map_err(failed)
}

/// The few lines that a mail from cron should have.
fn digest(head: &v1::Head, news: &News, known: &Known, run: &Run) -> String {
    let total = news.total();
    let mut text = match (total, known.any) {
        (0, _) => "nothing is new\n".to_owned(),
        (1, true) => format!("1 new finding: {}\n", news.counts()),
        (_, true) => format!("{total} new findings: {}\n", news.counts()),
        (_, false) => format!("the first run; {total} findings: {}\n", news.counts()),
    };
    for finding in &news.worst {
        let account = match head.account_name(&finding.account) {
            Some(name) => format!("{} {}", finding.account, clean(name)),
            None => finding.account.to_string(),
        };
        text.push_str(&format!(
            "  {:<8}  {}: {}, {account}, {}\n",
            finding.severity.as_str().to_uppercase(),
            clean(&finding.title),
            clean(&finding.resource.name),
            finding.region,
        ));
    }
    let more = total.saturating_sub(LIMIT as u64);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    if !head.summary.complete {
        text.push_str("incomplete: not everything could be read");
        text.push_str(if run.is_complete() {
            "\n"
        } else {
            "; `latest` stays at the run before\n"
        });
    }
    let expired = head
        .waivers
        .iter()
        .filter(|waiver| waiver.state == v1::WaiverState::Expired && waiver.matched > 0)
        .count();
    match expired {
        0 => {}
        1 => text.push_str("1 waiver has expired, and what it covered fails again\n"),
        _ => text.push_str(&format!(
            "{expired} waivers have expired, and what they covered fails again\n"
        )),
    }
    text.push_str(&format!("{}\n", run.report().display()));
    text
}
