"""Buckets and what keeps them closed, and the account-wide block (s3control)."""

from __future__ import annotations

import json

from . import kms
from .garden import HOME, SECOND, STRANGER, Garden, Place, tag_list

ALL_BLOCKED = dict.fromkeys(
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True
)


def plant(garden: Garden) -> None:
    for account in garden.accounts:
        account_block(garden.place(account), weak=account in ("prod", "management"))
    twins(garden.place("prod"))
    replication(garden)
    access_points(garden.place("prod"))
    for account in ("management", "dev", "security"):
        place = garden.place(account)
        bucket(place, f"sound-{account}-logs", False, "closed and encrypted", sound=True)
    bucket(garden.place("dev", SECOND), "weak-dev-scratch", True, "no block, no policy")


def account_block(place: Place, weak: bool) -> None:
    arn = f"arn:aws:s3control::{place.id}:account-settings"
    control = place.client("s3control")
    if weak and place.account == "prod":
        # Set but with holes, so that single buckets can still be public; management has none at all.
        place.optional(
            control.put_public_access_block,
            AccountId=place.id,
            PublicAccessBlockConfiguration=dict.fromkeys(ALL_BLOCKED, False),
        )
    elif not weak:
        place.optional(
            control.put_public_access_block,
            AccountId=place.id,
            PublicAccessBlockConfiguration=ALL_BLOCKED,
        )
    place.record(arn, weak, "block public access of the account: " + ("off" if weak else "on"))


