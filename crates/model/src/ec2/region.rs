//! Settings of EC2 for one account and region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind};

/// EC2's settings for one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = [
    "ec2:GetEbsEncryptionByDefault",
    "ec2:GetEbsDefaultKmsKeyId",
    "ec2:GetSnapshotBlockPublicAccessState",
    "ec2:GetImageBlockPublicAccessState",
    "ec2:GetInstanceMetadataDefaults"
]))]
pub struct RegionSettings {
    /// Whether new volumes and copies of snapshots are encrypted without being asked to.
    #[schemars(extend("x-source" = ["ec2:GetEbsEncryptionByDefault"]))]
    pub ebs_encryption_by_default: Collected<bool>,
    /// Key that encrypts them: an ARN, id or alias; `alias/aws/ebs` until another is chosen.
    #[schemars(extend("x-source" = ["ec2:GetEbsDefaultKmsKeyId"]))]
    pub ebs_default_kms_key_id: Collected<String>,
    /// `block-all-sharing`, `block-new-sharing` or `unblocked`.
    #[schemars(extend("x-source" = ["ec2:GetSnapshotBlockPublicAccessState"]))]
    pub snapshot_block_public_access: Collected<String>,
    /// `block-new-sharing` or `unblocked`.
    #[schemars(extend("x-source" = ["ec2:GetImageBlockPublicAccessState"]))]
    pub image_block_public_access: Collected<String>,
    /// What an instance's metadata service is like when its launch does not say.
    #[schemars(extend("x-source" = ["ec2:GetInstanceMetadataDefaults"]))]
    pub metadata_defaults: Collected<MetadataDefaults>,
}

impl ResourceKind for RegionSettings {
    const TYPE: &'static str = "ec2.region_settings";
}

/// Defaults for the instance metadata service; null means that the account sets no preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataDefaults {
    /// `required` or `optional`.
    pub http_tokens: Option<String>,
    /// `enabled` or `disabled`: whether launches that do not demand IMDSv2 are refused.
    pub http_tokens_enforced: Option<String>,
    /// `enabled` or `disabled`.
    pub http_endpoint: Option<String>,
    /// Network hops that a session token may travel, 1 to 64.
    pub http_put_response_hop_limit: Option<i64>,
    /// `enabled` or `disabled`.
    pub instance_metadata_tags: Option<String>,
    /// `account` or `declarative-policy`: who set them.
    pub managed_by: Option<String>,
}
