"""One object of the SDK while it is read: what it says, what was taken over, and what is left that nobody took."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import takewhile
from operator import truediv
from typing import Any

from constructs_ml.faults import Faults, SpecError, refuse
from constructs_ml.spec.sdk.attributes import attributes_of, expression_of, input_of, inside, is_join, request_of, shown
from constructs_ml.spec.values import (
    S3,
    Below,
    Execution,
    Input,
    Item,
    Joined,
    Location,
    ModelArtifact,
    Output,
    Result,
    Value,
)

_EXECUTION: dict[str, Execution] = {
    "Execution.PipelineExecutionId": Execution("name"),
    "Execution.PipelineExecutionArn": Execution("id"),
    "Execution.StartDateTime": Execution("start_time"),
}
# Where to say what an object of the SDK cannot say for a step.
_INSTEAD = {
    "tags": "PipelineSpec(tags=...)",
    "volume_kms_key_id": "the key of the account",
    "volume_kms_key": "the key of the account",
    "output_kms_key": "the key of the account",
    "kms_key_id": "the key of the account",
    "algorithm_name": "image=...",
    "autotune": "a range for whatever is searched",
}


@dataclass(slots=True)
class Reader:
    """What all parts of one object share: where faults are, what stands for placeholders, what is left behind."""

    where: str
    values: Mapping[str, Value]
    without: frozenset[str]
    faults: Faults = field(default_factory=Faults)
    left: set[str] = field(default_factory=set)

    def part(self, thing: object, path: str = "") -> Part:
        """An object as its attributes that are set."""
        return Part(self, path, dict(attributes_of(thing)))

    def require(self, thing: object, kind: str, *attributes: str) -> None:
        """Refuse an object that is not of the kind that these attributes tell."""
        missing = [name for name in attributes if not hasattr(thing, name)]
        if missing:
            allowed = f"a {kind} of sagemaker 3, which has {', '.join(attributes)}"
            raise refuse("sdk-object", where=self.where, got=type(thing).__name__, allowed=allowed, kind=kind)

    def caught(self, build: Callable[[], Any]) -> Any:
        """What `build` makes; None where it is refused, and its faults are kept."""
        try:
            return build()
        except SpecError as refused:
            self.faults.found.extend(refused.faults)
            return None

    def refuse(self, path: str, value: object, allowed: str = "") -> None:
        """Refuse an attribute by its name, unless the caller said to leave it behind."""
        if path in self.without:
            self.left.add(path)
            return
        hint = f"{allowed}, or " if allowed else ""
        self.faults.add(
            "sdk-attribute",
            where=self.where,
            got=f"{path}={shown(value)}",
            allowed=f'{hint}without=("{path}",) to leave it behind',
            name=path,
        )

    def finish(self) -> None:
        """Raise every fault; a name in `without` that stands for nothing is one too."""
        for name in sorted(self.without - self.left):
            self.faults.add("sdk-without", where=self.where, got=repr(name), allowed="names that the faults give")
        self.faults.raise_if_any()


@dataclass(slots=True)
class Part:
    """The attributes of one object that are set. Whatever is not taken when it is closed is refused by name."""

    reader: Reader
    path: str
    said: dict[str, Any]

    def name(self, attribute: str) -> str:
        return f"{self.path}.{attribute}" if self.path else attribute

    def take(self, attribute: str, default: Any = None) -> Any:
        """An attribute that must be known now; a placeholder is refused."""
        value = self.said.pop(attribute, default)
        if expression_of(value) is not None:
            self.reader.refuse(self.name(attribute), value, "a constant")
            return default
        return value

    def convert(self, value: Any, path: str) -> Any:
        """A constant as text that the SDK would send, a placeholder as the value that stands for it."""
        if expression_of(value) is not None:
            return self._placeholder(value, path)
        if isinstance(value, (str, int, float)):
            return value
        for place, item in inside(value, path):
            self.reader.refuse(place, item, "a value of its own")
        return json.dumps(value, default=str)

    def location(self, value: Any, path: str) -> Location | None:
        """Where data lies: an S3 URI, or a placeholder for one."""
        if is_join(value) and value.on == "/":
            return self._below(value, path)
        found = self._placeholder(value, path) if expression_of(value) is not None else value
        if isinstance(found, (S3, Below, Output, ModelArtifact, Input, Result, Item)):
            return found
        if isinstance(found, str) and found.startswith("s3://"):
            return self.reader.caught(lambda: S3(found))  # type: ignore[no-any-return]
        if found is not None:
            self.reader.refuse(path, value, "an s3:// URI: nothing is uploaded when a pipeline is declared")
        return None

    def part(self, attribute: str) -> Part:
        """An attribute that is an object itself; without it a part that says nothing."""
        return self.reader.part(self.take(attribute), self.name(attribute))

    def parts(self, attribute: str) -> Iterator[tuple[Part, Any]]:
        """The objects of a list, each with the object itself."""
        for index, item in enumerate(self.take(attribute) or ()):
            yield self.reader.part(item, f"{self.name(attribute)}[{index}]"), item

    def leave(self, *attributes: str) -> None:
        """Attributes that a pipeline decides itself; docs/from-the-sagemaker-sdk.md says why for each."""
        for attribute in attributes:
            self.said.pop(attribute, None)

    def as_request(self, attribute: str) -> Any:
        """An attribute as AWS's API writes it, for `raw`."""
        value = self.said.pop(attribute, None)
        for place, item in inside(value, self.name(attribute)):
            self.reader.refuse(place, item, "a constant")
        return request_of(value)

    def expect(self, attribute: str, *plain: Any, allowed: str = "") -> None:
        """An attribute that is taken over only where it says what a step does anyway."""
        value = self.said.pop(attribute, None)
        if value is not None and value not in plain:
            self.reader.refuse(self.name(attribute), value, allowed)

    def close(self) -> None:
        """Refuse what is left."""
        for attribute, value in self.said.items():
            if value is not False:
                self.reader.refuse(self.name(attribute), value, _INSTEAD.get(attribute, ""))
        self.said = {}

    def _below(self, join: Any, path: str) -> Location | None:
        """A joined location: a constant bucket, or a place that stands for a placeholder, and what follows."""
        parts = self._parts(join, path)
        leading = list(takewhile(lambda part: isinstance(part, str), parts))
        place: Any = parts[0] if parts and isinstance(parts[0], (S3, Output)) else None
        rest = parts[1:] if place else parts[len(leading) :]
        if place is None and "/".join(leading).startswith("s3://"):
            place = self.reader.caught(lambda: S3("/".join(leading).rstrip("/") + "/"))
        elif place is None and None not in parts:
            self.reader.refuse(path, join, "an s3:// URI whose bucket is a constant")
        if place is None or None in rest:
            return None
        return self.reader.caught(lambda: reduce(truediv, rest, place))  # type: ignore[no-any-return]

    def _parts(self, join: Any, path: str) -> list[Any]:
        return [self.convert(part, f"{path}[{index}]") for index, part in enumerate(join.values)]

    def _joined(self, parts: list[Any], on: str) -> Joined | None:
        if None in parts:
            return None
        between = [item for part in parts for item in (on, part)][1:]
        said = tuple(item for item in between if item != "")
        return self.reader.caught(lambda: Joined(said))  # type: ignore[no-any-return]

    def _placeholder(self, placeholder: Any, path: str) -> Any:
        if is_join(placeholder):
            return self._joined(self._parts(placeholder, path), placeholder.on)
        expression = expression_of(placeholder)
        get = expression.get("Get") if isinstance(expression, Mapping) else None
        known: Any = {**_EXECUTION, **self.reader.values}.get(str(get))
        if known is None and isinstance(get, str) and get.startswith("Parameters."):
            known = input_of(placeholder)
        if known is None:
            wanted = get or json.dumps(expression)
            allowed = f"values={{{wanted!r}: ...}} with an input or a step's output" if get else "a placeholder alone"
            self.reader.faults.add(
                "sdk-placeholder",
                where=f"{self.reader.where}, {path}",
                got=wanted,
                allowed=allowed,
                name=str(wanted),
            )
        return known
