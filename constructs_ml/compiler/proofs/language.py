"""Paths and intrinsic functions of the States Language: their syntax, and what they surely give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from constructs_ml.compiler.proofs.texts import near
from constructs_ml.faults import Fault, fault

# A name between dots may hold anything that does not end it in the JSONPath reader that Step Functions uses.
_NAME = re.compile(r"[^\s.\[\]()'\"?@*,:$\\{}]+")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_INDEX = re.compile(r"-?\d+")
_SLICE = re.compile(r"(?:-?\d+)?:(?:-?\d+)?(?::-?\d+)?|-?\d+(?:\s*,\s*-?\d+)+|\*")
_PLACEHOLDER = re.compile(r"\$\{!?[^{}]*\}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_FUNCTION_NAME = re.compile(r"States\.\w*")
_DEEPEST = 10

FUNCTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "States.Array": (0, 1_000),
        "States.ArrayContains": (2, 2),
        "States.ArrayGetItem": (2, 2),
        "States.ArrayLength": (1, 1),
        "States.ArrayPartition": (2, 2),
        "States.ArrayRange": (3, 3),
        "States.ArrayUnique": (1, 1),
        "States.Base64Decode": (1, 1),
        "States.Base64Encode": (1, 1),
        "States.Format": (1, 1_000),
        "States.Hash": (2, 2),
        "States.JsonMerge": (3, 3),
        "States.JsonToString": (1, 1),
        "States.MathAdd": (2, 2),
        "States.MathRandom": (2, 3),
        "States.StringSplit": (2, 2),
        "States.StringToJson": (1, 1),
        "States.UUID": (0, 0),
    }
)
"""The intrinsic functions and how many arguments each takes.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html, November 2026.
"""

CONTEXT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Execution": ("Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"),
        "Map": ("Item",),
        "State": ("EnteredTime", "Name", "RetryCount"),
        "StateMachine": ("Id", "Name"),
        "Task": ("Token",),
    }
)
"""What the context object holds.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html, November 2026.
"""


@dataclass(frozen=True, slots=True)
class Path:
    """A JSONPath. A reference path names one place: no wildcards, slices or filters."""

    text: str
    reference: bool

    @property
    def context(self) -> bool:
        """Whether it reads the context object."""
        return self.text.startswith("$$")


@dataclass(frozen=True, slots=True)
class Function:
    """A call of an intrinsic function; each argument is a constant, a path or another call."""

    name: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant argument. A text is as it stands between its quotes, escapes included."""

    value: str | int | float | bool | None


Value = Constant | Path | Function


class _UnreadableError(ValueError):
    """Why an expression cannot be read: an id of the refusal table and what it needs."""

    def __init__(self, id: Literal["state-path", "state-intrinsic"], got: str, allowed: str) -> None:
        super().__init__(got)
        self.id, self.got, self.allowed = id, got, allowed


def read_path(text: object, where: str, *, reference: bool = False, context: bool = True) -> Path | Fault:
    """A path; `reference` demands one place, `context` allows the context object."""
    if not isinstance(text, str):
        return fault("state-path", where=where, got=repr(text), allowed='a path such as "$.name"')
    try:
        reader = _Reader(text)
        path = reader.path()
        reader.finish("state-path")
    except _UnreadableError as error:
        return fault(error.id, where=where, got=error.got, allowed=error.allowed)
    if reference and not path.reference:
        return fault("state-path", where=where, got=text, allowed="one place: no wildcard, slice or filter")
    if path.context and not context:
        return fault(
            "state-path", where=where, got=text, allowed="a place in the run's data, not in the context object"
        )
    return path


def read_value(text: object, where: str) -> Value | Fault:
    """What stands behind a `name.$`: a path or an intrinsic function."""
    if not isinstance(text, str) or not text.startswith(("$", "States.")):
        return fault("state-path", where=where, got=repr(text), allowed='a path such as "$.name", or States.Name(...)')
    try:
        reader = _Reader(text)
        value = reader.value()
        reader.finish("state-intrinsic" if isinstance(value, Function) else "state-path")
    except _UnreadableError as error:
        return fault(error.id, where=where, got=error.got, allowed=error.allowed)
    return value


