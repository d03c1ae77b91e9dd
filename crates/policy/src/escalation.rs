//! Who can become an administrator, and how.
//!
//! A path is data: the actions that it needs and what they gain. An edge is a path that one principal
//! can walk towards another in effect, proved by the statements that let it. A chain is a sequence of
//! edges that ends at an administrator.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::document::{Clause, Principal};
use crate::estate::{Actor, Attached, Attempt, Estate, Place, Thing};
use crate::principal::Kind;
use crate::search::unread;
use crate::tri::{Tri, Undecided};

/// A way to act as another principal, or to be granted more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Its name.
    pub id: String,
    /// What one does.
    pub title: String,
    /// Towards whom.
    pub target: Target,
    /// Services of which the target role must trust one.
    pub trusts: Vec<String>,
    /// The target role must be in an instance profile.
    pub instance_profile: bool,
    /// Actions that must be allowed.
    pub needs: Vec<Need>,
    /// What they gain.
    pub gains: Gain,
}

/// Towards whom a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The principal itself, when it is a user.
    OwnUser,
    /// The principal itself, when it is a role.
    OwnRole,
    /// The principal itself.
    Itself,
    /// A group that the principal, a user, is in.
    OwnGroup,
    /// Any group of the account; the principal is a user.
    Group,
    /// Another user.
    User,
    /// Another role.
    Role,
    /// The role of a resource of this type, named by this field of it.
    Through {
        /// The type, such as `lambda.function`.
        kind: String,
        /// The field that names the role, or the instance profile that holds it.
        role: String,
    },
}

/// One action that a path needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The action, as AWS spells it.
    pub action: String,
    /// On what.
    pub on: On,
    /// The service that the target is passed to.
    pub passed_to: Option<String>,
    action_lower: String,
}

impl Need {
    /// Names an action.
    pub fn new(action: &str, on: On, passed_to: Option<String>) -> Self {
        Self {
            action: action.to_owned(),
            on,
            passed_to,
            action_lower: action.to_lowercase(),
        }
    }

    /// Whether a trust policy has to say yes, and can do so alone.
    fn is_of_sts(&self) -> bool {
        self.action_lower.starts_with("sts:")
    }
}

/// What an action of a path is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// The target.
    Target,
    /// The resource through which the target is reached.
    Through,
    /// A customer managed policy that is attached to the target.
    Policy,
    /// Some resource, whichever.
    Any,
}

/// What a path gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gain {
    /// To act as the target.
    Target,
    /// Everything, for the target, as which the principal acts.
    Administrator,
    /// The policies of the target group.
    Membership,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Who takes it.
    pub from: String,
    /// As whom that one acts then.
    pub to: String,
    /// The path.
    pub path: String,
    /// The resource through which it leads, if any.
    pub through: Option<String>,
    /// Whether it makes `to` an administrator.
    pub grants: bool,
    /// The statements that let it.
    pub statements: Vec<String>,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Accounts stay where a step crosses them.
        let name = |arn: &str| -> String { arn.splitn(6, ':').nth(5).unwrap_or(arn).to_owned() };
        write!(f, "{} -> ", name(&self.from))?;
        match (self.grants, self.from == self.to) {
            (true, true) => f.write_str("administrator")?,
            (true, false) => write!(f, "{} as administrator", name(&self.to))?,
            (false, _) => write!(f, "{}", name(&self.to))?,
        }
        write!(f, " by {}", self.path)?;
        if let Some(through) = &self.through {
            write!(f, " through {}", name(through))?;
        }
        write!(f, " ({})", self.statements.join("; "))
    }
}

/// A sequence of steps to an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The administrator.
    pub target: String,
    /// The steps.
    pub hops: Vec<Hop>,
}

/// A principal that is, or can become, an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Its ARN.
    pub principal: String,
    /// Whether it is one as it stands.
    pub administrator: bool,
    /// Ways to become one, the shortest first: one for each first step.
    pub chains: Vec<Chain>,
}

/// A step without which principals could not become administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Who takes it.
    pub from: String,
    /// As whom that one acts then.
    pub to: String,
    /// All paths by which it can be taken.
    pub paths: Vec<String>,
    /// Those who would be cut off.
    pub principals: Vec<String>,
}

/// What the analysis found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Escalations {
    /// Principals that are or can become administrators, by ARN.
    pub principals: Vec<Escalation>,
    /// Steps by how many principals their removal would cut off, the most first.
    pub cuts: Vec<Cut>,
    /// Of whom it cannot be told, and why.
    pub undecided: BTreeMap<String, Vec<String>>,
}

/// Where a role stands that is looked at with another part of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether it is an administrator as it stands.
    pub administrator: bool,
    /// In how many steps it can become one, if it can and is none.
    pub steps: Option<usize>,
    /// A shortest way to that.
    pub way: Arc<[Hop]>,
    /// Set where it cannot be told: how many others are between it and what was not read.
    pub doubt: Option<usize>,
}

/// What the analysis of a part of an organization found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The principals of the part. Cuts are not looked for: they are of the organization as a whole.
    pub found: Escalations,
    /// Where the roles stand that others may act as, by ARN.
    pub standings: BTreeMap<String, Standing>,
}

/// The most chains that are shown of one principal.
const MAX_CHAINS: usize = 25;
/// The most steps that are kept of one principal: who has so many is not stopped by taking one away.
const MAX_STEPS: usize = 60;
/// After so many steps that could not be told, a principal is undecided and not looked at any more: most
/// often one thing that was not read is in the way of all of them.
const MAX_UNTOLD: usize = 100;
/// The most reasons that are kept of an undecided principal.
const MAX_REASONS: usize = 5;

/// An edge between positions in the estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    path: usize,
    /// Position of the resource that it leads through.
    through: Option<usize>,
    /// Position of the group that it leads through.
    group: Option<usize>,
    grants: bool,
}

/// What an action of a path is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Object {
    Actor(usize),
    Thing(usize),
    Group(usize),
    /// Whichever suits.
    Any,
}

/// Who can be let in by the trust policy of a role.
enum Trusted {
    /// These, and whoever of these accounts has leave of its own.
    Some {
        named: BTreeSet<usize>,
        accounts: BTreeSet<String>,
    },
    /// Anybody.
    Anyone,
}

