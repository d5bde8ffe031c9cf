"""A processor of the SDK as the arguments of a Process step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from constructs_ml.contract import container
from constructs_ml.spec.images import Image
from constructs_ml.spec.jobs import Channel
from constructs_ml.spec.sdk.images import image_in
from constructs_ml.spec.sdk.machines import compute_of, network_of
from constructs_ml.spec.sdk.reading import Part, Reader
from constructs_ml.spec.sdk.training import joined, texts_of
from constructs_ml.spec.values import Value

# Where a pipeline decides itself; docs/from-the-sagemaker-sdk.md has the reasons.
_LEFT = ("sagemaker_session", "role", "base_job_name", "code_location")
# What running the object left on it, and where the SDK puts code in the container.
_STATE = ("jobs", "latest_job", "_current_job_name", "arguments")
_CODE = ("_CODE_CONTAINER_BASE_PATH", "_CODE_CONTAINER_INPUT_NAME")
_INSTEAD: dict[str, tuple[str, ...]] = {
    "image": ("image_uri",),
    "network": ("network_config",),
    "timeout": ("max_runtime_in_seconds",),
    "compute": ("instance_type", "instance_count", "volume_size_in_gb", "volume_kms_key", "instance_preferences"),
    "code": ("command",),
    "entrypoint": ("entrypoint",),
}


def process_arguments(
    processor: object, *, name: str, values: Mapping[str, Value], without: tuple[str, ...], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a Process step; `changes` count before what the object says, by name within mappings.

    What the SDK takes when the job is run (`inputs`, `outputs`, `arguments`) may be given in its own objects.
    """
    reader = Reader(f"step {name!r}, processor", values, frozenset(without))
    reader.require(processor, "processor", "image_uri", "instance_count", "max_runtime_in_seconds")
    given = reader.part(processor)
    is_script = "command" in given.said
    given.expect("command", ["python3"], ["python"], allowed="python3, code=... starts with it")
    for field in changes:
        given.leave(*_INSTEAD.get(field, ()))
    given.leave(*_LEFT, *_STATE, *_CODE)
    found: dict[str, Any] = {"name": name}
    raw: dict[str, Any] = {}
    if is_script:
        given.leave("entrypoint")
    if given.said.get("instance_type") in ("local", "local_gpu"):
        reader.refuse("instance_type", given.take("instance_type"), "a type of SageMaker's instances")
    compute = compute_of(given)
    found |= {"compute": compute} | image_in(given, "image_uri", compute, changes)
    if "entrypoint" in given.said:
        entry = given.as_request("entrypoint")
        if isinstance(changes.get("image", found.get("image")), Image) and changes.get("code") is None:
            found["entrypoint"] = tuple(entry)
        else:
            raw["AppSpecification"] = {"ContainerEntrypoint": entry}
    found["timeout"] = timedelta(seconds=given.take("max_runtime_in_seconds", 24 * 3600))
    found["network"] = network_of(given.part("network_config"), "encrypt_inter_container_traffic")
    found["environment"] = texts_of(given, "env", changes.get("environment", ()))
    given.close()
    given_at_run = _run(reader, changes)
    reader.finish()
    return joined(found | {"raw": raw}, {**changes, **given_at_run})


def _run(reader: Reader, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is given when the SDK runs the job, where it is in the SDK's objects."""
    from constructs_ml.spec.steps.process import Upload

    run = reader.part({})
    found: dict[str, Any] = {}
    inputs, outputs = changes.get("inputs"), changes.get("outputs")
    if isinstance(inputs, Sequence):
        run.said["inputs"] = inputs
        read = [(str(part.take("input_name")), part) for part, _ in run.parts("inputs")]
        channels = {name: _input(name, part) for name, part in read}
        found["inputs"] = {name: channel for name, channel in channels.items() if channel is not None}
    if isinstance(outputs, Sequence) and not all(isinstance(item, str) for item in outputs):
        run.said["outputs"] = outputs
        modes = dict(_output(part) for part, _ in run.parts("outputs"))
        found["outputs"] = tuple(modes)
        uploads = {name: Upload(mode="Continuous") for name, mode in modes.items() if mode == "Continuous"}
        found["uploads"] = uploads | dict(changes.get("uploads", {}))
    if "arguments" in changes:
        arguments = changes["arguments"] or ()
        found["arguments"] = tuple(run.convert(item, f"arguments[{index}]") for index, item in enumerate(arguments))
    return found


def _input(name: str, part: Part) -> Channel | None:
    """An input from S3 in the folder that the step gives it anyway; data sets of other services are refused."""
    source = part.part("s3_input")
    details: dict[str, Any] = {}
    if mode := source.take("s3_input_mode"):
        details["mode"] = mode
    if distribution := source.take("s3_data_distribution_type"):
        details["distribution"] = distribution
    if compression := source.take("s3_compression_type"):
        details["compression"] = compression
    if kind := source.take("s3_data_type"):
        details["data_type"] = kind
    _folder(source, container.processing_input(name))
    location = source.location(source.said.pop("s3_uri", None), source.name("s3_uri"))
    source.close()
    part.close()
    if location is None:
        return None
    return part.reader.caught(partial(Channel, source=location, **details))  # type: ignore[no-any-return]


def _output(part: Part) -> tuple[str, str]:
    """An output and how it is uploaded; it lies below the prefix of the run, step.output(name) knows where."""
    name = str(part.take("output_name"))
    target = part.part("s3_output")
    target.leave("s3_uri")
    mode = target.take("s3_upload_mode", "EndOfJob")
    if mode not in ("EndOfJob", "Continuous"):
        part.reader.refuse(target.name("s3_upload_mode"), mode, "EndOfJob or Continuous")
    _folder(target, container.processing_output(name))
    target.close()
    part.close()
    return name, mode


def _folder(part: Part, folder: str) -> None:
    part.expect("local_path", folder, f"{folder}/", allowed=f"{folder}, where the step has it")
