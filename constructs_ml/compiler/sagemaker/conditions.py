"""Conditions on metrics as SageMaker Pipelines decides them: a list that must hold, of comparisons and of `Or`."""

from __future__ import annotations

from itertools import product
from math import prod

from constructs_ml.compiler.sagemaker.expressions import PipelineExpressions, rendered
from constructs_ml.compiler.template import Json
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Metric, Not, Operator
from constructs_ml.spec.values import Input

_TYPE: dict[Operator, str] = {
    ">=": "GreaterThanOrEqualTo",
    ">": "GreaterThan",
    "<=": "LessThanOrEqualTo",
    "<": "LessThan",
}
_OPPOSITE: dict[Operator, Operator] = {">=": "<", "<": ">=", ">": "<=", "<=": ">"}

Clause = tuple[Comparison, ...]
"""Comparisons of which at least one must hold."""


def clauses(condition: Condition, *, opposite: bool = False) -> tuple[Clause, ...]:
    """A condition as clauses that must all hold: the service has a list, and `Or`, but no `And` inside an `Or`.

    A negation goes into the comparisons, whose numbers are finite.
    """
    match condition:
        case Comparison(metric, operator, value):
            found: Comparison = Comparison(metric, _OPPOSITE[operator], value) if opposite else condition
            return ((found,),)
        case Not(inner):
            return clauses(inner, opposite=not opposite)
        case All(conditions) | AnyOf(conditions):
            each = [clauses(item, opposite=opposite) for item in conditions]
            if isinstance(condition, All) is not opposite:
                return tuple(dict.fromkeys(clause for item in each for clause in item))
            combined = (tuple(dict.fromkeys(part for clause in choice for part in clause)) for choice in product(*each))
            return tuple(dict.fromkeys(combined))


def size(condition: Condition, *, opposite: bool = False) -> int:
    """How many clauses a condition has at most; a few `&` inside of `|` may make many."""
    match condition:
        case Comparison():
            return 1
        case Not(inner):
            return size(inner, opposite=not opposite)
        case All(conditions) | AnyOf(conditions):
            each = [size(item, opposite=opposite) for item in conditions]
            return sum(each) if isinstance(condition, All) is not opposite else prod(each)


def conditions(condition: Condition, expressions: PipelineExpressions) -> list[Json]:
    """The `Conditions` of a condition step."""
    return [_clause(clause, expressions) for clause in clauses(condition)]


def _clause(clause: Clause, expressions: PipelineExpressions) -> Json:
    compared = [_comparison(item, expressions) for item in clause]
    return compared[0] if len(compared) == 1 else {"Type": "Or", "Conditions": compared}


def _comparison(comparison: Comparison, expressions: PipelineExpressions) -> Json:
    value = comparison.value
    right: Json = value
    if isinstance(value, Metric):
        right = expressions.metric(value)
    elif isinstance(value, Input):
        right = rendered(expressions.reference(value))
    return {
        "Type": _TYPE[comparison.operator],
        "LeftValue": expressions.metric(comparison.metric),
        "RightValue": right,
    }
