"""What was used of each role, and what never was: the report's part about permissions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constructs_ml.rehearsal.iam.context import Asked
from constructs_ml.rehearsal.iam.decisions import Decision
from constructs_ml.rehearsal.iam.deployed import DeployedRole
from constructs_ml.rehearsal.iam.patterns import action_pattern

# What AWS does with a role and little or nothing does here: a pattern of actions, and why none may have been used.
_NOT_REHEARSED: Mapping[str, str] = {
    "ec2:*": "there are no networks here; only jobs ask for their interfaces",
    "ecr:*": "images are not pulled; only those in ECR are asked for",
    "elasticfilesystem:*": "file systems are not rehearsed",
    "fsx:*": "file systems are not rehearsed",
    "kms:CreateGrant": "volumes are not encrypted",
    "kms:DescribeKey": "services look keys up by themselves",
    "lakeformation:*": "Lake Formation is not rehearsed",
    "logs:*LogDeliver*": "state machines' logs are not delivered through CloudWatch Logs",
    "logs:*ResourcePolic*": "state machines' logs are not delivered through CloudWatch Logs",
    "logs:Create*": "most logs are written here by AWS's services, which ask nobody",
    "logs:DescribeLogStreams": "most logs are written here by AWS's services, which ask nobody",
    "logs:PutLogEvents": "most logs are written here by AWS's services, which ask nobody",
    "s3:AbortMultipartUpload": "only an upload that fails needs it",
    "sagemaker:Stop*": "only a run that is stopped needs it",
    "xray:*": "traces are not rehearsed",
}


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that AWS would deny: `missing` is the statement to add, `missing_in` the kind of policy it belongs to.

    Where a statement denies, `denied_by` names it and nothing is missing. `near` says why others did not allow it,
    `unknown` are condition keys that decide and that nobody here knows. `times` counts equal requests.
    """

    role: str
    caller: str
    action: str
    resource: str
    call: str
    message: str
    missing_in: str
    missing: Mapping[str, Any] | None
    denied_by: str
    near: tuple[str, ...]
    unknown: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]]
    policies: tuple[str, ...]
    times: int = 1


@dataclass(frozen=True, slots=True)
class Unused:
    """An action of a statement that no call needed. `because` says why that may be so here, where it is known."""

    policy: str
    statement: str
    action: str
    resources: tuple[str, ...]
    because: str = ""


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role: its calls by action, by resource, and what it allows in vain."""

    role: str
    calls: tuple[tuple[str, int], ...]
    unused: tuple[Unused, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The report's part about permissions.

    `unchecked` are roles whose calls were not checked (those of CDK's bootstrap, and CloudFormation's); `loose` are
    actions that were checked without their resource, which the request does not tell; `undecided` are statements that
    deny where a condition key has a certain value, which nobody knows here: they were taken not to apply.
    """

    roles: tuple[RoleUse, ...]
    denied: tuple[Denied, ...]
    unchecked: tuple[str, ...]
    loose: tuple[str, ...]
    undecided: tuple[str, ...]


class Usage:
    """Counts of what was asked and of what allowed it. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, Counter[str]] = {}
        self._used: dict[str, set[tuple[str, str, str]]] = {}
        self.loose: dict[str, None] = {}
        self.unchecked: dict[str, None] = {}
        self.undecided: dict[str, None] = {}

    def add(self, role: str, asked: Asked, decision: Decision) -> None:
        """Count a request that was allowed."""
        with self._lock:
            self._calls.setdefault(role, Counter())[asked.action] += 1
            if not asked.resources:
                self.loose[asked.action] = None
            self.undecided.update(dict.fromkeys(decision.open))
            used = self._used.setdefault(role, set())
            for reading in decision.used:
                if reading.policy.kind == "identity":
                    names = reading.statement.actions
                    used.update(
                        (reading.policy.name, reading.statement.name, name)
                        for name in names
                        if reading.statement.not_actions or action_pattern(name).fullmatch(asked.action)
                    )

    def used(self) -> dict[str, dict[str, int]]:
        """By role, how often each action was asked for and allowed."""
        with self._lock:
            return {role: dict(sorted(calls.items())) for role, calls in self._calls.items()}

    def unused(self, roles: Iterable[DeployedRole]) -> dict[str, tuple[Unused, ...]]:
        """By role, every action of every statement that no call needed."""
        with self._lock:
            return {role.arn: tuple(self._of_role(role)) for role in roles}

    def _of_role(self, role: DeployedRole) -> Iterator[Unused]:
        used = self._used.get(role.arn, set())
        for own in role.identity:
            for statement in own.statements:
                for action in statement.actions if statement.allows else ():
                    if (own.name, statement.name, action) not in used:
                        yield Unused(own.name, statement.name, action, statement.resources, not_rehearsed(action))


def not_rehearsed(action: str) -> str:
    """Why an action is never used here, or nothing."""
    return next((why for pattern, why in _NOT_REHEARSED.items() if action_pattern(pattern).fullmatch(action)), "")
