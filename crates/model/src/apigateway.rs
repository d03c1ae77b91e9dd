//! Amazon API Gateway: REST APIs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ExaminedValue, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<RestApi>(),
    TypeInfo::of::<Method>(),
    TypeInfo::of::<Authorizer>(),
    TypeInfo::of::<Stage>(),
    TypeInfo::of::<UsagePlan>(),
    TypeInfo::of::<ApiKey>(),
    TypeInfo::of::<DomainName>(),
    TypeInfo::of::<VpcLink>(),
    TypeInfo::of::<ClientCertificate>(),
    TypeInfo::of::<Account>(),
];

/// A REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetRestApis"]))]
pub struct RestApi {
    /// `EDGE`, `REGIONAL` or `PRIVATE`; one entry in practice.
    pub endpoint_types: Vec<String>,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: Option<String>,
    /// VPC endpoints that a private API is associated with (they get a DNS alias; this grants nothing).
    pub vpc_endpoint_ids: Vec<String>,
    /// Whether the default `execute-api` address is switched off.
    pub disable_execute_api_endpoint: bool,
    /// Resource policy; null when there is none.
    #[schemars(extend("x-source" = ["apigateway:GetRestApis"]))]
    pub policy: Collected<PolicyDocument>,
    /// Where keys are read from: `HEADER` or `AUTHORIZER`.
    pub api_key_source: Option<String>,
    /// Size from which answers are compressed, in bytes; null when they never are.
    pub minimum_compression_size: Option<i64>,
    /// TLS policy of the default endpoint, such as `TLS_1_0` or `SecurityPolicy_TLS13_1_2_2021_06`.
    pub security_policy: Option<String>,
    /// `BASIC` or `STRICT`: whether the endpoint insists on its own host name and type.
    pub endpoint_access_mode: Option<String>,
    /// `AVAILABLE`, `UPDATING`, `PENDING` or `FAILED`.
    pub status: Option<String>,
    /// Media types that pass as binary.
    pub binary_media_types: Vec<String>,
    /// Validators that its methods can name.
    #[schemars(extend("x-source" = ["apigateway:GetRequestValidators"]))]
    pub request_validators: Collected<Vec<RequestValidator>>,
}

impl ResourceKind for RestApi {
    const TYPE: &'static str = "apigateway.rest_api";
}

/// What is checked of a request before it goes to the backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestValidator {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Whether the body is checked against the method's model.
    pub validate_body: bool,
    /// Whether required parameters and headers must be there.
    pub validate_parameters: bool,
}

/// A method of a resource of a REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetRestApis", "apigateway:GetResources"]))]
pub struct Method {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's endpoint types: `EDGE`, `REGIONAL` or `PRIVATE`.
    pub api_endpoint_types: Vec<String>,
    /// The API's resource policy; null when there is none.
    #[schemars(extend("x-source" = ["apigateway:GetRestApis"]))]
    pub api_policy: Collected<PolicyDocument>,
    /// The resource's id.
    pub resource_id: String,
    /// The resource's path, such as `/orders/{id}`.
    pub path: String,
    /// The verb, or `ANY`.
    pub http_method: String,
    /// `NONE`, `AWS_IAM`, `CUSTOM` or `COGNITO_USER_POOLS`.
    pub authorization_type: String,
    /// The authorizer's id, for `CUSTOM` and `COGNITO_USER_POOLS`.
    pub authorizer_id: Option<String>,
    /// Scopes of which an access token must carry one, for `COGNITO_USER_POOLS`.
    pub authorization_scopes: Vec<String>,
    /// Whether an API key must be sent.
    pub api_key_required: bool,
    /// Id of the request validator; null when nothing is validated.
    pub request_validator_id: Option<String>,
    /// The request validator itself; null when the method names none.
    #[schemars(extend("x-source" = ["apigateway:GetRequestValidators"]))]
    pub request_validator: Collected<RequestValidator>,
    /// Models of the body, by content type.
    pub request_models: Vec<RequestModel>,
    /// Path, query and header parameters that are declared, such as `method.request.header.x-id`.
    pub request_parameters: Vec<RequestParameter>,
    /// What stands behind the method; null when nothing has been set up.
    pub integration: Option<Integration>,
}

impl ResourceKind for Method {
    const TYPE: &'static str = "apigateway.method";
}