@dataclass(slots=True)
class _Reader:
    """Reads one expression from left to right. It raises `_UnreadableError` at the first thing that does not fit."""

    text: str
    at: int = 0

    def finish(self, id: Literal["state-path", "state-intrinsic"]) -> None:
        if self.at != len(self.text):
            raise _UnreadableError(id, self.text, f"nothing after {self.text[: self.at]!r}")

    def value(self, depth: int = 0) -> Value:
        """A path, a call, or (inside a call) a constant."""
        if self.text.startswith("States.", self.at):
            return self.call(depth)
        if self.text.startswith("$", self.at) and not _PLACEHOLDER.match(self.text, self.at):
            return self.path()
        return self.constant()

    def call(self, depth: int) -> Function:
        match = _FUNCTION_NAME.match(self.text, self.at)
        name = match[0] if match else ""
        if name not in FUNCTIONS:
            raise _UnreadableError("state-intrinsic", name, ", ".join(near(name, tuple(FUNCTIONS))))
        if depth >= _DEEPEST:
            raise _UnreadableError("state-intrinsic", self.text, f"at most {_DEEPEST} functions inside each other")
        self.at += len(name)
        self.expect("(", name)
        arguments: list[Value] = []
        while not self.skip(")"):
            if arguments:
                self.expect(",", name)
            self.blanks()
            arguments.append(self.value(depth + 1))
        found = Function(name, tuple(arguments))
        _check_arguments(found)
        return found

    def constant(self) -> Constant:
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return Constant(value)
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return Constant(float(number[0]) if set(".eE") & set(number[0]) else int(number[0]))
        quoted = _QUOTED.match(self.text, self.at)
        if quoted and quoted[0].startswith("'"):
            self.at = quoted.end()
            return Constant(quoted[0][1:-1])
        placeholder = _PLACEHOLDER.match(self.text, self.at)
        if placeholder:
            self.at = placeholder.end()
            return Constant(placeholder[0])
        rest = self.text[self.at :] or "the end of the text"
        raise _UnreadableError("state-intrinsic", rest, "a path, a function, a number, true, false, null or 'text'")

    def path(self) -> Path:
        start = self.at
        if not self.skip("$"):
            raise _UnreadableError("state-path", self.text, "a path that begins with $")
        context = self.skip("$")
        reference, names = True, []
        while self.at < len(self.text) and self.text[self.at] in ".[":
            if self.text[self.at] == ".":
                plain, name = self.dotted()
            else:
                plain, name = self.bracketed()
            reference = reference and plain
            names.append(name)
        if context:
            _check_context(self.text[start : self.at], names)
        return Path(self.text[start : self.at], reference)

    def dotted(self) -> tuple[bool, str]:
        """`.name`, `.*` or `..name`; the first of them alone names one place."""
        plain = not self.text.startswith("..", self.at)
        self.at += 1 if plain else 2
        if self.text.startswith("*", self.at):
            self.at += 1
            return False, "*"
        if not plain and self.text.startswith("[", self.at):
            return False, self.bracketed()[1]
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise _UnreadableError("state-path", self.text, f"a name after {self.text[: self.at]!r}")
        self.at = match.end()
        return plain, match[0]

    def bracketed(self) -> tuple[bool, str]:
        """`[0]` or `['name']`, which name one place, or a slice, a list, `[*]` or a filter."""
        start = self.at
        self.at += 1
        if self.text.startswith("?(", self.at):
            self.filter()
            return False, ""
        for form, plain in ((_QUOTED, True), (_SLICE, False), (_INDEX, True)):
            match = form.match(self.text, self.at)
            if match and self.text.startswith("]", match.end()):
                self.at = match.end() + 1
                return plain, match[0].strip("'\"")
        allowed = "['name'], [0], [0:2], [*] or [?(...)]"
        raise _UnreadableError("state-path", self.text[start:], allowed)

    def filter(self) -> None:
        """`?(...)]`: its parentheses and quotes are balanced; what stands inside is left to the service."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            quoted = _QUOTED.match(self.text, self.at)
            self.at = quoted.end() if quoted else self.at + 1
            depth += {"(": 1, ")": -1}.get(char, 0)
            if depth == 0 and char == ")":
                break
        if depth or not self.skip("]"):
            raise _UnreadableError("state-path", self.text[start:], "a filter that is closed by )]")

    def blanks(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def skip(self, sign: str) -> bool:
        if sign != "$":
            self.blanks()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def expect(self, sign: str, name: str) -> None:
        if not self.skip(sign):
            rest = self.text[self.at :] or "the end of the text"
            raise _UnreadableError("state-intrinsic", rest, f"{sign} in {name}(...)")


def template_holes(template: str) -> int:
    """How many `{}` a template of States.Format has; -1 if a brace is neither part of one nor escaped."""
    bare = re.sub(r"\\.", "", _PLACEHOLDER.sub("", template))
    holes = bare.count("{}")
    return holes if set("{}").isdisjoint(bare.replace("{}", "")) else -1


def _check_arguments(call: Function) -> None:
    least, most = FUNCTIONS[call.name]
    if not least <= len(call.arguments) <= most:
        wanted = str(least) if least == most else f"{least} or more" if most == 1_000 else f"{least} to {most}"
        raise _UnreadableError(
            "state-intrinsic", f"{call.name} with {len(call.arguments)} arguments", f"{wanted} arguments"
        )
    if call.name == "States.JsonMerge" and call.arguments[2] != Constant(False):
        raise _UnreadableError("state-intrinsic", "States.JsonMerge with a deep merge", "false as the third argument")
    if call.name == "States.Format" and isinstance(call.arguments[0], Constant):
        template, given = call.arguments[0].value, len(call.arguments) - 1
        if not isinstance(template, str) or template_holes(template) != given:
            raise _UnreadableError(
                "state-intrinsic",
                f"States.Format({template!r}) with {given} values",
                "one value for each {}, \\ before other braces",
            )


def _check_context(text: str, names: list[str]) -> None:
    """The first two names of a context path are known ones."""
    if not names:
        return
    if names[0] not in CONTEXT:
        raise _UnreadableError("state-path", text, ", ".join(f"$$.{name}" for name in CONTEXT))
    if len(names) > 1 and names[1] not in CONTEXT[names[0]]:
        raise _UnreadableError("state-path", text, ", ".join(f"$$.{names[0]}.{name}" for name in CONTEXT[names[0]]))
