"""A timeline as SVG: a bar for everything that took a while, in the order in which it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from constructs_ml.drawing.text import escaped
from constructs_ml.rehearsal.journal import Entry

_LEFT, _WIDTH, _ROW = 300, 900, 20
_SHOWN = ("job", "function", "endpoint", "execution", "stack")
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that began and ended, in seconds of the rehearsal."""

    kind: str
    name: str
    began: float
    ended: float
    what: str


def bars(entries: Sequence[Entry]) -> list[Bar]:
    """What took a while, the earliest first: entries that say how many `seconds` it took until them."""
    found = [
        Bar(entry.kind, entry.name, max(0.0, entry.at - entry.detail["seconds"]), entry.at, entry.what)
        for entry in entries
        if entry.kind in _SHOWN and isinstance(entry.detail.get("seconds"), (int, float))
    ]
    return sorted(found, key=lambda bar: (bar.began, bar.ended, bar.name))


def render(shown: Sequence[Bar]) -> str:
    """The picture; each bar tells itself when it is pointed at. Empty without bars."""
    if not shown:
        return ""
    last = max(bar.ended for bar in shown) or 1.0
    step = next((tick for tick in _TICKS if last / tick <= 12), _TICKS[-1])
    height = (len(shown) + 2) * _ROW
    scale = _WIDTH / last
    lines = [f'<svg class="timeline" width="{_LEFT + _WIDTH + 40}" height="{height}" role="img">']
    for tick in range(0, int(last) + 1, step):
        x = _LEFT + tick * scale
        lines.append(f'<line class="tick" x1="{x:.1f}" y1="{_ROW}" x2="{x:.1f}" y2="{height - 4}"/>')
        lines.append(f'<text x="{x:.1f}" y="{_ROW - 6}">{tick} s</text>')
    for row, bar in enumerate(shown, start=1):
        y, width = row * _ROW + 3, max(2.0, (bar.ended - bar.began) * scale)
        label = bar.name if len(bar.name) <= 44 else f"{bar.name[:20]}…{bar.name[-23:]}"
        told = escaped(f"{bar.kind} {bar.name}: {bar.what}, {bar.ended - bar.began:.2f} s")
        lines.append(f"<g><title>{told}</title>")
        lines.append(f'<text class="name" x="{_LEFT - 8}" y="{y + 11}">{escaped(label)}</text>')
        x = _LEFT + bar.began * scale
        lines.append(f'<rect class="{bar.kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 6}"/></g>')
    return "\n".join([*lines, "</svg>"])
