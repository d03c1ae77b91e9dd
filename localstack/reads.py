"""Asks a seeded emulator for everything that a scan reads and prints what it does not answer.

    local.py run moto --seed planted.json -- .venv/moto/bin/python localstack/reads.py planted.json

The lists in README.md come from here. A "not configured" (NoSuchBucketPolicy and the like) is an answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from seed.garden import Garden, Place

ABSENT = ("NoSuch", "Nonexistent", "NotFound", "NotExist", "ServerSideEncryptionConfigurationNotFoundError")


def main() -> None:
    planted = json.loads(Path(sys.argv[1]).read_text())
    garden = Garden(planted["emulator"], os.environ["POSTURE_ENDPOINT_URL"])
    garden.accounts = {account["name"]: account["id"] for account in planted["accounts"]}
    place = garden.place("prod")
    failed = 0
    for service, operation, arguments in reads(place):
        at = garden.place("management") if service in ("organizations", "account") else place
        client = at.client(service)
        method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
        try:
            answer = getattr(client, method)(**arguments)
            keys = [key for key in answer if key != "ResponseMetadata"]
            print(f"ok      {service}:{operation} {' '.join(keys[:3])}")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if any(part in code for part in ABSENT):
                print(f"absent  {service}:{operation} {code}")
                continue
            failed += 1
            print(f"FAILED  {service}:{operation} {code}: {error.response['Error']['Message'][:80]!r}")
        except (BotoCoreError, ResponseParserError) as error:
            failed += 1
            print(f"FAILED  {service}:{operation} {type(error).__name__} (not an AWS answer)")
    print(f"{failed} reads are not answered")


def reads(place: Place) -> Iterator[tuple[str, str, dict]]:
    yield from organization(place)
    yield from identity(place)
    yield from keys(place)
    yield from images(place)
    yield from compute(place)
    yield from buckets(place)
    yield from functions(place)
    yield from web(place)
    yield from apis(place)


def first(place: Place, service: str, method: str, *path: str, **arguments: object) -> str:
    """The first item of a listing, or an id that nothing has."""
    try:
        found = getattr(place.client(service), method)(**arguments)
        for step in path:
            found = found[step]
            found = found[0] if isinstance(found, list) else found
        return found
    except (ClientError, BotoCoreError, IndexError, KeyError):
        return "missing"


def organization(place: Place) -> Iterator[tuple[str, str, dict]]:
    top = place.garden.place("management")
    yield "sts", "GetCallerIdentity", {}
    yield "account", "GetAlternateContact", {"AlternateContactType": "SECURITY"}
    yield "account", "GetContactInformation", {}
    yield "account", "ListRegions", {}
    for operation in (
        "DescribeOrganization",
        "ListAccounts",
        "ListRoots",
        "ListAWSServiceAccessForOrganization",
    ):
        yield "organizations", operation, {}
    yield "organizations", "ListDelegatedAdministrators", {}
    yield "organizations", "DescribeResourcePolicy", {}
    root = first(top, "organizations", "list_roots", "Roots", "Id")
    unit = first(
        top,
        "organizations",
        "list_organizational_units_for_parent",
        "OrganizationalUnits",
        "Id",
        ParentId=root,
    )
    yield "organizations", "ListOrganizationalUnitsForParent", {"ParentId": root}
    yield "organizations", "ListAccountsForParent", {"ParentId": unit}
    yield "organizations", "ListParents", {"ChildId": place.id}
    yield "organizations", "DescribeOrganizationalUnit", {"OrganizationalUnitId": unit}
    yield "organizations", "ListTagsForResource", {"ResourceId": place.id}
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"):
        yield "organizations", "ListPolicies", {"Filter": kind}
        yield "organizations", "ListPoliciesForTarget", {"Filter": kind, "TargetId": unit}
    policy = first(top, "organizations", "list_policies", "Policies", "Id", Filter="SERVICE_CONTROL_POLICY")
    yield "organizations", "DescribePolicy", {"PolicyId": policy}
    yield "organizations", "ListTargetsForPolicy", {"PolicyId": policy}


def identity(place: Place) -> Iterator[tuple[str, str, dict]]:
    for operation in (
        "GetAccountAuthorizationDetails", "GenerateCredentialReport", "GetCredentialReport",
        "GetAccountPasswordPolicy", "GetAccountSummary", "ListAccountAliases", "ListUsers", "ListRoles",
        "ListGroups", "ListPolicies", "ListVirtualMFADevices", "ListSAMLProviders",
        "ListOpenIDConnectProviders", "ListServerCertificates", "ListInstanceProfiles",
        "ListOrganizationsFeatures",
    ):  # fmt: skip
        yield "iam", operation, {}
    role = f"arn:aws:iam::{place.id}:role/sound-function"
    user = {"UserName": "weak-administrator"}
    for operation in (
        "GetUser", "ListMFADevices", "ListAccessKeys", "GetLoginProfile", "ListUserTags",
        "ListSigningCertificates", "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListUserPolicies",
    ):  # fmt: skip
        yield "iam", operation, user
    yield "iam", "ListUserTags", {"UserName": "scanner"}
    key = first(place, "iam", "list_access_keys", "AccessKeyMetadata", "AccessKeyId", **user)
    yield "iam", "GetAccessKeyLastUsed", {"AccessKeyId": key}
    yield "iam", "GetRole", {"RoleName": "sound-function"}
    yield "iam", "ListRoleTags", {"RoleName": "sound-function"}
    yield "iam", "ListEntitiesForPolicy", {"PolicyArn": f"arn:aws:iam::{place.id}:policy/sound-scoped"}
    yield "iam", "GenerateServiceLastAccessedDetails", {"Arn": role}
    yield "iam", "GetServiceLastAccessedDetails", {"JobId": "0" * 36}
    github = f"arn:aws:iam::{place.id}:oidc-provider/token.actions.githubusercontent.com"
    yield "iam", "GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": github}
    yield (
        "iam",
        "GetSAMLProvider",
        {"SAMLProviderArn": f"arn:aws:iam::{place.id}:saml-provider/sound-directory"},
    )
    yield "iam", "GetServerCertificate", {"ServerCertificateName": "weak-legacy"}


def keys(place: Place) -> Iterator[tuple[str, str, dict]]:
    yield "kms", "ListKeys", {}
    yield "kms", "ListAliases", {}
    key = {"KeyId": first(place, "kms", "list_aliases", "Aliases", "TargetKeyId")}
    for operation in (
        "DescribeKey",
        "GetKeyRotationStatus",
        "ListGrants",
        "ListResourceTags",
        "ListKeyRotations",
        "ListKeyPolicies",
    ):
        yield "kms", operation, key
    yield "kms", "GetKeyPolicy", key | {"PolicyName": "default"}
    yield "kms", "DescribeCustomKeyStores", {}


def images(place: Place) -> Iterator[tuple[str, str, dict]]:
    for operation in (
        "DescribeRepositories", "DescribeRegistry", "GetRegistryPolicy", "GetRegistryScanningConfiguration",
        "DescribePullThroughCacheRules", "DescribeRepositoryCreationTemplates", "GetAccountSetting",
        "GetSigningConfiguration",
    ):  # fmt: skip
        yield (
            "ecr",
            operation,
            {"name": "BASIC_SCAN_TYPE_VERSION"} if operation == "GetAccountSetting" else {},
        )
    shop = {"repositoryName": "weak-shop"}
    for operation in ("GetRepositoryPolicy", "GetLifecyclePolicy", "ListImages", "DescribeImages"):
        yield "ecr", operation, shop
    yield "ecr", "DescribeImageScanFindings", shop | {"imageId": {"imageTag": "latest"}}
    yield "ecr", "ListTagsForResource", {"resourceArn": place.arn("ecr", "repository/weak-shop")}
    yield "ecr", "BatchGetRepositoryScanningConfiguration", {"repositoryNames": ["weak-shop"]}


def compute(place: Place) -> Iterator[tuple[str, str, dict]]:
    for operation in (
        "DescribeRegions", "DescribeInstances", "DescribeSecurityGroups", "DescribeSecurityGroupRules",
        "DescribeNetworkInterfaces", "DescribeVpcs", "DescribeSubnets", "DescribeRouteTables",
        "DescribeNetworkAcls", "DescribeInternetGateways", "DescribeEgressOnlyInternetGateways",
        "DescribeNatGateways", "DescribeVpcEndpoints", "DescribeVpcEndpointServiceConfigurations",
        "DescribeVpcPeeringConnections", "DescribeTransitGateways", "DescribeTransitGatewayAttachments",
        "DescribeTransitGatewayRouteTables", "DescribeTransitGatewayVpcAttachments", "DescribeFlowLogs",
        "DescribeAddresses", "DescribeVolumes", "DescribeLaunchTemplates", "GetEbsEncryptionByDefault",
        "GetEbsDefaultKmsKeyId", "GetSnapshotBlockPublicAccessState", "GetImageBlockPublicAccessState",
        "GetInstanceMetadataDefaults", "DescribeManagedPrefixLists", "DescribePrefixLists",
        "DescribeIamInstanceProfileAssociations", "DescribeVpcBlockPublicAccessOptions",
        "DescribeVpcBlockPublicAccessExclusions", "DescribeVpnConnections", "DescribeVpnGateways",
        "DescribeCustomerGateways", "DescribeClientVpnEndpoints", "DescribeCarrierGateways",
        "DescribeDhcpOptions", "DescribeKeyPairs", "DescribeAvailabilityZones",
        "GetSerialConsoleAccessStatus", "GetAllowedImagesSettings", "DescribeInstanceConnectEndpoints",
        "DescribeVpcEndpointConnections",
    ):  # fmt: skip
        yield "ec2", operation, {}
    own = {"OwnerIds": ["self"]}
    yield "ec2", "DescribeSnapshots", own
    snapshot = first(place, "ec2", "describe_snapshots", "Snapshots", "SnapshotId", **own)
    yield "ec2", "DescribeSnapshotAttribute", {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
    yield "ec2", "DescribeImages", {"Owners": ["self"]}
    image = first(place, "ec2", "describe_images", "Images", "ImageId", Owners=["self"])
    yield "ec2", "DescribeImageAttribute", {"ImageId": image, "Attribute": "launchPermission"}
    instance = first(place, "ec2", "describe_instances", "Reservations", "Instances", "InstanceId")
    yield "ec2", "DescribeInstanceAttribute", {"InstanceId": instance, "Attribute": "userData"}
    template = first(place, "ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId")
    yield "ec2", "DescribeLaunchTemplateVersions", {"LaunchTemplateId": template}
    yield "ec2", "GetManagedPrefixListEntries", {
        "PrefixListId": first(place, "ec2", "describe_managed_prefix_lists", "PrefixLists", "PrefixListId")
    }  # fmt: skip
    vpc = first(place, "ec2", "describe_vpcs", "Vpcs", "VpcId")
    yield "ec2", "DescribeVpcAttribute", {"VpcId": vpc, "Attribute": "enableDnsSupport"}
    table = first(
        place, "ec2", "describe_transit_gateway_route_tables", "TransitGatewayRouteTables", "TransitGatewayRouteTableId"
    )  # fmt: skip
    yield "ec2", "GetTransitGatewayRouteTableAssociations", {"TransitGatewayRouteTableId": table}
    yield "ec2", "SearchTransitGatewayRoutes", {
        "TransitGatewayRouteTableId": table, "Filters": [{"Name": "state", "Values": ["active"]}],
    }  # fmt: skip


def buckets(place: Place) -> Iterator[tuple[str, str, dict]]:
    yield "s3", "ListBuckets", {}
    for name in ("weak-plain", "sound-data"):
        for operation in (
            "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketAcl", "GetPublicAccessBlock",
            "GetBucketEncryption", "GetBucketVersioning", "GetBucketLogging",
            "GetBucketLifecycleConfiguration", "GetBucketReplication", "GetObjectLockConfiguration",
            "GetBucketTagging", "GetBucketLocation", "GetBucketOwnershipControls", "GetBucketWebsite",
            "GetBucketCors", "GetBucketNotificationConfiguration", "HeadBucket",
            "ListBucketInventoryConfigurations", "GetBucketRequestPayment",
            "GetBucketAccelerateConfiguration", "ListBucketIntelligentTieringConfigurations",
            "ListBucketMetricsConfigurations", "ListBucketAnalyticsConfigurations",
            "GetBucketAbac", "GetBucketMetadataConfiguration",
        ):  # fmt: skip
            yield "s3", operation, {"Bucket": name}
    account = {"AccountId": place.id}
    point = account | {"Name": "sound-point"}
    yield "s3control", "GetPublicAccessBlock", account
    yield "s3control", "ListAccessPoints", account
    for operation in ("GetAccessPoint", "GetAccessPointPolicy", "GetAccessPointPolicyStatus"):
        yield "s3control", operation, point
    yield "s3control", "ListMultiRegionAccessPoints", account
    yield "s3control", "ListAccessPointsForObjectLambda", account
    yield "s3control", "ListStorageLensConfigurations", account
    yield "s3control", "ListAccessGrantsInstances", account


def functions(place: Place) -> Iterator[tuple[str, str, dict]]:
    for operation in (
        "ListFunctions",
        "ListLayers",
        "ListEventSourceMappings",
        "ListCodeSigningConfigs",
        "GetAccountSettings",
        "ListCapacityProviders",
    ):
        yield "lambda", operation, {}
    alias = {"FunctionName": "sound-alias"}
    for operation in (
        "GetFunction", "GetFunctionConfiguration", "GetFunctionCodeSigningConfig", "GetFunctionConcurrency",
        "GetRuntimeManagementConfig", "GetFunctionRecursionConfig", "ListAliases", "ListVersionsByFunction",
        "ListFunctionEventInvokeConfigs", "ListProvisionedConcurrencyConfigs",
    ):  # fmt: skip
        yield "lambda", operation, alias
    yield "lambda", "GetPolicy", {"FunctionName": "weak-anyone"}
    yield "lambda", "GetPolicy", alias | {"Qualifier": "live"}
    yield "lambda", "GetPolicy", alias | {"Qualifier": "1"}
    yield "lambda", "GetFunctionUrlConfig", {"FunctionName": "weak-url"}
    yield "lambda", "GetFunctionUrlConfig", alias | {"Qualifier": "live"}
    yield "lambda", "ListFunctionUrlConfigs", {"FunctionName": "weak-url"}
    yield "lambda", "GetFunctionEventInvokeConfig", {"FunctionName": "sound-destination"}
    yield "lambda", "ListTags", {"Resource": place.arn("lambda", "function:sound-alias")}
    yield "lambda", "ListLayerVersions", {"LayerName": "weak-layer"}
    yield "lambda", "GetLayerVersion", {"LayerName": "weak-layer", "VersionNumber": 1}
    yield "lambda", "GetLayerVersionPolicy", {"LayerName": "weak-layer", "VersionNumber": 1}


def web(place: Place) -> Iterator[tuple[str, str, dict]]:
    for scope in ("REGIONAL", "CLOUDFRONT"):
        for operation in (
            "ListWebACLs",
            "ListIPSets",
            "ListRuleGroups",
            "ListRegexPatternSets",
            "ListLoggingConfigurations",
            "ListAvailableManagedRuleGroups",
        ):
            yield "wafv2", operation, {"Scope": scope}
    scope = {"Scope": "REGIONAL"}
    for listing, key, operation in [
        ("list_web_acls", "WebACLs", "GetWebACL"),
        ("list_ip_sets", "IPSets", "GetIPSet"),
        ("list_rule_groups", "RuleGroups", "GetRuleGroup"),
        ("list_regex_pattern_sets", "RegexPatternSets", "GetRegexPatternSet"),
    ]:
        ids = {
            "Name": first(place, "wafv2", listing, key, "Name", **scope),
            "Id": first(place, "wafv2", listing, key, "Id", **scope),
        }
        yield "wafv2", operation, scope | ids
    acl = first(place, "wafv2", "list_web_acls", "WebACLs", "ARN", **scope)
    if acl == "missing":
        acl = place.arn("wafv2", "regional/webacl/missing/0")
    yield "wafv2", "GetLoggingConfiguration", {"ResourceArn": acl}
    yield "wafv2", "GetPermissionPolicy", {"ResourceArn": acl}
    yield "wafv2", "ListTagsForResource", {"ResourceARN": acl}
    for kind in ("API_GATEWAY", "APPLICATION_LOAD_BALANCER", "APPSYNC", "COGNITO_USER_POOL"):
        yield "wafv2", "ListResourcesForWebACL", {"WebACLArn": acl, "ResourceType": kind}
    api = first(place, "apigateway", "get_rest_apis", "items", "id")
    stage = f"arn:aws:apigateway:{place.region}::/restapis/{api}/stages/live"
    yield "wafv2", "GetWebACLForResource", {"ResourceArn": stage}


def apis(place: Place) -> Iterator[tuple[str, str, dict]]:
    for operation in (
        "GetAccount",
        "GetRestApis",
        "GetUsagePlans",
        "GetApiKeys",
        "GetDomainNames",
        "GetVpcLinks",
        "GetClientCertificates",
        "GetDomainNameAccessAssociations",
    ):
        yield "apigateway", operation, {}
    api_id = first(place, "apigateway", "get_rest_apis", "items", "id")
    api = {"restApiId": api_id}
    for operation in (
        "GetStages",
        "GetAuthorizers",
        "GetRequestValidators",
        "GetModels",
        "GetGatewayResponses",
        "GetDeployments",
        "GetDocumentationParts",
    ):
        yield "apigateway", operation, api
    yield "apigateway", "GetResources", api | {"embed": ["methods"]}
    plan = first(place, "apigateway", "get_usage_plans", "items", "id")
    yield "apigateway", "GetUsagePlanKeys", {"usagePlanId": plan}
    yield "apigateway", "GetBasePathMappings", {"domainName": "sound.shop.example"}
    yield "apigateway", "GetTags", {"resourceArn": f"arn:aws:apigateway:{place.region}::/restapis/{api_id}"}
    for operation in ("GetApis", "GetDomainNames", "GetVpcLinks"):
        yield "apigatewayv2", operation, {}
    http = {"ApiId": first(place, "apigatewayv2", "get_apis", "Items", "ApiId")}
    for operation in (
        "GetRoutes",
        "GetAuthorizers",
        "GetStages",
        "GetIntegrations",
        "GetModels",
        "GetDeployments",
        "GetApi",
    ):
        yield "apigatewayv2", operation, http
    yield "apigatewayv2", "GetApiMappings", {"DomainName": "sound.http.example"}


if __name__ == "__main__":
    main()
