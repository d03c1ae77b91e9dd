//! Who can become an administrator, and how.
//!
//! A path is data: the actions that it needs and what they gain. An edge is a path that one principal
//! can walk towards another in effect, proved by the statements that let it. A chain is a sequence of
//! edges that ends at an administrator.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::estate::{Actor, Attempt, Estate, Thing};
use crate::principal::Kind;
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

/// The most chains that are shown of one principal.
const MAX_CHAINS: usize = 25;
/// The most reasons that are kept of an undecided principal.
const MAX_REASONS: usize = 5;

/// An edge between positions in the estate.
#[derive(Debug, Clone)]
struct Edge {
    from: usize,
    to: usize,
    path: usize,
    through: Option<String>,
    grants: bool,
    statements: Vec<String>,
}

struct Analysis<'a> {
    estate: &'a Estate,
    paths: &'a [Path],
    /// Whether anything that an actor has speaks of an action at all.
    may: HashMap<(usize, &'a str), bool>,
    asked: RefCell<HashMap<Question<'a>, (Tri, Vec<String>)>>,
    unbounded: RefCell<HashMap<usize, Tri>>,
    /// Roles that resources act as, by path.
    carriers: Vec<Vec<Carrier<'a>>>,
    undecided: BTreeMap<usize, BTreeSet<String>>,
}

/// A resource and the positions of the roles that it acts as, or why they are not known.
type Carrier<'a> = (&'a Thing, Result<Vec<usize>, String>);

/// An actor's attempt: actor, action, resource, service that a role is passed to.
type Question<'a> = (usize, &'a str, String, Option<&'a str>);

/// Looks for all chains to an administrator.
pub fn escalations(estate: &Estate, paths: &[Path]) -> Escalations {
    let mut analysis = Analysis::new(estate, paths);
    let mut administrators = vec![false; estate.actors.len()];
    for (index, actor) in estate.actors.iter().enumerate() {
        if actor.service_linked {
            continue;
        }
        match actor.is_administrator() {
            Tri::Yes => {
                if let Some(slot) = administrators.get_mut(index) {
                    *slot = true;
                }
            }
            Tri::No => {}
            Tri::Unknown(reason) => analysis.doubt(index, &reason),
        }
    }
    let everyone: Vec<usize> = (0..estate.actors.len())
        .filter(|index| {
            !administrators.get(*index).copied().unwrap_or_default()
                && estate
                    .actors
                    .get(*index)
                    .is_some_and(|actor| !actor.service_linked)
        })
        .collect();
    // First the steps that grant everything, then, level by level, the steps towards whoever is reached.
    let mut edges: Vec<Edge> = Vec::new();
    let mut level: HashMap<usize, usize> = HashMap::new();
    for from in &everyone {
        edges.extend(analysis.grants(*from));
    }
    for edge in &edges {
        level.insert(edge.from, 1);
    }
    let mut frontier: BTreeSet<usize> = administrators
        .iter()
        .enumerate()
        .filter(|(_, is)| **is)
        .map(|(index, _)| index)
        .collect();
    let mut next: BTreeSet<usize> = level.keys().copied().collect();
    let mut depth = 1;
    while !(frontier.is_empty() && next.is_empty()) {
        for to in frontier {
            for edge in analysis.towards(&everyone, to) {
                if !level.contains_key(&edge.from) {
                    next.insert(edge.from);
                }
                edges.push(edge);
            }
        }
        for from in &next {
            level.entry(*from).or_insert(depth);
        }
        depth += 1;
        frontier = std::mem::take(&mut next);
    }
    let left = everyone.iter().filter(|index| !level.contains_key(index));
    for index in left.copied().collect::<Vec<_>>() {
        analysis.doubt_carriers(index);
    }
    analysis.finish(&administrators, &level, edges)
}

