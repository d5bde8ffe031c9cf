"""A DataBrewJob step: https://docs.aws.amazon.com/step-functions/latest/dg/connect-databrew.html."""

from __future__ import annotations

from constructs_ml.compiler import jobs
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import allow_on, kept
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import DataBrewJob


def add(machine: Machine, step: DataBrewJob, after: str) -> None:
    """The run of the job."""
    context = machine.context
    parameters: dict[str, Json] = {}
    context.expressions.put(parameters, "Name", context.expressions.text(step.job))
    allow_on(context, "databrew", ("ListJobRuns", "StartJobRun", "StopJobRun"), "job/", step.job)
    machine.task(
        step.name,
        "databrew:startJobRun.sync",
        jobs.with_raw(context, step.name, "databrew:startJobRun", parameters, step.raw),
        after,
        kept=kept(context, step.name, {key: f"$.{key}" for key in step.result_keys}),
        retry=retries("databrew", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )
