"""What an operation does to a single resource of a stack, and how it is written down."""

from __future__ import annotations

import dataclasses
import logging
import time

from constructs_ml.rehearsal.cloudformation.dynamic import opened
from constructs_ml.rehearsal.cloudformation.model import Live, Stack
from constructs_ml.rehearsal.cloudformation.resources.kinds import kind_of
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Kind, Work, reason_of
from constructs_ml.rehearsal.cloudformation.template import Declared
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_log = logging.getLogger(__name__)


class Hands:
    """The hands of one operation on a stack; they count the seconds of the operation and of each resource."""

    def __init__(self, account: EmbeddedAccount, stack: Stack) -> None:
        self._account, self._stack = account, stack
        self._began = time.monotonic()
        self._resources_began: dict[str, float] = {}

    def delete(self, live: Live, policy: str, *, created: bool = False) -> bool:
        """Delete a resource as its policy says; whether it is gone from the stack."""
        declared = live.declared
        if policy == "Retain" or (policy == "RetainExceptOnCreate" and not created):
            self.note(declared, "DELETE_SKIPPED", live.physical_id, "", live)
            return True
        self.note(declared, "DELETE_IN_PROGRESS", live.physical_id, "", live)
        try:
            if policy == "Snapshot":
                raise Failed(f"the rehearsal makes no snapshots: {declared.logical_id} has the policy Snapshot")
            kind_for(declared).remove(self.work(live))
        except Exception as failed:  # noqa: BLE001 - whatever fails is the resource's status
            _log.debug("deletion of %s failed", declared.logical_id, exc_info=failed)
            self.note(declared, "DELETE_FAILED", live.physical_id, reason_of(failed), live)
            return False
        self.note(declared, "DELETE_COMPLETE", live.physical_id, "", live)
        return True

    def work(self, live: Live, old: Live | None = None) -> Work:
        """What the resource's kind gets; `old` is the resource as it was before."""
        properties = opened(self._account, live.properties)
        before = opened(self._account, old.properties) if old else {}
        known = old or live
        return Work(
            account=self._account,
            stack=self._stack.owner,
            logical_id=live.declared.logical_id,
            type=live.declared.type,
            properties=properties,
            before=before,
            physical_id=known.physical_id,
            attributes=known.attributes,
            generation=live.generation,
        )

    def keep(self, live: Live, status: str = "") -> None:
        """Make the resource part of the stack, with its status if it has a new one."""
        if status:
            live = dataclasses.replace(live, status=status, reason="", at=self._account.clock.now())
        self._stack.live[live.declared.logical_id] = live
        if status:
            self.note(live.declared, status, live.physical_id, "", live)

    def note(
        self, declared: Declared, status: str, physical_id: str, reason: str = "", live: Live | None = None
    ) -> None:
        """Write down a resource's status, for events, journal and descriptions."""
        name, now = declared.logical_id, self._account.clock.now()
        known = self._stack.live.get(name)
        if known is not None and known.physical_id == physical_id:
            self._stack.live[name] = dataclasses.replace(known, status=status, reason=reason, at=now)
        properties = live.properties if live else None
        about = {"logical_id": name, "physical_id": physical_id, "type": declared.type}
        self._stack.note(now, status, reason=reason, properties=properties, **about)
        if status.endswith("_IN_PROGRESS"):
            self._resources_began[name] = time.monotonic()
        else:
            took = round(time.monotonic() - self._resources_began.pop(name, time.monotonic()), 3)
            detail = {"type": declared.type, "physical_id": physical_id, "stack": self._stack.name}
            what = f"{declared.type} {status}" + (f": {reason}" if reason else "")
            write = self._account.journal.write
            write("resource", name, what, **detail, status=status, reason=reason, seconds=took)

    def status(self, status: str, reason: str = "") -> None:
        """Give the stack its status."""
        set_status(self._account, self._stack, status, reason, seconds=round(time.monotonic() - self._began, 3))


def set_status(account: EmbeddedAccount, stack: Stack, status: str, reason: str = "", *, seconds: float = 0.0) -> None:
    """Give a stack its status, with event and entry."""
    now = account.clock.now()
    stack.note(now, status, reason=reason)
    with stack.lock:
        stack.status, stack.reason = status, reason
        stack.deleted = now if status == "DELETE_COMPLETE" else stack.deleted
    what = status + (f": {reason}" if reason else "")
    took = {} if status.endswith("_IN_PROGRESS") else {"seconds": seconds}
    account.journal.write("stack", stack.name, what, status=status, reason=reason, **took, id=stack.id)


def kind_for(declared: Declared) -> Kind:
    """The kind of a resource that its plan did not refuse."""
    found = kind_of(declared.type)
    assert found is not None, declared.type  # the plan refused it
    return found