impl<'a> Analysis<'a> {
    fn new(estate: &'a Estate, paths: &'a [Path]) -> Self {
        let actions: BTreeSet<&str> = paths
            .iter()
            .flat_map(|path| &path.needs)
            .map(|need| need.action_lower.as_str())
            .collect();
        let mut may = HashMap::new();
        for (index, actor) in estate.actors.iter().enumerate() {
            for action in &actions {
                may.insert((index, *action), actor.identity().mentions(action));
            }
        }
        let carriers = paths
            .iter()
            .map(|path| match &path.target {
                Target::Through { kind, role } => estate
                    .things
                    .iter()
                    .filter(|thing| thing.kind == *kind)
                    .filter_map(|thing| Some((thing, roles_of(estate, thing, role)?)))
                    .collect(),
                _ => Vec::new(),
            })
            .collect();
        Self {
            estate,
            paths,
            may,
            asked: RefCell::default(),
            unbounded: RefCell::default(),
            carriers,
            undecided: BTreeMap::new(),
        }
    }

    fn doubt(&mut self, actor: usize, reason: &Undecided) {
        let reasons = self.undecided.entry(actor).or_default();
        for text in reason.reasons() {
            if reasons.len() < MAX_REASONS {
                reasons.insert(text.clone());
            }
        }
    }

    /// Whether an actor has any statement for all actions of a path, on whatever resource.
    fn may_walk(&self, actor: usize, path: &'a Path) -> bool {
        path.needs.iter().all(|need| {
            // A trust policy or a resource's policy can let it in without a word of its own.
            need.action_lower.starts_with("sts:")
                || self
                    .may
                    .get(&(actor, need.action_lower.as_str()))
                    .copied()
                    .unwrap_or_default()
        })
    }

