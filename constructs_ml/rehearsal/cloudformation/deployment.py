"""One operation on a stack carried out: resource by resource, and back again when one fails."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.cloudformation.exports import Exports
from constructs_ml.rehearsal.cloudformation.hands import Hands, kind_for
from constructs_ml.rehearsal.cloudformation.model import Live, Request, Stack
from constructs_ml.rehearsal.cloudformation.plan import Plan, difference
from constructs_ml.rehearsal.cloudformation.references import ordered
from constructs_ml.rehearsal.cloudformation.resources.kinds import custom_name
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, reason_of
from constructs_ml.rehearsal.cloudformation.template import Declared
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_log = logging.getLogger(__name__)


class _Stop(Exception):  # noqa: N818 - the word of the statuses
    """The operation cannot go on; the reason is the stack's."""


class Deployment:
    """An operation on one stack. `create`, `update` and `delete` run until the stack's final status."""

    def __init__(self, account: EmbeddedAccount, stack: Stack, exports: Exports) -> None:
        self._account, self._stack, self._exports = account, stack, exports
        self._hands = Hands(account, stack)
        self._touched: list[tuple[str, Live | None]] = []
        self._trash: list[Live] = []

    def create(self, request: Request) -> None:
        """From CREATE_IN_PROGRESS to CREATE_COMPLETE, or back to nothing."""
        try:
            self._carry_out(request)
        except _Stop as stopped:
            if request.on_failure == "DO_NOTHING":
                self._hands.status("CREATE_FAILED", str(stopped))
                return
            deleting = request.on_failure == "DELETE"
            how = "Delete" if deleting else "Rollback"
            self._hands.status(
                "DELETE_IN_PROGRESS" if deleting else "ROLLBACK_IN_PROGRESS", f"{stopped} {how} requested by user."
            )
            failed = self._delete_all(self._stack.live, created=True)
            final = "DELETE" if deleting else "ROLLBACK"
            self._hands.status(f"{final}_FAILED" if failed else f"{final}_COMPLETE", _failed_to("delete", failed))
        else:
            self._hands.status("CREATE_COMPLETE")

    def update(self, request: Request) -> None:
        """From UPDATE_IN_PROGRESS to UPDATE_COMPLETE, or back to what was."""
        before = (self._stack.request, list(self._stack.outputs), self._stack.imports)
        old_order = _order(self._stack.live)
        try:
            self._carry_out(request)
        except _Stop as stopped:
            if request.on_failure == "DO_NOTHING":
                self._hands.status("UPDATE_FAILED", str(stopped))
                return
            self._hands.status("UPDATE_ROLLBACK_IN_PROGRESS", str(stopped))
            self._back()
            self._stack.request, self._stack.outputs, self._stack.imports = before
        else:
            self._hands.status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for name in [name for name in self._stack.live if name not in self._plan.resources]:
                self._trash.append(self._stack.live.pop(name))
            self._clean(old_order)
            self._hands.status("UPDATE_COMPLETE")

    def delete(self, retained: Sequence[str] = (), *, force: bool = False) -> None:
        """From DELETE_IN_PROGRESS to DELETE_COMPLETE."""
        failed = self._delete_all(self._stack.live, retained=retained)
        if failed and not force:
            self._hands.status("DELETE_FAILED", _failed_to("delete", failed))
            return
        self._stack.live.clear()
        self._stack.outputs, self._stack.imports = [], frozenset()
        self._hands.status("DELETE_COMPLETE")

    def _carry_out(self, request: Request) -> None:
        stack = self._stack
        stack.request = request
        try:
            self._plan = Plan(self._account, stack.owner, request, stack.live, self._exports.value)
        except ServiceError as wrong:
            raise _Stop(wrong.message) from wrong
        for name in self._plan.order:
            if self._account.clock.stopped:
                raise _Stop("the rehearsal ended")
            self._bring_about(self._plan.resources[name])
        try:
            outputs = self._plan.outputs()
            self._exports.check(stack, outputs)
        except ServiceError as wrong:
            raise _Stop(wrong.message) from wrong
        stack.outputs, stack.imports = outputs, frozenset(self._plan.imports)

    def _bring_about(self, declared: Declared) -> None:
        """Create, change, replace or leave one resource."""
        name, old = declared.logical_id, self._stack.live.get(declared.logical_id)
        verb = "create" if old is None else "update"
        try:
            properties = self._plan.properties(name)
        except ServiceError as wrong:
            self._hands.note(declared, f"{verb.upper()}_FAILED", old.physical_id if old else "", wrong.message)
            raise _Stop(_failed_to(verb, [name])) from wrong
        needs = self._plan.needs[name]
        if old is None:
            self._make(Live(declared, "", properties, {}, needs), None)
            return
        change = difference(old, declared, properties)
        new = dataclasses.replace(old, declared=declared, properties=properties, needs=needs)
        if change is None or not change.paths:
            self._hands.keep(new)
            return
        if change.replacing:
            self._replace(old, new)
        else:
            self._touched.append((name, old))
            self._hands.keep(new)
            self._change(old, new)

    def _replace(self, old: Live, new: Live) -> None:
        type, name = new.declared.type, new.declared.logical_id
        taken = custom_name(type, new.properties)
        if taken and taken == custom_name(type, old.properties):
            text = "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename"
            self._hands.note(
                new.declared, "UPDATE_FAILED", old.physical_id, f"{text} {taken} and update the stack again."
            )
            raise _Stop(_failed_to("update", [name]))
        why = "Requested update requires the creation of a new physical resource; hence creating one."
        self._hands.note(new.declared, "UPDATE_IN_PROGRESS", old.physical_id, why, new)
        fresh = dataclasses.replace(new, physical_id="", attributes={}, generation=old.generation + 1)
        self._make(fresh, old)
        self._trash.append(old)

    def _make(self, live: Live, old: Live | None) -> None:
        declared = live.declared
        verb = "create" if old is None else "update"
        if old is None:
            self._hands.note(declared, "CREATE_IN_PROGRESS", "", "", live)
        try:
            made = kind_for(declared).make(self._hands.work(live))
        except Exception as failed:  # noqa: BLE001 - whatever fails is the resource's status
            half = failed.made if isinstance(failed, Failed) else None
            if half is not None:
                self._touched.append((declared.logical_id, old))
                self._hands.keep(dataclasses.replace(live, physical_id=half.physical_id, attributes=half.attributes))
            self._fail(declared, verb, half.physical_id if half else "", failed)
        self._touched.append((declared.logical_id, old))
        self._hands.keep(_made(live, made), f"{verb.upper()}_COMPLETE")

    def _change(self, old: Live, new: Live) -> None:
        """Change in place; a custom resource may answer with a new id, and the old one is then deleted."""
        declared = new.declared
        self._hands.note(declared, "UPDATE_IN_PROGRESS", old.physical_id, "", new)
        try:
            made = kind_for(declared).change(self._hands.work(new, old))
        except Exception as failed:  # noqa: BLE001 - whatever fails is the resource's status
            self._fail(declared, "update", old.physical_id, failed)
        if made.physical_id != old.physical_id:
            self._trash.append(old)
        self._hands.keep(_made(new, made), "UPDATE_COMPLETE")

    def _fail(self, declared: Declared, verb: str, physical_id: str, error: Exception) -> None:
        _log.debug("%s of %s failed", verb, declared.logical_id, exc_info=error)
        self._hands.note(declared, f"{verb.upper()}_FAILED", physical_id, reason_of(error))
        raise _Stop(_failed_to(verb, [declared.logical_id])) from error

    def _back(self) -> None:
        """Bring what was touched back to what it was, the last first; then delete what was new."""
        stack, failed = self._stack, []
        self._trash = []
        for name, old in reversed(self._touched):
            new = stack.live.get(name)
            if new is None:
                continue
            if old is None:
                self._trash.append(stack.live.pop(name))
            elif old.physical_id != new.physical_id:
                stack.live[name] = old
                self._trash.append(new)
                self._hands.note(old.declared, "UPDATE_COMPLETE", old.physical_id, "", old)
            elif not self._change_back(old, new):
                failed.append(name)
        if failed:
            self._hands.status("UPDATE_ROLLBACK_FAILED", _failed_to("update", failed))
            return
        self._hands.status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean([], created=True)
        self._hands.status("UPDATE_ROLLBACK_COMPLETE")

    def _change_back(self, old: Live, new: Live) -> bool:
        self._hands.note(old.declared, "UPDATE_IN_PROGRESS", old.physical_id, "", old)
        try:
            made = kind_for(old.declared).change(self._hands.work(old, new))
        except Exception as failed:  # noqa: BLE001 - whatever fails is the resource's status
            self._hands.note(old.declared, "UPDATE_FAILED", old.physical_id, reason_of(failed))
            return False
        if made.physical_id != old.physical_id:
            self._trash.append(new)
        self._hands.keep(_made(old, made), "UPDATE_COMPLETE")
        return True

    def _clean(self, order: Sequence[str], *, created: bool = False) -> None:
        """Delete what nothing needs any more; what cannot be deleted stays behind, and the stack is none the worse."""
        place = {name: index for index, name in enumerate(order)}
        trash = sorted(self._trash, key=lambda one: -place.get(one.declared.logical_id, 0)) if order else self._trash
        for live in trash:
            replaced = live.declared.logical_id in self._stack.live
            policy = live.declared.update_replace_policy if replaced else live.declared.deletion_policy
            self._hands.delete(live, policy, created=created)

    def _delete_all(self, lives: dict[str, Live], *, retained: Sequence[str] = (), created: bool = False) -> list[str]:
        failed: list[str] = []
        for name in reversed(_order(lives)):
            live = lives[name]
            policy = "Retain" if name in retained else live.declared.deletion_policy
            if self._hands.delete(live, policy, created=created):
                lives.pop(name)
            else:
                failed.append(name)
        return failed


def _order(lives: dict[str, Live]) -> list[str]:
    return ordered({name: live.needs for name, live in lives.items()})


def _made(live: Live, made: Made) -> Live:
    return dataclasses.replace(live, physical_id=made.physical_id, attributes=made.attributes)


def _failed_to(verb: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"The following resource(s) failed to {verb}: [{listed}]." if listed else ""
