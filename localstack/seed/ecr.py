"""Image repositories and the registries' own configuration."""

from __future__ import annotations

import json

from .garden import SECOND, Garden, Place, tag_list

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
    repository(garden.place("dev", SECOND), "weak-tools", True, "no scan, mutable tags, no lifecycle")
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
    images(place, "sound-shop", "1.0.0")
    for name, weak, principal, note in [
        ("weak-public", True, "*", "its policy admits anyone"),
        (
            "weak-foreign",
            True,
            {"AWS": "arn:aws:iam::999999999999:root"},
            "its policy admits an unknown account",
        ),
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
        place.record(
            place.arn("ecr", "registry"),
            weak,
            "registry scanning: " + ("left at its default" if weak else "enhanced, continuous"),
        )
    prod = garden.place("prod")
    ecr = prod.client("ecr")
    prod.optional(
        ecr.put_replication_configuration,
        replicationConfiguration={
            "rules": [
                {
                    "destinations": [{"region": SECOND, "registryId": prod.id}],
                    "repositoryFilters": [{"filter": "sound-", "filterType": "PREFIX_MATCH"}],
                }
            ]
        },
    )
    statement = {
        "Sid": "Replicate",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": ["ecr:ReplicateImage"],
        "Resource": prod.arn("ecr", "repository/*"),
    }
    prod.optional(
        ecr.put_registry_policy,
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    prod.optional(
        ecr.create_pull_through_cache_rule,
        ecrRepositoryPrefix="public",
        upstreamRegistryUrl="public.ecr.aws",
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


def images(place: Place, name: str, tag: str) -> None:
    """One image, and a scan of it: moto answers its findings with ones that it makes up."""
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
    place.optional(ecr.start_image_scan, repositoryName=name, imageId={"imageTag": tag})
