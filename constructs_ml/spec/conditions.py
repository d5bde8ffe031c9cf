"""Conditions on metrics: written as comparisons, decided when the pipeline runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NoReturn

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_number
from constructs_ml.spec.values import Input

Operator = Literal[">=", ">", "<=", "<"]


class _Undecided:
    """A condition combines with `&`, `|` and `~`; asking for its truth value is a mistake."""

    __slots__ = ()

    def __and__(self: Condition, other: Condition) -> All:  # type: ignore[misc]  # only conditions mix it in
        return All((*_parts(self, All), *_parts(other, All)))

    def __or__(self: Condition, other: Condition) -> AnyOf:  # type: ignore[misc]  # only conditions mix it in
        return AnyOf((*_parts(self, AnyOf), *_parts(other, AnyOf)))

    def __invert__(self: Condition) -> Not:  # type: ignore[misc]  # only conditions mix it in
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise refuse(
            "truth-value",
            where=str(self),
            got="and, or, not, if, or a chained comparison such as 0.7 <= m <= 0.9",
            allowed="a & b, a | b, ~a, between(metric, low, high)",
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a step left: a key of a processing step's metrics file, or a training job's final metric.

    >>> Metric("evaluate", "auc") >= 0.8
    Comparison(metric=Metric(step='evaluate', name='auc'), operator='>=', value=0.8)
    """

    step: str
    name: str

    def __ge__(self, value: float | Metric | Input) -> Comparison:
        return Comparison(self, ">=", value)

    def __gt__(self, value: float | Metric | Input) -> Comparison:
        return Comparison(self, ">", value)

    def __le__(self, value: float | Metric | Input) -> Comparison:
        return Comparison(self, "<=", value)

    def __lt__(self, value: float | Metric | Input) -> Comparison:
        return Comparison(self, "<", value)

    def __str__(self) -> str:
        return f"{self.step}.{self.name}"


@dataclass(frozen=True, slots=True)
class Comparison(_Undecided):
    """A metric against a number, another metric, or a Number input."""

    metric: Metric
    operator: Operator
    value: float | Metric | Input

    def __post_init__(self) -> None:
        value = self.value
        if isinstance(value, Metric) or (isinstance(value, Input) and value.type == "Number"):
            return
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number:
            raise refuse(
                "condition-number",
                where=f"{self.metric} {self.operator} ...",
                got=repr(value),
                allowed="a finite number, a metric, or an Input of type Number",
            )

    def __str__(self) -> str:
        value = f"input {self.value.name}" if isinstance(self.value, Input) else str(self.value)
        return f"{self.metric} {self.operator} {value}"


@dataclass(frozen=True, slots=True)
class All(_Undecided):
    """Every one of the conditions."""

    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_bracketed(item) for item in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf(_Undecided):
    """At least one of the conditions."""

    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_bracketed(item) for item in self.conditions)


@dataclass(frozen=True, slots=True)
class Not(_Undecided):
    """The opposite of a condition."""

    condition: Condition

    def __str__(self) -> str:
        return f"not {_bracketed(self.condition)}"


Condition = Comparison | All | AnyOf | Not
CONDITIONS = (Comparison, All, AnyOf, Not)


def between(metric: Metric, low: float, high: float) -> All:
    """`low <= metric <= high`, both ends included."""
    check_kind("metric", metric, "between()", Metric)
    for quantity, value in (("the lower end", low), ("the upper end", high)):
        check_number(quantity, value, f"between({metric}, {low}, {high})", -math.inf, math.inf)
    if low > high:
        raise refuse(
            "number-range",
            quantity="the lower end of between()",
            where=f"between({metric}, {low}, {high})",
            got=low,
            allowed=f"at most {high}",
        )
    return All((metric >= low, metric <= high))


def metrics_in(condition: Condition) -> tuple[Metric, ...]:
    """Every metric that a condition compares, each once, in order of appearance."""
    match condition:
        case Comparison(metric, _, value):
            found = [metric, value] if isinstance(value, Metric) else [metric]
        case All(conditions) | AnyOf(conditions):
            found = [metric for item in conditions for metric in metrics_in(item)]
        case Not(inner):
            found = list(metrics_in(inner))
    return tuple(dict.fromkeys(found))


def inputs_in(condition: Condition) -> tuple[Input, ...]:
    """Every input that a condition compares with."""
    match condition:
        case Comparison(_, _, value):
            return (value,) if isinstance(value, Input) else ()
        case All(conditions) | AnyOf(conditions):
            return tuple(dict.fromkeys(found for item in conditions for found in inputs_in(item)))
        case Not(inner):
            return inputs_in(inner)


def _parts(condition: Condition, kind: type[All | AnyOf]) -> tuple[Condition, ...]:
    check_kind("the other side", condition, "a condition combined by & or |", *CONDITIONS)
    return condition.conditions if isinstance(condition, kind) else (condition,)


def _bracketed(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, (All, AnyOf)) else str(condition)
