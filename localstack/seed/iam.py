"""People, roles and their rights. Every account gets the scan role; prod holds most of the twins."""

from __future__ import annotations

import json

from .garden import MANAGEMENT, ROLE_NAME, STRANGER, Garden, Place, allow, deny, policy, tag_list, trust

MANAGED = "arn:aws:iam::aws:policy/"
# What a scan reads, as wildcards; `posture permissions` prints the exact list.
READS = [
    f"{service}:{verb}*"
    for service in (
        "account", "apigateway", "ec2", "ecr", "iam", "kms", "lambda", "organizations", "s3", "sts", "wafv2",
    )
    for verb in ("Get", "List", "Describe")
] + [
    "apigateway:GET", "ecr:BatchGet*", "iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails",
    "s3:HeadBucket", "s3:ListAllMyBuckets",
]  # fmt: skip
ROLE_MAKER = ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PassRole"]
GITHUB = "token.actions.githubusercontent.com"


def plant(garden: Garden) -> None:
    for account in garden.accounts:
        place = garden.place(account)
        scan_role(place)
        password_policy(place, weak=account == "dev")
        place.optional(place.client("iam").create_account_alias, AccountAlias=f"posture-{account}")
    credentials(garden)
    prod = garden.place("prod")
    users(prod)
    roles(prod)
    federation(prod)
    dev(garden.place("dev"))


def scan_role(place: Place) -> None:
    """What the scan assumes, and what it lacks: `PostureScanBlind` may not read some things."""
    iam = place.client("iam")
    management_only = trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"})
    for name, extra in {
        ROLE_NAME: None,
        "PostureScanBlind": deny(
            [
                "s3:GetBucketPolicy",
                "lambda:GetPolicy",
                "kms:GetKeyPolicy",
                "ec2:DescribeSnapshotAttribute",
                "iam:GetServiceLastAccessedDetails",
                "wafv2:ListWebACLs",
            ]
        ),
    }.items():
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=management_only, Tags=tag_list(False))[
            "Role"
        ]
        statements = [allow(READS)] if extra is None else [allow(READS), extra]
        iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy(*statements))
        place.sound(role["Arn"], "trusted by the management account")


def credentials(garden: Garden) -> None:
    """Long-lived keys for tests against a server that enforces permissions."""
    iam = garden.place("management").client("iam")
    for name, statements in {
        # May scan: read everything and assume the scan roles.
        "scanner": [allow(READS), allow("sts:AssumeRole", f"arn:aws:iam::*:role/{ROLE_NAME}*")],
        # May assume nothing and list nothing: a scan with it must say so everywhere.
        "stranger": [allow("sts:GetCallerIdentity")],
        # May read its own account, but assume no role: the other accounts are gaps.
        "loner": [allow(READS)],
    }.items():
        iam.create_user(UserName=name, Tags=tag_list(False))
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        garden.credentials[name] = {
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        }


def password_policy(place: Place, weak: bool) -> None:
    settings = (
        {"MinimumPasswordLength": 6, "RequireSymbols": False}
        if weak
        else {
            "MinimumPasswordLength": 16,
            "RequireSymbols": True,
            "RequireNumbers": True,
            "RequireUppercaseCharacters": True,
            "RequireLowercaseCharacters": True,
            "AllowUsersToChangePassword": True,
            "MaxPasswordAge": 90,
            "PasswordReusePrevention": 24,
        }
    )
    # The management account has none at all: the third case.
    if place.account != "management":
        place.client("iam").update_account_password_policy(**settings)
    note = "password policy: " + ("weak" if weak else "none" if place.id == MANAGEMENT else "strong")
    place.record(f"arn:aws:iam::{place.id}:root", weak or place.id == MANAGEMENT, note)


