//! Functions on policy documents and on IAM principals: `posture-policy` does the thinking, this
//! hands it what is known of the resource and turns what it cannot decide into gaps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use cel::common::value::CowVal;
use posture_model::{Gap, GapReason, Timestamp};
use posture_policy::document::{Clause, Principal};
use posture_policy::least_privilege::{
    Access, Holder, LeastPrivilege, Report, Standing, least_privilege,
};
use posture_policy::{
    Boundary, Found, IdentitySet, NamedPolicy, Origin, Policy, ResourceContext, Tri, Undecided,
};

use super::frame;
use super::functions::{Args, Outcome, action, bool, int_arg, receiver, texts};
use super::types::type_number;
use super::value::{ListVal, Node, PolicyVal, ResourceVal};
use crate::world::World;

/// Policy documents and sets of them, each kept once however often it occurs.
///
/// In any estate most roles have the same trust policy and share a few managed policies. What is kept
/// once is parsed once, and asked once. Belongs to one world: answers depend on which accounts are
/// known.
#[derive(Debug, Default)]
pub struct Documents {
    policies: Mutex<HashMap<String, Arc<PolicyData>>>,
    identities: Mutex<HashMap<String, Arc<Identity>>>,
}

impl Documents {
    /// The one value for a document.
    pub(crate) fn policy(&self, document: &serde_json::Value) -> Arc<PolicyData> {
        let text = document.to_string();
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let number = policies.len();
        Arc::clone(policies.entry(text).or_insert_with(|| {
            Arc::new(PolicyData {
                number,
                document: document.clone(),
                parsed: OnceLock::new(),
                answers: Answers::default(),
            })
        }))
    }

    /// The one value for a set of policies that were all read.
    fn identity(&self, key: String, identity: Identity) -> Arc<Identity> {
        let mut identities = self
            .identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(identities.entry(key).or_insert_with(|| Arc::new(identity)))
    }
}

/// A policy document, shared by all resources that have it.
#[derive(Debug)]
pub(crate) struct PolicyData {
    /// Names the document among those of its world.
    number: usize,
    /// The document as AWS returned it.
    pub(crate) document: serde_json::Value,
    /// The document parsed, or why it could not be.
    parsed: OnceLock<Result<Arc<Policy>, String>>,
    answers: Answers,
}

/// A principal's policies, and what of them could not be read.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    set: IdentitySet,
    gaps: Vec<Arc<Gap>>,
    answers: Answers,
}

/// What a function answered.
#[derive(Debug, Clone)]
enum Answer {
    Bool(bool),
    Texts(ListVal),
    Undecided(Vec<Arc<Gap>>),
}

/// Answers by question. Checks ask the same of the same policy in rule and evidence, and often each
/// other's questions.
#[derive(Debug, Default)]
pub(crate) struct Answers(RwLock<HashMap<String, Answer>>);

