//! What is to be judged, what has to be read for it, and in which parts.

use std::collections::{BTreeMap, BTreeSet};

use posture_catalog::{Catalog, Check, Climb};
use posture_model::CheckId;
use posture_snapshot::{Manifest, UnitRecord};

use crate::evaluate::Options;

/// What is to be judged.
pub(crate) struct Plan<'a> {
    /// The checks to run, in the order of their ids.
    pub(crate) selected: Vec<&'a Check>,
    /// The same with their numbers, by the type that they judge.
    pub(crate) by_type: BTreeMap<&'a str, Vec<(usize, &'a Check)>>,
    /// What has to be read for them.
    pub(crate) wanted: Wanted,
    /// Whether some check asks who can become an administrator.
    pub(crate) escalation: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(catalog: &'a Catalog, options: &Options) -> Self {
        let checks = catalog.checks().iter();
        let selected: Vec<&Check> = checks.filter(|check| options.selects(check)).collect();
        let mut by_type: BTreeMap<&str, Vec<(usize, &Check)>> = BTreeMap::new();
        for (number, check) in selected.iter().enumerate() {
            if let Some(kind) = check.meta.resource.as_deref() {
                by_type.entry(kind).or_default().push((number, check));
            }
        }
        let escalation = selected.iter().any(|check| check.asks_for_escalation());
        let mut types: BTreeSet<&'static str> =
            selected.iter().flat_map(|check| check.types()).collect();
        if escalation {
            types.extend(Climb::kinds());
        }
        let wanted = Wanted {
            // All resources count, whatever is asked of them: a report says which there are.
            services: None,
            types: Some(types),
            keys: true,
        };
        Self {
            selected,
            by_type,
            wanted,
            escalation,
        }
    }

    /// The types of the checks.
    pub(crate) fn kinds(&self) -> BTreeMap<&'a CheckId, &'a str> {
        let checks = self.selected.iter();
        checks
            .filter_map(|check| Some((&check.meta.id, check.meta.resource.as_deref()?)))
            .collect()
    }
}

/// The service of a type.
pub(crate) fn service_of(kind: &str) -> &str {
    kind.split('.').next().unwrap_or(kind)
}

/// What of a snapshot has to be read.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The services whose resources count; none for all.
    services: Option<BTreeSet<&'static str>>,
    /// The types that are looked at beyond their names; none for all.
    types: Option<BTreeSet<&'static str>>,
    /// Whether it has to be known which resources there are of all other types.
    pub(crate) keys: bool,
}

impl Wanted {
    /// Everything, for questions of any kind.
    pub(crate) fn everything() -> Self {
        Self {
            services: None,
            types: None,
            keys: true,
        }
    }

    /// These types alone.
    pub(crate) fn types(types: BTreeSet<&'static str>) -> Self {
        Self {
            services: Some(types.iter().map(|kind| service_of(kind)).collect()),
            types: Some(types),
            keys: false,
        }
    }

    /// Whether a resource of a type, or of a service, counts among those that were judged.
    pub(crate) fn counts(&self, kind: &str) -> bool {
        let services = self.services.as_ref();
        services.is_none_or(|services| services.contains(service_of(kind)))
    }

    /// Whether resources of a type are looked at.
    pub(crate) fn looks_at(&self, kind: &str) -> bool {
        let types = self.types.as_ref();
        types.is_none_or(|types| types.contains(kind))
    }

    /// Whether a unit has to be read.
    pub(crate) fn reads(&self, unit: &UnitRecord) -> bool {
        self.counts(&unit.key.service) || unit.listings.keys().any(|kind| self.counts(kind))
    }

    /// Whether all that a unit lists is looked at.
    pub(crate) fn looks_at_all(&self, unit: &UnitRecord) -> bool {
        unit.listings.keys().all(|kind| self.looks_at(kind))
    }
}

/// Accounts that are looked at together.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// The accounts, sorted.
    pub(crate) accounts: BTreeSet<String>,
    /// Numbers of their units in the manifest.
    pub(crate) units: Vec<usize>,
}

/// Splits the accounts of a snapshot, in the order of their ids, into shares of at most so many resources, or
/// of one account that has more.
pub(crate) fn shares(manifest: &Manifest, wanted: &Wanted, most: u64) -> Vec<Share> {
    let mut accounts: BTreeMap<&str, (u64, Vec<usize>)> = BTreeMap::new();
    for account in &manifest.accounts {
        accounts.entry(account.id.as_str()).or_default();
    }
    // An interrupted snapshot may lack the list of accounts; its units tell as well.
    for (number, unit) in manifest.units.iter().enumerate() {
        let (resources, units) = accounts.entry(unit.key.account.as_str()).or_default();
        if wanted.reads(unit) {
            *resources += unit.resources;
            units.push(number);
        }
    }
    let mut shares = Vec::new();
    let mut share = Share::default();
    let mut size = 0;
    for (account, (resources, units)) in accounts {
        if !share.accounts.is_empty() && size + resources > most {
            shares.push(std::mem::take(&mut share));
            size = 0;
        }
        size += resources;
        share.accounts.insert(account.to_owned());
        share.units.extend(units);
    }
    if !share.accounts.is_empty() {
        shares.push(share);
    }
    shares
}
