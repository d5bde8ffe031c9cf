"""A Tune step: a tuning job, and what its best training job leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from constructs_ml.compiler import choices, jobs, training
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.proofs import check_raw
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.steps import Candidate, Train, Tune
from constructs_ml.spec.steps.tune import OBJECTIVE, TUNING_JOB
from constructs_ml.spec.tuning import Categorical, Completion, Continuous, Hyperband, Integer, Objective, Range
from constructs_ml.spec.values import ModelArtifact, Result

_VALUE = "FinalHyperParameterTuningJobObjectiveMetric.Value"
_CALL = "sagemaker:createHyperParameterTuningJob"
_TRAINED = "a tuning job names its training jobs after itself"
# The states' own bound where nothing else ends the search: a year, which no run outlives.
_LONGEST = timedelta(days=364)


def add(machine: Machine, step: Tune, after: str) -> None:
    """The job, the check that some training job was best, and the taking over of what later steps use."""
    context = machine.context
    prefix = names.tuning_prefix(context.spec.model, context.spec.name, step.name)
    parameters = request(context, step)
    machine.expressions.put(parameters, "HyperParameterTuningJobName", jobs.tuning_job_name(context, step.name))
    context.allow(*jobs.job_calls(context, "HyperParameterTuningJob", step.name, prefix))
    machine.task(
        step.name,
        f"{_CALL}.sync",
        parameters,
        f"Check {step.name}",
        # Where no training job was best the answer has no BestTrainingJob: it is looked at before it is trimmed.
        kept={"answer.$": "$"},
        retry=retries("sagemaker", step.retry),
        seconds=jobs.state_timeout(_longest(step)),
    )
    found = [{"Variable": _best(step, "TrainingJobName"), "IsPresent": True}]
    if context.metrics_of(step.name):
        found += choices.is_finite(_best(step, _VALUE))
    reads = ModelArtifact(step.name) in context.used
    metrics = " or ".join(dict.fromkeys(candidate.objective.metric for candidate in step.definitions))
    cause = f"step {step.name}: no training job of the tuning job reported a finite {metrics}"
    machine.guard(f"Check {step.name}", found, f"{'Read' if reads else 'Keep'} {step.name}", cause)
    if reads:
        _read(machine, step, prefix)
    kept = {"Type": "Pass", "Parameters": _used(context, step), "ResultPath": result_path(step.name), "Next": after}
    machine.put(f"Keep {step.name}", kept)


def _best(step: Tune, member: str) -> str:
    return result_path(step.name, f"answer.BestTrainingJob.{member}")


def _used(context: Context, step: Tune) -> dict[str, Json]:
    """The best training job's name and what later steps use of it, by where it stands in the answers."""
    kept: dict[str, Json] = {"job.$": _best(step, "TrainingJobName")}
    if ModelArtifact(step.name) in context.used:
        kept["model.$"] = result_path(step.name, "read.model")
    if context.metrics_of(step.name):
        kept["metrics"] = {f"{OBJECTIVE}.$": _best(step, _VALUE)}
    for key, name in step.keys.items():
        if Result(step.name, key) in context.used:
            kept[f"{key}.$"] = _best(step, f"TunedHyperParameters['{name}']")
    if Result(step.name, TUNING_JOB) in context.used:
        kept[f"{TUNING_JOB}.$"] = result_path(step.name, "answer.HyperParameterTuningJobName")
    return kept


def _read(machine: Machine, step: Tune, prefix: str) -> None:
    """The artifact stands in the description of the training job alone."""
    machine.task(
        f"Read {step.name}",
        "aws-sdk:sagemaker:describeTrainingJob",
        {"TrainingJobName.$": _best(step, "TrainingJobName")},
        f"Keep {step.name}",
        kept={"model.$": "$.ModelArtifacts.S3ModelArtifacts"},
        at=result_path(step.name, "read"),
    )
    trained = arn("sagemaker", f"training-job/{prefix}-*")
    machine.context.allow(Statement(("sagemaker:DescribeTrainingJob",), (trained,), because=_TRAINED))


def _longest(step: Tune) -> timedelta:
    """How long the search can take: its budget, or its jobs one after the other."""
    if step.budget is not None:
        return step.budget
    if step.max_jobs is None:
        return _LONGEST
    each = (item.train.spot.max_wait if item.train.spot else item.train.timeout for item in step.definitions)
    return min(math.ceil(step.max_jobs / step.parallel) * max(each), _LONGEST)


