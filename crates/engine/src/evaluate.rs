//! Every check over every resource of its type.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use posture_catalog::{Catalog, Check, Severity, Status};
use posture_model::{AccountId, CheckId, Gap, GapReason, Region};
use posture_snapshot::{LedgerEntry, Manifest, Snapshot, UnitRecord};

use crate::explain::evidence;
use crate::finding_id::{Identity, resource_key};
use crate::input::{Input, Subject};
use crate::places::{Blind, Places};
use crate::result::{CoverageEntry, Evaluation, Finding, FindingResource, Tallies, Tally};
use crate::waivers::{Looked, Reckoning, Waivers};
use crate::{EngineError, places};

/// What to evaluate and what to keep. Empty sets do not restrict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Only these checks.
    pub checks: BTreeSet<CheckId>,
    /// Only checks of these severities.
    pub severities: BTreeSet<Severity>,
    /// Only checks of these practices.
    pub practices: BTreeSet<String>,
    /// Statuses of the findings to keep; the others are counted only.
    pub keep: BTreeSet<Status>,
    /// What someone took responsibility for.
    pub waivers: Waivers,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checks: BTreeSet::new(),
            severities: BTreeSet::new(),
            practices: BTreeSet::new(),
            keep: BTreeSet::from([Status::Fail, Status::Unknown]),
            waivers: Waivers::default(),
        }
    }
}

impl Options {
    /// Whether a check is to be run.
    pub(crate) fn selects(&self, check: &Check) -> bool {
        let meta = &check.meta;
        (self.checks.is_empty() || self.checks.contains(&meta.id))
            && (self.severities.is_empty() || self.severities.contains(&meta.severity))
            && (self.practices.is_empty()
                || meta.practices.iter().any(|p| self.practices.contains(p)))
    }
}

/// Evaluates a snapshot.
pub fn evaluate(
    snapshot: &Snapshot,
    catalog: &Catalog,
    options: &Options,
) -> Result<Evaluation, EngineError> {
    evaluate_input(&Input::read(snapshot)?, catalog, options)
}

/// How many threads to use.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().min(16))
}

/// Resources that one thread takes at a time. All checks of a type go over a resource together, while
/// it is in the processor's cache.
const CHUNK: usize = 64;

/// A piece of work: some resources of one type and the checks to go over them.
struct Task<'a> {
    checks: &'a [(usize, &'a Check)],
    subjects: &'a [Subject],
}

/// What came of it.
#[derive(Default)]
struct Done<'a> {
    findings: Vec<(usize, Finding)>,
    /// Counts by check and account, in the order of statuses in `Status::ALL`.
    counts: BTreeMap<(usize, &'a str), [u64; 5]>,
}

