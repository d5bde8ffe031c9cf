"""What CloudFormation does when a property changes: update in place, or replace the resource."""

from __future__ import annotations

from functools import cache
from typing import Any

from constructs_ml.facts.store import load


def known(type: str) -> bool:
    """Whether the data holds the type."""
    return type in load("updates")["types"]


def replaces(type: str, path: str) -> bool:
    """Whether a change of the property at `path` ("OnlineStoreConfig.StorageType") replaces the resource.

    A change above a create-only property counts, for it may have changed that property; a type without an update
    handler is replaced by every change. KeyError for a type that the data does not hold.
    """
    entry = _entry(type)
    return not entry["updatable"] or any(_meets(path, item) for item in entry["create_only"])


def may_replace(type: str, path: str) -> bool:
    """Whether a change of the property replaces the resource under conditions that only the service knows."""
    return any(_meets(path, item) for item in _entry(type)["maybe_create_only"])


def name_property(type: str) -> str | None:
    """The property by which a user names a resource of the type; a named one cannot be replaced."""
    name: str | None = _entry(type)["name"]
    return name


@cache
def with_create_only_tags() -> frozenset[str]:
    """The types that are replaced when a tag changes, so that nothing may tag them after they were declared."""
    types: dict[str, Any] = load("updates")["types"]
    return frozenset(name for name, entry in types.items() if entry["tags"] in entry["create_only"])


def _entry(type: str) -> Any:
    return load("updates")["types"][type]


def _meets(path: str, create_only: str) -> bool:
    one, other = path.split("."), create_only.split(".")
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
