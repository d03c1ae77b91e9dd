//! Amazon API Gateway: HTTP and WebSocket APIs.
//!
//! IAM knows one action for everything that is read here, `apigateway:GET`.

// Shared with the collector of REST APIs; each is a feature of its own, so neither can lend it.
#[path = "apigateway/backend.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "two features share a file, and either may be off"
)]
mod backend;

use std::collections::HashMap;

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types as sdk;
use posture_model::apigatewayv2::{
    AccessLog, Api, ApiMapping, Authorizer, Cors, DomainConfiguration, DomainName, Integration,
    Jwt, KeyedRouteSettings, MutualTls, Route, RouteSettings, Stage, VpcLink,
};

use crate::prelude::*;

operations! { "apigatewayv2":
    GET_APIS = "GetApis" => "apigateway:GET",
    GET_API_MAPPINGS = "GetApiMappings" => "apigateway:GET",
    GET_AUTHORIZERS = "GetAuthorizers" => "apigateway:GET",
    GET_DOMAIN_NAMES = "GetDomainNames" => "apigateway:GET",
    GET_INTEGRATIONS = "GetIntegrations" => "apigateway:GET",
    GET_ROUTES = "GetRoutes" => "apigateway:GET",
    GET_STAGES = "GetStages" => "apigateway:GET",
    GET_VPC_LINKS = "GetVpcLinks" => "apigateway:GET",
}

pub(crate) const SERVICE: Service = Service {
    name: "apigatewayv2",
    placement: Placement::Regional,
    regional_types: &[
        Api::TYPE,
        Stage::TYPE,
        Route::TYPE,
        Authorizer::TYPE,
        Integration::TYPE,
        DomainName::TYPE,
        VpcLink::TYPE,
    ],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_apigatewayv2);
    tokio::join!(
        apis(&cx, &client),
        domain_names(&cx, &client),
        vpc_links(&cx, &client),
    );
}

/// What one API yields.
struct ApiParts {
    api: Result<TypedResource<Api>, Gap>,
    stages: Listed<Result<TypedResource<Stage>, Gap>>,
    routes: Listed<Result<TypedResource<Route>, Gap>>,
    authorizers: Listed<Result<TypedResource<Authorizer>, Gap>>,
    integrations: Listed<Result<TypedResource<Integration>, Gap>>,
}

async fn apis(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_APIS,
            |token| client.get_apis().set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        )
        .await;
    let found = cx.each(listed.items, |found| api(cx, client, found)).await;
    let mut apis = Vec::new();
    let mut stages = Whole::new(&listed.gap);
    let mut routes = Whole::new(&listed.gap);
    let mut authorizers = Whole::new(&listed.gap);
    let mut integrations = Whole::new(&listed.gap);
    for parts in found {
        apis.push(parts.api);
        stages.add(parts.stages);
        routes.add(parts.routes);
        authorizers.add(parts.authorizers);
        integrations.add(parts.integrations);
    }
    cx.publish(listed.gap, apis);
    cx.publish(stages.gap, stages.items);
    cx.publish(routes.gap, routes.items);
    cx.publish(authorizers.gap, authorizers.items);
    cx.publish(integrations.gap, integrations.items);
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

/// What everything that belongs to an API says about it.
struct ApiFacts {
    id: String,
    name: String,
    protocol: String,
}

