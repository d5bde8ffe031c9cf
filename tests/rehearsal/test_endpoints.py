"""Endpoints are made, changed as their deployment policy says, and deleted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import rollout
from tests.rehearsal.endpoint_cases import (
    NAME,
    FakeServer,
    ask,
    create,
    create_config,
    create_model,
    described,
    endpoints,
    refused,
    settled,
    update,
)

CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 3600,
        },
        "TerminationWaitInSeconds": 0,
    }
}


@pytest.fixture
def opened(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    """An open account with endpoints, models blue, green and bad, and a config for each."""
    endpoints(account)
    with account.running():
        for model in ("blue", "green", "bad"):
            create_model(account, model)
            create_config(account, model)
        yield account
    assert not FakeServer.running


def alarm(account: EmbeddedAccount, name: str = "errors") -> None:
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


def baking(account: EmbeddedAccount) -> bool:
    pending = described(account).get("PendingDeploymentSummary", {"ProductionVariants": [{}]})
    stages = pending["ProductionVariants"][0].get("VariantStatus", [{}])
    return bool(stages[0].get("Status") == "Baking")


def test_an_endpoint_is_made_and_answers(opened: EmbeddedAccount) -> None:
    made = create(opened)
    assert made["EndpointStatus"] == "InService"
    (variant,) = made["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentWeight"], variant["CurrentInstanceCount"]) == ("main", 1, 2)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == "images/blue"
    runtime = opened.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=NAME, Body=b"7", ContentType="text/csv", Accept="text/csv")
    assert answer["Body"].read() == b"blue(7)"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "main")


def test_an_answer_can_come_as_a_stream_of_one_part(opened: EmbeddedAccount) -> None:
    create(opened)
    answer = opened.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=NAME, Body=b"7", ContentType="text/csv", Accept="text/csv"
    )
    assert [event["PayloadPart"]["Bytes"] for event in answer["Body"]] == [b"blue(7)"]
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "main")


def test_a_model_that_does_not_load_fails_the_endpoint_in_sagemakers_words(opened: EmbeddedAccount) -> None:
    made = create(opened, "bad")
    assert made["EndpointStatus"] == "Failed"
    assert made["FailureReason"].startswith(
        "The primary container for production variant main did not pass the ping health check."
        " Please check CloudWatch logs for this endpoint."
    )
    refused(lambda: ask(opened), "ValidationError", "Endpoint churn of account 111111111111 not found.")
    refused(lambda: update(opened), "ValidationException", "delete it")
    opened.client("sagemaker").delete_endpoint(EndpointName=NAME)


def test_what_is_not_there_is_refused(opened: EmbeddedAccount) -> None:
    refused(lambda: create(opened, "none"), "ValidationException", "Could not find endpoint configuration")
    refused(lambda: update(opened), "ValidationException", "Could not find endpoint")
    refused(lambda: ask(opened), "ValidationError", "not found")
    create(opened)
    refused(lambda: update(opened, "none"), "Could not find endpoint configuration")
    refused(lambda: ask(opened, TargetVariant="other"), "ValidationError", "Variant other not found")


def test_deleting_frees_the_servers(opened: EmbeddedAccount) -> None:
    create(opened)
    assert FakeServer.running
    opened.client("sagemaker").delete_endpoint(EndpointName=NAME)
    assert opened.clock.poll(lambda: not opened.client("sagemaker").list_endpoints()["Endpoints"], 5)
    assert not FakeServer.running
    assert create(opened)["EndpointStatus"] == "InService"


def test_an_update_without_a_policy_replaces_all_at_once(opened: EmbeddedAccount) -> None:
    create(opened)
    update(opened)
    assert settled(opened)["EndpointConfigName"] == "green"
    assert ask(opened) == "green(1)"
    assert {server.model for server in FakeServer.running} == {"green"}


def test_a_canary_of_half_the_fleet_answers_every_second_request(opened: EmbeddedAccount) -> None:
    create(opened)
    update(opened, DeploymentConfig=CANARY)
    assert opened.clock.poll(lambda: baking(opened), 5)
    assert sorted(ask(opened) for _ in range(10)) == ["blue(1)"] * 5 + ["green(1)"] * 5
    now = described(opened)
    assert (now["EndpointStatus"], now["EndpointConfigName"]) == ("Updating", "blue")
    pending = now["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "green"
    words = "Baking for 3600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    assert pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"] == words
    sagemaker = opened.client("sagemaker")
    refused(lambda: update(opened), "ValidationException", "Cannot update in-progress endpoint")
    refused(lambda: sagemaker.delete_endpoint(EndpointName=NAME), "Cannot update in-progress endpoint")


def test_traffic_moves_in_linear_steps(opened: EmbeddedAccount) -> None:
    create(opened)
    routing = {
        "Type": "LINEAR",
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 40},
        "WaitIntervalInSeconds": 1,
    }
    update(opened, DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}})
    assert settled(opened)["EndpointConfigName"] == "green"
    assert shares(opened) == [0.4, 0.8, 1.0]


def test_a_rolling_update_moves_in_batches(opened: EmbeddedAccount) -> None:
    create(opened)
    rolling = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 1}
    update(opened, DeploymentConfig={"RollingUpdatePolicy": rolling})
    assert settled(opened)["EndpointConfigName"] == "green"
    assert shares(opened) == [0.5, 1.0]


def shares(account: EmbeddedAccount) -> list[float]:
    return [entry.detail["share"] for entry in account.journal.entries("endpoint") if "share" in entry.detail]


def test_an_alarm_during_the_canary_sends_the_update_back(opened: EmbeddedAccount) -> None:
    create(opened)
    alarm(opened)
    told: list[Any] = []
    opened.buses.append(told.append)
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    update(opened, DeploymentConfig=CANARY | rollback)
    assert opened.clock.poll(lambda: baking(opened), 5)
    opened.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    now = settled(opened)
    assert (now["EndpointStatus"], now["EndpointConfigName"]) == ("InService", "blue")
    assert "errors" in now["FailureReason"]
    assert "PendingDeploymentSummary" not in now
    assert now["LastDeploymentConfig"]["AutoRollbackConfiguration"] == rollback["AutoRollbackConfiguration"]
    assert {ask(opened) for _ in range(4)} == {"blue(1)"}
    deployments = [e["detail"] for e in told if e["detail-type"] == "SageMaker Endpoint Deployment State Change"]
    statuses = [detail["EndpointStatus"] for detail in deployments]
    assert statuses == ["UPDATING"] * 3 + ["ROLLING_BACK", "IN_SERVICE"]
    assert deployments[-1]["EndpointConfigName"] == "blue"


def test_a_new_model_that_does_not_load_leaves_the_old_one(opened: EmbeddedAccount) -> None:
    create(opened)
    update(opened, "bad")
    now = settled(opened)
    assert (now["EndpointStatus"], now["EndpointConfigName"]) == ("InService", "blue")
    assert "did not pass the ping health check" in now["FailureReason"]
    assert ask(opened) == "blue(1)"
    update(opened)
    assert "FailureReason" not in settled(opened)


def test_a_role_that_may_not_read_the_alarms_sends_the_update_back(opened: EmbeddedAccount) -> None:
    def denies(principal: Any, action: str, resource: str, context: Any) -> None:
        if action == "cloudwatch:DescribeAlarms":
            raise ServiceError("AccessDenied", f"{principal.role} may not {action} on {resource}")

    create(opened)
    alarm(opened)
    opened.authorities.append(denies)
    update(opened, DeploymentConfig={"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}})
    now = settled(opened)
    assert now["EndpointConfigName"] == "blue"
    assert (
        "cloudwatch:DescribeAlarms on arn:aws:cloudwatch:eu-central-1:111111111111:alarm:errors" in now["FailureReason"]
    )


def test_alarms_must_be_there(opened: EmbeddedAccount) -> None:
    create(opened)
    policy = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "none"}]}}
    refused(lambda: update(opened, DeploymentConfig=policy), "ValidationException", "no CloudWatch alarm", "none")


def test_the_event_of_a_deployment_has_the_documented_shape(opened: EmbeddedAccount) -> None:
    """The example of https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html."""
    documented = {
        "EndpointName",
        "EndpointArn",
        "EndpointConfigName",
        "ProductionVariants",
        "EndpointStatus",
        "CreationTime",
        "LastModifiedTime",
        "Tags",
        "PendingDeploymentSummary",
    }
    variant = {"VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount"}
    told: list[Any] = []
    opened.buses.append(told.append)
    create(opened)
    update(opened, DeploymentConfig=CANARY)
    assert opened.clock.poll(lambda: baking(opened), 5)
    event = told[-1]
    assert (event["source"], event["detail-type"]) == ("aws.sagemaker", "SageMaker Endpoint Deployment State Change")
    assert set(event["detail"]) == documented
    assert set(event["detail"]["ProductionVariants"][0]) == variant
    pending = event["detail"]["PendingDeploymentSummary"]
    assert set(pending) == {"EndpointConfigName", "StartTime", "ProductionVariants"}
    assert set(pending["ProductionVariants"][0]) == variant | {"VariantStatus"}
    assert set(pending["ProductionVariants"][0]["VariantStatus"][0]) == {"Status", "StatusMessage", "StartTime"}
    json.dumps(event)


def test_retained_properties_survive_an_update_and_others_do_not(opened: EmbeddedAccount) -> None:
    create(opened)
    sagemaker = opened.client("sagemaker")
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 5, "DesiredWeight": 3}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=wanted)
    assert settled(opened)["ProductionVariants"][0]["CurrentInstanceCount"] == 5
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    update(opened, RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded)
    (variant,) = settled(opened)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (5, 1)
    update(opened, "blue")
    assert settled(opened)["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_a_scaled_variant_keeps_its_instance_type(opened: EmbeddedAccount) -> None:
    create(opened)
    target = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{NAME}/variant/main"}
    target["ScalableDimension"] = "sagemaker:variant:DesiredInstanceCount"
    scaling = opened.client("application-autoscaling")
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=4, **target)
    create_config(opened, "green", "larger", {"InstanceType": "ml.m5.xlarge"})
    refused(lambda: update(opened, "larger"), "ValidationException", "scalable target")
    update(opened, "green")
    assert settled(opened)["EndpointConfigName"] == "green"
    scaling.deregister_scalable_target(**target)
    update(opened, "larger")
    assert settled(opened)["EndpointConfigName"] == "larger"


def test_an_account_that_closes_in_the_middle_of_a_canary_leaves_nothing(account: EmbeddedAccount) -> None:
    endpoints(account)
    with account.running():
        for model in ("blue", "green"):
            create_model(account, model)
            create_config(account, model)
        create(account)
        update(account, DeploymentConfig=CANARY)
        assert account.clock.poll(lambda: baking(account), 5)
        assert len(FakeServer.running) == 2
    assert not FakeServer.running
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("endpoint ")]


def test_what_is_not_there_cannot_be_scaled(opened: EmbeddedAccount) -> None:
    create(opened)
    scaling = opened.client("application-autoscaling")
    for resource in (f"endpoint/{NAME}/variant/other", "endpoint/other/variant/main", "inference-component/none"):
        target = {"ServiceNamespace": "sagemaker", "ResourceId": resource}
        target["ScalableDimension"] = "sagemaker:variant:DesiredInstanceCount"
        refused(lambda target=target: scaling.register_scalable_target(**target), "ValidationException", "to scale")


def test_the_last_policy_is_used_again_where_that_is_wanted(opened: EmbeddedAccount) -> None:
    routing = {
        "Type": "LINEAR",
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 1,
    }
    create(opened, DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}})
    update(opened, RetainDeploymentConfig=True)
    assert settled(opened)["EndpointConfigName"] == "green"
    assert shares(opened) == [0.5, 1.0]
    update(opened, "blue")
    assert settled(opened)["EndpointConfigName"] == "blue"
    assert shares(opened) == [0.5, 1.0, 1.0]


def test_a_deployment_that_takes_too_long_goes_back(opened: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    create(opened)
    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(rollout, "time", SimpleNamespace(monotonic=lambda: float(next(hours))))
    policy = CANARY["BlueGreenUpdatePolicy"] | {"MaximumExecutionTimeoutInSeconds": 3700}
    update(opened, DeploymentConfig={"BlueGreenUpdatePolicy": policy})
    assert "MaximumExecutionTimeoutInSeconds of 3700" in str(settled(opened).get("FailureReason"))
    assert described(opened)["EndpointConfigName"] == "blue"


def test_both_configs_must_have_the_same_variants_under_a_policy(opened: EmbeddedAccount) -> None:
    create(opened)
    create_config(opened, "green", "other", {"VariantName": "other"})
    refused(lambda: update(opened, "other", DeploymentConfig=CANARY), "ValidationException", "same names")
    update(opened, "other")
    assert settled(opened)["ProductionVariants"][0]["VariantName"] == "other"


def test_no_request_is_lost_while_a_model_is_replaced(opened: EmbeddedAccount) -> None:
    create(opened)
    stop, answers, failed = threading.Event(), [], []

    def go_on() -> None:
        while not stop.is_set():
            try:
                answers.append(ask(opened))
            except ClientError as refusal:
                failed.append(refusal)

    askers = [threading.Thread(target=go_on) for _ in range(3)]
    for asker in askers:
        asker.start()
    for config in ("green", "blue", "green"):
        update(opened, config)
        assert settled(opened)["EndpointConfigName"] == config
    stop.set()
    for asker in askers:
        asker.join()
    assert not failed
    assert set(answers) == {"blue(1)", "green(1)"}
