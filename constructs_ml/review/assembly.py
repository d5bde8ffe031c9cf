"""A cloud assembly as a reviewer reads it: the templates of its stacks, and the tags that CDK gives the stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constructs_ml.faults import refuse

Template = Mapping[str, Any]
_STACK = "aws:cloudformation:stack"


@dataclass(frozen=True, slots=True)
class Assembly:
    """The stacks of an assembly by name."""

    templates: Mapping[str, Template]
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_assembly(folder: Path) -> Assembly:
    """Every stack below a folder that `cdk synth` wrote. Raises `SpecError` where there is none."""
    templates: dict[str, Template] = {}
    tags: dict[str, Mapping[str, str]] = {}
    for manifest in sorted(folder.rglob("manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == _STACK:
                properties = artifact["properties"]
                name = properties.get("stackName") or artifact.get("displayName") or properties["templateFile"]
                templates[name] = json.loads((manifest.parent / properties["templateFile"]).read_text())
                tags[name] = properties.get("tags", {})
    if not templates:
        raise refuse("assembly-empty", where=str(folder), got="no stacks", allowed="a folder that cdk synth wrote")
    return Assembly(templates, tags)
