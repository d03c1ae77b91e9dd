//! Everything a check can look at beside its own resource: an index over a snapshot, or over the
//! few resources of a check's case.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use posture_model::{AccountId, GLOBAL_REGION, Gap, GapReason, Region, Resource, Timestamp};
use posture_policy::escalation::Escalations;
use posture_policy::estate::Estate;
use posture_policy::least_privilege::LeastPrivilege;

use crate::climb::{Climbers, Neighbours};
use crate::estate::Extent;
use crate::expr::{
    Documents, LastUse, ListVal, Node, ResourceVal, build_resource, schema, type_name, type_number,
};
use crate::organization::{Listings, Organization, OrganizationBuilder};

/// The resources of some accounts of a snapshot, or of all, with the outcome of every listing, indexed for
/// look-ups.
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
    organization: Arc<Organization>,
    /// The accounts whose resources are here.
    home: BTreeSet<String>,
    places: Vec<Place>,
    /// Numbers of places by account and region.
    by_name: HashMap<String, BTreeMap<String, usize>>,
    /// Where the resources of other accounts are; none when those of all are here.
    elsewhere: Option<Arc<dyn Elsewhere>>,
    neighbours: Neighbours,
    indexes: RwLock<HashMap<(u16, usize), FieldIndexes>>,
    /// What the policy engine works on, gathered when first asked for.
    estate: OnceLock<Arc<Estate>>,
    climbers: OnceLock<Arc<Climbers>>,
}

/// Reaches resources of accounts that a world does not hold.
pub trait Elsewhere: Send + Sync {
    /// The resources of a type that were listed in a region of an account, in the order of the snapshot. The
    /// gap says that they could not be read.
    fn shelf(
        &self,
        account: &str,
        region: &str,
        kind: &'static str,
    ) -> Result<Arc<Shelf>, Arc<Gap>>;
}

/// The resources of one type and place, by their names.
#[derive(Debug, Default)]
pub struct Shelf {
    resources: Vec<ResourceNode>,
    by_key: HashMap<String, usize>,
}

impl Shelf {
    /// Of these resources.
    pub fn new(resources: Vec<ResourceNode>) -> Self {
        let mut by_key = HashMap::new();
        // ARNs first, then ids, then names: where they collide the more exact one wins.
        for key in [ResourceNode::arn, ResourceNode::id, ResourceNode::name] {
            for (position, resource) in resources.iter().enumerate() {
                by_key.entry(key(resource).to_owned()).or_insert(position);
            }
        }
        Self { resources, by_key }
    }

    fn find(&self, key: &str, aliases: &[String]) -> Option<&ResourceNode> {
        std::iter::once(key)
            .chain(aliases.iter().map(String::as_str))
            .find_map(|key| self.by_key.get(key))
            .and_then(|position| self.resources.get(*position))
    }
}

#[derive(Default)]
struct Place {
    listings: Option<Arc<Listings>>,
    types: HashMap<u16, Typed>,
}

struct Typed {
    shelf: Shelf,
    /// All resources as a value.
    all: ListVal,
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

/// Builds a [`World`].
pub struct WorldBuilder {
    shared: Shared,
    home: BTreeSet<String>,
    /// By account, region and type.
    resources: BTreeMap<(String, String), HashMap<u16, Vec<ResourceNode>>>,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    neighbours: Neighbours,
}

/// The facts that all accounts share: given, or gathered from what is added.
enum Shared {
    Known(Arc<Organization>),
    Gathered(OrganizationBuilder),
}

impl World {
    /// Starts a world of all accounts. Ages are counted up to `now`, the start of the scan.
    pub fn builder(now: Timestamp) -> WorldBuilder {
        WorldBuilder {
            shared: Shared::Gathered(Organization::builder(now)),
            home: BTreeSet::new(),
            resources: BTreeMap::new(),
            elsewhere: None,
            neighbours: Neighbours::default(),
        }
    }

    /// Starts a world of some accounts of an organization.
    pub fn of(
        organization: Arc<Organization>,
        home: BTreeSet<String>,
        elsewhere: Arc<dyn Elsewhere>,
        neighbours: Neighbours,
    ) -> WorldBuilder {
        WorldBuilder {
            shared: Shared::Known(organization),
            home,
            resources: BTreeMap::new(),
            elsewhere: Some(elsewhere),
            neighbours,
        }
    }

