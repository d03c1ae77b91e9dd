//! Principals and resources together: who can do what to what, in effect.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::authorize::{
    Ask, Bound, Control, Decided, Layers, OnResource, PolicySet, authorize, is_conceivable,
    possible,
};
use crate::condition::{Fact, Request};
use crate::document::{Body, Clause, Effect, Policy, Statement};
use crate::escalation::Standing;
use crate::identity::{Boundary, IdentitySet, NamedPolicy};
use crate::pattern::Pattern;
use crate::principal::{Kind, Requester};
use crate::public::{ResourceContext, is_public};
use crate::question::facts;
use crate::search::unread;
use crate::shared::shared_with;
use crate::tri::Tri;

/// A policy that is attached to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// None.
    None,
    /// This one.
    Set(Arc<PolicySet>),
    /// It could not be read; and why.
    Unread(String),
}

impl Attached {
    fn layer(&self) -> OnResource<'_> {
        match self {
            Self::None => OnResource::None,
            Self::Set(set) => OnResource::Set(set),
            Self::Unread(why) => OnResource::Unread(why),
        }
    }
}

/// Tags, where they were read.
pub type Tags = Option<BTreeMap<String, String>>;

/// A user or a role with everything that says what it may do, ready to be asked.
#[derive(Debug, Clone)]
pub struct Actor {
    parts: ActorParts,
    identity: PolicySet,
    boundary: Option<PolicySet>,
}

impl std::ops::Deref for Actor {
    type Target = ActorParts;

    fn deref(&self) -> &ActorParts {
        &self.parts
    }
}

/// What an [`Actor`] is made from.
#[derive(Debug, Clone)]
pub struct ActorParts {
    /// Who it is.
    pub requester: Requester,
    /// Its policies, those of its groups, and its boundary.
    pub set: IdentitySet,
    /// Service control policies of its account.
    pub scps: Arc<Control>,
    /// A role's trust policy.
    pub trust: Attached,
    /// ARNs of the customer managed policies that are attached to it or to its groups.
    pub customer_policies: Vec<String>,
    /// Positions of its groups in the estate.
    pub groups: Vec<usize>,
    /// Whether an instance profile holds it; none where that could not be read.
    pub in_instance_profile: Option<bool>,
    /// Whether AWS made it for a service: such a role cannot be changed, and only its service takes it.
    pub service_linked: bool,
    /// Its tags.
    pub tags: Tags,
}

impl Actor {
    /// Compiles an actor.
    pub fn new(mut parts: ActorParts) -> Self {
        parts.set.account.clone_from(&parts.requester.account);
        parts.set.control = Some(Arc::clone(&parts.scps));
        let set = &parts.set;
        let identity = PolicySet::with_unread(set.policies.clone(), set.unread.clone());
        let boundary = match &set.boundary {
            Boundary::Policy(named) => Some(PolicySet::new(vec![named.clone()])),
            Boundary::None | Boundary::Unread(_) => None,
        };
        Self {
            parts,
            identity,
            boundary,
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.requester.arn
    }

    /// Its account.
    pub fn account(&self) -> &str {
        self.requester.account.as_deref().unwrap_or_default()
    }

    /// Its policies as a layer.
    pub fn identity(&self) -> &PolicySet {
        &self.identity
    }

    fn bound(&self) -> Bound<'_> {
        match (&self.boundary, &self.set.boundary) {
            (Some(set), _) => Bound::Set(set),
            (None, Boundary::Unread(why)) => Bound::Unread(why),
            (None, _) => Bound::None,
        }
    }

    /// Whether an ARN is that of a session of this role.
    pub(crate) fn is_named_by_session(&self, arn: &str) -> bool {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let name = resource
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next());
        self.requester.kind == Kind::Role && name == Some(self.requester.name())
    }

    /// Whether it can do everything, or give itself everything because it manages IAM as a whole.
    pub fn is_administrator(&self) -> Tri {
        self.set.is_administrator()
    }

    /// Whether it would be an administrator with everything granted by a policy: denials, boundary and
    /// control policies stay.
    pub fn is_unbounded(&self) -> Tri {
        let mut set = self.set.clone();
        set.policies.push(everything());
        set.is_administrator()
    }
}

