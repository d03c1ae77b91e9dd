//! Waivers: responsibility that someone takes for a weakness until a date.
//!
//! A waiver turns a `fail` into a `waived` and does nothing else: what could not be read stays `unknown`,
//! whoever signs for it. Whether one is in force is reckoned at the scan's start, so that a snapshot gives the
//! same report on every day.

mod glob;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use posture_catalog::{Catalog, Check, Diagnostic, ResourceNode};
use posture_model::{AccountId, CheckId, Region, Tags, Timestamp};
use posture_snapshot::Manifest;

use crate::places::Blind;
use crate::result::PlaceRecord;

/// Responsibility taken for what a check finds at some resources. All that is given must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The check.
    pub check: CheckId,
    /// Anchored glob over ARNs: `*` is any run of characters, `?` one.
    pub resource: String,
    /// The account; `None` for all.
    pub account: Option<AccountId>,
    /// The region, or `global`; `None` for all.
    pub region: Option<Region>,
    /// Tags that the resource has, with these values.
    pub tags: Tags,
    /// Why the weakness is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// Where that was decided.
    pub ticket: String,
    /// The last second in which it is in force.
    pub expires: Timestamp,
    /// Where it stands, as `file:line`.
    pub source: String,
}

/// Waivers in the order of their file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    entries: Vec<Waiver>,
    by_check: BTreeMap<CheckId, OfCheck>,
}

/// The waivers of one check. There may be thousands, most of which name one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfCheck {
    literal: HashMap<String, Vec<usize>>,
    globs: Vec<usize>,
}

/// What became of a waiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverOutcome {
    /// The waiver.
    pub waiver: Waiver,
    /// Whether it did anything.
    pub state: WaiverState,
    /// Findings that it covers; for an expired one the failing findings that it would cover.
    pub matched: u64,
}

/// Whether a waiver is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiverState {
    /// In force, and it covers a finding.
    Live,
    /// In force; all that it speaks of was judged, and no finding is covered by it.
    Unused,
    /// In force, and no finding is covered by it; but not all that it speaks of was looked at and could be
    /// read, so that it may still be needed.
    Unknown,
    /// Past its date.
    Expired,
}

impl Waivers {
    /// Reads YAML. The file's name is for what is said of it.
    pub fn read(file: &str, text: &str, catalog: &Catalog) -> Result<Self, Vec<Diagnostic>> {
        read::read(file, text, catalog)
    }

    fn new(entries: Vec<Waiver>) -> Self {
        let mut by_check: BTreeMap<CheckId, OfCheck> = BTreeMap::new();
        for (index, waiver) in entries.iter().enumerate() {
            let of_check = by_check.entry(waiver.check.clone()).or_default();
            if glob::is_literal(&waiver.resource) {
                let same = of_check.literal.entry(waiver.resource.clone()).or_default();
                same.push(index);
            } else {
                of_check.globs.push(index);
            }
        }
        Self { entries, by_check }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those that may speak of a resource, whatever its tags, in no order.
    fn about<'a>(
        &'a self,
        check: &CheckId,
        node: &'a ResourceNode,
    ) -> impl Iterator<Item = (usize, &'a Waiver)> {
        let of_check = self.by_check.get(check);
        let literal = of_check.and_then(|of| of.literal.get(node.arn()));
        let globs = of_check.map(|of| &of.globs);
        let indices = literal.into_iter().chain(globs).flatten();
        indices
            .filter_map(|index| Some((*index, self.entries.get(*index)?)))
            .filter(|(_, waiver)| waiver.is_about(node))
    }
}

impl Waiver {
    fn is_about(&self, node: &ResourceNode) -> bool {
        let account = self.account.as_ref().map(AccountId::as_str);
        let region = self.region.as_ref().map(Region::as_str);
        account.is_none_or(|account| account == node.account())
            && region.is_none_or(|region| region == node.region())
            && glob::matches(&self.resource, node.arn())
    }

    fn has_tags(&self, node: &ResourceNode) -> bool {
        self.tags.is_empty() || {
            let tags = node.tags();
            let same = |(key, value): (&String, &String)| tags.get(key) == Some(value);
            self.tags.iter().all(same)
        }
    }

    /// Whether it may speak of resources in this account. Many ARNs name theirs.
    fn concerns(&self, account: &AccountId) -> bool {
        let named = self.resource.split(':').nth(4).unwrap_or_default();
        self.account.as_ref().is_none_or(|own| own == account)
            && (AccountId::new(named).is_err() || named == account.as_str())
    }

