"""A template: its sections, what each resource declares, and whether every name in it exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.document import read
from constructs_ml.rehearsal.cloudformation.references import Reference, references

_SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Transform",
    "Resources",
    "Outputs",
    "Hooks",
)
_OF_RESOURCE = (
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Version",
)
_DELETION = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
PSEUDO = (
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
)
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource as its template declares it, before anything is resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Json]
    depends_on: tuple[str, ...] = ()
    condition: str = ""
    metadata: Json = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose names all exist. Make it with `parsed`."""

    text: str
    parameters: Mapping[str, Mapping[str, Json]]
    mappings: Mapping[str, Json]
    conditions: Mapping[str, Json]
    rules: Mapping[str, Json]
    resources: Mapping[str, Declared]
    outputs: Mapping[str, Mapping[str, Json]]
    transforms: tuple[str, ...] = ()
    description: str = ""
    metadata: Json = field(default=None)

    @property
    def extended(self) -> bool:
        """Whether the language extensions are on: `Fn::ToJsonString`, `Fn::Length`, a default of `Fn::FindInMap`."""
        return LANGUAGE_EXTENSIONS in self.transforms


def parsed(text: str) -> Template:
    """The template of a text, or a `ServiceError` as CloudFormation words it."""
    found = read(text)
    for section in found:
        if section not in _SECTIONS:
            raise _wrong(f"Invalid template property or properties [{section}]")
    if not isinstance(found.get("Resources"), dict) or not found["Resources"]:
        raise _wrong("Template format error: At least one Resources member must be defined.")
    transforms = _listed(found.get("Transform"))
    for name in transforms:
        if name != LANGUAGE_EXTENSIONS:
            raise _wrong(f"the rehearsal expands no transform {name}: hand in the template that it makes")
    template = Template(
        text=text,
        parameters=found.get("Parameters") or {},
        mappings=found.get("Mappings") or {},
        conditions=found.get("Conditions") or {},
        rules=found.get("Rules") or {},
        resources={name: _declared(name, given) for name, given in found["Resources"].items()},
        outputs=found.get("Outputs") or {},
        transforms=transforms,
        description=str(found.get("Description", "")),
        metadata=found.get("Metadata"),
    )
    _check_names(template)
    return template


def _declared(name: str, given: Any) -> Declared:
    if name.startswith("Fn::ForEach"):
        raise _wrong(f"the rehearsal does not unroll {name}: hand in the template without loops")
    if not name.isalnum():
        raise _wrong(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(given, dict) or not isinstance(given.get("Type"), str):
        raise _wrong(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    for key in given:
        if key not in _OF_RESOURCE:
            raise _wrong(f"Invalid template resource property '{key}' in resource {name}")
    for key in ("CreationPolicy", "UpdatePolicy"):
        if given.get(key):
            raise _wrong(f"the rehearsal knows no {key} ({name}): it is for instances, fleets and aliases")
    policies = [given.get(key) or "Delete" for key in ("DeletionPolicy", "UpdateReplacePolicy")]
    for policy in policies:
        if policy not in _DELETION:
            raise _wrong(
                f"Template error: DeletionPolicy or UpdateReplacePolicy {policy!r} of {name}; one of {_DELETION}"
            )
    return Declared(
        logical_id=name,
        type=given["Type"],
        properties=given.get("Properties") or {},
        depends_on=_listed(given.get("DependsOn")),
        condition=given.get("Condition") or "",
        metadata=given.get("Metadata"),
        deletion_policy=policies[0],
        update_replace_policy=policies[1],
    )


def _listed(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _check_names(template: Template) -> None:
    """Whatever is referred to exists: named all at once, before anything is created."""
    known = {*template.parameters, *template.resources, *PSEUDO}
    undefined = [name for place in template.resources.values() for name in place.depends_on if name not in known]
    for place in template.resources.values():
        undefined += _undefined(place.properties, template, known)
        if place.condition and place.condition not in template.conditions:
            raise _wrong(
                f"Template format error: Unresolved condition {place.condition} of resource {place.logical_id}"
            )
    _refuse(undefined, "Resources")
    _refuse(_undefined(template.outputs, template, known), "Outputs")


def _undefined(value: Json, template: Template, known: set[str]) -> Iterator[str]:
    for found in references(value):
        if found.attribute:
            if found.name not in template.resources:
                raise _wrong(_no_such(found))
        elif found.name not in known:
            yield found.name


def _no_such(found: Reference) -> str:
    return f"Template error: instance of {found.function} references undefined resource {found.name}"


def _refuse(names: Iterator[str] | list[str], section: str) -> None:
    missing = sorted(set(names))
    if missing:
        text = f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the {section} block"
        raise _wrong(f"{text} of the template")


def _wrong(text: str) -> ServiceError:
    return ServiceError("ValidationError", text)
