"""Regions and partitions."""

from __future__ import annotations

from difflib import get_close_matches

from constructs_ml.facts.store import load
from constructs_ml.faults import refuse


def known() -> tuple[str, ...]:
    """Every region of every partition."""
    return tuple(sorted(load("regions")["regions"]))


def partition_of(region: str, where: str = "region") -> str:
    """The partition of a region: aws, aws-cn, aws-us-gov and the like. Raises `SpecError` for an unknown region."""
    found: str | None = load("regions")["regions"].get(region)
    if found is None:
        near = get_close_matches(region, known(), n=3)
        raise refuse("region", where=where, got=repr(region), allowed=near or known())
    return found


def dns_suffix(region: str) -> str:
    """The DNS suffix of a region's endpoints, such as amazonaws.com.cn."""
    suffix: str = load("regions")["suffixes"][partition_of(region)]
    return suffix


def siblings(region: str) -> tuple[str, ...]:
    """The regions of the same partition."""
    partition = partition_of(region)
    return tuple(name for name in known() if partition_of(name) == partition)
