//! A scan: find accounts and regions, run every unit, write what each yields.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use posture_model::{AccountId, Gap, Region, Timestamp};
use posture_snapshot::{
    AccountRecord, LedgerEntry, Scope, Shard, SnapshotError, SnapshotWriter, Store, ToolRecord,
    UnitKey,
};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::accounts::{AccountFilter, Facts, Target};
use crate::clock::Clock;
use crate::cx::{CallPolicy, Deadline, Shared};
use crate::gate::{Gates, Waits};
use crate::limit::lock;
use crate::network::Network;
use crate::plan::{Core, Plan};
use crate::secrets::{Examiner, ExaminerError};
use crate::service::{self, Service};
use crate::session::{AccountRole, Caller, Session};
use crate::units::{self, Board, Unit, Workshop};

/// What to scan, and where to write it.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Who scans.
    pub session: Session,
    /// Accounts to scan; empty for the caller's own, or all with `organization`.
    pub accounts: Vec<AccountId>,
    /// Whether to scan every active account of the organization.
    pub organization: bool,
    /// Which of the accounts.
    pub filter: AccountFilter,
    /// Roles to take one after the other before anything else, each by its ARN: the last one is the caller.
    pub role_chain: Vec<AccountRole>,
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
    /// Units under way at once. So many at most are read again after a scan was killed.
    pub workers: usize,
    /// Longest time for one unit.
    pub unit_timeout: Duration,
    /// Longest time for the whole scan; none for as long as it takes.
    pub scan_timeout: Option<Duration>,
    /// Where the snapshot goes.
    pub snapshot: Arc<dyn Store>,
    /// Only this share of the places; none for all.
    pub shard: Option<Shard>,
    /// What the snapshot says wrote it.
    pub tool: ToolRecord,
}

/// Units under way at once unless told otherwise: what one machine can keep busy. Most of them wait for
/// answers, and calls are bounded by themselves.
pub const WORKERS: usize = 256;

/// A runtime that suits scans: with half of this machine's processors, and four at most.
///
/// A scan waits nearly all of the time. With a thread for each processor every answer wakes another one, which costs a
/// fifth more of processor time in all; one thread makes some thousands of calls a second, more than quotas allow.
/// Answers are looked for after every step: one that says "slow down" must not wait behind the calls that it is about.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads((processors / 2).clamp(1, 4))
        .event_interval(1)
        .enable_all()
        .build()
}

/// Longest time for one (account, region, service). Large units take minutes; this is for those that hang.
pub const UNIT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl ScanRequest {
    /// A scan of the caller's own account, everywhere, of everything.
    pub fn new(session: Session, snapshot: Arc<dyn Store>, tool: ToolRecord) -> Self {
        Self {
            session,
            accounts: Vec::new(),
            organization: false,
            filter: AccountFilter::default(),
            role_chain: Vec::new(),
            role: None,
            regions: Vec::new(),
            excluded_regions: Vec::new(),
            services: Vec::new(),
            last_accessed: false,
            policy: CallPolicy::default(),
            workers: WORKERS,
            unit_timeout: UNIT_TIMEOUT,
            scan_timeout: None,
            snapshot,
            shard: None,
            tool,
        }
    }
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
    /// A unit that the organization does not have.
    #[error("the organization has no unit {name:?}")]
    OrganizationalUnit {
        /// The id or path given.
        name: String,
        /// The paths that there are.
        known: Vec<String>,
    },
    /// A filter asks for something that could not be read. Scanning less without a word is no answer.
    #[error("it cannot be told {what}: {gap}")]
    Undecided {
        /// What is not known.
        what: String,
        /// Why.
        gap: Gap,
    },
    /// A role on the way to the accounts cannot be taken.
    #[error("the role {role} of the chain cannot be assumed: {gap}")]
    Chain {
        /// Its ARN.
        role: String,
        /// Why.
        gap: Gap,
    },
    /// The caller's credentials ended while the scan ran.
    #[error("the credentials have ended and could not be renewed: {detail}")]
    Expired {
        /// What was tried.
        detail: String,
    },
    /// The network went away while the scan ran.
    #[error("nothing answers any more: the network is gone")]
    Lost,
    /// Not one account could be scanned.
    #[error("not one account could be scanned: {detail}")]
    Nothing {
        /// The first account's reason.
        detail: String,
    },
    /// The snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The snapshot could be begun, and then not be written any further: the disk is full, or has become read-only.
    /// What is complete is there.
    #[error(transparent)]
    Unwritable(SnapshotError),
    /// No random numbers, no scan: secrets could not be fingerprinted safely.
    #[error(transparent)]
    Examiner(#[from] ExaminerError),
}

impl ScanError {
    /// The error of a scan that had begun.
    fn on_the_way(self) -> Self {
        match self {
            Self::Snapshot(error @ SnapshotError::Io { .. }) => Self::Unwritable(error),
            other => other,
        }
    }
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
    /// An interrupted scan that began then is too old to go on with: everything is read anew.
    fn forgotten(&self, _began: Timestamp) {}
    /// What the units under way wait for, every second.
    fn waiting(&self, _units: &[UnitWaits]) {}
}

/// A unit under way, and how many of its calls wait for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitWaits {
    /// The unit.
    pub unit: UnitKey,
    /// How long it has been under way.
    pub running: Duration,
    /// For credentials to be renewed.
    pub credentials: u32,
    /// For a rate limit, of the service or of the whole scan.
    pub limit: u32,
    /// For one of the calls under way to end.
    pub slot: u32,
    /// For an answer.
    pub answer: u32,
    /// For the time to try again.
    pub pause: u32,
}

