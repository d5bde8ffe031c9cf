"""The processes of a rehearsal: jobs, functions and model servers. None outlives it, even if it is killed."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_GRACE = 5.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Process:
    """A started process: `wait` for its end, or `stop` it as a container is stopped."""

    name: str
    popen: subprocess.Popen[str]
    reader: threading.Thread
    lines: list[str] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code (128 + n for signal n); None when it still runs after `seconds` of real time."""
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join(2)
        return code

    def stop(self) -> int:
        """SIGTERM to all of it, SIGKILL a few seconds later; the exit code."""
        with contextlib.suppress(OSError):
            assert self.popen.stdin is not None
            self.popen.stdin.close()
        code = self.wait(_GRACE + 5)
        if code is None:
            self.popen.kill()
            code = self.popen.wait()
        return code


class Processes:
    """Starts processes and stops all that still run when the rehearsal ends; `own` is its folder, gone with it."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._running: list[Process] = []
        self._ids: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        line: Callable[[str], None] | None = None,
    ) -> Process:
        """Start `command` in `folder` with `environment` and nothing else of ours.

        Output and errors come together, line by line, into `Process.lines` and to `line`.
        """
        guarded = [sys.executable, "-I", "-S", str(_GUARD), str(_GRACE), str(self._own or ""), *command]
        popen = subprocess.Popen(  # noqa: S603 - the user's own code, as the deployed template names it
            guarded,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(popen, lines, line), name=f"output of {name}", daemon=True)
        process = Process(name, popen, reader, lines)
        reader.start()
        with self._lock:
            self._running = [item for item in self._running if item.running] + [process]
            self._ids.setdefault(name, []).append(process.id)
        return process

    def ids(self, name: str) -> list[int]:
        """The ids of all processes that were started for a job, a function or an endpoint, the first first."""
        with self._lock:
            return [id for of, ids in self._ids.items() if of == name or of.startswith(f"{name}/") for id in ids]

    def running(self) -> list[Process]:
        """What runs now."""
        with self._lock:
            return [item for item in self._running if item.running]

    def stop(self) -> None:
        """Stop everything, side by side."""
        found = self.running()
        for process in found:
            with contextlib.suppress(OSError):
                assert process.popen.stdin is not None
                process.popen.stdin.close()
        deadline = time.monotonic() + _GRACE + 5
        for process in found:
            if process.wait(max(0.1, deadline - time.monotonic())) is None:
                process.popen.kill()


def _read(popen: subprocess.Popen[str], lines: list[str], line: Callable[[str], None] | None) -> None:
    assert popen.stdout is not None
    assert popen.stdin is not None
    told = False
    with contextlib.suppress(OSError), popen.stdin, popen.stdout:  # the output ends when the guard does
        for text in popen.stdout:
            lines.append(text.rstrip("\n"))
            if line is None:
                continue
            try:
                line(lines[-1])
            except Exception:  # noqa: BLE001 - whatever it was: a process whose output nobody reads stops for ever
                if not told:
                    _LOG.exception("a line of output was not taken; later ones are tried")
                told = True
