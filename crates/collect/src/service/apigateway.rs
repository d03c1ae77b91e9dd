//! Amazon API Gateway: REST APIs.
//!
//! IAM knows one action for everything that is read here, `apigateway:GET`. Keys are listed without
//! their values.

mod backend;

use std::collections::HashMap;

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::types as sdk;
use posture_model::apigateway::{
    AccessLog, Account, ApiKey, ApiStage, Authorizer, BasePathMapping, Canary, ClientCertificate,
    DomainName, Integration, Method, MethodSettings, MethodThrottle, MutualTls, Quota,
    RequestModel, RequestParameter, RequestValidator, RestApi, Stage, StaticCors, Throttle,
    UsagePlan, UsagePlanKey, VpcLink,
};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "apigateway":
    GET_ACCOUNT = "GetAccount" => "apigateway:GET",
    GET_API_KEYS = "GetApiKeys" => "apigateway:GET",
    GET_AUTHORIZERS = "GetAuthorizers" => "apigateway:GET",
    GET_BASE_PATH_MAPPINGS = "GetBasePathMappings" => "apigateway:GET",
    GET_CLIENT_CERTIFICATES = "GetClientCertificates" => "apigateway:GET",
    GET_DOMAIN_NAMES = "GetDomainNames" => "apigateway:GET",
    GET_REQUEST_VALIDATORS = "GetRequestValidators" => "apigateway:GET",
    GET_RESOURCES = "GetResources" => "apigateway:GET",
    GET_REST_APIS = "GetRestApis" => "apigateway:GET",
    GET_STAGES = "GetStages" => "apigateway:GET",
    GET_USAGE_PLANS = "GetUsagePlans" => "apigateway:GET",
    GET_USAGE_PLAN_KEYS = "GetUsagePlanKeys" => "apigateway:GET",
    GET_VPC_LINKS = "GetVpcLinks" => "apigateway:GET",
}

pub(crate) const SERVICE: Service = Service {
    name: "apigateway",
    placement: Placement::Regional,
    regional_types: &[
        RestApi::TYPE,
        Method::TYPE,
        Authorizer::TYPE,
        Stage::TYPE,
        UsagePlan::TYPE,
        ApiKey::TYPE,
        DomainName::TYPE,
        VpcLink::TYPE,
        ClientCertificate::TYPE,
        Account::TYPE,
    ],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// Items on a page: the most that AWS gives.
const PAGE: i32 = 500;

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_apigateway);
    tokio::join!(
        rest_apis(&cx, &client),
        usage_plans(&cx, &client),
        api_keys(&cx, &client),
        domain_names(&cx, &client),
        vpc_links(&cx, &client),
        client_certificates(&cx, &client),
        account(&cx, &client),
    );
}

/// What one API yields.
struct ApiParts {
    api: Result<TypedResource<RestApi>, Gap>,
    methods: Listed<Result<TypedResource<Method>, Gap>>,
    authorizers: Listed<Result<TypedResource<Authorizer>, Gap>>,
    stages: Listed<Result<TypedResource<Stage>, Gap>>,
}