thread_local! {
    // The text of the question that is looked up, made anew each time in the same memory.
    static QUESTION: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Answers {
    /// The answer to a question, which is all that it depends on beside the value itself.
    fn get_or<'b, 'v>(
        &self,
        question: &[&str],
        answer: impl FnOnce() -> Answer,
    ) -> Outcome<'b, 'v> {
        let known = QUESTION.with_borrow_mut(|text| {
            text.clear();
            for part in question {
                text.push_str(part);
                text.push('\0');
            }
            let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
            answers
                .get(text.as_str())
                .cloned()
                .ok_or_else(|| text.clone())
        });
        let answer = known.unwrap_or_else(|question| {
            // Not under a lock: gathering a principal's policies may ask for other answers.
            let answer = answer();
            let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
            answers.insert(question, answer.clone());
            answer
        });
        match answer {
            Answer::Bool(answer) => bool(answer),
            Answer::Texts(items) => Ok(CowVal::owned(items)),
            Answer::Undecided(gaps) => {
                for gap in &gaps {
                    frame::note(gap);
                }
                Err(frame::unknown())
            }
        }
    }
}

/// The resource that a policy belongs to.
#[derive(Debug)]
pub(crate) struct Owner {
    /// Its type.
    pub(crate) kind: &'static str,
    /// The account that owns it.
    pub(crate) account: String,
    /// Its ARN.
    pub(crate) arn: String,
}

fn undecidable(reason: GapReason, why: &str) -> Arc<Gap> {
    Arc::new(Gap {
        code: Some(why.chars().take(300).collect()),
        ..Gap::bare(reason)
    })
}

fn gap_of(undecided: &Undecided) -> Arc<Gap> {
    // What was not understood differs from what only a request would tell; neither is an error.
    let kind = if undecided.is_opaque() {
        GapReason::Malformed
    } else {
        GapReason::Unsupported
    };
    undecidable(kind, &undecided.to_string())
}

fn tri(answer: Tri) -> Answer {
    match answer.decided() {
        Ok(answer) => Answer::Bool(answer),
        Err(undecided) => Answer::Undecided(vec![gap_of(&undecided)]),
    }
}

fn found(found: Found) -> Answer {
    match found.complete() {
        Ok(items) => Answer::Texts(ListVal::of_texts(items)),
        Err(undecided) => Answer::Undecided(vec![gap_of(&undecided)]),
    }
}

impl PolicyVal {
    /// The document, parsed.
    pub(crate) fn policy(&self) -> Result<Arc<Policy>, String> {
        match self.parsed() {
            Ok(policy) => Ok(Arc::clone(policy)),
            Err(Answer::Undecided(gaps)) => {
                let texts: Vec<String> = gaps.iter().map(ToString::to_string).collect();
                Err(texts.join("; "))
            }
            Err(_) => Err("not understood".to_owned()),
        }
    }

    /// On what an answer about a resource policy depends beside the document: the kind of resource,
    /// its account and, where the document says what it is about, its ARN.
    fn whose(&self) -> (&str, &str, &str) {
        let Some(owner) = self.owner.as_deref() else {
            return ("", "", "");
        };
        let about = self.parsed().is_ok_and(|policy| {
            let bodies = policy.statements.iter().map(|s| s.body.as_ref());
            bodies
                .into_iter()
                .any(|body| body.is_ok_and(|b| b.resources.is_some()))
        });
        (
            owner.kind,
            &owner.account,
            if about { &owner.arn } else { "" },
        )
    }

    /// The parsed document. Parsed once, and kept with the value.
    fn parsed(&self) -> Result<&Arc<Policy>, Answer> {
        self.data
            .parsed
            .get_or_init(|| {
                Policy::parse(&self.data.document)
                    .map(Arc::new)
                    .map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(|problem| Answer::Undecided(vec![undecidable(GapReason::Malformed, problem)]))
    }
}

/// The prefix of the actions that a resource policy of a type speaks of.
fn service(kind: &str) -> Option<&str> {
    match kind.split('.').next()? {
        "s3" | "s3control" => Some("s3"),
        "apigateway" | "apigatewayv2" => Some("execute-api"),
        // The only policies there that name principals are trust policies.
        "iam" => Some("sts"),
        // Endpoint policies speak of the service behind the endpoint, and control policies of all.
        "ec2" | "organizations" => None,
        service => Some(service),
    }
}

/// Asks about a policy as the policy of its resource.
fn as_resource_policy(
    policy: &PolicyVal,
    world: &World,
    judge: impl FnOnce(&Policy, &ResourceContext<'_>) -> Answer,
) -> Answer {
    let owner = policy.owner.as_deref();
    let service = owner.and_then(|owner| service(owner.kind));
    let account = owner.map(|owner| owner.account.as_str());
    let context = ResourceContext {
        account,
        arn: owner
            .filter(|_| service.is_some())
            .map(|owner| owner.arn.as_str()),
        service,
        organization: account.and_then(|account| world.organization_of(account)),
        known_accounts: Some(world.known_accounts()),
        others_are_foreign: account.is_some_and(|account| world.others_are_foreign(account)),
        now: Some(world.now().unix()),
    };
    match policy.parsed() {
        Ok(parsed) => judge(parsed, &context),
        Err(undecided) => undecided,
    }
}

/// Asks about a policy as one that is attached to a principal.
fn as_identity_policy(policy: &PolicyVal, judge: impl FnOnce(&IdentitySet) -> Answer) -> Answer {
    let parsed = match policy.parsed() {
        Ok(parsed) => parsed,
        Err(undecided) => return undecided,
    };
    let parsed = if is_endpoint(policy) {
        Arc::new(for_everyone(parsed))
    } else {
        Arc::clone(parsed)
    };
    judge(&IdentitySet::of("the policy", parsed))
}

fn is_endpoint(policy: &PolicyVal) -> bool {
    policy
        .owner
        .as_deref()
        .is_some_and(|owner| owner.kind == "ec2.vpc_endpoint")
}

/// What an endpoint policy does to a caller of whom nothing is known. Endpoint policies are read
/// like identity policies, but they do name principals.
fn for_everyone(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.statements.retain_mut(|statement| {
        let Ok(body) = &mut statement.body else {
            return true;
        };
        let Some(Clause::Only(principals)) = &body.principals else {
            return true;
        };
        let everyone = principals.contains(&Principal::Everyone);
        body.principals = None;
        everyone
    });
    policy
}

/// Asks about all policies of a principal.
fn as_principal(identity: &Identity, judge: impl FnOnce(&IdentitySet) -> Answer) -> Answer {
    match judge(&identity.set) {
        // The analysis knows that something was missing; what it was, and which call would have
        // told, is known here.
        Answer::Undecided(mut gaps) => {
            gaps.extend(identity.gaps.iter().cloned());
            Answer::Undecided(gaps)
        }
        answer => answer,
    }
}

/// Defines the bodies of member functions.
macro_rules! members {
    ($($name:ident: $ask:ident, |$subject:ident, $action:ident $(, $context:ident)?| $answer:expr;)*) => {
        $(pub(crate) fn $name<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
            // A function without a parameter asks about no action.
            let $action = if args.len() > 1 { action(&args)? } else { "" };
            members!(@$ask args, $name, $action, |$subject $(, $context)?| $answer)
        })*
    };
    (@resource $args:ident, $name:ident, $action:ident, |$policy:ident, $context:ident| $answer:expr) => {{
        let policy = receiver::<PolicyVal>(&$args)?;
        let here = frame::here()?;
        let (kind, account, arn) = policy.whose();
        let question = [stringify!($name), $action, kind, account, arn];
        policy.data.answers.get_or(&question, || {
            as_resource_policy(policy, here.world(), |$policy, $context| $answer)
        })
    }};
    (@identity $args:ident, $name:ident, $action:ident, |$set:ident| $answer:expr) => {{
        let policy = receiver::<PolicyVal>(&$args)?;
        let kind = if is_endpoint(policy) { "endpoint" } else { "" };
        policy
            .data
            .answers
            .get_or(&[stringify!($name), $action, kind], || {
                as_identity_policy(policy, |$set| $answer)
            })
    }};
    (@principal $args:ident, $name:ident, $action:ident, |$set:ident| $answer:expr) => {{
        let principal = receiver::<ResourceVal>(&$args)?;
        let here = frame::here()?;
        let identity = principal
            .0
            .identity
            .get_or_init(|| Identity::of(principal, here.world()));
        identity.answers.get_or(&[stringify!($name), $action], || {
            as_principal(identity, |$set| $answer)
        })
    }};
}

members! {
    is_public: resource, |policy, _action, context| tri(posture_policy::is_public(policy, context));
    allows_anonymous: resource, |policy, action, context| {
        tri(posture_policy::allows_anonymous(policy, action, context))
    };
    public_statements: resource, |policy, _action, context| {
        found(posture_policy::public_statements(policy, context))
    };
    external_accounts: resource, |policy, _action, context| {
        found(posture_policy::external_accounts(policy, context))
    };
    principals_allowed: resource, |policy, action, context| {
        found(posture_policy::principals_allowed(policy, action, context))
    };
    unpinned_services: resource, |policy, _action, context| {
        found(posture_policy::unpinned_services(policy, context))
    };
    denies_insecure_transport: resource, |policy, _action, context| {
        tri(posture_policy::denies_insecure_transport(policy, context))
    };
    trusts_without_external_id: resource, |policy, _action, context| {
        found(posture_policy::trusts_without_external_id(policy, context))
    };
    unpinned_federation: resource, |policy, _action, context| {
        found(posture_policy::unpinned_federation(policy, context))
    };
    trusted_services: resource, |policy, _action, context| {
        found(posture_policy::trusted_services(policy, context))
    };
    policy_is_administrator: identity, |set, _action| tri(set.is_administrator());
    policy_wildcard_actions: identity, |set, _action| found(set.wildcard_actions());
    policy_allows: identity, |set, action| tri(set.allows(action));
    policy_allows_on_all: identity, |set, action| tri(set.allows_on_all(action));
    principal_is_administrator: principal, |set, _action| tri(set.is_administrator());
    principal_wildcard_actions: principal, |set, _action| found(set.wildcard_actions());
    principal_allows: principal, |set, action| tri(set.allows(action));
    principal_allows_on_all: principal, |set, action| tri(set.allows_on_all(action));
}

/// Whether a principal that is no administrator can become one.
pub(crate) fn can_escalate<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let principal = receiver::<ResourceVal>(&args)?;
    let here = frame::here()?;
    let found = here.world().escalations();
    let arn = principal.0.arn.as_str();
    let one = found
        .principals
        .binary_search_by(|one| one.principal.as_str().cmp(arn));
    if let Some(one) = one.ok().and_then(|at| found.principals.get(at)) {
        if one.administrator {
            return bool(false);
        }
        let estate = here.world().estate();
        let mut assumed = Vec::new();
        for chain in &one.chains {
            let ends = chain.hops.iter().flat_map(|hop| [&hop.from, &hop.to]);
            let of: Vec<String> = ends.filter_map(|arn| estate.assumption(arn)).collect();
            if of.is_empty() {
                return bool(true);
            }
            assumed.extend(of);
        }
        // It can, unless what could not be read forbids it.
        assumed.sort();
        assumed.dedup();
        for why in assumed {
            frame::note(&undecidable(GapReason::Unsupported, &why));
        }
        return Err(frame::unknown());
    }
    match found.undecided.get(arn) {
        // Who is not in the estate was not looked at.
        None if here.world().estate().actor(arn).is_none() => {
            frame::note(&undecidable(
                GapReason::Malformed,
                "its ARN is not understood",
            ));
            Err(frame::unknown())
        }
        None => bool(false),
        Some(reasons) => {
            for reason in reasons {
                frame::note(&undecidable(GapReason::Unsupported, reason));
            }
            Err(frame::unknown())
        }
    }
}

/// The steps of the shortest way in which a principal can become an administrator.
pub(crate) fn escalation<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let principal = receiver::<ResourceVal>(&args)?;
    let here = frame::here()?;
    let arn = principal.0.arn.as_str();
    let found = here.world().escalations();
    let one = found.principals.iter().find(|one| one.principal == arn);
    let hops = one
        .and_then(|one| one.chains.first())
        .map(|chain| chain.hops.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    Ok(CowVal::owned(ListVal::of_texts(hops)))
}

/// Services that the evidence names before it counts the rest.
const SHOWN_SERVICES: usize = 20;

/// Whether a principal is granted services that it has not used for so many days.
pub(crate) fn leaves_services_unused<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let principal = receiver::<ResourceVal>(&args)?;
    let days = int_arg(&args)?;
    let here = frame::here()?;
    let use_of = LastUse::of(principal, here.world());
    match use_of.judged(principal, days).leaves_unused().decided() {
        Ok(answer) => bool(answer),
        Err(undecided) => {
            match &use_of.report {
                Ok(_) => frame::note(&gap_of(&undecided)),
                // That nothing is known of any service needs no list of them.
                Err(gap) => frame::note(gap),
            }
            for gap in &use_of.identity.gaps {
                frame::note(gap);
            }
            Err(frame::unknown())
        }
    }
}

/// The services that a principal is granted and has certainly not used for so many days.
pub(crate) fn unused_services<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let principal = receiver::<ResourceVal>(&args)?;
    let days = int_arg(&args)?;
    let here = frame::here()?;
    let found = LastUse::of(principal, here.world()).judged(principal, days);
    let mut names: Vec<String> = found
        .unused()
        .map(|service| match &service.standing {
            Standing::Idle(access) => {
                let days = (here.world().now().unix() - access.at).div_euclid(24 * 60 * 60);
                format!("{} ({days} days ago)", service.name)
            }
            _ => format!("{} (never)", service.name),
        })
        .collect();
    if names.len() > SHOWN_SERVICES {
        let more = names.len() - SHOWN_SERVICES;
        names.truncate(SHOWN_SERVICES);
        names.push(format!("{more} more"));
    }
    texts(names)
}

