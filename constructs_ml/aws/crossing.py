"""The one place where compiled resources enter the CDK tree: as typed L1s, in one message."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from aws_cdk import CfnElement, CfnResource, Fn, Token
from aws_cdk.aws_s3_assets import Asset as S3Asset
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

from constructs_ml.aws.acknowledgements import accepted, acknowledge
from constructs_ml.aws.places import Place
from constructs_ml.compiler.archives import archive_of
from constructs_ml.compiler.template import Asset, AssetPart, Compiled, Json
from constructs_ml.facts import updates
from constructs_ml.spec.checks import logical_id

INCLUDE = "Resources"
_VEILED = "AWS::SageMaker::"


@dataclass(frozen=True, slots=True)
class Crossing:
    """The resources of one construct in the tree. L1s are fetched when touched, each once."""

    include: CfnInclude
    prefix: str
    assets: Mapping[str, Mapping[AssetPart, Json]]
    logical_ids: tuple[str, ...]
    _found: dict[str, CfnElement] = field(default_factory=dict)

    def l1(self, part: str) -> CfnResource:
        """The L1 of a part, such as `l1("State machine")`: typed, but for types whose tags are create-only."""
        key = logical_id(self.prefix, part)
        if key not in self.logical_ids:
            raise KeyError(f"{part!r} is no part of {self.prefix}; its logical ids are {', '.join(self.logical_ids)}")
        if key not in self._found:
            self._found[key] = self.include.get_resource(key)
        return cast("CfnResource", self._found[key])

    def ref(self, part: str) -> str:
        """The token of a part's `Ref`."""
        return self.l1(part).ref

    def att(self, part: str, attribute: str) -> str:
        """The token of a part's attribute."""
        return Token.as_string(self.l1(part).get_att(attribute))


class Resources:
    """The typed L1s of a construct by part; an unknown part raises `KeyError` with the known ones."""

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing

    def __getitem__(self, part: str) -> CfnResource:
        return self._crossing.l1(part)


def bring_in(place: Place, compiled: Compiled, slots: Mapping[str, Any] | None = None) -> Crossing:
    """Fill the slots, register the assets, and include the resources below the construct at `place`.

    Raises `SpecError` when another construct of the stack already has one of the logical ids, naming both.
    """
    place.record.claim(compiled, place.path)
    assets = {name: _register(place, name, asset) for name, asset in compiled.assets.items()}
    filled = compiled.template(slots or {}, assets)
    for key, resource in filled["Resources"].items():
        metadata = {"aws:cdk:path": f"{place.path}/{INCLUDE}/{key}", **accepted(compiled, key)}
        resource["Metadata"] = {**resource.get("Metadata", {}), **metadata}
    include = _include(place.scope, filled)
    acknowledge(include, compiled, slots or {}, assets)
    return Crossing(include, place.prefix, assets, tuple(compiled.resources))


def _include(scope: Construct, template: Json) -> CfnInclude:
    """CfnInclude reads a file; this one is gone when it has been read.

    Types whose tags are create-only come in without CDK's own type, so that no stack-wide tag reaches and replaces
    them: the include does not recognise a type that begins with a token, and makes a plain resource of it.
    """
    for resource in template["Resources"].values():
        if resource["Type"] in updates.with_create_only_tags():
            resource["Type"] = _veil() + resource["Type"].removeprefix(_VEILED)
    handle, name = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(template, file)
        return CfnInclude(scope, INCLUDE, template_file=name)
    finally:
        os.unlink(name)


@cache
def _veil() -> str:
    """A token for the beginning of SageMaker's types: one message a process."""
    return Fn.join("", ["AWS", _VEILED.removeprefix("AWS")])


def _register(place: Place, name: str, asset: Asset) -> Mapping[AssetPart, Json]:
    """Stage the asset's archive, once a stack, and learn where it will lie: three messages."""
    key = f"{asset.digest}.{asset.packaging}"
    if key not in place.record.assets:
        staged = S3Asset(place.scope, f"Code {name}", path=str(archive_of(asset)), asset_hash=asset.digest)
        bucket, object_key = staged.s3_bucket_name, staged.s3_object_key
        place.record.assets[key] = {
            "bucket": bucket,
            "key": object_key,
            "uri": f"s3://{bucket}/{object_key}",
            "file": object_key.rpartition("/")[2],
        }
    return place.record.assets[key]
