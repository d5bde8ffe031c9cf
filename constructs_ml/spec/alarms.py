"""Alarms of an endpoint's variants and of monitors, by how bad it is when they ring."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.contract import metrics
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_number, check_whole
from constructs_ml.spec.fields import check_fields

Severity = Literal["warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _check(alarm: Errors | Latency, where: str) -> None:
    check_severity(alarm.severity, where)
    check_duration("period", alarm.period, where, _MINUTE, _HOUR)
    if alarm.period % _MINUTE:
        raise refuse("alarm-period", where=where, got=alarm.period, allowed="whole minutes")
    check_whole("periods", alarm.periods, where, 1, 100)
    check_whole("ringing", alarm.ringing, where, 1, alarm.periods)
    window, longest = alarm.period * alarm.periods, _DAY if alarm.period < _HOUR else 7 * _DAY
    if window > longest:
        raise refuse("alarm-window", where=where, got=window, allowed=f"at most {longest}")


def check_severity(severity: str, where: str) -> None:
    """One of the two severities."""
    if severity not in SEVERITIES:
        raise refuse("alarm-severity", where=where, got=repr(severity), allowed=SEVERITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """More than `percent` of a variant's requests end in a server error (5XX).

    It rings when `ringing` of the last `periods` periods are beyond it; a period without requests is not.
    """

    kind: ClassVar[str] = "errors"
    percent: float = 1.0
    period: timedelta = _MINUTE
    periods: int = 3
    ringing: int = 2
    severity: Severity = "critical"

    def __post_init__(self) -> None:
        check_fields(self, "Errors")
        check_number("percent", self.percent, "Errors", 0, 100)
        _check(self, "Errors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The `percentile` of the time that a variant's model takes to answer is above a number of milliseconds."""

    kind: ClassVar[str] = "latency"
    milliseconds: float = 1_000
    percentile: float = 99
    period: timedelta = _MINUTE
    periods: int = 3
    ringing: int = 2
    severity: Severity = "critical"

    def __post_init__(self) -> None:
        check_fields(self, "Latency")
        check_number("milliseconds", self.milliseconds, "Latency", 1, 3_600_000)
        check_number("percentile", self.percentile, "Latency", 1, 99.99)
        _check(self, "Latency")


VariantAlarm = Errors | Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorAlarm:
    """One of a monitor's metrics is above or below a number after a run of the monitor.

    The names of metrics are the contract's: `drift("spend")` and `missing("spend")` build those of data quality,
    `ModelQuality` has its own, such as "auc".
    """

    metric: str
    above: float | None = None
    below: float | None = None
    severity: Severity = "warning"

    def __post_init__(self) -> None:
        where = f"MonitorAlarm({self.metric!r})"
        check_fields(self, where)
        if not isinstance(self.metric, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", self.metric):
            raise refuse("monitor-metric", where=where, got=repr(self.metric), allowed="letters, digits and _.-")
        if (self.above is None) == (self.below is None):
            got = f"above={self.above}, below={self.below}"
            raise refuse("alarm-bound", where=where, got=got, allowed="above= or below=, one of them")
        bound = self.above if self.above is not None else self.below
        assert bound is not None
        check_number("the bound", bound, where, -1e308, 1e308)
        check_severity(self.severity, where)


def drift(feature: str, *, above: float, severity: Severity = "warning") -> MonitorAlarm:
    """A feature's distribution is farther from its baseline than `above`, 0 to 1."""
    check_number("above", above, f"drift({feature!r})", 0, 1)
    return MonitorAlarm(metric=metrics.drift(feature), above=above, severity=severity)


def missing(feature: str, *, above: float, severity: Severity = "warning") -> MonitorAlarm:
    """A feature is missing in more than the share `above` of the records, 0 to 1."""
    check_number("above", above, f"missing({feature!r})", 0, 1)
    return MonitorAlarm(metric=metrics.completeness(feature), below=1 - above, severity=severity)
