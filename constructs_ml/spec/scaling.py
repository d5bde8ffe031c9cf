"""AutoScaling: how many instances, or how much provisioned concurrency, a variant has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from constructs_ml.facts import limits
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import check_duration, check_name, check_number, check_tuple, check_whole
from constructs_ml.spec.cron import check_cron
from constructs_ml.spec.fields import check_fields

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ScheduledCapacity:
    """New bounds at the times of a six-field cron expression, in a time zone."""

    expression: str
    minimum: int
    maximum: int
    time_zone: str = "UTC"
    name: str = "schedule"

    def __post_init__(self) -> None:
        where = f"ScheduledCapacity({self.expression!r})"
        check_fields(self, where)
        check_name("schedule", self.name, where)
        faults = Faults()
        check_cron(self.expression, where, faults)
        faults.raise_if_any()
        _check_bounds(self.minimum, self.maximum, where)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
            allowed = "an IANA name such as Europe/Berlin"
            raise refuse("time-zone", where=where, got=repr(self.time_zone), allowed=allowed) from None


@dataclass(frozen=True, slots=True)
class AutoScaling:
    """Between `minimum` and `maximum`, by one measure, by schedules, or both.

    `invocations_per_instance` is a number a minute; `concurrency_per_instance` requests at the same time;
    `utilisation` the mean CPU percentage of an instance (above 100 where it has several cores);
    `provisioned_utilisation` the percentage of a serverless variant's provisioned concurrency that is in use.
    The cooldowns say how long a change rests before the next.
    """

    minimum: int
    maximum: int
    invocations_per_instance: float | None = None
    concurrency_per_instance: float | None = None
    utilisation: float | None = None
    provisioned_utilisation: float | None = None
    schedules: tuple[ScheduledCapacity, ...] = ()
    scale_in_cooldown: timedelta = timedelta(minutes=5)
    scale_out_cooldown: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        check_fields(self, "AutoScaling")
        _check_bounds(self.minimum, self.maximum, "AutoScaling")
        check_tuple("schedules", self.schedules, "AutoScaling", ScheduledCapacity)
        given = self.measures
        if len(given) > 1 or not (given or self.schedules):
            raise refuse(
                "scaling-measure",
                where="AutoScaling",
                got=tuple(given) or "no measure and no schedules",
                allowed="one measure, schedules=, or both",
            )
        for name, value in given.items():
            check_number(name, value, "AutoScaling", 1, 100 if name == "provisioned_utilisation" else 10_000_000)
        check_duration("scale_in_cooldown", self.scale_in_cooldown, "AutoScaling", timedelta(), _HOUR)
        check_duration("scale_out_cooldown", self.scale_out_cooldown, "AutoScaling", timedelta(), _HOUR)
        for name, count in Counter(item.name for item in self.schedules).items():
            if count > 1:
                raise refuse(
                    "scaling-schedule",
                    where="AutoScaling",
                    got=f"{count} schedules",
                    allowed="name= to tell them apart",
                    name=name,
                )

    @property
    def least(self) -> int:
        """The least that the bounds ever are, schedules included."""
        return min((self.minimum, *(item.minimum for item in self.schedules)))

    @property
    def most(self) -> int:
        """The most that the bounds ever are, schedules included."""
        return max((self.maximum, *(item.maximum for item in self.schedules)))

    @property
    def measures(self) -> dict[str, float]:
        """The measure that was given, by its name."""
        known = {
            "invocations_per_instance": self.invocations_per_instance,
            "concurrency_per_instance": self.concurrency_per_instance,
            "utilisation": self.utilisation,
            "provisioned_utilisation": self.provisioned_utilisation,
        }
        return {name: value for name, value in known.items() if value is not None}


def _check_bounds(minimum: int, maximum: int, where: str) -> None:
    if minimum == 0:
        raise refuse("scaling-zero", where=where, got="minimum 0", allowed="at least 1")
    check_whole("minimum", minimum, where, 1, limits.VARIANT_INSTANCES)
    check_whole("maximum", maximum, where, minimum, limits.SERVERLESS_CONCURRENCY)
