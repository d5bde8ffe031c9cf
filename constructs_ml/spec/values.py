"""Values that are known only where or when a pipeline runs: S3 locations, inputs, and what steps leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_name
from constructs_ml.spec.jumpstart import JumpStart

InputType = Literal["String", "Number", "Boolean", "List"]

_ABSOLUTE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_PART = re.compile(r"[^$*?{}/]([^$*?{}]*[^$*?{}/])?")
_PYTHON_TYPE: dict[InputType, tuple[type, ...]] = {
    "String": (str,),
    "Number": (int, float),
    "Boolean": (bool,),
    "List": (tuple, list),
}


@dataclass(frozen=True, slots=True)
class S3:
    """A place in S3: a prefix in the platform's data bucket (`S3("raw/")`) or a whole URI (`S3("s3://b/raw/")`)."""

    location: str

    def __post_init__(self) -> None:
        text = self.location
        whole = isinstance(text, str) and (_ABSOLUTE.fullmatch(text) if "://" in text else not text.startswith("/"))
        odd = isinstance(text, str) and set(text) & set("$*?{}")
        if not text or not whole or odd or "//" in text.removeprefix("s3://") or ".." in text.split("/"):
            raise refuse(
                "s3-location",
                where=f"S3({text!r})",
                got=repr(text),
                allowed="a prefix such as 'raw/', or 's3://bucket/prefix', without $ * ? { }",
            )

    @property
    def is_absolute(self) -> bool:
        return "://" in self.location

    @property
    def bucket(self) -> str | None:
        """The bucket of a whole URI, None for a place in the platform's data bucket."""
        return self.location.split("/")[2] if self.is_absolute else None

    @property
    def key(self) -> str:
        """The key or prefix within the bucket."""
        return "/".join(self.location.split("/")[3:]) if self.is_absolute else self.location

    def __truediv__(self, part: Value) -> Below:
        """A place below this one: `S3("raw/") / day / "part.csv"`."""
        return Below(self, (part,))


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a run is given, usable wherever a value is. Without a default every run must give it.

    A `List` holds items of any JSON type, for a ForEach.

    >>> day = Input("day", default="1997-09-30")
    """

    name: str
    type: InputType = "String"
    default: str | float | bool | S3 | tuple[object, ...] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        where = f"Input({self.name!r})"
        check_name("input", self.name, where)
        if self.type not in _PYTHON_TYPE:
            raise refuse("input-type", where=where, got=repr(self.type), allowed=tuple(_PYTHON_TYPE))
        if self.default is not None and not fits(self.default, self.type):
            raise refuse("input-default", where=where, got=repr(self.default), allowed=f"a {self.type}", name=self.name)

    @property
    def required(self) -> bool:
        return self.default is None


def fits(value: object, type: InputType) -> bool:
    """Whether a constant can be given for an input of this type; an S3 location is a String."""
    if isinstance(value, bool):
        return type == "Boolean"
    if isinstance(value, S3):
        return type == "String"
    return isinstance(value, _PYTHON_TYPE[type])


@dataclass(frozen=True, slots=True)
class Output:
    """The S3 prefix that a processing step's output was uploaded to in this run; ends in a slash."""

    step: str
    name: str

    def __truediv__(self, part: Value) -> Below:
        """A place below this one: `prepare.output("train") / "part.csv"`."""
        return Below(self, (part,))


@dataclass(frozen=True, slots=True)
class Below:
    """A place below another one, such as `S3("raw/") / day`: parts are joined by slashes."""

    place: S3 | Output
    parts: tuple[Value, ...]

    def __post_init__(self) -> None:
        last = self.parts[-1]
        odd = isinstance(last, str) and (not _PART.fullmatch(last) or ".." in last.split("/") or "//" in last)
        if odd or not isinstance(last, VALUES) or isinstance(last, (S3, Output, Below)):
            allowed = "a value, or text without $ * ? { } and without a slash at its ends"
            raise refuse("s3-location", where=f"{self.place} / ...", got=repr(last), allowed=allowed)

    def __truediv__(self, part: Value) -> Below:
        return Below(self.place, (*self.parts, part))


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts and values as one text; `join` makes it."""

    parts: tuple[Value, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            if not isinstance(part, VALUES):
                names = tuple(kind.__name__ for kind in VALUES)
                raise refuse("kind", where="join(...)", got=repr(part), allowed=names, field="a part")
        if not self.parts:
            raise refuse("empty", thing="the text", where="join()", got="no parts", allowed="texts and values")


def join(*parts: Value) -> Joined:
    """One text out of texts and values, usable wherever a value is.

    >>> join("churn-", Input("day"))
    Joined(parts=('churn-', Input(name='day', type='String', default=None)))
    """
    return Joined(parts)


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """The S3 URI of the model.tar.gz that a step trained or found."""

    step: str


@dataclass(frozen=True, slots=True)
class JobName:
    """The name of the job that a step ran, once it has ended."""

    step: str


@dataclass(frozen=True, slots=True)
class Result:
    """One named result of a step: a key of a function's answer, an output of a gate, a field of a call's answer."""

    step: str
    key: str


@dataclass(frozen=True, slots=True)
class Item:
    """What a ForEach works on at the moment: one key of the item, or the item itself. Only for steps inside it."""

    key: str | None = None

    def __post_init__(self) -> None:
        if self.key is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.key):
            allowed = "letters, digits and _"
            raise refuse("result-key", where=f"Item({self.key!r})", got=repr(self.key), allowed=allowed)


@dataclass(frozen=True, slots=True)
class Execution:
    """A fact about the run itself."""

    fact: Literal["name", "id", "start_time"]

    def __post_init__(self) -> None:
        known = ("name", "id", "start_time")
        if self.fact not in known:
            raise refuse("kind", where="Execution", got=repr(self.fact), allowed=known, field="the fact")


@dataclass(frozen=True, slots=True)
class TaskToken:
    """The token by which somebody answers a CallService that waits for it; only in the parameters of such a step."""


StepReference = Output | ModelArtifact | JobName | Result
Reference = StepReference | Input | Execution | Item | TaskToken
Location = S3 | Below | Output | ModelArtifact | Input | Result | Item | JumpStart
"""Where data can be read from; inputs, results and items hold an `s3://` URI."""
Value = (
    str
    | int
    | float
    | bool
    | S3
    | Below
    | Joined
    | Output
    | ModelArtifact
    | JobName
    | Result
    | Input
    | Execution
    | Item
)
"""What can be given to a job as an argument, a hyperparameter or an environment variable."""
VALUES = (str, int, float, S3, Below, Joined, Output, ModelArtifact, JobName, Result, Input, Execution, Item)


def parts_of(value: Below | Joined) -> Iterator[Value]:
    """The values that a composed value is made of, its place included."""
    if isinstance(value, Below):
        yield value.place
    yield from value.parts
