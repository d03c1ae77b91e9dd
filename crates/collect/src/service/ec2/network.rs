//! VPCs and what is inside them.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Address as SdkAddress, BlockPublicAccessStates, FlowLog as SdkFlowLog,
    NetworkAcl as SdkNetworkAcl, NetworkAclEntry as SdkEntry, NetworkInterface as SdkInterface,
    Route as SdkRoute, RouteTable as SdkRouteTable, RouteTableAssociation,
    RouteTableAssociationStateCode, Subnet as SdkSubnet, SubnetCidrBlockStateCode, Vpc as SdkVpc,
    VpcCidrBlockState, VpcCidrBlockStateCode,
};
use posture_model::ec2::{
    Address, FlowLog, InterfaceAttachment, NetworkAcl, NetworkAclEntry, NetworkInterface, Route,
    RouteTable, Subnet, Vpc,
};

use super::{
    DESCRIBE_ADDRESSES, DESCRIBE_FLOW_LOGS, DESCRIBE_NETWORK_ACLS, DESCRIBE_NETWORK_INTERFACES,
    DESCRIBE_ROUTE_TABLES, DESCRIBE_SUBNETS, DESCRIBE_VPCS, identity, identity_of, list,
    operated_by, owner, shared_from, told,
};
use crate::prelude::*;

pub(super) async fn collect(cx: &Cx, client: &Client) {
    tokio::join!(
        Box::pin(vpcs(cx, client)),
        Box::pin(subnets(cx, client)),
        Box::pin(network_interfaces(cx, client)),
        Box::pin(flow_logs(cx, client)),
        Box::pin(addresses(cx, client)),
    );
}

async fn vpcs(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_VPCS, client.describe_vpcs().max_results(1000) => vpcs);
    cx.publish(
        listed.gap,
        listed.items.into_iter().map(|item| vpc(cx, item)),
    );
}

fn vpc(cx: &Cx, item: SdkVpc) -> Result<TypedResource<Vpc>, Gap> {
    let id = item.vpc_id.ok_or_else(|| cx.malformed(&DESCRIBE_VPCS))?;
    let shared_from = shared_from(cx, item.owner_id);
    let identity = identity_of(cx, owner(cx, &shared_from), "vpc", id, item.tags, None);
    let mut cidr_blocks: Vec<String> = item.cidr_block.into_iter().collect();
    for association in item.cidr_block_association_set.unwrap_or_default() {
        if let Some(block) = association.cidr_block
            && in_use(association.cidr_block_state.as_ref())
            && !cidr_blocks.contains(&block)
        {
            cidr_blocks.push(block);
        }
    }
    let properties = Vpc {
        is_default: told(cx, &DESCRIBE_VPCS, item.is_default),
        state: item.state.map(|state| state.as_str().to_owned()),
        cidr_blocks,
        ipv6_cidr_blocks: item
            .ipv6_cidr_block_association_set
            .unwrap_or_default()
            .into_iter()
            .filter(|association| in_use(association.ipv6_cidr_block_state.as_ref()))
            .filter_map(|association| association.ipv6_cidr_block)
            .collect(),
        instance_tenancy: item.instance_tenancy.map(|t| t.as_str().to_owned()),
        dhcp_options_id: item.dhcp_options_id,
        internet_gateway_block_mode: block_mode(item.block_public_access_states),
        shared_from,
    };
    Ok(cx.resource(identity, properties))
}

/// Blocks that were taken off stay in the answer for a while.
fn in_use(state: Option<&VpcCidrBlockState>) -> bool {
    !matches!(
        state.and_then(|state| state.state.as_ref()),
        Some(
            VpcCidrBlockStateCode::Disassociated
                | VpcCidrBlockStateCode::Disassociating
                | VpcCidrBlockStateCode::Failed
                | VpcCidrBlockStateCode::Failing
        )
    )
}

fn block_mode(states: Option<BlockPublicAccessStates>) -> Option<String> {
    states?
        .internet_gateway_block_mode
        .map(|mode| mode.as_str().to_owned())
}

/// Subnets together with the two things that are attached to them from outside.
async fn subnets(cx: &Cx, client: &Client) {
    let (subnets, tables, acls) = tokio::join!(
        async {
            list!(cx, &DESCRIBE_SUBNETS, client.describe_subnets().max_results(1000) => subnets)
        },
        async {
            list!(cx, &DESCRIBE_ROUTE_TABLES, client
                .describe_route_tables()
                .max_results(100) => route_tables)
        },
        async {
            list!(cx, &DESCRIBE_NETWORK_ACLS, client
                .describe_network_acls()
                .max_results(1000) => network_acls)
        },
    );
    let items: Vec<_> = subnets
        .items
        .into_iter()
        .map(|item| subnet(cx, item, &tables, &acls))
        .collect();
    cx.publish(subnets.gap, items);
    cx.publish(
        tables.gap,
        tables.items.into_iter().map(|item| route_table(cx, item)),
    );
    cx.publish(
        acls.gap,
        acls.items.into_iter().map(|item| network_acl(cx, item)),
    );
}

