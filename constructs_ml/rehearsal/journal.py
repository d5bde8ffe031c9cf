"""What happened in the embedded account, in order: the report, the terminal and tests read it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
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


# What each kind means, and what its `detail` may hold. `seconds` are real ones, in the entry that ends something; ids
# of processes are those of the guards, which end with the rehearsal and take what they started with them.
KINDS = MappingProxyType(
    {
        "account": "the account itself opened or closed: region",
        "stack": "a stack's status changed: status, reason, seconds, id",
        "resource": "a resource's status changed: type, physical_id, stack, status, reason, seconds; of SageMaker's own"
        " also noun, before; of versions approval, arn",
        "execution": "a run of a state machine or of a SageMaker pipeline began or ended: machine, execution, arn,"
        " status, seconds, error, cause",
        "state": "a state was entered or left, tries again or was caught: machine, execution, type, seconds, error,"
        " cause, item, child",
        "job": "a job's status changed: status, seconds, processes; of SageMaker noun, before, reason; of others"
        " service, and run, query or task",
        "function": "a function answered: request_id, milliseconds, seconds, processes, cold, version, trigger,"
        " runtime, python, error, message",
        "endpoint": "an endpoint's status changed, or a step of its rollout: status, before, reason, seconds,"
        " processes, share, config, variant, instances",
        "invocation": "an endpoint answered a request: variant, config, status, milliseconds, bytes, request, answer,"
        " inference_id",
        "event": "an event or a notice was delivered, or not: target, attempts, code, source, topic, message",
        "alarm": "an alarm's state changed, or its action was carried out: state, reason, target",
        "schedule": "a schedule fired: target, attempts",
        "person": "a person was asked, answered, approved or rejected: text, why",
        "denied": "a call that AWS would deny: the fields of `iam.usage.Denied`, but for its count",
        "stand-in": "something ran in the place of what cannot run here: image, script, of, hosts, strategy, budget",
    }
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

    def since(self, kind: str, **detail: Any) -> float:
        """Real seconds since the first entry of a kind whose detail says this; 0 where there is none."""
        now = time.monotonic() - self._began
        found = (entry.at for entry in self.entries(kind) if detail.items() <= dict(entry.detail).items())
        return round(now - next(found, now), 3)

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

    def last(self, number: int) -> str:
        """The last entries, a line each."""
        entries = self.entries()[-number:]
        return "\n".join(f"  {entry.at:7.2f} s  {entry.kind:<10} {entry.name}: {entry.what}" for entry in entries)

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