    /// Whether two handles are on the same world.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What its accounts share with all others.
    pub(crate) fn organization(&self) -> &Organization {
        &self.0.organization
    }

    /// What is known of other accounts as far as escalation leads there.
    pub(crate) fn neighbours(&self) -> &Neighbours {
        &self.0.neighbours
    }

    /// The start of the scan.
    pub fn now(&self) -> Timestamp {
        self.0.organization.now()
    }

    /// Its users, roles and resources as the policy engine sees them.
    pub fn estate(&self) -> &Estate {
        self.0
            .estate
            .get_or_init(|| Arc::new(crate::estate::of(self, Extent::Everything)))
    }

    /// Who is, or can become, an administrator.
    pub fn escalations(&self) -> &Escalations {
        &self.climbers().found
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

    /// The same, with who was looked at.
    pub(crate) fn climbers(&self) -> &Climbers {
        self.0.climbers.get_or_init(|| Arc::new(Climbers::of(self)))
    }

    /// The accounts whose resources are here.
    pub(crate) fn accounts(&self) -> &BTreeSet<String> {
        &self.0.home
    }

    /// Whether the resources of all accounts are here.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.elsewhere.is_none()
    }

    /// All resources of a type that are here, in a stable order.
    pub fn resources_of(&self, kind: &str) -> Vec<ResourceNode> {
        let Some(of) = type_number(kind) else {
            return Vec::new();
        };
        let mut accounts: Vec<_> = self.0.by_name.iter().collect();
        accounts.sort_unstable_by_key(|(account, _)| *account);
        accounts
            .into_iter()
            .flat_map(|(_, regions)| regions.values())
            .filter_map(|place| self.typed(*place, of))
            .flat_map(|typed| typed.shelf.resources.iter().cloned())
            .collect()
    }

    /// The resource that `key` (an ARN, id or name) names, as seen from another resource.
    pub(crate) fn lookup(
        &self,
        from: &ResourceVal,
        of: u16,
        key: &str,
    ) -> Result<Option<ResourceNode>, Arc<Gap>> {
        // Buckets carry no account in their ARN, and what AWS owns carries `aws`: both are filed
        // under the account that was asked.
        let account = arn_part(key, 4)
            .filter(|account| !account.is_empty() && *account != "aws")
            .unwrap_or(&from.0.account);
        let aliases = aliases(of, key);
        if let Some(elsewhere) = &self.0.elsewhere
            && !self.0.home.contains(account)
        {
            let regions = self.regions_elsewhere(from, key, account);
            return self.lookup_elsewhere(elsewhere.as_ref(), account, &regions, of, |shelf| {
                shelf.find(key, &aliases).cloned()
            });
        }
        let places = self.places_for_key(from, key, account);
        for place in &places {
            let typed = self.typed(*place, of);
            if let Some(found) = typed.and_then(|typed| typed.shelf.find(key, &aliases)) {
                return Ok(Some(found.clone()));
            }
        }
        self.listed(&places, of, account).map(|()| None)
    }

    /// The same in an account whose resources are not here.
    fn lookup_elsewhere(
        &self,
        elsewhere: &dyn Elsewhere,
        account: &str,
        regions: &[&str],
        of: u16,
        find: impl Fn(&Shelf) -> Option<ResourceNode>,
    ) -> Result<Option<ResourceNode>, Arc<Gap>> {
        for region in regions {
            let shelf = elsewhere.shelf(account, region, type_name(of))?;
            if let Some(found) = find(&shelf) {
                return Ok(Some(found));
            }
        }
        let organization = self.organization();
        let places = regions
            .iter()
            .filter_map(|region| organization.place(account, region))
            .map(Arc::as_ref);
        organization.listed(places, of, account).map(|()| None)
    }

