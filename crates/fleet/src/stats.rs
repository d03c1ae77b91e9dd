//! What the server saw, precisely enough to hold a client to its promises.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::account::Account;

/// What was seen since the start or the last reset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// How long that is, in milliseconds.
    pub elapsed_ms: u64,
    /// The length of the windows in which arrivals are counted, in milliseconds.
    pub window_ms: u64,
    /// All calls together.
    pub totals: Totals,
    /// By account, region of the signature, and service.
    pub places: Vec<PlaceStats>,
    /// Requests that were not understood, `METHOD PATH` to their number. A complete scan leaves none.
    pub unknown: BTreeMap<String, u64>,
}

/// All calls together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// How calls ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// The most calls that arrived within any one window.
    pub peak_in_window: u64,
    /// The most calls that were under way at once.
    pub peak_in_flight: u64,
}

/// How calls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Calls that arrived: the sum of the five below.
    pub calls: u64,
    /// Answered, be it with "not configured".
    pub answered: u64,
    /// Refused for their number.
    pub throttled: u64,
    /// Refused for want of permission.
    pub denied: u64,
    /// Refused because the credentials were past their time.
    pub expired: u64,
    /// Broken by an injected error or a dead region.
    pub failed: u64,
    /// Of the answered ones, those that had been answered before: what a client could have known.
    pub repeated: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.throttled += other.throttled;
        self.denied += other.denied;
        self.expired += other.expired;
        self.failed += other.failed;
        self.repeated += other.repeated;
    }
}

/// The calls to one service in one account and region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceStats {
    /// The account.
    pub account: Account,
    /// The region of the signature.
    pub region: String,
    /// The service.
    pub service: String,
    /// How calls ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// Arrival of the first and of the last call, in milliseconds after the start.
    pub first_ms: u64,
    /// See there.
    pub last_ms: u64,
    /// The most calls that arrived within any one window.
    pub peak_in_window: u64,
    /// By operation.
    pub operations: Vec<OperationStats>,
}

/// The calls of one operation in one account and region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationStats {
    /// The operation.
    pub operation: String,
    /// How calls ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// What its answered calls rest on.
    pub chains: Vec<Chain>,
    /// When each call arrived, in microseconds after the start, in order; only when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrivals_us: Vec<u64>,
}

/// Calls that can only be made one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The operation of the same service whose last answer the first of them needs.
    pub after: Option<String>,
    /// How many there are: the pages of the longest listing, and listings in between.
    pub calls: u32,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Answered,
    Throttled,
    Denied,
    Expired,
    Failed,
}

/// One operation in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) account: Account,
    pub(crate) region: String,
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
}

/// The books while the server runs.
#[derive(Debug)]
pub(crate) struct Recorder {
    started: Instant,
    entries: BTreeMap<Key, Entry>,
    answered: HashSet<u64>,
    unknown: BTreeMap<String, u64>,
    in_flight: u64,
    peak_in_flight: u64,
}

#[derive(Debug, Default)]
struct Entry {
    counts: Counts,
    arrivals: Vec<u64>,
    chains: BTreeMap<Option<&'static str>, u32>,
}

/// Requests that are not understood may come in any number; their names must not.
const MOST_UNKNOWN: usize = 100;

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            entries: BTreeMap::new(),
            answered: HashSet::new(),
            unknown: BTreeMap::new(),
            in_flight: 0,
            peak_in_flight: 0,
        }
    }

    /// Forgets everything but the calls that are under way.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            peak_in_flight: self.in_flight,
            ..Self::new()
        };
    }

    pub(crate) fn begin(&mut self) {
        self.in_flight += 1;
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
    }

    pub(crate) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Books a call. `request` is its fingerprint, `chain` what it rests on.
    pub(crate) fn book(
        &mut self,
        key: Key,
        arrived: Instant,
        ending: Ending,
        request: u64,
        chain: (Option<&'static str>, u32),
    ) {
        let at = arrived.saturating_duration_since(self.started);
        let repeated = ending == Ending::Answered && !self.answered.insert(request);
        let entry = self.entries.entry(key).or_default();
        entry.arrivals.push(micros(at));
        entry.counts.calls += 1;
        entry.counts.repeated += u64::from(repeated);
        let count = match ending {
            Ending::Answered => {
                let longest = entry.chains.entry(chain.0).or_default();
                *longest = chain.1.max(*longest);
                &mut entry.counts.answered
            }
            Ending::Throttled => &mut entry.counts.throttled,
            Ending::Denied => &mut entry.counts.denied,
            Ending::Expired => &mut entry.counts.expired,
            Ending::Failed => &mut entry.counts.failed,
        };
        *count += 1;
    }

    pub(crate) fn book_unknown(&mut self, request: String) {
        if self.unknown.len() < MOST_UNKNOWN || self.unknown.contains_key(&request) {
            *self.unknown.entry(request).or_default() += 1;
        }
    }

    /// The books as they stand, with arrivals counted in windows of this length.
    pub(crate) fn stats(&self, window: Duration, with_arrivals: bool) -> Stats {
        let mut totals = Totals {
            peak_in_flight: self.peak_in_flight,
            ..Totals::default()
        };
        let mut all = Vec::new();
        let mut places: Vec<PlaceStats> = Vec::new();
        let mut arrivals: Vec<u64> = Vec::new();
        let entries: Vec<(&Key, &Entry)> = self.entries.iter().collect();
        for (position, (key, entry)) in entries.iter().enumerate() {
            let same = |place: &PlaceStats| {
                place.account == key.account
                    && place.region == key.region
                    && place.service == key.service
            };
            if !places.last().is_some_and(same) {
                places.push(PlaceStats {
                    account: key.account,
                    region: key.region.clone(),
                    service: key.service.to_owned(),
                    counts: Counts::default(),
                    first_ms: 0,
                    last_ms: 0,
                    peak_in_window: 0,
                    operations: Vec::new(),
                });
            }
            arrivals.extend(&entry.arrivals);
            totals.counts.add(entry.counts);
            let Some(place) = places.last_mut() else {
                continue;
            };
            place.counts.add(entry.counts);
            place
                .operations
                .push(entry.stats(key.operation, with_arrivals));
            let last = entries
                .get(position + 1)
                .is_none_or(|(next, _)| !same_place(key, next));
            if last {
                arrivals.sort_unstable();
                place.first_ms = arrivals.first().copied().unwrap_or_default() / 1000;
                place.last_ms = arrivals.last().copied().unwrap_or_default() / 1000;
                place.peak_in_window = peak(&arrivals, window);
                all.append(&mut arrivals);
            }
        }
        all.sort_unstable();
        totals.peak_in_window = peak(&all, window);
        Stats {
            elapsed_ms: micros(self.started.elapsed()) / 1000,
            window_ms: micros(window) / 1000,
            totals,
            places,
            unknown: self.unknown.clone(),
        }
    }
}

