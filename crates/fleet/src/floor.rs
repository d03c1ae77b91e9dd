//! The floor: what no scheduler can beat.
//!
//! It is computed from the counts of a reference run, unthrottled and without faults, and from what the
//! operations say about whose answers they need. A perfect scan makes every distinct call of that run
//! once. It is bound by chains (a call that needs another's answer waits for it) and by rates (so many
//! calls of a bucket take so long).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::config::{Estate, Limit};
use crate::limit::rules;
use crate::service;
use crate::stats::{OperationStats, PlaceStats, Stats};

/// The floor of a whole scan, and of its places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// The shortest possible duration, in seconds: the largest of all below.
    pub seconds: f64,
    /// Which place decides, as `ACCOUNT/REGION/SERVICE`.
    pub decided_by: String,
    /// The calls that a perfect scan makes.
    pub calls: u64,
    /// Each answer's latency, in milliseconds.
    pub latency_ms: f64,
    /// By account, region and service.
    pub places: Vec<PlaceFloor>,
}

/// The floor of one service in one account and region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceFloor {
    /// The account.
    pub account: Account,
    /// The region of the signatures.
    pub region: String,
    /// The service.
    pub service: String,
    /// Distinct calls that were answered.
    pub calls: u64,
    /// Calls that must have ended before the first of these: those that find the caller, the accounts,
    /// the role and the regions.
    pub lead: u32,
    /// The longest chain of calls that need each other's answers.
    pub chain: u32,
    /// Lead and chain, times the latency.
    pub chain_seconds: f64,
    /// Calls beyond the burst by the allowed rate, of the slowest bucket that the service draws on.
    pub rate_seconds: f64,
}

impl Floor {
    /// The floor of a reference run's calls under some limits.
    ///
    /// A chain counts each call at the latency given. Limits are those of the server, or tighter ones
    /// that the client has set itself.
    pub fn of(
        stats: &Stats,
        estate: &Estate,
        latency_ms: f64,
        limits: &BTreeMap<String, Limit>,
    ) -> Self {
        let rates = Rates::of(stats, limits);
        let leads = Leads::of(stats, estate);
        let places: Vec<PlaceFloor> = stats
            .places
            .iter()
            .map(|place| {
                let lead = leads.before(place);
                let chain = chain(stats, place);
                PlaceFloor {
                    account: place.account,
                    region: place.region.clone(),
                    service: place.service.clone(),
                    calls: distinct(&place.counts),
                    lead,
                    chain,
                    chain_seconds: f64::from(lead + chain) * latency_ms / 1000.0,
                    rate_seconds: rates.of_place(place, limits),
                }
            })
            .collect();
        let seconds = |place: &PlaceFloor| place.chain_seconds.max(place.rate_seconds);
        let slowest = places
            .iter()
            .max_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        Self {
            seconds: slowest.map_or(0.0, seconds),
            decided_by: slowest.map_or_else(String::new, |place| {
                format!("{}/{}/{}", place.account, place.region, place.service)
            }),
            calls: places.iter().map(|place| place.calls).sum(),
            latency_ms,
            places,
        }
    }
}

fn distinct(counts: &crate::stats::Counts) -> u64 {
    counts.answered.saturating_sub(counts.repeated)
}

// ---- Chains --------------------------------------------------------------------------------------

/// The longest chain that ends in one of a place's calls.
fn chain(stats: &Stats, place: &PlaceStats) -> u32 {
    place
        .operations
        .iter()
        .map(|operation| depth(stats, place, operation, 0))
        .max()
        .unwrap_or(0)
}

/// Operations depend on few others; a table that went round in circles is cut.
const DEEPEST: u32 = 16;

fn depth(stats: &Stats, place: &PlaceStats, operation: &OperationStats, below: u32) -> u32 {
    if below > DEEPEST {
        return 0;
    }
    operation
        .chains
        .iter()
        .map(|chain| {
            let before = chain.after.as_deref().map_or(0, |after| {
                found(stats, place, after)
                    .map(|(place, operation)| depth(stats, place, operation, below + 1))
                    .max()
                    .unwrap_or(0)
            });
            before + chain.calls
        })
        .max()
        .unwrap_or(0)
}

/// The calls of an operation that a place's calls may rest on: its own, or, for services such as S3
/// whose listing is made in one region and followed up in others, those of the account.
fn found<'a>(
    stats: &'a Stats,
    place: &'a PlaceStats,
    operation: &str,
) -> impl Iterator<Item = (&'a PlaceStats, &'a OperationStats)> {
    let of = move |place: &'a PlaceStats| {
        place
            .operations
            .iter()
            .find(|known| known.operation == operation)
            .map(|operation| (place, operation))
    };
    let own = of(place);
    let others = stats
        .places
        .iter()
        .filter(move |other| {
            own.is_none() && other.account == place.account && other.service == place.service
        })
        .filter_map(of);
    let others: Vec<_> = others.collect();
    own.into_iter().chain(others)
}

// ---- What comes first ----------------------------------------------------------------------------

/// The calls that find caller, accounts, role and regions.
struct Leads {
    /// Whose credentials the scan began with.
    caller: Account,
    identity: u32,
    accounts: u32,
    assumed: bool,
    regions: BTreeMap<Account, u32>,
}

