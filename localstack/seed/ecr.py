"""Image repositories and the registries' own configuration."""

from __future__ import annotations

import json

from . import kms
from .garden import SECOND, STRANGER, Garden, Place, allow, policy, tag_list

LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep the last ten",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    twins(prod)
    registries(garden)
    dev = garden.place("dev", SECOND)
    repository(dev, "weak-tools", True, "no scan, mutable tags, no lifecycle")
    images(dev, "weak-tools", "latest", scan=False)
    repository(garden.place("security", SECOND), "sound-tools", False, "scanned, immutable", sound=True)


def twins(place: Place) -> None:
    ecr = place.client("ecr")
    repository(place, "weak-shop", True, "no scan, mutable tags, no lifecycle")
    images(place, "weak-shop", "latest")
    key = place.arn("kms", "alias/sound-data")
    repository(
        place, "sound-shop", False, "scanned, immutable, lifecycle, customer key", sound=True,
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
    )  # fmt: skip
    images(place, "sound-shop", "1.0.0", clean=True)
    repository(
        place, "weak-key", True, "encrypted by a key that is about to be deleted", sound=True,
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": kms.key_arn(place, "weak-pending-deletion")},
    )  # fmt: skip
    for name, weak, principal, note in [
        ("weak-public", True, "*", "its policy admits anyone"),
        (
            "weak-foreign",
            True,
            {"AWS": f"arn:aws:iam::{STRANGER}:root"},
            "its policy admits an unknown account",
        ),
        ("weak-deputy", True, {"Service": "lambda.amazonaws.com"}, "a service may pull for any account"),
        (
            "sound-shared",
            False,
            {"AWS": f"arn:aws:iam::{place.garden.accounts['dev']}:root"},
            "its policy admits an account of the organization",
        ),
    ]:
        repository(place, name, weak, note, sound=True)
        statement = {
            "Sid": "Pull",
            "Effect": "Allow",
            "Principal": principal,
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
        ecr.set_repository_policy(
            repositoryName=name,
            policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


def registries(garden: Garden) -> None:
    for place in garden.places():
        ecr = place.client("ecr")
        weak = place.account in ("management", "dev")
        if not weak:
            place.optional(
                ecr.put_registry_scanning_configuration,
                scanType="ENHANCED",
                rules=[
                    {
                        "scanFrequency": "CONTINUOUS_SCAN",
                        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
                    }
                ],
            )
        if place.account == "management" and place.region == SECOND:
            # Nothing is in it, so nothing is wrong with it.
            continue
        place.record(
            place.arn("ecr", "registry"),
            weak,
            "registry scanning: " + ("left at its default" if weak else "enhanced, continuous"),
        )
    prod, dev, management = (garden.place(account) for account in ("prod", "dev", "management"))
    root = "arn:aws:iam::{}:root".format
    for place, replicates_to, admits, upstream in [
        (prod, prod.id, {"AWS": root(dev.id)}, "public.ecr.aws"),
        (dev, STRANGER, {"AWS": root(STRANGER)}, "registry-1.docker.io"),
        (management, None, "*", None),
    ]:
        ecr = place.client("ecr")
        if replicates_to:
            rule = {
                "destinations": [{"region": SECOND, "registryId": replicates_to}],
                "repositoryFilters": [{"filter": "sound-", "filterType": "PREFIX_MATCH"}],
            }
            ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
        statement = allow(
            ["ecr:ReplicateImage"], place.arn("ecr", "repository/*"), Sid="Replicate", Principal=admits
        )  # fmt: skip
        place.optional(ecr.put_registry_policy, policyText=policy(statement))
        if upstream:
            more = {}
            if not upstream.startswith("public"):
                more["credentialArn"] = place.arn("secretsmanager", "secret:ecr-pullthroughcache/docker-hub")
            place.optional(
                ecr.create_pull_through_cache_rule,
                ecrRepositoryPrefix=upstream.split(".")[0],
                upstreamRegistryUrl=upstream,
                **more,
            )


def repository(
    place: Place, name: str, weak: bool, note: str, sound: bool = False, **arguments: object
) -> None:
    ecr = place.client("ecr")
    created = ecr.create_repository(
        repositoryName=name,
        imageTagMutability="IMMUTABLE" if sound else "MUTABLE",
        imageScanningConfiguration={"scanOnPush": sound},
        tags=tag_list(weak),
        **arguments,
    )["repository"]
    if sound:
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(LIFECYCLE))
    place.record(created["repositoryArn"], weak, note)


def images(place: Place, name: str, tag: str, scan: bool = True, clean: bool = False) -> None:
    """One image, and a scan of it. Moto answers with findings that it makes up, unless told others."""
    ecr = place.client("ecr")
    layer = {
        "digest": "sha256:" + "7f3a" * 16,
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
        "size": 1,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": layer,
        "layers": [layer],
        "annotations": {"name": name},
    }
    ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag=tag)
    if clean:
        result = {
            "registryId": place.id,
            "repositoryName": name,
            "imageId": {"imageTag": tag},
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"findings": [], "findingSeverityCounts": {"LOW": 1}},
        }
        # Moto hands out each once for each way to name the image.
        told = {"account_id": place.id, "region": place.region, "results": [result] * 3}
        place.garden.moto_api("static/ecr/scan-finding-results", told)
    if scan:
        place.optional(ecr.start_image_scan, repositoryName=name, imageId={"imageTag": tag})
