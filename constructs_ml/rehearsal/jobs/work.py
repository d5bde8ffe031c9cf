"""A job's process while it runs: what it prints, how long it may run, and who asked it to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.logs import CREATE_GROUP, LogStream, open_log
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.processes import Process

End = Literal["ended", "stopped", "interrupted", "out of time"]
_TICK = 0.4


class Work:
    """Runs one job's command; another thread may end it with `stop` and `interrupt`."""

    def __init__(self, account: EmbeddedAccount, name: str, group: str, principal: Principal) -> None:
        self.name = name
        self._account = account
        self._asked: End | None = None
        self._wake = threading.Event()
        self._log = job_log(account, principal, group, name)
        self.process: Process | None = None

    def stop(self) -> None:
        """Ask for the end: the process gets SIGTERM, and SIGKILL a few seconds later."""
        self._asked = "stopped"
        self._wake.set()

    def interrupt(self) -> None:
        """Take its machine away, as a spot interruption does."""
        if self._asked is None:
            self._asked = "interrupted"
            self._wake.set()

    @property
    def lines(self) -> tuple[str, ...]:
        """What it printed up to now."""
        return () if self.process is None else tuple(self.process.lines)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked == "stopped"

    def run(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        seconds: float,
        line: Callable[[str], None],
        tick: Callable[[], None],
    ) -> tuple[End, int]:
        """Run to the end, for up to `seconds` of real time: how it ended, and the exit code.

        `tick` is called a few times a second, and once more at the end.
        """

        def printed(text: str) -> None:
            line(text)
            if self._log is not None:
                self._log.write(text)

        deadline = time.monotonic() + seconds
        process = self._account.processes.start(
            self.name, command, folder=folder, environment=environment, line=printed
        )
        self.process = process
        try:
            end = self._watch(process, deadline, tick)
        finally:
            code = process.stop()
        if self._asked == "interrupted":
            self._asked = None
            self._wake.clear()
        self._flush(tick)
        return end, code

    def _watch(self, process: Process, deadline: float, tick: Callable[[], None]) -> End:
        ticked = time.monotonic()
        while process.wait(0.05) is None:
            if self._account.clock.stopped:
                return "stopped"
            if self._asked is not None or time.monotonic() > deadline:
                return self._asked or "out of time"
            if time.monotonic() - ticked > _TICK:
                self._flush(tick)
                ticked = time.monotonic()
        return "ended"

    def pause(self, seconds: float) -> None:
        """Wait, unless somebody asks for the end."""
        self._wake.wait(seconds / self._account.clock.acceleration)

    def _flush(self, tick: Callable[[], None]) -> None:
        if not self._account.clock.stopped:
            if self._log is not None:
                self._log.close()
            tick()


def job_log(account: EmbeddedAccount, principal: Principal, group: str, name: str) -> LogStream | None:
    """The job's stream, or none where its role may not write it."""
    stream = f"{name}/algo-1-{int(account.clock.now().timestamp())}"
    return open_log(account, principal, group, stream, CREATE_GROUP, "logs:DescribeLogStreams")
