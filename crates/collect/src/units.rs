//! Running units: a bounded number of workers, the slowest units first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use posture_model::{Gap, GapReason, Region};
use posture_snapshot::{Listing, SnapshotWriter, UnitKey};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::accounts::Facts;
use crate::cx::{Cx, Deadline, Halt, Place, Shared};
use crate::gate::Waits;
use crate::limit::lock;
use crate::plan::{Plan, home_region};
use crate::quota;
use crate::scan::{Progress, ScanError, UnitWaits};
use crate::service::{Placement, Service};
use crate::session::Session;

/// A unit that is to be read.
pub(crate) struct Unit {
    pub(crate) key: UnitKey,
    service: &'static Service,
    place: Place,
    session: Session,
    /// Where its calls are answered.
    endpoint_region: String,
}

/// All units of the accounts that can be entered. What is slow comes first, over all accounts: a unit that
/// takes long and starts last would be waited for by nobody else.
pub(crate) fn units(plans: &[Plan], services: &[&'static Service]) -> Vec<Unit> {
    let mut services = services.to_vec();
    services.sort_by(|a, b| {
        let pace = |service: &Service| quota::of(service.name).slowest();
        pace(a).total_cmp(&pace(b)).then(a.name.cmp(b.name))
    });
    let mut units = Vec::new();
    for service in services {
        for plan in plans {
            let Some(session) = &plan.session else {
                continue;
            };
            units.extend(
                regions(plan, service)
                    .into_iter()
                    .map(|region| unit(plan, session, service, region)),
            );
        }
    }
    units
}

fn regions(plan: &Plan, service: &Service) -> Vec<Region> {
    let mut regions = Vec::new();
    if service.placement != Placement::Regional {
        regions.push(Region::global());
    }
    if service.placement != Placement::Global {
        regions.extend(plan.record.regions.iter().cloned());
    }
    regions
}

fn unit(plan: &Plan, session: &Session, service: &'static Service, region: Region) -> Unit {
    let account = &plan.record.id;
    let partition = &plan.record.partition;
    Unit {
        key: UnitKey {
            account: account.clone(),
            region: region.clone(),
            service: service.name.to_owned(),
        },
        service,
        endpoint_region: if region.is_global() {
            home_region(session, partition)
        } else {
            region.to_string()
        },
        place: Place {
            account: account.clone(),
            region,
            partition: partition.clone(),
        },
        session: session.clone(),
    }
}

/// What all workers share.
pub(crate) struct Workshop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Mutex<SnapshotWriter>>,
    /// Bounds how many units are written at once.
    pub(crate) pens: Semaphore,
    pub(crate) progress: Arc<dyn Progress>,
    /// Longest time for one unit.
    pub(crate) unit_timeout: Duration,
    /// The end of the scan.
    pub(crate) deadline: Option<Deadline>,
    /// The units under way, and what they wait for.
    pub(crate) board: Board,
    /// Told what the collector of AWS Organizations has read of accounts.
    pub(crate) told: Told,
}

/// Takes in what was read of accounts.
pub(crate) type Told =
    Box<dyn Fn(Facts) -> BoxFuture<'static, Result<(), ScanError>> + Send + Sync>;

/// Units that are written at once: enough to hide how long a disk or an object store takes for each.
pub(crate) const PENS: usize = 16;

/// How long a collector may take to end once its calls are over.
const GRACE: Duration = Duration::from_secs(30);

/// Runs units, so many at once.
pub(crate) async fn run(
    units: Vec<Unit>,
    workers: usize,
    workshop: &Arc<Workshop>,
) -> Result<(), ScanError> {
    let mut waiting = units.into_iter();
    let mut halted = workshop.shared.halt.subscribe();
    // Dropping the set aborts its tasks, so a cancelled scan stops calling at once.
    let mut running = JoinSet::new();
    loop {
        while running.len() < workers.max(1) {
            let Some(unit) = waiting.next() else { break };
            let workshop = Arc::clone(workshop);
            running.spawn(async move { workshop.read(unit).await });
        }
        let joined = tokio::select! {
            biased;
            why = halt(&mut halted) => return Err(stopped(&why)),
            joined = running.join_next() => joined,
        };
        match joined {
            None => return Ok(()),
            Some(Ok(outcome)) => outcome?,
            // Collectors run in a task of their own below this one, so this is the writer's panic.
            Some(Err(error)) => {
                return Err(ScanError::Request(format!("a unit's task failed: {error}")));
            }
        }
    }
}

