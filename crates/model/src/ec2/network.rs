//! VPCs and what is inside them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind};

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeVpcs"]))]
pub struct Vpc {
    /// Whether it is the one that AWS made for the region.
    #[schemars(extend("x-source" = ["ec2:DescribeVpcs"]))]
    pub is_default: Collected<bool>,
    /// `pending` or `available`.
    pub state: Option<String>,
    /// IPv4 blocks in use, the primary one first.
    pub cidr_blocks: Vec<String>,
    /// IPv6 blocks in use.
    pub ipv6_cidr_blocks: Vec<String>,
    /// `default`, `dedicated` or `host`.
    pub instance_tenancy: Option<String>,
    /// Id of its set of DHCP options.
    pub dhcp_options_id: Option<String>,
    /// `off`, `block-bidirectional` or `block-ingress`: VPC Block Public Access; null where not told.
    pub internet_gateway_block_mode: Option<String>,
    /// Account that owns it, when that is another one which shares it; null for an own VPC.
    pub shared_from: Option<String>,
}

impl ResourceKind for Vpc {
    const TYPE: &'static str = "ec2.vpc";
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeSubnets"]))]
pub struct Subnet {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// Name of the Availability Zone, such as `eu-west-1a`.
    pub availability_zone: Option<String>,
    /// Id of the Availability Zone, the same in all accounts, such as `euw1-az1`.
    pub availability_zone_id: Option<String>,
    /// IPv4 block; null for IPv6 only.
    pub cidr_block: Option<String>,
    /// IPv6 blocks.
    pub ipv6_cidr_blocks: Vec<String>,
    /// IPv4 addresses that are left.
    pub available_ip_address_count: Option<i64>,
    /// Whether new interfaces get a public IPv4 address unless told otherwise.
    #[schemars(extend("x-source" = ["ec2:DescribeSubnets"]))]
    pub map_public_ip_on_launch: Collected<bool>,
    /// Whether new interfaces get an IPv6 address.
    pub assign_ipv6_address_on_creation: bool,
    /// Whether it is the default VPC's subnet of its zone.
    pub default_for_az: bool,
    /// The route table that is in effect: its own, else the VPC's main one.
    #[schemars(extend("x-source" = ["ec2:DescribeRouteTables"]))]
    pub route_table_id: Collected<String>,
    /// The network ACL that is in effect.
    #[schemars(extend("x-source" = ["ec2:DescribeNetworkAcls"]))]
    pub network_acl_id: Collected<String>,
    /// `off`, `block-bidirectional` or `block-ingress`: VPC Block Public Access; null where not told.
    pub internet_gateway_block_mode: Option<String>,
    /// Account that owns it, when that is another one which shares it; null for an own subnet.
    pub shared_from: Option<String>,
}

impl ResourceKind for Subnet {
    const TYPE: &'static str = "ec2.subnet";
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeRouteTables"]))]
pub struct RouteTable {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// Whether it serves the subnets that have none of their own.
    pub is_main: bool,
    /// Subnets that are associated with it by name.
    pub subnet_ids: Vec<String>,
    /// Gateways that are associated with it (edge association).
    pub gateway_ids: Vec<String>,
    /// Virtual private gateways that propagate routes into it.
    pub propagating_gateway_ids: Vec<String>,
    /// The routes.
    pub routes: Vec<Route>,
    /// Account that owns it, when that is another one which shares its VPC; null for an own table.
    pub shared_from: Option<String>,
}

impl ResourceKind for RouteTable {
    const TYPE: &'static str = "ec2.route_table";
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// IPv4 or IPv6 block, or the id of a prefix list.
    pub destination: String,
    /// `internet_gateway`, `egress_only_internet_gateway`, `nat_gateway`, `transit_gateway`,
    /// `vpc_peering_connection`, `vpn_gateway`, `vpc_endpoint`, `network_interface`, `instance`,
    /// `local`, `local_gateway`, `carrier_gateway`, `core_network` or `other`.
    pub target_kind: String,
    /// Id of the target; null where it has none.
    pub target: Option<String>,
    /// `active`, `blackhole` (the target is gone) or `filtered`.
    pub state: Option<String>,
    /// `CreateRouteTable`, `CreateRoute`, `EnableVgwRoutePropagation` or `Advertisement`.
    pub origin: Option<String>,
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeNetworkAcls"]))]
pub struct NetworkAcl {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// Whether it serves the subnets that were given no other.
    #[schemars(extend("x-source" = ["ec2:DescribeNetworkAcls"]))]
    pub is_default: Collected<bool>,
    /// Subnets that it guards.
    pub subnet_ids: Vec<String>,
    /// The entries, inbound ones first, in the order in which they are tried.
    pub entries: Vec<NetworkAclEntry>,
    /// Account that owns it, when that is another one which shares its VPC; null for an own one.
    pub shared_from: Option<String>,
}

impl ResourceKind for NetworkAcl {
    const TYPE: &'static str = "ec2.network_acl";
}

/// An entry of a network ACL: the first one that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAclEntry {
    /// Position, 1 to 32766; 32767 and 32768 are the closing denials.
    pub rule_number: i64,
    /// Whether it is about outbound traffic.
    pub egress: bool,
    /// `allow` or `deny`.
    pub action: String,
    /// Protocol number (`6` TCP, `17` UDP, `1` ICMP, `58` ICMPv6), or `-1` for all.
    pub protocol: String,
    /// The other side, an IPv4 or IPv6 block.
    pub cidr: String,
    /// First port; null for all.
    pub from_port: Option<i64>,
    /// Last port; null for all.
    pub to_port: Option<i64>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeNetworkInterfaces"]))]
pub struct NetworkInterface {
    /// `available`, `associated`, `attaching`, `in-use` or `detaching`.
    pub status: Option<String>,
    /// `interface`, `lambda`, `nat_gateway`, `network_load_balancer`, `vpc_endpoint`, ...
    pub interface_type: Option<String>,
    /// What its maker wrote about it; services say here what it belongs to.
    pub description: Option<String>,
    /// Whether an AWS service looks after it.
    pub requester_managed: bool,
    /// Account or service that made it on behalf of this account.
    pub requester_id: Option<String>,
    /// AWS service that operates it; null when the account does.
    pub operated_by: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// The subnet's id.
    pub subnet_id: Option<String>,
    /// Name of the Availability Zone.
    pub availability_zone: Option<String>,
    /// The security groups' ids.
    pub security_group_ids: Vec<String>,
    /// Private IPv4 addresses, the main one first.
    pub private_ip_addresses: Vec<String>,
    /// Public IPv4 addresses of any of its private ones.
    pub public_ip_addresses: Vec<String>,
    /// IPv6 addresses.
    pub ipv6_addresses: Vec<String>,
    /// What it is attached to; null when to nothing.
    pub attachment: Option<InterfaceAttachment>,
    /// Whether it drops traffic that is not its own.
    pub source_dest_check: Option<bool>,
}

impl ResourceKind for NetworkInterface {
    const TYPE: &'static str = "ec2.network_interface";
}

/// What a network interface is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterfaceAttachment {
    /// The instance's id; null for interfaces of services.
    pub instance_id: Option<String>,
    /// Account or service that owns the instance, such as `amazon-elb`.
    pub instance_owner_id: Option<String>,
    /// `attaching`, `attached`, `detaching` or `detached`.
    pub status: Option<String>,
    /// Position on the instance; 0 is the primary one.
    pub device_index: Option<i64>,
    /// Whether it goes when the instance goes.
    pub delete_on_termination: Option<bool>,
}

/// A flow log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeFlowLogs"]))]
pub struct FlowLog {
    /// Id of the VPC, subnet, interface, transit gateway or attachment that is logged.
    pub resource_id: Option<String>,
    /// `ACCEPT`, `REJECT` or `ALL`; null for transit gateways, which log all.
    pub traffic_type: Option<String>,
    /// `ACTIVE` once it exists.
    pub status: Option<String>,
    /// `SUCCESS` or `FAILED`: whether records arrive; null while unknown to AWS.
    pub deliver_logs_status: Option<String>,
    /// Why they do not arrive: `Rate limited`, `Access error` or `Unknown error`.
    pub deliver_logs_error: Option<String>,
    /// Role that delivers to CloudWatch Logs.
    pub deliver_logs_role_arn: Option<String>,
    /// `cloud-watch-logs`, `s3` or `kinesis-data-firehose`.
    pub destination_type: Option<String>,
    /// ARN of the log group, bucket (with folder) or stream.
    pub destination: Option<String>,
    /// Name of the log group.
    pub log_group_name: Option<String>,
    /// Fields of a record, as `${name}` in order.
    pub log_format: Option<String>,
    /// Longest time over which flows are gathered into a record, in seconds: 60 or 600.
    pub max_aggregation_interval: Option<i64>,
}

impl ResourceKind for FlowLog {
    const TYPE: &'static str = "ec2.flow_log";
}

/// An Elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeAddresses"]))]
pub struct Address {
    /// The address; null for a carrier or customer-owned one.
    pub public_ip: Option<String>,
    /// Id of the association; null when it is attached to nothing.
    pub association_id: Option<String>,
    /// Instance it is attached to.
    pub instance_id: Option<String>,
    /// Network interface it is attached to.
    pub network_interface_id: Option<String>,
    /// Private address it stands for.
    pub private_ip_address: Option<String>,
    /// `vpc` or `standard`.
    pub domain: Option<String>,
    /// AWS service that looks after it: `alb`, `nlb`, `rnat` or `rds`; null when the account does.
    pub service_managed: Option<String>,
}

impl ResourceKind for Address {
    const TYPE: &'static str = "ec2.address";
}
