"""Dynamic references: `{{resolve:ssm:/name}}` and its kin, read when a resource is made or changed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]+)\}\}")


def opened(account: EmbeddedAccount, value: Json) -> Json:
    """The value with each dynamic reference replaced by what it means now."""
    if isinstance(value, list):
        return [opened(account, item) for item in value]
    if isinstance(value, Mapping):
        return {key: opened(account, item) for key, item in value.items()}
    if not isinstance(value, str) or "{{resolve:" not in value:
        return value
    return _REFERENCE.sub(lambda found: _meant(account, found[1], found[2]), value)


def _meant(account: EmbeddedAccount, store: str, name: str) -> str:
    try:
        if store in ("ssm", "ssm-secure"):
            answer = account.client("ssm").get_parameter(Name=name, WithDecryption=store == "ssm-secure")
            return str(answer["Parameter"]["Value"])
        if store == "secretsmanager":
            return _secret(account, name)
    except ServiceError:
        raise
    except Exception as refused:
        raise ServiceError(
            "ValidationError", f"{{{{resolve:{store}:{name}}}}} cannot be resolved: {refused}"
        ) from refused
    raise ServiceError("ValidationError", f"the rehearsal resolves no {store} ({name})")


def _secret(account: EmbeddedAccount, name: str) -> str:
    """`id:SecretString:key:stage:version`, the last three optional; the id may be an ARN."""
    parts = name.split(":")
    size = 7 if name.startswith("arn:") else 1
    id, rest = ":".join(parts[:size]), [*parts[size:], "", "", "", ""]
    asked: dict[str, Any] = {"SecretId": id}
    asked |= {"VersionStage": rest[2]} if rest[2] else {}
    asked |= {"VersionId": rest[3]} if rest[3] else {}
    text = account.client("secretsmanager").get_secret_value(**asked)["SecretString"]
    return str(json.loads(text)[rest[1]] if rest[1] else text)
