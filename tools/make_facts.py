"""Writes constructs_ml/facts/data/*.json out of the packages that know: run it when those packages are updated.

    python tools/make_facts.py 2026-11-21

The date says when the facts were taken; the versions of the packages are recorded beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "constructs_ml" / "facts" / "data"
FAMILIES = ("sklearn", "xgboost", "pytorch")
SCOPES = ("training", "inference")
MONITOR = "model-monitor"
DATA_WRANGLER = "data-wrangler"
TYPE_PREFIXES = ("AWS::SageMaker::", "AWS::Scheduler::", "AWS::StepFunctions::")
# What an update does is recorded for the types that this library compiles, and for all of SageMaker's.
UPDATED_TYPES = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::LakeFormation::Resource",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SSM::Parameter",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
)
# https://docs.aws.amazon.com/ec2/latest/instancetypes : families whose sizes all carry an NVMe instance store.
NVME_FAMILIES = frozenset(
    [
        "c5d",
        "c6gd",
        "c6id",
        "c7gd",
        "c8gd",
        "m5d",
        "m6gd",
        "m6id",
        "m7gd",
        "m8gd",
        "r5d",
        "r6gd",
        "r6id",
        "r7gd",
        "r8gd",
        "g4dn",
        "g5",
        "g5g",
        "g6",
        "g6e",
        "gr6",
        "g7e",
        "i3",
        "i3en",
        "inf2",
        "p3dn",
        "p4d",
        "p4de",
        "p5",
        "p5e",
        "p5en",
        "p6-b200",
        "p6-b300",
        "p6e-gb200",
        "trn1",
        "trn1n",
        "trn2",
    ]
)
GPU_FAMILIES = frozenset(
    [
        "g4dn",
        "g5",
        "g5g",
        "g6",
        "g6e",
        "gr6",
        "g7e",
        "p2",
        "p3",
        "p3dn",
        "p4d",
        "p4de",
        "p5",
        "p5e",
        "p5en",
        "p6-b200",
        "p6-b300",
        "p6e-gb200",
    ]
)


def images() -> dict[str, Any]:
    """Repositories, tags and registries of the framework images, each set of registries once."""
    groups: list[Mapping[str, str]] = []
    families: dict[str, Any] = {}
    for family in FAMILIES:
        config = _image_config(family)
        families[family] = {scope: _versions(config[scope], groups) for scope in SCOPES}
    families[MONITOR] = {"monitoring": _versions(_image_config(MONITOR), groups)}
    families[DATA_WRANGLER] = {"flow": _versions(_image_config(DATA_WRANGLER)["processing"], groups)}
    return {"source": f"sagemaker-core {version('sagemaker-core')}", "families": families, "registries": groups}


def _image_config(name: str) -> Any:
    return json.loads((files("sagemaker.core") / "image_uri_config" / f"{name}.json").read_text())


def _versions(config: Mapping[str, Any], groups: list[Mapping[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, entry in config["versions"].items():
        registries = dict(sorted(entry["registries"].items()))
        if registries not in groups:
            groups.append(registries)
        found[name] = {
            "repository": entry["repository"],
            "tags": _tags(name, entry, config.get("processors") or entry.get("processors")),
            "registries": groups.index(registries),
        }
    aliases = {alias: full for alias, full in config.get("version_aliases", {}).items() if full in found}
    return {"versions": found, "aliases": aliases}


def _tags(name: str, entry: Mapping[str, Any], processors: Iterable[str] | None) -> dict[str, dict[str, str]]:
    """Tags by accelerator and Python version, "" where the image has no choice."""
    tags: dict[str, dict[str, str]] = {}
    for processor in processors or ("",):
        suffix = entry.get("container_version", {}).get(processor)
        shown = processor if entry.get("processor_in_tag", True) else ""
        for python in entry.get("py_versions") or ("",):
            parts = (entry.get("tag_prefix", name), shown, python, suffix)
            tags.setdefault(processor, {})[python] = "-".join(part for part in parts if part)
    return tags


def regions() -> dict[str, Any]:
    """Every region with its partition, and each partition's DNS suffix."""
    data = json.loads((files("botocore") / "data" / "partitions.json").read_text())
    found: dict[str, str] = {}
    suffixes: dict[str, str] = {}
    for partition in data["partitions"]:
        suffixes[partition["id"]] = partition["outputs"]["dnsSuffix"]
        for region in partition["regions"]:
            if not region.endswith("-global"):
                found[region] = partition["id"]
    return {"source": f"botocore {version('botocore')}", "regions": found, "suffixes": suffixes}


