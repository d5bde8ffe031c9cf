"""Reads the data files of this floor, each once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> Any:
    """One data file; it has `source` and `date` beside its facts."""
    return json.loads((files("constructs_ml.facts.data") / f"{name}.json").read_text())


def chosen(everything: Sequence[str], bits: str) -> frozenset[str]:
    """The items whose bit is set in a hexadecimal number."""
    number = int(bits, 16)
    return frozenset(item for index, item in enumerate(everything) if number >> index & 1)
