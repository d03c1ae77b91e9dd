//! Amazon API Gateway: REST APIs, open and guarded, and what surrounds them.

use serde_json::{Map, Value, json};

use super::{Answer, Operation, Protocol, Service, lambda, policy};
use crate::CANARY;
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::DAY;
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
        .paged("position", "limit")
}

pub(super) const SERVICE: Service = Service {
    name: "apigateway",
    signs_as: "apigateway",
    protocol: Protocol::RestJson,
    global: false,
    operations: &[
        Operation::new("GetAccount", get_account).at("GET", "/account"),
        listing("GetApiKeys", "/apikeys", get_api_keys),
        listing(
            "GetAuthorizers",
            "/restapis/{restApiId}/authorizers",
            get_authorizers,
        )
        .after("GetRestApis"),
        listing(
            "GetBasePathMappings",
            "/domainnames/{domainName}/basepathmappings",
            get_mappings,
        )
        .after("GetDomainNames"),
        listing(
            "GetClientCertificates",
            "/clientcertificates",
            get_client_certificates,
        ),
        listing("GetDomainNames", "/domainnames", get_domain_names),
        listing(
            "GetRequestValidators",
            "/restapis/{restApiId}/requestvalidators",
            get_validators,
        )
        .after("GetRestApis"),
        listing(
            "GetResources",
            "/restapis/{restApiId}/resources",
            get_resources,
        )
        .after("GetRestApis"),
        listing("GetRestApis", "/restapis", get_rest_apis),
        // Stages have no pages.
        Operation::new("GetStages", get_stages)
            .at("GET", "/restapis/{restApiId}/stages")
            .after("GetRestApis"),
        listing("GetUsagePlans", "/usageplans", get_usage_plans),
        listing(
            "GetUsagePlanKeys",
            "/usageplans/{usagePlanId}/keys",
            get_usage_plan_keys,
        )
        .after("GetUsagePlans"),
        listing("GetVpcLinks", "/vpclinks", get_vpc_links),
    ],
};

/// One page of things that are made by index.
fn page(ask: &Ask<'_>, total: usize, make: impl Fn(usize) -> Value) -> Answer {
    page_named(ask, total, ["item", "position"], make)
}

/// The same, for the names of the list and of what leads to the next page.
pub(super) fn page_named(
    ask: &Ask<'_>,
    total: usize,
    [list, token]: [&str; 2],
    make: impl Fn(usize) -> Value,
) -> Answer {
    let page = ask.page(total);
    let items: Vec<Value> = page.items.clone().map(make).collect();
    let mut answer = json!({list: items});
    if let Some(next) = page.next {
        answer[token] = next.into();
    }
    Ok(answer.to_string())
}

pub(super) fn tags(place: Place<'_>, dice: Dice) -> Map<String, Value> {
    place
        .tags(dice)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect()
}

/// One API for every two resources.
fn api_count(place: Place<'_>) -> usize {
    place.count("apigateway").div_ceil(2)
}

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("rest api", index)
}

/// Ten characters, as AWS's own.
pub(super) fn short_id(dice: Dice, index: usize) -> String {
    format!("{}{index:06x}", dice.lower(4, "id"))
}

fn api_id(place: Place<'_>, index: usize) -> String {
    short_id(dice(place, index), index)
}

fn api(ask: &Ask<'_>) -> Result<(usize, Dice), Refusal> {
    let place = ask.place;
    let index = ask.named("restApiId", api_count(place), |index| api_id(place, index))?;
    Ok((index, dice(place, index)))
}

/// The ARN of some stage; none where there is no API.
pub(super) fn some_stage(place: Place<'_>, of: Dice) -> Option<String> {
    let count = api_count(place);
    (count > 0).then(|| {
        let api = api_id(place, of.below(count, "api"));
        let (partition, region) = (&place.estate.partition, place.region);
        format!("arn:{partition}:apigateway:{region}::/restapis/{api}/stages/prod")
    })
}

