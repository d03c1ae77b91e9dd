//! What a collector works with: one unit (account, region, service), and the one way to call AWS.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::region::Region as SdkRegion;
use futures::stream::{self, StreamExt};
use posture_model::{
    AccountId, Collected, Gap, GapReason, Partition, Region, Resource, ResourceKind, Tags,
    Timestamp, TypedResource,
};
use posture_snapshot::{LedgerEntry, Listing};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::credentials::Keys;
use crate::failure::{Failure, classify};
use crate::gate::{Gates, Lane, Waiting, Waits};
use crate::guard::Guard;
use crate::limit::lock;
use crate::network::{Network, Verdict};
use crate::operation::Operation;
use crate::secrets::Examiner;
use crate::session::Session;

/// How calls behave, the same for a whole scan.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPolicy {
    /// Attempts at a call, the first included.
    pub attempts: u32,
    /// Attempts at a call that keeps being throttled.
    pub throttled_attempts: u32,
    /// Longest wait for one attempt.
    pub attempt_timeout: Duration,
    /// Wait before the second attempt; doubles from there, with jitter.
    pub backoff: Duration,
    /// Longest wait between attempts.
    pub longest_backoff: Duration,
    /// Calls under way at once, over the whole scan.
    pub in_flight: usize,
    /// Calls in any one second, over the whole scan; none for no ceiling but those of the services.
    pub most_per_second: Option<u32>,
    /// How long nothing may answer before the scan stops.
    pub network_patience: Duration,
    /// Items of one listing looked at at once.
    pub fan_out: usize,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            throttled_attempts: 8,
            attempt_timeout: Duration::from_secs(20),
            backoff: Duration::from_millis(200),
            longest_backoff: Duration::from_secs(10),
            in_flight: 256,
            most_per_second: None,
            network_patience: Duration::from_secs(60),
            fan_out: 64,
        }
    }
}

/// What all units of a scan share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: CallPolicy,
    pub(crate) gates: Arc<Gates>,
    pub(crate) network: Network,
    /// Why the scan has to stop, once it has to.
    pub(crate) halt: watch::Sender<Option<Halt>>,
    pub(crate) examiner: Examiner,
    /// Whether an endpoint of the user's own is in force: such endpoints rarely have a name for each
    /// bucket, so S3 addresses them by path.
    pub(crate) custom_endpoint: bool,
    /// Whether to ask which services users and roles last accessed.
    pub(crate) last_accessed: bool,
}

impl Shared {
    /// Stops the scan: what is complete is kept, and the same command goes on later.
    fn halt(&self, why: Halt) {
        self.halt.send_if_modified(|halt| {
            let first = halt.is_none();
            halt.get_or_insert(why);
            first
        });
    }
}

/// Why a scan stops before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The caller's credentials have ended and could not be renewed.
    Credentials(Failure),
    /// Nothing answers any more.
    Network,
}

/// When a unit's calls come to their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// The code of the gaps that it leaves.
    pub(crate) code: &'static str,
}

/// One unit of work. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Cx {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    operations: &'static [&'static Operation],
    sdk: SdkConfig,
    keys: Keys,
    lane: Arc<Lane>,
    waits: Arc<Waits>,
    deadline: Option<Deadline>,
    shared: Arc<Shared>,
    ledger: Mutex<BTreeMap<&'static str, LedgerEntry>>,
    output: Mutex<Output>,
}

/// Where a unit is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) partition: Partition,
}

/// What a unit has yielded.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) listings: BTreeMap<String, Listing>,
    pub(crate) resources: Vec<Resource>,
}

/// The items of a listing, and why there may be more.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) gap: Option<Gap>,
}

/// What every resource has, whatever its type.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tags: Collected<Tags>,
    pub(crate) created: Option<Timestamp>,
}

/// Honoured up to here: no single answer may stop a scan for good.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// How often a call begins anew because the network was away.
const MOST_RETURNS: u32 = 3;

/// What has been tried at one call.
#[derive(Debug, Default)]
struct Patience {
    attempts: u32,
    /// How often the network came back.
    returns: u32,
    /// Whether credentials were renewed because AWS took them for expired.
    renewed: bool,
}

