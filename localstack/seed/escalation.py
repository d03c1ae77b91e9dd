"""Chains of steps to an administrator: each with a twin in which one thing stands in the way.

The administrators at their ends are those that other modules plant, and one role of its own.
"""

from __future__ import annotations

from typing import Any

from . import lambda_
from .garden import Garden, Place, allow, deny, policy, tag_list, trust

MANAGED = "arn:aws:iam::aws:policy/"


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    own_rights(prod)
    groups(prod)
    others(prod)
    assumed(prod)
    functions(prod)
    hosts(prod)
    far(prod)
    guarded(garden)
    if garden.emulator == "moto":
        across(garden)


def own_rights(place: Place) -> None:
    """Who writes its own rights."""
    iam = place.client("iam")
    for name, denials, note in [
        ("weak-climb-inline", [], "may write its own inline policy"),
        (
            "sound-climb-inline",
            [deny("iam:Put*Policy", Sid="NobodyWritesPolicies")],
            "may write its own inline policy, and a statement denies it",
        ),
    ]:
        own = allow("iam:PutUserPolicy", f"arn:aws:iam::{place.id}:user/{name}", Sid="OwnPolicy")
        user(place, name, note, own, *denials)

    for name, written, note in [
        ("weak-climb-version", "weak-climb-version", "may write a version of the policy that it has"),
        ("sound-climb-version", "weak-unattached", "may write a version of a policy that nobody has"),
    ]:
        weak = is_weak(name)
        document = policy(allow("iam:CreatePolicyVersion", f"arn:aws:iam::{place.id}:policy/{written}"))
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document, Tags=tag_list(weak))["Policy"]["Arn"]
        user(place, name, note)
        iam.attach_user_policy(UserName=name, PolicyArn=arn)

    bounds = policy(allow(["iam:PutRolePolicy", "s3:Get*"]))
    boundary = iam.create_policy(PolicyName="sound-climb-boundary", PolicyDocument=bounds, Tags=tag_list(False))
    boundary = boundary["Policy"]["Arn"]
    place.sound(boundary, "a permission boundary that lets a role write policies, and little else")
    for name, bounded, note in [
        ("weak-climb-self", {}, "may write its own inline policy"),
        ("sound-climb-self", {"PermissionsBoundary": boundary}, "may write its own inline policy, within a boundary"),
    ]:
        own = allow("iam:PutRolePolicy", f"arn:aws:iam::{place.id}:role/{name}")
        role(place, name, trust({"Service": "codebuild.amazonaws.com"}), note, own, **bounded)


def groups(place: Place) -> None:
    """Who joins a group, or writes the policies of its own."""
    iam = place.client("iam")
    for name, group, note in [
        ("weak-climb-join", "weak-operators", "may join the administrators"),
        ("sound-climb-join", "sound-readers", "may join a group that has no such policy"),
    ]:
        joins = allow("iam:AddUserToGroup", f"arn:aws:iam::{place.id}:group/{group}")
        user(place, name, note, joins)
    for name, written, note in [
        ("weak-climb-team", "weak-climb-team", "its group may write its own policy"),
        ("sound-climb-team", "weak-empty", "its group may write the policy of another group"),
    ]:
        iam.create_group(GroupName=name)
        writes = allow("iam:PutGroupPolicy", f"arn:aws:iam::{place.id}:group/{written}")
        iam.put_group_policy(GroupName=name, PolicyName="rights", PolicyDocument=policy(writes))
        user(place, name, note)
        iam.add_user_to_group(GroupName=name, UserName=name)


