//! Amazon S3: general purpose buckets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[TypeInfo::of::<Bucket>()];

/// A general purpose bucket, read in its own region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["s3:ListBuckets", "s3:GetBucketLocation"]))]
pub struct Bucket {
    /// Bucket policy; null when there is none.
    #[schemars(extend("x-source" = ["s3:GetBucketPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// AWS's own verdict on the policy: whether it is public, block settings left aside; null when
    /// there is no policy.
    #[schemars(extend("x-source" = ["s3:GetBucketPolicyStatus"]))]
    pub policy_is_public: Collected<bool>,
    /// Access control list of the bucket itself.
    #[schemars(extend("x-source" = ["s3:GetBucketAcl"]))]
    pub acl: Collected<AccessControlList>,
    /// The bucket's own block on public access; null when none was ever set (all four are off).
    #[schemars(extend("x-source" = ["s3:GetPublicAccessBlock"]))]
    pub public_access_block: Collected<PublicAccessBlock>,
    /// `BucketOwnerEnforced` (ACLs are off), `BucketOwnerPreferred` or `ObjectWriter`; null when never
    /// set, which has the effect of `ObjectWriter`.
    #[schemars(extend("x-source" = ["s3:GetBucketOwnershipControls"]))]
    pub object_ownership: Collected<String>,
    /// Default encryption; null when none is configured.
    #[schemars(extend("x-source" = ["s3:GetBucketEncryption"]))]
    pub encryption: Collected<Encryption>,
    /// Versioning and MFA delete.
    #[schemars(extend("x-source" = ["s3:GetBucketVersioning"]))]
    pub versioning: Collected<Versioning>,
    /// Object lock; null when the bucket has none.
    #[schemars(extend("x-source" = ["s3:GetObjectLockConfiguration"]))]
    pub object_lock: Collected<ObjectLock>,
    /// Lifecycle rules; null when there is no configuration.
    #[schemars(extend("x-source" = ["s3:GetBucketLifecycleConfiguration"]))]
    pub lifecycle_rules: Collected<Vec<LifecycleRule>>,
    /// Server access logging; null when it is off.
    #[schemars(extend("x-source" = ["s3:GetBucketLogging"]))]
    pub logging: Collected<AccessLogging>,
    /// Replication; null when there is none.
    #[schemars(extend("x-source" = ["s3:GetBucketReplication"]))]
    pub replication: Collected<Replication>,
    /// Cross-origin rules; null when there is no configuration.
    #[schemars(extend("x-source" = ["s3:GetBucketCors"]))]
    pub cors_rules: Collected<Vec<CorsRule>>,
    /// Static website hosting; null when it is off.
    #[schemars(extend("x-source" = ["s3:GetBucketWebsite"]))]
    pub website: Collected<Website>,
    /// What is told of events in the bucket.
    #[schemars(extend("x-source" = ["s3:GetBucketNotificationConfiguration"]))]
    pub notifications: Collected<Notifications>,
}

impl ResourceKind for Bucket {
    const TYPE: &'static str = "s3.bucket";
}

/// The four switches against public access, of an account, a bucket or an access point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicAccessBlock {
    /// New ACLs that grant public access are refused.
    pub block_public_acls: bool,
    /// Public grants in ACLs have no effect.
    pub ignore_public_acls: bool,
    /// New policies that grant public access are refused.
    pub block_public_policy: bool,
    /// A public policy admits only the owner's account and AWS services.
    pub restrict_public_buckets: bool,
}

/// An access control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessControlList {
    /// Canonical user id of the owner.
    pub owner_id: Option<String>,
    /// The grants, the owner's own included.
    pub grants: Vec<AclGrant>,
}

/// One grant of an access control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AclGrant {
    /// `CanonicalUser`, `AmazonCustomerByEmail` or `Group`.
    pub grantee_type: String,
    /// Canonical user id of a user.
    pub grantee_id: Option<String>,
    /// URI of a group, such as `http://acs.amazonaws.com/groups/global/AllUsers`.
    pub grantee_uri: Option<String>,
    /// `FULL_CONTROL`, `WRITE`, `WRITE_ACP`, `READ` or `READ_ACP`.
    pub permission: Option<String>,
}

/// Default encryption of new objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Encryption {
    /// `AES256` (SSE-S3), `aws:kms` (SSE-KMS) or `aws:kms:dsse` (two layers); null when only a bucket
    /// key is configured.
    pub sse_algorithm: Option<String>,
    /// Id, ARN or alias of the KMS key as it was entered; null for SSE-S3, and for SSE-KMS with the AWS
    /// managed key `aws/s3`.
    pub kms_key_id: Option<String>,
    /// Whether a bucket key stands in for most calls to KMS.
    pub bucket_key_enabled: bool,
    /// Kinds of encryption that uploads may not use, such as `SSE-C`.
    pub blocked_encryption_types: Vec<String>,
}