/// A principal, the days and the moment that were asked about, and the answer.
type Judged = (ResourceVal, (i64, i64), Rc<LeastPrivilege>);

thread_local! {
    static JUDGED: RefCell<Option<Judged>> = const { RefCell::new(None) };
}

/// What AWS reports of a principal, and what its policies grant.
pub(crate) struct LastUse {
    identity: Arc<Identity>,
    /// The report, or why there is none.
    pub(crate) report: Result<Report, Arc<Gap>>,
    created: Option<i64>,
    now: i64,
}

impl LastUse {
    /// Of a user or role.
    pub(crate) fn of(principal: &ResourceVal, world: &World) -> Self {
        let identity = principal
            .0
            .identity
            .get_or_init(|| Identity::of(principal, world));
        let created = principal.0.object.field("created");
        Self {
            identity: Arc::clone(identity),
            report: last_accessed(principal.0.object.field("service_last_accessed")),
            created: created.and_then(moment),
            now: world.now().unix(),
        }
    }

    /// The same as `beside_grants`, kept until another is asked for: the evidence of a check asks again what
    /// its rule has asked.
    fn judged(&self, principal: &ResourceVal, days: i64) -> Rc<LeastPrivilege> {
        JUDGED.with_borrow_mut(|last| match last {
            Some((of, at, known))
                if Arc::ptr_eq(&of.0, &principal.0) && *at == (days, self.now) =>
            {
                Rc::clone(known)
            }
            last => {
                let found = Rc::new(self.beside_grants(days));
                *last = Some((principal.clone(), (days, self.now), Rc::clone(&found)));
                found
            }
        })
    }

