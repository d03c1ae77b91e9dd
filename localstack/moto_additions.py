"""What moto lacks, or answers unlike AWS, and a scan reads: added to moto's own classes before it starts.

For the demo and the tests; no claim about AWS. An addition keeps what was set through the ordinary API
and answers it back, or corrects the form of an answer. `server.py` calls `apply` before the server starts
and `age` when everything is planted.
"""

from __future__ import annotations

import copy
import datetime
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

# Root elements that moto names {Operation}Response. S3 Control's are {Operation}Result throughout.
S3_ROOTS = {
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
}
# Questions about a bucket that moto answers with the list of its objects.
S3_UNKNOWN = {
    "abac", "analytics", "intelligent-tiering", "metadataConfiguration", "metadataTable", "metrics", "requestPayment",
}  # fmt: skip
WEB_ACL_RESOURCES = {
    "AMPLIFY": "amplify",
    "API_GATEWAY": "apigateway",
    "APPLICATION_LOAD_BALANCER": "elasticloadbalancing",
    "APP_RUNNER_SERVICE": "apprunner",
    "APPSYNC": "appsync",
    "COGNITO_USER_POOL": "cognito-idp",
    "VERIFIED_ACCESS_INSTANCE": "ec2",
}
UPSTREAM_REGISTRIES = {
    "ghcr.io": "github-container-registry",
    "public.ecr.aws": "ecr-public",
    "quay.io": "quay",
    "registry-1.docker.io": "docker-hub",
    "registry.k8s.io": "k8s",
}
CONCURRENCY_QUOTA = 1000
# What `age` dates back (the seasoned are in use), how far, and how long AWS's client certificates live.
SEASONED = ("weak-seasoned", "sound-seasoned")
AGED = ("weak-idle", *SEASONED)
IDLE_DAYS = 400
# What a wildcard allows, for a report on services last accessed.
SERVICES = {"dynamodb", "ec2", "iam", "kms", "lambda", "s3", "sqs", "sts"}
CERTIFICATE_DAYS = 365


def apply() -> None:
    for adapt in (xml, s3, s3control, kms, ec2, ecr, wafv2, functions, rest_apis, http_apis, iam, organizations):
        adapt()


def method(*owners: type) -> Callable:
    """Puts the function below into moto's classes. Its first argument is what each had there before."""

    def put(function: Callable) -> Callable:
        for owner in owners:
            name = function.__name__
            before = getattr(owner, name, None)

            def replacement(self: Any, *arguments: Any, before: Any = before, **named: Any) -> Any:
                return function(before, self, *arguments, **named)

            setattr(owner, name, replacement)
        return function

    return put


def xml() -> None:
    from moto.core.serialize import BaseXMLSerializer

    @method(BaseXMLSerializer)
    def _serialized_result_to_response(before, self, resp, *rest):
        resp = before(self, resp, *rest)
        operation = self.operation_model.name
        service = self.operation_model.service_model.service_name
        root = S3_ROOTS.get(operation) if service == "s3" else f"{operation}Result" if service == "s3control" else None
        if root:
            resp["body"] = re.sub(rf"(</?){operation}Response\b", rf"\1{root}", resp["body"])
        return resp


def s3() -> None:
    from moto.s3.responses import S3Response

    @method(S3Response)
    def _bucket_response_get(before, self, bucket_name, querystring):
        if asked := S3_UNKNOWN & set(querystring):
            raise NotImplementedError(f"The {asked.pop()} of a bucket has not been implemented")
        return before(self, bucket_name, querystring)

    @method(S3Response)
    def serialized(before, self, action_result):
        answer = action_result.result if isinstance(action_result.result, dict) else {}
        if replication := answer.get("ReplicationConfiguration"):
            # Moto keeps the rules whole and answers half of them.
            kept = self.backend.get_bucket_replication(self.bucket_name)["Rule"]
            for rule, full in zip(replication["Rules"], kept, strict=True):
                rule |= {name: full[name] for name in ("SourceSelectionCriteria",) if name in full}
        return before(self, action_result)


def s3control() -> None:
    from moto.s3control.responses import S3ControlResponse

    @method(S3ControlResponse)
    def create_access_point(before, self):
        # Moto keeps one backend for all regions.
        answer = before(self)
        point = self.backend.get_access_point(self._get_param("AccountId"), self._get_param("Name"))
        point.arn = re.sub(r":s3:[^:]*:", f":s3:{self.region}:", point.arn)
        return answer

    @method(S3ControlResponse)
    def list_access_points(before, self):
        answer = before(self)
        points = [p for p in answer.result["AccessPointList"] if f":s3:{self.region}:" in p["AccessPointArn"]]
        return type(answer)(answer.result | {"AccessPointList": points})