impl UnitWaits {
    pub(crate) fn of(unit: &UnitKey, running: Duration, waits: &Waits) -> Self {
        Self {
            unit: unit.clone(),
            running,
            credentials: waits.credentials.load(Ordering::Relaxed),
            limit: waits.limit.load(Ordering::Relaxed),
            slot: waits.slot.load(Ordering::Relaxed),
            answer: waits.answer.load(Ordering::Relaxed),
            pause: waits.pause.load(Ordering::Relaxed),
        }
    }
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

/// Runs a scan to its end. Dropping the future stops it; what is complete by then stays on disk and a
/// later scan of the same scope goes on from there.
pub async fn scan(
    request: ScanRequest,
    progress: Arc<dyn Progress>,
) -> Result<ScanSummary, ScanError> {
    let services = chosen_services(&request.services)?;
    if request.filter.needs_organization() && !request.organization {
        return Err(ScanError::Request(
            "only the organization knows the units and tags of accounts: give --org".to_owned(),
        ));
    }
    let deadline = request.scan_timeout.map(|timeout| Deadline {
        at: Instant::now() + timeout,
        code: "ScanDeadline",
    });
    let shared = shared(&request)?;
    request.session.credentials().await?;
    let mut core = Core::new(Arc::clone(&shared), deadline);
    let (session, caller) = core.arrive(&request).await?;
    let targets = core.targets(&request, &session, &caller).await?;
    let mut asked = ask_about(&mut core, &request, &services, &session, &caller, &targets);
    let plans = core.plan_all(&request, &session, &caller, &targets).await?;
    if let Some(why) = shared.halt.borrow().as_ref() {
        return Err(units::stopped(why));
    }
    for plan in &plans {
        for gap in &plan.record.gaps {
            progress.account_failed(&plan.record.id, gap);
        }
    }
    nobody_entered(&plans)?;

    let mut open = units::units(&plans, &services);
    if let Some(shard) = request.shard {
        open.retain(|unit| shard.takes(&unit.key.account, &unit.key.region));
    }
    let wanted: Vec<UnitKey> = open.iter().map(|unit| unit.key.clone()).collect();
    let book = Arc::new(Book::open(&request, caller.account.clone(), plans).await?);
    if let Some(began) = lock(&book.writer).forgotten() {
        progress.forgotten(began);
    }
    open.retain(|unit| lock(&book.writer).completed(&unit.key).is_none());
    progress.planned(book.plans.len(), open.len());
    if open.len() < wanted.len() {
        progress.resumed(wanted.len() - open.len());
    }
    let about_accounts = async {
        match asked.join_next().await {
            Some(Ok(facts)) => book.learn(facts).await,
            Some(Err(error)) => Err(ScanError::Request(format!(
                "what the organization says of its accounts could not be read: {error}"
            ))),
            None => Ok(()),
        }
    };
    let work = work(open, &request, deadline, &shared, &book, &progress);
    tokio::try_join!(work, about_accounts).map_err(ScanError::on_the_way)?;

    for plan in &book.plans {
        if let Some(gap) = plan.expired() {
            progress.account_failed(&plan.record.id, &gap);
        }
    }
    let accounts = book.plans.iter().filter(|p| p.session.is_some()).count();
    let units = wanted.len();
    let ledger = core.ledger();
    // All units have ended, so nobody else holds it.
    let book = Arc::into_inner(book).ok_or_else(still_held)?;
    blocking(move || book.close(ledger, &wanted))
        .await
        .map_err(ScanError::on_the_way)?;
    Ok(ScanSummary {
        caller,
        accounts,
        units,
    })
}

/// Begins to ask the organization about the accounts, which its limits make slow; ends with what it gives. Where the
/// collector of AWS Organizations runs in the caller's account, that tells the same.
fn ask_about(
    core: &mut Core,
    request: &ScanRequest,
    services: &[&'static Service],
    session: &Session,
    caller: &Caller,
    targets: &[Target],
) -> JoinSet<Facts> {
    let mut asked = JoinSet::new();
    let by_collector = services
        .iter()
        .any(|service| service.name == "organizations")
        && targets.iter().any(|target| target.id == caller.account)
        && request
            .shard
            .is_none_or(|shard| shard.takes(&caller.account, &Region::global()));
    if request.organization && !by_collector {
        let cx = core.organization(session, caller);
        let targets = targets.to_vec();
        asked.spawn(async move { Facts::read(&cx, &targets).await });
    }
    asked
}

fn shared(request: &ScanRequest) -> Result<Arc<Shared>, ScanError> {
    let policy = request.policy.clone();
    Ok(Arc::new(Shared {
        gates: Arc::new(Gates::new(policy.in_flight, policy.most_per_second)),
        network: Network::new(policy.network_patience),
        halt: watch::Sender::default(),
        policy,
        examiner: Examiner::new()?,
        custom_endpoint: request.session.custom_endpoint,
        last_accessed: request.last_accessed,
    }))
}

/// Reads the units, and tells every second what they wait for.
async fn work(
    units: Vec<Unit>,
    request: &ScanRequest,
    deadline: Option<Deadline>,
    shared: &Arc<Shared>,
    book: &Arc<Book>,
    progress: &Arc<dyn Progress>,
) -> Result<(), ScanError> {
    let learns = Arc::clone(book);
    let workshop = Arc::new(Workshop {
        shared: Arc::clone(shared),
        writer: Arc::clone(&book.writer),
        pens: Semaphore::new(units::PENS),
        progress: Arc::clone(progress),
        unit_timeout: request.unit_timeout,
        deadline,
        board: Board::default(),
        told: Box::new(move |facts| {
            let learns = Arc::clone(&learns);
            Box::pin(async move { learns.learn(facts).await })
        }),
    });
    tokio::select! {
        done = units::run(units, request.workers, &workshop) => done,
        never = tell(&workshop.board, progress) => never,
    }
}

/// How often it is told what units wait for.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often it is logged, in tellings.
const LOG_EVERY: u32 = 10;

/// Units that are logged at once: those that have been under way for longest.
const LOGGED: usize = 20;

async fn tell<T>(board: &Board, progress: &Arc<dyn Progress>) -> T {
    let mut told: u32 = 0;
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let units = board.waits();
        progress.waiting(&units);
        told = told.wrapping_add(1);
        if !told.is_multiple_of(LOG_EVERY) {
            continue;
        }
        for waits in units.iter().take(LOGGED) {
            tracing::debug!(
                unit = %waits.unit, seconds = waits.running.as_secs(),
                credentials = waits.credentials, rate_limit = waits.limit, slot = waits.slot,
                answer = waits.answer, retry = waits.pause,
                "unit waits"
            );
        }
    }
}

/// The snapshot's account of the accounts, which grows while the scan runs.
struct Book {
    writer: Arc<Mutex<SnapshotWriter>>,
    caller: AccountId,
    plans: Vec<Plan>,
    facts: Mutex<Facts>,
    clock: Clock,
    /// What an interrupted run had learnt.
    before: Vec<AccountRecord>,
}

impl Book {
    /// Begins or resumes the snapshot. It may be far away, so that nothing else may wait for it.
    async fn open(
        request: &ScanRequest,
        caller: AccountId,
        plans: Vec<Plan>,
    ) -> Result<Self, ScanError> {
        let store = Arc::clone(&request.snapshot);
        let (tool, id, scope) = (request.tool.clone(), scan_id()?, scope(request));
        let (shard, clock) = (request.shard, request.session.clock().clone());
        blocking(move || {
            let now = clock.timestamp();
            let writer = SnapshotWriter::create_or_resume_in(store, tool, id, scope, shard, now)?;
            let book = Self {
                before: writer.accounts().to_vec(),
                clock,
                writer: Arc::new(Mutex::new(writer)),
                caller,
                plans,
                facts: Mutex::default(),
            };
            book.write()?;
            Ok(book)
        })
        .await
    }

