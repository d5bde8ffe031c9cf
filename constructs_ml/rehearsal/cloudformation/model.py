"""What the engine keeps: stacks, their resources, events and change sets."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.parameters import Parameter
from constructs_ml.rehearsal.cloudformation.resources.work import Owner
from constructs_ml.rehearsal.cloudformation.template import Declared, Template

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stack."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime
    properties: Mapping[str, Json] | None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """One resource as it exists; `properties` are resolved, as they were applied last."""

    declared: Declared
    physical_id: str
    properties: Mapping[str, Json]
    attributes: Mapping[str, Json]
    needs: tuple[str, ...]
    generation: int = 0
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a stack."""

    key: str
    value: str
    description: str = ""
    export: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a stack is asked to become."""

    template: Template
    parameters: Mapping[str, Parameter]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...] = ()
    role: str = ""
    notified: tuple[str, ...] = ()
    on_failure: str = "ROLLBACK"
    token: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set, or an update, does to one resource."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    scope: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()


@dataclass(slots=True)
class ChangeSet:
    """A change set; `status` and `execution` as DescribeChangeSet answers them."""

    name: str
    id: str
    type: str
    request: Request
    created: datetime
    changes: list[Change]
    status: str
    execution: str
    reason: str = ""
    description: str = ""
    deployment: Json = None


@dataclass(slots=True, eq=False)
class Stack:
    """One stack, from its first change set until it is deleted; it can be described by its id ever after."""

    name: str
    id: str
    created: datetime
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    request: Request | None = None
    live: dict[str, Live] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()
    protected: bool = False
    policy: str = ""
    updated: datetime | None = None
    deleted: datetime | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def tags(self) -> Mapping[str, str]:
        return self.request.tags if self.request else {}

    @property
    def owner(self) -> Owner:
        """The stack as its resources know it."""
        return Owner(self.name, self.id)

    @property
    def busy(self) -> bool:
        """Whether an operation goes on."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def note(
        self,
        at: datetime,
        status: str,
        *,
        logical_id: str = "",
        physical_id: str = "",
        type: str = STACK,
        reason: str = "",
        properties: Mapping[str, Json] | None = None,
    ) -> None:
        """Add an event, of the stack itself where no resource is named."""
        logical, physical = logical_id or self.name, physical_id if logical_id else self.id
        token = self.request.token if self.request else ""
        event = Event(str(uuid4()), logical, physical, type, status, reason, at, properties, token)
        with self.lock:
            self.events.append(event)
