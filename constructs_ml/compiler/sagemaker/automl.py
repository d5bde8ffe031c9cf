"""An AutoML step as SageMaker Pipelines reads it."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.sagemaker.retries import job_retries
from constructs_ml.compiler.steps import automl
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import AutoML

_SHORT = "names of AutoML jobs have 32 characters, and nobody says how SageMaker makes them of a run and a step"


def automl_step(context: Context, step: AutoML) -> dict[str, Json]:
    """The step takes the first version's request and runs it in ensembling mode alone.

    https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html#step-type-automl
    """
    calls = ("CreateAutoMLJob", "DescribeAutoMLJob", "StopAutoMLJob", "AddTags")
    allowed = tuple(f"sagemaker:{call}" for call in calls)
    context.allow(Statement(allowed, (arn("sagemaker", "automl-job/*"),), because=_SHORT))
    return {
        "Name": step.name,
        "Type": "AutoML",
        "Arguments": _first_version(automl.request(context, step)),
        "RetryPolicies": job_retries(step.retry),
    }


def _first_version(request: Mapping[str, Json]) -> dict[str, Json]:
    """A tabular CreateAutoMLJobV2 request as CreateAutoMLJob spells it: every member has its place there.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAutoMLJob.html
    """
    same = ("RoleArn", "OutputDataConfig", "AutoMLJobObjective", "Tags")
    table = request["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    columns = ("TargetAttributeName", "SampleWeightAttributeName")
    config = ("Mode", "CompletionCriteria", "CandidateGenerationConfig")
    named = {key: table[key] for key in columns if key in table}
    return {
        **{key: request[key] for key in same if key in request},
        **({"ProblemType": table["ProblemType"]} if "ProblemType" in table else {}),
        "InputDataConfig": [{**channel, **named} for channel in request["AutoMLJobInputDataConfig"]],
        "AutoMLJobConfig": {
            **{key: table[key] for key in config if key in table},
            **{key: request[key] for key in ("SecurityConfig", "DataSplitConfig") if key in request},
        },
    }
