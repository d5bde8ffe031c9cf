"""What somebody who mistyped a word may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def hinted(got: str, shown: str, known: Iterable[str]) -> str:
    """What was got as it is shown, and the known word that is nearest to it, if one is near."""
    near = get_close_matches(got, tuple(known), n=1)
    return f"{shown} (did you mean {near[0]}?)" if near else shown
