//! AWS Lambda: a function with everything, and one with nothing.

use serde_json::json;

use super::CANARY;
use crate::{Reply, reply};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:orders";
const BARE: &str = "arn:aws:lambda:eu-west-1:123456789012:function:bare";

pub(super) fn replies() -> Vec<Reply> {
    let public = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "url", "Effect": "Allow", "Principal": "*",
        "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": FUNCTION}]})
    .to_string();
    vec![
        reply(
            "lambda:ListFunctions",
            json!({"Functions": [
                {
                    "FunctionName": "orders", "FunctionArn": FUNCTION, "Runtime": "python3.13",
                    "Role": "arn:aws:iam::123456789012:role/orders", "Handler": "app.handler",
                    "PackageType": "Zip", "Timeout": 30, "MemorySize": 256, "CodeSize": 1000,
                    "LastModified": "2026-01-31T12:00:00.000+0000", "Version": "$LATEST",
                    "VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
                    "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead"},
                    "Environment": {"Variables": {"DB_PASSWORD": CANARY, "LOG_LEVEL": "INFO"}},
                    "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1111",
                    "TracingConfig": {"Mode": "Active"}, "State": "Active",
                    "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3", "CodeSize": 1}],
                    "Architectures": ["arm64"], "EphemeralStorage": {"Size": 512},
                    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
                    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/orders"}
                },
                {
                    "FunctionName": "bare", "FunctionArn": BARE, "PackageType": "Image",
                    "Role": "arn:aws:iam::123456789012:role/bare", "CodeSize": 1, "Version": "$LATEST"
                },
            ]}),
        ),
        reply("lambda:ListTags", json!({"Tags": {"team": "orders"}})),
        reply("lambda:GetPolicy", json!({"Policy": public})).when("functions/orders/policy?Qualifier=live"),
        reply(
            "lambda:GetPolicy",
            json!({"Policy": json!({"Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction", "Resource": FUNCTION}}).to_string()}),
        )
        .when("functions/orders/policy"),
        Reply::error("lambda:GetPolicy", 404, "ResourceNotFoundException"),
        reply("lambda:GetFunctionConcurrency", json!({"ReservedConcurrentExecutions": 10}))
            .when("functions/orders/"),
        reply("lambda:GetFunctionConcurrency", json!({})),
        reply(
            "lambda:GetFunctionCodeSigningConfig",
            json!({"CodeSigningConfigArn": "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-1",
                   "FunctionName": "orders"}),
        ),
        reply(
            "lambda:GetFunctionUrlConfig",
            json!({
                "FunctionUrl": "https://abc.lambda-url.eu-west-1.on.aws/",
                "FunctionArn": format!("{FUNCTION}:live"), "AuthType": "NONE",
                "CreationTime": "2026-01-01T00:00:00Z", "LastModifiedTime": "2026-01-01T00:00:00Z",
                "Cors": {"AllowOrigins": ["*"], "AllowCredentials": true}}),
        )
        .when("functions/orders/url?Qualifier=live"),
        Reply::error("lambda:GetFunctionUrlConfig", 404, "ResourceNotFoundException"),
        reply(
            "lambda:ListFunctionEventInvokeConfigs",
            json!({"FunctionEventInvokeConfigs": [{
                "FunctionArn": format!("{FUNCTION}:$LATEST"), "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:dead"}}}]}),
        )
        .when("functions/orders/"),
        reply("lambda:ListFunctionEventInvokeConfigs", json!({"FunctionEventInvokeConfigs": []})),
        reply(
            "lambda:ListAliases",
            json!({"Aliases": [{"Name": "live", "AliasArn": format!("{FUNCTION}:live"), "FunctionVersion": "1"}]}),
        )
        .when("functions/orders/"),
        reply("lambda:ListAliases", json!({"Aliases": []})),
        reply(
            "lambda:ListVersionsByFunction",
            json!({"Versions": [
                {"FunctionName": "orders", "FunctionArn": format!("{FUNCTION}:$LATEST"), "Version": "$LATEST"},
                {"FunctionName": "orders", "FunctionArn": format!("{FUNCTION}:1"), "Version": "1"}]}),
        )
        .when("functions/orders/"),
        reply("lambda:ListVersionsByFunction", json!({"Versions": []})),
        reply(
            "lambda:ListEventSourceMappings",
            json!({"EventSourceMappings": [{
                "UUID": "11111111-2222-3333-4444-555555555555", "BatchSize": 10, "State": "Enabled",
                "EventSourceArn": "arn:aws:sqs:eu-west-1:210987654321:partner", "FunctionArn": FUNCTION}]}),
        ),
        reply(
            "lambda:ListLayers",
            json!({"Layers": [{
                "LayerName": "tools", "LayerArn": "arn:aws:lambda:eu-west-1:123456789012:layer:tools",
                "LatestMatchingVersion": {
                    "LayerVersionArn": "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3", "Version": 3,
                    "CreatedDate": "2026-01-31T12:00:00.000+0000", "CompatibleRuntimes": ["python3.13"]}}]}),
        ),
        reply(
            "lambda:GetLayerVersionPolicy",
            json!({"Policy": json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion",
                "Resource": "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3"}]}).to_string()}),
        ),
        reply(
            "lambda:ListCodeSigningConfigs",
            json!({"CodeSigningConfigs": [{
                "CodeSigningConfigId": "csc-1",
                "CodeSigningConfigArn": "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-1",
                "AllowedPublishers": {"SigningProfileVersionArns": ["arn:aws:signer:eu-west-1:123456789012:/signing-profiles/p/1"]},
                "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
                "LastModified": "2026-01-31T12:00:00.000+0000"}]}),
        ),
        reply(
            "lambda:GetAccountSettings",
            json!({"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 990,
                                    "TotalCodeSize": 1, "CodeSizeUnzipped": 1, "CodeSizeZipped": 1},
                   "AccountUsage": {"FunctionCount": 2, "TotalCodeSize": 1001}}),
        ),
    ]
}
