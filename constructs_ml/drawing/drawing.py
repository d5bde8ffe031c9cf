"""Drawing: a pipeline's graph in every form in which it can be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from constructs_ml.drawing import mermaid, page, svg
from constructs_ml.drawing.graph import Graph
from constructs_ml.drawing.progress import Progress
from constructs_ml.faults import refuse

Form = Callable[[Graph, Progress | None], str]
_FORMS: dict[str, Form] = {".svg": svg.render, ".html": page.render, ".mmd": mermaid.render}


def form_of(path: Path) -> Form:
    """What writes a file of this suffix. Raises `SpecError` for another one."""
    if path.suffix not in _FORMS:
        raise refuse("drawing-suffix", where=str(path), got=path.suffix or "no suffix", allowed=tuple(_FORMS))
    return _FORMS[path.suffix]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing, coloured where a run's `progress` is given. A notebook shows it by itself.

    Every form is made when it is asked for, from the graph alone: the same graph gives the same text.
    """

    graph: Graph
    progress: Progress | None = None

    @property
    def mermaid(self) -> str:
        """A flowchart for Markdown and pull requests."""
        return mermaid.render(self.graph, self.progress)

    @property
    def svg(self) -> str:
        """A picture that needs nothing else: no script, no network, no font."""
        return svg.render(self.graph, self.progress)

    @property
    def html(self) -> str:
        """A page with the picture and a table of the steps."""
        return page.render(self.graph, self.progress)

    def write(self, path: Path | str) -> Path:
        """Write the form that the suffix names: .svg, .html or .mmd. Raises `SpecError` where no file can be."""
        path = Path(path)
        text = form_of(path)(self.graph, self.progress)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            got = error.strerror or str(error)
            raise refuse("drawing-file", where=str(path), got=got, allowed="a file that may be written") from None
        return path

    def _repr_html_(self) -> str:
        return self.svg
