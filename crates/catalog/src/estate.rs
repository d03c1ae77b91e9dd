//! The users, roles, groups and resources of a world, for the policy engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_policy::escalation::Target;
use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Group, Tags, Thing};
use posture_policy::{NamedPolicy, PolicySet, Requester};

use crate::control::{RCP, SCP};
use crate::escalations;
use crate::expr::{Identity, Node, PolicyVal, ResourceVal, type_number};
use crate::world::World;

/// Where the policy of a resource is in its properties, by type. Types that are not here have none.
const POLICIES: &[(&str, &str)] = &[
    ("apigateway.rest_api", "policy"),
    ("ecr.repository", "policy"),
    ("kms.key", "policy"),
    ("lambda.function", "policy"),
    ("lambda.layer_version", "policy"),
    ("s3.bucket", "policy"),
    ("s3control.access_point", "policy"),
];

pub(crate) const ROLE: &str = "iam.role";

/// Why roles may be missing where one was not understood.
pub(crate) const MISREAD: &str = "an ARN was not understood";

/// What an estate is gathered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Any question.
    Everything,
    /// Escalation, for which only those resources matter that paths lead through.
    Escalation,
}

/// Gathers the estate of a world.
pub(crate) fn of(world: &World, extent: Extent) -> Estate {
    let mut builder = Builder {
        world,
        extent,
        estate: Estate::default(),
    };
    builder.organizations();
    builder.groups();
    builder.actors();
    builder.things();
    builder.elsewhere();
    builder.estate
}

/// Types of resources that paths lead through, with the fields that name their roles.
pub(crate) fn through() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in escalations::builtin().values() {
        if let Target::Through { kind, role } = &path.path.target {
            fields.entry(kind).or_default().insert(role);
        }
    }
    fields
}

struct Builder<'w> {
    world: &'w World,
    extent: Extent,
    estate: Estate,
}

