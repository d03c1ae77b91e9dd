"""HTTP and WebSocket APIs."""

from __future__ import annotations

from . import apigateway
from .garden import CANARY, CANARY_SECRET_KEY, Garden, Place, tags


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    weak = open_api(prod)
    guarded = guarded_api(prod)
    socket_apis(prod)
    domains(prod, weak, guarded)


def http_api(place: Place, name: str, weak: bool, note: str, **arguments: object) -> str:
    made = place.client("apigatewayv2").create_api(
        Name=name, ProtocolType=arguments.pop("protocol", "HTTP"), Tags=tags(weak), **arguments
    )["ApiId"]
    place.record(f"arn:aws:apigateway:{place.region}::/apis/{made}", weak, note)
    return made


def integration(place: Place, api_id: str) -> str:
    made = place.client("apigatewayv2").create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=place.arn("lambda", "function:sound-consumer"),
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    return f"integrations/{made}"


def stage(place: Place, api_id: str, name: str, weak: bool, note: str, **arguments: object) -> None:
    place.client("apigatewayv2").create_stage(
        ApiId=api_id, StageName=name, AutoDeploy=True, Tags=tags(weak), **arguments
    )
    place.record(f"arn:aws:apigateway:{place.region}::/apis/{api_id}/stages/{name}", weak, note)


def open_api(place: Place) -> str:
    api = place.client("apigatewayv2")
    api_id = http_api(
        place, "weak-http", True, "an open route, CORS open to every origin with credentials",
        CorsConfiguration={"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowCredentials": True},
    )  # fmt: skip
    target = integration(place, api_id)
    api.create_route(ApiId=api_id, RouteKey="GET /orders", AuthorizationType="NONE", Target=target)
    api.create_route(ApiId=api_id, RouteKey="$default", AuthorizationType="NONE", Target=target)
    stage(
        place, api_id, "$default", True, "no logs, no limits, a secret in its variables",
        StageVariables={"apiToken": CANARY},
    )  # fmt: skip
    api.create_authorizer(
        ApiId=api_id,
        Name="idle",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["*"], "Issuer": "https://idp.example"},
    )
    request_authorizer(place, api_id, "deleted")
    proxy(place, api_id, f"http://backend.example/?api_key={CANARY}", CANARY_SECRET_KEY)
    http_api(
        place, "weak-cors", True, "CORS open to every origin",
        CorsConfiguration={"AllowOrigins": ["*"], "AllowMethods": ["GET"]},
    )  # fmt: skip
    return api_id


def request_authorizer(place: Place, api_id: str, function: str) -> str:
    return place.client("apigatewayv2").create_authorizer(
        ApiId=api_id,
        Name=function,
        AuthorizerType="REQUEST",
        AuthorizerUri=apigateway.authorizer_uri(place, function),
        AuthorizerPayloadFormatVersion="2.0",
        IdentitySource=["$request.header.Authorization"],
    )["AuthorizerId"]


def proxy(place: Place, api_id: str, uri: str, header: str) -> str:
    """An integration with a server elsewhere, with a header of its own."""
    made = place.client("apigatewayv2").create_integration(
        ApiId=api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="POST",
        IntegrationUri=uri,
        PayloadFormatVersion="1.0",
        RequestParameters={"overwrite:header.X-Backend": header},
    )["IntegrationId"]
    return f"integrations/{made}"


