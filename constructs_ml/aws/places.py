"""Where a construct stands: its path, its stack, and what was brought into that stack before. Asked once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import Construct

from constructs_ml.compiler.template import AssetPart, Compiled, Json
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import logical_id


@dataclass(slots=True)
class StackRecord:
    """One stack: its path and environment, who owns each logical id in it, and where each asset lies."""

    path: str
    account: str
    region: str
    owners: dict[str, str] = field(default_factory=dict)
    assets: dict[str, Mapping[AssetPart, Json]] = field(default_factory=dict)

    def claim(self, compiled: Compiled, path: str) -> None:
        """Take the logical ids for the construct at `path`. Raises `SpecError` that names both on a collision."""
        for key in (*compiled.resources, *compiled.mappings):
            owner = self.owners.setdefault(key, path)
            if owner != path:
                allowed = "a construct id that makes other logical ids"
                raise refuse("logical-id-taken", where=path, got=key, allowed=allowed, owner=owner)


_RECORDS: WeakKeyDictionary[Stack, StackRecord] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Place:
    """A construct's path in the tree, and the beginning of its logical ids."""

    scope: Construct
    path: str
    record: StackRecord

    @property
    def prefix(self) -> str:
        """The path below the stack, in CamelCase."""
        return logical_id(self.path.removeprefix(self.record.path).replace("/", " "))


def place_of(scope: Construct) -> Place:
    """Where a construct stands."""
    stack = Stack.of(scope)
    record = _RECORDS.get(stack)
    if record is None:
        record = _RECORDS[stack] = StackRecord(stack.node.path, stack.account, stack.region)
    return Place(scope, scope.node.path, record)
