//! The users, roles, groups and resources of a world, for the policy engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Group, Tags, Thing};
use posture_policy::{Control, NamedPolicy, PolicySet, Requester};

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

/// Service control and resource control policies, as `organizations.policy` names them.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// Gathers the estate of a world.
pub(crate) fn of(world: &World) -> Estate {
    let mut builder = Builder {
        world,
        estate: Estate::default(),
    };
    builder.organizations();
    builder.groups();
    builder.actors();
    builder.things();
    builder.estate
}

struct Builder<'w> {
    world: &'w World,
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

    fn accounts(&self) -> BTreeSet<String> {
        self.world.accounts()
    }

    fn organizations(&mut self) {
        for account in self.accounts() {
            if let Some(id) = self.world.organization_of(&account) {
                self.estate
                    .organizations
                    .insert(account.clone(), id.to_owned());
            }
            let rcps = self.world.control(&account, RCP);
            self.estate.rcps.insert(account, rcps);
        }
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
        for kind in ["iam.user", "iam.role", "iam.group"] {
            for account in self.accounts() {
                if let Some(why) = self.world.unlisted(kind, &account) {
                    self.estate.unlisted.insert((kind.to_owned(), account), why);
                }
            }
        }
        for principal in [self.all("iam.user"), self.all("iam.role")].concat() {
            match self.actor(&principal) {
                Some(actor) => self.estate.actors.push(actor),
                None => {
                    let place = (principal.0.r#type.to_owned(), principal.0.account.clone());
                    let why = "an ARN was not understood".to_owned();
                    self.estate.unlisted.insert(place, why);
                }
            }
        }
        self.estate.actors.sort_by(|a, b| a.arn().cmp(b.arn()));
        let profiles: Vec<(String, Vec<String>)> = self
            .all("iam.role")
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
        let requester = Requester::parse(&principal.0.arn).ok()?;
        let account = principal.0.account.clone();
        let holder = Identity::of(principal, self.world);
        let is_role = principal.0.r#type == "iam.role";
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
            scps: self.world.control(&account, SCP),
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
        let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for path in escalations::builtin().values() {
            if let posture_policy::escalation::Target::Through { kind, role } = &path.path.target {
                fields.entry(kind).or_default().insert(role);
            }
        }
        let kinds: BTreeSet<&str> = POLICIES
            .iter()
            .map(|(kind, _)| *kind)
            .chain(fields.keys().copied())
            .collect();
        for kind in kinds {
            for account in self.accounts() {
                let why = match type_number(kind) {
                    Some(_) => self.world.unlisted(kind, &account),
                    None => Some("this version does not collect it".to_owned()),
                };
                if let Some(why) = why {
                    self.estate.unlisted.insert((kind.to_owned(), account), why);
                }
            }
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

/// The control policies of a type that bind an account, by level.
pub(crate) fn control(world: &World, account: &str, kind: &str) -> Control {
    let all = |kind: &str| -> Vec<ResourceVal> {
        let nodes = world.resources_of(kind);
        nodes.into_iter().map(|node| node.0).collect()
    };
    let unread = |why: String| Control {
        levels: Vec::new(),
        unread: Some(why),
    };
    match world.in_no_organization(account) {
        Some(true) => return Control::default(),
        Some(false) => {}
        None => {
            return unread("whether the account is in an organization is not known".to_owned());
        }
    }
    let Some(member) = all("organizations.account")
        .into_iter()
        .find(|m| *m.0.id == *account)
    else {
        return unread("the account's place in the organization is not known".to_owned());
    };
    // Neither binds the management account.
    let management = all("organizations.organization")
        .iter()
        .any(|o| text(o, "management_account_id").is_some_and(|id| id == account));
    if management {
        return Control::default();
    }
    let ancestors = match member.0.object.field("ancestor_ids") {
        Some(Node::List(ids)) => ids
            .items()
            .iter()
            .filter_map(Node::as_text)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
        Some(Node::Gap(gap)) => return unread(gap.to_string()),
        _ => return unread("the units above the account are not known".to_owned()),
    };
    let policies: Vec<ResourceVal> = all("organizations.policy")
        .into_iter()
        .filter(|policy| text(policy, "policy_type").as_deref() == Some(kind))
        .collect();
    if let Some(gap) = world.unlisted("organizations.policy", &member.0.account) {
        return unread(gap);
    }
    if policies.is_empty() {
        // The type is not switched on: nothing is attached anywhere.
        return Control::default();
    }
    let mut levels = Vec::new();
    for place in ancestors.iter().map(String::as_str).chain([account]) {
        let mut named = Vec::new();
        for policy in &policies {
            let targets = match policy.0.object.field("target_ids") {
                Some(Node::List(ids)) => ids,
                Some(Node::Gap(gap)) => return unread(gap.to_string()),
                _ => {
                    return unread(format!(
                        "what {} is attached to is not known",
                        policy.0.name
                    ));
                }
            };
            if !targets
                .items()
                .iter()
                .filter_map(Node::as_text)
                .any(|id| id == place)
            {
                continue;
            }
            match policy.0.object.field("content") {
                Some(Node::Policy(content)) => match content.policy() {
                    Ok(parsed) => named.push(NamedPolicy::new(policy.0.name.as_str(), parsed)),
                    Err(problem) => return unread(format!("{}: {problem}", policy.0.name)),
                },
                Some(Node::Gap(gap)) => return unread(gap.to_string()),
                _ => return unread(format!("the content of {} is not known", policy.0.name)),
            }
        }
        levels.push(Arc::new(PolicySet::new(named)));
    }
    Control {
        levels,
        unread: None,
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

fn text(resource: &ResourceVal, field: &str) -> Option<String> {
    resource.0.object.field(field)?.as_text().map(str::to_owned)
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