struct Analysis<'a> {
    estate: &'a Estate,
    paths: &'a [Path],
    /// Distinct needs of all paths, and which of them each path has.
    needs: Vec<&'a Need>,
    needs_of: Vec<Vec<usize>>,
    /// By path and account, who has a word of its own for everything that the path needs.
    walkers: Vec<BTreeMap<&'a str, Vec<usize>>>,
    /// By account, who has a word of its own for taking a role.
    assumers: BTreeMap<&'a str, Vec<usize>>,
    /// Resources by the roles that they act as, by path.
    carriers: Vec<BTreeMap<usize, Vec<usize>>>,
    /// Resources of which it is not known as which role they act, by path.
    unread: Vec<Vec<(&'a str, String)>>,
    /// Where those stand that are looked at elsewhere.
    guests: Vec<Option<&'a Standing>>,
    administrators: Vec<bool>,
    level: Vec<Option<usize>>,
    /// Over how many others everyone's doubt comes.
    doubts: Vec<Option<usize>>,
    edges: Vec<Edge>,
    /// How many edges everyone has.
    taken: Vec<usize>,
    /// How many steps of everyone could not be told.
    untold: Vec<usize>,
    /// Answers that several paths ask for.
    asked: RefCell<HashMap<(usize, usize, Object), Tri>>,
    unbounded: RefCell<HashMap<usize, Tri>>,
    /// Whom the trust policies of roles can let in.
    trusted: OnceCell<Vec<Trusted>>,
    undecided: BTreeMap<usize, BTreeSet<String>>,
}

/// Looks for all chains to an administrator.
pub fn escalations(estate: &Estate, paths: &[Path]) -> Escalations {
    let mut analysis = Analysis::new(estate, paths);
    analysis.run();
    let out = analysis.ways();
    Escalations {
        cuts: analysis.cuts(),
        ..analysis.finish(&out)
    }
}

/// Looks for the chains of a part of an organization, whose estate has as guests the roles of other parts
/// that matter, and says where some roles of its own stand.
pub fn escalations_of_part<'a>(
    estate: &Estate,
    paths: &[Path],
    asked: impl IntoIterator<Item = &'a str>,
) -> Part {
    let mut analysis = Analysis::new(estate, paths);
    analysis.run();
    let out = analysis.ways();
    let standings = asked
        .into_iter()
        .filter_map(|arn| {
            Some((
                arn.to_owned(),
                analysis.standing(estate.position(arn)?, &out),
            ))
        })
        .collect();
    Part {
        standings,
        found: analysis.finish(&out),
    }
}

