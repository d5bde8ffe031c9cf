"""Values of a spec as an engine's definition writes them, escaping included."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constructs_ml.compiler.template import Json, dumps
from constructs_ml.contract import names
from constructs_ml.facts import jumpstart
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.values import S3, Below, Input, Joined, Output, Reference, Result, Value


@dataclass(frozen=True, slots=True)
class Path:
    """Something that is known when the pipeline runs: a JSONPath of the States Language, or a `Get` of SageMaker's."""

    text: str


@dataclass(frozen=True, slots=True)
class Open:
    """A value that CloudFormation fills in at deployment: it stands as `${name}` in the definition."""

    name: str


Part = str | Path | Open
Text = tuple[Part, ...]


def key_of(name: str) -> str:
    """A step's or metric's name as a key that a path can name without brackets."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name)


@dataclass(slots=True)
class Expressions(ABC):
    """Renders the values of one pipeline and remembers what CloudFormation has to fill in.

    `opened` maps the names in the definition to CloudFormation values: the map of its `Fn::Sub`; `placed` says where
    outputs lie that were given a place.
    """

    model: str
    pipeline: str
    data_bucket: Json
    artifact_bucket: Json
    opened: dict[str, Json] = field(default_factory=dict)
    placed: dict[Output, S3 | Below] = field(default_factory=dict)

    @abstractmethod
    def run(self) -> Text:
        """What tells the outputs of this run, and of this item of it, from all others: a part of their prefix."""

    @abstractmethod
    def reference(self, value: Reference) -> Text:
        """What a reference holds when the pipeline runs, as text."""

    @abstractmethod
    def put(self, target: dict[str, Json], key: str, text: Text) -> None:
        """Set a member of a request to a text."""

    @abstractmethod
    def put_value(self, target: dict[str, Json], key: str, value: Value | Sequence[Value]) -> None:
        """Set a member that keeps its JSON type: a number stays a number, a list a list."""

    @abstractmethod
    def put_list(self, target: dict[str, Json], key: str, values: Sequence[Text]) -> None:
        """Set a member that is a list of texts."""

    def open(self, name: str, value: Json) -> Open:
        """Let CloudFormation fill in `value`; one name always stands for one value."""
        known = self.opened.setdefault(name, value)
        if known is not value and dumps(known) != dumps(value):
            raise AssertionError(f"{name} stands for two values in one definition")
        return Open(name)

    def output_uri(self, step: str, output: str) -> Text:
        """The S3 prefix of a step's output in the current run."""
        return self.text(Output(step, output))

    def output_key(self, step: str, output: str) -> Text:
        """The key part of `output_uri`."""
        before, after = names.output_prefix(self.model, self.pipeline, "\0", step, output).split("\0")
        return (before, *self.run(), after)

    def place(self, place: S3 | Output | Below) -> tuple[Part, Text]:
        """The bucket and the key of a place."""
        match place:
            case S3():
                return place.bucket or self.open("DataBucket", self.data_bucket), (place.key,)
            case Output() if place in self.placed:
                return self.place(self.placed[place])
            case Output(step, name):
                return self.open("ArtifactBucket", self.artifact_bucket), self.output_key(step, name)
            case Below():
                bucket, key = self.place(place.place)
                below = [part for value in place.parts for part in ("/", *self.text(value))]
                return bucket, joined((*_without_slash(key), *below))

    def text(self, value: Value | JumpStart) -> Text:
        """A value as text, whatever its type: what arguments, hyperparameters and locations are made of."""
        match value:
            case S3() | Output() | Below():
                bucket, key = self.place(value)
                return joined(("s3://", bucket, "/", *key))
            case JumpStart():
                bucket = jumpstart.bucket("\0", gated=value.gated).removesuffix("\0")
                return (f"s3://{bucket}", Open("AWS::Region"), f"/{value.artifact}")
            case Joined(parts):
                return joined(tuple(part for value in parts for part in self.text(value)))
            case bool():
                return ("true" if value else "false",)
            case int() | float() | str():
                return (str(value),)
            case Input() if value.type != "String":
                return ("", *self.reference(value))
            case Result():
                return ("", *self.reference(value))
            case _:
                return self.reference(value)

    def put_all(self, values: Mapping[str, Value]) -> dict[str, Json]:
        """A mapping of texts, such as an environment or hyperparameters."""
        rendered: dict[str, Json] = {}
        for key, value in values.items():
            self.put(rendered, key, self.text(value))
        return rendered


def is_dynamic(text: Text) -> bool:
    """Whether some part is known only when the pipeline runs."""
    return any(isinstance(part, Path) for part in text)


def literal(text: Text) -> str:
    """A text without paths, as it stands in a definition that goes through `Fn::Sub`."""
    return "".join(f"${{{part.name}}}" if isinstance(part, Open) else escape_sub(str(part)) for part in text)


def escape_sub(text: str) -> str:
    """Text that `Fn::Sub` leaves as it is."""
    return text.replace("${", "${!")


def joined(parts: Text) -> Text:
    """Neighbouring literals as one."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def _without_slash(text: Text) -> Text:
    """A place without the slash at its end."""
    *before, last = text
    return (*before, last.removesuffix("/")) if isinstance(last, str) else text
