"""A drawing as self-contained SVG: no script, no network, no font of its own, readable in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from constructs_ml.drawing.graph import Graph
from constructs_ml.drawing.layout import LEADING, Box, Edge, Point, layout
from constructs_ml.drawing.progress import Progress
from constructs_ml.drawing.text import escaped

_SLANT, _ARROW = 12, 5
# What is coloured, in light and in dark. Without CSS variables, which not every viewer of SVG knows.
_COLOURS = (
    ("text", "fill", "#1f2328", "#f0f6fc"),
    (".subtitle", "fill", "#59636e", "#9198a1"),
    (".label", "fill", "#59636e", "#9198a1"),
    (".paper", "fill", "#ffffff", "#0d1117"),
    (".shape", "fill", "#f6f8fa", "#212830"),
    (".shape", "stroke", "#818b98", "#656c76"),
    (".edge", "stroke", "#818b98", "#656c76"),
    (".arrow", "fill", "#818b98", "#656c76"),
    (".running .shape", "stroke", "#0969da", "#58a6ff"),
    (".running .status", "fill", "#0969da", "#58a6ff"),
    (".succeeded .shape", "stroke", "#1a7f37", "#3fb950"),
    (".succeeded .status", "fill", "#1a7f37", "#3fb950"),
    (".failed .shape", "stroke", "#cf222e", "#f85149"),
    (".failed .status", "fill", "#cf222e", "#f85149"),
    (".error", "fill", "#cf222e", "#f85149"),
    (".caught .shape", "stroke", "#9a6700", "#d29922"),
    (".caught .status", "fill", "#9a6700", "#d29922"),
)
_FORMS = """
.cml { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 11px; }
.cml .title { font-size: 13px; font-weight: 600; }
.cml .shape { stroke-width: 1.2; }
.cml .frame .shape { fill-opacity: 0.35; stroke-dasharray: 6 4; }
.cml .edge { fill: none; stroke-width: 1.4; }
.cml .dashed { stroke-dasharray: 4 4; }
.cml .running .shape, .cml .succeeded .shape, .cml .failed .shape, .cml .caught .shape { stroke-width: 2.2; }
.cml .skipped { opacity: 0.5; }
"""


def _style() -> str:
    light, dark = ("\n".join(f".cml {row[0]} {{ {row[1]}: {row[place]}; }}" for row in _COLOURS) for place in (2, 3))
    return f"{_FORMS}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def render(graph: Graph, progress: Progress | None = None) -> str:
    """The picture. The same graph and progress give the same text."""
    whole = layout(graph, progress)
    frames, boxes = ([_box(box, progress) for box in whole.boxes if box.frame is kind] for kind in (True, False))
    body = [*frames, *(_edge(edge) for edge in whole.edges), *boxes]
    words = description(graph, progress)
    mark = sha256("".join([graph.title, words, *body]).encode("utf-8", "replace")).hexdigest()[:8]
    size = f'width="{whole.right}" height="{whole.height}" viewBox="0 0 {whole.right} {whole.height}"'
    names = f'role="img" aria-labelledby="cml-{mark}-title cml-{mark}-words"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cml" {size} {names}>',
        f'<title id="cml-{mark}-title">{escaped(graph.title)}</title>',
        f'<desc id="cml-{mark}-words">{escaped(words)}</desc>',
        f"<style>{_style()}</style>",
        '<rect class="paper" width="100%" height="100%" rx="8"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def description(graph: Graph, progress: Progress | None = None) -> str:
    """What the picture shows, for who cannot see it: every box with its words, in order."""
    said = [f"{graph.title}: {progress.words}."] if progress else []
    if graph.triggers:
        said.append(f"Started by {'; '.join(node.title for node in graph.triggers)}.")
    for node in graph.nodes:
        words = [node.title, node.subtitle]
        if progress:
            words += [progress.steps[node.key].words, progress.steps[node.key].error]
        said.append(f"{', '.join(word for word in words if word)}.")
    return " ".join(" ".join(said).split())


def _box(box: Box, progress: Progress | None) -> str:
    node, status = box.node, box.step.status if box.step else ""
    if node.shape == "end" and progress and progress.status == "SUCCEEDED":
        status = "succeeded"
    kinds = " ".join(word for word in ("frame" if box.frame else node.shape, status) if word)
    whole = ", ".join(part for part in (node.title, node.subtitle, box.step.error if box.step else "") if part)
    lines = [f'<g class="{kinds}"><title>{escaped(whole)}</title>', _shape(box), *_texts(box), "</g>"]
    return "".join(lines)


def _shape(box: Box) -> str:
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    middle = y + box.height // 2
    match "frame" if box.frame else box.node.shape:
        case "choice":
            ways = [(x, middle), (x + _SLANT, y), (right - _SLANT, y)]
            return _polygon([*ways, (right, middle), (right - _SLANT, bottom), (x + _SLANT, bottom)])
        case "failure":
            return _polygon([(x + _SLANT, y), (right, y), (right - _SLANT, bottom), (x, bottom)])
        case "trigger" | "end":
            return _rectangle(box, box.height // 2)
        case "wait":
            return _rectangle(box, 14)
        case "parallel":
            return _rectangle(box, 0)
        case _:
            return _rectangle(box, 6)


def _rectangle(box: Box, radius: int) -> str:
    size = f'width="{box.width}" height="{box.height}" rx="{radius}"'
    return f'<rect class="shape" x="{box.x}" y="{box.y}" {size}/>'


def _polygon(points: list[Point]) -> str:
    return f'<polygon class="shape" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def _texts(box: Box) -> Iterator[str]:
    x = box.x + box.width // 2
    for number, line in enumerate(box.lines):
        y = box.y + baseline(number)
        yield f'<text class="{line.kind}" x="{x}" y="{y}" text-anchor="middle">{escaped(line.text)}</text>'


def baseline(number: int) -> int:
    """Where a box's line of text stands, from the box's upper edge."""
    return 9 + LEADING * number + 12


def _edge(edge: Edge) -> str:
    points = list(edge.points)
    end, head = points[-1], ""
    if edge.arrow:
        points[-1] = (end[0], end[1] - _ARROW)
        tip = [end, (end[0] - _ARROW + 1, end[1] - 2 * _ARROW + 1), (end[0] + _ARROW - 1, end[1] - 2 * _ARROW + 1)]
        head = f'<polygon class="arrow" points="{" ".join(f"{x},{y}" for x, y in tip)}"/>'
    kind = "edge dashed" if edge.dashed else "edge"
    way = " ".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(points))
    return f'<path class="{kind}" d="{way}"/>{head}{_label(edge)}'


def _label(edge: Edge) -> str:
    x, y = edge.label_at
    return f'<text class="label" x="{x}" y="{y}">{escaped(edge.label)}</text>' if edge.label else ""
