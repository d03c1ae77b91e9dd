//! `posture scan`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use posture_collect::{
    AccountFilter, CallPolicy, ScanError, ScanRequest, ScanSummary, find_service, scan,
};
use posture_model::AccountId;
use posture_snapshot::{Shard, Store, ToolRecord, missing_shards};

use crate::args::{Global, ScanArgs};
use crate::connect;
use crate::evaluate::Plan;
use crate::exit::{Failure, INTERRUPTED};
use crate::object_store::{self, Access};
use crate::output::one_on_stdout;
use crate::permissions::unknown_service;
use crate::progress::Shown;
use crate::schedule;

pub(crate) fn run(args: &ScanArgs, global: &Global) -> Result<u8, Failure> {
    for name in &args.service {
        if find_service(name).is_none() {
            return Err(unknown_service(name));
        }
    }
    let plan = Plan::new(&args.select, &args.waivers, &args.output)?;
    connect::role_is_named(&args.role)?;
    connect::sessions_are_sound(&args.role, &args.sessions)?;
    let shard = args.shard.as_deref().map(shard).transpose()?;
    if let Some(directory) = &args.schedule.output_dir {
        if shard.is_some() {
            return Err(Failure::usage(
                "a run with --output-dir is a whole one, and --shard is a part",
            )
            .help(
                "give --shard a snapshot that all shards can reach: --snapshot s3://bucket/prefix",
            ));
        }
        if directory.to_str().is_some_and(object_store::is_object) {
            return Err(Failure::usage(
                "--output-dir is a directory of this machine, and no place in a bucket",
            )
            .help(
                "name the places of one run: --snapshot s3://bucket/DATE -o json=s3://bucket/DATE.json",
            ));
        }
        return schedule::run(args, global, directory, &plan);
    }
    one_on_stdout(plan.outputs())?;
    if args.schedule.webhook.is_some() || args.schedule.webhook_file.is_some() {
        return Err(Failure::usage(
            "a webhook is told what is new, and without --output-dir nothing is known to be old",
        )
        .help("give a directory for the runs: --output-dir DIR"));
    }
    let access = Access {
        profile: args.connect.profile.as_deref(),
        endpoint_url: args.connect.endpoint_url.as_deref(),
    };
    let store = object_store::store(&args.snapshot, access)?;
    let place = &args.snapshot;
    let summary =
        collect(args, global, place, Arc::clone(&store), shard)?.map_err(connect::scan_failure)?;
    match (shard, args.gather) {
        (None, _) => plan.finish(place, store),
        (Some(shard), Some(minutes)) if shard.index == 0 => {
            gather(store.as_ref(), shard, Duration::from_secs(60 * minutes))?;
            plan.finish(place, store)
        }
        // A share says nothing about the whole: it is judged when all are there.
        (Some(shard), _) => crate::print(&format!(
            "shard {shard}: {} units of {} accounts are in {}\nwhen all {} shards are: posture evaluate {}\n",
            summary.units,
            summary.accounts,
            place.display(),
            shard.of,
            place.display()
        )),
    }
}

