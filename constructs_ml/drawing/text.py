"""Text in drawings: how wide it is at most, how it is broken into lines, and how it is escaped."""

from __future__ import annotations

import re
import unicodedata
from html import escape

# Widths in parts of the font's size, of the widest of the usual sans-serif fonts (DejaVu Sans, Verdana).
_NARROW, _WIDE = frozenset("iIjlt.,:;|!'()[]f "), frozenset("mwMW@%&~<>=+#")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PIECES = re.compile(r"\s+|[^\s/_.,:=-]+[/_.,:=-]*|[/_.,:=-]+")
ELLIPSIS = "…"


def width_of(text: str, size: float) -> float:
    """How wide a line is at most, in pixels."""
    return sum(map(_share, text)) * size


def _share(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if char in _NARROW:
        return 0.45
    if char in _WIDE:
        return 1.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    return 0.77 if char.isupper() or not char.isascii() else 0.66


def lines_of(text: str, size: float, width: float, most: int) -> tuple[str, ...]:
    """A text broken at spaces and punctuation into lines that fit; what is left over becomes an ellipsis."""
    found = [""]
    for piece in _pieces(" ".join(text.split()), size, width):
        if width_of(found[-1] + piece.rstrip(), size) <= width:
            found[-1] += piece
        else:
            found.append(piece.lstrip())
    found = [line.strip() for line in found if line.strip()]
    if len(found) > most:
        found = [*found[: most - 1], _cut(found[most - 1] + ELLIPSIS, size, width)]
    return tuple(found)


def _pieces(text: str, size: float, width: float) -> list[str]:
    """The parts between which a line may break, each short enough for a line."""
    found = []
    for piece in _PIECES.findall(text):
        rest = piece
        while width_of(rest, size) > width:
            end = max(1, len(_cut(rest, size, width)) - 1)
            found.append(rest[:end])
            rest = rest[end:]
        found.append(rest)
    return found


def _cut(text: str, size: float, width: float) -> str:
    """The longest beginning that fits with an ellipsis behind it."""
    text = text.removesuffix(ELLIPSIS)
    while text and width_of(text + ELLIPSIS, size) > width:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def escaped(text: str) -> str:
    """Text for XML and HTML, in elements and in quoted attributes; what XML cannot hold becomes U+FFFD."""
    return escape(_FORBIDDEN.sub("\ufffd", text), quote=True)
