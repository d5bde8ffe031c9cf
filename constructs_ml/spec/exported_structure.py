"""The structure of a definition of SageMaker Pipelines: versions, names, types, references, and that it can end.

Source: https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/ (version
2020-12-01) and what `sagemaker` 3 writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from constructs_ml.faults import Faults

VERSION = "2020-12-01"
# `sagemaker.mlops.workflow.steps.StepTypeEnum` of sagemaker 3.27.
STEP_TYPES = (
    "AutoML",
    "Callback",
    "ClarifyCheck",
    "Cleanup",
    "Condition",
    "EMR",
    "EMRServerless",
    "Endpoint",
    "EndpointConfig",
    "Fail",
    "ForEach",
    "InferenceComponent",
    "Job",
    "Lambda",
    "Lineage",
    "Model",
    "Processing",
    "QualityCheck",
    "RegisterModel",
    "Training",
    "Transform",
    "Tuning",
)
_BRANCHES = {"Condition": ("IfSteps", "ElseSteps"), "ForEach": ("ForEachBody",)}
_PARAMETER_TYPES = ("String", "Integer", "Float", "Boolean")
_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9_])*")
_STEP = re.compile(r"Steps\.([^.\[]+)")
_EXECUTION = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


@dataclass(frozen=True, slots=True)
class FoundStep:
    """A step and its place: `inside` is the name of the condition or loop that holds it."""

    name: str
    type: str
    path: str
    body: Mapping[str, Any]
    inside: str | None


def steps_of(document: Mapping[str, Any]) -> Iterator[FoundStep]:
    """Every step, those inside conditions and loops included; what is no step at all is passed over."""
    yield from _steps(document.get("Steps"), "Steps", None)


def _steps(steps: object, path: str, inside: str | None) -> Iterator[FoundStep]:
    for index, body in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(body, Mapping):
            continue
        step = FoundStep(str(body.get("Name")), str(body.get("Type")), f"{path}[{index}]", body, inside)
        yield step
        arguments = body.get("Arguments")
        for branch in _BRANCHES.get(step.type, ()):
            if isinstance(arguments, Mapping):
                yield from _steps(arguments.get(branch), f"{step.path}.Arguments.{branch}", step.name)


def check_structure(document: Any, where: str, faults: Faults) -> None:
    """Add a fault for everything that the service would refuse, with the path to it."""
    if not isinstance(document, Mapping):
        faults.add("export-json", where=where, got=type(document).__name__, allowed="a JSON object")
        return
    if document.get("Version") != VERSION:
        faults.add("export-version", where=f"{where}, Version", got=repr(document.get("Version")), allowed=VERSION)
    if not isinstance(document.get("Steps"), list) or not document["Steps"]:
        faults.add("empty", thing="the pipeline", where=f"{where}, Steps", got="no steps", allowed="at least one step")
        return
    steps = tuple(steps_of(document))
    before = len(faults.found)
    _check_shapes(document, steps, where, faults)
    if len(faults.found) > before:
        return
    parameters = _check_parameters(document.get("Parameters") or (), where, faults)
    _check_steps(steps, where, faults)
    _Links({step.name: step for step in steps}, parameters, where, faults).check(document, steps)


def _check_shapes(document: Mapping[str, Any], steps: tuple[FoundStep, ...], where: str, faults: Faults) -> None:
    """Whether lists are lists and objects are objects, as far as everything else relies on it."""
    _check_objects(document.get("Parameters"), f"{where}, Parameters", faults)
    _check_objects(document["Steps"], f"{where}, Steps", faults)
    for step in steps:
        place = f"{where}, {step.path}"
        arguments = step.body.get("Arguments", {})
        if not isinstance(arguments, Mapping):
            faults.add("export-json", where=f"{place}.Arguments", got=repr(arguments), allowed="a JSON object")
            continue
        if not isinstance(step.body.get("DependsOn", []), list):
            faults.add("export-json", where=f"{place}.DependsOn", got=repr(step.body["DependsOn"]), allowed="a list")
        for branch in _BRANCHES.get(step.type, ()):
            _check_objects(arguments.get(branch), f"{place}.Arguments.{branch}", faults)


def _check_objects(items: object, place: str, faults: Faults) -> None:
    if items is not None and not isinstance(items, list):
        faults.add("export-json", where=place, got=repr(items), allowed="a list")
        return
    for index, item in enumerate(items or ()):
        if not isinstance(item, Mapping):
            faults.add("export-json", where=f"{place}[{index}]", got=repr(item), allowed="a JSON object")


def _check_parameters(parameters: Sequence[Mapping[str, Any]], where: str, faults: Faults) -> tuple[str, ...]:
    """The names of the parameters, each of which stands once and has a type."""
    found: list[str] = []
    for index, parameter in enumerate(parameters):
        place = f"{where}, Parameters[{index}]"
        name = parameter.get("Name")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in found:
            faults.add("export-name", where=place, got=repr(name), allowed="a name that stands once", kind="parameter")
            continue
        found.append(name)
        if parameter.get("Type") not in _PARAMETER_TYPES:
            faults.add("export-type", where=place, got=repr(parameter.get("Type")), allowed=_PARAMETER_TYPES)
    return tuple(found)


def _check_steps(steps: tuple[FoundStep, ...], where: str, faults: Faults) -> None:
    seen: set[str] = set()
    for step in steps:
        place = f"{where}, {step.path}"
        if not _NAME.fullmatch(step.name) or len(step.name) > 64 or not isinstance(step.body.get("Name"), str):
            allowed = "1 to 64 letters, digits, hyphens and underscores"
            faults.add("export-name", where=place, got=repr(step.body.get("Name")), allowed=allowed, kind="step")
        elif step.name in seen:
            faults.add("export-name", where=place, got=repr(step.name), allowed="each name once", kind="step")
        seen.add(step.name)
        if step.type not in STEP_TYPES:
            allowed_types = get_close_matches(step.type, STEP_TYPES, n=1) or STEP_TYPES
            faults.add("export-type", where=f"{place}.Type", got=repr(step.body.get("Type")), allowed=allowed_types)


@dataclass(slots=True)
class _Links:
    """References and dependencies between steps."""

    by_name: Mapping[str, FoundStep]
    parameters: tuple[str, ...]
    where: str
    faults: Faults

    def check(self, document: Mapping[str, Any], steps: tuple[FoundStep, ...]) -> None:
        for key, value in document.items():
            if key != "Steps":
                for place, get in references_in(value, key):
                    self._reference(place, get)
        links: dict[str, list[str]] = {}
        for step in steps:
            targets = self._targets(step)
            links.setdefault(step.name, []).extend(targets + ([step.inside] if step.inside else []))
        self._cycles(links)

    def _targets(self, step: FoundStep) -> list[str]:
        """The steps that a step waits for, itself named or used."""
        targets = []
        for index, entry in enumerate(step.body.get("DependsOn", ())):
            # A step that runs after another one failed, too, names it in an object: {"Step": ..., "Trigger": ...}.
            name = str(entry.get("Step") if isinstance(entry, Mapping) else entry)
            if name in self.by_name:
                targets.append(name)
            else:
                self._unknown(f"{step.path}.DependsOn[{index}]", name, tuple(self.by_name))
        for place, get in references_in(_own(step), step.path):
            named = self._reference(place, get)
            if named:
                targets.append(named)
        return targets

    def _reference(self, place: str, get: object) -> str | None:
        """The step that a reference names, if it names one."""
        if not isinstance(get, str):
            self._unknown(place, repr(get), ("Parameters.<name>", "Steps.<name>...", "Execution.<fact>"))
            return None
        kind, _, rest = get.partition(".")
        if kind == "Parameters":
            if rest not in self.parameters:
                self._unknown(place, get, tuple(f"Parameters.{name}" for name in self.parameters))
        elif kind == "Execution":
            if rest not in _EXECUTION:
                self._unknown(place, get, tuple(f"Execution.{name}" for name in _EXECUTION))
        elif kind == "Steps":
            named = _STEP.match(get)
            name = named.group(1) if named else rest
            if name in self.by_name:
                return name
            self._unknown(place, get, tuple(self.by_name))
        elif kind not in ("ForEach", "IterationOutput"):
            self._unknown(place, get, ("Parameters.<name>", "Steps.<name>...", "Execution.<fact>"))
        return None

    def _unknown(self, place: str, got: str, allowed: tuple[str, ...]) -> None:
        self.faults.add("export-reference", where=f"{self.where}, {place}", got=got, allowed=allowed or "none")

    def _cycles(self, links: Mapping[str, list[str]]) -> None:
        """One fault for the first cycle: what waits for itself never runs."""
        done: set[str] = set()
        for start in links:
            trail = _cycle(start, links, done)
            if trail:
                steps = " -> ".join(trail)
                self.faults.add("export-cycle", where=self.where, got=steps, allowed="steps that wait for earlier ones")
                return


def _cycle(start: str, links: Mapping[str, list[str]], done: set[str]) -> tuple[str, ...]:
    """A way from a step back to itself, found without recursion: definitions may be long chains."""
    trail: list[str] = []
    pending: list[tuple[str, Iterator[str]]] = []
    if start not in done:
        trail.append(start)
        pending.append((start, iter(links.get(start, ()))))
    while pending:
        name, ahead = pending[-1]
        following = next((item for item in ahead if item not in done), None)
        if following is None:
            done.add(name)
            trail.pop()
            pending.pop()
        elif following in trail:
            return (*trail[trail.index(following) :], following)
        else:
            trail.append(following)
            pending.append((following, iter(links.get(following, ()))))
    return ()


def _own(step: FoundStep) -> dict[str, Any]:
    """A step without the steps inside it, which speak for themselves."""
    arguments = step.body.get("Arguments")
    inside = _BRANCHES.get(step.type, ())
    if not inside or not isinstance(arguments, Mapping):
        return dict(step.body)
    return {**step.body, "Arguments": {key: value for key, value in arguments.items() if key not in inside}}


def references_in(value: Any, path: str) -> Iterator[tuple[str, object]]:
    """Every `{"Get": ...}` below a value, with its path."""
    if isinstance(value, Mapping):
        if set(value) == {"Get"}:
            yield path, value["Get"]
            return
        for key, item in value.items():
            yield from references_in(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references_in(item, f"{path}[{index}]")
