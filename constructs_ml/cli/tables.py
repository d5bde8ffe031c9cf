"""A pipeline and its runs as they are shown in a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from constructs_ml.contract.names import FAILED_STATE
from constructs_ml.drawing.graph import Fork, Frame, Graph, Item, Node
from constructs_ml.drawing.progress import Progress, StepProgress, in_words
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.values import S3

_COLOURS = {"running": "blue", "succeeded": "green", "failed": "red", "caught": "yellow"}


def pipeline_view(spec: PipelineSpec, graph: Graph) -> RenderableType:
    """What starts the pipeline and its steps, as a tree; the inputs of a run as a table."""
    root = Tree(Text(graph.title, style="bold"), guide_style="dim")
    for trigger in graph.triggers:
        root.add(Text.assemble(("on ", "dim"), trigger.title))
    _grow(root, graph.items)
    return Group(root, _inputs(spec)) if spec.inputs else root


def _grow(tree: Tree, items: Sequence[Item]) -> None:
    for item in items:
        match item:
            case Node():
                tree.add(_said(item))
            case Fork(node=node, arms=arms):
                branch = tree.add(_said(node))
                for number, arm in enumerate(arms, 1):
                    inner = branch.add(Text(arm.label or f"branch {number}", style="dim"))
                    _grow(inner, arm.items)
            case Frame(node=node, items=inside):
                _grow(tree.add(_said(node)), inside)


def _said(node: Node) -> Text:
    """A step's name in bold, then what it is; of a choice, its name and its condition."""
    details = [node.title if node.title != node.key else "", node.subtitle]
    return Text.assemble((node.key, "bold"), *(f"  {part}" for part in details if part))


def _inputs(spec: PipelineSpec) -> Table:
    table = Table("input", "type", "default", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for item in spec.inputs:
        default = item.default.location if isinstance(item.default, S3) else item.default
        words = default if isinstance(default, str) else json.dumps(default, default=str)
        table.add_row(Text(item.name), item.type, Text("required" if item.required else words))
    return table


def progress_view(title: str, progress: Progress) -> RenderableType:
    """The steps of a run with status, duration and error, and the states beside them that failed."""
    table = Table("step", "status", "duration", "attempts", "error", box=None, header_style="dim", padding=(0, 2, 0, 0))
    beside = [state for state in progress.others if state.status in ("failed", "caught") and state.name != FAILED_STATE]
    for step in (*progress.steps.values(), *beside):
        table.add_row(*_cells(step))
    colour = _COLOURS.get(progress.status.lower(), "red")
    return Group(Text.assemble((title, "bold"), "  ", (progress.words, colour)), table)


def _cells(step: StepProgress) -> tuple[Text, Text, str, str, Text]:
    colour = _COLOURS.get(step.status, "dim")
    counted = f" {step.done} of {step.total}" if step.total is not None else ""
    return (
        Text(step.name),
        Text(f"{step.sign} {step.status}{counted}", style=colour),
        in_words(step.duration) if step.duration is not None else "",
        str(step.attempts) if step.attempts else "",
        Text(step.error, style="red"),
    )
