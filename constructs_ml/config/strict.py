"""What every item of the file shares: strictness, and refusals in this library's own words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from constructs_ml.faults import SpecError


class Strict(BaseModel):
    """An item that knows all of its keys and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def refusal(id: str, got: str, allowed: object) -> PydanticCustomError:
    """A row of the refusal table, on its way through pydantic."""
    return PydanticCustomError("refused", "{row}", {"row": id, "got": got, "allowed": allowed})


def refused_by(spec: SpecError) -> PydanticCustomError:
    """The first fault of a spec that was built from the file, on its way through pydantic."""
    return PydanticCustomError("fault", "{fault}", {"fault": spec.faults[0]})
