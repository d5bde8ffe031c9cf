"""The inputs of a run as they are typed, checked against what the pipeline declares before anything is called."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from constructs_ml.faults import Faults
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.values import InputType

_FORMS = {"String": "any text", "Number": "a finite number such as 3 or 0.5", "Boolean": "true or false"}


def given_inputs(spec: PipelineSpec, texts: Sequence[str]) -> dict[str, str | float | bool]:
    """The values of "name=value" texts. Raises `SpecError` with every text that cannot be given to a run."""
    where, faults = f"pipeline {spec.name!r}", Faults()
    declared = {item.name: item for item in spec.inputs}
    found: dict[str, str | float | bool] = {}
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


def _value(text: str, type: InputType) -> str | float | bool | None:
    """A text as a value of this type, None if it is none."""
    if type == "String":
        return text
    if type == "Boolean":
        return {"true": True, "false": False}.get(text)
    try:
        number = json.loads(text)
    except ValueError:
        return None
    sound = isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)
    return number if sound else None