/// A policy that allows everything.
fn everything() -> NamedPolicy {
    let all = || Clause::Only(vec![Pattern::everything()]);
    let statement = Statement {
        number: 1,
        sid: None,
        effect: Some(Effect::Allow),
        body: Ok(Body {
            principals: None,
            actions: all(),
            resources: Some(all()),
            conditions: Vec::new(),
        }),
    };
    let policy = Policy {
        id: None,
        statements: vec![statement],
    };
    NamedPolicy::new("(everything)", policy)
}

/// A group of users.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: String,
    /// Its policies.
    pub policies: Vec<NamedPolicy>,
    /// Names of policies that could not be read.
    pub unread: Vec<String>,
    /// ARNs of the customer managed policies that are attached to it.
    pub customer_policies: Vec<String>,
}

/// A resource that somebody may act on.
#[derive(Debug, Clone)]
pub struct Thing {
    /// Its type, such as `lambda.function`.
    pub kind: String,
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Its region, or `global`.
    pub region: String,
    /// Its policy.
    pub policy: Attached,
    /// Whether block-public-access keeps a public policy to the owner's account and to services; an
    /// error where that could not be read.
    pub restricted: Result<bool, String>,
    /// The role that it acts as: an ARN of a role or of an instance profile, by the field that holds
    /// it; an error where that could not be read.
    pub roles: BTreeMap<String, Result<Option<String>, String>>,
    /// Its tags.
    pub tags: Tags,
}

impl Thing {
    fn is_public(&self, estate: &Estate) -> Tri {
        let set = match &self.policy {
            Attached::Set(set) => set,
            Attached::None => return Tri::No,
            Attached::Unread(why) => return Tri::opaque(why.clone()),
        };
        let context = ResourceContext {
            account: Some(&self.account),
            arn: Some(&self.arn),
            service: self.kind.split('.').next().map(|service| match service {
                "s3control" => "s3",
                service => service,
            }),
            organization: estate.organizations.get(&self.account).map(String::as_str),
            ..ResourceContext::default()
        };
        Tri::any(
            set.policies()
                .iter()
                .map(|named| is_public(&named.policy, &context)),
        )
    }
}

/// Everything that is known of one organization.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Users and roles, in the order of their ARNs.
    pub actors: Vec<Actor>,
    /// Groups, in the order of their ARNs.
    pub groups: Vec<Group>,
    /// Resources, in the order of their ARNs.
    pub things: Vec<Thing>,
    /// Roles by the instance profiles that hold them.
    pub instance_profiles: BTreeMap<String, Vec<usize>>,
    /// Resource control policies by account.
    pub rcps: BTreeMap<String, Arc<Control>>,
    /// The organization's id by account.
    pub organizations: BTreeMap<String, String>,
    /// What is not known of users, roles and resources, by type and account.
    pub unlisted: BTreeMap<(String, String), String>,
    /// Roles among the actors that belong to another part of the organization, by ARN: this estate has them
    /// as targets only, and where they stand was found out there.
    pub guests: BTreeMap<String, Standing>,
}

/// A request to be decided in an estate.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The action, in lower case.
    pub action: &'a str,
    /// The resource's ARN, or `*`.
    pub resource: &'a str,
    /// The service that a role is passed to.
    pub passed_to: Option<&'a str>,
}

impl Estate {
    /// Finds a user or role by its ARN.
    pub fn actor(&self, arn: &str) -> Option<&Actor> {
        self.position(arn).and_then(|index| self.actors.get(index))
    }

    /// Where a user or role stands.
    pub fn position(&self, arn: &str) -> Option<usize> {
        self.actors
            .binary_search_by(|actor| actor.arn().cmp(arn))
            .ok()
    }

