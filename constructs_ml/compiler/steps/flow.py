"""Wait and RawState steps."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.expressions import escape_sub
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, sub
from constructs_ml.spec.steps import Permission, RawState, Wait


def wait(machine: Machine, step: Wait, after: str) -> None:
    """A Wait state."""
    state: dict[str, Json] = {"Type": "Wait"}
    if isinstance(step.seconds, int):
        state["Seconds"] = step.seconds
    elif step.seconds is not None:
        state["SecondsPath"] = machine.expressions.path(step.seconds)
    elif isinstance(step.until, str):
        state["Timestamp"] = step.until
    elif step.until is not None:
        state["TimestampPath"] = machine.expressions.path(step.until)
    machine.put(step.name, state | {"Next": after})


def raw(machine: Machine, step: RawState, after: str) -> None:
    """The state as it stands, with its way on and its way into the failure path."""
    state = {**plain(step.state), "Next": after}
    if state["Type"] in ("Task", "Map", "Parallel") and machine.catch:
        state["Catch"] = [*state.get("Catch", []), *machine.catch]
    machine.put(step.name, state)
    allow_declared(machine, step.permissions)


def allow_declared(machine: Machine, permissions: tuple[Permission, ...]) -> None:
    """Permissions that a user answers for."""
    machine.context.allow(*map(declared, permissions))


def declared(permission: Permission) -> Statement:
    """A declared permission as a statement."""
    resources = tuple(sub(text) if "${" in text else text for text in permission.resources)
    return Statement(permission.actions, resources, because=permission.because)


def plain(value: object) -> Json:
    """A user's own JSON, protected from `Fn::Sub`."""
    if isinstance(value, str):
        return escape_sub(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
