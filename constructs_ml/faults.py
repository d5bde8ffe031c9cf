"""How this library says no: a fault tells what is wrong, where, what it got, what is allowed and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from constructs_ml.refusals import REFUSALS, Scope


@dataclass(frozen=True, slots=True)
class Fault:
    """One refused thing, worded by its row of the refusal table."""

    id: str
    where: str
    what: str
    got: str
    allowed: str
    why: str
    scope: Scope

    def __str__(self) -> str:
        return (
            f"{self.where}: {self.what}\n"
            f"  got:     {self.got}\n"
            f"  allowed: {self.allowed}\n"
            f"  why:     {self.why}  [{self.id}]"
        )


class SpecError(ValueError):
    """A declaration that cannot be built. `faults` holds every fault that was found, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class AccountError(SpecError):
    """A sound declaration that one account's settings cannot carry; other accounts are not concerned."""


def fault(id: str, *, where: str, got: object, allowed: object, **names: object) -> Fault:
    """Word one fault from its row; `names` fill the row's sentence, `allowed` may be a tuple of values."""
    row = REFUSALS[id]
    return Fault(
        id=id,
        where=where,
        what=row.what.format(**names),
        got=_words(got),
        allowed=_words(allowed),
        why=row.why,
        scope=row.scope,
    )


def refuse(id: str, *, where: str, got: object, allowed: object, **names: object) -> SpecError:
    """The error for a single fault, to be raised by the caller."""
    return error([fault(id, where=where, got=got, allowed=allowed, **names)])


def error(faults: Iterable[Fault]) -> SpecError:
    """One error for many faults; an `AccountError` when all of them are about one account's settings."""
    found = tuple(faults)
    kind = AccountError if all(item.scope == "account" for item in found) else SpecError
    return kind(found)


@dataclass(slots=True)
class Faults:
    """Collects faults so that a reader sees all of them at once."""

    found: list[Fault] = field(default_factory=list)

    def add(self, id: str, *, where: str, got: object, allowed: object, **names: object) -> None:
        self.found.append(fault(id, where=where, got=got, allowed=allowed, **names))

    def raise_if_any(self) -> None:
        """Raise all that was collected as one `SpecError`."""
        if self.found:
            raise error(self.found)


def _words(value: object) -> str:
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, (tuple, list, set, frozenset)):
        items = [str(item) for item in (value if isinstance(value, (tuple, list)) else sorted(value, key=str))]
        return ", ".join(items) or "nothing"
    return str(value)
