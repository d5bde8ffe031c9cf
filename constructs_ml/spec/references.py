"""Checks that every reference of a pipeline names something that exists, and ran before it is used."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from constructs_ml.faults import Faults
from constructs_ml.spec.checks import alike
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Metric, Not, inputs_in, metrics_in
from constructs_ml.spec.steps import ForEach, Gate, Parallel, Process, Step, blocks, goes_on, walk
from constructs_ml.spec.values import Input, Item, JobName, ModelArtifact, Output, Result, StepReference

_Used = StepReference | Metric
_Found = _Used | Input | Item


def references_of(step: Step) -> tuple[_Found, ...]:
    """Every reference that a step itself uses, each once; the steps inside it speak for themselves."""
    return tuple(dict.fromkeys((*_before(step), *_after(step))))


def _before(step: Step) -> Iterator[_Found]:
    """What a step uses when it begins."""
    if isinstance(step, Gate):
        yield from _references_in(step.when)
    elif isinstance(step, ForEach):
        yield from _references_in(step.items)
    elif not isinstance(step, Parallel):
        for item in dataclasses.fields(step):
            value = getattr(step, item.name)
            if isinstance(value, Process):
                yield Output(value.name, (value.metrics or "").split("/")[0])
            else:
                yield from _references_in(value)


def _after(step: Step) -> Iterator[_Found]:
    """What a step uses when the steps inside it have ended."""
    for arm in closing_values(step):
        yield from _references_in(arm)


def closing_values(step: Step) -> tuple[tuple[object, ...], ...]:
    """The values that each block of a step hands on at its end: a gate's outputs, what a ForEach keeps."""
    match step:
        case Gate(outputs=outputs):
            return (tuple(pair[0] for pair in outputs.values()), tuple(pair[1] for pair in outputs.values()))
        case ForEach(keep=keep):
            return (tuple(keep.values()),)
    return ()


def check_references(steps: Sequence[Step], inputs: Sequence[Input], where: str, faults: Faults) -> None:
    """Add a fault for every name taken twice, and every reference that cannot be resolved where it is used."""
    everything = tuple(walk(steps))
    strange = [step for step in everything if not isinstance(step, get_args(Step))]
    for step in strange:
        faults.add("kind", where=where, got=repr(step), allowed="steps, such as Process(...)", field="a step")
    if strange:
        return
    taken = (name for step in everything for name in (step.name, *getattr(step, "inner_names", ())))
    for name, count in Counter(taken).items():
        if count > 1:
            faults.add(
                "name-taken",
                where=where,
                got=f"{count} steps named {name!r}",
                allowed="name= to tell them apart",
                name=name,
            )
    for group in alike(dict.fromkeys(step.name for step in everything)):
        faults.add("names-alike", where=where, got=group, allowed="other names", names=" and ".join(group))
    for name, count in Counter(item.name for item in inputs).items():
        if count > 1:
            faults.add("input-taken", where=where, got=f"{count} inputs", allowed="each name once", name=name)
    checker = _Checker({step.name: step for step in everything}, _holders(steps), tuple(inputs), where, faults)
    checker.check(steps, frozenset())


