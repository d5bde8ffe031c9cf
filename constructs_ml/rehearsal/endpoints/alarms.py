"""The CloudWatch alarms that send a deployment back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal


class Alarms:
    """The alarms of an AutoRollbackConfiguration, watched with the role of the endpoint.

    That role needs cloudwatch:DescribeAlarms on them, else a `ServiceError` is raised:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html.
    """

    def __init__(self, account: EmbeddedAccount, names: Sequence[str], principal: Principal) -> None:
        self._account, self._names = account, tuple(names)
        for name in self._names:
            account.authorize(principal, "cloudwatch:DescribeAlarms", account.arn("cloudwatch", f"alarm:{name}"))

    def ringing(self) -> list[str]:
        """The names of those in ALARM now."""
        found = described(self._account, self._names) if self._names else []
        return [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"]


def missing(account: EmbeddedAccount, names: Sequence[str]) -> list[str]:
    """The names that no alarm has."""
    found = {alarm["AlarmName"] for alarm in described(account, names)} if names else set()
    return [name for name in names if name not in found]


def described(account: EmbeddedAccount, names: Sequence[str]) -> list[dict[str, Any]]:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = account.client("cloudwatch").describe_alarms(AlarmNames=list(names), AlarmTypes=kinds)
    return [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
