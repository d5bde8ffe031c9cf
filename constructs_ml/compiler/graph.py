"""A pipeline drawn as a Mermaid flowchart, which renders in pull requests and Markdown viewers."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler.expressions import key_of
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import Fail, Gate, LambdaTask, Process, RawState, Register, Step, Train
from constructs_ml.spec.triggers import Cron, OnAlarm, OnData, Rate, Trigger

_DONE = "done"


def mermaid(spec: PipelineSpec) -> str:
    """The drawing: triggers, steps in order, both arms of every gate. Stable for one spec."""
    lines = ["flowchart TD"]
    first = _id(spec.steps[0].name)
    lines += [f"  {_id(item.name)}([{_quoted(_trigger_label(item))}]) -.-> {first}" for item in spec.triggers]
    lines += _chain(spec.steps, _DONE)
    lines.append(f"  {_DONE}((done))")
    return "\n".join(lines) + "\n"


def _chain(steps: Sequence[Step], after: str) -> list[str]:
    lines: list[str] = []
    for step, following in zip(steps, [*(_id(item.name) for item in steps[1:]), after], strict=False):
        own = _id(step.name)
        label = _quoted(_label(step))
        match step:
            case Gate():
                lines.append(f"  {own}{{{{{label}}}}}")
                for word, arm in (("yes", step.then), ("no", step.otherwise)):
                    lines.append(f"  {own} -- {word} --> {_id(arm[0].name) if arm else following}")
                    lines += _chain(arm, following)
            case Fail():
                lines.append(f"  {own}[/{label}/]")
            case _:
                lines += [f"  {own}[{label}]", f"  {own} --> {following}"]
    return lines


def _label(step: Step) -> str:
    match step:
        case Process():
            return f"{step.name}<br/>Process"
        case Train():
            return f"{step.name}<br/>Train{' on spot' if step.spot else ''}"
        case Register():
            return f"{step.name}<br/>Register, {step.approval}"
        case LambdaTask():
            return f"{step.name}<br/>Function"
        case Gate():
            return str(step.when)
        case Fail():
            return f"{step.name}<br/>{step.cause}"
        case RawState():
            return f"{step.name}<br/>{step.state['Type']}"
        case _:
            return f"{step.name}<br/>{type(step).__name__}"


def _trigger_label(trigger: Trigger) -> str:
    match trigger:
        case Cron():
            return f"{trigger.schedule} {trigger.time_zone}"
        case Rate():
            return trigger.schedule
        case OnData():
            return f"data in {trigger.prefix}*{trigger.suffix}"
        case OnAlarm():
            return f"alarm {trigger.alarm}"


def _id(name: str) -> str:
    """A node id that is no word of Mermaid's own, such as `end`."""
    return f"n_{key_of(name)}"


def _quoted(label: str) -> str:
    escaped = label.replace("#", "#35;").replace('"', "#quot;").replace("<br/>", "\0")
    escaped = escaped.replace("<", "#lt;").replace(">", "#gt;").replace("\0", "<br/>")
    return f'"{escaped}"'