    /// Finds a resource by its ARN, or what an ARN is a part of (an object of a bucket, a version of a
    /// function).
    pub fn thing(&self, arn: &str) -> Option<&Thing> {
        let find = |arn: &str| {
            self.things
                .binary_search_by(|thing| thing.arn.as_str().cmp(arn))
                .ok()
                .and_then(|index| self.things.get(index))
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        find(arn).or_else(|| match parts.as_slice() {
            ["arn", _, "s3", ..] => find(arn.split_once('/')?.0),
            ["arn", _, "lambda", _, _, rest] => {
                let (name, _) = rest.strip_prefix("function:")?.split_once(':')?;
                let head = arn.strip_suffix(rest)?;
                find(&format!("{head}function:{name}"))
            }
            _ => None,
        })
    }

    /// Decides a request of a user or role, as far as it can be told without knowing the request.
    pub fn can<'a>(&'a self, actor: &'a Actor, attempt: &Attempt<'_>) -> Decided<'a> {
        let place = self.place(attempt.resource);
        self.with(actor, attempt, &place, false, |ask, layers| {
            authorize(ask, layers)
        })
    }

    /// Whether a request of a user or role passes under circumstances that it can bring about, and the
    /// statements that let it. Control policies that could not be read are taken to allow everything:
    /// see [`Estate::assumptions`].
    pub fn possible(&self, actor: &Actor, attempt: &Attempt<'_>) -> (Tri, Vec<String>) {
        self.possible_at(actor, attempt, &self.place(attempt.resource))
    }

    /// The same for a resource that was found before.
    pub(crate) fn possible_at(
        &self,
        actor: &Actor,
        attempt: &Attempt<'_>,
        place: &Place<'_>,
    ) -> (Tri, Vec<String>) {
        let conceivable = is_conceivable(
            &actor.requester,
            attempt.action,
            attempt.resource,
            &actor.identity,
            attached(place, attempt).0,
        );
        if !conceivable {
            return (Tri::No, Vec::new());
        }
        self.with(actor, attempt, place, true, |ask, layers| {
            let (answer, reasons) = possible(ask, layers);
            let texts = if answer.is_yes() {
                reasons.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            };
            (answer, texts)
        })
    }

    fn with<'a, T>(
        &'a self,
        actor: &'a Actor,
        attempt: &Attempt<'_>,
        place: &Place<'a>,
        lenient: bool,
        judge: impl FnOnce(&Ask<'_>, &Layers<'a>) -> T,
    ) -> T {
        let (policy, owner) = self.on_resource(place, attempt, &actor.requester);
        let owner = owner
            .or_else(|| crate::document::account_of_arn(attempt.resource))
            .unwrap_or_else(|| actor.account());
        let layers = Layers {
            identity: Some(&actor.identity),
            boundary: actor.bound(),
            session: None,
            scps: Some(actor.scps.as_ref()).filter(|c| !lenient || c.unread.is_none()),
            rcps: self
                .rcps
                .get(owner)
                .map(Arc::as_ref)
                .filter(|c| !lenient || c.unread.is_none()),
            resource: policy,
        };
        // Most decisions rest on no condition, and making a context costs more than they do.
        let context = if layers.look_at_context(attempt.action) {
            self.context(actor, attempt, place, owner, lenient)
        } else {
            Request::new()
        };
        let ask = Ask {
            requester: &actor.requester,
            action: attempt.action,
            resource: attempt.resource,
            resource_account: Some(owner),
            context: &context,
        };
        judge(&ask, &layers)
    }

    /// What is known of a request.
    fn context(
        &self,
        actor: &Actor,
        attempt: &Attempt<'_>,
        place: &Place<'_>,
        owner: &str,
        lenient: bool,
    ) -> Request {
        let Place { target, thing } = *place;
        let tags = target
            .map(|target| &target.tags)
            .or(thing.map(|thing| &thing.tags));
        let mut context = self.facts(actor, Some(owner));
        if let Some(Some(tags)) = tags {
            set_tags(&mut context, "aws:ResourceTag/", tags);
            let service = attempt.action.split(':').next();
            for (_, prefix) in TAG_KEYS.iter().filter(|(of, _)| Some(*of) == service) {
                set_tags(&mut context, prefix, tags);
            }
        }
        if let Some(target) = target
            && PERMISSIONS_OF_ANOTHER.contains(&attempt.action)
        {
            match &target.set.boundary {
                Boundary::None => context.set("iam:PermissionsBoundary", Fact::Absent),
                Boundary::Policy(named) => {
                    let arn = Fact::Values(vec![named.name.clone()]);
                    context.set("iam:PermissionsBoundary", arn);
                }
                Boundary::Unread(_) => {}
            }
        }
        if lenient && ATTACH.contains(&attempt.action) {
            // Whoever wants everything attaches that which grants it.
            let partition = actor.arn().split(':').nth(1).unwrap_or("aws");
            let arn = format!("arn:{partition}:iam::aws:policy/AdministratorAccess");
            context.set("iam:PolicyARN", Fact::Values(vec![arn]));
        }
        if let Some(region) = requested_region(attempt, thing) {
            context.set("aws:RequestedRegion", Fact::Values(vec![region]));
        }
        if let Some(service) = attempt.passed_to {
            context.set(
                "iam:PassedToService",
                Fact::Values(vec![service.to_owned()]),
            );
        }
        context
    }

    /// Whether a service may take a role.
    pub fn trusts_service(&self, role: &Actor, service: &str) -> Tri {
        let requester = Requester {
            arn: service.to_owned(),
            account: None,
            kind: Kind::Service,
        };
        let mut context = facts(&requester, Some(role.account()));
        context.set(
            "aws:SourceAccount",
            Fact::Values(vec![role.account().to_owned()]),
        );
        let ask = Ask {
            requester: &requester,
            action: "sts:assumerole",
            resource: role.arn(),
            resource_account: Some(role.account()),
            context: &context,
        };
        possible(
            &ask,
            &Layers {
                resource: role.trust.layer(),
                ..Layers::default()
            },
        )
        .0
    }

    fn facts(&self, actor: &Actor, owner: Option<&str>) -> Request {
        let mut request = facts(&actor.requester, owner);
        if let Some(id) = self.organizations.get(actor.account()) {
            request.set("aws:PrincipalOrgID", Fact::Values(vec![id.clone()]));
        }
        if let Some(id) = owner.and_then(|owner| self.organizations.get(owner)) {
            request.set("aws:ResourceOrgID", Fact::Values(vec![id.clone()]));
        }
        if let Some(tags) = &actor.tags {
            set_tags(&mut request, "aws:PrincipalTag/", tags);
        }
        // As the SDKs and the command line do it; whoever wants to can.
        request.set("aws:SecureTransport", Fact::Values(vec!["true".to_owned()]));
        request
    }

    /// Decides a request of somebody who is no user or role of the estate: as far as the resource's side
    /// tells it. What the caller's own account allows it is not known.
    pub fn can_from_outside<'a>(
        &'a self,
        requester: &Requester,
        attempt: &Attempt<'_>,
    ) -> Decided<'a> {
        static THEIRS: LazyLock<PolicySet> = LazyLock::new(|| {
            PolicySet::with_unread(Vec::new(), vec!["of the caller's own account".to_owned()])
        });
        let (policy, owner) = self.on_resource(&self.place(attempt.resource), attempt, requester);
        let context = facts(requester, owner);
        let ask = Ask {
            requester,
            action: attempt.action,
            resource: attempt.resource,
            resource_account: owner,
            context: &context,
        };
        let layers = Layers {
            identity: requester.has_identity().then_some(&*THEIRS),
            rcps: owner
                .and_then(|owner| self.rcps.get(owner))
                .map(Arc::as_ref),
            resource: policy,
            ..Layers::default()
        };
        authorize(&ask, &layers)
    }

    /// Everybody outside of the owner's account whom a resource's policy lets in, `*` for anyone; what
    /// they may do is not looked at.
    pub fn outsiders(&self, attempt: &Attempt<'_>) -> Vec<String> {
        let place = self.place(attempt.resource);
        let (set, owner) = match attached(&place, attempt) {
            (OnResource::Set(set), owner) => (set, owner),
            _ => return Vec::new(),
        };
        let context = ResourceContext {
            account: owner,
            arn: Some(attempt.resource),
            service: attempt.action.split(':').next(),
            organization: owner
                .and_then(|owner| self.organizations.get(owner))
                .map(String::as_str),
            ..ResourceContext::default()
        };
        let mut names: Vec<String> = set
            .policies()
            .iter()
            .flat_map(|named| shared_with(&named.policy, &context).names())
            .collect();
        names.sort();
        names.dedup();
        if let Some(thing) = place.thing
            && thing.restricted == Ok(true)
            && thing.is_public(self).is_yes()
        {
            // What is left of a public policy are services.
            names.retain(|name| name.ends_with(".amazonaws.com"));
        }
        names
    }

    /// Whether users and roles of somebody's account are in the estate.
    pub fn knows_account_of(&self, requester: &Requester) -> bool {
        let account = requester.account.as_deref();
        self.actors
            .iter()
            .any(|actor| Some(actor.account()) == account)
    }

    /// Control policies that could not be read: where a question is what a principal's own policies let
    /// it do, they are taken to allow everything.
    pub fn assumptions(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .actors
            .iter()
            .filter_map(|actor| {
                let why = actor.scps.unread.as_deref()?;
                Some(format!(
                    "service control policies of {}: {why}",
                    actor.account()
                ))
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// What could not be read of the control policies over a user or role; for [`Estate::possible`] they
    /// allow everything.
    pub fn assumption(&self, arn: &str) -> Option<String> {
        let actor = self.actor(arn)?;
        let account = actor.account();
        let rcps = self.rcps.get(account).and_then(|rcps| rcps.unread.as_ref());
        let scps = actor.scps.unread.as_ref();
        scps.or(rcps)
            .map(|why| format!("control policies over {account} could not be read: {why}"))
    }

    /// The policy of a request's resource as it is in effect for somebody, and the resource's owner.
    fn on_resource<'a>(
        &self,
        place: &Place<'a>,
        attempt: &Attempt<'_>,
        requester: &Requester,
    ) -> (OnResource<'a>, Option<&'a str>) {
        let (policy, owner) = attached(place, attempt);
        let Some(thing) = place.thing else {
            return (policy, owner);
        };
        let insider = requester.account.as_deref() == Some(thing.account.as_str())
            || requester.kind == Kind::Service;
        if insider || thing.restricted == Ok(false) {
            return (policy, owner);
        }
        let in_effect = match (thing.is_public(self), &thing.restricted) {
            (Tri::No, _) => policy,
            (Tri::Yes, Ok(_)) => OnResource::None,
            (Tri::Unknown(_), Ok(_)) => OnResource::Unread(
                "whether it is public, and block-public-access makes it void, is not known",
            ),
            (_, Err(why)) => OnResource::Unread(why),
        };
        (in_effect, owner)
    }

    /// What an ARN names.
    fn place(&self, arn: &str) -> Place<'_> {
        Place {
            target: self.actor(arn),
            thing: self.thing(arn),
        }
    }

    /// Whether the instance profiles of some role of an account could not be read.
    pub(crate) fn hides_profiles(&self, account: &str) -> bool {
        self.actors.iter().any(|actor| {
            actor.account() == account
                && actor.requester.kind == Kind::Role
                && actor.in_instance_profile.is_none()
        })
    }

    /// Users and roles that can do everything, or give themselves everything because they manage IAM as a
    /// whole; and those of whom that cannot be told.
    pub fn administrators(&self) -> Vec<(&Actor, Tri)> {
        self.actors
            .iter()
            .filter(|actor| !actor.service_linked)
            .map(|actor| (actor, actor.is_administrator()))
            .filter(|(_, answer)| !answer.is_no())
            .collect()
    }

    /// All users and roles with what becomes of a request of theirs: those that are allowed, then those
    /// of whom that cannot be told.
    pub fn who_can<'a>(&'a self, attempt: &Attempt<'_>) -> Vec<(&'a Actor, Decided<'a>)> {
        use crate::identity::Verdict;
        let mut found: Vec<(&Actor, Decided<'_>)> = self
            .actors
            .iter()
            .map(|actor| (actor, self.can(actor, attempt)))
            .filter(|(_, d)| matches!(d.verdict, Verdict::Allowed | Verdict::Unknown))
            .collect();
        found.sort_by_key(|(_, decided)| decided.verdict == Verdict::Unknown);
        found
    }

    /// Why some users or roles may be missing.
    pub fn missing_actors(&self) -> Vec<String> {
        self.unlisted
            .iter()
            .filter(|((kind, _), _)| matches!(kind.as_str(), "iam.user" | "iam.role"))
            .map(|((kind, account), why)| format!("{kind} of {account}: {why}"))
            .collect()
    }

    /// What keeps the listing of a type open in an account.
    pub(crate) fn doubt(&self, kind: &str, account: &str) -> Tri {
        match self.unlisted.get(&(kind.to_owned(), account.to_owned())) {
            Some(why) => Tri::Unknown(unread(&format!("{kind} of {account} ({why})"))),
            None => Tri::No,
        }
    }
}

