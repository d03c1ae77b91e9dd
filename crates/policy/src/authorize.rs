//! Decides requests as AWS does: all layers of policies, in the documented logic.
//!
//! - A deny in any layer decides.
//! - Control policies must allow at every level of the organization.
//! - Within an account, an identity policy or the resource's policy is enough; the permission boundary
//!   and the session policy bound what identity policies grant, and what a resource policy grants to a
//!   role, but not what it grants to a user or a session by name.
//! - Across accounts both sides must allow.
//! - Keys of KMS and the trust of roles have to allow by themselves; a grant to the account leaves it to
//!   the account's identity policies.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::caller::{Caller, domain};
use crate::condition::{Condition, Fact, Request, evaluate_all};
use crate::document::{Body, Clause, Effect, Principal, Statement};
use crate::identity::{NamedPolicy, Verdict, allows_everything, resource_matches};
use crate::pattern::Pattern;
use crate::principal::{Kind, Requester};
use crate::public::ResourceContext;
use crate::search::unread;
use crate::tri::{Tri, Undecided};

/// Bounds the search for a context in which a request is allowed.
const MAX_STEPS: usize = 2_000;

/// Policies of one layer, indexed by the services of their actions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicySet {
    policies: Vec<NamedPolicy>,
    unread: Vec<String>,
    by_service: HashMap<Box<str>, Vec<At>>,
    /// Statements whose actions do not tell a service.
    everywhere: Vec<At>,
}

/// Where a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    policy: u32,
    statement: u32,
}

impl PolicySet {
    /// Indexes policies.
    pub fn new(policies: Vec<NamedPolicy>) -> Self {
        Self::with_unread(policies, Vec::new())
    }

    /// The same, with the names of policies that belong to the layer and could not be read.
    pub fn with_unread(policies: Vec<NamedPolicy>, unread: Vec<String>) -> Self {
        let mut set = Self {
            unread,
            ..Self::default()
        };
        for (policy, named) in (0..).zip(&policies) {
            for (statement, found) in (0..).zip(&named.policy.statements) {
                let at = At { policy, statement };
                match found.body.as_ref().ok().and_then(services) {
                    Some(services) => {
                        for service in services {
                            set.by_service
                                .entry(service.into_boxed_str())
                                .or_default()
                                .push(at);
                        }
                    }
                    None => set.everywhere.push(at),
                }
            }
        }
        set.policies = policies;
        set
    }

    /// The policies.
    pub fn policies(&self) -> &[NamedPolicy] {
        &self.policies
    }

    /// Names of policies that belong to the layer and could not be read.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    fn statement(&self, at: At) -> Option<(&NamedPolicy, &Statement)> {
        let named = self.policies.get(at.policy as usize)?;
        let statement = named.policy.statements.get(at.statement as usize)?;
        Some((named, statement))
    }

    /// Statements that may speak of an action.
    fn candidates(&self, action: &str) -> impl Iterator<Item = (At, &NamedPolicy, &Statement)> {
        let service = action
            .split_once(':')
            .map_or(action, |(service, _)| service);
        self.by_service
            .get(service)
            .into_iter()
            .flatten()
            .chain(&self.everywhere)
            .filter_map(|at| {
                let (named, statement) = self.statement(*at)?;
                Some((*at, named, statement))
            })
    }

    /// Whether any statement that may allow speaks of an action, on whatever resource.
    pub(crate) fn mentions(&self, action: &str) -> bool {
        !self.unread.is_empty()
            || self.candidates(action).any(|(_, _, statement)| {
                statement.may_allow()
                    && statement
                        .body
                        .as_ref()
                        .map_or(true, |body| body.actions.admits(action, true))
            })
    }

    /// The resources that may be allowed for an action, where all of them are spelled out.
    pub(crate) fn spelled_out(&self, action: &str) -> Option<Vec<&str>> {
        if !self.unread.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        for (_, _, statement) in self.candidates(action).filter(|(_, _, s)| s.may_allow()) {
            let body = statement.body.as_ref().ok()?;
            if !body.actions.admits(action, true) {
                continue;
            }
            match &body.resources {
                Some(Clause::Only(list)) if list.iter().all(Pattern::is_literal) => {
                    found.extend(list.iter().map(Pattern::text));
                }
                _ => return None,
            }
        }
        Some(found)
    }

    /// The statements that allow an action on something.
    pub(crate) fn allowing(&self, action: &str) -> Vec<String> {
        let mut found: Vec<(At, String)> = self
            .candidates(action)
            .filter(|(_, _, statement)| {
                statement.effect == Some(Effect::Allow)
                    && statement
                        .body
                        .as_ref()
                        .is_ok_and(|body| body.actions.admits(action, true))
            })
            .map(|(at, named, statement)| {
                let reason = Reason::Statement {
                    layer: Layer::Identity,
                    policy: &named.name,
                    statement,
                };
                (at, reason.to_string())
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).collect()
    }

    fn doubt(&self) -> Tri {
        Tri::any(
            self.unread
                .iter()
                .map(|name| Tri::Unknown(unread(&format!("policy {name}")))),
        )
    }
}

