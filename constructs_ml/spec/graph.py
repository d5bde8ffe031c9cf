"""A pipeline as the graph that is drawn: here and nowhere else stands how each step looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from constructs_ml.drawing import mermaid as chart
from constructs_ml.drawing import progress as runs
from constructs_ml.drawing.drawing import Drawing
from constructs_ml.drawing.graph import Arm, Fork, Frame, Graph, Item, Node
from constructs_ml.drawing.history import Event
from constructs_ml.drawing.progress import Progress
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import (
    Approve,
    Fail,
    ForEach,
    Gate,
    LambdaTask,
    Listing,
    Manifest,
    Parallel,
    RawState,
    Register,
    Step,
    Train,
    Wait,
)


def draw(spec: PipelineSpec, *, progress: Progress | None = None) -> Drawing:
    """The pipeline drawn; with a run's progress each step shows how it stands, how long it took, and its error.

    Example: `draw(churn.pipeline).write("churn.svg")`.
    """
    return Drawing(graph_of(spec), progress)


def mermaid(spec: PipelineSpec) -> str:
    """The drawing as a Mermaid flowchart: triggers, steps in order, both arms of every gate."""
    return chart.render(graph_of(spec))


def read_progress(spec: PipelineSpec, events: Iterable[Event], *, now: datetime | None = None) -> Progress:
    """How far a run is, from all events that `get_execution_history` returned for it, pages concatenated.

    `now` tells how long running steps have been running. Raises `SpecError` when events are missing.
    """
    return runs.follow(graph_of(spec), events, now=now)


def graph_of(spec: PipelineSpec) -> Graph:
    """The neutral graph of a pipeline."""
    triggers = tuple(Node(key=item.name, title=item.title, shape="trigger") for item in spec.triggers)
    return Graph(title=f"{spec.name} of {spec.model}", items=_items(spec.steps), triggers=triggers)


def _items(steps: Sequence[Step]) -> tuple[Item, ...]:
    return tuple(_item(step) for step in steps)


def _item(step: Step) -> Item:
    """A step as it is drawn: its name, and what `_kind` says of it; what holds steps is drawn around them."""
    match step:
        case Gate():
            arms = (Arm(label="yes", items=_items(step.then)), Arm(label="no", items=_items(step.otherwise)))
            return Fork(node=Node(key=step.name, title=str(step.when), shape="choice"), arms=arms)
        case Parallel():
            node = Node(key=step.name, title=step.name, subtitle="Parallel", shape="parallel")
            return Fork(node=node, arms=tuple(Arm(items=_items(branch)) for branch in step.chains))
        case ForEach():
            node = Node(key=step.name, title=step.name, subtitle=_each(step))
            return Frame(node=node, items=_items(step.steps))
        case Wait() | Approve():
            return Node(key=step.name, title=step.name, subtitle=_kind(step), shape="wait")
        case Fail():
            return Node(key=step.name, title=step.name, subtitle=step.cause, shape="failure")
        case RawState():
            kind = str(step.state["Type"])
            return Node(key=step.name, title=step.name, subtitle=kind, shape="wait" if kind == "Wait" else "task")
        case _:
            return Node(key=step.name, title=step.name, subtitle=_kind(step))


def _kind(step: Step) -> str:
    """A step's kind, and the detail that tells most."""
    match step:
        case Train():
            return f"Train{' on spot' if step.spot else ''}"
        case Register():
            return f"Register, {step.approval}"
        case LambdaTask():
            return "Function"
        case Approve():
            return f"Approve: {step.question}"
        case Wait(seconds=int() as seconds):
            return f"Wait {seconds} s"
        case _:
            return type(step).__name__


def _each(step: ForEach) -> str:
    """What a ForEach runs over, and how many at a time."""
    match step.items:
        case tuple() as items:
            over = f"{len(items)} item{'s' if len(items) > 1 else ''}"
        case Manifest():
            over = "the items of a manifest"
        case Listing():
            over = "the objects below a prefix"
        case _:
            over = "the items of a list"
    return f"ForEach of {over}" + (f", {step.concurrency} at a time" if step.concurrency else "")
