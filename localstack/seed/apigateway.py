"""REST APIs: methods and their authorizers, stages, plans, keys, domains."""

from __future__ import annotations

import json

from .garden import CANARY, CANARY_SECRET_KEY, STRANGER, Garden, Place, tags


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    prod.optional(
        prod.client("apigateway").update_account,
        patchOperations=[
            {
                "op": "replace",
                "path": "/cloudwatchRoleArn",
                "value": f"arn:aws:iam::{prod.id}:role/sound-function",
            }
        ],
    )
    open_api(prod)
    guarded = guarded_api(prod)
    private_apis(prod)
    domains(prod, guarded)
    shared_apis(prod)
    dev = garden.place("dev", garden.regions[1])
    api_id, orders = rest_api(dev, "weak-internal", True, "a method without an authorizer")
    method(dev, api_id, orders, "GET", "NONE")
    # This account has no role for API Gateway's logs.
    stage(dev, api_id, "live", True, "no logs", {})


def rest_api(place: Place, name: str, weak: bool, note: str, **arguments: object) -> tuple[str, str]:
    """An API with one resource, `/orders`: the ids of both."""
    api = place.client("apigateway")
    made = api.create_rest_api(name=name, description=note, tags=tags(weak), **arguments)
    place.record(f"arn:aws:apigateway:{place.region}::/restapis/{made['id']}", weak, note)
    root = api.get_resources(restApiId=made["id"])["items"][0]["id"]
    resource = api.create_resource(restApiId=made["id"], parentId=root, pathPart="orders")["id"]
    return made["id"], resource


def method(
    place: Place,
    api_id: str,
    resource: str,
    verb: str,
    kind: str,
    function: str = "sound-consumer",
    **arguments: object,
) -> None:
    api = place.client("apigateway")
    api.put_method(
        restApiId=api_id, resourceId=resource, httpMethod=verb, authorizationType=kind, **arguments
    )
    api.put_integration(
        restApiId=api_id,
        resourceId=resource,
        httpMethod=verb,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{place.region}:lambda:path/2015-03-31/functions/"
        f"{place.arn('lambda', f'function:{function}')}/invocations",
    )


def stage(place: Place, api_id: str, name: str, weak: bool, note: str, settings: dict[str, str]) -> str:
    api = place.client("apigateway")
    deployment = api.create_deployment(restApiId=api_id)["id"]
    api.create_stage(
        restApiId=api_id,
        stageName=name,
        deploymentId=deployment,
        tracingEnabled=not weak,
        cacheClusterEnabled=True,
        cacheClusterSize="0.5",
        variables={"apiToken": CANARY} if weak else {"table": "orders"},
        tags=tags(weak),
    )
    api.update_stage(
        restApiId=api_id,
        stageName=name,
        patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in settings.items()],
    )
    arn = f"arn:aws:apigateway:{place.region}::/restapis/{api_id}/stages/{name}"
    return place.record(arn, weak, note)


def open_api(place: Place) -> None:
    api = place.client("apigateway")
    api_id, orders = rest_api(place, "weak-shop", True, "an authorizer that no method uses")
    api.create_authorizer(
        restApiId=api_id,
        name="idle",
        type="TOKEN",
        authorizerUri=authorizer_uri(place, "deleted"),
        identitySource="method.request.header.Authorization",
        authorizerResultTtlInSeconds=3600,
    )
    method(
        place, api_id, orders, "GET", "NONE", requestParameters={"method.request.querystring.item": True}
    )  # fmt: skip
    idle = api.create_request_validator(
        restApiId=api_id, name="idle", validateRequestBody=False, validateRequestParameters=False
    )["id"]
    method(place, api_id, orders, "DELETE", "NONE", requestValidatorId=idle)
    backend(place, api_id, orders, "PUT", f"http://backend.example/?api_key={CANARY}", CANARY_SECRET_KEY, verified=False)
    cors(place, api_id, "*")
    method(place, api_id, orders, "POST", "NONE", apiKeyRequired=True)
    # Open for CORS, as it should be.
    method(place, api_id, orders, "OPTIONS", "NONE")
    stage(
        place, api_id, "live", True, "no logs, cache not encrypted, no limits, a secret in its variables",
        {
            "/*/*/caching/enabled": "true",
            "/*/*/caching/dataEncrypted": "false",
            "/*/*/caching/requireAuthorizationForCacheControl": "false",
            "/*/*/logging/loglevel": "OFF",
        },
    )  # fmt: skip
    stage(
        place, api_id, "debug", True, "logs whole requests and answers",
        {"/*/*/logging/dataTrace": "true", "/*/*/logging/loglevel": "INFO"},
    )  # fmt: skip
    domain(
        place, "weak-mutual.shop.example", True, "client certificates, but the default endpoint takes anyone", api_id,
        mutualTlsAuthentication={"truststoreUri": "s3://weak-plain/truststore.pem"},
    )  # fmt: skip
    certificate(place, api_id, "debug", "weak-idle: a client certificate about to expire")
    key = api.create_api_key(name="weak-key", enabled=True, value=f"{CANARY}-weak-api-key", tags=tags(True))
    place.weak(f"arn:aws:apigateway:{place.region}::/apikeys/{key['id']}", "a key of no usage plan")