def guarded_api(place: Place) -> str:
    api = place.client("apigatewayv2")
    api_id = http_api(
        place, "sound-http", False, "every route wants a token, default endpoint disabled",
        DisableExecuteApiEndpoint=True,
        CorsConfiguration={
            "AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"], "AllowCredentials": True,
        },
    )  # fmt: skip
    authorizer = api.create_authorizer(
        ApiId=api_id,
        Name="tokens",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["shop"], "Issuer": "https://idp.example"},
    )["AuthorizerId"]
    target = integration(place, api_id)
    for key, how in {
        "GET /orders": {"AuthorizationType": "JWT", "AuthorizerId": authorizer},
        "POST /orders": {"AuthorizationType": "AWS_IAM"},
        "PUT /orders": {
            "AuthorizationType": "CUSTOM", "AuthorizerId": request_authorizer(place, api_id, "sound-deputy"),
        },
    }.items():
        api.create_route(ApiId=api_id, RouteKey=key, Target=target, **how)
    target = proxy(place, api_id, "https://backend.example/orders", "orders")
    api.create_route(ApiId=api_id, RouteKey="PATCH /orders", AuthorizationType="AWS_IAM", Target=target)
    http_api(
        place, "sound-cors", False, "CORS open to one origin", DisableExecuteApiEndpoint=True,
        CorsConfiguration={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"]},
    )  # fmt: skip
    stage(
        place, api_id, "live", False, "logs and limits", StageVariables={"table": "orders"},
        AccessLogSettings={
            "DestinationArn": place.arn("logs", "log-group:sound-http-access"),
            "Format": "$context.requestId",
        },
        DefaultRouteSettings={"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 50},
    )  # fmt: skip
    return api_id


def socket_apis(place: Place) -> None:
    api = place.client("apigatewayv2")
    for name, weak, how, note in [
        ("weak-socket", True, "NONE", "a WebSocket API whose $connect wants an API key and nothing else"),
        ("sound-socket", False, "AWS_IAM", "a WebSocket API whose $connect wants a signature and an API key"),
    ]:
        api_id = socket_api(place, name, weak, note)
        api.create_route(ApiId=api_id, RouteKey="$connect", AuthorizationType=how, ApiKeyRequired=True)
        stage(
            place, api_id, "live", weak, "logs whole messages" if weak else "logs errors",
            DefaultRouteSettings={
                "DataTraceEnabled": weak,
                "LoggingLevel": "INFO" if weak else "ERROR",
                "ThrottlingRateLimit": 100.0,
                "ThrottlingBurstLimit": 50,
            },
            AccessLogSettings={
                "DestinationArn": place.arn("logs", f"log-group:{name}-access"), "Format": "$context.requestId",
            },
        )  # fmt: skip
    api_id = socket_api(place, "weak-socket-without-connect", True, "a WebSocket API without $connect")
    api.create_route(ApiId=api_id, RouteKey="$default", AuthorizationType="NONE")


def socket_api(place: Place, name: str, weak: bool, note: str) -> str:
    return http_api(
        place, name, weak, note, protocol="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )  # fmt: skip


def domains(place: Place, weak_api: str, sound_api: str) -> None:
    api = place.client("apigatewayv2")
    certificate = place.arn("acm", "certificate/00000000-0000-4000-8000-00007f3a9c00")
    for name, weak, policy, more in [
        ("weak.http.example", True, "TLS_1_0", {}),
        (
            "mutual.http.example",
            False,
            "TLS_1_2",
            {"MutualTlsAuthentication": {"TruststoreUri": "s3://weak-plain/truststore.pem"}},
        ),
        (
            "sound.http.example",
            False,
            "TLS_1_2",
            {
                "MutualTlsAuthentication": {
                    "TruststoreUri": "s3://sound-data/truststore.pem", "TruststoreVersion": "7f3a9c",
                }
            },
        ),
    ]:
        domain = place.optional(
            api.create_domain_name,
            DomainName=name,
            DomainNameConfigurations=[
                {"CertificateArn": certificate, "EndpointType": "REGIONAL", "SecurityPolicy": policy}
            ],
            Tags=tags(weak),
            **more,
        )
        if domain:
            place.record(
                f"arn:aws:apigateway:{place.region}::/domainnames/{name}",
                weak,
                "TLS 1.0" if weak else "TLS 1.2 and client certificates",
            )
            # Client certificates do not help an API whose default endpoint stays open.
            api_id, stage = (sound_api, "live") if name.startswith("sound") else (weak_api, "$default")
            place.optional(api.create_api_mapping, DomainName=name, ApiId=api_id, Stage=stage)
    subnets = place.client("ec2").describe_subnets(Filters=[{"Name": "tag:layer", "Values": ["private"]}])
    link = place.optional(
        api.create_vpc_link,
        Name="sound-link",
        SubnetIds=[subnet["SubnetId"] for subnet in subnets["Subnets"]],
        SecurityGroupIds=[],
        Tags=tags(False),
    )
    if link:
        place.sound(
            f"arn:aws:apigateway:{place.region}::/vpclinks/{link['VpcLinkId']}", "a link into the VPC"
        )
