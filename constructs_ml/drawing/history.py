"""The history of an execution as the visits that its states got.

Branches of a Parallel and items of a Map interleave in a history; each event names the one before it in its own
branch (`previousEventId`), so an event belongs to the visit that this chain leads to.
Source: Step Functions API Reference, GetExecutionHistory, HistoryEvent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from constructs_ml.faults import refuse

RunStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
Event = Mapping[str, Any]

_ENDS: dict[str, RunStatus] = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
    "ExecutionRedriven": "RUNNING",
}
_TRIES = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled", "ParallelStateStarted", "MapStateStarted")
_INSIDE = ("ParallelStateStarted", "MapIterationStarted")
_OF_CONTAINERS = ("ParallelState", "MapState", "MapIteration", "MapRun")
ABORTED = "Aborted"
_UNSAID = {"TimedOut": "States.Timeout", "Aborted": ABORTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong: AWS's error name, and the cause in words. The end of a block may name neither."""

    error: str
    cause: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.error, self.cause) if part)


@dataclass(slots=True, kw_only=True)
class Visit:
    """One entering of a state. `within` is the Parallel or Map that it ran inside, in which try of it."""

    state: str
    kind: str
    started: datetime
    within: Visit | None
    within_try: int
    ended: datetime | None = None
    tries: int = 0
    length: int | None = None
    distributed: bool = False
    failure: Failure | None = None
    output: Any = None
    then: str | None = None

    @property
    def counts(self) -> bool:
        """Whether no later try of what it ran inside took its place."""
        return self.within is None or (self.within_try == self.within.tries and self.within.counts)


@dataclass(slots=True, kw_only=True)
class History:
    """The visits of a run in the order of their beginning, and how the run stands."""

    status: RunStatus = "RUNNING"
    started: datetime | None = None
    ended: datetime | None = None
    failure: Failure | None = None
    visits: list[Visit] = field(default_factory=list)


def read_history(events: Iterable[Event]) -> History:
    """Read all pages of `get_execution_history`, in any order; times are `datetime` or ISO text.

    Raises `SpecError` when events are missing: what a later page says cannot be told without the first.
    """
    ordered = sorted(events, key=lambda event: event["id"])
    numbers = [event["id"] for event in ordered]
    if numbers != list(range(1, len(numbers) + 1)):
        got = f"{len(numbers)} events, numbered {numbers[0]} to {numbers[-1]}"
        raise refuse("history-gap", where="the execution's history", got=got, allowed="every event, from number 1")
    reader = _Reader()
    for event in ordered:
        reader.read(event)
    return reader.history


@dataclass(slots=True)
class _Reader:
    history: History = field(default_factory=History)
    visit_of: dict[int, Visit | None] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    left_by: dict[int, Visit] = field(default_factory=dict)

    def read(self, event: Event) -> None:
        """Take in one event; those before it were read."""
        number, type, before = event["id"], str(event["type"]), event.get("previousEventId", 0)
        self.types[number] = type
        if type.startswith("Execution"):
            self._execution(type, event)
            self.visit_of[number] = self.visit_of.get(before)
        elif self.history.ended:
            return  # what was cut off by the end has nothing to tell
        elif type.endswith("StateEntered"):
            self.visit_of[number] = self._entered(type, event, before)
        else:
            visit = self._visit(type, event, self.visit_of.get(before))
            self.visit_of[number] = visit
            if visit:
                self._happened(visit, type, event)

    def _execution(self, type: str, event: Event) -> None:
        at = _time(event["timestamp"])
        self.history.started = self.history.started or at
        if type in _ENDS:
            self.history.status = _ENDS[type]
            ended = self.history.status not in ("RUNNING", "SUCCEEDED")
            self.history.ended = None if self.history.status == "RUNNING" else at
            self.history.failure = _failure(type, event) if ended else None

    def _entered(self, type: str, event: Event, before: int) -> Visit:
        name, earlier = event["stateEnteredEventDetails"]["name"], self.visit_of.get(before)
        if before in self.left_by:
            self.left_by[before].then = name
        inside = self.types.get(before) in _INSIDE
        within = earlier if inside or earlier is None else earlier.within
        visit = Visit(
            state=name,
            kind=type.removesuffix("StateEntered"),
            started=_time(event["timestamp"]),
            within=within,
            within_try=within.tries if within else 0,
        )
        self.history.visits.append(visit)
        return visit

    def _visit(self, type: str, event: Event, earlier: Visit | None) -> Visit | None:
        """The visit of an event: the one before it in its branch, or what that one ran inside."""
        name = event.get("stateExitedEventDetails", {}).get("name")
        visit = earlier
        while visit and not _concerns(visit, type, name):
            visit = visit.within
        return visit

    def _happened(self, visit: Visit, type: str, event: Event) -> None:
        if type in _TRIES:
            visit.tries += 1
            visit.failure = None
        if type == "MapStateStarted":
            visit.length = event.get("mapStateStartedEventDetails", {}).get("length")
        elif type == "MapRunStarted":
            visit.distributed = True
        elif type.endswith("StateExited"):
            visit.ended = _time(event["timestamp"])
            visit.output = _json(event.get("stateExitedEventDetails", {}).get("output"))
            self.left_by[event["id"]] = visit
        elif type.endswith(("Failed", "TimedOut", "Aborted")) and not type.startswith("MapIteration"):
            visit.failure = _failure(type, event) or visit.failure or Failure(error="")


def _concerns(visit: Visit, type: str, name: str | None) -> bool:
    """Whether an event can be one of this visit's own."""
    if name is not None:
        return visit.state == name
    if type.startswith(_OF_CONTAINERS):
        return visit.ended is None and visit.kind == ("Parallel" if type.startswith("Parallel") else "Map")
    return True


def _failure(type: str, event: Event) -> Failure | None:
    details = event.get(f"{type[0].lower()}{type[1:]}EventDetails", {})
    unsaid = next((word for end, word in _UNSAID.items() if type.endswith(end)), "")
    error = details.get("error") or unsaid
    return Failure(error=error, cause=details.get("cause") or "") if error else None


def _json(text: str | None) -> Any:
    """A state's output; None where the history holds no execution data, or only the beginning of it."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _time(value: datetime | str) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
