"""A ModelTrainer of the SDK as the arguments of a Train step."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from constructs_ml.contract import container
from constructs_ml.spec.jobs import Channel, Code, Compute, Network
from constructs_ml.spec.sdk.attributes import attributes_of, expression_of
from constructs_ml.spec.sdk.images import image_in
from constructs_ml.spec.sdk.reading import Part, Reader
from constructs_ml.spec.values import Location, Value

# Where a pipeline decides itself; docs/from-the-sagemaker-sdk.md has the reasons.
_LEFT = ("sagemaker_session", "role", "base_job_name", "input_s3_key_prefix", "local_container_root")
# What running or building the object left on it.
_STATE = ("_latest_training_job", "_temp_code_dir", "_resolved_recipe_cache", "config_mgr")
_RAW = {
    "_infra_check_config": "InfraCheckConfig",
    "_session_chaining_config": "SessionChainingConfig",
    "_remote_debug_config": "RemoteDebugConfig",
    "model_package_config": "ModelPackageConfig",
}
_COMPUTE_RAW = {"training_plan_arn": "TrainingPlanArn", "instance_placement_config": "InstancePlacementConfig"}
# The patterns that the SDK leaves out of uploads unless told otherwise; an asset leaves out what git ignores, too.
_IGNORED = [".env", ".git", "__pycache__", ".DS_Store", ".cache", ".ipynb_checkpoints"]
# What a given field of the step stands in for.
_INSTEAD: dict[str, tuple[str, ...]] = {
    "image": ("training_image", "algorithm_name"),
    "code": ("source_code",),
    "network": ("networking",),
    "metrics": ("_metric_definitions",),
    "job_retries": ("_retry_strategy",),
    "spot": ("checkpoint_config",),
}
_MACHINES = (
    "instance_type",
    "instance_count",
    "volume_size_in_gb",
    "volume_kms_key_id",
    "instance_groups",
    "instance_preferences",
)
_JOINED = ("channels", "inputs", "hyperparameters", "environment", "raw")


def train_arguments(
    trainer: object, *, name: str, values: Mapping[str, Value], without: tuple[str, ...], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a Train step; `changes` count before what the object says, by name within mappings."""
    reader = Reader(f"step {name!r}, ModelTrainer", values, frozenset(without))
    reader.require(trainer, "ModelTrainer", "training_mode", "stopping_condition", "compute")
    given = reader.part(trainer)
    for field in changes:
        given.leave(*_INSTEAD.get(field, ()))
    given.leave(*_LEFT, *_STATE)
    mode = given.take("training_mode")
    if getattr(mode, "value", mode) not in (None, "SAGEMAKER_TRAINING_JOB"):
        reader.refuse("training_mode", mode, "SAGEMAKER_TRAINING_JOB")
    raw: dict[str, Any] = {api: given.as_request(said) for said, api in _RAW.items() if said in given.said}
    found: dict[str, Any] = {"name": name, "channels": _channels(given, changes.get("channels", ())), "raw": raw}
    found |= _machines(given, raw, changes)
    found |= image_in(given, "training_image", found["compute"], changes)
    if "training_image_config" in given.said:
        raw["AlgorithmSpecification"] = {"TrainingImageConfig": given.as_request("training_image_config")}
    if "source_code" in given.said:
        found["code"] = _code(given.part("source_code"))
    found["network"] = network_of(given.part("networking"), "enable_inter_container_traffic_encryption")
    for field in ("hyperparameters", "environment"):
        found[field] = texts_of(given, field, changes.get(field, ()))
    found["metrics"] = _metrics(given)
    retries = given.part("_retry_strategy")
    if attempts := retries.take("maximum_retry_attempts"):
        found["job_retries"] = attempts
    _output(given.part("output_data_config"), raw)
    given.close()
    reader.finish()
    return joined(found, changes)