def kms() -> None:
    from moto.kms.models import KmsBackend
    from moto.kms.responses import KmsResponse

    @method(KmsBackend)
    def replicate_key(before, self, key_id, replica_region):
        # Moto lets both share this: who describes the replica makes a replica of the primary.
        replica = before(self, key_id, replica_region)
        replica.multi_region_configuration = copy.deepcopy(replica.multi_region_configuration)
        return replica

    def periods(self) -> dict:
        return self.kms_backend.__dict__.setdefault("posture_periods", {})

    @method(KmsResponse)
    def enable_key_rotation(before, self):
        key = self._get_param("KeyId").rpartition("/")[2]
        periods(self)[key] = self._get_param("RotationPeriodInDays") or 365
        return before(self)

    @method(KmsResponse)
    def get_key_rotation_status(before, self):
        status = json.loads(before(self))
        if status["KeyRotationEnabled"]:
            key = self._get_param("KeyId").rpartition("/")[2]
            status["RotationPeriodInDays"] = periods(self).get(key, 365)
        return json.dumps(status)


def ec2() -> None:
    from moto.core.responses import ActionResult
    from moto.ec2.models.nat_gateways import NatGateway
    from moto.ec2.responses import EC2Response

    @method(NatGateway)
    def __init__(before, self, *arguments, **named):
        before(self, *arguments, **named)
        # The gateway's interface has no security group; moto gives it the VPC's default one.
        self._eni._group_set = []

    def kept(self) -> dict:
        """Settings of this account and region that moto's backend has no place for."""
        return self.ec2_backend.__dict__.setdefault("posture_settings", {})

    def block(get: str, enable: str, disable: str, member: str, asked: str, default: str) -> None:
        def answer(self):
            return ActionResult({member: kept(self).get(member, default), "ManagedBy": "account"})

        def turn_on(self):
            kept(self)[member] = self._get_param(asked)
            return ActionResult({member: kept(self)[member]})

        def turn_off(self):
            kept(self)[member] = "unblocked"
            return ActionResult({member: "unblocked"})

        for name, function in {get: answer, enable: turn_on, disable: turn_off}.items():
            setattr(EC2Response, name, function)

    block(
        "get_snapshot_block_public_access_state", "enable_snapshot_block_public_access",
        "disable_snapshot_block_public_access", "State", "State", "unblocked",
    )  # fmt: skip
    block(
        "get_image_block_public_access_state", "enable_image_block_public_access",
        "disable_image_block_public_access", "ImageBlockPublicAccessState", "ImageBlockPublicAccessState", "unblocked",
    )  # fmt: skip

    @method(EC2Response)
    def get_instance_metadata_defaults(_, self):
        return ActionResult({"AccountLevel": kept(self).get("metadata", {}) | {"ManagedBy": "account"}})

    @method(EC2Response)
    def modify_instance_metadata_defaults(_, self):
        for name in ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags"):
            if value := self._get_param(name):
                kept(self).setdefault("metadata", {})[name] = value
        return ActionResult({"Return": True})

    @method(EC2Response)
    def modify_ebs_default_kms_key_id(_, self):
        kept(self)["key"] = self._get_param("KmsKeyId")
        return ActionResult({"KmsKeyId": kept(self)["key"]})

    @method(EC2Response)
    def get_ebs_default_kms_key_id(_, self):
        return ActionResult({"KmsKeyId": kept(self).get("key", "alias/aws/ebs")})


def ecr() -> None:
    from moto.core.responses import ActionResult
    from moto.ecr.responses import ECRResponse

    def rules(self) -> list:
        return self.ecr_backend.__dict__.setdefault("posture_cache_rules", [])

    @method(ECRResponse)
    def create_pull_through_cache_rule(_, self):
        url = self._get_param("upstreamRegistryUrl")
        rule = {
            "ecrRepositoryPrefix": self._get_param("ecrRepositoryPrefix"),
            "upstreamRegistryUrl": url,
            "upstreamRegistry": self._get_param("upstreamRegistry") or UPSTREAM_REGISTRIES.get(url),
            "credentialArn": self._get_param("credentialArn"),
            "registryId": self.current_account,
            "createdAt": datetime.datetime.now(datetime.UTC),
        }
        rules(self).append({name: value for name, value in rule.items() if value})
        return ActionResult(rules(self)[-1])

    @method(ECRResponse)
    def describe_pull_through_cache_rules(_, self):
        return ActionResult({"pullThroughCacheRules": rules(self)})


