"""The page of a rehearsal: self-contained HTML, no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from constructs_ml.drawing.text import escaped
from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.report import timeline
from constructs_ml.rehearsal.report.markup import Markup, code, folded, section, status, table
from constructs_ml.rehearsal.report.permissions import permissions
from constructs_ml.rehearsal.report.style import POLICY, STYLE
from constructs_ml.rehearsal.report.told import JobTold, RunTold, Told
from constructs_ml.rehearsal.report.words import lasted, short

_LONGEST = 400
_GOOD, _BAD = ("SUCCEEDED", "Completed", "COMPLETED", "SUCCESS"), ("fail", "abort", "timed_out", "timeout", "rollback")


def render(told: Told) -> str:
    """The page."""
    title = escaped(f"Rehearsal of {told.stage}: {', '.join(sorted({run.model for run in told.runs})) or 'no runs'}")
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>',
        f"<h1>{title}</h1>",
        f'<p class="note">{escaped(f"account {told.account} in {told.region}, on this machine; nothing left it")}</p>',
        _numbers(told),
        *_sections(told),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _sections(told: Told) -> Iterator[str]:
    yield section("Timeline", timeline.render(timeline.bars(told.entries)))
    yield from (_run(run) for run in told.runs)
    heads = ("second", "job", "kind", "status", "took", "processes", "reason and last lines")
    yield section("Jobs", table(heads, map(_job, told.jobs)), count=len(told.jobs))
    requests = told.of("invocation")
    heads = ("second", "endpoint", "variant", "status", "request", "answer", "milliseconds")
    yield section("Requests and answers", table(heads, map(_request, requests)), count=len(requests))
    rows = ((uri, folded("record", code(told.records.get(uri, "")))) for uri in told.captured)
    yield section("Captured", table(("object", "content"), rows), count=len(told.captured), open=False)
    yield from permissions(told.iam)
    yield _happened(told, "Endpoints", "endpoint")
    yield _happened(told, "Functions", "function")
    yield _happened(told, "Events, schedules, alarms", "event", "schedule", "alarm")
    yield _happened(told, "People", "person")
    yield _happened(told, "Stand-ins", "stand-in", note="What ran here in the place of what runs on AWS.")
    resources = told.of("stack", "resource")
    yield section("Stacks and resources", "".join(_stacks(resources)), count=len(resources), open=False)
    yield section("Parts", table(("part", "took"), ((part, lasted(took)) for part, took in told.seconds.items())))


def _numbers(told: Told) -> str:
    failed = sum(run.status != "SUCCEEDED" for run in told.runs)
    denied = len(told.iam.denied)
    stacks = {entry.name for entry in told.of("stack")}
    last = told.entries[-1].at if told.entries else 0.0
    shown = (
        ("runs", len(told.runs), ""),
        ("runs that failed", failed, "bad" if failed else "good"),
        ("jobs", len(told.jobs), ""),
        ("function calls", len([entry for entry in told.of("function") if "cold" in entry.detail]), ""),
        ("requests answered", len(told.of("invocation")), ""),
        ("records captured", len(told.captured), ""),
        ("stacks", len(stacks), ""),
        ("events and notices", len(told.of("event")), ""),
        ("denied calls", denied, "bad" if denied else "good"),
        ("stand-ins", len(told.of("stand-in")), ""),
        ("in all", lasted(last), ""),
    )
    cells = (f'<div><b class="{colour}">{value}</b>{escaped(name)}</div>' for name, value, colour in shown)
    return f'<div class="numbers">{"".join(cells)}</div>'


def _run(run: RunTold) -> str:
    said = f"<p>{_status(run.status)} in {lasted(run.seconds)}, {len(run.states)} states"
    measured = [
        f"{step} measured {name} = {value}" for step, kept in run.metrics.items() for name, value in kept.items()
    ]
    said += escaped("; " + ", ".join(measured) if measured else "") + "</p>"
    failed = code(f"{run.error}: {run.cause}") if run.error else ""
    path = folded("the states that it entered, in order", f"<p>{escaped(' → '.join(run.states))}</p>")
    body = f'{said}{failed}<div class="wide">{run.svg}</div>{path}'
    return section(f"Run of {run.model}: {run.name}", body)


def _job(job: JobTold) -> tuple[object, ...]:
    lines = folded(f"the last lines ({len(job.lines)})", code("\n".join(job.lines))) if job.lines else ""
    reason = code(job.reason) if job.reason else ""
    name = Markup(f'<span title="{escaped(job.name)}">{escaped(short(job.name))}</span>')
    ids = ", ".join(map(str, job.processes))
    kind = job.kind.removesuffix("Job")
    return f"{job.began:.2f}", name, kind, _status(job.status), lasted(job.seconds), ids, Markup(f"{reason}{lines}")


def _request(entry: Entry) -> tuple[object, ...]:
    detail = entry.detail
    shown = (detail.get(key, "") for key in ("variant", "status"))
    exchange = (code(str(detail.get(key, "")).strip()[:_LONGEST]) for key in ("request", "answer"))
    return (f"{entry.at:.2f}", entry.name, *shown, *exchange, detail.get("milliseconds", ""))


def _happened(told: Told, title: str, *kinds: str, note: str = "") -> str:
    entries = told.of(*kinds)
    rows = (_entry(entry, several=len(kinds) > 1) for entry in entries)
    heads = ("second", *(("kind",) if len(kinds) > 1 else ()), "name", "what", "more")
    return section(title, table(heads, rows), note=note, count=len(entries), open=len(entries) <= 25)


def _entry(entry: Entry, *, several: bool) -> tuple[object, ...]:
    kept = {key: value for key, value in entry.detail.items() if value not in ("", None, [], {})}
    kind = (entry.kind,) if several else ()
    bad = any(word in entry.what.lower() for word in _BAD)
    what = status(short(entry.what), good=False) if bad else short(entry.what)
    return (f"{entry.at:.2f}", *kind, short(entry.name), what, folded("more", code(kept)) if kept else "")


def _stacks(entries: Sequence[Entry]) -> Iterator[str]:
    """A table for each stack, under what became of it; then what belongs to none."""
    heads = ("second", "resource", "type", "status", "took")
    for stack in dict.fromkeys(str(entry.detail.get("stack", "")) for entry in entries if entry.kind == "resource"):
        own = [entry for entry in entries if entry.kind == "resource" and entry.detail.get("stack", "") == stack]
        ends = [
            entry for entry in entries if entry.kind == "stack" and entry.name == stack and "seconds" in entry.detail
        ]
        said = ", ".join(f"{entry.detail['status']} in {lasted(entry.detail['seconds'])}" for entry in ends)
        title = f"{stack}: {said}; {len(own)} changes" if stack else f"of SageMaker itself: {len(own)} changes"
        yield folded(title, table(heads, map(_resource, own)))


def _resource(entry: Entry) -> tuple[object, ...]:
    detail: Any = entry.detail
    took = lasted(detail["seconds"]) if "seconds" in detail else ""
    said = _status(detail["status"]) if detail.get("stack") else entry.what
    if detail.get("reason") and detail.get("stack"):
        said = Markup(f"{said}{code(detail['reason'])}")
    return f"{entry.at:.2f}", entry.name, detail.get("type") or detail.get("noun", ""), said, took


def _status(text: str) -> Markup:
    bad = any(word in text.lower() for word in _BAD)
    return status(text, good=False if bad else True if text in _GOOD else None)
