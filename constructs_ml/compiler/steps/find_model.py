"""A FindModel step: the newest version of a status, and what later steps use of it."""

from __future__ import annotations

from constructs_ml.compiler.expressions import Path
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import intrinsic, result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.steps.containers import version_arn
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.steps import FindModel
from constructs_ml.spec.values import ModelArtifact, Result

_METADATA = "metadata_"


def add(machine: Machine, step: FindModel, after: str) -> None:
    """List one version and, where later steps use more than its ARN, describe it.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html
    """
    group = names.model_package_group(machine.context.account.stage, machine.context.spec.model)
    used = _used(machine, step)
    metadata = [key.removeprefix(_METADATA) for key in used if key.startswith(_METADATA)]
    describes = "model" in used or bool(metadata)
    parameters: dict[str, Json] = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": step.status,
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    kept: dict[str, Json] = {"found.$": "$.ModelPackageSummaryList"}
    if metadata:
        kept["defaults"] = dict.fromkeys(metadata, "")
    call = "aws-sdk:sagemaker:listModelPackages"
    machine.task(step.name, call, parameters, f"Check {step.name}", kept=kept)
    _check(machine, step, used, f"Describe {step.name}" if describes else f"Keep {step.name}", after)
    if describes:
        _describe(machine, step, "model" in used, bool(metadata))
    _keep(machine, step, used, after)
    calls = ("sagemaker:ListModelPackages",) + (("sagemaker:DescribeModelPackage",) if describes else ())
    because = "which version is the newest is known when the pipeline runs"
    machine.context.allow(Statement(calls, (arn("sagemaker", f"model-package/{group}/*"),), because=because))


def _used(machine: Machine, step: FindModel) -> tuple[str, ...]:
    """What later steps use: "model", "exists", "version", "metadata_<key>"."""
    found: set[str] = set()
    for item in machine.context.used:
        match item:
            case ModelArtifact(step.name):
                found.add("model")
            case Metric(step.name, name) | Result(step.name, name):
                found.add(name)
    for key in sorted(found - {"model", "exists", "version"}):
        if not key.startswith(_METADATA):
            where = f"pipeline {machine.context.spec.name!r}, step {step.name!r}"
            allowed = ("version", f"{_METADATA}<key>")
            machine.context.faults.add(
                "result-unknown", where=where, got=key, allowed=allowed, step=step.name, name=key
            )
    return tuple(sorted(found))


def _check(machine: Machine, step: FindModel, used: tuple[str, ...], found: str, after: str) -> None:
    """Go on with the version, or with none where none is allowed, or to the failure path."""
    there = {"Variable": result_path(step.name, "found[0]"), "IsPresent": True}
    if step.required:
        group = names.model_package_group(machine.context.account.stage, machine.context.spec.model)
        cause = f"step {step.name} found no version with the status {step.status} in the group {group}"
        machine.guard(f"Check {step.name}", [there], found, cause)
        return
    without = f"Without {step.name}"
    machine.put(f"Check {step.name}", {"Type": "Choice", "Choices": [{**there, "Next": found}], "Default": without})
    nothing: dict[str, Json] = {key: "" for key in used if key != "exists"} | _exists(used, 0)
    machine.put(without, {"Type": "Pass", "Result": nothing, "ResultPath": result_path(step.name), "Next": after})


def _describe(machine: Machine, step: FindModel, model: bool, metadata: bool) -> None:
    """Read the version; check that its artifact is there, and give it metadata where it has none."""
    number = f"States.ArrayGetItem({result_path(step.name, 'found[*].ModelPackageVersion')}, 0)"
    read, keep = result_path(step.name, "read.all"), f"Keep {step.name}"
    checks, merge = f"Check artifact of {step.name}", f"Look for metadata of {step.name}"
    machine.task(
        f"Describe {step.name}",
        "aws-sdk:sagemaker:describeModelPackage",
        {"ModelPackageName.$": intrinsic(version_arn(machine.context, (Path(number),)))},
        checks if model else merge,
        kept={"all.$": "$"},
        at=result_path(step.name, "read"),
    )
    if model:
        there = {"Variable": f"{read}.InferenceSpecification.Containers[0].ModelDataUrl", "IsPresent": True}
        cause = f"the version that step {step.name} found has no artifact that is a single URI"
        machine.guard(checks, [there], merge if metadata else keep, cause)
    if metadata:
        _merge(machine, step, merge, f"{read}.CustomerMetadataProperties", keep)


def _merge(machine: Machine, step: FindModel, first: str, place: str, after: str) -> None:
    """The used metadata, empty where the version lacks them; a version may have no metadata at all."""
    merge, nothing = f"Merge metadata of {step.name}", f"No metadata of {step.name}"
    there = {"Variable": place, "IsPresent": True, "Next": merge}
    machine.put(first, {"Type": "Choice", "Choices": [there], "Default": nothing})
    machine.put(nothing, {"Type": "Pass", "Result": {}, "ResultPath": place, "Next": merge})
    merged = f"States.JsonMerge({result_path(step.name, 'defaults')}, {place}, false)"
    machine.put(
        merge,
        {
            "Type": "Pass",
            "Parameters": {"all.$": merged},
            "ResultPath": result_path(step.name, "merged"),
            "Next": after,
        },
    )


def _keep(machine: Machine, step: FindModel, used: tuple[str, ...], after: str) -> None:
    def first(place: str) -> str:
        return f"States.ArrayGetItem({result_path(step.name, place)}, 0)"

    kept: dict[str, Json] = {}
    for key in used:
        if key == "version":
            kept["version.$"] = first("found[*].ModelPackageArn")
        elif key == "model":
            kept["model.$"] = first("read.all.InferenceSpecification.Containers[*].ModelDataUrl")
        elif key != "exists":
            kept[f"{key}.$"] = result_path(step.name, f"merged.all.{key.removeprefix(_METADATA)}")
    machine.put(
        f"Keep {step.name}",
        {
            "Type": "Pass",
            "Parameters": kept | _exists(used, 1),
            "ResultPath": result_path(step.name),
            "Next": after,
        },
    )


def _exists(used: tuple[str, ...], value: int) -> dict[str, Json]:
    return {"metrics": {"exists": value}} if "exists" in used else {}
