"""A graph as a Mermaid flowchart, which renders in pull requests and Markdown viewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from constructs_ml.drawing.graph import Fork, Frame, Graph, Item, Node, goes_on, head
from constructs_ml.drawing.progress import Progress

_DONE = "done"
_SHAPES = {
    "task": ("[", "]"),
    "parallel": ("[[", "]]"),
    "choice": ("{{", "}}"),
    "wait": ("(", ")"),
    "failure": ("[/", "/]"),
    "trigger": ("([", "])"),
    "end": ("((", "))"),
}
# Status to the Mermaid style of its class: fill and border that can be told apart in light and dark.
_STYLES = {
    "waiting": "stroke-dasharray:4 3",
    "running": "stroke:#0969da,stroke-width:3px",
    "succeeded": "stroke:#1a7f37,stroke-width:2px",
    "failed": "stroke:#cf222e,stroke-width:3px",
    "caught": "stroke:#9a6700,stroke-width:3px",
    "skipped": "opacity:0.5",
}


def render(graph: Graph, progress: Progress | None = None) -> str:
    """The flowchart: triggers, items in order, all arms of every fork. Stable for one graph."""
    chart = _Chart(graph, progress)
    first = chart.id(head(graph.items[0]))
    lines = ["flowchart TD", *(f"{chart.box(item)} -.-> {first}" for item in graph.triggers)]
    lines += chart.chain(graph.items, _DONE, "  ")
    if goes_on(graph.items):
        lines.append(f"  {_DONE}((done))")
    return "\n".join([*lines, *chart.classes()]) + "\n"


@dataclass(slots=True)
class _Chart:
    graph: Graph
    progress: Progress | None
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in (*self.graph.nodes, *self.graph.triggers):
            self._name(node)

    def _name(self, node: Node) -> None:
        """An id that is no word of Mermaid's own, such as `end`, and that no other box has."""
        kind = "t" if node.shape == "trigger" else "n"
        plain = "".join(char if char.isascii() and char.isalnum() else "_" for char in node.key)
        name, taken = f"n_{plain}", set(self.ids.values())
        while name in taken:
            name = f"{kind}{name}"
        self.ids[_place(node)] = name

    def id(self, node: Node) -> str:
        return self.ids[_place(node)]

    def box(self, node: Node, indent: str = "  ") -> str:
        begin, end = _SHAPES[node.shape]
        return f"{indent}{self.id(node)}{begin}{self._label(node)}{end}"

    def chain(self, items: Sequence[Item], after: str, indent: str) -> list[str]:
        """Items one after the other; the last goes on to `after`."""
        lines: list[str] = []
        for item, following in zip(items, [*(self.id(head(item)) for item in items[1:]), after], strict=False):
            match item:
                case Fork():
                    lines += self._fork(item, following, indent)
                case Frame():
                    lines += self._frame(item, following, indent)
                case Node(shape="failure"):
                    lines.append(self.box(item, indent))
                case Node():
                    lines += [self.box(item, indent), f"{indent}{self.id(item)} --> {following}"]
        return lines

    def _fork(self, fork: Fork, after: str, indent: str) -> list[str]:
        own, lines = self.id(fork.node), [self.box(fork.node, indent)]
        for arm in fork.arms:
            target = self.id(head(arm.items[0])) if arm.items else after
            way = f"-- {_words(arm.label)} -->" if arm.label else "-->"
            lines.append(f"{indent}{own} {way} {target}")
            lines += self.chain(arm.items, after, indent)
        return lines

    def _frame(self, frame: Frame, after: str, indent: str) -> list[str]:
        own = self.id(frame.node)
        end = f"end_{own}"
        lines = [f"{indent}subgraph {own}[{self._label(frame.node)}]"]
        lines += self.chain(frame.items, end, f"{indent}  ")
        if goes_on(frame.items):
            lines.append(f'{indent}  {end}((" "))')
        lines.append(f"{indent}end")
        return [*lines, f"{indent}{own} --> {after}"] if goes_on(frame.items) else lines

    def _label(self, node: Node) -> str:
        parts = [node.title, node.subtitle]
        found = self.progress.steps.get(node.key) if self.progress and node.shape != "trigger" else None
        if found:
            parts += [found.words, found.error]
        return '"' + "<br/>".join(_words(part) for part in parts if part) + '"'

    def classes(self) -> list[str]:
        if self.progress is None:
            return []
        of: dict[str, list[str]] = {}
        for node in self.graph.nodes:
            of.setdefault(self.progress.steps[node.key].status, []).append(self.id(node))
        lines = [f"  classDef {status} {_STYLES[status]}" for status in of]
        return [*lines, *(f"  class {','.join(ids)} {status}" for status, ids in of.items())]


def _place(node: Node) -> str:
    """Triggers and steps have names of their own kind."""
    return f"{node.shape == 'trigger'}:{node.key}"


def _words(text: str) -> str:
    escaped = " ".join(text.split()).replace("#", "#35;").replace('"', "#quot;").replace("`", "#96;")
    return escaped.replace("<", "#lt;").replace(">", "#gt;")
