"""How a burst of events becomes one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from constructs_ml.spec.checks import check_duration
from constructs_ml.spec.concurrency import check_looks
from constructs_ml.spec.fields import check_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """One run when no event has come for `quiet`, or `at_most` after the first one at the latest.

    Whether one has come is looked at every `quiet`, so a run starts one to two `quiet` after the last event.
    """

    quiet: timedelta
    at_most: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        check_fields(self, "Debounce")
        check_duration("quiet", self.quiet, "Debounce", timedelta(seconds=1), timedelta(days=1))
        check_duration("at_most", self.at_most, "Debounce", self.quiet, timedelta(days=300))
        check_looks(self.at_most, self.quiet, "Debounce")

    @property
    def looks(self) -> int:
        """How often the first event looks for others before it starts the run anyway."""
        return self.at_most // self.quiet