impl Builder<'_> {
    fn all(&self, kind: &str) -> Vec<ResourceVal> {
        self.world
            .resources_of(kind)
            .into_iter()
            .map(|node| node.0)
            .collect()
    }

    fn organizations(&mut self) {
        let organization = self.world.organization();
        let guests = self.world.neighbours().guests.accounts();
        let own = self.world.accounts().iter().map(String::as_str);
        for account in own.chain(guests) {
            let name = account.to_owned();
            if let Some(id) = organization.id_of(account) {
                self.estate
                    .organizations
                    .insert(name.clone(), id.to_owned());
            }
            let rcps = organization.control(account, RCP);
            self.estate.rcps.insert(name, rcps);
        }
    }

    /// Notes where the resources of a type are not all known.
    fn unlisted(&mut self, kind: &str, why: impl Fn(&str) -> Option<String>) {
        for account in self.world.accounts() {
            if let Some(why) = why(account) {
                let place = (kind.to_owned(), account.clone());
                self.estate.unlisted.insert(place, why);
            }
        }
    }

    /// What of other accounts matters to principals of these.
    fn elsewhere(&mut self) {
        if self.world.is_whole() {
            return;
        }
        let neighbours = self.world.neighbours();
        let own = self.world.accounts();
        let unlisted = self.world.organization().unlisted_roles().iter();
        let misread = neighbours.misread.iter();
        let misread = misread.map(|account| (account.clone(), MISREAD.to_owned()));
        for (account, why) in unlisted.cloned().chain(misread) {
            if !own.contains(&account) {
                let place = (ROLE.to_owned(), account);
                self.estate.unlisted.insert(place, why);
            }
        }
        neighbours.guests.enter(&mut self.estate);
    }

    fn groups(&mut self) {
        for group in self.all("iam.group") {
            let holder = Identity::of(&group, self.world);
            self.estate.groups.push(Group {
                arn: group.0.arn.clone(),
                account: group.0.account.clone(),
                policies: holder.set().policies.clone(),
                unread: holder.set().unread.clone(),
                customer_policies: customer_policies(&group),
            });
        }
        self.estate.groups.sort_by(|a, b| a.arn.cmp(&b.arn));
    }

    fn actors(&mut self) {
        let organization = self.world.organization();
        for kind in ["iam.user", ROLE, "iam.group"] {
            self.unlisted(kind, |account| organization.unlisted(kind, account));
        }
        for principal in [self.all("iam.user"), self.all(ROLE)].concat() {
            match self.actor(&principal) {
                Some(actor) => self.estate.actors.push(actor),
                None => {
                    let place = (principal.0.r#type.to_owned(), principal.0.account.clone());
                    self.estate.unlisted.insert(place, MISREAD.to_owned());
                }
            }
        }
        self.estate.actors.sort_by(|a, b| a.arn().cmp(b.arn()));
        let profiles: Vec<(String, Vec<String>)> = self
            .all(ROLE)
            .iter()
            .map(|role| {
                (
                    role.0.arn.clone(),
                    texts(role, "instance_profile_arns").unwrap_or_default(),
                )
            })
            .collect();
        for (role, profiles) in profiles {
            let Some(position) = self.estate.position(&role) else {
                continue;
            };
            for profile in profiles {
                self.estate
                    .instance_profiles
                    .entry(profile)
                    .or_default()
                    .push(position);
            }
        }
    }

    fn actor(&mut self, principal: &ResourceVal) -> Option<Actor> {
        let account = principal.0.account.clone();
        let requester = Requester::parse(&principal.0.arn).ok()?;
        if requester.account.as_deref() != Some(account.as_str()) {
            return None;
        }
        let holder = Identity::of(principal, self.world);
        let is_role = principal.0.r#type == ROLE;
        let mut customer = customer_policies(principal);
        let mut groups = Vec::new();
        for name in texts(principal, "group_names").unwrap_or_default() {
            let suffix = format!("/{name}");
            let found = self
                .estate
                .groups
                .iter()
                .position(|group| group.account == account && group.arn.ends_with(&suffix));
            if let Some(group) = found.and_then(|index| self.estate.groups.get(index)) {
                customer.extend(group.customer_policies.iter().cloned());
            }
            groups.extend(found);
        }
        Some(Actor::new(ActorParts {
            requester,
            set: holder.set().clone(),
            scps: self.world.organization().control(&account, SCP),
            trust: if is_role {
                self.attached(principal.0.object.field("trust_policy"), &principal.0.arn)
            } else {
                Attached::None
            },
            customer_policies: customer,
            groups,
            in_instance_profile: is_role
                .then(|| texts(principal, "instance_profile_arns").map(|arns| !arns.is_empty()))
                .flatten(),
            service_linked: matches!(principal.0.object.field("service_linked"), Some(Node::Bool(flag)) if *flag.inner()),
            tags: tags(principal),
        }))
    }

    fn attached(&mut self, node: Option<&Node>, arn: &str) -> Attached {
        match node {
            None | Some(Node::Null) => Attached::None,
            Some(Node::Policy(policy)) => Attached::Set(set(policy, arn)),
            Some(Node::Gap(gap)) => Attached::Unread(gap.to_string()),
            Some(_) => Attached::Unread("not understood".to_owned()),
        }
    }

    /// Whether block-public-access makes a public policy void, on the resource or on its account.
    fn restricted(
        &self,
        resource: &ResourceVal,
        accounts: &BTreeMap<String, Result<bool, String>>,
    ) -> Result<bool, String> {
        if !resource.0.r#type.starts_with("s3") {
            return Ok(false);
        }
        let account = match accounts.get(&resource.0.account) {
            Some(known) => known.clone(),
            None => match self
                .world
                .organization()
                .unlisted("s3control.account_settings", &resource.0.account)
            {
                Some(why) => Err(why),
                None => Ok(false),
            },
        };
        match (restricts(resource), account) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (Err(why), _) | (_, Err(why)) => Err(format!("block-public-access: {why}")),
            (Ok(false), Ok(false)) => Ok(false),
        }
    }

    fn things(&mut self) {
        let accounts: BTreeMap<String, Result<bool, String>> = self
            .all("s3control.account_settings")
            .iter()
            .map(|settings| (settings.0.account.clone(), restricts(settings)))
            .collect();
        let fields = through();
        let policies = POLICIES.iter().map(|(kind, _)| *kind);
        let kinds: BTreeSet<&str> = match self.extent {
            Extent::Everything => policies.chain(fields.keys().copied()).collect(),
            Extent::Escalation => fields.keys().copied().collect(),
        };
        let organization = self.world.organization();
        for kind in kinds {
            let known = type_number(kind).is_some();
            self.unlisted(kind, |account| match known {
                true => organization.unlisted(kind, account),
                false => Some("this version does not collect it".to_owned()),
            });
            let policy = POLICIES
                .iter()
                .find(|(of, _)| *of == kind)
                .map(|(_, field)| *field);
            for resource in self.all(kind) {
                let policy = match policy {
                    Some(field) => self.attached(resource.0.object.field(field), &resource.0.arn),
                    None => Attached::None,
                };
                let roles = fields.get(kind).into_iter().flatten().map(|field| {
                    let role = match resource.0.object.field(field) {
                        Some(Node::Text(text)) => Ok(Some(text.inner().to_owned())),
                        Some(Node::Null) => Ok(None),
                        None => Err(format!("this version knows no {field} of {kind}")),
                        Some(Node::Gap(gap)) => Err(gap.to_string()),
                        Some(_) => Err("not understood".to_owned()),
                    };
                    ((*field).to_owned(), role)
                });
                let roles = roles.collect();
                self.estate.things.push(Thing {
                    kind: kind.to_owned(),
                    arn: resource.0.arn.clone(),
                    account: resource.0.account.clone(),
                    region: resource.0.region.clone(),
                    policy,
                    restricted: self.restricted(&resource, &accounts),
                    roles,
                    tags: tags(&resource),
                });
            }
        }
        self.estate.things.sort_by(|a, b| a.arn.cmp(&b.arn));
    }
}