def wafv2() -> None:
    from moto.wafv2.responses import WAFV2Response

    @method(WAFV2Response)
    def list_resources_for_web_acl(_, self):
        asked = json.loads(self.body)
        acl = self.wafv2_backend.wacls.get(asked["WebACLArn"])
        service = WEB_ACL_RESOURCES.get(asked.get("ResourceType", "APPLICATION_LOAD_BALANCER"))
        found = [arn for arn in (acl.associated_resources if acl else []) if arn.split(":")[2] == service]
        return 200, {"Content-Type": "application/json"}, json.dumps({"ResourceArns": found})


def functions() -> None:
    from moto.awslambda import urls
    from moto.awslambda.exceptions import GenericResourcNotFound
    from moto.awslambda.models import (
        EventInvokeConfig, EventSourceMapping, FunctionUrlConfig, LambdaBackend, LambdaFunction, lambda_backends,
    )  # fmt: skip
    from moto.awslambda.policy import Policy
    from moto.awslambda.responses import LambdaResponse
    from moto.ec2.models import ec2_backends

    for path in (
        "account-settings/?",
        "code-signing-configs/?",
        r"functions/(?P<function_name>[\w_:%-]+)/code-signing-config",
    ):
        urls.url_paths[rf"{{0}}/(?P<api_version>[^/]+)/{path}$"] = LambdaResponse.dispatch

    @method(Policy)
    def add_statement(before, self, raw, qualifier=None):
        """Lambda turns the grantee and the conditions of a permission into a policy that IAM could read."""
        asked = json.loads(raw)
        if re.fullmatch(r"\d{12}", principal := asked.get("Principal", "")):
            asked["Principal"] = f"arn:aws:iam::{principal}:root"
        condition = {
            ("StringEquals", "lambda:FunctionUrlAuthType"): asked.pop("FunctionUrlAuthType", None),
            ("StringEquals", "aws:PrincipalOrgID"): asked.pop("OrganizationId", None),
            ("Bool", "lambda:InvokedViaFunctionUrl"): asked.pop("InvokedViaFunctionUrl", None),
        }
        statement, revision = before(self, json.dumps(asked), qualifier)
        for (operator, key), value in condition.items():
            if value is not None:
                text = "true" if value is True else str(value)
                statement.setdefault("Condition", {}).setdefault(operator, {})[key] = text
        if isinstance(statement["Principal"], str) and statement["Principal"].startswith("arn:"):
            statement["Principal"] = {"AWS": statement["Principal"]}
        return statement, revision

    def qualified(self, name: str, qualifier: str, kind: str) -> dict:
        """Where the policies and URLs of aliases and versions are kept: moto shares the function's."""
        function = self.get_function(name)
        kept = self.__dict__.setdefault("posture_qualified", {})
        return kept.setdefault((function.function_name, qualifier, kind), {})

    @method(LambdaBackend)
    def add_permission(before, self, function_name, qualifier, raw):
        if not qualifier:
            return before(self, function_name, qualifier, raw)
        policies = qualified(self, function_name, qualifier, "policy")
        policy = policies.setdefault("it", Policy(self.get_function(function_name)))
        return policy.add_statement(raw, qualifier)[0]

    @method(LambdaBackend)
    def get_policy(before, self, function_name, qualifier=None):
        if not qualifier:
            return before(self, function_name)
        policies = qualified(self, function_name, qualifier, "policy")
        if not policies:
            raise GenericResourcNotFound()
        return policies["it"].wire_format()

    @method(LambdaResponse)
    def create_function_url_config(before, self):
        qualifier = self.querystring.get("Qualifier", [None])[0]
        if not qualifier:
            return before(self)
        name = self.path.split("/")[-2]
        url = FunctionUrlConfig(self.backend.get_function(name), self.json_body)
        qualified(self.backend, name, qualifier, "url")["it"] = url
        return 201, {"status": 201}, json.dumps(qualified_url(url, qualifier))

    @method(LambdaResponse)
    def get_function_url_config(before, self):
        qualifier = self.querystring.get("Qualifier", [None])[0]
        if not qualifier:
            return before(self)
        urls = qualified(self.backend, self.path.split("/")[-2], qualifier, "url")
        if not urls:
            raise GenericResourcNotFound()
        return 200, {}, json.dumps(qualified_url(urls["it"], qualifier))

    def qualified_url(url, qualifier: str) -> dict:
        answer = url.to_dict()
        return answer | {"FunctionArn": f"{answer['FunctionArn']}:{qualifier}"}

    @method(LambdaFunction)
    def __init__(before, self, *arguments, **named):
        before(self, *arguments, **named)
        spec = arguments[1] if len(arguments) > 1 else named["spec"]
        self.posture_settings = {
            name: spec[name] for name in ("DeadLetterConfig", "LoggingConfig") if spec.get(name)
        }
        sign(self, self.code_signing_config_arn)

    def vpc_config(self):
        if not self._vpc_config or not self._vpc_config.get("SubnetIds"):
            return None
        subnet = ec2_backends[self.account_id][self.region].get_subnet(self._vpc_config["SubnetIds"][0])
        return self._vpc_config | {"VpcId": subnet.vpc_id}

    LambdaFunction.vpc_config = property(vpc_config)

    @method(LambdaFunction)
    def get_configuration(before, self, *arguments, **named):
        return before(self, *arguments, **named) | self.posture_settings

    def sign(function, config: str | None) -> None:
        # Code came past a configuration that enforces signatures only if it was signed.
        function.code_signing_config_arn = config
        found = SIGNING.get(config)
        if found and found["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"] == "Enforce":
            function.signing_profile_version_arn = found["AllowedPublishers"]["SigningProfileVersionArns"][0]

    SIGNING: dict[str | None, dict] = {}

    @method(LambdaResponse)
    def create_code_signing_config(_, self):
        name = f"csc-{len(SIGNING):017x}"
        arn = f"arn:aws:lambda:{self.region}:{self.current_account}:code-signing-config:{name}"
        SIGNING[arn] = {
            "CodeSigningConfigId": name,
            "CodeSigningConfigArn": arn,
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
            "LastModified": datetime.datetime.now(datetime.UTC).isoformat(),
        } | self.json_body
        return 201, {"status": 201}, json.dumps({"CodeSigningConfig": SIGNING[arn]})

    @method(LambdaResponse)
    def list_code_signing_configs(_, self):
        here = f":{self.region}:{self.current_account}:"
        return json.dumps({"CodeSigningConfigs": [c for arn, c in SIGNING.items() if here in arn]})

    @method(LambdaResponse)
    def put_function_code_signing_config(_, self):
        function = self.backend.get_function(self.path.split("/")[-2])
        sign(function, self.json_body["CodeSigningConfigArn"])
        return json.dumps(function.get_function_code_signing_config())

    @method(LambdaResponse)
    def get_account_settings(_, self):
        functions = list(self.backend.list_functions())
        reserved = sum(int(function.reserved_concurrency or 0) for function in functions)
        limit = {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": CONCURRENCY_QUOTA,
            "UnreservedConcurrentExecutions": CONCURRENCY_QUOTA - reserved,
        }
        usage = {"TotalCodeSize": sum(f.code_size for f in functions), "FunctionCount": len(functions)}
        return json.dumps({"AccountLimit": limit, "AccountUsage": usage})

    @method(EventInvokeConfig)
    def response(before, self):
        # Seconds, as Lambda writes this one; moto writes a date.
        when = self.last_modified
        if isinstance(when, str):
            when = datetime.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", when)).timestamp()
        return before(self) | {"LastModified": when}

    @method(LambdaBackend)
    def layers_versions_by_arn(before, self, layer_version_arn):
        """A function may use a layer of another account."""
        account = layer_version_arn.split(":")[4]
        return before(lambda_backends[account][self.region_name], layer_version_arn)

    @method(LambdaBackend)
    def create_event_source_mapping(before, self, spec):
        """Moto looks for the source among the account's own; one of another account may feed a function too."""
        arn = spec.get("EventSourceArn") or ""
        if arn.count(":") < 5 or arn.split(":")[4] == self.account_id:
            return before(self, spec)
        function = self.get_function(spec["FunctionName"])
        more = {"RegionName": self.region_name, "AccountId": self.account_id, "FunctionArn": function.function_arn}
        mapping = EventSourceMapping(spec | more)
        self._event_source_mappings[mapping.uuid] = mapping
        return mapping


