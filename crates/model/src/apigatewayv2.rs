//! Amazon API Gateway: HTTP and WebSocket APIs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ExaminedValue, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<Api>(),
    TypeInfo::of::<Stage>(),
    TypeInfo::of::<Route>(),
    TypeInfo::of::<Authorizer>(),
    TypeInfo::of::<Integration>(),
    TypeInfo::of::<DomainName>(),
    TypeInfo::of::<VpcLink>(),
];

/// An HTTP or WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetApis"]))]
pub struct Api {
    /// `HTTP` or `WEBSOCKET`.
    pub protocol: String,
    /// Address of the default endpoint.
    pub endpoint: Option<String>,
    /// Whether the default `execute-api` address is switched off.
    pub disable_execute_api_endpoint: bool,
    /// Cross-origin settings; null when API Gateway answers no preflight request.
    pub cors: Option<Cors>,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: Option<String>,
    /// Where a WebSocket API reads keys from, such as `$request.header.x-api-key`.
    pub api_key_selection_expression: Option<String>,
    /// Expression that picks the route.
    pub route_selection_expression: Option<String>,
    /// Whether another AWS service made and keeps it.
    pub managed: bool,
}

impl ResourceKind for Api {
    const TYPE: &'static str = "apigatewayv2.api";
}

/// Cross-origin resource sharing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cors {
    /// Whether cookies and other credentials may be sent.
    pub allow_credentials: bool,
    /// Origins that may call; `*` for all, `https://*` for all of a scheme.
    pub allow_origins: Vec<String>,
    /// Methods that may be used.
    pub allow_methods: Vec<String>,
    /// Headers that may be sent.
    pub allow_headers: Vec<String>,
    /// How long a browser may keep the answer, in seconds.
    pub max_age: Option<i64>,
}

/// A stage: what callers reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetApis", "apigatewayv2:GetStages"]))]
pub struct Stage {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's protocol: `HTTP` or `WEBSOCKET`.
    pub protocol: String,
    /// The stage's own name; `$default` answers at the root.
    pub stage_name: String,
    /// The deployment that it serves.
    pub deployment_id: Option<String>,
    /// Whether every change goes live at once.
    pub auto_deploy: bool,
    /// When it changed last.
    pub last_updated: Option<Timestamp>,
    /// Access log; null when it is off.
    pub access_log: Option<AccessLog>,
    /// Settings of all routes.
    pub default_route_settings: Option<RouteSettings>,
    /// Settings of single routes.
    pub route_settings: Vec<KeyedRouteSettings>,
    /// Id of the certificate shown to the backend; WebSocket APIs only.
    pub client_certificate_id: Option<String>,
    /// Stage variables: names, verdicts and fingerprints, never values.
    #[schemars(extend("x-source" = ["apigatewayv2:GetStages"]))]
    pub variables: Collected<Vec<ExaminedValue>>,
    /// Whether API Gateway made and keeps it.
    pub managed: bool,
}

impl ResourceKind for Stage {
    const TYPE: &'static str = "apigatewayv2.stage";
}

/// Where a line for every request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLog {
    /// ARN of the log group or Firehose stream.
    pub destination_arn: String,
    /// The line's format, with `$context` variables.
    pub format: Option<String>,
}

/// Settings of all routes of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteSettings {
    /// `OFF`, `ERROR` or `INFO`: execution log, which only WebSocket APIs have.
    pub logging_level: Option<String>,
    /// Whether whole messages are written to the execution log; WebSocket APIs only.
    pub data_trace_enabled: bool,
    /// Whether metrics are kept for each route.
    pub detailed_metrics_enabled: bool,
    /// Steady rate, in requests a second; null when only the account's limit holds.
    pub throttling_rate_limit: Option<f64>,
    /// Burst, in requests; null when only the account's limit holds.
    pub throttling_burst_limit: Option<i64>,
}

/// Settings of one route of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyedRouteSettings {
    /// The route's key, such as `GET /orders`.
    pub route_key: String,
    /// What holds for it.
    pub settings: RouteSettings,
}

/// A route of an HTTP or WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetApis", "apigatewayv2:GetRoutes"]))]
pub struct Route {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's protocol: `HTTP` or `WEBSOCKET`.
    pub protocol: String,
    /// The route's id.
    pub route_id: String,
    /// Verb and path, such as `GET /orders`, or `$connect`, `$default`, `$disconnect` or a message's.
    pub route_key: String,
    /// `NONE`, `AWS_IAM`, `CUSTOM` or `JWT`.
    pub authorization_type: String,
    /// The authorizer's id.
    pub authorizer_id: Option<String>,
    /// Scopes of which an access token must carry one, for `JWT`.
    pub authorization_scopes: Vec<String>,
    /// Whether an API key must be sent; WebSocket APIs only.
    pub api_key_required: bool,
    /// What it leads to, as `integrations/<id>`.
    pub target: Option<String>,
    /// Expression that picks the model of a message; null when messages are not validated.
    pub model_selection_expression: Option<String>,
    /// Names of models of messages; WebSocket APIs only.
    pub request_models: Vec<String>,
    /// Whether API Gateway made and keeps it.
    pub managed: bool,
}

impl ResourceKind for Route {
    const TYPE: &'static str = "apigatewayv2.route";
}

