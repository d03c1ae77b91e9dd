//! Amazon Elastic Container Registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[TypeInfo::of::<Repository>(), TypeInfo::of::<Registry>()];

/// A private repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ecr:DescribeRepositories"]))]
pub struct Repository {
    /// URI that images are pushed to and pulled from.
    pub uri: Option<String>,
    /// `MUTABLE`, `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION` or `MUTABLE_WITH_EXCLUSION`.
    pub image_tag_mutability: Option<String>,
    /// Tag patterns that the setting leaves out.
    pub mutability_exclusions: Vec<String>,
    /// The repository's own scan-on-push switch, which AWS has deprecated for the registry's rules;
    /// null where AWS does not say.
    pub scan_on_push: Option<bool>,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: Option<String>,
    /// ARN of the key, for the KMS kinds.
    pub kms_key_arn: Option<String>,
    /// How often images are scanned in effect, by the registry's rules and the repository's switch:
    /// `SCAN_ON_PUSH`, `CONTINUOUS_SCAN` or `MANUAL`.
    #[schemars(extend("x-source" = ["ecr:BatchGetRepositoryScanningConfiguration"]))]
    pub scan_frequency: Collected<String>,
    /// Repository policy; null when there is none.
    #[schemars(extend("x-source" = ["ecr:GetRepositoryPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// Lifecycle policy; null when there is none.
    #[schemars(extend("x-source" = ["ecr:GetLifecyclePolicy"]))]
    pub lifecycle_policy: Collected<LifecyclePolicy>,
    /// The images.
    #[schemars(extend("x-source" = ["ecr:DescribeImages"]))]
    pub images: Collected<Images>,
}

impl ResourceKind for Repository {
    const TYPE: &'static str = "ecr.repository";
}

/// What removes old images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecyclePolicy {
    /// Number of rules.
    pub rule_count: i64,
    /// Whether a rule is for untagged images.
    pub covers_untagged: bool,
    /// Whether a rule is for tagged ones, or for all.
    pub covers_tagged: bool,
}

/// The images of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Images {
    /// How many there are, without signatures and other attachments.
    pub total: i64,
    /// The five that were pushed last, the newest first.
    pub newest: Vec<Image>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Digest of the manifest.
    pub digest: String,
    /// Tags.
    pub image_tags: Vec<String>,
    /// When it was pushed.
    pub pushed: Option<Timestamp>,
    /// When it was pulled last; AWS records it at most once a day.
    pub last_pull: Option<Timestamp>,
    /// Media type of the manifest.
    pub media_type: Option<String>,
    /// Whether it is a list of images for several platforms, which itself cannot be scanned.
    pub is_index: bool,
    /// The last scan; null when it was never scanned, and for lists.
    #[schemars(extend("x-source" = ["ecr:DescribeImages", "ecr:DescribeImageScanFindings"]))]
    pub scan: Collected<ImageScan>,
}

/// A scan for known vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageScan {
    /// `COMPLETE`, `ACTIVE` (scanned continuously), `IN_PROGRESS`, `PENDING`, `FAILED`,
    /// `UNSUPPORTED_IMAGE`, `SCAN_ELIGIBILITY_EXPIRED`, `FINDINGS_UNAVAILABLE`, ...
    pub status: Option<String>,
    /// When it was completed.
    pub completed: Option<Timestamp>,
    /// Findings by severity; null when the scan has no result.
    pub findings: Option<FindingCounts>,
}

/// Findings of a scan, by severity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingCounts {
    /// `CRITICAL`.
    pub critical: i64,
    /// `HIGH`.
    pub high: i64,
    /// `MEDIUM`.
    pub medium: i64,
    /// `LOW`.
    pub low: i64,
    /// Everything else: `INFORMATIONAL`, `UNDEFINED` and what AWS adds.
    pub other: i64,
}

/// The private registry of one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ecr:DescribeRegistry"]))]
pub struct Registry {
    /// Replication rules.
    pub replication_rules: Vec<ReplicationRule>,
    /// Registry policy; null when there is none.
    #[schemars(extend("x-source" = ["ecr:GetRegistryPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// Scanning of the whole registry.
    #[schemars(extend("x-source" = ["ecr:GetRegistryScanningConfiguration"]))]
    pub scanning: Collected<RegistryScanning>,
    /// Rules that mirror other registries on demand.
    #[schemars(extend("x-source" = ["ecr:DescribePullThroughCacheRules"]))]
    pub pull_through_cache_rules: Collected<Vec<PullThroughCacheRule>>,
}

impl ResourceKind for Registry {
    const TYPE: &'static str = "ecr.registry";
}

/// A replication rule of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationRule {
    /// Where images are copied to.
    pub destinations: Vec<ReplicationDestination>,
    /// Prefixes of the repositories that are copied; empty for all.
    pub repository_prefixes: Vec<String>,
}

/// Where images are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationDestination {
    /// The region.
    pub region: String,
    /// The account that owns the registry.
    pub account: String,
}

/// Scanning of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryScanning {
    /// `BASIC` (operating-system packages) or `ENHANCED` (Amazon Inspector).
    pub scan_type: Option<String>,
    /// Which repositories are scanned how often.
    pub rules: Vec<ScanningRule>,
}

/// A scanning rule of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanningRule {
    /// `SCAN_ON_PUSH`, `CONTINUOUS_SCAN` or `MANUAL`.
    pub scan_frequency: String,
    /// Patterns of repository names, with `*` as wildcard.
    pub repository_filters: Vec<String>,
}

/// A rule that mirrors another registry on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullThroughCacheRule {
    /// Prefix of the repositories that it fills.
    pub repository_prefix: String,
    /// Host of the registry that it mirrors.
    pub upstream_url: Option<String>,
    /// `ecr-public`, `docker-hub`, `quay`, `k8s`, `github-container-registry` and the like.
    pub upstream_registry: Option<String>,
    /// ARN of the secret that it signs in with; null for anonymous pulls.
    pub credential_arn: Option<String>,
}
