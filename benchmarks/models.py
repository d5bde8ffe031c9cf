"""190 models of the example application's kind."""

from __future__ import annotations

import dataclasses

from apps.churn.model import churn
from constructs_ml import Account, InstanceRules, ModelSettings, ModelSpec, pin

COUNT = 190
_SERVED = ModelSettings(pins={"main": pin(1)}, run="run-1")
ACCOUNT = Account(
    stage="dev",
    id="111111111111",
    region="eu-central-1",
    instances=InstanceRules(training="ml.m5.large", processing="ml.m5.large", endpoint="ml.m5.large"),
    existing_customer=("model-monitor",),
    models={f"churn-{number:03}": _SERVED for number in range(COUNT)},
)


def models(count: int = COUNT) -> list[ModelSpec]:
    """Copies of churn, told apart by their names."""
    return [dataclasses.replace(churn, name=f"churn-{number:03}") for number in range(count)]


def median(numbers: list[float]) -> float:
    """The middle one."""
    return sorted(numbers)[len(numbers) // 2]