/// The services that a statement's actions name; none where one is left open.
fn services(body: &Body) -> Option<Vec<String>> {
    let Clause::Only(actions) = &body.actions else {
        return None;
    };
    let mut services = actions
        .iter()
        .map(|pattern| {
            let prefix = pattern.literal_prefix();
            prefix
                .split_once(':')
                .map(|(service, _)| service.to_owned())
        })
        .collect::<Option<Vec<_>>>()?;
    services.sort();
    services.dedup();
    Some(services)
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who asks.
    pub requester: &'a Requester,
    /// The action, in lower case.
    pub action: &'a str,
    /// The resource's ARN, or `*` for an action that takes none.
    pub resource: &'a str,
    /// The account that owns the resource.
    pub resource_account: Option<&'a str>,
    /// The context.
    pub context: &'a Request,
}

/// A permission boundary as a layer.
#[derive(Debug, Clone, Copy, Default)]
pub enum Bound<'a> {
    /// None is set.
    #[default]
    None,
    /// This one bounds.
    Set(&'a PolicySet),
    /// One is set, or may be, that could not be read; and why.
    Unread(&'a str),
}

/// A resource's policy as a layer.
#[derive(Debug, Clone, Copy, Default)]
pub enum OnResource<'a> {
    /// It has none.
    #[default]
    None,
    /// This one.
    Set(&'a PolicySet),
    /// It may have one that could not be read; and why.
    Unread(&'a str),
}

/// Control policies, by level of the organization from the root down to the account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// What is attached at each level; one must allow at each.
    pub levels: Vec<Arc<PolicySet>>,
    /// Why they are not all known.
    pub unread: Option<String>,
}

/// Everything that is consulted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'a> {
    /// Policies of the user or role and of the user's groups.
    pub identity: Option<&'a PolicySet>,
    /// The permission boundary.
    pub boundary: Bound<'a>,
    /// Policies passed when the session was made.
    pub session: Option<&'a PolicySet>,
    /// Service control policies of the requester's account.
    pub scps: Option<&'a Control>,
    /// Resource control policies of the resource's account.
    pub rcps: Option<&'a Control>,
    /// The resource's own policy.
    pub resource: OnResource<'a>,
}

/// Which layer a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Policies of the requester.
    Identity,
    /// Its permission boundary.
    Boundary,
    /// Its session.
    Session,
    /// Service control policies, at a level counted from 1.
    ServiceControl(usize),
    /// Resource control policies, at a level counted from 1.
    ResourceControl(usize),
    /// The resource's policy.
    Resource,
}

