"""What time starts: EventBridge Scheduler's schedules, and rules with a schedule. moto keeps both and runs neither."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from uuid import uuid4

from moto.scheduler.models import scheduler_backends

from constructs_ml.rehearsal.calls import Call, invalid
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.bus import Bus
from constructs_ml.rehearsal.events.deliveries import SCHEDULER, Deliveries
from constructs_ml.rehearsal.events.schedules import At, Every, read
from constructs_ml.rehearsal.events.targets import Sent
from constructs_ml.rehearsal.events.timed import INSTANT, Kept, Timed

_LOOK = 0.2
_MOST = 200
_read = lru_cache(maxsize=4096)(read)


class Timetable:
    """Fires what is due: as real time passes, at each fast-forward of the account's clock, and by hand.

    Recurring schedules follow the account's clock. The time that a one-time schedule waits is a pause like any other
    and is shortened by the account's acceleration. A flexible window's start is when its schedule fires. A rate of
    EventBridge Scheduler without a start date fires at once, a rule's rate after its first period.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    """

    def __init__(self, account: EmbeddedAccount, deliveries: Deliveries, bus: Bus) -> None:
        self._account, self._deliveries, self._bus = account, deliveries, bus
        self._kept: dict[str, Kept] = {}
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        account.clock.watch(self._advanced)
        account.gate.before.append(_check)
        account.gate.after.append(self._made)
        account.at_end(self._end)

    def fire(self, name: str) -> datetime:
        """Fire a schedule or rule as if its next time had come; that time.

        CloudFormation ends a name that it makes in characters that nobody knows before: `name` may be a glob that fits
        one alone. Raises `ValueError` where none or several have this name or ARN, or where it is disabled.
        """
        with self._lock:
            known = list(self._timed())
            found = [timed for timed in known if name in (timed.name, timed.arn)]
            found = found or [timed for timed in known if fnmatchcase(timed.name, name)]
            if len(found) != 1:
                names = ", ".join(sorted(timed.name for timed in found or known)) or "none"
                number = "several schedules are called" if found else "no schedule and no scheduled rule"
                raise ValueError(f"{number} {name!r}; there are: {names}")
            if not found[0].enabled:
                raise ValueError(f"schedule {name!r} is disabled: nothing would fire it")
            due = found[0].following() or self._account.clock.now()
            self._fire(found[0], due)
            return due

    def _made(self, call: Call) -> None:
        """A schedule counts from the call that made it; the first one starts the thread."""
        if call.operation in ("CreateSchedule", "UpdateSchedule", "PutRule"):
            with self._lock:
                known = list(self._timed())
                if known and self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name="timetable", daemon=True)
                    self._thread.start()

    def _watch(self) -> None:
        clock = self._account.clock
        while clock.sleep(_LOOK * clock.acceleration):
            self._fire_due(clock.now())

    def _advanced(self, _before: datetime, after: datetime) -> None:
        self._fire_due(after)

    def _fire_due(self, now: datetime) -> None:
        """Fire what is due until now, in order; of each schedule no more than `_MOST` times in one go."""
        with self._lock:
            due = [(moment, timed) for timed in self._timed() for moment in self._due(timed, now)]
            for moment, timed in sorted(due, key=lambda one: one[0]):
                self._fire(timed, moment)

    def _due(self, timed: Timed, now: datetime) -> list[datetime]:
        if isinstance(timed.when, At):
            waited = timedelta(seconds=(time.monotonic() - timed.kept.real) * (self._account.clock.acceleration - 1))
            now += waited
        if not timed.enabled:
            timed.kept.done = max(timed.kept.done, now)
            return []
        found: list[datetime] = []
        moment = timed.following()
        while moment is not None and moment <= now and len(found) <= _MOST:
            found.append(moment)
            moment = timed.next(moment)
        if len(found) > _MOST:
            what = f"fired {_MOST} times of those that were due by {now:%Y-%m-%dT%H:%M:%SZ}; the rest is left out"
            self._account.journal.write("schedule", timed.name, what)
            timed.kept.done = now
            return found[:_MOST]
        return found

    def _fire(self, timed: Timed, due: datetime) -> None:
        timed.kept.done = max(timed.kept.done, due)
        timed.fire(due)
        if timed.following() is None:
            timed.complete()

    def _timed(self) -> Iterator[Timed]:
        seen = set()
        for timed in (*self._schedules(), *self._rules()):
            seen.add(timed.arn)
            yield timed
        for arn in [arn for arn in self._kept if arn not in seen]:
            del self._kept[arn]

    def _keep(self, arn: str, expression: str, *, at_once: bool) -> Kept:
        found = self._kept.get(arn)
        if found is None or found.expression != expression:
            now = self._account.clock.now()
            done = now - INSTANT if at_once else now
            found = self._kept[arn] = Kept(expression, now, time.monotonic(), done)
        return found

    def _schedules(self) -> Iterator[Timed]:
        groups = scheduler_backends[self._account.id][self._account.region].schedule_groups
        for schedule in [schedule for group in list(groups.values()) for schedule in list(group.schedules.values())]:
            zone, start = schedule.schedule_expression_timezone, _moment(schedule.start_date)
            said = f"{schedule.schedule_expression} {zone} {start}"
            kept = self._keep(schedule.arn, said, at_once=schedule.schedule_expression.startswith("rate"))
            when = _read(schedule.schedule_expression, zone, start or kept.began)

            def fire(due: datetime, schedule: Any = schedule) -> None:
                self._start(schedule, due)

            def complete(schedule: Any = schedule) -> None:
                self._complete(schedule)

            enabled, end = schedule.state == "ENABLED", _moment(schedule.end_date)
            yield Timed(schedule.name, schedule.arn, enabled, when, start, end, kept, fire, complete)

    def _rules(self) -> Iterator[Timed]:
        for rule in self._bus.rules():
            if not rule.scheduled_expression:
                continue
            kept = self._keep(rule.arn, rule.scheduled_expression, at_once=False)
            when = _read(rule.scheduled_expression)
            if isinstance(when, Every):
                when = Every(when.every, kept.began + when.every)

            def fire(due: datetime, rule: Any = rule) -> None:
                self._tick(rule, due)

            enabled = rule.state.startswith("ENABLED")
            yield Timed(rule.name, rule.arn, enabled, when, None, None, kept, fire, lambda: None)

    def _start(self, schedule: Any, due: datetime) -> None:
        text = schedule.target.get("Input")
        if text is None:
            text = json.dumps({**_event(self._account, "aws.scheduler", schedule.arn, due), "detail": "{}"})
        text = text.replace("<aws.scheduler.scheduled-time>", stamp(due))
        text = text.replace("<aws.scheduler.schedule-arn>", schedule.arn)
        sent = Sent(schedule.target, text, SCHEDULER, schedule.name, schedule.arn)
        self._deliveries.add("schedule", stamp(due), sent)

    def _tick(self, rule: Any, due: datetime) -> None:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
        event: Mapping[str, Any] = {**_event(self._account, "aws.events", rule.arn, due), "detail": {}}
        for target in list(rule.targets):
            self._bus.send(rule, target, event, "schedule")

    def _complete(self, schedule: Any) -> None:
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
        if schedule.action_after_completion == "DELETE":
            group = scheduler_backends[self._account.id][self._account.region].get_schedule_group(schedule.group_name)
            group.schedules.pop(schedule.name, None)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join(5)


def _event(account: EmbeddedAccount, source: str, arn: str, due: datetime) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": account.id,
        "time": stamp(due),
        "region": account.region,
        "resources": [arn],
    }


def _check(call: Call) -> None:
    """Refuse expressions that EventBridge refuses and moto takes."""
    text = call.parameters.get("ScheduleExpression") if call.operation.endswith(("Schedule", "Rule")) else None
    if call.service not in ("scheduler", "events") or not text:
        return
    try:
        when = _read(text, call.parameters.get("ScheduleExpressionTimezone") or "UTC")
    except (ValueError, KeyError, OSError) as wrong:
        raise invalid(f"Invalid Schedule Expression {text}: {wrong}") from None
    if call.service == "events" and isinstance(when, At):
        raise invalid("Parameter ScheduleExpression is not valid.")


def _moment(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value, UTC)
