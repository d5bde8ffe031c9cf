"""What a tuning job searches: ranges, the strategy, the objective, and when it has found enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_number, check_tuple, check_whole
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import Input, Result

Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


@dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers from `low` to `high`. A logarithmic scale needs numbers above 0."""

    low: int
    high: int
    scaling: Literal["Auto", "Linear", "Logarithmic"] = "Auto"

    def __post_init__(self) -> None:
        check_fields(self, "Integer")
        if not all(isinstance(item, int) and not isinstance(item, bool) for item in (self.low, self.high)):
            raise refuse("range-bounds", where="Integer", got=f"{self.low!r} to {self.high!r}", allowed="whole numbers")
        _check_range(self, ("Auto", "Linear", "Logarithmic"))


@dataclass(frozen=True, slots=True)
class Continuous:
    """Numbers from `low` to `high`. A logarithmic scale needs numbers above 0, its reverse 0 <= x < 1."""

    low: float
    high: float
    scaling: Scaling = "Auto"

    def __post_init__(self) -> None:
        check_fields(self, "Continuous")
        _check_range(self, ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic"))


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of some texts."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self, "Categorical")
        check_tuple("values", self.values, "Categorical", str)
        if not 1 <= len(self.values) <= limits.CATEGORIES or len(set(self.values)) != len(self.values):
            allowed = f"1 to {limits.CATEGORIES} texts, each once"
            raise refuse("range-bounds", where="Categorical", got=self.values, allowed=allowed)


Range = Integer | Continuous | Categorical


def _check_range(found: Integer | Continuous, scalings: tuple[str, ...]) -> None:
    where = type(found).__name__
    for name, value in (("low", found.low), ("high", found.high)):
        check_number(name, value, where, -1e308, 1e308)
    got = f"{found.low} to {found.high}"
    if found.low >= found.high:
        raise refuse("range-bounds", where=where, got=got, allowed="low below high")
    if found.scaling not in scalings:
        raise refuse("range-scaling", where=where, got=repr(found.scaling), allowed=scalings)
    if found.scaling == "Logarithmic" and found.low <= 0:
        raise refuse("range-scaling", where=where, got=f"{got}, Logarithmic", allowed="numbers above 0")
    if found.scaling == "ReverseLogarithmic" and not (found.low >= 0 and found.high < 1):
        raise refuse("range-scaling", where=where, got=f"{got}, ReverseLogarithmic", allowed="0 <= x < 1")


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric that decides which training job is best."""

    metric: str
    goal: Literal["Maximize", "Minimize"]

    def __post_init__(self) -> None:
        check_fields(self, "Objective")
        if self.goal not in ("Maximize", "Minimize"):
            raise refuse("objective", where="Objective", got=repr(self.goal), allowed=("Maximize", "Minimize"))


@dataclass(frozen=True, slots=True)
class Random:
    """Values at random; every training job can run at the same time."""


@dataclass(frozen=True, slots=True)
class Bayesian:
    """Values chosen by what earlier training jobs found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperband:
    """Many jobs begin, and those that do badly are stopped; the objective must be logged while they run.

    Resources are what the job counts its progress in, such as epochs. Without `max_resource` it is read from the
    static hyperparameter `epochs`, `numepochs`, `n-epochs`, `n_epochs` or `num_epochs`.
    """

    min_resource: int = 1
    max_resource: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Hyperband")
        most = limits.HYPERBAND_RESOURCE
        if self.max_resource is not None:
            check_whole("max_resource", self.max_resource, "Hyperband", 1, most)
        check_whole("min_resource", self.min_resource, "Hyperband", 1, self.max_resource or most)


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of categories, once."""


Strategy = Random | Bayesian | Hyperband | Grid
EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """When the search has found enough: a value of the objective, `not_improving` jobs in a row that were no better by
    1 %, or convergence as SageMaker sees it. The first that holds ends the tuning job.
    """

    target: float | None = None
    not_improving: int | None = None
    convergence: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "Completion")
        if self.target is not None:
            check_number("target", self.target, "Completion", -3.4e38, 3.4e38)
        if self.not_improving is not None:
            check_whole("not_improving", self.not_improving, "Completion", limits.NOT_IMPROVING_JOBS, 1_000_000)
        if self.target is None and self.not_improving is None and not self.convergence:
            raise refuse(
                "empty", thing="the completion", where="Completion", got="nothing", allowed="one of its fields"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """Earlier tuning jobs to learn from, 1 to 5 by name: of the same objective and as many hyperparameters."""

    parents: tuple[str | Input | Result, ...]
    kind: Literal["IdenticalDataAndAlgorithm", "TransferLearning"]

    def __post_init__(self) -> None:
        check_fields(self, "WarmStart")
        check_tuple("parents", self.parents, "WarmStart", str, Input, Result)
        if not 1 <= len(self.parents) <= limits.TUNING_PARENTS:
            allowed = f"1 to {limits.TUNING_PARENTS} tuning jobs"
            raise refuse("warm-start", where="WarmStart", got=f"{len(self.parents)} parents", allowed=allowed)
        if self.kind not in ("IdenticalDataAndAlgorithm", "TransferLearning"):
            kinds = ("IdenticalDataAndAlgorithm", "TransferLearning")
            raise refuse("warm-start", where="WarmStart", got=repr(self.kind), allowed=kinds)


def combinations(ranges: Mapping[str, Range]) -> int:
    """How many jobs a grid has; 0 where a range is no list of categories."""
    sizes = [len(item.values) if isinstance(item, Categorical) else 0 for item in ranges.values()]
    return math.prod(sizes)