    fn reaches(&self, account: &AccountId, region: &Region) -> bool {
        self.concerns(account) && self.region.as_ref().is_none_or(|own| own == region)
    }
}

/// What the waivers do to one evaluation. Counts with many threads at once.
pub(crate) struct Reckoning<'a> {
    waivers: &'a Waivers,
    entries: Vec<Entry>,
}

struct Entry {
    in_force: bool,
    matched: AtomicU64,
    /// Whether a verdict that it might have covered is unknown.
    undecided: AtomicBool,
}

/// Where was looked for what, to tell a waiver that nothing needs from one whose resources were not seen.
pub(crate) struct Looked<'a> {
    /// The scan.
    pub(crate) manifest: &'a Manifest,
    /// What was looked for in each place.
    pub(crate) places: &'a [PlaceRecord],
    /// Where the resources of a type are not all known.
    pub(crate) blind: &'a BTreeMap<&'a str, Vec<Blind>>,
    /// Types of the checks that were run.
    pub(crate) kinds: BTreeMap<&'a CheckId, &'a str>,
}

impl<'a> Reckoning<'a> {
    pub(crate) fn new(waivers: &'a Waivers, at: Timestamp) -> Self {
        let entry = |waiver: &Waiver| Entry {
            in_force: at <= waiver.expires,
            matched: AtomicU64::new(0),
            undecided: AtomicBool::new(false),
        };
        Self {
            waivers,
            entries: waivers.entries.iter().map(entry).collect(),
        }
    }

    /// The waiver that covers a failing verdict: the first one in force in the order of the file.
    pub(crate) fn cover(&self, check: &Check, node: &ResourceNode) -> Option<usize> {
        let mut first: Option<usize> = None;
        let mut expired = Vec::new();
        for (index, waiver) in self.waivers.about(&check.meta.id, node) {
            if !waiver.has_tags(node) {
                // Tags that were not read waive nothing, but may be those that it asks for.
                self.doubt(index, !node.knows_tags());
            } else if self.in_force(index) {
                first = Some(first.map_or(index, |other| other.min(index)));
            } else {
                expired.push(index);
            }
        }
        match first {
            Some(index) => self.count(index),
            None => expired.into_iter().for_each(|index| self.count(index)),
        }
        first
    }

    /// Notes a verdict that could not be reached: a waiver that would cover a failure there is not one that nothing
    /// needs.
    pub(crate) fn undecided(&self, check: &Check, node: &ResourceNode) {
        for (index, waiver) in self.waivers.about(&check.meta.id, node) {
            let may_match = !node.knows_tags() || waiver.has_tags(node);
            self.doubt(index, may_match);
        }
    }

    fn in_force(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.in_force)
    }

    fn count(&self, index: usize) {
        if let Some(entry) = self.entries.get(index) {
            entry.matched.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn doubt(&self, index: usize, undecided: bool) {
        if let Some(entry) = self.entries.get(index) {
            entry.undecided.fetch_or(undecided, Ordering::Relaxed);
        }
    }

    /// What became of each.
    pub(crate) fn outcomes(self, looked: &Looked<'_>) -> Vec<WaiverOutcome> {
        let entries = self.waivers.entries.iter().zip(self.entries);
        entries
            .map(|(waiver, entry)| {
                let matched = entry.matched.into_inner();
                let state = if !entry.in_force {
                    WaiverState::Expired
                } else if matched > 0 {
                    WaiverState::Live
                } else if entry.undecided.into_inner() || !looked.everywhere(waiver) {
                    WaiverState::Unknown
                } else {
                    WaiverState::Unused
                };
                WaiverOutcome {
                    waiver: waiver.clone(),
                    state,
                    matched,
                }
            })
            .collect()
    }
}

impl Looked<'_> {
    /// Whether all that a waiver may speak of was looked at.
    fn everywhere(&self, waiver: &Waiver) -> bool {
        let Some(kind) = self.kinds.get(&waiver.check) else {
            return false;
        };
        let service = kind.split('.').next().unwrap_or(kind);
        let seen: BTreeSet<&AccountId> = self
            .places
            .iter()
            .filter(|place| waiver.reaches(&place.account, &place.region))
            .filter(|place| place.services.iter().any(|listed| listed == service))
            .map(|place| &place.account)
            .collect();
        let accounts = self.manifest.accounts.iter().map(|account| &account.id);
        let blind = self.blind.get(kind).into_iter().flatten();
        !seen.is_empty()
            && accounts
                .filter(|account| waiver.concerns(account))
                .all(|account| seen.contains(account))
            && !blind
                .into_iter()
                .any(|blind| waiver.reaches(&blind.account, &blind.region))
    }
}
