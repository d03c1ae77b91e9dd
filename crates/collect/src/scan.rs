//! A scan: find accounts and regions, run every unit, write what each yields.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use posture_model::{AccountId, Gap, GapReason, Partition, Region, Tags};
use posture_snapshot::{
    AccountRecord, LedgerEntry, Listing, Scope, Shard, SnapshotError, SnapshotWriter, Store,
    ToolRecord, UnitKey,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cx::{CallPolicy, Cx, Place, Shared};
use crate::limit::{Bucket, Rate, lock};
use crate::secrets::{Examiner, ExaminerError};
use crate::service::{self, Placement, Service};
use crate::session::{self, AccountRole, Caller, Session};

/// What to scan, and where to write it.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Who scans.
    pub session: Session,
    /// Accounts to scan; empty for the caller's own, or all with `organization`.
    pub accounts: Vec<AccountId>,
    /// Whether to scan every active account of the organization.
    pub organization: bool,
    /// Role to take in accounts other than the caller's.
    pub role: Option<AccountRole>,
    /// Regions to scan; empty for all that are enabled.
    pub regions: Vec<Region>,
    /// Regions to leave out.
    pub excluded_regions: Vec<Region>,
    /// Collectors to run, by name; empty for all.
    pub services: Vec<String>,
    /// Whether to ask which services users and roles last accessed, which takes two or more calls for each.
    pub last_accessed: bool,
    /// How calls behave.
    pub policy: CallPolicy,
    /// Longest time for one unit.
    pub unit_timeout: Duration,
    /// Where the snapshot goes.
    pub snapshot: Arc<dyn Store>,
    /// Only this share of the places; none for all.
    pub shard: Option<Shard>,
    /// What the snapshot says wrote it.
    pub tool: ToolRecord,
}

/// Why a scan could not begin, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There are no usable credentials.
    #[error("no usable AWS credentials: {detail}")]
    Credentials {
        /// What was tried.
        detail: String,
    },
    /// AWS, or the endpoint given, did not answer.
    #[error("AWS could not be reached: {detail}")]
    Unreachable {
        /// What was tried.
        detail: String,
    },
    /// A region that does not exist, or that no account has enabled.
    #[error("{region} is {problem}")]
    Region {
        /// The name given.
        region: Region,
        /// What is wrong with it.
        problem: &'static str,
        /// The regions there are.
        known: Vec<String>,
    },
    /// The request contradicts itself.
    #[error("{0}")]
    Request(String),
    /// The organization's accounts could not be listed.
    #[error("the organization's accounts could not be listed: {0}")]
    Organization(Gap),
    /// Not one account could be scanned.
    #[error("not one account could be scanned: {detail}")]
    Nothing {
        /// The first account's reason.
        detail: String,
    },
    /// The snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No random numbers, no scan: secrets could not be fingerprinted safely.
    #[error(transparent)]
    Examiner(#[from] ExaminerError),
}

/// Told of what happens; for progress bars and logs.
pub trait Progress: Send + Sync {
    /// The scan is about to run this many units in this many accounts.
    fn planned(&self, accounts: usize, units: usize);
    /// An account cannot be scanned, or not as asked.
    fn account_failed(&self, account: &AccountId, gap: &Gap);
    /// A unit is done.
    fn unit_done(&self, unit: &UnitKey, resources: u64, gaps: usize);
    /// Units that an interrupted scan had already completed.
    fn resumed(&self, units: usize);
}

/// What a scan amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSummary {
    /// Who scanned.
    pub caller: Caller,
    /// Accounts scanned.
    pub accounts: usize,
    /// Units written, those of an earlier run included.
    pub units: usize,
}

/// Rate of the calls that find accounts and regions.
const CORE_RATE: Rate = Rate {
    burst: 100.0,
    per_second: 20.0,
};

/// Units under way at once; their calls are bounded by themselves.
const UNITS_AT_ONCE: usize = 128;

struct Target {
    id: AccountId,
    name: Option<String>,
    tags: Tags,
}

struct Plan {
    record: AccountRecord,
    session: Option<Session>,
}

