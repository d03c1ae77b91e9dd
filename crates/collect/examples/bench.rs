//! How long collectors take against what no scheduler can beat, over a simulated fleet of accounts.
//!
//! `cargo run --package posture-collect --example bench`. The floor of a service is, in the slowest account and
//! region, the longest chain of calls that need each other's answers, times the latency; or the calls by the rate
//! that the scan keeps to by itself. The ratio to it says more than the seconds, which depend on the machine. CPU
//! is that of the scan's threads without the server's, under the profile that this is built with.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::expect_used, reason = "a benchmark may stop where it likes")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use posture_collect::{AccountRole, Progress, ScanRequest, Session, paces, scan, services};
use posture_fleet::{Config, Estate, Faults, Fleet, Floor, Latency, Limit};
use posture_model::{AccountId, Gap};
use posture_snapshot::{Directory, Snapshot, ToolRecord, UnitKey};

const ACCOUNTS: usize = 20;
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];
const RESOURCES: usize = 5;
const LATENCY_MS: u64 = 50;

fn main() {
    println!(
        "{ACCOUNTS} accounts x {} regions x {RESOURCES} resources, {LATENCY_MS} ms a call",
        REGIONS.len()
    );
    println!(
        "{:<14} {:>7} {:>10} {:>8} {:>8} {:>8} {:>6} {:>9}",
        "service", "calls", "resources", "calls/r", "seconds", "floor", "ratio", "us/call"
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
    for service in services() {
        measure(&fleet, service.name);
    }
}

fn measure(fleet: &Fleet, service: &str) {
    let slow = Faults {
        latency: Latency {
            base_ms: LATENCY_MS,
            ..Latency::default()
        },
        ..Faults::default()
    };
    fleet.set_faults(slow).expect("faults that make sense");
    fleet.reset();
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("snapshot");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (started, before) = (Instant::now(), cpu());
    runtime
        .block_on(scan(request(fleet, service, &place), Arc::new(Silent)))
        .expect("a scan");
    let (seconds, used) = (
        started.elapsed().as_secs_f64(),
        cpu().saturating_sub(before),
    );
    let stats = fleet.stats();
    let floor = Floor::of(&stats, fleet.estate(), LATENCY_MS as f64, &limits());
    let calls = stats.totals.counts.calls;
    let snapshot = Snapshot::open(&place).expect("a snapshot");
    let resources: u64 = snapshot.manifest().units.iter().map(|u| u.resources).sum();
    println!(
        "{service:<14} {calls:>7} {resources:>10} {:>8.2} {seconds:>8.2} {:>8.2} {:>6.2} {:>9.0}",
        calls as f64 / resources.max(1) as f64,
        floor.seconds,
        seconds / floor.seconds,
        used.as_secs_f64() * 1e6 / calls.max(1) as f64,
    );
}

fn request(fleet: &Fleet, service: &str, place: &Path) -> ScanRequest {
    let tool = ToolRecord {
        name: "posture".to_owned(),
        version: "bench".to_owned(),
    };
    ScanRequest {
        organization: true,
        role: Some(AccountRole::new("PostureScan")),
        services: vec![service.to_owned()],
        ..ScanRequest::new(
            Session::local(&fleet.url(), REGIONS[0], "local"),
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

/// Processor time of this process's threads that are not the server's. There are a hundred ticks in a second.
fn cpu() -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    let ticks = threads.flatten().filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(')')?;
        if name.contains("(fleet") {
            return None;
        }
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(number(11)? + number(12)?)
    });
    Duration::from_millis(10 * ticks.sum::<u64>())
}

struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize, _: usize) {}
    fn account_failed(&self, _: &AccountId, _: &Gap) {}
    fn unit_done(&self, _: &UnitKey, _: u64, _: usize) {}
    fn resumed(&self, _: usize) {}
}