/// What a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// A statement applies.
    Statement {
        /// Where it is consulted.
        layer: Layer,
        /// The policy's name.
        policy: &'a str,
        /// The statement.
        statement: &'a Statement,
    },
    /// Nothing in a layer that has to allow does.
    Silent(Layer),
    /// Anything else.
    Note(&'static str),
    /// What keeps the decision open.
    Open(String),
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement {
                layer,
                policy,
                statement,
            } => {
                let verb = match statement.effect {
                    Some(Effect::Deny) => "denies",
                    _ => "allows",
                };
                let layer = match layer {
                    Layer::Identity => "identity policy",
                    Layer::Boundary => "permission boundary",
                    Layer::Session => "session policy",
                    Layer::ServiceControl(_) => "service control policy",
                    Layer::ResourceControl(_) => "resource control policy",
                    Layer::Resource => "resource policy",
                };
                let label = statement.label();
                if policy.is_empty() {
                    write!(f, "{layer}, {label} {verb}")
                } else {
                    write!(f, "{layer} {policy}, {label} {verb}")
                }
            }
            Self::Silent(Layer::Identity) => f.write_str("no identity policy allows it"),
            Self::Silent(Layer::Boundary) => {
                f.write_str("the permission boundary does not allow it")
            }
            Self::Silent(Layer::Session) => f.write_str("no session policy allows it"),
            Self::Silent(Layer::ServiceControl(level)) => {
                write!(f, "no service control policy allows it at level {level}")
            }
            Self::Silent(Layer::ResourceControl(level)) => {
                write!(f, "no resource control policy allows it at level {level}")
            }
            Self::Silent(Layer::Resource) => f.write_str("the resource's policy does not allow it"),
            Self::Note(text) => f.write_str(text),
            Self::Open(text) => f.write_str(text),
        }
    }
}

/// What becomes of a request, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub reasons: Vec<Reason<'a>>,
    /// Whether an unknown verdict would be settled by knowing the request.
    pub depends: bool,
}

impl<'a> Decided<'a> {
    fn new(verdict: Verdict, reasons: Vec<Reason<'a>>) -> Self {
        Self {
            verdict,
            reasons,
            depends: false,
        }
    }

    fn open(reason: &Undecided) -> Self {
        Self {
            verdict: Verdict::Unknown,
            reasons: reason.reasons().iter().cloned().map(Reason::Open).collect(),
            depends: !reason.is_opaque(),
        }
    }
}

/// An answer and the statements that give it.
struct Side {
    answer: Tri,
    by: Vec<At>,
}

impl Side {
    const fn no() -> Self {
        Self {
            answer: Tri::No,
            by: Vec::new(),
        }
    }

    fn add(&mut self, at: At, answer: Tri) {
        match answer {
            Tri::No => {}
            Tri::Yes => {
                self.answer = Tri::Yes;
                self.by.push(at);
            }
            open => {
                let so_far = std::mem::replace(&mut self.answer, Tri::No);
                self.answer = so_far.or(open);
            }
        }
    }

    /// Without the statements that allow everything, such as that of `FullAWSAccess`: they say nothing.
    fn telling(&self, set: &PolicySet) -> Self {
        let by = self.by.iter().copied();
        Self {
            answer: self.answer.clone(),
            by: by
                .filter(|at| {
                    set.statement(*at)
                        .is_some_and(|(_, statement)| !allows_everything(statement))
                })
                .collect(),
        }
    }

    fn reasons<'a>(&self, set: &'a PolicySet, layer: Layer, into: &mut Vec<Reason<'a>>) {
        let mut by = self.by.clone();
        by.sort_unstable();
        into.extend(by.into_iter().filter_map(|at| {
            let (named, statement) = set.statement(at)?;
            Some(Reason::Statement {
                layer,
                policy: &named.name,
                statement,
            })
        }));
    }
}

/// Whether a statement without a principal, or whose principal was looked at, matches a request.
fn applies(named: &NamedPolicy, statement: &Statement, ask: &Ask<'_>) -> Tri {
    let body = match &statement.body {
        Ok(body) => body,
        Err(problem) => {
            return Tri::opaque(format!("{}, {}: {problem}", named.name, statement.label()));
        }
    };
    if !body.actions.admits(ask.action, false) {
        return Tri::No;
    }
    let on = match &body.resources {
        None => Tri::Yes,
        Some(clause) => resource_matches(clause, ask.resource, ask.context),
    };
    if on.is_no() || body.conditions.is_empty() {
        return on;
    }
    match on.and(evaluate_all(&body.conditions, ask.context)) {
        Tri::Unknown(reason) => Tri::Unknown(reason.at(&place_of(named, statement))),
        decided => decided,
    }
}

/// The name of a statement with that of its policy, where it has one.
fn place_of(named: &NamedPolicy, statement: &Statement) -> String {
    if named.name.is_empty() {
        statement.label()
    } else {
        format!("policy {}, {}", named.name, statement.label())
    }
}