/// A listing that says it goes on for ever is cut here and called malformed.
const MOST_PAGES: u32 = 100_000;

impl Cx {
    /// A unit whose calls go to the endpoints of a region, with the keys of a session.
    pub(crate) fn new(
        place: Place,
        operations: &'static [&'static Operation],
        session: &Session,
        region: &str,
        shared: Arc<Shared>,
        deadline: Option<Deadline>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                lane: Arc::new(shared.gates.lane(&place.account, region, operations)),
                place,
                operations,
                sdk: session.in_region(region),
                keys: session.keys().clone(),
                waits: Arc::default(),
                deadline,
                shared,
                ledger: Mutex::default(),
                output: Mutex::default(),
            }),
        }
    }

    /// The account.
    pub(crate) fn account(&self) -> &AccountId {
        &self.inner.place.account
    }

    /// The region, or `global`.
    pub(crate) fn region(&self) -> &Region {
        &self.inner.place.region
    }

    /// The partition.
    pub(crate) fn partition(&self) -> &Partition {
        &self.inner.place.partition
    }

    /// Whether this is the account's global unit.
    pub(crate) fn is_global(&self) -> bool {
        self.region().is_global()
    }

    /// The configuration for clients of this unit; `client!` is the short way.
    pub(crate) fn sdk_config(&self) -> &SdkConfig {
        &self.inner.sdk
    }

    /// The same configuration for another region, for global services whose resources have one.
    pub(crate) fn sdk_config_in(&self, region: &str) -> SdkConfig {
        self.inner
            .sdk
            .to_builder()
            .region(SdkRegion::new(region.to_owned()))
            .build()
    }

    /// Whether the user gave an endpoint of their own.
    pub(crate) fn custom_endpoint(&self) -> bool {
        self.inner.shared.custom_endpoint
    }

    /// Whether the scan asks which services users and roles last accessed.
    pub(crate) fn reads_last_accessed(&self) -> bool {
        self.inner.shared.last_accessed
    }

    /// The interceptor without which a client can send nothing.
    pub(crate) fn guard(&self) -> Guard {
        let inner = &self.inner;
        Guard::new(
            inner.operations,
            Arc::clone(&inner.lane),
            inner.sdk.app_name(),
        )
    }

    /// What the unit's calls are waiting for.
    pub(crate) fn waits(&self) -> &Arc<Waits> {
        &self.inner.waits
    }

    /// Examines values that may be secret.
    pub(crate) fn examiner(&self) -> &Examiner {
        &self.inner.shared.examiner
    }

    /// Calls an operation: token bucket, time-outs, retries, ledger and span. `send` makes one attempt.
    pub(crate) async fn call<O, E, F, Fut>(
        &self,
        operation: &'static Operation,
        send: F,
    ) -> Result<O, Failure>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let mut tried = 0;
        let Some(deadline) = self.inner.deadline else {
            return self.attempts(operation, send, &mut tried).await;
        };
        // A time-out looks at the clock last: without this, a call could be made after the end.
        if Instant::now() < deadline.at
            && let Ok(answer) =
                tokio::time::timeout_at(deadline.at, self.attempts(operation, send, &mut tried))
                    .await
        {
            return answer;
        }
        let failure = Failure::deadline(deadline.code);
        self.book(operation, Duration::ZERO, tried + 1, Some(&failure), true);
        Err(failure)
    }

    async fn attempts<O, E, F, Fut>(
        &self,
        operation: &'static Operation,
        mut send: F,
        tried: &mut u32,
    ) -> Result<O, Failure>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let inner = &self.inner;
        let mut patience = Patience::default();
        loop {
            let generation = self.ready(operation, *tried + 1).await?;
            let permit = inner.lane.admit(operation, &inner.waits).await;
            let sent = Instant::now();
            let answer = {
                let _waiting = Waiting::on(&inner.waits.answer);
                // Boxed, since the SDK's futures are large, and those of collectors that hold several would be
                // moved about by tens of kilobytes.
                let sending = Box::pin(send());
                tokio::time::timeout(inner.shared.policy.attempt_timeout, sending).await
            };
            let elapsed = sent.elapsed();
            drop(permit);
            *tried += 1;
            let failure = match answer {
                Ok(Ok(output)) => {
                    inner.keys.accepted(generation);
                    inner.shared.network.heard();
                    inner.lane.answered(operation);
                    self.book(operation, elapsed, *tried, None, true);
                    return Ok(output);
                }
                Ok(Err(error)) => classify(&error),
                Err(_) => Failure::timeout(),
            };
            tracing::debug!(
                account = %self.account(), region = %self.region(), operation = %operation,
                attempt = *tried, reason = failure.reason.as_str(), code = failure.code.as_deref(),
                "call failed"
            );
            self.take_in(operation, sent, &failure);
            let again = self.again(&mut patience, generation, sent, &failure).await;
            self.book(operation, elapsed, *tried, Some(&failure), again.is_none());
            match again {
                None => return Err(failure),
                Some(pause) => {
                    let _waiting = Waiting::on(&inner.waits.pause);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Makes sure that there are credentials, before the call queues for its turn: renewing them may take
    /// a while. Gives which issue of them is current.
    async fn ready(&self, operation: &'static Operation, attempt: u32) -> Result<u64, Failure> {
        let inner = &self.inner;
        let good = {
            let _waiting = Waiting::on(&inner.waits.credentials);
            inner.keys.get().await
        };
        match good {
            Ok(_) => Ok(inner.keys.generation()),
            Err(failure) => {
                self.lost_keys();
                self.book(operation, Duration::ZERO, attempt, Some(&failure), true);
                Err(failure)
            }
        }
    }

    /// Without the caller's own credentials nothing can go on. Without those of one account, the others can.
    fn lost_keys(&self) {
        let keys = &self.inner.keys;
        if let Some(failure) = keys.dead().filter(|_| keys.are_own()) {
            self.inner.shared.halt(Halt::Credentials(failure));
        }
    }

    /// Learns from an attempt that failed.
    fn take_in(&self, operation: &'static Operation, sent: Instant, failure: &Failure) {
        let lane = &self.inner.lane;
        if failure.answered {
            self.inner.shared.network.heard();
        }
        if failure.reason == GapReason::Throttled {
            lane.throttled(operation, sent);
        } else if failure.answered {
            lane.answered(operation);
        }
        if let Some(pause) = failure.retry_after {
            lane.hold(operation, pause.min(LONGEST_HOLD));
        }
    }

    /// How long to wait before another attempt; none when there is to be none.
    async fn again(
        &self,
        patience: &mut Patience,
        generation: u64,
        sent: Instant,
        failure: &Failure,
    ) -> Option<Duration> {
        let inner = &self.inner;
        let policy = &inner.shared.policy;
        if failure.is_expired() {
            let renewed = inner.keys.refused(generation, failure).await;
            if !renewed {
                self.lost_keys();
            }
            let first = !std::mem::replace(&mut patience.renewed, true);
            return (renewed && first).then_some(Duration::ZERO);
        }
        patience.attempts += 1;
        let allowed = match failure.reason {
            GapReason::Throttled => policy.throttled_attempts,
            // A cut answer may come whole the second time; a wrong one stays wrong.
            GapReason::Malformed => policy.attempts.min(2),
            _ => policy.attempts,
        };
        if failure.transient && patience.attempts < allowed {
            return Some(self.pause(patience.attempts, failure));
        }
        if failure.reason != GapReason::Timeout || failure.answered {
            return None;
        }
        match inner.shared.network.judge(sent).await {
            Verdict::There => None,
            Verdict::Back => {
                patience.returns += 1;
                patience.attempts = 0;
                (patience.returns <= MOST_RETURNS).then_some(Duration::ZERO)
            }
            Verdict::Gone => {
                inner.shared.halt(Halt::Network);
                None
            }
        }
    }

    /// A fact that has a call of its own. The codes in `absent` are AWS's way of saying that it is not
    /// configured.
    pub(crate) async fn get<O, E, F, Fut>(
        &self,
        operation: &'static Operation,
        absent: &[&str],
        send: F,
    ) -> Collected<O>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        match self.call(operation, send).await {
            Ok(output) => Collected::Known(output),
            Err(failure) if is_absence(&failure, absent) => {
                self.forgive(operation, &failure);
                Collected::Absent
            }
            Err(failure) => Collected::Unavailable(failure.gap(operation)),
        }
    }

    /// A listing, page by page. `send` asks for the page of a token; `take` splits an answer into
    /// items and the next token.
    pub(crate) async fn list<O, E, T, F, Fut>(
        &self,
        operation: &'static Operation,
        mut send: F,
        mut take: impl FnMut(O) -> (Vec<T>, Option<String>),
    ) -> Listed<T>
    where
        E: ProvideErrorMetadata,
        F: FnMut(Option<String>) -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for page in 0..MOST_PAGES {
            if page > 0 {
                lock(&self.inner.ledger)
                    .entry(operation.name)
                    .or_default()
                    .pages += 1;
            }
            let (more, next) = match self.call(operation, || send(token.clone())).await {
                Ok(output) => take(output),
                Err(failure) => {
                    return Listed {
                        items,
                        gap: Some(failure.gap(operation)),
                    };
                }
            };
            items.extend(more);
            match next.filter(|next| !next.is_empty()) {
                None => return Listed { items, gap: None },
                // The same token twice would be asked for again and again.
                Some(next) if token.as_ref() == Some(&next) => break,
                Some(next) => token = Some(next),
            }
        }
        Listed {
            items,
            gap: Some(self.malformed(operation)),
        }
    }

    /// Looks at many items at once, bounded, keeping their order.
    pub(crate) async fn each<T, U, Fut>(
        &self,
        items: impl IntoIterator<Item = T>,
        look: impl FnMut(T) -> Fut,
    ) -> Vec<U>
    where
        Fut: Future<Output = U>,
    {
        stream::iter(items)
            .map(look)
            .buffered(self.inner.shared.policy.fan_out)
            .collect()
            .await
    }

    /// The refusal of an operation that AWS offers to other accounts only: nothing that could be granted
    /// here would help, so it counts as not offered rather than denied.
    pub(crate) fn not_offered_here(&self, operation: &'static Operation, gap: Gap) -> Gap {
        if gap.reason != GapReason::AccessDenied {
            return gap;
        }
        let excused = Gap {
            reason: GapReason::NotOffered,
            ..gap.clone()
        };
        let mut ledger = lock(&self.inner.ledger);
        let entry = ledger.entry(operation.name).or_default();
        entry.denied = entry.denied.saturating_sub(1);
        entry.gaps.retain(|known| *known != gap);
        entry.gaps.push(excused.clone());
        excused
    }

    /// Books a gap that follows from answers that were no errors.
    pub(crate) fn note(&self, operation: &'static Operation, gap: &Gap) {
        let mut ledger = lock(&self.inner.ledger);
        let entry = ledger.entry(operation.name).or_default();
        if entry.operation.is_empty() {
            entry.operation = operation.to_string();
            entry.iam_action = operation.action.to_owned();
        }
        if !entry.gaps.contains(gap) {
            entry.gaps.push(gap.clone());
        }
    }

    /// The gap of an answer that lacks what it must have.
    pub(crate) fn malformed(&self, operation: &'static Operation) -> Gap {
        Gap {
            reason: GapReason::Malformed,
            operation: operation.to_string(),
            iam_action: operation.action.to_owned(),
            code: None,
        }
    }

    /// A resource of this unit.
    pub(crate) fn resource<P: ResourceKind>(
        &self,
        identity: Identity,
        properties: P,
    ) -> TypedResource<P> {
        self.resource_in(self.region().clone(), identity, properties)
    }

    /// A resource whose region is not the unit's, as buckets have.
    pub(crate) fn resource_in<P: ResourceKind>(
        &self,
        region: Region,
        identity: Identity,
        properties: P,
    ) -> TypedResource<P> {
        Resource {
            r#type: P::TYPE.to_owned(),
            arn: identity.arn,
            id: identity.id,
            name: identity.name,
            account: self.account().clone(),
            region,
            partition: self.partition().clone(),
            tags: identity.tags,
            created: identity.created,
            properties,
        }
    }

    /// Hands over all resources of a type, with the listing's outcome. An item that could not be
    /// understood makes the listing incomplete.
    pub(crate) fn publish<P: ResourceKind>(
        &self,
        gap: Option<Gap>,
        items: impl IntoIterator<Item = Result<TypedResource<P>, Gap>>,
    ) {
        let mut listing = Listing { count: 0, gap };
        let mut resources = Vec::new();
        for item in items {
            let erased = item.and_then(|resource| {
                resource.erase().map_err(|e| {
                    tracing::error!(r#type = P::TYPE, error = %e, "resource cannot be written");
                    Gap::bare(GapReason::Malformed)
                })
            });
            match erased {
                Ok(resource) => resources.push(resource),
                Err(gap) => {
                    listing.gap.get_or_insert(gap);
                }
            }
        }
        listing.count = resources.len() as u64;
        let mut output = lock(&self.inner.output);
        // A type may be published in parts, as for two scopes of one service.
        let whole = output.listings.entry(P::TYPE.to_owned()).or_default();
        whole.count += listing.count;
        if whole.gap.is_none() {
            whole.gap = listing.gap;
        }
        output.resources.append(&mut resources);
    }

    /// What the unit has yielded, and its calls.
    pub(crate) fn finish(&self) -> (Output, Vec<LedgerEntry>) {
        let output = std::mem::take(&mut *lock(&self.inner.output));
        (output, self.ledger())
    }

    /// The calls so far, in the order of their names.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        lock(&self.inner.ledger).values().cloned().collect()
    }

    fn pause(&self, attempt: u32, failure: &Failure) -> Duration {
        if let Some(pause) = failure.retry_after {
            return pause.min(LONGEST_HOLD);
        }
        let policy = &self.inner.shared.policy;
        let ceiling = policy
            .backoff
            .saturating_mul(1 << (attempt - 1).min(16))
            .min(policy.longest_backoff);
        // Jitter keeps calls that failed together from failing together again.
        ceiling.mul_f64(0.5 + jitter() / 2.0)
    }

    fn book(
        &self,
        operation: &'static Operation,
        elapsed: Duration,
        attempt: u32,
        failure: Option<&Failure>,
        last: bool,
    ) {
        let mut ledger = lock(&self.inner.ledger);
        let entry = ledger.entry(operation.name).or_default();
        if entry.operation.is_empty() {
            entry.operation = operation.to_string();
            entry.iam_action = operation.action.to_owned();
        }
        entry.milliseconds += u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if attempt == 1 {
            entry.calls += 1;
        } else {
            entry.retries += 1;
        }
        let Some(failure) = failure else { return };
        if failure.reason == GapReason::Throttled {
            entry.throttled += 1;
        }
        if last {
            if failure.reason == GapReason::AccessDenied {
                entry.denied += 1;
            } else {
                entry.failed += 1;
            }
            let gap = failure.gap(operation);
            if !entry.gaps.contains(&gap) {
                entry.gaps.push(gap);
            }
        }
    }

    /// "Not configured" is an answer, not a failed call.
    fn forgive(&self, operation: &'static Operation, failure: &Failure) {
        let mut ledger = lock(&self.inner.ledger);
        let entry = ledger.entry(operation.name).or_default();
        if failure.reason == GapReason::AccessDenied {
            entry.denied = entry.denied.saturating_sub(1);
        } else {
            entry.failed = entry.failed.saturating_sub(1);
        }
        let gap = failure.gap(operation);
        entry.gaps.retain(|known| *known != gap);
    }
}

fn is_absence(failure: &Failure, absent: &[&str]) -> bool {
    failure
        .code
        .as_deref()
        .is_some_and(|code| absent.contains(&code))
}

/// A number in 0..1, good enough to spread retries.
fn jitter() -> f64 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    }
}
