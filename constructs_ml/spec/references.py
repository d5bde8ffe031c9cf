"""Checks that every reference of a pipeline names something that exists, and ran before it is used."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from constructs_ml.faults import Faults
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Metric, Not, inputs_in, metrics_in
from constructs_ml.spec.steps import Gate, LambdaTask, Process, Step, Train, walk
from constructs_ml.spec.values import Input, JobName, ModelArtifact, Output, Result, StepReference

_Used = StepReference | Metric
_MADE_BY: dict[type, tuple[str, tuple[type, ...]]] = {
    Output: ("Process", (Process,)),
    ModelArtifact: ("Train", (Train,)),
    JobName: ("Process or Train", (Process, Train)),
    Result: ("LambdaTask", (LambdaTask,)),
    Metric: ("Process or Train", (Process, Train)),
}


def references_of(step: Step) -> tuple[_Used | Input, ...]:
    """Every reference that a step itself uses, each once; the steps inside a gate speak for themselves."""
    if isinstance(step, Gate):
        return (*metrics_in(step.when), *inputs_in(step.when))
    found: list[_Used | Input] = []
    for item in dataclasses.fields(step):
        value = getattr(step, item.name)
        if isinstance(value, Process):
            found.append(Output(value.name, (value.metrics or "").split("/")[0]))
        else:
            found += _references_in(value)
    return tuple(dict.fromkeys(found))


def check_references(steps: Sequence[Step], inputs: Sequence[Input], where: str, faults: Faults) -> None:
    """Add a fault for every name taken twice, and every reference that cannot be resolved where it is used."""
    everything = tuple(walk(steps))
    for name, count in Counter(step.name for step in everything).items():
        if count > 1:
            faults.add(
                "name-taken",
                where=where,
                got=f"{count} steps named {name!r}",
                allowed="name= to tell them apart",
                name=name,
            )
    for name, count in Counter(item.name for item in inputs).items():
        if count > 1:
            faults.add("input-taken", where=where, got=f"{count} inputs", allowed="each name once", name=name)
    checker = _Checker({step.name: step for step in everything}, _gates(steps), tuple(inputs), where, faults)
    checker.check(steps, frozenset())


@dataclasses.dataclass(slots=True)
class _Checker:
    by_name: Mapping[str, Step]
    gates: Mapping[str, str]
    inputs: tuple[Input, ...]
    where: str
    faults: Faults
    cycles: set[frozenset[str]] = dataclasses.field(default_factory=set)

    def check(self, steps: Sequence[Step], before: frozenset[str]) -> None:
        """Check steps that run after those named in `before`."""
        for step in steps:
            for reference in references_of(step):
                if isinstance(reference, Input):
                    self._input(step, reference)
                else:
                    self._step(step, reference, before)
            if isinstance(step, Gate):
                self.check(step.then, before)
                self.check(step.otherwise, before)
            before = before | {step.name}

    def _input(self, step: Step, reference: Input) -> None:
        if reference not in self.inputs:
            names = tuple(item.name for item in self.inputs)
            self.faults.add(
                "input-foreign",
                where=f"{self.where}, step {step.name!r}",
                got=repr(reference.name),
                allowed=names or "inputs=(...) of the pipeline",
                name=reference.name,
            )

    def _step(self, step: Step, reference: _Used, before: frozenset[str]) -> None:
        where = f"{self.where}, step {step.name!r}"
        name = reference.step
        source = self.by_name.get(name)
        if source is None:
            near = get_close_matches(name, self.by_name, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            self.faults.add("step-foreign", where=where, got=f"{name!r}{hint}", allowed=tuple(self.by_name), step=name)
        elif name not in before:
            self._not_before(step, source, where, before)
        else:
            self._fits(reference, source, where)

    def _not_before(self, step: Step, source: Step, where: str, before: frozenset[str]) -> None:
        cycle = self._cycle(step.name, source.name)
        gate = self.gates.get(source.name)
        if cycle:
            if frozenset(cycle) not in self.cycles:
                self.cycles.add(frozenset(cycle))
                self.faults.add(
                    "step-cycle",
                    where=self.where,
                    got=" -> ".join((*cycle, cycle[0])),
                    allowed="references to earlier steps",
                    steps=" and ".join(repr(item) for item in cycle),
                )
        elif gate and gate in before:
            self.faults.add(
                "step-branch",
                where=where,
                got=f"a reference to {source.name!r}",
                allowed=f"steps outside gate {gate!r}, or this step inside the same branch",
                step=source.name,
                gate=gate,
            )
        else:
            self.faults.add(
                "step-later",
                where=where,
                got=f"a reference to {source.name!r}",
                allowed=sorted(before) or "no step runs before this one",
                step=source.name,
            )

    def _cycle(self, start: str, through: str) -> tuple[str, ...]:
        """The steps from `start` through `through` back to `start`, or nothing."""
        trails: list[tuple[str, ...]] = [(start, through)]
        seen = {through}
        while trails:
            trail = trails.pop(0)
            if trail[-1] == start:
                return trail[:-1]
            for reference in references_of(self.by_name[trail[-1]]):
                target = "" if isinstance(reference, Input) else reference.step
                if target in self.by_name and (target == start or target not in seen):
                    seen.add(target)
                    trails.append((*trail, target))
        return ()

    def _fits(self, reference: _Used, source: Step, where: str) -> None:
        words, kinds = _MADE_BY[type(reference)]
        if not isinstance(source, kinds):
            self.faults.add(
                "reference-kind",
                where=where,
                got=f"{type(reference).__name__} of {type(source).__name__} {source.name!r}",
                allowed=f"a {words} step",
                kind=type(reference).__name__,
            )
        elif isinstance(reference, Output) and isinstance(source, Process) and reference.name not in source.outputs:
            self.faults.add(
                "output-unknown",
                where=where,
                got=repr(reference.name),
                allowed=source.outputs,
                step=source.name,
                name=reference.name,
            )


def _gates(steps: Sequence[Step], inside: str | None = None) -> dict[str, str]:
    """The innermost gate that holds each step."""
    found: dict[str, str] = {}
    for step in steps:
        if inside:
            found[step.name] = inside
        if isinstance(step, Gate):
            found |= _gates(step.then, step.name) | _gates(step.otherwise, step.name)
    return found


def _references_in(value: object) -> Iterator[_Used | Input]:
    if isinstance(value, (Output, ModelArtifact, JobName, Result, Metric, Input)):
        yield value
    elif isinstance(value, (Comparison, All, AnyOf, Not)):
        yield from metrics_in(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _references_in(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            yield from _references_in(getattr(value, item.name))
