"""The small checks that several specs share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

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


def check_duration(quantity: str, value: timedelta, where: str, least: timedelta, most: timedelta) -> None:
    """A duration in whole seconds between `least` and `most`, both included."""
    if not isinstance(value, timedelta) or not least <= value <= most or value.microseconds:
        raise refuse(
            "number-range", quantity=quantity, where=where, got=value, allowed=f"whole seconds, {least} to {most}"
        )


def frozen(mapping: Mapping[str, _T]) -> Mapping[str, _T]:
    """A read-only copy, so that a spec cannot change after it was checked."""
    return MappingProxyType(dict(mapping))
