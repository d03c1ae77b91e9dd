//! Resources of accounts that are not in memory, read when a check looks one up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use posture_catalog::{Documents, Elsewhere, Shelf};
use posture_model::{Gap, GapReason};
use posture_snapshot::{Snapshot, SnapshotError};

use crate::input::nodes;
use crate::plan::{Wanted, service_of};

/// Account, region and type.
type Place = (String, String, &'static str);

/// What was read of one place, by whoever came first.
type Read = Arc<OnceLock<Result<Arc<Shelf>, Arc<Gap>>>>;

/// The shelves of a snapshot, of which those that were used last are kept.
pub(crate) struct Shelves {
    snapshot: Snapshot,
    /// Numbers of units by account and region.
    units: HashMap<(String, String), Vec<usize>>,
    /// How many resources are kept, save where one shelf has more.
    limit: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<Place, Kept>,
    size: u64,
    clock: u64,
    failure: Option<(usize, SnapshotError)>,
}

struct Kept {
    read: Read,
    size: u64,
    used: u64,
}

impl Shelves {
    /// Of a snapshot, keeping so many resources.
    pub(crate) fn new(snapshot: &Snapshot, limit: u64) -> Self {
        let mut units: HashMap<(String, String), Vec<usize>> = HashMap::new();
        for (number, unit) in snapshot.manifest().units.iter().enumerate() {
            let place = (
                unit.key.account.as_str().to_owned(),
                unit.key.region.as_str().to_owned(),
            );
            units.entry(place).or_default().push(number);
        }
        Self {
            snapshot: snapshot.clone(),
            units,
            limit,
            state: Mutex::default(),
        }
    }

    /// What could not be read since the last time, if anything.
    pub(crate) fn failure(&self) -> Option<SnapshotError> {
        self.state().failure.take().map(|(_, error)| error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Units of a place that may hold resources of a type.
    fn units(&self, account: &str, region: &str, kind: &str) -> Vec<usize> {
        let place = (account.to_owned(), region.to_owned());
        let records = &self.snapshot.manifest().units;
        let all = self.units.get(&place).into_iter().flatten().copied();
        all.filter(|number| {
            records.get(*number).is_some_and(|unit| {
                unit.key.service == service_of(kind) || unit.listings.contains_key(kind)
            })
        })
        .collect()
    }

    /// The entry of a place, making room for it where it is new.
    fn entry(&self, place: &Place, units: &[usize]) -> Read {
        let records = &self.snapshot.manifest().units;
        let sizes = units.iter().filter_map(|number| {
            let unit = records.get(*number)?;
            let listed = unit.listings.get(place.2).map(|listing| listing.count);
            Some(listed.unwrap_or(unit.resources))
        });
        let size = sizes.sum();
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        if let Some(kept) = state.kept.get_mut(place) {
            kept.used = now;
            return Arc::clone(&kept.read);
        }
        while state.size + size > self.limit
            && let Some(oldest) = state.oldest()
        {
            if let Some(kept) = state.kept.remove(&oldest) {
                state.size -= kept.size;
            }
        }
        state.size += size;
        let read = Read::default();
        let kept = Kept {
            read: Arc::clone(&read),
            size,
            used: now,
        };
        state.kept.insert(place.clone(), kept);
        read
    }

    fn read(&self, kind: &'static str, units: &[usize]) -> Result<Arc<Shelf>, Arc<Gap>> {
        let documents = Arc::new(Documents::default());
        let wanted = Wanted::types([kind].into());
        let mut found = Vec::new();
        for number in units {
            let Some(record) = self.snapshot.manifest().units.get(*number) else {
                continue;
            };
            match nodes(&self.snapshot, record, &wanted, &documents) {
                Ok(nodes) => found.extend(nodes.into_iter().filter(|node| node.kind() == kind)),
                Err(error) => {
                    let gap = Gap {
                        code: Some(format!("{} of the snapshot cannot be read", record.key)),
                        ..Gap::bare(GapReason::Malformed)
                    };
                    // Whatever is judged by it does not count: the evaluation ends with this error.
                    let mut state = self.state();
                    let first = state.failure.as_ref().map(|(first, _)| first);
                    if first.is_none_or(|first| number < first) {
                        state.failure = Some((*number, error));
                    }
                    return Err(Arc::new(gap));
                }
            }
        }
        Ok(Arc::new(Shelf::new(found)))
    }
}

impl State {
    fn oldest(&self) -> Option<Place> {
        let kept = self.kept.iter().min_by_key(|(_, kept)| kept.used);
        kept.map(|(place, _)| place.clone())
    }
}

impl Elsewhere for Shelves {
    fn shelf(
        &self,
        account: &str,
        region: &str,
        kind: &'static str,
    ) -> Result<Arc<Shelf>, Arc<Gap>> {
        let units = self.units(account, region, kind);
        if units.is_empty() {
            return Ok(Arc::default());
        }
        let place = (account.to_owned(), region.to_owned(), kind);
        let entry = self.entry(&place, &units);
        // Read outside of the lock: whoever wants the same waits, and nobody else.
        entry.get_or_init(|| self.read(kind, &units)).clone()
    }
}