/// What a set of policies denies and allows that are about whoever they are attached to: they name no
/// principal. Resource control policies name everyone.
fn judge(set: &PolicySet, ask: &Ask<'_>) -> (Side, Side) {
    judge_attached(set, ask, false)
}

fn judge_attached(set: &PolicySet, ask: &Ask<'_>, everyone: bool) -> (Side, Side) {
    let (mut denied, mut allowed) = (Side::no(), Side::no());
    for (at, named, statement) in set.candidates(ask.action) {
        let as_it_should = statement
            .body
            .as_ref()
            .map_or(true, |body| match &body.principals {
                None => !everyone,
                Some(Clause::Only(list)) => everyone && *list == [Principal::Everyone],
                Some(Clause::Except(_)) => false,
            });
        if !as_it_should {
            let odd = Tri::opaque(format!(
                "{}, {} does not name the principals that belong there",
                named.name,
                statement.label()
            ));
            if statement.may_allow() {
                allowed.add(at, odd.clone());
            }
            if statement.may_deny() {
                denied.add(at, odd);
            }
            continue;
        }
        let answer = applies(named, statement, ask);
        match statement.effect {
            Some(Effect::Allow) => allowed.add(at, answer),
            Some(Effect::Deny) => denied.add(at, answer),
            None => {
                allowed.add(at, answer.clone());
                denied.add(at, answer);
            }
        }
    }
    if !set.unread.is_empty() {
        allowed.answer = std::mem::replace(&mut allowed.answer, Tri::No).or(set.doubt());
        denied.answer = std::mem::replace(&mut denied.answer, Tri::No).or(set.doubt());
    }
    (denied, allowed)
}

/// What a resource's policy denies a requester, and allows it by each way of naming it, in the order of
/// `Naming`.
fn judge_resource(set: &PolicySet, ask: &Ask<'_>, bounded: bool) -> (Side, [Side; 4]) {
    let mut denied = Side::no();
    let mut allowed = [Side::no(), Side::no(), Side::no(), Side::no()];
    for (at, named, statement) in set.candidates(ask.action) {
        let answer = applies(named, statement, ask);
        if answer.is_no() {
            continue;
        }
        let clause = statement.body.as_ref().ok().map(|b| b.principals.as_ref());
        let named = |denies| match clause {
            // What is not understood may name anybody.
            None => [Tri::No, Tri::No, Tri::Yes, Tri::No],
            Some(clause) => ask.requester.named(clause, denies),
        };
        if statement.may_allow() {
            for (side, is_named) in allowed.iter_mut().zip(named(false)) {
                side.add(at, is_named.and(answer.clone()));
            }
        }
        if statement.may_deny() {
            let everybody_else = matches!(clause, Some(Some(Clause::Except(_))));
            // Whoever has a permission boundary is denied whether or not it is excepted.
            let is_named = if bounded && everybody_else {
                Tri::Yes
            } else {
                Tri::any(named(true))
            };
            denied.add(at, is_named.and(answer));
        }
    }
    (denied, allowed)
}

