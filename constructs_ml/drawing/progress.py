"""How far a run is: the state of every step, read from the history of its execution."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from constructs_ml.contract import names
from constructs_ml.drawing.graph import Fork, Frame, Graph, Item, walk
from constructs_ml.drawing.history import ABORTED, Event, Failure, RunStatus, Visit, read_history

StepStatus = Literal["waiting", "running", "succeeded", "failed", "caught", "skipped"]

# Colour never says it alone: every status has a sign of its own beside its word.
_SIGNS = {"waiting": "○", "running": "▶", "succeeded": "✓", "failed": "✗", "caught": "!", "skipped": "·"}
# What leads into the failure path reports an error of a step; so does a state that was named for it.
_FAILURE_PATH = (names.NOTIFY_STATE, names.FAILED_STATE)
# "Read evaluate metrics", "Wait for deploy": a helper state names its step behind a verb, in one word or in several.
_VERBS = ("Wait for|Wait longer for|Wait again for|Look at|Give up|Keep other", "[A-Z][a-z]+")
_HELPERS = tuple(re.compile(f"(?:{verbs}) (?P<step>[a-z0-9-]+)(?: .*)?") for verbs in _VERBS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """One step of a run. `done` of `total` counts items where the step runs once for each of them.

    `duration` of a running step is what has passed so far, and None if nobody said what time it is. `attempts`
    is the most that one of its runs needed. A step is `caught` if it failed and the run went on elsewhere.
    """

    name: str
    status: StepStatus = "waiting"
    started: datetime | None = None
    duration: timedelta | None = None
    attempts: int = 0
    done: int = 0
    total: int | None = None
    failure: Failure | None = None

    @property
    def sign(self) -> str:
        return _SIGNS[self.status]

    @property
    def error(self) -> str:
        """The error's name and cause, or nothing."""
        return str(self.failure or "")

    @property
    def words(self) -> str:
        """Status, duration, items and attempts in one line: "succeeded, 2 min 3 s, 2 attempts"."""
        parts = [self.status, in_words(self.duration) if self.duration is not None else ""]
        parts.append(f"{self.done} of {self.total} done" if self.total is not None else "")
        parts.append(f"{self.attempts} attempts" if self.attempts > 1 else "")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run: how it stands, its steps by name in their order, and the states that belong to no step."""

    status: RunStatus
    steps: Mapping[str, StepProgress]
    others: tuple[StepProgress, ...] = ()
    started: datetime | None = None
    duration: timedelta | None = None
    failure: Failure | None = None

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def words(self) -> str:
        """Status and duration in one line."""
        return self.status.lower().replace("_", " ") + (f", {in_words(self.duration)}" if self.duration else "")


def follow(graph: Graph, events: Iterable[Event], *, now: datetime | None = None) -> Progress:
    """Read a history, all its pages concatenated. Raises `SpecError` when events are missing from it."""
    history = read_history(events)
    steps = {node.key: node for node in graph.nodes}
    visits: dict[str, list[Visit]] = {}
    for visit in history.visits:
        step = step_of(visit.state, steps) or visit.state
        visits.setdefault(step, []).append(visit)
    end = history.ended or now
    reader = _Reader(visits, history.status, history.failure, end)
    found = {key: reader.step(key, failing=node.shape == "failure") for key, node in steps.items()}
    reader.frames(graph.items, found)
    reader.skips(graph.items, found, past=history.status != "RUNNING")
    return Progress(
        status=history.status,
        steps=MappingProxyType(found),
        others=tuple(reader.step(state) for state, found in visits.items() if state not in steps and _is_outer(found)),
        started=history.started,
        duration=end - history.started if end and history.started else None,
        failure=history.failure,
    )


def step_of(state: str, steps: Iterable[str]) -> str | None:
    """The step that a state belongs to: its own, or the one that it was named for."""
    known = set(steps)
    if state in known or state in names.STATES:
        return state if state in known else None
    found = (pattern.fullmatch(state) for pattern in _HELPERS)
    return next((match["step"] for match in found if match and match["step"] in known), None)


def in_words(duration: timedelta) -> str:
    """Two units at most: "0.4 s", "12 s", "2 min 3 s", "1 h 5 min", "3 d 4 h"."""
    seconds = duration.total_seconds()
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    whole = round(seconds)
    for length, unit, part, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


@dataclass(frozen=True, slots=True)
class _Reader:
    visits: Mapping[str, Sequence[Visit]]
    run: RunStatus
    run_failure: Failure | None
    end: datetime | None

    def step(self, key: str, *, failing: bool = False) -> StepProgress:
        visits = [visit for visit in self.visits.get(key, ()) if visit.counts]
        if not visits:
            return StepProgress(name=key)
        states = {visit.state for visit in visits}
        statuses = [self._status(visit, states, failing) for visit in visits]
        through = (visit for visit, status in zip(visits, statuses, strict=True) if status == "succeeded")
        broken = [visit for visit, status in zip(visits, statuses, strict=True) if status in _BAD]
        ended = [visit.ended or self.end for visit in visits] if "running" not in statuses else [self.end]
        last = max((at for at in ended if at), default=None)
        started = min(visit.started for visit in visits)
        return StepProgress(
            name=key,
            status=min(statuses, key=_ORDER.index),
            started=started,
            duration=last - started if last else None,
            attempts=max(visit.tries for visit in visits),
            done=sum(visit.ended is not None and visit.then not in states for visit in through),
            failure=self._failure(min(broken, key=_was_cut_off)) if broken else None,
        )

    def _status(self, visit: Visit, states: set[str], failing: bool) -> StepStatus:
        """How one visit stands; `states` are those of its step, which may catch each other's errors."""
        if failing or (visit.ended and visit.then in _FAILURE_PATH and visit.state not in _FAILURE_PATH):
            return "failed"
        if visit.failure:
            if visit.ended:
                return "succeeded" if visit.then in states else "caught"
            return "failed" if self._is_over(visit) else "running"  # between two attempts
        if visit.ended or visit.kind in ("Succeed", "Fail"):
            return "succeeded" if visit.kind != "Fail" else "failed"
        return "failed" if self._is_over(visit) else "running"

    def _is_over(self, visit: Visit) -> bool:
        """Whether nothing more can happen to a visit: the run, or what it runs inside, has ended."""
        return self.run != "RUNNING" or any(outer.ended or outer.failure for outer in _around(visit))

    def _failure(self, visit: Visit) -> Failure | None:
        """The error of a visit, or else that of the nearest block around it, or else the run's."""
        for place in (visit, *_around(visit)):
            found = _said(place) or place.failure
            if found and found.error:
                return found
        return self.run_failure

    def frames(self, items: Sequence[Item], found: dict[str, StepProgress]) -> None:
        """Count items inside frames; a distributed Map runs them as executions of their own, told as one."""
        for item in items:
            match item:
                case Fork():
                    for arm in item.arms:
                        self.frames(arm.items, found)
                case Frame():
                    self._frame(item, found)
                    self.frames(item.items, found)

    def _frame(self, frame: Frame, found: dict[str, StepProgress]) -> None:
        visits = [visit for visit in self.visits.get(frame.node.key, ()) if visit.counts]
        lengths = [visit.length for visit in visits if visit.length is not None]
        whole = found[frame.node.key]
        for node in walk(frame.items):
            step = found[node.key]
            if any(visit.distributed for visit in visits) and not step.started:
                found[node.key] = replace(step, status=whole.status)
            elif lengths:
                more = whole.status == "running" and step.done < sum(lengths)
                status: StepStatus = "running" if more and step.status == "succeeded" else step.status
                found[node.key] = replace(step, total=sum(lengths), status=status)

    def skips(self, items: Sequence[Item], found: dict[str, StepProgress], *, past: bool) -> None:
        """Mark what the run did not come through: `past` says that it has gone on behind these items."""
        for item in reversed(items):
            inner = tuple(walk((item,)))
            if past:
                waiting = (node.key for node in inner if found[node.key].status == "waiting")
                found.update({key: replace(found[key], status="skipped") for key in waiting})
            elif isinstance(item, Fork):
                self._arms(item, found)
            past = past or any(found[node.key].started for node in inner)

    def _arms(self, fork: Fork, found: dict[str, StepProgress]) -> None:
        """A choice takes one arm, so the others are passed by as soon as one is entered."""
        entered = [any(found[node.key].started for node in walk(arm.items)) for arm in fork.arms]
        for arm, came in zip(fork.arms, entered, strict=True):
            passed_by = fork.node.shape == "choice" and any(entered) and not came
            self.skips(arm.items, found, past=passed_by)


_BAD = ("failed", "caught")
# The worst of a step's visits is the step's status; one still running outranks those that are done.
_ORDER: tuple[StepStatus, ...] = ("failed", "running", "caught", "succeeded", "waiting", "skipped")


def _was_cut_off(visit: Visit) -> bool:
    """Whether a visit ended by what went wrong elsewhere: the error of one that failed itself tells more."""
    return visit.failure is None or visit.failure.error in ("", ABORTED)


def _said(visit: Visit) -> Failure | None:
    """The error that a visit handed to the failure path in the run's data."""
    said: Any = visit.output.get("error") if isinstance(visit.output, Mapping) else None
    if visit.then not in _FAILURE_PATH or not isinstance(said, Mapping) or "Error" not in said:
        return None
    return Failure(error=str(said["Error"]), cause=str(said.get("Cause", "")))


def _is_outer(visits: Sequence[Visit]) -> bool:
    """Whether a state is one of the machine itself: how a block ends inside is no news."""
    return any(visit.within is None for visit in visits)


def _around(visit: Visit) -> Iterable[Visit]:
    outer = visit.within
    while outer:
        yield outer
        outer = outer.within
