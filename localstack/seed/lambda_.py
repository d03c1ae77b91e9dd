"""Functions, layers and everything that hangs on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import kms
from .garden import (
    CANARY,
    CANARY_ACCESS_KEY,
    CANARY_DATABASE_URL,
    CANARY_SECRET_KEY,
    CANARY_WORD,
    HOME,
    SECOND,
    STRANGER,
    Garden,
    Place,
    allow,
    function_zip,
    policy,
    tag_list,
    tags,
    trust,
)


def plant(garden: Garden) -> None:
    for account, region in [("dev", HOME), ("security", SECOND), ("prod", SECOND)]:
        if account == "dev":
            execution_role(garden.place(account), "weak-function", logs=False)
        weak = account == "dev"
        function(
            garden.place(account, region),
            "weak-job" if weak else "sound-job",
            weak,
            "no limits, no traces, no dead-letter queue" if weak else "limited, traced, failures are kept",
            sound=not weak,
        )
    dev = garden.place("dev")
    # All that this region may give away: Lambda keeps a hundred for the rest.
    dev.optional(dev.client("lambda").put_function_concurrency, FunctionName="weak-job", ReservedConcurrentExecutions=900)
    prod = garden.place("prod")
    for name in ("orders-failed", "orders"):
        prod.client("sqs").create_queue(QueueName=name)
    invocation(prod)
    urls(prod)
    configuration(prod)
    layers(prod)
    sources(prod)


def execution_role(place: Place, name: str, *statements: dict[str, Any], logs: bool = True) -> str:
    """A function's role; without `logs`, one that cannot write a line of them."""
    iam = place.client("iam")
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}),
        Tags=tag_list(not logs),
    )
    if logs:
        # As AWSLambdaBasicExecutionRole.
        group = f"arn:aws:logs:*:{place.id}:log-group:/aws/lambda/*"
        statements += (allow(["logs:CreateLogStream", "logs:PutLogEvents"], group),)
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="needs", PolicyDocument=policy(*statements))
    return name


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
    permit(name, "partner", STRANGER)
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


    for name, weak, auth, opened, note in [
        ("weak-alias-url", True, "NONE", True, "the URL of an alias answers anyone"),
        ("weak-alias-url-closed", True, "NONE", False, "the URL of an alias without authentication that no policy opens"),
        ("sound-alias-url", False, "AWS_IAM", False, "the URL of an alias takes signed requests only"),
    ]:
        if place.garden.emulator != "moto":
            continue
        function(place, name, weak, note, sound=not weak)
        version = lambda_.publish_version(FunctionName=name)["Version"]
        lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        lambda_.create_function_url_config(FunctionName=name, AuthType=auth, Qualifier="live")
        if opened:
            open_url(place, name, Qualifier="live")


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
        if weak:
            open_url(place, name)


