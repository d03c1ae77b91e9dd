//! Scans of a simulated fleet that breaks, under kills, restarts and full disks: each ends complete, or says
//! what it lacks, and no verdict differs from those of a fleet that works.
//!
//! Every run follows from its seed. `POSTURE_CAMPAIGN=FROM..TO` runs other seeds than the usual ones, such as a
//! single one that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use posture_catalog::{Catalog, Status};
use posture_collect::{AccountRole, CallPolicy, ScanError, ScanRequest, Session, scan};
use posture_engine::{Options, evaluate};
use posture_fleet::{
    Account, Config, Death, ErrorKind, ErrorRule, Estate, Faults, Fleet, Limit, Sessions,
};
use posture_model::AccountId;
use posture_snapshot::{Directory, Snapshot, SnapshotError, Store, ToolRecord};

use crate::Silent;

/// What runs look at: a global service, one whose resources say their region, and regional ones of every protocol
/// whose limits do not make a small scan last.
const SERVICES: [&str; 4] = ["ecr", "iam", "kms", "s3"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
const ACCOUNTS: usize = 3;

/// Threads that run: most of the time goes into waiting.
const THREADS: usize = 8;

fn estate() -> Estate {
    Estate {
        accounts: ACCOUNTS,
        regions: REGIONS.map(str::to_owned).to_vec(),
        disabled_regions: Vec::new(),
        resources: 2,
        page_size: 3,
        ..Estate::default()
    }
}

/// Check, account, type and ARN.
type Key = (String, String, String, String);

/// What was found, and whether everything was read.
#[derive(Debug, PartialEq)]
struct Judged {
    verdicts: BTreeMap<Key, Status>,
    complete: bool,
    /// Accounts that could not be entered, or whose regions are not known: the snapshot says so of them as a whole.
    closed: BTreeSet<String>,
}

fn judged(snapshot: &Path) -> Judged {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    let catalog = CATALOG.get_or_init(|| Catalog::builtin().expect("the built-in catalogue"));
    let snapshot = Snapshot::open(snapshot).expect("a snapshot");
    let options = Options {
        keep: Status::ALL.into_iter().collect(),
        ..Options::default()
    };
    let evaluation = evaluate(&snapshot, catalog, &options).expect("an evaluation");
    let closed = evaluation.accounts.iter().filter(|account| {
        let gaps = &mut account.gaps.iter();
        gaps.any(|gap| gap.operation.starts_with("core:"))
    });
    let closed = closed.map(|account| account.id.to_string()).collect();
    let verdicts = evaluation.findings.iter().map(|finding| {
        let finding = finding.expect("a finding");
        let resource = finding.resource;
        let key = (
            finding.check.to_string(),
            finding.account.to_string(),
            resource.r#type,
            format!("{} {}", resource.arn, resource.id),
        );
        (key, finding.status)
    });
    Judged {
        verdicts: verdicts.collect(),
        complete: evaluation.complete,
        closed,
    }
}

/// Where verdicts of a broken fleet differ from those of a sound one by more than "unknown".
fn lies(found: &Judged, truth: &Judged) -> Vec<String> {
    let mut lies = Vec::new();
    let unknown_place = |key: &Key| {
        found.verdicts.iter().any(|(other, status)| {
            *status == Status::Unknown
                && (&other.0, &other.1) == (&key.0, &key.1)
                && other.3.ends_with('*')
        })
    };
    for (key, status) in &truth.verdicts {
        match found.verdicts.get(key) {
            Some(now) if now == status => {}
            Some(Status::Unknown) if !found.complete => {}
            None if !found.complete && (found.closed.contains(&key.1) || unknown_place(key)) => {}
            now => lies.push(format!("{key:?} is {status:?}, was found {now:?}")),
        }
    }
    for (key, status) in &found.verdicts {
        if !truth.verdicts.contains_key(key) && *status != Status::Unknown {
            lies.push(format!("{key:?} was found {status:?} and is not there"));
        }
    }
    lies
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).expect("a small number")]
    }
}

fn faults(dice: &mut Dice) -> Faults {
    let mut faults = Faults::default();
    faults.latency.base_ms = dice.below(8);
    faults.latency.jitter_ms = dice.below(12);
    for _ in 0..dice.below(4) {
        faults.errors.push(error(dice));
    }
    if dice.one_in(6) {
        let death = dice.pick(&[Death::Hang, Death::Close]);
        faults.dead_regions.insert(REGIONS[1].to_owned(), death);
    }
    if dice.one_in(4) {
        faults.unassumable.insert(account(dice));
    }
    if dice.one_in(3) {
        let lifetime_ms = dice.pick(&[150, 400, 1_500]);
        faults.sessions = Sessions {
            lifetime_ms,
            // What AWS says may be more than what it gives.
            promised_ms: dice.one_in(2).then_some(3_600_000),
        };
    }
    if dice.one_in(3) {
        let limit = Limit::new(5.0, dice.pick(&[30.0, 80.0]));
        faults.limits.insert("*".to_owned(), limit);
    }
    faults
}

