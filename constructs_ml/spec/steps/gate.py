"""Gate: goes one way or the other by metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_name
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Not

if TYPE_CHECKING:
    from constructs_ml.spec.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Runs the steps of `then` when the condition holds, else those of `otherwise`; then the pipeline goes on.

    A missing, broken or non-numeric metric is a failure of the run, never a closed gate.

    >>> from constructs_ml import Fail, Gate, Metric
    >>> gate = Gate(when=Metric("evaluate", "auc") >= 0.8, then=(), otherwise=(Fail(cause="AUC below 0.8"),))
    >>> str(gate.when)
    'evaluate.auc >= 0.8'
    """

    when: Condition
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()
    name: str = "gate"

    def __post_init__(self) -> None:
        where = f"gate {self.name!r}"
        check_name("gate", self.name, where)
        if not isinstance(self.when, (Comparison, All, AnyOf, Not)):
            raise refuse(
                "gate-condition", where=where, got=repr(self.when), allowed="metric >= number, combined with &, |, ~"
            )
        if not self.then and not self.otherwise:
            raise refuse("empty", thing="the gate", where=where, got="no steps", allowed="steps in then= or otherwise=")
