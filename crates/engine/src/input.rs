//! What is evaluated: the resources of all accounts, or of some of them, indexed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_catalog::{Documents, ResourceNode, World, WorldBuilder, known_type};
use posture_model::{Region, Resource};
use posture_snapshot::{Manifest, Snapshot, SnapshotError, UnitRecord};

use crate::finding_id::resource_number;
use crate::parallel::in_parallel;
use crate::plan::Wanted;

/// A snapshot in memory, indexed and ready to be judged any number of times.
pub struct Input {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// All of its resources.
    pub(crate) part: Part,
}

/// The resources of all accounts, or of some of them.
pub(crate) struct Part {
    /// The accounts.
    pub(crate) accounts: BTreeSet<String>,
    /// The index that checks look things up in.
    pub(crate) world: World,
    /// Resources by type, each type's in a stable order.
    pub(crate) resources: BTreeMap<&'static str, Vec<Subject>>,
    /// Keys of all resources, whether they are looked at or not, where they are wanted.
    pub(crate) keys: Vec<u64>,
}

/// A resource and what tells it from another of the same ARN.
pub(crate) struct Subject {
    /// The resource.
    pub(crate) node: ResourceNode,
    /// Empty for all but duplicates.
    pub(crate) discriminator: String,
}

/// What a unit holds.
#[derive(Default)]
pub(crate) struct Read {
    /// The resources that are looked at.
    nodes: Vec<ResourceNode>,
    /// Keys of all resources.
    keys: Vec<u64>,
}

impl Input {
    /// Reads a whole snapshot.
    pub fn read(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let manifest = snapshot.manifest().clone();
        snapshot.read_ahead(&manifest.units);
        let all: Vec<usize> = (0..manifest.units.len()).collect();
        let units = read_units(snapshot, &all, &Wanted::everything())?;
        Ok(Self::index(manifest, units))
    }

    /// The index of all resources, for questions beyond checks.
    pub fn world(&self) -> &World {
        &self.part.world
    }

    /// Takes resources that are in memory, as pairs of a unit's region and its resources, in the
    /// order of the manifest's units.
    pub fn new(manifest: Manifest, units: Vec<(Region, Vec<Resource>)>) -> Self {
        let documents = Arc::new(Documents::default());
        let units = units
            .into_iter()
            .map(|(region, resources)| {
                let mut read = Read::default();
                for resource in &resources {
                    read.node(resource, &documents, true);
                }
                (region, read)
            })
            .collect();
        Self::index(manifest, units)
    }