def rest_apis() -> None:
    from moto.apigateway import urls
    from moto.apigateway.models import DomainName, Stage
    from moto.apigateway.responses import APIGatewayResponse

    urls.url_paths["{0}/clientcertificates$"] = APIGatewayResponse.dispatch

    def certificates(self) -> list:
        return self.backend.__dict__.setdefault("posture_certificates", [])

    @method(APIGatewayResponse)
    def generate_client_certificate(_, self):
        now = int(datetime.datetime.now(datetime.UTC).timestamp())
        certificates(self).append(
            {
                "clientCertificateId": f"cert{len(certificates(self)):02}",
                "description": json.loads(self.body or "{}").get("description", ""),
                "createdDate": now,
                "expirationDate": now + CERTIFICATE_DAYS * 86400,
            }
        )
        return 201, {"status": 201}, json.dumps(certificates(self)[-1])

    @method(APIGatewayResponse)
    def get_client_certificates(_, self):
        return 200, {}, json.dumps({"item": certificates(self)})

    @method(Stage)
    def _get_default_method_settings(before, self):
        # The quota of the account, as AWS answers where no limit is set.
        return before(self) | {"throttlingRateLimit": 10000.0, "throttlingBurstLimit": 5000}

    @method(Stage)
    def apply_operations(before, self, patch_operations):
        for operation in patch_operations:
            if operation["path"] == "/clientCertificateId":
                self.posture_certificate = operation["value"]
        return before(self, patch_operations)

    @method(Stage)
    def to_json(before, self):
        certificate = getattr(self, "posture_certificate", None)
        return before(self) | ({"clientCertificateId": certificate} if certificate else {})

    @method(APIGatewayResponse)
    def create_domain_name(before, self):
        asked = json.loads(self.body)
        answer = before(self)
        domain = self.backend.domain_names[asked["domainName"]]
        domain.posture_mutual_tls = asked.get("mutualTlsAuthentication")
        return answer

    def domain_to_json(before, self):
        mutual = getattr(self, "posture_mutual_tls", None)
        return before(self) | ({"mutualTlsAuthentication": mutual} if mutual else {})

    domain_to_json.__name__ = "to_json"
    method(DomainName)(domain_to_json)


