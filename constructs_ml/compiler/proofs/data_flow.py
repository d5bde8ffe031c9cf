"""What stands at a path of the run's data, where the definition's own states say it once and for all.

A job that is polled gets its name from a Pass state, and its calls name it by path. The analysis takes no order of
states into account: a path is known if everything that writes there writes the same, wherever in the definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constructs_ml.compiler.proofs.machine import all_states
from constructs_ml.compiler.proofs.texts import Substitutions, Text
from constructs_ml.compiler.proofs.values import computed, constant, names_of
from constructs_ml.compiler.template import Json

_Names = tuple[str, ...]
# Names of names: a text that was put under one path may make the next.
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class _Found:
    """What one writing puts at a path: an expression or a constant."""

    value: Json
    is_computed: bool


_UNKNOWN = _Found(None, True)


def with_data(definition: Mapping[str, Json], texts: Substitutions) -> Substitutions:
    """Substitutions that also know what stands at paths of the run's data."""
    states = [state for _, state in all_states(definition)]
    if any(state.get(name, "$") != "$" for state in states for name in ("InputPath", "OutputPath")):
        return texts
    writes: dict[_Names, list[Json]] = {}
    for state in states:
        for at, template in _writes(state):
            writes.setdefault(at, []).append(template)
    places = {(*at, *names): None for at, templates in writes.items() for item in templates for names in _leaves(item)}
    once = {place: found for place in places if (found := _only(place, writes)) is not None}
    for _ in range(_ROUNDS):
        known = {place: _text(found, texts) for place, found in once.items()}
        texts = texts.reading({place: text for place, text in known.items() if text is not None})
    return texts


def _writes(state: Mapping[str, Json]) -> Iterator[tuple[_Names, Json]]:
    """What a state writes into the run's data, and what the levels inside it are given: place and payload template.

    None stands for what nobody knows.
    """
    kind = state.get("Type")
    if kind == "Map" or (kind == "Parallel" and "Parameters" in state):
        yield (), state.get("ItemSelector", state.get("Parameters"))
    at = names_of(str(state.get("ResultPath", "$"))) or ()
    if state.get("ResultPath", "$") is None:
        pass
    elif kind == "Pass" and "Parameters" in state:
        yield at, state["Parameters"]
    elif kind == "Pass" and ("Result" in state or at):
        yield at, None
    elif kind in ("Task", "Map", "Parallel"):
        selected = state.get("ResultSelector")
        yield at, _opaque(*selected) if isinstance(selected, Mapping) else None
    catchers = state.get("Catch")
    for catcher in catchers if isinstance(catchers, (list, tuple)) else ():
        place = catcher.get("ResultPath", "$") if isinstance(catcher, Mapping) else None
        if isinstance(place, str):
            yield names_of(place) or (), _opaque("Cause", "Error")


def _opaque(*names: str) -> Json:
    """What has these members, whatever they are."""
    return {f"{name.removesuffix('.$')}.$": None for name in names}


def _leaves(template: Json) -> Iterator[_Names]:
    if isinstance(template, Mapping):
        for key, value in template.items():
            name = str(key).removesuffix(".$")
            if isinstance(value, Mapping):
                yield from ((name, *names) for names in _leaves(value))
            elif isinstance(value, str):
                yield (name,)


def _only(place: _Names, writes: Mapping[_Names, list[Json]]) -> _Found | None:
    """What all writings put at a place, if it is one thing; a copy of the place onto itself changes nothing."""
    found: list[_Found] = []
    for depth in range(len(place) + 1):
        for template in writes.get(place[:depth], ()):
            value = _inside(template, place[depth:], place)
            if value is not None and value not in found:
                found.append(value)
    return found[0] if len(found) == 1 and found[0] != _UNKNOWN else None


def _inside(template: Json, names: _Names, place: _Names) -> _Found | None:
    """What a template puts at `names` inside it: None for nothing, or for what stands there already."""
    if not names:
        return _Found(template, is_computed=False) if isinstance(template, str) else _UNKNOWN
    if not isinstance(template, Mapping):
        return _UNKNOWN if template is None else None
    name, rest = names[0], names[1:]
    if f"{name}.$" in template:
        expression = template[f"{name}.$"]
        copied = names_of(expression) if isinstance(expression, str) else None
        if copied is not None and (*copied, *rest) == place:
            return None
        return _Found(expression, is_computed=True) if not rest else _UNKNOWN
    return _inside(template[name], rest, place) if name in template else None


def _text(found: _Found, texts: Substitutions) -> Text | None:
    known = computed(found.value, texts) if found.is_computed else constant(found.value, texts)
    return known if isinstance(known, Text) else None
