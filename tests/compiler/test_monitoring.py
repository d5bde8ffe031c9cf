"""What monitors compile to for an account that may use Model Monitor, and what the others are told."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Account,
    AccountError,
    AccountNetwork,
    Baseline,
    Compute,
    Daily,
    DataCapture,
    DataQuality,
    Every,
    Hourly,
    ModelQuality,
    ModelSettings,
    MonitorAlarm,
    Network,
    SpecError,
    drift,
    missing,
    pin,
)
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.compiler.template import Compiled
from constructs_ml.spec.values import Output
from tests.support import account, endpoint, monitors, served, statements_of


def may(**settings: Any) -> Account:
    """An existing customer of Model Monitor that pins a version."""
    found = ModelSettings(pins={"main": pin(3)}, **settings)
    return account(existing_customer=("model-monitor",), models={"churn": found})


def watched(*found: Any, where: Account | None = None) -> Compiled:
    return served(where=where or may(), monitors=found or monitors())


def properties(found: Compiled, part: str) -> dict[str, Any]:
    result: dict[str, Any] = found.resources[f"Endpoint{part}"]["Properties"]
    return result


def test_a_definition_is_never_named_and_its_schedule_always() -> None:
    found = watched()
    for part in ("DataQualityDefinition", "QualityDefinition"):
        assert "JobDefinitionName" not in properties(found, part)
    schedule = properties(found, "DataQualitySchedule")
    assert schedule["MonitoringScheduleName"] == "dev-churn-data-quality"
    name = schedule["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
    arn = {"Fn::GetAtt": ["EndpointDataQualityDefinition", "JobDefinitionArn"]}
    assert name == {"Fn::Select": [1, {"Fn::Split": ["/", arn]}]}


def test_a_schedule_waits_for_its_endpoint() -> None:
    found = watched()
    assert "EndpointEndpoint" in found.resources["EndpointQualitySchedule"]["DependsOn"]


def test_tags_of_a_definition_never_change_whoever_owns_the_model() -> None:
    one = watched()
    other = served(where=dataclasses.replace(may(), tags={"team": "x"}), monitors=monitors(), owner="research")
    for part in ("DataQualityDefinition", "QualityDefinition"):
        assert properties(one, part) == properties(other, part)
    assert properties(one, "DataQualitySchedule") != properties(other, "DataQualitySchedule")


def test_each_kind_of_input_has_the_fields_that_cloudformation_takes() -> None:
    found = watched()
    data = properties(found, "DataQualityDefinition")["DataQualityJobInput"]["EndpointInput"]
    assert set(data) == {"EndpointName", "LocalPath", "S3DataDistributionType", "S3InputMode"}
    quality = properties(found, "QualityDefinition")["ModelQualityJobInput"]
    assert quality["EndpointInput"] | data == quality["EndpointInput"]
    assert quality["EndpointInput"]["ProbabilityAttribute"] == "churn"
    assert quality["EndpointInput"]["ProbabilityThresholdAttribute"] == 0.5
    assert quality["EndpointInput"]["StartTimeOffset"] == "-PT2H"
    assert quality["EndpointInput"]["EndTimeOffset"] == "-PT1H"
    assert quality["GroundTruthS3Input"]["S3Uri"]["Fn::Sub"][0] == "s3://${Bucket}/labels/"


@pytest.mark.parametrize(
    ("schedule", "expression"),
    [(Hourly(), "cron(0 * ? * * *)"), (Daily(6), "cron(0 6 ? * * *)"), (Every(6, start=2), "cron(0 2/6 ? * * *)")],
)
def test_schedules_are_written_in_model_monitors_own_cron(schedule: Any, expression: str) -> None:
    found = properties(watched(DataQuality(schedule=schedule)), "DataQualitySchedule")
    assert found["MonitoringScheduleConfig"]["ScheduleConfig"] == {"ScheduleExpression": expression}


def test_a_baseline_of_a_fixed_place_names_both_files_and_only_constraints_for_quality() -> None:
    place = Baseline(source=S3("s3://shared/baselines/churn/"))
    data = DataQuality(baseline=place)
    quality = ModelQuality(ground_truth=S3("labels/"), problem="Regression", inference="0", baseline=place)
    found = watched(data, quality)
    files = properties(found, "DataQualityDefinition")["DataQualityBaselineConfig"]
    assert files["StatisticsResource"]["S3Uri"]["Fn::Sub"] == [
        "s3://${Bucket}/baselines/churn/statistics.json",
        {"Bucket": "shared"},
    ]
    assert set(files) == {"ConstraintsResource", "StatisticsResource"}
    assert set(properties(found, "QualityDefinition")["ModelQualityBaselineConfig"]) == {"ConstraintsResource"}


def test_a_baseline_of_a_step_is_the_output_of_the_run_that_the_account_names() -> None:
    monitor = DataQuality(baseline=Baseline(source=Output("evaluate", "report")))
    found = watched(monitor, where=may(run="run-7"))
    uri = properties(found, "DataQualityDefinition")["DataQualityBaselineConfig"]["ConstraintsResource"]["S3Uri"]
    assert uri["Fn::Sub"][0] == "s3://${Bucket}/churn/training/run-7/evaluate/report/constraints.json"
    assert "churn/training/run-7/evaluate/report/*" in json.dumps(statements_of(found, "EndpointMonitoringRole"))


def test_without_a_run_the_monitor_is_not_there_and_says_so() -> None:
    found = watched(DataQuality(baseline=Baseline(source=Output("evaluate", "report"))), where=may())
    assert not any("Quality" in key for key in found.resources)
    assert [notice.id for notice in found.notices] == ["constructs-ml:monitor-unpinned"]


def test_an_account_may_leave_its_monitors_out_knowingly() -> None:
    where = dataclasses.replace(may(monitors="none"), existing_customer=())
    found = watched(where=where)
    assert not any("Quality" in key for key in found.resources)
    assert [notice.id for notice in found.notices] == ["constructs-ml:monitors-none"]


def test_every_other_account_is_told_what_is_closed_and_what_comes() -> None:
    with pytest.raises(AccountError, match="portable engine") as refused:
        watched(where=dataclasses.replace(may(), existing_customer=("clarify",)))
    assert [fault.id for fault in refused.value.faults] == ["monitor-closed"]


def test_a_region_without_model_monitor_is_the_accounts_fault() -> None:
    with pytest.raises(AccountError) as refused:
        watched(where=dataclasses.replace(may(), region="us-gov-west-1", id="111111111111"))
    assert "image-region" in {fault.id for fault in refused.value.faults}


def test_alarms_carry_the_contracts_names_and_their_severity() -> None:
    found = watched(
        DataQuality(
            baseline=Baseline(source=S3("baselines/")),
            alarms=(drift("spend", above=0.2), missing("spend", above=0.05, severity="critical")),
        ),
        ModelQuality(
            ground_truth=S3("labels/"),
            problem="Regression",
            inference="0",
            schedule=Daily(),
            alarms=(MonitorAlarm(metric="rmse", above=10),),
        ),
    )
    alarms = {
        item["Properties"]["AlarmName"]: item["Properties"]
        for item in found.resources.values()
        if item["Type"] == "AWS::CloudWatch::Alarm" and "MonitoringSchedule" in json.dumps(item)
    }
    assert set(alarms) == {
        "dev-churn-data-quality-feature_baseline_drift_spend-warning",
        "dev-churn-data-quality-feature_non_null_spend-critical",
        "dev-churn-quality-rmse-warning",
    }
    low = alarms["dev-churn-data-quality-feature_non_null_spend-critical"]
    assert (low["ComparisonOperator"], low["Statistic"], low["Threshold"]) == ("LessThanThreshold", "Minimum", 0.95)
    assert low["Namespace"] == "aws/sagemaker/Endpoints/data-metrics"
    assert low["Dimensions"] == [
        {"Name": "Endpoint", "Value": "dev-churn"},
        {"Name": "MonitoringSchedule", "Value": "dev-churn-data-quality"},
    ]
    daily = alarms["dev-churn-quality-rmse-warning"]
    assert (daily["Period"], daily["TreatMissingData"]) == (86_400, "ignore")


def test_monitors_run_on_the_accounts_machines_in_its_network_with_its_key() -> None:
    network = AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",))
    found = properties(watched(where=dataclasses.replace(may(), network=network)), "DataQualityDefinition")
    assert found["JobResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"
    assert found["NetworkConfig"]["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert found["DataQualityJobOutputConfig"]["KmsKeyId"] == "{{resolve:ssm:/constructs-ml/dev/key-arn}}"


def test_one_role_does_what_its_monitors_do_and_no_more() -> None:
    def allowed(*found: Any) -> dict[str, str]:
        statements = statements_of(watched(*found), "EndpointMonitoringRole")
        return {str(item["Action"]): json.dumps(item["Resource"]) for item in statements}

    both, data = allowed(), allowed(monitors()[0])
    assert set(both) == set(data)
    assert {action.split(":")[0].strip("['") for action in both} == {"s3", "logs", "cloudwatch", "ecr", "kms"}
    for place in ("churn/capture/*", "baselines/data/*", "labels/*"):
        assert place in both["s3:GetObject"]
    assert "labels/" not in str(data)
    assert "groundtruth-merger" in str(both)
    assert "groundtruth-merger" not in str(data)
    assert "churn/monitoring/quality/*" in str(both)
    assert "churn/monitoring/quality/*" not in str(data)


def test_what_could_never_work_is_refused_for_an_endpoint_alone_too() -> None:
    with pytest.raises(SpecError, match="nothing to look at"):
        served(endpoint(capture=None), may(), monitors=monitors())
    with pytest.raises(SpecError, match="does not capture"):
        served(endpoint(capture=DataCapture(what="Input")), may(), monitors=monitors())


def test_a_timeout_longer_than_its_schedule_is_refused() -> None:
    with pytest.raises(SpecError, match="timeout is out of range"):
        DataQuality(timeout=timedelta(hours=2))
    assert DataQuality(timeout=timedelta(hours=2), schedule=Daily()).timeout == timedelta(hours=2)


@pytest.mark.parametrize(("schedule", "start"), [(Hourly(), "-PT2H"), (Every(6), "-PT7H"), (Daily(), "-PT25H")])
def test_no_captured_hour_is_left_out_between_two_runs(schedule: Any, start: str) -> None:
    monitor = ModelQuality(ground_truth=S3("labels/"), problem="Regression", inference="0", schedule=schedule)
    found = properties(watched(monitor), "QualityDefinition")["ModelQualityJobInput"]["EndpointInput"]
    assert (found["StartTimeOffset"], found["EndTimeOffset"]) == (start, "-PT1H")


def test_a_monitors_volume_on_nvme_takes_no_key() -> None:
    fast = DataQuality(compute=Compute(instance_type="ml.r5d.large"))
    found = properties(watched(fast), "DataQualityDefinition")["JobResources"]["ClusterConfig"]
    assert "VolumeKmsKeyId" not in found
    assert "VolumeKmsKeyId" in properties(watched(), "DataQualityDefinition")["JobResources"]["ClusterConfig"]


def test_data_under_a_key_of_its_own_are_decrypted_by_both_roles() -> None:
    where = may()
    given = dataclasses.replace(of_platform(where), data_key_arn="arn:aws:kms:eu-central-1:111111111111:key/data")
    found = served(where=where, monitors=monitors(), infrastructure=given)
    for role in ("EndpointRole", "EndpointMonitoringRole"):
        keys = [item for item in statements_of(found, role) if item["Resource"] == given.data_key_arn]
        assert [item["Action"] for item in keys] == ["kms:Decrypt"], role


def test_a_monitor_outside_the_network_needs_no_interfaces() -> None:
    network = AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",))
    where = dataclasses.replace(may(), network=network)
    outside = DataQuality(network=Network(vpc=False))
    assert "ec2:" not in json.dumps(statements_of(watched(outside, where=where), "EndpointMonitoringRole"))
    assert "ec2:" in json.dumps(statements_of(watched(where=where), "EndpointMonitoringRole"))