async fn rest_apis(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_REST_APIS,
            |token| {
                client
                    .get_rest_apis()
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let found = cx.each(listed.items, |api| rest_api(cx, client, api)).await;
    let mut apis = Vec::new();
    let mut methods = Whole::new(&listed.gap);
    let mut authorizers = Whole::new(&listed.gap);
    let mut stages = Whole::new(&listed.gap);
    for parts in found {
        apis.push(parts.api);
        methods.add(parts.methods);
        authorizers.add(parts.authorizers);
        stages.add(parts.stages);
    }
    cx.publish(listed.gap, apis);
    cx.publish(methods.gap, methods.items);
    cx.publish(authorizers.gap, authorizers.items);
    cx.publish(stages.gap, stages.items);
}

/// One listing made of those of all APIs; it is whole only when each of them is, and the APIs' own.
struct Whole<T> {
    gap: Option<Gap>,
    items: Vec<T>,
}

impl<T> Whole<T> {
    fn new(gap: &Option<Gap>) -> Self {
        Self {
            gap: gap.clone(),
            items: Vec::new(),
        }
    }

    fn add(&mut self, part: Listed<T>) {
        self.items.extend(part.items);
        if self.gap.is_none() {
            self.gap = part.gap;
        }
    }
}

/// What methods, authorizers and stages say about the API that they belong to.
struct ApiFacts {
    id: String,
    name: String,
    endpoint_types: Vec<String>,
    policy: Collected<PolicyDocument>,
}

async fn rest_api(cx: &Cx, client: &Client, api: sdk::RestApi) -> ApiParts {
    let Some(id) = api.id.clone().filter(|id| !id.is_empty()) else {
        // What hangs on an API that cannot be named cannot be asked for either.
        let gap = cx.malformed(&GET_REST_APIS);
        return ApiParts {
            api: Err(gap.clone()),
            methods: nothing(&gap),
            authorizers: nothing(&gap),
            stages: nothing(&gap),
        };
    };
    let (resources, authorizers, validators, stages) = tokio::join!(
        cx.list(
            &GET_RESOURCES,
            |token| client
                .get_resources()
                .rest_api_id(&id)
                .embed("methods")
                .limit(PAGE)
                .set_position(token)
                .send(),
            |page| (page.items.unwrap_or_default(), page.position),
        ),
        cx.list(
            &GET_AUTHORIZERS,
            |token| client
                .get_authorizers()
                .rest_api_id(&id)
                .limit(PAGE)
                .set_position(token)
                .send(),
            |page| (page.items.unwrap_or_default(), page.position),
        ),
        cx.list(
            &GET_REQUEST_VALIDATORS,
            |token| client
                .get_request_validators()
                .rest_api_id(&id)
                .limit(PAGE)
                .set_position(token)
                .send(),
            |page| (page.items.unwrap_or_default(), page.position),
        ),
        cx.list(
            &GET_STAGES,
            |_| client.get_stages().rest_api_id(&id).send(),
            |page| (page.item.unwrap_or_default(), None),
        ),
    );
    let name = api.name.clone().unwrap_or_else(|| id.clone());
    let facts = ApiFacts {
        endpoint_types: endpoint_types(api.endpoint_configuration.as_ref()),
        policy: resource_policy(cx, &GET_REST_APIS, api.policy.clone()),
        id,
        name,
    };
    let validators = whole(validators).and_then(|found| request_validators(cx, found));
    ApiParts {
        methods: Listed {
            gap: resources.gap,
            items: resources
                .items
                .into_iter()
                .flat_map(|resource| methods(cx, &facts, &validators, resource))
                .collect(),
        },
        authorizers: Listed {
            gap: authorizers.gap,
            items: authorizers
                .items
                .into_iter()
                .map(|found| authorizer(cx, &facts, found))
                .collect(),
        },
        stages: Listed {
            gap: stages.gap,
            items: stages
                .items
                .into_iter()
                .map(|found| stage(cx, &facts, found))
                .collect(),
        },
        api: Ok(properties_of(cx, facts, api, validators)),
    }
}

fn nothing<T>(gap: &Gap) -> Listed<T> {
    Listed {
        items: Vec::new(),
        gap: Some(gap.clone()),
    }
}

/// A listing that belongs to one resource is a fact of it: all of it, or a gap.
fn whole<T>(listed: Listed<T>) -> Collected<Vec<T>> {
    match listed.gap {
        None => Collected::Known(listed.items),
        Some(gap) => Collected::Unavailable(gap),
    }
}

/// The same for items that may have come without what they must have.
fn all_or_gap<T>(items: impl IntoIterator<Item = Result<T, Gap>>) -> Collected<Vec<T>> {
    match items.into_iter().collect::<Result<Vec<_>, Gap>>() {
        Ok(items) => Collected::Known(items),
        Err(gap) => Collected::Unavailable(gap),
    }
}

fn properties_of(
    cx: &Cx,
    facts: ApiFacts,
    api: sdk::RestApi,
    request_validators: Collected<Vec<RequestValidator>>,
) -> TypedResource<RestApi> {
    let endpoint = api.endpoint_configuration;
    let properties = RestApi {
        ip_address_type: endpoint
            .as_ref()
            .and_then(|e| e.ip_address_type.as_ref())
            .map(|t| t.as_str().to_owned()),
        vpc_endpoint_ids: endpoint
            .and_then(|e| e.vpc_endpoint_ids)
            .unwrap_or_default(),
        endpoint_types: facts.endpoint_types,
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        policy: facts.policy,
        api_key_source: api.api_key_source.map(|s| s.as_str().to_owned()),
        minimum_compression_size: api.minimum_compression_size.map(i64::from),
        security_policy: api.security_policy.map(|p| p.as_str().to_owned()),
        endpoint_access_mode: api.endpoint_access_mode.map(|m| m.as_str().to_owned()),
        status: api.api_status.map(|s| s.as_str().to_owned()),
        binary_media_types: api.binary_media_types.unwrap_or_default(),
        request_validators,
    };
    let identity = Identity {
        arn: arn(cx, &format!("restapis/{}", facts.id)),
        id: facts.id,
        name: facts.name,
        tags: tags(api.tags),
        created: timestamp(api.created_date.as_ref()),
    };
    cx.resource(identity, properties)
}

fn arn(cx: &Cx, path: &str) -> String {
    format!("arn:{}:apigateway:{}::/{path}", cx.partition(), cx.region())
}

fn tags(tags: Option<HashMap<String, String>>) -> Collected<Tags> {
    Collected::Known(tags.unwrap_or_default().into_iter().collect())
}

fn endpoint_types(configuration: Option<&sdk::EndpointConfiguration>) -> Vec<String> {
    strings(
        configuration
            .and_then(|c| c.types.as_ref())
            .into_iter()
            .flatten()
            .map(|t| t.as_str()),
    )
}

/// Policies come back as the inside of a JSON string: `{\"Version\":...}`.
fn resource_policy(
    cx: &Cx,
    operation: &'static Operation,
    text: Option<String>,
) -> Collected<PolicyDocument> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Collected::Absent;
    };
    let quoted = PolicyDocument::parse(&format!("\"{text}\""));
    let unescaped = quoted
        .ok()
        .and_then(|document| document.0.as_str().map(str::to_owned));
    parse_policy(cx, operation, Some(unescaped.unwrap_or(text)))
}