fn restricts(resource: &ResourceVal) -> Result<bool, String> {
    match resource.0.object.field("public_access_block") {
        Some(Node::Object(block)) => match block.field("restrict_public_buckets") {
            Some(Node::Bool(flag)) => Ok(*flag.inner()),
            _ => Err("not understood".to_owned()),
        },
        Some(Node::Gap(gap)) => Err(gap.to_string()),
        _ => Ok(false),
    }
}

/// A resource's policy, named after the resource.
fn set(policy: &PolicyVal, arn: &str) -> Arc<PolicySet> {
    let name = format!("of {}", arn.splitn(6, ':').nth(5).unwrap_or(arn));
    Arc::new(match policy.policy() {
        Ok(parsed) => PolicySet::new(vec![NamedPolicy::new(name, parsed)]),
        Err(problem) => PolicySet::with_unread(Vec::new(), vec![format!("{name} ({problem})")]),
    })
}

fn texts(resource: &ResourceVal, field: &str) -> Option<Vec<String>> {
    match resource.0.object.field(field)? {
        Node::List(items) => Some(
            items
                .items()
                .iter()
                .filter_map(Node::as_text)
                .map(str::to_owned)
                .collect(),
        ),
        _ => None,
    }
}

fn tags(resource: &ResourceVal) -> Tags {
    match resource.0.object.field("tags") {
        Some(Node::Map(tags)) => Some(
            tags.entries()
                .filter_map(|(key, value)| Some((key.to_owned(), value.as_text()?.to_owned())))
                .collect(),
        ),
        _ => None,
    }
}

/// Customer managed policies have an account in their ARN; those of AWS have `aws`.
fn customer_policies(holder: &ResourceVal) -> Vec<String> {
    texts(holder, "attached_policy_arns")
        .unwrap_or_default()
        .into_iter()
        .filter(|arn| !arn.contains(":iam::aws:"))
        .collect()
}
