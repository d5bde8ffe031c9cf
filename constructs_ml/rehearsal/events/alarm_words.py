"""What CloudWatch says of an alarm that changed its state: to the bus, to topics, to functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, slots=True)
class State:
    """A state and why it came."""

    value: str
    reason: str
    data: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm, as PutMetricAlarm or PutCompositeAlarm defined it, that went from one state to another."""

    arn: str
    account: str
    region: str
    definition: Mapping[str, Any]
    before: State
    now: State


def event_detail(change: Change) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html ."""
    return {
        "alarmName": change.definition["AlarmName"],
        "configuration": _configuration(change),
        "previousState": _state(change.before),
        "state": _state(change.now),
    }


def function_payload(change: Change) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html ."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": change.arn,
        "accountId": change.account,
        "time": _stamp(change.now.since),
        "region": change.region,
        "alarmData": event_detail(change),
    }


def notice(change: Change) -> tuple[str, str]:
    """Subject and message of the notice on a topic.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    found = change.definition
    told: dict[str, Any] = {
        "AlarmName": found["AlarmName"],
        "AlarmDescription": found.get("AlarmDescription"),
        "AWSAccountId": change.account,
        "AlarmConfigurationUpdatedTimestamp": None,
        "NewStateValue": change.now.value,
        "NewStateReason": change.now.reason,
        "StateChangeTime": _stamp(change.now.since),
        "Region": change.region,
        "AlarmArn": change.arn,
        "OldStateValue": change.before.value,
        "OKActions": list(found.get("OKActions") or ()),
        "AlarmActions": list(found.get("AlarmActions") or ()),
        "InsufficientDataActions": list(found.get("InsufficientDataActions") or ()),
    }
    if "AlarmRule" in found:
        told["AlarmRule"] = found["AlarmRule"]
    else:
        told["Trigger"] = _trigger(found)
    subject = f'{change.now.value}: "{found["AlarmName"]}" in {change.region}'
    return subject[:100], json.dumps(told)


def _trigger(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "MetricName": found.get("MetricName"),
        "Namespace": found.get("Namespace"),
        "StatisticType": "Statistic" if found.get("Statistic") else "ExtendedStatistic",
        "Statistic": (found.get("Statistic") or found.get("ExtendedStatistic") or "").upper(),
        "Unit": found.get("Unit"),
        "Dimensions": [{"value": one["Value"], "name": one["Name"]} for one in found.get("Dimensions") or ()],
        "Period": found.get("Period"),
        "EvaluationPeriods": found.get("EvaluationPeriods"),
        "DatapointsToAlarm": found.get("DatapointsToAlarm"),
        "ComparisonOperator": found.get("ComparisonOperator"),
        "Threshold": found.get("Threshold"),
        "TreatMissingData": found.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": found.get("EvaluateLowSampleCountPercentile") or "",
    }


def _configuration(change: Change) -> dict[str, Any]:
    found = change.definition
    said = {"description": found["AlarmDescription"]} if found.get("AlarmDescription") else {}
    if "AlarmRule" in found:
        return {**said, "alarmRule": found["AlarmRule"]}
    if found.get("Metrics"):
        return {**said, "metrics": [_query(query) for query in found["Metrics"]]}
    stat = {
        "Metric": {key: found.get(key) for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": found.get("Period"),
        "Stat": found.get("Statistic") or found.get("ExtendedStatistic"),
    }
    return {**said, "metrics": [_query({"Id": str(uuid5(NAMESPACE_URL, change.arn)), "MetricStat": stat})]}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if query.get("Expression"):
        return {**told, "expression": query["Expression"], "label": query.get("Label", query["Id"])}
    stat = query["MetricStat"]
    dimensions = {one["Name"]: one["Value"] for one in stat["Metric"].get("Dimensions") or ()}
    metric = {"dimensions": dimensions, "name": stat["Metric"]["MetricName"], "namespace": stat["Metric"]["Namespace"]}
    return {**told, "metricStat": {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}}


def _state(state: State) -> dict[str, str]:
    told = {"reason": state.reason, "timestamp": _stamp(state.since), "value": state.value}
    return {**told, "reasonData": state.data} if state.data and state.data != "{}" else told


def _stamp(moment: datetime) -> str:
    found = moment.replace(tzinfo=moment.tzinfo or UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 1000:03d}+0000"
