"""Nested JSON with values anywhere in it, as an engine's definition writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from constructs_ml.compiler.expressions import Expressions, Open, Text, escape_sub
from constructs_ml.compiler.template import Json
from constructs_ml.faults import refuse
from constructs_ml.spec.values import TaskToken

_PSEUDO = re.compile(r"\$\{(AWS::(?:AccountId|Partition|Region|URLSuffix))\}")


def put_json(expressions: Expressions, target: dict[str, Json], key: str, value: object, where: str) -> None:
    """Set a member of a request to JSON, member by member and item by item.

    `${AWS::Region}` and its like are filled in at deployment. Raises `SpecError` for a list in which values that only
    the run knows stand beside objects: such a list is made by an intrinsic, which makes no objects.
    """
    match value:
        case Mapping():
            inside: dict[str, Json] = {}
            for name, item in value.items():
                put_json(expressions, inside, escape_sub(name), item, f"{where}.{name}")
            target[key] = inside
        case list() | tuple():
            _put_items(expressions, target, key, value, where)
        case TaskToken():
            expressions.put(target, key, expressions.reference(value))
        case str():
            expressions.put(target, key, filled(value))
        case None:
            target[key] = None
        case _:
            expressions.put_value(target, key, value)  # type: ignore[arg-type]  # the spec checked its leaves


def filled(text: str) -> Text:
    """A text with the places that CloudFormation fills in."""
    pieces = _PSEUDO.split(text)
    return tuple(Open(piece) if index % 2 else piece for index, piece in enumerate(pieces) if piece)


def _put_items(
    expressions: Expressions, target: dict[str, Json], key: str, values: list[object] | tuple[object, ...], where: str
) -> None:
    items: list[dict[str, Json]] = []
    for index, value in enumerate(values):
        items.append({})
        put_json(expressions, items[-1], "item", value, f"{where}[{index}]")
    nested = any(isinstance(value, (Mapping, list, tuple)) for value in values)
    if all("item" in item for item in items):
        target[key] = [item["item"] for item in items]
    elif nested:
        allowed = "a list of objects, or a list of values; one member of an object can hold each value"
        raise refuse("call-mixed", where=where, got=f"{len(values)} items", allowed=allowed)
    elif any(isinstance(value, (TaskToken, str)) and _is_special(value) for value in values):
        expressions.put_list(target, key, [_text(expressions, value) for value in values])
    else:
        expressions.put_value(target, key, values)  # type: ignore[arg-type]  # the spec checked its leaves


def _is_special(value: TaskToken | str) -> bool:
    return isinstance(value, TaskToken) or bool(_PSEUDO.search(value))


def _text(expressions: Expressions, value: object) -> Text:
    if isinstance(value, str):
        return filled(value)
    return expressions.reference(value) if isinstance(value, TaskToken) else expressions.text(value)  # type: ignore[arg-type]
