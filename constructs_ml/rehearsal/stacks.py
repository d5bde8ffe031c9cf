"""Stacks that go into the embedded account without the cdk CLI: compiled here, or read from an assembly."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from constructs_ml.compiler.archives import archive_of
from constructs_ml.compiler.fleet import assets_bucket, compile_fleet
from constructs_ml.facts import regions
from constructs_ml.faults import refuse
from constructs_ml.review.assembly import read_json, stack_artifacts
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec

_ASSETS = "cdk:asset-manifest"


@dataclass(frozen=True, slots=True)
class AssetFile:
    """A file that a stack needs in S3 before it is deployed."""

    bucket: str
    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class DeployableStack:
    """A stack by its name: template, the assets it needs, and its tags."""

    name: str
    template: str
    assets: tuple[AssetFile, ...]
    tags: Mapping[str, str]


def of_models(models: Sequence[ModelSpec], account: Account, commit: str | None) -> list[DeployableStack]:
    """The stacks of a fleet, compiled without CDK, in the order of their deployment."""
    bucket = assets_bucket(account)
    return [
        DeployableStack(
            stack.name,
            json.dumps(stack.template),
            tuple(AssetFile(bucket, key, archive_of(asset)) for key, asset in stack.assets.items()),
            {},
        )
        for stack in compile_fleet(models, account, commit=commit)
    ]


def of_assembly(folder: Path, stage: str, account: str, region: str) -> list[DeployableStack]:
    """The stacks of a folder that `cdk synth` wrote: those of a stage, or all of them where the app has no stages.

    Raises `SpecError` when it holds none for the account and region.
    """
    values = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::Partition": regions.partition_of(region, str(folder)),
    }
    there = list(stack_artifacts(folder))
    stages = {artifact.get("displayName", "").rpartition("/")[0] for _, artifact in there}
    found = [
        (home, artifact)
        for home, artifact in there
        if artifact.get("displayName", "").rpartition("/")[0] == (stage if stages != {""} else "")
        and _fits(artifact["environment"], account, region)
    ]
    if not found:
        got = f"no stacks of stage {stage!r} for aws://{account}/{region}"
        raise refuse("assembly-empty", where=str(folder), got=got, allowed="a folder that cdk synth wrote for them")
    artifacts = {home: read_json(home / "manifest.json")["artifacts"] for home, _ in found}
    order = {home: _ordered(artifacts[home]) for home in artifacts}
    found.sort(key=lambda pair: order[pair[0]].index(pair[1]))
    return [_stack(home, artifact, artifacts[home], values) for home, artifact in found]


def _stack(
    home: Path, artifact: Mapping[str, Any], artifacts: Mapping[str, Any], values: Mapping[str, str]
) -> DeployableStack:
    properties = artifact["properties"]
    manifests = [
        artifacts[name]["properties"]["file"]
        for name in artifact.get("dependencies", ())
        if artifacts[name]["type"] == _ASSETS
    ]
    assets = [asset for file in manifests for asset in _assets(home, read_json(home / file), values)]
    name = properties.get("stackName") or artifact["displayName"]
    template = (home / properties["templateFile"]).read_text(encoding="utf-8")
    return DeployableStack(name, template, tuple(assets), properties.get("tags", {}))


def _assets(home: Path, manifest: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[AssetFile]:
    for file in manifest.get("files", {}).values():
        path = home / file["source"]["path"]
        for place in file["destinations"].values():
            bucket, key = _filled(place["bucketName"], values), _filled(place["objectKey"], values)
            yield AssetFile(bucket, key, _zipped(path) if file["source"]["packaging"] == "zip" else path)
    for image in manifest.get("dockerImages", {}):
        got, allowed = f"the container image {image}", "a StandIn for what runs it, and no image asset"
        raise refuse("rehearsal-image", where=str(home), got=got, allowed=allowed)


def _zipped(folder: Path) -> Path:
    if folder.is_file():
        return folder
    archive = Path(tempfile.mkdtemp(dir=_archives().name)) / folder.name
    return Path(shutil.make_archive(str(archive), "zip", folder))


@cache
def _archives() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="constructs-ml-")


def _ordered(artifacts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Artifacts after those that they depend on."""
    done: dict[str, Mapping[str, Any]] = {}

    def visit(name: str) -> None:
        if name not in done and name in artifacts:
            for other in artifacts[name].get("dependencies", ()):
                visit(other)
            done[name] = artifacts[name]

    for name in artifacts:
        visit(name)
    return list(done.values())


def _fits(environment: str, account: str, region: str) -> bool:
    of, where = environment.removeprefix("aws://").split("/")
    return of in (account, "unknown-account") and where in (region, "unknown-region")


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text