def guarded_api(place: Place) -> str:
    api = place.client("apigateway")
    api_id, orders = rest_api(
        place, "sound-shop", False, "every method has an authorizer, requests are validated",
        endpointConfiguration={"types": ["REGIONAL"]},
        minimumCompressionSize=1024,
    )  # fmt: skip
    api.update_rest_api(
        restApiId=api_id,
        patchOperations=[{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}],
    )
    authorizer = api.create_authorizer(
        restApiId=api_id,
        name="tokens",
        type="TOKEN",
        authorizerUri=authorizer_uri(place),
        identitySource="method.request.header.Authorization",
    )["id"]
    validator = api.create_request_validator(
        restApiId=api_id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    schema = {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}}
    api.create_model(
        restApiId=api_id, name="Order", contentType="application/json", schema=json.dumps(schema)
    )
    method(
        place, api_id, orders, "GET", "AWS_IAM", requestValidatorId=validator, apiKeyRequired=True,
        requestParameters={"method.request.querystring.item": True},
    )  # fmt: skip
    backend(place, api_id, orders, "PUT", "https://backend.example/orders", "orders", verified=True)
    cors(place, api_id, "https://shop.example")
    method(
        place, api_id, orders, "POST", "CUSTOM", authorizerId=authorizer, requestValidatorId=validator,
        requestModels={"application/json": "Order"},
    )  # fmt: skip
    stage(
        place, api_id, "live", False, "logs, traces, limits, encrypted cache",
        {
            "/accessLogSettings/destinationArn": place.arn("logs", "log-group:sound-shop-access"),
            "/accessLogSettings/format": '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp"}',
            "/*/*/caching/enabled": "true",
            "/*/*/caching/dataEncrypted": "true",
            "/*/*/logging/loglevel": "ERROR",
            "/*/*/logging/dataTrace": "false",
            "/*/*/throttling/rateLimit": "100",
            "/*/*/throttling/burstLimit": "50",
        },
    )  # fmt: skip
    certificate(place, api_id, "live", "sound: shown to the backend")
    if place.garden.emulator == "moto":
        waf = place.client("wafv2")
        acls = {acl["Name"]: acl["ARN"] for acl in waf.list_web_acls(Scope="REGIONAL")["WebACLs"]}
        arn = f"arn:aws:apigateway:{place.region}::/restapis/{api_id}/stages/live"
        waf.associate_web_acl(WebACLArn=acls["sound-edge"], ResourceArn=arn)
    for name, weak in {"weak-plan": True, "sound-plan": False}.items():
        limits = {} if weak else {
            "throttle": {"rateLimit": 10, "burstLimit": 20},
            "quota": {"limit": 10000, "period": "DAY"},
        }  # fmt: skip
        plan = api.create_usage_plan(
            name=name, apiStages=[{"apiId": api_id, "stage": "live"}], tags=tags(weak), **limits
        )["id"]
        place.record(
            f"arn:aws:apigateway:{place.region}::/usageplans/{plan}",
            weak,
            "no throttle, no quota" if weak else "throttle and quota",
        )
    key = api.create_api_key(
        name="sound-key", enabled=True, value=f"{CANARY}-sound-api-key", tags=tags(False)
    )["id"]
    api.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    return api_id


