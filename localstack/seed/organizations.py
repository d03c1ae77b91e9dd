"""The organization: accounts, organizational units, guardrails."""

from __future__ import annotations

from .garden import HOME, SECOND, Garden, deny, policy, tag_list

# Moto invents account ids; a seeded generator invents the same ones each time.
RANDOM_SEED = 7


def plant(garden: Garden) -> None:
    garden.moto_api(f"seed?a={RANDOM_SEED}")
    management = garden.place("management")
    client = management.client("organizations")
    organization = client.create_organization(FeatureSet="ALL")["Organization"]
    garden.organization = organization["Id"]
    root = client.list_roots()["Roots"][0]["Id"]

    units = {
        name: client.create_organizational_unit(ParentId=root, Name=name, Tags=tag_list(False))[
            "OrganizationalUnit"
        ]["Id"]
        for name in ("Workloads", "Security", "Sandbox")
    }
    for name, unit in {"prod": "Workloads", "dev": "Sandbox", "security": "Security"}.items():
        account = client.create_account(
            Email=f"{name}@posture.example", AccountName=name, Tags=tag_list(False, environment=name)
        )["CreateAccountStatus"]["AccountId"]
        client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=units[unit])
        garden.accounts[name] = account

    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"):
        management.optional(
            client.enable_policy_type, "PolicyTypeAlreadyEnabledException", "InvalidInputException",
            RootId=root, PolicyType=kind,
        )  # fmt: skip

    def guardrail(name: str, description: str, statement: dict, *targets: str) -> None:
        summary = client.create_policy(
            Name=name,
            Description=description,
            Type="SERVICE_CONTROL_POLICY",
            Content=policy(statement),
            Tags=tag_list(False),
        )["Policy"]["PolicySummary"]
        for target in targets:
            client.attach_policy(PolicyId=summary["Id"], TargetId=target)
        management.sound(summary["Arn"], description)

    guardrail(
        "sound-regions",
        "regions outside the approved list are closed",
        deny(
            "*",
            Sid="OnlyApprovedRegions",
            Condition={"StringNotEquals": {"aws:RequestedRegion": [HOME, SECOND]}},
        ),
        units["Workloads"],
    )
    guardrail(
        "sound-keep-evidence",
        "nobody turns off trails or leaves the organization",
        deny(
            ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "organizations:LeaveOrganization"],
            Sid="KeepEvidence",
        ),
        units["Workloads"],
        units["Security"],
    )
    # The sandbox, with dev in it, has no guardrail but FullAWSAccess.
    management.weak(
        f"arn:aws:organizations::{management.id}:account/{organization['Id']}/{garden.accounts['dev']}",
        "no guardrail bounds this account",
    )
    management.sound(
        f"arn:aws:organizations::{management.id}:account/{organization['Id']}/{garden.accounts['prod']}",
        "guardrails through its organizational unit",
    )
    management.optional(
        client.register_delegated_administrator,
        AccountId=garden.accounts["security"],
        ServicePrincipal="guardduty.amazonaws.com",
    )
    for service in ("guardduty.amazonaws.com", "sso.amazonaws.com"):
        management.optional(client.enable_aws_service_access, ServicePrincipal=service)

    # dev names a person's own mailbox, prod nobody.
    for account, kind, address in [
        ("management", "SECURITY", "security@posture.example"),
        ("security", "SECURITY", "security@posture.example"),
        ("security", "OPERATIONS", "operations@posture.example"),
        ("dev", "SECURITY", "posture.developer@gmail.com"),
    ]:
        place = garden.place(account)
        place.optional(
            place.client("account").put_alternate_contact,
            AlternateContactType=kind,
            EmailAddress=address,
            Name="Security Team",
            PhoneNumber="+1 206 555 0100",
            Title="Incident response",
        )
