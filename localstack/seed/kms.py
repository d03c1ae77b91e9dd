"""Keys: rotation, policies, grants, aliases, states."""

from __future__ import annotations

import json

from .garden import SECOND, Garden, Place, tag_list


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

    pending = key(place, "weak-pending-deletion", True, "scheduled for deletion while an alias uses it")
    # Moto takes the id for the calls below, not the ARN.
    kms.schedule_key_deletion(KeyId=pending.rpartition("/")[2], PendingWindowInDays=30)
    disabled = key(place, "weak-disabled", True, "disabled while an alias uses it")
    kms.disable_key(KeyId=disabled.rpartition("/")[2])

    primary = key(
        place, "sound-multi-region", False, "multi-region, replicated", rotate=True, MultiRegion=True
    )
    place.optional(kms.replicate_key, KeyId=primary.rpartition("/")[2], ReplicaRegion=SECOND)
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
            "arn:aws:iam::999999999999:role/partner",
            ["Decrypt", "Encrypt", "GenerateDataKey", "CreateGrant", "ReEncryptFrom", "ReEncryptTo"],
            None,
        ),
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
    rotate: bool = False,
    statement: dict | None = None,
    **arguments: object,
) -> str:
    """A key with an alias of that name; the key's ARN."""
    kms = place.client("kms")
    own = {
        "Sid": "AccountManagesTheKey",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{place.id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    metadata = kms.create_key(
        Description=f"{name}: {note}",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [own] + ([statement] if statement else [])}),
        Tags=tag_list(weak, key="TagKey", value="TagValue"),
        **arguments,
    )["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=metadata["KeyId"])
    if rotate:
        kms.enable_key_rotation(KeyId=metadata["KeyId"])
    return place.record(metadata["Arn"], weak, note)
