"""The small checks that several specs share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar, get_args

from constructs_ml.faults import refuse

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_T = TypeVar("_T")


def check_name(kind: str, name: str, where: str, *, longest: int = 32) -> None:
    """A name of lower-case letters, digits and hyphens that begins with a letter."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or "--" in name or len(name) > longest:
        raise refuse(
            "name",
            kind=kind,
            where=where,
            got=repr(name),
            allowed=f"lower-case letters, digits and single hyphens, beginning with a letter, at most {longest} long",
        )


def check_number(quantity: str, value: float, where: str, least: float, most: float) -> None:
    """A finite number between `least` and `most`, both included; True and False are no numbers here."""
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not least <= value <= most:
        raise refuse("number-range", quantity=quantity, where=where, got=value, allowed=f"{least} to {most}")


def check_whole(quantity: str, value: int, where: str, least: int, most: int) -> None:
    """A whole number between `least` and `most`, both included."""
    if not isinstance(value, int):
        raise refuse(
            "number-range", quantity=quantity, where=where, got=repr(value), allowed=f"{least} to {most}, whole"
        )
    check_number(quantity, value, where, least, most)


def check_kind(field: str, value: object, where: str, *kinds: type) -> None:
    """A value of one of some classes."""
    if not isinstance(value, kinds):
        allowed = tuple("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise refuse("kind", where=where, got=f"{field}={value!r}", allowed=allowed, field=field)


def check_choice(field: str, value: object, where: str, choices: object) -> None:
    """One of the texts of a `Literal`."""
    allowed = get_args(choices)
    if value not in allowed:
        raise refuse("kind", where=where, got=f"{field}={value!r}", allowed=allowed, field=field)


def check_tuple(field: str, values: object, where: str, *kinds: type) -> None:
    """A tuple of values of some classes; a bare text is none."""
    if not isinstance(values, tuple):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise refuse("kind", where=where, got=f"{field}={values!r}", allowed=f"a tuple of {names}", field=field)
    for value in values:
        check_kind(field, value, where, *kinds)


def check_tags(tags: object, where: str) -> None:
    """Tags as AWS takes them: text to text, and no key of AWS's own."""
    check_kind("tags", tags, where, Mapping)
    assert isinstance(tags, Mapping)
    for key, value in tags.items():
        sound = isinstance(key, str) and isinstance(value, str) and 1 <= len(key) <= 128 and len(value) <= 256
        if not sound or key.lower().startswith("aws:"):
            allowed = "text of up to 128 and 256 characters, no key that begins with aws:"
            raise refuse("kind", where=where, got=f"tags={{{key!r}: {value!r}}}", allowed=allowed, field="a tag")


def logical_id(*words: str) -> str:
    """CamelCase of all words; only letters and digits, as CloudFormation demands."""
    text = " ".join(words)
    parts = "".join(char if char.isalnum() and char.isascii() else " " for char in text).split()
    return "".join(part[0].upper() + part[1:] for part in parts)


def alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of names, in order of appearance, that become the same logical id."""
    words: dict[str, list[str]] = {}
    for name in names:
        words.setdefault(logical_id(name), []).append(name)
    return tuple(tuple(group) for group in words.values() if len(group) > 1)


def check_duration(quantity: str, value: timedelta, where: str, least: timedelta, most: timedelta) -> None:
    """A duration in whole seconds between `least` and `most`, both included."""
    check_kind(quantity, value, where, timedelta)
    if not least <= value <= most or value.microseconds:
        raise refuse(
            "number-range", quantity=quantity, where=where, got=value, allowed=f"whole seconds, {least} to {most}"
        )


def frozen(mapping: Mapping[str, _T]) -> Mapping[str, _T]:
    """A read-only copy, so that a spec cannot change after it was checked."""
    return MappingProxyType(dict(mapping))
