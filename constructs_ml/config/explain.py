"""Pydantic's errors in this library's own words."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from constructs_ml.config.hints import hinted
from constructs_ml.config.models import DeploymentItem, ModelItem
from constructs_ml.config.schema import AccountItem, AccountsFile, InstancesItem, NetworkItem
from constructs_ml.config.source import Place, Source
from constructs_ml.faults import Faults

_PLAIN = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "text",
}


def explain(detail: ErrorDetails, source: Source, faults: Faults) -> None:
    """One of pydantic's errors in our own words."""
    place = tuple(item for item in detail["loc"] if item != "[key]")
    is_key = len(place) < len(detail["loc"])
    if is_key:
        place = (*place[:-1], str(place[-1]))
    where, got, kind = source.at(place), detail["input"], detail["type"]
    if kind == "refused":
        context = detail["ctx"]
        faults.add(context["row"], where=where, got=context["got"], allowed=context["allowed"])
    elif kind == "fault":
        faults.found.append(replace(detail["ctx"]["fault"], where=where))
    elif kind == "extra_forbidden":
        allowed = _siblings(place)
        key = str(place[-1])
        faults.add("accounts-unknown", where=where, got=hinted(key, key, allowed), allowed=allowed)
    elif kind == "missing":
        faults.add("accounts-missing", where=where, got="nothing", allowed=f"{place[-1]}:", name=place[-1])
    elif kind == "string_type" and got is not None and not isinstance(got, (dict, list)):
        # An octal number or a date no longer looks the way it was written.
        words = str(got) if is_key else source.words.get(place, str(got))
        faults.add("accounts-quotes", where=where, got=words, allowed=f'text in quotes, such as "{words}"')
    else:
        kinds: dict[type, str] = {dict: "a mapping", list: "a list"}
        shown = "nothing" if got in (None, {}, []) else kinds.get(type(got), repr(got))
        faults.add("accounts-value", where=where, got=shown, allowed=_allowed(detail))


def _siblings(place: Place) -> tuple[str, ...]:
    """The keys that the mapping around a place may have."""
    if len(place) == 1:
        return tuple(AccountsFile.model_fields)
    model: type[BaseModel] | None = AccountItem
    if len(place) > 3:
        inner: dict[str, type[BaseModel]] = {"network": NetworkItem, "instances": InstancesItem}
        model = _of_model(place) if place[2] == "models" else inner.get(str(place[2]))
    return tuple(model.model_fields) if model else ()


def _of_model(place: Place) -> type[BaseModel]:
    """Below a model's name stand its settings, and below those its deployment policy's."""
    return DeploymentItem if len(place) > 5 else ModelItem


def _allowed(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] in _PLAIN:
        return _PLAIN[detail["type"]]
    if "pattern" in context:
        return f"text like {context['pattern']}"
    if "expected" in context:
        return str(context["expected"])
    if detail["type"] in ("too_short", "string_too_short"):
        return f"at least {context['min_length']}"
    if detail["type"] in ("too_long", "string_too_long"):
        return f"at most {context['max_length']}"
    return detail["msg"].removeprefix("Input should be ")
