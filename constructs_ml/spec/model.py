"""ModelSpec: everything that a team says about one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from constructs_ml.contract import names
from constructs_ml.spec.checks import check_name, frozen
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.registry import RegistrySpec
from constructs_ml.spec.steps import Step
from constructs_ml.spec.triggers import Trigger
from constructs_ml.spec.values import Input

PIPELINE = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model: who owns it, the steps that make it, what starts them, and how its versions are kept.

    Code paths are relative to `root`. Building one checks all of it, so a fault shows where it is written.
    """

    name: str
    owner: str
    steps: tuple[Step, ...]
    inputs: tuple[Input, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    registry: RegistrySpec = RegistrySpec()
    root: Path = Path()
    tags: Mapping[str, str] = field(default_factory=dict)
    pipeline: PipelineSpec = field(init=False)

    def __post_init__(self) -> None:
        check_name("model", self.name, f"model {self.name!r}", longest=names.MODEL_LENGTH)
        object.__setattr__(self, "tags", frozen(self.tags))
        pipeline = PipelineSpec(
            name=PIPELINE,
            model=self.name,
            owner=self.owner,
            steps=self.steps,
            inputs=self.inputs,
            triggers=self.triggers,
            root=self.root,
            tags=self.tags,
        )
        object.__setattr__(self, "pipeline", pipeline)