/// Evaluates a snapshot in memory.
pub fn evaluate_input(
    input: &Input,
    catalog: &Catalog,
    options: &Options,
) -> Result<Evaluation, EngineError> {
    let selected: Vec<&Check> = catalog
        .checks()
        .iter()
        .filter(|check| options.selects(check))
        .collect();
    let mut by_type: BTreeMap<&str, Vec<(usize, &Check)>> = BTreeMap::new();
    for (number, check) in selected.iter().enumerate() {
        if let Some(kind) = check.meta.resource.as_deref() {
            by_type.entry(kind).or_default().push((number, check));
        }
    }
    let tasks: Vec<Task<'_>> = by_type
        .iter()
        .filter_map(|(kind, checks)| Some((checks, input.resources.get(kind)?)))
        .flat_map(|(checks, subjects)| {
            subjects
                .chunks(CHUNK)
                .map(move |subjects| Task { checks, subjects })
        })
        .collect();
    let waivers = Reckoning::new(&options.waivers, input.manifest.scan.started_at);
    let mut findings = Vec::new();
    let mut counts: BTreeMap<(usize, &str), [u64; 5]> = BTreeMap::new();
    for done in run(input, &tasks, options, &waivers) {
        findings.extend(done.findings);
        for (key, more) in done.counts {
            let sums = counts.entry(key).or_default();
            for (sum, count) in sums.iter_mut().zip(more) {
                *sum += count;
            }
        }
    }
    let places = Places::of(&input.manifest);
    let blind: BTreeMap<&str, Vec<Blind>> = by_type
        .keys()
        .map(|kind| (*kind, places.blind(kind)))
        .collect();
    for (kind, checks) in &by_type {
        for place in blind.get(kind).into_iter().flatten() {
            for (number, check) in checks {
                let sums = counts.entry((*number, place.account.as_str())).or_default();
                count(sums, Status::Unknown);
                if options.keep.contains(&Status::Unknown)
                    && let Some(finding) = unlisted(check, kind, place)
                {
                    findings.push((*number, finding));
                }
            }
        }
    }
    sort(&mut findings, &selected);
    let findings: Vec<Finding> = findings.into_iter().map(|(_, finding)| finding).collect();
    unique(&findings)?;
    let (tallies, by_status) = tally(&counts, &selected);
    let manifest = &input.manifest;
    let coverage = coverage(manifest);
    let blind_anywhere = blind.values().any(|places| !places.is_empty());
    let looked_at = places.records();
    let waivers = waivers.outcomes(&Looked {
        manifest,
        places: &looked_at,
        blind: &blind,
        kinds: selected
            .iter()
            .filter_map(|check| Some((&check.meta.id, check.meta.resource.as_deref()?)))
            .collect(),
    });
    Ok(Evaluation {
        scan_id: manifest.scan.id.clone(),
        started_at: manifest.scan.started_at,
        finished_at: manifest.scan.finished_at,
        tool_version: manifest.tool.version.clone(),
        catalog_digest: catalog.digest().to_owned(),
        accounts: manifest.accounts.clone(),
        resources: input.len() as u64,
        checks: selected.iter().filter(|check| !check.is_manual()).count() as u64,
        by_status,
        findings,
        tallies,
        complete: !blind_anywhere && is_complete(manifest, &places, &coverage),
        coverage,
        manual: selected
            .iter()
            .filter(|check| check.is_manual())
            .map(|check| check.meta.id.clone())
            .collect(),
        runs: runs(&counts, &selected),
        places: looked_at,
        resource_keys: resource_keys(input),
        kept: options.keep.iter().copied().collect(),
        shards: manifest.shards.clone(),
        waivers,
    })
}

/// Works through the tasks. The results are in the order of the tasks, whoever did them.
fn run<'a>(
    input: &'a Input,
    tasks: &[Task<'a>],
    options: &Options,
    waivers: &Reckoning<'_>,
) -> Vec<Done<'a>> {
    let next = AtomicUsize::new(0);
    let all: Mutex<BTreeMap<usize, Done<'a>>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads().min(tasks.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { break };
                    let done = work(input, task, options, waivers);
                    all.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(index, done);
                }
            });
        }
    });
    all.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
        .collect()
}

fn work<'a>(
    input: &'a Input,
    task: &Task<'a>,
    options: &Options,
    waivers: &Reckoning<'_>,
) -> Done<'a> {
    let mut done = Done::default();
    // Counted in an array first: one map access for each verdict would cost as much as the verdict.
    let mut sums: Vec<[u64; 5]> = vec![[0; 5]; task.checks.len()];
    let mut account: Option<&'a str> = None;
    for subject in task.subjects {
        if account != Some(subject.node.account()) {
            flush(&mut done, task, &mut sums, account);
            account = Some(subject.node.account());
        }
        for ((number, check), sums) in task.checks.iter().zip(&mut sums) {
            let outcome = check.judge(&input.world, &subject.node);
            let mut status = outcome.status;
            let waiver = match status {
                Status::Fail => waivers.cover(check, &subject.node),
                Status::Unknown => {
                    waivers.undecided(check, &subject.node);
                    None
                }
                _ => None,
            };
            if waiver.is_some() {
                status = Status::Waived;
            }
            count(sums, status);
            if !options.keep.contains(&status) {
                continue;
            }
            if let Some(finding) = finding(input, check, subject, status, outcome.gaps) {
                done.findings.push((*number, Finding { waiver, ..finding }));
            }
        }
    }
    flush(&mut done, task, &mut sums, account);
    done
}

fn flush<'a>(
    done: &mut Done<'a>,
    task: &Task<'a>,
    sums: &mut [[u64; 5]],
    account: Option<&'a str>,
) {
    let Some(account) = account else { return };
    for ((number, _), sums) in task.checks.iter().zip(sums) {
        let total = done.counts.entry((*number, account)).or_default();
        for (total, sum) in total.iter_mut().zip(sums.iter_mut()) {
            *total += std::mem::take(sum);
        }
    }
}

fn count(sums: &mut [u64; 5], status: Status) {
    for (sum, of) in sums.iter_mut().zip(Status::ALL) {
        if of == status {
            *sum += 1;
        }
    }
}

