//! Escalation over an organization that is looked at part by part.
//!
//! A chain may lead from one account into another: by a role whose trust policy, or a resource whose policy,
//! lets principals of other accounts in. These are few, and all that an account has to know of another. Each
//! part of the organization names such *doors*; where they stand (how many steps from an administrator, by
//! which way) is settled nearest first, as in any search for shortest ways: what is nearest of all that is not
//! settled yet rests on what is settled alone. So every part comes to the same chains as if it had been
//! looked at together with all others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::authorize::Control;
use crate::escalation::{Admitted, Path, Standing, Target, admitted, admitted_by, roles_of};
use crate::estate::{Actor, ActorParts, Estate, Thing};
use crate::identity::IdentitySet;
use crate::principal::Kind;

/// A role that principals of other accounts may be able to act as, with what they have to know of it to tell
/// whether they are.
#[derive(Debug, Clone)]
pub struct Door {
    /// The role. What it may do is looked at in its own part and is not here.
    role: Actor,
    /// Resources that act as it, of the types of which some may let others in.
    things: Vec<Thing>,
    /// The instance profiles by which these name it.
    profiles: Vec<String>,
    /// Whom it may let in, itself or through the resources.
    admits: Admitted,
}

/// The doors of an estate.
pub fn doors(estate: &Estate, paths: &[Path]) -> Vec<Door> {
    let mut found: BTreeMap<usize, Door> = BTreeMap::new();
    for (index, role) in estate.actors.iter().enumerate() {
        let admits = others(admitted(&role.trust), role.account());
        if admits != Admitted::default() {
            door(&mut found, estate, index, admits);
        }
    }
    let through: BTreeSet<(&str, &str)> = paths
        .iter()
        .filter_map(|path| match &path.target {
            Target::Through { kind, role } => Some((kind.as_str(), role.as_str())),
            _ => None,
        })
        .collect();
    for (kind, field) in through {
        let mut carriers: BTreeMap<usize, Vec<&Thing>> = BTreeMap::new();
        for thing in estate.things.iter().filter(|thing| thing.kind == kind) {
            let roles = roles_of(estate, thing, field).and_then(Result::ok);
            for role in roles.into_iter().flatten() {
                carriers.entry(role).or_default().push(thing);
            }
        }
        for (role, things) in carriers {
            let mut admits = Admitted::default();
            for thing in &things {
                admits.extend(others(admitted_by(thing), &thing.account));
            }
            if admits == Admitted::default() {
                continue;
            }
            if let Some(door) = door(&mut found, estate, role, admits) {
                door.carried_by(&things, field);
            }
        }
    }
    found.into_values().collect()
}

/// Those of other accounts that are let in.
fn others(mut admitted: Admitted, own: &str) -> Admitted {
    admitted.accounts.remove(own);
    admitted
}

/// The door of a role, new or known. Nobody but its service can act as a service-linked role.
fn door<'f>(
    found: &'f mut BTreeMap<usize, Door>,
    estate: &Estate,
    role: usize,
    admits: Admitted,
) -> Option<&'f mut Door> {
    let actor = estate.actors.get(role)?;
    let is_own = !estate.guests.contains_key(actor.arn());
    if actor.requester.kind != Kind::Role || actor.service_linked || !is_own {
        return None;
    }
    let door = found.entry(role).or_insert_with(|| Door {
        role: outside_of(actor),
        things: Vec::new(),
        profiles: Vec::new(),
        admits: Admitted::default(),
    });
    door.admits.extend(admits);
    Some(door)
}

/// A role as others see it.
fn outside_of(role: &Actor) -> Actor {
    let parts: &ActorParts = role;
    Actor::new(ActorParts {
        set: IdentitySet::default(),
        scps: Arc::new(Control::default()),
        customer_policies: Vec::new(),
        groups: Vec::new(),
        ..parts.clone()
    })
}

impl Door {
    /// The ARN of the role.
    pub fn arn(&self) -> &str {
        self.role.arn()
    }

    fn carried_by(&mut self, things: &[&Thing], field: &str) {
        for thing in things {
            if !self.things.iter().any(|known| known.arn == thing.arn) {
                self.things.push((*thing).clone());
            }
            if let Some(Ok(Some(arn))) = thing.roles.get(field)
                && arn != self.role.arn()
                && !self.profiles.contains(arn)
            {
                self.profiles.push(arn.clone());
            }
        }
    }
}

/// Roles of other parts with where they stand, as targets for the principals of a part.
#[derive(Debug, Clone, Default)]
pub struct Guests(Vec<(Arc<Door>, Standing)>);