    fn records(&self) -> Vec<AccountRecord> {
        let facts = lock(&self.facts);
        self.plans
            .iter()
            .map(|plan| {
                let mut record = plan.record(&facts);
                if let Some(before) = self.before.iter().find(|known| known.id == record.id) {
                    keep_known(&mut record, before);
                }
                record
            })
            .collect()
    }

    async fn learn(self: &Arc<Self>, facts: Facts) -> Result<(), ScanError> {
        if facts.is_empty() {
            return Ok(());
        }
        lock(&self.facts).merge(facts);
        let book = Arc::clone(self);
        blocking(move || book.write()).await
    }

    fn write(&self) -> Result<(), ScanError> {
        let records = self.records();
        lock(&self.writer).set_accounts(self.caller.clone(), records)?;
        Ok(())
    }

    fn close(self, ledger: Vec<LedgerEntry>, wanted: &[UnitKey]) -> Result<(), ScanError> {
        self.write()?;
        Arc::into_inner(self.writer)
            .ok_or_else(still_held)?
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .finish(ledger, wanted, self.clock.timestamp())?;
        Ok(())
    }
}

/// Runs what waits for a disk, or for what stands for one.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ScanError> + Send + 'static,
) -> Result<T, ScanError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| ScanError::Request(format!("the snapshot writer failed: {e}")))?
}

