//! Gateways, endpoints, peerings, transit gateways.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    EgressOnlyInternetGateway as SdkEgressOnly, InternetGateway as SdkInternetGateway,
    InternetGatewayAttachment, NatGateway as SdkNatGateway, NatGatewayState, State,
    TransitGateway as SdkTransitGateway, TransitGatewayAttachment as SdkTransitAttachment,
    TransitGatewayAttachmentState, TransitGatewayOptions as SdkOptions, TransitGatewayState,
    VpcEndpoint as SdkVpcEndpoint, VpcPeeringConnection as SdkPeering,
    VpcPeeringConnectionStateReasonCode as PeeringState, VpcPeeringConnectionVpcInfo,
};
use posture_model::ec2::{
    EgressOnlyInternetGateway, InternetGateway, NatGateway, PeeringSide, TransitGateway,
    TransitGatewayAttachment, TransitGatewayOptions, VpcEndpoint, VpcPeeringConnection,
};

use super::{
    DESCRIBE_EGRESS_ONLY_INTERNET_GATEWAYS, DESCRIBE_INTERNET_GATEWAYS, DESCRIBE_NAT_GATEWAYS,
    DESCRIBE_TRANSIT_GATEWAY_ATTACHMENTS, DESCRIBE_TRANSIT_GATEWAYS, DESCRIBE_VPC_ENDPOINTS,
    DESCRIBE_VPC_PEERING_CONNECTIONS, identity, identity_of, list, owner, shared_from, told,
};
use crate::prelude::*;

pub(super) async fn collect(cx: &Cx, client: &Client) {
    tokio::join!(
        Box::pin(internet_gateways(cx, client)),
        Box::pin(egress_only_internet_gateways(cx, client)),
        Box::pin(nat_gateways(cx, client)),
        Box::pin(vpc_endpoints(cx, client)),
        Box::pin(vpc_peering_connections(cx, client)),
        Box::pin(transit_gateways(cx, client)),
        Box::pin(transit_gateway_attachments(cx, client)),
    );
}

async fn internet_gateways(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_INTERNET_GATEWAYS, client
        .describe_internet_gateways()
        .max_results(1000) => internet_gateways);
    let gateways = listed
        .items
        .into_iter()
        .map(|item| internet_gateway(cx, item));
    cx.publish(listed.gap, gateways);
}

fn internet_gateway(
    cx: &Cx,
    item: SdkInternetGateway,
) -> Result<TypedResource<InternetGateway>, Gap> {
    let id = item
        .internet_gateway_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_INTERNET_GATEWAYS))?;
    let properties = InternetGateway {
        vpc_ids: attached_vpcs(item.attachments),
        shared_from: shared_from(cx, item.owner_id),
    };
    let identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "internet-gateway",
        id,
        item.tags,
        None,
    );
    Ok(cx.resource(identity, properties))
}

fn attached_vpcs(attachments: Option<Vec<InternetGatewayAttachment>>) -> Vec<String> {
    attachments
        .unwrap_or_default()
        .into_iter()
        .filter_map(|attachment| attachment.vpc_id)
        .collect()
}

async fn egress_only_internet_gateways(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_EGRESS_ONLY_INTERNET_GATEWAYS, client
        .describe_egress_only_internet_gateways()
        .max_results(255) => egress_only_internet_gateways);
    let gateways = listed.items.into_iter().map(|item| egress_only(cx, item));
    cx.publish(listed.gap, gateways);
}

fn egress_only(
    cx: &Cx,
    item: SdkEgressOnly,
) -> Result<TypedResource<EgressOnlyInternetGateway>, Gap> {
    let id = item
        .egress_only_internet_gateway_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_EGRESS_ONLY_INTERNET_GATEWAYS))?;
    let properties = EgressOnlyInternetGateway {
        vpc_ids: attached_vpcs(item.attachments),
    };
    let identity = identity(cx, "egress-only-internet-gateway", id, item.tags, None);
    Ok(cx.resource(identity, properties))
}

async fn nat_gateways(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_NAT_GATEWAYS, client
        .describe_nat_gateways()
        .max_results(1000) => nat_gateways);
    let gateways = listed
        .items
        .into_iter()
        .filter(|item| item.state != Some(NatGatewayState::Deleted))
        .map(|item| nat_gateway(cx, item));
    cx.publish(listed.gap, gateways);
}

