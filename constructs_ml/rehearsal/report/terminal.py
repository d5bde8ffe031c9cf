"""The rehearsal on the terminal, a line for each thing that people want to see while it runs."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.report.words import lasted, short

_COLOURS = {
    "denied": "red",
    "alarm": "yellow",
    "stand-in": "yellow",
    "person": "magenta",
    "execution": "bold",
    "endpoint": "cyan",
    "invocation": "cyan",
    "event": "dim",
    "state": "dim",
}
_QUIET = ("account",)
_LONG = ("stack", "execution", "job", "endpoint")
_BAD = ("FAILED", "ROLLBACK", "Failed", "failed", "TIMED_OUT", "ABORTED")
_LINES, _INDENT = 4, " " * 23


@dataclass(slots=True)
class Narrator:
    """Prints entries of the journal as they come: `with journal.read_along(Narrator(console)): ...`.

    Resources are counted and told with their stack; those that failed are told at once, and everything with `verbose`.
    Entered as a context manager, it shows on a terminal what runs now.
    """

    console: Console
    verbose: bool = False
    _resources: Counter[str] = field(default_factory=Counter)
    _running: dict[str, None] = field(default_factory=dict)
    _status: Status | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._status = self.console.status("the account opens")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, entry: Entry) -> None:
        """Print one entry, or count it."""
        with self._lock:
            self._show(entry)
            said = self._said(entry)
            if said is not None:
                colour = "red" if self._bad(entry) else _COLOURS.get(entry.kind, "default")
                head = ((f"{entry.at:8.2f} s  ", "dim"), (f"{entry.kind:<11}", colour))
                self.console.print(Text.assemble(*head, f"{short(entry.name)}  ", said), soft_wrap=True)

    def _said(self, entry: Entry) -> str | None:
        """What the line says; None for what is not shown."""
        told = self.verbose or self._bad(entry) or entry.what.startswith("registered")
        if entry.kind == "resource" and not told:
            self._resources[str(entry.detail.get("stack", ""))] += 1
            return None
        if entry.kind in _QUIET or (entry.kind == "state" and not self.verbose):
            return None
        said = entry.what
        if entry.kind == "stack":
            if not self.verbose and entry.what.endswith("_CLEANUP_IN_PROGRESS"):
                return None
            said = said.removesuffix(": User Initiated")
            if said.endswith("_COMPLETE"):
                said += f", {self._resources.pop(entry.name, 0)} resources"
        if entry.kind in _LONG and "seconds" in entry.detail:
            said = self._with_seconds(said, entry.detail["seconds"])
        return self._cut(said)

    @staticmethod
    def _with_seconds(said: str, seconds: float) -> str:
        status, colon, reason = said.partition(": ")
        return f"{status} after {lasted(seconds)}{colon}{reason}" if seconds else said

    def _cut(self, text: str) -> str:
        """Long texts over a few indented lines; all of them with `verbose`."""
        lines = [line.rstrip() for line in (text if self.verbose else short(text)).splitlines() if line.strip()]
        if not self.verbose and len(lines) > _LINES:
            lines = [*lines[: _LINES - 1], "…"]
        return f"\n{_INDENT}".join(lines)

    def _show(self, entry: Entry) -> None:
        """Keep the spinner's text at what runs now."""
        if self._status is None or entry.kind not in _LONG:
            return
        name = short(entry.name)
        if "seconds" in entry.detail or entry.what == "deleted":
            self._running.pop(name, None)
        else:
            self._running[name] = None
        self._status.update(", ".join(list(self._running)[-4:]) or "waiting")

    @staticmethod
    def _bad(entry: Entry) -> bool:
        return any(word in entry.what for word in _BAD)
