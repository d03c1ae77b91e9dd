//! API Gateway, REST: a public API with everything, and a private one with a resource policy.

use serde_json::{Value, json};

use super::CANARY;
use crate::{Reply, reply};

const API: &str = "a1b2c3d4e5";
const PRIVATE: &str = "f6g7h8i9j0";
/// 2026-01-01T00:00:00Z.
const CREATED: i64 = 1_767_225_600;

pub(super) fn replies() -> Vec<Reply> {
    let mut all = apis();
    all.extend(of_the_public_api());
    all.extend(of_the_private_api());
    all.extend(of_the_account());
    all
}

/// Policies come back as the inside of a JSON string.
fn escaped(policy: &Value) -> String {
    policy.to_string().replace('"', "\\\"")
}

fn apis() -> Vec<Reply> {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",
        "Resource": format!("arn:aws:execute-api:eu-west-1:123456789012:{PRIVATE}/*"),
        "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}}]});
    vec![reply(
        "apigateway:GetRestApis",
        json!({"item": [
            {
                "id": API, "name": "orders", "createdDate": CREATED, "apiKeySource": "HEADER",
                "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"},
                "disableExecuteApiEndpoint": false, "minimumCompressionSize": 1024,
                "securityPolicy": "TLS_1_0", "apiStatus": "AVAILABLE",
                "tags": {"team": "orders"}, "rootResourceId": "root1"
            },
            {
                "id": PRIVATE, "name": "internal", "createdDate": CREATED,
                "endpointConfiguration": {"types": ["PRIVATE"], "vpcEndpointIds": ["vpce-0123456789abcdef0"]},
                "policy": escaped(&policy)
            },
        ]}),
    )]
}

fn of_the_public_api() -> Vec<Reply> {
    let path = format!("/restapis/{API}/");
    let function = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
                    arn:aws:lambda:eu-west-1:123456789012:function:orders:live/invocations";
    let template = format!("{{\n\"password\": \"{CANARY}\"\n}}");
    vec![
        reply(
            "apigateway:GetResources",
            json!({"item": [
                {"id": "root1", "path": "/"},
                {
                    "id": "res1", "parentId": "root1", "pathPart": "orders", "path": "/orders",
                    "resourceMethods": {
                        "GET": {
                            "httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": false,
                            "methodIntegration": {"type": "AWS_PROXY", "httpMethod": "POST", "uri": function,
                                                  "timeoutInMillis": 29000, "passthroughBehavior": "WHEN_NO_MATCH"}
                        },
                        "POST": {
                            "httpMethod": "POST", "authorizationType": "CUSTOM", "authorizerId": "auth1",
                            "apiKeyRequired": true, "requestValidatorId": "val1",
                            "requestModels": {"application/json": "Order"},
                            "requestParameters": {"method.request.header.x-tenant": true},
                            "methodIntegration": {
                                "type": "HTTP", "httpMethod": "POST", "connectionType": "INTERNET",
                                "uri": format!("http://backend.example.com/orders?api_key={CANARY}"),
                                "requestParameters": {
                                    "integration.request.header.x-api-key": format!("'{CANARY}'"),
                                    "integration.request.header.x-tenant": "method.request.header.x-tenant"},
                                "requestTemplates": {"application/json": template},
                                "tlsConfig": {"insecureSkipVerification": true}, "timeoutInMillis": 29000
                            }
                        },
                        "OPTIONS": {
                            "httpMethod": "OPTIONS", "authorizationType": "NONE", "apiKeyRequired": false,
                            "methodIntegration": {"type": "MOCK", "integrationResponses": {"200": {
                                "statusCode": "200", "responseParameters": {
                                    "method.response.header.Access-Control-Allow-Origin": "'*'",
                                    "method.response.header.Access-Control-Allow-Credentials": "'true'"}}}}
                        }
                    }
                },
            ]}),
        )
        .when(&path),
        reply(
            "apigateway:GetAuthorizers",
            json!({"item": [
                {"id": "auth1", "name": "tokens", "type": "TOKEN", "authType": "custom",
                 "authorizerUri": function, "identitySource": "method.request.header.Authorization",
                 "identityValidationExpression": "^Bearer ", "authorizerResultTtlInSeconds": 300},
                {"id": "auth2", "name": "pool", "type": "COGNITO_USER_POOLS",
                 "providerARNs": ["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbCdEf"],
                 "identitySource": "method.request.header.Authorization"},
            ]}),
        )
        .when(&path),
        reply(
            "apigateway:GetRequestValidators",
            json!({"item": [{"id": "val1", "name": "body", "validateRequestBody": true, "validateRequestParameters": false}]}),
        )
        .when(&path),
        reply(
            "apigateway:GetStages",
            json!({"item": [{
                "stageName": "prod", "deploymentId": "dep1", "createdDate": CREATED, "lastUpdatedDate": CREATED,
                "cacheClusterEnabled": true, "cacheClusterSize": "0.5", "cacheClusterStatus": "AVAILABLE",
                "tracingEnabled": true, "clientCertificateId": "cert1",
                "webAclArn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/front/11111111-2222-3333-4444-555555555555",
                "accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:api",
                                      "format": "$context.requestId"},
                "methodSettings": {
                    "*/*": {"metricsEnabled": true, "loggingLevel": "ERROR", "dataTraceEnabled": false,
                            "throttlingBurstLimit": 200, "throttlingRateLimit": 100.0, "cachingEnabled": true,
                            "cacheTtlInSeconds": 300, "cacheDataEncrypted": false,
                            "requireAuthorizationForCacheControl": true},
                    "~1orders/GET": {"metricsEnabled": false, "dataTraceEnabled": false,
                                     "throttlingBurstLimit": -1, "throttlingRateLimit": -1.0,
                                     "cachingEnabled": false, "cacheTtlInSeconds": 300, "cacheDataEncrypted": false,
                                     "requireAuthorizationForCacheControl": true}},
                "variables": {"dbPassword": CANARY, "alias": "live"},
                "canarySettings": {"percentTraffic": 5.0, "deploymentId": "dep2", "useStageCache": false,
                                   "stageVariableOverrides": {"dbPassword": CANARY}}
            }]}),
        )
        .when(&path),
    ]
}

