"""Parallel: branches that run at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name

if TYPE_CHECKING:
    from constructs_ml.spec.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Runs branches side by side, each a step or a tuple of steps, and goes on when all have ended.

    Later steps may use what any branch made; a branch may not use what another one makes. A failure in one branch
    ends the others and the run.

    >>> from constructs_ml import Parallel, Wait
    >>> both = Parallel(branches=(Wait(name="a", seconds=1), (Wait(name="b", seconds=1), Wait(name="c", seconds=1))))
    >>> [len(branch) for branch in both.branches]
    [1, 2]
    """

    branches: tuple[Step | tuple[Step, ...], ...]
    name: str = "parallel"

    def __post_init__(self) -> None:
        where = f"parallel {self.name!r}"
        check_name("parallel", self.name, where)
        check_kind("branches", self.branches, where, tuple)
        if len(self.branches) < 2:
            raise refuse(
                "number-range",
                quantity="the number of branches",
                where=where,
                got=len(self.branches),
                allowed="at least 2",
            )
        chains = tuple(branch if isinstance(branch, tuple) else (branch,) for branch in self.branches)
        if not all(chains):
            raise refuse("empty", thing="a branch", where=where, got="no steps", allowed="at least one step")
        object.__setattr__(self, "branches", chains)

    @property
    def chains(self) -> tuple[tuple[Step, ...], ...]:
        """The branches, each as a tuple of steps."""
        return self.branches  # type: ignore[return-value]  # __post_init__ made each a tuple