def instances() -> dict[str, Any]:
    """Instance types by use, and those that a region is known to offer for any use."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = {
        "training": "TrainingInstanceType",
        "processing": "ProcessingInstanceType",
        "transform": "TransformInstanceType",
        "endpoint": "ProductionVariantInstanceType",
    }
    uses = {use: sorted(model.shape_for(shape).enum) for use, shape in shapes.items()}
    everything = sorted({name for names in uses.values() for name in names})
    folder = files("cfnlint.data.schemas.extensions")
    offers: dict[str, set[str]] = {}
    for extension in ("cluster", "hosting", "processing", "transform"):
        data = json.loads((folder / f"aws_sagemaker_{extension}" / "instancetype_enum.json").read_text())
        for region, entry in data.items():
            if isinstance(entry, dict):
                offers.setdefault(region, set()).update(set(entry["enum"]) & set(everything))
    return {
        "source": f"botocore {version('botocore')}, cfn-lint {version('cfn-lint')}, EC2 instance type families",
        "uses": uses,
        "offers": {region: _sparse(everything, names) for region, names in sorted(offers.items())},
        "types": everything,
        "gpu": sorted(name for name in everything if _family(name) in GPU_FAMILIES),
        "nvme": sorted(name for name in everything if _family(name) in NVME_FAMILIES),
    }


def _sparse(everything: list[str], names: Iterable[str]) -> str:
    """One bit a type in the order of `types`, as a hexadecimal number."""
    return f"{sum(1 << everything.index(name) for name in names):x}"


def _family(name: str) -> str:
    return name.split(".")[1]


def services() -> dict[str, Any]:
    """The CloudFormation types of this library's services that a region has."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    offered: dict[str, list[str]] = {}
    for region in sorted(json.loads((DATA / "regions.json").read_text())["regions"]):
        try:
            types = PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
        except KeyError:
            continue
        offered[region] = sorted(name for name in types if name.startswith(TYPE_PREFIXES))
    types = sorted({name for names in offered.values() for name in names})
    return {
        "source": f"cfn-lint {version('cfn-lint')}",
        "types": types,
        "offers": {region: _sparse(types, names) for region, names in offered.items()},
    }


def jumpstart() -> dict[str, Any]:
    """The regions with JumpStart. The buckets' names end in the region, which is checked here."""
    config = json.loads((files("sagemaker.core") / "jumpstart" / "region_config.json").read_text())
    prefixes = {"content": "jumpstart-cache-prod-", "gated": "jumpstart-private-cache-prod-"}
    for region, entry in config.items():
        for name, prefix in (("content_bucket", prefixes["content"]), ("gated_content_bucket", prefixes["gated"])):
            if entry[name] != f"{prefix}{region}":
                raise ValueError(f"JumpStart's bucket {entry[name]} is not named after {region}")
    return {"source": f"sagemaker-core {version('sagemaker-core')}", **prefixes, "regions": sorted(config)}


def updates() -> dict[str, Any]:
    """What an update of each type replaces: its create-only properties, or all of them without an update handler."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    region = "us-east-1"
    names = {name for name in PROVIDER_SCHEMA_MANAGER.get_resource_types(region) if name.startswith("AWS::SageMaker::")}
    found = {}
    for name in sorted({*names, *UPDATED_TYPES}):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, name).schema
        tagging = schema.get("tagging") or {}
        found[name] = {
            "create_only": sorted(map(_property, schema.get("createOnlyProperties", []))),
            "maybe_create_only": sorted(map(_property, schema.get("conditionalCreateOnlyProperties", []))),
            "updatable": "update" in schema.get("handlers", {"update": {}}),
            "name": _name(name, schema.get("createOnlyProperties", [])),
            "tags": _property(tagging.get("tagProperty", "/properties/Tags")),
        }
    return {"source": f"CloudFormation registry schemas in cfn-lint {version('cfn-lint')}, {region}", "types": found}


def _name(type: str, create_only: list[str]) -> str | None:
    """The create-only property by which a user names a resource: "EndpointName" of an Endpoint, or plain "Name"."""
    noun = type.rpartition("::")[2]
    if noun == "ScalingPolicy":
        return None  # its name is taken within its target alone
    for name in map(_property, create_only):
        if name == "Name" or (name.endswith("Name") and noun.endswith(name.removesuffix("Name"))):
            return name
    return None


def _property(pointer: str) -> str:
    """A JSON pointer of a schema as a path below the properties."""
    return pointer.removeprefix("/properties/").replace("/", ".")


def main(date: str) -> None:
    """Write every file, each with its source and date."""
    DATA.mkdir(parents=True, exist_ok=True)
    for make in (regions, images, instances, services, updates, jumpstart):
        content = {"date": date, **make()}
        path = DATA / f"{make.__name__}.json"
        path.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n")
        print(f"{path.relative_to(DATA.parent.parent.parent)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