def http_apis() -> None:
    from moto.apigatewayv2.responses import ApiGatewayV2Response

    @method(ApiGatewayV2Response)
    def get_authorizers(_, self):
        api = self.apigatewayv2_backend.get_api(self.path.split("/")[-2])
        return 200, {}, json.dumps({"items": [each.to_json() for each in api.authorizers.values()]})


def iam() -> None:
    from moto.core.responses import ActionResult
    from moto.iam.exceptions import NoSuchEntity
    from moto.iam.models import AccountSummary, IAMBackend
    from moto.iam.responses import IamResponse

    from seed.garden import MANAGEMENT

    # An account that was created in an organization has no root password; the management account has one.
    @method(IAMBackend)
    def get_credential_report(before, self):
        header, *rows = before(self).splitlines()
        management = self.account_id == MANAGEMENT
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        used = now if management else "no_information"
        root = {
            "user": "<root_account>",
            "arn": f"arn:aws:iam::{self.account_id}:root",
            "user_creation_time": "2020-01-01T00:00:00+00:00",
            "password_enabled": "not_supported",
            "password_last_used": used,
            "password_last_changed": "not_supported",
            "password_next_rotation": "not_supported",
        }
        columns = header.split(",")
        flags = {name: "false" for name in columns if name.endswith("_active")}
        row = ",".join((root | flags).get(name, "N/A") for name in columns)
        return "\n".join([header, row, *rows]) + "\n"

    @method(IamResponse)
    def create_user(before, self):
        answer = before(self)
        if boundary := self._get_param("PermissionsBoundary"):
            answer.result["User"].permissions_boundary = {
                "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary,
            }  # fmt: skip
        return answer

    @method(IamResponse)
    def get_account_summary(_, self):
        summary = self.backend.get_account_summary()
        assert isinstance(summary, AccountSummary)
        password = int(self.current_account == MANAGEMENT)
        return ActionResult({"SummaryMap": summary.summary_map | {"AccountPasswordPresent": password}})

    @method(IamResponse)
    def list_organizations_features(_, self):
        return ActionResult({"EnabledFeatures": []})

    # The report lists what policies allow. Whoever is seasoned reads S3, and nobody does anything else.
    @method(IamResponse)
    def generate_service_last_accessed_details(_, self):
        arn = self._get_param("Arn")
        holders = [*self.backend.roles.values(), *self.backend.users.values()]
        holder = next((one for one in holders if one.arn == arn), None)
        if holder is None:
            raise NoSuchEntity(f"{arn} does not exist.")
        job = str(uuid.uuid5(uuid.NAMESPACE_URL, arn))
        self.backend.__dict__.setdefault("posture_reports", {})[job] = holder
        return ActionResult({"JobId": job})

    @method(IamResponse)
    def get_service_last_accessed_details(_, self):
        holder = self.backend.__dict__.get("posture_reports", {}).get(self._get_param("JobId"))
        if holder is None:
            raise NoSuchEntity("There is no such job.")
        now = datetime.datetime.now(datetime.UTC)
        services = []
        for service in sorted(allowed_services(self.backend, holder)):
            entry = {"ServiceName": service, "ServiceNamespace": service, "TotalAuthenticatedEntities": 0}
            if service == "s3" and holder.name.startswith(SEASONED):
                entry |= {
                    "LastAuthenticated": now, "LastAuthenticatedEntity": holder.arn,
                    "LastAuthenticatedRegion": "us-east-1", "TotalAuthenticatedEntities": 1,
                }  # fmt: skip
            services.append(entry)
        dates = {"JobCreationDate": now, "JobCompletionDate": now}
        return ActionResult(
            dates | {"JobStatus": "COMPLETED", "IsTruncated": False, "ServicesLastAccessed": services}
        )