fn same_place(one: &Key, other: &Key) -> bool {
    (one.account, &one.region, one.service) == (other.account, &other.region, other.service)
}

impl Entry {
    fn stats(&self, operation: &str, with_arrivals: bool) -> OperationStats {
        let mut arrivals_us = Vec::new();
        if with_arrivals {
            arrivals_us.clone_from(&self.arrivals);
            arrivals_us.sort_unstable();
        }
        OperationStats {
            operation: operation.to_owned(),
            counts: self.counts,
            chains: self
                .chains
                .iter()
                .map(|(after, calls)| Chain {
                    after: after.map(str::to_owned),
                    calls: *calls,
                })
                .collect(),
            arrivals_us,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The most moments within any window: the window takes in its beginning, not its end.
fn peak(sorted: &[u64], window: Duration) -> u64 {
    let window = micros(window);
    let mut first = 0;
    let mut most = 0;
    for (last, moment) in sorted.iter().enumerate() {
        while sorted
            .get(first)
            .is_some_and(|earliest| moment - earliest >= window)
        {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    u64::try_from(most).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide() {
        let second = Duration::from_secs(1);
        assert_eq!(peak(&[], second), 0);
        assert_eq!(peak(&[5], second), 1);
        // One just before and one just after a full second: no calendar second holds three.
        assert_eq!(
            peak(
                &[900_000, 1_000_000, 1_100_000, 1_900_000, 2_500_000],
                second
            ),
            3
        );
        // A second apart is not within a second.
        assert_eq!(peak(&[0, 1_000_000, 2_000_000], second), 1);
        assert_eq!(peak(&[0, 999_999], second), 2);
    }

    fn key(region: &str, operation: &'static str) -> Key {
        Key {
            account: Account::nth(0),
            region: region.to_owned(),
            service: "kms",
            operation,
        }
    }

    #[test]
    fn places_and_operations_add_up() {
        let mut recorder = Recorder::new();
        let start = recorder.started;
        let at = |ms| start + Duration::from_millis(ms);
        recorder.book(key("a", "ListKeys"), at(0), Ending::Answered, 1, (None, 1));
        recorder.book(key("a", "ListKeys"), at(10), Ending::Answered, 2, (None, 2));
        recorder.book(
            key("a", "DescribeKey"),
            at(20),
            Ending::Throttled,
            3,
            (Some("ListKeys"), 1),
        );
        recorder.book(
            key("a", "DescribeKey"),
            at(1_500),
            Ending::Answered,
            3,
            (Some("ListKeys"), 1),
        );
        recorder.book(
            key("a", "DescribeKey"),
            at(1_600),
            Ending::Answered,
            3,
            (Some("ListKeys"), 1),
        );
        recorder.book(key("b", "ListKeys"), at(30), Ending::Failed, 4, (None, 1));
        recorder.book_unknown("GET /x".to_owned());
        let stats = recorder.stats(Duration::from_secs(1), true);
        assert_eq!(stats.totals.counts.calls, 6);
        assert_eq!(stats.totals.peak_in_window, 4);
        let [a, b] = stats.places.as_slice() else {
            panic!("{stats:?}")
        };
        assert_eq!(
            (a.counts.calls, a.counts.answered, a.counts.throttled),
            (5, 4, 1)
        );
        assert_eq!(
            (a.counts.repeated, a.peak_in_window, a.last_ms),
            (1, 3, 1_600)
        );
        assert_eq!((b.counts.calls, b.counts.failed, b.first_ms), (1, 1, 30));
        let listing = a
            .operations
            .iter()
            .find(|o| o.operation == "ListKeys")
            .unwrap();
        assert_eq!(listing.arrivals_us, [0, 10_000]);
        assert_eq!(
            listing.chains,
            [Chain {
                after: None,
                calls: 2
            }]
        );
        assert_eq!(stats.unknown["GET /x"], 1);
        let text = serde_json::to_string(&stats).unwrap();
        assert_eq!(serde_json::from_str::<Stats>(&text).unwrap(), stats);
    }

    #[test]
    fn a_reset_keeps_what_is_under_way() {
        let mut recorder = Recorder::new();
        recorder.begin();
        recorder.begin();
        recorder.end();
        recorder.reset();
        assert_eq!(
            recorder
                .stats(Duration::from_secs(1), false)
                .totals
                .peak_in_flight,
            1
        );
        recorder.end();
        recorder.end();
    }
}
