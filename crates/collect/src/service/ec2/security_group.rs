//! Security groups and prefix lists.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    IpPermission, ManagedPrefixList as SdkPrefixList, SecurityGroup as SdkSecurityGroup,
};
use posture_model::ec2::{ManagedPrefixList, Rule, SecurityGroup};

use super::{
    DESCRIBE_MANAGED_PREFIX_LISTS, DESCRIBE_SECURITY_GROUPS, GET_MANAGED_PREFIX_LIST_ENTRIES,
    identity_of, list, owner, shared_from,
};
use crate::prelude::*;

pub(super) async fn collect(cx: &Cx, client: &Client) {
    tokio::join!(
        Box::pin(security_groups(cx, client)),
        Box::pin(prefix_lists(cx, client))
    );
}

async fn security_groups(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_SECURITY_GROUPS, client
        .describe_security_groups()
        .max_results(1000) => security_groups);
    let groups = listed
        .items
        .into_iter()
        .map(|group| security_group(cx, group));
    cx.publish(listed.gap, groups);
}

fn security_group(cx: &Cx, group: SdkSecurityGroup) -> Result<TypedResource<SecurityGroup>, Gap> {
    let (Some(id), Some(name)) = (group.group_id, group.group_name) else {
        return Err(cx.malformed(&DESCRIBE_SECURITY_GROUPS));
    };
    let shared_from = shared_from(cx, group.owner_id);
    let mut identity = identity_of(
        cx,
        owner(cx, &shared_from),
        "security-group",
        id,
        group.tags,
        None,
    );
    let properties = SecurityGroup {
        vpc_id: group.vpc_id.filter(|id| !id.is_empty()),
        description: group.description,
        // The name is reserved: no other group can have it.
        is_default: name == "default",
        ingress: rules(cx, group.ip_permissions)?,
        egress: rules(cx, group.ip_permissions_egress)?,
        shared_from,
    };
    identity.name = name;
    Ok(cx.resource(identity, properties))
}

/// The rules in an order of their own, so that two groups with the same rules compare equal.
fn rules(cx: &Cx, permissions: Option<Vec<IpPermission>>) -> Result<Vec<Rule>, Gap> {
    // A rule that is understood in part might look narrower than it is.
    let mut rules = permissions
        .unwrap_or_default()
        .into_iter()
        .map(rule)
        .collect::<Option<Vec<Rule>>>()
        .ok_or_else(|| cx.malformed(&DESCRIBE_SECURITY_GROUPS))?;
    rules.sort_by(|a, b| {
        let key = |rule: &Rule| (rule.from_port, rule.to_port);
        (&a.protocol, key(a), &a.cidrs_ipv4, &a.cidrs_ipv6).cmp(&(
            &b.protocol,
            key(b),
            &b.cidrs_ipv4,
            &b.cidrs_ipv6,
        ))
    });
    Ok(rules)
}

fn rule(permission: IpPermission) -> Option<Rule> {
    let ipv4 = permission.ip_ranges.unwrap_or_default();
    let ipv6 = permission.ipv6_ranges.unwrap_or_default();
    let lists = permission.prefix_list_ids.unwrap_or_default();
    let groups = permission.user_id_group_pairs.unwrap_or_default();
    let mut descriptions: Vec<String> = ipv4
        .iter()
        .map(|range| &range.description)
        .chain(ipv6.iter().map(|range| &range.description))
        .chain(lists.iter().map(|list| &list.description))
        .chain(groups.iter().map(|group| &group.description))
        .flatten()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    descriptions.sort();
    descriptions.dedup();
    Some(Rule {
        protocol: permission.ip_protocol?,
        from_port: permission.from_port.map(i64::from),
        to_port: permission.to_port.map(i64::from),
        cidrs_ipv4: sorted(ipv4.into_iter().map(|range| range.cidr_ip))?,
        cidrs_ipv6: sorted(ipv6.into_iter().map(|range| range.cidr_ipv6))?,
        prefix_list_ids: sorted(lists.into_iter().map(|list| list.prefix_list_id))?,
        referenced_group_ids: sorted(groups.into_iter().map(|group| group.group_id))?,
        description: (!descriptions.is_empty()).then(|| descriptions.join("; ")),
    })
}

fn sorted(values: impl Iterator<Item = Option<String>>) -> Option<Vec<String>> {
    let mut values = values.collect::<Option<Vec<String>>>()?;
    values.sort();
    Some(values)
}

async fn prefix_lists(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_MANAGED_PREFIX_LISTS, client
        .describe_managed_prefix_lists()
        .max_results(100) => prefix_lists);
    // AWS's own lists name its services; no filter leaves them out.
    let lists = listed
        .items
        .into_iter()
        .filter(|list| list.owner_id.as_deref() != Some("AWS"));
    let lists = cx.each(lists, |list| prefix_list(cx, client, list)).await;
    cx.publish(listed.gap, lists);
}

async fn prefix_list(
    cx: &Cx,
    client: &Client,
    list: SdkPrefixList,
) -> Result<TypedResource<ManagedPrefixList>, Gap> {
    let id = list
        .prefix_list_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_MANAGED_PREFIX_LISTS))?;
    let entries = list!(cx, &GET_MANAGED_PREFIX_LIST_ENTRIES, client
        .get_managed_prefix_list_entries()
        .prefix_list_id(&id)
        .max_results(100) => entries);
    let cidrs = sorted(entries.items.into_iter().map(|entry| entry.cidr));
    let cidrs = match (entries.gap, cidrs) {
        (None, Some(cidrs)) => Collected::Known(cidrs),
        (Some(gap), _) => Collected::Unavailable(gap),
        (None, None) => Collected::Unavailable(cx.malformed(&GET_MANAGED_PREFIX_LIST_ENTRIES)),
    };
    let shared_from = shared_from(cx, list.owner_id);
    let mut identity = identity_of(
        cx,
        owner(cx, &shared_from),
        "prefix-list",
        id,
        list.tags,
        None,
    );
    if let Some(name) = list.prefix_list_name {
        identity.name = name;
    }
    let properties = ManagedPrefixList {
        address_family: list.address_family,
        max_entries: list.max_entries.map(i64::from),
        shared_from,
        cidrs,
    };
    Ok(cx.resource(identity, properties))
}