    fn index(manifest: Manifest, units: Vec<(Region, Read)>) -> Self {
        let mut builder = World::builder(manifest.scan.started_at);
        let mut accounts = BTreeSet::new();
        for account in &manifest.accounts {
            builder = builder.account(&account.id);
            accounts.insert(account.id.as_str().to_owned());
        }
        // An interrupted snapshot may lack the list of accounts; its units tell as well.
        for unit in &manifest.units {
            builder = builder.account(&unit.key.account);
            accounts.insert(unit.key.account.as_str().to_owned());
            for (kind, listing) in &unit.listings {
                builder.listing(
                    &unit.key.account,
                    &unit.key.region,
                    kind,
                    listing.gap.as_ref(),
                );
            }
        }
        Self {
            part: Part::index(accounts, builder, units),
            manifest,
        }
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        self.part.resources.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Part {
    /// Of some accounts, as pairs of a unit's region and what it holds, in the order of the units.
    pub(crate) fn index(
        accounts: BTreeSet<String>,
        mut builder: WorldBuilder,
        units: Vec<(Region, Read)>,
    ) -> Self {
        let mut resources: BTreeMap<&'static str, Vec<Subject>> = BTreeMap::new();
        let mut keys = Vec::new();
        for (region, read) in units {
            keys.extend(read.keys);
            for node in read.nodes {
                builder.resource(node.clone(), &region);
                resources.entry(node.kind()).or_default().push(Subject {
                    node,
                    discriminator: String::new(),
                });
            }
        }
        for subjects in resources.values_mut() {
            subjects.sort_by(|a, b| key(&a.node).cmp(&key(&b.node)));
            discriminate(subjects);
        }
        Self {
            accounts,
            world: builder.build(),
            resources,
            keys,
        }
    }
}

fn key(node: &ResourceNode) -> (&str, &str, &str, &str, &str) {
    (
        node.account(),
        node.region(),
        node.arn(),
        node.id(),
        node.name(),
    )
}

/// Tells resources of one place and ARN apart: by their ids, and where even those are the same, by
/// their order. The first keeps the plain identity.
fn discriminate(subjects: &mut [Subject]) {
    // They are sorted: those of one place and ARN are beside each other.
    let together = |a: &Subject, b: &Subject| {
        let (a, b) = (key(&a.node), key(&b.node));
        (a.0, a.1, a.2) == (b.0, b.1, b.2)
    };
    for subjects in subjects.chunk_by_mut(together) {
        let mut taken = BTreeSet::new();
        for subject in subjects.iter_mut().skip(1) {
            let id = subject.node.id();
            let mut candidate = format!("id:{id}");
            let mut number = 2;
            while taken.contains(&candidate) {
                candidate = format!("id:{id}#{number}");
                number += 1;
            }
            subject.discriminator.clone_from(&candidate);
            taken.insert(candidate);
        }
    }
}

impl Read {
    /// Adds a resource that is looked at. One of a type that this build does not know is left out.
    fn node(&mut self, resource: &Resource, documents: &Arc<Documents>, keys: bool) {
        if let Some(node) = ResourceNode::new(resource, documents) {
            if keys {
                self.key(node.kind(), node.account(), node.region(), node.arn());
            }
            self.nodes.push(node);
        }
    }

    fn key(&mut self, kind: &'static str, account: &str, region: &str, arn: &str) {
        self.keys.push(resource_number(kind, account, region, arn));
    }
}

/// Reads units on several threads, in the order of their numbers: those in which something is wanted, each
/// with its region.
pub(crate) fn read_units(
    snapshot: &Snapshot,
    units: &[usize],
    wanted: &Wanted,
) -> Result<Vec<(Region, Read)>, SnapshotError> {
    let documents = Arc::new(Documents::default());
    let records = &snapshot.manifest().units;
    let records: Vec<&UnitRecord> = units
        .iter()
        .filter_map(|number| records.get(*number))
        .filter(|record| wanted.reads(record))
        .collect();
    in_parallel(&records, |record| {
        let read = read_unit(snapshot, record, wanted, &documents)?;
        Ok((record.key.region.clone(), read))
    })
    .into_iter()
    .collect()
}

/// The resources of a unit that are of wanted types.
pub(crate) fn nodes(
    snapshot: &Snapshot,
    record: &UnitRecord,
    wanted: &Wanted,
    documents: &Arc<Documents>,
) -> Result<Vec<ResourceNode>, SnapshotError> {
    Ok(read_unit(snapshot, record, wanted, documents)?.nodes)
}

fn read_unit(
    snapshot: &Snapshot,
    record: &UnitRecord,
    wanted: &Wanted,
    documents: &Arc<Documents>,
) -> Result<Read, SnapshotError> {
    let mut read = Read::default();
    // A unit may hold what it does not list only if it was forged; then some is read for nothing.
    let all = wanted.looks_at_all(record);
    snapshot.each_line(record, |line| {
        if !all {
            let other = |kind| !wanted.looks_at(kind);
            if !wanted.keys && line.kind().is_some_and(other) {
                return Ok(());
            }
            let envelope = line.envelope()?;
            if !wanted.looks_at(&envelope.r#type) {
                if let Some(kind) = known_type(&envelope.r#type).filter(|_| wanted.keys) {
                    let (account, region) = (envelope.account.as_str(), envelope.region.as_str());
                    read.key(kind, account, region, &envelope.arn);
                }
                return Ok(());
            }
        }
        read.node(&line.resource()?, documents, wanted.keys);
        Ok(())
    })?;
    Ok(read)
}
