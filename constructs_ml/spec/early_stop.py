"""EarlyStop: a training metric that ends its job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_number, check_whole
from constructs_ml.spec.fields import check_fields

_ALARM = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStop:
    """Stop the job when a metric has been above or below a number in each of the last `for_minutes` minutes.

    `metric` is one of the job's own metrics, and its name begins with the model's: "churn:loss". The alarm watches the
    name in whatever job publishes it, because the name of a job is known only when it starts.
    """

    metric: str
    above: float | None = None
    below: float | None = None
    for_minutes: int = 5

    def __post_init__(self) -> None:
        where = f"EarlyStop({self.metric!r})"
        check_fields(self, where)
        if (self.above is None) == (self.below is None):
            got = f"above={self.above}, below={self.below}"
            raise refuse("alarm-bound", where=where, got=got, allowed="above= or below=, one of them")
        check_number("the bound", self.bound, where, -1e308, 1e308)
        # A metric alarm looks back a day at most.
        check_whole("for_minutes", self.for_minutes, where, 1, 24 * 60)

    @property
    def bound(self) -> float:
        """The number that is compared."""
        bound = self.above if self.above is not None else self.below
        assert bound is not None
        return bound


def check_stop(stop_when: EarlyStop | str | None, defined: Sequence[str], where: str) -> None:
    """An alarm by its name, or on a metric that the job reads from its own log."""
    if isinstance(stop_when, str) and not _ALARM.fullmatch(stop_when):
        raise refuse("alarm-name", where=where, got=repr(stop_when), allowed="1 to 255 printable characters")
    if isinstance(stop_when, EarlyStop) and stop_when.metric not in defined:
        got, allowed = repr(stop_when.metric), tuple(defined) or "metrics=(MetricDefinition(...),)"
        raise refuse("stop-metric", where=where, got=got, allowed=allowed, name=stop_when.metric)