fn nat_gateway(cx: &Cx, item: SdkNatGateway) -> Result<TypedResource<NatGateway>, Gap> {
    let id = item
        .nat_gateway_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_NAT_GATEWAYS))?;
    let created = timestamp(item.create_time.as_ref());
    let addresses = item.nat_gateway_addresses.unwrap_or_default();
    let properties = NatGateway {
        state: item.state.map(|state| state.as_str().to_owned()),
        connectivity_type: item.connectivity_type.map(|t| t.as_str().to_owned()),
        availability_mode: item.availability_mode.map(|m| m.as_str().to_owned()),
        vpc_id: item.vpc_id,
        subnet_id: item.subnet_id.filter(|id| !id.is_empty()),
        public_ip_addresses: addresses
            .iter()
            .filter_map(|address| address.public_ip.clone())
            .collect(),
        private_ip_addresses: addresses
            .into_iter()
            .filter_map(|address| address.private_ip)
            .collect(),
    };
    let identity = identity(cx, "natgateway", id, item.tags, created);
    Ok(cx.resource(identity, properties))
}

async fn vpc_endpoints(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_VPC_ENDPOINTS, client
        .describe_vpc_endpoints()
        .max_results(1000) => vpc_endpoints);
    let endpoints = listed
        .items
        .into_iter()
        .filter(|item| !item.state.as_ref().is_some_and(is_deleted))
        .map(|item| vpc_endpoint(cx, item));
    cx.publish(listed.gap, endpoints);
}

/// AWS writes endpoint states in upper or lower case, depending on the endpoint's type.
fn is_deleted(state: &State) -> bool {
    state.as_str().eq_ignore_ascii_case("deleted")
}

fn vpc_endpoint(cx: &Cx, item: SdkVpcEndpoint) -> Result<TypedResource<VpcEndpoint>, Gap> {
    let id = item
        .vpc_endpoint_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_VPC_ENDPOINTS))?;
    let created = timestamp(item.creation_timestamp.as_ref());
    let properties = VpcEndpoint {
        endpoint_type: item.vpc_endpoint_type.map(|t| t.as_str().to_owned()),
        service_name: item.service_name,
        state: item.state.map(|state| state.as_str().to_owned()),
        vpc_id: item.vpc_id,
        policy: parse_policy(
            cx,
            &DESCRIBE_VPC_ENDPOINTS,
            item.policy_document.filter(|text| !text.trim().is_empty()),
        ),
        route_table_ids: item.route_table_ids.unwrap_or_default(),
        subnet_ids: item.subnet_ids.unwrap_or_default(),
        security_group_ids: item
            .groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.group_id)
            .collect(),
        network_interface_ids: item.network_interface_ids.unwrap_or_default(),
        private_dns_enabled: flag(item.private_dns_enabled),
        requester_managed: flag(item.requester_managed),
        shared_from: shared_from(cx, item.owner_id),
    };
    let identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "vpc-endpoint",
        id,
        item.tags,
        created,
    );
    Ok(cx.resource(identity, properties))
}

async fn vpc_peering_connections(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_VPC_PEERING_CONNECTIONS, client
        .describe_vpc_peering_connections()
        .max_results(1000) => vpc_peering_connections);
    let connections = listed
        .items
        .into_iter()
        .filter(|item| {
            !matches!(
                item.status.as_ref().and_then(|status| status.code.as_ref()),
                Some(
                    PeeringState::Deleted
                        | PeeringState::Expired
                        | PeeringState::Failed
                        | PeeringState::Rejected
                )
            )
        })
        .map(|item| vpc_peering_connection(cx, item));
    cx.publish(listed.gap, connections);
}

fn vpc_peering_connection(
    cx: &Cx,
    item: SdkPeering,
) -> Result<TypedResource<VpcPeeringConnection>, Gap> {
    let (Some(id), Some(requester), Some(accepter)) = (
        item.vpc_peering_connection_id,
        item.requester_vpc_info,
        item.accepter_vpc_info,
    ) else {
        return Err(cx.malformed(&DESCRIBE_VPC_PEERING_CONNECTIONS));
    };
    let properties = VpcPeeringConnection {
        status: item
            .status
            .and_then(|status| status.code)
            .map(|code| code.as_str().to_owned()),
        requester: peering_side(requester),
        accepter: peering_side(accepter),
    };
    let identity = identity(cx, "vpc-peering-connection", id, item.tags, None);
    Ok(cx.resource(identity, properties))
}

