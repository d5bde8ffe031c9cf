"""FromEvent: a value out of the event that started a run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from constructs_ml.faults import refuse
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.schedules import Constant

_PART = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\['([A-Za-z0-9 _./:-]+)'\]|\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class FromEvent:
    """The value at a path of the event, in its JSON type: `FromEvent("$.detail.object.key")`.

    An event that lacks it fails its start. A name with other characters than letters, digits, - and _ stands in
    brackets: `$.detail['a b']`.
    """

    path: str

    def __post_init__(self) -> None:
        check_fields(self, "FromEvent")
        sound = isinstance(self.path, str) and re.fullmatch(rf"\$(?:{_PART.pattern})+", self.path)
        if not sound:
            allowed = "a path such as $.detail.object.key, $.resources[0] or $.detail['a b']"
            raise refuse("event-path", where=f"FromEvent({self.path!r})", got=repr(self.path), allowed=allowed)

    def below(self, place: str) -> str:
        """The path where the event itself stands at `place`; in brackets whatever is more than a plain name."""
        found = place
        for part in _PART.finditer(self.path):
            name, quoted, index = part.groups()
            if index is not None:
                found += f"[{index}]"
            elif quoted or "-" in name:
                found += f"['{quoted or name}']"
            else:
                found += f".{name}"
        return found


Given = Constant | FromEvent
"""What a trigger can give for an input."""
