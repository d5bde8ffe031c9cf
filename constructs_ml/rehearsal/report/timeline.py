"""A timeline as SVG: a bar for everything that took a while, in the order in which it began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from constructs_ml.drawing.text import escaped
from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.report.words import lasted, short

_LEFT, _WIDTH, _ROW = 250, 900, 20
_SHOWN = ("stack", "execution", "job", "function", "endpoint")
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300)
_BAD = ("failed", "rollback", "timed_out", "aborted")


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
        Bar(entry.kind, short(entry.name), max(0.0, entry.at - entry.detail["seconds"]), entry.at, entry.what)
        for entry in entries
        if entry.kind in _SHOWN and isinstance(entry.detail.get("seconds"), (int, float)) and entry.detail["seconds"]
    ]
    return sorted(found, key=lambda bar: (bar.began, -bar.ended, bar.name))


def render(shown: Sequence[Bar]) -> str:
    """The picture with its legend; each bar tells itself when it is pointed at. Empty without bars."""
    if not shown:
        return ""
    kinds = [kind for kind in _SHOWN if any(bar.kind == kind for bar in shown)]
    legend = "".join(f'<span class="{kind}"><i></i>{kind}</span>' for kind in kinds)
    last = max(bar.ended for bar in shown) or 1.0
    height, scale = (len(shown) + 2) * _ROW, _WIDTH / last
    width = _LEFT + _WIDTH + 70
    lines = [f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="timeline">']
    for x, text in _ticks(last, scale):
        lines.append(f'<line class="tick" x1="{x:.1f}" y1="{_ROW}" x2="{x:.1f}" y2="{height - 4}"/>')
        lines.append(f'<text class="second" x="{x:.1f}" y="{_ROW - 6}">{text}</text>')
    for row, bar in enumerate(shown, start=1):
        lines += _bar(bar, row * _ROW + 3, scale)
    return f'<p class="legend">{legend}</p><div class="wide timeline">{"".join(lines)}</svg></div>'


def _ticks(last: float, scale: float) -> Iterator[tuple[float, str]]:
    step = next((tick for tick in _TICKS if last / tick <= 12), _TICKS[-1])
    return ((_LEFT + tick * scale, f"{tick} s") for tick in range(0, int(last) + 1, step))


def _bar(bar: Bar, y: int, scale: float) -> Iterator[str]:
    label = bar.name if len(bar.name) <= 36 else f"{bar.name[:16]}…{bar.name[-19:]}"
    took, x = lasted(bar.ended - bar.began), _LEFT + bar.began * scale
    width = max(2.0, (bar.ended - bar.began) * scale)
    bad = " bad" if any(word in bar.what.lower() for word in _BAD) else ""
    yield f"<g><title>{escaped(f'{bar.kind} {bar.name}: {bar.what}, {took}')}</title>"
    yield f'<text class="name" x="{_LEFT - 8}" y="{y + 11}">{escaped(label)}</text>'
    yield f'<rect class="{bar.kind}{bad}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 6}" rx="3"/>'
    yield f'<text class="took" x="{x + width + 4:.1f}" y="{y + 11}">{took}</text></g>'
