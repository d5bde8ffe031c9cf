"""Which CloudFormation types a region has, and which services new accounts can no longer use."""

from __future__ import annotations

from functools import cache
from typing import Any

from constructs_ml.facts.store import chosen, load


@cache
def _types(region: str) -> frozenset[str] | None:
    bits = load("services")["offers"].get(region)
    return None if bits is None else chosen(load("services")["types"], bits)


def has_type(region: str, type: str) -> bool:
    """Whether a region has a CloudFormation type of SageMaker, Scheduler or Step Functions.

    True where the data does not know the region or the type: it refuses only what is known to be missing.
    """
    types = _types(region)
    return types is None or type in types or type not in load("services")["types"]


def closed() -> dict[str, Any]:
    """Services that are closed or ended, by name: since when, for whom, and what follows them."""
    services: dict[str, Any] = load("closed")["services"]
    return services