/// Decides a request.
pub fn authorize<'a>(ask: &Ask<'_>, layers: &Layers<'a>) -> Decided<'a> {
    if ask.action == "sts:getcalleridentity" && ask.requester.kind != Kind::Anonymous {
        return Decided::new(
            Verdict::Allowed,
            vec![Reason::Note("sts:GetCallerIdentity cannot be denied")],
        );
    }
    let none = || (Side::no(), Side::no());
    let bounded = !matches!(layers.boundary, Bound::None);
    let (identity_denied, identity) = layers.identity.map_or_else(none, |set| judge(set, ask));
    let (boundary_denied, boundary) = match layers.boundary {
        Bound::Set(set) => judge(set, ask),
        _ => none(),
    };
    let (session_denied, session) = layers.session.map_or_else(none, |set| judge(set, ask));
    let no_grants = || (Side::no(), [Side::no(), Side::no(), Side::no(), Side::no()]);
    let (resource_denied, grants) = match layers.resource {
        OnResource::Set(set) => judge_resource(set, ask, bounded),
        _ => no_grants(),
    };
    // Services, and callers without credentials, are in no organization.
    let linked = ask.requester.is_service_linked();
    let scps = layers
        .scps
        .filter(|_| ask.requester.account.is_some() && !linked);
    let rcps = layers.rcps.filter(|_| ask.resource != "*" && !linked);
    let levels = |control: Option<&'a Control>, everyone| -> Vec<(&'a PolicySet, (Side, Side))> {
        control
            .iter()
            .flat_map(|control| &control.levels)
            .map(|set| (set.as_ref(), judge_attached(set, ask, everyone)))
            .collect()
    };
    let (scps_judged, rcps_judged) = (levels(scps, false), levels(rcps, true));
    let rcp_doubt = rcp_doubt(ask.action);

    // 1. Denied anywhere?
    let mut reasons = Vec::new();
    let mut denied = Tri::No;
    let mut consider =
        |set: Option<&'a PolicySet>, side: Side, layer, doubt: Option<&Undecided>| {
            let Some(set) = set else { return };
            let answer = match (side.answer, doubt) {
                (Tri::Yes, Some(doubt)) => Tri::Unknown(doubt.clone()),
                (answer, _) => {
                    if answer.is_yes() {
                        Side {
                            answer: Tri::Yes,
                            by: side.by,
                        }
                        .reasons(set, layer, &mut reasons);
                    }
                    answer
                }
            };
            denied = std::mem::replace(&mut denied, Tri::No).or(answer);
        };
    let boundary_set = match layers.boundary {
        Bound::Set(set) => Some(set),
        _ => None,
    };
    let resource_set = match layers.resource {
        OnResource::Set(set) => Some(set),
        _ => None,
    };
    consider(layers.identity, identity_denied, Layer::Identity, None);
    consider(boundary_set, boundary_denied, Layer::Boundary, None);
    consider(layers.session, session_denied, Layer::Session, None);
    consider(resource_set, resource_denied, Layer::Resource, None);
    let mut scps_allowed = Vec::new();
    for (number, (set, (denies, allows))) in (1..).zip(scps_judged) {
        consider(Some(set), denies, Layer::ServiceControl(number), None);
        scps_allowed.push((set, allows));
    }
    let mut rcps_allowed = Vec::new();
    for (number, (set, (denies, allows))) in (1..).zip(rcps_judged) {
        match &rcp_doubt {
            Rcp::Bound => consider(Some(set), denies, Layer::ResourceControl(number), None),
            Rcp::Perhaps(doubt) => {
                consider(
                    Some(set),
                    denies,
                    Layer::ResourceControl(number),
                    Some(doubt),
                );
            }
            Rcp::Free => continue,
        }
        rcps_allowed.push((set, allows));
    }
    if denied.is_yes() {
        return Decided::new(Verdict::ExplicitDeny, reasons);
    }

    // 2. Whoever has to allow: does it?
    let root = ask.requester.kind == Kind::Root;
    let identity_allows = if root {
        Tri::Yes
    } else {
        identity.answer.clone()
    };
    let boundary_allows = match layers.boundary {
        Bound::None => Tri::Yes,
        Bound::Set(_) => boundary.answer.clone(),
        Bound::Unread(why) => Tri::Unknown(unread(&format!("the permission boundary ({why})"))),
    };
    let session_allows = match layers.session {
        None => Tri::Yes,
        Some(_) => session.answer.clone(),
    };
    let within = boundary_allows.clone().and(session_allows.clone());
    let own = if ask.requester.has_identity() || root {
        identity_allows.clone().and(within.clone())
    } else {
        Tri::No
    };
    let [itself, role, everyone, account] = grants;
    let grants_unread = match layers.resource {
        OnResource::Unread(why) => Tri::Unknown(unread(&format!("the resource's policy ({why})"))),
        _ => Tri::No,
    };
    let direct = itself.answer.clone();
    let through_role = role.answer.clone().and(within.clone());
    // Whether a grant to everyone passes what a boundary leaves out is not documented.
    let through_everyone = match everyone.answer.clone().and(within.clone()) {
        Tri::No if !everyone.answer.is_no() && !ask.requester.has_identity() => everyone.answer.clone(),
        Tri::No if !everyone.answer.is_no() => everyone.answer.clone().and(Tri::opaque(
            "whether a resource policy for everyone passes a boundary or session policy that does not \
             allow is not documented",
        )),
        answer => answer,
    };
    let by_name = direct.or(through_role).or(through_everyone);
    let passed_on = account.answer.clone().and(own.clone());
    let same_account = match (&ask.requester.account, ask.resource_account) {
        (Some(own), Some(owner)) => own == owner,
        // A resource whose owner is not known is taken for the requester's own.
        (Some(_), None) => true,
        (None, _) => false,
    };
    let granted = if ask.requester.account.is_none() {
        by_name.or(grants_unread.clone())
    } else if same_account {
        if stands_alone(ask.action) {
            by_name.or(passed_on).or(grants_unread.clone())
        } else {
            own.clone().or(by_name).or(grants_unread.clone())
        }
    } else {
        let theirs = itself
            .answer
            .clone()
            .or(role.answer.clone())
            .or(everyone.answer.clone())
            .or(account.answer.clone())
            .or(grants_unread.clone());
        theirs.and(own.clone())
    };
    let mut answer = granted.clone();
    let mut silent = Vec::new();
    for (number, (_, side)) in (1..).zip(&scps_allowed) {
        if side.answer.is_no() {
            silent.push(Reason::Silent(Layer::ServiceControl(number)));
        }
        answer = answer.and(side.answer.clone());
    }
    for (number, (_, side)) in (1..).zip(&rcps_allowed) {
        let allowed = match &rcp_doubt {
            Rcp::Perhaps(doubt) if side.answer.is_no() => Tri::Unknown(doubt.clone()),
            _ => side.answer.clone(),
        };
        if allowed.is_no() {
            silent.push(Reason::Silent(Layer::ResourceControl(number)));
        }
        answer = answer.and(allowed);
    }
    for (control, what) in [
        (scps, "service control policies"),
        (rcps, "resource control policies"),
    ] {
        if let Some(why) = control.and_then(|control| control.unread.as_deref()) {
            answer = answer.and(Tri::Unknown(unread(&format!("{what} ({why})"))));
        }
    }
    // What allows; as long as the decision is open, also what may turn out to.
    let allowing = |open: bool| {
        let mut reasons = Vec::new();
        let mut show = |set: Option<&'a PolicySet>, side: &Side, layer| {
            if let (Some(set), true) = (set, side.answer.is_yes()) {
                side.reasons(set, layer, &mut reasons);
            }
        };
        if own.is_yes() || open && !own.is_no() {
            show(layers.identity, &identity, Layer::Identity);
            show(boundary_set, &boundary, Layer::Boundary);
            show(layers.session, &session, Layer::Session);
        }
        for side in [&itself, &role, &everyone, &account] {
            show(resource_set, side, Layer::Resource);
        }
        for (number, (set, side)) in (1..).zip(&scps_allowed) {
            show(Some(set), &side.telling(set), Layer::ServiceControl(number));
        }
        for (number, (set, side)) in (1..).zip(&rcps_allowed) {
            show(
                Some(set),
                &side.telling(set),
                Layer::ResourceControl(number),
            );
        }
        reasons
    };
    // A policy that was not read may deny as well as allow.
    match answer.and(!denied.or(grants_unread)) {
        // What keeps it open first, then what stands but for that.
        Tri::Unknown(reason) => {
            let mut decided = Decided::open(&reason);
            decided.reasons.extend(allowing(true));
            decided
        }
        Tri::No => {
            if silent.is_empty() {
                if !stands_alone(ask.action) || !same_account {
                    if identity_allows.is_no() && ask.requester.account.is_some() {
                        silent.push(Reason::Silent(Layer::Identity));
                    }
                    if boundary_allows.is_no() {
                        silent.push(Reason::Silent(Layer::Boundary));
                    }
                    if session_allows.is_no() {
                        silent.push(Reason::Silent(Layer::Session));
                    }
                }
                if silent.is_empty() || !same_account {
                    silent.push(match layers.resource {
                        OnResource::None => {
                            Reason::Note("the resource has no policy that allows it")
                        }
                        _ => Reason::Silent(Layer::Resource),
                    });
                }
            }
            Decided::new(Verdict::ImplicitDeny, silent)
        }
        Tri::Yes => {
            let mut reasons = allowing(false);
            if root && reasons.is_empty() {
                reasons.push(Reason::Note(
                    "the root user may do anything that is not denied",
                ));
            }
            Decided::new(Verdict::Allowed, reasons)
        }
    }
}

