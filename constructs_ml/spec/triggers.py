"""What starts a run: a time, data that arrives, or what a service tells EventBridge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from constructs_ml.faults import Faults
from constructs_ml.spec.arrivals import OnData, OnFeatures
from constructs_ml.spec.checks import alike
from constructs_ml.spec.event_triggers import OnAlarm, OnApproval, OnDrift, OnEvent, OnImage
from constructs_ml.spec.from_event import FromEvent, Given
from constructs_ml.spec.monitors import Monitor
from constructs_ml.spec.schedules import Constant, Cron, Rate, Schedule
from constructs_ml.spec.steps import Register, Step
from constructs_ml.spec.values import S3, Input, fits

Trigger = Cron | Rate | OnData | OnFeatures | OnAlarm | OnDrift | OnApproval | OnImage | OnEvent
EventTrigger = OnData | OnFeatures | OnAlarm | OnDrift | OnApproval | OnImage | OnEvent

__all__ = [
    "Constant",
    "Cron",
    "EventTrigger",
    "OnAlarm",
    "OnApproval",
    "OnData",
    "OnDrift",
    "OnEvent",
    "OnFeatures",
    "OnImage",
    "Rate",
    "Schedule",
    "Trigger",
    "check_loops",
    "check_triggers",
    "with_monitors",
]


def with_monitors(triggers: Sequence[Trigger], monitors: Sequence[Monitor]) -> tuple[Trigger, ...]:
    """The triggers of a model's pipeline, which know the model's monitors."""
    return tuple(trigger.of(monitors) if isinstance(trigger, OnDrift) else trigger for trigger in triggers)


def check_triggers(triggers: Sequence[Trigger], inputs: Sequence[Input], where: str, faults: Faults) -> None:
    """Add a fault for each name taken twice and each input that a trigger gives wrongly or not at all."""
    for name, count in Counter(trigger.name for trigger in triggers).items():
        if count > 1:
            faults.add(
                "trigger-taken", where=where, got=f"{count} triggers", allowed="name= to tell them apart", name=name
            )
    for group in alike(dict.fromkeys(trigger.name for trigger in triggers)):
        faults.add("names-alike", where=where, got=group, allowed="other names", names=" and ".join(group))
    for trigger in triggers:
        place = f"{where}, trigger {trigger.name!r}"
        if isinstance(trigger, OnDrift):
            trigger.check(place, faults)
        _check_given(_given(trigger), isinstance(trigger, EventTrigger), inputs, place, faults)


def check_loops(triggers: Sequence[Trigger], steps: Sequence[Step], model: str, where: str, faults: Faults) -> None:
    """Add a fault for each trigger that a run of the pipeline would set off itself."""
    made = {step.approval: step.name for step in steps if isinstance(step, Register)}
    for trigger in triggers:
        own = isinstance(trigger, OnApproval) and trigger.model in (None, model)
        if own and isinstance(trigger, OnApproval) and trigger.status in made:
            got = f"step {made[trigger.status]!r} registers versions as {trigger.status}"
            allowed = "another status, or the versions of another model"
            faults.add("trigger-loop", where=f"{where}, trigger {trigger.name!r}", got=got, allowed=allowed)


def _given(trigger: Trigger) -> dict[str, Given]:
    """The inputs that a trigger gives, with a value of the type that they get."""
    to = getattr(trigger, "to", None)
    return {**trigger.inputs, **({to: S3("any")} if to is not None else {})}


def _check_given(
    given: Mapping[str, Given], has_event: bool, inputs: Sequence[Input], place: str, faults: Faults
) -> None:
    declared = {item.name: item for item in inputs}
    for name, value in given.items():
        if name not in declared:
            allowed = tuple(declared) or "declared inputs"
            faults.add("trigger-input", where=place, got=repr(name), allowed=allowed, name=name)
        elif isinstance(value, FromEvent):
            if not has_event:
                faults.add("trigger-time", where=place, got=value.path, allowed="a constant", name=name)
        elif not fits(value, declared[name].type):
            faults.add("trigger-value", where=place, got=repr(value), allowed=f"a {declared[name].type}", name=name)
    missing = [item.name for item in inputs if item.required and item.name not in given]
    if missing:
        faults.add("trigger-missing", where=place, got=tuple(given) or "no inputs", allowed=missing)