    /// Where a key leads to in such an account; see `places_for_key`.
    fn regions_elsewhere<'a>(
        &'a self,
        from: &'a ResourceVal,
        key: &'a str,
        account: &str,
    ) -> Vec<&'a str> {
        let around = || match from.0.region.as_str() {
            GLOBAL_REGION => {
                let places = self.0.organization.places(account);
                places.map(|(region, _)| region).collect()
            }
            region => vec![region, GLOBAL_REGION],
        };
        match arn_part(key, 3) {
            None => around(),
            Some("") if account == from.0.account => {
                let mut regions = vec![GLOBAL_REGION];
                regions.extend(around());
                regions
            }
            Some("") => vec![GLOBAL_REGION],
            Some(region) => vec![region, GLOBAL_REGION],
        }
    }

    /// All resources of a type in the account and region of another; for a global one, in all
    /// regions of its account.
    pub(crate) fn around(&self, from: &ResourceVal, of: u16) -> Result<ListVal, Arc<Gap>> {
        let places = self.places_around(from);
        self.listed(&places, of, &from.0.account)?;
        self.gather(&places, of, |_, typed| Ok(Some(typed.all.clone())))
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

    fn places_for_key(&self, from: &ResourceVal, key: &str, account: &str) -> Vec<usize> {
        let Some(region) = arn_part(key, 3) else {
            return self.places_around(from);
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
        let listings = places
            .iter()
            .filter_map(|place| self.0.places.get(*place)?.listings.as_deref());
        self.organization().listed(listings, of, account)
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
        let index = Arc::new(FieldIndex::over(&typed.shelf.resources, path));
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
        if let Shared::Gathered(organization) = &mut self.shared {
            organization.account(account);
        }
        self
    }

    /// Records the outcome of listing a type in a place.
    pub fn listing(
        &mut self,
        account: &AccountId,
        unit_region: &Region,
        kind: &str,
        gap: Option<&Gap>,
    ) {
        if let Shared::Gathered(organization) = &mut self.shared {
            organization.listing(account, unit_region, kind, gap);
        }
    }

    /// Adds a resource that a unit of work of some region listed.
    pub fn resource(&mut self, resource: ResourceNode, unit_region: &Region) {
        let Some(of) = type_number(resource.kind()) else {
            return;
        };
        if let Shared::Gathered(organization) = &mut self.shared
            && OrganizationBuilder::takes(resource.kind())
        {
            organization.resource(resource.clone(), unit_region);
        }
        let place = (
            resource.account().to_owned(),
            unit_region.as_str().to_owned(),
        );
        let types = self.resources.entry(place).or_default();
        types.entry(of).or_default().push(resource);
    }

    /// Makes this the world of a case, where every listing worked but these.
    pub(crate) fn assume_listed(mut self, unlisted: BTreeSet<u16>) -> Self {
        if let Shared::Gathered(organization) = &mut self.shared {
            organization.assume_listed(unlisted);
        }
        self
    }

    /// Finishes the index.
    pub fn build(self) -> World {
        let mut home = self.home;
        let organization = match self.shared {
            Shared::Known(organization) => organization,
            Shared::Gathered(organization) => {
                let organization = Arc::new(organization.build());
                home.clone_from(organization.scanned());
                organization
            }
        };
        let mut all: BTreeMap<(String, String), Place> = BTreeMap::new();
        for account in &home {
            for (region, listings) in organization.places(account) {
                let place = (account.clone(), region.to_owned());
                all.entry(place).or_default().listings = Some(Arc::clone(listings));
            }
        }
        for (place, types) in self.resources {
            let types = types
                .into_iter()
                .map(|(of, resources)| (of, Typed::new(resources)));
            all.entry(place).or_default().types.extend(types);
        }
        let mut places = Vec::with_capacity(all.len());
        let mut by_name: HashMap<String, BTreeMap<String, usize>> = HashMap::new();
        for ((account, region), place) in all {
            let regions = by_name.entry(account).or_default();
            regions.insert(region, places.len());
            places.push(place);
        }
        World(Arc::new(Data {
            organization,
            home,
            places,
            by_name,
            elsewhere: self.elsewhere,
            neighbours: self.neighbours,
            indexes: RwLock::default(),
            estate: OnceLock::new(),
            climbers: OnceLock::new(),
        }))
    }
}

impl Typed {
    fn new(resources: Vec<ResourceNode>) -> Self {
        let all = resources.iter();
        let all = ListVal::new(all.map(|one| Node::Resource(one.0.clone())).collect());
        Self {
            shelf: Shelf::new(resources),
            all,
        }
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

pub(crate) fn not_collected(kind: &str, account: &str) -> Arc<Gap> {
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
