//! What the policies of a principal let it do.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::authorize::Control;
use crate::caller::Caller;
use crate::condition::{Request, evaluate_all};
use crate::document::{Body, Clause, Policy, Statement};
use crate::pattern::{FRESH, Pattern};
use crate::public::ResourceContext;
use crate::search::{Search, unread};
use crate::tri::{Found, Tri, Undecided};

/// A policy and the name under which findings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// The name.
    pub name: String,
    /// The document.
    pub policy: Arc<Policy>,
    /// How it comes to be in effect.
    pub origin: Origin,
}

impl NamedPolicy {
    /// A policy under a name.
    pub fn new(name: impl Into<String>, policy: impl Into<Arc<Policy>>) -> Self {
        Self {
            name: name.into(),
            policy: policy.into(),
            origin: Origin::default(),
        }
    }

    /// The same, of a known origin.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }
}

/// How a policy comes to be in effect for a principal: what one has to undo to be rid of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Origin {
    /// Not said.
    #[default]
    Unstated,
    /// Embedded in the principal.
    Inline,
    /// Attached to the principal, by the ARN of the managed policy.
    Attached(String),
    /// Embedded in a group of the user's, by the group's name.
    GroupInline(String),
    /// Attached to a group of the user's: the group's name, and the ARN of the managed policy.
    GroupAttached(String, String),
}

/// A statement that allows something of a service, or may.
#[derive(Debug, Clone)]
pub(crate) struct Grant<'a> {
    /// Position of its policy in the set.
    pub(crate) policy: usize,
    /// The statement.
    pub(crate) statement: &'a Statement,
    /// Whether it does so in effect.
    pub(crate) answer: Tri,
}

/// What a set of policies allows, arranged by service: policies of AWS's list thousands of actions of
/// hundreds of services, and each service is asked about.
pub(crate) struct Grants<'a> {
    set: &'a IdentitySet,
    /// The allowing statements, each with the position of its policy.
    allowing: Vec<(usize, ByService<'a>)>,
    /// Those of the boundary and of each level of control policies.
    layers: Vec<Vec<ByService<'a>>>,
}

impl<'a> Grants<'a> {
    /// Arranges a set.
    pub(crate) fn of(set: &'a IdentitySet) -> Self {
        let allowing = set.policies.iter().enumerate().flat_map(|(policy, named)| {
            let statements = named.policy.statements.iter();
            let allowing = statements.filter(|statement| statement.may_allow());
            allowing.map(move |statement| (policy, ByService::of(statement)))
        });
        let boundary = match &set.boundary {
            Boundary::Policy(named) => Some(named.policy.statements.iter().collect()),
            Boundary::None | Boundary::Unread(_) => None,
        };
        let layers = boundary.into_iter().chain(set.limits());
        Self {
            set,
            allowing: allowing.collect(),
            layers: layers
                .map(|layer: Vec<&Statement>| {
                    let allowing = layer.into_iter().filter(|s| s.may_allow());
                    allowing.map(ByService::of).collect()
                })
                .collect(),
        }
    }

    /// The statements that allow something of a service on something, in effect or perhaps. `without` is a
    /// further statement that denies.
    pub(crate) fn of_service(
        &self,
        service: &str,
        without: Option<&'a Statement>,
    ) -> Vec<Grant<'a>> {
        let universe = Pattern::action(&format!("{service}:*"));
        let mut search = self.set.search(None, Some(universe));
        search.denies.extend(without);
        let layers: Vec<Vec<Cow<'_, Statement>>> = self
            .layers
            .iter()
            .map(|layer| layer.iter().filter_map(|s| s.about(service)).collect())
            .collect();
        let layers: Vec<Vec<&Statement>> = layers
            .iter()
            .map(|layer| layer.iter().map(|statement| &**statement).collect())
            .collect();
        let mut grants = Vec::new();
        for (policy, statement) in &self.allowing {
            let Some(narrow) = statement.about(service) else {
                continue;
            };
            let answer = through(&search, &mut vec![&*narrow], &layers);
            let answer = match answer.and(self.set.boundary_is_read()) {
                Tri::No => continue,
                Tri::Unknown(reason) => {
                    let named = self.set.policies.get(*policy);
                    Tri::Unknown(reason.at(named.map_or("", |named| named.name.as_str())))
                }
                Tri::Yes => Tri::Yes,
            };
            grants.push(Grant {
                policy: *policy,
                statement: statement.whole,
                answer,
            });
        }
        grants
    }

    /// Whether anything is granted, if these are all statements that may grant it: a policy that was not
    /// read may grant, and deny, as well.
    pub(crate) fn granted(&self, grants: &[Grant<'_>]) -> Tri {
        with_doubt(
            Tri::any(grants.iter().map(|grant| grant.answer.clone())),
            self.set.doubt_of_unread(),
        )
    }
}