def others(place: Place) -> None:
    """Who becomes another user, or opens or fills another role."""
    here = f"arn:aws:iam::{place.id}"
    for name, owner, note in [
        ("weak-climb-key", "weak-chief", "may make an access key of an administrator"),
        ("sound-climb-key", "${aws:username}", "may make an access key of its own"),
    ]:
        user(place, name, note, allow("iam:CreateAccessKey", f"{here}:user/{owner}"))
    for name, opened, note in [
        ("weak-climb-trust", "weak-operator", "may change whom an administrator's role trusts"),
        ("sound-climb-trust", "sound-seasoned", "may change whom a role without rights trusts"),
    ]:
        user(place, name, note, allow("iam:UpdateAssumeRolePolicy", f"{here}:role/{opened}"))

    own = trust({"AWS": f"{here}:root"})
    by_hosts = trust({"Service": "ec2.amazonaws.com"})
    role(place, "sound-climb-blank", own, "a role without rights that the account may assume")
    role(place, "sound-climb-shut", by_hosts, "a role without rights that only hosts may assume")
    for name, filled, note in [
        ("weak-climb-attach", "sound-climb-blank", "may attach any policy to a role that it may assume"),
        ("sound-climb-attach", "sound-climb-shut", "may attach any policy to a role that does not trust it"),
    ]:
        user(place, name, note, allow(["iam:AttachRolePolicy", "sts:AssumeRole"], f"{here}:role/{filled}"))


def assumed(place: Place) -> None:
    """Who assumes an administrator's role: it trusts one of two with the same right."""
    here = f"arn:aws:iam::{place.id}"
    assumes = allow("sts:AssumeRole", f"{here}:role/weak-climb-chief")
    user(place, "weak-climb-assume", "may assume an administrator's role that trusts it", assumes)
    user(place, "sound-climb-assume", "may assume an administrator's role that trusts another", assumes)
    role(
        place, "weak-climb-chief", trust({"AWS": f"{here}:user/weak-climb-assume"}),
        "an administrator's role that trusts one user",
    )  # fmt: skip
    place.client("iam").attach_role_policy(
        RoleName="weak-climb-chief", PolicyArn=MANAGED + "AdministratorAccess"
    )


def functions(place: Place) -> None:
    """Who makes a function with an administrator's role, or changes the code of one that has it."""
    here = f"arn:aws:iam::{place.id}"
    makes = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
    for name, passed, condition, note in [
        ("weak-climb-function", "weak-function", "lambda", "may make functions with an administrator's role"),
        ("sound-climb-function", "weak-function", "ec2", "may hand an administrator's role to another service only"),
        ("sound-climb-function-trust", "weak-operator", "lambda", "may pass a role that does not trust functions"),
    ]:
        passes = allow(
            "iam:PassRole", f"{here}:role/{passed}",
            Condition={"StringEquals": {"iam:PassedToService": f"{condition}.amazonaws.com"}},
        )  # fmt: skip
        user(place, name, note, passes, makes)

    # A tag decides about the one, the function's role about the other.
    builds = trust({"Service": "codebuild.amazonaws.com"})
    for name, team, note in [
        ("weak-climb-code", "payments", "may change the code of its team's functions, one with an administrator's role"),
        ("sound-climb-code", "platform", "may change the code of its team's functions, of which there are none"),
    ]:
        changes = allow(
            ["lambda:UpdateFunctionCode", "lambda:InvokeFunction"], place.arn("lambda", "function:weak-role"),
            Condition={"StringEquals": {"aws:ResourceTag/team": team}},
        )  # fmt: skip
        role(place, name, builds, note, changes)
    lambda_.function(
        place, "weak-climb-job", True, "its role is an administrator's, and another may change its code",
        role="weak-function",
    )  # fmt: skip
    for kind, changed, note in [
        ("weak", "weak-climb-job", "a function with an administrator's role"),
        ("sound", "sound-deputy", "a function with a narrow role"),
    ]:
        deployer = f"{kind}-climb-deployer"
        changes = allow("lambda:UpdateFunctionCode", place.arn("lambda", f"function:{changed}"))
        role(place, deployer, trust({"AWS": f"{here}:root"}), f"may change the code of {note}", changes)
        assumes = allow("sts:AssumeRole", f"{here}:role/{deployer}")
        user(place, f"{kind}-climb-deploy", f"may assume a role that may change the code of {note}", assumes)


def hosts(place: Place) -> None:
    """Who starts a host with an administrator's role, or enters one that has it."""
    here = f"arn:aws:iam::{place.id}"
    for name, passed, note in [
        ("weak-climb-run", "weak-instance", "may start hosts with an administrator's role"),
        ("sound-climb-run", "sound-instance", "may start hosts with a narrow role"),
    ]:
        user(place, name, note, allow("iam:PassRole", f"{here}:role/{passed}"), allow("ec2:RunInstances"))
    for name, tag, note in [
        ("weak-climb-session", "weak-host", "may enter a host that has an administrator's role"),
        ("sound-climb-session", "sound-host", "may enter hosts of another name"),
    ]:
        enters = allow(
            "ssm:StartSession", place.arn("ec2", "instance/*"),
            Condition={"StringEquals": {"ssm:resourceTag/Name": tag}},
        )  # fmt: skip
        user(place, name, note, enters)