    /// The two beside each other.
    pub(crate) fn beside_grants(&self, days: i64) -> LeastPrivilege {
        let unread = self.report.as_ref().err().map(|gap| gap.to_string());
        let holder = Holder {
            set: &self.identity.set,
            report: match (&self.report, &unread) {
                (Ok(report), _) => Ok(report),
                (Err(_), why) => Err(why.as_deref().unwrap_or_default()),
            },
            created: self.created,
        };
        least_privilege(&holder, self.now, days)
    }
}

fn moment(node: &Node) -> Option<i64> {
    node.as_text()
        .and_then(Timestamp::parse)
        .map(Timestamp::unix)
}

/// The report on a principal as the snapshot holds it.
fn last_accessed(node: Option<&Node>) -> Result<Report, Arc<Gap>> {
    let malformed = || undecidable(GapReason::Malformed, "services last accessed");
    let items = match node {
        Some(Node::List(items)) => items,
        Some(Node::Gap(gap)) => return Err(Arc::clone(gap)),
        Some(Node::Null) => {
            let why = "AWS's own roles are not asked about";
            return Err(undecidable(GapReason::NotRequested, why));
        }
        _ => return Err(malformed()),
    };
    let mut report = Report::new();
    for item in items.items() {
        let Node::Object(service) = item else {
            return Err(malformed());
        };
        let name = service
            .field("service_namespace")
            .and_then(Node::as_text)
            .ok_or_else(malformed)?
            .to_lowercase();
        let access = match service.field("last_authenticated") {
            Some(Node::Null) => None,
            Some(node @ Node::Text(_)) => Some(Access {
                at: moment(node).ok_or_else(malformed)?,
                region: service
                    .field("last_authenticated_region")
                    .and_then(Node::as_text)
                    .map(str::to_owned),
            }),
            _ => return Err(malformed()),
        };
        // Named twice, the later use counts.
        let known = report.entry(name).or_insert(None);
        if known.as_ref().map(|known| known.at) < access.as_ref().map(|access| access.at) {
            *known = access;
        }
    }
    Ok(report)
}

