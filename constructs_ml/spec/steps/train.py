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
from constructs_ml.spec.distributed import Distributed, check_distributed
from constructs_ml.spec.early_stop import EarlyStop, check_stop
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Algorithm, ContainerImage
from constructs_ml.spec.jobs import (
    DAY,
    Channel,
    Code,
    Compute,
    Experiment,
    FileSystem,
    InputMode,
    Network,
    Retry,
    as_channel,
    check_channels,
)
from constructs_ml.spec.mlflow import MLflow, check_mlflow
from constructs_ml.spec.sdk import train_arguments
from constructs_ml.spec.steps.common import check_environment, check_job_code
from constructs_ml.spec.values import S3, Below, Input, JobName, Location, ModelArtifact, Value

METRIC_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,255}")
_WARM_POOL = timedelta(seconds=limits.WARM_POOL_SECONDS)


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
        check_fields(self, where)
        if not METRIC_NAME.fullmatch(self.name):
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
    code the image's own program, or the `Algorithm`, trains. `input_mode` is what channels without one of their own
    are read by. `warm_pool` keeps the instances for the next job; `job_retries` is SageMaker's own retry after an
    internal error (1 to 30). `checkpoints` keeps what the script writes to /opt/ml/checkpoints: True in this run's own
    place, a place to resume from it and to go on writing there. `stop_when` ends the job early, its artifact is used
    as it is: an `EarlyStop`, or the name of a metric alarm of the account. `raw` is merged last into the
    CreateTrainingJob request.

    >>> from constructs_ml import Train, XGBoost, S3
    >>> train = Train(name="train", image=XGBoost("1.7-1"), channels={"train": S3("prepared/")},
    ...               hyperparameters={"num_round": 50})
    >>> train.model
    ModelArtifact(step='train')
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, JobName, Metric)

    name: str
    image: ContainerImage | Algorithm
    code: str | PurePath | Code | None = None
    channels: Mapping[str, Location | FileSystem | Channel] = field(default_factory=dict)
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    metrics: tuple[MetricDefinition, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    input_mode: InputMode = "File"
    distributed: Distributed | None = None
    compute: Compute = Compute()
    network: Network = Network()
    spot: Spot | None = None
    checkpoints: bool | S3 | Below | Input = False
    warm_pool: timedelta | None = None
    infrastructure_check: bool = False
    compress_model: bool = True
    job_retries: int | None = None
    stop_when: EarlyStop | str | None = None
    experiment: Experiment | None = None
    mlflow: MLflow | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where, choices=True)
        check_name("step", self.name, where)
        if isinstance(self.image, Algorithm) and self.code is not None:
            raise refuse("algorithm-code", where=where, got="code=", allowed="an image, or no code")
        check_job_code(self.code, self.image, where, runs_alone=True)
        check_channels(self.channels, where, limits.TRAINING_CHANNELS - 1)
        self._check_channels(where)
        check_distributed(self.distributed, self.image, self.code is not None, where)
        check_mlflow(self.mlflow, self.network, where)
        most = limits.HYPERPARAMETERS - 3 - (4 if self.distributed else 0)
        if len(self.hyperparameters) > most:
            raise refuse(
                "number-range",
                quantity="the number of hyperparameters",
                where=where,
                got=len(self.hyperparameters),
                allowed=f"at most {most}",
            )
        check_environment(self.environment, where, own=len(self.channels) + 2 + (2 if self.mlflow else 0))
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 28 * DAY)
        self._check_capacity(where)
        names = [metric.name for metric in self.metrics]
        if len(set(names)) != len(names):
            raise refuse("metric-taken", where=where, got=names, allowed="each metric once")
        check_stop(self.stop_when, names, where)
        if self.stop_when is not None and self.retry is not None:
            raise refuse("stop-retry", where=where, got="stop_when and retry", allowed="job_retries=")
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

    def _check_channels(self, where: str) -> None:
        """What single channels cannot know: the groups of the cluster, and whether there can be a VPC."""
        for name, channel in self.sources.items():
            place = f"{where}, channel {name!r}"
            unknown = set(channel.groups) - set(self.compute.group_names)
            if unknown:
                known = self.compute.group_names or "groups of Compute(groups=)"
                raise refuse("channel-group", where=place, got=tuple(sorted(unknown)), allowed=known)
            if isinstance(channel.source, FileSystem) and self.network.vpc is False:
                raise refuse("file-system-network", where=place, got="Network(vpc=False)", allowed="a VPC")

    def _check_capacity(self, where: str) -> None:
        if self.spot and self.spot.max_wait < self.timeout:
            raise refuse(
                "spot-wait", where=where, got=self.spot.max_wait, allowed=f"at least the timeout, {self.timeout}"
            )
        if self.spot and self.warm_pool:
            raise refuse("spot-warm-pool", where=where, got="spot and warm_pool", allowed="one of them")
        if self.spot and self.compute.preferences:
            raise refuse("spot-preferences", where=where, got="spot and preferences", allowed="one of them")
        if self.warm_pool and self.compute.groups:
            raise refuse("groups-warm-pool", where=where, got="groups and warm_pool", allowed="one of them")
        if self.warm_pool is not None:
            check_duration("warm_pool", self.warm_pool, where, timedelta(seconds=1), _WARM_POOL)
        if self.job_retries is not None:
            check_number("job_retries", self.job_retries, where, 1, 30)

    @property
    def sources(self) -> Mapping[str, Channel]:
        """Every channel with the way it arrives."""
        return {name: as_channel(source, self.input_mode) for name, source in self.channels.items()}

    @property
    def images(self) -> tuple[ContainerImage | Algorithm, ...]:
        """What the artifact can come from."""
        return (self.image,)

    @property
    def tells_metrics(self) -> bool:
        """Whether what trains has metrics of its own: built-in algorithms and those of the Marketplace."""
        return isinstance(self.image, Algorithm) or self.code is None

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
        if name not in defined and not (isinstance(self.image, Algorithm) and METRIC_NAME.fullmatch(name)):
            raise refuse(
                "metric-unknown",
                where=f"{self.name}.metric({name!r})",
                got=repr(name),
                allowed=defined,
                step=self.name,
                name=name,
            )
        return Metric(self.name, name)
