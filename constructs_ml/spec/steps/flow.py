"""Steps that steer: an end in failure, a pause, and any state of the States Language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import Input, Item, Result

# RFC 3339 as the States Language has it: a capital T, and a Z or an offset.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LONGEST_WAIT = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Ends the run as failed, by the notified failure path. `error` is a short code, `cause` a sentence."""

    cause: str
    error: str = "PipelineFailed"
    name: str = "fail"

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        if not self.cause:
            raise refuse("empty", thing="cause", where=where, got="''", allowed="a sentence for the notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A pause of so many `seconds`, or `until` a time: an ISO 8601 timestamp in UTC that an input or a result holds.

    >>> from constructs_ml import Wait
    >>> cool_down = Wait(name="cool-down", seconds=600)
    """

    name: str = "wait"
    seconds: int | Input | Result | Item | None = None
    until: str | Input | Result | Item | None = None

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        given = [name for name in ("seconds", "until") if getattr(self, name) is not None]
        if len(given) != 1:
            raise refuse("wait-time", where=where, got=given or "neither", allowed="seconds= or until=")
        check_kind("seconds", self.seconds, where, int, Input, Result, Item, type(None))
        check_kind("until", self.until, where, str, Input, Result, Item, type(None))
        if isinstance(self.seconds, int):
            check_whole("seconds", self.seconds, where, 1, _LONGEST_WAIT)
        if isinstance(self.until, str) and not _TIMESTAMP.fullmatch(self.until):
            raise refuse("wait-time", where=where, got=repr(self.until), allowed="a time such as 2026-11-21T03:00:00Z")
        if isinstance(self.seconds, Input) and self.seconds.type != "Number":
            raise refuse("wait-time", where=where, got=f"a {self.seconds.type} input", allowed="an input of Number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a RawState calls: IAM actions on ARNs. `because` is demanded when a resource holds a wildcard.

    `${AWS::Partition}`, `${AWS::Region}` and `${AWS::AccountId}` may stand in an ARN.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    because: str = ""

    def __post_init__(self) -> None:
        check_fields(self, "Permission")
        where = f"Permission({', '.join(self.actions)})"
        if not self.actions or not self.resources:
            raise refuse("empty", thing="the permission", where=where, got=self, allowed="actions and resources")
        wild = [text for text in (*self.actions, *self.resources) if "*" in text]
        if wild and not self.because:
            raise refuse("permission-wildcard", where=where, got=wild, allowed="because= with a reason, or no wildcard")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawState:
    """Any state of the Amazon States Language, as it stands: `Next`, `End` and the failure path are added.

    The state must keep the run's data: `ResultPath` begins with "$.raw." or is null. `permissions` are what
    its calls need.

    >>> from constructs_ml import RawState
    >>> pause = RawState(name="pause", state={"Type": "Wait", "Seconds": 60})
    """

    name: str
    state: Mapping[str, object]
    permissions: tuple[Permission, ...] = ()

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        kind = self.state.get("Type")
        if kind not in ("Task", "Pass", "Wait", "Map", "Parallel"):
            raise refuse("raw-state-type", where=where, got=repr(kind), allowed="Task, Pass, Wait, Map, Parallel")
        taken = sorted({"Next", "End"} & set(self.state))
        if taken:
            raise refuse("raw-state-next", where=where, got=taken, allowed="a state without Next and End")
        if kind != "Wait":
            path = self.state.get("ResultPath", "$")
            if path is not None and not str(path).startswith("$.raw."):
                raise refuse("raw-state-result", where=where, got=repr(path), allowed='null, or a path below "$.raw."')
        object.__setattr__(self, "state", frozen(self.state))
