"""A value against a type of a service's model: names, types, enums, lengths, ranges, patterns, required members."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from constructs_ml.compiler.proofs.machine import inside
from constructs_ml.compiler.proofs.service_models import Shape
from constructs_ml.compiler.proofs.texts import Hole, Substitutions, Text, covers, near
from constructs_ml.compiler.proofs.values import Items, Known, Unknown, constant, members
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Faults

_WHOLE, _REAL = ("integer", "long"), ("float", "double")
_WORDS = {
    "string": "text",
    "blob": "text",
    "timestamp": "a time as text",
    "boolean": "true or false",
    "integer": "a whole number",
    "long": "a whole number",
    "float": "a number",
    "double": "a number",
    "list": "a list",
    "map": "an object",
    "structure": "an object",
}
_UNKNOWN_FITS = {"number": (*_WHOLE, *_REAL), "list": ("list",)}
# A text with holes fits a pattern if one of these fillings does; more holes than this are not tried.
_FILLINGS = (
    "",
    "a",
    "1",
    "a/b",
    "aws",
    "eu-west-1",
    "123456789012",
    "s3://a/b",
    "12345678-1234-1234-1234-123456789012",
)
_MOST_HOLES = 3
_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
}
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One walk through one request. `partial` values are merged into a whole one later, so nothing is missing yet.

    `free` are the top-level members that take any JSON, whatever their type says.
    """

    faults: Faults
    substitutions: Substitutions
    partial: bool = False
    free: frozenset[str] = frozenset()

    def structure(self, shape: Shape, value: Mapping[str, Json], where: str, *, top: bool = False) -> None:
        """The members of an object, by name."""
        known = shape.model.members(shape.name)
        spellings = shape.model.spellings(shape.name)
        given: set[str] = set()
        for name, item in members(value, self.substitutions):
            place, member = inside(where, name), spellings.get(name, name)
            if member in given:
                self.faults.add(
                    "parameter-twice", where=place, got=f"{name} and {name}.$", allowed="one of both", name=name
                )
            given.add(member)
            if member not in known:
                allowed = near(name, tuple(known))
                self.faults.add("parameter-unknown", where=place, got=name, allowed=allowed, name=name)
            elif not (top and member in self.free):
                self.value(known[member], item, place)
        required = [
            shape.model.spelt(name) for name in shape.facts.get("required", ()) if not _is_filled_in(shape, name)
        ]
        missing = [name for name in required if name not in given]
        if missing and not self.partial:
            self.faults.add(
                "parameter-missing", where=where, got=sorted(given), allowed=required, names=", ".join(missing)
            )
        if shape.facts.get("union") and len(given) != 1 and not self.partial:
            self.faults.add("parameter-twice", where=where, got=sorted(given), allowed=f"one of {', '.join(known)}")

    def value(self, shape: Shape, value: Known, where: str) -> None:
        """Any value against any type."""
        kind = shape.type
        if isinstance(value, Unknown):
            if value.type and kind not in _UNKNOWN_FITS[value.type]:
                self._type(shape, f"a {value.type} that is known when the pipeline runs", where)
            return
        match kind:
            case "structure" if isinstance(value, Mapping):
                if not shape.facts.get("document"):
                    self.structure(shape, value, where)
            case "map" if isinstance(value, Mapping):
                self._map(shape, value, where)
            case "list" if isinstance(value, (Items, list, tuple)):
                self._list(shape, value, where)
            case "string" if isinstance(value, Text):
                self._text(shape, value, where)
            case "boolean" if isinstance(value, bool):
                return
            case "integer" | "long" if isinstance(value, int) and not isinstance(value, bool):
                self._number(shape, value, where)
            case "float" | "double" if isinstance(value, (int, float)) and not isinstance(value, bool):
                self._number(shape, value, where)
            case "blob" | "timestamp" if isinstance(value, Text):
                return
            case _:
                self._type(shape, shown(value), where)

    def _type(self, shape: Shape, got: str, where: str) -> None:
        self.faults.add("parameter-type", where=where, got=got, allowed=_WORDS[shape.type])

    def _map(self, shape: Shape, value: Mapping[str, Json], where: str) -> None:
        given: set[str] = set()
        for name, item in members(value, self.substitutions):
            place = inside(where, name)
            if name in given:
                self.faults.add(
                    "parameter-twice", where=place, got=f"{name} and {name}.$", allowed="one of both", name=name
                )
            given.add(name)
            self.value(shape.to("key"), self.substitutions.read(name), place)
            self.value(shape.to("value"), item, place)
        self._size(shape, len(value), where)

    def _list(self, shape: Shape, value: Items | list[Json] | tuple[Json, ...], where: str) -> None:
        known = value.items if isinstance(value, Items) else tuple(constant(item, self.substitutions) for item in value)
        # The items of a list replace those of a request that it is merged into: each is whole.
        whole = Check(self.faults, self.substitutions)
        for index, item in enumerate(known):
            whole.value(shape.to("member"), item, f"{where}[{index}]")
        self._size(shape, len(known), where)

    def _size(self, shape: Shape, size: int, where: str) -> None:
        least, most = shape.facts.get("min", 0), shape.facts.get("max")
        if (size < least and not (self.partial and shape.type == "map")) or (most is not None and size > most):
            self.faults.add("parameter-size", where=where, got=size, allowed=_range(least, most))

    def _number(self, shape: Shape, value: float, where: str) -> None:
        least, most = shape.facts.get("min"), shape.facts.get("max")
        if (least is not None and value < least) or (most is not None and value > most):
            self.faults.add("parameter-size", where=where, got=value, allowed=_range(least, most))

    def _text(self, shape: Shape, value: Text, where: str) -> None:
        facts = shape.facts
        if "enum" in facts:
            if not any(_could_be(value, str(item)) for item in facts["enum"]):
                allowed = near(str(value), tuple(facts["enum"]))
                self.faults.add("parameter-value", where=where, got=shown(value), allowed=allowed)
            return
        least, most = facts.get("min", 0), facts.get("max")
        if (value.most is not None and value.most < least) or (most is not None and value.least > most):
            length = f"{shown(value)} ({'at least ' if value.holes else ''}{value.least} characters)"
            self.faults.add("parameter-size", where=where, got=length, allowed=_range(least, most, "characters"))
        elif "pattern" in facts and not _fits(facts["pattern"], value, whole=shape.model.service == "sagemaker"):
            self.faults.add("parameter-value", where=where, got=shown(value), allowed=facts["pattern"])


