"""One serverless application from front to back, in prod:

web ACL -> REST API -> authorizer -> function -> role -> table and bucket -> key -> secret
"""

from __future__ import annotations

from . import apigateway, iam, kms, lambda_, s3, wafv2
from .garden import CANARY, Garden, Place, allow, policy, tag_list, trust


def plant(garden: Garden) -> None:
    place = garden.place("prod")
    key = kms.key(place, "orders", False, "the application's key", rotate=True)
    table, secret = stores(place, key)
    s3.bucket(place, "orders-receipts", False, "the application's bucket", sound=True, key="alias/orders")
    role = execution_role(place, table, secret, key)
    environment = {"Variables": {"TABLE": "orders", "BUCKET": "orders-receipts", "SECRET_ARN": secret}}
    for name, note in {
        "orders-api": "answers the API",
        "orders-authorizer": "decides who may call",
    }.items():
        lambda_.function(
            place, name, False, note, sound=True, role=role, KMSKeyArn=key, Environment=environment
        )
    front(place)


def stores(place: Place, key: str) -> tuple[str, str]:
    table = place.client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        DeletionProtectionEnabled=True,
        Tags=tag_list(False),
    )["TableDescription"]["TableArn"]
    place.sound(table, "the application's table")
    secret = place.client("secretsmanager").create_secret(
        Name="orders-db", SecretString=CANARY, KmsKeyId=key, Tags=tag_list(False)
    )["ARN"]
    place.sound(secret, "the application's secret")
    return table, secret


def execution_role(place: Place, table: str, secret: str, key: str) -> str:
    client = place.client("iam")
    role = client.create_role(
        RoleName="orders-function",
        AssumeRolePolicyDocument=trust(
            {"Service": "lambda.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": place.id}}
        ),
        Tags=tag_list(False),
    )["Role"]
    client.put_role_policy(
        RoleName="orders-function",
        PolicyName="needs",
        PolicyDocument=policy(
            allow(["dynamodb:GetItem", "dynamodb:PutItem"], table),
            allow(["s3:PutObject"], "arn:aws:s3:::orders-receipts/*"),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], key),
            allow(["secretsmanager:GetSecretValue"], secret),
            allow(["sqs:SendMessage"], place.arn("sqs", "orders-failed")),
            allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                place.arn("logs", "log-group:/aws/lambda/orders-*:*"),
            ),
        ),
    )
    client.attach_role_policy(
        RoleName="orders-function", PolicyArn=iam.MANAGED + "service-role/AWSLambdaVPCAccessExecutionRole"
    )
    place.sound(role["Arn"], "the application's role")
    return "orders-function"


def front(place: Place) -> None:
    api = place.client("apigateway")
    api_id, orders = apigateway.rest_api(
        place, "orders", False, "the application's API", endpointConfiguration={"types": ["REGIONAL"]}
    )
    function = place.arn("lambda", "function:orders-authorizer")
    authorizer = api.create_authorizer(
        restApiId=api_id,
        name="orders",
        type="REQUEST",
        authorizerUri=f"arn:aws:apigateway:{place.region}:lambda:path/2015-03-31/functions/{function}/invocations",
        identitySource="method.request.header.Authorization",
    )["id"]
    validator = api.create_request_validator(
        restApiId=api_id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    for verb in ("GET", "POST"):
        apigateway.method(
            place, api_id, orders, verb, "CUSTOM",
            authorizerId=authorizer, requestValidatorId=validator, function="orders-api",
        )  # fmt: skip
    stage = apigateway.stage(
        place, api_id, "live", False, "the application's stage",
        {
            "/accessLogSettings/destinationArn": place.arn("logs", "log-group:orders-access"),
            "/accessLogSettings/format": "$context.requestId",
            "/*/*/caching/enabled": "true",
            "/*/*/caching/dataEncrypted": "true",
            "/*/*/logging/loglevel": "ERROR",
            "/*/*/throttling/rateLimit": "100",
            "/*/*/throttling/burstLimit": "50",
        },
    )  # fmt: skip
    for name in ("orders-api", "orders-authorizer"):
        place.client("lambda").add_permission(
            FunctionName=name,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=place.arn("execute-api", f"{api_id}/*"),
            SourceAccount=place.id,
        )
    acl = wafv2.web_acl(
        place, "orders", "REGIONAL", False, "before the application's API", wafv2.sound_rules(), logs=True
    )
    place.client("wafv2").associate_web_acl(WebACLArn=acl, ResourceArn=stage)