impl<'a> Analysis<'a> {
    fn new(estate: &'a Estate, paths: &'a [Path]) -> Self {
        let mut needs: Vec<&'a Need> = Vec::new();
        let needs_of: Vec<Vec<usize>> = paths
            .iter()
            .map(|path| {
                path.needs
                    .iter()
                    .map(|need| {
                        let known = needs.iter().position(|known| {
                            known.action_lower == need.action_lower
                                && known.passed_to == need.passed_to
                        });
                        known.unwrap_or_else(|| {
                            needs.push(need);
                            needs.len() - 1
                        })
                    })
                    .collect()
            })
            .collect();
        let mut walkers: Vec<BTreeMap<&'a str, Vec<usize>>> = vec![BTreeMap::new(); paths.len()];
        let mut assumers: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        let guests: Vec<Option<&Standing>> = estate
            .actors
            .iter()
            .map(|actor| estate.guests.get(actor.arn()))
            .collect();
        for (index, actor) in estate.actors.iter().enumerate() {
            let is_guest = matches!(guests.get(index), Some(Some(_)));
            if is_guest || actor.service_linked || !actor.identity().unread().is_empty() {
                continue;
            }
            let may: Vec<bool> = needs
                .iter()
                .map(|need| actor.identity().mentions(&need.action_lower))
                .collect();
            for (of, walkers) in needs_of.iter().zip(&mut walkers) {
                let walks = of.iter().all(|need| {
                    // A role's trust can let it in without a word of its own.
                    needs.get(*need).is_some_and(|need| need.is_of_sts())
                        || may.get(*need) == Some(&true)
                });
                if walks {
                    walkers.entry(actor.account()).or_default().push(index);
                }
            }
            if actor.identity().mentions("sts:assumerole") {
                assumers.entry(actor.account()).or_default().push(index);
            }
        }
        let mut carriers = Vec::with_capacity(paths.len());
        let mut unread = Vec::with_capacity(paths.len());
        for path in paths {
            let mut by_role: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            let mut open = Vec::new();
            if let Target::Through { kind, role } = &path.target {
                let things = estate.things.iter().enumerate();
                for (index, thing) in things.filter(|(_, thing)| thing.kind == *kind) {
                    match roles_of(estate, thing, role) {
                        None => {}
                        Some(Ok(roles)) => {
                            for role in roles {
                                by_role.entry(role).or_default().push(index);
                            }
                        }
                        Some(Err(why)) => {
                            open.push((thing.account.as_str(), format!("{}: {why}", thing.arn)));
                        }
                    }
                }
            }
            carriers.push(by_role);
            unread.push(open);
        }
        let count = estate.actors.len();
        Self {
            estate,
            paths,
            needs,
            needs_of,
            walkers,
            assumers,
            carriers,
            unread,
            administrators: vec![false; count],
            level: guests
                .iter()
                .map(|guest| guest.and_then(|guest| guest.steps))
                .collect(),
            doubts: vec![None; count],
            guests,
            edges: Vec::new(),
            taken: vec![0; count],
            untold: vec![0; count],
            asked: RefCell::default(),
            unbounded: RefCell::default(),
            trusted: OnceCell::new(),
            undecided: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        self.find_administrators();
        let everyone: Vec<usize> = (0..self.estate.actors.len())
            .filter(|index| self.sets_out(*index))
            .collect();
        // First the steps that grant everything, then, level by level, the steps towards whoever is reached.
        for from in &everyone {
            self.grants(*from);
        }
        self.climb();
        for index in everyone {
            if self.level.get(index) == Some(&None) {
                self.doubt_carriers(index);
                self.doubt_targets(index);
            }
        }
        self.doubt_opaque();
        self.spread_doubt();
    }

    /// Finds the steps towards whoever is reached, level by level.
    fn climb(&mut self) {
        let granted: BTreeSet<usize> = self.edges.iter().map(|edge| edge.from).collect();
        let farthest = self.guests.iter().flatten().filter_map(|guest| guest.steps);
        let farthest = farthest.max().unwrap_or(0);
        let mut frontier: BTreeSet<usize> = (0..self.estate.actors.len())
            .filter(|index| self.is_administrator(*index))
            .collect();
        let mut depth = 1;
        while depth == 1 || !frontier.is_empty() || depth <= farthest + 1 {
            let start = self.edges.len();
            for to in frontier {
                self.towards(to);
            }
            let found = self.edges.iter().skip(start);
            let mut next: BTreeSet<usize> = found.map(|edge| edge.from).collect();
            if depth == 1 {
                next.extend(&granted);
            }
            next.retain(|index| self.level.get(*index) == Some(&None));
            for index in &next {
                if let Some(level) = self.level.get_mut(*index) {
                    *level = Some(depth);
                }
            }
            next.extend(self.guests_where(|guest| guest.steps == Some(depth)));
            depth += 1;
            frontier = next;
        }
    }

    /// Whether steps of an actor are looked for. Of whom a policy was not read, no step is certain: it may deny.
    fn sets_out(&self, index: usize) -> bool {
        let actor = self.estate.actors.get(index);
        actor.is_some_and(|actor| !actor.service_linked)
            && !self.is_guest(index)
            && !self.is_administrator(index)
            && !self.is_opaque(index)
    }

    fn is_guest(&self, index: usize) -> bool {
        matches!(self.guests.get(index), Some(Some(_)))
    }

    fn guests_where(&self, wanted: impl Fn(&Standing) -> bool) -> Vec<usize> {
        let guests = self.guests.iter().enumerate();
        guests
            .filter(|(_, guest)| guest.is_some_and(&wanted))
            .map(|(index, _)| index)
            .collect()
    }

    fn find_administrators(&mut self) {
        for (index, actor) in self.estate.actors.iter().enumerate() {
            if let Some(Some(guest)) = self.guests.get(index) {
                if let Some(slot) = self.administrators.get_mut(index) {
                    *slot = guest.administrator;
                }
                continue;
            }
            if actor.service_linked {
                continue;
            }
            match actor.is_administrator() {
                Tri::Yes => {
                    if let Some(slot) = self.administrators.get_mut(index) {
                        *slot = true;
                    }
                }
                Tri::No => {}
                Tri::Unknown(reason) => self.doubt(index, &reason),
            }
        }
    }

    fn is_administrator(&self, index: usize) -> bool {
        self.administrators.get(index) == Some(&true)
    }

    /// Whether a policy of an actor could not be read.
    fn is_opaque(&self, index: usize) -> bool {
        let actor = self.estate.actors.get(index);
        actor.is_some_and(|actor| !actor.identity().unread().is_empty())
    }

    /// Notes of whom a policy could not be read.
    fn doubt_opaque(&mut self) {
        for (index, actor) in self.estate.actors.iter().enumerate() {
            let asked = !actor.service_linked && !self.is_guest(index);
            if self.is_opaque(index) && asked && !self.is_administrator(index) {
                let names = actor.identity().unread().join(", ");
                self.doubt(index, &unread(&format!("policy {names}")));
            }
        }
    }

    fn doubt(&mut self, actor: usize, reason: &Undecided) {
        if let Some(untold) = self.untold.get_mut(actor) {
            *untold += 1;
        }
        let reasons = self.undecided.entry(actor).or_default();
        for text in reason.reasons() {
            if reasons.len() < MAX_REASONS {
                reasons.insert(text.clone());
            }
        }
    }

    fn add(&mut self, edge: Edge) {
        if let Some(taken) = self.taken.get_mut(edge.from) {
            *taken += 1;
        }
        self.edges.push(edge);
    }

    fn is_full(&self, from: usize) -> bool {
        self.taken
            .get(from)
            .is_some_and(|taken| *taken >= MAX_STEPS)
            || self
                .untold
                .get(from)
                .is_some_and(|untold| *untold >= MAX_UNTOLD)
    }

    fn walks(&self, from: usize, path: usize, account: &str) -> bool {
        self.walkers
            .get(path)
            .and_then(|by_account| by_account.get(account))
            .is_some_and(|walkers| walkers.binary_search(&from).is_ok())
    }

    /// Finds the steps that make an actor, or one as which it acts at once, an administrator.
    fn grants(&mut self, from: usize) {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return;
        };
        let is_user = actor.requester.kind == Kind::User;
        for (number, path) in self.paths.iter().enumerate() {
            if path.gains == Gain::Target
                || self.is_full(from)
                || !self.walks(from, number, actor.account())
            {
                continue;
            }
            match &path.target {
                Target::OwnUser if is_user => self.grant(number, from, from),
                Target::OwnRole if !is_user => self.grant(number, from, from),
                Target::Itself => self.grant(number, from, from),
                Target::User => self.grant_others(number, from, true),
                Target::Role => self.grant_others(number, from, false),
                Target::OwnGroup if is_user => self.grant_through(number, from, &actor.groups),
                Target::Group if is_user => {
                    let groups: Vec<usize> = (0..estate.groups.len())
                        .filter(|index| {
                            let group = estate.groups.get(*index);
                            group.is_some_and(|group| group.account == actor.account())
                        })
                        .collect();
                    self.grant_through(number, from, &groups);
                }
                _ => {}
            }
        }
    }

    /// Towards users, or roles, of the same account beside the actor itself.
    fn grant_others(&mut self, path: usize, from: usize, users: bool) {
        let estate = self.estate;
        let account = estate.actors.get(from).map(Actor::account);
        for to in self.within_reach(path, from) {
            if self.is_full(from) {
                return;
            }
            let Some(other) = estate.actors.get(to) else {
                continue;
            };
            if to != from
                && !other.service_linked
                && (other.requester.kind == Kind::User) == users
                && Some(other.account()) == account
            {
                self.grant(path, from, to);
            }
        }
    }

    /// Whom the actor's policies and the trust of roles leave as targets of a path, before a closer look.
    fn within_reach(&mut self, path: usize, from: usize) -> Vec<usize> {
        let estate = self.estate;
        let (Some(path), Some(actor)) = (self.paths.get(path), estate.actors.get(from)) else {
            return Vec::new();
        };
        let on_target = || path.needs.iter().filter(|need| need.on == On::Target);
        for need in on_target().filter(|need| !need.is_of_sts()) {
            if let Some(arns) = actor.identity().spelled_out(&need.action_lower) {
                return arns
                    .into_iter()
                    .filter_map(|arn| estate.position(arn))
                    .collect();
            }
        }
        if on_target().any(Need::is_of_sts) {
            return self.assumable_by(from);
        }
        (0..estate.actors.len()).collect()
    }