/// An authorizer of an HTTP or WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetApis", "apigatewayv2:GetAuthorizers"]))]
pub struct Authorizer {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's protocol: `HTTP` or `WEBSOCKET`.
    pub protocol: String,
    /// `REQUEST` (a Lambda function) or `JWT`.
    pub authorizer_type: Option<String>,
    /// ARN of the Lambda function that decides, without its qualifier; null for `JWT` and where a
    /// stage variable chooses it.
    pub function_arn: Option<String>,
    /// Alias or version of that function.
    pub function_qualifier: Option<String>,
    /// ARN of the role with which the function is called; null when its own policy admits API Gateway.
    pub credentials_arn: Option<String>,
    /// Where the identity is read from, such as `$request.header.Authorization`.
    pub identity_sources: Vec<String>,
    /// How long an answer is reused, in seconds; 0 or null for never (HTTP APIs).
    pub result_ttl: Option<i64>,
    /// `1.0` or `2.0`.
    pub payload_format_version: Option<String>,
    /// Whether the function answers yes or no instead of a policy.
    pub simple_responses: bool,
    /// What a token must say, for `JWT`.
    pub jwt: Option<Jwt>,
}

impl ResourceKind for Authorizer {
    const TYPE: &'static str = "apigatewayv2.authorizer";
}

/// What a JSON web token must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jwt {
    /// Who must have issued it, as a URL.
    pub issuer: Option<String>,
    /// For whom: values of which `aud` (or `client_id`) must be one.
    pub audience: Vec<String>,
}

/// What stands behind routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetApis", "apigatewayv2:GetIntegrations"]))]
pub struct Integration {
    /// The API's id.
    pub api_id: String,
    /// The API's name.
    pub api_name: String,
    /// The API's protocol: `HTTP` or `WEBSOCKET`.
    pub protocol: String,
    /// `AWS`, `AWS_PROXY`, `HTTP`, `HTTP_PROXY` or `MOCK`.
    pub integration_type: Option<String>,
    /// AWS action called, such as `SQS-SendMessage`.
    pub subtype: Option<String>,
    /// Address or ARN of the backend, without user name, password and query, which may be secret.
    pub uri: Option<String>,
    /// ARN of the Lambda function that is called, without its qualifier; null for other backends and
    /// where a stage variable chooses it.
    pub function_arn: Option<String>,
    /// Alias or version of that function.
    pub function_qualifier: Option<String>,
    /// Verb used towards the backend.
    pub method: Option<String>,
    /// `INTERNET` or `VPC_LINK`.
    pub connection_type: Option<String>,
    /// The VPC link's id.
    pub connection_id: Option<String>,
    /// ARN of the role used towards the backend.
    pub credentials_arn: Option<String>,
    /// Host name that the backend's certificate must carry; null when TLS is not asked of a private
    /// backend.
    pub tls_server_name: Option<String>,
    /// How long the backend may take, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Constants sent to the backend: names, verdicts and fingerprints, never values.
    pub static_parameters: Vec<ExaminedValue>,
    /// What looks like a secret in user name, password and query of the address: verdicts, never values.
    pub uri_parameters: Vec<ExaminedValue>,
}

impl ResourceKind for Integration {
    const TYPE: &'static str = "apigatewayv2.integration";
}

/// A custom domain name, as API Gateway's second API shows it. The first API shows the same domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetDomainNames"]))]
pub struct DomainName {
    /// Its endpoints.
    pub configurations: Vec<DomainConfiguration>,
    /// Mutual TLS; null when clients need no certificate.
    pub mutual_tls: Option<MutualTls>,
    /// `API_MAPPING_ONLY`, `ROUTING_RULE_ONLY` or `ROUTING_RULE_THEN_API_MAPPING`.
    pub routing_mode: Option<String>,
    /// APIs that it leads to.
    #[schemars(extend("x-source" = ["apigatewayv2:GetApiMappings"]))]
    pub mappings: Collected<Vec<ApiMapping>>,
}

impl ResourceKind for DomainName {
    const TYPE: &'static str = "apigatewayv2.domain_name";
}

/// An endpoint of a custom domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainConfiguration {
    /// `REGIONAL` or `EDGE`.
    pub endpoint_type: Option<String>,
    /// TLS policy, such as `TLS_1_0` or `TLS_1_2`.
    pub security_policy: Option<String>,
    /// ARN of the certificate.
    pub certificate_arn: Option<String>,
    /// ARN of the certificate that proves ownership, when the other is imported.
    pub ownership_verification_certificate_arn: Option<String>,
    /// When the certificate was attached.
    pub certificate_uploaded: Option<Timestamp>,
    /// Host behind the domain.
    pub gateway_domain_name: Option<String>,
    /// `AVAILABLE`, `UPDATING`, `PENDING_CERTIFICATE_REIMPORT` or `PENDING_OWNERSHIP_VERIFICATION`.
    pub status: Option<String>,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: Option<String>,
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
pub struct ApiMapping {
    /// First parts of the path; null for the root.
    pub key: Option<String>,
    /// The API's id; REST APIs are mapped here too.
    pub api_id: String,
    /// The stage.
    pub stage: Option<String>,
}

/// A link from HTTP APIs into a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["apigatewayv2:GetVpcLinks"]))]
pub struct VpcLink {
    /// Ids of the subnets it stands in.
    pub subnet_ids: Vec<String>,
    /// Ids of its security groups.
    pub security_group_ids: Vec<String>,
    /// `AVAILABLE`, `PENDING`, `INACTIVE`, `DELETING` or `FAILED`.
    pub status: Option<String>,
}

impl ResourceKind for VpcLink {
    const TYPE: &'static str = "apigatewayv2.vpc_link";
}
