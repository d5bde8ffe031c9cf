"""Time in the embedded account: what waits is shortened, what works is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def stamp(moment: datetime) -> str:
    """A moment as events and requests write it: "2026-01-31T12:00:00Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Clock:
    """Real time, plus what was fast-forwarded.

    `acceleration` shortens pauses: those of Wait states, retries, canaries and polls. Work takes the time it takes.
    """

    def __init__(self, acceleration: float = 60.0) -> None:
        if not acceleration >= 1:
            raise ValueError(f"acceleration {acceleration!r}; a number from 1 (real time) upwards is needed")
        self.acceleration = acceleration
        self._ahead = timedelta()
        self._stopped = threading.Event()
        self._watchers: list[Callable[[datetime, datetime], None]] = []

    def now(self) -> datetime:
        """The time of the account, in UTC."""
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> bool:
        """Pause for `seconds` of the account's time; False when the rehearsal ended meanwhile."""
        return not self._stopped.wait(max(0.0, seconds) / self.acceleration)

    def poll(self, done: Callable[[], bool], seconds: float, *, every: float = 0.02) -> bool:
        """Wait for up to `seconds` of real time until `done`; whether it was."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline or self._stopped.wait(every):
                return done()
        return True

    def advance(self, by: timedelta) -> None:
        """Fast-forward: whoever watches sees the moment before and the moment after, and does what was due."""
        if by < timedelta():
            raise ValueError(f"advance by {by}; time goes forward only")
        before = self.now()
        self._ahead += by
        for watcher in tuple(self._watchers):
            watcher(before, self.now())

    def watch(self, watcher: Callable[[datetime, datetime], None]) -> None:
        """Call `watcher(before, after)` at each fast-forward."""
        self._watchers.append(watcher)

    @property
    def stopped(self) -> bool:
        """Whether the rehearsal ended."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End every pause: the rehearsal ends."""
        self._stopped.set()