    /// Roles whose trust policy can let an actor in, without its conditions.
    fn assumable_by(&mut self, from: usize) -> Vec<usize> {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return Vec::new();
        };
        let assumes = self
            .assumers
            .get(actor.account())
            .is_some_and(|assumers| assumers.binary_search(&from).is_ok());
        let trusted: &Vec<Trusted> = self.trusted.get_or_init(|| {
            let all = estate.actors.iter();
            all.map(|role| trusted_by(estate, role)).collect()
        });
        let lets_in = |trusted: &Trusted| match trusted {
            Trusted::Anyone => true,
            Trusted::Some { named, accounts } => {
                named.contains(&from) || (assumes && accounts.contains(actor.account()))
            }
        };
        let all = trusted.iter().enumerate();
        all.filter(|(_, trusted)| lets_in(trusted))
            .map(|(index, _)| index)
            .collect()
    }

    fn grant(&mut self, path: usize, from: usize, to: usize) {
        let edge = Edge {
            from,
            to,
            path,
            through: None,
            group: None,
            grants: true,
        };
        let answer = self.needs(&edge);
        if answer.is_no() {
            return;
        }
        match answer.and(self.is_unbounded(to)) {
            Tri::Yes => self.add(edge),
            Tri::No => {}
            Tri::Unknown(reason) => self.doubt(from, &reason),
        }
    }

    fn grant_through(&mut self, path: usize, from: usize, groups: &[usize]) {
        let estate = self.estate;
        let (Some(actor), Some(gains)) = (
            estate.actors.get(from),
            self.paths.get(path).map(|path| path.gains),
        ) else {
            return;
        };
        for index in groups {
            let Some(group) = estate.groups.get(*index) else {
                continue;
            };
            let edge = Edge {
                from,
                to: from,
                path,
                through: None,
                group: Some(*index),
                grants: true,
            };
            let answer = self.needs(&edge);
            if answer.is_no() {
                continue;
            }
            let gained = match gains {
                Gain::Membership => {
                    let mut set = actor.set.clone();
                    set.policies.extend(group.policies.iter().cloned());
                    set.unread.extend(group.unread.iter().cloned());
                    set.is_administrator()
                }
                Gain::Target | Gain::Administrator => self.is_unbounded(from),
            };
            match answer.and(gained) {
                Tri::Yes => self.add(edge),
                Tri::No => {}
                Tri::Unknown(reason) => self.doubt(from, &reason),
            }
        }
    }

    /// Finds the steps of anyone towards an actor.
    fn towards(&mut self, to: usize) {
        let estate = self.estate;
        let Some(target) = estate.actors.get(to) else {
            return;
        };
        let is_user = target.requester.kind == Kind::User;
        let mut services: HashMap<&str, Tri> = HashMap::new();
        let mut trusted_by: Option<Trusted> = None;
        for (number, path) in self.paths.iter().enumerate() {
            let fits = match &path.target {
                Target::User => is_user,
                Target::Role | Target::Through { .. } => !is_user,
                _ => false,
            };
            if path.gains != Gain::Target || !fits {
                continue;
            }
            let through: Vec<Option<usize>> = match &path.target {
                Target::Through { .. } => self
                    .carriers
                    .get(number)
                    .and_then(|by_role| by_role.get(&to))
                    .into_iter()
                    .flatten()
                    .map(|thing| Some(*thing))
                    .collect(),
                _ => vec![None],
            };
            if through.is_empty() {
                continue;
            }
            let mut trusted = Tri::from(path.trusts.is_empty());
            for service in &path.trusts {
                let trusts = services
                    .entry(service)
                    .or_insert_with(|| estate.trusts_service(target, service));
                trusted = trusted.or(trusts.clone());
            }
            if path.instance_profile {
                trusted = trusted.and(match target.in_instance_profile {
                    Some(held) => Tri::from(held),
                    None => Tri::opaque(format!(
                        "the instance profiles of {} are not known",
                        target.arn()
                    )),
                });
            }
            if trusted.is_no() {
                continue;
            }
            let candidates = if path.needs.iter().all(Need::is_of_sts) {
                let trusted_by = trusted_by.get_or_insert_with(|| self::trusted_by(estate, target));
                self.assuming(trusted_by)
            } else {
                self.walkers_towards(number, target, &through)
            };
            for from in candidates {
                if from == to || !self.sets_out(from) || self.is_full(from) {
                    continue;
                }
                for through in &through {
                    let edge = Edge {
                        from,
                        to,
                        path: number,
                        through: *through,
                        group: None,
                        grants: false,
                    };
                    match self.needs(&edge).and(trusted.clone()) {
                        Tri::Yes => {
                            self.add(edge);
                            break;
                        }
                        Tri::No => {}
                        Tri::Unknown(reason) => self.doubt(from, &reason),
                    }
                }
            }
        }
    }

    /// Who of the target's account, and of those that the policies of resources let in, may walk a path.
    fn walkers_towards(
        &self,
        path: usize,
        target: &Actor,
        through: &[Option<usize>],
    ) -> Vec<usize> {
        let Some(by_account) = self.walkers.get(path) else {
            return Vec::new();
        };
        let mut admitted = Admitted::default();
        admitted.accounts.insert(target.account().to_owned());
        for thing in through.iter().flatten() {
            if let Some(thing) = self.estate.things.get(*thing) {
                admitted.extend(admitted_by(thing));
            }
        }
        let let_in = by_account
            .iter()
            .filter(|(account, _)| admitted.contains(account));
        let_in.flat_map(|(_, walkers)| walkers).copied().collect()
    }

    fn assuming(&self, trusted: &Trusted) -> Vec<usize> {
        match trusted {
            Trusted::Anyone => (0..self.estate.actors.len()).collect(),
            Trusted::Some { named, accounts } => {
                let of = accounts
                    .iter()
                    .filter_map(|id| self.assumers.get(id.as_str()));
                let mut all: BTreeSet<usize> = of.flatten().copied().collect();
                all.extend(named);
                all.into_iter().collect()
            }
        }
    }

    /// Whoever can act as somebody of whom it cannot be told cannot be told either.
    fn spread_doubt(&mut self) {
        let farthest = self.guests.iter().flatten().filter_map(|guest| guest.doubt);
        let farthest = farthest.max();
        let mut depth = 0;
        let mut frontier = self.newly_doubted(depth);
        while !frontier.is_empty() || farthest.is_some_and(|farthest| depth <= farthest) {
            frontier.extend(self.guests_where(|guest| guest.doubt == Some(depth)));
            for to in frontier {
                let start = self.edges.len();
                self.towards(to);
                let towards: Vec<usize> = self.edges.drain(start..).map(|edge| edge.from).collect();
                let reason = Undecided::opaque(format!(
                    "it can act as {}, of whom it cannot be told",
                    self.name(to)
                ));
                for from in towards {
                    if self.level.get(from) == Some(&None) {
                        self.doubt(from, &reason);
                    }
                }
            }
            depth += 1;
            frontier = self.newly_doubted(depth);
        }
    }

    /// Those who have become undecided since the last time.
    fn newly_doubted(&mut self, depth: usize) -> BTreeSet<usize> {
        let all = self.undecided.keys().copied();
        let new: BTreeSet<usize> = all
            .filter(|index| {
                self.doubts.get(*index) == Some(&None)
                    && self.level.get(*index) == Some(&None)
                    && !self.is_administrator(*index)
            })
            .collect();
        for index in &new {
            if let Some(doubt) = self.doubts.get_mut(*index) {
                *doubt = Some(depth);
            }
        }
        new
    }

    /// Notes which users, roles and groups an actor could go to, had they all been listed.
    fn doubt_targets(&mut self, from: usize) {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return;
        };
        let own = actor.account();
        let assumes = self
            .assumers
            .get(own)
            .is_some_and(|assumers| assumers.binary_search(&from).is_ok());
        let joins = (0..self.paths.len()).any(|number| {
            let path = self.paths.get(number);
            path.is_some_and(|path| path.target == Target::Group) && self.walks(from, number, own)
        });
        for (kind, account) in estate.unlisted.keys() {
            let matters = match kind.as_str() {
                // A role of its own account may name it, and a user may be within its reach.
                "iam.user" | "iam.role" if account == own => true,
                "iam.role" => assumes,
                "iam.group" => joins && account == own,
                _ => false,
            };
            if matters && let Tri::Unknown(reason) = estate.doubt(kind, account) {
                self.doubt(from, &reason);
            }
        }
    }

    /// Notes which resources an actor could go through, were it known which role they act as.
    fn doubt_carriers(&mut self, from: usize) {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return;
        };
        for (number, path) in self.paths.iter().enumerate() {
            let Target::Through { kind, .. } = &path.target else {
                continue;
            };
            if !self.walks(from, number, actor.account()) {
                continue;
            }
            let unread: Vec<String> = self
                .unread
                .get(number)
                .into_iter()
                .flatten()
                .filter(|(account, _)| *account == actor.account())
                .map(|(_, why)| why.clone())
                .collect();
            let unlisted = estate.doubt(kind, actor.account());
            if unread.is_empty() && unlisted.is_no() {
                continue;
            }
            let needs = self.needs_of.get(number).cloned().unwrap_or_default();
            let able = Tri::all(needs.iter().map(|need| self.ask(from, *need, Object::Any)));
            if able.is_no() {
                continue;
            }
            for text in unread {
                self.doubt(from, &Undecided::opaque(text));
            }
            if let Tri::Unknown(reason) = unlisted {
                self.doubt(from, &reason);
            }
        }
    }

    /// Whether everything that an edge needs is possible.
    fn needs(&self, edge: &Edge) -> Tri {
        let (Some(path), Some(needs)) = (self.paths.get(edge.path), self.needs_of.get(edge.path))
        else {
            return Tri::No;
        };
        let mut answer = Tri::Yes;
        for (need, index) in path.needs.iter().zip(needs) {
            let one = match need.on {
                On::Target => self.ask(edge.from, *index, edge.object()),
                On::Through => match edge.through {
                    Some(thing) => self.ask(edge.from, *index, Object::Thing(thing)),
                    None => Tri::No,
                },
                On::Policy => Tri::any(
                    self.policies(edge)
                        .iter()
                        .map(|arn| self.prove_on(edge.from, need, arn, Place::default()).0),
                ),
                On::Any => self.ask(edge.from, *index, Object::Any),
            };
            answer = answer.and(one);
            if answer.is_no() {
                break;
            }
        }
        answer
    }

    /// ARNs of the customer managed policies that are attached to the target of an edge.
    fn policies(&self, edge: &Edge) -> &'a [String] {
        match edge.group {
            Some(group) => self.estate.groups.get(group).map(|g| &g.customer_policies),
            None => self
                .estate
                .actors
                .get(edge.to)
                .map(|a| &a.customer_policies),
        }
        .map_or(&[], Vec::as_slice)
    }

    fn ask(&self, from: usize, need: usize, object: Object) -> Tri {
        let question = (from, need, object);
        if let Some(known) = self.asked.borrow().get(&question) {
            return known.clone();
        }
        let Some(what) = self.needs.get(need) else {
            return Tri::No;
        };
        let answer = self.prove(from, what, object).0;
        // What is asked for by one path and one target is not asked again.
        if object == Object::Any || what.passed_to.is_some() || matches!(object, Object::Thing(_)) {
            self.asked.borrow_mut().insert(question, answer.clone());
        }
        answer
    }

    fn arn(&self, object: Object) -> &'a str {
        match object {
            Object::Actor(index) => self.estate.actors.get(index).map(Actor::arn),
            Object::Thing(index) => self
                .estate
                .things
                .get(index)
                .map(|thing| thing.arn.as_str()),
            Object::Group(index) => self
                .estate
                .groups
                .get(index)
                .map(|group| group.arn.as_str()),
            Object::Any => Some(ANY),
        }
        .unwrap_or_default()
    }

    /// Whether an actor may do something to a resource, and what says so.
    fn prove(&self, from: usize, need: &Need, object: Object) -> (Tri, Vec<String>) {
        let place = match object {
            Object::Actor(index) => Place {
                target: self.estate.actors.get(index),
                thing: None,
            },
            Object::Thing(index) => Place {
                target: None,
                thing: self.estate.things.get(index),
            },
            Object::Group(_) | Object::Any => Place::default(),
        };
        self.prove_on(from, need, self.arn(object), place)
    }

    fn prove_on(
        &self,
        from: usize,
        need: &Need,
        resource: &str,
        place: Place<'_>,
    ) -> (Tri, Vec<String>) {
        let Some(actor) = self.estate.actors.get(from) else {
            return (Tri::No, Vec::new());
        };
        if resource != ANY {
            let attempt = Attempt {
                action: &need.action_lower,
                resource,
                passed_to: need.passed_to.as_deref(),
            };
            return self.estate.possible_at(actor, &attempt, &place);
        }
        let answer = actor.set.allows(&need.action_lower);
        let texts = if answer.is_yes() {
            actor.identity().allowing(&need.action_lower)
        } else {
            Vec::new()
        };
        (answer, texts)
    }

    /// The statements that let somebody take an edge.
    fn statements(&self, edge: &Edge) -> Vec<String> {
        let mut statements: Vec<String> = Vec::new();
        for need in self
            .paths
            .get(edge.path)
            .into_iter()
            .flat_map(|path| &path.needs)
        {
            let texts = match need.on {
                On::Target => self.prove(edge.from, need, edge.object()).1,
                On::Through => match edge.through {
                    Some(thing) => self.prove(edge.from, need, Object::Thing(thing)).1,
                    None => Vec::new(),
                },
                On::Policy => self
                    .policies(edge)
                    .iter()
                    .map(|arn| self.prove_on(edge.from, need, arn, Place::default()))
                    .find(|(answer, _)| answer.is_yes())
                    .map(|(_, texts)| texts)
                    .unwrap_or_default(),
                On::Any => self.prove(edge.from, need, Object::Any).1,
            };
            for text in texts {
                if !statements.contains(&text) {
                    statements.push(text);
                }
            }
        }
        statements
    }

    fn is_unbounded(&self, actor: usize) -> Tri {
        if let Some(known) = self.unbounded.borrow().get(&actor) {
            return known.clone();
        }
        let found = self.estate.actors.get(actor);
        let answer = found.map_or(Tri::No, Actor::is_unbounded);
        self.unbounded.borrow_mut().insert(actor, answer.clone());
        answer
    }

    fn name(&self, index: usize) -> String {
        self.arn(Object::Actor(index)).to_owned()
    }

    fn path_name(&self, path: usize) -> String {
        self.paths
            .get(path)
            .map_or_else(String::new, |path| path.id.clone())
    }

    /// How many steps the shortest chain has that begins with an edge.
    fn length(&self, edge: &Edge) -> usize {
        if edge.grants {
            1
        } else {
            1 + self.level.get(edge.to).copied().flatten().unwrap_or(0)
        }
    }

    /// The edges of everyone, the best first.
    fn ways(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, edge) in self.edges.iter().enumerate() {
            out.entry(edge.from).or_default().push(number);
        }
        for numbers in out.values_mut() {
            numbers.sort_by_key(|number| {
                self.edges.get(*number).map(|edge| {
                    let path = self.paths.get(edge.path).map(|path| path.id.as_str());
                    (self.length(edge), path, edge.to)
                })
            });
        }
        out
    }

    fn finish(mut self, out: &BTreeMap<usize, Vec<usize>>) -> Escalations {
        let mut hops: HashMap<usize, Hop> = HashMap::new();
        let mut principals = Vec::new();
        for (index, actor) in self.estate.actors.iter().enumerate() {
            if self.is_guest(index) {
                continue;
            }
            let administrator = self.is_administrator(index);
            let mut chains = Vec::new();
            for number in out.get(&index).into_iter().flatten() {
                if chains.len() >= MAX_CHAINS {
                    break;
                }
                if let Some(chain) = self.chain_from(*number, out, &mut hops) {
                    chains.push(chain);
                }
            }
            if administrator || !chains.is_empty() {
                principals.push(Escalation {
                    principal: actor.arn().to_owned(),
                    administrator,
                    chains,
                });
            }
        }
        let level = std::mem::take(&mut self.level);
        let administrators = std::mem::take(&mut self.administrators);
        self.undecided.retain(|index, _| {
            level.get(*index) == Some(&None) && administrators.get(*index) == Some(&false)
        });
        let undecided = self
            .undecided
            .iter()
            .map(|(index, reasons)| (self.name(*index), reasons.iter().cloned().collect()))
            .collect();
        Escalations {
            principals,
            cuts: Vec::new(),
            undecided,
        }
    }

    /// The chain that begins with an edge; none where it comes back to whoever sets out.
    fn chain_from(
        &self,
        first: usize,
        out: &BTreeMap<usize, Vec<usize>>,
        hops: &mut HashMap<usize, Hop>,
    ) -> Option<Chain> {
        let steps = self.chain(first, out);
        let from = self.edges.get(first)?.from;
        let rest = self.rest_elsewhere(&steps);
        // A way that comes back to the principal itself is no way.
        let name = self.arn(Object::Actor(from));
        let returns = steps.iter().skip(1).any(|step| {
            let edge = self.edges.get(*step);
            edge.is_some_and(|edge| edge.from == from || edge.to == from)
        });
        if returns || rest.iter().any(|hop| hop.from == name || hop.to == name) {
            return None;
        }
        let mut chain: Vec<Hop> = Vec::with_capacity(steps.len() + rest.len());
        for step in steps {
            let edge = self.edges.get(step)?;
            chain.push(hops.entry(step).or_insert_with(|| self.hop(edge)).clone());
        }
        chain.extend(rest.iter().cloned());
        Some(Chain {
            target: chain.last()?.to.clone(),
            hops: chain,
        })
    }

    /// How a chain goes on in other parts of the organization, if it does.
    fn rest_elsewhere(&self, steps: &[usize]) -> &'a [Hop] {
        let last = steps.last().and_then(|step| self.edges.get(*step));
        match last.filter(|edge| !edge.grants).map(|edge| edge.to) {
            Some(to) => match self.guests.get(to) {
                Some(Some(guest)) => &guest.way,
                _ => &[],
            },
            None => &[],
        }
    }

    /// Where an actor of this part stands.
    fn standing(&self, index: usize, out: &BTreeMap<usize, Vec<usize>>) -> Standing {
        if self.is_administrator(index) {
            return Standing {
                administrator: true,
                ..Standing::default()
            };
        }
        let steps = self.level.get(index).copied().flatten();
        let first = out.get(&index).and_then(|numbers| numbers.first());
        let way = match (steps, first) {
            (Some(_), Some(first)) => {
                let steps = self.chain(*first, out);
                let rest = self.rest_elsewhere(&steps);
                let own = steps
                    .iter()
                    .filter_map(|step| Some(self.hop(self.edges.get(*step)?)));
                own.chain(rest.iter().cloned()).collect()
            }
            _ => Arc::default(),
        };
        Standing {
            administrator: false,
            steps,
            way,
            doubt: match steps {
                Some(_) => None,
                None => self.doubts.get(index).copied().flatten(),
            },
        }
    }

    /// A first edge and the shortest rest.
    fn chain(&self, first: usize, out: &BTreeMap<usize, Vec<usize>>) -> Vec<usize> {
        let mut steps = vec![first];
        while let Some(edge) = steps.last().and_then(|last| self.edges.get(*last)) {
            let next = out.get(&edge.to).and_then(|numbers| numbers.first());
            match next {
                // Levels fall with every step, so this ends; a loop would be a bug, not a hang.
                Some(next)
                    if !edge.grants
                        && !self.is_administrator(edge.to)
                        && steps.len() <= self.estate.actors.len() =>
                {
                    steps.push(*next);
                }
                _ => break,
            }
        }
        steps
    }

    fn hop(&self, edge: &Edge) -> Hop {
        let through = edge
            .through
            .map(Object::Thing)
            .or(edge.group.map(Object::Group))
            .map(|object| self.arn(object).to_owned());
        Hop {
            from: self.name(edge.from),
            to: self.name(edge.to),
            path: self.path_name(edge.path),
            through,
            grants: edge.grants,
            statements: self.statements(edge),
        }
    }

    /// The steps without which somebody is not reached, and who that is.
    ///
    /// Everyone who is reached hangs below an administrator. A step is a cut when it is the only one of
    /// whoever takes it that does not lead to somebody who is reached through that one alone: then it
    /// takes all of them with it. That is what a tree of dominators tells at once.
    fn cuts(&self) -> Vec<Cut> {
        let mut steps: BTreeMap<(usize, usize, bool), BTreeSet<usize>> = BTreeMap::new();
        for edge in &self.edges {
            let step = (edge.from, edge.to, edge.grants);
            steps.entry(step).or_default().insert(edge.path);
        }
        let tree = Dominators::of(self.administrators.len(), |index| {
            let to = steps.range((index, 0, false)..=(index, usize::MAX, true));
            let mut nearer: Vec<Option<usize>> = to
                .map(|((_, to, grants), _)| (!grants).then_some(*to))
                .collect();
            if self.is_administrator(index) {
                nearer.push(None);
            }
            nearer
        });
        let mut cuts = Vec::new();
        for index in 0..self.administrators.len() {
            if self.is_administrator(index) || !tree.is_reached(index) {
                continue;
            }
            let own = steps.range((index, 0, false)..=(index, usize::MAX, true));
            let mut leading =
                own.filter(|((_, to, grants), _)| *grants || !tree.dominates(index, *to));
            let (Some((step, paths)), None) = (leading.next(), leading.next()) else {
                continue;
            };
            cuts.push(Cut {
                from: self.name(step.0),
                to: self.name(step.1),
                paths: paths.iter().map(|path| self.path_name(*path)).collect(),
                principals: tree
                    .below(index)
                    .into_iter()
                    .map(|lost| self.name(lost))
                    .collect(),
            });
        }
        cuts.sort_by(|a, b| {
            b.principals
                .len()
                .cmp(&a.principals.len())
                .then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
        });
        cuts
    }
}

