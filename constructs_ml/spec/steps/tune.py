"""Tune: a SageMaker hyperparameter tuning job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_tuple, check_whole, frozen
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Algorithm, ContainerImage, Image
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.sdk import tune_arguments
from constructs_ml.spec.steps.train import METRIC_NAME, Train
from constructs_ml.spec.tuning import (
    EPOCHS,
    Bayesian,
    Categorical,
    Completion,
    Continuous,
    Grid,
    Hyperband,
    Integer,
    Objective,
    Range,
    Strategy,
    WarmStart,
    combinations,
)
from constructs_ml.spec.values import JobName, ModelArtifact, Result, Value

# The best job's values are read by these names, inside the quotes of a path.
_HYPERPARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,256}")
OBJECTIVE = "objective"
TUNING_JOB = "tuning_job"
# What the definition of a tuning job's training jobs has not, and what the tuning job does itself.
_TRAIN_ALONE = ("experiment", "infrastructure_check", "retry", "stop_when", "warm_pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of several algorithms that a tuning job compares, with its own ranges and its own objective."""

    name: str
    train: Train
    objective: Objective
    ranges: Mapping[str, Range]

    def __post_init__(self) -> None:
        where = f"candidate {self.name!r}"
        check_fields(self, where)
        check_name("candidate", self.name, where)
        check_candidate(self, where)
        object.__setattr__(self, "ranges", frozen(self.ranges))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """A tuning job: it runs `train` with other hyperparameters until the objective is as good as it gets.

    The `Train` is a description, not a step of the pipeline: its hyperparameters stay as they are, those in `ranges`
    are searched. `trainings` compares several algorithms instead. `max_jobs` and `parallel` count training jobs;
    `early_stopping` ends jobs that will not be better; `budget` bounds the whole search (2 minutes to half a year).
    Names of tuning jobs have 32 characters, so they begin with a short form of the model and end in a part of a UUID.
    `raw` is merged last into the CreateHyperParameterTuningJob request.

    >>> from constructs_ml import Categorical, Integer, Objective, S3, Train, Tune, XGBoost
    >>> xgb = Train(name="xgb", image=XGBoost("1.7-1"), channels={"train": S3("prepared/")})
    >>> tune = Tune(name="tune", train=xgb, objective=Objective("validation:auc", "Maximize"),
    ...             ranges={"max_depth": Integer(2, 8)}, max_jobs=20, parallel=4)
    >>> tune.best("max_depth")
    Result(step='tune', key='best_max_depth')
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, JobName, Metric, Result)

    name: str
    train: Train | None = None
    objective: Objective | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    trainings: tuple[Candidate, ...] = ()
    strategy: Strategy = Bayesian()
    max_jobs: int | None = None
    parallel: int = 1
    early_stopping: bool = False
    completion: Completion | None = None
    warm_start: WarmStart | None = None
    budget: timedelta | None = None
    seed: int | None = None
    retry: Retry | None = None
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_tuple("trainings", self.trainings, where, Candidate)
        self._check_form(where)
        for candidate in self.definitions:
            self._check_strategy(candidate, where)
        self._check_counts(where)
        object.__setattr__(self, "ranges", frozen(self.ranges))
        object.__setattr__(self, "raw", frozen(self.raw))

    @classmethod
    def from_tuner(
        cls,
        tuner: object,
        *,
        name: str,
        values: Mapping[str, Value] = MappingProxyType({}),
        without: tuple[str, ...] = (),
        **changes: Any,
    ) -> Tune:
        """A `HyperparameterTuner` of `sagemaker` 3 as a step, read by its attributes; nothing is uploaded or sent.

        `values` and `without` are those of `Train.from_model_trainer`; attributes of the trainers are named as
        "model_trainer.tags". `changes` are fields of the step that count before the object's; those that a `Tune`
        does not have, such as `channels`, are fields of its training jobs. Raises `SpecError` with what cannot be
        taken over, by name.
        """
        return cls(**tune_arguments(tuner, name=name, values=values, without=without, changes=changes))

    def _check_form(self, where: str) -> None:
        """One algorithm, or several with names of their own."""
        single = self.train is not None or self.objective is not None or bool(self.ranges)
        if single == bool(self.trainings) or (single and (self.train is None or self.objective is None)):
            got = "both" if single and self.trainings else "not all of train, objective and ranges"
            allowed = "train, objective and ranges, or trainings=(Candidate(...), ...)"
            raise refuse("tune-form", where=where, got=got, allowed=allowed)
        if len(self.trainings) > limits.TUNING_DEFINITIONS:
            count, most = len(self.trainings), f"at most {limits.TUNING_DEFINITIONS}"
            raise refuse("number-range", quantity="the number of trainings", where=where, got=count, allowed=most)
        names = [candidate.name for candidate in self.trainings]
        if len(set(names)) != len(names):
            raise refuse("tune-form", where=where, got=names, allowed="each candidate's name once")
        for name in self.inner_names:
            check_name("candidate, after the step's name,", name, where)
        for several in ("warm_start", "early_stopping"):
            if self.trainings and getattr(self, several):
                raise refuse("tune-several", where=where, got=several, allowed="a single algorithm, train=")
        variables = sum(len(candidate.train.environment) for candidate in self.definitions)
        if variables > limits.TUNING_ENVIRONMENT_VARIABLES:
            quantity, most = "the number of environment variables", f"at most {limits.TUNING_ENVIRONMENT_VARIABLES}"
            raise refuse("number-range", quantity=quantity, where=where, got=variables, allowed=most)

    def _check_strategy(self, candidate: Candidate, where: str) -> None:
        """What a strategy cannot search, and what it does itself."""
        if isinstance(self.strategy, Grid):
            jobs = combinations(candidate.ranges)
            if not jobs:
                other = [name for name, item in candidate.ranges.items() if not isinstance(item, Categorical)]
                raise refuse("strategy-grid", where=where, got=other, allowed="Categorical ranges alone")
        if isinstance(self.strategy, Hyperband):
            if self.early_stopping:
                raise refuse("strategy-hyperband", where=where, got="early_stopping", allowed="early_stopping=False")
            known = set(EPOCHS) & set(candidate.train.hyperparameters)
            if self.strategy.max_resource is None and not known:
                allowed = f"max_resource, or a hyperparameter of {', '.join(EPOCHS)}"
                raise refuse("strategy-hyperband", where=where, got="no max_resource", allowed=allowed)

    def _check_counts(self, where: str) -> None:
        if self.max_jobs is not None:
            check_whole("max_jobs", self.max_jobs, where, 1, 1_000_000)
        grid = sum(combinations(candidate.ranges) for candidate in self.definitions)
        if isinstance(self.strategy, Grid) and self.max_jobs not in (None, grid):
            raise refuse("strategy-grid", where=where, got=f"max_jobs={self.max_jobs}", allowed=f"None, or {grid}")
        if self.max_jobs is None and not isinstance(self.strategy, Grid) and not self._ends:
            allowed = "max_jobs, budget, or a completion"
            raise refuse("tune-endless", where=where, got="none of them", allowed=allowed)
        check_whole("parallel", self.parallel, where, 1, self.max_jobs or 1_000_000)
        if self.budget is not None:
            least, most = (timedelta(seconds=seconds) for seconds in limits.TUNING_SECONDS)
            check_duration("budget", self.budget, where, least, most)
        if self.seed is not None:
            check_whole("seed", self.seed, where, 0, 2**31 - 1)

    @property
    def _ends(self) -> bool:
        return self.budget is not None or self.completion is not None

    @property
    def definitions(self) -> tuple[Candidate, ...]:
        """Every algorithm with its ranges; the only one of `train` has the step's own name."""
        if self.train is None or self.objective is None:
            return self.trainings
        return (Candidate(name=self.name, train=self.train, objective=self.objective, ranges=self.ranges),)

    @property
    def inner_names(self) -> tuple[str, ...]:
        """The names under which several candidates keep their code and their artifacts, beside the steps'."""
        return tuple(f"{self.name}-{candidate.name}" for candidate in self.trainings)

    @property
    def images(self) -> tuple[ContainerImage | Algorithm, ...]:
        """What the best artifact can come from."""
        return tuple(dict.fromkeys(candidate.train.image for candidate in self.definitions))

    @property
    def keys(self) -> Mapping[str, str]:
        """The hyperparameters that every candidate searches, by the keys of their results."""
        searched = [candidate.ranges for candidate in self.definitions]
        common = [name for name in searched[0] if all(name in ranges for ranges in searched)]
        return {f"best_{re.sub(r'[^A-Za-z0-9]', '_', name)}": name for name in common}

    @property
    def result_keys(self) -> tuple[str, ...]:
        return (*self.keys, TUNING_JOB)

    @property
    def model(self) -> ModelArtifact:
        """The artifact of the best training job."""
        return ModelArtifact(self.name)

    @property
    def job_name(self) -> JobName:
        """The name of the best training job."""
        return JobName(self.name)

    @property
    def tuning_job(self) -> Result:
        """The name of the tuning job itself, for a later one to start warm from."""
        return Result(self.name, TUNING_JOB)

    def metric(self, name: str = OBJECTIVE) -> Metric:
        """The best job's value of the objective, to be compared."""
        known = (OBJECTIVE, *(candidate.objective.metric for candidate in self.definitions))
        if name not in known:
            where = f"{self.name}.metric({name!r})"
            raise refuse("metric-unknown", where=where, got=repr(name), allowed=known, step=self.name, name=name)
        return Metric(self.name, OBJECTIVE)

    def best(self, hyperparameter: str) -> Result:
        """The best job's value of a hyperparameter that was searched, as text."""
        for key, name in self.keys.items():
            if name == hyperparameter:
                return Result(self.name, key)
        where, allowed = f"{self.name}.best({hyperparameter!r})", tuple(self.keys.values())
        got = repr(hyperparameter)
        raise refuse("result-unknown", where=where, got=got, allowed=allowed, step=self.name, name=hyperparameter)


