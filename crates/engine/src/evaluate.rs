//! Every check over every resource of its type.

use std::collections::{BTreeMap, BTreeSet};

use posture_catalog::{Catalog, Check, Severity, Status, World};
use posture_model::{AccountId, CheckId, Gap, GapReason, Region};
use posture_snapshot::{LedgerEntry, Manifest, Snapshot, UnitRecord};

use crate::EngineError;
use crate::explain::evidence;
use crate::finding_id::{Identity, ResourceKeys};
use crate::findings::{Keeper, Ranked};
use crate::input::{Input, Part, Subject};
use crate::parallel::in_parallel;
use crate::places::{Blind, Places};
use crate::plan::Plan;
use crate::reader::Reader;
use crate::result::{CoverageEntry, Evaluation, Finding, FindingResource, Tallies, Tally};
use crate::waivers::{Looked, Reckoning, Waivers};

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

/// How much an evaluation holds at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Resources that are in memory at a time, save where one account has more. Accounts with fewer are looked
    /// at together.
    pub resources: u64,
    /// Resources of other accounts that are kept once they were looked up.
    pub elsewhere: u64,
    /// Bytes of findings that are kept in memory; more go to a temporary file.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resources: 6_000,
            elsewhere: 3_000,
            findings: 32 << 20,
        }
    }
}

/// Evaluates a snapshot, some accounts at a time: what it takes in memory grows with the largest account, not
/// with their number.
pub fn evaluate(
    snapshot: &Snapshot,
    catalog: &Catalog,
    options: &Options,
) -> Result<Evaluation, EngineError> {
    evaluate_within(snapshot, catalog, options, &Limits::default())
}

/// The same with limits of one's own. They do not change what comes of it.
pub fn evaluate_within(
    snapshot: &Snapshot,
    catalog: &Catalog,
    options: &Options,
    limits: &Limits,
) -> Result<Evaluation, EngineError> {
    let plan = Plan::new(catalog, options);
    let reader = Reader::new(snapshot, &plan.wanted, limits)?;
    let climb = match plan.escalation {
        true => reader.climb()?,
        false => None,
    };
    let mut judge = Judge::new(&plan, snapshot.manifest(), options, limits);
    for (number, share) in reader.shares().iter().enumerate() {
        let neighbours = climb.as_ref().map(|climb| climb.neighbours(number));
        let part = reader.part(share, &plan.wanted, neighbours.unwrap_or_default())?;
        judge.part(&part)?;
        reader.failure()?;
    }
    judge.finish(catalog, options)
}

/// Evaluates a snapshot in memory.
pub fn evaluate_input(
    input: &Input,
    catalog: &Catalog,
    options: &Options,
) -> Result<Evaluation, EngineError> {
    let plan = Plan::new(catalog, options);
    let mut judge = Judge::new(&plan, &input.manifest, options, &Limits::default());
    judge.part(&input.part)?;
    judge.finish(catalog, options)
}

/// Resources that one thread takes at a time. All checks of a type go over a resource together, while
/// it is in the processor's cache.
const CHUNK: usize = 64;

/// Tasks whose findings are put away together.
const BATCH: usize = 32;

/// A piece of work: some resources of one type and the checks to go over them.
struct Task<'a> {
    checks: &'a [(usize, &'a Check)],
    subjects: &'a [Subject],
    /// Places among those of the resources where not all were listed.
    blind: Vec<&'a Blind>,
}

/// What came of it.
#[derive(Default)]
struct Done<'a> {
    findings: Vec<Ranked>,
    /// Counts by check and account, in the order of statuses in `Status::ALL`.
    counts: BTreeMap<(usize, &'a str), [u64; 5]>,
}

/// Goes over the parts of a snapshot, in the order of their accounts, and sums up.
struct Judge<'a> {
    plan: &'a Plan<'a>,
    manifest: &'a Manifest,
    places: Places<'a>,
    keep: &'a BTreeSet<Status>,
    waivers: Reckoning<'a>,
    ranks: Vec<usize>,
    findings: Keeper,
    tallies: Tallies,
    by_status: BTreeMap<Status, u64>,
    runs: BTreeMap<CheckId, BTreeMap<Status, u64>>,
    resources: u64,
    keys: Vec<u64>,
    /// Where the resources of a type are not all known, so far.
    blind: BTreeMap<&'a str, Vec<Blind>>,
}

