"""A Parallel step: branches side by side, whose results later steps use."""

from __future__ import annotations

from constructs_ml.compiler.expressions import key_of
from constructs_ml.compiler.machine import Chain, Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.template import Json
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import Parallel, blocks, goes_on, walk
from constructs_ml.spec.values import Input, Item, Output


def add(machine: Machine, step: Parallel, after: str, chain: Chain) -> None:
    """The branches; each hands on what steps outside it use, gathered under the name of the Parallel."""
    used = _used_outside(machine, step)
    branches: list[Json] = []
    gathered: dict[str, Json] = {}
    moved: dict[str, str] = {}
    for index, branch in enumerate(step.chains):
        inside = machine.inside(machine.expressions.inside())
        end = f"End of {step.name} {index + 1}"
        chain(inside, branch, end)
        seen = [name for name in _visible(branch) if name in used]
        kept = {f"{key_of(name)}.$": inside.expressions.at(name) for name in seen}
        if goes_on(branch):
            inside.put(end, {"Type": "Pass", "Parameters": kept, "End": True})
        branches.append({"StartAt": branch[0].name, "States": inside.states})
        if seen:
            # An intrinsic, because interpreters disagree on what a path with an index gives.
            gathered[f"branch{index + 1}.$"] = f"States.ArrayGetItem($, {index})"
            place = result_path(step.name, f"branch{index + 1}")
            moved |= {name: f"{place}.{key_of(name)}" for name in seen}
    state: dict[str, Json] = {"Type": "Parallel", "Branches": branches}
    if gathered:
        state |= {"ResultSelector": gathered, "ResultPath": result_path(step.name)}
    else:
        state["ResultPath"] = None
    if machine.catch:
        state["Catch"] = machine.catch
    machine.put(step.name, state | {"Next": after})
    machine.expressions.moved |= moved


def _visible(branch: tuple[Json, ...]) -> list[str]:
    """The steps of a branch that can be seen from outside: all but those inside gates and ForEach steps."""
    found: list[str] = []
    for step in branch:
        found.append(step.name)
        if isinstance(step, Parallel):
            for block in blocks(step):
                found += _visible(block)
    return found


def _used_outside(machine: Machine, block: Parallel) -> frozenset[str]:
    """The steps whose results some step outside the block uses. An output is no result: its place is known before."""
    inside = {step.name for step in walk((block,))}
    return frozenset(
        reference.step
        for step in machine.context.spec.all_steps
        if step.name not in inside
        for reference in references_of(step)
        if not isinstance(reference, (Input, Item, Output))
    )
