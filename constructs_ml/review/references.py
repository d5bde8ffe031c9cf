"""Which resources a CloudFormation value refers to, and where in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)[}.]")


def references(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of a property's path and a logical id that it refers to; items of lists count as the list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield path, str(item)
            elif key == "Fn::GetAtt":
                yield path, str(item[0] if isinstance(item, list) else item.partition(".")[0])
            elif key == "Fn::Sub":
                text, values = (item, {}) if isinstance(item, str) else item
                yield from ((path, name) for name in _IN_TEXT.findall(text) if name not in values)
                yield from ((path, name) for _, name in references(values))
            elif key.startswith("Fn::"):
                yield from ((path, name) for _, name in references(item))
            else:
                yield from references(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from ((path, name) for _, name in references(item))


def mapped(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of a property's path and a mapping that it looks something up in."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Fn::FindInMap":
                yield path, str(item[0])
            elif key.startswith("Fn::"):
                yield from ((path, name) for _, name in mapped(item))
            else:
                yield from mapped(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from ((path, name) for _, name in mapped(item))


def text_of(value: Any) -> str:
    """A CloudFormation text with its references left as they are: "endpoint/${Endpoint}/variant/main"."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        name, body = next(iter(value.items()))
        if name == "Fn::Sub":
            return body if isinstance(body, str) else str(body[0])
        if name == "Fn::Join" and isinstance(body[1], list):
            return str(body[0]).join(text_of(item) for item in body[1])
        if name == "Ref":
            return f"${{{body}}}"
        if name == "Fn::GetAtt":
            return f"${{{body if isinstance(body, str) else '.'.join(body)}}}"
    return ""


def changed_paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths of properties that differ, as deep as both sides are objects."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not _is_intrinsic(before, after):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield from changed_paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif before != after:
        yield path


def _is_intrinsic(*values: Mapping[str, Any]) -> bool:
    return any(len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")) for value in values)
