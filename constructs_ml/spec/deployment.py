"""How traffic moves to a new version: at once, in steps, or batch by batch.

AWS's limits stand in https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RollingUpdatePolicy.html.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_whole
from constructs_ml.spec.fields import check_fields

_NONE = timedelta()
_TEN_MINUTES = timedelta(minutes=10)
_LONGEST_WAIT = timedelta(seconds=limits.WAIT_SECONDS)
_SHORTEST, _LONGEST = (timedelta(seconds=value) for value in limits.DEPLOYMENT_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllAtOnce:
    """All traffic moves to a new fleet at once; the old fleet stays for `hold` (0 to 1 hour) to go back to."""

    hold: timedelta = _NONE
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        check_fields(self, "AllAtOnce")
        _check_waits(self, self.timeout, hold=self.hold)

    @property
    def waits(self) -> timedelta:
        """The time that the update spends waiting."""
        return self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A first part of the traffic, then after `bake` the rest.

    The part is `percent` (1 to 50) of the fleet or a number of `instances` (at most half of it). `bake` and
    `hold` are 0 to 1 hour, `timeout` 10 minutes to 8 hours and longer than both; None leaves it to AWS.
    """

    percent: int | None = None
    instances: int | None = None
    bake: timedelta = _TEN_MINUTES
    hold: timedelta = _NONE
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Canary")
        _check_step("Canary", self.percent, self.instances, limits.CANARY_PERCENT)
        _check_waits(self, self.timeout, bake=self.bake, hold=self.hold)

    @property
    def waits(self) -> timedelta:
        """The time that the update spends waiting."""
        return self.bake + self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Equal steps of `percent` (10 to 50) of the fleet or a number of `instances`, with `bake` after each."""

    percent: int | None = None
    instances: int | None = None
    bake: timedelta = _TEN_MINUTES
    hold: timedelta = _NONE
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Linear")
        _check_step("Linear", self.percent, self.instances, limits.LINEAR_PERCENT)
        _check_waits(self, self.timeout, bake=self.bake, hold=self.hold)

    @property
    def waits(self) -> timedelta:
        """The time that the update spends waiting, as far as the number of steps is known."""
        return self.bake * _steps(self.percent) + self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """The old fleet is replaced batch by batch, without a second fleet: `percent` 5 to 50, or `instances`.

    `rollback_percent` is the batch size of the way back: 100, unless said.
    """

    percent: int | None = None
    instances: int | None = None
    bake: timedelta = _TEN_MINUTES
    rollback_percent: int | None = None
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Rolling")
        _check_step("Rolling", self.percent, self.instances, limits.ROLLING_PERCENT)
        _check_waits(self, self.timeout, bake=self.bake)
        if self.rollback_percent is not None:
            check_whole("rollback_percent", self.rollback_percent, "Rolling", limits.ROLLING_PERCENT[0], 100)

    @property
    def waits(self) -> timedelta:
        """The time that the update spends waiting, as far as the number of batches is known."""
        return self.bake * _steps(self.percent)


Deployment = AllAtOnce | Canary | Linear | Rolling


def _steps(percent: int | None) -> int:
    return math.ceil(100 / percent) if percent else 2


def _check_step(kind: str, percent: int | None, instances: int | None, bounds: tuple[int, int]) -> None:
    if (percent is None) == (instances is None):
        got = f"percent={percent}, instances={instances}"
        raise refuse("deployment-step", where=kind, got=got, allowed="percent= or instances=, one of them")
    if percent is not None:
        check_whole("percent", percent, kind, *bounds)
    if instances is not None:
        check_whole("instances", instances, kind, 1, limits.VARIANT_INSTANCES // 2)


def _check_waits(policy: Deployment, timeout: timedelta | None, **each: timedelta) -> None:
    kind = type(policy).__name__
    for name, value in each.items():
        check_duration(name, value, kind, _NONE, _LONGEST_WAIT)
    if timeout is not None:
        check_duration("timeout", timeout, kind, _SHORTEST, _LONGEST)
    longest = timeout or _LONGEST
    if policy.waits >= longest:
        raise refuse("deployment-timeout", where=kind, got=f"waits of {policy.waits}", allowed=f"less than {longest}")
