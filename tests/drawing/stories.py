"""Histories of executions: told event by event, or recorded from an interpreter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.interpreter import Call, TaskFailure, run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_DETAILS = {"StateEntered": "stateEntered", "StateExited": "stateExited"}


class Story:
    """A history in the making. Times are seconds after noon; `last` is the event that the next one follows."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.last = 0
        self.add("ExecutionStarted")
        self.last = 0

    def add(self, type: str, at: float = 0, *, after: int | None = None, **details: Any) -> int:
        name = next((name for end, name in _DETAILS.items() if type.endswith(end)), type[0].lower() + type[1:])
        event = {
            "id": len(self.events) + 1,
            "previousEventId": self.last if after is None else after,
            "type": type,
            "timestamp": NOON + timedelta(seconds=at),
        }
        self.events.append(event | ({f"{name}EventDetails": details} if details else {}))
        self.last = len(self.events)
        return self.last

    def enter(self, state: str, at: float = 0, *, kind: str = "Task", after: int | None = None) -> int:
        return self.add(f"{kind}StateEntered", at, after=after, name=state)

    def leave(self, state: str, at: float = 0, *, kind: str = "Task", after: int | None = None, **output: Any) -> int:
        return self.add(f"{kind}StateExited", at, after=after, name=state, output=json.dumps(output))

    def task(self, state: str, start: float, end: float, *, after: int | None = None) -> int:
        """A task that succeeds."""
        self.enter(state, start, after=after)
        self.add("TaskScheduled", start)
        self.add("TaskSucceeded", end)
        return self.leave(state, end)


def fails(error: str, times: int = 10**6) -> Callable[[int], Any]:
    """An answer that fails the first `times` attempts."""

    def answer(attempt: int) -> Any:
        if attempt <= times:
            raise TaskFailure(error, "because")
        return {}

    return answer


def recorded(
    definition: Mapping[str, Any], answers: Mapping[str, Any] | None = None, given: Mapping[str, Any] | None = None
) -> Sequence[Mapping[str, Any]]:
    """The history of a definition that really ran; `answers` are for states, by name."""
    attempts: dict[str, int] = {}

    def answer(call: Call) -> Any:
        attempts[call.state] = attempts.get(call.state, 0) + 1
        found = (answers or {}).get(call.state, {})
        return found(attempts[call.state]) if callable(found) else found

    return run(definition, given or {}, answer).events


def task(**changes: Any) -> dict[str, Any]:
    """A task of a raw definition, which keeps the run's data."""
    retry = [{"ErrorEquals": ["ThrottlingException"], "MaxAttempts": 3}]
    given = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Retry": retry, "ResultPath": None}
    return {**given, **({} if "Next" in changes else {"End": True}), **changes}


def chain(*states: str, **changes: Any) -> dict[str, Any]:
    """Tasks one after the other, as a branch or an item processor."""
    after = [{"Next": name} for name in states[1:]] + [{}]
    found = {name: task(**follows, **changes) for name, follows in zip(states, after, strict=True)}
    return {"StartAt": states[0], "States": found}