/// The finding of a verdict. `None` only for ids that `Input` cannot hold.
pub(crate) fn finding(
    input: &Input,
    check: &Check,
    subject: &Subject,
    status: Status,
    gaps: Vec<Gap>,
) -> Option<Finding> {
    let node = &subject.node;
    Some(Finding {
        id: identity(check, subject).id()?,
        check: check.meta.id.clone(),
        status,
        account: AccountId::new(node.account()).ok()?,
        region: Region::new(node.region()).ok()?,
        resource: FindingResource {
            r#type: node.kind().to_owned(),
            arn: node.arn().to_owned(),
            id: node.id().to_owned(),
            name: node.name().to_owned(),
            tags: node.tags(),
        },
        evidence: evidence(&input.world, check, node, status),
        gaps,
        waiver: None,
    })
}

/// What identifies the finding of a check on a resource.
pub(crate) fn identity<'a>(check: &'a Check, subject: &'a Subject) -> Identity<'a> {
    Identity {
        check: check.meta.id.as_str(),
        account: subject.node.account(),
        region: subject.node.region(),
        arn: subject.node.arn(),
        discriminator: &subject.discriminator,
    }
}

/// The finding of a place whose resources are not all known.
fn unlisted(check: &Check, kind: &str, place: &places::Blind) -> Option<Finding> {
    let identity = Identity {
        check: check.meta.id.as_str(),
        account: place.account.as_str(),
        region: place.region.as_str(),
        arn: "*",
        discriminator: "listing",
    };
    Some(Finding {
        id: identity.id()?,
        check: check.meta.id.clone(),
        status: Status::Unknown,
        account: place.account.clone(),
        region: place.region.clone(),
        resource: FindingResource {
            r#type: kind.to_owned(),
            arn: "*".to_owned(),
            id: "*".to_owned(),
            name: "*".to_owned(),
            tags: BTreeMap::new(),
        },
        evidence: Vec::new(),
        gaps: vec![place.gap.clone()],
        waiver: None,
    })
}

/// Worst first, then by what does not change from run to run.
fn sort(findings: &mut [(usize, Finding)], checks: &[&Check]) {
    let rank = |status: Status| Status::ALL.iter().position(|s| *s == status);
    findings.sort_by(|(a_check, a), (b_check, b)| {
        let severity = |number: &usize| checks.get(*number).map(|check| check.meta.severity);
        rank(a.status)
            .cmp(&rank(b.status))
            .then_with(|| severity(b_check).cmp(&severity(a_check)))
            .then_with(|| a.check.cmp(&b.check))
            .then_with(|| a.account.cmp(&b.account))
            .then_with(|| a.region.cmp(&b.region))
            .then_with(|| a.resource.arn.cmp(&b.resource.arn))
            .then_with(|| a.resource.id.cmp(&b.resource.id))
            .then_with(|| a.id.cmp(&b.id))
    });
}

fn unique(findings: &[Finding]) -> Result<(), EngineError> {
    let mut seen = HashSet::with_capacity(findings.len());
    match findings.iter().find(|finding| !seen.insert(&finding.id)) {
        Some(finding) => Err(EngineError::AmbiguousId(finding.id.clone())),
        None => Ok(()),
    }
}

fn tally(
    counts: &BTreeMap<(usize, &str), [u64; 5]>,
    checks: &[&Check],
) -> (Tallies, BTreeMap<Status, u64>) {
    let mut tallies = Tallies::default();
    let mut by_status: BTreeMap<Status, u64> = BTreeMap::new();
    for ((number, account), sums) in counts {
        let Some(check) = checks.get(*number) else {
            continue;
        };
        let weight = u64::from(check.meta.severity.weight());
        let mut tally = Tally::default();
        for (status, sum) in Status::ALL.into_iter().zip(sums) {
            if *sum > 0 {
                *by_status.entry(status).or_default() += sum;
            }
            match status {
                Status::Pass => {
                    tally.pass = *sum;
                    tally.pass_weight = sum * weight;
                }
                Status::Fail => {
                    tally.fail = *sum;
                    tally.fail_weight = sum * weight;
                }
                Status::Unknown => {
                    tally.unknown = *sum;
                    tally.unknown_weight = sum * weight;
                }
                Status::NotApplicable | Status::Waived => {}
            }
        }
        add(&mut tallies.overall, &tally);
        add(
            tallies.checks.entry(check.meta.id.clone()).or_default(),
            &tally,
        );
        if let Ok(account) = AccountId::new(*account) {
            add(tallies.accounts.entry(account).or_default(), &tally);
        }
        for id in &check.meta.well_architected {
            add(
                tallies.well_architected.entry(id.clone()).or_default(),
                &tally,
            );
        }
        for id in &check.meta.owasp_serverless {
            add(
                tallies.owasp_serverless.entry(id.clone()).or_default(),
                &tally,
            );
        }
    }
    (tallies, by_status)
}