/// Waits until the scan has to stop.
async fn halt(halted: &mut watch::Receiver<Option<Halt>>) -> Halt {
    match halted.wait_for(Option::is_some).await {
        Ok(why) => why.clone().unwrap_or(Halt::Network),
        // The sender lives as long as the scan.
        Err(_) => std::future::pending().await,
    }
}

/// The error of a scan that stops before its end.
pub(crate) fn stopped(why: &Halt) -> ScanError {
    match why {
        Halt::Credentials(failure) => ScanError::Expired {
            detail: failure
                .detail
                .clone()
                .or_else(|| failure.code.clone())
                .unwrap_or_else(|| failure.reason.phrase().to_owned()),
        },
        Halt::Network => ScanError::Lost,
    }
}

impl Workshop {
    /// Reads one unit and writes it.
    async fn read(&self, unit: Unit) -> Result<(), ScanError> {
        let own = Deadline {
            at: Instant::now() + self.unit_timeout,
            code: "UnitDeadline",
        };
        let deadline = match self.deadline {
            Some(scan) if scan.at < own.at => scan,
            _ => own,
        };
        let cx = Cx::new(
            unit.place,
            unit.service.operations,
            &unit.session,
            &unit.endpoint_region,
            Arc::clone(&self.shared),
            Some(deadline),
        );
        let left = {
            let _entry = self.board.enter(&unit.key, &cx);
            collect(unit.service, &unit.key, &cx, deadline).await
        };
        if self.shared.halt.borrow().is_some() {
            // What the unit lacks may be there the next time; it is not written as it is.
            return Ok(());
        }
        let (mut output, ledger) = cx.finish();
        if unit.service.name == "organizations" {
            (self.told)(Facts::of(&output.resources)).await?;
        }
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
        let pages = lock(&self.writer).units();
        // Never closed. It is held until the unit is on disk, or in the bucket.
        let pen = self.pens.acquire().await.ok();
        let record = tokio::task::spawn_blocking(move || {
            pages.write(key, output.listings, ledger, output.resources)
        })
        .await
        .map_err(|e| ScanError::Request(format!("the snapshot writer failed: {e}")))??;
        drop(pen);
        lock(&self.writer).add(record);
        self.progress.unit_done(&unit.key, count, gaps);
        Ok(())
    }
}

/// Runs a collector to its end; gives code and reason for what it has not published.
async fn collect(
    service: &'static Service,
    key: &UnitKey,
    cx: &Cx,
    deadline: Deadline,
) -> (&'static str, GapReason) {
    // A task of its own: a collector's panic must not take other units with it.
    let mut task = JoinSet::new();
    task.spawn((service.run)(cx.clone()));
    // At the deadline its calls end, and it publishes what it has.
    let end = deadline.at.max(Instant::now()) + GRACE;
    let left = match tokio::time::timeout_at(end, task.join_next()).await {
        Ok(Some(Ok(()))) | Ok(None) => ("NotReported", GapReason::Error),
        Ok(Some(Err(error))) => {
            tracing::error!(unit = %key, %error, "collector failed");
            ("CollectorFailed", GapReason::Error)
        }
        Err(_) => (deadline.code, GapReason::Timeout),
    };
    task.abort_all();
    left
}

/// The units under way.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<BTreeMap<UnitKey, (Instant, Arc<Waits>)>>);

/// The place of a unit on the board, for as long as it is under way.
#[derive(Debug)]
struct Entry<'a> {
    board: &'a Board,
    key: UnitKey,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(&self.board.0).remove(&self.key);
    }
}

impl Board {
    fn enter(&self, key: &UnitKey, cx: &Cx) -> Entry<'_> {
        lock(&self.0).insert(key.clone(), (Instant::now(), Arc::clone(cx.waits())));
        Entry {
            board: self,
            key: key.clone(),
        }
    }

    /// What every unit waits for, those that began first at the front.
    pub(crate) fn waits(&self) -> Vec<UnitWaits> {
        let mut units: Vec<UnitWaits> = lock(&self.0)
            .iter()
            .map(|(key, (since, waits))| UnitWaits::of(key, since.elapsed(), waits))
            .collect();
        units.sort_by(|a, b| b.running.cmp(&a.running).then(a.unit.cmp(&b.unit)));
        units
    }
}