/// Whether anything may allow a request at all, told without its context. Where nothing does, the request
/// does not pass, and in a large account that is the answer to nearly all that are looked at.
pub(crate) fn is_conceivable(
    requester: &Requester,
    action: &str,
    resource: &str,
    identity: &PolicySet,
    on_resource: OnResource<'_>,
) -> bool {
    if requester.kind == Kind::Root || action == "sts:getcalleridentity" {
        return true;
    }
    let identity_may = || {
        !identity.unread.is_empty()
            || identity.candidates(action).any(|(_, _, statement)| {
                statement.may_allow()
                    && statement.body.as_ref().map_or(true, |body| {
                        // What is misplaced is not understood.
                        body.principals.is_some()
                            || body.actions.admits(action, true)
                                && body
                                    .resources
                                    .as_ref()
                                    .is_none_or(|clause| clause.admits(resource, true))
                    })
            })
    };
    let set = match on_resource {
        OnResource::None => return !stands_alone(action) && identity_may(),
        OnResource::Unread(_) => return true,
        OnResource::Set(set) if set.unread.is_empty() => set,
        OnResource::Set(_) => return true,
    };
    let mut by_account = false;
    for (_, _, statement) in set.candidates(action).filter(|(_, _, s)| s.may_allow()) {
        let Ok(body) = &statement.body else {
            return true;
        };
        if body.actions.admits(action, true) {
            let [itself, role, everyone, account] =
                requester.named(body.principals.as_ref(), false);
            if !(itself.is_no() && role.is_no() && everyone.is_no()) {
                return true;
            }
            by_account |= !account.is_no();
        }
    }
    (by_account || !stands_alone(action)) && identity_may()
}