async fn api(cx: &Cx, client: &Client, api: sdk::Api) -> ApiParts {
    let (Some(id), Some(protocol)) = (api.api_id.clone(), api.protocol_type.clone()) else {
        // What hangs on an API that cannot be named cannot be asked for either.
        let gap = cx.malformed(&GET_APIS);
        return ApiParts {
            api: Err(gap.clone()),
            stages: nothing(&gap),
            routes: nothing(&gap),
            authorizers: nothing(&gap),
            integrations: nothing(&gap),
        };
    };
    let (stages, routes, authorizers, integrations) = tokio::join!(
        cx.list(
            &GET_STAGES,
            |token| client.get_stages().api_id(&id).set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        ),
        cx.list(
            &GET_ROUTES,
            |token| client.get_routes().api_id(&id).set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        ),
        cx.list(
            &GET_AUTHORIZERS,
            |token| client
                .get_authorizers()
                .api_id(&id)
                .set_next_token(token)
                .send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        ),
        cx.list(
            &GET_INTEGRATIONS,
            |token| client
                .get_integrations()
                .api_id(&id)
                .set_next_token(token)
                .send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        ),
    );
    let facts = ApiFacts {
        name: api.name.clone().unwrap_or_else(|| id.clone()),
        protocol: protocol.as_str().to_owned(),
        id,
    };
    ApiParts {
        stages: convert(stages, |found| stage(cx, &facts, found)),
        routes: convert(routes, |found| route(cx, &facts, found)),
        authorizers: convert(authorizers, |found| authorizer(cx, &facts, found)),
        integrations: convert(integrations, |found| integration(cx, &facts, found)),
        api: Ok(properties_of(cx, facts, api)),
    }
}

fn nothing<T>(gap: &Gap) -> Listed<T> {
    Listed {
        items: Vec::new(),
        gap: Some(gap.clone()),
    }
}

fn convert<T, U>(listed: Listed<T>, convert: impl FnMut(T) -> U) -> Listed<U> {
    Listed {
        items: listed.items.into_iter().map(convert).collect(),
        gap: listed.gap,
    }
}

