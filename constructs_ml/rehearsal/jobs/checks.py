"""What is refused when a job is created, by name, with what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from constructs_ml.rehearsal.calls import invalid
from constructs_ml.rehearsal.images import Refusal, Use, image_command
from constructs_ml.rehearsal.jobs import toolkit
from constructs_ml.rehearsal.jobs.inputs import check_source, refuse
from constructs_ml.rehearsal.stand_ins import StandIn

_PREFIX = "/opt/ml"


def command_for(
    image: str, instance_type: str | None, stand_ins: Sequence[StandIn], use: Use, *, script: bool = True
) -> Sequence[str]:
    """What starts an image's code here. Raises `ServiceError` for one that cannot run."""
    found = image_command(image, instance_type, stand_ins, use, script=script)
    if isinstance(found, Refusal):
        raise invalid(str(found))
    return found


def check_training(given: Mapping[str, Any]) -> None:
    """Raise `ServiceError` for a training job that asks for what is not rehearsed."""
    if not given.get("AlgorithmSpecification") or not given.get("ResourceConfig"):
        raise refuse("a serverless training job", "give it AlgorithmSpecification and ResourceConfig")
    algorithm = given["AlgorithmSpecification"]
    if not algorithm.get("TrainingImage"):
        name = algorithm.get("AlgorithmName", "an algorithm")
        raise refuse(f"the algorithm resource {name}", "use TrainingImage")
    # Debugger's rules run in containers of AWS's own.
    for rules in ("DebugRuleConfigurations", "ProfilerRuleConfigurations"):
        if given.get(rules):
            raise refuse(f"{rules} (their containers are AWS's own)", "leave them out of the stage that is rehearsed")
    for channel in given.get("InputDataConfig") or ():
        where = f"channel {channel['ChannelName']}"
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            kind = ", ".join(channel["DataSource"])
            raise refuse(f"{kind} ({where}): no file system is here", "keep the data in S3")
        mode = channel.get("InputMode") or algorithm.get("TrainingInputMode", "File")
        check_source(where, source, mode, channel.get("CompressionType", "None"))
    checkpoints = given.get("CheckpointConfig") or {}
    check_path("CheckpointConfig", checkpoints.get("LocalPath") or f"{_PREFIX}/checkpoints")
    wait, run = (given.get("StoppingCondition") or {}).get("MaxWaitTimeInSeconds"), _runtime(given)
    if given.get("EnableManagedSpotTraining") and (wait is None or wait < run):
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
        text = "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        raise invalid(text)


def training_script(given: Mapping[str, Any]) -> bool:
    """Whether a script of the user's runs in the image, rather than the image's own algorithm."""
    if given["AlgorithmSpecification"].get("ContainerEntrypoint"):
        return True
    return bool(toolkit.program(given.get("HyperParameters") or {}, given.get("Environment") or {}))


def check_processing(given: Mapping[str, Any]) -> None:
    """Raise `ServiceError` for a processing job that asks for what is not rehearsed."""
    for item in given.get("ProcessingInputs") or ():
        where = f"input {item['InputName']}"
        if "S3Input" not in item:
            raise refuse(f"DatasetDefinition ({where})", "query before the job, and give it the result in S3")
        source = item["S3Input"]
        check_source(where, source, source.get("S3InputMode", "File"), source.get("S3CompressionType", "None"))
        check_path(where, source.get("LocalPath", ""))
    for item in (given.get("ProcessingOutputConfig") or {}).get("Outputs") or ():
        where = f"output {item['OutputName']}"
        if "S3Output" not in item:
            raise refuse(f"FeatureStoreOutput ({where})", "write to S3 and ingest it in a step")
        check_path(where, item["S3Output"].get("LocalPath", ""))


def check_transform(given: Mapping[str, Any]) -> None:
    """Raise `ServiceError` for a transform job that asks for what is not rehearsed."""
    data, filters = given["TransformInput"], given.get("DataProcessing") or {}
    source, cut = data["DataSource"]["S3DataSource"], data.get("SplitType", "None")
    check_source("TransformInput", source, "File", "None")
    if cut not in ("None", "Line"):
        raise refuse(f"SplitType {cut}", "use Line or None")
    if given.get("BatchStrategy") and cut == "None" and given["BatchStrategy"] == "MultiRecord" and filters:
        raise refuse("filters over records that are not split", "set SplitType to Line")


def check_path(where: str, path: str) -> None:
    """A container's folders that the rehearsal brings or takes lie below /opt/ml."""
    if not path.startswith(f"{_PREFIX}/") or ".." in path.split("/"):
        raise refuse(f"LocalPath {path!r} ({where})", f"use a folder below {_PREFIX}")


def hosts(resources: Mapping[str, Any]) -> int:
    """How many machines a job asks for."""
    groups = resources.get("InstanceGroups")
    if groups:
        return sum(int(group["InstanceCount"]) for group in groups)
    preferences = resources.get("InstancePreferences")
    return int((preferences[0] if preferences else resources).get("InstanceCount", 1))


def first_type(resources: Mapping[str, Any]) -> str | None:
    """The type of the first machines."""
    several = [*(resources.get("InstanceGroups") or ()), *(resources.get("InstancePreferences") or ()), resources]
    return next((item["InstanceType"] for item in several if item.get("InstanceType")), None)


def _runtime(given: Mapping[str, Any]) -> int:
    return int((given.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86_400))