/// Whether a resource's policy has to allow by itself, though the account is the same.
fn stands_alone(action: &str) -> bool {
    match action.split_once(':') {
        Some(("kms", name)) => !ACCOUNT_WIDE.contains(&name),
        Some(("sts", name)) => matches!(
            name,
            "assumerole"
                | "assumerolewithsaml"
                | "assumerolewithwebidentity"
                | "tagsession"
                | "setsourceidentity"
                | "setcontext"
        ),
        _ => false,
    }
}

/// Actions of KMS that are about no key.
const ACCOUNT_WIDE: [&str; 9] = [
    "connectcustomkeystore",
    "createcustomkeystore",
    "createkey",
    "deletecustomkeystore",
    "describecustomkeystores",
    "disconnectcustomkeystore",
    "generaterandom",
    "listaliases",
    "listkeys",
];

/// Whether resource control policies bind an action.
enum Rcp {
    Bound,
    Free,
    /// It depends on when AWS added the service.
    Perhaps(Undecided),
}

/// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
fn rcp_doubt(action: &str) -> Rcp {
    match action.split_once(':').map(|(service, _)| service) {
        Some("s3" | "sts" | "kms" | "sqs" | "secretsmanager" | "ecr" | "aoss") => Rcp::Bound,
        // They govern whom the policies are for.
        Some("iam" | "organizations") => Rcp::Free,
        service => Rcp::Perhaps(Undecided::opaque(format!(
            "whether resource control policies bind {} is not known to this version",
            service.unwrap_or("the action")
        ))),
    }
}

/// Whether a request passes in some context that agrees with what is given: the requester brings about
/// whatever is left open.
pub fn possible<'a>(ask: &Ask<'_>, layers: &Layers<'a>) -> (Tri, Vec<Reason<'a>>) {
    let first = authorize(ask, layers);
    if first.verdict != Verdict::Unknown || !first.depends {
        return settled(first);
    }
    let conditions = mentioned(ask, layers);
    let mut keys: Vec<String> = Vec::new();
    for condition in &conditions {
        for key in std::iter::once(condition.key_lower()).chain(condition.variables()) {
            if *ask.context.fact_lower(key) == Fact::Unknown && !keys.iter().any(|k| k == key) {
                keys.push(key.to_owned());
            }
        }
    }
    let context = ResourceContext {
        account: ask.resource_account,
        ..ResourceContext::default()
    };
    let choices: Vec<(String, Vec<Fact>)> = keys
        .into_iter()
        .map(|key| {
            let facts = if is_given(&key) {
                vec![Fact::Unknown]
            } else {
                domain(&key, &Caller::Holder, &context, &conditions)
            };
            (key, facts)
        })
        .collect();
    let mut request = ask.context.clone();
    let mut steps = 0;
    grow(ask, layers, &choices, &mut request, &mut steps)
}

