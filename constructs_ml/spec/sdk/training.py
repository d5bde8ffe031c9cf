"""A ModelTrainer of the SDK as the arguments of a Train step."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from constructs_ml.contract import container
from constructs_ml.faults import SpecError
from constructs_ml.spec.distributed import MPI, Distributed, Torchrun, check_distributed
from constructs_ml.spec.images import Algorithm, ContainerImage
from constructs_ml.spec.jobs import Code, InputMode
from constructs_ml.spec.sdk.channels import channels_of
from constructs_ml.spec.sdk.images import image_in
from constructs_ml.spec.sdk.machines import compute_of, network_of
from constructs_ml.spec.sdk.reading import Part, Reader
from constructs_ml.spec.values import S3, Below, Input, Value

if TYPE_CHECKING:
    from constructs_ml.spec.steps.train import MetricDefinition

# Where a pipeline decides itself; docs/from-the-sagemaker-sdk.md has the reasons.
_LEFT = ("sagemaker_session", "role", "base_job_name", "input_s3_key_prefix", "local_container_root")
# What running or building the object left on it.
_STATE = ("_latest_training_job", "_temp_code_dir", "_resolved_recipe_cache", "config_mgr")
_RAW = {
    "_session_chaining_config": "SessionChainingConfig",
    "_remote_debug_config": "RemoteDebugConfig",
    "model_package_config": "ModelPackageConfig",
}
# The patterns that the SDK leaves out of uploads unless told otherwise; an asset leaves out what git ignores, too.
_IGNORED = [".env", ".git", "__pycache__", ".DS_Store", ".cache", ".ipynb_checkpoints"]
# What a given field of the step stands in for.
_INSTEAD: dict[str, tuple[str, ...]] = {
    "image": ("training_image", "algorithm_name"),
    "code": ("source_code",),
    "network": ("networking",),
    "metrics": ("_metric_definitions",),
    "job_retries": ("_retry_strategy",),
    "checkpoints": ("checkpoint_config",),
    "distributed": ("distributed",),
    "infrastructure_check": ("_infra_check_config",),
    "input_mode": ("training_input_mode",),
}
_MACHINES = (
    "instance_type",
    "instance_count",
    "volume_size_in_gb",
    "volume_kms_key_id",
    "instance_groups",
    "instance_preferences",
    "training_plan_arn",
)
_JOINED = ("channels", "inputs", "uploads", "hyperparameters", "environment", "raw")


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
    input_mode: InputMode = changes.get("input_mode") or given.take("training_input_mode") or "File"
    channels = channels_of(given, input_mode, changes.get("channels", ()))
    found: dict[str, Any] = {"name": name, "input_mode": input_mode, "channels": channels, "raw": raw}
    found |= _machines(given, raw, changes)
    found |= image_in(given, "training_image", found["compute"], changes)
    if "training_image_config" in given.said:
        raw["AlgorithmSpecification"] = {"TrainingImageConfig": given.as_request("training_image_config")}
    if "source_code" in given.said:
        found["code"] = _code(given.part("source_code"))
    if "distributed" in given.said:
        started = found | dict(changes)
        found["distributed"] = _distributed(given, started.get("image"), has_code=started.get("code") is not None)
    found["network"] = network_of(given.part("networking"), "enable_inter_container_traffic_encryption")
    for field in ("hyperparameters", "environment"):
        found[field] = texts_of(given, field, changes.get(field, ()))
    found["metrics"] = metrics_of(part for part, _ in given.parts("_metric_definitions"))
    retries = given.part("_retry_strategy")
    if attempts := retries.take("maximum_retry_attempts"):
        found["job_retries"] = attempts
    check = given.part("_infra_check_config")
    found["infrastructure_check"] = bool(check.take("enable_infra_check"))
    check.close()
    found["compress_model"] = _compresses(given.part("output_data_config"))
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
    if "instance_placement_config" in compute.said:
        raw["ResourceConfig"] = {"InstancePlacementConfig": compute.as_request("instance_placement_config")}
    found["timeout"] = timedelta(seconds=stopping.take("max_runtime_in_seconds", 24 * 3600))
    if pending := stopping.take("max_pending_time_in_seconds"):
        raw["StoppingCondition"] = {"MaxPendingTimeInSeconds": pending}
    checkpoints = given.part("checkpoint_config")
    keeps = bool(checkpoints.said)
    if "spot" in changes:
        stopping.leave("max_wait_time_in_seconds")
        compute.leave("enable_managed_spot_training")
    else:
        found |= _spot(compute, stopping, keeps=keeps)
    if keeps:
        found["checkpoints"] = _checkpoints(checkpoints, raw, own="spot" not in found)
    compute.close()
    stopping.close()
    return found


def _spot(compute: Part, stopping: Part, *, keeps: bool) -> dict[str, Any]:
    """Spot with its wait; the service demands a wait, so none is guessed."""
    from constructs_ml.spec.steps.train import Spot

    spot = compute.take("enable_managed_spot_training")
    if spot and (wait := stopping.take("max_wait_time_in_seconds")):
        return {"spot": Spot(max_wait=timedelta(seconds=wait), checkpoints=keeps)}
    if spot:
        allowed = "a max_wait_time_in_seconds in stopping_condition, spot=Spot(max_wait=...)"
        compute.reader.refuse("compute.enable_managed_spot_training", spot, allowed)
    return {}


def _distributed(given: Part, image: ContainerImage | Algorithm | None, *, has_code: bool) -> Distributed | None:
    """What starts the script in several processes, where the image can start it."""
    thing = given.said["distributed"]
    kind, part = type(thing).__name__, given.part("distributed")
    if kind not in ("Torchrun", "MPI"):
        given.reader.refuse("distributed", thing, "Torchrun or MPI")
        return None
    processes, options = part.take("process_count_per_node"), part.take("mpi_additional_options") or ()
    part.close()
    build: Callable[[], Distributed] = partial(Torchrun, processes_per_host=processes)
    if kind == "MPI":
        build = partial(MPI, processes_per_host=processes, options=" ".join(options))
    built: Distributed | None = given.reader.caught(build)
    try:
        if image is not None:
            check_distributed(built, image, has_code, given.reader.where)
    except SpecError as refused:
        given.reader.refuse("distributed", thing, f"{refused.faults[0].allowed}, distributed=...")
        return None
    return built


def metrics_of(parts: Iterable[Part]) -> tuple[MetricDefinition, ...]:
    """Metrics of the log by their expressions; placeholders are refused."""
    from constructs_ml.spec.steps.train import MetricDefinition

    read = [(part, part.take("name"), part.take("regex")) for part in parts]
    built = [
        part.reader.caught(partial(MetricDefinition, name, regex))
        for part, name, regex in read
        if name is not None and regex is not None
    ]
    return tuple(item for item in built if item is not None)


def joined(found: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the caller's own on top; mappings are joined by their keys."""
    laid = {field: {**found.get(field, {}), **changes[field]} for field in _JOINED if field in changes}
    return {**found, **changes, **laid}


