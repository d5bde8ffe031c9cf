"""Exports: the outputs that stacks share, and who uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.cloudformation.model import Output, Stack


class Exports:
    """The exports of all stacks of an account."""

    def __init__(self, stacks: Callable[[], Iterable[Stack]]) -> None:
        self._stacks = stacks

    def all(self) -> list[tuple[Stack, Output]]:
        """Every export with its stack."""
        return [(stack, output) for stack in self._stacks() for output in stack.outputs if output.export]

    def value(self, name: str) -> str:
        """What `Fn::ImportValue` gives."""
        for _, output in self.all():
            if output.export == name:
                return output.value
        raise ServiceError("ValidationError", f"No export named {name} found.")

    def users(self, name: str) -> list[str]:
        """The names of the stacks that import an export."""
        return [stack.name for stack in self._stacks() if name in stack.imports]

    def check(self, stack: Stack, outputs: Iterable[Output]) -> None:
        """Refuse outputs that take another stack's export, or change one that is in use."""
        now = {output.export: output.value for output in outputs if output.export}
        for owner, output in self.all():
            if owner is not stack and output.export in now:
                text = f"Export with name {output.export} is already exported by stack {owner.name}."
                raise ServiceError("ValidationError", text)
        for before in stack.outputs:
            if not before.export or now.get(before.export) == before.value:
                continue
            users = self._others(stack, before.export)
            if users:
                verb = "deleted" if before.export not in now else "updated"
                raise ServiceError("ValidationError", _used(before.export, verb, users))

    def in_use(self, stack: Stack) -> str:
        """Why a stack cannot be deleted; empty where nothing is in the way."""
        for output in stack.outputs:
            users = self._others(stack, output.export) if output.export else []
            if users:
                return _used(output.export, "deleted", users)
        return ""

    def _others(self, stack: Stack, export: str) -> list[str]:
        return [name for name in self.users(export) if name != stack.name]


def _used(export: str, verb: str, users: list[str]) -> str:
    return f"Export {export} cannot be {verb} as it is in use by {' and '.join(users)}"
