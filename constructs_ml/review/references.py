"""What a CloudFormation value refers to, and where in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)[}.]")


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Pairs of a property's path and a logical id that it refers to; items of lists count as the list."""
    for path, function, body in intrinsics(value):
        match function:
            case "Ref":
                yield path, str(body)
            case "Fn::GetAtt":
                yield path, str(body[0] if isinstance(body, list) else body.partition(".")[0])
            case "Fn::Sub":
                text, own = (body, {}) if isinstance(body, str) else body
                yield from ((path, name) for name in _IN_TEXT.findall(text) if name not in own)


def mapped(value: Any) -> Iterator[tuple[str, str]]:
    """Pairs of a property's path and a mapping that it looks something up in."""
    yield from ((path, str(body[0])) for path, function, body in intrinsics(value) if function == "Fn::FindInMap")


def intrinsics(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every intrinsic function with the path of the property that it stands in, those inside others included."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref" or key.startswith("Fn::"):
                yield path, key, item
                yield from ((path, function, body) for _, function, body in intrinsics(item))
            else:
                yield from intrinsics(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from ((path, function, body) for _, function, body in intrinsics(item))


def text_of(value: Any) -> str:
    """A CloudFormation text with its references left as they are: "endpoint/${Endpoint}/variant/main"."""
    match value:
        case str():
            return value
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]}:
            return text
        case {"Fn::Join": [str(delimiter), list(items)]}:
            return delimiter.join(text_of(item) for item in items)
        case {"Ref": str(name)} | {"Fn::GetAtt": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case _:
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