/// Runs a scan to its end. Dropping the future stops it; what is complete by then stays on disk and a
/// later scan of the same scope goes on from there.
pub async fn scan(
    request: ScanRequest,
    progress: Arc<dyn Progress>,
) -> Result<ScanSummary, ScanError> {
    let services = chosen_services(&request.services)?;
    let shared = Arc::new(Shared {
        in_flight: Semaphore::new(request.policy.in_flight),
        policy: request.policy.clone(),
        examiner: Examiner::new()?,
        custom_endpoint: request.session.custom_endpoint,
        last_accessed: request.last_accessed,
    });
    request.session.credentials().await?;
    let mut core = CoreCalls {
        bucket: Arc::new(Bucket::new(CORE_RATE)),
        shared: Arc::clone(&shared),
        ledger: Ledger::default(),
    };
    let first = core.cx(&request.session, None, &Partition::aws());
    let caller = session::caller(&first).await;
    let caller = caller?;
    core.ledger.keep(&first);
    let targets = targets(&request, &mut core, &caller).await?;
    let plans = core.plan_all(&request, &caller, targets).await?;
    for plan in &plans {
        for gap in &plan.record.gaps {
            progress.account_failed(&plan.record.id, gap);
        }
    }
    if plans.iter().all(|plan| plan.session.is_none()) {
        let detail = plans
            .iter()
            .flat_map(|plan| plan.record.gaps.iter().map(|gap| (&plan.record.id, gap)))
            .map(|(id, gap)| format!("{id}: {gap}"))
            .next()
            .unwrap_or_default();
        return Err(ScanError::Nothing { detail });
    }

    let records = plans.iter().map(|plan| plan.record.clone()).collect();
    let writer = open_snapshot(&request, caller.account.clone(), records).await?;
    let mut units = units(&plans, &services);
    if let Some(shard) = request.shard {
        units.retain(|unit| shard.takes(&unit.key.account, &unit.key.region));
    }
    let wanted: Vec<UnitKey> = units.iter().map(|unit| unit.key.clone()).collect();
    let (resumed, open): (Vec<Unit>, Vec<Unit>) = units
        .into_iter()
        .partition(|unit| writer.completed(&unit.key).is_some());
    progress.planned(plans.len(), open.len());
    if !resumed.is_empty() {
        progress.resumed(resumed.len());
    }
    let writer = Arc::new(Mutex::new(writer));
    run_units(open, &shared, &request, &writer, &progress).await?;

    let accounts = plans.iter().filter(|plan| plan.session.is_some()).count();
    let ledger = core.ledger.into_entries();
    let count = wanted.len();
    tokio::task::spawn_blocking(move || {
        // All units have ended, so this is the last owner.
        match Arc::try_unwrap(writer) {
            Ok(writer) => writer
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .finish(ledger, &wanted),
            Err(_) => Ok(()),
        }
    })
    .await
    .unwrap_or(Ok(()))?;
    Ok(ScanSummary {
        caller,
        accounts,
        units: count,
    })
}

/// Begins or resumes the snapshot. It may be far away, so that nothing else may wait for it.
async fn open_snapshot(
    request: &ScanRequest,
    caller: AccountId,
    accounts: Vec<AccountRecord>,
) -> Result<SnapshotWriter, ScanError> {
    let store = Arc::clone(&request.snapshot);
    let (tool, id, scope) = (request.tool.clone(), scan_id()?, scope(request));
    let shard = request.shard;
    tokio::task::spawn_blocking(move || {
        let mut writer = SnapshotWriter::create_or_resume_in(store, tool, id, scope, shard)?;
        writer.set_accounts(caller, accounts)?;
        Ok(writer)
    })
    .await
    .map_err(|e| ScanError::Request(format!("the snapshot writer failed: {e}")))?
}

fn chosen_services(names: &[String]) -> Result<Vec<&'static Service>, ScanError> {
    if names.is_empty() {
        return Ok(service::all().iter().collect());
    }
    names
        .iter()
        .map(|name| {
            service::find(name)
                .ok_or_else(|| ScanError::Request(format!("there is no collector {name:?}")))
        })
        .collect()
}

