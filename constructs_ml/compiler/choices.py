"""Conditions on metrics as the rules of a Choice state."""

from __future__ import annotations

from constructs_ml.compiler.paths import StatesExpressions
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


def rule(condition: Condition, expressions: StatesExpressions) -> dict[str, Json]:
    """A condition as a Choice rule without its Next."""
    match condition:
        case Comparison(metric, operator, value):
            variable = {"Variable": expressions.path(metric)}
            if isinstance(value, (Metric, Input)):
                return variable | {f"{_OPERATOR[operator]}Path": expressions.path(value)}
            return variable | {_OPERATOR[operator]: value}
        case All(conditions):
            return {"And": [rule(item, expressions) for item in conditions]}
        case AnyOf(conditions):
            return {"Or": [rule(item, expressions) for item in conditions]}
        case Not(inner):
            return {"Not": rule(inner, expressions)}


def is_finite(path: str) -> list[Json]:
    """Checks that a value is there and is a finite number."""
    return [
        {"Variable": path, "IsPresent": True},
        {"Variable": path, "IsNumeric": True},
        {"Variable": path, "NumericGreaterThanEquals": -_LARGEST},
        {"Variable": path, "NumericLessThanEquals": _LARGEST},
    ]
