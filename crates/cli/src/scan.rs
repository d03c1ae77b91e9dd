//! `posture scan`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use posture_collect::{ScanError, ScanRequest, find_service, scan};
use posture_snapshot::ToolRecord;

use crate::args::{Global, ScanArgs};
use crate::connect;
use crate::evaluate::Plan;
use crate::exit::{Failure, INTERRUPTED};
use crate::permissions::unknown_service;
use crate::progress::Shown;
use crate::schedule;

/// Longest time for one (account, region, service). Large units take minutes; this is for those that
/// hang.
const UNIT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(crate) fn run(args: &ScanArgs, global: &Global) -> Result<u8, Failure> {
    for name in &args.service {
        if find_service(name).is_none() {
            return Err(unknown_service(name));
        }
    }
    let plan = Plan::new(&args.select, &args.waivers, &args.output)?;
    connect::role_is_named(&args.role)?;
    if let Some(directory) = &args.schedule.output_dir {
        return schedule::run(args, global, directory, &plan);
    }
    if args.schedule.webhook.is_some() || args.schedule.webhook_file.is_some() {
        return Err(Failure::usage(
            "a webhook is told what is new, and without --output-dir nothing is known to be old",
        )
        .help("give a directory for the runs: --output-dir DIR"));
    }
    collect(args, global, &args.snapshot)?.map_err(connect::scan_failure)?;
    plan.finish(&args.snapshot)
}

/// Scans into a snapshot. The outer error is the caller's, the inner one the scan's own.
pub(crate) fn collect(
    args: &ScanArgs,
    global: &Global,
    snapshot: &Path,
) -> Result<Result<(), ScanError>, Failure> {
    let runtime = connect::runtime()?;
    let outcome = runtime.block_on(scan_into(args, global, snapshot));
    // Clients and their connections are not needed any more, and waiting for them would cost time.
    runtime.shutdown_background();
    outcome
}

async fn scan_into(
    args: &ScanArgs,
    global: &Global,
    snapshot: &Path,
) -> Result<Result<(), ScanError>, Failure> {
    let session = connect::session(&args.connect, args.region.first()).await?;
    let request = ScanRequest {
        session,
        accounts: args.account.clone(),
        organization: args.org,
        role: connect::role(&args.role),
        regions: args.region.clone(),
        excluded_regions: args.exclude_region.clone(),
        services: args.service.clone(),
        policy: connect::policy(&args.connect),
        unit_timeout: UNIT_TIMEOUT,
        snapshot: snapshot.to_owned(),
        tool: tool(),
    };
    let shown = Arc::new(Shown::new(global.quiet));
    let outcome = tokio::select! {
        outcome = scan(request, shown.clone()) => Ok(outcome.map(drop)),
        () = interrupted() => Err(Failure::new(INTERRUPTED, "interrupted").help(format!(
            "what was read is kept in {}; the same command goes on from there",
            snapshot.display()
        ))),
    };
    shown.finish();
    outcome
}

pub(crate) fn tool() -> ToolRecord {
    ToolRecord {
        name: "posture".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Ctrl-C, or the signal by which service managers end a process.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
