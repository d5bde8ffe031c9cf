"""A HyperparameterTuner of the SDK as the arguments of a Tune step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any

from constructs_ml.spec.sdk.reading import Part, Reader
from constructs_ml.spec.sdk.training import metrics_of, train_arguments
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
from constructs_ml.spec.values import Value

# What running or validating the object left on it.
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
_RANGES = {"IntegerParameter": Integer, "ContinuousParameter": Continuous}
# What a given field of the step stands in for.
_INSTEAD: dict[str, tuple[str, ...]] = {
    "strategy": ("strategy", "strategy_config"),
    "max_jobs": ("max_jobs",),
    "parallel": ("max_parallel_jobs",),
    "early_stopping": ("early_stopping_type",),
    "completion": ("completion_criteria_config",),
    "warm_start": ("warm_start_config",),
    "budget": ("max_runtime_in_seconds",),
    "seed": ("random_seed",),
}


def tune_arguments(
    tuner: object, *, name: str, values: Mapping[str, Value], without: tuple[str, ...], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a Tune step; `changes` count before what the object says.

    Those of them that a Tune has no field for are fields of its training jobs, of every algorithm. Names in `without`
    that begin with "model_trainer." are attributes of the trainers.
    """
    from constructs_ml.spec.steps.tune import Candidate, Tune

    reader = Reader(f"step {name!r}, HyperparameterTuner", values, frozenset(without))
    reader.require(tuner, "HyperparameterTuner", "model_trainer", "strategy", "max_jobs")
    known = {field.name for field in fields(Tune)}
    own = {field: value for field, value in changes.items() if field in known}
    trained = {field: value for field, value in changes.items() if field not in known}
    given = reader.part(tuner)
    given.leave(*_STATE, *_LEFT)
    for field in own:
        given.leave(*_INSTEAD.get(field, ()))
    names = sorted(given.said.get("model_trainer_dict", ()))
    goal = given.take("objective_type", "Maximize")
    found: dict[str, Any] = {"name": name}
    if names:
        found["trainings"] = tuple(
            reader.caught(partial(Candidate, name=algorithm, **_algorithm(given, algorithm, goal, trained)))
            for algorithm in names
        )
    else:
        found |= _algorithm(given, "", goal, trained, step=name, ranges=own.pop("ranges", {}))
    for kept in ("model_trainer", "objective_metric_name", "_hyperparameter_ranges", "metric_definitions"):
        given.leave(kept, f"{kept}_dict")
    found |= _search(given)
    given.close()
    reader.finish()
    return found | own


def _search(given: Part) -> dict[str, Any]:
    """How the search goes on and when it ends."""
    found: dict[str, Any] = {
        "strategy": _strategy(given),
        "max_jobs": given.take("max_jobs"),
        "parallel": given.take("max_parallel_jobs", 1),
        "early_stopping": given.take("early_stopping_type", "Off") == "Auto",
        "seed": given.take("random_seed"),
        "completion": _completion(given.part("completion_criteria_config")),
        "warm_start": _warm_start(given.part("warm_start_config")),
    }
    if seconds := given.take("max_runtime_in_seconds"):
        found["budget"] = timedelta(seconds=seconds)
    return found


