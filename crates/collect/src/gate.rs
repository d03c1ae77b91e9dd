//! What every call of a scan passes before it leaves: the buckets of its service, the ceiling of the whole
//! scan, and a slot. `limit` says how each of them counts, `quota` how much each of them holds.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use posture_model::AccountId;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::limit::{Bucket, Ceiling, Rate, lock};
use crate::operation::Operation;
use crate::quota;

/// Whose bucket: account, region where the calls are answered, quota, and the operation when it has a
/// limit to itself.
type Key = (AccountId, String, &'static str, Option<&'static str>);

/// The gates of a scan. A bucket is shared by all that call the same service in the same place, whichever
/// collector they belong to.
#[derive(Debug)]
pub(crate) struct Gates {
    buckets: Mutex<HashMap<Key, Arc<Bucket>>>,
    /// In front of the HTTP client and inside it; see `limit`.
    ceiling: Option<(Ceiling, Ceiling)>,
    slots: Slots,
}

/// Calls a second below which a service is slow: its calls do not queue behind the crowd for a slot.
const SLOW: f64 = 20.0;

/// Slots for calls under way.
#[derive(Debug)]
struct Slots {
    open: Semaphore,
    /// For slow services only, which would otherwise lose the little time that their limits give them.
    kept: Semaphore,
}

impl Gates {
    pub(crate) fn new(in_flight: usize, most_per_second: Option<u32>) -> Self {
        let in_flight = in_flight.max(1);
        let kept = in_flight / 8;
        Self {
            buckets: Mutex::default(),
            ceiling: most_per_second.map(|most| (Ceiling::new(most), Ceiling::new(most))),
            slots: Slots {
                open: Semaphore::new(in_flight - kept),
                kept: Semaphore::new(kept),
            },
        }
    }

    /// The way of the calls of one unit.
    pub(crate) fn lane(
        self: &Arc<Self>,
        account: &AccountId,
        region: &str,
        operations: &[&'static Operation],
    ) -> Lane {
        let ways = operations
            .iter()
            .map(|operation| (operation.name, self.way(account, region, operation)))
            .collect();
        Lane {
            gates: Arc::clone(self),
            ways,
        }
    }

    fn way(&self, account: &AccountId, region: &str, operation: &'static Operation) -> Way {
        let quota = quota::of(operation.quota());
        let bucket = |name, rate: Option<Rate>| {
            let key = (account.clone(), region.to_owned(), quota.name, name);
            rate.map(|rate| {
                let mut buckets = lock(&self.buckets);
                let made = || Arc::new(Bucket::new(rate));
                Arc::clone(buckets.entry(key).or_insert_with(made))
            })
        };
        let own = bucket(Some(operation.name), quota.own(operation.name));
        let shared = bucket(None, quota.shared(operation.name));
        Way::new(own.into_iter().chain(shared).collect())
    }

    async fn slot(&self, slow: bool) -> Option<SemaphorePermit<'_>> {
        // Neither semaphore is ever closed.
        if !slow {
            return self.slots.open.acquire().await.ok();
        }
        tokio::select! {
            biased;
            permit = self.slots.kept.acquire() => permit.ok(),
            permit = self.slots.open.acquire() => permit.ok(),
        }
    }
}

/// The buckets of one operation, its own first.
#[derive(Debug)]
struct Way {
    buckets: Vec<Arc<Bucket>>,
    slow: bool,
}

impl Way {
    fn new(buckets: Vec<Arc<Bucket>>) -> Self {
        let slow = buckets
            .iter()
            .any(|bucket| bucket.contract().per_second <= SLOW);
        Self { buckets, slow }
    }
}

/// What the calls of one unit pass.
#[derive(Debug)]
pub(crate) struct Lane {
    gates: Arc<Gates>,
    ways: HashMap<&'static str, Way>,
}

impl Lane {
    fn way(&self, operation: &Operation) -> Option<&Way> {
        self.ways.get(operation.name)
    }

    fn buckets(&self, operation: &Operation) -> &[Arc<Bucket>] {
        self.way(operation).map_or(&[], |way| &way.buckets)
    }

