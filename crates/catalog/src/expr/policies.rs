//! Functions on policy documents and on IAM principals: `posture-policy` does the thinking, this
//! hands it what is known of the resource and turns what it cannot decide into gaps.

use std::sync::Arc;

use cel::ExecutionError;
use posture_model::{Gap, GapReason};
use posture_policy::document::{Clause, Principal};
use posture_policy::{
    Boundary, Found, IdentitySet, NamedPolicy, Policy, ResourceContext, Tri, Undecided,
};

use super::frame;
use super::functions::{Args, Outcome, action, bool, receiver, texts};
use super::types::type_number;
use super::value::{Node, PolicyVal, ResourceVal};
use crate::world::World;

/// A principal's policies, and what of them could not be read.
#[derive(Debug)]
pub(crate) struct Identity {
    set: IdentitySet,
    gaps: Vec<Arc<Gap>>,
}

impl PolicyVal {
    /// The parsed document. Parsed once, and kept with the value.
    fn parsed(&self) -> Result<&Policy, ExecutionError> {
        self.0
            .parsed
            .get_or_init(|| Policy::parse(&self.0.document).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|problem| undecidable(GapReason::Malformed, problem))
    }
}

fn undecidable(reason: GapReason, why: &str) -> ExecutionError {
    frame::gap(&Arc::new(Gap {
        code: Some(why.chars().take(300).collect()),
        ..Gap::bare(reason)
    }))
}

fn reason(undecided: &Undecided) -> ExecutionError {
    // What was not understood differs from what only a request would tell; neither is an error.
    let kind = if undecided.is_opaque() {
        GapReason::Malformed
    } else {
        GapReason::Unsupported
    };
    undecidable(kind, &undecided.to_string())
}

fn tri<'b, 'v>(answer: Tri) -> Outcome<'b, 'v> {
    match answer.decided() {
        Ok(answer) => bool(answer),
        Err(undecided) => Err(reason(&undecided)),
    }
}

fn found<'b, 'v>(found: Found) -> Outcome<'b, 'v> {
    match found.complete() {
        Ok(items) => texts(items),
        Err(undecided) => Err(reason(&undecided)),
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

fn in_context<'b, 'v>(
    args: &Args<'b, 'v>,
    judge: impl FnOnce(&Policy, &ResourceContext<'_>) -> Outcome<'b, 'v>,
) -> Outcome<'b, 'v> {
    let policy = receiver::<PolicyVal>(args)?;
    let (world, resource) = frame::here()?;
    let service = service(resource.0.r#type);
    let context = ResourceContext {
        account: Some(&resource.0.account),
        arn: service.map(|_| resource.0.arn.as_str()),
        service,
        organization: world.organization_of(&resource.0.account),
        known_accounts: Some(world.known_accounts()),
        now: Some(world.now().unix()),
    };
    judge(policy.parsed()?, &context)
}

fn as_identity<'b, 'v>(
    args: &Args<'b, 'v>,
    judge: impl FnOnce(&IdentitySet) -> Outcome<'b, 'v>,
) -> Outcome<'b, 'v> {
    let policy = receiver::<PolicyVal>(args)?.parsed()?;
    let (_, resource) = frame::here()?;
    let policy = if resource.0.r#type == "ec2.vpc_endpoint" {
        for_everyone(policy)
    } else {
        policy.clone()
    };
    judge(&IdentitySet::of("the policy", policy))
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

pub(crate) fn is_public<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        tri(posture_policy::is_public(policy, context))
    })
}

pub(crate) fn allows_anonymous<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let action = action(&args)?.to_owned();
    in_context(&args, |policy, context| {
        tri(posture_policy::allows_anonymous(policy, &action, context))
    })
}

pub(crate) fn public_statements<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::public_statements(policy, context))
    })
}

pub(crate) fn external_accounts<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::external_accounts(policy, context))
    })
}

pub(crate) fn unpinned_services<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::unpinned_services(policy, context))
    })
}

pub(crate) fn denies_insecure_transport<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        tri(posture_policy::denies_insecure_transport(policy, context))
    })
}

pub(crate) fn trusts_without_external_id<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::trusts_without_external_id(policy, context))
    })
}

pub(crate) fn unpinned_federation<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::unpinned_federation(policy, context))
    })
}

pub(crate) fn trusted_services<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    in_context(&args, |policy, context| {
        found(posture_policy::trusted_services(policy, context))
    })
}