fn of_the_private_api() -> Vec<Reply> {
    vec![
        reply(
            "apigateway:GetResources",
            json!({"item": [{"id": "res9", "path": "/", "resourceMethods": {
                "ANY": {"httpMethod": "ANY", "authorizationType": "AWS_IAM", "apiKeyRequired": false}}}]}),
        ),
        reply("apigateway:GetAuthorizers", json!({"item": []})),
        reply("apigateway:GetRequestValidators", json!({"item": []})),
        reply(
            "apigateway:GetStages",
            json!({"item": [{"stageName": "prod"}]}),
        ),
    ]
}

fn of_the_account() -> Vec<Reply> {
    vec![
        reply(
            "apigateway:GetUsagePlans",
            json!({"item": [{
                "id": "plan1", "name": "partners", "throttle": {"burstLimit": 20, "rateLimit": 10.0},
                "quota": {"limit": 1000, "offset": 0, "period": "MONTH"},
                "apiStages": [{"apiId": API, "stage": "prod",
                               "throttle": {"/orders/GET": {"burstLimit": 2, "rateLimit": 1.0}}}]
            }]}),
        ),
        reply(
            "apigateway:GetUsagePlanKeys",
            json!({"item": [{"id": "key1", "type": "API_KEY", "name": "partner", "value": CANARY}]}),
        ),
        reply(
            "apigateway:GetApiKeys",
            json!({"item": [
                {"id": "key1", "name": "partner", "enabled": true, "createdDate": CREATED,
                 "lastUpdatedDate": CREATED, "stageKeys": [], "value": CANARY},
                {"id": "key2", "name": "left over", "enabled": true, "createdDate": CREATED},
            ]}),
        ),
        reply(
            "apigateway:GetDomainNames",
            json!({"item": [{
                "domainName": "api.example.com", "regionalDomainName": "d-1.execute-api.eu-west-1.amazonaws.com",
                "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com",
                "regionalCertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1111",
                "certificateUploadDate": CREATED, "domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2",
                "endpointConfiguration": {"types": ["REGIONAL"]},
                "mutualTlsAuthentication": {"truststoreUri": "s3://trust/store.pem", "truststoreVersion": "1",
                                            "truststoreWarnings": ["a certificate has expired"]},
                "routingMode": "BASE_PATH_MAPPING_ONLY"
            }]}),
        ),
        reply(
            "apigateway:GetBasePathMappings",
            json!({"item": [{"basePath": "(none)", "restApiId": API, "stage": "prod"}]}),
        ),
        reply(
            "apigateway:GetVpcLinks",
            json!({"item": [{"id": "link1", "name": "backend", "status": "AVAILABLE",
                             "targetArns": ["arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/backend/1"]}]}),
        ),
        reply(
            "apigateway:GetClientCertificates",
            json!({"item": [{"clientCertificateId": "cert1", "description": "backend",
                             "pemEncodedCertificate": "-----BEGIN CERTIFICATE-----",
                             "createdDate": CREATED, "expirationDate": CREATED + 31_536_000}]}),
        ),
        reply(
            "apigateway:GetAccount",
            json!({"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/api-logs", "features": ["UsagePlans"],
                   "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}, "apiKeyVersion": "4"}),
        ),
    ]
}