/// Actions by which a managed policy is attached.
const ATTACH: [&str; 3] = [
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
];

/// Actions on an existing user or role whose requests carry its permission boundary.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>
const PERMISSIONS_OF_ANOTHER: [&str; 8] = [
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:deleterolepolicy",
    "iam:deleteuserpolicy",
    "iam:detachrolepolicy",
    "iam:detachuserpolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
];

/// What the ARN of a request names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// A user or role.
    pub(crate) target: Option<&'a Actor>,
    /// A resource.
    pub(crate) thing: Option<&'a Thing>,
}

/// The policy of a request's resource, and the resource's owner.
fn attached<'a>(place: &Place<'a>, attempt: &Attempt<'_>) -> (OnResource<'a>, Option<&'a str>) {
    let policy = match (place.target, place.thing) {
        (Some(target), _) if attempt.action.starts_with("sts:") => target.trust.layer(),
        (_, Some(thing)) => thing.policy.layer(),
        (Some(_), None) => OnResource::None,
        (None, None) if may_have_policy(attempt) => {
            OnResource::Unread("the snapshot does not hold the resource")
        }
        (None, None) => OnResource::None,
    };
    let owner = match (place.target, place.thing) {
        (Some(target), _) => Some(target.account()),
        (_, thing) => thing.map(|thing| thing.account.as_str()),
    };
    (policy, owner)
}

