"""Training jobs that an alarm ends: the alarm, and the states that read it between two looks at the job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from constructs_ml.compiler import polling
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.polling import Poll
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.template import Json, tag_list
from constructs_ml.contract import metrics, names
from constructs_ml.spec.early_stop import EarlyStop
from constructs_ml.spec.steps import Train

_JOBS = "a job's name ends in a UUID, so that every attempt has its own"
# SIGTERM gives the script two minutes; the rest is for the upload of the artifact.
_STOPPING = timedelta(hours=1)
_PAUSE = 30


def add(
    machine: Machine,
    step: Train,
    parameters: Mapping[str, Json],
    kept: Mapping[str, Json],
    after: str,
    seconds: int,
) -> None:
    """The job, started and looked at; `kept` selects from its description what later steps use."""
    context = machine.context
    prefix = names.job_prefix(context.spec.model, step.name)
    actions = ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags")
    job = arn("sagemaker", f"training-job/{prefix}-*")
    context.allow(Statement(tuple(f"sagemaker:{action}" for action in actions), (job,), because=_JOBS))
    poll = Poll(
        start="aws-sdk:sagemaker:createTrainingJob",
        look="aws-sdk:sagemaker:describeTrainingJob",
        stop="aws-sdk:sagemaker:stopTrainingJob",
        name="TrainingJobName",
        status="$.TrainingJobStatus",
        done=("Completed",),
        failed=("Failed", "Stopped"),
        exists="SageMaker.ResourceInUseException",
        deadline=timedelta(seconds=seconds),
        kept=kept,
        seen={"created.$": "$.CreationTime"},
        between=f"Ask alarm of {step.name}",
    )
    polling.add(machine, step.name, poll, (prefix,), parameters, after)
    _ask(machine, step.name, _alarm(context, step))
    _stop(machine, step.name, poll)


def _alarm(context: Context, step: Train) -> Text:
    """The name of the alarm: one that the account has, or ours on the metric's name.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html
    """
    stop, model = step.stop_when, context.spec.model
    if not isinstance(stop, EarlyStop):
        assert stop is not None
        context.allow(Statement(("cloudwatch:DescribeAlarms",), (arn("cloudwatch", f"alarm:{stop}"),)))
        return (stop,)
    if not stop.metric.startswith(f"{model}:"):
        where = f"pipeline {context.spec.name!r}, step {step.name!r}"
        context.faults.add("stop-name", where=where, got=repr(stop.metric), allowed=f"a name like {model}:loss")
    name = names.alarm(context.account.stage, model, f"{context.spec.name}-{step.name}", "stop")
    above = stop.above is not None
    table = f'SCHEMA("{metrics.TRAINING_NAMESPACE}", {metrics.TRAINING_JOB})'
    query = f'SELECT AVG("{stop.metric}") FROM {table}'  # noqa: S608 - the name has no quotation marks
    context.template.add(
        f"{step.name} early stop",
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": name,
            "AlarmDescription": f"Ends step {step.name} of {context.spec.name} of {model} early",
            "Metrics": [{"Id": "watched", "Expression": query, "Period": 60, "ReturnData": True}],
            "Threshold": stop.bound,
            "ComparisonOperator": "GreaterThanThreshold" if above else "LessThanThreshold",
            "EvaluationPeriods": stop.for_minutes,
            "DatapointsToAlarm": stop.for_minutes,
            "TreatMissingData": "notBreaching",
            "Tags": tag_list(context.tags),
        },
    )
    context.allow(Statement(("cloudwatch:DescribeAlarms",), (arn("cloudwatch", f"alarm:{name}"),)))
    return (name,)


def _ask(machine: Machine, step: str, alarm: Text) -> None:
    """Read the alarm; it counts only if it rang after the job was made."""
    keys = ("alarm.found.StateValue", "alarm.found.StateUpdatedTimestamp", "look.created")
    state, since, created = (result_path(step, key) for key in keys)
    machine.task(
        f"Ask alarm of {step}",
        "aws-sdk:cloudwatch:describeAlarms",
        {"AlarmNames": [literal(alarm)], "AlarmTypes": ["MetricAlarm"]},
        f"Check alarm of {step}",
        # A selector that finds no alarm would end the run past every Catch, so the list is kept and looked at.
        kept={"found.$": "$.MetricAlarms"},
        at=result_path(step, "alarm"),
        retry=[service_retry("cloudwatch")],
    )
    there = {"Variable": result_path(step, "alarm.found[0]"), "IsPresent": True}
    cause = f"step {step}: there is no alarm {literal(alarm)}"
    machine.guard(f"Check alarm of {step}", [there], f"Keep alarm of {step}", cause)
    first = {"found.$": f"States.ArrayGetItem({result_path(step, 'alarm.found')}, 0)"}
    place, judge = result_path(step, "alarm"), f"Judge alarm of {step}"
    machine.put(f"Keep alarm of {step}", {"Type": "Pass", "Parameters": first, "ResultPath": place, "Next": judge})
    rings = [
        {"Variable": state, "StringEquals": "ALARM"},
        {"Variable": since, "TimestampGreaterThanPath": created},
    ]
    choice = {"And": rings, "Next": f"Stop early {step}"}
    machine.put(f"Judge alarm of {step}", {"Type": "Choice", "Choices": [choice], "Default": f"Pause {step}"})


def _stop(machine: Machine, step: str, poll: Poll) -> None:
    """Stop the job and wait for its artifact. A job that ended meanwhile refuses that, and is taken as it is."""
    job, waited = result_path(step, "job"), result_path(step, "waited")
    status = result_path(step, "look.status")
    named = {f"{poll.name}.$": job}
    ended = {"ErrorEquals": ["States.TaskFailed"], "ResultPath": None, "Next": f"Wait for the end of {step}"}
    machine.task(
        f"Stop early {step}",
        poll.stop,
        named,
        f"Wait for the end of {step}",
        retry=[service_retry("sagemaker")],
        catch=[ended],
    )
    wait = {"Type": "Wait", "Seconds": _PAUSE, "Next": f"See the end of {step}"}
    machine.put(f"Wait for the end of {step}", wait)
    machine.task(
        f"See the end of {step}",
        poll.look,
        named,
        f"Judge the end of {step}",
        kept={"status.$": poll.status},
        at=result_path(step, "look"),
    )
    longest = int((poll.deadline + _STOPPING).total_seconds())
    choices = [
        *({"Variable": status, "StringEquals": value, "Next": f"Keep {step}"} for value in ("Stopped", *poll.done)),
        {"Variable": status, "StringEquals": "Failed", "Next": f"Report {step}"},
        {"Variable": waited, "NumericGreaterThanEquals": longest, "Next": f"Give up {step}"},
    ]
    machine.put(
        f"Judge the end of {step}", {"Type": "Choice", "Choices": choices, "Default": f"Count the end of {step}"}
    )
    counted = {"job.$": job, "waited.$": f"States.MathAdd({waited}, {_PAUSE})"}
    machine.put(
        f"Count the end of {step}",
        {
            "Type": "Pass",
            "Parameters": counted,
            "ResultPath": result_path(step),
            "Next": f"Wait for the end of {step}",
        },
    )