async fn targets(
    request: &ScanRequest,
    core: &mut CoreCalls,
    caller: &Caller,
) -> Result<Vec<Target>, ScanError> {
    let mut targets: Vec<Target> = if request.organization {
        let cx = core.cx(&request.session, Some(&caller.account), &caller.partition);
        let members = session::organization(&cx).await;
        core.ledger.keep(&cx);
        let members = members.map_err(ScanError::Organization)?;
        if let Some(stranger) = request
            .accounts
            .iter()
            .find(|id| !members.iter().any(|member| member.id == **id))
        {
            return Err(ScanError::Request(format!(
                "{stranger} is no active account of the organization"
            )));
        }
        members
            .into_iter()
            .filter(|member| request.accounts.is_empty() || request.accounts.contains(&member.id))
            .map(|member| Target {
                id: member.id,
                name: member.name,
                tags: member.tags,
            })
            .collect()
    } else if request.accounts.is_empty() {
        vec![caller.account.clone()]
            .into_iter()
            .map(bare_target)
            .collect()
    } else {
        request.accounts.iter().cloned().map(bare_target).collect()
    };
    targets.sort_by(|a, b| a.id.cmp(&b.id));
    targets.dedup_by(|a, b| a.id == b.id);
    let foreign = targets.iter().any(|target| target.id != caller.account);
    if foreign && request.role.is_none() {
        return Err(ScanError::Request(
            "accounts other than the caller's need a role to assume: give --role-name".to_owned(),
        ));
    }
    Ok(targets)
}

fn bare_target(id: AccountId) -> Target {
    Target {
        id,
        name: None,
        tags: Tags::new(),
    }
}

/// Calls by operation.
#[derive(Default)]
struct Ledger(BTreeMap<String, LedgerEntry>);

impl Ledger {
    /// Adds the calls of a context that is done.
    fn keep(&mut self, cx: &Cx) {
        for entry in cx.ledger() {
            let whole = self.0.entry(entry.operation.clone()).or_default();
            whole.operation = entry.operation;
            whole.iam_action = entry.iam_action;
            whole.calls += entry.calls;
            whole.pages += entry.pages;
            whole.retries += entry.retries;
            whole.throttled += entry.throttled;
            whole.denied += entry.denied;
            whole.failed += entry.failed;
            whole.milliseconds += entry.milliseconds;
            for gap in entry.gaps {
                if !whole.gaps.contains(&gap) {
                    whole.gaps.push(gap);
                }
            }
        }
    }

    /// Adds what follows from an answer that was no error.
    fn note(&mut self, gap: &Gap) {
        if let Some(entry) = self.0.get_mut(&gap.operation)
            && !entry.gaps.contains(gap)
        {
            entry.gaps.push(gap.clone());
        }
    }

    fn into_entries(self) -> Vec<LedgerEntry> {
        self.0.into_values().collect()
    }
}

/// The calls that find accounts and regions, and the caller's ledger of them.
struct CoreCalls {
    bucket: Arc<Bucket>,
    shared: Arc<Shared>,
    ledger: Ledger,
}

impl CoreCalls {
    fn cx(&self, session: &Session, account: Option<&AccountId>, partition: &Partition) -> Cx {
        let sdk = match account {
            // The caller's partition is not known yet: the session's own region is the best guess.
            None => session.sdk.clone(),
            Some(_) => session.in_region(&home_region(session, partition)),
        };
        let place = Place {
            account: account.cloned().unwrap_or_else(placeholder_account),
            region: Region::global(),
            partition: partition.clone(),
        };
        Cx::new(
            place,
            session::OPERATIONS,
            sdk,
            Arc::clone(&self.bucket),
            Arc::clone(&self.shared),
        )
    }

    async fn plan_all(
        &self,
        request: &ScanRequest,
        caller: &Caller,
        targets: Vec<Target>,
    ) -> Result<Vec<Plan>, ScanError> {
        let outcomes = futures::future::join_all(
            targets
                .into_iter()
                .map(|target| self.plan(request, caller, target)),
        )
        .await;
        let mut plans = Vec::with_capacity(outcomes.len());
        let mut known = session::Regions::default();
        for (plan, regions) in outcomes {
            known.enabled.extend(regions.enabled);
            known.disabled.extend(regions.disabled);
            plans.push(plan);
        }
        check_regions(request, &known)?;
        Ok(plans)
    }

