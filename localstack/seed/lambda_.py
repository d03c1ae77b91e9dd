"""Functions, layers and everything that hangs on them."""

from __future__ import annotations

from typing import Any

from .garden import (
    CANARY,
    CANARY_ACCESS_KEY,
    CANARY_DATABASE_URL,
    CANARY_SECRET_KEY,
    HOME,
    SECOND,
    Garden,
    Place,
    function_zip,
    tags,
    trust,
)


def plant(garden: Garden) -> None:
    for account, region in [("dev", HOME), ("security", SECOND), ("prod", SECOND)]:
        if account != "prod":
            execution_role(garden.place(account))
        weak = account == "dev"
        function(
            garden.place(account, region),
            "weak-job" if weak else "sound-job",
            weak,
            "no limits, no traces, no dead-letter queue" if weak else "limited, traced, failures are kept",
            sound=not weak,
        )
    prod = garden.place("prod")
    for name in ("orders-failed", "orders"):
        prod.client("sqs").create_queue(QueueName=name)
    invocation(prod)
    urls(prod)
    configuration(prod)
    layers(prod)
    sources(prod)


def execution_role(place: Place) -> None:
    role = place.client("iam").create_role(
        RoleName="sound-function",
        AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}),
    )["Role"]
    place.sound(role["Arn"], "a function's role without rights")


def invocation(place: Place) -> None:
    """Who may invoke: policies of functions, aliases and versions."""
    lambda_ = place.client("lambda")

    def permit(name: str, sid: str, principal: str, qualifier: str | None = None, **more: str) -> None:
        if qualifier:
            more["Qualifier"] = qualifier
        lambda_.add_permission(
            FunctionName=name,
            StatementId=sid,
            Action="lambda:InvokeFunction",
            Principal=principal,
            **more,
        )

    name = function(place, "weak-anyone", True, "anyone may invoke it")
    permit(name, "anyone", "*")
    name = function(place, "weak-foreign", True, "an unknown account may invoke it")
    permit(name, "partner", "999999999999")
    name = function(place, "weak-deputy", True, "a service may invoke it for any account")
    permit(name, "bucket", "s3.amazonaws.com", SourceArn="arn:aws:s3:::sound-data")
    name = function(place, "sound-deputy", False, "a service may invoke it, for this account", sound=True)
    permit(
        name, "bucket", "s3.amazonaws.com",
        SourceArn="arn:aws:s3:::sound-data", SourceAccount=place.id,
    )  # fmt: skip

    for name, weak, principal, note in [
        ("weak-alias", True, "*", "anyone may invoke its alias; the function's own policy is closed"),
        ("sound-alias", False, place.id, "this account may invoke its alias"),
    ]:
        function(place, name, weak, note, sound=not weak)
        version = lambda_.publish_version(FunctionName=name)["Version"]
        lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        place.optional(
            lambda_.add_permission,
            FunctionName=name,
            Qualifier="live",
            StatementId="live",
            Action="lambda:InvokeFunction",
            Principal=principal,
        )


