"""Where everything of a drawing stands: sequences stacked, arms side by side, frames around, in whole pixels.

Every part hangs on an axis, the line by which it is entered and left; a chain puts the axes of its parts on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil

from constructs_ml.drawing.graph import Arm, Fork, Frame, Graph, Item, Node, goes_on
from constructs_ml.drawing.progress import Progress, StepProgress
from constructs_ml.drawing.text import lines_of, width_of

TITLE, SMALL, LEADING = 13, 11, 16
_PAD, _GAP, _BETWEEN, _MARGIN = 12, 30, 28, 16
_LEAST, _MOST = 120, 250
_FRAME_PAD = 18
_SLANT = 14  # what the sides of a choice and of a failure take from the room for text
_TURN = 12  # how far below a box its lines turn aside
Point = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text in a box; `kind` is what it says: title, subtitle, status or error."""

    text: str
    kind: str

    @property
    def size(self) -> int:
        return TITLE if self.kind == "title" else SMALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node in its place; `y` is its upper edge."""

    node: Node
    x: int
    y: int
    width: int
    height: int
    lines: tuple[Line, ...]
    step: StepProgress | None = None
    frame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line from part to part, with an arrow at its end unless it only joins another line."""

    points: tuple[Point, ...]
    arrow: bool = True
    dashed: bool = False
    label: str = ""

    @property
    def label_at(self) -> Point:
        """Where the name of an arm begins: beside its line, where that has turned down."""
        x = self.points[2][0] if len(self.points) > 2 else self.points[0][0]
        return x + 5, self.points[0][1] + _TURN + SMALL + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something laid out: boxes and edges relative to its axis at x = 0 and its upper edge at y = 0.

    `leaves` says whether a run goes on below it.
    """

    left: int
    right: int
    height: int
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    leaves: bool = True

    def moved(self, x: int, y: int) -> Part:
        boxes = tuple(replace(box, x=box.x + x, y=box.y + y) for box in self.boxes)
        edges = tuple(replace(edge, points=tuple((a + x, b + y) for a, b in edge.points)) for edge in self.edges)
        return replace(self, boxes=boxes, edges=edges)


def layout(graph: Graph, progress: Progress | None = None) -> Part:
    """The whole drawing: its boxes and edges from (0, 0) to (`right`, `height`)."""
    chart = _Chart(progress.steps if progress else {})
    done = Node(key="", title="done", shape="end")
    items = [chart.part(item) for item in graph.items]
    if goes_on(graph.items):
        items.append(chart.end(done))
    whole = _stacked(items)
    if graph.triggers:
        whole = _triggered([chart.box(node) for node in graph.triggers], whole)
    width = whole.left + whole.right + 2 * _MARGIN
    moved = whole.moved(whole.left + _MARGIN, _MARGIN)
    return replace(moved, left=0, right=width, height=whole.height + 2 * _MARGIN)


@dataclass(frozen=True, slots=True)
class _Chart:
    steps: Mapping[str, StepProgress] = field(default_factory=dict)

    def part(self, item: Item) -> Part:
        match item:
            case Node():
                return self.box(item)
            case Fork():
                return self._fork(item)
            case Frame():
                return self._frame(item)

    def box(self, node: Node) -> Part:
        step = self.steps.get(node.key) if node.shape != "trigger" else None
        sides = 2 * _PAD + (2 * _SLANT if node.shape in ("choice", "failure") else 0)
        lines = tuple(_lines(node, step, _MOST - sides))
        widest = max((width_of(line.text, line.size) for line in lines), default=0)
        width = max(_LEAST, 2 * ceil((widest + sides) / 2))
        height = 2 * _PAD - 6 + LEADING * len(lines)
        box = Box(node=node, x=-width // 2, y=0, width=width, height=height, lines=lines, step=step)
        leaves = node.shape != "failure"
        return Part(left=width // 2, right=width // 2, height=height, boxes=(box,), leaves=leaves)

    @staticmethod
    def end(node: Node) -> Part:
        lines = (Line(text=node.title, kind="title"),)
        return Part(left=36, right=36, height=32, boxes=(Box(node=node, x=-36, y=0, width=72, height=32, lines=lines),))

    def _fork(self, fork: Fork) -> Part:
        """The head above its arms, which come together again where they go on."""
        top, arms = self.box(fork.node), [self._arm(arm) for arm in fork.arms]
        places = _side_by_side(arms)
        y = top.height + _GAP
        deepest = max(arm.height for arm in arms)
        leaves = goes_on((fork,))
        height = y + deepest + (_TURN if leaves else 0)
        boxes, edges = list(top.boxes), list[Edge]()
        for arm, given, x in zip(arms, fork.arms, places, strict=True):
            placed = arm.moved(x, y)
            boxes += placed.boxes
            edges += placed.edges
            aside = ((0, top.height), (0, top.height + _TURN), (x, top.height + _TURN))
            together = ((x, height), (0, height))
            if not given.items:
                edges.append(Edge(points=_straight((*aside, *together)), arrow=False, label=given.label))
                continue
            edges.append(Edge(points=_straight((*aside, (x, y))), label=given.label))
            if arm.leaves:
                edges.append(Edge(points=_straight(((x, y + arm.height), *together)), arrow=False))
        left = max(top.left, *(arm.left - x for arm, x in zip(arms, places, strict=True)))
        right = max(top.right, *(arm.right + x for arm, x in zip(arms, places, strict=True)))
        return Part(left=left, right=right, height=height, boxes=tuple(boxes), edges=tuple(edges), leaves=leaves)

    def _arm(self, arm: Arm) -> Part:
        label = ceil(width_of(arm.label, SMALL)) + 8 if arm.label else 0
        found = _stacked([self.part(item) for item in arm.items])
        return replace(found, right=max(found.right, label), left=max(found.left, 4))

    def _frame(self, frame: Frame) -> Part:
        """The chain with a border around it and the frame's own words above it."""
        inner, words = _stacked([self.part(item) for item in frame.items]), self.box(frame.node)
        half = max(inner.left, inner.right, words.left) + _FRAME_PAD
        below = words.height
        height = below + inner.height + _FRAME_PAD
        border = replace(words.boxes[0], x=-half, width=2 * half, height=height, frame=True)
        inside = inner.moved(0, below)
        way_out = Edge(points=((0, below + inner.height), (0, height)), arrow=False)
        return Part(
            left=half,
            right=half,
            height=height,
            boxes=(border, *inside.boxes),
            edges=(*inside.edges, way_out) if inner.leaves else inside.edges,
            leaves=inner.leaves,
        )


