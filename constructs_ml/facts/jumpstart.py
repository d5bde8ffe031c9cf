"""JumpStart's buckets: the regions that have them, and their names there."""

from __future__ import annotations

from constructs_ml.facts import regions
from constructs_ml.facts.store import load
from constructs_ml.faults import Fault, fault


def bucket(region: str, *, gated: bool) -> str:
    """The bucket's name in a region, or in `${AWS::Region}`: AWS spells it with the region at its end."""
    prefix: str = load("jumpstart")["gated" if gated else "content"]
    return f"{prefix}{region}"


def faults_of(region: str | None, where: str) -> list[Fault]:
    """A fault where the region is known to have no JumpStart."""
    known = load("jumpstart")["regions"]
    if region is None or region in known:
        return []
    near = [name for name in regions.siblings(region) if name in known]
    return [fault("jumpstart-region", where=where, got=region, allowed=near or "a region of another partition")]
