//! How much memory an organization takes, from its snapshot to its report: as much as its largest account, not
//! as much as all of them.
//!
//! Each evaluation is in a process of its own, of which the system says how much it held at most.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use posture_catalog::Catalog;
use posture_engine::bench::{Size, peak_memory, write};
use posture_engine::{Options, evaluate};
use posture_model::CheckId;
use posture_report::{CatalogView, Format, Live, RenderOptions};
use posture_snapshot::Snapshot;

/// The one that the program uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the child finds its snapshot.
const SNAPSHOT: &str = "POSTURE_TEST_SNAPSHOT";

const MEBIBYTE: u64 = 1 << 20;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::builtin().unwrap_or_else(|_| panic!("the catalogue has mistakes")));

/// What an evaluation says of itself.
#[derive(Debug)]
struct Measured {
    peak: u64,
    resources: u64,
    verdicts: u64,
    findings: u64,
}

/// Half of the checks, which is five for each resource; among them those that ask who can become an
/// administrator, for which accounts have to know of each other.
fn checks() -> BTreeSet<CheckId> {
    let all = CATALOG.checks().iter().enumerate();
    let some = all.filter(|(number, check)| number % 2 == 0 || check.asks_for_escalation());
    some.map(|(_, check)| check.meta.id.clone()).collect()
}

/// Evaluates an organization of so many accounts, all of the same size.
fn measure(accounts: usize, functions: usize) -> Measured {
    let directory = tempfile::tempdir().unwrap();
    let size = Size {
        accounts,
        regions: 2,
        functions,
    };
    let written = write(directory.path(), &CATALOG, &size).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory_follows_the_largest_account",
            "--nocapture",
        ])
        .env(SNAPSHOT, directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let line = text
        .lines()
        .find_map(|line| line.split_once("measured: "))
        .unwrap()
        .1;
    let numbers: Vec<u64> = line.split(' ').map(|n| n.parse().unwrap()).collect();
    let [peak, resources, verdicts, findings] = numbers[..] else {
        panic!("{line}")
    };
    assert_eq!(resources, written);
    Measured {
        peak,
        resources,
        verdicts,
        findings,
    }
}

/// What the test runs in a process of its own.
fn child(path: &Path) {
    let snapshot = Snapshot::open(path).unwrap();
    let options = Options {
        checks: checks(),
        ..Options::default()
    };
    let evaluation = evaluate(&snapshot, &CATALOG, &options).unwrap();
    let checks = CATALOG.checks().iter().map(|check| &check.meta);
    let view = CatalogView::new(checks, CATALOG.frameworks());
    let live = Live::new(&evaluation, view).unwrap();
    Format::Json
        .render(&live, &RenderOptions::default(), &mut std::io::sink())
        .unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "measured: {} {} {} {}",
        peak_memory().unwrap(),
        evaluation.resources,
        evaluation.by_status.values().sum::<u64>(),
        evaluation.findings.len(),
    )
    .unwrap();
}

/// Functions of each account, which make some 2,100 resources.
const FUNCTIONS: usize = 250;

#[test]
fn memory_follows_the_largest_account() {
    if let Some(path) = std::env::var_os(SNAPSHOT) {
        return child(Path::new(&path));
    }
    let few = measure(10, FUNCTIONS);
    println!("{few:?}");
    let many = measure(100, FUNCTIONS);
    println!("{many:?}");
    assert!(many.resources >= 200_000, "{many:?}");
    assert!(many.verdicts >= 1_000_000, "{many:?}");
    assert!(many.findings >= 100_000, "{many:?}");
    assert!(many.peak < 512 * MEBIBYTE, "{many:?}");
    // Ten times as many accounts of the same size: what grows with their number is a list of what was read
    // where, a number for each resource, and findings up to a limit.
    assert!(many.resources > 9 * few.resources, "{few:?}");
    assert!(many.peak < 2 * few.peak, "{few:?} {many:?}");
}