def _machines(given: Part, raw: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The machines, how long they run, and whether they are spot or kept warm."""
    compute, stopping = given.part("compute"), given.part("stopping_condition")
    if "compute" in changes:
        compute.leave(*_MACHINES)
    found: dict[str, Any] = {"compute": compute_of(compute)}
    if keep := compute.take("keep_alive_period_in_seconds"):
        found["warm_pool"] = timedelta(seconds=keep)
    resources = {api: compute.as_request(said) for said, api in _COMPUTE_RAW.items() if said in compute.said}
    if resources:
        raw["ResourceConfig"] = resources
    found["timeout"] = timedelta(seconds=stopping.take("max_runtime_in_seconds", 24 * 3600))
    if pending := stopping.take("max_pending_time_in_seconds"):
        raw["StoppingCondition"] = {"MaxPendingTimeInSeconds": pending}
    found |= _spot(given.part("checkpoint_config"), compute, stopping, raw, given_instead="spot" in changes)
    compute.close()
    stopping.close()
    return found


def _spot(
    checkpoints: Part, compute: Part, stopping: Part, raw: dict[str, Any], *, given_instead: bool
) -> dict[str, Any]:
    """Spot with its wait and its checkpoints; the service demands a wait, so none is guessed."""
    from constructs_ml.spec.steps.train import Spot

    spot = compute.take("enable_managed_spot_training")
    found = {}
    if given_instead:
        stopping.leave("max_wait_time_in_seconds")
    elif spot and (wait := stopping.take("max_wait_time_in_seconds")):
        found["spot"] = Spot(max_wait=timedelta(seconds=wait), checkpoints=bool(checkpoints.said))
        _checkpoints(checkpoints, raw)
    elif spot:
        allowed = "a max_wait_time_in_seconds in stopping_condition, spot=Spot(max_wait=...)"
        compute.reader.refuse("compute.enable_managed_spot_training", spot, allowed)
    checkpoints.close()
    return found


def _metrics(given: Part) -> tuple[Any, ...]:
    from constructs_ml.spec.steps.train import MetricDefinition

    read = [(part.take("name"), part.take("regex")) for part, _ in given.parts("_metric_definitions")]
    built = [given.reader.caught(partial(MetricDefinition, name, regex)) for name, regex in read]
    return tuple(item for item in built if item is not None)


def joined(found: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the caller's own on top; mappings are joined by their keys."""
    laid = {field: {**found.get(field, {}), **changes[field]} for field in _JOINED if field in changes}
    return {**found, **changes, **laid}


def _checkpoints(part: Part, raw: dict[str, Any]) -> None:
    """Checkpoints lie below the run's own prefix; only their folder in the container can be said."""
    folder = part.take("local_path")
    if folder not in (None, container.CHECKPOINTS):
        raw["CheckpointConfig"] = {"LocalPath": folder}
    part.expect("s3_uri", allowed="no place: checkpoints lie below the prefix of the run")
    part.close()


def _code(part: Part) -> Code | None:
    """The folder of code. A command line, archives and folders in S3 are refused."""
    folder, entry = part.take("source_dir"), part.take("entry_script")
    part.expect("requirements", "requirements.txt", allowed="requirements.txt at the top of the folder")
    part.expect("ignore_patterns", _IGNORED, allowed="a folder that holds the code alone")
    part.close()
    if folder is None:
        return None
    if folder.startswith("s3://") or folder.endswith(".tar.gz"):
        part.reader.refuse(part.name("source_dir"), folder, "a folder: code travels as an asset of the stack")
        return None
    return Code(folder, entry)


def compute_of(part: Part) -> Compute:
    """The machines; a key of volumes is refused, because the platform's key encrypts them."""
    kind = part.take("instance_type")
    count, volume = part.take("instance_count", 1), part.take("volume_size_in_gb", 30)
    built = part.reader.caught(lambda: Compute(instance_type=kind, instance_count=count, volume_gb=volume))
    return built if isinstance(built, Compute) else Compute()


def network_of(part: Part, encryption: str) -> Network:
    """Isolation and encryption. Subnets belong to the account: left behind, they become the demand for a VPC."""
    inside = "subnets" in part.said
    isolation, encrypt = bool(part.take("enable_network_isolation")), bool(part.take(encryption))
    part.expect("subnets", allowed="the network of the account")
    part.expect("security_group_ids", allowed="the network of the account")
    part.close()
    return Network(vpc=True if inside else None, isolation=isolation, encrypt_between_containers=encrypt)


def texts_of(given: Part, attribute: str, instead: Container[str]) -> dict[str, Any]:
    """Hyperparameters or variables, copied, so that two steps of one object share nothing."""
    texts = dict(given.said.pop(attribute, None) or {})
    path = given.name(attribute)
    return {key: given.convert(value, f"{path}.{key}") for key, value in texts.items() if key not in instead}


def _channels(given: Part, instead: Container[str]) -> dict[str, Channel]:
    mode = given.take("training_input_mode") or "File"
    channels = {}
    for part, item in given.parts("input_data_config"):
        name = part.take("channel_name")
        if name not in instead:
            channels[name] = _channel(part, attributes_of(item), mode)
    return {name: channel for name, channel in channels.items() if channel is not None}


def _channel(part: Part, said: Mapping[str, Any], mode: str) -> Channel | None:
    """One channel, whether it is an InputData or a Channel of the SDK."""
    details: dict[str, Any] = {"mode": part.take("input_mode") or mode}
    if kind := part.take("content_type"):
        details["content_type"] = kind
    if compression := part.take("compression_type"):
        details["compression"] = compression
    shuffle = part.part("shuffle_config")
    if (seed := shuffle.take("seed")) is not None:
        details["shuffle_seed"] = seed
    source = said.get("data_source")
    if isinstance(source, str) or expression_of(source) is not None:
        part.leave("data_source")
        location = part.location(source, part.name("data_source"))
    else:
        location = _source(part.part("data_source"), details)
    part.close()
    return None if location is None else Channel(source=location, **details)


def _source(part: Part, details: dict[str, Any]) -> Location | None:
    """The S3 place of a channel; file systems and data sets are refused."""
    inner = part.part("s3_data_source") if "s3_data_source" in part.said else part
    location = inner.location(inner.said.pop("s3_uri", None), inner.name("s3_uri"))
    inner.expect("s3_data_type", "S3Prefix", allowed="S3Prefix")
    if distribution := inner.take("s3_data_distribution_type"):
        details["distribution"] = distribution
    inner.close()
    part.close()
    return location


def _output(part: Part, raw: dict[str, Any]) -> None:
    """Artifacts lie below the run's own prefix, encrypted with the platform's key."""
    part.leave("s3_output_path")
    compression = part.take("compression_type")
    if compression not in (None, "GZIP"):
        raw["OutputDataConfig"] = {"CompressionType": compression}
    part.close()