    /// Steps that make an actor, or one as which it acts at once, an administrator.
    fn grants(&mut self, from: usize) -> Vec<Edge> {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return Vec::new();
        };
        let mut edges = Vec::new();
        for (number, path) in self.paths.iter().enumerate() {
            if path.gains == Gain::Target || !self.may_walk(from, path) {
                continue;
            }
            let is_user = actor.requester.kind == Kind::User;
            let targets: Vec<usize> = match &path.target {
                Target::OwnUser if is_user => vec![from],
                Target::OwnRole if !is_user => vec![from],
                Target::Itself => vec![from],
                Target::User => self.others(from, true),
                Target::Role => self.others(from, false),
                Target::OwnGroup if is_user => {
                    let groups = actor.groups.clone();
                    edges.extend(self.group_edges(number, path, from, &groups));
                    continue;
                }
                Target::Group if is_user => {
                    let groups: Vec<usize> = estate
                        .groups
                        .iter()
                        .enumerate()
                        .filter(|(_, group)| group.account == actor.account())
                        .map(|(index, _)| index)
                        .collect();
                    edges.extend(self.group_edges(number, path, from, &groups));
                    continue;
                }
                _ => continue,
            };
            for to in targets {
                let Some(target) = estate.actors.get(to) else {
                    continue;
                };
                let (answer, statements) =
                    self.needs(path, from, target.arn(), None, &target.customer_policies);
                if answer.is_no() {
                    continue;
                }
                match answer.and(self.is_unbounded(to)) {
                    Tri::Yes => edges.push(Edge {
                        from,
                        to,
                        path: number,
                        through: None,
                        grants: true,
                        statements,
                    }),
                    Tri::No => {}
                    Tri::Unknown(reason) => self.doubt(from, &reason),
                }
            }
        }
        edges
    }

    fn group_edges(
        &mut self,
        number: usize,
        path: &'a Path,
        from: usize,
        groups: &[usize],
    ) -> Vec<Edge> {
        let estate = self.estate;
        let Some(actor) = estate.actors.get(from) else {
            return Vec::new();
        };
        let mut edges = Vec::new();
        for group in groups {
            let Some(group) = estate.groups.get(*group) else {
                continue;
            };
            let (answer, statements) =
                self.needs(path, from, &group.arn, None, &group.customer_policies);
            if answer.is_no() {
                continue;
            }
            let gained = match path.gains {
                Gain::Membership => {
                    let mut set = actor.set.clone();
                    set.policies.extend(group.policies.iter().cloned());
                    set.unread.extend(group.unread.iter().cloned());
                    set.is_administrator()
                }
                Gain::Target | Gain::Administrator => self.is_unbounded(from),
            };
            match answer.and(gained) {
                Tri::Yes => edges.push(Edge {
                    from,
                    to: from,
                    path: number,
                    through: Some(group.arn.clone()),
                    grants: true,
                    statements,
                }),
                Tri::No => {}
                Tri::Unknown(reason) => self.doubt(from, &reason),
            }
        }
        edges
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
            let unread: Vec<String> = self
                .carriers
                .get(number)
                .into_iter()
                .flatten()
                .filter(|(thing, _)| thing.account == actor.account())
                .filter_map(|(thing, roles)| {
                    Some(format!("{}: {}", thing.arn, roles.as_ref().err()?))
                })
                .collect();
            let unlisted = estate.doubt(kind, actor.account());
            if (unread.is_empty() && unlisted.is_no()) || !self.may_walk(from, path) {
                continue;
            }
            let able = Tri::all(path.needs.iter().map(|need| self.ask(from, need, ANY).0));
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

    /// Users, or roles, of the same account beside an actor itself.
    fn others(&self, from: usize, users: bool) -> Vec<usize> {
        let account = self.estate.actors.get(from).map(Actor::account);
        self.estate
            .actors
            .iter()
            .enumerate()
            .filter(|(index, other)| {
                *index != from
                    && !other.service_linked
                    && (other.requester.kind == Kind::User) == users
                    && Some(other.account()) == account
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// Steps of anyone towards an actor.
    fn towards(&mut self, everyone: &[usize], to: usize) -> Vec<Edge> {
        let estate = self.estate;
        let Some(target) = estate.actors.get(to) else {
            return Vec::new();
        };
        let mut edges = Vec::new();
        for (number, path) in self.paths.iter().enumerate() {
            if path.gains != Gain::Target {
                continue;
            }
            let is_user = target.requester.kind == Kind::User;
            let fits = match &path.target {
                Target::User => is_user,
                Target::Role | Target::Through { .. } => !is_user,
                _ => false,
            };
            if !fits {
                continue;
            }
            let mut trusted = Tri::from(path.trusts.is_empty());
            for service in &path.trusts {
                trusted = trusted.or(estate.trusts_service(target, service));
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
            let through: Vec<Option<&Thing>> = match &path.target {
                Target::Through { .. } => self
                    .carriers
                    .get(number)
                    .into_iter()
                    .flatten()
                    .filter(|(_, roles)| roles.as_ref().is_ok_and(|roles| roles.contains(&to)))
                    .map(|(thing, _)| Some(*thing))
                    .collect(),
                _ => vec![None],
            };
            // Only roles can be taken across accounts.
            let crosses = path
                .needs
                .iter()
                .all(|need| need.action_lower.starts_with("sts:"));
            for from in everyone {
                if *from == to || !self.may_walk(*from, path) {
                    continue;
                }
                let Some(actor) = estate.actors.get(*from) else {
                    continue;
                };
                if !crosses
                    && through.iter().all(Option::is_none)
                    && actor.account() != target.account()
                {
                    continue;
                }
                for through in &through {
                    let (answer, statements) = self.needs(
                        path,
                        *from,
                        target.arn(),
                        through.map(|thing| thing.arn.as_str()),
                        &target.customer_policies,
                    );
                    match answer.and(trusted.clone()) {
                        Tri::Yes => {
                            edges.push(Edge {
                                from: *from,
                                to,
                                path: number,
                                through: through.map(|thing| thing.arn.clone()),
                                grants: false,
                                statements,
                            });
                            break;
                        }
                        Tri::No => {}
                        Tri::Unknown(reason) => self.doubt(*from, &reason),
                    }
                }
            }
        }
        edges
    }

    /// Whether an actor may do everything that a path needs, and what says so.
    fn needs(
        &self,
        path: &'a Path,
        from: usize,
        target: &str,
        through: Option<&str>,
        policies: &[String],
    ) -> (Tri, Vec<String>) {
        let mut answer = Tri::Yes;
        let mut statements = Vec::new();
        for need in &path.needs {
            let (one, texts) = match need.on {
                On::Target => self.ask(from, need, target),
                On::Through => match through {
                    Some(arn) => self.ask(from, need, arn),
                    None => (Tri::No, Vec::new()),
                },
                On::Policy => {
                    let mut found = (Tri::No, Vec::new());
                    for policy in policies {
                        let (one, texts) = self.ask(from, need, policy);
                        if one.is_yes() {
                            found = (one, texts);
                            break;
                        }
                        found.0 = found.0.or(one);
                    }
                    found
                }
                On::Any => self.ask(from, need, ANY),
            };
            answer = answer.and(one);
            if answer.is_no() {
                return (Tri::No, Vec::new());
            }
            for text in texts {
                if !statements.contains(&text) {
                    statements.push(text);
                }
            }
        }
        (answer, statements)
    }

    fn ask(&self, from: usize, need: &'a Need, resource: &str) -> (Tri, Vec<String>) {
        let passed_to = need.passed_to.as_deref();
        let question = (
            from,
            need.action_lower.as_str(),
            resource.to_owned(),
            passed_to,
        );
        if let Some(known) = self.asked.borrow().get(&question) {
            return known.clone();
        }
        let Some(actor) = self.estate.actors.get(from) else {
            return (Tri::No, Vec::new());
        };
        let answer = if resource == ANY {
            let answer = actor.set.allows(&need.action_lower);
            let texts = if answer.is_yes() {
                actor.identity().allowing(&need.action_lower)
            } else {
                Vec::new()
            };
            (answer, texts)
        } else {
            self.estate.possible(
                actor,
                &Attempt {
                    action: &need.action_lower,
                    resource,
                    passed_to,
                },
            )
        };
        self.asked.borrow_mut().insert(question, answer.clone());
        answer
    }

    fn is_unbounded(&self, actor: usize) -> Tri {
        if let Some(known) = self.unbounded.borrow().get(&actor) {
            return known.clone();
        }
        let answer = self
            .estate
            .actors
            .get(actor)
            .map_or(Tri::No, Actor::is_unbounded);
        self.unbounded.borrow_mut().insert(actor, answer.clone());
        answer
    }

    fn finish(
        mut self,
        administrators: &[bool],
        level: &HashMap<usize, usize>,
        edges: Vec<Edge>,
    ) -> Escalations {
        let mut out: BTreeMap<usize, Vec<&Edge>> = BTreeMap::new();
        for edge in &edges {
            out.entry(edge.from).or_default().push(edge);
        }
        // The first step of the shortest chain of everyone who is reached.
        let length = |edge: &Edge| {
            if edge.grants {
                1
            } else {
                1 + level.get(&edge.to).copied().unwrap_or(0)
            }
        };
        let mut first: HashMap<usize, &Edge> = HashMap::new();
        for (from, edges) in &mut out {
            edges.sort_by_key(|edge| {
                let path = self.paths.get(edge.path).map(|path| path.id.as_str());
                (length(edge), path, edge.to)
            });
            if let Some(edge) = edges.first() {
                first.insert(*from, edge);
            }
        }
        let arn = |index: usize| {
            self.estate
                .actors
                .get(index)
                .map_or_else(String::new, |actor| actor.arn().to_owned())
        };
        let hop = |edge: &Edge| Hop {
            from: arn(edge.from),
            to: arn(edge.to),
            path: self
                .paths
                .get(edge.path)
                .map_or_else(String::new, |path| path.id.clone()),
            through: edge.through.clone(),
            grants: edge.grants,
            statements: edge.statements.clone(),
        };
        let chain = |start: &Edge| {
            let mut hops = vec![hop(start)];
            let mut last = start;
            while !last.grants && !administrators.get(last.to).copied().unwrap_or_default() {
                let Some(next) = first.get(&last.to) else {
                    break;
                };
                // Levels fall with every step, so this ends; a loop would be a bug, not a hang.
                if hops.len() > self.estate.actors.len() {
                    break;
                }
                hops.push(hop(next));
                last = next;
            }
            Chain {
                target: arn(last.to),
                hops,
            }
        };
        let mut principals = Vec::new();
        for (index, actor) in self.estate.actors.iter().enumerate() {
            let administrator = administrators.get(index).copied().unwrap_or_default();
            let chains: Vec<Chain> = out
                .get(&index)
                .into_iter()
                .flatten()
                // A way that comes back to the principal itself is no way.
                .map(|edge| chain(edge))
                .filter(|chain| {
                    chain
                        .hops
                        .iter()
                        .skip(1)
                        .all(|hop| hop.from != actor.arn() && hop.to != actor.arn())
                })
                .take(MAX_CHAINS)
                .collect();
            if administrator || !chains.is_empty() {
                principals.push(Escalation {
                    principal: actor.arn().to_owned(),
                    administrator,
                    chains,
                });
            }
        }
        let cuts = self.cuts(administrators, &edges);
        let settled: BTreeSet<usize> = level
            .keys()
            .copied()
            .chain(
                administrators
                    .iter()
                    .enumerate()
                    .filter(|(_, is)| **is)
                    .map(|(index, _)| index),
            )
            .collect();
        self.undecided.retain(|index, _| !settled.contains(index));
        let undecided = self
            .undecided
            .iter()
            .map(|(index, reasons)| (arn(*index), reasons.iter().cloned().collect()))
            .collect();
        Escalations {
            principals,
            cuts,
            undecided,
        }
    }

    /// For every step, who would be cut off without it.
    fn cuts(&self, administrators: &[bool], edges: &[Edge]) -> Vec<Cut> {
        let mut steps: BTreeMap<(usize, usize, bool), BTreeSet<usize>> = BTreeMap::new();
        for edge in edges {
            steps
                .entry((edge.from, edge.to, edge.grants))
                .or_default()
                .insert(edge.path);
        }
        let mut into: HashMap<usize, Vec<usize>> = HashMap::new();
        for (from, to, grants) in steps.keys() {
            if !grants {
                into.entry(*to).or_default().push(*from);
            }
        }
        let reached = |without: Option<(usize, usize, bool)>| -> BTreeSet<usize> {
            let mut reached: BTreeSet<usize> = BTreeSet::new();
            let mut open: Vec<usize> = administrators
                .iter()
                .enumerate()
                .filter(|(_, is)| **is)
                .map(|(index, _)| index)
                .collect();
            for step in steps
                .keys()
                .filter(|step| step.2 && Some(**step) != without)
            {
                if reached.insert(step.0) {
                    open.push(step.0);
                }
            }
            while let Some(to) = open.pop() {
                for from in into.get(&to).into_iter().flatten() {
                    if Some((*from, to, false)) != without && reached.insert(*from) {
                        open.push(*from);
                    }
                }
            }
            reached
        };
        let all = reached(None);
        let arn = |index: usize| {
            self.estate
                .actors
                .get(index)
                .map_or_else(String::new, |actor| actor.arn().to_owned())
        };
        let mut cuts: Vec<Cut> = steps
            .iter()
            .filter_map(|(step, paths)| {
                let left = reached(Some(*step));
                let lost: Vec<String> = all.difference(&left).map(|index| arn(*index)).collect();
                (!lost.is_empty()).then(|| Cut {
                    from: arn(step.0),
                    to: arn(step.1),
                    paths: paths
                        .iter()
                        .filter_map(|path| self.paths.get(*path))
                        .map(|path| path.id.clone())
                        .collect(),
                    principals: lost,
                })
            })
            .collect();
        cuts.sort_by(|a, b| {
            b.principals
                .len()
                .cmp(&a.principals.len())
                .then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
        });
        cuts
    }
}

/// Stands for whichever resource suits.
const ANY: &str = "(any)";

/// Positions of the roles that a resource acts as; none where it has none.
fn roles_of(estate: &Estate, thing: &Thing, field: &str) -> Option<Result<Vec<usize>, String>> {
    match thing.roles.get(field)? {
        Ok(None) => None,
        Ok(Some(arn)) => Some(Ok(match estate.instance_profiles.get(arn) {
            Some(roles) => roles.clone(),
            None => estate.position(arn).into_iter().collect(),
        })),
        Err(why) => Some(Err(why.clone())),
    }
}
