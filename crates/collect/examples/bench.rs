//! How long collectors take against what no scheduler can beat, over a simulated fleet of accounts.
//!
//! `cargo run --release --package posture-collect --example bench`. The floor of a service is, in the slowest account and
//! region, the longest chain of calls that need each other's answers, times the latency; or the calls by the rate
//! that the scan keeps to by itself. The ratio to it says more than the seconds, which depend on the machine. CPU
//! and peak memory are those of the scan, which runs in a process of its own; the server shares the machine with it.
//! A service that alone makes thousands of calls in the second that its floor is long is bound by the processor.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::expect_used, reason = "a benchmark may stop where it likes")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use posture_collect::{
    AccountRole, Progress, ScanRequest, Session, paces, runtime, scan, services,
};
use posture_fleet::{Config, Estate, Faults, Fleet, Floor, Latency, Limit};
use posture_model::{AccountId, Gap};
use posture_snapshot::{Directory, Snapshot, ToolRecord, UnitKey};

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ACCOUNTS: usize = 20;
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];
const RESOURCES: usize = 5;
const LATENCY_MS: u64 = 50;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let ["scan", url, service, place] = args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        return scan_here(url, service, Path::new(place));
    }
    if std::env::var_os(SMALL_PAGES).is_none() {
        // The server has a thread for each connection, and huge pages for each of them would cost more than
        // its answers. The scan has them, as the program does.
        let again = own().args(&args).env(SMALL_PAGES, "0").status();
        std::process::exit(i32::from(!again.is_ok_and(|status| status.success())));
    }
    println!(
        "{ACCOUNTS} accounts x {} regions x {RESOURCES} resources, {LATENCY_MS} ms a call",
        REGIONS.len()
    );
    println!(
        "{:<14} {:>7} {:>10} {:>8} {:>8} {:>8} {:>6} {:>8} {:>9} {:>6}",
        "service",
        "calls",
        "resources",
        "calls/r",
        "seconds",
        "floor",
        "ratio",
        "us/call",
        "at 3 GHz",
        "MiB"
    );
    let fleet = Fleet::start(Config {
        estate: Estate {
            accounts: ACCOUNTS,
            regions: REGIONS.map(str::to_owned).to_vec(),
            disabled_regions: Vec::new(),
            resources: RESOURCES,
            ..Estate::default()
        },
        ..Config::default()
    })
    .expect("a fleet");
    // Kept until the end: a file system has work to do for what has just been removed.
    let directory = tempfile::tempdir().expect("a directory");
    let names = services().iter().map(|service| service.name).chain([ALL]);
    for name in names.filter(|name| args.is_empty() || args.iter().any(|only| only == name)) {
        measure(&fleet, name, &directory.path().join(name));
    }
}

/// Every collector, as a scan that names none has them.
const ALL: &str = "all";

/// By which the allocator is told not to ask for huge pages.
const SMALL_PAGES: &str = "MIMALLOC_ALLOW_THP";

/// How long a processor of 3 GHz that nobody else uses takes for a step: six cycles.
const STEP_AT_3_GHZ: f64 = 2.0;

/// How long three shifts and three differences take here, each of which waits for the one before. Tells how much of a
/// processor this machine gives at the moment, and nothing of its caches.
fn nanoseconds_a_step() -> f64 {
    const STEPS: u32 = 50_000_000;
    let started = Instant::now();
    let mut state = std::hint::black_box(1_u64);
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
    started.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
}

/// This program once more.
fn own() -> Command {
    Command::new(std::env::current_exe().expect("a path"))
}

fn measure(fleet: &Fleet, service: &str, place: &Path) {
    let slow = Faults {
        latency: Latency {
            base_ms: LATENCY_MS,
            ..Latency::default()
        },
        ..Faults::default()
    };
    fleet.set_faults(slow).expect("faults that make sense");
    fleet.reset();
    let before = nanoseconds_a_step();
    let output = own()
        .args(["scan", &fleet.url(), service])
        .arg(place)
        .env_remove(SMALL_PAGES)
        .output()
        .expect("a scan");
    let step = f64::midpoint(before, nanoseconds_a_step());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    let [seconds, processor, memory] = figures.as_slice() else {
        panic!("{text}");
    };
    let stats = fleet.stats();
    let floor = Floor::of(&stats, fleet.estate(), LATENCY_MS as f64, &limits());
    let calls = stats.totals.counts.calls;
    let snapshot = Snapshot::open(place).expect("a snapshot");
    let resources: u64 = snapshot.manifest().units.iter().map(|u| u.resources).sum();
    let each = processor * 1e6 / calls.max(1) as f64;
    println!(
        "{service:<14} {calls:>7} {resources:>10} {:>8.2} {seconds:>8.2} {:>8.2} {:>6.2} {each:>8.0} {:>9.0} {:>6.0}",
        calls as f64 / resources.max(1) as f64,
        floor.seconds,
        seconds / floor.seconds,
        each * STEP_AT_3_GHZ / step,
        memory / 1024.0,
    );
}

/// One scan in a process of its own: prints its seconds, its seconds of processor time, and its peak memory in
/// KiB.
fn scan_here(url: &str, service: &str, place: &Path) {
    let runtime = runtime().expect("a runtime");
    let started = Instant::now();
    runtime
        .block_on(scan(request(url, service, place), Arc::new(Silent)))
        .expect("a scan");
    let seconds = started.elapsed().as_secs_f64();
    println!("{seconds} {} {}", processor_seconds(), peak_memory());
}

fn request(url: &str, service: &str, place: &Path) -> ScanRequest {
    let tool = ToolRecord {
        name: "posture".to_owned(),
        version: "bench".to_owned(),
    };
    ScanRequest {
        organization: true,
        role: Some(AccountRole::new("PostureScan")),
        services: if service == ALL {
            Vec::new()
        } else {
            vec![service.to_owned()]
        },
        ..ScanRequest::new(
            Session::local(url, REGIONS[0], "local"),
            Directory::store(place),
            tool,
        )
    }
}

/// What the scan keeps to by itself, as the fleet says it.
fn limits() -> BTreeMap<String, Limit> {
    let mut limits = BTreeMap::new();
    for pace in paces() {
        let limit = || Limit::new(pace.rate.burst, pace.rate.per_second);
        let Some(operation) = pace.operation else {
            let shared: &mut Limit = limits.entry(pace.quota.to_owned()).or_insert_with(limit);
            if pace.service != pace.quota {
                shared.covers.push(pace.service.to_owned());
            }
            continue;
        };
        limits.insert(format!("{}:{operation}", pace.service), limit());
        if !pace.counted
            && let Some(shared) = limits.get_mut(pace.quota)
        {
            shared.except.push(operation.to_owned());
        }
    }
    limits
}

/// Processor time of this process. There are a hundred ticks in a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("a number"))
        .sum::<f64>()
        / 100.0
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok())
        .expect("a peak")
}

struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize, _: usize) {}
    fn account_failed(&self, _: &AccountId, _: &Gap) {}
    fn unit_done(&self, _: &UnitKey, _: u64, _: usize) {}
    fn resumed(&self, _: usize) {}
}
