"""What differs between two values, leaf by leaf, as a reviewer wants to read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

# By these an item of a list is known again, whatever its place.
_NAMES = ("FeatureName", "VariantName", "Key", "Name", "Id", "Sid", "AlarmName", "VariantPropertyType")
_LONGEST = 100


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """One line a leaf: "path: old -> new", "+ path: new", "- path: old". JSON inside text is looked into."""
    old, new = _opened(before), _opened(after)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _member(old, new, key, f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        olds, news = _by_name(old), _by_name(new)
        for name in dict.fromkeys([*olds, *news]):
            yield from _member(olds, news, name, f"{path}[{name}]")
    elif old != new:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _member(old: Mapping[Any, Any], new: Mapping[Any, Any], key: Any, path: str) -> Iterator[str]:
    if key not in new:
        yield f"- {path}: {_shown(old[key])}"
    elif key not in old:
        yield f"+ {path}: {_shown(new[key])}"
    elif old[key] != new[key]:
        yield from differences(old[key], new[key], path)


def _by_name(items: list[Any]) -> dict[Any, Any]:
    """Items by what names them, or by their places where some have no name or share one."""
    names = [next((item[key] for key in _NAMES if key in item), None) for item in items if isinstance(item, Mapping)]
    plain = [name for name in names if isinstance(name, str)]
    if len(set(plain)) == len(items):
        return dict(zip(plain, items, strict=True))
    return dict(enumerate(items))


def _opened(value: Any) -> Any:
    """A text that holds JSON as what it holds; the text of `Fn::Sub` too."""
    if isinstance(value, Mapping) and set(value) == {"Fn::Sub"}:
        body = value["Fn::Sub"]
        text, names = (body, {}) if isinstance(body, str) else body
        inner = _opened(text)
        return {"": inner, **names} if inner is not text else value
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