fn request_validators(
    cx: &Cx,
    found: Vec<sdk::RequestValidator>,
) -> Collected<Vec<RequestValidator>> {
    all_or_gap(found.into_iter().map(|validator| {
        Ok(RequestValidator {
            id: validator
                .id
                .ok_or_else(|| cx.malformed(&GET_REQUEST_VALIDATORS))?,
            name: validator.name,
            validate_body: validator.validate_request_body,
            validate_parameters: validator.validate_request_parameters,
        })
    }))
}

fn methods(
    cx: &Cx,
    api: &ApiFacts,
    validators: &Collected<Vec<RequestValidator>>,
    resource: sdk::Resource,
) -> Vec<Result<TypedResource<Method>, Gap>> {
    let (Some(resource_id), Some(path)) = (resource.id, resource.path) else {
        return vec![Err(cx.malformed(&GET_RESOURCES))];
    };
    let mut methods: Vec<(String, sdk::Method)> = resource
        .resource_methods
        .unwrap_or_default()
        .into_iter()
        .collect();
    methods.sort_by(|a, b| a.0.cmp(&b.0));
    methods
        .into_iter()
        .map(|(verb, found)| method(cx, api, validators, &resource_id, &path, verb, found))
        .collect()
}

fn method(
    cx: &Cx,
    api: &ApiFacts,
    validators: &Collected<Vec<RequestValidator>>,
    resource_id: &str,
    path: &str,
    verb: String,
    found: sdk::Method,
) -> Result<TypedResource<Method>, Gap> {
    let authorization_type = found
        .authorization_type
        .ok_or_else(|| cx.malformed(&GET_RESOURCES))?;
    let request_validator_id = found.request_validator_id.filter(|id| !id.is_empty());
    let request_validator = match &request_validator_id {
        None => Collected::Absent,
        Some(id) => validators
            .clone()
            .and_then(|all| all.into_iter().find(|v| v.id == *id).into()),
    };
    let mut request_models: Vec<RequestModel> = found
        .request_models
        .unwrap_or_default()
        .into_iter()
        .map(|(content_type, model)| RequestModel {
            content_type,
            model,
        })
        .collect();
    request_models.sort_by(|a, b| a.content_type.cmp(&b.content_type));
    let mut request_parameters: Vec<RequestParameter> = found
        .request_parameters
        .unwrap_or_default()
        .into_iter()
        .map(|(name, required)| RequestParameter { name, required })
        .collect();
    request_parameters.sort_by(|a, b| a.name.cmp(&b.name));
    let identity = Identity {
        arn: arn(
            cx,
            &format!("restapis/{}/resources/{resource_id}/methods/{verb}", api.id),
        ),
        id: format!("{}/{resource_id}/{verb}", api.id),
        name: format!("{} {verb} {path}", api.name),
        tags: Collected::Absent,
        created: None,
    };
    let properties = Method {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        api_endpoint_types: api.endpoint_types.clone(),
        api_policy: api.policy.clone(),
        resource_id: resource_id.to_owned(),
        path: path.to_owned(),
        http_method: verb,
        authorization_type,
        authorizer_id: found.authorizer_id,
        authorization_scopes: found.authorization_scopes.unwrap_or_default(),
        api_key_required: flag(found.api_key_required),
        request_validator_id,
        request_validator,
        request_models,
        request_parameters,
        integration: found
            .method_integration
            .and_then(|found| integration(cx, found)),
    };
    Ok(cx.resource(identity, properties))
}