/// Accounts whose principals something may let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admitted {
    /// Those of any account.
    pub anyone: bool,
    /// Those of these accounts.
    pub accounts: BTreeSet<String>,
}

impl Admitted {
    pub(crate) fn extend(&mut self, more: Self) {
        self.anyone |= more.anyone;
        self.accounts.extend(more.accounts);
    }

    pub(crate) fn contains(&self, account: &str) -> bool {
        self.anyone || self.accounts.contains(account)
    }
}

/// Accounts whose principals a policy of a resource may let in, whatever its conditions.
pub(crate) fn admitted(policy: &Attached) -> Admitted {
    let mut admitted = Admitted::default();
    match let_in(policy) {
        None => admitted.anyone = true,
        Some(principals) => {
            for principal in principals {
                if let Principal::Account(account) | Principal::Arn { account, .. } = principal {
                    admitted.accounts.insert(account.clone());
                }
            }
        }
    }
    admitted
}

/// The same for a resource, of which it may not be known what its policy is worth.
pub(crate) fn admitted_by(thing: &Thing) -> Admitted {
    if thing.policy != Attached::None && thing.restricted != Ok(false) {
        return Admitted {
            anyone: true,
            ..Admitted::default()
        };
    }
    admitted(&thing.policy)
}

/// The users, roles, sessions and accounts that a policy may let in, whatever its conditions; none where
/// that may be anybody.
fn let_in(policy: &Attached) -> Option<Vec<&Principal>> {
    let set = match policy {
        Attached::None => return Some(Vec::new()),
        Attached::Set(set) if set.unread().is_empty() => set,
        Attached::Set(_) | Attached::Unread(_) => return None,
    };
    let statements = set
        .policies()
        .iter()
        .flat_map(|named| &named.policy.statements);
    let mut found = Vec::new();
    for statement in statements.filter(|statement| statement.may_allow()) {
        let Ok(Some(Clause::Only(list))) = statement.body.as_ref().map(|body| &body.principals)
        else {
            return None;
        };
        for principal in list {
            match principal {
                Principal::Account(_) | Principal::Arn { .. } => found.push(principal),
                Principal::Everyone | Principal::CanonicalUser(_) | Principal::Malformed { .. } => {
                    return None;
                }
                Principal::Service(_)
                | Principal::Federated(_)
                | Principal::CloudFront(_)
                | Principal::Deleted(_) => {}
            }
        }
    }
    Some(found)
}

