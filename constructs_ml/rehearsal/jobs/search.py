"""The values that a tuning job tries: drawn from the declared ranges, on their scales.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

_GRID_MOST = 1000
# How far from its hint Autotune's stand-in looks for a number.
_AROUND = 10.0


def candidates(ranges: Mapping[str, Any], strategy: str, seed: int) -> Iterator[dict[str, str]]:
    """Assignments without end, or each combination of a grid once; as text, as the API has them."""
    if strategy == "Grid":
        yield from _grid(ranges)
        return
    drawn = Random(seed)  # noqa: S311 - a search, no secret
    while True:
        yield _drawn(ranges, drawn)


def scaled(low: float, high: float, scaling: str, at: float) -> float:
    """The value at a share of a range, on its scale: 0 is the lower bound, 1 the upper."""
    if scaling == "Logarithmic" and low > 0:
        return math.exp(math.log(low) + at * (math.log(high) - math.log(low)))
    if scaling == "ReverseLogarithmic" and low >= 0 and high < 1:
        return 1 - math.exp(math.log(1 - low) + at * (math.log(1 - high) - math.log(1 - low)))
    return low + at * (high - low)


def _drawn(ranges: Mapping[str, Any], drawn: Random) -> dict[str, str]:
    found = {}
    for item in ranges.get("ContinuousParameterRanges") or ():
        low, high = float(item["MinValue"]), float(item["MaxValue"])
        value = scaled(low, high, item.get("ScalingType", "Auto"), drawn.random())
        found[item["Name"]] = repr(min(max(value, low), high))
    for item in ranges.get("IntegerParameterRanges") or ():
        first, last = int(item["MinValue"]), int(item["MaxValue"])
        # Every whole number has its own share of the scale, the bounds too.
        value = scaled(first - 0.5 if first > 0 else first, last + 0.5, item.get("ScalingType", "Auto"), drawn.random())
        found[item["Name"]] = str(min(max(round(value), first), last))
    for item in ranges.get("CategoricalParameterRanges") or ():
        found[item["Name"]] = drawn.choice(item["Values"])
    for item in ranges.get("AutoParameters") or ():
        found[item["Name"]] = _around(item["ValueHint"], drawn)
    return found


def _around(hint: str, drawn: Random) -> str:
    """A value near an example: a number of its size, or the example itself."""
    try:
        number = float(hint)
    except ValueError:
        return hint
    value = number * _AROUND ** drawn.uniform(-1, 1)
    return str(max(1, round(value))) if hint.lstrip("-").isdigit() and number > 0 else repr(value)


def _grid(ranges: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    listed = ranges.get("CategoricalParameterRanges") or ()
    names = [item["Name"] for item in listed]
    for values in itertools.islice(itertools.product(*(item["Values"] for item in listed)), _GRID_MOST):
        yield dict(zip(names, values, strict=True))