fn get_rest_apis(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, api_count(place), |index| {
        let dice = dice(place, index);
        let kind = dice.word(&["REGIONAL", "REGIONAL", "EDGE", "PRIVATE"], "endpoint");
        let mut api = json!({
            "id": api_id(place, index), "name": id::name(id::WORDS, dice, index),
            "createdDate": place.days_ago(dice, 10, 1500, "created"), "apiKeySource": "HEADER",
            "endpointConfiguration": {"types": [kind], "ipAddressType": "ipv4"},
            "disableExecuteApiEndpoint": dice.percent(20, "endpoint off"), "securityPolicy": "TLS_1_2",
            "apiStatus": "AVAILABLE", "tags": tags(place, dice), "rootResourceId": "root000000"});
        if let Some(document) = api_policy(place, dice, index, kind) {
            // AWS gives the inside of a JSON string.
            api["policy"] = document.replace('"', "\\\"").into();
        }
        api
    })
}

fn api_policy(place: Place<'_>, dice: Dice, index: usize, kind: &str) -> Option<String> {
    let resource = place.arn("execute-api", &format!("{}/*", api_id(place, index)));
    let invoke = json!("execute-api:Invoke");
    let account = |id| json!({"AWS": format!("arn:{}:iam::{id}:root", place.estate.partition)});
    let mut statement = match dice.below(10, "policy") {
        0 => policy::grant(&account(STRANGER), &invoke, &resource),
        1 => policy::grant(&account(place.account), &invoke, &resource),
        _ if kind == "PRIVATE" => policy::grant(&json!("*"), &invoke, &resource),
        _ => return None,
    };
    if kind == "PRIVATE" && dice.percent(50, "held to endpoint") {
        statement["Condition"] = json!({"StringEquals": {"aws:SourceVpce": "vpce-0fleet"}});
    }
    Some(policy::document(&json!([statement])))
}

fn get_resources(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (_, dice) = api(ask)?;
    page(ask, 1 + dice.below(6, "resources"), |index| {
        let path = match index {
            0 => "/".to_owned(),
            _ => format!("/{}{index}", dice.word(id::WORDS, "path")),
        };
        let dice = dice.with("resource").at(u64::try_from(index).unwrap_or(0));
        let verb = dice.word(&["GET", "POST", "ANY"], "verb");
        json!({
            "id": format!("res{index:03}"), "path": path,
            "resourceMethods": {verb: method(place, dice, verb)}})
    })
}

fn method(place: Place<'_>, dice: Dice, verb: &str) -> Value {
    let authorization = dice.word(
        &["NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"],
        "authorization",
    );
    let mut method = json!({
        "httpMethod": verb, "authorizationType": authorization,
        "apiKeyRequired": dice.percent(25, "key"), "methodIntegration": integration(place, dice)});
    match authorization {
        "CUSTOM" => method["authorizerId"] = "auth01".into(),
        "COGNITO_USER_POOLS" => method["authorizerId"] = "auth02".into(),
        _ => {}
    }
    if dice.percent(40, "validator") {
        method["requestValidatorId"] = "val001".into();
        method["requestModels"] = json!({"application/json": "Order"});
    }
    method
}

fn integration(place: Place<'_>, dice: Dice) -> Value {
    match lambda::some_function(place, dice).filter(|_| dice.percent(70, "function")) {
        Some(function) => json!({
            "type": "AWS_PROXY", "httpMethod": "POST", "timeoutInMillis": 29_000,
            "passthroughBehavior": "WHEN_NO_MATCH", "uri": invocation(place, &function)}),
        None => {
            let scheme = dice.word(&["http", "https", "https"], "scheme");
            let mut integration = json!({
                "type": "HTTP", "httpMethod": "POST", "connectionType": "INTERNET", "timeoutInMillis": 29_000,
                "uri": format!("{scheme}://backend.example.com/orders"),
                "tlsConfig": {"insecureSkipVerification": dice.percent(10, "unverified")}});
            if dice.percent(30, "secret") {
                integration["requestParameters"] =
                    json!({"integration.request.header.x-api-key": format!("'{CANARY}'")});
            }
            integration
        }
    }
}

