//! Everything a check can look at beside its own resource: an index over a snapshot, or over the
//! few resources of a check's case.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use posture_model::{AccountId, GLOBAL_REGION, Gap, GapReason, Region, Resource, Timestamp};
use posture_policy::Control;
use posture_policy::escalation::{Escalations, escalations};
use posture_policy::estate::Estate;
use posture_policy::least_privilege::LeastPrivilege;

use crate::expr::{
    Documents, LastUse, ListVal, Node, ResourceVal, build_resource, schema, type_name, type_number,
};

/// All resources of a snapshot with the outcome of every listing, indexed for look-ups.
///
/// A cheap handle on shared, immutable data: clone it into every thread.
#[derive(Clone)]
pub struct World(Arc<Data>);

/// A resource of a world.
#[derive(Debug, Clone)]
pub struct ResourceNode(pub(crate) ResourceVal);

impl ResourceNode {
    /// Reads a resource of a snapshot. `None` when this build does not know its type. All resources of
    /// a world share their documents.
    pub fn new(resource: &Resource, documents: &Arc<Documents>) -> Option<Self> {
        build_resource(resource, documents).map(Self)
    }

    /// The value at a dotted path, as text of at most `limit` characters, and the length of the path
    /// as far as it leads: less than the whole where something on it is null or a list, which is
    /// shown as a whole because its items belong together.
    pub fn field_text(&self, path: &str, limit: usize) -> Option<(usize, Result<String, Gap>)> {
        let mut names = path.split('.');
        let first = names.next()?;
        let mut walked = first.len();
        let mut node = self.0.0.object.field(first)?;
        for name in names {
            node = match node {
                Node::Object(object) => object.field(name)?,
                Node::Map(entries) => entries.value(name)?,
                _ => break,
            };
            walked += 1 + name.len();
        }
        let value = match node {
            Node::Gap(gap) => Err((**gap).clone()),
            Node::Text(text) => Ok(shorten(text.inner(), limit)),
            node => Ok(shorten(&node.to_text(), limit)),
        };
        Some((walked, value))
    }