def twins(place: Place) -> None:
    s3 = place.client("s3")
    anyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}

    name = bucket(place, "weak-public-policy", True, "its policy admits anyone")
    put_policy(place, name, {**anyone, "Resource": f"arn:aws:s3:::{name}/*"})
    name = bucket(place, "weak-public-acl", True, "its ACL admits anyone")
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    name = bucket(place, "weak-open-address", True, "its policy admits any address")
    put_policy(
        place,
        name,
        {
            **anyone,
            "Principal": {"AWS": "*"},
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        },
    )
    name = bucket(place, "weak-foreign", True, "its policy admits an unknown account")
    put_policy(
        place,
        name,
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{name}/*",
        },
    )
    name = bucket(
        place, "sound-neutralised", False, "a public policy without effect: public access is blocked", sound=True
    )
    put_policy(place, name, {**anyone, "Resource": f"arn:aws:s3:::{name}/*"}, tls_only(name))
    name = bucket(place, "sound-organization", False, "anyone of the organization", sound=True)
    put_policy(
        place,
        name,
        {
            **anyone,
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": place.garden.organization}},
        },
        tls_only(name),
    )
    owners(place)
    uses(place)

    bucket(place, "weak-plain", True, "no versioning, no logging, no lifecycle, no TLS-only policy")
    bucket(place, "sound-logs", False, "where access logs go", sound=True, ObjectLockEnabledForBucket=True)
    lock(place, "sound-logs")
    # What was made before the bucket for the logs.
    for name in ("sound-neutralised", "sound-organization", "sound-redirect", "sound-cors", "sound-confidential"):
        log_to(place, name, "sound-logs")
    name = bucket(
        place,
        "sound-data",
        False,
        "customer key, bucket key, versions, logs",
        sound=True,
        key="alias/sound-data",
    )
    log_to(place, name, "sound-logs")
    name = bucket(place, "weak-logs", True, "keeps its own access logs, and any account may deliver more")
    statement = deliver_logs(place, name)
    put_policy(place, name, {key: value for key, value in statement.items() if key != "Condition"})
    log_to(place, name, name)
    name = bucket(place, "weak-logs-lost", True, "its access logs go to a bucket that is gone")
    s3.create_bucket(Bucket="weak-gone")
    put_policy(place, "weak-gone", deliver_logs(place, "weak-gone"))
    log_to(place, name, "weak-gone")
    s3.delete_bucket(Bucket="weak-gone")
    name = bucket(place, "weak-key", True, "encrypted by the AWS-managed key")
    encrypt(place, name, "aws:kms")
    name = bucket(place, "sound-locked", False, "object lock", ObjectLockEnabledForBucket=True, sound=True)
    lock(place, name)
    log_to(place, name, "sound-logs")
    bucket(place, "weak-lock", True, "object lock without a time to keep", ObjectLockEnabledForBucket=True)
    name = bucket(place, "weak-versions", True, "keeps every version for ever")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    name = bucket(place, "weak-website", True, "serves a website, CORS open to every origin")
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_bucket_cors(
        Bucket=name,
        CORSConfiguration={
            "CORSRules": [
                {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
            ]
        },
    )


def owners(place: Place) -> None:
    """Buckets whose ACL, key or tags say something about who owns the data."""
    s3 = place.client("s3")
    name = bucket(place, "weak-grantee", True, "its ACL lets an unknown account write")
    owner = s3.get_bucket_acl(Bucket=name)["Owner"]
    s3.put_bucket_acl(
        Bucket=name,
        AccessControlPolicy={
            "Owner": owner,
            "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "7f3a" * 16}, "Permission": "WRITE"}],
        },
    )
    name = bucket(place, "weak-key-disabled", True, "encrypted by a key that is disabled")
    encrypt(place, name, "aws:kms", arn=kms.key_arn(place, "weak-disabled"))
    for name, weak, note in [
        ("weak-confidential", True, "confidential data without a customer key"),
        ("sound-confidential", False, "confidential data under a customer key"),
    ]:
        bucket(place, name, weak, note, sound=not weak, key=None if weak else "alias/sound-data")
        s3.put_bucket_tagging(
            Bucket=name, Tagging={"TagSet": tag_list(weak, **{"data-classification": "confidential"})}
        )  # fmt: skip


def uses(place: Place) -> None:
    """Buckets that serve browsers and notify others."""
    s3 = place.client("s3")
    name = bucket(place, "sound-redirect", False, "a website that only redirects, to HTTPS", sound=True)
    s3.put_bucket_website(
        Bucket=name,
        WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "shop.example", "Protocol": "https"}},
    )
    name = bucket(place, "sound-cors", False, "CORS open to one origin", sound=True)
    s3.put_bucket_cors(
        Bucket=name,
        CORSConfiguration={
            "CORSRules": [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://shop.example"]}]
        },
    )
    if place.garden.emulator != "moto":
        return
    for name, account in [("weak-plain-events", STRANGER), ("sound-cors", place.id)]:
        if account == STRANGER:
            bucket(place, name, True, "tells an unknown account of every object")
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {
                        "LambdaFunctionArn": f"arn:aws:lambda:{place.region}:{account}:function:sound-consumer",
                        "Events": ["s3:ObjectCreated:*"],
                    }
                ]
            },
            SkipDestinationValidation=True,
        )


def log_to(place: Place, name: str, target: str) -> None:
    place.client("s3").put_bucket_logging(
        Bucket=name,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": f"{name}/"}},
    )


def lock(place: Place, name: str) -> None:
    place.client("s3").put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}},
        },
    )


def replication(garden: Garden) -> None:
    """Two sources in us-east-1 that replicate into eu-west-1: one keeps the encryption, one does not."""
    near, far = garden.place("prod"), garden.place("prod", SECOND)
    target = bucket(far, "sound-replica", False, "where replicas go", sound=True, key="alias/sound-data")
    for weak in (True, False):
        name = bucket(
            near,
            "weak-replicated" if weak else "sound-replicated",
            weak,
            "replicates to an unknown account, KMS objects left out"
            if weak
            else "replicas keep a customer key",
            sound=True,
            key="alias/sound-data",
        )
        destination: dict = {"Bucket": f"arn:aws:s3:::{target}"}
        rule: dict = {
            "ID": "copy",
            "Priority": 1,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": destination,
        }
        if weak:
            destination |= {"Account": STRANGER, "AccessControlTranslation": {"Owner": "Destination"}}
        else:
            destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": far.arn("kms", "alias/sound-data")}
            rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
            destination["Account"] = far.id
        replicate(near, name, rule)
    if garden.emulator != "moto":
        return
    name = bucket(near, "weak-replicated-nowhere", True, "replicates to a bucket that may be anyone's")
    rule["Destination"] = {"Bucket": "arn:aws:s3:::posture-nowhere"}
    rule.pop("SourceSelectionCriteria")
    s3 = near.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    replicate(near, name, rule)


def replicate(place: Place, name: str, rule: dict) -> None:
    place.client("s3").put_bucket_replication(
        Bucket=name,
        ReplicationConfiguration={"Role": f"arn:aws:iam::{place.id}:role/sound-function", "Rules": [rule]},
    )


def access_points(place: Place) -> None:
    control = place.client("s3control")
    role = {"AWS": f"arn:aws:iam::{place.id}:role/sound-function"}
    open_block = dict.fromkeys(ALL_BLOCKED, False)
    for name, weak, block, principal, note in [
        ("weak-point", True, open_block, "*", "an access point with an open policy"),
        (
            "weak-foreign-point",
            True,
            ALL_BLOCKED,
            {"AWS": f"arn:aws:iam::{STRANGER}:root"},
            "an access point that admits an unknown account",
        ),
        ("sound-point", False, ALL_BLOCKED, role, "an access point in a VPC"),
        ("sound-open-point", False, ALL_BLOCKED, role, "an access point from anywhere, for one role"),
    ]:
        network = {"VpcConfiguration": {"VpcId": "vpc-0123456789abcdef0"}} if name == "sound-point" else {}
        point = place.optional(
            control.create_access_point,
            AccountId=place.id,
            Name=name,
            Bucket="weak-plain" if weak else "sound-data",
            PublicAccessBlockConfiguration=block,
            **network,
        )
        if not point:
            continue
        arn = place.record(place.arn("s3", f"accesspoint/{name}"), weak, note)
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetObject",
            "Resource": f"{arn}/object/*",
        }
        place.optional(
            control.put_access_point_policy,
            AccountId=place.id,
            Name=name,
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


def bucket(
    place: Place,
    name: str,
    weak: bool,
    note: str,
    sound: bool = False,
    key: str | None = None,
    **arguments: object,
) -> str:
    """A bucket; with `sound`, with everything that a bucket should have but for its logs."""
    s3 = place.client("s3")
    if place.region != HOME:
        arguments["CreateBucketConfiguration"] = {"LocationConstraint": place.region}
    s3.create_bucket(Bucket=name, **arguments)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(weak)})
    place.record(f"arn:aws:s3:::{name}", weak, note)
    if sound:
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=ALL_BLOCKED)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        )
        s3.put_bucket_lifecycle_configuration(
            Bucket=name,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "old-versions",
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    }
                ]
            },
        )
        put_policy(
            place, name, *([deliver_logs(place, name)] if name == "sound-logs" else []), tls_only(name)
        )
        encrypt(place, name, "aws:kms" if key else "AES256", key)
    return name


def tls_only(name: str) -> dict:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def deliver_logs(place: Place, name: str) -> dict:
    # Has to come before the statement above: moto stumbles over a principal that is a string.
    return {
        "Sid": "DeliverLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": place.id}},
    }


def encrypt(place: Place, name: str, algorithm: str, key: str | None = None, arn: str | None = None) -> None:
    default = {"SSEAlgorithm": algorithm}
    if key or arn:
        default["KMSMasterKeyID"] = arn or place.arn("kms", str(key))
    place.client("s3").put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(key)}]
        },
    )


def put_policy(place: Place, name: str, *statements: dict) -> None:
    place.client("s3").put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    )
