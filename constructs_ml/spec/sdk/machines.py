"""The machines and the network that an object of the SDK names."""

from __future__ import annotations

from functools import partial

from constructs_ml.spec.jobs import Compute, InstanceGroup, Network
from constructs_ml.spec.sdk.reading import Part

_NETWORK = "network=Network(subnets=..., security_groups=...)"


def compute_of(part: Part) -> Compute:
    """The machines; a key of volumes is refused, because the platform's key encrypts them."""
    count, preferences = _preferences(part)
    build = partial(
        Compute,
        instance_type=part.take("instance_type"),
        instance_count=count,
        volume_gb=part.take("volume_size_in_gb", 30),
        preferences=preferences,
        groups=_groups(part),
        training_plan=part.take("training_plan_arn"),
    )
    built = part.reader.caught(build)
    return built if isinstance(built, Compute) else Compute()


def network_of(part: Part, encryption: str) -> Network:
    """Isolation and encryption. Subnets belong to one account: left behind, they become the demand for a VPC."""
    inside = "subnets" in part.said
    isolation, encrypt = bool(part.take("enable_network_isolation")), bool(part.take(encryption))
    for attribute in ("subnets", "security_group_ids"):
        part.expect(attribute, allowed=f"the network of the account, {_NETWORK}")
    part.close()
    return Network(vpc=True if inside else None, isolation=isolation, encrypt_between_containers=encrypt)


def _preferences(part: Part) -> tuple[int, tuple[str, ...]]:
    """How many machines, and the types of which the first with capacity is taken; one number for all of them."""
    said = part.said.get("instance_preferences")
    count, types, counts = part.take("instance_count", 1), [], set()
    for item, _ in part.parts("instance_preferences"):
        types.append(item.take("instance_type"))
        counts.add(item.take("instance_count", count))
        item.close()
    if len(counts) > 1:
        part.reader.refuse(part.name("instance_preferences"), said, "the same instance_count for every type")
    return next(iter(counts), count), tuple(types)


def _groups(part: Part) -> tuple[InstanceGroup, ...]:
    found = []
    for item, _ in part.parts("instance_groups"):
        name, kind = item.take("instance_group_name"), item.take("instance_type")
        count = item.take("instance_count", 1)
        found.append(part.reader.caught(partial(InstanceGroup, name, kind, count)))
        item.close()
    return tuple(group for group in found if group is not None)
