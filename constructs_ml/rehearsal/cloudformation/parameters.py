"""The values of a template's parameters: given, kept, defaulted, or read from Parameter Store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_ml.rehearsal.calls import Json, ServiceError

_FROM_STORE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_HIDDEN = "****"
FetchParameter = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a stack: the text that was given, and the value that `Ref` has."""

    name: str
    given: str
    value: Json
    stored: bool
    hidden: bool

    @property
    def shown(self) -> dict[str, str]:
        """As DescribeStacks shows it."""
        answer = {"ParameterKey": self.name, "ParameterValue": _HIDDEN if self.hidden else self.given}
        if self.stored:
            answer["ResolvedValue"] = ",".join(self.value) if isinstance(self.value, list) else str(self.value)
        return answer


def parameter_values(
    declared: Mapping[str, Mapping[str, Json]],
    given: Sequence[Mapping[str, Any]],
    before: Mapping[str, Parameter],
    fetch: FetchParameter,
) -> dict[str, Parameter]:
    """Every declared parameter with its value. `ServiceError` as CloudFormation words what is wrong."""
    unknown = [entry["ParameterKey"] for entry in given if entry["ParameterKey"] not in declared]
    if unknown:
        raise _wrong(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    texts = {name: str(about["Default"]) for name, about in declared.items() if "Default" in about}
    texts = {name: _default(declared[name], text) for name, text in texts.items()}
    for entry in given:
        name = entry["ParameterKey"]
        if entry.get("UsePreviousValue"):
            if name not in before:
                raise _wrong(f"Parameters: [{name}] must have values")
            texts[name] = before[name].given
        else:
            texts[name] = entry.get("ParameterValue") or ""
    missing = [name for name in declared if name not in texts]
    if missing:
        raise _wrong(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: _parameter(name, about, texts[name], fetch) for name, about in declared.items()}


def _default(about: Mapping[str, Json], text: str) -> str:
    value = about["Default"]
    return str(value).lower() if isinstance(value, bool) else text


def _parameter(name: str, about: Mapping[str, Json], text: str, fetch: FetchParameter) -> Parameter:
    type = str(about.get("Type", ""))
    if not type:
        raise _wrong(f"Template format error: Every Parameters object must contain a Type member ({name}).")
    _check(name, about, text)
    stored = _FROM_STORE.fullmatch(type)
    inner = stored[1] if stored else type
    value: Json = fetch(text) if stored else text
    if inner == "CommaDelimitedList" or inner.startswith("List<"):
        value = [item.strip() for item in value.split(",")] if value else []
    if inner in ("Number", "List<Number>"):
        for number in value if isinstance(value, list) else [value]:
            if not re.fullmatch(r"-?\d+(\.\d+)?", number):
                raise _wrong(f"Parameter '{name}' must be a number.")
    return Parameter(name, text, value, bool(stored), str(about.get("NoEcho", "false")).lower() == "true")


def _check(name: str, about: Mapping[str, Json], text: str) -> None:
    said = about.get("ConstraintDescription")
    items = text.split(",") if about.get("Type") == "CommaDelimitedList" else [text]
    allowed = [
        str(value).lower() if isinstance(value, bool) else str(value) for value in about.get("AllowedValues", ())
    ]
    if allowed and any(item.strip() not in allowed for item in items):
        raise _wrong(said or f"Parameter '{name}' must be one of AllowedValues")
    pattern = about.get("AllowedPattern")
    if pattern and any(not re.fullmatch(pattern, item.strip()) for item in items):
        raise _wrong(f"Parameter '{name}' {said or f'must match pattern {pattern}'}")
    if len(text) < int(about.get("MinLength", 0)):
        raise _wrong(said or f"Parameter '{name}' must contain at least {about['MinLength']} characters")
    if len(text) > int(about.get("MaxLength", 10**6)):
        raise _wrong(said or f"Parameter '{name}' must contain at most {about['MaxLength']} characters")
    for key, words, low in (("MinValue", "not less than", True), ("MaxValue", "not greater than", False)):
        if key in about and (float(text) < float(about[key]) if low else float(text) > float(about[key])):
            raise _wrong(said or f"Parameter '{name}' must be a number {words} {about[key]}")


def _wrong(text: str) -> ServiceError:
    return ServiceError("ValidationError", text)