impl<'a> Judge<'a> {
    fn new(
        plan: &'a Plan<'a>,
        manifest: &'a Manifest,
        options: &'a Options,
        limits: &Limits,
    ) -> Self {
        let rules = plan.selected.iter().filter(|check| !check.is_manual());
        Self {
            plan,
            manifest,
            places: Places::of(manifest),
            keep: &options.keep,
            waivers: Reckoning::new(&options.waivers, manifest.scan.started_at),
            ranks: ranks(&plan.selected),
            findings: Keeper::new(limits.findings),
            tallies: Tallies::default(),
            by_status: BTreeMap::new(),
            // Of those that have nothing to judge too.
            runs: rules
                .map(|check| (check.meta.id.clone(), BTreeMap::new()))
                .collect(),
            resources: 0,
            keys: Vec::new(),
            blind: BTreeMap::new(),
        }
    }

    /// Judges the resources of some accounts.
    fn part(&mut self, part: &Part) -> Result<(), EngineError> {
        self.resources += part.keys.len() as u64;
        self.keys.extend(&part.keys);
        let blind = self.blind(part);
        let tasks = self.tasks(part, &blind);
        let mut counts: BTreeMap<(usize, &str), [u64; 5]> = BTreeMap::new();
        for batch in tasks.chunks(BATCH) {
            let mut findings = Vec::new();
            for done in in_parallel(batch, |task| self.work(part, task)) {
                findings.extend(done.findings);
                for (key, more) in done.counts {
                    let sums = counts.entry(key).or_default();
                    for (sum, count) in sums.iter_mut().zip(more) {
                        *sum += count;
                    }
                }
            }
            self.findings.add(findings)?;
        }
        for ((number, account), sums) in counts {
            self.tally(number, account, &sums);
        }
        for (kind, places) in blind {
            self.blind.entry(kind).or_default().extend(places);
        }
        Ok(())
    }