def request(context: Context, step: Tune) -> dict[str, Json]:
    """The parameters but the name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html."""
    rendered = [
        _definition(context, step, candidate, train)
        for candidate, train in zip(step.definitions, definitions(step), strict=True)
    ]
    parameters: dict[str, Json] = {"HyperParameterTuningJobConfig": _config(step)}
    if step.trainings:
        parameters["TrainingJobDefinitions"] = rendered
    else:
        parameters["TrainingJobDefinition"] = rendered[0]
    if step.warm_start is not None:
        parents: list[dict[str, Json]] = [{} for _ in step.warm_start.parents]
        for parent, name in zip(parents, step.warm_start.parents, strict=True):
            context.expressions.put(parent, "HyperParameterTuningJobName", context.expressions.text(name))
        kind = step.warm_start.kind
        parameters["WarmStartConfig"] = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": kind}
    parameters["Tags"] = jobs.job_tags(context, step.name)
    return jobs.with_raw(context, step.name, _CALL, parameters, step.raw)


def definitions(step: Tune) -> tuple[Train, ...]:
    """Each candidate's training job, named after the step: where its code and its artifacts are kept."""
    inner = step.inner_names or (step.name,)
    return tuple(replace(item.train, name=name) for item, name in zip(step.definitions, inner, strict=True))


def _definition(context: Context, step: Tune, candidate: Candidate, train: Train) -> dict[str, Json]:
    """One algorithm: what a training job is made of, and for several their own ranges and objectives."""
    own: dict[str, Json] = {}
    if step.trainings:
        own = {
            "DefinitionName": candidate.name,
            "TuningObjective": _objective(candidate.objective),
            "HyperParameterRanges": _ranges(candidate.ranges),
        }
    definition = training.common(context, train, own, "StaticHyperParameters")
    if not train.raw:
        return definition
    where = f"pipeline {context.spec.name!r}, step {step.name!r}, raw of its Train"
    context.faults.found.extend(check_raw(_CALL, {"TrainingJobDefinition": train.raw}, where=where))
    return jobs.merge_raw(definition, train.raw)


def _config(step: Tune) -> dict[str, Json]:
    limits: dict[str, Json] = {"MaxParallelTrainingJobs": step.parallel}
    if step.max_jobs is not None:
        limits["MaxNumberOfTrainingJobs"] = step.max_jobs
    if step.budget is not None:
        limits["MaxRuntimeInSeconds"] = int(step.budget.total_seconds())
    config: dict[str, Json] = {
        "Strategy": type(step.strategy).__name__,
        "ResourceLimits": limits,
        "TrainingJobEarlyStoppingType": "Auto" if step.early_stopping else "Off",
    }
    if isinstance(step.strategy, Hyperband):
        found = {"MinResource": step.strategy.min_resource, "MaxResource": step.strategy.max_resource}
        resources = {name: value for name, value in found.items() if value is not None}
        config["StrategyConfig"] = {"HyperbandStrategyConfig": resources}
    if step.objective is not None:
        config["HyperParameterTuningJobObjective"] = _objective(step.objective)
        config["ParameterRanges"] = _ranges(step.ranges)
    if step.completion is not None:
        config["TuningJobCompletionCriteria"] = _completion(step.completion)
    if step.seed is not None:
        config["RandomSeed"] = step.seed
    return config


def _objective(objective: Objective) -> dict[str, Json]:
    return {"Type": objective.goal, "MetricName": objective.metric}


def _completion(completion: Completion) -> dict[str, Json]:
    criteria: dict[str, Json] = {}
    if completion.target is not None:
        criteria["TargetObjectiveMetricValue"] = completion.target
    if completion.not_improving is not None:
        criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": completion.not_improving}
    if completion.convergence:
        criteria["ConvergenceDetected"] = {"CompleteOnConvergence": "Enabled"}
    return criteria


def _ranges(ranges: Mapping[str, Range]) -> dict[str, Json]:
    """The ranges by their kinds; the API takes numbers as text."""
    found: dict[str, list[Json]] = {}
    for name, item in ranges.items():
        match item:
            case Integer(low, high, scaling) | Continuous(low, high, scaling):
                bounds = {"Name": literal((name,)), "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}
                found.setdefault(f"{type(item).__name__}ParameterRanges", []).append(bounds)
            case Categorical(values):
                listed = {"Name": literal((name,)), "Values": [literal((value,)) for value in values]}
                found.setdefault("CategoricalParameterRanges", []).append(listed)
    return dict(found)
