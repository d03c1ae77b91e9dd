//! AWS Lambda.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ExaminedValue, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<Function>(),
    TypeInfo::of::<EventSourceMapping>(),
    TypeInfo::of::<LayerVersion>(),
    TypeInfo::of::<CodeSigningConfig>(),
    TypeInfo::of::<AccountSettings>(),
];

/// A function, with everything that hangs on its aliases and versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["lambda:ListFunctions"]))]
pub struct Function {
    /// Runtime identifier such as `python3.13`; null for container images.
    pub runtime: Option<String>,
    /// `Zip` or `Image`.
    pub package_type: Option<String>,
    /// Handler, as `file.function`.
    pub handler: Option<String>,
    /// ARN of the execution role.
    pub role_arn: String,
    /// Maximum duration of an invocation, in seconds.
    pub timeout: Option<i64>,
    /// Memory, in MiB.
    pub memory_size: Option<i64>,
    /// `x86_64` or `arm64`.
    pub architectures: Vec<String>,
    /// When code or configuration changed last.
    pub last_modified: Option<Timestamp>,
    /// Environment variables: names, verdicts and fingerprints, never values.
    #[schemars(extend("x-source" = ["lambda:ListFunctions"]))]
    pub environment: Collected<Vec<ExaminedValue>>,
    /// Key that encrypts the environment; null for the AWS managed key.
    pub kms_key_arn: Option<String>,
    /// `Active` or `PassThrough` (X-Ray).
    pub tracing_mode: Option<String>,
    /// ARN of the dead-letter queue or topic for asynchronous events.
    pub dead_letter_target_arn: Option<String>,
    /// The function's VPC; null when it is attached to none.
    pub vpc: Option<VpcAttachment>,
    /// Layer versions in use, as ARNs.
    pub layer_arns: Vec<String>,
    /// Log destination and format.
    pub logging: Option<Logging>,
    /// Size of `/tmp`, in MiB.
    pub ephemeral_storage: Option<i64>,
    /// ARNs of file-system access points mounted.
    pub file_system_arns: Vec<String>,
    /// `PublishedVersions` or `None` (SnapStart).
    pub snap_start: Option<String>,
    /// ARN of the signing profile version that signed the deployed code.
    pub signing_profile_version_arn: Option<String>,
    /// ARN of the code signing configuration that guards deployments.
    #[schemars(extend("x-source" = ["lambda:GetFunctionCodeSigningConfig"]))]
    pub code_signing_config_arn: Collected<String>,
    /// Reserved concurrent executions; null when it draws on the account's pool.
    #[schemars(extend("x-source" = ["lambda:GetFunctionConcurrency"]))]
    pub reserved_concurrency: Collected<i64>,
    /// Resource policy of the function itself (`$LATEST`, unqualified).
    #[schemars(extend("x-source" = ["lambda:GetPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// Function URL of the unqualified function; null when there is none.
    #[schemars(extend("x-source" = ["lambda:GetFunctionUrlConfig"]))]
    pub url: Collected<FunctionUrl>,
    /// Asynchronous invocation settings of the unqualified function.
    #[schemars(extend("x-source" = ["lambda:ListFunctionEventInvokeConfigs"]))]
    pub async_config: Collected<AsyncConfig>,
    /// Aliases and published versions, each with its own policy, URL and settings.
    #[schemars(extend("x-source" = ["lambda:ListAliases", "lambda:ListVersionsByFunction"]))]
    pub qualifiers: Collected<Vec<Qualifier>>,
}

impl ResourceKind for Function {
    const TYPE: &'static str = "lambda.function";
}

/// Where a function is attached to a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VpcAttachment {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// The subnets' ids.
    pub subnet_ids: Vec<String>,
    /// The security groups' ids.
    pub security_group_ids: Vec<String>,
}

/// Where a function's logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Logging {
    /// `JSON` or `Text`.
    pub format: Option<String>,
    /// The log group's name.
    pub log_group: Option<String>,
    /// Least severe application log level kept, such as `INFO`.
    pub application_level: Option<String>,
    /// Least severe system log level kept.
    pub system_level: Option<String>,
}

/// A function URL: an HTTPS endpoint of a function or alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionUrl {
    /// The address.
    pub url: String,
    /// `AWS_IAM` or `NONE`.
    pub auth_type: String,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: Option<String>,
    /// Cross-origin settings; null when the URL answers no cross-origin request.
    pub cors: Option<Cors>,
}