def allowed_services(backend: Any, holder: Any) -> set[str]:
    """Prefixes of the actions that the policies of a user or role allow; a few stand for a wildcard."""
    groups = backend.get_groups_for_user(holder.name) if holder in backend.users.values() else []
    documents = []
    for one in (holder, *groups):
        documents += one.policies.values()
        for attached in one.managed_policies.values():
            versions = {version.version_id: version.document for version in attached.versions}
            documents.append(versions[attached.default_version_id])
    services = set()
    for document in documents:
        statements = (json.loads(document) if isinstance(document, str) else document)["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement["Effect"] == "Allow":
                actions = statement.get("Action", "*")
                for action in actions if isinstance(actions, list) else [actions]:
                    service, colon, _ = action.lower().partition(":")
                    services |= {service} if colon else SERVICES
    return services


def organizations() -> None:
    from moto.core.exceptions import JsonRESTError
    from moto.organizations.models import FakeAccount
    from moto.organizations.responses import OrganizationsResponse

    from seed.garden import MANAGEMENT

    def for_management(before, self):
        # To a member, moto says that there is no such unit.
        if self.current_account != MANAGEMENT:
            raise JsonRESTError("AccessDeniedException", "You don't have permissions to access this resource.")
        return before(self)

    for name in ("list_accounts_for_parent", "list_organizational_units_for_parent"):
        for_management.__name__ = name
        method(OrganizationsResponse)(for_management)

    @method(FakeAccount)
    def __init__(before, self, organization, **named):
        if named.get("AccountName") == "master":
            named |= {"AccountName": "management", "Email": "management@posture.example"}
        before(self, organization, **named)


def age() -> None:
    """Makes old what is named so: no API plants a key of last year."""
    from moto.apigateway.models import apigateway_backends
    from moto.iam.models import AccessKeyLastUsed, iam_backends

    past = datetime.timedelta(days=IDLE_DAYS)
    for account in iam_backends.values():
        for backend in account.values():
            for role in backend.roles.values():
                if role.name.startswith(AGED):
                    role.create_date -= past
                if role.name.startswith(SEASONED):
                    role.last_used, role.last_used_region = role.create_date + past, "us-east-1"
            for user in backend.users.values():
                if user.name.startswith(AGED):
                    for dated in (user, *user.access_keys):
                        dated.create_date -= past
                if user.name.startswith(SEASONED):
                    for key in user.access_keys:
                        key.last_used = AccessKeyLastUsed(key.create_date + past, "s3", "us-east-1")
    for account in apigateway_backends.values():
        for backend in account.values():
            for certificate in backend.__dict__.get("posture_certificates", []):
                if certificate["description"].startswith(AGED):
                    for date in ("createdDate", "expirationDate"):
                        certificate[date] -= (CERTIFICATE_DAYS - 5) * 86400
