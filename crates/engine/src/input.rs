//! What is evaluated: a manifest and the resources of its units, indexed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use posture_catalog::{Documents, ResourceNode, World};
use posture_model::{Region, Resource};
use posture_snapshot::{Manifest, Snapshot, SnapshotError, UnitRecord};

/// A snapshot in memory, indexed and ready to be judged any number of times.
pub struct Input {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// The index that checks look things up in.
    pub(crate) world: World,
    /// Resources by type, each type's in a stable order.
    pub(crate) resources: BTreeMap<&'static str, Vec<Subject>>,
}

/// A resource and what tells it from another of the same ARN.
pub(crate) struct Subject {
    /// The resource.
    pub(crate) node: ResourceNode,
    /// Empty for all but duplicates.
    pub(crate) discriminator: String,
}

impl Input {
    /// Reads a whole snapshot.
    pub fn read(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let manifest = snapshot.manifest().clone();
        let units = read_units(snapshot, &manifest.units)?;
        Ok(Self::index(manifest, units))
    }

    /// The index of all resources, for questions beyond checks.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Takes resources that are in memory, as pairs of a unit's region and its resources, in the
    /// order of the manifest's units.
    pub fn new(manifest: Manifest, units: Vec<(Region, Vec<Resource>)>) -> Self {
        let documents = Arc::new(Documents::default());
        let units = units
            .into_iter()
            .map(|(region, resources)| {
                let nodes = nodes(&resources, &documents);
                (region, nodes)
            })
            .collect();
        Self::index(manifest, units)
    }

    fn index(manifest: Manifest, units: Vec<(Region, Vec<ResourceNode>)>) -> Self {
        let mut builder = World::builder(manifest.scan.started_at);
        for account in &manifest.accounts {
            builder = builder.account(&account.id);
        }
        // An interrupted snapshot may lack the list of accounts; its units tell as well.
        for unit in &manifest.units {
            builder = builder.account(&unit.key.account);
            for (kind, listing) in &unit.listings {
                builder.listing(
                    &unit.key.account,
                    &unit.key.region,
                    kind,
                    listing.gap.as_ref(),
                );
            }
        }
        let mut resources: BTreeMap<&'static str, Vec<Subject>> = BTreeMap::new();
        for (region, nodes) in units {
            for node in nodes {
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
            manifest,
            world: builder.build(),
            resources,
        }
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        self.resources.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    let mut seen: HashMap<(String, String, String), BTreeSet<String>> = HashMap::new();
    for subject in subjects {
        let node = &subject.node;
        let taken = seen
            .entry((
                node.account().to_owned(),
                node.region().to_owned(),
                node.arn().to_owned(),
            ))
            .or_default();
        if !taken.is_empty() {
            let mut candidate = format!("id:{}", node.id());
            let mut number = 2;
            while taken.contains(&candidate) {
                candidate = format!("id:{}#{number}", node.id());
                number += 1;
            }
            subject.discriminator = candidate;
        }
        taken.insert(subject.discriminator.clone());
    }
}

fn nodes(resources: &[Resource], documents: &Arc<Documents>) -> Vec<ResourceNode> {
    resources
        .iter()
        .filter_map(|resource| ResourceNode::new(resource, documents))
        .collect()
}

/// Reads all units on several threads, in the order of their records.
fn read_units(
    snapshot: &Snapshot,
    records: &[UnitRecord],
) -> Result<Vec<(Region, Vec<ResourceNode>)>, SnapshotError> {
    let documents = Arc::new(Documents::default());
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Result<Vec<ResourceNode>, SnapshotError>>> =
        Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..crate::evaluate::threads() {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(record) = records.get(index) else {
                        break;
                    };
                    let nodes = snapshot
                        .read_unit(record)
                        .map(|resources| nodes(&resources, &documents));
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .insert(index, nodes);
                }
            });
        }
    });
    done.into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_values()
        .zip(records)
        .map(|(nodes, record)| Ok((record.key.region.clone(), nodes?)))
        .collect()
}
