"""Plants a small organization into an emulator: weak resources, each with its sound twin.

One module for each service; each has `plant(garden)`. Names are fixed (`weak-...`, `sound-...`), ids
come from a seeded generator, so that two runs plant the same. The JSON that comes out says what is
there:

    endpoint, emulator
    management           the account that the scan starts in: id and credentials
    accounts             [{id, name}], management first
    regions, role_name   what a scan of all of it names
    resources            [{arn, weak, note}]
    canaries             values that must never leave the scanner's memory
    credentials          {name: {access_key_id, secret_access_key}}, for servers that enforce permissions
    skipped              what the emulator could not plant
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TextIO

from . import apigateway, apigatewayv2, application, ec2, ecr, escalation, iam, kms, lambda_, organizations, s3, wafv2
from .garden import Garden

# In the order of planting: later ones refer to what earlier ones have planted.
MODULES = {
    "organizations": organizations,
    "iam": iam,
    "kms": kms,
    "s3": s3,
    "ecr": ecr,
    "ec2": ec2,
    "lambda": lambda_,
    "wafv2": wafv2,
    "apigateway": apigateway,
    "apigatewayv2": apigatewayv2,
    "application": application,
    "escalation": escalation,
}
# LocalStack's free release has no organizations, wafv2, ecr or apigatewayv2.
LOCALSTACK = ["iam", "kms", "s3", "ec2", "lambda", "apigateway", "escalation"]
# What each cannot plant. Anything else that is skipped is a mistake here or news in an emulator.
NOT_OFFERED: dict[str, set[str]] = {
    "moto": set(),
    "localstack": {
        "ec2:EnableImageBlockPublicAccess",
        "ec2:EnableSnapshotBlockPublicAccess",
        "ec2:ModifyEbsDefaultKmsKeyId",
        "ec2:ModifyInstanceMetadataDefaults",
    },
}


def plant_organization(emulator: str, endpoint: str, path: Path, log: TextIO) -> None:
    """Plants everything `emulator` can hold at `endpoint` and writes what was planted to `path`."""
    started = time.monotonic()
    garden = Garden(emulator, endpoint)
    for name in MODULES if emulator == "moto" else LOCALSTACK:
        MODULES[name].plant(garden)
    if unexpected := set(garden.skipped) - NOT_OFFERED[emulator]:
        raise RuntimeError(f"{emulator} did not plant {', '.join(sorted(unexpected))}")
    for skipped in garden.skipped:
        print(f"local aws: not offered by {emulator}: {skipped}", file=log)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(garden.summary(), indent=2) + "\n")
    print(
        f"local aws: planted {len(garden.resources)} resources in {len(garden.accounts)} accounts"
        f" and {len(garden.regions)} regions in {time.monotonic() - started:.1f} s"
        f" (skipped: {len(garden.skipped)})",
        file=log,
        flush=True,
    )
