//! Places where the resources of a type are not all known: a failed listing, a unit that is missing,
//! a type that the version which scanned did not know.

use std::collections::{BTreeMap, BTreeSet};

use posture_model::{AccountId, Gap, GapReason, Region};
use posture_snapshot::Manifest;

use crate::result::PlaceRecord;

/// A place where nothing can be said about the resources of a type that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blind {
    /// The account.
    pub(crate) account: AccountId,
    /// The region of the unit.
    pub(crate) region: Region,
    /// Why.
    pub(crate) gap: Gap,
}

/// What the manifest says about who was listed where, arranged by service.
pub(crate) struct Places<'a> {
    manifest: &'a Manifest,
    /// Types that some unit of a service lists, apart for global and regional units.
    listed: BTreeMap<(&'a str, bool), BTreeSet<&'a str>>,
}

impl<'a> Places<'a> {
    /// Arranges a manifest.
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let mut listed: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
        for unit in &manifest.units {
            listed
                .entry((unit.key.service.as_str(), unit.key.region.is_global()))
                .or_default()
                .extend(unit.listings.keys().map(String::as_str));
        }
        Self { manifest, listed }
    }

    /// Where the resources of a type are not all known, in the order of places.
    ///
    /// A service that a region does not offer has nothing there, which is known.
    pub(crate) fn blind(&self, kind: &str) -> Vec<Blind> {
        let service = kind.split('.').next().unwrap_or(kind);
        let lists = |global| {
            self.listed
                .get(&(service, global))
                .is_some_and(|types| types.contains(kind))
        };
        let mut blind = Vec::new();
        for unit in self.units(service) {
            let gap = match unit.listings.get(kind) {
                Some(listing) => match &listing.gap {
                    Some(gap) if gap.reason != GapReason::NotOffered => gap.clone(),
                    _ => continue,
                },
                None if lists(unit.key.region.is_global()) => {
                    absent(format!("{} did not say whether it lists {kind}", unit.key))
                }
                None => continue,
            };
            blind.push(Blind {
                account: unit.key.account.clone(),
                region: unit.key.region.clone(),
                gap,
            });
        }
        if lists(false) {
            blind.extend(self.missing(service, false));
        }
        if lists(true) {
            blind.extend(self.missing(service, true));
        }
        if !lists(false) && !lists(true) && self.wanted(service) {
            blind.extend(self.accounts().map(|account| Blind {
                account: account.clone(),
                region: Region::global(),
                gap: absent(format!("the snapshot lists no {kind} anywhere")),
            }));
        }
        blind.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        blind
    }

    /// Whether a unit that should be there is not.
    pub(crate) fn any_missing(&self) -> bool {
        self.listed
            .keys()
            .any(|(service, global)| self.missing(service, *global).next().is_some())
    }

    /// What was looked for in each place, in the order of places.
    pub(crate) fn records(&self) -> Vec<PlaceRecord> {
        let mut records: BTreeMap<(&AccountId, &Region), PlaceRecord> = BTreeMap::new();
        for unit in &self.manifest.units {
            let key = &unit.key;
            let record = records
                .entry((&key.account, &key.region))
                .or_insert_with(|| PlaceRecord {
                    account: key.account.clone(),
                    region: key.region.clone(),
                    services: Vec::new(),
                    incomplete: Vec::new(),
                });
            record.services.push(key.service.clone());
            let cut = unit.listings.iter().filter(|(_, listing)| {
                let gap = listing.gap.as_ref();
                gap.is_some_and(|gap| gap.reason != GapReason::NotOffered)
            });
            record.incomplete.extend(cut.map(|(kind, _)| kind.clone()));
        }
        let mut records: Vec<PlaceRecord> = records.into_values().collect();
        for record in &mut records {
            record.services.sort();
            record.incomplete.sort();
        }
        records
    }

    fn units(&self, service: &str) -> impl Iterator<Item = &'a posture_snapshot::UnitRecord> {
        self.manifest
            .units
            .iter()
            .filter(move |unit| unit.key.service == service)
    }

    /// Whether the scan was to cover a service.
    fn wanted(&self, service: &str) -> bool {
        let services = &self.manifest.scope.services;
        services.is_empty() || services.iter().any(|wanted| wanted == service)
    }

    /// Accounts that were to be scanned and could be entered; the others are gaps of the coverage. One without
    /// a unit was not reached before an interruption, or belongs to a shard that is missing.
    fn accounts(&self) -> impl Iterator<Item = &'a AccountId> {
        let units = self.manifest.units.iter().map(|unit| &unit.key.account);
        let entered = self
            .manifest
            .accounts
            .iter()
            .filter(|account| account.gaps.is_empty())
            .map(|account| &account.id);
        units.chain(entered).collect::<BTreeSet<_>>().into_iter()
    }

    /// Units of a service that other accounts or regions have. An interrupted scan leaves such.
    fn missing(&self, service: &str, global: bool) -> impl Iterator<Item = Blind> {
        let present: BTreeSet<(&AccountId, &Region)> = self
            .units(service)
            .map(|unit| (&unit.key.account, &unit.key.region))
            .collect();
        let mut blind = Vec::new();
        for account in self.accounts() {
            let regions: Vec<Region> = if global {
                vec![Region::global()]
            } else {
                self.manifest
                    .accounts
                    .iter()
                    .filter(|record| record.id == *account)
                    .flat_map(|record| record.regions.iter().cloned())
                    .filter(|region| !region.is_global())
                    .collect()
            };
            for region in regions {
                if !present.contains(&(account, &region)) {
                    let unit = format!("{account}/{region}/{service}");
                    blind.push(Blind {
                        account: account.clone(),
                        region,
                        gap: absent(format!("{unit} is not in the snapshot")),
                    });
                }
            }
        }
        blind.into_iter()
    }
}

fn absent(what: String) -> Gap {
    Gap {
        code: Some(what),
        ..Gap::bare(GapReason::Unsupported)
    }
}
