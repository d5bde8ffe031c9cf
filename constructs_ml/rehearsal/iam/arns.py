"""ARNs of what a request names: the templates of the table, filled with the request's members."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.table import PREFIXES

_MEMBER = re.compile(r"\{([^}=|]+)(?:\|arn)?(?:=([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Here:
    """Where a request is made."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region; IAM's and S3's have no region."""
        if service == "s3":
            return f"arn:{self.partition}:s3:::{resource}"
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"


def prefix(service: str) -> str:
    """IAM's word for a service of botocore."""
    return PREFIXES.get(service, service)


def member(parameters: Mapping[str, Any], path: str) -> Any:
    """A member by its path, whatever case its first letters have; None where it is not given."""
    value: Any = parameters
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name, value.get(name[:1].lower() + name[1:]))
    return value


def spelt(template: str, call: Call, here: Here) -> tuple[str, ...] | None:
    """The ARNs of all resources that a request names; None where it does not name them."""
    if template == "*":
        return ("*",)
    if template == "?":
        return None
    choices = []
    for match in _MEMBER.finditer(template):
        given = member(call.parameters, match[1])
        values = _names(given) or ([match[2]] if match[2] is not None else [])
        if not values:
            return None
        choices.append(values)
    return tuple(_filled(template, picked, call.service, here) for picked in product(*choices))


def _names(given: Any) -> list[str]:
    if isinstance(given, Mapping):
        return [str(name) for name in given]
    if isinstance(given, (list, tuple)):
        return [str(item) for item in given]
    return [] if given in (None, "") else [str(given)]


def _filled(template: str, picked: tuple[str, ...], service: str, here: Here) -> str:
    whole = next((item for item in reversed(picked) if item.startswith("arn:")), None)
    if whole is not None and (len(picked) == 1 or whole == picked[-1]):
        # A log group's ARN may end with a star, which means its streams.
        rest = template.rpartition("}")[2]
        return whole.removesuffix(":*") + (rest if rest.startswith(":log-stream:") else "")
    values: Iterator[str] = iter(picked)
    text = _MEMBER.sub(lambda _: _name(service, next(values)), template)
    return here.arn(prefix(service), text)


def _name(service: str, value: str) -> str:
    reading = _READINGS.get(service)
    return reading(value) if reading else value.rpartition("/")[2] if value.startswith("arn:") else value


def _function(value: str) -> str:
    """A function by its name, `name:alias`, or `account:function:name`."""
    return value.rpartition("function:")[2]


_READINGS: Mapping[str, Callable[[str], str]] = {
    "lambda": _function,
    "sqs": lambda value: value.rstrip("/").rpartition("/")[2],
    # A parameter's ARN has one slash before a name that begins with one: `parameter/a/b`.
    "ssm": lambda value: value.lstrip("/").partition(":")[0],
}