fn integration(cx: &Cx, found: sdk::Integration) -> Option<Integration> {
    let integration_type = found.r#type?.as_str().to_owned();
    let cors = static_cors(found.integration_responses);
    let address = backend::address(cx.examiner(), found.uri);
    let mut static_parameters = backend::constants(cx.examiner(), found.request_parameters, true);
    static_parameters.extend(backend::templates(cx.examiner(), found.request_templates));
    Some(Integration {
        integration_type,
        uri: address.uri,
        function_arn: address.function_arn,
        function_qualifier: address.function_qualifier,
        http_method: found.http_method,
        credentials: found.credentials,
        connection_type: found.connection_type.map(|t| t.as_str().to_owned()),
        connection_id: found.connection_id,
        timeout_ms: (found.timeout_in_millis > 0).then(|| i64::from(found.timeout_in_millis)),
        insecure_skip_verification: found
            .tls_config
            .is_some_and(|tls| tls.insecure_skip_verification),
        passthrough_behavior: found.passthrough_behavior,
        static_parameters,
        uri_parameters: address.parameters,
        cors,
    })
}

/// The cross-origin headers among constant headers of the answers, whichever answer they stand in.
fn static_cors(responses: Option<HashMap<String, sdk::IntegrationResponse>>) -> Option<StaticCors> {
    let mut headers: Vec<(String, String)> = responses
        .unwrap_or_default()
        .into_values()
        .flat_map(|response| response.response_parameters.unwrap_or_default())
        .filter_map(|(name, value)| {
            let header = name
                .strip_prefix("method.response.header.")?
                .to_ascii_lowercase();
            Some((header, value))
        })
        .collect();
    headers.sort();
    let values = |header: &str| -> Vec<&str> {
        headers
            .iter()
            .filter(|(name, _)| name == header)
            .map(|(_, value)| value.trim_matches('\''))
            .collect()
    };
    let origins = values("access-control-allow-origin");
    if origins.is_empty() {
        return None;
    }
    let constant = |origin: &&str| {
        !origin.starts_with("integration.response.") && !origin.starts_with("context.")
    };
    Some(StaticCors {
        // The widest of them decides.
        allow_origin: origins
            .iter()
            .find(|origin| **origin == "*")
            .or_else(|| origins.iter().find(|origin| constant(origin)))
            .map(|origin| (*origin).to_owned()),
        allow_credentials: values("access-control-allow-credentials").contains(&"true"),
    })
}