@dataclasses.dataclass(slots=True)
class _Checker:
    by_name: Mapping[str, Step]
    holders: Mapping[str, Step]
    inputs: tuple[Input, ...]
    where: str
    faults: Faults
    cycles: set[frozenset[str]] = dataclasses.field(default_factory=set)
    inside: list[ForEach] = dataclasses.field(default_factory=list)

    def check(self, steps: Sequence[Step], before: frozenset[str]) -> frozenset[str]:
        """Check steps that run after those named in `before`; the answer is what can be used after them."""
        for index, step in enumerate(steps):
            if index and not goes_on(steps[:index]):
                where, got = f"{self.where}, step {step.name!r}", f"after {steps[index - 1].name!r}"
                self.faults.add("step-unreached", where=where, got=got, allowed="a place before it")
                break
            self.uses(step, _before(step), before)
            if isinstance(step, ForEach):
                self.inside.append(step)
            ends = [self.check(block, before) for block in blocks(step)]
            for values, end in zip(closing_values(step), ends, strict=False):
                self.uses(step, _references_in(values), end)
            if isinstance(step, ForEach):
                self.inside.pop()
            if isinstance(step, Parallel):
                before = before.union(*ends)
            before = before | {step.name}
        return before

    def uses(self, step: Step, references: Iterable[_Found], before: frozenset[str]) -> None:
        """Check references of a step at a place where those in `before` have run."""
        for reference in dict.fromkeys(references):
            if isinstance(reference, Input):
                self._input(step, reference)
            elif isinstance(reference, Item):
                self._item(step, reference)
            else:
                self._step(step, reference, before)

    def _item(self, step: Step, reference: Item) -> None:
        where = f"{self.where}, step {step.name!r}"
        if not self.inside:
            self.faults.add("item-outside", where=where, got=reference, allowed="steps inside a ForEach")
            return
        known = self.inside[-1].item_keys
        if known is not None and reference.key is not None and reference.key not in known:
            got, holder = f"Item({reference.key!r})", self.inside[-1].name
            self.faults.add("item-key", where=where, got=got, allowed=known or "Item()", holder=holder)

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
        holder = self.holders.get(source.name)
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
        elif holder is not None and (holder.name in before or holder is step):
            self.faults.add(
                "step-branch",
                where=where,
                got=f"a reference to {source.name!r}",
                allowed=f"what {holder.name!r} hands on by {_HANDS_ON[type(holder)]}, or this step in the same block",
                step=source.name,
                holder=f"{type(holder).__name__} {holder.name!r}",
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
                target = "" if isinstance(reference, (Input, Item)) else reference.step
                if target in self.by_name and (target == start or target not in seen):
                    seen.add(target)
                    trails.append((*trail, target))
        return ()

    def _fits(self, reference: _Used, source: Step, where: str) -> None:
        if type(reference) not in getattr(source, "leaves", ()):
            self.faults.add(
                "reference-kind",
                where=where,
                got=f"{type(reference).__name__} of {type(source).__name__} {source.name!r}",
                allowed=_makers(type(reference)),
                kind=type(reference).__name__,
            )
        elif isinstance(reference, Output):
            self._known(reference.name, getattr(source, "outputs", ()), "output-unknown", source.name, where)
        elif isinstance(reference, Result):
            self._known(reference.key, getattr(source, "result_keys", None), "result-unknown", source.name, where)

    def _known(self, name: str, known: tuple[str, ...] | None, id: str, step: str, where: str) -> None:
        if known is not None and name not in known:
            self.faults.add(id, where=where, got=repr(name), allowed=known, step=step, name=name)


# What later steps see of the steps inside such a block.
_HANDS_ON: Mapping[type, str] = {Gate: "outputs=", ForEach: "keep="}


def _makers(reference: type) -> tuple[str, ...]:
    """The kinds of steps that leave such a reference."""
    return tuple(kind.__name__ for kind in get_args(Step) if reference in getattr(kind, "leaves", ()))


def _holders(steps: Sequence[Step], inside: Step | None = None) -> dict[str, Step]:
    """The innermost gate or ForEach that holds each step; steps of a Parallel are seen from outside it."""
    found: dict[str, Step] = {}
    for step in steps:
        if inside is not None:
            found[step.name] = inside
        for block in blocks(step):
            found |= _holders(block, inside if isinstance(step, Parallel) else step)
    return found


def _references_in(value: object) -> Iterator[_Found]:
    if isinstance(value, (Output, ModelArtifact, JobName, Result, Metric, Input, Item)):
        yield value
    elif isinstance(value, (Comparison, All, AnyOf, Not)):
        yield from metrics_in(value)
        yield from inputs_in(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _references_in(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _references_in(getattr(value, field.name))
