"""A HyperparameterTuner of the SDK as plain arguments: its training jobs as Train steps, its search as values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from constructs_ml.spec.sdk.attributes import attributes_of
from constructs_ml.spec.sdk.reading import Part, Reader
from constructs_ml.spec.sdk.training import train_arguments
from constructs_ml.spec.values import Value

_STATE = (
    "_current_job_name",
    "latest_tuning_job",
    "static_hyperparameters",
    "static_hyperparameters_dict",
    "auto_parameters",
    "auto_parameters_dict",
    "_sagemaker_session",
)
_LEFT = ("base_tuning_job_name",)
_TRAINER = "model_trainer."
_RANGES = {"CategoricalParameter": "Categorical", "ContinuousParameter": "Continuous", "IntegerParameter": "Integer"}


def tune_arguments(
    tuner: object, *, name: str, values: Mapping[str, Value], without: tuple[str, ...], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """What a tuner says, in plain values.

    `algorithms` maps the name of each algorithm ("" for a single one) to the arguments of its Train step, its
    objective metric and its ranges; `strategy`, `objective` ("Minimize" or "Maximize"), `max_jobs`,
    `max_parallel_jobs`, `early_stopping` and the like are those of CreateHyperParameterTuningJob. `changes` are
    the step's own arguments for every algorithm's training; names in `without` that begin with "model_trainer."
    are attributes of the trainers.
    """
    reader = Reader(f"step {name!r}, HyperparameterTuner", values, frozenset(without))
    reader.require(tuner, "HyperparameterTuner", "model_trainer", "strategy", "max_jobs")
    given = reader.part(tuner)
    given.leave(*_STATE, *_LEFT)
    algorithms = {
        algorithm: _algorithm(given, algorithm, name=name, values=values, changes=changes)
        for algorithm in given.said.get("model_trainer_dict", {"": None})
    }
    for kept in ("model_trainer", "objective_metric_name", "_hyperparameter_ranges", "metric_definitions"):
        given.leave(kept, f"{kept.removeprefix('_')}_dict", f"{kept}_dict")
    found: dict[str, Any] = {
        "name": name,
        "algorithms": algorithms,
        "strategy": given.take("strategy"),
        "objective": given.take("objective_type"),
        "max_jobs": given.take("max_jobs"),
        "max_parallel_jobs": given.take("max_parallel_jobs", 1),
        "early_stopping": given.take("early_stopping_type", "Off") == "Auto",
        "autotune": bool(given.take("autotune")),
    }
    if seconds := given.take("max_runtime_in_seconds"):
        found["timeout"] = timedelta(seconds=seconds)
    if (seed := given.take("random_seed")) is not None:
        found["random_seed"] = seed
    for said in ("warm_start_config", "strategy_config", "completion_criteria_config"):
        if said in given.said:
            found[said] = given.as_request(said)
    given.close()
    reader.finish()
    return found


def _algorithm(
    given: Part, algorithm: str, *, name: str, values: Mapping[str, Value], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """One algorithm: the fixed hyperparameters are those of its trainer that no range moves."""

    def of(attribute: str) -> Any:
        return (given.said.get(f"{attribute}_dict") or {}).get(algorithm) if algorithm else given.said.get(attribute)

    ranges = {
        item: _range(given.reader.part(said), said) for item, said in (of("_hyperparameter_ranges") or {}).items()
    }
    without = tuple(item for item in given.reader.without if item.startswith(_TRAINER))
    given.reader.left.update(without)
    train = train_arguments(
        of("model_trainer"),
        name=name,
        values=values,
        without=tuple(item.removeprefix(_TRAINER) for item in without),
        changes=changes,
    )
    fixed = {key: value for key, value in train["hyperparameters"].items() if key not in ranges}
    metrics = [attributes_of(item) for item in of("metric_definitions") or ()]
    return {
        "train": train | {"hyperparameters": fixed},
        "metrics": tuple((item["name"], item["regex"]) for item in metrics),
        "objective_metric": of("objective_metric_name"),
        "ranges": ranges,
    }


def _range(part: Part, said: object) -> dict[str, Any]:
    found: dict[str, Any] = {"type": _RANGES.get(type(said).__name__, type(said).__name__)}
    for attribute, api in (
        ("min_value", "min"),
        ("max_value", "max"),
        ("scaling_type", "scaling"),
        ("values", "values"),
    ):
        if attribute in part.said:
            found[api] = part.take(attribute)
    part.close()
    return found
