"""Data of metrics, in periods: what alarms look at.

A rehearsal lasts minutes where an account lasts days, so periods pass as fast as all else that waits. Data has a place
on a line of time that runs faster than the clock by the account's acceleration, and that jumps with each fast-forward.
What comes without a time of its own is placed where the line stands at that moment; what comes with a time is placed
as long before or after that as its time is from now, where "now" is the account's clock or this machine's, whichever
is nearer: a job reads the machine's. So an alarm of three periods of a minute needs three seconds of traffic at 60x,
and data that is published with times of its own counts in the periods that the times say.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from constructs_ml.rehearsal.clock import Clock

Series = dict[int, float]
"""Values by the number of their period."""

_MOST = 20_000
_PERCENTILE = "p"


class UnsupportedStatisticError(ValueError):
    """A statistic, or an expression, that the embedded account does not compute."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: data with other dimensions belongs to another."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Iterable[Mapping[str, str]] | None) -> Metric:
        """From the parts of a request."""
        return cls(namespace, name, frozenset((one["Name"], one["Value"]) for one in dimensions or ()))


@dataclass(frozen=True, slots=True)
class _Datum:
    at: float
    least: float
    most: float
    total: float
    count: float
    unit: str


class Metrics:
    """Everything that was published. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began = clock, time.monotonic()
        self._data: dict[Metric, deque[_Datum]] = {}
        self._lock = threading.Lock()

    def now(self) -> float:
        """Where the line of time stands, in seconds."""
        ahead = (time.monotonic() - self._began) * (self._clock.acceleration - 1)
        return self._clock.now().timestamp() + ahead

    def put(self, parameters: Mapping[str, Any]) -> None:
        """Keep what PutMetricData published."""
        for given in parameters.get("MetricData") or ():
            metric = Metric.of(parameters["Namespace"], given["MetricName"], given.get("Dimensions"))
            found = [
                _Datum(self._place(given.get("Timestamp")), *one, given.get("Unit") or "") for one in _values(given)
            ]
            with self._lock:
                self._data.setdefault(metric, deque(maxlen=_MOST)).extend(found)

    def _place(self, moment: datetime | None) -> float:
        if moment is None:
            return self.now()
        said = moment.replace(tzinfo=moment.tzinfo or UTC)
        late = ((self._clock.now() - said).total_seconds(), (datetime.now(UTC) - said).total_seconds())
        return self.now() - min(late, key=abs)

    def series(self, metric: Metric, statistic: str, period: int, unit: str = "") -> Series:
        """A metric's statistic, period by period; periods without data are left out."""
        with self._lock:
            return statistics(list(self._data.get(metric, ())), statistic, period, unit)

    def selected(self, namespace: str, name: str, names: frozenset[str], statistic: str, period: int) -> Series:
        """Data of all metrics of a name whose dimensions have these names; of any dimensions where there are none."""
        with self._lock:
            found = [
                datum
                for metric, data in self._data.items()
                if (metric.namespace, metric.name) == (namespace, name)
                and (not names or {one[0] for one in metric.dimensions} == names)
                for datum in data
            ]
        return statistics(found, statistic, period, "")


def _values(given: Mapping[str, Any]) -> list[tuple[float, float, float, float]]:
    """Least, most, sum and count of each value, or of a set of statistics."""
    stats = given.get("StatisticValues")
    if stats:
        return [(float(stats["Minimum"]), float(stats["Maximum"]), float(stats["Sum"]), float(stats["SampleCount"]))]
    values = given.get("Values") or ([given["Value"]] if given.get("Value") is not None else [])
    counts = given.get("Counts") or [1.0] * len(values)
    pairs = [(float(value), float(count)) for value, count in zip(values, counts, strict=True)]
    return [(value, value, value * count, count) for value, count in pairs]


def statistics(data: Iterable[_Datum], statistic: str, period: int, unit: str) -> Series:
    """One value a period. Raises `UnsupportedStatisticError` for statistics that are not known here."""
    grouped: dict[int, list[_Datum]] = {}
    for datum in data:
        if not unit or datum.unit == unit:
            grouped.setdefault(math.floor(datum.at / period), []).append(datum)
    return {index: _statistic(group, statistic) for index, group in grouped.items()}


def _statistic(group: list[_Datum], statistic: str) -> float:
    total, count = sum(one.total for one in group), sum(one.count for one in group)
    match statistic:
        case "Average":
            return total / count if count else 0.0
        case "Sum":
            return total
        case "SampleCount":
            return count
        case "Minimum":
            return min(one.least for one in group)
        case "Maximum":
            return max(one.most for one in group)
    if statistic.startswith(_PERCENTILE) and statistic[1:].replace(".", "", 1).isdigit():
        return _percentile(group, float(statistic[1:]))
    raise UnsupportedStatisticError(f"statistic {statistic}")


def _percentile(group: list[_Datum], percent: float) -> float:
    """The smallest value that so many per cent of all values do not exceed."""
    wanted, seen = percent / 100 * sum(one.count for one in group), 0.0
    ordered = sorted(group, key=lambda one: one.most)
    for one in ordered:
        seen += one.count
        if seen >= wanted:
            return one.most
    return ordered[-1].most