def users(place: Place) -> None:
    iam = place.client("iam")

    def user(name: str, weak: bool, note: str, **arguments: object) -> str:
        created = iam.create_user(UserName=name, Tags=tag_list(weak), **arguments)["User"]
        place.record(created["Arn"], weak, note)
        return name

    weak = user("weak-administrator", True, "administrator policy, console password, no MFA, two keys")
    iam.create_login_profile(UserName=weak, Password="Planted-Passw0rd!")
    iam.attach_user_policy(UserName=weak, PolicyArn=MANAGED + "AdministratorAccess")
    iam.create_access_key(UserName=weak)
    iam.create_access_key(UserName=weak)

    sound = user("sound-person", False, "console password with MFA, rights through a group")
    iam.create_login_profile(UserName=sound, Password="Planted-Passw0rd!")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=sound)["VirtualMFADevice"]
    iam.enable_mfa_device(
        UserName=sound,
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1="123456",
        AuthenticationCode2="654321",
    )

    bounded = iam.create_policy(
        PolicyName="sound-boundary",
        PolicyDocument=policy(allow(["s3:Get*", "s3:List*", "logs:*"])),
        Tags=tag_list(False),
    )["Policy"]["Arn"]
    place.sound(bounded, "a permission boundary")
    name = user(
        "sound-bounded-administrator", False, "administrator policy within a narrow boundary",
        PermissionsBoundary=bounded,
    )  # fmt: skip
    iam.attach_user_policy(UserName=name, PolicyArn=MANAGED + "AdministratorAccess")

    name = user("weak-inline-wildcard", True, "inline policy with service-wide wildcards")
    iam.put_user_policy(
        UserName=name,
        PolicyName="everything",
        PolicyDocument=policy(allow(["s3:*", "kms:*", "iam:PassRole"])),
    )
    name = user("weak-old-key", True, "an access key and an inactive one")
    iam.create_access_key(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")

    idle = user("weak-idle", True, "a password and a key that nobody has used for a year")
    iam.create_login_profile(UserName=idle, Password="Planted-Passw0rd!")
    iam.create_access_key(UserName=idle)
    seasoned = user("weak-seasoned", True, "a key of last year that is still in use, and rights that are not")
    iam.create_access_key(UserName=seasoned)
    iam.put_user_policy(
        UserName=seasoned, PolicyName="rights", PolicyDocument=policy(allow(["s3:GetObject", "sqs:SendMessage"]))
    )
    name = user("weak-chief", True, "an administrator with nothing but a password")
    iam.create_login_profile(UserName=name, Password="Planted-Passw0rd!")
    iam.attach_user_policy(UserName=name, PolicyArn=MANAGED + "AdministratorAccess")
    user("weak-idle-leaver", True, "a user without any way in for a year")
    for name, actions, note in [
        ("weak-role-maker", ROLE_MAKER, "may make any role"),
        ("weak-door-opener", ["ec2:AuthorizeSecurityGroupIngress"], "may open any security group"),
    ]:
        user(name, True, note)
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy(allow(actions)))

    for name, weak, statement, note in [
        ("weak-operators", True, allow("*"), "a group of administrators"),
        (
            "sound-readers",
            False,
            allow(["s3:GetObject"], "arn:aws:s3:::sound-*/*"),
            "a group with a scoped policy",
        ),
    ]:
        group = iam.create_group(GroupName=name)["Group"]
        iam.put_group_policy(GroupName=name, PolicyName="rights", PolicyDocument=policy(statement))
        if not weak:
            # Weak are the users in the other one.
            place.sound(group["Arn"], note)
    iam.add_user_to_group(GroupName="sound-readers", UserName="sound-person")
    iam.add_user_to_group(GroupName="weak-operators", UserName="weak-old-key")
    place.weak(iam.create_group(GroupName="weak-empty")["Group"]["Arn"], "a group without members")

    for name, weak, document, note in [
        ("weak-star", True, policy(allow("*")), "everything on everything"),
        # One statement as an object, and NotAction: two ways to be an administrator quietly.
        (
            "weak-not-action",
            True,
            json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
                }
            ),
            "allows everything but IAM",
        ),
        ("weak-assume-any", True, policy(allow("sts:AssumeRole")), "may assume any role"),
        ("weak-decrypt-any", True, policy(allow("kms:Decrypt")), "may decrypt with any key"),
        ("weak-pass-any", True, policy(allow("iam:PassRole")), "may hand any role to a service"),
        ("weak-unattached", True, policy(allow("s3:ListBucket", "arn:aws:s3:::sound-data")), "attached to nobody"),
        (
            "sound-scoped",
            False,
            policy(allow(["dynamodb:GetItem", "dynamodb:PutItem"], place.arn("dynamodb", "table/orders"))),
            "two actions on one table",
        ),
    ]:
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document, Tags=tag_list(weak))["Policy"][
            "Arn"
        ]
        place.record(arn, weak, note)
        if name != "weak-unattached":
            iam.attach_group_policy(GroupName="weak-empty" if weak else "sound-readers", PolicyArn=arn)
        if name == "sound-scoped":
            iam.create_policy_version(
                PolicyArn=arn,
                PolicyDocument=policy(allow("dynamodb:GetItem", place.arn("dynamodb", "table/orders"))),
                SetAsDefault=True,
            )


