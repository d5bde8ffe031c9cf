"""A cloud assembly as a reviewer reads it: the templates of its stacks, and the tags that CDK gives the stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constructs_ml.faults import refuse

Template = Mapping[str, Any]
_STACK, _NESTED = "aws:cloudformation:stack", "cdk:cloud-assembly"


@dataclass(frozen=True, slots=True)
class Assembly:
    """The stacks of an assembly: by environment and name ("111111111111/eu-central-1/dev-churn"), or by name alone."""

    templates: Mapping[str, Template]
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What synth found wrong: a stack with errors is not deployed."""


def read_assembly(folder: Path) -> Assembly:
    """Every stack of a folder that `cdk synth` wrote, its stages' included. Raises `SpecError` for another folder."""
    templates: dict[str, Template] = {}
    tags: dict[str, Mapping[str, str]] = {}
    errors: dict[str, tuple[str, ...]] = {}
    for home, artifact in stack_artifacts(folder):
        properties = artifact["properties"]
        name = properties.get("stackName") or artifact.get("displayName") or properties["templateFile"]
        key = f"{artifact.get('environment', '').removeprefix('aws://')}/{name}"
        templates[key] = read_json(home / properties["templateFile"])
        tags[key] = properties.get("tags", {})
        errors[key] = _errors(home, artifact)
    if not templates:
        raise refuse("assembly-empty", where=str(folder), got="no stacks", allowed="a folder that cdk synth wrote")
    return Assembly(templates, tags, errors)


def stack_artifacts(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Each stack's artifact with the folder that it lies in."""
    for artifact in read_json(folder / "manifest.json").get("artifacts", {}).values():
        if artifact["type"] == _STACK:
            yield folder, artifact
        elif artifact["type"] == _NESTED:
            yield from stack_artifacts(folder / artifact["properties"]["directoryName"])


def _errors(home: Path, artifact: Mapping[str, Any]) -> tuple[str, ...]:
    """The errors that constructs of a stack were annotated with."""
    file = artifact.get("additionalMetadataFile")
    metadata = artifact.get("metadata") or (read_json(home / file) if file else {})
    entries = [entry for found in metadata.values() for entry in found]
    return tuple(str(entry["data"]) for entry in entries if entry["type"] == "aws:cdk:error")


def read_json(path: Path) -> dict[str, Any]:
    """A file of an assembly. Raises `SpecError` where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refuse(
            "assembly-empty", where=str(path), got=str(error), allowed="a folder that cdk synth wrote"
        ) from None
    return found
