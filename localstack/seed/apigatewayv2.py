"""HTTP and WebSocket APIs."""

from __future__ import annotations

from .garden import CANARY, Garden, Place, tags


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    open_api(prod)
    guarded = guarded_api(prod)
    socket_api(prod)
    domains(prod, guarded)


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


def open_api(place: Place) -> None:
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


def guarded_api(place: Place) -> str:
    api = place.client("apigatewayv2")
    api_id = http_api(
        place, "sound-http", False, "every route wants a token, default endpoint disabled",
        DisableExecuteApiEndpoint=True,
        CorsConfiguration={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"]},
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
    }.items():
        api.create_route(ApiId=api_id, RouteKey=key, Target=target, **how)
    stage(
        place, api_id, "live", False, "logs and limits",
        AccessLogSettings={
            "DestinationArn": place.arn("logs", "log-group:sound-http-access"),
            "Format": "$context.requestId",
        },
        DefaultRouteSettings={"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 50},
    )  # fmt: skip
    return api_id


def socket_api(place: Place) -> None:
    api_id = http_api(
        place, "weak-socket", True, "a WebSocket API whose $connect is open",
        protocol="WEBSOCKET", RouteSelectionExpression="$request.body.action",
    )  # fmt: skip
    place.client("apigatewayv2").create_route(
        ApiId=api_id, RouteKey="$connect", AuthorizationType="NONE", ApiKeyRequired=True
    )


def domains(place: Place, api_id: str) -> None:
    api = place.client("apigatewayv2")
    certificate = place.arn("acm", "certificate/00000000-0000-4000-8000-00007f3a9c00")
    for name, weak, policy, more in [
        ("weak.http.example", True, "TLS_1_0", {}),
        (
            "sound.http.example",
            False,
            "TLS_1_2",
            {"MutualTlsAuthentication": {"TruststoreUri": "s3://sound-data/truststore.pem"}},
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
            place.optional(api.create_api_mapping, DomainName=name, ApiId=api_id, Stage="live")
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
