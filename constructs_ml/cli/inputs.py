"""The inputs of a run as they are typed, checked against what the pipeline declares before anything is called."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import cast

from constructs_ml.faults import Faults
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.values import InputType, fits

_FORMS: dict[InputType, str] = {
    "String": "any text",
    "Number": "a finite number such as 3 or 0.5",
    "Boolean": "true or false",
    "List": 'a JSON array of at least one item, such as ["Bern", "Basel"]',
}
Given = str | float | bool | list[object]


def given_inputs(spec: PipelineSpec, texts: Sequence[str]) -> dict[str, Given]:
    """The values of "name=value" texts. Raises `SpecError` with every text that cannot be given to a run."""
    where, faults = f"pipeline {spec.name!r}", Faults()
    declared = {item.name: item for item in spec.inputs}
    found: dict[str, Given] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in found:
            faults.add("run-input", where=where, got=repr(text), allowed="name=value, each name once")
        elif name not in declared:
            allowed = tuple(declared) or "no inputs"
            faults.add("input-foreign", where=where, got=repr(name), allowed=allowed, name=name)
        else:
            read = _value(value, declared[name].type)
            if read is None:
                kind = declared[name].type
                faults.add("run-value", where=where, got=repr(value), allowed=f"{kind}: {_FORMS[kind]}", name=name)
            found[name] = value if read is None else read
    missing = [item.name for item in spec.inputs if item.required and item.name not in found]
    if missing:
        faults.add("run-missing", where=where, got=tuple(found) or "no inputs", allowed=missing)
    faults.raise_if_any()
    return found


def _value(text: str, type: InputType) -> Given | None:
    """A text as a value of this type, None if it is none."""
    if type == "String":
        return text
    try:
        value = json.loads(text, parse_constant=_no_json)
    except ValueError:
        return None
    endless = isinstance(value, float) and not math.isfinite(value)
    sound = fits(value, type) and value != [] and not endless
    return cast("Given", value) if sound else None


def _no_json(text: str) -> None:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(text)
