//! Places where the resources of a type are not all known: a failed listing, a unit that is missing,
//! a type that the version which scanned did not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use posture_model::{AccountId, Gap, GapReason, Region};
use posture_snapshot::{Manifest, UnitRecord};

use crate::plan::service_of;
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

/// What the manifest says about who was listed where, arranged by account.
pub(crate) struct Places<'a> {
    manifest: &'a Manifest,
    /// Types that some unit of a service lists, apart for global and regional units.
    listed: BTreeMap<(&'a str, bool), BTreeSet<&'a str>>,
    /// Accounts that were to be scanned and could be entered; the others are gaps of the coverage. One without
    /// a unit was not reached before an interruption, or belongs to a shard that is missing.
    accounts: BTreeMap<&'a str, Account<'a>>,
}

/// What was to be read of one account, and was.
#[derive(Default)]
struct Account<'a> {
    units: Vec<&'a UnitRecord>,
    regions: Vec<&'a Region>,
}

impl<'a> Places<'a> {
    /// Arranges a manifest.
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let mut listed: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
        let mut accounts: BTreeMap<&str, Account<'_>> = BTreeMap::new();
        for unit in &manifest.units {
            listed
                .entry((unit.key.service.as_str(), unit.key.region.is_global()))
                .or_default()
                .extend(unit.listings.keys().map(String::as_str));
            let account = accounts.entry(unit.key.account.as_str()).or_default();
            account.units.push(unit);
        }
        for record in &manifest.accounts {
            let id = record.id.as_str();
            let account = match record.gaps.is_empty() {
                true => accounts.entry(id).or_default(),
                false => match accounts.get_mut(id) {
                    Some(account) => account,
                    None => continue,
                },
            };
            let regional = record.regions.iter().filter(|region| !region.is_global());
            account.regions.extend(regional);
        }
        Self {
            manifest,
            listed,
            accounts,
        }
    }

    /// Where in some accounts the resources of a type are not all known, in the order of places.
    ///
    /// A service that a region does not offer has nothing there, which is known.
    pub(crate) fn blind(&self, kind: &str, accounts: &BTreeSet<String>) -> Vec<Blind> {
        let service = service_of(kind);
        let lists = |global| {
            self.listed
                .get(&(service, global))
                .is_some_and(|types| types.contains(kind))
        };
        let mut blind = Vec::new();
        for id in accounts {
            let Some(account) = self.accounts.get(id.as_str()) else {
                continue;
            };
            let units = account.units_of(service);
            blind.extend(units.filter_map(|unit| {
                let lists = lists(unit.key.region.is_global());
                blind_in(unit, kind, lists)
            }));
            for global in [false, true] {
                if lists(global) {
                    blind.extend(missing(id, account, service, global));
                }
            }
            if !lists(false) && !lists(true) && self.wanted(service) {
                let why = format!("the snapshot lists no {kind} anywhere");
                blind.extend(blind_at(id, &GLOBAL, why));
            }
        }
        blind.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        blind
    }

    /// Whether a unit that should be there is not.
    pub(crate) fn any_missing(&self) -> bool {
        self.accounts.iter().any(|(id, account)| {
            let mut listed = self.listed.keys();
            listed.any(|(service, global)| missing(id, account, service, *global).next().is_some())
        })
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

    /// Whether the scan was to cover a service.
    fn wanted(&self, service: &str) -> bool {
        let services = &self.manifest.scope.services;
        services.is_empty() || services.iter().any(|wanted| wanted == service)
    }
}

static GLOBAL: LazyLock<Region> = LazyLock::new(Region::global);

/// Units of a service that other accounts or regions have. An interrupted scan leaves such.
fn missing<'p>(
    id: &'p str,
    account: &'p Account<'_>,
    service: &'p str,
    global: bool,
) -> impl Iterator<Item = Blind> + 'p {
    let units = account.units_of(service);
    let present: BTreeSet<&Region> = units.map(|unit| &unit.key.region).collect();
    let regional = account.regions.iter().copied().filter(move |_| !global);
    let global: Option<&Region> = if global { Some(&GLOBAL) } else { None };
    regional
        .chain(global)
        .filter(move |region| !present.contains(region))
        .filter_map(move |region| {
            let why = format!("{id}/{region}/{service} is not in the snapshot");
            blind_at(id, region, why)
        })
}

impl<'a> Account<'a> {
    fn units_of(&self, service: &str) -> impl Iterator<Item = &'a UnitRecord> {
        let units = self.units.iter().copied();
        units.filter(move |unit| unit.key.service == service)
    }
}

/// Why the resources of a type in a unit are not all known, if they are not.
fn blind_in(unit: &UnitRecord, kind: &str, lists: bool) -> Option<Blind> {
    let gap = match unit.listings.get(kind) {
        Some(listing) => {
            let gap = listing.gap.as_ref();
            gap.filter(|gap| gap.reason != GapReason::NotOffered)?
                .clone()
        }
        None if lists => absent(format!("{} did not say whether it lists {kind}", unit.key)),
        None => return None,
    };
    Some(Blind {
        account: unit.key.account.clone(),
        region: unit.key.region.clone(),
        gap,
    })
}

/// A place of which nothing was read. None for what is no account, which cannot be among those scanned.
fn blind_at(account: &str, region: &Region, why: String) -> Option<Blind> {
    Some(Blind {
        account: AccountId::new(account).ok()?,
        region: region.clone(),
        gap: absent(why),
    })
}

fn absent(what: String) -> Gap {
    Gap {
        code: Some(what),
        ..Gap::bare(GapReason::Unsupported)
    }
}
