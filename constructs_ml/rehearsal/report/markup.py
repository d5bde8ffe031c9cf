"""Pieces of HTML that the page is made of. Whatever is not `Markup` is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from constructs_ml.drawing.text import escaped


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(value: object) -> Markup:
    """A value as HTML."""
    return value if isinstance(value, Markup) else Markup(escaped(str(value)))


def section(title: str, body: str, *, note: str = "", count: int | None = None, open: bool = True) -> str:
    """A part of the page that folds; nothing where it has no body."""
    if not body:
        return ""
    number = f' <span class="count">{count:,}</span>' if count is not None else ""
    said = f'<p class="note">{escaped(note)}</p>' if note else ""
    shown = " open" if open else ""
    return f"<details{shown}><summary><h2>{escaped(title)}</h2>{number}</summary>{said}{body}</details>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; nothing where there are no rows."""
    lines = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{escaped(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def code(value: object) -> Markup:
    """Text or JSON to be copied."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, default=str) if value else ""
    return Markup(f"<pre>{escaped(text)}</pre>") if text else Markup()


def folded(title: str, body: str) -> Markup:
    """Something to open on demand."""
    return Markup(f"<details><summary>{escaped(title)}</summary>{body}</details>") if body else Markup()


def listed(items: Iterable[object]) -> str:
    """A list; nothing where it is empty."""
    lines = "".join(f"<li>{html(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def status(text: str, *, good: bool | None) -> Markup:
    """A word in its colour."""
    colour = "" if good is None else "good" if good else "bad"
    return Markup(f'<b class="status {colour}">{escaped(text)}</b>')


def _cell(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{html(value)}</td>"
