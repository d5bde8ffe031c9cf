"""A GlueJob step: https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html."""

from __future__ import annotations

import math

from constructs_ml.compiler import jobs
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import allow_on, kept
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import GlueJob

# How Step Functions hears of the end of a run of Glue: it looks.
_CALLS = ("BatchStopJobRun", "GetJobRun", "GetJobRuns", "StartJobRun")


def add(machine: Machine, step: GlueJob, after: str) -> None:
    """The run of the job."""
    context = machine.context
    allow_on(context, "glue", _CALLS, "job/", step.job)
    machine.task(
        step.name,
        "glue:startJobRun.sync",
        request(context, step),
        after,
        kept=kept(context, step.name, {key: f"$.{key}" for key in step.result_keys}),
        retry=retries("glue", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )


def request(context: Context, step: GlueJob) -> dict[str, Json]:
    """The parameters of StartJobRun."""
    parameters: dict[str, Json] = {"Timeout": math.ceil(step.timeout.total_seconds() / 60)}
    context.expressions.put(parameters, "JobName", context.expressions.text(step.job))
    if step.arguments:
        parameters["Arguments"] = context.expressions.put_all(step.named_arguments)
    if step.worker_type is not None:
        parameters |= {"WorkerType": step.worker_type, "NumberOfWorkers": step.number_of_workers}
    return jobs.with_raw(context, step.name, "glue:startJobRun", parameters, step.raw)
