"""Keys: rotation, policies, grants, aliases, states."""

from __future__ import annotations

from .garden import SECOND, STRANGER, Garden, Place, allow, policy, tag_list


def plant(garden: Garden) -> None:
    for place in garden.places():
        if place.account in ("prod", "security"):
            key(place, "sound-data", False, "rotates, closed policy", rotate=True)
    for region in garden.regions:
        key(garden.place("dev", region), "weak-data", True, "does not rotate")
    twins(garden.place("prod"))


def twins(place: Place) -> None:
    kms = place.client("kms")
    key(place, "weak-rotation", True, "does not rotate")
    key(
        place, "weak-open", True, "its policy admits anyone", rotate=True,
        statement={"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
    )  # fmt: skip
    key(
        place, "weak-foreign", True, "its policy admits an unknown account", rotate=True,
        statement={
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
            "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*",
        },
    )  # fmt: skip
    key(
        place, "sound-through-service", False, "anyone, but only through one service of this account",
        rotate=True,
        statement={
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt"], "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": place.id, "kms:ViaService": f"s3.{place.region}.amazonaws.com",
                }
            },
        },
    )  # fmt: skip

    key(place, "weak-rotation-rare", True, "rotates every seven years", rotate=2560)
    key(
        place, "weak-deputy", True, "a service may use it for any account", rotate=True,
        statement={
            "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": ["kms:GenerateDataKey*"], "Resource": "*",
        },
    )  # fmt: skip
    # Functions, buckets and repositories refer to the two below by ARN: see `key_arn`.
    pending = key(place, "weak-pending-deletion", True, "scheduled for deletion while a repository uses it")
    # Moto takes the id for the calls below, not the ARN.
    kms.schedule_key_deletion(KeyId=pending.rpartition("/")[2], PendingWindowInDays=30)
    disabled = key(place, "weak-disabled", True, "disabled while a function and a bucket use it")
    kms.disable_key(KeyId=disabled.rpartition("/")[2])

    retired = key(place, "sound-leaving", False, "scheduled for deletion; nothing uses it", rotate=True)
    kms.schedule_key_deletion(KeyId=retired.rpartition("/")[2], PendingWindowInDays=30)
    retired = key(place, "sound-retired", False, "disabled; nothing uses it", rotate=True)
    kms.disable_key(KeyId=retired.rpartition("/")[2])

    primary = key(
        place, "sound-multi-region", False, "multi-region, replicated", rotate=True, MultiRegion=True
    )
    place.optional(kms.replicate_key, KeyId=primary.rpartition("/")[2], ReplicaRegion=SECOND)
    primary = key(
        place, "weak-multi-region", True, "its replica admits an unknown account", rotate=True, MultiRegion=True
    )
    replica = place.optional(kms.replicate_key, KeyId=primary.rpartition("/")[2], ReplicaRegion=SECOND)
    if replica:
        foreign = allow("kms:Decrypt", Principal={"AWS": f"arn:aws:iam::{STRANGER}:root"})
        place.garden.place(place.account, SECOND).client("kms").put_key_policy(
            KeyId=primary.rpartition("/")[2], PolicyName="default", Policy=policy(own_account(place), foreign)
        )
    # Asymmetric and imported keys cannot rotate by themselves: neither may be called weak for it.
    key(
        place, "sound-signing", False, "asymmetric; rotation does not apply",
        KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048",
    )  # fmt: skip
    key(place, "sound-imported", False, "imported material; rotation does not apply", Origin="EXTERNAL")

    function = f"arn:aws:iam::{place.id}:role/sound-function"
    for name, weak, grantee, operations, constraints in [
        (
            "weak-grants",
            True,
            f"arn:aws:iam::{STRANGER}:role/partner",
            ["Decrypt", "Encrypt", "GenerateDataKey", "CreateGrant", "ReEncryptFrom", "ReEncryptTo"],
            None,
        ),
        # A role that is gone: IAM shows its unique id in place of its name.
        ("weak-grant-left", True, "AROAPOSTUREGONE7F3A9", ["Decrypt"], None),
        ("sound-grants", False, function, ["Decrypt"], {"EncryptionContextEquals": {"app": "orders"}}),
    ]:
        granted = key(place, name, weak, "wide grant" if weak else "narrow grant", rotate=True)
        more = {"Constraints": constraints} if constraints else {}
        kms.create_grant(KeyId=granted, GranteePrincipal=grantee, Operations=operations, Name=name, **more)


def key(
    place: Place,
    name: str,
    weak: bool,
    note: str,
    rotate: bool | int = False,
    statement: dict | None = None,
    **arguments: object,
) -> str:
    """A key with an alias of that name; the key's ARN."""
    kms = place.client("kms")
    metadata = kms.create_key(
        Description=f"{name}: {note}",
        Policy=policy(own_account(place), *([statement] if statement else [])),
        Tags=tag_list(weak, key="TagKey", value="TagValue"),
        **arguments,
    )["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=metadata["KeyId"])
    if rotate:
        period = {} if rotate is True else {"RotationPeriodInDays": rotate}
        kms.enable_key_rotation(KeyId=metadata["KeyId"], **period)
    return place.record(metadata["Arn"], weak, note)


def own_account(place: Place) -> dict:
    return allow("kms:*", Sid="AccountManagesTheKey", Principal={"AWS": f"arn:aws:iam::{place.id}:root"})


def key_arn(place: Place, name: str) -> str:
    """The ARN of the key with this alias."""
    return place.client("kms").describe_key(KeyId=f"alias/{name}")["KeyMetadata"]["Arn"]