/// A statement with its actions by service.
struct ByService<'a> {
    whole: &'a Statement,
    /// The actions by the service that they name; none where the statement does not list actions.
    actions: Option<HashMap<String, Vec<&'a Pattern>>>,
    /// Those that leave the service open.
    open: Vec<&'a Pattern>,
}

impl<'a> ByService<'a> {
    fn of(statement: &'a Statement) -> Self {
        let mut open = Vec::new();
        let actions = match &statement.body {
            Ok(Body {
                actions: Clause::Only(all),
                ..
            }) => {
                let mut actions: HashMap<String, Vec<&Pattern>> = HashMap::new();
                for pattern in all {
                    match pattern.literal_prefix().split_once(':') {
                        Some((service, _)) => {
                            actions.entry(service.to_owned()).or_default().push(pattern);
                        }
                        None => open.push(pattern),
                    }
                }
                Some(actions)
            }
            _ => None,
        };
        Self {
            whole: statement,
            actions,
            open,
        }
    }

    /// As much of the statement as may be about a service.
    fn about(&self, service: &str) -> Option<Cow<'a, Statement>> {
        let Some(actions) = &self.actions else {
            return Some(Cow::Borrowed(self.whole));
        };
        let mine = actions.get(service).map_or(&[][..], Vec::as_slice);
        if mine.is_empty() && self.open.is_empty() {
            return None;
        }
        let Ok(body) = &self.whole.body else {
            return Some(Cow::Borrowed(self.whole));
        };
        let mine = mine.iter().chain(&self.open);
        Some(Cow::Owned(Statement {
            number: self.whole.number,
            sid: self.whole.sid.clone(),
            effect: self.whole.effect,
            body: Ok(Body {
                principals: body.principals.clone(),
                actions: Clause::Only(mine.map(|pattern| (*pattern).clone()).collect()),
                resources: body.resources.clone(),
                conditions: body.conditions.clone(),
            }),
        }))
    }
}

/// A permission boundary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Boundary {
    /// None is set.
    #[default]
    None,
    /// This one bounds what the policies grant.
    Policy(NamedPolicy),
    /// One is set, or may be, that could not be read; and why.
    Unread(String),
}

/// All policies that are in effect for a principal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentitySet {
    /// Inline and attached ones, and those of its groups.
    pub policies: Vec<NamedPolicy>,
    /// What bounds them.
    pub boundary: Boundary,
    /// Names of policies that belong to the set and could not be read.
    pub unread: Vec<String>,
    /// The account of the principal.
    pub account: Option<String>,
    /// Service control policies of the account, as far as they are known. Those that could not be read
    /// are taken to leave everything: what is asked here is what the principal's own policies grant.
    pub control: Option<Arc<Control>>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Granted.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// Nothing grants it.
    ImplicitDeny,
    /// Not decidable from what is given.
    Unknown,
}

/// Actions by which a principal can give itself, or what it can become, any permission.
const SELF_GRANTS: [&str; 8] = [
    "iam:attachuserpolicy",
    "iam:attachrolepolicy",
    "iam:putuserpolicy",
    "iam:putrolepolicy",
    "iam:createpolicyversion",
    "iam:setdefaultpolicyversion",
    "iam:addusertogroup",
    "iam:updateassumerolepolicy",
];

