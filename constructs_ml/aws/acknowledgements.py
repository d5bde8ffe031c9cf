"""Findings of checkers that are accepted with a reason: told to CDK, and written beside the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from constructs_ml.compiler.template import AssetPart, Compiled, Json, fill
from constructs_ml.contract.names import PRODUCT

_METADATA = f"{PRODUCT}:accepted"


def acknowledge(
    scope: IConstruct,
    compiled: Compiled,
    slots: Mapping[str, Any],
    assets: Mapping[str, Mapping[AssetPart, Json]],
) -> None:
    """Acknowledge every accepted finding on `scope`, in one message and one more where tokens are to be resolved."""
    if not compiled.acknowledgements:
        return
    subjects = [fill(item.subject, slots, assets) for item in compiled.acknowledgements]
    if "Token[" in json.dumps(subjects):
        subjects = Stack.of(scope).resolve(subjects)
    reasons = {
        finding(item.rule, item.kind, subject): item.reason
        for item, subject in zip(compiled.acknowledgements, subjects, strict=True)
    }
    rules = [Acknowledgment(id=id, reason=reason) for id, reason in reasons.items()]
    Validations.of(scope).acknowledge(*rules)


def accepted(compiled: Compiled, key: str) -> dict[str, Json]:
    """The metadata by which a reviewer finds the reasons in the template."""
    reasons = {
        item.rule + (f" {item.kind}" if item.kind else ""): item.reason
        for item in compiled.acknowledgements
        if item.resource == key
    }
    rows = [{"finding": name, "reason": reason} for name, reason in sorted(reasons.items())]
    return {_METADATA: rows} if rows else {}


def finding(rule: str, kind: str | None, subject: Json) -> str:
    """The id by which cdk-nag knows a finding: the rule and, in brackets, its flattened subject."""
    return f"{rule}[{kind}::{_flat(subject)}]" if kind else rule


def _flat(value: Json) -> str:
    """A CloudFormation value as cdk-nag writes it in the ids of its findings."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    if isinstance(value, Mapping):
        if "Fn::Join" in value:
            delimiter, items = value["Fn::Join"]
            return str(delimiter).join(_flat(item) for item in items)
        if "Fn::Sub" in value:
            return _flat(value["Fn::Sub"])
        if "Fn::GetAtt" in value:
            resource, attribute = value["Fn::GetAtt"]
            return f"<{resource}.{attribute}>"
        if "Ref" in value:
            return f"<{value['Ref']}>"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
