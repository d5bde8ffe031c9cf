"""Graphs made by hand, and all the graphs that there can be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from constructs_ml.drawing.graph import Arm, Fork, Frame, Graph, Item, Node


def node(key: str, **changes: Any) -> Node:
    return Node(**{"key": key, "title": key, **changes})


def both(*arms: tuple[Item, ...], key: str = "both") -> Fork:
    return Fork(node=node(key, shape="parallel"), arms=tuple(Arm(items=arm) for arm in arms))


def either(yes: tuple[Item, ...], no: tuple[Item, ...], key: str = "gate") -> Fork:
    return Fork(node=node(key, shape="choice"), arms=(Arm(label="yes", items=yes), Arm(label="no", items=no)))


def each(*items: Item, key: str = "each") -> Frame:
    return Frame(node=node(key, subtitle="of a manifest"), items=items)


def graph(*items: Item, **changes: Any) -> Graph:
    return Graph(**{"title": "training of churn", "items": items, **changes})


def everything() -> Graph:
    return graph(
        node("extract", subtitle="GlueJob"),
        both((node("left"), node("left-too")), (either((), (node("again"),)),), (node("right"),)),
        each(node("train"), either((node("register"),), (node("fail", shape="failure"),), key="good")),
        node("pause", shape="wait"),
        triggers=(node("daily", title="rate(1 day)", shape="trigger"), node("data", shape="trigger")),
    )


_LONG = ["", "x" * 90, "a gate's long condition >= 0.8 and more " * 4, "长" * 50]
_TEXTS = st.text(max_size=120) | st.sampled_from(_LONG)


def _nodes(shapes: list[str]) -> st.SearchStrategy[Node]:
    return st.builds(Node, key=st.uuids().map(str), title=_TEXTS, subtitle=_TEXTS, shape=st.sampled_from(shapes))


def _inside(items: st.SearchStrategy[Item]) -> st.SearchStrategy[Item]:
    chains = st.lists(items, max_size=3).map(tuple)
    one = st.builds(Arm, label=st.sampled_from(["", "yes", "branch 1"]), items=chains)
    arms = st.lists(one, min_size=1, max_size=4)
    forks = st.builds(Fork, node=_nodes(["choice", "parallel"]), arms=arms.map(tuple))
    return forks | st.builds(Frame, node=_nodes(["task"]), items=st.lists(items, min_size=1, max_size=3).map(tuple))


ITEMS = st.recursive(_nodes(["task", "wait", "failure"]), _inside, max_leaves=12)
GRAPHS = st.builds(
    Graph,
    title=_TEXTS,
    items=st.lists(ITEMS, min_size=1, max_size=5).map(tuple),
    triggers=st.lists(_nodes(["trigger"]), max_size=3).map(tuple),
)
