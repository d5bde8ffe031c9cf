"""The rehearsal on the terminal, a line for each thing that people want to see while it runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from constructs_ml.rehearsal.journal import Entry

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
_BAD = ("FAILED", "ROLLBACK", "Failed", "failed", "TIMED_OUT", "ABORTED")


@dataclass(slots=True)
class Narrator:
    """Prints entries of the journal as they come: `with journal.read_along(Narrator(console)): ...`.

    Resources are counted and told with their stack; those that failed are told at once, and everything with `verbose`.
    """

    console: Console
    verbose: bool = False
    _resources: Counter[str] = field(default_factory=Counter)

    def __call__(self, entry: Entry) -> None:
        """Print one entry, or count it."""
        if entry.kind == "resource" and not self._bad(entry) and not self.verbose:
            self._resources[str(entry.detail.get("stack", ""))] += 1
            return
        if entry.kind in _QUIET or (entry.kind == "state" and not self.verbose):
            return
        said = entry.what
        if entry.kind == "stack" and entry.what.endswith("_COMPLETE"):
            said += f", {self._resources.pop(entry.name, 0)} resources"
        colour = "red" if self._bad(entry) else _COLOURS.get(entry.kind, "default")
        line = Text.assemble((f"{entry.at:8.2f} s  ", "dim"), (f"{entry.kind:<11}", colour), f"{entry.name}  ", said)
        self.console.print(line, soft_wrap=True)

    @staticmethod
    def _bad(entry: Entry) -> bool:
        return any(word in entry.what for word in _BAD)
