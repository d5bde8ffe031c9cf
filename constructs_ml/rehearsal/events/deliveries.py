"""Deliveries on their way: one after another in a thread, tried again where that may help, buried where it may not."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.targets import NotDeliveredError, Sent, Targets

SCHEDULER = "scheduler.amazonaws.com"
_DAY = 86_400
_MOST = 185
_LONGEST_PAUSE = 60.0


class Deliveries:
    """A queue before the targets: who sends does not wait for who receives.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    """

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account, self._targets = account, Targets(account)
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._worker: threading.Thread | None = None
        self._lock, self._open = threading.Lock(), 0
        self._done = threading.Condition(self._lock)
        account.at_end(self._end)

    def add(self, kind: str, what: str, sent: Sent) -> None:
        """Send soon; `kind` and `what` are for the journal: an event's detail type, a schedule, a notice."""
        self.do(lambda: self._try(kind, what, sent, 1))

    def do(self, work: Callable[[], None]) -> None:
        """Do something after all that waits already."""
        with self._lock:
            if self._account.clock.stopped:
                return
            self._open += 1
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="deliveries", daemon=True)
                self._worker.start()
        self._waiting.put(work)

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait for up to `seconds` of real time until nothing is on its way; whether that came true."""
        deadline = time.monotonic() + seconds
        with self._done:
            return self._done.wait_for(lambda: self._open == 0, deadline - time.monotonic())

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            self._run(work)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            if not self._account.clock.stopped:
                work()
        except Exception as failed:  # noqa: BLE001 - one delivery must not end the others
            self._account.journal.write("event", "delivery", f"failed in the embedded account: {failed!r}")
        finally:
            with self._done:
                self._open -= 1
                self._done.notify_all()

    def _try(self, kind: str, what: str, sent: Sent, attempt: int) -> None:
        arn, name = sent.target["Arn"], sent.source_name
        try:
            self._targets.deliver(sent.attempt(attempt) if sent.service == SCHEDULER else sent)
        except NotDeliveredError as failed:
            if failed.passing and attempt <= self._most(sent):
                self._again(kind, what, sent, attempt)
                return
            text = f"not delivered to {_short(arn)}: {failed}"
            self._account.journal.write(kind, name, text, target=arn, attempts=attempt, code=failed.code)
            self._bury(sent, failed, attempt)
            return
        self._account.journal.write(kind, name, f"{what} -> {_short(arn)}".strip(), target=arn, attempts=attempt)

    def _most(self, sent: Sent) -> int:
        found = (sent.target.get("RetryPolicy") or {}).get("MaximumRetryAttempts")
        return _MOST if found is None else int(found)

    def _again(self, kind: str, what: str, sent: Sent, attempt: int) -> None:
        """Try once more after a pause that grows, unless the event is too old by then."""
        pause = min(2.0 ** (attempt - 1), _LONGEST_PAUSE)
        age = (sent.target.get("RetryPolicy") or {}).get("MaximumEventAgeInSeconds") or _DAY

        def wait() -> None:
            self._account.clock.sleep(pause)
            self._run(lambda: self._try(kind, what, sent, attempt + 1))

        spent = timedelta(seconds=sum(min(2.0**n, _LONGEST_PAUSE) for n in range(attempt)))
        if spent > timedelta(seconds=age):
            failed = NotDeliveredError("EVENT_TOO_OLD", f"not delivered within {age} s")
            self._account.journal.write(kind, sent.source_name, str(failed), target=sent.target["Arn"])
            self._bury(sent, failed, attempt)
            return
        with self._lock:
            self._open += 1
        threading.Thread(target=wait, name="delivery again", daemon=True).start()

    def _bury(self, sent: Sent, failed: NotDeliveredError, attempt: int) -> None:
        try:
            self._targets.bury(sent, failed, attempt)
        except Exception as also:  # noqa: BLE001 - what cannot even be buried is said, not raised in a thread
            text = f"lost: its dead-letter queue did not take it either: {also}"
            self._account.journal.write("event", sent.source_name, text, target=sent.target["Arn"])

    def _end(self) -> None:
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join(5)


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1] if arn.count(":") > 4 else arn