fn error(dice: &mut Dice) -> ErrorRule {
    ErrorRule {
        kind: dice.pick(&[
            ErrorKind::Internal,
            ErrorKind::Unavailable,
            ErrorKind::Denied,
            ErrorKind::Throttled,
            ErrorKind::Close,
            ErrorKind::Truncated,
            ErrorKind::Malformed,
            ErrorKind::Hang,
        ]),
        rate: dice.pick(&[0.03, 0.2, 1.0]),
        account: dice.one_in(3).then(|| account(dice)),
        region: dice.one_in(4).then(|| dice.pick(&REGIONS).to_owned()),
        // Now and then everything breaks, the calls before the first unit included.
        service: (!dice.one_in(8)).then(|| dice.pick(&SERVICES).to_owned()),
        operation: None,
        attempts: dice.one_in(3).then_some(1),
    }
}

fn account(dice: &mut Dice) -> Account {
    Account::nth(1 + usize::try_from(dice.below(ACCOUNTS as u64 - 1)).expect("a small number"))
}

/// A directory on a disk that gets full.
#[derive(Debug)]
struct Disk {
    directory: Directory,
    /// Writes that fit.
    left: AtomicI64,
}

impl Store for Disk {
    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return self.directory.write(name, content);
        }
        Err(SnapshotError::Io {
            action: "write",
            path: self.place(name),
            source: io::ErrorKind::StorageFull.into(),
        })
    }

    fn prepare(&self) -> Result<(), SnapshotError> {
        self.directory.prepare()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        self.directory.read(name)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        self.directory.remove(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, SnapshotError> {
        self.directory.list(prefix)
    }

    fn sweep(&self, prefix: &str) -> Result<(), SnapshotError> {
        self.directory.sweep(prefix)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.place(name)
    }
}

/// The calls of an impatient scan: what hangs is given up before the test is.
fn impatient() -> CallPolicy {
    CallPolicy {
        attempts: 3,
        throttled_attempts: 6,
        attempt_timeout: Duration::from_millis(500),
        backoff: Duration::from_millis(5),
        longest_backoff: Duration::from_millis(50),
        network_patience: Duration::from_secs(1),
        ..CallPolicy::default()
    }
}

/// Nothing is given up because this machine is busy, and nobody waits long for a network.
fn steady() -> CallPolicy {
    CallPolicy {
        backoff: Duration::from_millis(100),
        network_patience: Duration::from_secs(1),
        ..patient()
    }
}

fn patient() -> CallPolicy {
    CallPolicy {
        attempt_timeout: Duration::from_secs(60),
        ..CallPolicy::default()
    }
}

/// One scan of the fleet, of which nothing is left but its files. None when it was killed.
fn attempt(
    fleet: &Fleet,
    store: Arc<dyn Store>,
    policy: CallPolicy,
    kill: Option<Duration>,
) -> Option<Result<(), ScanError>> {
    attempt_at(&fleet.url(), store, policy, kill)
}

fn attempt_at(
    endpoint: &str,
    store: Arc<dyn Store>,
    policy: CallPolicy,
    kill: Option<Duration>,
) -> Option<Result<(), ScanError>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tool = ToolRecord {
            name: "posture".to_owned(),
            version: "test".to_owned(),
        };
        let session = Session::local(endpoint, REGIONS[0], "local");
        let request = ScanRequest {
            accounts: (0..ACCOUNTS)
                .map(|n| AccountId::new(Account::nth(n).to_string()).expect("an account"))
                .collect(),
            role: Some(AccountRole::new("PostureScan")),
            services: SERVICES.map(str::to_owned).to_vec(),
            // What is throttled for good gets slower and slower: somebody has to end it.
            unit_timeout: policy.attempt_timeout * 6,
            policy,
            workers: 6,
            ..ScanRequest::new(session, store, tool)
        };
        let scan = scan(request, Arc::new(Silent));
        let ended = match kill {
            None => Ok(scan.await),
            Some(after) => tokio::time::timeout(after, scan).await,
        };
        ended.ok().map(|ended| ended.map(|_| ()))
    })
}

/// What became of the runs.
#[derive(Debug, Default)]
struct Tally {
    complete: u32,
    incomplete: u32,
    stopped: u32,
    killed: u32,
    full: u32,
    problems: Vec<String>,
}

