"""What happened in the embedded account, in order: the report, the terminal and tests read it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, `at` seconds after the rehearsal began.

    `kind` is one of the words of `KINDS`, `name` what it happened to, `what` a few words for people, `detail` the
    numbers and names for programs.
    """

    at: float
    kind: str
    name: str
    what: str
    detail: Mapping[str, Any]


KINDS = (
    "account",  # the account itself: started, stopped
    "stack",  # a stack's status changed
    "resource",  # a resource's status changed
    "execution",  # a state machine's execution began or ended
    "state",  # a state was entered or left
    "job",  # a job's status changed
    "function",  # a function ran
    "endpoint",  # an endpoint's status changed
    "invocation",  # an endpoint answered a request
    "event",  # an event was put on the bus, or delivered
    "alarm",  # an alarm's state changed
    "schedule",  # a schedule fired
    "person",  # a person approved, rejected, or answered
    "denied",  # a call that AWS would deny
    "stand-in",  # something declared ran in the place of what cannot run here
)


class Journal:
    """Entries in order; safe to write from any thread."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._readers: list[Callable[[Entry], None]] = []

    def write(self, kind: str, name: str, what: str, /, **detail: Any) -> Entry:
        """Add an entry, and tell whoever reads along."""
        assert kind in KINDS, kind
        with self._changed:
            entry = Entry(round(time.monotonic() - self._began, 3), kind, name, what, detail)
            self._entries.append(entry)
            readers = tuple(self._readers)
            self._changed.notify_all()
        for reader in readers:
            reader(entry)
        return entry

    def entries(self, *kinds: str) -> list[Entry]:
        """All entries, or those of some kinds."""
        with self._changed:
            return [entry for entry in self._entries if not kinds or entry.kind in kinds]

    def wait(self, wanted: Callable[[Entry], bool], seconds: float, *, since: int = 0) -> Entry | None:
        """The first entry from number `since` on that is wanted, as soon as it is there; None when time runs out."""
        deadline = time.monotonic() + seconds
        with self._changed:
            seen = since
            while True:
                for entry in self._entries[seen:]:
                    if wanted(entry):
                        return entry
                seen = len(self._entries)
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return None

    def __len__(self) -> int:
        return len(self._entries)

    @contextlib.contextmanager
    def read_along(self, reader: Callable[[Entry], None]) -> Iterator[None]:
        """Call `reader` with each entry as it is written."""
        self._readers.append(reader)
        try:
            yield
        finally:
            self._readers.remove(reader)