/// Cross-origin resource sharing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cors {
    /// Whether cookies and other credentials may be sent.
    pub allow_credentials: bool,
    /// Origins that may call; `*` for all.
    pub allow_origins: Vec<String>,
    /// Methods that may be used.
    pub allow_methods: Vec<String>,
    /// Headers that may be sent.
    pub allow_headers: Vec<String>,
    /// How long a browser may keep the answer, in seconds.
    pub max_age: Option<i64>,
}

/// What happens to asynchronous events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AsyncConfig {
    /// Retries after a failure, 0 to 2; null for the default of 2.
    pub maximum_retry_attempts: Option<i64>,
    /// Age at which an event is dropped, in seconds; null for the default of six hours.
    pub maximum_event_age: Option<i64>,
    /// ARN that receives events which failed.
    pub on_failure_arn: Option<String>,
    /// ARN that receives events which succeeded.
    pub on_success_arn: Option<String>,
}

/// An alias or a published version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Qualifier {
    /// The alias's name or the version's number.
    pub name: String,
    /// `alias` or `version`.
    pub kind: String,
    /// Its qualified ARN.
    pub arn: String,
    /// Version that an alias points at.
    pub function_version: Option<String>,
    /// Its own resource policy.
    #[schemars(extend("x-source" = ["lambda:GetPolicy"]))]
    pub policy: Collected<PolicyDocument>,
    /// Its own URL; only aliases can have one.
    #[schemars(extend("x-source" = ["lambda:GetFunctionUrlConfig"]))]
    pub url: Collected<FunctionUrl>,
    /// Its own asynchronous settings.
    #[schemars(extend("x-source" = ["lambda:ListFunctionEventInvokeConfigs"]))]
    pub async_config: Collected<AsyncConfig>,
}

/// A mapping that feeds a function from a queue or stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["lambda:ListEventSourceMappings"]))]
pub struct EventSourceMapping {
    /// ARN of the function that is fed.
    pub function_arn: Option<String>,
    /// ARN of the source; null for self-managed Kafka.
    pub source_arn: Option<String>,
    /// Bootstrap servers of a self-managed Kafka cluster.
    pub self_managed_servers: Vec<String>,
    /// `Enabled`, `Disabled` or a transitional state.
    pub state: Option<String>,
    /// How the source is authenticated, as `TYPE` names; values are ARNs of secrets, kept as they are.
    pub source_access: Vec<String>,
    /// Records a batch.
    pub batch_size: Option<i64>,
    /// Retries for streams; -1 for endless.
    pub maximum_retry_attempts: Option<i64>,
    /// ARN that receives records which failed.
    pub on_failure_arn: Option<String>,
    /// Number of filter patterns.
    pub filter_count: i64,
    /// Key that encrypts the filter criteria; null for the AWS owned key.
    pub kms_key_arn: Option<String>,
}

impl ResourceKind for EventSourceMapping {
    const TYPE: &'static str = "lambda.event_source_mapping";
}

/// The latest version of a layer of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["lambda:ListLayers"]))]
pub struct LayerVersion {
    /// Name of the layer.
    pub layer_name: String,
    /// The version's number.
    pub version: i64,
    /// Runtimes it says it suits.
    pub compatible_runtimes: Vec<String>,
    /// Its resource policy.
    #[schemars(extend("x-source" = ["lambda:GetLayerVersionPolicy"]))]
    pub policy: Collected<PolicyDocument>,
}

impl ResourceKind for LayerVersion {
    const TYPE: &'static str = "lambda.layer_version";
}

/// A code signing configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["lambda:ListCodeSigningConfigs"]))]
pub struct CodeSigningConfig {
    /// ARNs of the signing profile versions that are trusted.
    pub signing_profile_version_arns: Vec<String>,
    /// `Warn` or `Enforce`: what happens to code that is not signed by them.
    pub untrusted_artifact_on_deployment: Option<String>,
}

impl ResourceKind for CodeSigningConfig {
    const TYPE: &'static str = "lambda.code_signing_config";
}

/// Lambda's settings for one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["lambda:GetAccountSettings"]))]
pub struct AccountSettings {
    /// Functions that may run at once.
    pub concurrent_executions: i64,
    /// What is left of it for functions without a reservation.
    pub unreserved_concurrent_executions: i64,
    /// Functions in the region.
    pub function_count: i64,
    /// Code stored, in bytes.
    pub total_code_size: i64,
}

impl ResourceKind for AccountSettings {
    const TYPE: &'static str = "lambda.account_settings";
}