impl IdentitySet {
    /// A set of one document, as for a policy that is looked at by itself.
    pub fn of(name: &str, policy: impl Into<Arc<Policy>>) -> Self {
        Self {
            policies: vec![NamedPolicy::new(name, policy)],
            ..Self::default()
        }
    }

    /// Whether the action is allowed on some resource, under conditions that can be met.
    pub fn allows(&self, action: &str) -> Tri {
        let action = action.to_lowercase();
        self.some(&action, |_| true)
    }

    /// Whether the action is allowed on all resources without a condition, and not denied on all.
    ///
    /// All resources means `*`, or a pattern that takes in everything of the service or of one type
    /// of its resources (`arn:aws:iam::*:role/*`). A `Deny` on some resources leaves it true.
    pub fn allows_on_all(&self, action: &str) -> Tri {
        let action = action.to_lowercase();
        self.some(&action, |body| {
            on_all(body) && evaluate_all(&body.conditions, &Request::new()).is_yes()
        })
    }

    /// Whether the principal can do everything, or as good as everything, or give itself everything
    /// because it manages IAM as a whole.
    ///
    /// - everything: an unknown service's action is allowed on `*`, and no service but at most IAM
    ///   is excluded as a whole. So `NotAction: iam:*` on `*` is an administrator, and a complement
    ///   that takes out several services (as `PowerUserAccess`) is not.
    /// - IAM as a whole: `iam:*` on all resources, with an action left by which to grant oneself.
    ///
    /// Conditions on the circumstances of the request (MFA, source address, region, time, tags of
    /// the principal) leave an administrator one; conditions on the resource do not. Escalation over
    /// single actions or over other principals is another analysis.
    pub fn is_administrator(&self) -> Tri {
        let met = |body: &Body| {
            body.conditions
                .iter()
                .all(|c| circumstantial(c.key_lower()))
        };
        let everywhere = |action: &str| self.some(action, |body| on_everything(body) && met(body));
        let iam = |action: &str| self.some(action, |body| on_all(body) && met(body));
        let fresh = |service: &str| format!("{service}:{FRESH}");
        let manages_iam = iam(&fresh("iam")).and(Tri::any(SELF_GRANTS.iter().map(|a| iam(a))));
        if manages_iam.is_yes() {
            return manages_iam;
        }
        let unheard_of = everywhere(&fresh(FRESH));
        if unheard_of.is_no() {
            return manages_iam;
        }
        let everything = unheard_of.and(Tri::all(
            self.mentioned_services()
                .iter()
                .filter(|service| *service != "iam")
                .map(|service| everywhere(&fresh(service))),
        ));
        manages_iam.or(everything)
    }

    /// Actions with a service-wide wildcard (`s3:*`), or `*`, that are allowed on all resources and
    /// of which something is left by denials and boundary. A complement is shown as
    /// `* except iam:*`.
    pub fn wildcard_actions(&self) -> Found {
        let mut found = Found::default();
        for (name, statement) in self.labelled().filter(|(_, s)| s.may_allow()) {
            let body = match &statement.body {
                Ok(body) => body,
                Err(problem) => {
                    found.doubt(Undecided::opaque(format!(
                        "{name}, {}: {problem}",
                        statement.label()
                    )));
                    continue;
                }
            };
            if !on_all(body) {
                continue;
            }
            match &body.actions {
                Clause::Only(list) => {
                    for pattern in list.iter().filter(|p| service_wide(p)) {
                        self.bounded_wildcards(&mut found, statement, pattern, pattern.text());
                    }
                }
                Clause::Except(list) => {
                    let names: Vec<&str> = list.iter().map(Pattern::text).collect();
                    let shown = format!("* except {}", names.join(", "));
                    self.bounded_wildcards(&mut found, statement, &Pattern::action("*"), &shown);
                }
            }
        }
        if let Tri::Unknown(reason) = self.doubt_of_unread() {
            found.doubt(reason);
        }
        found.items.sort();
        found
    }