/// One run to its end.
fn run(seed: u64, fleet: &Fleet, truth: &Judged) -> Tally {
    let mut tally = Tally::default();
    let mut dice = Dice(seed);
    fleet.reset();
    fleet
        .set_faults(faults(&mut dice))
        .expect("faults that make sense");
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("snapshot");
    let whole = || Directory::store(&place);
    for _ in 0..dice.below(4) {
        let kill = Duration::from_millis(20 + dice.below(700));
        let (store, kill): (Arc<dyn Store>, _) = if dice.one_in(3) {
            let disk = Disk {
                directory: Directory::new(&place),
                left: AtomicI64::new(i64::try_from(dice.below(20)).expect("a small number")),
            };
            // It ends by itself.
            (Arc::new(disk), None)
        } else {
            (whole(), Some(kill))
        };
        match attempt(fleet, store, impatient(), kill) {
            None => tally.killed += 1,
            Some(Err(ScanError::Snapshot(SnapshotError::Io { source, .. })))
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                tally.full += 1;
            }
            Some(_) => {}
        }
    }
    if let Some(Err(error)) = attempt(fleet, whole(), impatient(), None) {
        tally.stopped += 1;
        // It said why. When the reason is gone, the same scan goes on.
        fleet.set_faults(Faults::default()).expect("no faults");
        if let Some(Err(again)) = attempt(fleet, whole(), patient(), None) {
            let problem = format!("seed {seed}: stopped by {error}, and then by {again}");
            tally.problems.push(problem);
            return tally;
        }
    }
    let found = judged(&place);
    tally.complete += u32::from(found.complete);
    tally.incomplete += u32::from(!found.complete);
    let lies = lies(&found, truth);
    if !lies.is_empty() {
        let shown = lies
            .iter()
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n  ");
        tally.problems.push(format!(
            "seed {seed}: {} verdicts (complete: {})\n  {shown}",
            lies.len(),
            found.complete
        ));
    }
    tally
}

fn seeds() -> Range<u64> {
    let Ok(range) = std::env::var("POSTURE_CAMPAIGN") else {
        return 0..220;
    };
    let (from, to) = range.split_once("..").expect("FROM..TO");
    from.parse().expect("a seed")..to.parse().expect("a seed")
}

fn truth(fleet: &Fleet) -> Judged {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("snapshot");
    attempt(fleet, Directory::store(&place), patient(), None)
        .expect("nobody kills it")
        .expect("a scan");
    let truth = judged(&place);
    assert!(
        truth.complete && truth.verdicts.len() > 300,
        "{}",
        truth.verdicts.len()
    );
    let statuses: BTreeSet<Status> = truth.verdicts.values().copied().collect();
    assert!(statuses.contains(&Status::Pass) && statuses.contains(&Status::Fail));
    truth
}

fn fleet() -> Fleet {
    Fleet::start(Config {
        estate: estate(),
        ..Config::default()
    })
    .expect("a fleet")
}

#[test]
fn faults_kills_and_restarts_never_change_a_verdict() {
    let truth = truth(&fleet());
    let seeds = seeds();
    let count = seeds.end - seeds.start;
    let queue = Mutex::new(seeds);
    let whole = Mutex::new(Tally::default());
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                let fleet = fleet();
                loop {
                    let next = queue.lock().expect("no panic holds this").next();
                    let Some(seed) = next else { break };
                    let one = run(seed, &fleet, &truth);
                    let mut whole = whole.lock().expect("no panic holds this");
                    whole.complete += one.complete;
                    whole.incomplete += one.incomplete;
                    whole.stopped += one.stopped;
                    whole.killed += one.killed;
                    whole.full += one.full;
                    whole.problems.extend(one.problems);
                }
            });
        }
    });
    let tally = whole.into_inner().expect("all threads have ended");
    assert!(tally.problems.is_empty(), "{}", tally.problems.join("\n"));
    assert_eq!(u64::from(tally.complete + tally.incomplete), count);
    // A campaign in which nothing ever happens would prove nothing.
    let happened = [
        tally.complete,
        tally.incomplete,
        tally.stopped,
        tally.killed,
        tally.full,
    ];
    assert!(count < 200 || happened.iter().all(|n| *n >= 5), "{tally:?}");
}

/// A server that is gone is a network that is gone: the scan says so, and what was read is not asked again.
#[test]
fn a_network_that_vanishes_stops_the_scan_and_the_same_command_goes_on() {
    let first = fleet();
    let truth = truth(&first);
    let (port, config) = (first.port(), first.estate().clone());
    first
        .set_faults(Faults {
            latency: posture_fleet::Latency {
                base_ms: 40,
                ..posture_fleet::Latency::default()
            },
            ..Faults::default()
        })
        .expect("faults that make sense");
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("snapshot");
    let url = first.url();
    let ended = std::thread::scope(|threads| {
        let scanning = threads.spawn(|| attempt_at(&url, Directory::store(&place), steady(), None));
        let begun = std::time::Instant::now();
        while Directory::new(&place)
            .list("account=")
            .is_ok_and(|names| names.iter().filter(|n| n.ends_with(".unit.json")).count() < 3)
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no unit was read"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(first);
        scanning.join().expect("no panic")
    });
    assert!(matches!(ended, Some(Err(ScanError::Lost))), "{ended:?}");
    let second = Fleet::start_on(
        port,
        Config {
            estate: config,
            ..Config::default()
        },
    )
    .expect("the same port again");
    let ended = attempt(&second, Directory::store(&place), patient(), None);
    assert!(matches!(ended, Some(Ok(()))), "{ended:?}");
    assert_eq!(judged(&place), truth);
}
