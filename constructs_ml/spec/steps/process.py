"""Process: a SageMaker processing job that runs a script or a container over data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from constructs_ml.contract import container
from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_tuple, frozen
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.images import ContainerImage, Image
from constructs_ml.spec.jobs import (
    DAY,
    Channel,
    Code,
    Compute,
    Experiment,
    FileSystem,
    Network,
    Retry,
    as_channel,
    check_channels,
)
from constructs_ml.spec.mlflow import MLflow, check_mlflow
from constructs_ml.spec.sdk import process_arguments
from constructs_ml.spec.steps.common import check_environment, check_job_code, check_metric_key
from constructs_ml.spec.values import S3, VALUES, Below, JobName, Location, Output, Value

_LONGEST = timedelta(seconds=limits.PROCESSING_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How an output gets to S3: at the end of the job or while it runs, and to a place of yours.

    A given place is the same in every run, unless it says otherwise: `S3("scores/") / Execution("name")`.
    """

    to: S3 | Below | None = None
    mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"

    def __post_init__(self) -> None:
        check_kind("to", self.to, "Upload", S3, Below, type(None))
        if isinstance(self.to, Below) and not isinstance(self.to.place, S3):
            raise refuse("kind", where="Upload", got=f"to={self.to!r}", allowed="a place below an S3", field="to")
        if self.mode not in ("EndOfJob", "Continuous"):
            raise refuse("upload-mode", where="Upload", got=repr(self.mode), allowed=("EndOfJob", "Continuous"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A processing job.

    The script finds each input in the folder that `$PROCESSING_INPUT_<NAME>` names and writes each output
    to `$PROCESSING_OUTPUT_<NAME>`. `metrics` names a flat JSON file inside an output, such as
    "report/metrics.json": its numbers can be compared. `uploads` says more about single outputs. `entrypoint` is the
    command of a team's own image, instead of the image's. `timeout` bounds the job itself. `raw` is merged last
    into the CreateProcessingJob request.

    >>> from constructs_ml import Process, S3, Sklearn
    >>> prepare = Process(name="prepare", image=Sklearn("1.4-2"), code="steps/prepare.py",
    ...                   inputs={"raw": S3("raw/")}, outputs=("train", "test"))
    >>> prepare.output("train")
    Output(step='prepare', name='train')
    """

    leaves: ClassVar[tuple[type, ...]] = (Output, JobName, Metric)

    name: str
    image: ContainerImage
    code: str | PurePath | Code | None = None
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[Value, ...] = ()
    inputs: Mapping[str, Location | Channel] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    metrics: str | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    compute: Compute = Compute()
    network: Network = Network()
    experiment: Experiment | None = None
    mlflow: MLflow | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_name("step", self.name, where)
        check_tuple("entrypoint", self.entrypoint, where, str)
        check_tuple("arguments", self.arguments, where, *VALUES)
        check_tuple("outputs", self.outputs, where, str)
        check_job_code(self.code, self.image, where, runs_alone=True)
        check_channels(self.inputs, where, limits.PROCESSING_INPUTS - 1)
        self._check_inputs(where)
        if self.entrypoint and (self.code is not None or not isinstance(self.image, Image)):
            got = "entrypoint and code" if self.code is not None else f"entrypoint in {self.image}"
            raise refuse("entrypoint", where=where, got=got, allowed="a team's own image without code")
        for field_name in ("groups", "training_plan"):
            if getattr(self.compute, field_name):
                raise refuse("compute-training", where=where, got=f"Compute({field_name}=...)", allowed="a Train step")
        check_mlflow(self.mlflow, self.network, where)
        check_environment(self.environment, where, own=len(self.folders) + (2 if self.mlflow else 0))
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), _LONGEST)
        self._check_outputs(where)
        object.__setattr__(self, "inputs", frozen(self.inputs))
        object.__setattr__(self, "uploads", frozen(self.uploads))
        object.__setattr__(self, "environment", frozen(self.environment))
        object.__setattr__(self, "raw", frozen(self.raw))

    @classmethod
    def from_processor(
        cls,
        processor: object,
        *,
        name: str,
        values: Mapping[str, Value] = MappingProxyType({}),
        without: tuple[str, ...] = (),
        **changes: Any,
    ) -> Process:
        """A processor of `sagemaker` 3 as a step, read by its attributes; nothing is uploaded or sent.

        `values` stand for the SDK's placeholders (`{"Parameters.Day": day}`); `without` names attributes to leave
        behind; `changes` are fields of the step that count before the object's. What the SDK is given when it runs
        the job (`inputs`, `outputs`, `arguments`) may be in its own objects. Raises `SpecError` with everything
        that cannot be taken over, by name.
        """
        return cls(**process_arguments(processor, name=name, values=values, without=without, changes=changes))

    def _check_inputs(self, where: str) -> None:
        """What channels of training jobs have and CreateProcessingJob has not."""
        for name, channel in self.sources.items():
            place = f"{where}, input {name!r}"
            if channel.mode != "File" and channel.mode != "Pipe":
                raise refuse("input-mode", where=place, got=channel.mode, allowed=("File", "Pipe"))
            plain = Channel(
                source=channel.source,
                mode=channel.mode,
                distribution=channel.distribution,
                compression=channel.compression,
                data_type="ManifestFile" if channel.data_type == "ManifestFile" else "S3Prefix",
            )
            if isinstance(channel.source, FileSystem) or channel != plain:
                known = ("source in S3", "mode", "distribution", "compression", "data_type S3Prefix or ManifestFile")
                raise refuse("input-setting", where=place, got=channel, allowed=known)

    def _check_outputs(self, where: str) -> None:
        for name in self.uploads:
            if name not in self.outputs:
                raise refuse(
                    "output-unknown", where=where, got=repr(name), allowed=self.outputs, step=self.name, name=name
                )
        kept = self.metrics.partition("/")[0] if self.metrics is not None else None
        if kept is not None and kept in self.uploads and self.uploads[kept].to is not None:
            raise refuse("metrics-place", where=where, got=f"{kept} at a given place", allowed="an output without to=")
        for name in self.outputs:
            check_name("output", name, where)
        if len(set(self.outputs)) != len(self.outputs):
            raise refuse("output-taken", where=where, got=self.outputs, allowed="each output once")
        if len(self.outputs) > limits.PROCESSING_OUTPUTS:
            raise refuse(
                "number-range",
                quantity="the number of outputs",
                where=where,
                got=len(self.outputs),
                allowed=f"at most {limits.PROCESSING_OUTPUTS}",
            )
        if self.metrics is not None:
            output, _, file = self.metrics.partition("/")
            if output not in self.outputs or not file or ".." in file:
                raise refuse(
                    "metrics-place",
                    where=where,
                    got=repr(self.metrics),
                    allowed=tuple(f"{name}/<file>.json" for name in self.outputs),
                )

    def output(self, name: str) -> Output:
        """The S3 prefix of one declared output."""
        if name not in self.outputs:
            raise refuse(
                "output-unknown",
                where=f"{self.name}.output({name!r})",
                got=repr(name),
                allowed=self.outputs,
                step=self.name,
                name=name,
            )
        return Output(self.name, name)

    def metric(self, name: str) -> Metric:
        """A number in the metrics file, to be compared."""
        where = f"{self.name}.metric({name!r})"
        if self.metrics is None:
            raise refuse(
                "metrics-undeclared",
                where=where,
                got="no metrics=",
                allowed='metrics="<output>/<file>"',
                step=self.name,
            )
        check_metric_key(name, where)
        return Metric(self.name, name)

    @property
    def sources(self) -> Mapping[str, Channel]:
        """Every input with the way it arrives."""
        return {name: as_channel(source) for name, source in self.inputs.items()}

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)

    @property
    def folders(self) -> Mapping[str, str]:
        """The environment variables that tell the script its folders."""
        inputs = {container.input_variable(name): container.processing_input(name) for name in self.inputs}
        outputs = {container.output_variable(name): container.processing_output(name) for name in self.outputs}
        return inputs | outputs
