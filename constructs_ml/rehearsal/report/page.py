"""The page of a rehearsal: self-contained HTML, no script, nothing fetched from anywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from constructs_ml.drawing.text import escaped
from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.report import timeline
from constructs_ml.rehearsal.report.told import RunTold, Told

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --warn: #9a6700; --blue: #0969da; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --warn: #d29922; --blue: #58a6ff; } }
body { margin: 2rem auto; max-width: 1280px; padding: 0 1rem;
       font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; } .dim { opacity: 0.7; } .good { color: var(--good); } .bad { color: var(--bad); }
.numbers { display: flex; flex-wrap: wrap; gap: 2rem; margin: 1rem 0; }
.numbers b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0;
         border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font: 12px/1.5 ui-monospace, monospace; } pre { white-space: pre-wrap; }
.timeline text { font-size: 11px; fill: currentColor; } .timeline .name { text-anchor: end; }
.timeline .tick { stroke: var(--line); } .timeline rect { fill: var(--blue); }
.timeline rect.stack { fill: #8250df; } .timeline rect.function { fill: var(--warn); }
.timeline rect.endpoint { fill: var(--good); } .timeline rect.execution { fill: #818b98; }
"""
_Rows = Iterable[Sequence[object]]


def render(told: Told) -> str:
    """The page."""
    title = escaped(f"Rehearsal of {told.stage}: {', '.join(sorted({run.model for run in told.runs})) or 'no runs'}")
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>',
        f"<h1>{title}</h1>",
        f'<p class="dim">account {told.account} in {told.region}, on this machine; nothing left it</p>',
        _numbers(told),
        _section("Parts", _table(("part", "seconds"), told.seconds.items())),
        _section("Timeline", f'<div class="wide">{timeline.render(timeline.bars(told.entries))}</div>'),
        *(_run(run) for run in told.runs),
        _section("Jobs", _happened(told.of("job"))),
        _section("Functions", _happened(told.of("function"))),
        _section("Endpoints", _happened(told.of("endpoint"))),
        _section("Requests and answers", _requests(told.of("invocation"))),
        _section("Captured", _table(("object",), ([key] for key in told.captured))),
        _section("Events, schedules, alarms", _happened(told.of("event", "schedule", "alarm"))),
        _section("People", _happened(told.of("person"))),
        _section("Stand-ins", _happened(told.of("stand-in"))),
        *_permissions(told),
        _section("Resources", _resources(told.of("stack", "resource"))),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _numbers(told: Told) -> str:
    kinds = Counter(entry.kind for entry in told.entries)
    failed = sum(run.status != "SUCCEEDED" for run in told.runs)
    shown = {
        "runs": len(told.runs),
        "failed": failed,
        "jobs": len({entry.name for entry in told.of("job")}),
        "function calls": kinds["function"],
        "requests": kinds["invocation"],
        "events": kinds["event"],
        "denied calls": len(told.iam.denied),
        "seconds": round(sum(told.seconds.values()), 1),
    }
    cells = (f"<div><b>{value}</b>{escaped(name)}</div>" for name, value in shown.items())
    return f'<div class="numbers">{"".join(cells)}</div>'


def _run(run: RunTold) -> str:
    colour = "good" if run.status == "SUCCEEDED" else "bad"
    said = f'<p><b class="{colour}">{run.status}</b> in {run.seconds:.1f} s, {len(run.states)} states</p>'
    failed = f'<pre class="bad">{escaped(run.error)}</pre>' if run.error else ""
    return _section(f"Run of {run.model}: {run.name}", f'{said}{failed}<div class="wide">{run.svg}</div>')


def _happened(entries: Sequence[Entry]) -> str:
    rows = ((f"{entry.at:.2f}", entry.kind, entry.name, entry.what, _detail(entry.detail)) for entry in entries)
    return _table(("second", "kind", "name", "what", "detail"), rows)


def _requests(entries: Sequence[Entry]) -> str:
    rows = (
        (f"{entry.at:.2f}", entry.name, entry.detail.get("variant", ""), entry.what, *_exchange(entry.detail))
        for entry in entries
    )
    return _table(("second", "endpoint", "variant", "answered", "request", "answer", "milliseconds"), rows)


def _exchange(detail: Mapping[str, Any]) -> tuple[object, object, object]:
    return detail.get("request", ""), detail.get("answer", ""), detail.get("milliseconds", "")


def _permissions(told: Told) -> Iterator[str]:
    iam = told.iam
    denied = ((_role(item.role), item.action, item.resource, item.message, _code(item.missing)) for item in iam.denied)
    heads = ("role", "action", "resource", "what AWS would say", "statement that is missing")
    yield _section("Denied calls", _table(heads, denied))
    used = ((_role(role.role), action, calls) for role in iam.roles for action, calls in role.calls)
    yield _section("Permissions used", _table(("role", "action", "calls"), used))
    unused = (
        (_role(role.role), item.statement, item.action, ", ".join(item.resources), item.because)
        for role in iam.roles
        for item in role.unused
    )
    heads = ("role", "statement", "action", "resources", "why it could not be")
    yield _section("Permissions never used in this rehearsal", _table(heads, unused))


def _role(arn: str) -> str:
    return arn.rpartition("/")[2]


def _resources(entries: Sequence[Entry]) -> str:
    rows = (
        (f"{entry.at:.2f}", entry.detail.get("stack", ""), entry.name, entry.detail.get("type", ""), entry.what)
        for entry in entries
    )
    return _table(("second", "stack", "resource", "type", "status"), rows)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escaped(title)}</h2>{body}</section>" if body else ""


def _table(heads: Sequence[str], rows: _Rows) -> str:
    """A table; nothing where there are no rows."""
    lines = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{escaped(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _cell(value: object) -> str:
    if isinstance(value, (int, float)):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{value}</td>" if isinstance(value, _Markup) else f"<td>{escaped(str(value))}</td>"


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _code(value: object) -> _Markup:
    text = value if isinstance(value, str) else json.dumps(value, indent=1)
    return _Markup(f"<pre>{escaped(text)}</pre>") if text else _Markup()


def _detail(detail: Mapping[str, Any]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in detail.items() if value not in ("", None, [], {}))
