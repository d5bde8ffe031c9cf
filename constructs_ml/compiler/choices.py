"""Conditions on metrics as the rules of a Choice state."""

from __future__ import annotations

from constructs_ml.compiler.expressions import key_of, path_of, result_path
from constructs_ml.compiler.template import Json
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Metric, Not
from constructs_ml.spec.values import Input

_OPERATOR = {
    ">=": "NumericGreaterThanEquals",
    ">": "NumericGreaterThan",
    "<=": "NumericLessThanEquals",
    "<": "NumericLessThan",
}
# Every finite number lies between these; NaN compares false with both, infinity with one.
_LARGEST = 1.7e308


def metric_path(metric: Metric) -> str:
    """Where a compared metric stands once its step has ended."""
    return result_path(metric.step, f"metrics.{key_of(metric.name)}")


def rule(condition: Condition) -> dict[str, Json]:
    """A condition as a Choice rule without its Next."""
    match condition:
        case Comparison(metric, operator, value):
            variable = {"Variable": metric_path(metric)}
            if isinstance(value, Metric):
                return variable | {f"{_OPERATOR[operator]}Path": metric_path(value)}
            if isinstance(value, Input):
                return variable | {f"{_OPERATOR[operator]}Path": path_of(value)}
            return variable | {_OPERATOR[operator]: value}
        case All(conditions):
            return {"And": [rule(item) for item in conditions]}
        case AnyOf(conditions):
            return {"Or": [rule(item) for item in conditions]}
        case Not(inner):
            return {"Not": rule(inner)}


def is_finite(path: str) -> list[Json]:
    """Checks that a value is there and is a finite number."""
    return [
        {"Variable": path, "IsPresent": True},
        {"Variable": path, "IsNumeric": True},
        {"Variable": path, "NumericGreaterThanEquals": -_LARGEST},
        {"Variable": path, "NumericLessThanEquals": _LARGEST},
    ]