def far(place: Place) -> None:
    """Three steps; in the twin the role in the middle does not trust the one before."""
    here = f"arn:aws:iam::{place.id}"
    weak_first, sound_first = f"{here}:role/weak-climb-first", f"{here}:role/sound-climb-first"
    second = f"{here}:role/weak-climb-second"
    own = trust({"AWS": f"{here}:root"})
    for first in (weak_first, sound_first):
        name = first.rpartition("/")[2]
        trusted = "trusts it" if is_weak(name) else "does not trust it"
        role(place, name, own, f"may assume a further role that {trusted}", allow("sts:AssumeRole", second))
        user(
            place, name.replace("first", "far"), f"may assume a role that may assume a role that {trusted}",
            allow("sts:AssumeRole", first),
        )  # fmt: skip
    found = place.client("ec2").describe_instances(Filters=[{"Name": "tag:Name", "Values": ["weak-host"]}])
    host = found["Reservations"][0]["Instances"][0]["InstanceId"]
    role(
        place, "weak-climb-second", trust({"AWS": weak_first}), "may run commands on an administrator's host",
        allow("ssm:SendCommand", place.arn("ec2", f"instance/{host}")),
    )  # fmt: skip


def guarded(garden: Garden) -> None:
    """The same right where no guardrail stands and where one does."""
    dev, security = garden.place("dev"), garden.place("security")
    attach = "iam:AttachUserPolicy"
    name = "weak-climb-unguarded"
    own = allow(attach, f"arn:aws:iam::{dev.id}:user/{name}")
    user(dev, name, "may attach any policy to itself", own)
    if garden.emulator != "moto":
        return
    management = garden.place("management")
    client = management.client("organizations")
    note = "nobody attaches policies to users"
    summary = client.create_policy(
        Name="sound-roles-only",
        Description=note,
        Type="SERVICE_CONTROL_POLICY",
        Content=policy(deny(attach, Sid="RolesOnly")),
        Tags=tag_list(False),
    )["Policy"]["PolicySummary"]
    client.attach_policy(PolicyId=summary["Id"], TargetId=security.id)
    management.sound(summary["Arn"], note)
    name = "sound-climb-guarded"
    own = allow(attach, f"arn:aws:iam::{security.id}:user/{name}")
    user(security, name, "may attach any policy to itself, and a guardrail denies it", own)


def across(garden: Garden) -> None:
    """From one account into another, which takes a word of both."""
    dev, prod = garden.place("dev"), garden.place("prod")
    guest = role(
        prod, "weak-climb-guest", trust({"AWS": f"arn:aws:iam::{dev.id}:root"}),
        "another account may assume it and change the code of a function with an administrator's role",
        allow("lambda:UpdateFunctionCode", prod.arn("lambda", "function:weak-climb-job")),
    )  # fmt: skip
    user(dev, "weak-climb-visit", "may assume a role of another account", allow("sts:AssumeRole", guest))
    user(
        dev, "sound-climb-visit", "may assume a role of this account only; another's trusts the account",
        allow("sts:AssumeRole", f"arn:aws:iam::{dev.id}:role/*"),
    )  # fmt: skip


def is_weak(name: str) -> bool:
    return name.startswith("weak-")


def user(place: Place, name: str, note: str, *statements: dict[str, Any]) -> str:
    iam = place.client("iam")
    arn = iam.create_user(UserName=name, Tags=tag_list(is_weak(name)))["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy(*statements))
    return place.record(arn, is_weak(name), note)


def role(
    place: Place, name: str, trusted: str, note: str, *statements: dict[str, Any], **arguments: str
) -> str:
    iam = place.client("iam")
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trusted, Tags=tag_list(is_weak(name)), **arguments
    )["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy(*statements))
    return place.record(arn, is_weak(name), note)
