"""An EmrServerlessJob step as SageMaker Pipelines reads it."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.sagemaker.retries import step_retries
from constructs_ml.compiler.steps import emr_serverless_job
from constructs_ml.compiler.steps.common import allow_on, hand_over, role_arn
from constructs_ml.compiler.template import Json, sub
from constructs_ml.spec.steps import EmrServerlessJob

# Members of StartJobRun that are maps: their keys are the caller's own.
MAPS = frozenset({"EncryptionContext", "LogTypes", "Properties", "Tags"})
_FUNCTIONS = ("Get", "Std:Join")


def emr_serverless_step(context: Context, step: EmrServerlessJob) -> dict[str, Json]:
    """The run of a job in an application that exists; application and role stand twice, as the SDK writes them."""
    job = emr_serverless_job.request(context, step)
    allow_on(context, "emr-serverless", ("StartJobRun",), "/applications/", step.application)
    allow_on(context, "emr-serverless", ("CancelJobRun", "GetJobRun"), "/applications/", step.application, "/jobruns/*")
    hand_over(context, [sub(role_arn(step.role))], "emr-serverless.amazonaws.com")
    return {
        "Name": step.name,
        "Type": "EMRServerless",
        "Arguments": {
            "ExecutionRoleArn": job["ExecutionRoleArn"],
            "ApplicationId": job["ApplicationId"],
            "JobConfig": _in_small(job),
        },
        "RetryPolicies": step_retries(),
    }


def _in_small(value: Json) -> Json:
    """A StartJobRun request under the service's own names, which begin with a small letter."""
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in _FUNCTIONS:
            return value
        return {key[:1].lower() + key[1:]: item if key in MAPS else _in_small(item) for key, item in value.items()}
    return [_in_small(item) for item in value] if isinstance(value, (list, tuple)) else value
