//! Amazon API Gateway: HTTP and WebSocket APIs.

use serde_json::{Value, json};

use super::apigateway::{page_named, short_id, tags};
use super::{Answer, Operation, Protocol, Service, ec2, lambda};
use crate::CANARY;
use crate::ask::{Ask, Place};
use crate::clock::iso;
use crate::dice::Dice;
use crate::id;
use crate::refusal::Refusal;

/// A listing at a path.
const fn listing(
    name: &'static str,
    path: &'static str,
    answer: fn(&Ask<'_>) -> Answer,
) -> Operation {
    Operation::new(name, answer)
        .at("GET", path)
        .paged("nextToken", "maxResults")
}

pub(super) const SERVICE: Service = Service {
    name: "apigatewayv2",
    signs_as: "apigateway",
    protocol: Protocol::RestJson,
    global: false,
    operations: &[
        listing(
            "GetApiMappings",
            "/v2/domainnames/{domainName}/apimappings",
            get_mappings,
        )
        .after("GetDomainNames"),
        listing("GetApis", "/v2/apis", get_apis),
        listing(
            "GetAuthorizers",
            "/v2/apis/{apiId}/authorizers",
            get_authorizers,
        )
        .after("GetApis"),
        listing("GetDomainNames", "/v2/domainnames", get_domain_names),
        listing(
            "GetIntegrations",
            "/v2/apis/{apiId}/integrations",
            get_integrations,
        )
        .after("GetApis"),
        listing("GetRoutes", "/v2/apis/{apiId}/routes", get_routes).after("GetApis"),
        listing("GetStages", "/v2/apis/{apiId}/stages", get_stages).after("GetApis"),
        listing("GetVpcLinks", "/v2/vpclinks", get_vpc_links),
    ],
};

/// One page of things that are made by index.
fn page(ask: &Ask<'_>, total: usize, make: impl Fn(usize) -> Value) -> Answer {
    page_named(ask, total, ["items", "nextToken"], make)
}

/// One API for every two resources.
fn api_count(place: Place<'_>) -> usize {
    place.count("apigatewayv2").div_ceil(2)
}

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("http api", index)
}

fn api_id(place: Place<'_>, index: usize) -> String {
    short_id(dice(place, index), index)
}

fn is_websocket(dice: Dice) -> bool {
    dice.percent(20, "websocket")
}

fn api(ask: &Ask<'_>) -> Result<Dice, Refusal> {
    let place = ask.place;
    let index = ask.named("apiId", api_count(place), |index| api_id(place, index))?;
    Ok(dice(place, index))
}

fn get_apis(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, api_count(place), |index| {
        let dice = dice(place, index);
        let id = api_id(place, index);
        let (protocol, scheme, selection) = match is_websocket(dice) {
            true => ("WEBSOCKET", "wss", "$request.body.action"),
            false => ("HTTP", "https", "$request.method $request.path"),
        };
        let mut api = json!({
            "apiId": id, "name": id::name(id::WORDS, dice, index), "protocolType": protocol,
            "createdDate": iso(place.days_ago(dice, 5, 900, "created")),
            "apiEndpoint": format!("{scheme}://{id}.execute-api.{}.amazonaws.com", place.region),
            "apiKeySelectionExpression": "$request.header.x-api-key", "routeSelectionExpression": selection,
            "disableExecuteApiEndpoint": dice.percent(20, "endpoint off"), "ipAddressType": "ipv4",
            "tags": tags(place, dice)});
        if !is_websocket(dice) && dice.percent(40, "cors") {
            api["corsConfiguration"] = json!({
                "allowCredentials": dice.percent(30, "credentials"),
                "allowOrigins": [dice.word(&["*", "https://*", "https://www.example.com"], "origin")],
                "allowMethods": ["GET"], "maxAge": 300});
        }
        api
    })
}

fn get_stages(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = api(ask)?;
    let name = if is_websocket(dice) {
        "prod"
    } else {
        "$default"
    };
    page(ask, 1, |_| {
        let created = iso(place.days_ago(dice, 5, 900, "created"));
        let mut stage = json!({
            "stageName": name, "deploymentId": dice.lower(6, "deployment"), "autoDeploy": true,
            "createdDate": created, "lastUpdatedDate": created, "tags": tags(place, dice),
            "defaultRouteSettings": {"detailedMetricsEnabled": dice.percent(50, "metrics")}});
        if dice.percent(50, "throttled") {
            stage["defaultRouteSettings"]["throttlingBurstLimit"] = 200.into();
            stage["defaultRouteSettings"]["throttlingRateLimit"] = 100.0.into();
        }
        if is_websocket(dice) {
            stage["defaultRouteSettings"]["dataTraceEnabled"] =
                dice.percent(30, "data trace").into();
        }
        if dice.percent(50, "access log") {
            stage["accessLogSettings"] = json!({
                "destinationArn": place.arn("logs", "log-group:http-api"), "format": "$context.requestId"});
        }
        if dice.percent(20, "variables") {
            stage["stageVariables"] = json!({"apiToken": CANARY});
        }
        stage
    })
}

