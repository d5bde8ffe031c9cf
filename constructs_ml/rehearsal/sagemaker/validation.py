"""Requests against botocore's shapes, refused in SageMaker's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from moto.core.utils import get_service_model

from constructs_ml.rehearsal.calls import Call, Json, invalid

_NUMBERS = ("integer", "long", "float", "double")
_SHOWN = 1000


def check(call: Call) -> None:
    """Refuse a call whose parameters do not fit its model.

    The wording is that of
    https://github.com/aws-samples/sagemaker-ml-workflow-with-apache-airflow/issues/3: "2 validation errors detected:
    Value '...' at 'modelName' failed to satisfy constraint: Member must have length less than or equal to 63; ...".
    """
    shape = get_service_model(call.service).operation_model(call.operation).input_shape
    found = list(_structure(shape, call.parameters, "")) if shape is not None else []
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise invalid(f"{count}: {'; '.join(found)}")


def _structure(shape: Any, value: Mapping[str, Json], where: str) -> Iterator[str]:
    for member in shape.required_members:
        is_token = shape.members[member].metadata.get("idempotencyToken")  # the SDKs fill it in
        if value.get(member) is None and not is_token:
            yield _says(None, _inside(where, member), "Member must not be null")
    for member, item in value.items():
        if member in shape.members and item is not None:
            yield from _any(shape.members[member], item, _inside(where, member))


def _any(shape: Any, value: Json, where: str) -> Iterator[str]:
    facts = shape.metadata
    match shape.type_name:
        case "structure" if isinstance(value, Mapping):
            if not facts.get("document"):
                yield from _structure(shape, value, where)
        case "list" if isinstance(value, (list, tuple)):
            yield from _size(facts, len(value), value, where)
            for index, item in enumerate(value, 1):
                yield from _any(shape.member, item, f"{where}.{index}.member")
        case "map" if isinstance(value, Mapping):
            yield from _size(facts, len(value), value, where)
            for key, item in value.items():
                yield from _any(shape.key, key, where)
                yield from _any(shape.value, item, f"{where}.{key}.member")
        case "string" if isinstance(value, str):
            yield from _text(shape, value, where)
        case kind if kind in _NUMBERS and isinstance(value, (int, float)):
            if "min" in facts and value < facts["min"]:
                yield _says(value, where, f"Member must have value greater than or equal to {facts['min']}")
            if "max" in facts and value > facts["max"]:
                yield _says(value, where, f"Member must have value less than or equal to {facts['max']}")


def _text(shape: Any, value: str, where: str) -> Iterator[str]:
    facts = shape.metadata
    if shape.enum:
        if value not in shape.enum:
            yield _says(value, where, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        return
    yield from _size(facts, len(value), value, where)
    if "pattern" in facts and not fits(facts["pattern"], value):
        yield _says(value, where, f"Member must satisfy regular expression pattern: {facts['pattern']}")


def _size(facts: Mapping[str, Any], size: int, value: Json, where: str) -> Iterator[str]:
    if size < facts.get("min", 0):
        yield _says(value, where, f"Member must have length greater than or equal to {facts['min']}")
    if "max" in facts and size > facts["max"]:
        yield _says(value, where, f"Member must have length less than or equal to {facts['max']}")


@lru_cache(maxsize=4096)
def fits(pattern: str, text: str) -> bool:
    """Whether a whole text matches a pattern of a model; one that Python cannot read is passed over."""
    try:
        return re.compile(pattern).fullmatch(text) is not None
    except re.error:
        return True


def _says(value: Json, where: str, rule: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:_SHOWN]}'"
    return f"Value {shown} at '{where}' failed to satisfy constraint: {rule}"


def _inside(where: str, member: str) -> str:
    name = member[:1].lower() + member[1:]
    return f"{where}.{name}" if where else name
