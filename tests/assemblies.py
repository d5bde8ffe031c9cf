"""Assemblies made in this process, and what stands in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations

from constructs_ml import Account, Fleet, ModelSpec

Templates = dict[str, dict[str, Any]]


def synthesize(folder: Path, build: Callable[[App], object], *, nag: bool = False) -> Path:
    """Synthesize an app into a folder; with `nag`, a finding of cdk-nag's AwsSolutions fails it."""
    app = App(outdir=str(folder))
    if nag:
        from cdk_nag import AwsSolutionsChecks

        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    build(app)
    app.synth()
    return folder


def fleet(folder: Path, model: ModelSpec, account: Account, **options: Any) -> Templates:
    """The templates of one model in one account, by stack name."""
    synthesize(folder, lambda app: Fleet(app, account.stage, account=account, models=[model], **options))
    return templates(folder)


def templates(folder: Path) -> Templates:
    """Every template below a folder, by the name of its stack."""
    found = {}
    for manifest in sorted(folder.rglob("manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                name = properties.get("stackName") or artifact.get("displayName")
                found[name] = json.loads((manifest.parent / properties["templateFile"]).read_text())
    return found


def changes(before: Templates, after: Templates) -> dict[str, Sequence[str]]:
    """What differs: for each changed resource the paths below it; "+" and "-" for one that came or went."""
    found: dict[str, Sequence[str]] = {}
    for stack in sorted({*before, *after}):
        old, new = before.get(stack, {}).get("Resources", {}), after.get(stack, {}).get("Resources", {})
        for key in sorted({*old, *new}):
            if key not in old or key not in new:
                found[f"{stack}/{key}"] = ("+" if key in new else "-",)
            elif old[key] != new[key]:
                found[f"{stack}/{key}"] = tuple(_paths(old[key], new[key]))
        rest = {name: value for name, value in before.get(stack, {}).items() if name != "Resources"}
        assert rest == {name: value for name, value in after.get(stack, {}).items() if name != "Resources"}
    return found


def _paths(old: Any, new: Any, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [
            found
            for key in keys
            if old.get(key) != new.get(key)
            for found in _paths(old.get(key), new.get(key), f"{path}.{key}")
        ]
    return [path.lstrip(".")]
