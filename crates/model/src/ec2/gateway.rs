//! What joins a VPC to the internet, to AWS services and to other networks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind};

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeInternetGateways"]))]
pub struct InternetGateway {
    /// Ids of the VPCs it is attached to: none or one.
    pub vpc_ids: Vec<String>,
    /// Account that owns it, when that is another one which shares its VPC; null for an own one.
    pub shared_from: Option<String>,
}

impl ResourceKind for InternetGateway {
    const TYPE: &'static str = "ec2.internet_gateway";
}

/// An egress-only internet gateway: IPv6 out, nothing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeEgressOnlyInternetGateways"]))]
pub struct EgressOnlyInternetGateway {
    /// Ids of the VPCs it is attached to: none or one.
    pub vpc_ids: Vec<String>,
}

impl ResourceKind for EgressOnlyInternetGateway {
    const TYPE: &'static str = "ec2.egress_only_internet_gateway";
}

/// A NAT gateway that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeNatGateways"]))]
pub struct NatGateway {
    /// `pending`, `failed`, `available` or `deleting`.
    pub state: Option<String>,
    /// `public` or `private`.
    pub connectivity_type: Option<String>,
    /// `zonal` (in one subnet) or `regional`; null where not told.
    pub availability_mode: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// The subnet's id; null for a regional one.
    pub subnet_id: Option<String>,
    /// Its public IPv4 addresses.
    pub public_ip_addresses: Vec<String>,
    /// Its private IPv4 addresses.
    pub private_ip_addresses: Vec<String>,
}

impl ResourceKind for NatGateway {
    const TYPE: &'static str = "ec2.nat_gateway";
}

/// A VPC endpoint that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeVpcEndpoints"]))]
pub struct VpcEndpoint {
    /// `Interface`, `Gateway`, `GatewayLoadBalancer`, `Resource` or `ServiceNetwork`.
    pub endpoint_type: Option<String>,
    /// Name of the service, such as `com.amazonaws.eu-west-1.s3`.
    pub service_name: Option<String>,
    /// `PendingAcceptance`, `Pending`, `Available`, `Deleting`, `Rejected`, `Failed`, `Expired` or
    /// `Partial`, in AWS's or in lower case.
    pub state: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// What may pass; null for the types that have no policy.
    #[schemars(extend("x-source" = ["ec2:DescribeVpcEndpoints"]))]
    pub policy: Collected<PolicyDocument>,
    /// Route tables that lead to a gateway endpoint.
    pub route_table_ids: Vec<String>,
    /// Subnets that an interface endpoint has interfaces in.
    pub subnet_ids: Vec<String>,
    /// Security groups of its interfaces.
    pub security_group_ids: Vec<String>,
    /// Its network interfaces.
    pub network_interface_ids: Vec<String>,
    /// Whether the service's usual name resolves to it inside the VPC.
    pub private_dns_enabled: bool,
    /// Whether an AWS service looks after it.
    pub requester_managed: bool,
    /// Account that owns it, when that is another one which shares its VPC; null for an own one.
    pub shared_from: Option<String>,
}

impl ResourceKind for VpcEndpoint {
    const TYPE: &'static str = "ec2.vpc_endpoint";
}

/// A peering connection that is active or on its way to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeVpcPeeringConnections"]))]
pub struct VpcPeeringConnection {
    /// `initiating-request`, `pending-acceptance`, `provisioning`, `active` or `deleting`.
    pub status: Option<String>,
    /// The side that asked.
    pub requester: PeeringSide,
    /// The side that was asked.
    pub accepter: PeeringSide,
}

impl ResourceKind for VpcPeeringConnection {
    const TYPE: &'static str = "ec2.vpc_peering_connection";
}

/// One side of a peering connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeeringSide {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// Account that owns the VPC.
    pub owner_id: Option<String>,
    /// Region of the VPC.
    pub vpc_region: Option<String>,
    /// Its IPv4 blocks; empty until the connection is accepted.
    pub cidr_blocks: Vec<String>,
    /// Whether the other side's public names resolve to private addresses from here.
    pub allow_remote_dns: bool,
}

/// A transit gateway that is not deleted, own or shared with this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeTransitGateways"]))]
pub struct TransitGateway {
    /// `pending`, `available`, `modifying` or `deleting`.
    pub state: Option<String>,
    /// What its maker wrote about it.
    pub description: Option<String>,
    /// Account that owns it, when that is another one which shares it; null for an own one.
    pub shared_from: Option<String>,
    /// How it treats attachments.
    #[schemars(extend("x-source" = ["ec2:DescribeTransitGateways"]))]
    pub options: Collected<TransitGatewayOptions>,
}

impl ResourceKind for TransitGateway {
    const TYPE: &'static str = "ec2.transit_gateway";
}

/// How a transit gateway treats attachments. All switches are `enable` or `disable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransitGatewayOptions {
    /// Whether attachments from accounts it is shared with are accepted unseen.
    pub auto_accept_shared_attachments: String,
    /// Whether new attachments join the default route table.
    pub default_route_table_association: String,
    /// Whether new attachments announce their routes to the default route table.
    pub default_route_table_propagation: String,
    /// Id of the route table that new attachments join.
    pub association_default_route_table_id: Option<String>,
    /// Id of the route table that new attachments announce their routes to.
    pub propagation_default_route_table_id: Option<String>,
    /// Whether VPN tunnels share the load.
    pub vpn_ecmp_support: Option<String>,
    /// Whether public names resolve to private addresses across attachments.
    pub dns_support: Option<String>,
    /// Whether rules may name groups of other attached VPCs.
    pub security_group_referencing_support: Option<String>,
    /// Whether multicast is routed.
    pub multicast_support: Option<String>,
}

/// An attachment to a transit gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeTransitGatewayAttachments"]))]
pub struct TransitGatewayAttachment {
    /// The transit gateway's id.
    pub transit_gateway_id: Option<String>,
    /// Account that owns the transit gateway.
    pub transit_gateway_owner_id: Option<String>,
    /// `vpc`, `vpn`, `direct-connect-gateway`, `connect`, `peering`, `tgw-peering`, ...
    pub resource_type: Option<String>,
    /// Id of what is attached.
    pub resource_id: Option<String>,
    /// Account that owns what is attached.
    pub resource_owner_id: Option<String>,
    /// `available`, `pendingAcceptance`, `pending`, `modifying`, ...
    pub state: Option<String>,
    /// Route table that its traffic is looked up in; null when there is none.
    pub association_route_table_id: Option<String>,
    /// `associating`, `associated`, `disassociating` or `disassociated`.
    pub association_state: Option<String>,
}

impl ResourceKind for TransitGatewayAttachment {
    const TYPE: &'static str = "ec2.transit_gateway_attachment";
}
