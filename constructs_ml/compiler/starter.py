"""The starter: a small state machine that turns what a trigger says into one run of the pipeline.

Every trigger starts it with its name and the event as it came. It reads what the trigger gives, makes the run's name
of the token of the change, and starts the run. Step Functions refuses a name for 90 days, so an event that is
delivered twice, or a change that is told twice, starts one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from constructs_ml.compiler import bursts, notice
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Path, literal
from constructs_ml.compiler.feature_group import store_place
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import StatesExpressions, intrinsic
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.state_machine import STARTER, add_state_machine
from constructs_ml.compiler.template import Json, ref
from constructs_ml.contract import names
from constructs_ml.contract.events import (
    AlarmStateChange,
    ImagePushed,
    ModelPackageStateChange,
    ObjectCreated,
    Scheduled,
)
from constructs_ml.spec.arrivals import Arrival, OnData, OnFeatures
from constructs_ml.spec.event_triggers import OnAlarm, OnApproval, OnDrift, OnEvent, OnImage
from constructs_ml.spec.from_event import FromEvent, Given
from constructs_ml.spec.schedules import Cron, Rate
from constructs_ml.spec.triggers import Trigger
from constructs_ml.spec.values import S3

DUPLICATE, STARTED = "Duplicate", "Started"
_WHICH, _START, _UNKNOWN = "Which trigger", "Start run", "Report unknown trigger"
_EVENT = "$.event"
_TOKENS: dict[type, tuple[str, ...]] = {
    Cron: Scheduled.TOKEN,
    Rate: Scheduled.TOKEN,
    OnData: ObjectCreated.TOKEN,
    OnFeatures: ObjectCreated.TOKEN,
    OnAlarm: AlarmStateChange.TOKEN,
    OnDrift: AlarmStateChange.TOKEN,
    OnApproval: ModelPackageStateChange.TOKEN,
    OnImage: ImagePushed.TOKEN,
}


def add_starter(context: Context, state_machine: str) -> str:
    """Add the starter of the pipeline whose state machine has the logical id; the starter's own."""
    own = copy(context)
    own.calls = []
    found = context.infrastructure
    expressions = StatesExpressions(context.spec.model, context.spec.name, found.data_bucket, found.artifact_bucket)
    own.expressions = expressions
    machine = Machine(own, expressions)
    expressions.open("StateMachine", ref(state_machine))
    own.allow(Statement(("states:StartExecution",), (ref(state_machine),)))
    return add_state_machine(own, STARTER, _definition(machine))


def _definition(machine: Machine) -> dict[str, Json]:
    spec = machine.context.spec
    held = [trigger for trigger in spec.triggers if is_burst(trigger)]
    choices: list[Json] = [
        {
            "And": [
                {"Variable": "$.trigger", "StringEquals": trigger.name},
                {"Variable": "$.admitted", "IsPresent": True},
            ],
            "Next": f"Begin {trigger.name}",
        }
        for trigger in held
    ]
    choices += [
        {"Variable": "$.trigger", "StringEquals": trigger.name, "Next": f"Read {trigger.name}"}
        for trigger in spec.triggers
    ]
    machine.put(_WHICH, {"Type": "Choice", "Choices": choices, "Default": _UNKNOWN})
    machine.fail(_UNKNOWN, "TriggerUnknown", ("no trigger is named ", Path("$.trigger")))
    for trigger in spec.triggers:
        _read(machine, trigger)
    if len(held) < len(spec.triggers):
        _start(machine)
    if held:
        _hold(machine, held)
    machine.put(DUPLICATE, {"Type": "Succeed"})
    machine.put(STARTED, {"Type": "Succeed"})
    notice.add(machine, f"starting {spec.name} of {spec.model}", "StartFailed")
    return {"Comment": f"Starts {spec.name} of {spec.model}", "StartAt": _WHICH, "States": machine.states}


def is_burst(trigger: Trigger) -> bool:
    """Whether the events of a trigger are gathered into one run."""
    return isinstance(trigger, (OnData, OnFeatures)) and trigger.debounce is not None