impl Guests {
    /// The accounts that they are of.
    pub fn accounts(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(door, _)| door.role.account()).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to an estate.
    pub fn enter(&self, estate: &mut Estate) {
        if self.is_empty() {
            return;
        }
        // Positions change; names do not.
        let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (profile, roles) in &estate.instance_profiles {
            let names = roles.iter().filter_map(|role| estate.actors.get(*role));
            let names = names.map(|role| role.arn().to_owned()).collect();
            held.insert(profile.clone(), names);
        }
        let mut things: BTreeMap<&str, &Thing> = BTreeMap::new();
        for (door, standing) in &self.0 {
            let name = door.role.arn().to_owned();
            for profile in &door.profiles {
                held.entry(profile.clone())
                    .or_default()
                    .insert(name.clone());
            }
            estate.actors.push(door.role.clone());
            // One that acts as several roles is behind several doors.
            things.extend(door.things.iter().map(|thing| (thing.arn.as_str(), thing)));
            estate.guests.insert(name, standing.clone());
        }
        estate.things.extend(things.into_values().cloned());
        estate.actors.sort_by(|a, b| a.arn().cmp(b.arn()));
        estate.things.sort_by(|a, b| a.arn.cmp(&b.arn));
        estate.instance_profiles = held
            .into_iter()
            .map(|(profile, roles)| {
                let positions = roles.iter().filter_map(|role| estate.position(role));
                (profile, positions.collect())
            })
            .collect();
    }
}

/// Where the doors of all parts stand, while that is found out.
#[derive(Debug, Default)]
pub struct Bridges {
    /// Parts by account.
    parts: BTreeMap<String, usize>,
    count: usize,
    bridges: BTreeMap<String, Bridge>,
}

/// A door that leads from one part to another.
#[derive(Debug)]
struct Bridge {
    door: Arc<Door>,
    /// The part that it leads into.
    of: usize,
    /// The parts from which it leads there.
    from: BTreeSet<usize>,
    standing: Standing,
    settled: bool,
}

impl Bridge {
    /// How near it is: administrators, then those who can become one, then those of whom it cannot be told.
    fn nearness(&self) -> Option<(u8, usize)> {
        match &self.standing {
            Standing {
                administrator: true,
                ..
            } => Some((0, 0)),
            Standing {
                steps: Some(steps), ..
            } => Some((1, *steps)),
            Standing {
                doubt: Some(doubt), ..
            } => Some((2, *doubt)),
            _ => None,
        }
    }
}

impl Bridges {
    /// For an organization in these parts, each some accounts.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a BTreeSet<String>>) -> Self {
        let mut bridges = Self::default();
        for (number, accounts) in parts.into_iter().enumerate() {
            let accounts = accounts.iter().map(|account| (account.clone(), number));
            bridges.parts.extend(accounts);
            bridges.count = number + 1;
        }
        bridges
    }

    /// Adds the doors of a part. Those that nobody of another part can come to are left out.
    pub fn add(&mut self, part: usize, doors: Vec<Door>) {
        for door in doors {
            let mut from: BTreeSet<usize> = if door.admits.anyone {
                (0..self.count).collect()
            } else {
                let accounts = door.admits.accounts.iter();
                accounts
                    .filter_map(|account| self.parts.get(account).copied())
                    .collect()
            };
            from.remove(&part);
            if from.is_empty() {
                continue;
            }
            let bridge = Bridge {
                of: part,
                from,
                standing: Standing::default(),
                settled: false,
                door: Arc::new(door),
            };
            self.bridges.insert(bridge.door.arn().to_owned(), bridge);
        }
    }

    /// The roles of a part of which it has to be said where they stand.
    pub fn asked(&self, part: usize) -> Vec<String> {
        let all = self.bridges.iter();
        all.filter(|(_, bridge)| bridge.of == part && !bridge.settled)
            .map(|(arn, _)| arn.clone())
            .collect()
    }

    /// The roles of other parts that a part has to know, as far as is settled.
    pub fn guests(&self, part: usize) -> Guests {
        let all = self.bridges.values();
        let guests = all
            .filter(|bridge| bridge.settled && bridge.from.contains(&part))
            .map(|bridge| (Arc::clone(&bridge.door), bridge.standing.clone()));
        Guests(guests.collect())
    }

    /// Takes note of where the roles of a part stand, seen from what is settled.
    pub fn report(&mut self, standings: BTreeMap<String, Standing>) {
        for (arn, standing) in standings {
            if let Some(bridge) = self.bridges.get_mut(&arn).filter(|bridge| !bridge.settled) {
                bridge.standing = standing;
            }
        }
    }

    /// Settles the nearest doors that are not settled, once every part has been looked at with what is, and
    /// returns the parts that have to be looked at again for it: those from which one comes to them, and that
    /// have doors of their own of which it is open where they stand. None when nothing is open any more.
    pub fn settle(&mut self) -> BTreeSet<usize> {
        loop {
            let open = self.bridges.values().filter(|bridge| !bridge.settled);
            let Some(nearest) = open.filter_map(Bridge::nearness).min() else {
                return BTreeSet::new();
            };
            let mut near = BTreeSet::new();
            let mut open = BTreeSet::new();
            for bridge in self.bridges.values_mut().filter(|bridge| !bridge.settled) {
                if bridge.nearness() == Some(nearest) {
                    bridge.settled = true;
                    near.extend(&bridge.from);
                } else {
                    open.insert(bridge.of);
                }
            }
            let again = &near & &open;
            if !again.is_empty() {
                return again;
            }
        }
    }
}