def _checkpoints(part: Part, raw: dict[str, Any], *, own: bool) -> bool | S3 | Below | Input:
    """The place that is given, or the run's `own` where nothing else keeps them there; the folder goes into `raw`."""
    folder = part.take("local_path")
    if folder not in (None, container.CHECKPOINTS):
        raw["CheckpointConfig"] = {"LocalPath": folder}
    said, path = part.said.pop("s3_uri", None), part.name("s3_uri")
    part.close()
    place = part.location(said, path)
    if place is None or isinstance(place, (S3, Below, Input)):
        return own if place is None else place
    part.reader.refuse(path, said, "a place in S3, or an input that holds one")
    return own


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


def texts_of(given: Part, attribute: str, instead: Container[str]) -> dict[str, Any]:
    """Hyperparameters or variables, copied, so that two steps of one object share nothing."""
    texts = dict(given.said.pop(attribute, None) or {})
    path = given.name(attribute)
    return {key: given.convert(value, f"{path}.{key}") for key, value in texts.items() if key not in instead}


def _compresses(part: Part) -> bool:
    """Artifacts lie below the run's own prefix, encrypted with the platform's key: only their form can be said."""
    part.leave("s3_output_path")
    compression = part.take("compression_type")
    if compression not in (None, "GZIP", "NONE"):
        part.reader.refuse(part.name("compression_type"), compression, "GZIP or NONE")
    part.close()
    return bool(compression != "NONE")
