"""Policies of topics, queues and functions: whether they let an AWS service in."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any


def lets_in(policy: Mapping[str, Any], service: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a resource's policy lets a service, such as "events.amazonaws.com", do something with the resource.

    `context` are condition keys in lower case, such as "aws:sourcearn". A condition on another key does not hold.
    """
    found = _all(policy.get("Statement"))
    hit = [s for s in found if _is_for(s, service, action, resource) and _holds(s.get("Condition") or {}, context)]
    return any(s["Effect"] == "Allow" for s in hit) and not any(s["Effect"] == "Deny" for s in hit)


def _is_for(statement: Mapping[str, Any], service: str, action: str, resource: str) -> bool:
    principal = statement.get("Principal", {})
    services = (
        principal if isinstance(principal, str) else [*_all(principal.get("Service")), *_all(principal.get("AWS"))]
    )
    who = "*" in services or service in services
    does = any(fnmatchcase(action.lower(), one.lower()) for one in _all(statement.get("Action")))
    at = any(fnmatchcase(resource, one) for one in _all(statement.get("Resource", "*")))
    return who and does and at


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    return all(
        _one(operator, context.get(key.lower()), [str(one) for one in _all(wanted)])
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _one(operator: str, found: str | None, wanted: list[str]) -> bool:
    if found is None:
        return operator.endswith("IfExists")
    name = operator.removesuffix("IfExists")
    if name in ("ArnLike", "ArnEquals", "StringLike"):
        return any(fnmatchcase(found, one) for one in wanted)
    if name in ("StringEquals", "Bool"):
        return found in wanted
    return name == "StringNotEquals" and found not in wanted


def _all(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