fn still_held() -> ScanError {
    ScanError::Request("a unit still writes after the end of the scan".to_owned())
}

/// What the organization's collector told an interrupted run; it is not asked again.
fn keep_known(record: &mut AccountRecord, before: &AccountRecord) {
    let told = |gap: &&Gap| gap.operation.starts_with("organizations:");
    for gap in before.gaps.iter().filter(told) {
        if !record.gaps.contains(gap) {
            record.gaps.push(gap.clone());
        }
    }
    if record.ou_path.is_none() {
        record.ou_path.clone_from(&before.ou_path);
    }
    if record.tags.is_empty() {
        record.tags.clone_from(&before.tags);
    }
}

fn nobody_entered(plans: &[Plan]) -> Result<(), ScanError> {
    if plans.iter().any(|plan| plan.session.is_some()) {
        return Ok(());
    }
    let detail = plans
        .iter()
        .flat_map(|plan| plan.record.gaps.iter().map(|gap| (&plan.record.id, gap)))
        .map(|(id, gap)| format!("{id}: {gap}"))
        .next()
        .unwrap_or_default();
    Err(ScanError::Nothing { detail })
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

fn scope(request: &ScanRequest) -> Scope {
    Scope {
        accounts: request.accounts.clone(),
        organization: request.organization,
        role: request.role.as_ref().map(|role| role.role.clone()),
        regions: request.regions.clone(),
        excluded_regions: request.excluded_regions.clone(),
        services: request.services.clone(),
        ous: request.filter.ous.clone(),
        excluded_ous: request.filter.excluded_ous.clone(),
        account_tags: request.filter.tags.clone(),
        excluded_accounts: request.filter.excluded_accounts.clone(),
        role_chain: request.role_chain.iter().map(|r| r.role.clone()).collect(),
        last_accessed: request.last_accessed,
    }
}

fn scan_id() -> Result<String, ScanError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| ScanError::Request(format!("no random numbers: {e}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
