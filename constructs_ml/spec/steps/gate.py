"""Gate: goes one way or the other by metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, frozen
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Not
from constructs_ml.spec.steps.common import check_result_key, result_of
from constructs_ml.spec.values import VALUES, Result, Value

if TYPE_CHECKING:
    from constructs_ml.spec.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Runs the steps of `then` when the condition holds, else those of `otherwise`; then the pipeline goes on.

    A missing, broken or non-numeric metric is a failure of the run, never a closed gate. What only one arm makes is
    seen by later steps through `outputs` alone: each name has the value of `then` and that of `otherwise`.

    >>> from constructs_ml import Fail, Gate, Metric
    >>> gate = Gate(when=Metric("evaluate", "auc") >= 0.8, then=(), otherwise=(Fail(cause="AUC below 0.8"),))
    >>> str(gate.when)
    'evaluate.auc >= 0.8'
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)

    when: Condition
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()
    outputs: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    name: str = "gate"

    def __post_init__(self) -> None:
        where = f"gate {self.name!r}"
        check_name("gate", self.name, where)
        if not isinstance(self.when, (Comparison, All, AnyOf, Not)):
            raise refuse(
                "gate-condition", where=where, got=repr(self.when), allowed="metric >= number, combined with &, |, ~"
            )
        for arm in ("then", "otherwise"):
            check_kind(arm, getattr(self, arm), where, tuple)
        if not self.then and not self.otherwise:
            raise refuse("empty", thing="the gate", where=where, got="no steps", allowed="steps in then= or otherwise=")
        for key, pair in self.outputs.items():
            check_result_key(key, f"{where}, outputs")
            if not isinstance(pair, tuple) or len(pair) != 2:
                allowed = "(value after then, value after otherwise)"
                raise refuse(
                    "kind", where=where, got=f"{key}: {pair!r}", allowed=allowed, field="an output of the gate"
                )
            for value in pair:
                check_kind(f"output {key!r}", value, where, *VALUES)
        object.__setattr__(self, "outputs", frozen(self.outputs))

    @property
    def result_keys(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    def result(self, key: str) -> Result:
        """The output of this name, from whichever arm was taken."""
        return result_of(self.name, key, self.result_keys)
