"""Instance types: what they are for, what they carry, where they are known to exist."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from constructs_ml.facts.store import chosen, load
from constructs_ml.faults import Fault, fault

# Those that SageMaker's data parallel library runs on; https://docs.aws.amazon.com/sagemaker/latest/dg/distributed-data-parallel-support.html.
DATA_PARALLEL = ("ml.p4d.24xlarge", "ml.p4de.24xlarge")


def types(use: str) -> tuple[str, ...]:
    """The types that SageMaker accepts for "training", "processing", "transform" or "endpoint"."""
    return tuple(load("instances")["uses"][use])


@cache
def offered(region: str) -> frozenset[str] | None:
    """The types that a region sells for some use, by AWS's price list; None where the list lacks the region."""
    bits = load("instances")["offers"].get(region)
    return None if bits is None else chosen(load("instances")["types"], bits)


def has_local_storage(name: str) -> bool:
    """Whether the type has NVMe of its own, whose volume takes no KMS key."""
    return name in load("instances")["nvme"]


def has_gpu(name: str) -> bool:
    """Whether the type has GPUs, and so needs a GPU image."""
    return name in load("instances")["gpu"]


def faults_of(name: str, use: str, region: str | None, where: str) -> list[Fault]:
    """What speaks against a type: it does not exist for this use, or its region is known to lack it."""
    known = types(use)
    if name not in known:
        near = get_close_matches(name, known, n=3)
        allowed = near or f"{known[0]} and {len(known) - 1} others"
        return [fault("instance-type", where=where, got=name, allowed=allowed, use=use)]
    here = offered(region) if region else None
    if here is not None and name not in here:
        family = name.rsplit(".", 1)[0]
        near = sorted(item for item in here if item.startswith(f"{family}.")) or get_close_matches(
            name, sorted(here), n=3
        )
        return [fault("instance-region", where=where, got=f"{name} in {region}", allowed=near or sorted(here)[:5])]
    return []