pub(crate) fn policy_is_administrator<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    as_identity(&args, |set| tri(set.is_administrator()))
}

pub(crate) fn policy_wildcard_actions<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    as_identity(&args, |set| found(set.wildcard_actions()))
}

pub(crate) fn policy_allows<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let action = action(&args)?.to_owned();
    as_identity(&args, |set| tri(set.allows(&action)))
}

pub(crate) fn policy_allows_on_all<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let action = action(&args)?.to_owned();
    as_identity(&args, |set| tri(set.allows_on_all(&action)))
}

pub(crate) fn principal_is_administrator<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    as_principal(&args, |set| tri(set.is_administrator()))
}

pub(crate) fn principal_wildcard_actions<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    as_principal(&args, |set| found(set.wildcard_actions()))
}

pub(crate) fn principal_allows<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let action = action(&args)?.to_owned();
    as_principal(&args, |set| tri(set.allows(&action)))
}

pub(crate) fn principal_allows_on_all<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let action = action(&args)?.to_owned();
    as_principal(&args, |set| tri(set.allows_on_all(&action)))
}

fn as_principal<'b, 'v>(
    args: &Args<'b, 'v>,
    judge: impl FnOnce(&IdentitySet) -> Outcome<'b, 'v>,
) -> Outcome<'b, 'v> {
    let principal = receiver::<ResourceVal>(args)?;
    let (world, _) = frame::here()?;
    let identity = principal
        .0
        .identity
        .get_or_init(|| Identity::of(principal, &world));
    judge(&identity.set).inspect_err(|_| {
        // The analysis knows that something was missing; what it was, and which call would have
        // told, is known here.
        for gap in &identity.gaps {
            frame::note(gap);
        }
    })
}

impl Identity {
    /// Gathers all policies that are in effect for a principal.
    fn of(principal: &ResourceVal, world: &World) -> Self {
        let mut identity = Self {
            set: IdentitySet {
                account: Some(principal.0.account.clone()),
                ..IdentitySet::default()
            },
            gaps: Vec::new(),
        };
        identity.add(principal, principal, world);
        if principal.0.r#type == "iam.user" {
            identity.add_groups(principal, world);
        }
        identity.bound(principal, world);
        identity
    }

    fn unread(&mut self, name: &str, gap: Arc<Gap>) {
        self.set.unread.push(name.to_owned());
        self.gaps.push(gap);
    }

    /// The inline and attached policies of a principal or of one of its groups.
    fn add(&mut self, holder: &ResourceVal, principal: &ResourceVal, world: &World) {
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
                    self.document(name, policy.field("document"));
                }
            }
            other => self.missing("inline policies", other),
        }
        match holder.0.object.field("attached_policy_arns") {
            Some(Node::List(arns)) => {
                for arn in arns.items().iter().filter_map(Node::as_text) {
                    match managed(arn, principal, world) {
                        Ok(policy) => {
                            self.document(&policy.0.name, policy.0.object.field("document"));
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
                    self.gaps.push(Arc::clone(gap));
                }
                self.set.boundary = Boundary::Unread("not read".to_owned());
                return;
            }
        };
        let gap = match managed(arn, principal, world) {
            Ok(policy) => match policy.0.object.field("document") {
                Some(Node::Policy(document)) => {
                    match Policy::parse(&document.0.document) {
                        Ok(policy) => {
                            self.set.boundary = Boundary::Policy(NamedPolicy {
                                name: arn.to_owned(),
                                policy,
                            });
                        }
                        Err(error) => {
                            self.set.boundary = Boundary::Unread(error.to_string());
                        }
                    }
                    return;
                }
                Some(Node::Gap(gap)) => Arc::clone(gap),
                _ => not_in_snapshot("document of", arn),
            },
            Err(gap) => gap,
        };
        self.set.boundary = Boundary::Unread(gap.to_string());
        self.gaps.push(gap);
    }

    fn document(&mut self, name: &str, document: Option<&Node>) {
        match document {
            Some(Node::Policy(policy)) => match Policy::parse(&policy.0.document) {
                Ok(policy) => self.set.policies.push(NamedPolicy {
                    name: name.to_owned(),
                    policy,
                }),
                Err(error) => self.unread(
                    name,
                    Arc::new(Gap {
                        code: Some(error.to_string()),
                        ..Gap::bare(GapReason::Malformed)
                    }),
                ),
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
