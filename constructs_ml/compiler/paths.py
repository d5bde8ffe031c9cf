"""Values as the States Language writes them: literals, JSONPaths and intrinsics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from constructs_ml.compiler.expressions import Expressions, Path, Text, is_dynamic, key_of, literal
from constructs_ml.compiler.template import Json
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.values import (
    S3,
    Below,
    Execution,
    Input,
    Item,
    JobName,
    Joined,
    ModelArtifact,
    Output,
    Reference,
    Result,
    TaskToken,
    Value,
)

EXECUTION = {"name": "$$.Execution.Name", "id": "$$.Execution.Id", "start_time": "$$.Execution.StartTime"}
# Inside the quotes of an intrinsic these need escapes that interpreters read differently.
_AWKWARD = frozenset("'{}\\")


def result_path(step: str, field_name: str = "") -> str:
    """Where a step leaves its results in the run's data, at the level where it runs."""
    return _below(f"$.steps.{key_of(step)}", field_name)


@dataclass(slots=True)
class StatesExpressions(Expressions):
    """The expressions of one level of a state machine.

    `texts` are literals that cannot stand inside an intrinsic, fractions among them; the run carries them in its data.
    `moved` says where the results of steps lie that ran inside a block, `execution` where the facts of the run stand,
    `item` whether the level is that of a ForEach.
    """

    texts: dict[str, str | float] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    execution: Mapping[str, str] = field(default_factory=lambda: EXECUTION)
    item: bool = False

    def inside(self, *, item: bool = False, execution: Mapping[str, str] | None = None) -> StatesExpressions:
        """The expressions of a level inside this one; what is opened or carried is shared."""
        return replace(self, moved=dict(self.moved), item=self.item or item, execution=execution or self.execution)

    def run(self) -> Text:
        return (Path("$.run" if self.item else self.execution["name"]),)

    def at(self, step: str, field_name: str = "") -> str:
        """Where the results of a step that has run are found at this level."""
        return _below(self.moved.get(step, result_path(step)), field_name)

    def path(self, reference: Reference | Metric) -> str:
        """Where a reference's value stands while the pipeline runs."""
        match reference:
            case Input(name):
                # A run is started with the names as they are declared, hyphens included.
                return f"$.inputs['{name}']" if "-" in name else f"$.inputs.{name}"
            case Metric(step, name):
                return self.at(step, f"metrics.{key_of(name)}")
            case ModelArtifact(step):
                return self.at(step, "model")
            case JobName(step):
                return self.at(step, "job")
            case Result(step, key):
                return self.at(step, key)
            case Execution(fact):
                return self.execution[fact]
            case Item(key):
                return _below("$.item", key or "")
            case TaskToken():
                return "$$.Task.Token"
        raise AssertionError(f"{reference!r} has no path of its own")

    def reference(self, value: Reference) -> Text:
        # An item's value may be no text: the empty literal makes it go through States.Format.
        return ("", Path(self.path(value))) if isinstance(value, Item) else (Path(self.path(value)),)

    def put(self, target: dict[str, Json], key: str, text: Text) -> None:
        if is_dynamic(text):
            target[f"{key}.$"] = intrinsic(self._plain(text))
        else:
            target[key] = literal(text)

    def put_value(self, target: dict[str, Json], key: str, value: Value | Sequence[Value]) -> None:
        match value:
            case bool() | int() | float():
                target[key] = value
            case Input() | JobName() | ModelArtifact() | Result() | Execution() | Item():
                target[f"{key}.$"] = self.path(value)
            case str() | S3() | Below() | Joined() | Output():
                self.put(target, key, self.text(value))
            case _:
                self._put_values(target, key, value)

    def put_list(self, target: dict[str, Json], key: str, values: Sequence[Text]) -> None:
        if any(is_dynamic(text) for text in values):
            target[f"{key}.$"] = f"States.Array({', '.join(self._argument(text) for text in values)})"
        else:
            target[key] = [literal(text) for text in values]

    def _put_values(self, target: dict[str, Json], key: str, values: Sequence[Value]) -> None:
        """A list whose items keep their types; an intrinsic holds the constants as JSON, texts in quotes."""
        rendered: list[dict[str, Json]] = []
        for value in values:
            rendered.append({})
            self.put_value(rendered[-1], "item", value)
        if all("item" in item for item in rendered):
            target[key] = [item["item"] for item in rendered]
            return
        arguments = []
        for value, item in zip(values, rendered, strict=True):
            if "item.$" in item:
                arguments.append(item["item.$"])
            else:
                arguments.append(self._constant(value, item["item"]))
        target[f"{key}.$"] = f"States.Array({', '.join(arguments)})"

    def _constant(self, value: Value, rendered: Json) -> str:
        """A constant as an argument that keeps its type."""
        match rendered:
            case str():
                return self._argument(self.text(value))
            case float():
                return self._carried(rendered).text
        return str(rendered).lower()

    def _argument(self, text: Text) -> str:
        """A text as an argument of an intrinsic."""
        plain = self._plain(text)
        return intrinsic(plain) if is_dynamic(plain) else f"'{literal(plain)}'"

    def _plain(self, text: Text) -> Text:
        """The text with every literal that would need escaping replaced by its path in the run's data."""
        return tuple(self._carried(part) if isinstance(part, str) and _is_awkward(part) else part for part in text)

    def _carried(self, value: str | float) -> Path:
        known = {value: name for name, value in self.texts.items()}
        name = known.get(value) or f"t{len(self.texts) + 1}"
        self.texts[name] = value
        return Path(f"$.texts.{name}")


def intrinsic(text: Text) -> str:
    """A text of paths and plain literals: the path alone, or a States.Format."""
    paths = [part.text for part in text if isinstance(part, Path)]
    if len(text) == 1 and paths:
        return paths[0]
    template = "".join("{}" if isinstance(part, Path) else literal((part,)) for part in text)
    return f"States.Format('{template}', {', '.join(paths)})"


def _below(path: str, field_name: str) -> str:
    return f"{path}.{field_name}" if field_name else path


def _is_awkward(text: str) -> bool:
    # Before the {} of a States.Format, a $ would begin a variable of Fn::Sub.
    return bool(set(text) & _AWKWARD) or text.endswith("$") or not text.isascii() or not text.isprintable()