fn subnet(
    cx: &Cx,
    item: SdkSubnet,
    tables: &Listed<SdkRouteTable>,
    acls: &Listed<SdkNetworkAcl>,
) -> Result<TypedResource<Subnet>, Gap> {
    let id = item
        .subnet_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_SUBNETS))?;
    let shared_from = shared_from(cx, item.owner_id);
    let properties = Subnet {
        availability_zone: item.availability_zone,
        availability_zone_id: item.availability_zone_id,
        cidr_block: item.cidr_block.filter(|block| !block.is_empty()),
        ipv6_cidr_blocks: item
            .ipv6_cidr_block_association_set
            .unwrap_or_default()
            .into_iter()
            .filter(|association| {
                !matches!(
                    association
                        .ipv6_cidr_block_state
                        .as_ref()
                        .and_then(|state| state.state.as_ref()),
                    Some(
                        SubnetCidrBlockStateCode::Disassociated
                            | SubnetCidrBlockStateCode::Disassociating
                            | SubnetCidrBlockStateCode::Failed
                            | SubnetCidrBlockStateCode::Failing
                    )
                )
            })
            .filter_map(|association| association.ipv6_cidr_block)
            .collect(),
        available_ip_address_count: item.available_ip_address_count.map(i64::from),
        map_public_ip_on_launch: told(cx, &DESCRIBE_SUBNETS, item.map_public_ip_on_launch),
        assign_ipv6_address_on_creation: flag(item.assign_ipv6_address_on_creation),
        default_for_az: flag(item.default_for_az),
        route_table_id: in_effect(cx, tables, &id, item.vpc_id.as_deref()),
        network_acl_id: guarding(cx, acls, &id),
        vpc_id: item.vpc_id,
        internet_gateway_block_mode: block_mode(item.block_public_access_states),
        shared_from,
    };
    let identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "subnet",
        id,
        item.tags,
        None,
    );
    Ok(cx.resource(identity, properties))
}

/// The route table that is in effect for a subnet: its own, else the main one of its VPC.
fn in_effect(
    cx: &Cx,
    tables: &Listed<SdkRouteTable>,
    subnet: &str,
    vpc: Option<&str>,
) -> Collected<String> {
    let own = tables.items.iter().find(|table| {
        live(table).any(|association| association.subnet_id.as_deref() == Some(subnet))
    });
    if let Some(id) = own.and_then(|table| table.route_table_id.clone()) {
        return Collected::Known(id);
    }
    // On a page that is missing it may have one of its own.
    if let Some(gap) = &tables.gap {
        return Collected::Unavailable(gap.clone());
    }
    let main = tables.items.iter().find(|table| {
        vpc.is_some() && table.vpc_id.as_deref() == vpc && live(table).any(|a| flag(a.main))
    });
    told(
        cx,
        &DESCRIBE_ROUTE_TABLES,
        main.and_then(|table| table.route_table_id.clone()),
    )
}

/// The associations of a route table that are in effect.
fn live(table: &SdkRouteTable) -> impl Iterator<Item = &RouteTableAssociation> {
    table.associations().iter().filter(|association| {
        !matches!(
            association
                .association_state
                .as_ref()
                .and_then(|state| state.state.as_ref()),
            Some(
                RouteTableAssociationStateCode::Disassociated
                    | RouteTableAssociationStateCode::Disassociating
                    | RouteTableAssociationStateCode::Failed
            )
        )
    })
}

/// The network ACL of a subnet. Every subnet has exactly one.
fn guarding(cx: &Cx, acls: &Listed<SdkNetworkAcl>, subnet: &str) -> Collected<String> {
    let found = acls.items.iter().find(|acl| {
        acl.associations()
            .iter()
            .any(|association| association.subnet_id.as_deref() == Some(subnet))
    });
    match (found.and_then(|acl| acl.network_acl_id.clone()), &acls.gap) {
        (Some(id), _) => Collected::Known(id),
        (None, Some(gap)) => Collected::Unavailable(gap.clone()),
        (None, None) => Collected::Unavailable(cx.malformed(&DESCRIBE_NETWORK_ACLS)),
    }
}

