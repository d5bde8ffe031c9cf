"""What can happen to a run of a pipeline: each arm of each gate, and another run that holds the turn."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constructs_ml import PipelineSpec
from constructs_ml.compiler.concurrency import TAKE
from constructs_ml.compiler.table import CONFLICT, NO_EXECUTION
from constructs_ml.spec.concurrency import Allow
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Metric, Not, inputs_in, metrics_in
from constructs_ml.spec.steps import Fail, ForEach, Gate, Parallel, walk
from constructs_ml.spec.values import Input
from tests.answers import Scenario

Values = Mapping[Metric, float]
_COMPARE = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def scenarios(spec: PipelineSpec, given: Mapping[str, Any]) -> tuple[Scenario, ...]:
    """Runs that take every arm of every gate, one that ends well first; and, in turns, those that must wait for it."""
    found = [Scenario(metrics=_by_step(values)) for values in _decisions(spec, given)]
    if not isinstance(spec.concurrency, Allow):
        owner = {"Item": {"owner": {"S": f"{spec.name}:run-0"}}}
        answers = {
            "See whose turn it is": owner,
            "Look at the other run": {"Status": "SUCCEEDED"},
            "Look at the other run again": {"Status": "SUCCEEDED"},
        }
        for news in ({}, {"Look at the other run": NO_EXECUTION}):
            found.append(Scenario(metrics=found[0].metrics, once={TAKE: CONFLICT, **news}, answers=answers))
    return tuple(found)


def _decisions(spec: PipelineSpec, given: Mapping[str, Any]) -> list[Values]:
    """Metrics that together take each arm of each gate that a run can reach."""
    conditions = [step.when for step in walk(spec.steps) if isinstance(step, Gate)]
    metrics = tuple(dict.fromkeys(metric for condition in conditions for metric in metrics_in(condition)))
    candidates = _candidates(conditions, given)
    ends: list[tuple[bool, frozenset[tuple[str, bool]], Values]] = []
    for numbers in itertools.product(candidates, repeat=len(metrics)):
        values = dict(zip(metrics, numbers, strict=True))
        taken: set[tuple[str, bool]] = set()
        ends.append((not _goes_on(spec.steps, values, given, taken), frozenset(taken), values))
    ends.sort(key=lambda end: end[0])
    chosen: list[Values] = []
    seen: set[tuple[str, bool]] = set()
    for _, arms, values in ends:
        if not chosen or arms - seen:
            chosen.append(values)
            seen |= arms
    return chosen


def _candidates(conditions: Sequence[Condition], given: Mapping[str, Any]) -> tuple[float, ...]:
    """Numbers on every side of every bound."""
    bounds = {value for condition in conditions for value in _bounds(condition, given)}
    return tuple(sorted({0.0, *(bound + step for bound in bounds for step in (-0.01, 0.01))}))


def _bounds(condition: Condition, given: Mapping[str, Any]) -> Iterator[float]:
    match condition:
        case Comparison(_, _, value):
            if not isinstance(value, (Metric, Input)):
                yield float(value)
        case All(conditions) | AnyOf(conditions):
            for item in conditions:
                yield from _bounds(item, given)
        case Not(inner):
            yield from _bounds(inner, given)
    yield from (_given(item, given) for item in inputs_in(condition))


def _goes_on(steps: Sequence[Any], values: Values, given: Mapping[str, Any], taken: set[tuple[str, bool]]) -> bool:
    """Whether steps come to their end; `taken` gathers the arms."""
    for step in steps:
        inner: tuple[Sequence[Any], ...] = ()
        match step:
            case Fail():
                return False
            case Gate():
                opened = holds(step.when, values, given)
                taken.add((step.name, opened))
                inner = (step.then if opened else step.otherwise,)
            case Parallel():
                inner = step.branches
            case ForEach():
                inner = (step.steps,)
        if not all(_goes_on(part, values, given, taken) for part in inner):
            return False
    return True


def holds(condition: Condition, values: Values, given: Mapping[str, Any]) -> bool:
    """What a condition says of these metrics."""
    match condition:
        case Comparison(metric, sign, other):
            bound = values[other] if isinstance(other, Metric) else other
            number = _given(bound, given) if isinstance(bound, Input) else bound
            return bool(_COMPARE[sign](values[metric], number))
        case All(conditions):
            return all(holds(item, values, given) for item in conditions)
        case AnyOf(conditions):
            return any(holds(item, values, given) for item in conditions)
        case Not(inner):
            return not holds(inner, values, given)


def _given(item: Input, given: Mapping[str, Any]) -> float:
    return float(given.get(item.name, item.default))


def _by_step(values: Values) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for metric, value in values.items():
        found.setdefault(metric.step, {})[metric.name] = value
    return found
