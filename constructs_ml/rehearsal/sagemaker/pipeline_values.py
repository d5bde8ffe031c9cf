"""Values in definitions of SageMaker Pipelines: `Get`, `Std:Join`, `Std:JsonGet`, and the conditions over them.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-properties.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Json

_PART = re.compile(r"\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")
_COMPARE: Mapping[str, Callable[[Json, Json], bool]] = MappingProxyType(
    {
        "Equals": operator.eq,
        "GreaterThan": operator.gt,
        "GreaterThanOrEqualTo": operator.ge,
        "LessThan": operator.lt,
        "LessThanOrEqualTo": operator.le,
    }
)


class UnresolvedError(Exception):
    """A value that is not there; its text is the step's failure."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may name: parameters, facts of the run, what steps left, and files that steps wrote."""

    parameters: Mapping[str, Json]
    execution: Mapping[str, Json]
    steps: Mapping[str, Json]
    read: Callable[[str, str], Json]

    def value(self, given: Json) -> Json:
        """A value with everything in it computed."""
        match given:
            case {"Get": str(path)} if len(given) == 1:
                return self._get(path)
            case {"Std:Join": {"On": between, "Values": values}} if len(given) == 1:
                return str(between).join(_text(self.value(item)) for item in values)
            case {"Std:JsonGet": {"PropertyFile": {"Get": str(place)}, "Path": path}} if len(given) == 1:
                _, step, _, name = place.split(".", 3)
                return found(self.read(step, name), str(path), f"{place} at {path}")
            case Mapping():
                return {key: self.value(item) for key, item in given.items()}
            case list():
                return [self.value(item) for item in given]
        return given

    def holds(self, condition: Mapping[str, Json]) -> bool:
        """Whether a condition holds."""
        kind = condition["Type"]
        match kind:
            case "Or":
                return any(self.holds(item) for item in condition["Conditions"])
            case "Not":
                return not self.holds(condition["Expression"])
            case "In":
                return self.value(condition["QueryValue"]) in [self.value(item) for item in condition["Values"]]
            case _ if kind in _COMPARE:
                left, right = self.value(condition["LeftValue"]), self.value(condition["RightValue"])
                try:
                    return _COMPARE[kind](left, right)
                except TypeError:
                    raise UnresolvedError(f"{kind} cannot compare {left!r} with {right!r}") from None
        raise UnresolvedError(f"there is no condition of the type {kind!r}")

    def _get(self, path: str) -> Json:
        place, _, rest = path.partition(".")
        if place == "Parameters":
            return found(self.parameters, rest, path)
        if place == "Execution":
            return found(self.execution, rest, path)
        step, _, rest = rest.partition(".")
        if place != "Steps" or step not in self.steps:
            raise UnresolvedError(f"{path}: there is no such step, or it did not run")
        return found(self.steps[step], rest, path)


def found(value: Json, path: str, whole: str) -> Json:
    """What a path such as "Outputs['metrics'].S3Output.S3Uri" leads to; lists are also keyed by a member's name."""
    position = 0
    while position < len(path):
        part = _PART.match(path, position)
        if part is None:
            raise UnresolvedError(f"{whole!r} is no path")
        name, index, key = part.groups()
        value = _member(value, name or key, index, whole)
        position = part.end()
    return value


def _member(value: Json, name: str, index: str | None, whole: str) -> Json:
    if isinstance(value, Mapping) and name in value:
        return value[name]
    if isinstance(value, list):
        if index is not None and int(index) < len(value):
            return value[int(index)]
        keyed = [item for item in value if isinstance(item, Mapping) and name in _names(item)]
        if keyed:
            return keyed[0]
    raise UnresolvedError(f"{whole} is not there")


def _names(item: Mapping[str, Json]) -> list[Json]:
    return [value for key, value in item.items() if key.endswith("Name") or key == "Name"]


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
