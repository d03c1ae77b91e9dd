//! Who is, or can become, an administrator: in a world of all accounts at once, or in worlds of some accounts
//! one after the other.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use posture_policy::bridges::{Bridges, Guests, doors};
use posture_policy::escalation::{Escalations, Path, escalations, escalations_of_part};

use crate::control::{RCP, SCP};
use crate::escalations::builtin;
use crate::estate::{Extent, MISREAD, ROLE, through};
use crate::expr::type_number;
use crate::world::{World, arn_part};

/// The principals of a world with their ways to an administrator.
#[derive(Debug)]
pub(crate) struct Climbers {
    /// The ways.
    pub(crate) found: Escalations,
    /// All who were looked at, sorted.
    actors: Vec<String>,
}

impl Climbers {
    /// Looks for them.
    pub(crate) fn of(world: &World) -> Self {
        // Gathered for this alone and dropped: it is many times as large as what it yields.
        let estate = crate::estate::of(world, Extent::Escalation);
        let found = if world.is_whole() {
            escalations(&estate, &paths())
        } else {
            escalations_of_part(&estate, &paths(), []).found
        };
        let actors = estate.actors.iter().map(|actor| actor.arn().to_owned());
        Self {
            found,
            actors: actors.collect(),
        }
    }

    /// Whether somebody was looked at.
    pub(crate) fn knows(&self, arn: &str) -> bool {
        self.actors
            .binary_search_by(|actor| actor.as_str().cmp(arn))
            .is_ok()
    }
}

/// What could not be read of the control policies over a user or role, which are taken to allow everything
/// when ways are looked for.
pub(crate) fn assumption(world: &World, arn: &str) -> Option<String> {
    let account = arn_part(arn, 4)?;
    let organization = world.organization();
    let unread = |kind| organization.control(account, kind).unread.clone();
    unread(SCP)
        .or_else(|| unread(RCP))
        .map(|why| format!("control policies over {account} could not be read: {why}"))
}

fn paths() -> Vec<Path> {
    let all = builtin().values();
    all.map(|path| path.path.clone()).collect()
}

/// What escalation in some accounts has to know of others.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    /// Their roles that principals of these accounts may be able to act as.
    pub(crate) guests: Guests,
    /// The accounts of which roles were not understood.
    pub(crate) misread: BTreeSet<String>,
}

/// Escalation over all accounts of an organization, of which some are looked at a time.
///
/// Each part is looked at once, and again whenever it turns out that somebody of another part whom its
/// principals can act as is, or can become, an administrator, and others ask for the part in turn. Chains over
/// accounts are short, so these are few parts and few times.
#[derive(Debug)]
pub struct Climb(Mutex<State>);

#[derive(Debug)]
struct State {
    bridges: Bridges,
    misread: BTreeSet<String>,
    /// Whether every part was looked at with all that was misread.
    told: bool,
    parts: usize,
}

impl Climb {
    /// The types of resources that a world has to hold to be looked at.
    pub fn kinds() -> BTreeSet<&'static str> {
        let collected = through().into_keys();
        let collected = collected.filter(|kind| type_number(kind).is_some());
        ["iam.user", ROLE, "iam.group", "iam.policy"]
            .into_iter()
            .chain(collected)
            .collect()
    }

    /// Of an organization in these parts.
    pub fn new(parts: &[BTreeSet<String>]) -> Self {
        Self(Mutex::new(State {
            bridges: Bridges::new(parts),
            misread: BTreeSet::new(),
            told: false,
            parts: parts.len(),
        }))
    }

    /// Looks at a part for the first time, or again. Its world knows its neighbours.
    pub fn look(&self, part: usize, world: &World, first: bool) {
        let estate = crate::estate::of(world, Extent::Escalation);
        let paths = paths();
        if first {
            let doors = doors(&estate, &paths);
            let misread = estate.unlisted.iter().filter(|((kind, account), why)| {
                kind == ROLE && *why == MISREAD && world.accounts().contains(account)
            });
            let mut state = self.state();
            state.bridges.add(part, doors);
            let accounts = misread.map(|((_, account), _)| account.clone());
            state.misread.extend(accounts);
        }
        let asked = self.state().bridges.asked(part);
        if asked.is_empty() {
            return;
        }
        let asked = asked.iter().map(String::as_str);
        let found = escalations_of_part(&estate, &paths, asked).standings;
        self.state().bridges.report(found);
    }

    /// The parts that have to be looked at again, once all that had to be were; none at the end.
    pub fn again(&self) -> BTreeSet<usize> {
        let mut state = self.state();
        if !state.told {
            state.told = true;
            if !state.misread.is_empty() {
                return (0..state.parts).collect();
            }
        }
        state.bridges.settle()
    }

    /// What a part has to know of the others, as far as is settled.
    pub fn neighbours(&self, part: usize) -> Neighbours {
        let state = self.state();
        Neighbours {
            guests: state.bridges.guests(part),
            misread: state.misread.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
