"""ExportedPipeline: a definition that `sagemaker`'s own SDK wrote, deployed as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from constructs_ml.contract import names
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import check_kind, check_name, check_tags, check_tuple, check_whole, frozen
from constructs_ml.spec.exported_structure import check_structure
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Image, Sklearn, XGBoost
from constructs_ml.spec.steps.flow import Permission
from constructs_ml.spec.values import S3

Replacement = str | S3 | Image | Sklearn | XGBoost

# AWS::SageMaker::Pipeline, CloudFormation's schema.
_LONGEST = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedPipeline:
    """A definition of SageMaker Pipelines (schema 2020-12-01), as `Pipeline.definition()` of the SDK gives it.

    `definition` is a file, the JSON text or the object; it is kept as text. `replace` says what stands for a
    literal of the export, wherever it occurs: text, in which `${AWS::AccountId}`, `${AWS::Region}`,
    `${AWS::Partition}` and `${AWS::URLSuffix}` differ by account; a place in S3; an image. `parallel` bounds the
    steps that run at once. `permissions` are what the pipeline's role needs beyond what its steps tell. Raises
    `SpecError` with every fault of the definition, each with its path.

    >>> from constructs_ml import ExportedPipeline
    >>> fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    >>> spec = ExportedPipeline(name="training", model="churn", owner="growth",
    ...                         definition={"Version": "2020-12-01", "Parameters": [], "Steps": [fail]})
    >>> spec.document["Steps"][0]["Name"]
    'Stop'
    """

    name: str
    model: str
    owner: str
    definition: str | PurePath | Mapping[str, object]
    replace: Mapping[str, Replacement] = field(default_factory=dict)
    permissions: tuple[Permission, ...] = ()
    parallel: int | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"pipeline {self.name!r}"
        check_fields(self, where)
        check_name("pipeline", self.name, where, longest=names.PIPELINE_LENGTH)
        check_name("model", self.model, where, longest=names.MODEL_LENGTH)
        check_tuple("permissions", self.permissions, where, Permission)
        check_tags(self.tags, where)
        if self.parallel is not None:
            check_whole("parallel", self.parallel, where, 1, 1_000_000)
        text = _read(self.definition, where)
        document = _parsed(text, where)
        faults = Faults()
        check_structure(document, where, faults)
        faults.raise_if_any()
        self._check_replacements(text, where)
        object.__setattr__(self, "definition", text)
        object.__setattr__(self, "replace", frozen(self.replace))
        object.__setattr__(self, "tags", frozen(self.tags))

    def _check_replacements(self, text: str, where: str) -> None:
        if len(text.encode()) > _LONGEST:
            raise refuse(
                "number-range",
                quantity="the length of the definition",
                where=where,
                got=len(text.encode()),
                allowed=f"at most {_LONGEST} bytes",
            )
        everything = tuple(strings_in(json.loads(text)))
        for literal, value in self.replace.items():
            check_kind("replace", value, where, str, S3, Image, Sklearn, XGBoost)
            if not literal or not any(literal in item for item in everything):
                allowed = "a text that the export contains"
                raise refuse("export-literal", where=where, got=repr(literal), allowed=allowed)
            if isinstance(value, str) and set(_openings(value)) - _PSEUDO:
                raise refuse("export-opening", where=where, got=repr(value), allowed=tuple(sorted(_PSEUDO)))

    @property
    def document(self) -> Any:
        """The definition as an object of its own, which may be changed."""
        return json.loads(str(self.definition))


_PSEUDO = {"AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::URLSuffix"}


def strings_in(value: Any) -> list[str]:
    """Every text of a JSON value, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings_in(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item)]
    return []


def _openings(text: str) -> list[str]:
    """The names between `${` and `}`."""
    return [part.partition("}")[0] for part in text.split("${")[1:]]


def _read(definition: object, where: str) -> str:
    """The JSON text: a text that begins with a brace is the definition itself, any other one the name of a file."""
    if isinstance(definition, Mapping):
        try:
            return json.dumps(definition, default=_plain)
        except TypeError as error:
            raise refuse("export-json", where=where, got=str(error), allowed="JSON values alone") from None
    check_kind("definition", definition, where, str, PurePath, Mapping)
    if isinstance(definition, str) and definition.lstrip().startswith("{"):
        return definition
    try:
        return Path(str(definition)).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("export-json", where=where, got=f"{definition}: {error}", allowed="a file of JSON") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is no JSON value")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise refuse("export-json", where=where, got=str(error), allowed="a JSON object") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