/// Versioning of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versioning {
    /// `Enabled` or `Suspended`; null when it was never on.
    pub status: Option<String>,
    /// `Enabled` or `Disabled`; null when it was never configured.
    pub mfa_delete: Option<String>,
}

/// Object lock of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectLock {
    /// Whether objects can be locked at all.
    pub enabled: bool,
    /// `GOVERNANCE` or `COMPLIANCE`; null when new objects get no retention by default.
    pub retention_mode: Option<String>,
    /// Default retention, in days; null when it is given in years or not at all.
    pub retention_days: Option<i64>,
    /// Default retention, in years.
    pub retention_years: Option<i64>,
}

/// A lifecycle rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleRule {
    /// The rule's id.
    pub rule_id: Option<String>,
    /// `Enabled` or `Disabled`.
    pub status: String,
    /// Prefix of the keys it is for; null for all prefixes.
    pub prefix: Option<String>,
    /// Whether it covers every object: no prefix, tag or size narrows it.
    pub covers_bucket: bool,
    /// Age at which objects expire, in days.
    pub expiration_days: Option<i64>,
    /// When objects expire, as a date.
    pub expiration_date: Option<Timestamp>,
    /// Whether delete markers without versions are removed.
    pub expired_object_delete_marker: bool,
    /// Age since it was replaced at which an old version expires, in days.
    pub noncurrent_expiration_days: Option<i64>,
    /// How many old versions are kept in any case.
    pub newer_noncurrent_versions: Option<i64>,
    /// Age at which unfinished multipart uploads are dropped, in days.
    pub abort_multipart_days: Option<i64>,
    /// Moves to other storage classes.
    pub transitions: Vec<LifecycleTransition>,
}

/// A move to another storage class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleTransition {
    /// Age of the object, or of the old version since it was replaced, in days; null when a date says.
    pub days: Option<i64>,
    /// The storage class, such as `GLACIER`.
    pub storage_class: Option<String>,
    /// Whether it is for old versions.
    pub noncurrent: bool,
}

/// Where server access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLogging {
    /// Name of the bucket that receives the logs.
    pub target_bucket: String,
    /// Prefix of the logs' keys.
    pub target_prefix: String,
    /// Grants put on the log objects.
    pub target_grants: Vec<AclGrant>,
}

/// Replication to other buckets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replication {
    /// ARN of the role that S3 assumes.
    pub role_arn: String,
    /// The rules.
    pub rules: Vec<ReplicationRule>,
}

/// A replication rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationRule {
    /// The rule's id.
    pub rule_id: Option<String>,
    /// `Enabled` or `Disabled`.
    pub status: String,
    /// Priority among rules of one destination; the higher wins.
    pub priority: Option<i64>,
    /// ARN of the bucket that receives replicas.
    pub destination_bucket_arn: String,
    /// Account that must own the destination; null when the rule names none.
    pub destination_account: Option<String>,
    /// `Destination` when replicas belong to the destination's owner; null when to the source's.
    pub replica_owner: Option<String>,
    /// Id or ARN of the key that encrypts replicas of objects under KMS; null when none is named.
    pub replica_kms_key_id: Option<String>,
    /// `Enabled` when objects encrypted with KMS are replicated too; otherwise `Disabled` or null, and
    /// they are left out.
    pub sse_kms_encrypted_objects: Option<String>,
    /// `Enabled` or `Disabled`: whether delete markers are replicated.
    pub delete_marker_replication: Option<String>,
    /// `Enabled` or `Disabled`: whether changes of replicas' metadata travel back.
    pub replica_modifications: Option<String>,
}

/// A cross-origin rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorsRule {
    /// Origins that may call; `*` for all.
    pub allowed_origins: Vec<String>,
    /// `GET`, `PUT`, `HEAD`, `POST`, `DELETE`.
    pub allowed_methods: Vec<String>,
    /// Headers that may be sent.
    pub allowed_headers: Vec<String>,
    /// Headers that scripts may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer, in seconds.
    pub max_age: Option<i64>,
}

/// Static website hosting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Website {
    /// Suffix of index documents; null when every request is redirected.
    pub index_document: Option<String>,
    /// Key of the error document.
    pub error_document: Option<String>,
    /// Host that every request is redirected to.
    pub redirect_host: Option<String>,
    /// `http` or `https`: the protocol of that redirect; null for the request's own.
    pub redirect_protocol: Option<String>,
    /// Number of routing rules.
    pub routing_rule_count: i64,
}

/// Who is told of events in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notifications {
    /// Functions, queues and topics.
    pub targets: Vec<NotificationTarget>,
    /// Whether all events go to EventBridge.
    pub event_bridge: bool,
}

/// A target of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationTarget {
    /// `lambda`, `sqs` or `sns`.
    pub kind: String,
    /// The target's ARN.
    pub target_arn: String,
    /// Events that are sent, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
}
