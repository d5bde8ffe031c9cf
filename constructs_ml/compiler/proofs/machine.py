"""A state machine as the proofs read it: its definition, its substitutions, and every state in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from constructs_ml.compiler.template import Json, dumps
from constructs_ml.faults import refuse


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition whose texts may hold `${Name}`; `substitutions` maps names to CloudFormation values.

    `text` is the definition as Step Functions gets it, but for those values.
    """

    definition: Mapping[str, Json]
    substitutions: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The states of one level: of the machine itself, of a branch, or of a map's processor."""

    path: str
    body: Mapping[str, Json]

    def place(self, name: str) -> str:
        """The path of a state of this scope."""
        return f"{self.path}.{name}" if self.path else name

    @property
    def states(self) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """The states, by path. What is no object is passed over here; `check_states` refuses it."""
        states = self.body.get("States")
        if isinstance(states, Mapping):
            for name, state in states.items():
                if isinstance(state, Mapping):
                    yield self.place(str(name)), state


def read_machine(properties: Mapping[str, Json], *, where: str) -> Machine:
    """The machine in the properties of an `AWS::StepFunctions::StateMachine`.

    `where` names the resource. Raises `SpecError` if the definition is no JSON object.
    """
    substitutions: dict[str, Json] = dict(properties.get("DefinitionSubstitutions") or {})
    definition = properties.get("Definition")
    text = dumps(definition)
    if not isinstance(definition, Mapping):
        text = _text(properties.get("DefinitionString"), substitutions)
        try:
            definition = json.loads(text)
        except ValueError as error:
            raise refuse("definition-json", where=where, got=str(error), allowed="a JSON object") from None
    if not isinstance(definition, Mapping):
        raise refuse("definition-json", where=where, got=type(definition).__name__, allowed="a JSON object")
    return Machine(definition, substitutions, text)


def inside(place: str, name: object) -> str:
    """The place of a member of something; at the very beginning, or after a `where`, it needs no dot."""
    return f"{place}{name}" if not place or place.endswith(": ") else f"{place}.{name}"


def scopes(definition: Mapping[str, Json], path: str = "") -> Iterator[Scope]:
    """The machine's own level and, after it, every level inside it."""
    scope = Scope(path, definition)
    yield scope
    for place, state in scope.states:
        for name, inner in nested(state):
            yield from scopes(inner, f"{place}.{name}")


def nested(state: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The levels inside one state: branches of a Parallel, the processor of a Map."""
    branches = state.get("Branches")
    if isinstance(branches, (list, tuple)):
        for index, branch in enumerate(branches):
            if isinstance(branch, Mapping):
                yield f"Branches[{index}]", branch
    for name in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(name), Mapping):
            yield name, state[name]


def all_states(definition: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every state at every level, with its path."""
    for scope in scopes(definition):
        yield from scope.states


def _text(value: Json, substitutions: dict[str, Json]) -> str:
    """The definition as text; what CloudFormation fills in becomes a substitution."""
    match value:
        case str():
            return value
        case {"Fn::Sub": str() as text}:
            return text
        case {"Fn::Sub": [str() as text, Mapping() as values]}:
            substitutions.update(values)
            return text
        case {"Fn::Join": [str() as between, list() as items]}:
            return between.join(_piece(item, substitutions) for item in items)
    return ""


def _piece(value: Json, substitutions: dict[str, Json]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and set(value) == {"Ref"}:
        return f"${{{value['Ref']}}}"
    name = f"Joined{len(substitutions)}"
    substitutions[name] = value
    return f"${{{name}}}"
