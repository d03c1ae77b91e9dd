//! AWS Key Management Service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[TypeInfo::of::<Key>(), TypeInfo::of::<Alias>()];

/// A key, of the customer's or managed by AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["kms:ListKeys", "kms:DescribeKey"]))]
pub struct Key {
    /// What its owner wrote about it.
    pub description: Option<String>,
    /// `CUSTOMER` or `AWS`.
    pub key_manager: Option<String>,
    /// `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, `PendingReplicaDeletion`,
    /// `Unavailable` or a transitional state.
    pub key_state: Option<String>,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, `GENERATE_VERIFY_MAC` or `KEY_AGREEMENT`.
    pub key_usage: Option<String>,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, `ECC_NIST_P256` and the like.
    pub key_spec: Option<String>,
    /// Where the material came from: `AWS_KMS`, `EXTERNAL` (imported), `AWS_CLOUDHSM` or
    /// `EXTERNAL_KEY_STORE`.
    pub origin: Option<String>,
    /// Custom key store that holds the material.
    pub custom_key_store_id: Option<String>,
    /// When imported material expires; null when it does not.
    pub valid_to: Option<Timestamp>,
    /// When the key will be deleted, for a key pending deletion.
    pub deletion_date: Option<Timestamp>,
    /// Whether the key can have copies in other regions.
    pub multi_region: bool,
    /// `PRIMARY` or `REPLICA`, for a multi-region key.
    pub multi_region_type: Option<String>,
    /// ARN of the primary, for a multi-region key.
    pub primary_key_arn: Option<String>,
    /// ARNs of the replicas, for a multi-region key.
    pub replica_key_arns: Vec<String>,
    /// Aliases that point at the key.
    #[schemars(extend("x-source" = ["kms:ListAliases"]))]
    pub aliases: Collected<Vec<KeyAlias>>,
    /// Key policy; null for AWS managed keys, whose policy nobody can change and which is not read.
    #[schemars(extend("x-source" = ["kms:GetKeyPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// Automatic rotation; null where it does not exist: AWS managed and asymmetric keys, HMAC keys,
    /// imported material and custom key stores.
    #[schemars(extend("x-source" = ["kms:GetKeyRotationStatus"]))]
    pub rotation: Collected<Rotation>,
    /// Grants; null for AWS managed keys, whose grants AWS services make and retire.
    #[schemars(extend("x-source" = ["kms:ListGrants"]))]
    pub grants: Collected<Vec<KeyGrant>>,
}

impl ResourceKind for Key {
    const TYPE: &'static str = "kms.key";
}

/// An alias, as its key sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyAlias {
    /// The name, with its `alias/`.
    pub name: String,
    /// The alias's ARN.
    pub arn: Option<String>,
}

/// Automatic rotation of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rotation {
    /// Whether new material is made on a schedule.
    pub enabled: bool,
    /// Time between rotations, in days (90 to 2560); null when rotation is off.
    pub period_days: Option<i64>,
    /// When the next rotation is due.
    pub next_rotation: Option<Timestamp>,
}

/// A grant: a permission to use the key that is not in its policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyGrant {
    /// The grant's id.
    pub grant_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Who may use it: the ARN of a principal, the name of a service, or an id of one that is gone.
    pub grantee_principal: Option<String>,
    /// Service principal that may use it, where the grantee is one.
    pub grantee_service: Option<String>,
    /// Who may retire it.
    pub retiring_principal: Option<String>,
    /// Account that issued it: an account id or its root ARN.
    pub issuing_account: Option<String>,
    /// Operations it allows, such as `Decrypt` or `CreateGrant`.
    pub operations: Vec<String>,
    /// Names of the keys of an encryption context that calls must have, exactly or as a part.
    pub encryption_context_keys: Vec<String>,
    /// ARN of the resource that calls must be made for.
    pub source_arn: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// An alias: a name that stands for a key and can be turned to another. Names that AWS reserves for
/// keys that do not exist yet are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["kms:ListAliases"]))]
pub struct Alias {
    /// Id of the key.
    pub target_key_id: String,
    /// When it was turned to that key, or made.
    pub last_updated: Option<Timestamp>,
    /// Whether its name begins with `alias/aws/`, which only AWS can make.
    pub aws_reserved: bool,
}

impl ResourceKind for Alias {
    const TYPE: &'static str = "kms.alias";
}
