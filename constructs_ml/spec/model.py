"""ModelSpec: everything that a team says about one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from constructs_ml.contract import names
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import alike, check_kind, check_name, check_tags, check_tuple, frozen
from constructs_ml.spec.concurrency import Allow, Concurrency
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.features import FeatureGroupSpec
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Algorithm, ContainerImage
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.monitors import DataQuality, ModelQuality, Monitor
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.registry import RegistrySpec
from constructs_ml.spec.steps import Process, Register, Step, Train, Tune
from constructs_ml.spec.triggers import Trigger, with_monitors
from constructs_ml.spec.values import Input, ModelArtifact, Output
from constructs_ml.spec.watched import check_watched

PIPELINE = "training"
Engine = Literal["states", "pipelines"]
"""What runs a pipeline: a state machine of Step Functions, or SageMaker Pipelines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model: its features, the steps that make it, what starts them, how its versions are kept and served,
    and what watches them.

    Code paths are relative to `root`; `engine` runs the steps. Building one checks all of it, so a fault shows where
    it is written.
    """

    name: str
    owner: str
    steps: tuple[Step, ...]
    inputs: tuple[Input, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    concurrency: Concurrency = Allow()
    registry: RegistrySpec = RegistrySpec()
    features: tuple[FeatureGroupSpec, ...] = ()
    endpoint: EndpointSpec | None = None
    monitors: tuple[Monitor, ...] = ()
    engine: Engine = "states"
    root: Path = Path()
    tags: Mapping[str, str] = field(default_factory=dict)
    pipeline: PipelineSpec = field(init=False)

    def __post_init__(self) -> None:
        check_fields(self, "ModelSpec")
        check_name("model", self.name, f"model {self.name!r}", longest=names.MODEL_LENGTH)
        where = f"model {self.name!r}"
        check_tags(self.tags, where)
        if self.engine not in get_args(Engine):
            raise refuse("kind", where=where, got=repr(self.engine), allowed=get_args(Engine), field="the engine")
        check_tuple("features", self.features, where, FeatureGroupSpec)
        check_kind("endpoint", self.endpoint, where, EndpointSpec, type(None))
        check_tuple("monitors", self.monitors, where, DataQuality, ModelQuality)
        object.__setattr__(self, "tags", frozen(self.tags))
        pipeline = PipelineSpec(
            name=PIPELINE,
            model=self.name,
            owner=self.owner,
            steps=self.steps,
            inputs=self.inputs,
            triggers=with_monitors(self.triggers, self.monitors),
            concurrency=self.concurrency,
            root=self.root,
            tags=self.tags,
        )
        object.__setattr__(self, "pipeline", pipeline)
        faults = Faults()
        self._check_isolation(faults)
        self._check_features(faults)
        self._check_baselines(faults)
        faults.raise_if_any()
        check_watched(self.endpoint, self.monitors, where)

    @property
    def images(self) -> tuple[ContainerImage, ...]:
        """The images that serve the versions which the pipeline registers, each once."""
        trained = {step.name: step.images for step in self.pipeline.all_steps if isinstance(step, (Train, Tune))}
        found: list[ContainerImage] = []
        for step in self.pipeline.all_steps:
            if isinstance(step, Register):
                made = trained.get(step.model.step, ()) if isinstance(step.model, ModelArtifact) else ()
                serving = (step.serving.image,) if step.serving.image else made
                found += [image for image in serving if not isinstance(image, Algorithm)]
        return tuple(dict.fromkeys(found))

    @property
    def fetched_code(self) -> tuple[Code, ...]:
        """The inference code that registered versions fetch from the deployment's assets, each once.

        A state machine keeps a copy beside the models; no step of SageMaker Pipelines copies an object.
        """
        found = [
            step.serving.code if isinstance(step.serving.code, Code) else Code(step.serving.code)
            for step in self.pipeline.all_steps
            if isinstance(step, Register) and step.serving.code is not None and self.engine == "pipelines"
        ]
        return tuple(dict.fromkeys(found))

    def _repr_html_(self) -> str:
        """The drawing of the pipeline, which a notebook shows."""
        return self.pipeline._repr_html_()

    def _check_isolation(self, faults: Faults) -> None:
        if self.endpoint is None or not self.endpoint.network.isolation:
            return
        for step in self.pipeline.all_steps:
            if isinstance(step, Register) and step.serving.code is not None:
                got, allowed = f"serving code of step {step.name!r}", "an artifact that holds its code, or no isolation"
                faults.add("isolation-code", where=f"model {self.name!r}", got=got, allowed=allowed)

    def _check_features(self, faults: Faults) -> None:
        ids = [group.id for group in self.features]
        where = f"model {self.name!r}"
        for id in dict.fromkeys(ids):
            if ids.count(id) > 1:
                faults.add("group-taken", where=where, got=f"{ids.count(id)} groups", allowed="each once", name=id)
        for group in alike(dict.fromkeys(ids)):
            faults.add("names-alike", where=where, got=group, allowed="other names", names=" and ".join(group))

    def _check_baselines(self, faults: Faults) -> None:
        for monitor in self.monitors:
            source = monitor.baseline.source if monitor.baseline else None
            if isinstance(source, Output):
                self._check_baseline(source, f"model {self.name!r}, monitor {monitor.name!r}", faults)

    def _check_baseline(self, source: Output, where: str, faults: Faults) -> None:
        made = {step.name: step.outputs for step in self.pipeline.all_steps if isinstance(step, Process)}
        if source.name not in made.get(source.step, ()):
            known = tuple(f"{step}.{output}" for step, outputs in made.items() for output in outputs)
            faults.add("baseline-unknown", where=where, got=f"{source.step}.{source.name}", allowed=known)
