//! Amazon EC2: instances, networks, volumes.
//!
//! What is gone but still shown (terminated instances, deleted gateways, rejected peerings) is left
//! out. What another account shares with this one is kept, since networks make no sense without it,
//! and says whose it is.

mod gateway;
mod instance;
mod network;
mod region;
mod security_group;
mod storage;

use aws_sdk_ec2::types::{OperatorResponse, Tag};
use posture_model::ec2::{
    Address, EgressOnlyInternetGateway, FlowLog, Image, Instance, InternetGateway, LaunchTemplate,
    ManagedPrefixList, NatGateway, NetworkAcl, NetworkInterface, RegionSettings, RouteTable,
    SecurityGroup, Snapshot, Subnet, TransitGateway, TransitGatewayAttachment, Volume, Vpc,
    VpcEndpoint, VpcPeeringConnection,
};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "ec2":
    DESCRIBE_ADDRESSES = "DescribeAddresses" => "ec2:DescribeAddresses",
    DESCRIBE_EGRESS_ONLY_INTERNET_GATEWAYS = "DescribeEgressOnlyInternetGateways" => "ec2:DescribeEgressOnlyInternetGateways",
    DESCRIBE_FLOW_LOGS = "DescribeFlowLogs" => "ec2:DescribeFlowLogs",
    DESCRIBE_IMAGE_ATTRIBUTE = "DescribeImageAttribute" => "ec2:DescribeImageAttribute",
    DESCRIBE_IMAGES = "DescribeImages" => "ec2:DescribeImages",
    DESCRIBE_INSTANCE_ATTRIBUTE = "DescribeInstanceAttribute" => "ec2:DescribeInstanceAttribute",
    DESCRIBE_INSTANCES = "DescribeInstances" => "ec2:DescribeInstances",
    DESCRIBE_INTERNET_GATEWAYS = "DescribeInternetGateways" => "ec2:DescribeInternetGateways",
    DESCRIBE_LAUNCH_TEMPLATE_VERSIONS = "DescribeLaunchTemplateVersions" => "ec2:DescribeLaunchTemplateVersions",
    DESCRIBE_LAUNCH_TEMPLATES = "DescribeLaunchTemplates" => "ec2:DescribeLaunchTemplates",
    DESCRIBE_MANAGED_PREFIX_LISTS = "DescribeManagedPrefixLists" => "ec2:DescribeManagedPrefixLists",
    DESCRIBE_NAT_GATEWAYS = "DescribeNatGateways" => "ec2:DescribeNatGateways",
    DESCRIBE_NETWORK_ACLS = "DescribeNetworkAcls" => "ec2:DescribeNetworkAcls",
    DESCRIBE_NETWORK_INTERFACES = "DescribeNetworkInterfaces" => "ec2:DescribeNetworkInterfaces",
    DESCRIBE_ROUTE_TABLES = "DescribeRouteTables" => "ec2:DescribeRouteTables",
    DESCRIBE_SECURITY_GROUPS = "DescribeSecurityGroups" => "ec2:DescribeSecurityGroups",
    DESCRIBE_SNAPSHOT_ATTRIBUTE = "DescribeSnapshotAttribute" => "ec2:DescribeSnapshotAttribute",
    DESCRIBE_SNAPSHOTS = "DescribeSnapshots" => "ec2:DescribeSnapshots",
    DESCRIBE_SUBNETS = "DescribeSubnets" => "ec2:DescribeSubnets",
    DESCRIBE_TRANSIT_GATEWAY_ATTACHMENTS = "DescribeTransitGatewayAttachments" => "ec2:DescribeTransitGatewayAttachments",
    DESCRIBE_TRANSIT_GATEWAYS = "DescribeTransitGateways" => "ec2:DescribeTransitGateways",
    DESCRIBE_VOLUMES = "DescribeVolumes" => "ec2:DescribeVolumes",
    DESCRIBE_VPC_ENDPOINTS = "DescribeVpcEndpoints" => "ec2:DescribeVpcEndpoints",
    DESCRIBE_VPC_PEERING_CONNECTIONS = "DescribeVpcPeeringConnections" => "ec2:DescribeVpcPeeringConnections",
    DESCRIBE_VPCS = "DescribeVpcs" => "ec2:DescribeVpcs",
    GET_EBS_DEFAULT_KMS_KEY_ID = "GetEbsDefaultKmsKeyId" => "ec2:GetEbsDefaultKmsKeyId",
    GET_EBS_ENCRYPTION_BY_DEFAULT = "GetEbsEncryptionByDefault" => "ec2:GetEbsEncryptionByDefault",
    GET_IMAGE_BLOCK_PUBLIC_ACCESS_STATE = "GetImageBlockPublicAccessState" => "ec2:GetImageBlockPublicAccessState",
    GET_INSTANCE_METADATA_DEFAULTS = "GetInstanceMetadataDefaults" => "ec2:GetInstanceMetadataDefaults",
    GET_MANAGED_PREFIX_LIST_ENTRIES = "GetManagedPrefixListEntries" => "ec2:GetManagedPrefixListEntries",
    GET_SNAPSHOT_BLOCK_PUBLIC_ACCESS_STATE = "GetSnapshotBlockPublicAccessState" => "ec2:GetSnapshotBlockPublicAccessState",
}

