"""Train: a SageMaker training job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, ClassVar

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, check_number, frozen
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import DAY, Channel, Code, Compute, Experiment, Network, Retry, as_channel, check_channels
from constructs_ml.spec.sdk import train_arguments
from constructs_ml.spec.steps.common import check_environment, check_job_code
from constructs_ml.spec.values import JobName, Location, ModelArtifact, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Managed spot training: `max_wait` bounds waiting and running together, so it is at least the timeout.

    With `checkpoints`, what the script writes to /opt/ml/checkpoints survives an interruption.
    """

    max_wait: timedelta
    checkpoints: bool = True


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A metric read from a training job's log: the regular expression's first group is the number."""

    name: str
    regex: str

    def __post_init__(self) -> None:
        where = f"MetricDefinition({self.name!r})"
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,255}", self.name):
            raise refuse(
                "metric-name", where=where, got=repr(self.name), allowed="letters, digits and _.:/-", name=self.name
            )
        try:
            groups = re.compile(self.regex).groups
        except re.error as error:
            raise refuse(
                "metric-regex", where=where, got=repr(self.regex), allowed=f"a regular expression ({error})"
            ) from None
        if groups < 1:
            raise refuse("metric-regex", where=where, got=repr(self.regex), allowed="one group, such as auc=([0-9.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """A training job.

    With `code` the script runs in script mode: hyperparameters arrive as arguments, channels in the folders
    that `$SM_CHANNEL_<NAME>` name, and what it writes to `$SM_MODEL_DIR` becomes the model artifact. Without
    code the image's own program trains. `warm_pool` keeps the instances for the next job; `job_retries` is
    SageMaker's own retry after an internal error (1 to 30). `raw` is merged last into the CreateTrainingJob
    request.

    >>> from constructs_ml import Train, XGBoost, S3
    >>> train = Train(name="train", image=XGBoost("1.7-1"), channels={"train": S3("prepared/")},
    ...               hyperparameters={"num_round": 50})
    >>> train.model
    ModelArtifact(step='train')
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, JobName, Metric)

    name: str
    image: ContainerImage
    code: str | PurePath | Code | None = None
    channels: Mapping[str, Location | Channel] = field(default_factory=dict)
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    metrics: tuple[MetricDefinition, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    compute: Compute = Compute()
    network: Network = Network()
    spot: Spot | None = None
    warm_pool: timedelta | None = None
    job_retries: int | None = None
    experiment: Experiment | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_name("step", self.name, where)
        check_job_code(self.code, self.image, where, runs_alone=True)
        check_channels(self.channels, where, limits.TRAINING_CHANNELS - 1)
        if len(self.hyperparameters) > limits.HYPERPARAMETERS - 3:
            raise refuse(
                "number-range",
                quantity="the number of hyperparameters",
                where=where,
                got=len(self.hyperparameters),
                allowed=f"at most {limits.HYPERPARAMETERS - 3}",
            )
        check_environment(self.environment, where, own=len(self.channels) + 2)
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 28 * DAY)
        self._check_capacity(where)
        names = [metric.name for metric in self.metrics]
        if len(set(names)) != len(names):
            raise refuse("metric-taken", where=where, got=names, allowed="each metric once")
        object.__setattr__(self, "channels", frozen(self.channels))
        object.__setattr__(self, "hyperparameters", frozen(self.hyperparameters))
        object.__setattr__(self, "environment", frozen(self.environment))
        object.__setattr__(self, "raw", frozen(self.raw))

    @classmethod
    def from_model_trainer(
        cls,
        trainer: object,
        *,
        name: str,
        values: Mapping[str, Value] = MappingProxyType({}),
        without: tuple[str, ...] = (),
        **changes: Any,
    ) -> Train:
        """A `ModelTrainer` of `sagemaker` 3 as a step, read by its attributes; nothing is uploaded or sent.

        `values` stand for the SDK's placeholders (`{"Parameters.Day": day}`); `without` names attributes to leave
        behind; `changes` are fields of the step that count before the object's. Raises `SpecError` with everything
        that cannot be taken over, by name.
        """
        return cls(**train_arguments(trainer, name=name, values=values, without=without, changes=changes))

    def _check_capacity(self, where: str) -> None:
        if self.spot and self.spot.max_wait < self.timeout:
            raise refuse(
                "spot-wait", where=where, got=self.spot.max_wait, allowed=f"at least the timeout, {self.timeout}"
            )
        if self.spot and self.warm_pool:
            raise refuse("spot-warm-pool", where=where, got="spot and warm_pool", allowed="one of them")
        if self.warm_pool is not None:
            check_duration("warm_pool", self.warm_pool, where, timedelta(seconds=1), timedelta(hours=1))
        if self.job_retries is not None:
            check_number("job_retries", self.job_retries, where, 1, 30)

    @property
    def sources(self) -> Mapping[str, Channel]:
        """Every channel with the way it arrives."""
        return {name: as_channel(source) for name, source in self.channels.items()}

    @property
    def model(self) -> ModelArtifact:
        """The model artifact, `model.tar.gz`."""
        return ModelArtifact(self.name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)

    def metric(self, name: str) -> Metric:
        """A metric's final value, to be compared; it needs a definition in `metrics`."""
        defined = tuple(metric.name for metric in self.metrics)
        if name not in defined:
            raise refuse(
                "metric-unknown",
                where=f"{self.name}.metric({name!r})",
                got=repr(name),
                allowed=defined,
                step=self.name,
                name=name,
            )
        return Metric(self.name, name)