fn invocation(place: Place<'_>, function: &str) -> String {
    let (partition, region) = (&place.estate.partition, place.region);
    format!(
        "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"
    )
}

fn get_authorizers(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (_, dice) = api(ask)?;
    page(ask, 2, |index| match index {
        0 => json!({
            "id": "auth01", "name": "tokens", "type": "TOKEN", "authType": "custom",
            "authorizerUri": lambda::some_function(place, dice).map(|function| invocation(place, &function)),
            "identitySource": "method.request.header.Authorization",
            "authorizerResultTtlInSeconds": dice.pick(&[0, 300, 3600], "ttl")}),
        _ => json!({
            "id": "auth02", "name": "pool", "type": "COGNITO_USER_POOLS",
            "providerARNs": [place.arn("cognito-idp", &format!("userpool/{}_Fleet", place.region))],
            "identitySource": "method.request.header.Authorization"}),
    })
}

fn get_validators(ask: &Ask<'_>) -> Answer {
    let (_, dice) = api(ask)?;
    page(ask, 1, |_| {
        json!({
            "id": "val001", "name": "all", "validateRequestBody": dice.percent(70, "body"),
            "validateRequestParameters": dice.percent(50, "parameters")})
    })
}

fn get_stages(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = api(ask)?;
    let created = place.days_ago(dice, 5, 900, "created");
    let cached = dice.percent(20, "cached");
    let mut stage = json!({
        "stageName": "prod", "deploymentId": short_id(dice.with("deployment"), index),
        "createdDate": created, "lastUpdatedDate": created, "cacheClusterEnabled": cached,
        "cacheClusterStatus": if cached { "AVAILABLE" } else { "NOT_AVAILABLE" },
        "tracingEnabled": dice.percent(40, "tracing"), "tags": tags(place, dice),
        "methodSettings": {"*/*": {
            "metricsEnabled": true, "loggingLevel": dice.word(&["OFF", "ERROR", "INFO"], "log level"),
            "dataTraceEnabled": dice.percent(15, "data trace"),
            "throttlingBurstLimit": dice.pick(&[-1, 200], "burst"), "throttlingRateLimit": dice.pick(&[-1.0, 100.0], "burst"),
            "cachingEnabled": cached, "cacheTtlInSeconds": 300, "cacheDataEncrypted": dice.percent(50, "sealed"),
            "requireAuthorizationForCacheControl": dice.percent(70, "flush")}}});
    if dice.percent(50, "access log") {
        stage["accessLogSettings"] = json!({
            "destinationArn": place.arn("logs", "log-group:api"), "format": "$context.requestId"});
    }
    if dice.percent(20, "variables") {
        stage["variables"] = json!({"alias": "live", "dbPassword": CANARY});
    }
    Ok(json!({"item": [stage]}).to_string())
}

// ---- What surrounds them -------------------------------------------------------------------------

/// One plan, key, domain and the like for so many resources.
fn one_for(place: Place<'_>, resources: usize) -> usize {
    place.count("apigateway").div_ceil(resources)
}

fn plan_id(place: Place<'_>, index: usize) -> String {
    short_id(place.dice("usage plan", index), index)
}

fn get_usage_plans(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, one_for(place, 5), |index| {
        let dice = place.dice("usage plan", index);
        let mut plan = json!({
            "id": plan_id(place, index), "name": id::name(id::WORDS, dice, index), "tags": tags(place, dice),
            "apiStages": [{"apiId": api_id(place, dice.below(api_count(place), "api")), "stage": "prod"}]});
        if dice.percent(60, "throttle") {
            plan["throttle"] = json!({"burstLimit": 20, "rateLimit": 10.0});
        }
        if dice.percent(50, "quota") {
            plan["quota"] = json!({"limit": 10_000, "offset": 0, "period": "MONTH"});
        }
        plan
    })
}

fn key_id(place: Place<'_>, index: usize) -> String {
    short_id(place.dice("api key", index), index)
}

fn key_count(place: Place<'_>) -> usize {
    one_for(place, 4)
}

