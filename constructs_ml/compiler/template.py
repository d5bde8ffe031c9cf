"""What a compiler makes: CloudFormation resources as plain data, the assets they need, the slots left open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from constructs_ml.contract.names import PRODUCT
from constructs_ml.facts import regions, services
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.checks import logical_id

Json = Any
"""A JSON value: what CloudFormation reads, plus `{"Slot": ...}` and `{"Asset": ...}` where something is open."""

Packaging = Literal["tar.gz", "zip"]
AssetPart = Literal["bucket", "key", "uri", "file"]


@dataclass(frozen=True, slots=True)
class Asset:
    """Code that travels: `source` is a file or a folder, `digest` names its content.

    `packaging` is "tar.gz" for jobs (the form that SageMaker's containers unpack) and "zip" for functions;
    `extra` are further folders in the archive, each with the name it has there.
    """

    source: str
    digest: str
    packaging: Packaging
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A finding of a checker that is accepted, and why.

    `rule` is the checker's id ("AwsSolutions-IAM5"); `kind` and `subject` are the finding's detail, such as
    "Resource" and the resource as it stands in the template, or None where the rule has no detail.
    """

    resource: str
    rule: str
    kind: str | None
    subject: Json
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a reader should know and that stops nothing; constructs show it as a warning of this id."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A spec rendered for one account: everything but the slots is final.

    `resources` maps logical ids to CloudFormation resources; `mappings` holds the `Mappings` section;
    `required` are the policy statements that roles given by the user need; `notices` what a reader should know.
    """

    resources: Mapping[str, Json]
    mappings: Mapping[str, Json] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)
    acknowledgements: tuple[Acknowledgement, ...] = ()
    required: tuple[Json, ...] = ()
    notices: tuple[Notice, ...] = ()

    def template(self, slots: Mapping[str, Json], assets: Mapping[str, Mapping[AssetPart, Json]]) -> dict[str, Json]:
        """The CloudFormation template with every slot and asset filled. KeyError names what is missing."""
        sections = {"Resources": self.resources} | ({"Mappings": self.mappings} if self.mappings else {})
        filled: dict[str, Json] = fill(sections, slots, assets)
        return filled


def check_types(template: Template, account: Account, where: str) -> None:
    """Raise an `AccountError` that names every resource whose type the account's region is known to lack."""
    faults = Faults()
    types = sorted({resource["Type"] for resource in template.resources.values()}) if account.region else []
    for type in types:
        if not services.has_type(account.region or "", type):
            near = [region for region in regions.siblings(account.region or "") if services.has_type(region, type)]
            faults.add(
                "type-region",
                where=f"{account.where or f'account {account.stage!r}'}: {where}",
                got=account.region,
                allowed=near or "a region of another partition",
                type=type,
            )
    faults.raise_if_any()


def ref(logical_id: str) -> Json:
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str) -> Json:
    return {"Fn::GetAtt": [logical_id, attribute]}


def slot(name: str) -> Json:
    """A place that the construct fills with a token and the review with a literal."""
    return {"Slot": name}


def asset(name: str, part: AssetPart) -> Json:
    """Where an asset lies: its bucket, its key, its S3 URI, or the file name at the end of the key."""
    return {"Asset": [name, part]}


def sub(text: str, **values: Json) -> Json:
    """`Fn::Sub`. Values always go through its map, so that a token never stands inside the text."""
    return {"Fn::Sub": [text, values]} if values else {"Fn::Sub": text}


def fill(value: Json, slots: Mapping[str, Json], assets: Mapping[str, Mapping[AssetPart, Json]]) -> Json:
    """Replace every slot and asset below `value`."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            if "Slot" in value:
                return slots[value["Slot"]]
            if "Asset" in value:
                name, part = value["Asset"]
                return assets[name][part]
        return {key: fill(item, slots, assets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, slots, assets) for item in value]
    return value


_ENCODE = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def dumps(value: Json) -> str:
    """The one way this library writes JSON that is compared: stable order, no spaces."""
    return _ENCODE(value)


@dataclass(slots=True)
class Template:
    """Collects the resources of one construct; logical ids begin with the construct's id."""

    prefix: str
    resources: dict[str, Json] = field(default_factory=dict)
    mappings: dict[str, Json] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    required: list[Json] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def id(self, part: str) -> str:
        """The logical id of a part: words of any spelling become one CamelCase word."""
        return logical_id(self.prefix, part)

    def add(
        self,
        part: str,
        type: str,
        properties: Mapping[str, Json],
        *,
        depends_on: Sequence[str] = (),
        retain: bool = False,
        metadata: Mapping[str, Json] | None = None,
    ) -> str:
        """Add a resource and return its logical id. A null anywhere is refused: an include would drop it."""
        key = self.id(part)
        if key in self.resources:
            raise AssertionError(f"the compiler rendered {key} twice")
        resource: dict[str, Json] = {"Type": type, "Properties": dict(properties)}
        if depends_on:
            resource["DependsOn"] = sorted(depends_on)
        if retain:
            resource |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
        if metadata:
            resource["Metadata"] = dict(metadata)
        for path in _nulls(resource):
            raise AssertionError(f"the compiler left a null at {key}.{path}")
        self.resources[key] = resource
        return key

    def acknowledge(self, resource: str, rule: str, kind: str | None, subject: Json, reason: str) -> None:
        """Accept one finding on one resource, for a reason that a reviewer can judge."""
        self.acknowledgements.append(Acknowledgement(resource, rule, kind, subject, reason))

    def notice(self, id: str, text: str) -> None:
        """Say something that a reader should know."""
        self.notices.append(Notice(f"{PRODUCT}:{id}", text))

    def compiled(self) -> Compiled:
        return Compiled(
            self.resources,
            self.mappings,
            self.assets,
            tuple(self.acknowledgements),
            tuple(self.required),
            tuple(self.notices),
        )


def tag_list(tags: Mapping[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _nulls(value: Json, path: str = "") -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nulls(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{path}[{index}]")