fn get_routes(ask: &Ask<'_>) -> Answer {
    let dice = api(ask)?;
    let websocket = is_websocket(dice);
    page(ask, 1 + dice.below(5, "routes"), |index| {
        let route = dice.with("route").at(u64::try_from(index).unwrap_or(0));
        let key = match (websocket, index) {
            (true, 0) => "$connect".to_owned(),
            (true, _) => format!("action{index}"),
            (false, _) => format!(
                "{} /{}{index}",
                route.word(&["GET", "POST", "ANY"], "verb"),
                route.word(id::WORDS, "path")
            ),
        };
        let authorization = match websocket {
            true => route.word(&["NONE", "AWS_IAM"], "authorization"),
            false => route.word(&["NONE", "JWT", "AWS_IAM"], "authorization"),
        };
        let mut found = json!({
            "routeId": format!("route{index:02}"), "routeKey": key, "authorizationType": authorization,
            "apiKeyRequired": websocket && route.percent(30, "key"), "target": "integrations/int01"});
        if authorization == "JWT" {
            found["authorizerId"] = "auth01".into();
        }
        found
    })
}

fn get_authorizers(ask: &Ask<'_>) -> Answer {
    let dice = api(ask)?;
    page(ask, usize::from(!is_websocket(dice)), |_| {
        let audience = match dice.percent(30, "any audience") {
            true => json!([]),
            false => json!(["shop"]),
        };
        json!({
            "authorizerId": "auth01", "name": "jwt", "authorizerType": "JWT",
            "identitySource": ["$request.header.Authorization"],
            "jwtConfiguration": {"issuer": "https://login.example.com", "audience": audience}})
    })
}

fn get_integrations(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = api(ask)?;
    page(ask, 1, |_| {
        let function = lambda::some_function(place, dice).filter(|_| dice.percent(70, "function"));
        match function {
            Some(function) => json!({
                "integrationId": "int01", "integrationType": "AWS_PROXY", "connectionType": "INTERNET",
                "integrationUri": function, "payloadFormatVersion": "2.0", "timeoutInMillis": 30_000}),
            None => {
                let scheme = dice.word(&["http", "https", "https"], "scheme");
                let mut found = json!({
                    "integrationId": "int01", "integrationType": "HTTP_PROXY", "connectionType": "INTERNET",
                    "integrationMethod": "ANY", "integrationUri": format!("{scheme}://backend.example.com/v1"),
                    "timeoutInMillis": 30_000});
                if dice.percent(30, "secret") {
                    found["requestParameters"] = json!({"append:header.x-api-key": CANARY});
                }
                found
            }
        }
    })
}

/// One domain and one link for every ten resources.
fn few(place: Place<'_>) -> usize {
    place.count("apigatewayv2").div_ceil(10)
}

fn domain_name(place: Place<'_>, index: usize) -> String {
    // The index last, so that the name leads back to it.
    format!(
        "{}.{}.example-{index:06x}",
        place.dice("http domain", index).word(id::WORDS, "name"),
        place.region
    )
}

fn get_domain_names(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, few(place), |index| {
        let dice = place.dice("http domain", index);
        let name = domain_name(place, index);
        let (partition, region) = (&place.estate.partition, place.region);
        json!({
            "domainName": name, "routingMode": "API_MAPPING_ONLY", "tags": tags(place, dice),
            "domainNameArn": format!("arn:{partition}:apigateway:{region}::/domainnames/{name}"),
            "domainNameConfigurations": [{
                "endpointType": "REGIONAL", "securityPolicy": dice.word(&["TLS_1_2", "TLS_1_0"], "tls"),
                "domainNameStatus": "AVAILABLE", "ipAddressType": "ipv4",
                "certificateArn": place.arn("acm", &format!("certificate/{}", id::uuid(dice, index))),
                "apiGatewayDomainName": format!("d-{}.execute-api.{region}.amazonaws.com", dice.lower(10, "d")),
                "certificateUploadDate": iso(place.days_ago(dice, 5, 300, "certificate"))}]})
    })
}

fn get_mappings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let domain = ask.named("domainName", few(place), |index| domain_name(place, index))?;
    let apis = api_count(place);
    let api = place.dice("http domain", domain).below(apis, "api");
    page(
        ask,
        apis.min(1),
        |_| json!({"apiMappingId": "map001", "apiMappingKey": "v1", "apiId": api_id(place, api), "stage": "$default"}),
    )
}

fn get_vpc_links(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, few(place), |index| {
        let dice = place.dice("http vpc link", index);
        let (subnets, group) = match ec2::some_network(place, dice) {
            Some((_, subnets, group)) => (subnets, vec![group]),
            None => (Vec::new(), Vec::new()),
        };
        json!({
            "vpcLinkId": short_id(dice, index), "name": id::name(id::WORDS, dice, index),
            "subnetIds": subnets, "securityGroupIds": group, "vpcLinkStatus": "AVAILABLE",
            "vpcLinkVersion": "V2", "createdDate": iso(place.days_ago(dice, 5, 900, "created")),
            "tags": tags(place, dice)})
    })
}
