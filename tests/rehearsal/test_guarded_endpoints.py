"""An endpoint in a whole account: its role's policies hold, and its own errors ring the alarm that sends it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import Endpoints
from constructs_ml.rehearsal.events import Events
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.endpoint_cases import (
    NAME,
    ROLE,
    FakeServer,
    ask,
    create,
    create_config,
    described,
    settled,
    update,
)

TRUSTED = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
ALARM = "churn-5xx"
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 3600,
        }
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
}


@pytest.fixture
def opened(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    """An open account with IAM, events and endpoints; models good and crash, whose server always answers 500."""

    class Crashing(FakeServer):
        def invoke(self, body: bytes, *given: Any, seconds: float) -> tuple[int, bytes, str]:
            return super().invoke(b"broken" if self.model == "crash" else body, *given, seconds=seconds)

    Iam(account)
    store = Store(account)
    SageMaker(account, store)
    Events(account)
    Endpoints(account, store, (), serve=lambda name, model, principal, kind, line: Crashing(name, model, line))
    with account.running():
        iam = account.client("iam")
        iam.create_role(RoleName="endpoint", AssumeRolePolicyDocument=_policy(TRUSTED))
        for model in ("good", "crash"):
            image = {"Image": f"images/{model}"}
            account.client("sagemaker").create_model(ModelName=model, PrimaryContainer=image, ExecutionRoleArn=ROLE)
            create_config(account, model)
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=ALARM,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Dimensions=[{"Name": "EndpointName", "Value": NAME}, {"Name": "VariantName", "Value": "main"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )
        yield account


def _policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(account: EmbeddedAccount, action: str, resource: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    iam = account.client("iam")
    iam.put_role_policy(RoleName="endpoint", PolicyName=action.replace(":", "-"), PolicyDocument=_policy(statement))


def half(account: EmbeddedAccount) -> bool:
    return any(entry.detail.get("share") == 0.5 for entry in account.journal.entries("endpoint"))


def test_errors_of_the_canary_ring_the_alarm_and_the_old_model_stays(opened: EmbeddedAccount) -> None:
    allow(opened, "cloudwatch:DescribeAlarms", "*")
    assert create(opened, "good")["EndpointStatus"] == "InService"
    update(opened, "crash", DeploymentConfig=CANARY)
    assert opened.clock.poll(lambda: half(opened), 5)
    errors = opened.client("sagemaker-runtime").exceptions.ModelError
    answered = []
    for _ in range(4):
        try:
            answered.append(ask(opened))
        except errors:
            answered.append("error")
    assert "good(1)" in answered
    assert "error" in answered
    now = settled(opened)
    assert (now["EndpointStatus"], now["EndpointConfigName"]) == ("InService", "good")
    assert ALARM in now["FailureReason"]
    assert {ask(opened) for _ in range(4)} == {"good(1)"}


def test_without_permission_to_see_the_alarms_nothing_is_deployed(opened: EmbeddedAccount) -> None:
    create(opened, "good")
    update(opened, "crash", DeploymentConfig=CANARY)
    now = settled(opened)
    assert now["EndpointConfigName"] == "good"
    assert "cloudwatch:DescribeAlarms" in now["FailureReason"]
    assert not half(opened)
    assert [entry for entry in opened.journal.entries("denied") if "DescribeAlarms" in entry.what + entry.name]


def test_the_states_of_an_update_are_events(opened: EmbeddedAccount) -> None:
    told: list[Any] = []
    opened.buses.append(told.append)
    create(opened, "good")
    update(opened, "crash")
    settled(opened)
    changes = [e["detail"]["EndpointStatus"] for e in told if e["detail-type"] == "SageMaker Endpoint State Change"]
    assert changes == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]
    assert described(opened)["EndpointConfigName"] == "crash"
    json.dumps(told)
