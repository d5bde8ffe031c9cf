"""AutoML: SageMaker tries algorithms and settings by itself, and names the best candidate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import (
    check_choice,
    check_duration,
    check_kind,
    check_name,
    check_number,
    check_tuple,
    check_whole,
    frozen,
)
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Network, Retry
from constructs_ml.spec.steps.common import result_of
from constructs_ml.spec.values import JobName, Location, ModelArtifact, Result

_FREQUENCY = re.compile(r"(1Y|Y|([1-9]|1[01])M|M|[1-4]W|W|[1-6]D|D|([1-9]|1\d|2[0-3])H|H|([1-9]|[1-5]\d)min)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabular:
    """A column predicted from the others. `kind` and the job's objective are given both, or AutoML chooses both.

    `candidates` is at most 750; `algorithms` are those that AutoML tries, `weight` the column of the records' weights.
    """

    target: str
    kind: Literal["BinaryClassification", "MulticlassClassification", "Regression"] | None = None
    mode: Literal["AUTO", "ENSEMBLING", "HYPERPARAMETER_TUNING"] | None = None
    candidates: int | None = None
    algorithms: tuple[str, ...] = ()
    weight: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Tabular")
        kinds = Literal["BinaryClassification", "MulticlassClassification", "Regression"]
        if self.kind is not None:
            check_choice("kind", self.kind, "Tabular", kinds)
        if self.mode is not None:
            check_choice("mode", self.mode, "Tabular", Literal["AUTO", "ENSEMBLING", "HYPERPARAMETER_TUNING"])
        if self.candidates is not None:
            check_whole("candidates", self.candidates, "Tabular", 1, limits.AUTOML_CANDIDATES)
        check_tuple("algorithms", self.algorithms, "Tabular", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextClassification:
    """The column `target` predicted from the text in the column `content`."""

    content: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClassification:
    """Images, whose classes are the folders that they lie in or stand in a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeriesForecasting:
    """The column `target` of each `item` forecast for `horizon` steps of a `frequency` such as "D", "2H" or "15min".

    Quantiles are "p1" to "p99", five at most; `groups` are further columns that tell series apart; `holidays` is the
    code of a country, such as "CH".
    """

    target: str
    timestamp: str
    item: str
    frequency: str
    horizon: int
    quantiles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    holidays: str | None = None

    def __post_init__(self) -> None:
        where = "TimeSeriesForecasting"
        check_fields(self, where)
        if not _FREQUENCY.fullmatch(self.frequency):
            allowed = "1Y, 1-11M, 1-4W, 1-6D, 1-23H, 1-59min, or the unit alone"
            raise refuse("kind", where=where, got=repr(self.frequency), allowed=allowed, field="the frequency")
        check_whole("horizon", self.horizon, where, 1, 2**31 - 1)
        check_tuple("quantiles", self.quantiles, where, str)
        check_tuple("groups", self.groups, where, str)
        for name, values in (("quantiles", self.quantiles), ("groups", self.groups)):
            if len(values) > limits.AUTOML_QUANTILES:
                quantity, allowed = f"the number of {name}", f"at most {limits.AUTOML_QUANTILES}"
                raise refuse("number-range", quantity=quantity, where=where, got=len(values), allowed=allowed)
        for item in self.quantiles:
            if not re.fullmatch(r"p[1-9]\d?", item):
                raise refuse("kind", where=where, got=repr(item), allowed="p1 to p99", field="a quantile")


# fmt: off
Objective = Literal[
    "Accuracy", "MSE", "F1", "F1macro", "AUC", "RMSE", "BalancedAccuracy", "R2", "Recall", "RecallMacro", "Precision",
    "PrecisionMacro", "MAE", "MAPE", "MASE", "WAPE", "AverageWeightedQuantileLoss",
]
# fmt: on
Problem = Tabular | TextClassification | ImageClassification | TimeSeriesForecasting


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoML:
    """An AutoML job, version 2 of the API. Without a problem, `raw` says it: so language models are fine-tuned.

    `data` is what it learns from; CSV has a header line. Without `validation`, `validation_fraction` of it is held
    back. `timeout` bounds the whole job, after which the best candidate so far is taken; `candidate_timeout` each
    candidate. `raw` is merged last into the CreateAutoMLJobV2 request.

    `model` is the artifact of the best candidate's first container; some candidates have several:
    `BatchTransform(model=automl.result("containers"))` runs them as they are.

    >>> from constructs_ml import AutoML, S3, Tabular
    >>> automl = AutoML(name="automl", data=S3("train/"), problem=Tabular(target="churned"))
    >>> str(automl.metric("objective") >= 0.8), automl.result("candidate")
    ('automl.objective >= 0.8', Result(step='automl', key='candidate'))
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, JobName, Result, Metric)
    result_keys: ClassVar[tuple[str, ...]] = ("candidate", "containers")

    name: str
    data: Location
    problem: Problem | None
    objective: Objective | None = None
    data_type: Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"] = "S3Prefix"
    validation: Location | None = None
    validation_fraction: float | None = None
    content_type: str | None = None
    network: Network = Network()
    candidate_timeout: timedelta | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        kinds = (Tabular, TextClassification, ImageClassification, TimeSeriesForecasting, type(None))
        check_kind("problem", self.problem, where, *kinds)
        check_duration("timeout", self.timeout, where, timedelta(minutes=10), 30 * DAY)
        if self.candidate_timeout is not None:
            check_duration("candidate_timeout", self.candidate_timeout, where, timedelta(minutes=1), self.timeout)
        self._check_validation(where)
        self._check_problem(where)
        if self.network.isolation:
            raise refuse(
                "job-field", where=where, got="isolation=True", allowed="vpc, encrypt_between_containers", job="AutoML"
            )
        object.__setattr__(self, "raw", frozen(self.raw))

    def _check_problem(self, where: str) -> None:
        check_choice("data_type", self.data_type, where, Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"])
        if self.objective is not None:
            check_choice("objective", self.objective, where, Objective)
        if self.problem is None and "AutoMLProblemTypeConfig" not in self.raw:
            allowed = "a problem, or raw={'AutoMLProblemTypeConfig': ...}"
            raise refuse("empty", thing="the problem", where=where, got="no problem", allowed=allowed)
        if isinstance(self.problem, Tabular) and (self.problem.kind is None) != (self.objective is None):
            got = f"kind {self.problem.kind} and objective {self.objective}"
            raise refuse("automl-objective", where=where, got=got, allowed="both, or neither")

    def _check_validation(self, where: str) -> None:
        if self.validation_fraction is None:
            return
        check_number("validation_fraction", self.validation_fraction, where, 0, 1)
        if self.validation is not None or isinstance(self.problem, TimeSeriesForecasting):
            got = f"validation_fraction={self.validation_fraction}"
            raise refuse("automl-validation", where=where, got=got, allowed="no validation_fraction")

    @property
    def model(self) -> ModelArtifact:
        """The artifact of the best candidate's first container."""
        return ModelArtifact(self.name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)

    def metric(self, name: str = "objective") -> Metric:
        """The best candidate's value of the objective."""
        if name != "objective":
            where = f"{self.name}.metric({name!r})"
            raise refuse("metric-unknown", where=where, got=repr(name), allowed="objective", step=self.name, name=name)
        return Metric(self.name, name)

    def result(self, key: str) -> Result:
        """The best candidate's name ("candidate"), or its containers as CreateModel takes them ("containers")."""
        return result_of(self.name, key, self.result_keys)
