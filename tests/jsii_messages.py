"""Counts what crosses between Python and node: creations, calls, and reads and writes of properties."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from jsii._kernel.providers.process import _NodeProcess


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """The messages that are sent inside the block, by their kind."""
    found: Counter[str] = Counter()
    send = _NodeProcess.send

    def counting(self: Any, request: Any, *rest: Any) -> Any:
        found[type(request).__name__] += 1
        return send(self, request, *rest)

    with patch.object(_NodeProcess, "send", counting):
        yield found
