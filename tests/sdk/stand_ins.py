"""Objects of the SDK as they were recorded, rebuilt without it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    """A recorded object: its class has the name of the SDK's, its attributes are those of the SDK's object."""
    return rebuilt(json.loads((RECORDED / f"{name}.json").read_text()))


def rebuilt(found: Any) -> Any:
    if isinstance(found, list):
        return [rebuilt(item) for item in found]
    if not isinstance(found, dict):
        return found
    if "mapping" in found:
        return {key: rebuilt(item) for key, item in found["mapping"].items()}
    members: dict[str, Any] = {}
    if "private" in found:
        members["__pydantic_private__"] = {key: rebuilt(item) for key, item in found["private"].items()}
    if "expr" in found:
        members["expr"] = found["expr"]
    kind = type(found["class"], (SimpleNamespace,), members)
    return kind(**{key: rebuilt(item) for key, item in found.get("attributes", {}).items()})


def definition() -> dict[str, Any]:
    """A recorded definition of the SDK's own pipeline."""
    found: dict[str, Any] = json.loads((RECORDED / "pipeline_definition.json").read_text())
    return found