fn get_usage_plan_keys(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let plan = ask.named("usagePlanId", one_for(place, 5), |index| {
        plan_id(place, index)
    })?;
    let keys = key_count(place);
    let key = place.dice("usage plan", plan).below(keys, "key");
    page(ask, keys.min(1), |_| {
        json!({
            "id": key_id(place, key), "type": "API_KEY", "value": CANARY,
            "name": id::name(id::WORDS, place.dice("api key", key), key)})
    })
}

fn get_api_keys(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, key_count(place), |index| {
        let dice = place.dice("api key", index);
        let created = place.days_ago(dice, 5, 900, "created");
        json!({
            "id": key_id(place, index), "name": id::name(id::WORDS, dice, index),
            "enabled": dice.percent(80, "enabled"), "createdDate": created, "lastUpdatedDate": created,
            "stageKeys": [], "tags": tags(place, dice)})
    })
}

fn domain_name(place: Place<'_>, index: usize) -> String {
    // The index last, so that the name leads back to it.
    format!(
        "{}.{}.example-{index:06x}",
        place.dice("rest domain", index).word(id::WORDS, "name"),
        place.region
    )
}

fn get_domain_names(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, one_for(place, 10), |index| {
        let dice = place.dice("rest domain", index);
        let name = domain_name(place, index);
        let (partition, region) = (&place.estate.partition, place.region);
        let mut domain = json!({
            "domainName": name, "domainNameArn": format!("arn:{partition}:apigateway:{region}::/domainnames/{name}"),
            "regionalDomainName": format!("d-{}.execute-api.{region}.amazonaws.com", dice.lower(10, "d")),
            "regionalCertificateArn": place.arn("acm", &format!("certificate/{}", id::uuid(dice, index))),
            "certificateUploadDate": place.days_ago(dice, 5, 300, "certificate"), "domainNameStatus": "AVAILABLE",
            "securityPolicy": dice.word(&["TLS_1_2", "TLS_1_0"], "tls"),
            "endpointConfiguration": {"types": ["REGIONAL"]}, "tags": tags(place, dice),
            "routingMode": "BASE_PATH_MAPPING_ONLY"});
        if dice.percent(30, "mutual") {
            domain["mutualTlsAuthentication"] =
                json!({"truststoreUri": "s3://trust/store.pem", "truststoreVersion": "1"});
        }
        domain
    })
}

fn get_mappings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let domain = ask.named("domainName", one_for(place, 10), |index| {
        domain_name(place, index)
    })?;
    let apis = api_count(place);
    let api = place.dice("rest domain", domain).below(apis, "api");
    page(
        ask,
        apis.min(1),
        |_| json!({"basePath": "(none)", "restApiId": api_id(place, api), "stage": "prod"}),
    )
}

fn get_vpc_links(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, one_for(place, 10), |index| {
        let dice = place.dice("vpc link", index);
        let balancer = place.arn(
            "elasticloadbalancing",
            &format!("loadbalancer/net/backend/{}", dice.hex(16, "lb")),
        );
        json!({
            "id": short_id(dice, index), "name": id::name(id::WORDS, dice, index), "status": "AVAILABLE",
            "targetArns": [balancer], "tags": tags(place, dice)})
    })
}

fn get_client_certificates(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    page(ask, one_for(place, 20), |index| {
        let dice = place.dice("client certificate", index);
        let created = place.days_ago(dice, 5, 360, "created");
        json!({
            "clientCertificateId": short_id(dice, index), "description": "backend",
            "pemEncodedCertificate": "-----BEGIN CERTIFICATE-----", "createdDate": created,
            "expirationDate": created + 365 * DAY, "tags": tags(place, dice)})
    })
}

fn get_account(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let mut account = json!({
        "features": ["UsagePlans"], "throttleSettings": {"burstLimit": 5000, "rateLimit": 10_000.0},
        "apiKeyVersion": "4"});
    if place.dice("apigateway account", 0).percent(60, "log role") {
        account["cloudwatchRoleArn"] = place.global().arn("iam", "role/api-logs").into();
    }
    Ok(account.to_string())
}
