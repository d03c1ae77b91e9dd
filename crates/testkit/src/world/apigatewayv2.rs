//! API Gateway, HTTP and WebSocket: an HTTP API with everything, and a WebSocket API.

use serde_json::json;

use super::CANARY;
use crate::{Reply, reply};

const HTTP: &str = "h1h2h3h4h5";
const CREATED: &str = "2026-01-01T00:00:00Z";

pub(super) fn replies() -> Vec<Reply> {
    let mut all = vec![reply(
        "apigatewayv2:GetApis",
        json!({"items": [
            {
                "apiId": HTTP, "name": "shop", "protocolType": "HTTP", "createdDate": CREATED,
                "apiEndpoint": "https://h1h2h3h4h5.execute-api.eu-west-1.amazonaws.com",
                "routeSelectionExpression": "$request.method $request.path", "disableExecuteApiEndpoint": false,
                "corsConfiguration": {"allowCredentials": true, "allowOrigins": ["https://*"],
                                      "allowMethods": ["GET"], "allowHeaders": ["authorization"], "maxAge": 300},
                "tags": {"team": "shop"}
            },
            {
                "apiId": "w1w2w3w4w5", "name": "chat", "protocolType": "WEBSOCKET",
                "routeSelectionExpression": "$request.body.action",
                "apiKeySelectionExpression": "$request.header.x-api-key"
            },
        ]}),
    )];
    all.extend(of_the_http_api());
    all.extend(of_the_websocket_api());
    all.extend([
        reply(
            "apigatewayv2:GetDomainNames",
            json!({"items": [{
                "domainName": "shop.example.com", "routingMode": "API_MAPPING_ONLY",
                "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/shop.example.com",
                "domainNameConfigurations": [{
                    "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2", "domainNameStatus": "AVAILABLE",
                    "certificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/2222",
                    "apiGatewayDomainName": "d-2.execute-api.eu-west-1.amazonaws.com",
                    "certificateUploadDate": CREATED, "ipAddressType": "ipv4"}],
                "mutualTlsAuthentication": {"truststoreUri": "s3://trust/store.pem"}
            }]}),
        ),
        reply(
            "apigatewayv2:GetApiMappings",
            json!({"items": [{"apiMappingId": "m1", "apiMappingKey": "v1/shop", "apiId": HTTP, "stage": "$default"}]}),
        ),
        reply(
            "apigatewayv2:GetVpcLinks",
            json!({"items": [{"vpcLinkId": "l1", "name": "backend", "subnetIds": ["subnet-1"],
                              "securityGroupIds": ["sg-1"], "vpcLinkStatus": "AVAILABLE", "createdDate": CREATED}]}),
        ),
    ]);
    all
}

fn of_the_http_api() -> Vec<Reply> {
    let path = format!("/apis/{HTTP}/");
    vec![
        reply(
            "apigatewayv2:GetStages",
            json!({"items": [{
                "stageName": "$default", "autoDeploy": true, "deploymentId": "d1", "createdDate": CREATED,
                "lastUpdatedDate": CREATED,
                "accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:shop",
                                      "format": "$context.requestId"},
                "defaultRouteSettings": {"detailedMetricsEnabled": false, "throttlingRateLimit": 100.0,
                                         "throttlingBurstLimit": 200},
                "routeSettings": {"GET /orders": {"throttlingRateLimit": 5.0, "throttlingBurstLimit": 10}},
                "stageVariables": {"dbPassword": CANARY, "alias": "live"}
            }]}),
        )
        .when(&path),
        reply(
            "apigatewayv2:GetRoutes",
            json!({"items": [
                {"routeId": "r1", "routeKey": "GET /orders", "authorizationType": "JWT", "authorizerId": "a1",
                 "authorizationScopes": ["orders/read"], "apiKeyRequired": false, "target": "integrations/i1"},
                {"routeId": "r2", "routeKey": "$default", "authorizationType": "NONE", "apiKeyRequired": false,
                 "target": "integrations/i2"},
            ]}),
        )
        .when(&path),
        reply(
            "apigatewayv2:GetAuthorizers",
            json!({"items": [
                {"authorizerId": "a1", "name": "pool", "authorizerType": "JWT",
                 "identitySource": ["$request.header.Authorization"],
                 "jwtConfiguration": {"issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf",
                                      "audience": ["client1"]}},
                {"authorizerId": "a2", "name": "function", "authorizerType": "REQUEST",
                 "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:authorize/invocations",
                 "authorizerPayloadFormatVersion": "2.0", "authorizerResultTtlInSeconds": 300,
                 "enableSimpleResponses": true, "identitySource": ["$request.header.Authorization"]},
            ]}),
        )
        .when(&path),
        reply(
            "apigatewayv2:GetIntegrations",
            json!({"items": [
                {"integrationId": "i1", "integrationType": "AWS_PROXY", "connectionType": "INTERNET",
                 "integrationUri": "arn:aws:lambda:eu-west-1:123456789012:function:orders:live",
                 "payloadFormatVersion": "2.0", "timeoutInMillis": 30000},
                {"integrationId": "i2", "integrationType": "HTTP_PROXY", "connectionType": "INTERNET",
                 "integrationMethod": "ANY",
                 "integrationUri": format!("http://user:{CANARY}@backend.example.com/v1?token={CANARY}"),
                 "requestParameters": {"append:header.x-api-key": CANARY,
                                       "append:header.x-id": "$request.header.x-id"},
                 "timeoutInMillis": 30000},
            ]}),
        )
        .when(&path),
    ]
}

fn of_the_websocket_api() -> Vec<Reply> {
    vec![
        reply(
            "apigatewayv2:GetStages",
            json!({"items": [{"stageName": "prod", "defaultRouteSettings": {
                "loggingLevel": "INFO", "dataTraceEnabled": true, "detailedMetricsEnabled": true}}]}),
        ),
        reply(
            "apigatewayv2:GetRoutes",
            json!({"items": [{"routeId": "c1", "routeKey": "$connect", "authorizationType": "NONE",
                              "apiKeyRequired": true, "requestModels": {"application/json": "Message"}}]}),
        ),
        reply("apigatewayv2:GetAuthorizers", json!({"items": []})),
        reply(
            "apigatewayv2:GetIntegrations",
            json!({"items": [{
                "integrationId": "i9", "integrationType": "AWS",
                "requestParameters": {"integration.request.header.x-api-key": format!("'{CANARY}'"),
                                      "integration.request.header.id": "context.connectionId"},
                "requestTemplates": {"application/json": format!("{{\n\"password\": \"{CANARY}\"\n}}")}}]}),
        ),
    ]
}