    /// Its type.
    pub fn kind(&self) -> &'static str {
        self.0.0.r#type
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.0.0.arn
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.0.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.0.name
    }

    /// The account that owns it.
    pub fn account(&self) -> &str {
        &self.0.0.account
    }

    /// The region it is in, or `global`.
    pub fn region(&self) -> &str {
        &self.0.0.region
    }

    /// Its tags; empty where they could not be read.
    pub fn tags(&self) -> posture_model::Tags {
        match self.0.0.object.field("tags") {
            Some(Node::Map(tags)) => tags
                .entries()
                .filter_map(|(key, value)| Some((key.to_owned(), value.as_text()?.to_owned())))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// Whether its tags could be read.
    pub fn knows_tags(&self) -> bool {
        !matches!(self.0.0.object.field("tags"), Some(Node::Gap(_)))
    }
}

struct Data {
    now: Timestamp,
    scanned: BTreeSet<String>,
    /// Accounts that some account's listing of its organization names.
    organization: BTreeSet<String>,
    /// Those of them whose organization was listed to the end: who is not listed is not in it.
    settled: BTreeSet<String>,
    /// Ids of organizations by the account that read them.
    organization_ids: BTreeMap<String, String>,
    /// `scanned` and `organization` together.
    known: BTreeSet<String>,
    places: Vec<Place>,
    /// Numbers of places by account and region.
    by_name: HashMap<String, BTreeMap<String, usize>>,
    /// The world of a case: what was not said to be unlisted was listed.
    assumed: Option<BTreeSet<u16>>,
    indexes: RwLock<HashMap<(u16, usize), FieldIndexes>>,
    /// Control policies by account and type, read when first asked for.
    controls: RwLock<HashMap<(String, &'static str), Arc<Control>>>,
    /// What the policy engine works on, gathered when first asked for.
    estate: OnceLock<Arc<Estate>>,
    escalations: OnceLock<Arc<Escalations>>,
}

#[derive(Default)]
struct Place {
    types: HashMap<u16, Typed>,
}

#[derive(Default)]
struct Typed {
    /// Whether the type was listed here; `None` where nobody tried.
    listing: Option<Result<(), Arc<Gap>>>,
    resources: Vec<ResourceNode>,
    by_key: HashMap<String, usize>,
    /// All resources as a value; set when the world is complete.
    all: Option<ListVal>,
}

/// Indexes of one type and place by the path of the field, made when first asked for.
type FieldIndexes = HashMap<String, Arc<FieldIndex>>;

/// Resources of one type and place by the value of one field.
#[derive(Default)]
struct FieldIndex {
    by_value: HashMap<String, ListVal>,
    /// A resource whose field could not be read may have any value.
    gap: Option<Arc<Gap>>,
}

/// The type whose resources say which accounts belong together.
const ORGANIZATION_ACCOUNT: &str = "organizations.account";

/// The type that says which organization an account belongs to.
const ORGANIZATION: &str = "organizations.organization";

/// Builds a [`World`].
pub struct WorldBuilder {
    data: Data,
}

impl World {
    /// Starts an empty world. Ages are counted up to `now`, the start of the scan.
    pub fn builder(now: Timestamp) -> WorldBuilder {
        WorldBuilder {
            data: Data {
                now,
                scanned: BTreeSet::new(),
                organization: BTreeSet::new(),
                settled: BTreeSet::new(),
                organization_ids: BTreeMap::new(),
                known: BTreeSet::new(),
                places: Vec::new(),
                by_name: HashMap::new(),
                assumed: None,
                indexes: RwLock::default(),
                controls: RwLock::default(),
                estate: OnceLock::new(),
                escalations: OnceLock::new(),
            },
        }
    }

    /// Whether two handles are on the same world.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The start of the scan.
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// Its users, roles and resources as the policy engine sees them.
    pub fn estate(&self) -> &Estate {
        self.0
            .estate
            .get_or_init(|| Arc::new(crate::estate::of(self)))
    }

    /// Who is, or can become, an administrator.
    pub fn escalations(&self) -> &Escalations {
        self.0.escalations.get_or_init(|| {
            let paths: Vec<_> = crate::escalations::builtin()
                .values()
                .map(|path| path.path.clone())
                .collect();
            Arc::new(escalations(self.estate(), &paths))
        })
    }

    /// What a user or role is granted beside what it has used for so many days, and why AWS's report on it
    /// is not known, where it is not.
    pub fn least_privilege(
        &self,
        principal: &ResourceNode,
        days: i64,
    ) -> (LeastPrivilege, Option<Gap>) {
        let last_use = LastUse::of(&principal.0, self);
        let gap = last_use.report.as_ref().err();
        let gap = gap.map(|gap| Gap::clone(gap));
        (last_use.beside_grants(days), gap)
    }

    /// The control policies of a type that bind an account.
    pub(crate) fn control(&self, account: &str, kind: &'static str) -> Arc<Control> {
        let key = (account.to_owned(), kind);
        let known = self
            .0
            .controls
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(control) = known.get(&key) {
            return Arc::clone(control);
        }
        drop(known);
        // Read outside of the lock: at worst two threads do it, and agree.
        let control = Arc::new(crate::estate::control(self, account, kind));
        let mut controls = self
            .0
            .controls
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(controls.entry(key).or_insert(control))
    }

    /// The accounts that were scanned.
    pub(crate) fn accounts(&self) -> BTreeSet<String> {
        self.0.scanned.clone()
    }

    /// Whether an account belongs to no organization, where that is known.
    pub(crate) fn in_no_organization(&self, account: &str) -> Option<bool> {
        if self.organization_of(account).is_some() || self.0.organization.contains(account) {
            return Some(false);
        }
        self.unlisted(ORGANIZATION, account)
            .is_none()
            .then_some(true)
    }

    /// Why the resources of a type in an account are not all known; none when they are.
    pub(crate) fn unlisted(&self, kind: &str, account: &str) -> Option<String> {
        let of = type_number(kind)?;
        let places = self.all_places(account);
        self.listed(&places, of, account)
            .err()
            .map(|gap| gap.to_string())
    }

    /// All resources of a type, in a stable order.
    pub fn resources_of(&self, kind: &str) -> Vec<ResourceNode> {
        let Some(of) = type_number(kind) else {
            return Vec::new();
        };
        let mut accounts: Vec<_> = self.0.by_name.iter().collect();
        accounts.sort_unstable_by_key(|(account, _)| *account);
        accounts
            .into_iter()
            .flat_map(|(_, regions)| regions.values())
            .filter_map(|place| self.0.places.get(*place)?.types.get(&of))
            .flat_map(|typed| typed.resources.iter().cloned())
            .collect()
    }

    /// The resource that `key` (an ARN, id or name) names, as seen from another resource.
    pub(crate) fn lookup(
        &self,
        from: &ResourceVal,
        of: u16,
        key: &str,
    ) -> Result<Option<ResourceNode>, Arc<Gap>> {
        let places = self.places_for_key(from, key);
        let aliases = aliases(of, key);
        for place in &places {
            let Some(typed) = self.typed(*place, of) else {
                continue;
            };
            let hit = std::iter::once(key)
                .chain(aliases.iter().map(String::as_str))
                .find_map(|key| typed.by_key.get(key));
            if let Some(found) = hit.and_then(|index| typed.resources.get(*index)) {
                return Ok(Some(found.clone()));
            }
        }
        let account = arn_part(key, 4)
            .filter(|account| !account.is_empty() && *account != "aws")
            .unwrap_or(&from.0.account);
        self.listed(&places, of, account).map(|()| None)
    }

    /// All resources of a type in the account and region of another; for a global one, in all
    /// regions of its account.
    pub(crate) fn around(&self, from: &ResourceVal, of: u16) -> Result<ListVal, Arc<Gap>> {
        let places = self.places_around(from);
        self.listed(&places, of, &from.0.account)?;
        self.gather(&places, of, |_, typed| Ok(typed.all.clone()))
    }

    /// Those of `around` whose field equals, or contains, a value.
    pub(crate) fn related(
        &self,
        from: &ResourceVal,
        of: u16,
        path: &str,
        value: &str,
    ) -> Result<ListVal, Arc<Gap>> {
        let places = self.places_around(from);
        self.listed(&places, of, &from.0.account)?;
        self.gather(&places, of, |place, typed| {
            let index = self.index(of, path, place, typed);
            match &index.gap {
                Some(gap) => Err(Arc::clone(gap)),
                None => Ok(index.by_value.get(value).cloned()),
            }
        })
    }

    /// Joins lists of several places. Mostly there is one, which is handed out as it is.
    fn gather(
        &self,
        places: &[usize],
        of: u16,
        list: impl Fn(usize, &Typed) -> Result<Option<ListVal>, Arc<Gap>>,
    ) -> Result<ListVal, Arc<Gap>> {
        let mut joined: Option<ListVal> = None;
        for place in places {
            let Some(typed) = self.typed(*place, of) else {
                continue;
            };
            let Some(more) = list(*place, typed)? else {
                continue;
            };
            joined = Some(match joined {
                None => more,
                Some(list) => ListVal::new([list.items(), more.items()].concat()),
            });
        }
        Ok(joined.unwrap_or_else(|| ListVal::new(Vec::new())))
    }

    /// Whether an account belongs to whoever runs the scan.
    pub(crate) fn is_known_account(&self, from: &ResourceVal, id: &str) -> Result<bool, Arc<Gap>> {
        if id == from.0.account || self.0.scanned.contains(id) || self.0.organization.contains(id) {
            return Ok(true);
        }
        if self.0.settled.contains(&from.0.account) {
            return Ok(false);
        }
        let Some(of) = type_number(ORGANIZATION_ACCOUNT) else {
            return Err(not_collected(ORGANIZATION_ACCOUNT, &from.0.account));
        };
        let places = self.place(&from.0.account, GLOBAL_REGION);
        self.listed(&places, of, &from.0.account).map(|()| false)
    }

    /// The accounts that belong to whoever runs the scan, as far as is known.
    pub(crate) fn known_accounts(&self) -> &BTreeSet<String> {
        &self.0.known
    }

    /// Whether an account that is not known is foreign to this one, rather than a member of the same
    /// organization that nobody could list.
    pub(crate) fn others_are_foreign(&self, account: &str) -> bool {
        if self.0.settled.contains(account) {
            return true;
        }
        let places = self.place(account, GLOBAL_REGION);
        type_number(ORGANIZATION_ACCOUNT)
            .is_some_and(|of| self.listed(&places, of, account).is_ok())
    }

    /// The id of an account's organization, where it is known.
    pub(crate) fn organization_of(&self, account: &str) -> Option<&str> {
        self.0
            .organization_ids
            .get(account)
            .or_else(|| {
                // An account that the organization lists belongs to it, whoever read the list.
                let listed = self.0.organization.contains(account);
                let mut ids = self.0.organization_ids.values();
                let only = ids.next()?;
                (listed && ids.all(|id| id == only)).then_some(only)
            })
            .map(String::as_str)
    }

    fn typed(&self, place: usize, of: u16) -> Option<&Typed> {
        self.0.places.get(place)?.types.get(&of)
    }

    fn place(&self, account: &str, region: &str) -> Vec<usize> {
        self.0
            .by_name
            .get(account)
            .and_then(|regions| regions.get(region))
            .copied()
            .into_iter()
            .collect()
    }

    fn all_places(&self, account: &str) -> Vec<usize> {
        self.0
            .by_name
            .get(account)
            .map(|regions| regions.values().copied().collect())
            .unwrap_or_default()
    }

    /// Where things beside a resource are: its region, then what has none.
    fn places_around(&self, from: &ResourceVal) -> Vec<usize> {
        if from.0.region == GLOBAL_REGION {
            return self.all_places(&from.0.account);
        }
        let mut places = self.place(&from.0.account, &from.0.region);
        places.extend(self.place(&from.0.account, GLOBAL_REGION));
        places
    }

    fn places_for_key(&self, from: &ResourceVal, key: &str) -> Vec<usize> {
        let (Some(region), Some(account)) = (arn_part(key, 3), arn_part(key, 4)) else {
            return self.places_around(from);
        };
        // Buckets carry no account in their ARN, and what AWS owns carries `aws`: both are filed
        // under the account that was asked.
        let account = match account {
            "" | "aws" => from.0.account.as_str(),
            account => account,
        };
        if region.is_empty() {
            let mut places = self.place(account, GLOBAL_REGION);
            if account == from.0.account {
                places.extend(self.places_around(from));
                places.dedup();
            }
            return places;
        }
        let mut places = self.place(account, region);
        places.extend(self.place(account, GLOBAL_REGION));
        places
    }

    /// Whether everything of a type is known in some places.
    fn listed(&self, places: &[usize], of: u16, account: &str) -> Result<(), Arc<Gap>> {
        if let Some(unlisted) = &self.0.assumed {
            return if unlisted.contains(&of) {
                Err(Arc::new(Gap::bare(GapReason::AccessDenied)))
            } else if self.0.scanned.contains(account) {
                Ok(())
            } else {
                Err(not_collected(type_name(of), account))
            };
        }
        let mut tried = false;
        for place in places {
            match self.typed(*place, of).and_then(|t| t.listing.as_ref()) {
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

    fn index(&self, of: u16, path: &str, place: usize, typed: &Typed) -> Arc<FieldIndex> {
        let key = (of, place);
        // A thread that panicked while holding the lock left the map whole: entries are only added.
        let indexes = self
            .0
            .indexes
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.get(&key).and_then(|paths| paths.get(path)) {
            return Arc::clone(index);
        }
        drop(indexes);
        let index = Arc::new(FieldIndex::over(&typed.resources, path));
        let mut indexes = self
            .0
            .indexes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let paths = indexes.entry(key).or_default();
        Arc::clone(paths.entry(path.to_owned()).or_insert(index))
    }
}

impl FieldIndex {
    fn over(resources: &[ResourceNode], path: &str) -> Self {
        let segments: Vec<&str> = path.split('.').collect();
        let mut found = Found::default();
        for (position, resource) in resources.iter().enumerate() {
            let Some((first, rest)) = segments.split_first() else {
                continue;
            };
            if let Some(node) = resource.0.0.object.field(first) {
                found.add(position, node, rest);
            }
        }
        let value = |position: usize| {
            let resource = resources.get(position)?;
            Some(Node::Resource(resource.0.clone()))
        };
        Self {
            by_value: found
                .positions
                .into_iter()
                .map(|(text, positions)| {
                    let nodes = positions.into_iter().filter_map(value).collect();
                    (text, ListVal::new(nodes))
                })
                .collect(),
            gap: found.gap,
        }
    }
}

/// Positions of resources by the value of one field, while they are found.
#[derive(Default)]
struct Found {
    positions: HashMap<String, Vec<usize>>,
    gap: Option<Arc<Gap>>,
}

impl Found {
    fn add(&mut self, position: usize, node: &Node, rest: &[&str]) {
        match (node, rest.split_first()) {
            (Node::Gap(gap), _) => self.gap = Some(Arc::clone(gap)),
            (Node::List(items), _) => {
                for item in items.items() {
                    self.add(position, item, rest);
                }
            }
            (Node::Object(object), Some((first, rest))) => {
                if let Some(node) = object.field(first) {
                    self.add(position, node, rest);
                }
            }
            (Node::Map(entries), Some((first, rest))) => {
                if let Some(node) = entries.value(first) {
                    self.add(position, node, rest);
                }
            }
            (node, None) => {
                let text = match node {
                    Node::Text(text) => text.inner().to_owned(),
                    Node::Int(number) => number.inner().to_string(),
                    _ => return,
                };
                let positions = self.positions.entry(text).or_default();
                if positions.last() != Some(&position) {
                    positions.push(position);
                }
            }
            _ => {}
        }
    }
}

impl WorldBuilder {
    /// Says that an account was scanned.
    #[must_use]
    pub fn account(mut self, account: &AccountId) -> Self {
        self.data.scanned.insert(account.as_str().to_owned());
        self
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
        let outcome = match gap {
            None => Ok(()),
            Some(gap) if gap.reason == GapReason::NotOffered && kind != ORGANIZATION_ACCOUNT => {
                Ok(())
            }
            Some(gap) => Err(Arc::new(gap.clone())),
        };
        self.typed(account.as_str(), unit_region.as_str(), of)
            .listing = Some(outcome);
    }

    /// Adds a resource that a unit of work of some region listed.
    pub fn resource(&mut self, resource: ResourceNode, unit_region: &Region) {
        let Some(of) = type_number(resource.kind()) else {
            return;
        };
        match resource.kind() {
            ORGANIZATION_ACCOUNT => {
                self.data.organization.insert(resource.id().to_owned());
            }
            ORGANIZATION => {
                let account = resource.account().to_owned();
                let id = resource.id().to_owned();
                self.data.organization_ids.insert(account, id);
            }
            _ => {}
        }
        let typed = self.typed(resource.account(), unit_region.as_str(), of);
        typed.resources.push(resource.clone());
    }

    /// Makes this the world of a case, where every listing worked but these.
    pub(crate) fn assume_listed(mut self, unlisted: BTreeSet<u16>) -> Self {
        self.data.assumed = Some(unlisted);
        self
    }

    /// Finishes the index.
    pub fn build(mut self) -> World {
        self.data.known = &self.data.scanned | &self.data.organization;
        self.data.settled = self.settled();
        for place in &mut self.data.places {
            for typed in place.types.values_mut() {
                let all = typed.resources.iter();
                typed.all = Some(ListVal::new(
                    all.map(|resource| Node::Resource(resource.0.clone()))
                        .collect(),
                ));
                // ARNs first, then ids, then names: where they collide the more exact one wins.
                for key in [ResourceNode::arn, ResourceNode::id, ResourceNode::name] {
                    for (position, resource) in typed.resources.iter().enumerate() {
                        typed
                            .by_key
                            .entry(key(resource).to_owned())
                            .or_insert(position);
                    }
                }
            }
        }
        World(Arc::new(self.data))
    }

    /// Accounts whose organization some account listed to the end. It is listed where it is managed; a
    /// member's own attempt is denied, and one complete listing speaks for all whom it names.
    fn settled(&self) -> BTreeSet<String> {
        let Some(of) = type_number(ORGANIZATION_ACCOUNT) else {
            return BTreeSet::new();
        };
        let whole = |typed: &&Typed| match &self.data.assumed {
            Some(unlisted) => !unlisted.contains(&of),
            None => matches!(typed.listing, Some(Ok(()))),
        };
        self.data
            .places
            .iter()
            .filter_map(|place| place.types.get(&of))
            .filter(whole)
            .flat_map(|typed| &typed.resources)
            .map(|resource| resource.id().to_owned())
            .collect()
    }

    fn typed(&mut self, account: &str, region: &str, of: u16) -> &mut Typed {
        let next = self.data.places.len();
        let place = *self
            .data
            .by_name
            .entry(account.to_owned())
            .or_default()
            .entry(region.to_owned())
            .or_insert(next);
        if place == next {
            self.data.places.push(Place::default());
        }
        // The place was just made sure of; a vector is indexed by what the map holds.
        let index = place.min(self.data.places.len().saturating_sub(1));
        self.data.places[index].types.entry(of).or_default()
    }
}

/// At most so many characters, the cut marked.
fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn not_collected(kind: &str, account: &str) -> Arc<Gap> {
    let operation = type_number(kind)
        .and_then(schema)
        .and_then(|schema| schema.sources.first().cloned())
        .unwrap_or_else(|| kind.to_owned());
    Arc::new(Gap {
        operation,
        code: Some(format!(
            "{kind} of account {account} is not part of this scan"
        )),
        ..Gap::bare(GapReason::Unsupported)
    })
}

/// Other spellings under which a resource may be known than the one that refers to it.
fn aliases(of: u16, key: &str) -> Vec<String> {
    let Some(resource) = arn_part(key, 5) else {
        return Vec::new();
    };
    match type_name(of) {
        // A function is referred to by alias or version too.
        "lambda.function" => match resource.split(':').collect::<Vec<_>>().as_slice() {
            ["function", name, _qualifier] => vec![(*name).to_owned()],
            _ => Vec::new(),
        },
        // A key is referred to by the ARN of an alias, and a bucket by the ARN of its objects.
        "kms.key" => vec![resource.to_owned()],
        "s3.bucket" => resource
            .split('/')
            .next()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// Part of an ARN: 1 partition, 2 service, 3 region, 4 account, 5 the rest.
pub(crate) fn arn_part(arn: &str, index: usize) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") || arn.splitn(6, ':').count() != 6 {
        return None;
    }
    arn.splitn(6, ':').nth(index)
}
