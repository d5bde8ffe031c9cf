"""Types that need code of their own: what they are made, changed and deleted with is written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work, is_gone, reason_of

Make = Callable[[Work], Made]
Change = Callable[[Work], Made]
Remove = Callable[[Work], None]
Settle = Callable[[Work], None]


def _unchanged(work: Work) -> None:
    """Nothing to see to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A type made by functions: `made` makes the bare resource, `settle` brings it to its properties."""

    made: Make
    removed: Remove
    settle: Settle = _unchanged
    attributes: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    takes_tags: bool = False
    known: tuple[str, ...] = ()

    def supports(self, attribute: str) -> bool:
        return attribute in self.attributes

    def make(self, work: Work) -> Made:
        self._check(work)
        made = self.made(work)
        try:
            self.settle(work.with_(physical_id=made.physical_id, attributes=made.attributes))
        except Exception as failed:
            raise Failed(reason_of(failed), made) from failed
        return made

    def change(self, work: Work) -> Made:
        self._check(work)
        self.settle(work)
        return Made(work.physical_id, work.attributes)

    def remove(self, work: Work) -> None:
        try:
            self.removed(work)
        except ClientError as refused:
            if not is_gone(refused):
                raise

    def _check(self, work: Work) -> None:
        for property in work.properties:
            if property not in self.known:
                known = ", ".join(self.known)
                raise Failed(f"the rehearsal knows no property {property} of {work.type}; it knows {known}")