fn authorizer(
    cx: &Cx,
    api: &ApiFacts,
    found: sdk::Authorizer,
) -> Result<TypedResource<Authorizer>, Gap> {
    let id = found.id.ok_or_else(|| cx.malformed(&GET_AUTHORIZERS))?;
    let address = backend::address(cx.examiner(), found.authorizer_uri);
    let identity = Identity {
        arn: arn(cx, &format!("restapis/{}/authorizers/{id}", api.id)),
        name: found.name.unwrap_or_else(|| id.clone()),
        id,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Authorizer {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        authorizer_type: found.r#type.map(|t| t.as_str().to_owned()),
        provider_arns: found.provider_arns.unwrap_or_default(),
        function_arn: address.function_arn,
        function_qualifier: address.function_qualifier,
        credentials_arn: found.authorizer_credentials,
        identity_source: found.identity_source,
        validates_token_shape: found
            .identity_validation_expression
            .is_some_and(|expression| !expression.is_empty()),
        result_ttl: found.authorizer_result_ttl_in_seconds.map(i64::from),
    };
    Ok(cx.resource(identity, properties))
}

fn stage(cx: &Cx, api: &ApiFacts, found: sdk::Stage) -> Result<TypedResource<Stage>, Gap> {
    let stage_name = found.stage_name.ok_or_else(|| cx.malformed(&GET_STAGES))?;
    let mut method_settings: Vec<MethodSettings> = found
        .method_settings
        .unwrap_or_default()
        .into_iter()
        .map(|(path, setting)| settings(&path, setting))
        .collect();
    method_settings.sort_by(|a, b| a.path.cmp(&b.path));
    let identity = Identity {
        arn: arn(cx, &format!("restapis/{}/stages/{stage_name}", api.id)),
        id: format!("{}/{stage_name}", api.id),
        name: format!("{}/{stage_name}", api.name),
        tags: tags(found.tags),
        created: timestamp(found.created_date.as_ref()),
    };
    let properties = Stage {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        api_endpoint_types: api.endpoint_types.clone(),
        stage_name,
        deployment_id: found.deployment_id,
        last_updated: timestamp(found.last_updated_date.as_ref()),
        web_acl_arn: found.web_acl_arn.filter(|arn| !arn.is_empty()),
        access_log: found.access_log_settings.and_then(|log| {
            Some(AccessLog {
                destination_arn: log.destination_arn.filter(|arn| !arn.is_empty())?,
                format: log.format,
            })
        }),
        method_settings,
        cache_cluster_enabled: found.cache_cluster_enabled,
        cache_cluster_size: found.cache_cluster_size.map(|s| s.as_str().to_owned()),
        tracing_enabled: found.tracing_enabled,
        client_certificate_id: found.client_certificate_id.filter(|id| !id.is_empty()),
        variables: Collected::Known(examined(cx, found.variables)),
        canary: found.canary_settings.map(|canary| Canary {
            percent_traffic: canary.percent_traffic,
            deployment_id: canary.deployment_id,
            variables: examined(cx, canary.stage_variable_overrides),
            use_stage_cache: canary.use_stage_cache,
        }),
    };
    Ok(cx.resource(identity, properties))
}

fn settings(path: &str, setting: sdk::MethodSetting) -> MethodSettings {
    MethodSettings {
        // `~1orders~1{id}/GET`, as in a JSON pointer; `*/*` is all methods.
        path: path.replace("~1", "/").replace("~0", "~"),
        logging_level: setting.logging_level,
        data_trace_enabled: setting.data_trace_enabled,
        metrics_enabled: setting.metrics_enabled,
        // -1 is how "no limit of its own" is written; 0 is what a missing number reads as.
        throttling_rate_limit: Some(setting.throttling_rate_limit).filter(|rate| *rate > 0.0),
        throttling_burst_limit: Some(i64::from(setting.throttling_burst_limit))
            .filter(|burst| *burst > 0),
        caching_enabled: setting.caching_enabled,
        cache_ttl: i64::from(setting.cache_ttl_in_seconds),
        cache_data_encrypted: setting.cache_data_encrypted,
        require_authorization_for_cache_control: setting.require_authorization_for_cache_control,
    }
}

fn examined(cx: &Cx, variables: Option<HashMap<String, String>>) -> Vec<ExaminedValue> {
    let mut values: Vec<ExaminedValue> = variables
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| cx.examiner().value(name, value))
        .collect();
    values.sort_by(|a, b| a.name.cmp(&b.name));
    values
}

fn throttle(found: &sdk::ThrottleSettings) -> Throttle {
    Throttle {
        rate_limit: Some(found.rate_limit).filter(|rate| *rate > 0.0),
        burst_limit: Some(i64::from(found.burst_limit)).filter(|burst| *burst > 0),
    }
}

