"""An execution environment: one process of a function, which answers one invocation after the other."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions.configuration import Configuration
from constructs_ml.rehearsal.logs import LogStream
from constructs_ml.rehearsal.principals import Principal

_RUNTIME = Path(__file__).with_name("runtime.py")
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
_INIT_SECONDS = 10.0
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function: the event as JSON text, and as what it was called."""

    id: str
    event: str
    arn: str
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: the payload as JSON text, and the type of the error if it is one."""

    payload: str
    error: str = ""
    milliseconds: float = 0.0
    tail: bytes = b""


class Sandbox:
    """A started process; `usable` until it was stopped, timed out or broke."""

    def __init__(
        self, account: EmbeddedAccount, configuration: Configuration, principal: Principal, paths: Sequence[Path]
    ) -> None:
        self.configuration, self.cold, self.usable = configuration, True, True
        self._account, self._token = account, secrets.token_hex(16)
        self._marked, self._lines, self._tail = threading.Semaphore(0), threading.Lock(), b""
        day = account.clock.now().strftime("%Y/%m/%d")
        self.log = LogStream(account, configuration.log_group, f"{day}/{configuration.log_stream}{uuid4().hex}")
        self.logs = True
        self._memory, self._started = 0, time.monotonic()
        with socket.create_server(("127.0.0.1", 0)) as server:
            settings = {
                "port": server.getsockname()[1],
                "token": self._token,
                "paths": [str(path) for path in paths],
                "handler": configuration.handler,
                "script": str(configuration.script or ""),
            }
            alone = () if configuration.script else ("-I", "-S")
            self.process = account.processes.start(
                configuration.name,
                [sys.executable, *alone, "-u", "-X", "utf8", str(_RUNTIME)],
                folder=paths[0],
                environment={**self._environment(principal, paths[0]), "REHEARSAL_RUNTIME": json.dumps(settings)},
                line=self._line,
            )
            self._connection, self._channel = self._accepted(server)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation to its end, its errors and its timeout included."""
        began = self._started if self.cold else time.monotonic()
        self._tail = b""
        self._write(f"START RequestId: {invocation.id} Version: {self.configuration.version}")
        outcome = self._begun(invocation) if self.cold else None
        initialised, self.cold = time.monotonic(), False
        if outcome is None:
            outcome = self._answered(invocation)
        took = (time.monotonic() - initialised) * 1000
        self._write(f"END RequestId: {invocation.id}")
        text = f"REPORT RequestId: {invocation.id}\tDuration: {took:.2f} ms\tBilled Duration: {int(took) + 1} ms"
        text += f"\tMemory Size: {self.configuration.memory_mb} MB\tMax Memory Used: {self._memory} MB"
        if initialised - began > 0.001:
            text += f"\tInit Duration: {(initialised - began) * 1000:.2f} ms"
        self._write(text)
        if self.logs:
            self.log.close()
        return Outcome(outcome[0], outcome[1], took, self._tail[-_TAIL_BYTES:])

    def stop(self) -> None:
        """End the process."""
        self.usable = False
        self.process.stop()
        if self._channel:
            self._channel.close()
        if self._connection:
            self._connection.close()

    def _begun(self, invocation: Invocation) -> tuple[str, str] | None:
        """Wait until the handler is loaded; what it says if it cannot be."""
        said = self._hear(_INIT_SECONDS + self.configuration.timeout)
        if said is None:
            return self._broken(invocation)
        if said.get("error"):
            self.stop()
            return json.dumps({**said["error"], "requestId": invocation.id}), said["error"]["errorType"]
        return None

    def _answered(self, invocation: Invocation) -> tuple[str, str]:
        seconds = self.configuration.timeout
        asked = {
            "id": invocation.id,
            "event": invocation.event,
            "arn": invocation.arn,
            "client_context": invocation.client_context,
            "deadline": int((time.time() + seconds) * 1000),
        }
        said: dict[str, Any] | None = None
        try:
            if self._channel is not None:
                self._channel.write(json.dumps(asked).encode() + b"\n")
                self._channel.flush()
                said = self._hear(seconds)
        except OSError:
            said = None
        if said is None:
            return self._broken(invocation)
        if said.get("error"):
            return json.dumps(said["error"]), said["error"]["errorType"]
        return said["result"], ""

    def _broken(self, invocation: Invocation) -> tuple[str, str]:
        """The process ended by itself, or is ended because it took too long."""
        code = self.process.wait(0.5)
        self.stop()
        if code is None:
            kind, text = "Sandbox.Timedout", f"Error: Task timed out after {self.configuration.timeout:.2f} seconds"
        else:
            how = f"with error: exit status {code}" if code else "without providing a reason"
            kind, text = "Runtime.ExitError", f"Error: Runtime exited {how}"
        self._write(f"{invocation.id} {text.removeprefix('Error: ')}")
        return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {invocation.id} {text}"}), kind

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        """What the process says next; None when it says nothing in time, or has ended."""
        if self._connection is None or self._channel is None:
            return None
        self._connection.settimeout(seconds)
        try:
            line = self._channel.readline()
        except OSError:
            return None
        if not line:
            return None
        self._marked.acquire(timeout=2)
        said: dict[str, Any] = json.loads(line)
        self._memory = said.get("memory", 0)
        return said

    def _accepted(self, server: socket.socket) -> tuple[socket.socket | None, Any]:
        """The process's connection; None where it ended before it came."""
        server.settimeout(0.1)
        deadline = time.monotonic() + _INIT_SECONDS + self.configuration.timeout
        while time.monotonic() < deadline and self.process.running:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            connection.settimeout(_INIT_SECONDS)
            channel = connection.makefile("rwb")
            if json.loads(channel.readline() or b"{}").get("token") == self._token:
                return connection, channel
            channel.close()
            connection.close()
        return None, None

    def _line(self, text: str) -> None:
        """A line of output; the mark of an invocation's end may stand behind what has no end of line."""
        before, mark, _ = text.partition(self._token)
        if before or not mark:
            self._write(before)
        if mark:
            self._marked.release()

    def _write(self, line: str) -> None:
        with self._lines:
            self._tail += line.encode() + b"\n"
        if self.logs:
            self.log.write(line)

    def _environment(self, principal: Principal, root: Path) -> dict[str, str]:
        """Whatever the function declares, it talks to this account alone."""
        configuration = self.configuration
        return {
            **self._account.environment(principal, dict(configuration.environment)),
            "_HANDLER": configuration.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log.stream,
            "LAMBDA_TASK_ROOT": str(root),
            "LAMBDA_RUNTIME_DIR": str(_RUNTIME.parent),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "TZ": ":UTC",
            "TMPDIR": str(self._account.folder),
        }
