"""A self-contained HTML page around a drawing: the picture, and its steps as a table."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.drawing import svg
from constructs_ml.drawing.graph import Graph, Node
from constructs_ml.drawing.progress import Progress
from constructs_ml.drawing.text import escaped

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 2rem; font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
.picture { overflow-x: auto; }
table { border-collapse: collapse; margin-top: 2rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid #8884; }
td { max-width: 60ch; overflow-wrap: anywhere; }
"""
# The page may use its own styles and nothing else: no script, no font, no picture from anywhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(graph: Graph, progress: Progress | None = None) -> str:
    """The page. Nothing in it is fetched from anywhere."""
    title = escaped(graph.title)
    heads = ["step", "what it is", *(["status", "error"] if progress else [])]
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head>",
        f"<body><h1>{title}</h1>",
        f"<p>{escaped(progress.words)}</p>" if progress else "",
        f'<div class="picture">{svg.render(graph, progress)}</div>',
        f"<table><thead>{_row(heads, 'th')}</thead><tbody>",
        *(_row(_cells(node, progress)) for node in graph.nodes),
        "</tbody></table></body></html>",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _cells(node: Node, progress: Progress | None) -> Iterator[str]:
    yield node.key
    yield ", ".join(part for part in (node.title if node.title != node.key else "", node.subtitle) if part)
    if progress:
        step = progress.steps[node.key]
        yield f"{step.sign} {step.words}"
        yield step.error


def _row(cells: Iterator[str] | list[str], kind: str = "td") -> str:
    return "<tr>" + "".join(f"<{kind}>{escaped(cell)}</{kind}>" for cell in cells) + "</tr>"
