//! Instances and the templates they are launched from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ExaminedText, ResourceKind, Timestamp};

/// An instance that is not terminated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeInstances"]))]
pub struct Instance {
    /// Such as `t3.micro`.
    pub instance_type: Option<String>,
    /// `pending`, `running`, `shutting-down`, `stopping` or `stopped`.
    pub state: Option<String>,
    /// Image that it was launched from.
    pub image_id: Option<String>,
    /// When it was started last.
    pub launch_time: Option<Timestamp>,
    /// Name of the key pair for SSH; null when it was launched without one.
    pub key_name: Option<String>,
    /// Such as `Linux/UNIX` or `Windows`.
    pub platform_details: Option<String>,
    /// `spot`, `scheduled` or `capacity-block`; null for on-demand.
    pub lifecycle: Option<String>,
    /// How its metadata service answers.
    #[schemars(extend("x-source" = ["ec2:DescribeInstances"]))]
    pub metadata_options: Collected<MetadataOptions>,
    /// User data after examination, never its text; null when it has none.
    #[schemars(extend("x-source" = ["ec2:DescribeInstanceAttribute"]))]
    pub user_data: Collected<ExaminedText>,
    /// ARN of the instance profile, which carries its role; null when it has none.
    pub iam_instance_profile_arn: Option<String>,
    /// `disabled`, `disabling`, `enabled` (every minute instead of every five) or `pending`.
    pub monitoring: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// The subnet's id.
    pub subnet_id: Option<String>,
    /// Availability Zone it runs in, such as `eu-west-1a`.
    pub availability_zone: Option<String>,
    /// Ids of the groups on its primary interface.
    pub security_group_ids: Vec<String>,
    /// Ids of its network interfaces.
    pub network_interface_ids: Vec<String>,
    /// Main private IPv4 address.
    pub private_ip_address: Option<String>,
    /// Main public IPv4 address; null when it has none.
    pub public_ip_address: Option<String>,
    /// IPv6 addresses of all its interfaces.
    pub ipv6_addresses: Vec<String>,
    /// Ids of its EBS volumes.
    pub volume_ids: Vec<String>,
    /// Whether it drops traffic that is not its own; off for routers and NAT instances.
    pub source_dest_check: Option<bool>,
    /// AWS service that operates it, such as `eks.amazonaws.com`; null when the account does.
    pub operated_by: Option<String>,
}

impl ResourceKind for Instance {
    const TYPE: &'static str = "ec2.instance";
}

/// How the instance metadata service (IMDS) answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataOptions {
    /// `required` (IMDSv2 only) or `optional` (IMDSv1 answers too).
    pub http_tokens: String,
    /// `enabled` or `disabled`: whether the service answers at all.
    pub http_endpoint: Option<String>,
    /// Network hops that a session token may travel, 1 to 64.
    pub http_put_response_hop_limit: Option<i64>,
    /// `enabled` or `disabled`: whether it answers over IPv6.
    pub http_protocol_ipv6: Option<String>,
    /// `enabled` or `disabled`: whether tags can be read through it.
    pub instance_metadata_tags: Option<String>,
}

/// A launch template, with the versions that matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeLaunchTemplates"]))]
pub struct LaunchTemplate {
    /// Number of the version that is used when none is named.
    pub default_version_number: Option<i64>,
    /// Number of the newest version.
    pub latest_version_number: Option<i64>,
    /// ARN of the principal that made the template.
    pub created_by: Option<String>,
    /// AWS service that operates it; null when the account does.
    pub operated_by: Option<String>,
    /// The default and the newest version; one entry when they are the same.
    #[schemars(extend("x-source" = ["ec2:DescribeLaunchTemplateVersions"]))]
    pub versions: Collected<Vec<LaunchTemplateVersion>>,
}

impl ResourceKind for LaunchTemplate {
    const TYPE: &'static str = "ec2.launch_template";
}

/// One version of a launch template. What it leaves open is decided at launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchTemplateVersion {
    /// The version's number.
    pub version_number: i64,
    /// Whether it is the default one.
    pub default_version: bool,
    /// When it was made.
    pub create_time: Option<Timestamp>,
    /// Image it launches; may be a parameter reference (`resolve:ssm:...`).
    pub image_id: Option<String>,
    /// Such as `t3.micro`.
    pub instance_type: Option<String>,
    /// Name of the key pair for SSH.
    pub key_name: Option<String>,
    /// `required` or `optional`; null when the template leaves it to image and account defaults.
    pub http_tokens: Option<String>,
    /// `enabled` or `disabled`; null when left open.
    pub http_endpoint: Option<String>,
    /// Network hops that a session token may travel; null when left open.
    pub http_put_response_hop_limit: Option<i64>,
    /// User data after examination, never its text; null when it has none.
    #[schemars(extend("x-source" = ["ec2:DescribeLaunchTemplateVersions"]))]
    pub user_data: Collected<ExaminedText>,
    /// Instance profile, by ARN or, where the template gives none, by name.
    pub iam_instance_profile: Option<String>,
    /// Ids of groups given for the instance as a whole.
    pub security_group_ids: Vec<String>,
    /// Network interfaces it asks for.
    pub network_interfaces: Vec<LaunchTemplateInterface>,
    /// Whether detailed monitoring is asked for; null when left open.
    pub monitoring_enabled: Option<bool>,
    /// Device names of new EBS volumes that it asks to be left unencrypted.
    pub unencrypted_devices: Vec<String>,
}

/// A network interface that a launch template asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchTemplateInterface {
    /// Position on the instance; 0 is the primary one.
    pub device_index: Option<i64>,
    /// Whether it gets a public IPv4 address; null when the subnet decides.
    pub associate_public_ip_address: Option<bool>,
    /// The subnet's id; null when it is named at launch.
    pub subnet_id: Option<String>,
    /// The security groups' ids.
    pub security_group_ids: Vec<String>,
}
