//! What the accounts of a snapshot have in common, or know of each other: who was scanned, what was listed
//! where, and the organization's own resources. Small, and in memory as a whole however many accounts there
//! are; their resources are not here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use posture_model::{AccountId, Gap, GapReason, Region, Timestamp};
use posture_policy::{Control, PolicySet};

use crate::expr::{ResourceVal, type_name, type_number};
use crate::world::{ResourceNode, not_collected};

/// The type whose resources say which accounts belong together.
const ACCOUNT: &str = "organizations.account";

/// The type that says which organization an account belongs to.
const ORGANIZATION: &str = "organizations.organization";

/// What the names of the types begin with of which every account may have to know all resources.
const PREFIX: &str = "organizations.";

/// The facts that all accounts share.
#[derive(Debug)]
pub struct Organization {
    now: Timestamp,
    scanned: BTreeSet<String>,
    /// Accounts that some account's listing of its organization names.
    members: BTreeSet<String>,
    /// Those of them whose organization was listed to the end: who is not listed is not in it.
    settled: BTreeSet<String>,
    /// Ids of organizations by the account that read them.
    ids: BTreeMap<String, String>,
    /// `scanned` and `members` together.
    known: BTreeSet<String>,
    /// What was listed by account and region.
    listings: HashMap<String, BTreeMap<Arc<str>, Arc<Listings>>>,
    /// The world of a case: what was not said to be unlisted was listed.
    assumed: Option<BTreeSet<u16>>,
    /// The organizations' own resources, in the order of the accounts that read them.
    resources: HashMap<u16, Vec<ResourceNode>>,
    /// Control policies by account and type, read when first asked for.
    controls: RwLock<HashMap<(String, &'static str), Arc<Control>>>,
    /// Those that are attached to one unit, which many accounts are below.
    levels: RwLock<HashMap<(String, &'static str), Level>>,
    unlisted_roles: OnceLock<Vec<(String, String)>>,
}

/// Control policies of one unit of the organization, or why they are not all known.
pub(crate) type Level = Result<Arc<PolicySet>, String>;

/// The outcome of listing each type in one place, by the type's number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listings(Vec<(u16, Option<Arc<Gap>>)>);

impl Listings {
    /// Whether a type was listed here; `None` where nobody tried.
    pub(crate) fn of(&self, of: u16) -> Option<Result<(), &Arc<Gap>>> {
        let at = self.0.binary_search_by_key(&of, |(of, _)| *of).ok()?;
        let (_, gap) = self.0.get(at)?;
        Some(gap.as_ref().map_or(Ok(()), Err))
    }

    fn set(&mut self, of: u16, outcome: Option<Arc<Gap>>) {
        match self.0.binary_search_by_key(&of, |(of, _)| *of) {
            Ok(at) => self.0[at] = (of, outcome),
            Err(at) => self.0.insert(at, (of, outcome)),
        }
    }

    fn is_whole(&self) -> bool {
        self.0.iter().all(|(_, gap)| gap.is_none())
    }
}

/// Gathers an [`Organization`].
#[derive(Debug)]
pub struct OrganizationBuilder {
    now: Timestamp,
    scanned: BTreeSet<String>,
    listings: BTreeMap<String, BTreeMap<String, Listings>>,
    assumed: Option<BTreeSet<u16>>,
    resources: BTreeMap<(String, String), Vec<ResourceNode>>,
}

impl OrganizationBuilder {
    /// Says that an account was scanned.
    pub fn account(&mut self, account: &AccountId) {
        self.scanned.insert(account.as_str().to_owned());
    }

    /// Records the outcome of listing a type in a place. A service that a region does not offer has
    /// nothing there: that is an answer. Not so for the accounts of an organization, which AWS offers
    /// to its management account only: they are there for all that.
    pub fn listing(
        &mut self,
        account: &AccountId,
        unit_region: &Region,
        kind: &str,
        gap: Option<&Gap>,
    ) {
        let Some(of) = type_number(kind) else { return };
        let outcome = gap
            .filter(|gap| gap.reason != GapReason::NotOffered || kind == ACCOUNT)
            .map(|gap| Arc::new(gap.clone()));
        let account = self
            .listings
            .entry(account.as_str().to_owned())
            .or_default();
        let place = account.entry(unit_region.as_str().to_owned()).or_default();
        place.set(of, outcome);
    }

    /// Whether resources of a type belong here.
    pub fn takes(kind: &str) -> bool {
        kind.starts_with(PREFIX)
    }

    /// Adds a resource of such a type that a unit of some region listed.
    pub fn resource(&mut self, resource: ResourceNode, unit_region: &Region) {
        let place = (
            resource.account().to_owned(),
            unit_region.as_str().to_owned(),
        );
        self.resources.entry(place).or_default().push(resource);
    }

    /// Makes this the organization of a case, where every listing worked but these.
    pub(crate) fn assume_listed(&mut self, unlisted: BTreeSet<u16>) {
        self.assumed = Some(unlisted);
    }

    /// Finishes it.
    pub fn build(self) -> Organization {
        let mut members = BTreeSet::new();
        let mut ids = BTreeMap::new();
        let mut settled = BTreeSet::new();
        let mut resources: HashMap<u16, Vec<ResourceNode>> = HashMap::new();
        let account_type = type_number(ACCOUNT);
        for ((account, region), nodes) in self.resources {
            let outcome = self.listings.get(&account).and_then(|all| all.get(&region));
            // It is listed where it is managed; a member's own attempt is denied, and one complete listing
            // speaks for all whom it names.
            let whole = account_type.is_some_and(|of| match &self.assumed {
                Some(unlisted) => !unlisted.contains(&of),
                None => outcome.and_then(|place| place.of(of)) == Some(Ok(())),
            });
            for node in nodes {
                match node.kind() {
                    ACCOUNT => {
                        members.insert(node.id().to_owned());
                        if whole {
                            settled.insert(node.id().to_owned());
                        }
                    }
                    ORGANIZATION => {
                        ids.insert(account.clone(), node.id().to_owned());
                    }
                    _ => {}
                }
                if let Some(of) = type_number(node.kind()) {
                    resources.entry(of).or_default().push(node);
                }
            }
        }
        Organization {
            now: self.now,
            known: &self.scanned | &members,
            scanned: self.scanned,
            members,
            settled,
            ids,
            listings: shared(self.listings),
            assumed: self.assumed,
            resources,
            controls: RwLock::default(),
            levels: RwLock::default(),
            unlisted_roles: OnceLock::new(),
        }
    }
}

/// The same with every listing once that is the same in many places, as nearly all are.
fn shared(
    listings: BTreeMap<String, BTreeMap<String, Listings>>,
) -> HashMap<String, BTreeMap<Arc<str>, Arc<Listings>>> {
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut whole: HashMap<Vec<u16>, Arc<Listings>> = HashMap::new();
    let mut one = |listings: Listings| {
        if !listings.is_whole() {
            return Arc::new(listings);
        }
        let types = listings.0.iter().map(|(of, _)| *of).collect();
        Arc::clone(whole.entry(types).or_insert_with(|| Arc::new(listings)))
    };
    let mut name = |region: String| match names.get(region.as_str()) {
        Some(name) => Arc::clone(name),
        None => {
            let name: Arc<str> = region.into();
            names.insert(Arc::clone(&name));
            name
        }
    };
    listings
        .into_iter()
        .map(|(account, regions)| {
            let regions = regions.into_iter();
            let regions = regions.map(|(region, listings)| (name(region), one(listings)));
            (account, regions.collect())
        })
        .collect()
}

impl Organization {
    /// Starts with nothing. Ages are counted up to `now`, the start of the scan.
    pub fn builder(now: Timestamp) -> OrganizationBuilder {
        OrganizationBuilder {
            now,
            scanned: BTreeSet::new(),
            listings: BTreeMap::new(),
            assumed: None,
            resources: BTreeMap::new(),
        }
    }

    /// The start of the scan.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The accounts that were scanned.
    pub(crate) fn scanned(&self) -> &BTreeSet<String> {
        &self.scanned
    }

    /// What was listed in each region of an account.
    pub(crate) fn places(&self, account: &str) -> impl Iterator<Item = (&str, &Arc<Listings>)> {
        let regions = self.listings.get(account).into_iter().flatten();
        regions.map(|(region, listings)| (region.as_ref(), listings))
    }

    /// What was listed in a region of an account.
    pub(crate) fn place(&self, account: &str, region: &str) -> Option<&Arc<Listings>> {
        self.listings.get(account)?.get(region)
    }

    /// Whether everything of a type is known in some places of an account.
    pub(crate) fn listed<'l>(
        &self,
        places: impl Iterator<Item = &'l Listings>,
        of: u16,
        account: &str,
    ) -> Result<(), Arc<Gap>> {
        if let Some(unlisted) = &self.assumed {
            return if unlisted.contains(&of) {
                Err(Arc::new(Gap::bare(GapReason::AccessDenied)))
            } else if self.scanned.contains(account) {
                Ok(())
            } else {
                Err(not_collected(type_name(of), account))
            };
        }
        let mut tried = false;
        for place in places {
            match place.of(of) {
                None => {}
                Some(Ok(())) => tried = true,
                Some(Err(gap)) => return Err(Arc::clone(gap)),
            }
        }
        if tried {
            Ok(())
        } else {
            Err(not_collected(type_name(of), account))
        }
    }

    /// Why the resources of a type in an account are not all known; none when they are.
    pub(crate) fn unlisted(&self, kind: &str, account: &str) -> Option<String> {
        let of = type_number(kind)?;
        let places = self.places(account).map(|(_, listings)| listings.as_ref());
        self.listed(places, of, account)
            .err()
            .map(|gap| gap.to_string())
    }

    /// Accounts whose roles are not all known, and why.
    pub(crate) fn unlisted_roles(&self) -> &[(String, String)] {
        self.unlisted_roles.get_or_init(|| {
            let all = self.scanned.iter();
            all.filter_map(|account| {
                let why = self.unlisted("iam.role", account)?;
                Some((account.clone(), why))
            })
            .collect()
        })
    }

    /// All resources of one of the organizations' own types.
    pub(crate) fn resources(&self, kind: &str) -> impl Iterator<Item = &ResourceVal> {
        let of = type_number(kind).and_then(|of| self.resources.get(&of));
        of.into_iter().flatten().map(|node| &node.0)
    }

    /// Whether an account belongs to whoever runs the scan, as another one sees it.
    pub(crate) fn is_known_account(&self, from: &str, id: &str) -> Result<bool, Arc<Gap>> {
        if id == from || self.known.contains(id) {
            return Ok(true);
        }
        if self.settled.contains(from) {
            return Ok(false);
        }
        self.lists_accounts(from).map(|()| false)
    }

    /// Whether an account that is not known is foreign to this one, rather than a member of the same
    /// organization that nobody could list.
    pub(crate) fn others_are_foreign(&self, account: &str) -> bool {
        self.settled.contains(account) || self.lists_accounts(account).is_ok()
    }

    fn lists_accounts(&self, account: &str) -> Result<(), Arc<Gap>> {
        let Some(of) = type_number(ACCOUNT) else {
            return Err(not_collected(ACCOUNT, account));
        };
        let place = self.place(account, posture_model::GLOBAL_REGION);
        self.listed(place.into_iter().map(Arc::as_ref), of, account)
    }

    /// The accounts that belong to whoever runs the scan, as far as is known.
    pub(crate) fn known_accounts(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// The id of an account's organization, where it is known.
    pub(crate) fn id_of(&self, account: &str) -> Option<&str> {
        self.ids
            .get(account)
            .or_else(|| {
                // An account that the organization lists belongs to it, whoever read the list.
                let listed = self.members.contains(account);
                let mut ids = self.ids.values();
                let only = ids.next()?;
                (listed && ids.all(|id| id == only)).then_some(only)
            })
            .map(String::as_str)
    }

    /// Whether an account belongs to no organization, where that is known.
    pub(crate) fn in_none(&self, account: &str) -> Option<bool> {
        if self.id_of(account).is_some() || self.members.contains(account) {
            return Some(false);
        }
        self.unlisted(ORGANIZATION, account)
            .is_none()
            .then_some(true)
    }

    /// The control policies of a type that bind an account.
    pub(crate) fn control(&self, account: &str, kind: &'static str) -> Arc<Control> {
        remembered(&self.controls, account, kind, || {
            Arc::new(crate::control::of(self, account, kind))
        })
    }

    /// The control policies of a type that are attached to a unit or an account.
    pub(crate) fn level(
        &self,
        target: &str,
        kind: &'static str,
        read: impl FnOnce() -> Level,
    ) -> Level {
        remembered(&self.levels, target, kind, read)
    }
}

/// What was made before, or is made now. Made outside of the lock: at worst two threads do it, and agree.
fn remembered<T: Clone>(
    made: &RwLock<HashMap<(String, &'static str), T>>,
    of: &str,
    kind: &'static str,
    make: impl FnOnce() -> T,
) -> T {
    let key = (of.to_owned(), kind);
    let known = made.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(&key) {
        return known.clone();
    }
    drop(known);
    let new = make();
    let mut made = made.write().unwrap_or_else(PoisonError::into_inner);
    made.entry(key).or_insert(new).clone()
}
