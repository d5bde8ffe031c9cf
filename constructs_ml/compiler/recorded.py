"""Recorded schemas: what was deployed of a feature group, in a file that is committed beside the model.

CloudFormation finds out too late that a feature is gone: its update fails, or it makes a new group and leaves every
record behind. The record lets the pull request find out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from constructs_ml.compiler.template import Template
from constructs_ml.facts import limits
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.features import FeatureGroupSpec

FOLDER = "features"
_WAY = "a new version of the group beside this one: version={version}"
_NAMES = {
    "record_identifier": "the record identifier",
    "event_time": "the event time",
    "online": "the online store's storage",
    "offline": "the offline store",
    "description": "the description",
    "tags": "the tags",
}


def record_of(spec: FeatureGroupSpec) -> dict[str, Any]:
    """What is recorded: the features, and everything that can never change."""
    offline = spec.offline
    return {
        "record_identifier": spec.record_identifier,
        "event_time": spec.event_time,
        "online": spec.online.storage if spec.online else None,
        "offline": offline
        and {
            "format": offline.format,
            "location": offline.location.location if offline.location else None,
            "table": offline.table,
        },
        "description": spec.description,
        "tags": dict(sorted(spec.tags.items())),
        "features": spec.types,
    }


def record_path(spec: FeatureGroupSpec, schemas: Path) -> Path:
    """The file of a group below the folder of recorded schemas."""
    return schemas / f"{spec.id}.json"


def read_record(path: Path) -> dict[str, Any] | None:
    """The record, or None where there is no file. Raises `SpecError` for a file that is no record."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise refuse(
            "schema-record", where=str(path), got=str(error), allowed="a file that the command wrote"
        ) from None
    keys = {*_NAMES, "features"}
    if not isinstance(found, dict) or set(found) != keys or not isinstance(found["features"], dict):
        got = f"the keys {', '.join(sorted(found))}" if isinstance(found, dict) else type(found).__name__
        raise refuse("schema-record", where=str(path), got=got, allowed=tuple(sorted(keys)))
    return found


def is_behind(spec: FeatureGroupSpec, schemas: Path) -> bool:
    """Whether the record differs from what is declared. Raises `SpecError` for what cannot be deployed."""
    path = record_path(spec, schemas)
    before = read_record(path)
    if before is not None:
        faults = Faults()
        check_evolution(before, spec, str(path), faults)
        faults.raise_if_any()
    return before != record_of(spec)


def write_record(spec: FeatureGroupSpec, schemas: Path) -> None:
    """Write what is declared."""
    path = record_path(spec, schemas)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record_of(spec), indent=1) + "\n", encoding="utf-8")


def check_evolution(before: dict[str, Any], spec: FeatureGroupSpec, where: str, faults: Faults) -> None:
    """Add a fault for each difference from the record that no update can carry, with the way that there is."""
    after = record_of(spec)
    way = _WAY.format(version=spec.version + 1)
    for key, name in _NAMES.items():
        if before[key] != after[key]:
            got = f"{_shown(after[key])} (recorded: {_shown(before[key])})"
            faults.add(
                "schema-create-only", where=where, got=got, allowed=f"{_shown(before[key])}, or {way}", name=name
            )
    for name, kept in before["features"].items():
        now = after["features"].get(name)
        if now is None:
            faults.add("schema-removed", where=where, got="no such feature", allowed=f"{name}, or {way}", name=name)
        elif now != kept:
            faults.add("schema-retyped", where=where, got=now, allowed=f"{kept}, or {way}", name=name)
    new = [name for name in after["features"] if name not in before["features"]]
    if len(new) > limits.FEATURES_ADDED_AT_ONCE:
        most = limits.FEATURES_ADDED_AT_ONCE
        allowed = f"{most} a deployment: declare up to {new[most - 1]!r}, record, deploy, then the next"
        faults.add("schema-batch", where=where, got=f"{len(new)} new features", allowed=allowed)


def check_recorded(spec: FeatureGroupSpec, schemas: Path, template: Template, faults: Faults) -> None:
    """Judge a group by its record; a group without one, or with one that is behind, gets a notice."""
    path = record_path(spec, schemas)
    before = read_record(path)
    shown = os.path.relpath(path)
    if before is None:
        template.notice(
            "schema-unrecorded",
            f"feature group {spec.name!r} has no recorded schema at {shown}: nothing guards its evolution."
            " Write it with `constructs-ml features record` and commit it.",
        )
        return
    check_evolution(before, spec, shown, faults)
    new = [name for name in spec.types if name not in before["features"]]
    if new and not faults.found:
        template.notice(
            "schema-behind",
            f"feature group {spec.name!r} adds {', '.join(new)} to the schema recorded at {shown}."
            " Write it with `constructs-ml features record` and commit it.",
        )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