/// How often the other shards are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Waits until all shards are finished, or for so long.
fn gather(store: &dyn Store, shard: Shard, patience: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut told = None;
    loop {
        let missing = missing_shards(store).map_err(connect::snapshot_failure)?;
        if missing.is_empty() {
            return Ok(());
        }
        if told.as_ref() != Some(&missing) {
            tracing::info!(
                "shard {shard} waits for {} others: {missing:?}",
                missing.len()
            );
            told = Some(missing);
        }
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
}

/// Where engines that run a job many times over say which run this is.
const INDEXES: [&str; 2] = ["AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"];

/// The shard that `I/N` names; of `N` or `/N`, the one whose number the engine gives.
fn shard(text: &str) -> Result<Shard, Failure> {
    let (index, of) = text.split_once('/').unwrap_or(("", text));
    let given = match index {
        "" => INDEXES.iter().find_map(|name| std::env::var(name).ok()),
        index => Some(index.to_owned()),
    };
    let Some(index) = given else {
        return Err(Failure::usage(format!(
            "--shard {text} does not say which of the shards, and neither does the environment"
        ))
        .help(format!(
            "write --shard I/N, where I counts from 0, or set {}",
            INDEXES.join(" or ")
        )));
    };
    format!("{index}/{of}").parse().map_err(Failure::usage)
}

/// Scans into a snapshot. The outer error is the caller's, the inner one the scan's own.
pub(crate) fn collect(
    args: &ScanArgs,
    global: &Global,
    place: &Path,
    store: Arc<dyn Store>,
    shard: Option<Shard>,
) -> Result<Result<ScanSummary, ScanError>, Failure> {
    let runtime = connect::runtime()?;
    let outcome = runtime.block_on(scan_into(args, global, place, store, shard));
    // Clients and their connections are not needed any more, and waiting for them would cost time.
    runtime.shutdown_background();
    outcome
}

async fn scan_into(
    args: &ScanArgs,
    global: &Global,
    place: &Path,
    store: Arc<dyn Store>,
    shard: Option<Shard>,
) -> Result<Result<ScanSummary, ScanError>, Failure> {
    let session = connect::session(&args.connect, args.region.first()).await?;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let request = ScanRequest {
        accounts: accounts(args)?,
        organization: args.org,
        filter: AccountFilter {
            ous: args.filter.ou.clone(),
            excluded_ous: args.filter.exclude_ou.clone(),
            tags: connect::pairs(&args.filter.account_tag),
            excluded_accounts: args.filter.exclude_account.clone(),
        },
        role_chain: connect::role_chain(&args.sessions),
        role: connect::role(&args.role, &args.sessions),
        regions: args.region.clone(),
        excluded_regions: args.exclude_region.clone(),
        services: args.service.clone(),
        last_accessed: args.last_accessed.last_accessed,
        policy: CallPolicy {
            in_flight: args.pace.max_in_flight as usize,
            most_per_second: args.pace.max_rps,
            ..connect::policy(&args.connect)
        },
        workers: args.pace.workers as usize,
        unit_timeout: minutes(args.pace.unit_timeout),
        scan_timeout: args.pace.scan_timeout.map(minutes),
        shard,
        ..ScanRequest::new(session, store, tool())
    };
    let shown = Arc::new(Shown::new(global.quiet));
    let outcome = tokio::select! {
        outcome = scan(request, shown.clone()) => Ok(outcome),
        () = interrupted() => Err(Failure::new(INTERRUPTED, "interrupted").help(format!(
            "what was read is kept in {}; the same command goes on from there",
            place.display()
        ))),
    };
    shown.finish();
    outcome
}

/// The accounts that are named, in flags and in a file.
fn accounts(args: &ScanArgs) -> Result<Vec<AccountId>, Failure> {
    let mut accounts = args.account.clone();
    if let Some(file) = &args.accounts {
        let text = std::fs::read_to_string(file)
            .map_err(|e| Failure::usage(format!("failed to read {}: {e}", file.display())))?;
        let listed = listed(&text).map_err(|(line, wrong)| {
            Failure::usage(format!("{}:{line}: {wrong}", file.display()))
                .help("write one account id a line; lines that begin with # are remarks")
        })?;
        if listed.is_empty() {
            return Err(Failure::usage(format!(
                "{} names no account",
                file.display()
            )));
        }
        accounts.extend(listed);
    }
    Ok(accounts)
}

/// The ids at the beginnings of lines. An error is the number of a line and what is wrong there.
fn listed(text: &str) -> Result<Vec<AccountId>, (usize, String)> {
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    lines
        .map(|(line, number)| (line.trim(), number))
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| {
            let end = line.find(|c: char| c.is_whitespace() || ",;\t".contains(c));
            let id = line.get(..end.unwrap_or(line.len())).unwrap_or(line);
            AccountId::new(id).map_err(|e| (number, e.to_string()))
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_accounts_holds_ids_and_remarks() {
        let text = "\u{feff}# production\n111122223333\n\n 444455556666, payments \n777788889999 # audit\n";
        let read: Vec<String> = listed(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(read, ["111122223333", "444455556666", "777788889999"]);
        let (line, wrong) = listed("111122223333\n11112222333\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(wrong.contains("11112222333"), "{wrong}");
    }
}