fn route_table(cx: &Cx, item: SdkRouteTable) -> Result<TypedResource<RouteTable>, Gap> {
    let malformed = || cx.malformed(&DESCRIBE_ROUTE_TABLES);
    let id = item.route_table_id.clone().ok_or_else(malformed)?;
    let associations: Vec<_> = live(&item).cloned().collect();
    let properties = RouteTable {
        is_main: associations.iter().any(|a| flag(a.main)),
        subnet_ids: associations
            .iter()
            .filter_map(|a| a.subnet_id.clone())
            .collect(),
        gateway_ids: associations
            .into_iter()
            .filter_map(|a| a.gateway_id)
            .collect(),
        propagating_gateway_ids: item
            .propagating_vgws
            .unwrap_or_default()
            .into_iter()
            .filter_map(|gateway| gateway.gateway_id)
            .collect(),
        routes: item
            .routes
            .unwrap_or_default()
            .into_iter()
            .map(route)
            .collect::<Option<_>>()
            .ok_or_else(malformed)?,
        vpc_id: item.vpc_id,
        shared_from: shared_from(cx, item.owner_id),
    };
    let identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "route-table",
        id,
        item.tags,
        None,
    );
    Ok(cx.resource(identity, properties))
}

fn route(route: SdkRoute) -> Option<Route> {
    let destination = route
        .destination_cidr_block
        .or(route.destination_ipv6_cidr_block)
        .or(route.destination_prefix_list_id)?;
    let targets = [
        ("nat_gateway", route.nat_gateway_id),
        ("transit_gateway", route.transit_gateway_id),
        ("vpc_peering_connection", route.vpc_peering_connection_id),
        (
            "egress_only_internet_gateway",
            route.egress_only_internet_gateway_id,
        ),
        // A route through an instance names its interface too.
        ("instance", route.instance_id),
        ("network_interface", route.network_interface_id),
        ("local_gateway", route.local_gateway_id),
        ("carrier_gateway", route.carrier_gateway_id),
        ("core_network", route.core_network_arn),
        ("other", route.odb_network_arn),
    ];
    let target = targets
        .into_iter()
        .find_map(|(kind, id)| Some((kind, id.filter(|id| !id.is_empty())?)))
        .or_else(|| {
            let id = route.gateway_id.filter(|id| !id.is_empty())?;
            Some((gateway_kind(&id), id))
        });
    let (target_kind, target) = match target {
        Some((kind, id)) => (kind, Some(id)),
        None => ("other", None),
    };
    Some(Route {
        destination,
        target_kind: target_kind.to_owned(),
        target,
        state: route.state.map(|state| state.as_str().to_owned()),
        origin: route.origin.map(|origin| origin.as_str().to_owned()),
    })
}

/// The field `gatewayId` holds several kinds of things.
fn gateway_kind(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("local") => "local",
        Some("igw") => "internet_gateway",
        Some("vgw") => "vpn_gateway",
        Some("vpce") => "vpc_endpoint",
        _ => "other",
    }
}

fn network_acl(cx: &Cx, item: SdkNetworkAcl) -> Result<TypedResource<NetworkAcl>, Gap> {
    let malformed = || cx.malformed(&DESCRIBE_NETWORK_ACLS);
    let id = item.network_acl_id.ok_or_else(malformed)?;
    let mut entries: Vec<NetworkAclEntry> = item
        .entries
        .unwrap_or_default()
        .into_iter()
        .map(acl_entry)
        .collect::<Option<_>>()
        .ok_or_else(malformed)?;
    entries.sort_by(|a, b| {
        (a.egress, a.rule_number, &a.cidr).cmp(&(b.egress, b.rule_number, &b.cidr))
    });
    let properties = NetworkAcl {
        vpc_id: item.vpc_id,
        is_default: told(cx, &DESCRIBE_NETWORK_ACLS, item.is_default),
        subnet_ids: item
            .associations
            .unwrap_or_default()
            .into_iter()
            .filter_map(|association| association.subnet_id)
            .collect(),
        entries,
        shared_from: shared_from(cx, item.owner_id),
    };
    let identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "network-acl",
        id,
        item.tags,
        None,
    );
    Ok(cx.resource(identity, properties))
}

/// `None` when something is missing: an entry half understood could let through or keep out anything.
fn acl_entry(entry: SdkEntry) -> Option<NetworkAclEntry> {
    let ports = entry.port_range;
    Some(NetworkAclEntry {
        rule_number: i64::from(entry.rule_number?),
        egress: entry.egress?,
        action: entry.rule_action?.as_str().to_owned(),
        protocol: entry.protocol?,
        cidr: entry
            .cidr_block
            .filter(|block| !block.is_empty())
            .or(entry.ipv6_cidr_block)?,
        from_port: ports.as_ref().and_then(|ports| ports.from).map(i64::from),
        to_port: ports.as_ref().and_then(|ports| ports.to).map(i64::from),
    })
}

async fn network_interfaces(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_NETWORK_INTERFACES, client
        .describe_network_interfaces()
        .max_results(1000) => network_interfaces);
    let interfaces = listed
        .items
        .into_iter()
        .map(|item| network_interface(cx, item));
    cx.publish(listed.gap, interfaces);
}

