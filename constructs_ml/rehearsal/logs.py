"""Log streams in the account's CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal

CREATE_GROUP = "logs:CreateLogGroup"
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


def check_writing(account: EmbeddedAccount, principal: Principal, group: str, stream: str, *first: str) -> None:
    """Refuse a role that may not write a stream, nor do `first` what a service does with the group."""
    place = account.arn("logs", f"log-group:{group}")
    for action in first:
        account.authorize(principal, action, place)
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        account.authorize(principal, action, f"{place}:log-stream:{stream}")


def open_log(account: EmbeddedAccount, principal: Principal, group: str, stream: str, *first: str) -> LogStream | None:
    """A stream, or none where the role may not write it: what it logs runs all the same, as on AWS."""
    try:
        check_writing(account, principal, group, stream, *first)
    except ServiceError:
        return None
    return LogStream(account, group, stream)


def has_group(account: EmbeddedAccount, group: str) -> bool:
    """Whether a log group is there."""
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return any(item["logGroupName"] == group for item in found)


def lost_logs(account: EmbeddedAccount, principal: Principal, group: str, stream: str) -> str:
    """Why a role's logs do not reach their stream: AWS drops what the role may not write. Empty if it may."""
    try:
        check_writing(account, principal, group, stream, *(() if has_group(account, group) else (CREATE_GROUP,)))
    except ServiceError as denied:
        return str(denied.message)
    return ""