impl Leads {
    fn of(stats: &Stats, estate: &Estate) -> Self {
        let caller = stats
            .places
            .iter()
            .find(|place| place.service == "sts")
            .map_or(estate.management_account(), |place| place.account);
        let longest = |account: Account, service: &str, operation: &str| {
            stats
                .places
                .iter()
                .filter(|place| place.account == account && place.service == service)
                .flat_map(|place| &place.operations)
                .filter(|known| known.operation == operation)
                .flat_map(|known| &known.chains)
                .map(|chain| chain.calls)
                .max()
                .unwrap_or(0)
        };
        let assumed = longest(caller, "sts", "AssumeRole") > 0;
        Self {
            caller,
            identity: longest(caller, "sts", "GetCallerIdentity"),
            // Members are only known after the listing of all; a list given by hand needs none.
            accounts: if assumed {
                longest(caller, "organizations", "ListAccounts")
            } else {
                0
            },
            assumed,
            regions: stats
                .places
                .iter()
                .map(|place| {
                    (
                        place.account,
                        longest(place.account, "ec2", "DescribeRegions"),
                    )
                })
                .collect(),
        }
    }

    fn before(&self, place: &PlaceStats) -> u32 {
        let role = u32::from(self.assumed && place.account != self.caller);
        let session = self.identity + self.accounts + role;
        match place.service.as_str() {
            // These are the lead.
            "sts" => 0,
            "organizations" => self.identity,
            // What is in no region does not wait for the regions.
            name if service::all().any(|known| known.name == name && known.global) => session,
            _ => session + self.regions.get(&place.account).copied().unwrap_or(0),
        }
    }
}

// ---- Rates ---------------------------------------------------------------------------------------

/// Distinct calls by the bucket that they draw on.
struct Rates(BTreeMap<(Account, String, String), u64>);

impl Rates {
    fn of(stats: &Stats, limits: &BTreeMap<String, Limit>) -> Self {
        let mut calls = BTreeMap::new();
        for place in &stats.places {
            for operation in &place.operations {
                for (name, _) in rules(limits, &place.service, &operation.operation) {
                    *calls
                        .entry((place.account, place.region.clone(), name))
                        .or_default() += distinct(&operation.counts);
                }
            }
        }
        Self(calls)
    }

    fn of_place(&self, place: &PlaceStats, limits: &BTreeMap<String, Limit>) -> f64 {
        let mut slowest = 0.0_f64;
        for operation in &place.operations {
            for (name, limit) in rules(limits, &place.service, &operation.operation) {
                let key = (place.account, place.region.clone(), name);
                let calls = self.0.get(&key).copied().unwrap_or(0);
                // Counts of calls are far below what a double holds exactly.
                let calls = f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
                slowest = slowest.max((calls - limit.burst) / limit.per_second);
            }
        }
        slowest
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::stats::{Ending, Key, Recorder};

    fn stats(calls: &[(&str, &'static str, &'static str, Option<&'static str>, u32)]) -> Stats {
        let mut recorder = Recorder::new();
        for (number, (region, service, operation, after, longest)) in (0..).zip(calls) {
            let key = Key {
                account: Account::nth(0),
                region: (*region).to_owned(),
                service,
                operation,
            };
            recorder.book(
                key,
                Instant::now(),
                Ending::Answered,
                number,
                (*after, *longest),
            );
        }
        recorder.stats(Duration::from_secs(1), false)
    }

    #[test]
    fn the_longest_chain_goes_through_pages_and_followers() {
        let stats = stats(&[
            ("us-east-1", "sts", "GetCallerIdentity", None, 1),
            ("us-east-1", "ec2", "DescribeRegions", None, 1),
            ("eu-west-1", "lambda", "ListFunctions", None, 3),
            (
                "eu-west-1",
                "lambda",
                "ListAliases",
                Some("ListFunctions"),
                1,
            ),
            ("eu-west-1", "lambda", "GetPolicy", Some("ListFunctions"), 1),
            ("eu-west-1", "lambda", "GetPolicy", Some("ListAliases"), 1),
            ("us-east-1", "s3", "ListBuckets", None, 2),
            ("eu-west-1", "s3", "GetBucketAcl", Some("ListBuckets"), 1),
        ]);
        let floor = Floor::of(&stats, &Estate::default(), 50.0, &BTreeMap::new());
        let of = |region: &str, service: &str| {
            floor
                .places
                .iter()
                .find(|place| place.region == region && place.service == service)
                .unwrap()
        };
        assert_eq!(
            (
                of("eu-west-1", "lambda").lead,
                of("eu-west-1", "lambda").chain
            ),
            (2, 5)
        );
        assert_eq!(of("eu-west-1", "s3").chain, 3);
        assert_eq!(floor.calls, 8);
        assert!((floor.seconds - 0.35).abs() < 1e-9, "{floor:?}");
        assert_eq!(floor.decided_by, "111000000000/eu-west-1/lambda");
    }

    #[test]
    fn a_slow_bucket_decides_when_it_is_slower() {
        let calls: Vec<_> = (0..100)
            .map(|_| ("eu-west-1", "kms", "DescribeKey", None, 1))
            .chain((0..20).map(|_| ("eu-west-1", "apigatewayv2", "GetApis", None, 1)))
            .chain((0..20).map(|_| ("eu-west-1", "apigateway", "GetAccount", None, 1)))
            .collect();
        let limits = BTreeMap::from([
            ("*".to_owned(), Limit::new(40.0, 20.0)),
            (
                "apigateway".to_owned(),
                Limit {
                    covers: vec!["apigatewayv2".to_owned()],
                    ..Limit::new(10.0, 10.0)
                },
            ),
        ]);
        let floor = Floor::of(&stats(&calls), &Estate::default(), 50.0, &limits);
        // (100 - 40) / 20, and both kinds of APIs from one bucket: (40 - 10) / 10.
        assert!(
            floor
                .places
                .iter()
                .all(|place| (place.rate_seconds - 3.0).abs() < 1e-9),
            "{floor:?}"
        );
        assert!((floor.seconds - 3.0).abs() < 1e-9);
    }
}
