"""Who calls a function from inside another service, and whether the function's own policy lets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from moto.awslambda.models import LambdaFunction


@dataclass(frozen=True, slots=True)
class Trigger:
    """A service that calls: whether it waits, and the principal and source that a permission names.

    Services that poll on the function's behalf need no permission: their `service` is empty.
    """

    name: str
    asynchronous: bool
    service: str = ""
    source: str = ""


def trigger_of(event: Any) -> Trigger:
    """Who sent an event, as its records tell.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
    """
    if isinstance(event, Mapping) and "awslogs" in event:
        return Trigger("logs", asynchronous=True)
    records = event.get("Records") if isinstance(event, Mapping) else None
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], Mapping) else {}
    match first.get("eventSource") or first.get("EventSource"):
        case "aws:s3":
            bucket = first["s3"]["bucket"]
            source = bucket.get("arn") or f"arn:aws:s3:::{bucket['name']}"
            return Trigger("s3", asynchronous=True, service="s3.amazonaws.com", source=source)
        case "aws:sns":
            return Trigger("sns", asynchronous=True, service="sns.amazonaws.com", source=first["Sns"]["TopicArn"])
        case str(source):
            return Trigger(source.removeprefix("aws:"), asynchronous=False)
    return Trigger("a service", asynchronous=False)


def permits(function: LambdaFunction, service: str, source: str) -> bool:
    """Whether a statement of the function's policy allows it.

    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
    """
    return any(_allows(statement, service, source) for statement in function.policy.statements)


def _allows(statement: Mapping[str, Any], service: str, source: str) -> bool:
    who = statement.get("Principal")
    named = who.get("Service") if isinstance(who, Mapping) else who
    actions = statement.get("Action", ())
    calls = {actions} if isinstance(actions, str) else set(actions)
    if statement.get("Effect") != "Allow" or named not in (service, "*"):
        return False
    if not calls & {"lambda:InvokeFunction", "lambda:*", "*"}:
        return False
    sources = [
        value
        for operator, keys in (statement.get("Condition") or {}).items()
        if operator.lower().startswith(("arn", "string"))
        for key, value in keys.items()
        if key.lower() == "aws:sourcearn"
    ]
    # moto names no topic in what SNS sends: a source that is not known is not held against the permission.
    return not source or "EXAMPLE" in source or all(fnmatchcase(source, pattern) for pattern in sources)