    /// Services of which something is allowed on something; `*` where that includes services that no
    /// policy names.
    pub fn granted_services(&self) -> Found {
        let mut found = Found::default();
        let grants = Grants::of(self);
        let mentioned = self.mentioned_services();
        let named = mentioned
            .iter()
            .map(|service| (service.as_str(), service.as_str()));
        for (shown, service) in std::iter::once(("*", FRESH)).chain(named) {
            found.add(shown, grants.granted(&grants.of_service(service, None)));
        }
        found
    }

    /// Adds what the boundary leaves of a wildcard.
    fn bounded_wildcards(
        &self,
        found: &mut Found,
        statement: &Statement,
        pattern: &Pattern,
        shown: &str,
    ) {
        let boundary = match &self.boundary {
            Boundary::None => {
                let answer = self.left_of(&[statement], pattern);
                found.add(shown, answer);
                return;
            }
            Boundary::Unread(reason) => {
                if !self.left_of(&[statement], pattern).is_no() {
                    found.doubt(unread(&format!("the permission boundary ({reason})")));
                }
                return;
            }
            Boundary::Policy(boundary) => boundary,
        };
        for bound in boundary.policy.statements.iter().filter(|s| s.may_allow()) {
            let Ok(body) = &bound.body else {
                found.doubt(Undecided::opaque(format!(
                    "{}, {} is not understood",
                    boundary.name,
                    bound.label()
                )));
                continue;
            };
            if !on_all(body) {
                continue;
            }
            let kept: Vec<(&Pattern, &str)> = match &body.actions {
                Clause::Only(list) => list
                    .iter()
                    .filter_map(|limit| {
                        if limit.covers(pattern) {
                            Some((pattern, shown))
                        } else if pattern.covers(limit) && service_wide(limit) {
                            Some((limit, limit.text()))
                        } else {
                            None
                        }
                    })
                    .collect(),
                Clause::Except(list) if list.iter().any(|p| p.covers(pattern)) => Vec::new(),
                Clause::Except(_) => vec![(pattern, shown)],
            };
            for (pattern, shown) in kept {
                let answer = self.left_of(&[statement, bound], pattern);
                found.add(shown, answer);
            }
        }
    }

    /// Whether anything of a wildcard that these statements allow is denied by none.
    fn left_of(&self, required: &[&Statement], pattern: &Pattern) -> Tri {
        let universe = if pattern.is_everything() {
            Pattern::action("*:*")
        } else {
            pattern.clone()
        };
        self.search(None, Some(universe)).reachable(required)
    }

    /// Whether a request passes of which the allowing statements meet a demand.
    fn some(&self, action: &str, demand: impl Fn(&Body) -> bool) -> Tri {
        self.some_within(&self.search(Some(action), None), demand)
    }

    fn some_within(&self, search: &Search<'_>, demand: impl Fn(&Body) -> bool) -> Tri {
        let suitable = |statement: &&Statement| {
            statement.may_allow() && statement.body.as_ref().map_or(true, &demand)
        };
        let mut result = Tri::No;
        for (name, statement) in self.labelled().filter(|(_, s)| suitable(s)) {
            let mut required = vec![statement];
            let mut layers = Vec::new();
            if let Boundary::Policy(boundary) = &self.boundary {
                layers.push(boundary.policy.statements.iter().filter(suitable).collect());
            }
            for level in self.limits() {
                layers.push(level.into_iter().filter(suitable).collect());
            }
            let answer = through(search, &mut required, &layers).and(self.boundary_is_read());
            result = result.or(match answer {
                Tri::Unknown(reason) => Tri::Unknown(reason.at(name)),
                decided => decided,
            });
            if result.is_yes() {
                break;
            }
        }
        with_doubt(result, self.doubt_of_unread())
    }

