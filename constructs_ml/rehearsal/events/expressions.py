"""Metric math: what alarms compute of several metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from constructs_ml.rehearsal.events.metrics import Metrics, Series, UnsupportedStatisticError

_Value = float | Series | list[Series] | str
_WORDS = ((r"&&", " and "), (r"\|\|", " or "), (r"\bAND\b", " and "), (r"\bOR\b", " or "), (r"\^", "**"))
_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARED: dict[type, Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SUMMED: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_STATISTICS = {"AVG": "Average", "SUM": "Sum", "MIN": "Minimum", "MAX": "Maximum", "COUNT": "SampleCount"}
_NAME = r"(?:\"([^\"]+)\"|([A-Za-z_][\w./:-]*))"
_SELECT = re.compile(
    rf"SELECT\s+(AVG|SUM|MIN|MAX|COUNT)\(\s*{_NAME}\s*\)\s+FROM\s+(?:SCHEMA\(\s*{_NAME}\s*((?:,[^)]*)?)\)|{_NAME})",
    re.IGNORECASE,
)


class Math:
    """Evaluates the expressions of one alarm over the periods of `window`.

    `metrics` are its series by id; ids of other expressions are evaluated as they are met.
    """

    def __init__(self, metrics: Mapping[str, Series], expressions: Mapping[str, str], window: range) -> None:
        self._metrics, self._expressions, self._window = metrics, expressions, window

    def value(self, expression: str) -> Series:
        """The series of an expression. Raises `UnsupportedStatisticError` that names what is not known here."""
        for word, python in _WORDS:
            expression = re.sub(word, python, expression)
        try:
            found = self._node(ast.parse(expression.strip(), mode="eval").body)
        except (SyntaxError, RecursionError, IndexError, TypeError, AttributeError) as wrong:
            raise UnsupportedStatisticError(f"expression {expression!r}: {wrong}") from None
        return self._series(found)

    def _node(self, node: ast.expr) -> _Value:
        match node:
            case ast.Constant(value=value) if isinstance(value, (int, float, str)):
                return value
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._pairwise(operator.mul, -1.0, self._node(inner))
            case ast.BinOp(left=left, op=op, right=right):
                return self._pairwise(_BINARY[type(op)], self._node(left), self._node(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                compared = _COMPARED[type(op)]
                return self._pairwise(lambda a, b: float(compared(a, b)), self._node(left), self._node(right))
            case ast.BoolOp(op=op, values=[first, *rest]):
                both = isinstance(op, ast.And)
                found = self._node(first)
                for one in rest:
                    found = self._pairwise(lambda a, b: _logical(a, b, both=both), found, self._node(one))
                return found
            case ast.List(elts=items):
                return [self._series(self._node(item)) for item in items]
            case ast.Call(func=ast.Name(id=name), args=given):
                return self._function(name.upper(), given)
        raise UnsupportedStatisticError(f"expression with {ast.unparse(node)!r}")

    def _named(self, name: str) -> Series:
        if name in self._metrics:
            return self._metrics[name]
        if name in self._expressions:
            return self.value(self._expressions[name])
        raise UnsupportedStatisticError(f"expression with {name!r}, which is no metric of the alarm")

    def _function(self, name: str, given: list[ast.expr]) -> _Value:
        if name == "METRICS":
            part = self._node(given[0]) if given else ""
            return [series for id, series in self._metrics.items() if str(part) in id]
        if name == "FILL":
            return self._filled(self._series(self._node(given[0])), given[1])
        values = [self._node(one) for one in given]
        if name in _SUMMED:
            return _summed(_SUMMED[name], values[0])
        if name in _EACH:
            return {index: float(_EACH[name](value)) for index, value in self._series(values[0]).items()}
        if name == "IF":
            return self._choose(*values)
        raise UnsupportedStatisticError(f"metric math function {name}")

    def _choose(self, condition: _Value, then: _Value, otherwise: _Value = 0.0) -> Series:
        tests, yes, no = (self._series(one) for one in (condition, then, otherwise))
        chosen = {index: (yes if test else no).get(index) for index, test in tests.items()}
        return {index: value for index, value in chosen.items() if value is not None}

    def _filled(self, series: Series, node: ast.expr) -> Series:
        repeats = isinstance(node, ast.Name) and node.id == "REPEAT"
        if isinstance(node, ast.Name) and node.id == "LINEAR":
            raise UnsupportedStatisticError("metric math function FILL(..., LINEAR)")
        filler = {} if repeats else self._series(self._node(node))
        found, last = {}, None
        for index in self._window:
            last = series.get(index, last if repeats else filler.get(index))
            if last is not None:
                found[index] = last
        return found

    def _pairwise(self, combine: Callable[[float, float], float], left: _Value, right: _Value) -> _Value:
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return combine(left, right)
        one, other = self._series(left), self._series(right)
        found: Series = {}
        for index in one.keys() & other.keys():
            try:
                found[index] = float(combine(one[index], other[index]))
            except (ArithmeticError, TypeError):  # such as a division by zero: there is no data in this period
                continue
        return found

    def _series(self, value: _Value) -> Series:
        if isinstance(value, dict):
            return value
        if isinstance(value, (int, float)):
            return dict.fromkeys(self._window, float(value))
        raise UnsupportedStatisticError("expression that gives several series, or text, where one series is needed")


def _logical(left: float, right: float, *, both: bool) -> float:
    return float(bool(left) and bool(right)) if both else float(bool(left) or bool(right))


def _summed(combine: Callable[[Sequence[float]], float], value: _Value) -> float | Series:
    """Of several series one, period by period; of one series one number."""
    if isinstance(value, list):
        periods = {index for series in value for index in series}
        return {index: combine([series[index] for series in value if index in series]) for index in periods}
    return combine(list(value.values())) if isinstance(value, dict) and value else 0.0


def select(query: str, metrics: Metrics, period: int) -> Series:
    """A Metrics Insights query that gives one series: `SELECT AVG("m") FROM SCHEMA("ns", d)`."""
    found = _SELECT.fullmatch(query.strip())
    if found is None:
        raise UnsupportedStatisticError(f"query {query!r}: SELECT, a function and FROM alone are known here")
    parts: list[Any] = list(found.groups())
    name, namespace = parts[1] or parts[2], parts[3] or parts[4] or parts[6] or parts[7]
    names = frozenset(word.strip().strip('"') for word in (parts[5] or "").split(",") if word.strip())
    return metrics.selected(namespace, name, names, _STATISTICS[parts[0].upper()], period)
