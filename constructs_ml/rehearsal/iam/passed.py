"""Roles that a request hands to a service: the caller needs `iam:PassRole` on each.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here, prefix
from constructs_ml.rehearsal.iam.context import Asked

_MEMBERS = frozenset(
    {
        *("role", "rolearn", "executionrolearn", "taskrolearn", "servicerole", "servicerolearn"),
        *("iamrole", "iamrolearn", "noderole", "jobrole"),
    }
)
# Services whose principal is not `<prefix>.amazonaws.com`.
_PRINCIPALS = {"ecs": "ecs-tasks.amazonaws.com", "elasticmapreduce": "elasticmapreduce.amazonaws.com"}
# Operations that name a role without handing it to anybody.
_NAMING = frozenset({"iam", "sts"})
_VERBS = ("Create", "Put", "Register", "Start", "Run", "Update", "Submit")


def passed(call: Call, here: Here) -> Iterator[Asked]:
    """A request of `iam:PassRole` for each role in a call."""
    if call.service in _NAMING or not call.operation.startswith(_VERBS):
        return
    service = prefix(call.service)
    principal = _PRINCIPALS.get(service, f"{service}.amazonaws.com")
    for role in dict.fromkeys(_roles(call.parameters)):
        yield pass_role(role, principal, here)


def pass_role(role: str, principal: str, here: Here) -> Asked:
    """The request to hand a role, by its ARN or name, to a service."""
    arn = role if role.startswith("arn:") else here.arn("iam", f"role/{role.lstrip('/')}")
    return Asked("iam:PassRole", (arn,), {"iam:passedtoservice": (principal,)})


def _roles(given: Any) -> Iterator[str]:
    """Roles at any depth; the input of a target or an execution is text, and so is not looked into."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if str(key).lower() in _MEMBERS and isinstance(value, str) and value:
                yield value
            else:
                yield from _roles(value)
    elif isinstance(given, (list, tuple)):
        for item in given:
            yield from _roles(item)
