//! Service control and resource control policies of an organization, as they bind an account.

use std::sync::Arc;

use posture_policy::{Control, NamedPolicy, PolicySet};

use crate::expr::{Node, ResourceVal};
use crate::organization::{Level, Organization};

/// Their types, as `organizations.policy` names them.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// The control policies of a type that bind an account, by level.
pub(crate) fn of(organization: &Organization, account: &str, kind: &'static str) -> Control {
    match levels(organization, account, kind) {
        Ok(levels) => Control {
            levels,
            unread: None,
        },
        Err(why) => Control {
            levels: Vec::new(),
            unread: Some(why),
        },
    }
}

fn levels(
    organization: &Organization,
    account: &str,
    kind: &'static str,
) -> Result<Vec<Arc<PolicySet>>, String> {
    match organization.in_none(account) {
        Some(true) => return Ok(Vec::new()),
        Some(false) => {}
        None => return Err("whether the account is in an organization is not known".to_owned()),
    }
    let Some(member) = organization
        .resources("organizations.account")
        .find(|member| *member.0.id == *account)
    else {
        return Err("the account's place in the organization is not known".to_owned());
    };
    // Neither binds the management account.
    let management = organization
        .resources("organizations.organization")
        .any(|o| text(o, "management_account_id") == Some(account));
    if management {
        return Ok(Vec::new());
    }
    let ancestors = match member.0.object.field("ancestor_ids") {
        Some(Node::List(ids)) => ids.items().iter().filter_map(Node::as_text),
        Some(Node::Gap(gap)) => return Err(gap.to_string()),
        _ => return Err("the units above the account are not known".to_owned()),
    };
    if let Some(gap) = organization.unlisted("organizations.policy", &member.0.account) {
        return Err(gap);
    }
    if policies(organization, kind).next().is_none() {
        // The type is not switched on: nothing is attached anywhere.
        return Ok(Vec::new());
    }
    ancestors
        .chain([account])
        .map(|target| organization.level(target, kind, || level(organization, target, kind)))
        .collect()
}

fn policies<'o>(
    organization: &'o Organization,
    kind: &'static str,
) -> impl Iterator<Item = &'o ResourceVal> {
    organization
        .resources("organizations.policy")
        .filter(move |policy| text(policy, "policy_type") == Some(kind))
}

/// Those of a type that are attached to one unit or account.
fn level(organization: &Organization, target: &str, kind: &'static str) -> Level {
    let mut named = Vec::new();
    for policy in policies(organization, kind) {
        let name = &policy.0.name;
        let mut targets = match policy.0.object.field("target_ids") {
            Some(Node::List(ids)) => ids.items().iter().filter_map(Node::as_text),
            Some(Node::Gap(gap)) => return Err(gap.to_string()),
            _ => return Err(format!("what {name} is attached to is not known")),
        };
        if !targets.any(|id| id == target) {
            continue;
        }
        match policy.0.object.field("content") {
            Some(Node::Policy(content)) => match content.policy() {
                Ok(parsed) => named.push(NamedPolicy::new(name.as_str(), parsed)),
                Err(problem) => return Err(format!("{name}: {problem}")),
            },
            Some(Node::Gap(gap)) => return Err(gap.to_string()),
            _ => return Err(format!("the content of {name} is not known")),
        }
    }
    Ok(Arc::new(PolicySet::new(named)))
}

fn text<'r>(resource: &'r ResourceVal, field: &str) -> Option<&'r str> {
    resource.0.object.field(field)?.as_text()
}
