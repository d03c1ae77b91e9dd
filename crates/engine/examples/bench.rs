//! Evaluates a synthetic snapshot and says how fast that went. The ratio to indexing the same snapshot
//! says more than the seconds, which depend on the machine.
//!
//! Then does so with the snapshot of an organization, in a process of its own, and says how much memory that
//! took.
//!
//! `cargo run --release -p posture-engine --example bench -- [FUNCTIONS] [ROUNDS] [ACCOUNTS]`.

#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use posture_catalog::{Catalog, Status};
use posture_engine::{Input, Options, bench, evaluate, evaluate_input};
use posture_snapshot::Snapshot;

/// The one that the program uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(directory) = std::env::var_os(ORGANIZATION) {
        return organization(Path::new(&directory));
    }
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let functions = arguments.next().transpose()?.unwrap_or(5000);
    let rounds = arguments.next().transpose()?.unwrap_or(5);
    let accounts = arguments.next().transpose()?.unwrap_or(100);

    let started = Instant::now();
    let catalog = Catalog::builtin().map_err(|diagnostics| {
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        all.join("\n")
    })?;
    println!(
        "catalogue: {} checks loaded in {:.3} s",
        catalog.checks().len(),
        started.elapsed().as_secs_f64()
    );

    let (manifest, units) = bench::synthetic(&catalog, functions)?;
    let mut best: Option<(Duration, u64)> = None;
    for round in 1..=rounds {
        // Indexed anew each time: values remember answers about them, and a run begins with none.
        let started = Instant::now();
        let input = Input::new(manifest.clone(), units.clone());
        let indexed = started.elapsed();
        // One analysis over all principals, of which the checks on escalation then read the answers.
        let started = Instant::now();
        let climbing = input.world().escalations().principals.len();
        let escalations = started.elapsed();
        let processor = bench::processor_seconds();
        let started = Instant::now();
        let evaluation = evaluate_input(&input, &catalog, &Options::default())?;
        let elapsed = started.elapsed();
        let processor = bench::processor_seconds()
            .zip(processor)
            .map(|(b, a)| b - a);
        let verdicts: u64 = evaluation.by_status.values().sum();
        let count = |status| evaluation.by_status.get(&status).copied().unwrap_or(0);
        println!(
            "round {round}: {} resources indexed in {:.3} s; escalation of {} principals ({climbing} found) in {:.3} s; {verdicts} evaluations in {:.3} s ({:.2} s of processor, {:.2} times the indexing) = {:.0}/s; fail {}, unknown {}, pass {}, not applicable {}",
            input.len(),
            indexed.as_secs_f64(),
            input.world().estate().actors.len(),
            escalations.as_secs_f64(),
            elapsed.as_secs_f64(),
            processor.unwrap_or_default(),
            elapsed.as_secs_f64() / indexed.as_secs_f64(),
            rate(verdicts, elapsed),
            count(Status::Fail),
            count(Status::Unknown),
            count(Status::Pass),
            count(Status::NotApplicable),
        );
        if best.is_none_or(|(fastest, _)| elapsed < fastest) {
            best = Some((elapsed, verdicts));
        }
    }
    if let Some((elapsed, verdicts)) = best {
        println!("best: {:.0} evaluations/s", rate(verdicts, elapsed));
    }
    if let Some(peak) = bench::peak_memory() {
        println!("peak memory: {} MiB", peak / (1 << 20));
    }
    let directory = tempfile::tempdir()?;
    let size = bench::Size {
        accounts,
        regions: 2,
        functions: 250,
    };
    let resources = bench::write(directory.path(), &catalog, &size)?;
    println!("organization: {accounts} accounts with {resources} resources");
    let own = Command::new(std::env::current_exe()?)
        .env(ORGANIZATION, directory.path())
        .status()?;
    match own.success() {
        true => Ok(()),
        false => Err(own.to_string().into()),
    }
}

/// Names the snapshot of an organization to the process that evaluates it.
const ORGANIZATION: &str = "POSTURE_BENCH_ORGANIZATION";

fn organization(directory: &Path) -> Result<(), Box<dyn Error>> {
    let catalog = Catalog::builtin().map_err(|_| "the catalogue has mistakes")?;
    let started = Instant::now();
    let snapshot = Snapshot::open(directory)?;
    let evaluation = evaluate(&snapshot, &catalog, &Options::default())?;
    let verdicts: u64 = evaluation.by_status.values().sum();
    println!(
        "organization: {verdicts} evaluations in {:.1} s; peak memory: {} MiB",
        started.elapsed().as_secs_f64(),
        bench::peak_memory().unwrap_or_default() / (1 << 20)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}
