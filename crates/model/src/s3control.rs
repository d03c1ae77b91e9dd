//! Amazon S3 Control: account settings and access points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::s3::PublicAccessBlock;
use crate::{Collected, PolicyDocument, ResourceKind, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<AccountSettings>(),
    TypeInfo::of::<AccessPoint>(),
];

/// S3's settings for a whole account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["s3control:GetPublicAccessBlock"]))]
pub struct AccountSettings {
    /// The account's block on public access, in force for every bucket and access point of the account;
    /// null when it was never set (all four are off).
    #[schemars(extend("x-source" = ["s3control:GetPublicAccessBlock"]))]
    pub public_access_block: Collected<PublicAccessBlock>,
}

impl ResourceKind for AccountSettings {
    const TYPE: &'static str = "s3control.account_settings";
}

/// An access point: a further host name and policy for a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["s3control:ListAccessPoints"]))]
pub struct AccessPoint {
    /// Name of the bucket behind it.
    pub bucket: String,
    /// Account that owns the bucket; null where AWS does not say.
    pub bucket_account: Option<String>,
    /// Alias that can stand where a bucket's name is asked for.
    pub alias: Option<String>,
    /// `Internet` or `VPC`.
    pub network_origin: String,
    /// The only VPC it answers, for origin `VPC`.
    pub vpc_id: Option<String>,
    /// Kind of data behind it where that is not a bucket, such as `FSx`-backed volumes; null for S3.
    pub data_source_type: Option<String>,
    /// Its own block on public access, fixed at creation; null when AWS reports none.
    #[schemars(extend("x-source" = ["s3control:GetAccessPoint"]))]
    pub public_access_block: Collected<PublicAccessBlock>,
    /// Its policy; null when there is none.
    #[schemars(extend("x-source" = ["s3control:GetAccessPointPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// AWS's own verdict on the policy: whether it is public; null when there is no policy.
    #[schemars(extend("x-source" = ["s3control:GetAccessPointPolicyStatus"]))]
    pub policy_is_public: Collected<bool>,
}

impl ResourceKind for AccessPoint {
    const TYPE: &'static str = "s3control.access_point";
}