    /// Waits for everything that a call needs; the slot is its until it lets go of it.
    pub(crate) async fn admit(
        &self,
        operation: &Operation,
        waits: &Waits,
    ) -> Option<SemaphorePermit<'_>> {
        {
            let _waiting = Waiting::on(&waits.limit);
            for bucket in self.buckets(operation) {
                bucket.take().await;
            }
            if let Some((ceiling, _)) = &self.gates.ceiling {
                ceiling.pass().await.passed();
            }
        }
        let _waiting = Waiting::on(&waits.slot);
        let slow = self.way(operation).is_some_and(|way| way.slow);
        self.gates.slot(slow).await
    }

    /// Lets a call out: the last thing before the wire. `go` must only begin it.
    pub(crate) async fn leave<F: Future>(
        &self,
        operation: &Operation,
        go: impl FnOnce() -> F,
    ) -> F {
        let buckets = self.buckets(operation);
        let mut doors = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            doors.push(bucket.door().await);
        }
        let passing = match &self.gates.ceiling {
            Some((_, ceiling)) => Some(ceiling.pass().await),
            None => None,
        };
        let under_way = go();
        for door in doors {
            door.passed();
        }
        if let Some(passing) = passing {
            passing.passed();
        }
        under_way
    }

    /// AWS answered, and not with throttling.
    pub(crate) fn answered(&self, operation: &Operation) {
        for bucket in self.buckets(operation) {
            bucket.answered();
        }
    }

    /// AWS throttled a call that was sent at this moment. Its own bucket is to blame where it has one.
    pub(crate) fn throttled(&self, operation: &Operation, sent: Instant) {
        if let Some(bucket) = self.buckets(operation).first() {
            bucket.throttled(sent);
        }
    }

    /// AWS asked to be left alone for a while.
    pub(crate) fn hold(&self, operation: &Operation, pause: Duration) {
        if let Some(bucket) = self.buckets(operation).first() {
            bucket.hold(pause);
        }
    }
}

/// How many calls of a unit wait, and for what.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    pub(crate) credentials: AtomicU32,
    pub(crate) limit: AtomicU32,
    pub(crate) slot: AtomicU32,
    pub(crate) answer: AtomicU32,
    pub(crate) pause: AtomicU32,
}

/// Counts one waiting call for as long as it lives.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    pub(crate) fn on(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static GET_POLICY: Operation = Operation {
        service: "lambda",
        name: "GetPolicy",
        action: "lambda:GetPolicy",
    };
    static LIST_FUNCTIONS: Operation = Operation {
        service: "lambda",
        name: "ListFunctions",
        action: "lambda:ListFunctions",
    };
    static GET_RESOURCES: Operation = Operation {
        service: "apigateway",
        name: "GetResources",
        action: "apigateway:GET",
    };
    static GET_APIS: Operation = Operation {
        service: "apigatewayv2",
        name: "GetApis",
        action: "apigateway:GET",
    };
    static CORE_LIST_ACCOUNTS: Operation = Operation {
        service: "core",
        name: "ListAccounts",
        action: "organizations:ListAccounts",
    };
    static LIST_ACCOUNTS: Operation = Operation {
        service: "organizations",
        name: "ListAccounts",
        action: "organizations:ListAccounts",
    };

    fn share(a: (&Lane, &Operation), b: (&Lane, &Operation)) -> bool {
        a.0.buckets(a.1)
            .iter()
            .any(|one| b.0.buckets(b.1).iter().any(|other| Arc::ptr_eq(one, other)))
    }

    #[test]
    fn buckets_are_shared_by_whom_aws_lets_share() {
        let gates = Arc::new(Gates::new(8, None));
        let (one, two) = (
            AccountId::new("111111111111").unwrap(),
            AccountId::new("222222222222").unwrap(),
        );
        let lambda = gates.lane(&one, "eu-west-1", &[&GET_POLICY, &LIST_FUNCTIONS]);
        assert!(!share((&lambda, &GET_POLICY), (&lambda, &LIST_FUNCTIONS)));
        let again = gates.lane(&one, "eu-west-1", &[&GET_POLICY]);
        assert!(share((&lambda, &GET_POLICY), (&again, &GET_POLICY)));
        let elsewhere = gates.lane(&one, "us-east-1", &[&GET_POLICY]);
        assert!(!share((&lambda, &GET_POLICY), (&elsewhere, &GET_POLICY)));
        let theirs = gates.lane(&two, "eu-west-1", &[&GET_POLICY]);
        assert!(!share((&lambda, &GET_POLICY), (&theirs, &GET_POLICY)));

        let rest = gates.lane(&one, "eu-west-1", &[&GET_RESOURCES]);
        let http = gates.lane(&one, "eu-west-1", &[&GET_APIS]);
        assert_eq!(rest.buckets(&GET_RESOURCES).len(), 2);
        assert!(share((&rest, &GET_RESOURCES), (&http, &GET_APIS)));

        // Whether the core asks or the collector: it is one quota.
        let core = gates.lane(&one, "us-east-1", &[&CORE_LIST_ACCOUNTS]);
        let collector = gates.lane(&one, "us-east-1", &[&LIST_ACCOUNTS]);
        assert!(share(
            (&core, &CORE_LIST_ACCOUNTS),
            (&collector, &LIST_ACCOUNTS)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_service_does_not_queue_behind_the_crowd() {
        let gates = Gates::new(8, None);
        let mut crowd = Vec::new();
        for _ in 0..7 {
            crowd.push(gates.slot(false).await);
        }
        let eighth = tokio::time::timeout(Duration::from_secs(1), gates.slot(false)).await;
        assert!(eighth.is_err(), "a place is kept");
        let slow = tokio::time::timeout(Duration::from_secs(1), gates.slot(true)).await;
        assert!(slow.is_ok());
    }
}
