"""What a variant runs on: machines, or none."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_whole
from constructs_ml.spec.fields import check_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """Machines of a variant. No type means the account's; no count the least that autoscaling allows, or one.

    `volume_gb` is 1 to 512 GB; None leaves it to AWS.
    """

    instance_type: str | None = None
    count: int | None = None
    volume_gb: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Instances")
        if self.count is not None:
            check_whole("count", self.count, "Instances", 1, limits.VARIANT_INSTANCES)
        if self.volume_gb is not None:
            check_whole("volume_gb", self.volume_gb, "Instances", 1, limits.ENDPOINT_VOLUME_GB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serverless:
    """No machines: memory of 1,024 to 6,144 MB in whole GB, at most `concurrency` (1 to 200) requests at a time.

    `provisioned` keeps that many of them warm.
    """

    memory_mb: int = 2048
    concurrency: int = 5
    provisioned: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Serverless")
        if self.memory_mb not in limits.SERVERLESS_MEMORY_MB:
            raise refuse(
                "serverless-memory", where="Serverless", got=self.memory_mb, allowed=limits.SERVERLESS_MEMORY_MB
            )
        check_whole("concurrency", self.concurrency, "Serverless", 1, limits.SERVERLESS_CONCURRENCY)
        if self.provisioned is not None:
            check_whole("provisioned", self.provisioned, "Serverless", 1, self.concurrency)


VariantCompute = Instances | Serverless