/// The model of a request's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestModel {
    /// Content type that it is for.
    pub content_type: String,
    /// Name of the model; `Empty` is the one that every API has and that admits any object.
    pub model: String,
}

/// A parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestParameter {
    /// Where it stands: `method.request.querystring.page`.
    pub name: String,
    /// Whether a request without it is refused, given a validator that looks.
    pub required: bool,
}

/// What stands behind a method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Integration {
    /// `HTTP`, `HTTP_PROXY`, `AWS`, `AWS_PROXY` or `MOCK`.
    pub integration_type: String,
    /// Address of the backend, without user name, password and query, which may be secret.
    pub uri: Option<String>,
    /// ARN of the Lambda function that is called, without its qualifier; null for other backends and
    /// where a stage variable chooses it.
    pub function_arn: Option<String>,
    /// Alias or version of that function.
    pub function_qualifier: Option<String>,
    /// Verb used towards the backend.
    pub http_method: Option<String>,
    /// ARN of the role used towards it; `arn:aws:iam::*:user/*` passes the caller's own identity.
    pub credentials: Option<String>,
    /// `INTERNET` or `VPC_LINK`.
    pub connection_type: Option<String>,
    /// The VPC link's id.
    pub connection_id: Option<String>,
    /// How long the backend may take, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Whether the backend's certificate is taken without verification.
    pub insecure_skip_verification: bool,
    /// `WHEN_NO_MATCH`, `WHEN_NO_TEMPLATES` or `NEVER`: what becomes of bodies that no template fits.
    pub passthrough_behavior: Option<String>,
    /// Constants that are sent to the backend as headers, queries or path parts: names, verdicts and
    /// fingerprints, never values.
    pub static_parameters: Vec<ExaminedValue>,
    /// What looks like a secret in user name, password and query of the address: verdicts, never values.
    pub uri_parameters: Vec<ExaminedValue>,
    /// Cross-origin headers that API Gateway itself answers with; null when it adds none.
    pub cors: Option<StaticCors>,
}

/// Cross-origin headers with constant values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaticCors {
    /// `Access-Control-Allow-Origin`; null when it is not a constant.
    pub allow_origin: Option<String>,
    /// Whether `Access-Control-Allow-Credentials` is `true`.
    pub allow_credentials: bool,
}

/// An authorizer of a REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetRestApis", "apigateway:GetAuthorizers"]))]
pub struct Authorizer {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// `TOKEN`, `REQUEST` or `COGNITO_USER_POOLS`.
    pub authorizer_type: Option<String>,
    /// User pools, for `COGNITO_USER_POOLS`, as ARNs.
    pub provider_arns: Vec<String>,
    /// ARN of the Lambda function that decides, without its qualifier; null for user pools and where
    /// a stage variable chooses it.
    pub function_arn: Option<String>,
    /// Alias or version of that function.
    pub function_qualifier: Option<String>,
    /// ARN of the role with which the function is called; null when its own policy admits API Gateway.
    pub credentials_arn: Option<String>,
    /// Where the identity is read from: one or more `method.request.header.Authorization`, with commas.
    pub identity_source: Option<String>,
    /// Whether a regular expression screens tokens before the function is called.
    pub validates_token_shape: bool,
    /// How long an answer is reused, in seconds; 0 for never, null for the default of 300.
    pub result_ttl: Option<i64>,
}

impl ResourceKind for Authorizer {
    const TYPE: &'static str = "apigateway.authorizer";
}

/// A stage of a REST API: what callers reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetRestApis", "apigateway:GetStages"]))]
pub struct Stage {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's endpoint types: `EDGE`, `REGIONAL` or `PRIVATE`.
    pub api_endpoint_types: Vec<String>,
    /// The stage's own name.
    pub stage_name: String,
    /// The deployment that it serves.
    pub deployment_id: Option<String>,
    /// When it changed last.
    pub last_updated: Option<Timestamp>,
    /// ARN of the web ACL before it; null when there is none.
    pub web_acl_arn: Option<String>,
    /// Access log; null when it is off.
    pub access_log: Option<AccessLog>,
    /// Settings of all methods (path `*/*`) and of single ones.
    pub method_settings: Vec<MethodSettings>,
    /// Whether a cache cluster runs.
    pub cache_cluster_enabled: bool,
    /// Size of the cache, in GB, such as `0.5`.
    pub cache_cluster_size: Option<String>,
    /// Whether requests are traced with X-Ray.
    pub tracing_enabled: bool,
    /// Id of the certificate that API Gateway shows to the backend.
    pub client_certificate_id: Option<String>,
    /// Stage variables: names, verdicts and fingerprints, never values.
    #[schemars(extend("x-source" = ["apigateway:GetStages"]))]
    pub variables: Collected<Vec<ExaminedValue>>,
    /// A deployment on trial; null when there is none.
    pub canary: Option<Canary>,
}

