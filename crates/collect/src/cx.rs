//! What a collector works with: one unit (account, region, service), and the one way to call AWS.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
use tokio::sync::Semaphore;

use crate::failure::{Failure, classify};
use crate::guard::Guard;
use crate::limit::{Bucket, lock};
use crate::operation::Operation;
use crate::secrets::Examiner;

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
            fan_out: 64,
        }
    }
}

/// What all units of a scan share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: CallPolicy,
    pub(crate) in_flight: Semaphore,
    pub(crate) examiner: Examiner,
    /// Whether an endpoint of the user's own is in force: such endpoints rarely have a name for each
    /// bucket, so S3 addresses them by path.
    pub(crate) custom_endpoint: bool,
    /// Whether to ask which services users and roles last accessed.
    pub(crate) last_accessed: bool,
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
    bucket: Arc<Bucket>,
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

/// A listing that says it goes on for ever is cut here and called malformed.
const MOST_PAGES: u32 = 100_000;

impl Cx {
    pub(crate) fn new(
        place: Place,
        operations: &'static [&'static Operation],
        sdk: SdkConfig,
        bucket: Arc<Bucket>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                operations,
                sdk,
                bucket,
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
        Guard::new(self.inner.operations)
    }

    /// Examines values that may be secret.
    pub(crate) fn examiner(&self) -> &Examiner {
        &self.inner.shared.examiner
    }

    /// Calls an operation: token bucket, time-out, retries, ledger and span. `send` makes one attempt.
    pub(crate) async fn call<O, E, F, Fut>(
        &self,
        operation: &'static Operation,
        mut send: F,
    ) -> Result<O, Failure>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let policy = &self.inner.shared.policy;
        let mut attempt = 1;
        loop {
            self.inner.bucket.take().await;
            // The semaphore is never closed.
            let permit = self.inner.shared.in_flight.acquire().await.ok();
            let started = Instant::now();
            let answer = tokio::time::timeout(policy.attempt_timeout, send()).await;
            let elapsed = started.elapsed();
            drop(permit);
            let failure = match answer {
                Ok(Ok(output)) => {
                    self.book(operation, elapsed, attempt, None, true);
                    return Ok(output);
                }
                Ok(Err(error)) => {
                    let failure = classify(&error);
                    tracing::debug!(
                        account = %self.account(), region = %self.region(), operation = %operation,
                        attempt, reason = failure.reason.as_str(), code = failure.code.as_deref(),
                        "call failed"
                    );
                    failure
                }
                Err(_) => Failure::timeout(),
            };
            let throttled = failure.reason == GapReason::Throttled;
            if throttled {
                self.inner.bucket.slow_down();
            }
            let allowed = match failure.reason {
                GapReason::Throttled => policy.throttled_attempts,
                // A cut answer may come whole the second time; a wrong one stays wrong.
                GapReason::Malformed => policy.attempts.min(2),
                _ => policy.attempts,
            };
            let last = !failure.transient || attempt >= allowed;
            self.book(operation, elapsed, attempt, Some(&failure), last);
            if last {
                return Err(failure);
            }
            tokio::time::sleep(self.pause(attempt, &failure)).await;
            attempt += 1;
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
        if let Some(seconds) = failure.retry_after {
            // Honoured, but no single answer may stop a scan for good.
            return Duration::from_secs(seconds.min(60));
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
