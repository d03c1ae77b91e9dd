//! `posture scan`.

use std::sync::Arc;
use std::time::Duration;

use posture_collect::{ScanRequest, find_service, scan};
use posture_snapshot::ToolRecord;

use crate::args::{Global, ScanArgs};
use crate::connect;
use crate::evaluate::Plan;
use crate::exit::{Failure, INTERRUPTED};
use crate::permissions::unknown_service;
use crate::progress::Shown;

/// Longest time for one (account, region, service). Large units take minutes; this is for those that
/// hang.
const UNIT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(crate) fn run(args: &ScanArgs, global: &Global) -> Result<u8, Failure> {
    for name in &args.service {
        if find_service(name).is_none() {
            return Err(unknown_service(name));
        }
    }
    let plan = Plan::new(&args.select, &args.output)?;
    let runtime = connect::runtime()?;
    runtime.block_on(collect(args, global))?;
    // Clients and their connections are not needed any more, and waiting for them would cost time.
    runtime.shutdown_background();
    plan.finish(&args.snapshot)
}

async fn collect(args: &ScanArgs, global: &Global) -> Result<(), Failure> {
    let session = connect::session(&args.connect, args.region.first()).await?;
    let request = ScanRequest {
        session,
        accounts: args.account.clone(),
        organization: args.org,
        role: connect::role(&args.role),
        regions: args.region.clone(),
        excluded_regions: args.exclude_region.clone(),
        services: args.service.clone(),
        last_accessed: args.last_accessed.last_accessed,
        policy: connect::policy(&args.connect),
        unit_timeout: UNIT_TIMEOUT,
        snapshot: args.snapshot.clone(),
        tool: tool(),
    };
    let shown = Arc::new(Shown::new(global.quiet));
    let outcome = tokio::select! {
        outcome = scan(request, shown.clone()) => outcome.map_err(connect::scan_failure),
        () = interrupted() => Err(Failure::new(INTERRUPTED, "interrupted").help(format!(
            "what was read is kept in {}; the same command goes on from there",
            args.snapshot.display()
        ))),
    };
    shown.finish();
    outcome.map(|_| ())
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
