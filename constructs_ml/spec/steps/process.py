"""Process: a SageMaker processing job that runs a script or a container over data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, ClassVar

from constructs_ml.contract import container
from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, frozen
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import DAY, Channel, Code, Compute, Experiment, Network, Retry, as_channel, check_channels
from constructs_ml.spec.sdk import process_arguments
from constructs_ml.spec.steps.common import check_environment, check_job_code, check_metric_key
from constructs_ml.spec.values import JobName, Location, Output, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A processing job.

    The script finds each input in the folder that `$PROCESSING_INPUT_<NAME>` names and writes each output
    to `$PROCESSING_OUTPUT_<NAME>`. `metrics` names a flat JSON file inside an output, such as
    "report/metrics.json": its numbers can be compared. `timeout` bounds the job itself. `raw` is merged last
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
    arguments: tuple[Value, ...] = ()
    inputs: Mapping[str, Location | Channel] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    metrics: str | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    compute: Compute = Compute()
    network: Network = Network()
    experiment: Experiment | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_name("step", self.name, where)
        check_job_code(self.code, self.image, where, runs_alone=True)
        check_channels(self.inputs, where, limits.PROCESSING_INPUTS - 1)
        for name, channel in self.sources.items():
            if channel.mode != "File" and channel.mode != "Pipe":
                raise refuse("input-mode", where=f"{where}, input {name!r}", got=channel.mode, allowed=("File", "Pipe"))
        check_environment(self.environment, where, own=len(self.folders))
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 5 * DAY)
        self._check_outputs(where)
        object.__setattr__(self, "inputs", frozen(self.inputs))
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

    def _check_outputs(self, where: str) -> None:
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