    fn search<'a>(&'a self, action: Option<&'a str>, universe: Option<Pattern>) -> Search<'a> {
        Search {
            caller: &Caller::Holder,
            denies: self
                .labelled()
                .chain(self.boundary_labelled())
                .map(|(_, statement)| statement)
                .chain(
                    self.control_policies()
                        .flat_map(|named| &named.policy.statements),
                )
                .filter(|statement| statement.may_deny())
                .collect(),
            action,
            universe,
            resource: None,
            context: ResourceContext {
                account: self.account.as_deref(),
                ..ResourceContext::default()
            },
        }
    }

    fn labelled(&self) -> impl Iterator<Item = (&str, &Statement)> {
        self.policies.iter().flat_map(|named| {
            named
                .policy
                .statements
                .iter()
                .map(|s| (named.name.as_str(), s))
        })
    }

    fn boundary_labelled(&self) -> impl Iterator<Item = (&str, &Statement)> {
        let boundary = match &self.boundary {
            Boundary::Policy(named) => Some(named),
            Boundary::None | Boundary::Unread(_) => None,
        };
        boundary.into_iter().flat_map(|named| {
            named
                .policy
                .statements
                .iter()
                .map(|s| (named.name.as_str(), s))
        })
    }

    fn boundary_is_read(&self) -> Tri {
        match &self.boundary {
            Boundary::None | Boundary::Policy(_) => Tri::Yes,
            Boundary::Unread(reason) => {
                Tri::Unknown(unread(&format!("the permission boundary ({reason})")))
            }
        }
    }

    fn control_policies(&self) -> impl Iterator<Item = &NamedPolicy> {
        self.control
            .iter()
            .flat_map(|control| &control.levels)
            .flat_map(|level| level.policies())
    }

    /// The allowing statements of each level of control policies that does not allow everything, as
    /// `FullAWSAccess` does.
    fn limits(&self) -> Vec<Vec<&Statement>> {
        let levels = self.control.iter().flat_map(|control| &control.levels);
        levels
            .map(|level| {
                let policies = level.policies().iter();
                policies
                    .flat_map(|named| &named.policy.statements)
                    .filter(|statement| statement.may_allow())
                    .collect::<Vec<_>>()
            })
            .filter(|level| !level.iter().any(|statement| allows_everything(statement)))
            .collect()
    }

    fn doubt_of_unread(&self) -> Tri {
        Tri::any(
            self.unread
                .iter()
                .map(|name| Tri::Unknown(unread(&format!("policy {name}")))),
        )
    }

    /// Services that some action pattern spells out.
    pub(crate) fn mentioned_services(&self) -> Vec<String> {
        let mut services: Vec<String> = self
            .labelled()
            .chain(self.boundary_labelled())
            .map(|(_, statement)| statement)
            .chain(
                self.control_policies()
                    .flat_map(|named| &named.policy.statements),
            )
            .filter_map(|statement| statement.body.as_ref().ok())
            .flat_map(|body| body.actions.listed())
            .filter_map(|p| {
                p.literal_prefix()
                    .split_once(':')
                    .map(|(s, _)| s.to_owned())
            })
            .collect();
        services.sort();
        services.dedup();
        services
    }
}

/// An answer beside policies that were not read: they may allow, or deny.
fn with_doubt(answer: Tri, doubt: Tri) -> Tri {
    match (answer, doubt) {
        (answer, Tri::No) => answer,
        (Tri::Unknown(a), Tri::Unknown(b)) => Tri::Unknown(a.merge(b)),
        (_, doubt) => doubt,
    }
}

pub(crate) fn resource_matches(clause: &Clause<Pattern>, resource: &str, request: &Request) -> Tri {
    let listed = Tri::any(clause.listed().iter().map(|pattern| {
        if !pattern.has_variable() {
            return Tri::from(pattern.matches(resource));
        }
        match pattern.resolve(|key| request.variable(key)) {
            crate::pattern::Resolved::Pattern(pattern) => Tri::from(pattern.matches(resource)),
            crate::pattern::Resolved::Nothing => Tri::No,
            crate::pattern::Resolved::Unknown(_) if !pattern.may_match(resource) => Tri::No,
            crate::pattern::Resolved::Unknown(key) => {
                Tri::depends(format!("depends on {key} of the request"))
            }
        }
    }));
    match clause {
        Clause::Only(_) => listed,
        Clause::Except(_) => !listed,
    }
}

