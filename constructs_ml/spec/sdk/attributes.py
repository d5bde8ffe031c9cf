"""What an object of the SDK says: its attributes that are set, and what its placeholders stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from constructs_ml.faults import SpecError
from constructs_ml.spec.values import S3, Input, InputType

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INPUT_TYPE: dict[str, InputType] = {
    "String": "String",
    "Integer": "Number",
    "Float": "Number",
    "Boolean": "Boolean",
}


def attributes_of(thing: object) -> Mapping[str, Any]:
    """The attributes of an object that are set, private ones included; the keys of a request in Python's spelling."""
    if thing is None:
        return {}
    if isinstance(thing, Mapping):
        said = {_WORD.sub("_", str(name)).lower(): value for name, value in thing.items()}
    else:
        said = {**getattr(thing, "__dict__", {}), **(getattr(thing, "__pydantic_private__", None) or {})}
    return {name: value for name, value in said.items() if is_set(value)}


def is_set(value: object) -> bool:
    """Whether an attribute says anything: the SDK marks what is not assigned by an object of its own."""
    if value is None or type(value).__name__ == "Unassigned":
        return False
    if isinstance(value, dict):
        return any(is_set(item) for item in value.values())
    return not (isinstance(value, (str, list, tuple)) and not value)


def expression_of(value: object) -> Any | None:
    """What a placeholder of the SDK stands for in a pipeline's definition; None for everything else."""
    if isinstance(value, (str, int, float, list, tuple, Mapping)) or value is None:
        return None
    return getattr(value, "expr", None)


def is_join(value: object) -> bool:
    """Whether a placeholder joins texts and placeholders."""
    expression = expression_of(value)
    return isinstance(expression, Mapping) and set(expression) == {"Std:Join"}


def request_of(value: Any) -> Any:
    """An object of the SDK as AWS's API writes it."""
    if isinstance(value, (list, tuple)):
        return [request_of(item) for item in value]
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, Mapping):
        return deepcopy(dict(value))
    return {_pascal(name): request_of(item) for name, item in attributes_of(value).items()}


def shown(value: object) -> str:
    """A value for an error, short."""
    expression = expression_of(value)
    text = json.dumps(expression) if expression is not None else repr(getattr(value, "value", value))
    return text if len(text) <= 120 else f"{text[:117]}..."


def inside(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The placeholders inside a value, each with its place."""
    if expression_of(value) is not None:
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from inside(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from inside(item, f"{path}[{index}]")
    elif value is not None and not isinstance(value, (str, int, float)):
        for name, item in attributes_of(value).items():
            yield from inside(item, f"{path}.{name}")


def input_of(parameter: Any) -> Input | None:
    """A parameter of the SDK as an input of the pipeline; None if its name cannot be one, or its values are listed."""
    if is_set(getattr(parameter, "enum_values", None)) or not hasattr(parameter, "parameter_type"):
        return None
    kind = getattr(parameter.parameter_type, "value", parameter.parameter_type)
    default = parameter.default_value
    whole_uri = isinstance(default, str) and default.startswith("s3://")
    try:
        return Input(parameter.name, _INPUT_TYPE[kind], S3(default) if whole_uri else default)
    except SpecError:
        return None


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
