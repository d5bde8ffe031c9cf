"""Values that are known only where or when a pipeline runs: S3 locations, inputs, and what steps leave behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_name

InputType = Literal["String", "Number", "Boolean"]

_ABSOLUTE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_PYTHON_TYPE: dict[InputType, tuple[type, ...]] = {"String": (str,), "Number": (int, float), "Boolean": (bool,)}


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


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a run is given, usable wherever a value is. Without a default every run must give it.

    >>> day = Input("day", default="1997-09-30")
    """

    name: str
    type: InputType = "String"
    default: str | float | bool | S3 | None = None

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


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """The S3 URI of the model.tar.gz that a training step left."""

    step: str


@dataclass(frozen=True, slots=True)
class JobName:
    """The name of the job that a step ran, once it has ended."""

    step: str


@dataclass(frozen=True, slots=True)
class Result:
    """One top-level key of what a LambdaTask's function returned."""

    step: str
    key: str


@dataclass(frozen=True, slots=True)
class Execution:
    """A fact about the run itself."""

    fact: Literal["name", "id", "start_time"]


StepReference = Output | ModelArtifact | JobName | Result
Reference = StepReference | Input | Execution
Location = S3 | Output | ModelArtifact | Input
"""Where data can be read from; an input holds an `s3://` URI."""
Value = str | int | float | bool | S3 | Output | ModelArtifact | JobName | Result | Input | Execution
"""What can be given to a job as an argument, a hyperparameter or an environment variable."""