pub(crate) const SERVICE: Service = Service {
    name: "ec2",
    placement: Placement::Regional,
    regional_types: &[
        Instance::TYPE,
        LaunchTemplate::TYPE,
        SecurityGroup::TYPE,
        ManagedPrefixList::TYPE,
        NetworkInterface::TYPE,
        Vpc::TYPE,
        Subnet::TYPE,
        RouteTable::TYPE,
        NetworkAcl::TYPE,
        InternetGateway::TYPE,
        EgressOnlyInternetGateway::TYPE,
        NatGateway::TYPE,
        VpcEndpoint::TYPE,
        VpcPeeringConnection::TYPE,
        TransitGateway::TYPE,
        TransitGatewayAttachment::TYPE,
        FlowLog::TYPE,
        Address::TYPE,
        Volume::TYPE,
        Snapshot::TYPE,
        Image::TYPE,
        RegionSettings::TYPE,
    ],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_ec2);
    // Boxed one by one: as one future they would not fit on a worker's stack.
    tokio::join!(
        Box::pin(instance::collect(&cx, &client)),
        Box::pin(network::collect(&cx, &client)),
        Box::pin(security_group::collect(&cx, &client)),
        Box::pin(gateway::collect(&cx, &client)),
        Box::pin(storage::collect(&cx, &client)),
        Box::pin(region::collect(&cx, &client)),
    );
}

/// A listing of EC2: the operation, the client's method with what is asked for, and the field of an
/// answer that holds the items.
macro_rules! list {
    ($cx:expr, $operation:expr, $request:expr => $field:ident) => {
        $cx.list(
            $operation,
            |token| $request.set_next_token(token).send(),
            |page| (page.$field.unwrap_or_default(), page.next_token),
        )
        .await
    };
}
use list;

/// Identity of a resource that this account owns.
fn identity(
    cx: &Cx,
    kind: &str,
    id: String,
    tags: Option<Vec<Tag>>,
    created: Option<Timestamp>,
) -> Identity {
    identity_of(cx, cx.account().as_str(), kind, id, tags, created)
}

/// Identity of a resource of some account. Snapshots and images carry no account in their ARN.
fn identity_of(
    cx: &Cx,
    owner: &str,
    kind: &str,
    id: String,
    tags: Option<Vec<Tag>>,
    created: Option<Timestamp>,
) -> Identity {
    let tags = tag_map(
        tags.unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value)),
    );
    let name = tags
        .get("Name")
        .filter(|name| !name.is_empty())
        .unwrap_or(&id);
    Identity {
        arn: format!(
            "arn:{}:ec2:{}:{owner}:{kind}/{id}",
            cx.partition(),
            cx.region()
        ),
        name: name.clone(),
        id,
        tags: Collected::Known(tags),
        created,
    }
}

/// The owner of a resource, when that is another account.
fn shared_from(cx: &Cx, owner: Option<String>) -> Option<String> {
    owner.filter(|owner| !owner.is_empty() && owner != cx.account().as_str())
}

/// Whose account stands in the ARN of a resource that may be shared.
fn owner<'a>(cx: &'a Cx, shared_from: &'a Option<String>) -> &'a str {
    shared_from.as_deref().unwrap_or(cx.account().as_str())
}

/// What AWS always tells; an answer without it is not understood.
fn told<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    value.map_or_else(
        || Collected::Unavailable(cx.malformed(operation)),
        Collected::Known,
    )
}

/// The service that operates a resource on behalf of the account.
fn operated_by(operator: Option<OperatorResponse>) -> Option<String> {
    operator
        .filter(|operator| flag(operator.managed))
        .and_then(|operator| operator.principal)
}