fn network_interface(cx: &Cx, item: SdkInterface) -> Result<TypedResource<NetworkInterface>, Gap> {
    let id = item
        .network_interface_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_NETWORK_INTERFACES))?;
    let private = item.private_ip_addresses.unwrap_or_default();
    let mut public_ip_addresses: Vec<String> = item
        .association
        .iter()
        .chain(private.iter().filter_map(|ip| ip.association.as_ref()))
        .filter_map(|association| association.public_ip.clone())
        .filter(|ip| !ip.is_empty())
        .collect();
    public_ip_addresses.sort();
    public_ip_addresses.dedup();
    let mut private_ip_addresses: Vec<String> = item
        .private_ip_address
        .into_iter()
        .filter(|ip| !ip.is_empty())
        .collect();
    for address in private.into_iter().filter_map(|ip| ip.private_ip_address) {
        if !private_ip_addresses.contains(&address) {
            private_ip_addresses.push(address);
        }
    }
    let properties = NetworkInterface {
        status: item.status.map(|status| status.as_str().to_owned()),
        interface_type: item.interface_type.map(|t| t.as_str().to_owned()),
        description: item.description,
        requester_managed: flag(item.requester_managed),
        requester_id: item.requester_id,
        operated_by: operated_by(item.operator),
        vpc_id: item.vpc_id,
        subnet_id: item.subnet_id,
        availability_zone: item.availability_zone,
        security_group_ids: item
            .groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.group_id)
            .collect(),
        private_ip_addresses,
        public_ip_addresses,
        ipv6_addresses: item
            .ipv6_addresses
            .unwrap_or_default()
            .into_iter()
            .filter_map(|address| address.ipv6_address)
            .collect(),
        attachment: item
            .attachment
            .map(|attachment| InterfaceAttachment {
                instance_id: attachment.instance_id.filter(|id| !id.is_empty()),
                instance_owner_id: attachment.instance_owner_id,
                status: attachment.status.map(|status| status.as_str().to_owned()),
                device_index: attachment.device_index.map(i64::from),
                delete_on_termination: attachment.delete_on_termination,
            })
            .filter(|attachment| attachment.status.is_some() || attachment.instance_id.is_some()),
        source_dest_check: item.source_dest_check,
    };
    let identity = identity(cx, "network-interface", id, item.tag_set, None);
    Ok(cx.resource(identity, properties))
}

async fn flow_logs(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_FLOW_LOGS, client
        .describe_flow_logs()
        .max_results(1000) => flow_logs);
    let logs = listed.items.into_iter().map(|item| flow_log(cx, item));
    cx.publish(listed.gap, logs);
}

fn flow_log(cx: &Cx, item: SdkFlowLog) -> Result<TypedResource<FlowLog>, Gap> {
    let (Some(id), Some(resource_id)) = (item.flow_log_id, item.resource_id) else {
        return Err(cx.malformed(&DESCRIBE_FLOW_LOGS));
    };
    let created = timestamp(item.creation_time.as_ref());
    let properties = FlowLog {
        resource_id: Some(resource_id),
        traffic_type: item.traffic_type.map(|t| t.as_str().to_owned()),
        status: item.flow_log_status,
        deliver_logs_status: item.deliver_logs_status,
        deliver_logs_error: item.deliver_logs_error_message,
        deliver_logs_role_arn: item.deliver_logs_permission_arn,
        destination_type: item.log_destination_type.map(|t| t.as_str().to_owned()),
        destination: item.log_destination,
        log_group_name: item.log_group_name,
        log_format: item.log_format,
        max_aggregation_interval: item.max_aggregation_interval.map(i64::from),
    };
    let identity = identity(cx, "vpc-flow-log", id, item.tags, created);
    Ok(cx.resource(identity, properties))
}

async fn addresses(cx: &Cx, client: &Client) {
    // All addresses come in one answer.
    let listed = cx
        .list(
            &DESCRIBE_ADDRESSES,
            |_| client.describe_addresses().send(),
            |answer| (answer.addresses.unwrap_or_default(), None),
        )
        .await;
    let addresses = listed.items.into_iter().map(|item| address(cx, item));
    cx.publish(listed.gap, addresses);
}

fn address(cx: &Cx, item: SdkAddress) -> Result<TypedResource<Address>, Gap> {
    let id = item
        .allocation_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_ADDRESSES))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let properties = Address {
        public_ip: filled(item.public_ip),
        association_id: filled(item.association_id),
        instance_id: filled(item.instance_id),
        network_interface_id: filled(item.network_interface_id),
        private_ip_address: filled(item.private_ip_address),
        domain: item.domain.map(|domain| domain.as_str().to_owned()),
        service_managed: item.service_managed.map(|s| s.as_str().to_owned()),
    };
    let identity = identity(cx, "elastic-ip", id, item.tags, None);
    Ok(cx.resource(identity, properties))
}
