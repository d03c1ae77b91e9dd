//! Volumes, snapshots and images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind, Timestamp};

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeVolumes"]))]
pub struct Volume {
    /// Whether it is encrypted.
    #[schemars(extend("x-source" = ["ec2:DescribeVolumes"]))]
    pub encrypted: Collected<bool>,
    /// ARN of the key; null when it is not encrypted.
    pub kms_key_arn: Option<String>,
    /// `creating`, `available` (attached to nothing), `in-use`, `deleting`, `deleted` or `error`.
    pub state: Option<String>,
    /// Size, in GiB.
    pub size: Option<i64>,
    /// `gp3`, `gp2`, `io2`, `io1`, `st1`, `sc1` or `standard`.
    pub volume_type: Option<String>,
    /// Name of the Availability Zone.
    pub availability_zone: Option<String>,
    /// Snapshot it was made from.
    pub snapshot_id: Option<String>,
    /// Instances it is attached to.
    pub instance_ids: Vec<String>,
    /// AWS service that operates it; null when the account does.
    pub operated_by: Option<String>,
}

impl ResourceKind for Volume {
    const TYPE: &'static str = "ec2.volume";
}

/// A snapshot that this account owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeSnapshots"]))]
pub struct Snapshot {
    /// Whether it is encrypted.
    #[schemars(extend("x-source" = ["ec2:DescribeSnapshots"]))]
    pub encrypted: Collected<bool>,
    /// ARN of the key; null when it is not encrypted.
    pub kms_key_arn: Option<String>,
    /// What its maker wrote about it.
    pub description: Option<String>,
    /// `pending`, `completed`, `error`, `recoverable` or `recovering`.
    pub state: Option<String>,
    /// Volume it was taken of.
    pub volume_id: Option<String>,
    /// Size of that volume, in GiB.
    pub volume_size: Option<i64>,
    /// `standard` or `archive`.
    pub storage_tier: Option<String>,
    /// Who may make volumes of it.
    #[schemars(extend("x-source" = ["ec2:DescribeSnapshotAttribute"]))]
    pub create_volume_permission: Collected<SnapshotPermission>,
}

impl ResourceKind for Snapshot {
    const TYPE: &'static str = "ec2.snapshot";
}

/// Who may make volumes of a snapshot, beside its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotPermission {
    /// Whether every AWS account may.
    pub public: bool,
    /// Accounts that may.
    pub account_ids: Vec<String>,
}

/// A machine image (AMI) that this account owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeImages"]))]
pub struct Image {
    /// `pending`, `available`, `invalid`, `deregistered`, `transient`, `failed`, `error` or `disabled`.
    pub state: Option<String>,
    /// What its maker wrote about it.
    pub description: Option<String>,
    /// Whether every AWS account may launch it.
    #[schemars(extend("x-source" = ["ec2:DescribeImages"]))]
    pub public: Collected<bool>,
    /// Who else may launch it, by name.
    #[schemars(extend("x-source" = ["ec2:DescribeImageAttribute"]))]
    pub launch_permission: Collected<LaunchPermission>,
    /// Such as `Linux/UNIX` or `Windows`.
    pub platform_details: Option<String>,
    /// `x86_64`, `arm64`, `i386`, ...
    pub architecture: Option<String>,
    /// Name of the root device, such as `/dev/xvda`.
    pub root_device_name: Option<String>,
    /// EBS volumes that an instance of it gets.
    pub devices: Vec<ImageDevice>,
    /// `v2.0` when instances of it demand IMDSv2 unless told otherwise; null when they do not.
    pub imds_support: Option<String>,
    /// When it is, or was, deprecated; null when it is not going to be.
    pub deprecation_time: Option<Timestamp>,
    /// `disabled`, `enabled` or `enabled-with-cooldown`: whether it can be deregistered.
    pub deregistration_protection: Option<String>,
    /// When an instance was launched from it last; null when never, or not told.
    pub last_launched_time: Option<Timestamp>,
}

impl ResourceKind for Image {
    const TYPE: &'static str = "ec2.image";
}

/// An EBS volume of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageDevice {
    /// Such as `/dev/xvda`.
    pub device_name: Option<String>,
    /// Snapshot that holds its content; null for an empty volume.
    pub snapshot_id: Option<String>,
    /// Whether that snapshot is encrypted.
    #[schemars(extend("x-source" = ["ec2:DescribeImages"]))]
    pub encrypted: Collected<bool>,
}

/// Who may launch an image, beside its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchPermission {
    /// Whether every AWS account may.
    pub public: bool,
    /// Accounts that may.
    pub account_ids: Vec<String>,
    /// ARNs of organizations whose accounts may.
    pub organization_arns: Vec<String>,
    /// ARNs of organizational units whose accounts may.
    pub organizational_unit_arns: Vec<String>,
}
