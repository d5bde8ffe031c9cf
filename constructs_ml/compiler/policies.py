"""Roles and their policies: exactly the calls that are made, measured against IAM's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from constructs_ml.compiler.template import Json, Template, dumps, ref, tag_list
from constructs_ml.facts import limits

_VERSION = "2012-10-17"
# Pseudo parameters are measured at the longest value they can take.
_PSEUDO = {
    "AWS::Partition": "aws-us-gov",
    "AWS::AccountId": "0" * 12,
    "AWS::Region": "ap-northeast-1",
    "AWS::URLSuffix": "amazonaws.com.cn",
}
_UNKNOWN_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Statement:
    """One IAM Allow statement. `because` explains a wildcard to the reviewer and is demanded for each one."""

    actions: tuple[str, ...]
    resources: tuple[Json, ...]
    condition: Mapping[str, Json] | None = None
    because: str = ""

    def render(self) -> Json:
        """The statement as IAM reads it, in a stable order."""
        rendered: dict[str, Any] = {
            "Effect": "Allow",
            "Action": _one_or_many(sorted(set(self.actions))),
            "Resource": _one_or_many(_unique(self.resources)),
        }
        if self.condition:
            rendered["Condition"] = dict(self.condition)
        return rendered


@dataclass(frozen=True, slots=True)
class Role:
    """A rendered role: its logical id, and the managed policies that a user of the role must wait for."""

    id: str
    policies: tuple[str, ...] = ()

    @property
    def ready(self) -> tuple[str, ...]:
        """What a resource that uses the role depends on."""
        return (self.id, *self.policies)


def document(statements: Sequence[Statement]) -> Json:
    """A policy document of statements as they are; `merge` them first."""
    return {"Version": _VERSION, "Statement": [statement.render() for statement in statements]}


def trust(services: Sequence[str]) -> Json:
    """Who may assume a role: AWS services, on behalf of this account only."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": _one_or_many(sorted(services))},
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    return {"Version": _VERSION, "Statement": [statement]}


def add_role(
    template: Template,
    part: str,
    *,
    description: str,
    services: Sequence[str],
    statements: Sequence[Statement],
    boundary: str | None,
    tags: Mapping[str, str],
    retain: bool = False,
) -> Role:
    """Add a role. Statements beyond IAM's inline limit go into managed policies of their own."""
    inline, managed = _split(merge(statements))
    properties: dict[str, Json] = {
        "AssumeRolePolicyDocument": trust(services),
        "Description": description,
        "Tags": tag_list(tags),
    }
    if boundary:
        properties["PermissionsBoundary"] = boundary
    if inline:
        properties["Policies"] = [{"PolicyName": "Calls", "PolicyDocument": document(inline)}]
    role = template.add(part, "AWS::IAM::Role", properties, retain=retain)
    acknowledge(template, role, inline)
    policies = []
    for number, group in enumerate(managed, start=1):
        policy = template.add(
            f"{part} Policy {number}",
            "AWS::IAM::ManagedPolicy",
            {"Description": description, "PolicyDocument": document(group), "Roles": [ref(role)]},
            retain=retain,
        )
        acknowledge(template, policy, group)
        policies.append(policy)
    return Role(role, tuple(policies))


def acknowledge(template: Template, owner: str, statements: Sequence[Statement]) -> None:
    """Record the reason of every wildcard, so that a reviewer and cdk-nag find it beside the resource."""
    for statement in statements:
        wild = [("Action", action) for action in statement.actions if "*" in action]
        wild += [("Resource", resource) for resource in statement.resources if "*" in dumps(resource)]
        if wild and not statement.because:
            raise AssertionError(f"the statement {dumps(statement.render())} has a wildcard without a reason")
        for kind, subject in wild:
            template.acknowledge(owner, "AwsSolutions-IAM5", kind, subject, statement.because)


def merge(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Join statements of equal actions, condition and reason; keep the order of first appearance."""
    alike: dict[str, list[Statement]] = {}
    for item in statements:
        alike.setdefault(dumps([sorted(set(item.actions)), item.condition, item.because]), []).append(item)
    return tuple(
        replace(items[0], resources=tuple(_unique([resource for item in items for resource in item.resources])))
        for items in alike.values()
    )


def size(value: Json) -> int:
    """The characters IAM counts: a policy without white space, every open value at its longest."""
    return len(_flat(value)) if isinstance(value, Mapping) and _is_intrinsic(value) else _size(value)


def _size(value: Json) -> int:
    if isinstance(value, Mapping):
        if _is_intrinsic(value):
            return len(_flat(value)) + 2
        return 2 + sum(len(key) + 3 + _size(item) for key, item in value.items()) + max(0, len(value) - 1)
    if isinstance(value, (list, tuple)):
        return 2 + sum(_size(item) for item in value) + max(0, len(value) - 1)
    return len(dumps(value))


def _is_intrinsic(value: Mapping[str, Json]) -> bool:
    return len(value) == 1 and next(iter(value)) in {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Slot", "Asset"}


def _flat(value: Json) -> str:
    """A value as the longest text it can become."""
    if isinstance(value, str):
        return value
    name, body = next(iter(value.items()))
    if name == "Ref":
        return _PSEUDO.get(body, "x" * _UNKNOWN_LENGTH)
    if name == "Fn::Sub":
        text, values = (body, {}) if isinstance(body, str) else body
        for key, replacement in (_PSEUDO | {key: _flat(item) for key, item in values.items()}).items():
            text = text.replace(f"${{{key}}}", replacement)
        return str(text)
    if name == "Fn::Join":
        return str(body[0]).join(_flat(item) for item in body[1])
    return "x" * _UNKNOWN_LENGTH


def _split(statements: Sequence[Statement]) -> tuple[list[Statement], list[list[Statement]]]:
    """What fits inline, and the rest in groups that each fit one managed policy."""
    if size(document(statements)) <= limits.IAM_INLINE_POLICY_CHARACTERS:
        return list(statements), []
    groups: list[list[Statement]] = []
    for statement in _pieces(statements):
        if groups and size(document([*groups[-1], statement])) <= limits.IAM_MANAGED_POLICY_CHARACTERS:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return [], groups


def _pieces(statements: Sequence[Statement]) -> list[Statement]:
    """Statements cut by resources until each fits a managed policy alone."""
    pieces: list[Statement] = []
    for item in statements:
        if size(document([item])) <= limits.IAM_MANAGED_POLICY_CHARACTERS or len(item.resources) == 1:
            pieces.append(item)
            continue
        half = len(item.resources) // 2
        for part in (item.resources[:half], item.resources[half:]):
            pieces += _pieces([Statement(item.actions, part, item.condition, item.because)])
    return pieces


def _unique(values: Sequence[Json]) -> list[Json]:
    return list({dumps(value): value for value in values}.values())


def _one_or_many(values: Sequence[Json]) -> Json:
    return values[0] if len(values) == 1 else list(values)
