"""Log streams in the account's CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount

_BATCH = 200


class LogStream:
    """One stream of one group; both are made when the first line comes. Safe to write from any thread."""

    def __init__(self, account: EmbeddedAccount, group: str, stream: str) -> None:
        self.group, self.stream = group, stream
        self._account = account
        self._waiting: list[dict[str, Any]] = []
        self._made = False
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Add a line; lines reach the service in batches, and all at `close`."""
        moment = int(self._account.clock.now().timestamp() * 1000)
        with self._lock:
            self._waiting.append({"timestamp": moment, "message": line or " "})
            if len(self._waiting) >= _BATCH:
                self._flush()

    def close(self) -> None:
        """Write what waits."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        client = self._account.client("logs")
        if not self._made:
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_group(logGroupName=self.group)
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
            self._made = True
        if self._waiting:
            events, self._waiting = self._waiting, []
            client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