impl ResourceKind for Stage {
    const TYPE: &'static str = "apigateway.stage";
}

/// Where a line for every request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLog {
    /// ARN of the log group or Firehose stream.
    pub destination_arn: String,
    /// The line's format, with `$context` variables.
    pub format: Option<String>,
}

/// Settings of a stage for one method or for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MethodSettings {
    /// `*/*` for all methods, otherwise the path and the verb, such as `/orders/GET`.
    pub path: String,
    /// `OFF`, `ERROR` or `INFO`: execution log; null when it was never set, which is off.
    pub logging_level: Option<String>,
    /// Whether whole requests and answers are written to the execution log.
    pub data_trace_enabled: bool,
    /// Whether metrics are kept for each method.
    pub metrics_enabled: bool,
    /// Steady rate, in requests a second; null when only the account's limit holds.
    pub throttling_rate_limit: Option<f64>,
    /// Burst, in requests; null when only the account's limit holds.
    pub throttling_burst_limit: Option<i64>,
    /// Whether answers are cached, given a cache cluster.
    pub caching_enabled: bool,
    /// How long they are, in seconds.
    pub cache_ttl: i64,
    /// Whether they are encrypted in the cache.
    pub cache_data_encrypted: bool,
    /// Whether only authorized callers may make the cache forget.
    pub require_authorization_for_cache_control: bool,
}

/// A deployment that gets a share of a stage's requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Canary {
    /// Its share, in percent.
    pub percent_traffic: f64,
    /// The deployment.
    pub deployment_id: Option<String>,
    /// Stage variables that differ for it: names, verdicts and fingerprints, never values.
    pub variables: Vec<ExaminedValue>,
    /// Whether it shares the stage's cache.
    pub use_stage_cache: bool,
}

/// A usage plan: limits for those who hold its keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetUsagePlans"]))]
pub struct UsagePlan {
    /// Limit for each key; null when there is none.
    pub throttle: Option<Throttle>,
    /// Requests for each key in a period; null when there is no limit.
    pub quota: Option<Quota>,
    /// Stages it opens.
    pub api_stages: Vec<ApiStage>,
    /// Its keys.
    #[schemars(extend("x-source" = ["apigateway:GetUsagePlanKeys"]))]
    pub keys: Collected<Vec<UsagePlanKey>>,
    /// Code of an AWS Marketplace product.
    pub product_code: Option<String>,
}

impl ResourceKind for UsagePlan {
    const TYPE: &'static str = "apigateway.usage_plan";
}

/// A rate limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throttle {
    /// Steady rate, in requests a second; null when it is not limited.
    pub rate_limit: Option<f64>,
    /// Burst, in requests; null when it is not limited.
    pub burst_limit: Option<i64>,
}

/// A number of requests in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// Requests in a period.
    pub limit: i64,
    /// `DAY`, `WEEK` or `MONTH`.
    pub period: Option<String>,
}

/// A stage in a usage plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiStage {
    /// The API's id.
    pub api_id: Option<String>,
    /// The stage's name.
    pub stage: Option<String>,
    /// Limits of single methods.
    pub method_throttles: Vec<MethodThrottle>,
}

/// The limit of one method in a usage plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MethodThrottle {
    /// Path and verb, such as `/orders/GET`.
    pub path: String,
    /// Steady rate, in requests a second; null when it is not limited.
    pub rate_limit: Option<f64>,
    /// Burst, in requests; null when it is not limited.
    pub burst_limit: Option<i64>,
}

/// A key in a usage plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsagePlanKey {
    /// The key's id (not its value).
    pub id: String,
    /// The key's name.
    pub name: Option<String>,
}

/// An API key: what is known about it, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetApiKeys"]))]
pub struct ApiKey {
    /// Whether it is accepted.
    pub enabled: bool,
    /// When it changed last.
    pub last_updated: Option<Timestamp>,
    /// Customer of an AWS Marketplace product.
    pub customer_id: Option<String>,
    /// Stages that it was bound to directly, as `api/stage`; an old way that opens the stage only
    /// together with a usage plan.
    pub stage_keys: Vec<String>,
}

