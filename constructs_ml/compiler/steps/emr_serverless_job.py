"""An EmrServerlessJob step: https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html."""

from __future__ import annotations

import math

from constructs_ml.compiler import jobs
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Path
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import allow_on, hand_over, kept, role_arn, watch
from constructs_ml.compiler.template import Json, sub
from constructs_ml.spec.steps import EmrServerlessJob


def add(machine: Machine, step: EmrServerlessJob, after: str) -> None:
    """The run of the job. Its token is new for every attempt: a known one would answer with the run that failed."""
    context = machine.context
    parameters = request(context, step)
    machine.expressions.put(parameters, "ClientToken", (Path("States.UUID()"), "-", Path("$$.State.RetryCount")))
    allow_on(context, "emr-serverless", ("StartJobRun",), "/applications/", step.application)
    allow_on(context, "emr-serverless", ("CancelJobRun", "GetJobRun"), "/applications/", step.application, "/jobruns/*")
    watch(context, "StepFunctionsGetEventsForEMRServerlessJobRule")
    hand_over(context, [sub(role_arn(step.role))], "emr-serverless.amazonaws.com")
    machine.task(
        step.name,
        "emr-serverless:startJobRun.sync",
        parameters,
        after,
        kept=kept(context, step.name, {key: f"$.{key}" for key in step.result_keys}),
        retry=retries("emr-serverless", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )


def request(context: Context, step: EmrServerlessJob) -> dict[str, Json]:
    """The parameters of StartJobRun but its token."""
    expressions = context.expressions
    driver: dict[str, Json] = {}
    expressions.put(driver, "EntryPoint", expressions.text(step.entry_point))
    if step.arguments:
        expressions.put_list(driver, "EntryPointArguments", [expressions.text(item) for item in step.arguments])
    if step.spark_parameters is not None:
        expressions.put(driver, "SparkSubmitParameters", expressions.text(step.spark_parameters))
    parameters: dict[str, Json] = {
        "Name": f"{context.spec.model}-{step.name}",
        "ExecutionRoleArn": role_arn(step.role),
        "ExecutionTimeoutMinutes": math.ceil(step.timeout.total_seconds() / 60),
        "JobDriver": {"SparkSubmit": driver},
    }
    expressions.put(parameters, "ApplicationId", expressions.text(step.application))
    return jobs.with_raw(context, step.name, "emr-serverless:startJobRun", parameters, step.raw)
