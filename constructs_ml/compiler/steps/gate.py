"""A Gate step: a choice by metrics, and what its arms hand on."""

from __future__ import annotations

from constructs_ml.compiler import choices
from constructs_ml.compiler.expressions import escape_sub
from constructs_ml.compiler.machine import Chain, Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import Gate, goes_on


def add(machine: Machine, step: Gate, after: str, chain: Chain) -> None:
    """The choice, both arms and, where the gate has outputs, a state at the end of each arm that keeps them."""
    arms = (step.then, step.otherwise)
    ends = _ends(step, after)
    firsts = [arm[0].name if arm else end for arm, end in zip(arms, ends, strict=True)]
    rule = choices.rule(step.when, machine.expressions) | {"Next": firsts[0]}
    machine.put(
        step.name,
        {"Type": "Choice", "Comment": escape_sub(str(step.when)), "Choices": [rule], "Default": firsts[1]},
    )
    for index, (arm, end) in enumerate(zip(arms, ends, strict=True)):
        chain(machine, arm, end)
        if step.outputs and goes_on(arm):
            kept: dict[str, Json] = {}
            for key, pair in step.outputs.items():
                machine.expressions.put_value(kept, key, pair[index])
            machine.put(end, {"Type": "Pass", "Parameters": kept, "ResultPath": result_path(step.name), "Next": after})


def _ends(step: Gate, after: str) -> tuple[str, str]:
    """Where each arm goes on."""
    if not step.outputs:
        return after, after
    return f"Keep {step.name} outputs", f"Keep other {step.name} outputs"
