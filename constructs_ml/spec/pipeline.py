"""PipelineSpec: steps in order, the inputs of a run, and what starts one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from constructs_ml.contract import names
from constructs_ml.faults import Faults
from constructs_ml.spec.checks import check_kind, check_name, frozen
from constructs_ml.spec.concurrency import Allow, Concurrency, Queue, Skip
from constructs_ml.spec.references import check_references
from constructs_ml.spec.steps import Step, SubPipeline, walk
from constructs_ml.spec.triggers import Trigger, check_loops, check_triggers
from constructs_ml.spec.values import Input


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSpec:
    """One pipeline of one model.

    `concurrency` says what a run does while another one of the same model is in progress, by a pipeline that takes
    turns too. `root` is the folder that code paths are relative to; `tags` go on every resource and job beside the
    library's own. Raises `SpecError` with every fault of the steps, their references and the triggers.
    """

    name: str
    model: str
    owner: str
    steps: tuple[Step, ...]
    inputs: tuple[Input, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    concurrency: Concurrency = Allow()
    root: Path = Path()
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"pipeline {self.name!r}"
        check_name("pipeline", self.name, where, longest=names.PIPELINE_LENGTH)
        check_name("model", self.model, where, longest=names.MODEL_LENGTH)
        check_kind("concurrency", self.concurrency, where, Allow, Skip, Queue)
        check_kind("steps", self.steps, where, tuple)
        faults = Faults()
        if not self.steps:
            faults.add("empty", thing="the pipeline", where=where, got="no steps", allowed="at least one step")
        check_references(self.steps, self.inputs, where, faults)
        check_triggers(self.triggers, self.inputs, where, faults)
        for step in self.all_steps:
            if isinstance(step, SubPipeline) and (step.pipeline, step.model or self.model) == (self.name, self.model):
                allowed = "another pipeline"
                faults.add("sub-self", where=f"{where}, step {step.name!r}", got=step.pipeline, allowed=allowed)
        check_loops(self.triggers, self.all_steps, self.model, where, faults)
        faults.raise_if_any()
        object.__setattr__(self, "tags", frozen(self.tags))

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Every step, those inside gates included."""
        return tuple(walk(self.steps))

    def _repr_html_(self) -> str:
        """The drawing, which a notebook shows."""
        from constructs_ml.spec.graph import draw

        return draw(self).svg