/// The identity of a principal while it is gathered.
#[derive(Default)]
struct Gathering {
    identity: Identity,
    /// Names what was gathered.
    key: String,
}

impl Identity {
    /// The policies.
    pub(crate) fn set(&self) -> &IdentitySet {
        &self.set
    }

    /// Gathers all policies that are in effect for a principal, or attached to a group.
    pub(crate) fn of(principal: &ResourceVal, world: &World) -> Arc<Self> {
        let mut gathering = Gathering::default();
        gathering.identity.set.account = Some(principal.0.account.clone());
        gathering.key.clone_from(&principal.0.account);
        gathering.add(principal, principal, world);
        if principal.0.r#type == "iam.user" {
            gathering.add_groups(principal, world);
        }
        gathering.bound(principal, world);
        let Gathering { identity, key } = gathering;
        // What is missing is this principal's own matter.
        if identity.gaps.is_empty() && identity.set.unread.is_empty() {
            principal.0.documents.identity(key, identity)
        } else {
            Arc::new(identity)
        }
    }
}

impl Gathering {
    fn unread(&mut self, name: &str, gap: Arc<Gap>) {
        self.identity.set.unread.push(name.to_owned());
        self.identity.gaps.push(gap);
    }

    /// The inline and attached policies of a principal or of one of its groups.
    fn add(&mut self, holder: &ResourceVal, principal: &ResourceVal, world: &World) {
        let group = (holder.0.r#type == "iam.group").then(|| holder.0.name.clone());
        match holder.0.object.field("inline_policies") {
            Some(Node::List(policies)) => {
                for policy in policies.items() {
                    let Node::Object(policy) = policy else {
                        continue;
                    };
                    let name = policy
                        .field("name")
                        .and_then(Node::as_text)
                        .unwrap_or("inline");
                    let origin = match &group {
                        Some(group) => Origin::GroupInline(group.clone()),
                        None => Origin::Inline,
                    };
                    self.document(name, origin, policy.field("document"));
                }
            }
            other => self.missing("inline policies", other),
        }
        match holder.0.object.field("attached_policy_arns") {
            Some(Node::List(arns)) => {
                for arn in arns.items().iter().filter_map(Node::as_text) {
                    match managed(arn, principal, world) {
                        Ok(policy) => {
                            let arn = arn.to_owned();
                            let origin = match &group {
                                Some(group) => Origin::GroupAttached(group.clone(), arn),
                                None => Origin::Attached(arn),
                            };
                            let document = policy.0.object.field("document");
                            self.document(&policy.0.name, origin, document);
                        }
                        Err(gap) => self.unread(arn, gap),
                    }
                }
            }
            other => self.missing("attached policies", other),
        }
    }

    fn add_groups(&mut self, user: &ResourceVal, world: &World) {
        let groups = match user.0.object.field("group_names") {
            Some(Node::List(groups)) => groups.clone(),
            other => return self.missing("groups", other),
        };
        let Some(of) = type_number("iam.group") else {
            return;
        };
        for name in groups.items().iter().filter_map(Node::as_text) {
            match world.lookup(user, of, name) {
                Ok(Some(group)) => self.add(&group.0, user, world),
                Ok(None) => self.unread(name, not_in_snapshot("group", name)),
                Err(gap) => self.unread(name, gap),
            }
        }
    }

    fn bound(&mut self, principal: &ResourceVal, world: &World) {
        let field = principal.0.object.field("permissions_boundary_arn");
        let arn = match field {
            Some(Node::Null) => return,
            Some(Node::Text(arn)) => arn.inner(),
            other => {
                if let Some(Node::Gap(gap)) = other {
                    self.identity.gaps.push(Arc::clone(gap));
                }
                self.identity.set.boundary = Boundary::Unread("not read".to_owned());
                return;
            }
        };
        let gap = match managed(arn, principal, world) {
            Ok(policy) => match policy.0.object.field("document") {
                Some(Node::Policy(document)) => {
                    self.key
                        .push_str(&format!("\0bounded {arn} {}", document.data.number));
                    self.identity.set.boundary = match document.parsed() {
                        Ok(policy) => Boundary::Policy(NamedPolicy::new(arn, Arc::clone(policy))),
                        Err(_) => Boundary::Unread("not understood".to_owned()),
                    };
                    return;
                }
                Some(Node::Gap(gap)) => Arc::clone(gap),
                _ => not_in_snapshot("document of", arn),
            },
            Err(gap) => gap,
        };
        self.identity.set.boundary = Boundary::Unread(gap.to_string());
        self.identity.gaps.push(gap);
    }

    fn document(&mut self, name: &str, origin: Origin, document: Option<&Node>) {
        match document {
            Some(Node::Policy(policy)) => match policy.parsed() {
                Ok(parsed) => {
                    self.key
                        .push_str(&format!("\0{name} {origin:?} {}", policy.data.number));
                    let named = NamedPolicy::new(name, Arc::clone(parsed)).with_origin(origin);
                    self.identity.set.policies.push(named);
                }
                Err(Answer::Undecided(gaps)) => {
                    self.identity.set.unread.push(name.to_owned());
                    self.identity.gaps.extend(gaps);
                }
                Err(_) => self.missing(name, None),
            },
            other => self.missing(name, other),
        }
    }

    fn missing(&mut self, what: &str, node: Option<&Node>) {
        match node {
            Some(Node::Gap(gap)) => self.unread(what, Arc::clone(gap)),
            _ => self.unread(what, not_in_snapshot("content of", what)),
        }
    }
}

fn managed(arn: &str, from: &ResourceVal, world: &World) -> Result<ResourceVal, Arc<Gap>> {
    let of = type_number("iam.policy").ok_or_else(|| not_in_snapshot("policy", arn))?;
    match world.lookup(from, of, arn)? {
        Some(policy) => Ok(policy.0),
        None => Err(not_in_snapshot("policy", arn)),
    }
}

fn not_in_snapshot(what: &str, name: &str) -> Arc<Gap> {
    Arc::new(Gap {
        operation: "iam:GetAccountAuthorizationDetails".to_owned(),
        code: Some(format!("the snapshot does not hold the {what} {name}")),
        ..Gap::bare(GapReason::Unsupported)
    })
}
