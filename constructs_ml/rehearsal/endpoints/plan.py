"""A DeploymentConfig as the steps that SageMaker makes of it, refused where SageMaker refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from constructs_ml.facts import limits
from constructs_ml.rehearsal.calls import Json, invalid


@dataclass(frozen=True, slots=True)
class Step:
    """The new fleet gets `share` (0 to 1) of the traffic, and bakes for `bake` seconds."""

    share: float
    bake: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How traffic goes from the old fleet to the new one, and what sends it back, all within `timeout` seconds."""

    steps: tuple[Step, ...]
    alarms: tuple[str, ...] = ()
    timeout: int | None = None


AT_ONCE = Plan((Step(1.0, 0, "TerminationWaitInSeconds"),))


def plan(config: Mapping[str, Json] | None, instances: int) -> Plan:
    """The plan of a DeploymentConfig for a fleet of so many instances (0: serverless).

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html and the pages of its members;
    which sizes a step may have: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html.
    """
    if not config:
        return AT_ONCE
    alarms = _alarms(config.get("AutoRollbackConfiguration") or {})
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise invalid("DeploymentConfig: BlueGreenUpdatePolicy and RollingUpdatePolicy exclude each other.")
    policy = rolling or blue_green or {}
    timeout = _between(policy, "MaximumExecutionTimeoutInSeconds", *limits.DEPLOYMENT_SECONDS)
    if rolling:
        steps = _rolling(rolling, instances)
        if rolling.get("RollbackMaximumBatchSize"):
            _share(rolling["RollbackMaximumBatchSize"], "RollbackMaximumBatchSize", (5, 100), instances)
    else:
        steps = _blue_green(policy, instances)
    waits = sum(step.bake for step in steps)
    if timeout is not None and timeout <= waits:
        raise invalid(f"MaximumExecutionTimeoutInSeconds {timeout} must be longer than all waits together, {waits}.")
    return Plan(steps, alarms, timeout)


def _blue_green(policy: Mapping[str, Json], instances: int) -> tuple[Step, ...]:
    routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE"}
    wait = _between(routing, "WaitIntervalInSeconds", 0, limits.WAIT_SECONDS) or 0
    hold = _between(policy, "TerminationWaitInSeconds", 0, limits.WAIT_SECONDS) or 0
    last = Step(1.0, hold, "TerminationWaitInSeconds")
    kind = routing["Type"]
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for size in ("CanarySize", "LinearStepSize"):
        if (size in routing) != (size == wanted):
            raise invalid(f"TrafficRoutingConfiguration of type {kind}: {size} belongs to another type, or is missing.")
    if wanted is None:
        return (last,)
    allowed = limits.CANARY_PERCENT if kind == "CANARY" else limits.LINEAR_PERCENT
    share = _share(routing[wanted], wanted, allowed, instances)
    shares = [share] if kind == "CANARY" else _shares(share)[:-1]
    return (*(Step(part, wait, "WaitIntervalInSeconds") for part in shares), last)


def _rolling(policy: Mapping[str, Json], instances: int) -> tuple[Step, ...]:
    wait = _between(policy, "WaitIntervalInSeconds", 0, limits.WAIT_SECONDS) or 0
    share = _share(policy["MaximumBatchSize"], "MaximumBatchSize", limits.ROLLING_PERCENT, instances)
    return tuple(Step(part, wait, "WaitIntervalInSeconds") for part in _shares(share))


def _shares(share: float) -> list[float]:
    """From one step to the whole: 0.3 makes 0.3, 0.6, 0.9, 1."""
    return [min(1.0, round(share * number, 6)) for number in range(1, ceil(round(1 / share, 6)) + 1)]


def _share(size: Mapping[str, Json], name: str, allowed: tuple[int, int], instances: int) -> float:
    kind, value = size["Type"], int(size["Value"])
    if kind == "CAPACITY_PERCENT":
        percent = float(value)
    elif kind == "INSTANCE_COUNT":
        if value < 1 or instances < 1:
            raise invalid(f"{name}: {value} of {instances} instance(s); 1 or more is needed.")
        percent = 100 * value / instances
    else:
        raise invalid(f"{name}: type {kind!r}; INSTANCE_COUNT or CAPACITY_PERCENT is needed.")
    if not allowed[0] <= percent <= allowed[1]:
        raise invalid(f"{name}: {value} {kind} is {percent:g} % of the fleet; {allowed[0]} to {allowed[1]} % may be.")
    return percent / 100


def _between(given: Mapping[str, Json], name: str, least: int, most: int) -> int | None:
    value = given.get(name)
    if value is not None and not least <= int(value) <= most:
        raise invalid(f"{name} {value}: {least} to {most} seconds may be.")
    return None if value is None else int(value)


def _alarms(config: Mapping[str, Json]) -> tuple[str, ...]:
    names = tuple(alarm["AlarmName"] for alarm in config.get("Alarms") or ())
    if "Alarms" in config and not 1 <= len(names) <= limits.ROLLBACK_ALARMS:
        raise invalid(f"AutoRollbackConfiguration: {len(names)} alarms; 1 to {limits.ROLLBACK_ALARMS} may be.")
    return names