/// Reads whom a trust policy can let in, without its conditions.
fn trusted_by(estate: &Estate, role: &Actor) -> Trusted {
    let Some(principals) = let_in(&role.trust) else {
        return Trusted::Anyone;
    };
    let mut named = BTreeSet::new();
    let mut accounts = BTreeSet::new();
    for principal in principals {
        match principal {
            Principal::Account(id) => {
                accounts.insert(id.clone());
            }
            Principal::Arn { account, arn } => match estate.position(arn) {
                Some(index) => {
                    named.insert(index);
                }
                // Nobody here, or a session of a role.
                None => {
                    let of = estate.actors.iter().enumerate();
                    named.extend(
                        of.filter(|(_, actor)| actor.account() == account)
                            .filter(|(_, actor)| actor.is_named_by_session(arn))
                            .map(|(index, _)| index),
                    );
                }
            },
            _ => {}
        }
    }
    Trusted::Some { named, accounts }
}

impl Edge {
    /// What `on: target` means for it.
    fn object(&self) -> Object {
        match self.group {
            Some(group) => Object::Group(group),
            None => Object::Actor(self.to),
        }
    }
}

/// Through whom everybody has to go on the way to an administrator.
struct Dominators {
    /// When a depth-first walk of the tree comes to a node and when it leaves it; none for those who are
    /// not reached.
    times: Vec<Option<(usize, usize)>>,
    /// Nodes in the order in which the walk comes to them.
    order: Vec<usize>,
}