/// Whether a request passes that these statements allow together with one of each further layer.
fn through<'a>(
    search: &Search<'a>,
    required: &mut Vec<&'a Statement>,
    layers: &[Vec<&'a Statement>],
) -> Tri {
    let Some((first, rest)) = layers.split_first() else {
        return search.reachable(required);
    };
    let mut result = Tri::No;
    for statement in first {
        required.push(statement);
        result = result.or(through(search, required, rest));
        required.pop();
        if result.is_yes() {
            break;
        }
    }
    result
}

pub(crate) fn allows_everything(statement: &Statement) -> bool {
    statement.body.as_ref().is_ok_and(|body| {
        let every = |clause: &Clause<Pattern>| match clause {
            Clause::Only(list) => list.iter().any(Pattern::is_everything),
            Clause::Except(list) => list.is_empty(),
        };
        body.conditions.is_empty()
            && every(&body.actions)
            && body.resources.as_ref().is_none_or(every)
    })
}

/// Whether an action pattern takes in a whole service.
fn service_wide(pattern: &Pattern) -> bool {
    match pattern.text().split_once(':') {
        Some((_, name)) => !name.is_empty() && name.chars().all(|c| c == '*'),
        None => pattern.text().ends_with('*'),
    }
}

fn on_everything(body: &Body) -> bool {
    match &body.resources {
        None => true,
        Some(Clause::Only(list)) => list.iter().any(is_every_resource),
        // What a complement leaves out is a few resources; all the others are within reach.
        Some(Clause::Except(list)) => !list.iter().any(covers_a_service),
    }
}

fn is_every_resource(pattern: &Pattern) -> bool {
    pattern.is_everything()
        || matches!(
            pattern.text(),
            "arn:*" | "arn:*:*" | "arn:aws:*" | "arn:*:*:*:*:*" | "arn:aws:*:*:*:*"
        )
}

fn on_all(body: &Body) -> bool {
    on_everything(body)
        || match &body.resources {
            Some(Clause::Only(list)) => list.iter().any(covers_a_service),
            _ => false,
        }
}

/// Whether a resource pattern takes in all of a service, or all of one type of its resources, in any
/// region, of any account or of one.
fn covers_a_service(pattern: &Pattern) -> bool {
    if is_every_resource(pattern) {
        return true;
    }
    let parts: Vec<&str> = pattern.text().splitn(6, ':').collect();
    let ["arn", _, _, region, account, resource] = parts.as_slice() else {
        return false;
    };
    let account_open = account.is_empty()
        || *account == "*"
        || crate::document::is_account_id(account)
        || *account == "${aws:PrincipalAccount}";
    let resource_open = *resource == "*"
        || *resource == "*/*"
        || resource
            .strip_suffix("/*")
            .or_else(|| resource.strip_suffix(":*"))
            .is_some_and(|kind| {
                !kind.is_empty()
                    // A bucket's objects are not a type of resource.
                    && (!region.is_empty() || !account.is_empty())
                    && kind.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            });
    matches!(*region, "" | "*") && account_open && resource_open
}

/// Whether a condition key speaks of the request's circumstances, not of what it touches.
fn circumstantial(key: &str) -> bool {
    matches!(
        key,
        "aws:multifactorauthpresent"
            | "aws:multifactorauthage"
            | "aws:sourceip"
            | "aws:vpcsourceip"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:securetransport"
            | "aws:currenttime"
            | "aws:epochtime"
            | "aws:tokenissuetime"
            | "aws:requestedregion"
            | "aws:useragent"
            | "aws:referer"
            | "aws:userid"
            | "aws:username"
            | "aws:viaawsservice"
            | "aws:sourceidentity"
            | "aws:federatedprovider"
    ) || key.starts_with("aws:principal")
}
