"""A DeploymentConfig becomes steps, or is refused as SageMaker refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.endpoints.plan import plan

HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}


def blue_green(kind: str, routing: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    whole = {"Type": kind, "WaitIntervalInSeconds": 60, **(routing or {})}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": whole, **more}}


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def rolling(batch: dict[str, Any], wait: int = 60, **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait, **more}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, [(1.0, 0)]),
        ({}, [(1.0, 0)]),
        (blue_green("ALL_AT_ONCE", TerminationWaitInSeconds=30), [(1.0, 30)]),
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}, [(1.0, 0)]),
        (blue_green("CANARY", {"CanarySize": size(10)}, TerminationWaitInSeconds=5), [(0.1, 60), (1.0, 5)]),
        (blue_green("CANARY", {"CanarySize": size(1, "INSTANCE_COUNT")}), [(0.25, 60), (1.0, 0)]),
        (blue_green("LINEAR", {"LinearStepSize": size(40)}), [(0.4, 60), (0.8, 60), (1.0, 0)]),
        (blue_green("LINEAR", {"LinearStepSize": HALF}), [(0.5, 60), (1.0, 0)]),
        (rolling(HALF), [(0.5, 60), (1.0, 60)]),
        (rolling(size(1, "INSTANCE_COUNT")), [(0.25, 60), (0.5, 60), (0.75, 60), (1.0, 60)]),
    ],
)
def test_a_policy_becomes_steps_of_a_fleet_of_four(config: Any, expected: list[tuple[float, int]]) -> None:
    assert [(step.share, step.bake) for step in plan(config, 4).steps] == expected


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (blue_green("CANARY", {"CanarySize": size(51)}), "51 %"),
        (blue_green("CANARY", {"CanarySize": size(3, "INSTANCE_COUNT")}), "75 %"),
        (blue_green("CANARY", {"CanarySize": size(0, "INSTANCE_COUNT")}), "1 or more"),
        (blue_green("CANARY", {"CanarySize": size(1, "SHARE")}), "SHARE"),
        (blue_green("CANARY"), "CanarySize"),
        (blue_green("CANARY", {"CanarySize": HALF, "LinearStepSize": HALF}), "LinearStepSize"),
        (blue_green("ALL_AT_ONCE", {"CanarySize": HALF}), "CanarySize"),
        (blue_green("LINEAR", {"LinearStepSize": size(9)}), "10 to 50"),
        (blue_green("LINEAR"), "LinearStepSize"),
        (rolling(size(4)), "5 to 50"),
        (rolling(size(3, "INSTANCE_COUNT")), "75 %"),
        (rolling(HALF, RollbackMaximumBatchSize=size(4)), "RollbackMaximumBatchSize"),
        (rolling(HALF, 3601), "0 to 3600"),
        (blue_green("ALL_AT_ONCE", {"WaitIntervalInSeconds": -1}), "0 to 3600"),
        (blue_green("ALL_AT_ONCE", TerminationWaitInSeconds=3601), "0 to 3600"),
        (blue_green("ALL_AT_ONCE", MaximumExecutionTimeoutInSeconds=599), "600 to 28800"),
        (blue_green("ALL_AT_ONCE", MaximumExecutionTimeoutInSeconds=28801), "600 to 28800"),
        (
            blue_green(
                "CANARY", {"CanarySize": HALF}, TerminationWaitInSeconds=600, MaximumExecutionTimeoutInSeconds=660
            ),
            "longer than all waits",
        ),
        (rolling(HALF) | blue_green("ALL_AT_ONCE"), "exclude each other"),
        ({"AutoRollbackConfiguration": {"Alarms": []}}, "0 alarms"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": str(n)} for n in range(11)]}}, "11 alarms"),
    ],
)
def test_a_policy_beyond_the_limits_is_refused(config: Any, words: str) -> None:
    with pytest.raises(ServiceError) as caught:
        plan(config, 4)
    assert caught.value.code == "ValidationException"
    assert words in str(caught.value)
