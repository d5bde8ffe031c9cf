"""Values of a spec as the States Language writes them: literals, paths and intrinsics, escaping included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constructs_ml.compiler.template import Json, dumps
from constructs_ml.contract import names
from constructs_ml.spec.values import (
    S3,
    Execution,
    Input,
    JobName,
    ModelArtifact,
    Output,
    Reference,
    Result,
    Value,
)

_EXECUTION = {"name": "$$.Execution.Name", "id": "$$.Execution.Id", "start_time": "$$.Execution.StartTime"}


@dataclass(frozen=True, slots=True)
class Path:
    """A JSONPath into the run's data or its context object."""

    text: str


@dataclass(frozen=True, slots=True)
class Open:
    """A value that CloudFormation fills in at deployment: it stands as `${name}` in the definition."""

    name: str


# Inside the quotes of an intrinsic these need escapes that interpreters read differently.
_AWKWARD = frozenset("'{}\\")

Part = str | Path | Open
Text = tuple[Part, ...]


def key_of(name: str) -> str:
    """A step's or metric's name as a key that a path can name without brackets."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name)


def result_path(step: str, field_name: str = "") -> str:
    """Where a step leaves its results in the run's data."""
    return f"$.steps.{key_of(step)}" + (f".{field_name}" if field_name else "")


@dataclass(slots=True)
class Expressions:
    """Renders the values of one pipeline and remembers what CloudFormation has to fill in.

    `opened` maps the names in the definition to CloudFormation values: the map of its `Fn::Sub`. `texts` are
    literals that cannot stand inside an intrinsic; the run carries them in its data.
    """

    model: str
    pipeline: str
    data_bucket: Json
    artifact_bucket: Json
    opened: dict[str, Json] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def open(self, name: str, value: Json) -> Open:
        """Let CloudFormation fill in `value`; one name always stands for one value."""
        known = self.opened.setdefault(name, value)
        if dumps(known) != dumps(value):
            raise AssertionError(f"{name} stands for two values in one definition")
        return Open(name)

    def output_uri(self, step: str, output: str) -> Text:
        """The S3 prefix of a step's output in the current run."""
        bucket = self.open("ArtifactBucket", self.artifact_bucket)
        return ("s3://", bucket, "/", *self.output_key(step, output))

    def output_key(self, step: str, output: str) -> Text:
        """The key part of `output_uri`."""
        before, after = names.output_prefix(self.model, self.pipeline, "\0", step, output).split("\0")
        return (before, Path(_EXECUTION["name"]), after)

    def text(self, value: Value) -> Text:
        """A value as text, whatever its type: what arguments, hyperparameters and locations are made of."""
        match value:
            case S3():
                bucket: Part = value.bucket or self.open("DataBucket", self.data_bucket)
                return _joined(("s3://", bucket, f"/{value.key}"))
            case Output(step, name):
                return self.output_uri(step, name)
            case bool():
                return ("true" if value else "false",)
            case int() | float() | str():
                return (str(value),)
            case Input(type=kind) if kind != "String":
                return _formatted(path_of(value))
            case Result():
                return _formatted(path_of(value))
            case _:
                return (Path(path_of(value)),)

    def put(self, target: dict[str, Json], key: str, text: Text) -> None:
        """Set a member of a payload template: `key` for a literal, `key.$` for what is known at run time."""
        if any(isinstance(part, Path) for part in text):
            target[f"{key}.$"] = intrinsic(self._plain(text))
        else:
            target[key] = literal(text)

    def put_value(self, target: dict[str, Json], key: str, value: Value) -> None:
        """Set a member that keeps its JSON type: a number stays a number."""
        if isinstance(value, (bool, int, float)):
            target[key] = value
        elif isinstance(value, (Input, JobName, ModelArtifact, Result, Execution)):
            target[f"{key}.$"] = path_of(value)
        else:
            self.put(target, key, self.text(value))

    def put_list(self, target: dict[str, Json], key: str, values: Sequence[Text]) -> None:
        """Set a member that is a list of texts."""
        if any(isinstance(part, Path) for text in values for part in text):
            target[f"{key}.$"] = f"States.Array({', '.join(self._argument(text) for text in values)})"
        else:
            target[key] = [literal(text) for text in values]

    def put_all(self, values: Mapping[str, Value]) -> dict[str, Json]:
        """A mapping of texts, such as an environment or hyperparameters."""
        rendered: dict[str, Json] = {}
        for key, value in values.items():
            self.put(rendered, key, self.text(value))
        return rendered

    def _argument(self, text: Text) -> str:
        """A text as an argument of an intrinsic."""
        plain = self._plain(text)
        return intrinsic(plain) if any(isinstance(part, Path) for part in plain) else f"'{literal(plain)}'"

    def _plain(self, text: Text) -> Text:
        """The text with every literal that would need escaping replaced by its path in the run's data."""
        return tuple(self._carried(part) if isinstance(part, str) and _is_awkward(part) else part for part in text)

    def _carried(self, text: str) -> Path:
        known = {value: name for name, value in self.texts.items()}
        name = known.get(text) or f"t{len(self.texts) + 1}"
        self.texts[name] = text
        return Path(f"$.texts.{name}")


def path_of(reference: Reference | S3 | str) -> str:
    """Where a reference's value stands while the pipeline runs."""
    match reference:
        case Input(name):
            return f"$.inputs.{key_of(name)}"
        case ModelArtifact(step):
            return result_path(step, "model")
        case JobName(step):
            return result_path(step, "job")
        case Result(step, key):
            return result_path(step, key)
        case Execution(fact):
            return _EXECUTION[fact]
    raise AssertionError(f"{reference!r} has no path of its own")


def literal(text: Text) -> str:
    """A text without paths, as it stands in a definition that goes through `Fn::Sub`."""
    return "".join(f"${{{part.name}}}" if isinstance(part, Open) else escape_sub(str(part)) for part in text)


def intrinsic(text: Text) -> str:
    """A text of paths and plain literals: the path alone, or a States.Format."""
    paths = [part.text for part in text if isinstance(part, Path)]
    if len(text) == 1 and paths:
        return paths[0]
    template = "".join("{}" if isinstance(part, Path) else literal((part,)) for part in text)
    return f"States.Format('{template}', {', '.join(paths)})"


def escape_sub(text: str) -> str:
    """Text that `Fn::Sub` leaves as it is."""
    return text.replace("${", "${!")


def _is_awkward(text: str) -> bool:
    return bool(set(text) & _AWKWARD) or not text.isascii() or not text.isprintable()


def _formatted(path: str) -> Text:
    """A path whose value may be no text: the empty literal makes it go through States.Format."""
    return ("", Path(path))


def _joined(parts: Text) -> Text:
    """Neighbouring literals as one."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)
