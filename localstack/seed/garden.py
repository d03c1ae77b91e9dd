"""What the modules plant with: clients for each account and region, and the record of what was planted."""

from __future__ import annotations

import io
import json
import re
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

MANAGEMENT = "123456789012"
# An account outside the organization.
STRANGER = "999999999999"
ROLE_NAME = "PostureScan"
HOME, SECOND = "us-east-1", "eu-west-1"

# Planted in every field that may hold a secret. None of them may occur in anything a scan writes. They
# look like the real thing to a scanner and are known to no service.
CANARY = "posture-canary-7f3a9c"
CANARY_ACCESS_KEY = "AKIAPOSTURECANARY7F3"
CANARY_SECRET_KEY = f"{CANARY}/wJalrXUtnFEMIK7MDE"
# A password that looks like none.
CANARY_WORD = "gartenzwerge"
CANARY_DATABASE_URL = f"postgres://orders:{CANARY}@db.internal:5432/orders"
USER_DATA = f"""#!/bin/bash
export AWS_ACCESS_KEY_ID={CANARY_ACCESS_KEY}
export AWS_SECRET_ACCESS_KEY={CANARY_SECRET_KEY}
export DB_PASSWORD={CANARY}
"""
SOUND_USER_DATA = "#!/bin/bash\nset -eu\ndnf -y update\n"

# How an emulator says that it does not know an operation.
NOT_OFFERED = {"NotImplemented", "NotImplementedError", "UnknownOperation", "InternalFailure"}


class Garden:
    """Everything the modules share. `resources` and `skipped` grow as they plant."""

    def __init__(self, emulator: str, endpoint: str) -> None:
        self.emulator = emulator
        self.endpoint = endpoint
        self.regions = [HOME, SECOND]
        # LocalStack takes the account from the access key; in moto, `organizations` replaces these by
        # the ids that it gets.
        self.accounts = {
            "management": MANAGEMENT,
            "prod": "222222222222",
            "dev": "333333333333",
            "security": "444444444444",
        }
        self.organization = "o-posture0000"
        self.resources: list[dict[str, Any]] = []
        self.skipped: list[str] = []
        self.credentials: dict[str, dict[str, str]] = {}
        self._session = botocore.session.Session()

    def place(self, account: str, region: str = HOME) -> Place:
        """An account, by name, in a region."""
        return Place(self, account, self.accounts[account], region)

    def places(self) -> list[Place]:
        return [self.place(account, region) for account in self.accounts for region in self.regions]

    def client(self, service: str, account: str, region: str) -> BaseClient:
        # Without the cache, botocore reads a service's whole model again for each client.
        return self._client(service, account, region)

    @cache  # noqa: B019 - one garden lives as long as the process
    def _client(self, service: str, account: str, region: str) -> BaseClient:
        key, secret, token = self._keys(account)
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=30,
                s3={"addressing_style": "path"},
                parameter_validation=True,
            ),
        )
        if service == "s3control":
            client.meta.events.register("before-sign.s3-control", drop_account_from_host)
        return client

    @cache  # noqa: B019
    def _keys(self, account: str) -> tuple[str, str, str | None]:
        if self.emulator == "localstack":
            return account, "local", None
        if account == MANAGEMENT:
            return "local", "local", None
        # Moto puts a call into the account whose role the credentials come from.
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        credentials = self.client("sts", MANAGEMENT, HOME).assume_role(RoleArn=role, RoleSessionName="seed")[
            "Credentials"
        ]
        return (
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
        )

    def moto_api(self, path: str, body: dict[str, Any] | None = None) -> None:
        """Tells moto something that AWS has no API for."""
        if self.emulator == "moto":
            data = json.dumps(body).encode() if body else b""
            urllib.request.urlopen(f"{self.endpoint}/moto-api/{path}", data).close()

    def summary(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "emulator": self.emulator,
            "management": {
                "id": MANAGEMENT,
                # LocalStack reads the account from the key id; moto takes any.
                "access_key_id": MANAGEMENT if self.emulator == "localstack" else "local",
                "secret_access_key": "local",
            },
            "accounts": [{"id": id, "name": name} for name, id in self.accounts.items()],
            "regions": self.regions,
            "role_name": ROLE_NAME,
            "resources": self.resources,
            "canaries": [CANARY, CANARY_ACCESS_KEY, CANARY_WORD],
            "credentials": self.credentials,
            "skipped": self.skipped,
        }


@dataclass(frozen=True)
class Place:
    garden: Garden = field(repr=False, compare=False)
    account: str
    id: str
    region: str

    def client(self, service: str) -> Any:
        return self.garden.client(service, self.id, self.region)

    def weak(self, arn: str, note: str) -> str:
        return self._record(arn, True, note)

    def sound(self, arn: str, note: str) -> str:
        return self._record(arn, False, note)

    def record(self, arn: str, weak: bool, note: str) -> str:
        return self._record(arn, weak, note)

    def _record(self, arn: str, weak: bool, note: str) -> str:
        self.garden.resources.append({"arn": arn, "weak": weak, "note": note})
        return arn

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.id}:{rest}"

    def optional(self, call: Callable[..., Any], *known: str, **arguments: Any) -> Any:
        """Calls what an emulator may not offer: `None` and an entry in `skipped` then.

        `known` names error codes by which this very call fails in an emulator's own way. Other errors
        are errors. So is an entry in `skipped` that nobody expects: see `plant_organization`.
        """
        try:
            return call(**arguments)
        except ResponseParserError:
            # Moto's answer when it crashes in a service that speaks XML: a page of HTML.
            pass
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            # Without a code of its own in the body, botocore takes the status for one.
            if code not in NOT_OFFERED and code != str(status) and code not in known:
                raise
        service = call.__self__.meta.service_model.service_name
        operation = call.__self__.meta.method_to_api_mapping[call.__name__]
        name = f"{service}:{operation}"
        if name not in self.garden.skipped:
            self.garden.skipped.append(name)
        return None


def drop_account_from_host(request: Any, **_: Any) -> None:
    """S3 Control puts the account before the host's name, which an address cannot have."""
    request.url = re.sub(r"^(https?://)\d{12}\.(?=\d+\.\d+\.\d+\.\d+)", r"\1", request.url)


def tags(weak: bool, **more: str) -> dict[str, str]:
    return {"planted": "weak" if weak else "sound", "team": "payments", **more}


def tag_list(weak: bool, key: str = "Key", value: str = "Value", **more: str) -> list[dict[str, str]]:
    return [{key: k, value: v} for k, v in tags(weak, **more).items()]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows. Without a `Principal` it belongs into an identity policy."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal: Any, condition: Any = None, action: str = "sts:AssumeRole") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    if condition:
        statement["Condition"] = condition
    return policy(statement)


@cache
def function_zip() -> bytes:
    """A deployment package, byte for byte the same at every run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("index.py"), "def handler(event, context):\n    return {'statusCode': 200}\n"
        )
    return content.getvalue()
