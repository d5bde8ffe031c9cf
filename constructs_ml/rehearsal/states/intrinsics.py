"""Intrinsic functions, as the language has them: `States.Format('{} of {}', $.n, 2.5)`.

https://states-language.net/spec.html#appendix-b and
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringVariableSample
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.state_function_name_types import (
    StatesFunctionNameType,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.states_function_name import StatesFunctionName

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.errors import failure
from constructs_ml.rehearsal.states.functions import FUNCTIONS, Template
from constructs_ml.rehearsal.states.paths import extract

Json = Any
_TOKEN = re.compile(
    r"\s*(?:(?P<name>States\.[A-Za-z0-9]+)\s*\(|(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>true|false|null)\b|(?P<path>\$)|(?P<sign>[,)]))"
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Path:
    """A path into the state's input, or with `$$` into the context, or a variable."""

    text: str

    def value(self, env: Any) -> Json:
        if self.text.startswith("$$"):
            return extract(self.text[1:], env.states.context_object.context_object_data)
        if self.text[1:2].isalpha():
            StringVariableSample(query_language_mode=QueryLanguageMode.JSONPath, expression=self.text).eval(env)
            return env.stack.pop()
        return extract(self.text, env.stack[-1])


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of a function."""

    name: str
    arguments: tuple[Any, ...]

    def value(self, env: Any) -> Json:
        found = [item.value(env) if isinstance(item, Path | Invocation) else item for item in self.arguments]
        if self.name != "Format":
            found = [str(item) if isinstance(item, Template) else item for item in found]
        try:
            return FUNCTIONS[self.name](*found)
        except (TypeError, ValueError, LookupError) as error:
            text = f"States.{self.name} failed: {error}"
            raise failure(env, "States.IntrinsicFailure", text, "taskFailedEventDetails") from error


class Intrinsic(EvalComponent):  # type: ignore[misc]  # moto has no types
    """An invocation, as moto evaluates it."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.name = StatesFunctionName(getattr(StatesFunctionNameType, invocation.name))

    def _eval_body(self, env: Any) -> None:
        env.stack.append(self.invocation.value(env))


def hook_intrinsics(account: EmbeddedAccount) -> None:
    """Read and evaluate intrinsics here: moto's silently cuts texts with escapes, and reads no fractions."""
    owner = "moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser:IntrinsicParser"
    why = "escaped quotes, fractions and null are read, and what cannot be read is refused"
    account.hook(owner, "parse", staticmethod(_parse), why)


def _parse(source: str) -> tuple[Intrinsic, None]:
    """`source` is as it stands in the definition, its JSON escapes included."""
    return Intrinsic(invocation_of(json.loads(f'"{source}"'))), None


def invocation_of(text: str) -> Invocation:
    """What a text calls. Raises `ValueError` for one that is no invocation."""
    found, end = _argument(text, 0)
    if not isinstance(found, Invocation) or text[end:].strip():
        raise ValueError(f"{text!r} is no invocation of an intrinsic function")
    return found


def _argument(text: str, at: int) -> tuple[Any, int]:
    match = _TOKEN.match(text, at)
    if match is None or match["sign"]:
        raise ValueError(f"{text!r} cannot be read at {text[at : at + 20]!r}")
    if match["name"]:
        return _invocation(text, match["name"].removeprefix("States."), match.end())
    if match["path"]:
        start, end = match.start("path"), _end_of_path(text, match.start("path"))
        return Path(text[start:end].strip()), end
    if match["number"]:
        number = match["number"]
        return (int(number) if re.fullmatch(r"-?\d+", number) else float(number)), match.end()
    return (Template(match["text"][1:-1]) if match["text"] else _WORDS[match["word"]]), match.end()


def _invocation(text: str, name: str, at: int) -> tuple[Invocation, int]:
    if name not in FUNCTIONS:
        raise ValueError(f"there is no intrinsic function States.{name}")
    found: list[Any] = []
    closing = re.compile(r"\s*\)").match(text, at)
    while closing is None:
        argument, at = _argument(text, at)
        found.append(argument)
        closing, comma = re.compile(r"\s*\)").match(text, at), re.compile(r"\s*,").match(text, at)
        if closing is None and comma is None:
            raise ValueError(f"{text!r} lacks a comma or a parenthesis at {text[at : at + 20]!r}")
        at = at if comma is None else comma.end()
    return Invocation(name, tuple(found)), closing.end()


def _end_of_path(text: str, start: int) -> int:
    """Where a path ends: at a comma or parenthesis that stands in no brackets, parentheses or quotes of its own."""
    depth = 0
    for at, sign in _outside_quotes(text, start):
        if depth == 0 and sign in ",)":
            return at
        depth += (sign in "[(") - (sign in "])")
    raise ValueError(f"the path {text[start:]!r} does not end")


def _outside_quotes(text: str, start: int) -> Iterator[tuple[int, str]]:
    quote = ""
    for at in range(start, len(text)):
        sign = text[at]
        if quote:
            quote = "" if sign == quote and text[at - 1] != "\\" else quote
        elif sign in "'\"":
            quote = sign
        else:
            yield at, sign
