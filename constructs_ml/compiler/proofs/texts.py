"""Texts that are known only in part: what CloudFormation fills in and what a run decides are holes in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType

from constructs_ml.compiler.template import Json, dumps

_PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]*)\}")
_DYNAMIC = re.compile(r"\{\{(resolve:[^{}]+)\}\}")
_WILD = re.compile(r"[*?]")
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Hole:
    """Text that is not known. One `name` always stands for one text; a hole without name may be anything.

    `least` and `most` bound its length in characters.
    """

    name: str = ""
    least: int = 0
    most: int | None = None

    def __str__(self) -> str:
        return f"${{{self.name}}}" if self.name else "{}"


@dataclass(frozen=True, slots=True)
class Text:
    """Literal pieces and holes in order; neighbouring literals are one piece and none is empty."""

    parts: tuple[str | Hole, ...] = ()

    @classmethod
    def of(cls, *parts: str | Hole | Text) -> Text:
        """Join pieces to one text."""
        joined: list[str | Hole] = []
        for part in parts:
            for piece in part.parts if isinstance(part, Text) else (part,):
                if isinstance(piece, str) and joined and isinstance(joined[-1], str):
                    joined[-1] += piece
                elif piece != "":
                    joined.append(piece)
        return cls(tuple(joined))

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)

    @property
    def known(self) -> str | None:
        """The whole text, where nothing in it is open."""
        return str(self) if self.holes == () else None

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def is_open(self) -> bool:
        """Whether nothing of the text is known."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Hole)

    @property
    def is_anything(self) -> bool:
        """Whether it may be any text at all, as nothing but a run decides."""
        return self.is_open and not self.holes[0].name

    @property
    def starred(self) -> Text:
        """The text as a pattern, with `*` for what may be anything."""
        return Text.of(*("*" if isinstance(part, Hole) and not part.name else part for part in self.parts))

    @property
    def least(self) -> int:
        """The fewest characters that the text can have."""
        return sum(part.least if isinstance(part, Hole) else len(part) for part in self.parts)

    @property
    def most(self) -> int | None:
        """The most characters that the text can have, or None where there is no bound."""
        total = 0
        for part in self.parts:
            longest = part.most if isinstance(part, Hole) else len(part)
            if longest is None:
                return None
            total += longest
        return total


ANYTHING = Text((Hole(),))


@dataclass(frozen=True, slots=True)
class Substitutions:
    """What stands for each `${Name}`. A name that is not in `texts` stays a hole of that name, so that equal
    names are equal texts. `data` is what stands at paths of the run's data, by the names that lead there.
    """

    texts: Mapping[str, Text]
    data: Mapping[tuple[str, ...] | None, Text] = field(default_factory=lambda: MappingProxyType({}))

    def inside(self, values: Mapping[str, Json]) -> Substitutions:
        """The substitutions of a text that brings its own map of CloudFormation values."""
        return replace(self, texts={**self.texts, **{name: self.flatten(value) for name, value in values.items()}})

    def reading(self, data: Mapping[tuple[str, ...] | None, Text]) -> Substitutions:
        """The same substitutions, knowing more of the run's data."""
        return replace(self, data=data)

    def read(self, text: str) -> Text:
        """A text of a definition, or of `Fn::Sub`: `${Name}` is open and `${!Name}` is a literal `${Name}`."""
        pieces: list[str | Hole | Text] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            escaped, name = match.groups()
            pieces += [_literal(text[end : match.start()]), f"${{{name}}}" if escaped else self._named(name)]
            end = match.end()
        return Text.of(*pieces, _literal(text[end:]))

    def flatten(self, value: Json) -> Text:
        """A CloudFormation value as text; what only a deployment can compute is a hole named after itself."""
        match value:
            case {"Ref": str() as name} | {"Fn::GetAtt": str() as name}:
                return self._named(name)
            case {"Fn::GetAtt": [str() as owner, str() as attribute]}:
                return self._named(f"{owner}.{attribute}")
            case {"Fn::Sub": str() as text}:
                return self.read(text)
            case {"Fn::Sub": [str() as text, Mapping() as own]}:
                return self.inside(own).read(text)
            case {"Fn::Join": [str() as between, list() as items]}:
                flat = [piece for item in items for piece in (_literal(between), self.flatten(item))]
                return Text.of(*flat[1:])
            case Mapping() | list() | tuple():
                return Text((Hole(dumps(value)),))
        return _literal(str(value))

    def _named(self, name: str) -> Text:
        return self.texts.get(name, Text((Hole(name),)))


NO_SUBSTITUTIONS = Substitutions(MappingProxyType({}))


def covers(pattern: Text, text: Text) -> bool:
    """Whether `pattern`, with `*` and `?` as IAM reads them, matches every text that `text` can become.

    A named hole is matched by itself and by `*`; a hole that may be anything is matched by `*` alone.
    """
    same = 0
    # Most pairs of ARNs begin alike, and are told apart by the first piece in which they differ.
    for own, other in zip(pattern.parts, text.parts, strict=False):
        lead = _WILD.split(own)[0] if isinstance(own, str) else ""
        if isinstance(other, str) and other[: len(lead)] != lead[: len(other)]:
            return False
        if own != other or (isinstance(own, Hole) and not own.name) or (isinstance(own, str) and lead != own):
            break
        same += 1
    wanted, given = _symbols(pattern.parts[same:]), _symbols(text.parts[same:])
    # The classic match of wildcards: on a mismatch the last star takes one symbol more.
    at, star, retry = 0, -1, 0
    here = 0
    while here < len(given):
        if at < len(wanted) and wanted[at] == "*":
            star, retry = at, here
            at += 1
        elif at < len(wanted) and _same(wanted[at], given[here]):
            at += 1
            here += 1
        elif star >= 0:
            retry += 1
            at, here = star + 1, retry
        else:
            return False
    return all(symbol == "*" for symbol in wanted[at:])


def ends(text: Text, *, wild: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What surely stands before the first and after the last open place of a text.

    With `wild`, the `*` of a policy are its open places, else the holes without name.
    """
    symbols = [str(item) if isinstance(item, Hole) and item.name else item for item in _symbols(text.parts)]
    places = [index for index, item in enumerate(symbols) if isinstance(item, Hole) or (wild and item == "*")]
    plain = [str(item) for item in symbols]
    if not places:
        return tuple(plain), tuple(plain)
    return tuple(plain[: places[0]]), tuple(plain[places[-1] + 1 :])


def near(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The allowed names for a message: those that look like `name`, or all, or as many as one can read."""
    lowered = {item.lower(): item for item in known}
    found = get_close_matches(name.lower(), lowered, n=3)
    if found:
        return tuple(lowered[item] for item in found)
    more = len(known) - _SHOWN
    return (*sorted(known)[:_SHOWN], *((f"and {more} more",) if more > 0 else ()))


def _literal(text: str) -> Text:
    """A literal; a dynamic reference in it is open until the deployment."""
    pieces = _DYNAMIC.split(text)
    return Text.of(*(Hole(piece) if index % 2 else piece for index, piece in enumerate(pieces)))


def _same(wanted: str | Hole, given: str | Hole) -> bool:
    if isinstance(given, Hole):
        return isinstance(wanted, Hole) and bool(given.name) and wanted.name == given.name
    return wanted == given or wanted == "?"


def _symbols(parts: Iterable[str | Hole]) -> list[str | Hole]:
    symbols: list[str | Hole] = []
    for part in parts:
        symbols += [part] if isinstance(part, Hole) else part
    return symbols
