"""What a part of a template refers to, and in which order its resources are made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from constructs_ml.rehearsal.calls import Json, ServiceError

PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a function refers to; `attribute` is empty for `Ref`."""

    function: str
    name: str
    attribute: str = ""


def references(value: Json) -> Iterator[Reference]:
    """Every `Ref`, `Fn::GetAtt` and placeholder of `Fn::Sub` in a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        if len(value) == 1:
            (function, argument), *_ = value.items()
            if function == "Ref" and isinstance(argument, str):
                yield Reference("Ref", argument)
                return
            if function == "Fn::GetAtt":
                yield from _of_get_att(argument)
                return
            if function == "Fn::Sub":
                yield from _of_sub(argument)
                return
        for item in value.values():
            yield from references(item)


def _of_get_att(argument: Json) -> Iterator[Reference]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[0], str):
        text = "Template error: every Fn::GetAtt object requires two non-empty parameters"
        raise ServiceError("ValidationError", f"{text}; {argument!r} was given")
    yield Reference("Fn::GetAtt", parts[0], parts[1] if isinstance(parts[1], str) else "*")
    yield from references(parts[1])


def _of_sub(argument: Json) -> Iterator[Reference]:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    for literal, inside in PLACEHOLDER.findall(text):
        name, _, attribute = inside.strip().partition(".")
        if not literal and inside.strip() not in own:
            yield Reference("Fn::Sub", name, attribute)
    yield from references(list(own.values()))


def ordered(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each after what it needs, otherwise as they stand; a circle is refused with its names."""
    done: list[str] = []
    for name in needs:
        _visit(name, needs, done, [])
    return done


def _visit(name: str, needs: Mapping[str, Iterable[str]], done: list[str], way: list[str]) -> None:
    if name in done:
        return
    if name in way:
        circle = ", ".join(way[way.index(name) :])
        raise ServiceError("ValidationError", f"Circular dependency between resources: [{circle}]")
    for needed in needs[name]:
        if needed in needs:
            _visit(needed, needs, done, [*way, name])
    done.append(name)
