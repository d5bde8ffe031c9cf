"""The flow of events: all that puts events on a bus, and all that takes them off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.alarms import Alarms
from constructs_ml.rehearsal.events.arrivals import Arrivals
from constructs_ml.rehearsal.events.bus import Bus
from constructs_ml.rehearsal.events.deliveries import Deliveries
from constructs_ml.rehearsal.events.notices import Notices
from constructs_ml.rehearsal.events.timetable import Timetable


class Events:
    """EventBridge's buses and schedules, S3's notices, and CloudWatch's alarms of an embedded account."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._deliveries = Deliveries(account)
        self._bus = Bus(account, self._deliveries)
        self._arrivals = Arrivals(account, self._deliveries)
        self._alarms = Alarms(account, self._deliveries)
        self._notices = Notices(account, self._deliveries)
        self._timetable = Timetable(account, self._deliveries, self._bus)

    def fire(self, name: str) -> datetime:
        """Fire a schedule or scheduled rule at once, as if its next time had come; that time."""
        return self._timetable.fire(name)

    def duplicate(self, *, every: int | None = None, next: int = 0, rules: Iterable[str] = ()) -> None:
        """Deliver events twice, as EventBridge may do.

        `every`: each so-manyth event of an AWS service to a state machine, 0 for none; it is 5 before it is set.
        `next`: the next so many deliveries, whatever they are. `rules`: all that these rules deliver.
        """
        found = self._bus.duplicates
        found.every = found.every if every is None else every
        found.next += next
        found.rules |= frozenset(rules)

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait for up to `seconds` of real time until no event is on its way; whether that came true."""
        return self._deliveries.settle(seconds)
