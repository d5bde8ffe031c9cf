"""A deployment policy as SageMaker's DeploymentConfig."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from constructs_ml.compiler.template import Json
from constructs_ml.spec.deployment import AllAtOnce, Canary, Deployment, Linear, Rolling


def deployment_config(deployment: Deployment, alarms: Sequence[Json]) -> Json:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html."""
    config: dict[str, Json] = {}
    match deployment:
        case Rolling(bake=bake, rollback_percent=back):
            rolling = {"MaximumBatchSize": _size(deployment), "WaitIntervalInSeconds": _seconds(bake)}
            if back is not None:
                rolling["RollbackMaximumBatchSize"] = {"Type": "CAPACITY_PERCENT", "Value": back}
            config["RollingUpdatePolicy"] = rolling | _timeout(deployment)
        case _:
            blue_green = {"TrafficRoutingConfiguration": _routing(deployment), **_timeout(deployment)}
            if deployment.hold:
                blue_green["TerminationWaitInSeconds"] = _seconds(deployment.hold)
            config["BlueGreenUpdatePolicy"] = blue_green
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}
    return config


def _routing(deployment: AllAtOnce | Canary | Linear) -> Json:
    match deployment:
        case Canary(bake=bake):
            return {"Type": "CANARY", "CanarySize": _size(deployment), "WaitIntervalInSeconds": _seconds(bake)}
        case Linear(bake=bake):
            return {"Type": "LINEAR", "LinearStepSize": _size(deployment), "WaitIntervalInSeconds": _seconds(bake)}
        case AllAtOnce():
            return {"Type": "ALL_AT_ONCE"}


def _size(deployment: Canary | Linear | Rolling) -> Json:
    if deployment.percent is not None:
        return {"Type": "CAPACITY_PERCENT", "Value": deployment.percent}
    return {"Type": "INSTANCE_COUNT", "Value": deployment.instances}


def _timeout(deployment: Deployment) -> dict[str, Json]:
    if deployment.timeout is None:
        return {}
    return {"MaximumExecutionTimeoutInSeconds": _seconds(deployment.timeout)}


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