def private_apis(place: Place) -> None:
    for name, weak, condition, note in [
        ("weak-private", True, None, "a private API that every VPC endpoint reaches"),
        (
            "sound-private",
            False,
            {"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}},
            "a private API for one VPC endpoint",
        ),
    ]:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/*",
        }
        if condition:
            statement["Condition"] = condition
        api_id, orders = rest_api(
            place, name, weak, note,
            endpointConfiguration={"types": ["PRIVATE"]},
            policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )  # fmt: skip
        method(place, api_id, orders, "GET", "AWS_IAM")


def shared_apis(place: Place) -> None:
    """Signed requests only; the policy says whose."""
    accounts = place.garden.accounts
    for name, weak, principal, note in [
        ("weak-any-account", True, "*", "any AWS account's signature will do"),
        ("weak-foreign-account", True, {"AWS": f"arn:aws:iam::{STRANGER}:root"}, "an unknown account may call it"),
        (
            "sound-partner",
            False,
            {"AWS": f"arn:aws:iam::{accounts['dev']}:root"},
            "an account of the organization may call it",
        ),
    ]:
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/*",
        }
        api_id, orders = rest_api(
            place, name, weak, note,
            endpointConfiguration={"types": ["REGIONAL"]},
            policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )  # fmt: skip
        method(place, api_id, orders, "GET", "AWS_IAM")


def backend(place: Place, api_id: str, resource: str, verb: str, uri: str, header: str, verified: bool) -> None:
    """A method that passes on to a server elsewhere, with a header of its own."""
    api = place.client("apigateway")
    api.put_method(restApiId=api_id, resourceId=resource, httpMethod=verb, authorizationType="AWS_IAM")
    api.put_integration(
        restApiId=api_id,
        resourceId=resource,
        httpMethod=verb,
        type="HTTP_PROXY",
        integrationHttpMethod=verb,
        uri=uri,
        requestParameters={"integration.request.header.X-Backend": f"'{header}'"},
        tlsConfig={"insecureSkipVerification": not verified},
    )


def cors(place: Place, api_id: str, origin: str) -> None:
    """A resource whose OPTIONS answers that `origin` may send cookies."""
    api = place.client("apigateway")
    root = next(r["id"] for r in api.get_resources(restApiId=api_id)["items"] if r["path"] == "/")
    resource = api.create_resource(restApiId=api_id, parentId=root, pathPart="basket")["id"]
    at = {"restApiId": api_id, "resourceId": resource, "httpMethod": "OPTIONS"}
    api.put_method(**at, authorizationType="NONE")
    api.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    headers = {"Origin": f"'{origin}'", "Credentials": "'true'"}
    answers = {f"method.response.header.Access-Control-Allow-{name}": value for name, value in headers.items()}
    api.put_method_response(**at, statusCode="200", responseParameters=dict.fromkeys(answers, True))
    api.put_integration_response(**at, statusCode="200", responseParameters=answers)


def certificate(place: Place, api_id: str, stage: str, note: str) -> None:
    """A client certificate that the stage shows to its backends."""
    api = place.client("apigateway")
    made = place.optional(api.generate_client_certificate, description=note)
    if made:
        api.update_stage(
            restApiId=api_id,
            stageName=stage,
            patchOperations=[
                {"op": "replace", "path": "/clientCertificateId", "value": made["clientCertificateId"]}
            ],
        )


def domains(place: Place, api_id: str) -> None:
    api = place.client("apigateway")
    domain(place, "weak.shop.example", True, "TLS 1.0", api_id, securityPolicy="TLS_1_0")
    domain(
        place, "sound.shop.example", False, "TLS 1.2 and client certificates", api_id,
        mutualTlsAuthentication={"truststoreUri": "s3://sound-data/truststore.pem", "truststoreVersion": "7f3a9c"},
    )  # fmt: skip
    place.optional(
        api.create_vpc_link,
        name="sound-link",
        targetArns=[place.arn("elasticloadbalancing", "loadbalancer/net/orders/0123456789abcdef")],
        tags=tags(False),
    )


def domain(place: Place, name: str, weak: bool, note: str, api_id: str, **more: object) -> None:
    api = place.client("apigateway")
    made = place.optional(
        api.create_domain_name,
        domainName=name,
        regionalCertificateArn=place.arn("acm", "certificate/00000000-0000-4000-8000-00007f3a9c00"),
        endpointConfiguration={"types": ["REGIONAL"]},
        tags=tags(weak),
        **{"securityPolicy": "TLS_1_2"} | more,
    )
    if made:
        place.record(f"arn:aws:apigateway:{place.region}::/domainnames/{name}", weak, note)
        place.optional(api.create_base_path_mapping, domainName=name, restApiId=api_id, stage="live")


def authorizer_uri(place: Place, function: str = "sound-deputy") -> str:
    return (
        f"arn:aws:apigateway:{place.region}:lambda:path/2015-03-31/functions/"
        f"{place.arn('lambda', f'function:{function}')}/invocations"
    )