def open_url(place: Place, name: str, **qualifier: str) -> None:
    """Both grants that an anonymous call through a URL needs."""
    for sid, action, more in [
        ("url", "lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("through-url", "lambda:InvokeFunction", {}),
    ]:
        place.client("lambda").add_permission(
            FunctionName=name, StatementId=sid, Action=action, Principal="*", **more, **qualifier
        )


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
        KMSKeyArn=kms.key_arn(place, "sound-data"),
    )  # fmt: skip
    function(
        place, "weak-secret-suspected", True, "something in its environment looks like a secret",
        Environment={"Variables": {"ADMIN_PASSWORD": CANARY_WORD}},
    )  # fmt: skip
    function(
        place, "weak-key", True, "its environment is encrypted by a key that is disabled",
        Environment={"Variables": {"TABLE": "orders"}}, KMSKeyArn=kms.key_arn(place, "weak-disabled"),
    )  # fmt: skip
    execution_role(place, "weak-function-wildcards", allow(["s3:*", "dynamodb:*"]), logs=False)
    function(place, "weak-wildcards", True, "its role has whole services on everything", role="weak-function-wildcards")
    for name, weak, logging in [
        ("weak-text-logs", True, {"LogFormat": "Text"}),
        ("weak-debug-logs", True, {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}),
    ]:
        note = "logs that nobody can search" if "text" in name else "logs every detail"
        function(place, name, weak, note, LoggingConfig=logging | {"LogGroup": f"/aws/lambda/{name}"})
    function(place, "weak-runtime", True, "a runtime that is out of support", Runtime="python3.7")
    function(place, "weak-role", True, "its role is an administrator's", role="weak-function")
    function(place, "weak-timeout", True, "may run for fifteen minutes", Timeout=900)
    function(
        place, "sound-vpc", False, "runs in the VPC", sound=True,
        VpcConfig={"SubnetIds": private_subnets(place), "SecurityGroupIds": closed_groups(place)},
    )  # fmt: skip
    function(
        place, "weak-vpc", True, "runs in one zone, in a VPC without endpoints",
        VpcConfig={
            "SubnetIds": private_subnets(place, "tag:Name", "weak-everything"),
            "SecurityGroupIds": closed_groups(place, "weak-public-host"),
        },
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
    for weak, action in [(True, "Warn"), (False, "Enforce")]:
        name = "weak-signed" if weak else "sound-signed"
        note = "takes unsigned code with a warning" if weak else "takes signed code only"
        function(place, name, weak, note, sound=not weak)
        place.optional(
            lambda_.put_function_code_signing_config,
            FunctionName=name,
            CodeSigningConfigArn=signing(place, action),
        )
    image = f"{place.id}.dkr.ecr.{place.region}.amazonaws.com/sound-shop:1.0.0"
    function(place, "sound-image", False, "runs an image of this account", sound=True, image=image)


def layers(place: Place) -> None:
    lambda_ = place.client("lambda")
    for name, weak, principal, note in [
        ("weak-layer", True, "*", "anyone may use the layer"),
        ("weak-layer-foreign", True, STRANGER, "an unknown account may use the layer"),
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


    if place.garden.emulator == "moto":
        stranger = replace(place, account="stranger", id=STRANGER)
        layer = stranger.client("lambda").publish_layer_version(
            LayerName="tools", Content={"ZipFile": function_zip()}, CompatibleRuntimes=["python3.13"]
        )["LayerVersionArn"]
        function(place, "weak-foreign-layer", True, "runs a layer of an unknown account", Layers=[layer])


def sources(place: Place) -> None:
    def feed(name: str, weak: bool, source: str, note: str, **more: Any) -> None:
        mapping = place.optional(
            place.client("lambda").create_event_source_mapping, FunctionName=name, EventSourceArn=source, **more
        )  # fmt: skip
        if mapping:
            arn = place.arn("lambda", f"event-source-mapping:{mapping['UUID']}")
            place.record(arn, weak, note)

    name = function(place, "sound-consumer", False, "fed by a queue of this account", sound=True)
    queue = place.arn("sqs", "orders")
    feed(
        name, False, queue, "a queue feeds a function",
        BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"],
    )  # fmt: skip
    if place.garden.emulator != "moto":
        return
    name = function(place, "weak-consumer", True, "fed by sources that are off, foreign or lose records")
    feed(name, True, queue, "a mapping that is turned off", Enabled=False)
    foreign = f"arn:aws:sqs:{place.region}:{STRANGER}:orders"
    feed(name, True, foreign, "the queue of an unknown account feeds a function")
    stream = place.client("dynamodb").create_table(
        TableName="events",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    feed(name, True, stream, "records of a stream that fail are lost", StartingPosition="LATEST")
    feed(
        "sound-consumer", False, stream, "records of a stream that fail are kept", StartingPosition="LATEST",
        DestinationConfig={"OnFailure": {"Destination": place.arn("sqs", "orders-failed")}},
    )  # fmt: skip
    gone = function(place, "weak-gone", True, "a function that was deleted")
    feed(gone, True, queue, "feeds a function that is gone")
    place.client("lambda").delete_function(FunctionName=gone)
    place.garden.resources = [r for r in place.garden.resources if not r["arn"].endswith(f":function:{gone}")]


def function(
    place: Place,
    name: str,
    weak: bool,
    note: str,
    sound: bool = False,
    role: str | None = None,
    image: str | None = None,
    **arguments: Any,
) -> str:
    """A function; with `sound`, limited, traced, and with a place for failures and a role of its own."""
    lambda_ = place.client("lambda")
    if image:
        code: dict[str, Any] = {"PackageType": "Image", "Code": {"ImageUri": image}}
    else:
        code = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": function_zip()}}
    if role is None:
        if sound and place.account == "prod" or place.account == "security":
            # Roles are the account's, functions the region's.
            queue = allow("sqs:SendMessage", f"arn:aws:sqs:*:{place.id}:orders-failed")
            role = execution_role(place, f"{name}-{place.region}", queue)
        else:
            role = "weak-function" if place.account == "dev" else "sound-function"
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
            "LoggingConfig": {
                "LogFormat": "JSON",
                "LogGroup": f"/aws/lambda/{name}",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "WARN",
            },
            "Timeout": 10,
        }
        if place.garden.emulator == "moto" and not image:
            settings["CodeSigningConfigArn"] = signing(place)
    arn = lambda_.create_function(**settings | arguments)["FunctionArn"]
    if sound:
        place.optional(lambda_.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=5)
    place.record(arn, weak, note)
    return name


def signing(place: Place, action: str = "Enforce") -> str:
    """A code-signing configuration of this place."""
    lambda_ = place.client("lambda")
    for config in lambda_.list_code_signing_configs()["CodeSigningConfigs"]:
        if config["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"] == action:
            return config["CodeSigningConfigArn"]
    return lambda_.create_code_signing_config(
        AllowedPublishers={
            "SigningProfileVersionArns": [place.arn("signer", "/signing-profiles/orders/7f3a9c7f3a")]
        },
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": action},
    )["CodeSigningConfig"]["CodeSigningConfigArn"]


def private_subnets(place: Place, tag: str = "tag:layer", value: str = "private") -> list[str]:
    found = place.client("ec2").describe_subnets(Filters=[{"Name": tag, "Values": [value]}])
    return [subnet["SubnetId"] for subnet in found["Subnets"]]


def closed_groups(place: Place, name: str = "sound-application") -> list[str]:
    found = place.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [name]}]
    )
    return [group["GroupId"] for group in found["SecurityGroups"]]