/// Whether a key is as it is, whatever the requester does: tags that are in place, and organizations.
fn is_given(key: &str) -> bool {
    matches!(
        key,
        "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:resourceorgid"
            | "aws:resourceorgpaths"
    ) || key.starts_with("aws:principaltag/")
        || key.contains(":resourcetag/")
}

fn settled(decided: Decided<'_>) -> (Tri, Vec<Reason<'_>>) {
    let answer = match decided.verdict {
        Verdict::Allowed => Tri::Yes,
        Verdict::ExplicitDeny | Verdict::ImplicitDeny => Tri::No,
        Verdict::Unknown => {
            let open = decided.reasons.iter().filter_map(|reason| match reason {
                Reason::Open(why) => Some(why.as_str()),
                _ => None,
            });
            Tri::opaque(open.collect::<Vec<_>>().join("; "))
        }
    };
    (answer, decided.reasons)
}

fn grow<'a>(
    ask: &Ask<'_>,
    layers: &Layers<'a>,
    choices: &[(String, Vec<Fact>)],
    request: &mut Request,
    steps: &mut usize,
) -> (Tri, Vec<Reason<'a>>) {
    *steps += 1;
    let here = authorize(
        &Ask {
            context: request,
            ..*ask
        },
        layers,
    );
    if *steps > MAX_STEPS {
        return (
            Tri::opaque("its conditions combine in too many ways to try them all"),
            here.reasons,
        );
    }
    if here.verdict != Verdict::Unknown || !here.depends {
        return settled(here);
    }
    let Some(((key, facts), rest)) = choices.split_first() else {
        return settled(here);
    };
    let mut result = (Tri::No, here.reasons);
    for fact in facts {
        request.set(key, fact.clone());
        let (answer, reasons) = grow(ask, layers, rest, request, steps);
        let yes = answer.is_yes();
        if !answer.is_no() {
            result.1 = reasons;
        }
        result.0 = result.0.or(answer);
        if yes || *steps > MAX_STEPS {
            break;
        }
    }
    request.unset(key);
    result
}

/// Conditions of all statements that may speak of a request.
fn mentioned<'a>(ask: &Ask<'_>, layers: &Layers<'a>) -> Vec<&'a Condition> {
    layers
        .sets()
        .flat_map(|set| set.candidates(ask.action))
        .filter_map(|(_, _, statement)| statement.body.as_ref().ok())
        .filter(|body| body.actions.admits(ask.action, true))
        .flat_map(|body| &body.conditions)
        .collect()
}

impl<'a> Layers<'a> {
    /// All policies that are consulted.
    fn sets(&self) -> impl Iterator<Item = &'a PolicySet> {
        let boundary = match self.boundary {
            Bound::Set(set) => Some(set),
            _ => None,
        };
        let resource = match self.resource {
            OnResource::Set(set) => Some(set),
            _ => None,
        };
        let control = [self.scps, self.rcps].into_iter().flatten();
        [self.identity, self.session, boundary, resource]
            .into_iter()
            .flatten()
            .chain(control.flat_map(|control| control.levels.iter().map(Arc::as_ref)))
    }

    /// Whether any statement about an action has a condition, or a variable in its resources.
    pub(crate) fn look_at_context(&self, action: &str) -> bool {
        self.sets().any(|set| {
            set.candidates(action).any(|(_, _, statement)| {
                statement.body.as_ref().is_ok_and(|body| {
                    let varies = |clause: &Clause<Pattern>| {
                        clause.listed().iter().any(Pattern::has_variable)
                    };
                    (!body.conditions.is_empty() || body.resources.as_ref().is_some_and(varies))
                        && body.actions.admits(action, true)
                })
            })
        })
    }
}
