"""Monitors of an endpoint: what they compare, with which baseline, how often, and when they ring.

One spec for every engine. The native engine is SageMaker Model Monitor, which is open to existing customers only;
bias and attribution follow with the portable one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.contract import metrics, names
from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.alarms import MonitorAlarm
from constructs_ml.spec.checks import (
    alike,
    check_duration,
    check_kind,
    check_name,
    check_number,
    check_tuple,
    check_whole,
)
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import Compute, Network
from constructs_ml.spec.values import S3, Output

Problem = Literal["BinaryClassification", "MulticlassClassification", "Regression"]
PROBLEMS: tuple[Problem, ...] = ("BinaryClassification", "MulticlassClassification", "Regression")
_HOUR = timedelta(hours=1)
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class Hourly:
    """At the beginning of every hour; SageMaker may take up to 20 minutes longer to start."""

    interval: ClassVar[timedelta] = _HOUR

    @property
    def expression(self) -> str:
        """As MonitoringSchedule reads it: its cron is not EventBridge's."""
        return "cron(0 * ? * * *)"


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day, at an hour of UTC."""

    interval: ClassVar[timedelta] = 24 * _HOUR
    hour: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "Daily")
        check_whole("hour", self.hour, "Daily", 0, 23)

    @property
    def expression(self) -> str:
        """As MonitoringSchedule reads it."""
        return f"cron(0 {self.hour} ? * * *)"


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many hours (2 to 24), counted from an hour of UTC."""

    hours: int
    start: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "Every")
        check_whole("hours", self.hours, "Every", 2, 24)
        check_whole("start", self.start, "Every", 0, 23)

    @property
    def interval(self) -> timedelta:
        """The time between two runs."""
        return self.hours * _HOUR

    @property
    def expression(self) -> str:
        """As MonitoringSchedule reads it."""
        return f"cron(0 {self.start}/{self.hours} ? * * *)"


