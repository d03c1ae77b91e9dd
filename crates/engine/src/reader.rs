//! Reads a snapshot some accounts at a time, with what they have to know of each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use posture_catalog::{Climb, Documents, Neighbours, Organization, OrganizationBuilder, World};
use posture_snapshot::{Snapshot, SnapshotError};

use crate::elsewhere::Shelves;
use crate::evaluate::Limits;
use crate::input::{Part, nodes, read_units};
use crate::parallel::in_parallel;
use crate::plan::{Share, Wanted, shares};

/// A snapshot in shares.
pub(crate) struct Reader<'s> {
    snapshot: &'s Snapshot,
    shares: Vec<Share>,
    organization: Arc<Organization>,
    elsewhere: Arc<Shelves>,
}

impl<'s> Reader<'s> {
    /// Reads what all accounts share, and divides them.
    pub(crate) fn new(
        snapshot: &'s Snapshot,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<Self, SnapshotError> {
        let shares = shares(snapshot.manifest(), wanted, limits.resources);
        let records = &snapshot.manifest().units;
        let units = shares.iter().flat_map(|share| &share.units);
        snapshot.read_ahead(units.filter_map(|number| records.get(*number)));
        Ok(Self {
            snapshot,
            shares,
            organization: Arc::new(organization(snapshot)?),
            elsewhere: Arc::new(Shelves::new(snapshot, limits.elsewhere)),
        })
    }

    /// The shares, in the order of their accounts.
    pub(crate) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// Reads the resources of a share.
    pub(crate) fn part(
        &self,
        share: &Share,
        wanted: &Wanted,
        neighbours: Neighbours,
    ) -> Result<Part, SnapshotError> {
        let units = read_units(self.snapshot, &share.units, wanted)?;
        let builder = World::of(
            Arc::clone(&self.organization),
            share.accounts.clone(),
            Arc::clone(&self.elsewhere) as _,
            neighbours,
        );
        Ok(Part::index(share.accounts.clone(), builder, units))
    }

    /// An error where something that was looked up in another account could not be read.
    pub(crate) fn failure(&self) -> Result<(), SnapshotError> {
        self.elsewhere.failure().map_or(Ok(()), Err)
    }

    /// Finds out what principals of each share have to know of the others to tell whether they can become
    /// administrators; none where there is only one.
    pub(crate) fn climb(&self) -> Result<Option<Climb>, SnapshotError> {
        if self.shares.len() < 2 {
            return Ok(None);
        }
        let accounts = self.shares.iter().map(|share| share.accounts.clone());
        let climb = Climb::new(&accounts.collect::<Vec<_>>());
        let wanted = Wanted::types(Climb::kinds());
        let mut again: BTreeSet<usize> = (0..self.shares.len()).collect();
        let mut first = true;
        while !again.is_empty() {
            let shares: Vec<(usize, &Share)> = again
                .iter()
                .filter_map(|number| Some((*number, self.shares.get(*number)?)))
                .collect();
            let looked = in_parallel(&shares, |(number, share)| {
                let part = self.part(share, &wanted, climb.neighbours(*number))?;
                climb.look(*number, &part.world, first);
                Ok(())
            });
            looked.into_iter().collect::<Result<(), SnapshotError>>()?;
            self.failure()?;
            first = false;
            again = climb.again();
        }
        Ok(Some(climb))
    }
}

/// What all accounts of a snapshot share.
fn organization(snapshot: &Snapshot) -> Result<Organization, SnapshotError> {
    let manifest = snapshot.manifest();
    let mut organization = Organization::builder(manifest.scan.started_at);
    for account in &manifest.accounts {
        organization.account(&account.id);
    }
    let documents = Arc::new(Documents::default());
    let everything = Wanted::everything();
    for unit in &manifest.units {
        let key = &unit.key;
        organization.account(&key.account);
        for (kind, listing) in &unit.listings {
            organization.listing(&key.account, &key.region, kind, listing.gap.as_ref());
        }
        let takes = |kind: &String| OrganizationBuilder::takes(kind);
        if unit.resources == 0 || !unit.listings.keys().any(takes) {
            continue;
        }
        for node in nodes(snapshot, unit, &everything, &documents)? {
            if OrganizationBuilder::takes(node.kind()) {
                organization.resource(node, &key.region);
            }
        }
    }
    Ok(organization.build())
}