    /// A session for the account, and the regions to scan in it.
    async fn plan(
        &self,
        request: &ScanRequest,
        caller: &Caller,
        target: Target,
    ) -> (Plan, session::Regions) {
        let mut record = AccountRecord {
            id: target.id,
            name: target.name,
            ou_path: None,
            tags: target.tags,
            partition: caller.partition.clone(),
            regions: Vec::new(),
            gaps: Vec::new(),
            ledger: Vec::new(),
        };
        let mut ledger = Ledger::default();
        let own = record.id == caller.account;
        let session = match &request.role {
            Some(role) if !own => {
                let cx = self.cx(&request.session, Some(&caller.account), &caller.partition);
                let arn = role.arn(&caller.partition, &record.id);
                let taken =
                    session::assume(&cx, &request.session, arn, role.external_id.clone()).await;
                ledger.keep(&cx);
                taken
            }
            _ => Ok(request.session.clone()),
        };
        let session = match session {
            Ok(session) => session,
            Err(gap) => {
                record.gaps.push(gap);
                record.ledger = ledger.into_entries();
                let plan = Plan {
                    record,
                    session: None,
                };
                return (plan, session::Regions::default());
            }
        };
        let cx = self.cx(&session, Some(&record.id), &caller.partition);
        let regions = session::regions(&cx).await;
        ledger.keep(&cx);
        let regions = match regions {
            Ok(regions) => regions,
            Err(gap) => {
                // Which regions there are is not known: those asked for are tried, or the session's
                // own, and the account is marked as incomplete.
                record.gaps.push(gap);
                session::Regions::default()
            }
        };
        record.regions = regions_to_scan(request, &session, &regions, &mut record.gaps);
        for gap in &record.gaps {
            ledger.note(gap);
        }
        record.ledger = ledger.into_entries();
        let plan = Plan {
            record,
            session: Some(session),
        };
        (plan, regions)
    }
}

fn regions_to_scan(
    request: &ScanRequest,
    session: &Session,
    known: &session::Regions,
    gaps: &mut Vec<Gap>,
) -> Vec<Region> {
    let mut wanted: Vec<Region> = if request.regions.is_empty() {
        if known.enabled.is_empty() {
            session.region().into_iter().collect()
        } else {
            known.enabled.clone()
        }
    } else {
        request.regions.clone()
    };
    wanted.retain(|region| !request.excluded_regions.contains(region));
    wanted.retain(|region| {
        let off = known.disabled.contains(region);
        if off {
            gaps.push(session::not_enabled(region));
        }
        !off
    });
    wanted.sort();
    wanted.dedup();
    wanted
}

/// A name that no account has as a region is a slip of the pen, and an error before anything is read.
fn check_regions(request: &ScanRequest, known: &session::Regions) -> Result<(), ScanError> {
    if known.enabled.is_empty() {
        return Ok(());
    }
    for region in request.regions.iter().chain(&request.excluded_regions) {
        if !known.enabled.contains(region) && !known.disabled.contains(region) {
            let mut names: Vec<String> = known.enabled.iter().map(ToString::to_string).collect();
            names.sort();
            names.dedup();
            return Err(ScanError::Region {
                region: region.clone(),
                problem: "not a region of these accounts",
                known: names,
            });
        }
    }
    Ok(())
}

/// Where global services are signed for. A custom endpoint serves whatever region the session names.
fn home_region(session: &Session, partition: &Partition) -> String {
    match session.region() {
        Some(region) if session.custom_endpoint => region.to_string(),
        _ => partition.home_region().to_owned(),
    }
}

/// Stands in until `sts:GetCallerIdentity` has answered; it is never written anywhere.
fn placeholder_account() -> AccountId {
    #[expect(clippy::expect_used, reason = "a constant of the right shape")]
    AccountId::new("000000000000").expect("twelve digits")
}

struct Unit {
    key: UnitKey,
    service: &'static Service,
    place: Place,
    sdk: aws_types::SdkConfig,
}