MonitorSchedule = Hourly | Daily | Every


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a monitor compares with: statistics and constraints, as files of Model Monitor's form below a place.

    A place is a fixed S3 prefix, or the output of a pipeline's step: then each account names the run whose output
    counts, under `models.<model>.run`, and an account that names none has no such monitor yet.
    """

    source: S3 | Output
    statistics: str | None = "statistics.json"
    constraints: str = "constraints.json"

    def __post_init__(self) -> None:
        check_fields(self, "Baseline", own=("source",))
        for name in (self.statistics, self.constraints):
            if name is not None and not _FILE.fullmatch(name):
                allowed = "the name of a file below the baseline's place"
                raise refuse("baseline-file", where="Baseline", got=repr(name), allowed=allowed)
        if not isinstance(self.source, (S3, Output)):
            got = repr(self.source)
            raise refuse("baseline-source", where="Baseline", got=got, allowed="S3(...) or step.output(...)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality:
    """Compares the captured requests with the baseline: missing values, types, drift of distributions.

    `timeout` is 1 minute to 1 hour for an hourly schedule, else to one day. No instance type means the account's
    for processing.
    """

    kind: ClassVar[str] = "DataQuality"
    namespace: ClassVar[str] = metrics.DATA_QUALITY_NAMESPACE
    captured: ClassVar[str] = "Input"
    baseline: Baseline | None = None
    schedule: MonitorSchedule = Hourly()
    alarms: tuple[MonitorAlarm, ...] = ()
    compute: Compute = Compute()
    network: Network = Network()
    timeout: timedelta = timedelta(minutes=55)
    name: str = "data-quality"

    def __post_init__(self) -> None:
        check_fields(self, "DataQuality")
        _check_monitor(self)
        drifting = [alarm.metric for alarm in self.alarms if alarm.metric.startswith(metrics.drift(""))]
        if drifting and self.baseline is None:
            allowed = "baseline=Baseline(...), or no alarm on drift"
            raise refuse("monitor-baseline", where=f"monitor {self.name!r}", got=drifting, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuality:
    """Joins the captured answers with labels that arrive later, and measures how good the answers were.

    `ground_truth` is where labels arrive, by inference id and hour. `inference` names the attribute or, for CSV,
    the index of the answer; `probability` that of the score, which counts as positive above `threshold`. `start`
    and `end` say which captured hours a run looks at, back from its own time, so that labels may be late; without
    `start` each run looks at as many hours as lie between two runs, so that none is left out.
    """

    kind: ClassVar[str] = "ModelQuality"
    namespace: ClassVar[str] = metrics.MODEL_QUALITY_NAMESPACE
    captured: ClassVar[str] = "Output"
    ground_truth: S3
    problem: Problem
    inference: str | None = None
    probability: str | None = None
    threshold: float | None = None
    start: timedelta | None = None
    end: timedelta = _HOUR
    baseline: Baseline | None = None
    schedule: MonitorSchedule = Hourly()
    alarms: tuple[MonitorAlarm, ...] = ()
    compute: Compute = Compute()
    network: Network = Network()
    timeout: timedelta = timedelta(minutes=55)
    name: str = "quality"

    def __post_init__(self) -> None:
        where = f"monitor {self.name!r}"
        check_fields(self, where)
        _check_monitor(self)
        if self.problem not in PROBLEMS:
            raise refuse("monitor-problem", where=where, got=repr(self.problem), allowed=PROBLEMS)
        if self.inference is None and self.probability is None:
            raise refuse("monitor-answer", where=where, got="neither", allowed="inference=, or probability=")
        if self.problem == "Regression" and (self.probability is not None or self.threshold is not None):
            raise refuse("monitor-regression", where=where, got="a probability", allowed="inference= alone")
        if self.threshold is not None:
            check_number("threshold", self.threshold, where, 0, 1)
        if (self.probability is None) != (self.threshold is None) and self.problem == "BinaryClassification":
            got = f"probability={self.probability!r}, threshold={self.threshold!r}"
            raise refuse("monitor-threshold", where=where, got=got, allowed="both, or neither")
        check_duration("end", self.end, where, timedelta(), timedelta(days=30))
        if self.start is not None:
            check_duration("start", self.start, where, _HOUR, timedelta(days=31))
        begin, end = self.window
        if begin <= end or begin % _HOUR or end % _HOUR:
            got = f"{begin} to {end} back"
            raise refuse("monitor-window", where=where, got=got, allowed="whole hours, start farther back than end")

    @property
    def window(self) -> tuple[timedelta, timedelta]:
        """The captured hours that a run looks at: from and to, back from its own time."""
        return self.start or self.end + self.schedule.interval, self.end


Monitor = DataQuality | ModelQuality


def _check_monitor(monitor: Monitor) -> None:
    where = f"monitor {monitor.name!r}"
    check_name("monitor", monitor.name, where, longest=names.MONITOR_LENGTH)
    check_kind("baseline", monitor.baseline, where, Baseline, type(None))
    check_kind("schedule", monitor.schedule, where, Hourly, Daily, Every)
    check_tuple("alarms", monitor.alarms, where, MonitorAlarm)
    check_kind("compute", monitor.compute, where, Compute)
    check_kind("network", monitor.network, where, Network)
    longest = _HOUR if isinstance(monitor.schedule, Hourly) else timedelta(seconds=limits.MONITORING_SECONDS)
    check_duration("timeout", monitor.timeout, where, timedelta(minutes=1), longest)
    seen = [(alarm.metric, alarm.severity) for alarm in monitor.alarms]
    for metric, severity in seen:
        if seen.count((metric, severity)) > 1:
            got = f"two alarms of severity {severity}"
            raise refuse("monitor-alarm-twice", where=where, got=got, allowed="one of each severity", metric=metric)
    for group in alike(dict.fromkeys(metric for metric, _ in seen)):
        raise refuse("names-alike", where=where, got=group, allowed="other metrics", names=" and ".join(group))
