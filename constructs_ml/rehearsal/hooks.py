"""The places where moto is extended: each named, and checked to be there before it is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest.mock import patch

CHECKED_WITH = "moto 5.2.5"


@dataclass(frozen=True, slots=True)
class Hook:
    """An attribute of moto that is replaced while an embedded account runs.

    `owner` is a module, or a class in it ("moto.events.models:Rule"); `why` says what moto lacks there.
    """

    owner: str
    attribute: str
    why: str

    def found(self) -> Any:
        """The module or class. Raises `RuntimeError` that names the hook if this moto has no such place."""
        module, _, name = self.owner.partition(":")
        try:
            owner = import_module(module)
            for part in filter(None, name.split(".")):
                owner = getattr(owner, part)
            getattr(owner, self.attribute)
        except (ImportError, AttributeError) as missing:
            text = f"{self.owner}.{self.attribute} is not in this moto ({missing}); checked with {CHECKED_WITH}"
            raise RuntimeError(text) from missing
        return owner


@contextlib.contextmanager
def hooked(replacements: Sequence[tuple[Hook, Any]]) -> Iterator[None]:
    """Replace each hook's attribute; put the old ones back at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        for hook, replacement in [(hook, (hook.found(), new)) for hook, new in replacements]:
            owner, new = replacement
            stack.enter_context(patch.object(owner, hook.attribute, new))
        yield
