"""What starts a pipeline of SageMaker Pipelines: schedules and rules that hand over its parameters."""

from __future__ import annotations

import json

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub, literal
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.sagemaker.definition import parameter_type
from constructs_ml.compiler.sagemaker.expressions import arrival_key
from constructs_ml.compiler.template import Json, att, sub
from constructs_ml.compiler.triggers import RETRY, pattern_of, schedule_of
from constructs_ml.contract.events import ModelPackageStateChange, ObjectCreated
from constructs_ml.faults import Faults
from constructs_ml.spec.concurrency import Allow
from constructs_ml.spec.from_event import FromEvent
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.triggers import Constant, EventTrigger, OnApproval, OnData, OnFeatures, Trigger
from constructs_ml.spec.values import S3

# EventBridge and its scheduler: SageMakerPipelineParameter.
_VALUE_LENGTH = 1024


def check_triggers(spec: PipelineSpec, faults: Faults) -> None:
    """Add a fault for every constant that cannot be handed over as a parameter's text."""
    types = {item.name: parameter_type(item) for item in spec.inputs}
    here = f"pipeline {spec.name!r} of model {spec.model!r}"
    if not isinstance(spec.concurrency, Allow):
        what, allowed = "turns that runs of one model take", "concurrency=Allow()"
        faults.add("engine-step", where=here, what=what, got=spec.concurrency, allowed=allowed)
    for trigger in spec.triggers:
        _check_arrival(trigger, f"{here}, trigger {trigger.name!r}", faults)
        where = f"{here}, trigger {trigger.name!r}, input"
        for name, value in trigger.inputs.items():
            place = f"{where} {name!r}"
            if isinstance(value, str) and not 1 <= len(value) <= _VALUE_LENGTH:
                got, allowed = f"{len(value)} characters", f"1 to {_VALUE_LENGTH}"
                faults.add("engine-step", where=place, what="text of this length in a start", got=got, allowed=allowed)
            if isinstance(value, str) and value.startswith("$.") and isinstance(trigger, EventTrigger):
                what, allowed = "constant that reads like a path of the event", "text that does not begin with $."
                faults.add("engine-step", where=place, what=what, got=repr(value), allowed=allowed)
            if types.get(name) == "Integer" and isinstance(value, float):
                what, allowed = "fraction for a parameter whose default is whole", "a whole number, or a default of 1.0"
                faults.add("engine-step", where=place, what=what, got=value, allowed=allowed)


def _check_arrival(trigger: Trigger, where: str, faults: Faults) -> None:
    """A rule hands over single values of one event."""
    if isinstance(trigger, (OnData, OnFeatures)) and trigger.debounce is not None:
        got = trigger.debounce
        faults.add("engine-step", where=where, what="bursts of events", got=got, allowed="debounce=None")
    if isinstance(trigger, OnFeatures) and trigger.to is not None:
        what, allowed = "place of a file that arrived in a feature store", "a constant in inputs="
        faults.add("engine-step", where=where, what=what, got=f"to={trigger.to!r}", allowed=allowed)
    for value in trigger.inputs.values():
        if isinstance(value, FromEvent) and "['" in value.path:
            what, allowed = "path of an event with names in brackets", "$.detail.name"
            faults.add("engine-step", where=where, what=what, got=value.path, allowed=allowed)


def add_triggers(context: Context, pipeline: str, pipeline_arn: Json) -> None:
    """Add a schedule or rule for every trigger; `pipeline` is the logical id of what is started."""
    triggers = context.spec.triggers
    if not triggers:
        return
    role = add_role(
        context.template,
        "Trigger role",
        description=f"Starts {context.spec.name} of {context.spec.model}",
        services=("events.amazonaws.com", "scheduler.amazonaws.com"),
        statements=[Statement(("sagemaker:StartPipelineExecution",), (pipeline_arn,))],
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    for trigger in triggers:
        target: dict[str, Json] = {"Arn": pipeline_arn, "RoleArn": att(role.id, "Arn"), "RetryPolicy": RETRY}
        given = _parameters(context, trigger)
        if given:
            target["SageMakerPipelineParameters"] = {"PipelineParameterList": given}
        started = f"Starts {context.spec.name} of {context.spec.model}"
        if isinstance(trigger, EventTrigger):
            kind, properties = (
                "AWS::Events::Rule",
                {
                    "EventPattern": pattern_of(context, trigger),
                    "State": "ENABLED",
                    "Targets": [{**target, "Id": "Pipeline"}],
                },
            )
        else:
            kind, properties = "AWS::Scheduler::Schedule", {**schedule_of(trigger), "Target": target}
        # The ARN is made from the pipeline's name, so nothing else says that the pipeline comes first.
        context.template.add(trigger.name, kind, {"Description": started, **properties}, depends_on=(pipeline,))


def _parameters(context: Context, trigger: Trigger) -> list[Json]:
    """The parameters of a run; of an object that arrived, its key comes from the event."""
    given = {
        name: value.path if isinstance(value, FromEvent) else _text(context, value)
        for name, value in trigger.inputs.items()
    }
    if isinstance(trigger, OnApproval) and trigger.to is not None:
        given[trigger.to] = ModelPackageStateChange.PACKAGE
    if isinstance(trigger, OnData):
        given[trigger.to] = sub("s3://${DataBucket}/", DataBucket=context.infrastructure.data_bucket)
        given[arrival_key(trigger.to)] = ObjectCreated.KEY
    return [{"Name": name, "Value": value} for name, value in sorted(given.items())]


def _text(context: Context, value: Constant) -> Json:
    """A constant as the text from which SageMaker reads a parameter of its type."""
    if isinstance(value, S3):
        text = literal(context.expressions.text(value))
        return sub(text, DataBucket=context.infrastructure.data_bucket) if value.bucket is None else text
    if not isinstance(value, str):
        return json.dumps(value)
    return sub(escape_sub(value)) if "${" in value else value