fn units(plans: &[Plan], services: &[&'static Service]) -> Vec<Unit> {
    let mut units = Vec::new();
    for plan in plans {
        let Some(session) = &plan.session else {
            continue;
        };
        for service in services {
            let mut regions: Vec<Region> = Vec::new();
            if service.placement != Placement::Regional {
                regions.push(Region::global());
            }
            if service.placement != Placement::Global {
                regions.extend(plan.record.regions.iter().cloned());
            }
            for region in regions {
                let endpoint_region = if region.is_global() {
                    home_region(session, &plan.record.partition)
                } else {
                    region.to_string()
                };
                units.push(Unit {
                    key: UnitKey {
                        account: plan.record.id.clone(),
                        region: region.clone(),
                        service: service.name.to_owned(),
                    },
                    service,
                    place: Place {
                        account: plan.record.id.clone(),
                        region,
                        partition: plan.record.partition.clone(),
                    },
                    sdk: session.in_region(&endpoint_region),
                });
            }
        }
    }
    units
}

async fn run_units(
    units: Vec<Unit>,
    shared: &Arc<Shared>,
    request: &ScanRequest,
    writer: &Arc<Mutex<SnapshotWriter>>,
    progress: &Arc<dyn Progress>,
) -> Result<(), ScanError> {
    let mut waiting = units.into_iter();
    // Dropping the set aborts its tasks, so a cancelled scan stops calling at once.
    let mut running = JoinSet::new();
    loop {
        while running.len() < UNITS_AT_ONCE {
            let Some(unit) = waiting.next() else { break };
            running.spawn(run_unit(
                unit,
                Arc::clone(shared),
                request.unit_timeout,
                Arc::clone(writer),
                Arc::clone(progress),
            ));
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok(outcome)) => outcome?,
            // Collectors run in a task of their own below this one, so this is the writer's panic.
            Some(Err(error)) => {
                return Err(ScanError::Request(format!("a unit's task failed: {error}")));
            }
        }
    }
}

async fn run_unit(
    unit: Unit,
    shared: Arc<Shared>,
    timeout: Duration,
    writer: Arc<Mutex<SnapshotWriter>>,
    progress: Arc<dyn Progress>,
) -> Result<(), ScanError> {
    let cx = Cx::new(
        unit.place,
        unit.service.operations,
        unit.sdk,
        Arc::new(Bucket::new(unit.service.rate)),
        shared,
    );
    // A task of its own: a collector's panic must not take other units with it.
    let mut task = JoinSet::new();
    task.spawn((unit.service.run)(cx.clone()));
    let left = match tokio::time::timeout(timeout, task.join_next()).await {
        Ok(Some(Ok(()))) | Ok(None) => ("NotReported", GapReason::Error),
        Ok(Some(Err(error))) => {
            tracing::error!(unit = %unit.key, %error, "collector failed");
            ("CollectorFailed", GapReason::Error)
        }
        Err(_) => ("UnitDeadline", GapReason::Timeout),
    };
    task.abort_all();
    let (mut output, ledger) = cx.finish();
    // Every type the unit owes has an outcome: what was not published was not read.
    for kind in unit.service.types(unit.key.region.is_global()) {
        output
            .listings
            .entry((*kind).to_owned())
            .or_insert_with(|| Listing {
                count: 0,
                gap: Some(Gap {
                    code: Some(left.0.to_owned()),
                    operation: unit.service.name.to_owned(),
                    ..Gap::bare(left.1)
                }),
            });
    }
    let gaps = ledger.iter().map(|entry| entry.gaps.len()).sum();
    let count = output.resources.len() as u64;
    let key = unit.key.clone();
    tokio::task::spawn_blocking(move || {
        lock(&writer).write_unit(key, output.listings, ledger, output.resources)
    })
    .await
    .map_err(|e| ScanError::Request(format!("the snapshot writer failed: {e}")))??;
    progress.unit_done(&unit.key, count, gaps);
    Ok(())
}

fn scope(request: &ScanRequest) -> Scope {
    Scope {
        accounts: request.accounts.clone(),
        organization: request.organization,
        role: request.role.as_ref().map(|role| role.role.clone()),
        regions: request.regions.clone(),
        excluded_regions: request.excluded_regions.clone(),
        services: request.services.clone(),
        last_accessed: request.last_accessed,
    }
}

fn scan_id() -> Result<String, ScanError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| ScanError::Request(format!("no random numbers: {e}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
