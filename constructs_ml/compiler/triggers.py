"""What starts a pipeline: schedules and rules, and the role by which they start the starter."""

from __future__ import annotations

import json
from collections.abc import Mapping

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub
from constructs_ml.compiler.feature_group import store_place
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.starter import add_starter
from constructs_ml.compiler.template import Json, att, dumps, ref
from constructs_ml.contract import names
from constructs_ml.contract.events import (
    AlarmStateChange,
    ImagePushed,
    ModelPackageStateChange,
    ObjectCreated,
    Scheduled,
)
from constructs_ml.facts import limits
from constructs_ml.spec.arrivals import OnData, OnFeatures
from constructs_ml.spec.event_triggers import OnAlarm, OnApproval, OnDrift, OnEvent, OnImage
from constructs_ml.spec.schedules import Schedule
from constructs_ml.spec.triggers import EventTrigger

# A start that fails for a day has been missed; the next one comes by itself.
RETRY = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
# Feature Store writes Parquet in both of its table formats; what else it writes are the tables' own records.
_FEATURE_FILES = ".parquet"


def add_triggers(context: Context, state_machine: str) -> None:
    """Add the starter, and a schedule or rule for every trigger.

    Logical ids follow the triggers' names, never their expressions.
    """
    triggers = context.spec.triggers
    if not triggers:
        return
    starter = add_starter(context, state_machine)
    role = add_role(
        context.template,
        "Trigger role",
        description=f"Starts {context.spec.name} of {context.spec.model}",
        services=("events.amazonaws.com", "scheduler.amazonaws.com"),
        statements=[Statement(("states:StartExecution",), (ref(starter),))],
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    for trigger in triggers:
        name = trigger.name
        if context.template.id(name) in context.template.resources:
            where = context.where_of(f"trigger {name!r}")
            context.faults.add("trigger-reserved", where=where, got=name, allowed="another name", name=name)
            continue
        target = {"Arn": ref(starter), "RoleArn": att(role.id, "Arn"), "RetryPolicy": RETRY}
        if isinstance(trigger, EventTrigger):
            _rule(context, trigger, target)
        else:
            _schedule(context, trigger, target)


def _schedule(context: Context, trigger: Schedule, target: dict[str, Json]) -> None:
    target["Input"] = json.dumps({"trigger": trigger.name, "event": Scheduled.INPUT})
    properties: dict[str, Json] = {
        **schedule_of(trigger),
        "Target": target,
        "Description": _description(context),
    }
    context.template.add(trigger.name, "AWS::Scheduler::Schedule", properties)


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


def _rule(context: Context, trigger: EventTrigger, target: dict[str, Json]) -> None:
    # The event goes to the starter whole: a template cannot escape what it takes out of one.
    target |= {
        "Id": "Starter",
        "InputTransformer": {"InputTemplate": f'{{"trigger":"{trigger.name}","event":<aws.events.event.json>}}'},
    }
    properties: dict[str, Json] = {
        "Description": _description(context),
        "EventPattern": pattern_of(context, trigger),
        "State": "ENABLED",
        "Targets": [target],
    }
    if isinstance(trigger, OnEvent) and trigger.bus != "default":
        properties["EventBusName"] = trigger.bus
    size = len(dumps(properties["EventPattern"]))
    if size > limits.EVENT_PATTERN_CHARACTERS:
        where = context.where_of(f"trigger {trigger.name!r}")
        allowed = f"at most {limits.EVENT_PATTERN_CHARACTERS} characters"
        context.faults.add("event-pattern-size", where=where, got=f"{size} characters", allowed=allowed)
    context.template.add(trigger.name, "AWS::Events::Rule", properties)


def pattern_of(context: Context, trigger: EventTrigger) -> Mapping[str, Json]:
    """The events that start runs."""
    stage, model = context.account.stage, context.spec.model
    match trigger:
        case OnData(prefix=prefix, suffix=suffix):
            return ObjectCreated.pattern(context.infrastructure.data_bucket, prefix, suffix)
        case OnFeatures(group=group):
            bucket, prefix = store_place(group, context.infrastructure)
            return ObjectCreated.pattern(bucket, prefix, _FEATURE_FILES)
        case OnAlarm(alarm=alarm):
            return AlarmStateChange.pattern(arn("cloudwatch", f"alarm:{escape_sub(alarm)}"))
        case OnDrift(alarms=alarms):
            return AlarmStateChange.pattern_of_any([names.alarm(stage, model, *alarm) for alarm in alarms])
        case OnApproval(model=other, status=status):
            return ModelPackageStateChange.pattern(names.model_package_group(stage, other or model), status)
        case OnImage(repository=repository, tag=tag):
            return ImagePushed.pattern(repository, tag)
        case OnEvent(pattern=pattern):
            return {key: _plain(value) for key, value in pattern.items()}


def _plain(value: object) -> Json:
    """A user's pattern as lists and objects."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _description(context: Context) -> str:
    return f"Starts {context.spec.name} of {context.spec.model}"