impl ResourceKind for ApiKey {
    const TYPE: &'static str = "apigateway.api_key";
}

/// A custom domain name, as API Gateway's first API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetDomainNames"]))]
pub struct DomainName {
    /// `EDGE`, `REGIONAL` or `PRIVATE`.
    pub endpoint_types: Vec<String>,
    /// TLS policy, such as `TLS_1_0`, `TLS_1_2` or `SecurityPolicy_TLS13_1_2_2021_06`.
    pub security_policy: Option<String>,
    /// `BASIC` or `STRICT`.
    pub endpoint_access_mode: Option<String>,
    /// Mutual TLS; null when clients need no certificate.
    pub mutual_tls: Option<MutualTls>,
    /// ARN of the certificate of an edge-optimised or private domain.
    pub certificate_arn: Option<String>,
    /// ARN of the certificate of a regional domain.
    pub regional_certificate_arn: Option<String>,
    /// ARN of the certificate that proves ownership, when the other is imported.
    pub ownership_verification_certificate_arn: Option<String>,
    /// When the certificate was attached.
    pub certificate_uploaded: Option<Timestamp>,
    /// `AVAILABLE`, `UPDATING`, `PENDING`, `PENDING_CERTIFICATE_REIMPORT` or
    /// `PENDING_OWNERSHIP_VERIFICATION`.
    pub status: Option<String>,
    /// CloudFront distribution behind an edge-optimised domain.
    pub distribution_domain_name: Option<String>,
    /// Regional host behind a regional domain.
    pub regional_domain_name: Option<String>,
    /// `BASE_PATH_MAPPING_ONLY`, `ROUTING_RULE_ONLY` or `ROUTING_RULE_THEN_BASE_PATH_MAPPING`.
    pub routing_mode: Option<String>,
    /// Resource policy of a private domain; null when there is none.
    #[schemars(extend("x-source" = ["apigateway:GetDomainNames"]))]
    pub policy: Collected<PolicyDocument>,
    /// APIs that it leads to.
    #[schemars(extend("x-source" = ["apigateway:GetBasePathMappings"]))]
    pub mappings: Collected<Vec<BasePathMapping>>,
}

impl ResourceKind for DomainName {
    const TYPE: &'static str = "apigateway.domain_name";
}

/// Mutual TLS of a custom domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MutualTls {
    /// The object in S3 with the authorities that clients' certificates must come from.
    pub truststore_uri: Option<String>,
    /// Version of that object; null for whichever was current at the time of the update.
    pub truststore_version: Option<String>,
    /// What AWS finds wrong with the certificates in it.
    pub truststore_warnings: Vec<String>,
}

/// Where a path of a custom domain leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BasePathMapping {
    /// First part of the path; null for the root.
    pub base_path: Option<String>,
    /// The API's id.
    pub api_id: String,
    /// The stage; null when callers name it in the path.
    pub stage: Option<String>,
}

/// A link from REST APIs into a VPC, through network load balancers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetVpcLinks"]))]
pub struct VpcLink {
    /// ARNs of the load balancers.
    pub target_arns: Vec<String>,
    /// `AVAILABLE`, `PENDING`, `DELETING` or `FAILED`.
    pub status: Option<String>,
}

impl ResourceKind for VpcLink {
    const TYPE: &'static str = "apigateway.vpc_link";
}

/// A certificate that API Gateway shows to backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetClientCertificates"]))]
pub struct ClientCertificate {
    /// When it runs out.
    pub expires: Option<Timestamp>,
}

impl ResourceKind for ClientCertificate {
    const TYPE: &'static str = "apigateway.client_certificate";
}

/// API Gateway's settings for one account and region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigateway:GetAccount"]))]
pub struct Account {
    /// ARN of the role with which logs are written; null when it was never set.
    pub cloudwatch_role_arn: Option<String>,
    /// Limit that all APIs of the region share; null when AWS did not say.
    pub throttle: Option<Throttle>,
    /// `UsagePlans` where usage plans are in force.
    pub features: Vec<String>,
    /// Version of the key format.
    pub api_key_version: Option<String>,
}

impl ResourceKind for Account {
    const TYPE: &'static str = "apigateway.account";
}
