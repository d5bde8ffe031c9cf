"""The one place where compiled resources enter the CDK tree: as typed L1s, in one message."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from aws_cdk import CfnElement, CfnResource, FileAssetPackaging, Stack, Stage, Token
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

from constructs_ml.aws.acknowledgements import accepted, acknowledge
from constructs_ml.aws.archives import write_archive
from constructs_ml.compiler.template import Asset, AssetPart, Compiled, Json, logical_id
from constructs_ml.faults import refuse

INCLUDE = "Resources"


@dataclass(slots=True)
class _StackRecord:
    """What was brought into one stack: who owns each logical id, and where each asset lies."""

    folder: Path | None = None
    owners: dict[str, str] = field(default_factory=dict)
    assets: dict[str, Mapping[AssetPart, Json]] = field(default_factory=dict)
    synthesizer: Any = None


_STACKS: WeakKeyDictionary[Stack, _StackRecord] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Crossing:
    """The resources of one construct in the tree. L1s are fetched when touched, each once."""

    include: CfnInclude
    prefix: str
    assets: Mapping[str, Mapping[AssetPart, Json]]
    logical_ids: tuple[str, ...]
    _found: dict[str, CfnElement] = field(default_factory=dict)

    def l1(self, part: str) -> CfnResource:
        """The typed L1 of a part, such as `l1("State machine")`."""
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


def prefix_of(scope: Construct) -> str:
    """The beginning of a construct's logical ids: its path below its stack, in CamelCase."""
    path, stack_path = scope.node.path, Stack.of(scope).node.path
    return logical_id(path.removeprefix(stack_path).replace("/", " "))


def bring_in(scope: Construct, compiled: Compiled, prefix: str, slots: Mapping[str, Any] | None = None) -> Crossing:
    """Fill the slots, register the assets, and include the resources below `scope`.

    Raises `SpecError` when another construct of the stack already has one of the logical ids, naming both.
    """
    stack = Stack.of(scope)
    record = _STACKS.setdefault(stack, _StackRecord())
    path = scope.node.path
    _claim(record, compiled, path)
    assets = {name: _register(stack, record, asset) for name, asset in compiled.assets.items()}
    filled = compiled.template(slots or {}, assets)
    for key, resource in filled["Resources"].items():
        metadata = {"aws:cdk:path": f"{path}/{INCLUDE}/{key}", **accepted(compiled, key)}
        resource["Metadata"] = {**resource.get("Metadata", {}), **metadata}
    include = _include(scope, filled)
    acknowledge(include, stack, compiled, slots or {}, assets)
    return Crossing(include, prefix, assets, tuple(compiled.resources))


def _include(scope: Construct, template: Json) -> CfnInclude:
    """CfnInclude reads a file; this one is gone when it has been read."""
    handle, name = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(template, file)
        return CfnInclude(scope, INCLUDE, template_file=name)
    finally:
        os.unlink(name)


def _claim(record: _StackRecord, compiled: Compiled, path: str) -> None:
    for key in (*compiled.resources, *compiled.mappings):
        owner = record.owners.setdefault(key, path)
        if owner != path:
            raise refuse(
                "logical-id-taken",
                where=path,
                got=key,
                allowed="a construct id that makes other logical ids",
                owner=owner,
            )


def _register(stack: Stack, record: _StackRecord, asset: Asset) -> Mapping[AssetPart, Json]:
    """Put the archive into the assembly and let the stack's synthesizer say where it will lie."""
    key = f"{asset.digest}.{asset.packaging}"
    if key not in record.assets:
        if record.folder is None:
            stage = Stage.of(stack)
            assert stage is not None
            record.folder, record.synthesizer = Path(stage.outdir), stack.synthesizer
        name = write_archive(asset, record.folder)
        location = record.synthesizer.add_file_asset(
            source_hash=asset.digest, file_name=name, packaging=FileAssetPackaging.FILE
        )
        bucket, object_key = location.bucket_name, location.object_key
        record.assets[key] = {
            "bucket": bucket,
            "key": object_key,
            "uri": f"s3://{bucket}/{object_key}",
            "file": object_key.rpartition("/")[2],
        }
    return record.assets[key]