/// Whether a resource that is not in the estate may have a policy of its own.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html>
fn may_have_policy(attempt: &Attempt<'_>) -> bool {
    const NONE: [&str; 8] = [
        "bedrock-agentcore",
        "cloudformation",
        "codebuild",
        "ec2",
        "ec2-instance-connect",
        "ecs",
        "iam",
        "ssm",
    ];
    let service = attempt.action.split(':').next().unwrap_or_default();
    attempt.resource.starts_with("arn:") && !NONE.contains(&service)
}

/// The region to which a request goes, where its resource tells.
fn requested_region(attempt: &Attempt<'_>, thing: Option<&Thing>) -> Option<String> {
    let parts: Vec<&str> = attempt.resource.splitn(6, ':').collect();
    match parts.as_slice() {
        // IAM has one endpoint in a partition.
        _ if attempt.action.starts_with("iam:") => Some("us-east-1".to_owned()),
        ["arn", _, _, region, ..] if !region.is_empty() => Some((*region).to_owned()),
        _ => thing
            .map(|thing| thing.region.clone())
            .filter(|region| region != "global"),
    }
}

/// Services whose requests carry the tags of the resource under a name beside `aws:ResourceTag/` too.
const TAG_KEYS: &[(&str, &str)] = &[
    ("ec2", "ec2:ResourceTag/"),
    ("ec2-instance-connect", "ec2:ResourceTag/"),
    ("ecs", "ecs:ResourceTag/"),
    ("iam", "iam:ResourceTag/"),
    ("sagemaker", "sagemaker:ResourceTag/"),
    ("secretsmanager", "secretsmanager:ResourceTag/"),
    ("ssm", "ssm:resourceTag/"),
    ("sts", "iam:ResourceTag/"),
];

fn set_tags(request: &mut Request, prefix: &str, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        request.set(&format!("{prefix}{key}"), Fact::Values(vec![value.clone()]));
    }
    request.close_prefix(prefix);
}