def urls(place: Place) -> None:
    lambda_ = place.client("lambda")
    for name, weak, auth, note in [
        ("weak-url", True, "NONE", "a URL that answers anyone"),
        ("sound-url-closed", False, "NONE", "a URL without authentication that no policy opens"),
        ("sound-url", False, "AWS_IAM", "a URL that takes signed requests only"),
    ]:
        function(place, name, weak, note, sound=not weak)
        cors = {"AllowOrigins": ["*"] if weak else ["https://shop.example"], "AllowCredentials": weak}
        lambda_.create_function_url_config(FunctionName=name, AuthType=auth, Cors=cors)
        if not weak:
            continue
        # An anonymous call needs both grants.
        for sid, action, more in [
            ("url", "lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
            ("through-url", "lambda:InvokeFunction", {}),
        ]:
            lambda_.add_permission(FunctionName=name, StatementId=sid, Action=action, Principal="*", **more)


def configuration(place: Place) -> None:
    function(
        place, "weak-secrets", True, "secrets in its environment",
        Environment={
            "Variables": {
                "DB_PASSWORD": CANARY,
                "DATABASE_URL": CANARY_DATABASE_URL,
                "AWS_KEY": CANARY_ACCESS_KEY,
                "AWS_SECRET": CANARY_SECRET_KEY,
                "HARMLESS_NAME": f"token={CANARY}",
            }
        },
    )  # fmt: skip
    function(
        place, "sound-secrets", False, "its environment names a secret, encrypted by a customer key",
        sound=True,
        Environment={"Variables": {"TABLE": "orders", "SECRET_ARN": place.arn("secretsmanager", "secret:orders-db")}},
        KMSKeyArn=place.arn("kms", "alias/sound-data"),
    )  # fmt: skip
    function(place, "weak-runtime", True, "a runtime that is out of support", Runtime="python3.7")
    function(place, "weak-role", True, "its role is an administrator's", role="weak-function")
    function(place, "weak-timeout", True, "may run for fifteen minutes", Timeout=900)
    function(
        place, "sound-vpc", False, "runs in the VPC", sound=True,
        VpcConfig={"SubnetIds": private_subnets(place), "SecurityGroupIds": closed_groups(place)},
    )  # fmt: skip

    lambda_ = place.client("lambda")
    name = function(place, "sound-destination", False, "failures go to a queue", sound=True)
    place.optional(
        lambda_.put_function_event_invoke_config,
        FunctionName=name,
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=3600,
        DestinationConfig={"OnFailure": {"Destination": place.arn("sqs", "orders-failed")}},
    )
    signing = place.optional(
        lambda_.create_code_signing_config,
        AllowedPublishers={
            "SigningProfileVersionArns": [place.arn("signer", "/signing-profiles/orders/7f3a9c7f3a")]
        },
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    if signing:
        name = function(place, "sound-signed", False, "takes signed code only", sound=True)
        place.optional(
            lambda_.put_function_code_signing_config,
            FunctionName=name,
            CodeSigningConfigArn=signing["CodeSigningConfig"]["CodeSigningConfigArn"],
        )
    image = f"{place.id}.dkr.ecr.{place.region}.amazonaws.com/sound-shop:1.0.0"
    function(place, "sound-image", False, "runs an image of this account", sound=True, image=image)


def layers(place: Place) -> None:
    lambda_ = place.client("lambda")
    for name, weak, principal, note in [
        ("weak-layer", True, "*", "anyone may use the layer"),
        ("sound-layer", False, place.garden.accounts["dev"], "one known account may use the layer"),
    ]:
        layer = lambda_.publish_layer_version(
            LayerName=name, Content={"ZipFile": function_zip()}, CompatibleRuntimes=["python3.13"]
        )
        place.record(layer["LayerVersionArn"], weak, note)
        place.optional(
            lambda_.add_layer_version_permission,
            LayerName=name,
            VersionNumber=layer["Version"],
            StatementId="use",
            Action="lambda:GetLayerVersion",
            Principal=principal,
        )
        if not weak:
            function(
                place, "sound-with-layer", False, "uses a layer of this account", sound=True,
                Layers=[layer["LayerVersionArn"]],
            )  # fmt: skip


def sources(place: Place) -> None:
    name = function(place, "sound-consumer", False, "fed by a queue of this account", sound=True)
    mapping = place.optional(
        place.client("lambda").create_event_source_mapping,
        FunctionName=name,
        EventSourceArn=place.arn("sqs", "orders"),
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    if mapping:
        place.sound(
            place.arn("lambda", f"event-source-mapping:{mapping['UUID']}"), "a queue feeds a function"
        )


def function(
    place: Place,
    name: str,
    weak: bool,
    note: str,
    sound: bool = False,
    role: str = "sound-function",
    image: str | None = None,
    **arguments: Any,
) -> str:
    """A function; with `sound`, limited, traced and with a place for failures."""
    lambda_ = place.client("lambda")
    if image:
        code: dict[str, Any] = {"PackageType": "Image", "Code": {"ImageUri": image}}
    else:
        code = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": function_zip()}}
    settings: dict[str, Any] = {
        "FunctionName": name,
        "Role": f"arn:aws:iam::{place.id}:role/{role}",
        "Tags": tags(weak),
        **code,
    }
    if sound:
        settings |= {
            "TracingConfig": {"Mode": "Active"},
            "DeadLetterConfig": {"TargetArn": place.arn("sqs", "orders-failed")},
            "LoggingConfig": {"LogFormat": "JSON", "LogGroup": f"/aws/lambda/{name}"},
            "Timeout": 10,
        }
    arn = lambda_.create_function(**settings | arguments)["FunctionArn"]
    if sound:
        place.optional(lambda_.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=5)
    place.record(arn, weak, note)
    return name


def private_subnets(place: Place) -> list[str]:
    found = place.client("ec2").describe_subnets(Filters=[{"Name": "tag:layer", "Values": ["private"]}])
    return [subnet["SubnetId"] for subnet in found["Subnets"]]


def closed_groups(place: Place) -> list[str]:
    found = place.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["sound-application"]}]
    )
    return [group["GroupId"] for group in found["SecurityGroups"]]