def shown(value: Known) -> str:
    """A value in a message: as it stands in the definition, cut where it is long."""
    if isinstance(value, Text):
        text = repr(str(value))
    elif isinstance(value, Items):
        text = f"a list of {len(value.items)}"
    else:
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_filled_in(shape: Shape, name: str) -> bool:
    """A token against doing something twice: the SDK by which Step Functions calls makes one where none is given."""
    return bool(shape.facts["members"][name].get("idempotencyToken"))


def _range(least: float | None, most: float | None, unit: str = "") -> str:
    words = f"{least} to {most}" if most is not None and least is not None else ""
    words = words or (f"at most {most}" if most is not None else f"at least {least}")
    return f"{words} {unit}".strip()


def _could_be(text: Text, word: str) -> bool:
    """Whether a text is this word, or can be once its holes are filled."""
    if not text.holes:
        return text.known == word
    return covers(Text.of(*("*" if isinstance(part, Hole) else part for part in text.parts)), Text((word,)))


@lru_cache(maxsize=4096)
def _fits(pattern: str, text: Text, *, whole: bool) -> bool:
    """Whether a text can match a pattern. SageMaker matches the whole text; other services may search in it.

    A pattern that Python cannot read, and a text that is open as a whole or in many places, are passed over.
    """
    try:
        expression = re.compile(pattern)
    except re.error:
        return True
    match = expression.fullmatch if whole else expression.search
    open_holes = [hole for hole in text.holes if hole.name not in _PSEUDO]
    if text.is_open or len(open_holes) > _MOST_HOLES:
        return True
    for fillings in product(*(_fillings(hole) for hole in open_holes)):
        left = iter(fillings)
        filled = (
            part if isinstance(part, str) else _PSEUDO[part.name] if part.name in _PSEUDO else next(left)
            for part in text.parts
        )
        if match("".join(filled)):
            return True
    return False


def _fillings(hole: Hole) -> tuple[str, ...]:
    fitting = tuple(item for item in _FILLINGS if len(item) >= hole.least and len(item) <= (hole.most or len(item)))
    return fitting or ("a" * hole.least,)
