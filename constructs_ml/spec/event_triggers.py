"""Triggers by what services tell EventBridge: alarms, drift, approvals, images, and anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from constructs_ml.contract import names
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.alarms import Severity, check_severity
from constructs_ml.spec.checks import check_kind, check_name, check_tuple, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.from_event import FromEvent, Given
from constructs_ml.spec.monitors import DataQuality, ModelQuality, Monitor
from constructs_ml.spec.steps.register import Approval

_STATUSES: tuple[Approval, ...] = ("Approved", "Rejected", "PendingManualApproval")


@dataclass(frozen=True, slots=True)
class OnAlarm:
    """A run when a CloudWatch alarm of the same account and region goes into ALARM."""

    alarm: str
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-alarm"

    def __post_init__(self) -> None:
        where = f"OnAlarm({self.alarm!r})"
        check_fields(self, where)
        check_name("trigger", self.name, where)
        if not re.fullmatch(r"[A-Za-z0-9 !-/;-@\[-`{-~]{1,255}", self.alarm) or "*" in self.alarm:
            raise refuse("alarm-name", where=where, got=repr(self.alarm), allowed="an alarm's name, no ARN and no *")
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"alarm {self.alarm}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDrift:
    """A run when an alarm of the model's monitors rings: of all of them, or of those that are named.

    `severity` leaves out the others. A pipeline outside a `ModelSpec` knows no monitors: name them by themselves.
    """

    monitors: tuple[str | Monitor, ...] = ()
    severity: Severity | None = None
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-drift"

    def __post_init__(self) -> None:
        check_fields(self, "OnDrift")
        check_name("trigger", self.name, "OnDrift")
        check_tuple("monitors", self.monitors, "OnDrift", str, DataQuality, ModelQuality)
        if self.severity is not None:
            check_severity(self.severity, "OnDrift")
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return "drift"

    def of(self, monitors: Sequence[Monitor]) -> OnDrift:
        """The same trigger with the monitors of its model in place of their names; unknown names stay."""
        known = {monitor.name: monitor for monitor in monitors}
        chosen = [known.get(item, item) if isinstance(item, str) else item for item in self.monitors]
        return replace(self, monitors=tuple(chosen or monitors))

    @property
    def alarms(self) -> tuple[tuple[str, Severity], ...]:
        """What rings, as alarms are named, with its severity."""
        return tuple(
            (f"{monitor.name}-{alarm.metric}", alarm.severity)
            for monitor in self.monitors
            if not isinstance(monitor, str)
            for alarm in monitor.alarms
            if self.severity in (None, alarm.severity)
        )

    def check(self, where: str, faults: Faults) -> None:
        """Add a fault for monitors that nobody knows, or that have no alarm to ring."""
        unknown = [monitor for monitor in self.monitors if isinstance(monitor, str)]
        if unknown:
            faults.add("drift-monitor", where=where, got=unknown, allowed="monitors of the model")
        elif not self.alarms:
            got = [monitor.name for monitor in self.monitors if not isinstance(monitor, str)] or "no monitors"
            faults.add("drift-silent", where=where, got=got, allowed="monitors with alarms=(...) of that severity")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnApproval:
    """A run when a version of a model gets an approval status: of this model, or of another one of the stage.

    The input `to` gets the version's ARN.
    """

    model: str | None = None
    status: Approval = "Approved"
    to: str | None = None
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-approval"

    def __post_init__(self) -> None:
        check_fields(self, "OnApproval")
        check_name("trigger", self.name, "OnApproval")
        if self.model is not None:
            check_name("model", self.model, "OnApproval", longest=names.MODEL_LENGTH)
        if self.status not in _STATUSES:
            raise refuse("approval-status", where="OnApproval", got=repr(self.status), allowed=_STATUSES)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"{self.status} version of {self.model or 'this model'}"


@dataclass(frozen=True, slots=True)
class OnImage:
    """A run when an image is pushed to a repository of the account's ECR under a tag."""

    repository: str
    tag: str = "latest"
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-image"

    def __post_init__(self) -> None:
        where = f"OnImage({self.repository!r})"
        check_fields(self, where)
        check_name("trigger", self.name, where)
        named = re.fullmatch(r"[a-z0-9]+([._/-]+[a-z0-9]+)*", self.repository) and 2 <= len(self.repository) <= 256
        if not named or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", self.tag):
            allowed = "the name of a repository without its registry, and a tag"
            raise refuse("image-pushed", where=where, got=f"{self.repository}:{self.tag}", allowed=allowed)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"image {self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class OnEvent:
    """A run when an event on a bus of the account matches a pattern of EventBridge.

    `token` says what tells one change from the next. The event's own id does, unless the service tells of one
    change several times, as SageMaker does: then name what changed.
    """

    pattern: Mapping[str, object]
    inputs: Mapping[str, Given] = field(default_factory=dict)
    token: FromEvent = FromEvent("$.id")
    bus: str = "default"
    name: str = "on-event"

    def __post_init__(self) -> None:
        where = f"trigger {self.name!r}"
        check_fields(self, where)
        check_name("trigger", self.name, where)
        check_kind("token", self.token, where, FromEvent)
        if not isinstance(self.pattern, Mapping) or not self.pattern or not _is_pattern(self.pattern):
            allowed = 'an object whose leaves are lists, such as {"source": ["my.app"]}'
            raise refuse("event-pattern", where=where, got=repr(self.pattern), allowed=allowed)
        if not isinstance(self.bus, str) or not re.fullmatch(r"[A-Za-z0-9/._-]{1,256}", self.bus):
            raise refuse("event-bus", where=where, got=repr(self.bus), allowed="the name of a bus of this account")
        object.__setattr__(self, "pattern", frozen(self.pattern))
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"event {self.name}"


def _is_pattern(value: object) -> bool:
    """Objects down to lists that are not empty; a list holds what JSON has, filters included."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(key, str) and _is_pattern(item) for key, item in value.items())
    if not isinstance(value, (list, tuple)) or not value:
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
