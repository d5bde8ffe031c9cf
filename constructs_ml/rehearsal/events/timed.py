"""A schedule or rule, as far as time is concerned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from constructs_ml.rehearsal.events.schedules import At, Cron, Every

INSTANT = timedelta(microseconds=1)


@dataclass(slots=True)
class Kept:
    """Since when a schedule is known, and until when it was carried out."""

    expression: str
    began: datetime
    real: float
    done: datetime
    asked: datetime | None = None
    answer: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """A schedule or a rule, as far as time is concerned."""

    name: str
    arn: str
    enabled: bool
    when: At | Every | Cron
    start: datetime | None
    end: datetime | None
    kept: Kept
    fire: Callable[[datetime], None]
    complete: Callable[[], None]

    def following(self) -> datetime | None:
        """The next time after what was carried out; it is asked for many times a second."""
        if self.kept.asked != self.kept.done:
            self.kept.asked, self.kept.answer = self.kept.done, self.next(self.kept.done)
        return self.kept.answer

    def next(self, after: datetime) -> datetime | None:
        """The next time between the schedule's start and end dates; one-time schedules know neither."""
        if isinstance(self.when, At):
            return self.when.next(after)
        found = self.when.next(max(after, self.start - INSTANT) if self.start else after)
        return found if found and not (self.end and found > self.end) else None