/// The verdicts of every rule, of those that had nothing to judge too.
fn runs(
    counts: &BTreeMap<(usize, &str), [u64; 5]>,
    checks: &[&Check],
) -> BTreeMap<CheckId, BTreeMap<Status, u64>> {
    let mut runs: BTreeMap<CheckId, BTreeMap<Status, u64>> = checks
        .iter()
        .filter(|check| !check.is_manual())
        .map(|check| (check.meta.id.clone(), BTreeMap::new()))
        .collect();
    for ((number, _), sums) in counts {
        let check = checks.get(*number);
        let Some(run) = check.and_then(|check| runs.get_mut(&check.meta.id)) else {
            continue;
        };
        for (status, sum) in Status::ALL.into_iter().zip(sums) {
            *run.entry(status).or_default() += sum;
        }
    }
    runs
}

fn resource_keys(input: &Input) -> Vec<String> {
    let subjects = input.resources.values().flatten();
    let mut keys: Vec<String> = subjects
        .map(|subject| &subject.node)
        .map(|node| resource_key(node.kind(), node.account(), node.region(), node.arn()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn add(sum: &mut Tally, more: &Tally) {
    sum.pass += more.pass;
    sum.fail += more.fail;
    sum.unknown += more.unknown;
    sum.pass_weight += more.pass_weight;
    sum.fail_weight += more.fail_weight;
    sum.unknown_weight += more.unknown_weight;
}

/// Every operation's outcome in every place, accounts that could not be scanned among them.
fn coverage(manifest: &Manifest) -> Vec<CoverageEntry> {
    let mut entries: Vec<CoverageEntry> = manifest
        .units
        .iter()
        .flat_map(|unit| {
            unit.ledger.iter().map(|ledger| CoverageEntry {
                account: unit.key.account.clone(),
                region: unit.key.region.clone(),
                service: unit.key.service.clone(),
                ledger: with_listings(ledger, unit),
            })
        })
        .collect();
    let caller = manifest.caller.iter().map(|id| (id, &manifest.ledger));
    let accounts = manifest.accounts.iter().map(|a| (&a.id, &a.ledger));
    entries.extend(caller.chain(accounts).flat_map(|(account, ledger)| {
        ledger.iter().map(|ledger| CoverageEntry {
            account: account.clone(),
            region: Region::global(),
            service: service_of(&ledger.operation),
            ledger: ledger.clone(),
        })
    }));
    entries.sort();
    entries
}

/// The calls with what made their listings incomplete: an answer may be no error, and still not be
/// understood.
fn with_listings(ledger: &LedgerEntry, unit: &UnitRecord) -> LedgerEntry {
    let mut ledger = ledger.clone();
    for gap in unit.listings.values().filter_map(|l| l.gap.as_ref()) {
        if gap.operation == ledger.operation && !ledger.gaps.contains(gap) {
            ledger.gaps.push(gap.clone());
        }
    }
    ledger
}

fn service_of(operation: &str) -> String {
    operation.split(':').next().unwrap_or(operation).to_owned()
}

/// Whether everything that was asked for was read.
fn is_complete(manifest: &Manifest, places: &Places<'_>, coverage: &[CoverageEntry]) -> bool {
    // A service that a region does not offer holds nothing there: nothing was missed.
    let missed = |gap: &Gap| gap.reason != GapReason::NotOffered;
    let failed = |entry: &LedgerEntry| {
        entry.denied > 0
            || entry.gaps.iter().any(missed)
            || (entry.failed > 0 && entry.gaps.is_empty())
    };
    let listings = manifest
        .units
        .iter()
        .flat_map(|unit| unit.listings.values())
        .filter_map(|listing| listing.gap.as_ref());
    manifest.scan.finished_at.is_some()
        && !manifest
            .accounts
            .iter()
            .any(|account| account.gaps.iter().any(missed))
        && !coverage.iter().any(|entry| failed(&entry.ledger))
        && !manifest.ledger.iter().any(failed)
        && !listings.into_iter().any(missed)
        && !places.any_missing()
}
