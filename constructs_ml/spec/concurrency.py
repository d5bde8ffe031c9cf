"""What a run does while another run of the same model is in progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration
from constructs_ml.spec.fields import check_fields

# A state machine's history ends at 25,000 events; a look at another run takes at most 14 of them.
MOST_LOOKS = 1_000


@dataclass(frozen=True, slots=True)
class Allow:
    """Both run."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The later run ends at once, well, in the state `Skipped`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The later run looks `every` so often whether the model is free, and fails after `at_most`.

    At most 1,000 looks. Runs that wait have no order: whichever looks first after the end of a run is next.
    """

    every: timedelta = timedelta(minutes=1)
    at_most: timedelta = timedelta(hours=12)

    def __post_init__(self) -> None:
        check_fields(self, "Queue")
        check_duration("every", self.every, "Queue", timedelta(seconds=1), timedelta(days=1))
        check_duration("at_most", self.at_most, "Queue", self.every, timedelta(days=300))
        check_looks(self.at_most, self.every, "Queue")

    @property
    def looks(self) -> int:
        """How often it looks before it gives up."""
        return self.at_most // self.every


Concurrency = Allow | Skip | Queue


def check_looks(at_most: timedelta, every: timedelta, where: str) -> None:
    """A wait may not outgrow the history of an execution."""
    if at_most // every > MOST_LOOKS:
        raise refuse("looks", where=where, got=f"{at_most // every} looks", allowed=f"at most {MOST_LOOKS}")