def check_candidate(candidate: Candidate, where: str) -> None:
    """A training job that a tuning job can run, ranges that it can search, an objective that it reports."""
    check_kind("train", candidate.train, where, Train)
    check_kind("objective", candidate.objective, where, Objective)
    train, ranges, metric = candidate.train, candidate.ranges, candidate.objective.metric
    for name in _TRAIN_ALONE:
        if getattr(train, name):
            raise refuse("tune-train", where=where, got=f"Train({name}=...)", allowed=f"a Train without {name}")
    if train.code is not None and isinstance(train.image, Image):
        got = "code in a team's own image"
        raise refuse("tune-train", where=where, got=got, allowed="one of AWS's images, or no code")
    if not 1 <= len(ranges) <= limits.TUNED_HYPERPARAMETERS:
        bounds = f"1 to {limits.TUNED_HYPERPARAMETERS}"
        raise refuse("number-range", quantity="the number of ranges", where=where, got=len(ranges), allowed=bounds)
    for name, item in ranges.items():
        if not _HYPERPARAMETER.fullmatch(name):
            allowed = "up to 256 letters, digits and _.-"
            raise refuse("kind", where=where, got=repr(name), allowed=allowed, field="the name of a range")
        check_kind(f"ranges[{name!r}]", item, where, Integer, Continuous, Categorical)
    both = sorted(set(ranges) & set(train.hyperparameters))
    if both:
        raise refuse("range-taken", where=where, got=both, allowed="a range, or a hyperparameter of the Train")
    # The library's own three, those of distributed training, and the tuner's _tuning_objective_metric count too.
    most = limits.HYPERPARAMETERS - 4 - (4 if train.distributed else 0)
    count = len(ranges) + len(train.hyperparameters)
    if count > most:
        quantity = "the number of hyperparameters"
        raise refuse("number-range", quantity=quantity, where=where, got=count, allowed=f"at most {most}")
    keys = {re.sub(r"[^A-Za-z0-9]", "_", name) for name in ranges}
    if len(keys) != len(ranges):
        raise refuse("range-alike", where=where, got=tuple(ranges), allowed="names that differ in letters and digits")
    defined = tuple(item.name for item in train.metrics)
    if metric not in defined and not (train.tells_metrics and METRIC_NAME.fullmatch(metric)):
        known = defined or "metrics=(MetricDefinition(...),) of the Train"
        raise refuse("objective", where=where, got=repr(metric), allowed=known)
