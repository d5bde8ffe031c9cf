"""What starts a pipeline: schedules and rules, and the role by which they start it."""

from __future__ import annotations

import json

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.template import Json, att, ref, sub
from constructs_ml.contract.events import AlarmStateChange, ObjectCreated
from constructs_ml.spec.triggers import Constant, OnAlarm, OnData, Schedule, Trigger
from constructs_ml.spec.values import S3

# A start that fails for a day has been missed; the next one comes by itself.
RETRY = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
_SCHEDULE = "AWS::Scheduler::Schedule"


def add_triggers(context: Context, state_machine: str) -> None:
    """Add a schedule or rule for every trigger. Logical ids follow the triggers' names, never their expressions."""
    triggers = context.spec.triggers
    if not triggers:
        return
    role = add_role(
        context.template,
        "Trigger role",
        description=f"Starts {context.spec.name} of {context.spec.model}",
        services=("events.amazonaws.com", "scheduler.amazonaws.com"),
        statements=[Statement(("states:StartExecution",), (ref(state_machine),))],
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    for trigger in triggers:
        target = {"Arn": ref(state_machine), "RoleArn": att(role.id, "Arn"), "RetryPolicy": RETRY}
        match trigger:
            case OnData() | OnAlarm():
                _rule(context, trigger, target)
            case _:
                _schedule(context, trigger, target)


def _schedule(context: Context, trigger: Schedule, target: dict[str, Json]) -> None:
    target["Input"] = _constants(context, trigger)
    properties: dict[str, Json] = {
        **schedule_of(trigger),
        "Target": target,
        "Description": f"Starts {context.spec.name} of {context.spec.model}",
    }
    context.template.add(trigger.name, _SCHEDULE, properties)


def schedule_of(trigger: Schedule) -> dict[str, Json]:
    """When a schedule starts runs."""
    window: dict[str, Json] = {"Mode": "OFF"}
    if trigger.flexible:
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": int(trigger.flexible.total_seconds() // 60)}
    properties: dict[str, Json] = {"ScheduleExpression": trigger.schedule, "FlexibleTimeWindow": window}
    zone = getattr(trigger, "time_zone", None)
    if zone:
        properties["ScheduleExpressionTimezone"] = zone
    return properties


def pattern_of(context: Context, trigger: OnData | OnAlarm) -> dict[str, Json]:
    """The events that start runs."""
    if isinstance(trigger, OnData):
        return ObjectCreated.pattern(context.infrastructure.data_bucket, trigger.prefix, trigger.suffix)
    return AlarmStateChange.pattern(arn("cloudwatch", f"alarm:{escape_sub(trigger.alarm)}"))


def _rule(context: Context, trigger: OnData | OnAlarm, target: dict[str, Json]) -> None:
    if isinstance(trigger, OnData):
        constants = {name: _constant(context, value) for name, value in trigger.inputs.items()}
        given = {**constants, trigger.to: "s3://<bucket>/<key>"}
        target["InputTransformer"] = {
            "InputPathsMap": dict(ObjectCreated.PATHS),
            "InputTemplate": _text(context, given),
        }
    else:
        target["Input"] = _constants(context, trigger)
    target["Id"] = "Pipeline"
    properties = {
        "Description": f"Starts {context.spec.name} of {context.spec.model}",
        "EventPattern": pattern_of(context, trigger),
        "State": "ENABLED",
        "Targets": [target],
    }
    context.template.add(trigger.name, "AWS::Events::Rule", properties)


def _constants(context: Context, trigger: Trigger) -> Json:
    """The constant inputs of a run, as the JSON text that the service passes on."""
    return _text(context, {name: _constant(context, value) for name, value in trigger.inputs.items()})


def _constant(context: Context, value: Constant) -> Json:
    if isinstance(value, S3):
        return literal(context.expressions.text(value))
    return escape_sub(value) if isinstance(value, str) else value


def _text(context: Context, inputs: dict[str, Json]) -> Json:
    text = json.dumps(inputs, sort_keys=True)
    if "${DataBucket}" in text:
        return sub(text, DataBucket=context.infrastructure.data_bucket)
    return sub(text) if "${" in text else text