def _read(machine: Machine, trigger: Trigger) -> None:
    """What the event says: the name that its change gives a run, and the run's inputs."""
    paths = (trigger.token.path,) if isinstance(trigger, OnEvent) else _TOKENS[type(trigger)]
    tokens = [FromEvent(path).below(_EVENT) for path in paths]
    text = f"States.Format('{' '.join('{}' for _ in tokens)}', {', '.join(tokens)})"
    read: dict[str, Json] = {"name.$": f"States.Format('{trigger.name}-{{}}', States.Hash({text}, 'SHA-1'))"}
    if is_burst(trigger):
        read["inputs"] = {"trigger": trigger.name, "admitted": True}
    else:
        read["inputs"] = _inputs(machine, trigger)
    after = bursts.ADMIT if is_burst(trigger) else _START
    machine.put(f"Read {trigger.name}", {"Type": "Pass", "Parameters": read, "Next": after})


def _inputs(machine: Machine, trigger: Trigger) -> dict[str, Json]:
    """The inputs of a run, under the names that they are declared by."""
    given: dict[str, Json] = {}
    for name, value in trigger.inputs.items():
        _give(machine, given, name, value)
    match trigger:
        case OnData(to=to) | OnFeatures(to=str(to)) if is_burst(trigger):
            given[to] = _prefix(machine, trigger)
        case OnData(to=to) | OnFeatures(to=str(to)):
            bucket, key = (Path(FromEvent(path).below(_EVENT)) for path in (ObjectCreated.BUCKET, ObjectCreated.KEY))
            given[f"{to}.$"] = intrinsic(("s3://", bucket, "/", key))
        case OnApproval(to=str(to)):
            _give(machine, given, to, FromEvent(ModelPackageStateChange.PACKAGE))
    return given


def _give(machine: Machine, given: dict[str, Json], key: str, value: Given) -> None:
    if isinstance(value, FromEvent):
        given[f"{key}.$"] = value.below(_EVENT)
    else:
        machine.expressions.put_value(given, key, value)


def _prefix(machine: Machine, trigger: Arrival) -> Json:
    """The URI of where a burst arrives."""
    found = machine.context.infrastructure
    bucket: Json = found.data_bucket
    if isinstance(trigger, OnData):
        prefix = trigger.prefix
    else:
        bucket, prefix = store_place(trigger.group, found)
    place = S3(f"s3://{bucket}/{prefix}" if isinstance(bucket, str) else prefix)
    return literal(machine.expressions.text(place))


def _start(machine: Machine) -> None:
    taken = {"ErrorEquals": [bursts.TAKEN], "ResultPath": None, "Next": DUPLICATE}
    request = {"StateMachineArn": "${StateMachine}", "Name.$": "$.name", "Input.$": "$.inputs"}
    machine.task(_START, "states:startExecution", request, STARTED, retry=[service_retry("states")], catch=[taken])


def _hold(machine: Machine, held: Sequence[Trigger]) -> None:
    """The bursts: each has its row, its pauses, and the inputs of its run."""
    context = machine.context
    stage, spec = context.account.stage, context.spec
    own = names.starter(stage, spec.model, spec.name)
    machine.expressions.open("Starter", arn("states", f"stateMachine:{own}"))
    machine.expressions.open("Starts", arn("states", f"execution:{own}"))
    context.allow(Statement(("states:StartExecution",), (arn("states", f"stateMachine:{own}"),)))
    why = "the starts before this one have no names before they happen"
    context.allow(Statement(("states:DescribeExecution",), (arn("states", f"execution:{own}:*"),), because=why))
    for trigger in held:
        if isinstance(trigger, (OnData, OnFeatures)) and trigger.debounce is not None:
            burst: dict[str, Json] = {
                "trigger": trigger.name,
                "row": names.burst(spec.model, spec.name, trigger.name),
                "quiet": int(trigger.debounce.quiet.total_seconds()),
                "looks": trigger.debounce.looks,
                "me.$": "$$.Execution.Name",
            }
            begun = {"burst": burst, "inputs": _inputs(machine, trigger)}
            machine.put(f"Begin {trigger.name}", {"Type": "Pass", "Parameters": begun, "Next": bursts.COUNT})
    bursts.add(machine, DUPLICATE, STARTED)