def roles(place: Place) -> None:
    iam = place.client("iam")

    def role(name: str, weak: bool, trusted: str, note: str, **arguments: object) -> str:
        created = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trusted, Tags=tag_list(weak), **arguments
        )["Role"]
        place.record(created["Arn"], weak, note)
        return name

    functions = trust({"Service": "lambda.amazonaws.com"})
    instances = trust({"Service": "ec2.amazonaws.com"})
    third_party = {"AWS": f"arn:aws:iam::{STRANGER}:root"}

    own = trust({"AWS": f"arn:aws:iam::{place.id}:root"})
    name = role(
        "weak-operator", True, own, "an administrator's role with sessions of twelve hours", MaxSessionDuration=43200
    )  # fmt: skip
    iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED + "AdministratorAccess")
    for name, actions, note in [
        ("weak-role-maker", ROLE_MAKER, "may make any role"),
        ("weak-door-opener", ["ec2:AuthorizeSecurityGroupIngress"], "may open any security group"),
        ("weak-wildcards", ["s3:*", "dynamodb:*"], "whole services on everything"),
    ]:
        role(name, True, own, note)
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy(allow(actions)))
    role("weak-idle", True, own, "a role that nobody has used for a year")
    role("sound-seasoned", False, own, "a role of last year that is in use")
    for name, weak, actions, note in [
        ("weak-seasoned-hoarder", True, ["s3:GetObject", "sqs:SendMessage"], "uses one of two services"),
        ("sound-seasoned-thrifty", False, ["s3:GetObject"], "uses the one service that it is granted"),
    ]:
        role(name, weak, own, note)
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy(allow(actions)))
    logs = {"Service": "vpc-flow-logs.amazonaws.com"}
    role("weak-flow-logs", True, trust(logs), "a service may assume it for any account")
    role(
        "sound-flow-logs", False, trust(logs, {"StringEquals": {"aws:SourceAccount": place.id}}),
        "a service may assume it for this account",
    )  # fmt: skip

    name = role("weak-function", True, functions, "a function's role with administrator rights")
    iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED + "AdministratorAccess")
    name = role("sound-function", False, functions, "a function's role with what it needs")
    iam.put_role_policy(
        RoleName=name,
        PolicyName="needs",
        PolicyDocument=policy(
            allow(["dynamodb:GetItem", "dynamodb:PutItem"], place.arn("dynamodb", "table/orders")),
            allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                place.arn("logs", "log-group:/aws/lambda/sound-*:*"),
            ),
        ),
    )

    role("weak-third-party", True, trust(third_party), "another account may assume it, no external id")
    role(
        "sound-third-party", False,
        trust(third_party, {"StringEquals": {"sts:ExternalId": "posture-7f3a"}}),
        "another account may assume it, with an external id",
    )  # fmt: skip
    role("weak-anyone", True, trust("*"), "anyone may assume it")
    role(
        "sound-organization", False,
        trust({"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": place.garden.organization}}),
        "the organization may assume it",
    )  # fmt: skip
    name = role(
        "sound-bounded", False, functions, "wide rights within a boundary",
        PermissionsBoundary=f"arn:aws:iam::{place.id}:policy/sound-boundary",
    )  # fmt: skip
    iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED + "PowerUserAccess")

    for name, weak, managed in [
        ("weak-instance", True, "AdministratorAccess"),
        ("sound-instance", False, "AmazonSSMManagedInstanceCore"),
    ]:
        role(name, weak, instances, f"an instance profile's role with {managed}")
        iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED + managed)
        iam.create_instance_profile(InstanceProfileName=name, Tags=tag_list(weak))
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    place.optional(iam.create_service_linked_role, AWSServiceName="elasticloadbalancing.amazonaws.com")


def federation(place: Place) -> None:
    iam = place.client("iam")
    github = iam.create_open_id_connect_provider(
        Url=f"https://{GITHUB}",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["6938fd4d98bab03faadb97b34396831e3780aea1"],
        Tags=tag_list(False),
    )["OpenIDConnectProviderArn"]
    place.sound(github, "the forge's identity provider")
    audience = {f"{GITHUB}:aud": "sts.amazonaws.com"}
    for name, weak, condition, note in [
        (
            "weak-forge",
            True,
            {"StringEquals": audience, "StringLike": {f"{GITHUB}:sub": "repo:*"}},
            "every repository of the forge may assume it",
        ),
        ("weak-forge-audience-only", True, {"StringEquals": audience}, "the subject is left open"),
        (
            "sound-forge",
            False,
            {"StringEquals": audience | {f"{GITHUB}:sub": "repo:example/shop:ref:refs/heads/main"}},
            "one branch of one repository may assume it",
        ),
    ]:
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trust({"Federated": github}, condition, "sts:AssumeRoleWithWebIdentity"),
            Tags=tag_list(weak),
        )["Role"]
        place.record(role["Arn"], weak, note)
    saml = place.optional(
        iam.create_saml_provider, Name="sound-directory", SAMLMetadataDocument=saml_metadata()
    )
    if saml:
        place.sound(saml["SAMLProviderArn"], "people sign in through a directory")
    certificate = place.optional(
        iam.upload_server_certificate,
        ServerCertificateName="weak-legacy",
        CertificateBody="-----BEGIN CERTIFICATE-----\nplanted\n-----END CERTIFICATE-----",
        PrivateKey="-----BEGIN RSA PRIVATE KEY-----\nplanted\n-----END RSA PRIVATE KEY-----",
    )
    if certificate:
        place.weak(certificate["ServerCertificateMetadata"]["Arn"], "a certificate that IAM still holds")


def dev(place: Place) -> None:
    iam = place.client("iam")
    created = iam.create_user(UserName="weak-developer", Tags=tag_list(True))["User"]
    place.weak(created["Arn"], "a person with a long-lived key and IAM rights")
    iam.attach_user_policy(UserName="weak-developer", PolicyArn=MANAGED + "IAMFullAccess")
    iam.create_access_key(UserName="weak-developer")
    # No directory in this account: people sign in here with a password of its own.
    iam.create_login_profile(UserName="weak-developer", Password="Planted-Passw0rd!")


def saml_metadata() -> str:
    # IAM takes metadata of at least 1,000 characters.
    filler = "x" * 1000
    return (
        '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example">'
        f"<!-- {filler} --></EntityDescriptor>"
    )