async fn usage_plans(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_USAGE_PLANS,
            |token| {
                client
                    .get_usage_plans()
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let plans = cx
        .each(listed.items, |plan| usage_plan(cx, client, plan))
        .await;
    cx.publish(listed.gap, plans);
}

async fn usage_plan(
    cx: &Cx,
    client: &Client,
    plan: sdk::UsagePlan,
) -> Result<TypedResource<UsagePlan>, Gap> {
    let id = plan.id.ok_or_else(|| cx.malformed(&GET_USAGE_PLANS))?;
    let keys = cx
        .list(
            &GET_USAGE_PLAN_KEYS,
            |token| {
                client
                    .get_usage_plan_keys()
                    .usage_plan_id(&id)
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let keys = whole(keys).and_then(|keys| {
        all_or_gap(keys.into_iter().map(|key| {
            Ok(UsagePlanKey {
                id: key.id.ok_or_else(|| cx.malformed(&GET_USAGE_PLAN_KEYS))?,
                name: key.name,
            })
        }))
    });
    let identity = Identity {
        arn: arn(cx, &format!("usageplans/{id}")),
        name: plan.name.unwrap_or_else(|| id.clone()),
        id,
        tags: tags(plan.tags),
        created: None,
    };
    let properties = UsagePlan {
        throttle: plan.throttle.as_ref().map(throttle),
        quota: plan
            .quota
            .filter(|quota| quota.limit > 0)
            .map(|quota| Quota {
                limit: i64::from(quota.limit),
                period: quota.period.map(|p| p.as_str().to_owned()),
            }),
        api_stages: plan
            .api_stages
            .unwrap_or_default()
            .into_iter()
            .map(api_stage)
            .collect(),
        keys,
        product_code: plan.product_code,
    };
    Ok(cx.resource(identity, properties))
}

fn api_stage(stage: sdk::ApiStage) -> ApiStage {
    let mut method_throttles: Vec<MethodThrottle> = stage
        .throttle
        .unwrap_or_default()
        .into_iter()
        .map(|(path, found)| {
            let limits = throttle(&found);
            MethodThrottle {
                path,
                rate_limit: limits.rate_limit,
                burst_limit: limits.burst_limit,
            }
        })
        .collect();
    method_throttles.sort_by(|a, b| a.path.cmp(&b.path));
    ApiStage {
        api_id: stage.api_id,
        stage: stage.stage,
        method_throttles,
    }
}

async fn api_keys(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_API_KEYS,
            |token| {
                client
                    .get_api_keys()
                    .include_values(false)
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let keys = listed.items.into_iter().map(|key| {
        let id = key.id.ok_or_else(|| cx.malformed(&GET_API_KEYS))?;
        let identity = Identity {
            arn: arn(cx, &format!("apikeys/{id}")),
            name: key
                .name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| id.clone()),
            id,
            tags: tags(key.tags),
            created: timestamp(key.created_date.as_ref()),
        };
        let properties = ApiKey {
            enabled: key.enabled,
            last_updated: timestamp(key.last_updated_date.as_ref()),
            customer_id: key.customer_id.filter(|id| !id.is_empty()),
            stage_keys: key.stage_keys.unwrap_or_default(),
        };
        Ok(cx.resource(identity, properties))
    });
    cx.publish(listed.gap, keys);
}

async fn domain_names(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_DOMAIN_NAMES,
            |token| {
                client
                    .get_domain_names()
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let domains = cx
        .each(listed.items, |domain| domain_name(cx, client, domain))
        .await;
    cx.publish(listed.gap, domains);
}

async fn domain_name(
    cx: &Cx,
    client: &Client,
    domain: sdk::DomainName,
) -> Result<TypedResource<DomainName>, Gap> {
    let name = domain
        .domain_name
        .ok_or_else(|| cx.malformed(&GET_DOMAIN_NAMES))?;
    // A domain without mappings answers without a list (aws/aws-sdk-js issue 1416).
    let mappings = cx
        .list(
            &GET_BASE_PATH_MAPPINGS,
            |token| {
                client
                    .get_base_path_mappings()
                    .domain_name(&name)
                    .set_domain_name_id(domain.domain_name_id.clone())
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let mappings = whole(mappings).and_then(|found| {
        all_or_gap(found.into_iter().map(|mapping| {
            Ok(BasePathMapping {
                base_path: mapping
                    .base_path
                    .filter(|path| !path.is_empty() && path != "(none)"),
                api_id: mapping
                    .rest_api_id
                    .ok_or_else(|| cx.malformed(&GET_BASE_PATH_MAPPINGS))?,
                stage: mapping.stage,
            })
        }))
    });
    let identity = Identity {
        arn: domain
            .domain_name_arn
            .unwrap_or_else(|| arn(cx, &format!("domainnames/{name}"))),
        // Private domains of one name are told apart by an id.
        id: domain.domain_name_id.unwrap_or_else(|| name.clone()),
        name,
        tags: tags(domain.tags),
        created: None,
    };
    let properties = DomainName {
        endpoint_types: endpoint_types(domain.endpoint_configuration.as_ref()),
        security_policy: domain.security_policy.map(|p| p.as_str().to_owned()),
        endpoint_access_mode: domain.endpoint_access_mode.map(|m| m.as_str().to_owned()),
        mutual_tls: domain
            .mutual_tls_authentication
            .filter(|tls| tls.truststore_uri.is_some())
            .map(|tls| MutualTls {
                truststore_uri: tls.truststore_uri,
                truststore_version: tls.truststore_version,
                truststore_warnings: tls.truststore_warnings.unwrap_or_default(),
            }),
        certificate_arn: domain.certificate_arn,
        regional_certificate_arn: domain.regional_certificate_arn,
        ownership_verification_certificate_arn: domain.ownership_verification_certificate_arn,
        certificate_uploaded: timestamp(domain.certificate_upload_date.as_ref()),
        status: domain.domain_name_status.map(|s| s.as_str().to_owned()),
        distribution_domain_name: domain.distribution_domain_name,
        regional_domain_name: domain.regional_domain_name,
        routing_mode: domain.routing_mode.map(|m| m.as_str().to_owned()),
        policy: resource_policy(cx, &GET_DOMAIN_NAMES, domain.policy),
        mappings,
    };
    Ok(cx.resource(identity, properties))
}

async fn vpc_links(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_VPC_LINKS,
            |token| {
                client
                    .get_vpc_links()
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let links = listed.items.into_iter().map(|link| {
        let id = link.id.ok_or_else(|| cx.malformed(&GET_VPC_LINKS))?;
        let identity = Identity {
            arn: arn(cx, &format!("vpclinks/{id}")),
            name: link.name.unwrap_or_else(|| id.clone()),
            id,
            tags: tags(link.tags),
            created: None,
        };
        let properties = VpcLink {
            target_arns: link.target_arns.unwrap_or_default(),
            status: link.status.map(|s| s.as_str().to_owned()),
        };
        Ok(cx.resource(identity, properties))
    });
    cx.publish(listed.gap, links);
}

async fn client_certificates(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_CLIENT_CERTIFICATES,
            |token| {
                client
                    .get_client_certificates()
                    .limit(PAGE)
                    .set_position(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let certificates = listed.items.into_iter().map(|certificate| {
        let id = certificate
            .client_certificate_id
            .ok_or_else(|| cx.malformed(&GET_CLIENT_CERTIFICATES))?;
        let identity = Identity {
            arn: arn(cx, &format!("clientcertificates/{id}")),
            name: certificate
                .description
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| id.clone()),
            id,
            tags: tags(certificate.tags),
            created: timestamp(certificate.created_date.as_ref()),
        };
        let properties = ClientCertificate {
            expires: timestamp(certificate.expiration_date.as_ref()),
        };
        Ok(cx.resource(identity, properties))
    });
    cx.publish(listed.gap, certificates);
}

async fn account(cx: &Cx, client: &Client) {
    let answer = cx.call(&GET_ACCOUNT, || client.get_account().send()).await;
    let settings = match answer {
        Ok(settings) => settings,
        Err(failure) => {
            cx.publish::<Account>(Some(failure.gap(&GET_ACCOUNT)), []);
            return;
        }
    };
    let identity = Identity {
        arn: arn(cx, "account"),
        id: "account".to_owned(),
        name: "API Gateway account settings".to_owned(),
        tags: Collected::Absent,
        created: None,
    };
    let properties = Account {
        cloudwatch_role_arn: settings.cloudwatch_role_arn.filter(|arn| !arn.is_empty()),
        throttle: settings.throttle_settings.as_ref().map(throttle),
        features: settings.features.unwrap_or_default(),
        api_key_version: settings.api_key_version,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}
