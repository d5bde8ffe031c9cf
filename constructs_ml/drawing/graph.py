"""What is drawn: steps one after the other, arms side by side, and a frame around steps that run many times.

>>> fan = Fork(node=Node(key="both", title="both", shape="parallel"),
...            arms=(Arm(items=(Node(key="a", title="a"),)), Arm(items=(Node(key="b", title="b"),))))
>>> each = Frame(node=Node(key="each", title="each", subtitle="of 190 models"), items=(Node(key="c", title="c"),))
>>> [node.key for node in Graph(title="example", items=(fan, each)).nodes]
['both', 'a', 'b', 'each', 'c']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Shape = Literal["task", "choice", "parallel", "wait", "failure", "trigger", "end"]
"""A choice takes one of its arms, a parallel takes all of them; nothing follows a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box. `key` is the name of the step, by which a run's progress finds it."""

    key: str
    title: str
    subtitle: str = ""
    shape: Shape = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way on from a fork. Without items it leads straight to what follows the fork."""

    label: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """A box with arms side by side: a gate's yes and no, or branches that run at the same time."""

    node: Node
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Steps that run once for each of many items."""

    node: Node
    items: tuple[Item, ...]


Item = Node | Fork | Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A pipeline as it is drawn: what starts it, and its items in order."""

    title: str
    items: tuple[Item, ...]
    triggers: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every box but triggers, in the order in which they are declared."""
        return tuple(walk(self.items))


def walk(items: Sequence[Item]) -> Iterator[Node]:
    """The boxes of a chain, those inside forks and frames included."""
    for item in items:
        match item:
            case Node():
                yield item
            case Fork(node=node, arms=arms):
                yield node
                for arm in arms:
                    yield from walk(arm.items)
            case Frame(node=node, items=inner):
                yield node
                yield from walk(inner)


def head(item: Item) -> Node:
    """The box by which an item is entered."""
    return item if isinstance(item, Node) else item.node


def goes_on(items: Sequence[Item]) -> bool:
    """Whether a run can leave a chain by its end."""
    return all(_leads_on(item) for item in items)


def _leads_on(item: Item) -> bool:
    match item:
        case Node():
            return item.shape != "failure"
        case Fork(node=node, arms=arms):
            ends = [goes_on(arm.items) for arm in arms]
            return all(ends) if node.shape == "parallel" else any(ends)
        case Frame(items=inner):
            return goes_on(inner)
