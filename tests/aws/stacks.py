"""Stacks for tests of constructs, and what they synthesize to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack

from tests.assemblies import templates

CONCRETE = Environment(account="111111111111", region="eu-central-1")


def new_app(folder: Path) -> App:
    return App(outdir=str(folder / "out"))


def new_stack(app: App, name: str = "S", env: Environment | None = CONCRETE) -> Stack:
    return Stack(app, name, env=env)


def resources(app: App, name: str = "S") -> dict[str, Any]:
    """The resources of a stack, synthesized."""
    assembly = app.synth()
    found: dict[str, Any] = templates(Path(assembly.directory))[name]["Resources"]
    return found


def of_type(found: dict[str, Any], type: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in found.values() if resource["Type"] == type]