impl Dominators {
    /// `nearer` tells for every node the nodes from which it is reached, none standing for the start.
    fn of(count: usize, nearer: impl Fn(usize) -> Vec<Option<usize>>) -> Self {
        let start = count;
        let before: Vec<Vec<usize>> = (0..count)
            .map(|node| {
                nearer(node)
                    .into_iter()
                    .map(|of| of.unwrap_or(start))
                    .collect()
            })
            .collect();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); count + 1];
        for (node, of) in before.iter().enumerate() {
            for of in of {
                if let Some(after) = after.get_mut(*of) {
                    after.push(node);
                }
            }
        }
        // Nodes by the time at which a walk leaves them, the start last.
        let mut finished: Vec<usize> = Vec::new();
        let mut number: Vec<Option<usize>> = vec![None; count + 1];
        let mut seen = vec![false; count + 1];
        let mut open: Vec<(usize, usize)> = vec![(start, 0)];
        if let Some(slot) = seen.get_mut(start) {
            *slot = true;
        }
        while let Some((node, child)) = open.pop() {
            match after.get(node).and_then(|after| after.get(child)) {
                Some(next) => {
                    open.push((node, child + 1));
                    if let Some(slot) = seen.get_mut(*next)
                        && !std::mem::replace(slot, true)
                    {
                        open.push((*next, 0));
                    }
                }
                None => {
                    if let Some(slot) = number.get_mut(node) {
                        *slot = Some(finished.len());
                    }
                    finished.push(node);
                }
            }
        }
        // The nearest dominator of each, by repeated intersection until nothing changes.
        let mut nearest: Vec<Option<usize>> = vec![None; count + 1];
        if let Some(slot) = nearest.get_mut(start) {
            *slot = Some(start);
        }
        let rank = |node: usize| number.get(node).copied().flatten().unwrap_or(0);
        let mut changed = true;
        while changed {
            changed = false;
            for node in finished.iter().rev().copied().filter(|node| *node != start) {
                let mut meet: Option<usize> = None;
                for of in before.get(node).into_iter().flatten().copied() {
                    if nearest.get(of).copied().flatten().is_none() {
                        continue;
                    }
                    meet = Some(match meet {
                        None => of,
                        Some(other) => {
                            let (mut a, mut b) = (of, other);
                            while a != b {
                                let low = if rank(a) < rank(b) { &mut a } else { &mut b };
                                *low = nearest.get(*low).copied().flatten().unwrap_or(start);
                            }
                            a
                        }
                    });
                }
                if let (Some(meet), Some(slot)) = (meet, nearest.get_mut(node))
                    && *slot != Some(meet)
                {
                    *slot = Some(meet);
                    changed = true;
                }
            }
        }
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); count + 1];
        for node in 0..count {
            if let Some(parent) = nearest.get(node).copied().flatten()
                && let Some(children) = children.get_mut(parent)
            {
                children.push(node);
            }
        }
        let mut times: Vec<Option<(usize, usize)>> = vec![None; count + 1];
        let mut order = Vec::new();
        let mut open: Vec<(usize, bool)> = vec![(start, false)];
        while let Some((node, leaves)) = open.pop() {
            let Some(time) = times.get_mut(node) else {
                continue;
            };
            if leaves {
                if let Some((_, end)) = time {
                    *end = order.len();
                }
                continue;
            }
            *time = Some((order.len(), 0));
            order.push(node);
            open.push((node, true));
            open.extend(
                children
                    .get(node)
                    .into_iter()
                    .flatten()
                    .map(|child| (*child, false)),
            );
        }
        Self { times, order }
    }

    fn is_reached(&self, node: usize) -> bool {
        self.times.get(node).copied().flatten().is_some()
    }

    /// Whether everybody who goes to `other` goes through `node`; everyone does through oneself.
    fn dominates(&self, node: usize, other: usize) -> bool {
        let time = |node: usize| self.times.get(node).copied().flatten();
        match (time(node), time(other)) {
            (Some((start, end)), Some((at, _))) => (start..end).contains(&at),
            _ => false,
        }
    }

    /// A node and all that it dominates, in order.
    fn below(&self, node: usize) -> Vec<usize> {
        let Some((start, end)) = self.times.get(node).copied().flatten() else {
            return Vec::new();
        };
        let mut found: Vec<usize> = self.order.get(start..end).unwrap_or_default().to_vec();
        found.sort_unstable();
        found
    }
}

/// Stands for whichever resource suits.
const ANY: &str = "(any)";

/// Positions of the roles that a resource acts as; none where it has none. A role of another account cannot be
/// passed to a service.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
pub(crate) fn roles_of(
    estate: &Estate,
    thing: &Thing,
    field: &str,
) -> Option<Result<Vec<usize>, String>> {
    let arn = match thing.roles.get(field)? {
        Ok(None) => return None,
        Ok(Some(arn)) => arn,
        Err(why) => return Some(Err(why.clone())),
    };
    let own = |role: &usize| {
        let role = estate.actors.get(*role);
        role.is_some_and(|role| role.account() == thing.account)
    };
    let held = estate.instance_profiles.get(arn).into_iter().flatten();
    let mut roles: Vec<usize> = held.copied().filter(own).collect();
    if roles.is_empty() {
        roles.extend(estate.position(arn).filter(own));
    }
    // A profile may hold a role of which it is not known.
    if roles.is_empty() && estate.hides_profiles(&thing.account) {
        return Some(Err(format!("the role behind {arn} is not known")));
    }
    Some(Ok(roles))
}
