"""The definitions of a tuning job: what its training jobs are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TAKEN_OVER = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)


def definitions(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The definitions of a tuning job, each with its own ranges and objective."""
    config = given["HyperParameterTuningJobConfig"]
    if given.get("TrainingJobDefinitions"):
        return [dict(item) for item in given["TrainingJobDefinitions"]]
    one = dict(given["TrainingJobDefinition"])
    one["HyperParameterRanges"] = config.get("ParameterRanges") or {}
    one["TuningObjective"] = config["HyperParameterTuningJobObjective"]
    return [one]


def training_fields(definition: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The request of one training job, but for its name."""
    fields = {name: definition[name] for name in _TAKEN_OVER if definition.get(name) is not None}
    fields["ResourceConfig"] = _resources(definition)
    static = definition.get("StaticHyperParameters") or {}
    metric = {"_tuning_objective_metric": definition["TuningObjective"]["MetricName"]}
    fields["HyperParameters"] = {**static, **values, **metric}
    return fields


def shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions as describe calls show them: the objective is among the hyperparameters."""

    def told(definition: Mapping[str, Any], objective: Mapping[str, Any]) -> dict[str, Any]:
        static = definition.get("StaticHyperParameters") or {}
        return {**definition, "StaticHyperParameters": {**static, "_tuning_objective_metric": objective["MetricName"]}}

    if given.get("TrainingJobDefinitions"):
        several = [told(item, item["TuningObjective"]) for item in given["TrainingJobDefinitions"]]
        return {"TrainingJobDefinitions": several}
    objective = given["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return {"TrainingJobDefinition": told(given["TrainingJobDefinition"], objective)}


def _resources(definition: Mapping[str, Any]) -> dict[str, Any]:
    if definition.get("ResourceConfig"):
        return dict(definition["ResourceConfig"])
    given = definition.get("HyperParameterTuningResourceConfig") or {}
    first = next(iter(given.get("InstanceConfigs") or ()), given)
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {name: value for source in (given, first) for name, value in source.items() if name in names}