def _lines(node: Node, step: StepProgress | None, room: int) -> Iterator[Line]:
    said = [("title", node.title, 3), ("subtitle", node.subtitle, 2)]
    if step:
        said += [("status", f"{step.sign} {step.words}", 2), ("error", step.error, 4)]
    for kind, text, most in said:
        for line in lines_of(text, TITLE if kind == "title" else SMALL, room, most):
            yield Line(text=line, kind=kind)


def _stacked(parts: Sequence[Part]) -> Part:
    """Parts one below the other, an arrow from each to the next where a run can go on."""
    y, boxes, edges = 0, list[Box](), list[Edge]()
    leaves = True
    for number, part in enumerate(parts):
        if number:
            if leaves:
                edges.append(Edge(points=((0, y), (0, y + _GAP))))
            y += _GAP
        placed = part.moved(0, y)
        boxes += placed.boxes
        edges += placed.edges
        y, leaves = y + part.height, part.leaves
    left, right = max((part.left for part in parts), default=0), max((part.right for part in parts), default=0)
    return Part(left=left, right=right, height=y, boxes=tuple(boxes), edges=tuple(edges), leaves=leaves)


def _side_by_side(parts: Sequence[Part]) -> list[int]:
    """The axes of parts in a row, the middle between the first and the last at 0."""
    places = [0]
    for before, part in pairwise(parts):
        places.append(places[-1] + before.right + _BETWEEN + part.left)
    middle = places[-1] // 2
    return [place - middle for place in places]


def _triggered(triggers: Sequence[Part], below: Part) -> Part:
    """A row of triggers above everything else, each with a dashed line to the first step."""
    places, height = _side_by_side(triggers), max(part.height for part in triggers)
    y = height + _GAP + 8
    placed = below.moved(0, y)
    boxes, edges = list[Box](), list[Edge]()
    for trigger, x in zip(triggers, places, strict=True):
        boxes += trigger.moved(x, 0).boxes
        way = ((x, trigger.height), (x, height + 14), (0, height + 14), (0, y))
        edges.append(Edge(points=_straight(way), dashed=True))
    left = max(below.left, *(part.left - x for part, x in zip(triggers, places, strict=True)))
    right = max(below.right, *(part.right + x for part, x in zip(triggers, places, strict=True)))
    return Part(
        left=left,
        right=right,
        height=y + below.height,
        boxes=(*boxes, *placed.boxes),
        edges=(*edges, *placed.edges),
        leaves=below.leaves,
    )


def _straight(points: Sequence[Point]) -> tuple[Point, ...]:
    """The same way without points that change nothing."""
    found: list[Point] = []
    for point in points:
        if found and point == found[-1]:
            continue
        if len(found) > 1 and (found[-2][0] == found[-1][0] == point[0] or found[-2][1] == found[-1][1] == point[1]):
            found.pop()
        found.append(point)
    return tuple(found)
