"""Writes docs/coverage.md: what of the old SDK's steps and of the service's requests this library reaches, and how.

    python -m tools.coverage > docs/coverage.md

Nothing in the tables is written by hand but the names of the old steps and the reasons of refusals: a request's fields
are those of botocore's model, and a field counts as friendly when an example's declaration, without raw=, sets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from constructs_ml import PipelineSpec, compile_pipeline
from constructs_ml.compiler.proofs.parameters import tasks
from constructs_ml.compiler.proofs.service_models import Model, load
from tools.coverage_examples import ACCOUNT, EXAMPLES, REFUSED, SUCCESSORS

Verdict = Literal["friendly", "raw", "refused"]
OPERATIONS = {
    "CreateTrainingJob": "Train",
    "CreateHyperParameterTuningJob": "Tune",
    "CreateProcessingJob": "Process",
    "CreateTransformJob": "BatchTransform",
}
_WORDS = {"friendly": "by friendly fields", "raw": "by `raw=`", "refused": "refused"}


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf of a request, such as `ResourceConfig.InstanceType`, and how it is reached."""

    path: str
    verdict: Verdict
    reason: str = ""


@cache
def fields(operation: str) -> tuple[Field, ...]:
    """Every leaf of an operation's request, in the model's order."""
    model = load("sagemaker")
    assert model is not None
    used = _used()[operation]
    return tuple(_judged(path, operation, used) for path in leaves(model, operation))


def _judged(path: str, operation: str, used: frozenset[str]) -> Field:
    for prefix, reason in REFUSED.get(operation, {}).items():
        if path == prefix or path.startswith(f"{prefix}."):
            return Field(path, "refused", reason)
    return Field(path, "friendly" if path in used else "raw")


def leaves(model: Model, operation: str) -> Iterator[str]:
    """The paths of the request's leaves; lists and maps are passed through."""

    def below(shape: str, path: tuple[str, ...], seen: frozenset[str]) -> Iterator[str]:
        facts = model.shapes[shape]
        if facts["type"] == "structure" and shape not in seen:
            for name, member in facts["members"].items():
                yield from below(member["shape"], (*path, name), seen | {shape})
        elif facts["type"] == "list" and shape not in seen:
            yield from below(facts["member"]["shape"], path, seen | {shape})
        else:
            yield ".".join(path)

    yield from dict.fromkeys(below(model.operations[operation]["input"]["shape"], (), frozenset()))


@cache
def _used() -> Mapping[str, frozenset[str]]:
    """The leaves that the examples' definitions set, by operation."""
    found: dict[str, set[str]] = {operation: set() for operation in OPERATIONS}
    for spec in EXAMPLES():
        for _, resource, parameters in tasks(_definition(spec)):
            action = str(resource).rpartition(":")[2].partition(".")[0]
            operation = action[:1].upper() + action[1:]
            if operation in found:
                found[operation].update(_paths(parameters, ()))
    return {operation: frozenset(paths) for operation, paths in found.items()}


def _definition(spec: PipelineSpec) -> Any:
    machine = compile_pipeline(spec, ACCOUNT, prefix="Example").resources["ExampleStateMachine"]
    return json.loads(machine["Properties"]["DefinitionString"]["Fn::Sub"][0])


def _paths(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Every path that is set; a map's path is that of its keys' holder, too."""
    yield ".".join(path)
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _paths(item, (*path, name.removesuffix(".$")))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _paths(item, path)


def page() -> str:
    """The whole page."""
    lines = [
        "# Coverage",
        "",
        "Written by `python -m tools.coverage > docs/coverage.md`; a test holds it against botocore's models, so a",
        "field that AWS adds shows here as one that only `raw=` reaches.",
        "",
        "## The steps of the AWS Step Functions Data Science SDK",
        "",
        "Every row's successor is compiled and proved by a test.",
        "",
        "| its class | here |",
        "|---|---|",
    ]
    lines += [f"| {theirs} | {item.words} |" for theirs, item in SUCCESSORS.items()]
    for operation, step in OPERATIONS.items():
        found = fields(operation)
        counts = {verdict: sum(item.verdict == verdict for item in found) for verdict in ("friendly", "raw", "refused")}
        lines += [
            "",
            f"## {operation}: {step}",
            "",
            f"{len(found)} fields: "
            + ", ".join(f"{count} {_WORDS[verdict]}" for verdict, count in counts.items())
            + ".",
            "",
            "| member | friendly | by `raw=` | refused |",
            "|---|---|---|---|",
        ]
        lines += _rows(found)
    return "\n".join(lines) + "\n"


def _rows(found: Sequence[Field]) -> Iterator[str]:
    """One row a member of the request; what is below a member stands in the cells."""
    for member in dict.fromkeys(item.path.partition(".")[0] for item in found):
        inside = [item for item in found if item.path.partition(".")[0] == member]
        cells = []
        for verdict in ("friendly", "raw", "refused"):
            names = [_short(item, member) for item in inside if item.verdict == verdict]
            cells.append(", ".join(dict.fromkeys(names)))
        yield f"| {member} | {' | '.join(cells)} |"


def _short(item: Field, member: str) -> str:
    name = item.path.removeprefix(member).removeprefix(".") or "yes"
    return f"{name}: {item.reason}" if item.reason else name


if __name__ == "__main__":
    print(page(), end="")