    /// Where the resources of the types that are judged are not all known.
    fn blind(&self, part: &Part) -> BTreeMap<&'a str, Vec<Blind>> {
        let kinds = self.plan.by_type.keys();
        kinds
            .map(|kind| (*kind, self.places.blind(kind, &part.accounts)))
            .filter(|(_, places)| !places.is_empty())
            .collect()
    }

    /// All resources of the types that are judged, and all places where there may be more of them.
    fn tasks<'p>(&self, part: &'p Part, blind: &'p BTreeMap<&'a str, Vec<Blind>>) -> Vec<Task<'p>>
    where
        'a: 'p,
    {
        let mut tasks: Vec<Task<'p>> = Vec::new();
        for (kind, checks) in &self.plan.by_type {
            let subjects = part.resources.get(kind).map(Vec::as_slice);
            let start = tasks.len();
            tasks.extend(
                subjects
                    .unwrap_or_default()
                    .chunks(CHUNK)
                    .map(|subjects| Task {
                        checks,
                        subjects,
                        blind: Vec::new(),
                    }),
            );
            for blind in blind.get(kind).into_iter().flatten() {
                let place = (blind.account.as_str(), blind.region.as_str());
                let of_kind = tasks.get_mut(start..).unwrap_or_default();
                // Where its findings belong among those of the resources.
                let at = of_kind.partition_point(|task| task.end() < Some(place));
                let at = at.min(of_kind.len().saturating_sub(1));
                match of_kind.get_mut(at) {
                    Some(task) => task.blind.push(blind),
                    None => tasks.push(Task {
                        checks,
                        subjects: &[],
                        blind: vec![blind],
                    }),
                }
            }
        }
        tasks
    }

    fn work<'p>(&self, part: &'p Part, task: &Task<'p>) -> Done<'p> {
        let mut done = Done::default();
        // Counted in an array first: one map access for each verdict would cost as much as the verdict.
        let mut sums: Vec<[u64; 5]> = vec![[0; 5]; task.checks.len()];
        let mut account: Option<&'p str> = None;
        for subject in task.subjects {
            if account != Some(subject.node.account()) {
                flush(&mut done, task, &mut sums, account);
                account = Some(subject.node.account());
            }
            for ((number, check), sums) in task.checks.iter().zip(&mut sums) {
                let outcome = check.judge(&part.world, &subject.node);
                let (status, waiver) = self.waive(check, subject, outcome.status);
                count(sums, status);
                if !self.keep.contains(&status) {
                    continue;
                }
                if let Some(found) = finding(&part.world, check, subject, status, outcome.gaps) {
                    let found = Finding { waiver, ..found };
                    done.findings.push((self.rank(*number, status), found));
                }
            }
        }
        flush(&mut done, task, &mut sums, account);
        self.work_blind(part, task, &mut done);
        done
    }

    /// A verdict with the waiver that covers it: only a failure is waived.
    fn waive(&self, check: &Check, subject: &Subject, status: Status) -> (Status, Option<usize>) {
        match status {
            Status::Fail => match self.waivers.cover(check, &subject.node) {
                None => (status, None),
                waiver => (Status::Waived, waiver),
            },
            Status::Unknown => {
                self.waivers.undecided(check, &subject.node);
                (status, None)
            }
            _ => (status, None),
        }
    }

    /// One `unknown` of every check for every place where not all resources were listed.
    fn work_blind<'p>(&self, part: &'p Part, task: &Task<'p>, done: &mut Done<'p>) {
        for place in &task.blind {
            let Some(account) = part.accounts.get(place.account.as_str()) else {
                continue;
            };
            for (number, check) in task.checks {
                let sums = done.counts.entry((*number, account.as_str())).or_default();
                count(sums, Status::Unknown);
                if self.keep.contains(&Status::Unknown) {
                    let found = unlisted(check, place);
                    done.findings
                        .extend(found.map(|found| (self.rank(*number, found.status), found)));
                }
            }
        }
    }

    /// The place of a finding among all: worst first, then by what does not change from run to run.
    fn rank(&self, check: usize, status: Status) -> usize {
        let status = Status::ALL.iter().position(|known| *known == status);
        let check = self.ranks.get(check).copied();
        status.unwrap_or_default() * self.ranks.len() + check.unwrap_or_default()
    }

    /// Adds the verdicts of a check on an account.
    fn tally(&mut self, number: usize, account: &str, sums: &[u64; 5]) {
        let Some(check) = self.plan.selected.get(number) else {
            return;
        };
        let run = self.runs.entry(check.meta.id.clone()).or_default();
        for (status, sum) in Status::ALL.into_iter().zip(sums) {
            *run.entry(status).or_default() += sum;
            if *sum > 0 {
                *self.by_status.entry(status).or_default() += sum;
            }
        }
        let tally = tally(sums, u64::from(check.meta.severity.weight()));
        let tallies = &mut self.tallies;
        add(&mut tallies.overall, &tally);
        add(
            tallies.checks.entry(check.meta.id.clone()).or_default(),
            &tally,
        );
        if let Ok(account) = AccountId::new(account) {
            add(tallies.accounts.entry(account).or_default(), &tally);
        }
        for id in &check.meta.well_architected {
            let of_practice = tallies.well_architected.entry(id.clone()).or_default();
            add(of_practice, &tally);
        }
        for id in &check.meta.owasp_serverless {
            let of_category = tallies.owasp_serverless.entry(id.clone()).or_default();
            add(of_category, &tally);
        }
    }

    fn finish(self, catalog: &Catalog, options: &Options) -> Result<Evaluation, EngineError> {
        let manifest = self.manifest;
        let coverage = coverage(manifest);
        let places = self.places.records();
        let waivers = self.waivers.outcomes(&Looked {
            manifest,
            places: &places,
            blind: &self.blind,
            kinds: self.plan.kinds(),
        });
        let selected = self.plan.selected.iter();
        let (manual, rules): (Vec<&Check>, Vec<&Check>) =
            selected.partition(|check| check.is_manual());
        Ok(Evaluation {
            scan_id: manifest.scan.id.clone(),
            started_at: manifest.scan.started_at,
            finished_at: manifest.scan.finished_at,
            tool_version: manifest.tool.version.clone(),
            catalog_digest: catalog.digest().to_owned(),
            accounts: manifest.accounts.clone(),
            resources: self.resources,
            checks: rules.len() as u64,
            by_status: self.by_status,
            findings: self.findings.finish()?,
            tallies: self.tallies,
            complete: self.blind.is_empty() && is_complete(manifest, &self.places, &coverage),
            coverage,
            manual: manual.iter().map(|check| check.meta.id.clone()).collect(),
            runs: self.runs,
            places,
            resource_keys: ResourceKeys::new(self.keys),
            kept: options.keep.iter().copied().collect(),
            shards: manifest.shards.clone(),
            waivers,
        })
    }
}

impl<'a> Task<'a> {
    /// The place of its last resource.
    fn end(&self) -> Option<(&'a str, &'a str)> {
        let last = &self.subjects.last()?.node;
        Some((last.account(), last.region()))
    }
}

/// The place of each check among all: the most severe first, then by id.
fn ranks(checks: &[&Check]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..checks.len()).collect();
    order.sort_by_key(|number| {
        let check = checks.get(*number);
        check.map(|check| (std::cmp::Reverse(check.meta.severity), &check.meta.id))
    });
    let mut ranks = vec![0; checks.len()];
    for (rank, number) in order.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(number) {
            *slot = rank;
        }
    }
    ranks
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
    world: &World,
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
        evidence: evidence(world, check, node, status),
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
fn unlisted(check: &Check, place: &Blind) -> Option<Finding> {
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
            r#type: check.meta.resource.clone().unwrap_or_default(),
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

/// The verdicts of a check with its weight.
fn tally(sums: &[u64; 5], weight: u64) -> Tally {
    let mut tally = Tally::default();
    for (status, sum) in Status::ALL.into_iter().zip(sums) {
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
    tally
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