def _algorithm(
    given: Part,
    algorithm: str,
    goal: Any,
    changes: Mapping[str, Any],
    *,
    step: str = "",
    ranges: Mapping[str, Range] | None = None,
) -> dict[str, Any]:
    """One algorithm: the fixed hyperparameters are those of its trainer that no range moves."""
    from constructs_ml.spec.steps.train import Train

    def of(attribute: str) -> Any:
        return (given.said.get(f"{attribute}_dict") or {}).get(algorithm) if algorithm else given.said.get(attribute)

    reader = given.reader
    place = f"hyperparameter_ranges.{algorithm}." if algorithm else "hyperparameter_ranges."
    said = {
        name: _range(reader.part(item, f"{place}{name}"), item)
        for name, item in (of("_hyperparameter_ranges") or {}).items()
        if name not in (ranges or {})
    }
    searched = {**{name: item for name, item in said.items() if item is not None}, **(ranges or {})}
    without = tuple(item for item in reader.without if item.startswith(_TRAINER))
    reader.left.update(without)
    arguments = train_arguments(
        of("model_trainer"),
        name=algorithm or step,
        values=reader.values,
        without=tuple(item.removeprefix(_TRAINER) for item in without),
        changes=changes,
    )
    fixed = {name: value for name, value in arguments["hyperparameters"].items() if name not in searched}
    metrics = of("metric_definitions")
    if metrics and "metrics" not in changes:
        places = [f"metric_definitions[{index}]" for index in range(len(metrics))]
        arguments["metrics"] = metrics_of(map(reader.part, metrics, places))
    metric = of("objective_metric_name")
    if not isinstance(metric, str):
        reader.refuse("objective_metric_name", metric, "a constant")
    return {
        "train": Train(**arguments | {"hyperparameters": fixed}),
        "objective": Objective(str(metric), goal),
        "ranges": searched,
    }


def _range(part: Part, said: object) -> Range | None:
    kind = type(said).__name__
    if kind == "CategoricalParameter":
        values = tuple(part.take("values") or ())
        part.close()
        return part.reader.caught(partial(Categorical, values))  # type: ignore[no-any-return]
    if kind not in _RANGES:
        part.reader.refuse(part.path, said, "IntegerParameter, ContinuousParameter or CategoricalParameter")
        return None
    low, high, scaling = part.take("min_value"), part.take("max_value"), part.take("scaling_type", "Auto")
    part.close()
    if low is None or high is None:
        return None
    return part.reader.caught(partial(_RANGES[kind], low, high, scaling))  # type: ignore[no-any-return]


def _strategy(given: Part) -> Strategy:
    """The strategy; Hyperband has bounds of its own."""
    name, config = given.take("strategy", "Bayesian"), given.part("strategy_config")
    bounds = config.part("hyperband_strategy_config")
    least, most = bounds.take("min_resource", 1), bounds.take("max_resource")
    bounds.close()
    config.close()
    known: dict[str, Strategy] = {"Bayesian": Bayesian(), "Random": Random(), "Grid": Grid()}
    if name == "Hyperband":
        built = given.reader.caught(partial(Hyperband, min_resource=least, max_resource=most))
        return built if isinstance(built, Hyperband) else Hyperband()
    if name not in known:
        given.reader.refuse("strategy", name, ", ".join((*known, "Hyperband")))
    return known.get(name, Bayesian())


def _completion(part: Part) -> Completion | None:
    target = part.take("target_objective_metric_value")
    stagnation, convergence = part.part("best_objective_not_improving"), part.part("convergence_detected")
    jobs = stagnation.take("max_number_of_training_jobs_not_improving")
    converged = convergence.take("complete_on_convergence") == "Enabled"
    for item in (stagnation, convergence, part):
        item.close()
    if target is None and jobs is None and not converged:
        return None
    build = partial(Completion, target=target, not_improving=jobs, convergence=converged)
    return part.reader.caught(build)  # type: ignore[no-any-return]


def _warm_start(part: Part) -> WarmStart | None:
    """Earlier tuning jobs by name; a placeholder stands for an input, or for the tuning job of another step."""
    if not part.said:
        return None
    parents = []
    for item, _ in part.parts("parent_hyper_parameter_tuning_jobs"):
        attribute = "hyper_parameter_tuning_job_name"
        parents.append(item.convert(item.said.pop(attribute, None), item.name(attribute)))
        item.close()
    kind = part.take("warm_start_type")
    part.close()
    if None in (*parents, kind):
        return None
    return part.reader.caught(partial(WarmStart, parents=tuple(parents), kind=kind))  # type: ignore[no-any-return]
