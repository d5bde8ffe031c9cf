"""What a HyperparameterTuner of the SDK says, as the arguments of a Tune step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from constructs_ml.spec.steps.train import MetricDefinition, Train
from constructs_ml.spec.tuning import (
    Bayesian,
    Categorical,
    Completion,
    Continuous,
    Grid,
    Hyperband,
    Integer,
    Objective,
    Random,
    Range,
    Strategy,
    WarmStart,
)

_PLAIN: Mapping[str, type[Strategy]] = {"Bayesian": Bayesian, "Random": Random, "Grid": Grid}


def search_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """The search itself, from the plain values of `tune_arguments`; its algorithms come from `trainings_of`."""
    found: dict[str, Any] = {
        "name": told["name"],
        "strategy": _strategy(told),
        "max_jobs": told["max_jobs"],
        "parallel": told["max_parallel_jobs"],
        "early_stopping": told["early_stopping"],
        "budget": told.get("timeout"),
        "seed": told.get("random_seed"),
    }
    if told["autotune"]:
        found["raw"] = {"Autotune": {"Mode": "Enabled"}}
    if warm := told.get("warm_start_config"):
        parents = tuple(parent["HyperParameterTuningJobName"] for parent in warm["ParentHyperParameterTuningJobs"])
        found["warm_start"] = WarmStart(parents=parents, kind=warm["WarmStartType"])
    if criteria := told.get("completion_criteria_config"):
        improving = criteria.get("BestObjectiveNotImproving", {})
        converged = criteria.get("ConvergenceDetected", {})
        found["completion"] = Completion(
            target=criteria.get("TargetObjectiveMetricValue"),
            not_improving=improving.get("MaxNumberOfTrainingJobsNotImproving"),
            convergence=converged.get("CompleteOnConvergence") == "Enabled",
        )
    return found


def trainings_of(told: Mapping[str, Any]) -> dict[str, tuple[Train, Objective, dict[str, Range]]]:
    """Each algorithm's training job, objective and ranges, by its name; "" for a single one."""
    found = {}
    for name, said in told["algorithms"].items():
        train = Train(**said["train"])
        known = {item.name for item in train.metrics}
        more = tuple(MetricDefinition(*pair) for pair in said["metrics"] if pair[0] not in known)
        ranges = {key: _range(item) for key, item in said["ranges"].items()}
        objective = Objective(said["objective_metric"], told["objective"])
        found[name] = (replace(train, metrics=(*train.metrics, *more)), objective, ranges)
    return found


def _strategy(told: Mapping[str, Any]) -> Strategy:
    if told["strategy"] != "Hyperband":
        return _PLAIN[told["strategy"]]()
    bounds = told.get("strategy_config", {}).get("HyperbandStrategyConfig", {})
    return Hyperband(min_resource=bounds.get("MinResource", 1), max_resource=bounds.get("MaxResource"))


def _range(said: Mapping[str, Any]) -> Range:
    if said["type"] == "Categorical":
        return Categorical(tuple(str(value) for value in said["values"]))
    kind = Integer if said["type"] == "Integer" else Continuous
    return kind(said["min"], said["max"], said.get("scaling", "Auto"))
