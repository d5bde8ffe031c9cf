"""Triggers by time: cron expressions and rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import check_duration, check_name, frozen
from constructs_ml.spec.cron import check_cron
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import S3

Constant = str | float | bool | S3
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A run at the times of a six-field cron expression, such as "0 3 * * ? *", in a time zone.

    `flexible` lets the scheduler spread starts over a window of 1 to 1,440 minutes; `inputs` are constants.
    """

    expression: str
    time_zone: str = "UTC"
    flexible: timedelta | None = None
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    name: str = "cron"

    def __post_init__(self) -> None:
        where = f"Cron({self.expression!r})"
        check_fields(self, where, own=("inputs",))
        faults = Faults()
        check_cron(self.expression, where, faults)
        faults.raise_if_any()
        _check_schedule(self.flexible, self.name, where)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise refuse(
                "time-zone", where=where, got=repr(self.time_zone), allowed="an IANA name such as Europe/Berlin"
            ) from None
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def schedule(self) -> str:
        """The expression as EventBridge Scheduler reads it."""
        return f"cron({self.expression})"

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"{self.schedule} {self.time_zone}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A run every so often: whole minutes, at least one."""

    every: timedelta
    flexible: timedelta | None = None
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    name: str = "rate"

    def __post_init__(self) -> None:
        where = f"Rate({self.every})"
        check_fields(self, where, own=("inputs",))
        if not isinstance(self.every, timedelta) or self.every < _MINUTE or self.every % _MINUTE:
            raise refuse(
                "rate", where=where, got=self.every, allowed="whole minutes, hours or days, at least one minute"
            )
        _check_schedule(self.flexible, self.name, where)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def schedule(self) -> str:
        """The expression in the largest whole unit."""
        for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", _MINUTE)):
            if self.every % length == timedelta():
                count = self.every // length
                return f"rate({count} {unit}{'s' if count > 1 else ''})"
        raise AssertionError("a rate is checked to be in whole minutes")

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return self.schedule


Schedule = Cron | Rate


def _check_schedule(flexible: timedelta | None, name: str, where: str) -> None:
    check_name("trigger", name, where)
    if flexible is not None:
        check_duration("flexible", flexible, where, _MINUTE, 1440 * _MINUTE)
        if flexible % _MINUTE:
            raise refuse("rate", where=where, got=flexible, allowed="whole minutes")
