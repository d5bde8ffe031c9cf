"""What starts a run: a time, data that arrives, an alarm."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import check_duration, check_name, frozen
from constructs_ml.spec.cron import check_cron
from constructs_ml.spec.values import S3, Input, fits

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


@dataclass(frozen=True, slots=True)
class Rate:
    """A run every so often: whole minutes, at least one."""

    every: timedelta
    flexible: timedelta | None = None
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    name: str = "rate"

    def __post_init__(self) -> None:
        where = f"Rate({self.every})"
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


@dataclass(frozen=True, slots=True)
class OnData:
    """A run when an object arrives below a prefix of the platform's data bucket.

    The input `to` gets the `s3://` URI of the object that arrived. EventBridge delivers at least once.
    """

    prefix: str
    to: str
    suffix: str = ""
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    name: str = "on-data"

    def __post_init__(self) -> None:
        where = f"OnData({self.prefix!r})"
        check_name("trigger", self.name, where)
        if not re.fullmatch(r"[A-Za-z0-9!_.'()/=-]+", self.prefix + self.suffix) or self.prefix.startswith("/"):
            raise refuse(
                "data-prefix",
                where=where,
                got=repr((self.prefix, self.suffix)),
                allowed="a key prefix without a leading slash, letters, digits and ! _ . ' ( ) / = -",
            )
        object.__setattr__(self, "inputs", frozen(self.inputs))


@dataclass(frozen=True, slots=True)
class OnAlarm:
    """A run when a CloudWatch alarm of the same account and region goes into ALARM."""

    alarm: str
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    name: str = "on-alarm"

    def __post_init__(self) -> None:
        where = f"OnAlarm({self.alarm!r})"
        check_name("trigger", self.name, where)
        if not re.fullmatch(r"[A-Za-z0-9 !-/;-@\[-`{-~]{1,255}", self.alarm) or "*" in self.alarm:
            raise refuse("alarm-name", where=where, got=repr(self.alarm), allowed="an alarm's name, no ARN and no *")
        object.__setattr__(self, "inputs", frozen(self.inputs))


Trigger = Cron | Rate | OnData | OnAlarm
Schedule = Cron | Rate


def check_triggers(triggers: Sequence[Trigger], inputs: Sequence[Input], where: str, faults: Faults) -> None:
    """Add a fault for each name taken twice and each input that a trigger gives wrongly or not at all."""
    for name, count in Counter(trigger.name for trigger in triggers).items():
        if count > 1:
            faults.add(
                "trigger-taken", where=where, got=f"{count} triggers", allowed="name= to tell them apart", name=name
            )
    declared = {item.name: item for item in inputs}
    for trigger in triggers:
        place = f"{where}, trigger {trigger.name!r}"
        given: dict[str, Constant] = dict(trigger.inputs)
        if isinstance(trigger, OnData):
            given[trigger.to] = S3(trigger.prefix)
        for name, value in given.items():
            if name not in declared:
                faults.add(
                    "trigger-input",
                    where=place,
                    got=repr(name),
                    allowed=tuple(declared) or "declared inputs",
                    name=name,
                )
            elif not fits(value, declared[name].type):
                faults.add("trigger-value", where=place, got=repr(value), allowed=f"a {declared[name].type}", name=name)
        missing = [item.name for item in inputs if item.required and item.name not in given]
        if missing:
            faults.add("trigger-missing", where=place, got=tuple(given) or "no inputs", allowed=missing)


def _check_schedule(flexible: timedelta | None, name: str, where: str) -> None:
    check_name("trigger", name, where)
    if flexible is not None:
        check_duration("flexible", flexible, where, _MINUTE, 1440 * _MINUTE)
        if flexible % _MINUTE:
            raise refuse("rate", where=where, got=flexible, allowed="whole minutes")
