"""What a payload template surely gives: constants as they are, paths and intrinsics as far as they are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constructs_ml.compiler.proofs.language import Constant, Function, Path, Value, read_value
from constructs_ml.compiler.proofs.texts import ANYTHING, Hole, Substitutions, Text
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault

# What the context object surely holds; names of executions have 1 to 80 characters.
_CONTEXT_TEXT = {
    "$$.Execution.Id": Hole(least=20),
    "$$.Execution.Name": Hole(least=1, most=80),
    "$$.Execution.StartTime": Hole(least=20),
    "$$.State.EnteredTime": Hole(least=20),
    "$$.State.Name": Hole(least=1, most=80),
    "$$.StateMachine.Id": Hole(least=20),
    "$$.StateMachine.Name": Hole(least=1, most=80),
    "$$.Task.Token": Hole(least=1),
}
_CONTEXT_NUMBER = {"$$.State.RetryCount", "$$.Execution.RedriveCount"}
_UUID_LENGTH = 36
_NUMBERS = frozenset({"States.ArrayLength", "States.MathAdd", "States.MathRandom"})
_TEXTS = frozenset({"States.Base64Decode", "States.Base64Encode", "States.Hash", "States.JsonToString"})
_LISTS = frozenset({"States.ArrayPartition", "States.ArrayRange", "States.ArrayUnique", "States.StringSplit"})
_STEP = re.compile(r"\.([^.\[\]*$()?@]+)|\['([^'\\]*)'\]")
_BRACES = re.compile(r"\$\{!?[^{}]*\}|\\.|\{\}|[^\\{$]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value of any type. `type` is "number" or "list" where that much is known."""

    type: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list whose items are known as far as possible."""

    items: tuple[Known, ...]


Known = Text | Unknown | Items | int | float | bool | None | Mapping[str, Json] | list[Json] | tuple[Json, ...]
"""A value of a request: texts with holes, lists and objects whose members are still to be read, constants."""


def members(template: Mapping[str, Json], substitutions: Substitutions) -> Iterator[tuple[str, Known]]:
    """The members of a payload template: their bare names and what is known of their values."""
    for key, value in template.items():
        if key.endswith(".$"):
            yield key.removesuffix(".$"), computed(value, substitutions)
        else:
            yield key, constant(value, substitutions)


def constant(value: Json, substitutions: Substitutions) -> Known:
    """A value that stands in the template itself."""
    known: Known = substitutions.read(value) if isinstance(value, str) else value
    return known


def computed(expression: Json, substitutions: Substitutions) -> Known:
    """What a path or an intrinsic function gives; what cannot be read is left to `check_states`."""
    value = read_value(expression, "")
    return Unknown() if isinstance(value, Fault) else _evaluate(value, substitutions)


def text_of(value: Known) -> Text:
    """A value as a piece of text: what is no text may become any."""
    if isinstance(value, Text):
        return value
    if isinstance(value, Unknown) and value.type == "number":
        return Text((Hole(least=1),))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Text.of(str(value))
    return ANYTHING


def names_of(path: str) -> tuple[str, ...] | None:
    """The names that lead from the root of the run's data to one place; None for any other path."""
    if not path.startswith("$") or path.startswith("$$"):
        return None
    names: list[str] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        names.append(match[1] or match[2])
        at = match.end()
    return tuple(names)


def _evaluate(value: Value, substitutions: Substitutions) -> Known:
    match value:
        case Constant(plain):
            return _unquoted(plain, (), substitutions) if isinstance(plain, str) else plain
        case Path(text):
            if text in _CONTEXT_TEXT:
                return Text((_CONTEXT_TEXT[text],))
            names = names_of(text)
            if names in substitutions.data:
                return substitutions.data[names]
            return Unknown("number" if text in _CONTEXT_NUMBER else "")
        case Function("States.UUID"):
            return Text((Hole(least=_UUID_LENGTH, most=_UUID_LENGTH),))
        case Function("States.Array", arguments):
            return Items(tuple(_evaluate(item, substitutions) for item in arguments))
        case Function("States.Format", (Constant(str() as template), *values)):
            return _unquoted(template, tuple(text_of(_evaluate(item, substitutions)) for item in values), substitutions)
        case Function(name):
            if name in _TEXTS or name == "States.Format":
                return ANYTHING
            return Unknown("number" if name in _NUMBERS else "list" if name in _LISTS else "")


def _unquoted(quoted: str, values: tuple[Text, ...], substitutions: Substitutions) -> Text:
    """The text between the quotes of an intrinsic: escapes undone, values in its `{}`."""
    left = list(values)
    pieces: list[str | Hole | Text] = []
    for match in _BRACES.finditer(quoted):
        piece = match[0]
        if piece.startswith("${"):
            pieces.append(substitutions.read(piece))
        elif piece == "{}" and left:
            pieces.append(left.pop(0))
        else:
            pieces.append(piece[1] if piece.startswith("\\") and len(piece) > 1 else piece)
    return Text.of(*pieces)