fn peering_side(info: VpcPeeringConnectionVpcInfo) -> PeeringSide {
    let mut cidr_blocks: Vec<String> = info.cidr_block.into_iter().collect();
    for block in info
        .cidr_block_set
        .unwrap_or_default()
        .into_iter()
        .filter_map(|block| block.cidr_block)
    {
        if !cidr_blocks.contains(&block) {
            cidr_blocks.push(block);
        }
    }
    PeeringSide {
        vpc_id: info.vpc_id,
        owner_id: info.owner_id,
        vpc_region: info.region,
        cidr_blocks,
        allow_remote_dns: info
            .peering_options
            .is_some_and(|options| flag(options.allow_dns_resolution_from_remote_vpc)),
    }
}

async fn transit_gateways(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_TRANSIT_GATEWAYS, client
        .describe_transit_gateways()
        .max_results(1000) => transit_gateways);
    let gateways = listed
        .items
        .into_iter()
        .filter(|item| item.state != Some(TransitGatewayState::Deleted))
        .map(|item| transit_gateway(cx, item));
    cx.publish(listed.gap, gateways);
}

fn transit_gateway(cx: &Cx, item: SdkTransitGateway) -> Result<TypedResource<TransitGateway>, Gap> {
    let id = item
        .transit_gateway_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_TRANSIT_GATEWAYS))?;
    let created = timestamp(item.creation_time.as_ref());
    let properties = TransitGateway {
        state: item.state.map(|state| state.as_str().to_owned()),
        description: item.description.filter(|text| !text.is_empty()),
        shared_from: shared_from(cx, item.owner_id),
        options: told(
            cx,
            &DESCRIBE_TRANSIT_GATEWAYS,
            item.options.and_then(transit_gateway_options),
        ),
    };
    let mut identity = identity_of(
        cx,
        owner(cx, &properties.shared_from),
        "transit-gateway",
        id,
        item.tags,
        created,
    );
    if let Some(arn) = item.transit_gateway_arn {
        identity.arn = arn;
    }
    Ok(cx.resource(identity, properties))
}

/// `None` when the answer leaves out how attachments are treated.
fn transit_gateway_options(options: SdkOptions) -> Option<TransitGatewayOptions> {
    Some(TransitGatewayOptions {
        auto_accept_shared_attachments: options.auto_accept_shared_attachments?.as_str().to_owned(),
        default_route_table_association: options
            .default_route_table_association?
            .as_str()
            .to_owned(),
        default_route_table_propagation: options
            .default_route_table_propagation?
            .as_str()
            .to_owned(),
        association_default_route_table_id: options.association_default_route_table_id,
        propagation_default_route_table_id: options.propagation_default_route_table_id,
        vpn_ecmp_support: options.vpn_ecmp_support.map(|v| v.as_str().to_owned()),
        dns_support: options.dns_support.map(|v| v.as_str().to_owned()),
        security_group_referencing_support: options
            .security_group_referencing_support
            .map(|v| v.as_str().to_owned()),
        multicast_support: options.multicast_support.map(|v| v.as_str().to_owned()),
    })
}

async fn transit_gateway_attachments(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_TRANSIT_GATEWAY_ATTACHMENTS, client
        .describe_transit_gateway_attachments()
        .max_results(1000) => transit_gateway_attachments);
    let attachments = listed
        .items
        .into_iter()
        .filter(|item| {
            !matches!(
                item.state,
                Some(
                    TransitGatewayAttachmentState::Deleted
                        | TransitGatewayAttachmentState::Rejected
                        | TransitGatewayAttachmentState::Failed
                )
            )
        })
        .map(|item| transit_gateway_attachment(cx, item));
    cx.publish(listed.gap, attachments);
}

fn transit_gateway_attachment(
    cx: &Cx,
    item: SdkTransitAttachment,
) -> Result<TypedResource<TransitGatewayAttachment>, Gap> {
    let id = item
        .transit_gateway_attachment_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_TRANSIT_GATEWAY_ATTACHMENTS))?;
    let created = timestamp(item.creation_time.as_ref());
    let association = item.association;
    let properties = TransitGatewayAttachment {
        transit_gateway_id: item.transit_gateway_id,
        transit_gateway_owner_id: item.transit_gateway_owner_id,
        resource_type: item.resource_type.map(|t| t.as_str().to_owned()),
        resource_id: item.resource_id,
        resource_owner_id: item.resource_owner_id,
        state: item.state.map(|state| state.as_str().to_owned()),
        association_state: association
            .as_ref()
            .and_then(|a| a.state.as_ref())
            .map(|state| state.as_str().to_owned()),
        association_route_table_id: association.and_then(|a| a.transit_gateway_route_table_id),
    };
    let identity = identity(cx, "transit-gateway-attachment", id, item.tags, created);
    Ok(cx.resource(identity, properties))
}
