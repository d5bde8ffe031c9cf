"""Which conditions of a template change, and what they decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from constructs_ml.review.references import intrinsics


def changed_conditions(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The conditions that differ, and those that refer to one that does."""
    old, new = before.get("Conditions", {}), after.get("Conditions", {})
    found = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    grown = True
    while grown:
        more = {name for name, body in new.items() if name not in found and found & set(_named(body))}
        found |= more
        grown = bool(more)
    return found


def decided_by(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of a property's path and the condition by which `Fn::If` chooses its value."""
    yield from ((path, str(body[0])) for path, function, body in intrinsics(properties) if function == "Fn::If")


def _named(body: Any) -> Iterator[str]:
    """The conditions that a condition refers to."""
    if isinstance(body, Mapping):
        for key, item in body.items():
            if key == "Condition" and isinstance(item, str):
                yield item
            else:
                yield from _named(item)
    elif isinstance(body, list):
        for item in body:
            yield from _named(item)