fn properties_of(cx: &Cx, facts: ApiFacts, api: sdk::Api) -> TypedResource<Api> {
    let properties = Api {
        protocol: facts.protocol,
        endpoint: api.api_endpoint,
        disable_execute_api_endpoint: flag(api.disable_execute_api_endpoint),
        cors: api.cors_configuration.map(|cors| Cors {
            allow_credentials: flag(cors.allow_credentials),
            allow_origins: cors.allow_origins.unwrap_or_default(),
            allow_methods: cors.allow_methods.unwrap_or_default(),
            allow_headers: cors.allow_headers.unwrap_or_default(),
            max_age: cors.max_age.map(i64::from),
        }),
        ip_address_type: api.ip_address_type.map(|t| t.as_str().to_owned()),
        api_key_selection_expression: api.api_key_selection_expression,
        route_selection_expression: api.route_selection_expression,
        managed: flag(api.api_gateway_managed),
    };
    let identity = Identity {
        arn: arn(cx, &format!("apis/{}", facts.id)),
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

fn stage(cx: &Cx, api: &ApiFacts, found: sdk::Stage) -> Result<TypedResource<Stage>, Gap> {
    let stage_name = found.stage_name.ok_or_else(|| cx.malformed(&GET_STAGES))?;
    let mut route_settings: Vec<KeyedRouteSettings> = found
        .route_settings
        .unwrap_or_default()
        .into_iter()
        .map(|(route_key, found)| KeyedRouteSettings {
            route_key,
            settings: settings(found),
        })
        .collect();
    route_settings.sort_by(|a, b| a.route_key.cmp(&b.route_key));
    let mut variables: Vec<ExaminedValue> = found
        .stage_variables
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| cx.examiner().value(name, value))
        .collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    let identity = Identity {
        arn: arn(cx, &format!("apis/{}/stages/{stage_name}", api.id)),
        id: format!("{}/{stage_name}", api.id),
        name: format!("{}/{stage_name}", api.name),
        tags: tags(found.tags),
        created: timestamp(found.created_date.as_ref()),
    };
    let properties = Stage {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        protocol: api.protocol.clone(),
        stage_name,
        deployment_id: found.deployment_id,
        auto_deploy: flag(found.auto_deploy),
        last_updated: timestamp(found.last_updated_date.as_ref()),
        access_log: found.access_log_settings.and_then(|log| {
            Some(AccessLog {
                destination_arn: log.destination_arn.filter(|arn| !arn.is_empty())?,
                format: log.format,
            })
        }),
        default_route_settings: found.default_route_settings.map(settings),
        route_settings,
        client_certificate_id: found.client_certificate_id,
        variables: Collected::Known(variables),
        managed: flag(found.api_gateway_managed),
    };
    Ok(cx.resource(identity, properties))
}

fn settings(found: sdk::RouteSettings) -> RouteSettings {
    RouteSettings {
        logging_level: found.logging_level.map(|l| l.as_str().to_owned()),
        data_trace_enabled: flag(found.data_trace_enabled),
        detailed_metrics_enabled: flag(found.detailed_metrics_enabled),
        throttling_rate_limit: found.throttling_rate_limit.filter(|rate| *rate > 0.0),
        throttling_burst_limit: found
            .throttling_burst_limit
            .map(i64::from)
            .filter(|burst| *burst > 0),
    }
}

fn route(cx: &Cx, api: &ApiFacts, found: sdk::Route) -> Result<TypedResource<Route>, Gap> {
    let (Some(route_id), Some(route_key), Some(authorization_type)) =
        (found.route_id, found.route_key, found.authorization_type)
    else {
        return Err(cx.malformed(&GET_ROUTES));
    };
    let mut request_models: Vec<String> = found
        .request_models
        .unwrap_or_default()
        .into_values()
        .collect();
    request_models.sort();
    let identity = Identity {
        arn: arn(cx, &format!("apis/{}/routes/{route_id}", api.id)),
        id: format!("{}/{route_id}", api.id),
        name: format!("{} {route_key}", api.name),
        tags: Collected::Absent,
        created: None,
    };
    let properties = Route {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        protocol: api.protocol.clone(),
        route_id,
        route_key,
        authorization_type: authorization_type.as_str().to_owned(),
        authorizer_id: found.authorizer_id,
        authorization_scopes: found.authorization_scopes.unwrap_or_default(),
        api_key_required: flag(found.api_key_required),
        target: found.target,
        model_selection_expression: found.model_selection_expression,
        request_models,
        managed: flag(found.api_gateway_managed),
    };
    Ok(cx.resource(identity, properties))
}

fn authorizer(
    cx: &Cx,
    api: &ApiFacts,
    found: sdk::Authorizer,
) -> Result<TypedResource<Authorizer>, Gap> {
    let id = found
        .authorizer_id
        .ok_or_else(|| cx.malformed(&GET_AUTHORIZERS))?;
    let address = backend::address(cx.examiner(), found.authorizer_uri);
    let identity = Identity {
        arn: arn(cx, &format!("apis/{}/authorizers/{id}", api.id)),
        name: found.name.unwrap_or_else(|| id.clone()),
        id,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Authorizer {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        protocol: api.protocol.clone(),
        authorizer_type: found.authorizer_type.map(|t| t.as_str().to_owned()),
        function_arn: address.function_arn,
        function_qualifier: address.function_qualifier,
        credentials_arn: found.authorizer_credentials_arn,
        identity_sources: found.identity_source.unwrap_or_default(),
        result_ttl: found.authorizer_result_ttl_in_seconds.map(i64::from),
        payload_format_version: found.authorizer_payload_format_version,
        simple_responses: flag(found.enable_simple_responses),
        jwt: found.jwt_configuration.map(|jwt| Jwt {
            issuer: jwt.issuer,
            audience: jwt.audience.unwrap_or_default(),
        }),
    };
    Ok(cx.resource(identity, properties))
}

fn integration(
    cx: &Cx,
    api: &ApiFacts,
    found: sdk::Integration,
) -> Result<TypedResource<Integration>, Gap> {
    let id = found
        .integration_id
        .ok_or_else(|| cx.malformed(&GET_INTEGRATIONS))?;
    let address = backend::address(cx.examiner(), found.integration_uri);
    let quoted = api.protocol == sdk::ProtocolType::Websocket.as_str();
    let mut static_parameters = backend::constants(cx.examiner(), found.request_parameters, quoted);
    static_parameters.extend(backend::templates(cx.examiner(), found.request_templates));
    let identity = Identity {
        arn: arn(cx, &format!("apis/{}/integrations/{id}", api.id)),
        name: found
            .description
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| format!("{} {id}", api.name)),
        id,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Integration {
        api_id: api.id.clone(),
        api_name: api.name.clone(),
        protocol: api.protocol.clone(),
        integration_type: found.integration_type.map(|t| t.as_str().to_owned()),
        subtype: found.integration_subtype,
        uri: address.uri,
        function_arn: address.function_arn,
        function_qualifier: address.function_qualifier,
        method: found.integration_method,
        connection_type: found.connection_type.map(|t| t.as_str().to_owned()),
        connection_id: found.connection_id,
        credentials_arn: found.credentials_arn,
        tls_server_name: found.tls_config.and_then(|tls| tls.server_name_to_verify),
        timeout_ms: found.timeout_in_millis.map(i64::from),
        static_parameters,
        uri_parameters: address.parameters,
    };
    Ok(cx.resource(identity, properties))
}

async fn domain_names(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_DOMAIN_NAMES,
            |token| client.get_domain_names().set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
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
    let mappings = cx
        .list(
            &GET_API_MAPPINGS,
            |token| {
                client
                    .get_api_mappings()
                    .domain_name(&name)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.items.unwrap_or_default(), page.next_token),
        )
        .await;
    let mappings = match mappings.gap {
        Some(gap) => Collected::Unavailable(gap),
        None => mappings
            .items
            .into_iter()
            .map(|mapping| {
                Ok(ApiMapping {
                    key: mapping
                        .api_mapping_key
                        .filter(|key| !key.is_empty() && key != "(none)"),
                    api_id: mapping
                        .api_id
                        .ok_or_else(|| cx.malformed(&GET_API_MAPPINGS))?,
                    stage: mapping.stage,
                })
            })
            .collect::<Result<Vec<_>, Gap>>()
            .map_or_else(Collected::Unavailable, Collected::Known),
    };
    let identity = Identity {
        arn: domain
            .domain_name_arn
            .unwrap_or_else(|| arn(cx, &format!("domainnames/{name}"))),
        id: name.clone(),
        name,
        tags: tags(domain.tags),
        created: None,
    };
    let properties = DomainName {
        configurations: domain
            .domain_name_configurations
            .unwrap_or_default()
            .into_iter()
            .map(domain_configuration)
            .collect(),
        mutual_tls: domain
            .mutual_tls_authentication
            .filter(|tls| tls.truststore_uri.is_some())
            .map(|tls| MutualTls {
                truststore_uri: tls.truststore_uri,
                truststore_version: tls.truststore_version,
                truststore_warnings: tls.truststore_warnings.unwrap_or_default(),
            }),
        routing_mode: domain.routing_mode.map(|m| m.as_str().to_owned()),
        mappings,
    };
    Ok(cx.resource(identity, properties))
}

fn domain_configuration(found: sdk::DomainNameConfiguration) -> DomainConfiguration {
    DomainConfiguration {
        endpoint_type: found.endpoint_type.map(|t| t.as_str().to_owned()),
        security_policy: found.security_policy.map(|p| p.as_str().to_owned()),
        certificate_arn: found.certificate_arn,
        ownership_verification_certificate_arn: found.ownership_verification_certificate_arn,
        certificate_uploaded: timestamp(found.certificate_upload_date.as_ref()),
        gateway_domain_name: found.api_gateway_domain_name,
        status: found.domain_name_status.map(|s| s.as_str().to_owned()),
        ip_address_type: found.ip_address_type.map(|t| t.as_str().to_owned()),
    }
}

async fn vpc_links(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &GET_VPC_LINKS,
            |token| client.get_vpc_links().set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        )
        .await;
    let links = listed.items.into_iter().map(|link| {
        let id = link
            .vpc_link_id
            .ok_or_else(|| cx.malformed(&GET_VPC_LINKS))?;
        let identity = Identity {
            arn: arn(cx, &format!("vpclinks/{id}")),
            name: link.name.unwrap_or_else(|| id.clone()),
            id,
            tags: tags(link.tags),
            created: timestamp(link.created_date.as_ref()),
        };
        let properties = VpcLink {
            subnet_ids: link.subnet_ids.unwrap_or_default(),
            security_group_ids: link.security_group_ids.unwrap_or_default(),
            status: link.vpc_link_status.map(|s| s.as_str().to_owned()),
        };
        Ok(cx.resource(identity, properties))
    });
    cx.publish(listed.gap, links);
}
