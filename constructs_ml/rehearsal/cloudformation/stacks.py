"""The stacks of an account, by name and by id."""

from __future__ import annotations

import threading
from uuid import uuid4

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.cloudformation.model import Stack
from constructs_ml.rehearsal.embedded import EmbeddedAccount


class Stacks:
    """Every stack there is or was."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self._all: list[Stack] = []
        self._lock = threading.Lock()

    def unborn(self, name: str) -> Stack:
        """A stack that is not kept yet."""
        return Stack(name, self._account.arn("cloudformation", f"stack/{name}/{uuid4()}"), self._account.clock.now())

    def add(self, name: str) -> Stack:
        """A new stack, kept."""
        stack = self.unborn(name)
        with self._lock:
            self._all.append(stack)
        return stack

    def drop(self, stack: Stack) -> None:
        """Forget a stack that never was more than a change set."""
        with self._lock:
            self._all.remove(stack)

    def all(self) -> list[Stack]:
        """Every stack, the deleted ones as well, the newest first."""
        with self._lock:
            return list(reversed(self._all))

    def alive(self) -> list[Stack]:
        """The stacks that are not deleted."""
        return [stack for stack in self.all() if stack.status != "DELETE_COMPLETE"]

    def named(self, name: str) -> Stack | None:
        """A stack that is not deleted, by its name or id."""
        return next((stack for stack in self.alive() if name in (stack.name, stack.id)), None)

    def find(self, name: str) -> Stack | None:
        """A stack by its name, or one that may be deleted by its id."""
        return self.named(name) or next((stack for stack in self.all() if stack.id == name), None)

    def get(self, name: str) -> Stack:
        """The same. `ServiceError` in the words that cdk reads."""
        found = self.find(name)
        if found is None:
            raise ServiceError("ValidationError", f"Stack with id {name} does not exist")
        return found
