"""What an endpoint compiles to: versions by pin, one stable name, a policy that fits, no permission too many."""

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
    AllAtOnce,
    Artifact,
    AutoScaling,
    Canary,
    Code,
    DataCapture,
    EndpointSpec,
    Errors,
    Image,
    InstanceRules,
    Instances,
    Latency,
    Linear,
    ModelSettings,
    Network,
    Pinned,
    PyTorch,
    Rolling,
    ScheduledCapacity,
    Serverless,
    SpecError,
    Variant,
)
from constructs_ml.compiler.template import Compiled
from tests.support import account, endpoint, monitors, pinned, served, statements_of

NETWORK = AccountNetwork(subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))
TWO = (Variant(name="main", weight=9), Variant(name="challenger", weight=1))


def properties(found: Compiled, part: str) -> dict[str, Any]:
    result: dict[str, Any] = found.resources[f"Endpoint{part}"]["Properties"]
    return result


def test_an_account_that_pins_nothing_has_no_endpoint_and_says_so() -> None:
    found = served(where=account())
    assert found.resources == {}
    assert [notice.id for notice in found.notices] == ["constructs-ml:endpoint-unpinned"]
    assert "models.churn.pins" in found.notices[0].text


def test_a_pinned_number_is_a_version_of_the_accounts_own_group() -> None:
    container = properties(served(where=pinned(main=7)), "MainModel")["PrimaryContainer"]
    package = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:model-package/dev-churn/7"
    assert container == {"ModelPackageName": {"Fn::Sub": package}}


def test_a_pinned_arn_of_another_account_reads_that_accounts_artifacts() -> None:
    where = pinned(main="arn:aws:sagemaker:eu-central-1:222222222222:model-package/staging-churn/4")
    found = served(where=where)
    statements = json.dumps(statements_of(found, "EndpointRole"))
    assert "staging-ml-artifacts-222222222222-eu-central-1/churn/*" in statements
    assert ":kms:eu-central-1:222222222222:key/*" in statements
    assert "222222222222:model-package/staging-churn/4" in json.dumps(properties(found, "MainModel"))


def test_a_pinned_artifact_is_served_by_the_image_that_versions_are_registered_with() -> None:
    found = served(where=pinned(main="s3://models/churn/3/model.tar.gz"))
    container = properties(found, "MainModel")["PrimaryContainer"]
    assert container["Image"].endswith("sagemaker-scikit-learn:1.4-2-cpu-py3")
    assert container["ModelDataUrl"] == {"Fn::Sub": ["s3://${Bucket}/churn/3/model.tar.gz", {"Bucket": "models"}]}


def test_an_artifact_is_the_same_for_every_account_and_needs_no_pin() -> None:
    spec = EndpointSpec(variants=(Variant(model=Artifact(S3("models/3/model.tar.gz"), Image("churn-serve:3"))),))
    container = properties(served(spec, account()), "MainModel")["PrimaryContainer"]
    assert container["ModelDataUrl"]["Fn::Sub"][0] == "s3://${Bucket}/models/3/model.tar.gz"
    assert container["Image"] == {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/churn-serve:3"}


def test_the_inference_script_travels_as_an_asset_and_its_environment_names_it() -> None:
    spec = endpoint(variants=(Variant(code="inference.py", environment={"THREADS": "2"}),))
    found = served(spec)
    environment = properties(found, "MainModel")["PrimaryContainer"]["Environment"]
    assert environment["SAGEMAKER_PROGRAM"] == "inference.py"
    assert environment["SAGEMAKER_SUBMIT_DIRECTORY"] == {"Asset": ["main code", "uri"]}
    assert environment["THREADS"] == "2"
    assert found.assets["main code"].packaging == "tar.gz"


def test_variants_that_share_their_code_share_its_asset() -> None:
    spec = endpoint(
        variants=(
            Variant(name="a", code="inference.py"),
            Variant(name="b", code=Code("inference.py")),
            Variant(name="c", code="train.py"),
        )
    )
    found = served(spec, pinned(a=1, b=2, c=3))
    assert sorted(found.assets) == ["a code", "c code"]


def test_missing_code_is_a_fault_that_names_the_variant() -> None:
    with pytest.raises(SpecError, match=r"variant 'main': the code 'infer.py' is not there"):
        served(endpoint(variants=(Variant(code="infer.py"),)))


def test_model_and_configuration_are_never_named_and_the_endpoint_always() -> None:
    found = served(endpoint(variants=TWO), pinned(main=3, challenger=4))
    for key, resource in found.resources.items():
        named = {"ModelName", "EndpointConfigName"} & set(resource["Properties"])
        assert not named or resource["Type"] == "AWS::SageMaker::Endpoint", key
    assert properties(found, "Endpoint")["EndpointName"] == "dev-churn"
    config = {"Fn::GetAtt": ["EndpointConfig", "EndpointConfigName"]}
    assert properties(found, "Endpoint")["EndpointConfigName"] == config


def test_weights_and_counts_are_the_declarations() -> None:
    spec = EndpointSpec(variants=(Variant(name="main", weight=9, compute=Instances(count=3, volume_gb=50)), TWO[1]))
    found = served(spec, pinned(main=3, challenger=4))
    main, challenger = properties(found, "Config")["ProductionVariants"]
    assert main == {
        "VariantName": "main",
        "ModelName": {"Fn::GetAtt": ["EndpointMainModel", "ModelName"]},
        "InitialVariantWeight": 9,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 3,
        "VolumeSizeInGB": 50,
    }
    assert challenger["InitialInstanceCount"] == 1


def test_capacity_is_retained_only_where_autoscaling_owns_it() -> None:
    scaled, fixed = properties(served(), "Endpoint"), properties(served(endpoint(autoscaling=None)), "Endpoint")
    assert scaled["RetainAllVariantProperties"] is True
    kept = [item["VariantPropertyType"] for item in scaled["ExcludeRetainedVariantProperties"]]
    assert kept == ["DataCaptureConfig", "DesiredWeight"]
    assert "RetainAllVariantProperties" not in fixed


@pytest.mark.parametrize(
    ("deployment", "rendered"),
    [
        (AllAtOnce(), {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}),
        (
            Canary(percent=10, bake=timedelta(minutes=5), hold=timedelta(minutes=2), timeout=timedelta(hours=1)),
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "CANARY",
                        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                        "WaitIntervalInSeconds": 300,
                    },
                    "MaximumExecutionTimeoutInSeconds": 3600,
                    "TerminationWaitInSeconds": 120,
                }
            },
        ),
        (
            Linear(instances=1),
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                        "WaitIntervalInSeconds": 600,
                    }
                }
            },
        ),
        (
            Rolling(percent=25, rollback_percent=100),
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                    "WaitIntervalInSeconds": 600,
                    "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
                }
            },
        ),
    ],
)
def test_each_policy_is_written_as_sagemaker_reads_it(deployment: Any, rendered: dict[str, Any]) -> None:
    found = properties(served(endpoint(deployment=deployment, alarms=())), "Endpoint")
    assert found["DeploymentConfig"] == rendered


def test_the_accounts_policy_replaces_the_endpoints_own() -> None:
    where = pinned(main=3, settings={"deployment": Linear(percent=25)})
    routing = properties(served(where=where), "Endpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert routing["TrafficRoutingConfiguration"]["Type"] == "LINEAR"


def test_a_policy_of_the_account_that_the_endpoint_cannot_have_concerns_that_account_alone() -> None:
    where = pinned(main=3, challenger=4, settings={"deployment": Rolling(percent=20)})
    with pytest.raises(AccountError, match="cannot be updated in batches"):
        served(endpoint(variants=TWO), where)


def test_alarms_watch_each_variant_and_roll_back_with_the_given_ones() -> None:
    spec = endpoint(
        variants=TWO, alarms=(Errors(percent=2), Latency(milliseconds=250, percentile=95)), rollback=("kpi",)
    )
    found = served(spec, pinned(main=3, challenger=4))
    latency = properties(found, "ChallengerLatency")
    assert (latency["ExtendedStatistic"], latency["Threshold"]) == ("p95", 250_000)
    assert latency["Dimensions"] == [
        {"Name": "EndpointName", "Value": "dev-churn"},
        {"Name": "VariantName", "Value": "challenger"},
    ]
    errors = properties(found, "MainErrors")
    assert (errors["Statistic"], errors["Threshold"]) == ("Average", 0.02)
    watching = properties(found, "Endpoint")["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [item["AlarmName"] for item in watching] == [
        {"Ref": "EndpointMainErrors"},
        {"Ref": "EndpointMainLatency"},
        {"Ref": "EndpointChallengerErrors"},
        {"Ref": "EndpointChallengerLatency"},
        "kpi",
    ]


def test_no_alarm_is_no_rollback_and_no_permission_to_ask_for_alarms() -> None:
    found = served(endpoint(alarms=()))
    assert "AutoRollbackConfiguration" not in properties(found, "Endpoint")["DeploymentConfig"]
    assert "DescribeAlarms" not in json.dumps(statements_of(found, "EndpointRole"))
    assert "DescribeAlarms" in json.dumps(statements_of(served(), "EndpointRole"))


@pytest.mark.parametrize(
    ("scaling", "metric", "target"),
    [
        (AutoScaling(1, 4, invocations_per_instance=500), "SageMakerVariantInvocationsPerInstance", 500),
        (
            AutoScaling(1, 4, concurrency_per_instance=5),
            "SageMakerVariantConcurrentRequestsPerModelHighResolution",
            5,
        ),
    ],
)
def test_a_measure_is_tracked_by_its_predefined_metric(scaling: AutoScaling, metric: str, target: float) -> None:
    found = served(endpoint(autoscaling=scaling))
    policy = properties(found, "MainScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["PredefinedMetricSpecification"] == {"PredefinedMetricType": metric}
    assert policy["TargetValue"] == target
    bounds = properties(found, "MainScalingTarget")
    assert (bounds["MinCapacity"], bounds["MaxCapacity"]) == (1, 4)
    assert bounds["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    name = {"Fn::GetAtt": ["EndpointEndpoint", "EndpointName"]}
    assert bounds["ResourceId"] == {"Fn::Sub": ["endpoint/${Endpoint}/variant/main", {"Endpoint": name}]}


def test_utilisation_is_the_cpu_of_the_variants_instances() -> None:
    found = served(endpoint(autoscaling=AutoScaling(1, 4, utilisation=60)))
    policy = properties(found, "MainScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["CustomizedMetricSpecification"]["MetricName"] == "CPUUtilization"
    assert policy["CustomizedMetricSpecification"]["Namespace"] == "/aws/sagemaker/Endpoints"


def test_provisioned_concurrency_scales_by_its_own_dimension() -> None:
    spec = EndpointSpec(
        variants=(Variant(compute=Serverless(concurrency=10, provisioned=2)),),
        autoscaling=AutoScaling(1, 8, provisioned_utilisation=70),
    )
    found = served(spec)
    assert properties(found, "MainScalingTarget")["ScalableDimension"] == (
        "sagemaker:variant:DesiredProvisionedConcurrency"
    )
    assert properties(found, "MainScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 0.7


def test_schedules_alone_make_a_target_without_a_policy() -> None:
    day = ScheduledCapacity("0 6 ? * MON-FRI *", 2, 6, "Europe/Berlin", name="day")
    found = served(endpoint(autoscaling=AutoScaling(1, 6, schedules=(day,))))
    assert properties(found, "MainScalingTarget")["ScheduledActions"] == [
        {
            "ScheduledActionName": "day",
            "Schedule": "cron(0 6 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 6},
        }
    ]
    assert "EndpointMainScalingPolicy" not in found.resources


def test_a_serverless_variant_has_no_policy_no_key_and_no_network() -> None:
    spec = EndpointSpec(variants=(Variant(compute=Serverless(memory_mb=3072, concurrency=20)),))
    found = served(spec)
    (variant,) = properties(found, "Config")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 20}
    assert "InstanceType" not in variant
    assert "KmsKeyId" not in properties(found, "Config")
    assert "DeploymentConfig" not in properties(found, "Endpoint")


def test_a_serverless_variant_in_an_account_with_a_network_must_say_that_it_stays_outside() -> None:
    where = dataclasses.replace(pinned(main=3), network=NETWORK)
    spec = EndpointSpec(variants=(Variant(compute=Serverless()),))
    with pytest.raises(AccountError, match="no network settings"):
        served(spec, where)
    assert served(dataclasses.replace(spec, network=Network(vpc=False)), where).resources


def test_containers_run_in_the_accounts_network_and_isolated_if_declared() -> None:
    where = dataclasses.replace(pinned(main=3), network=NETWORK)
    found = served(endpoint(network=Network(isolation=True)), where)
    model = properties(found, "MainModel")
    assert model["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert model["EnableNetworkIsolation"] is True
    assert "ec2:CreateNetworkInterface" in json.dumps(statements_of(found, "EndpointRole"))


def test_a_demanded_network_that_is_not_there_is_a_fault_said_once() -> None:
    with pytest.raises(AccountError) as refused:
        served(endpoint(network=Network(vpc=True)))
    assert [fault.id for fault in refused.value.faults] == ["network-missing"]


def test_volumes_of_instances_with_nvme_take_no_key() -> None:
    fast = Variant(model=Pinned(PyTorch("2.3")), compute=Instances(instance_type="ml.g5.xlarge"))
    assert "KmsKeyId" not in properties(served(endpoint(variants=(fast,))), "Config")
    assert "KmsKeyId" in properties(served(), "Config")


def test_capture_writes_below_the_models_own_prefix_with_the_platforms_key() -> None:
    capture = properties(served(endpoint(capture=DataCapture(percent=20, what="Input"))), "Config")["DataCaptureConfig"]
    assert capture["DestinationS3Uri"]["Fn::Sub"][0] == "s3://${Bucket}/churn/capture"
    assert capture["InitialSamplingPercentage"] == 20
    assert capture["KmsKeyId"] == "{{resolve:ssm:/constructs-ml/dev/key-arn}}"
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}]
    assert "churn/capture/*" in json.dumps(statements_of(served(), "EndpointRole"))
    assert "capture" not in json.dumps(statements_of(served(endpoint(capture=None)), "EndpointRole"))


def test_the_instance_type_is_the_variants_then_the_models_then_the_accounts() -> None:
    def chosen(spec: EndpointSpec, where: Account) -> str:
        kind: str = properties(served(spec, where), "Config")["ProductionVariants"][0]["InstanceType"]
        return kind

    named = endpoint(variants=(Variant(compute=Instances(instance_type="ml.c5.xlarge")),))
    settings = {"instance_type": "ml.m5.xlarge"}
    assert chosen(named, pinned(main=3, settings=settings)) == "ml.c5.xlarge"
    assert chosen(endpoint(), pinned(main=3, settings=settings)) == "ml.m5.xlarge"
    assert chosen(endpoint(), pinned(main=3)) == "ml.m5.large"


def test_the_accounts_bound_on_instances_counts_what_autoscaling_may_reach() -> None:
    where = pinned(account(instances=InstanceRules(endpoint="ml.m5.large", most=3)), main=3)
    with pytest.raises(AccountError, match="so many instances"):
        served(endpoint(autoscaling=AutoScaling(2, 4, utilisation=60)), where)


def test_the_account_s_instance_type_counts_for_aws_s_exclusions() -> None:
    where = pinned(main=3, settings={"instance_type": "ml.inf1.xlarge"})
    with pytest.raises(AccountError, match=r"ml\.inf1 takes no deployment policy"):
        served(endpoint(), where)


def test_a_role_that_is_given_is_used_and_told_what_it_needs() -> None:
    found = served(role={"Slot": "RoleArn"})
    assert "EndpointRole" not in found.resources
    assert properties(found, "MainModel")["ExecutionRoleArn"] == {"Slot": "RoleArn"}
    assert any("s3:GetObject" in json.dumps(item) for item in found.required)


def test_an_account_without_a_region_looks_images_up_in_a_mapping() -> None:
    where = pinned(account(id=None, region=None), main="s3://models/churn/3/model.tar.gz")
    found = served(where=where)
    assert "EndpointSagemakerScikitLearnRegistries" in found.mappings
    assert "Fn::FindInMap" in json.dumps(properties(found, "MainModel")["PrimaryContainer"]["Image"])


def test_a_role_pulls_the_images_that_serve_and_not_those_that_train() -> None:
    text = json.dumps(statements_of(served(images=(PyTorch("2.3"),)), "EndpointRole"))
    assert "repository/pytorch-inference" in text
    assert "pytorch-training" not in text


def test_a_version_whose_image_is_not_known_is_refused() -> None:
    with pytest.raises(AccountError, match="image of the pinned version is not known"):
        served(images=())


def test_a_version_of_another_stage_of_the_account_reads_that_stages_artifacts() -> None:
    where = pinned(account(stage="prod"), main="arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-churn/3")
    text = json.dumps(statements_of(served(where=where), "EndpointRole"))
    assert "s3:::dev-ml-artifacts-${AWS::AccountId}-${AWS::Region}/churn/*" in text


def test_schedules_count_where_bounds_count() -> None:
    busy = AutoScaling(1, 2, utilisation=50, schedules=(ScheduledCapacity("0 8 * * ? *", 10, 100),))
    with pytest.raises(AccountError, match="so many instances"):
        served(endpoint(autoscaling=busy))
    night = AutoScaling(4, 8, utilisation=50, schedules=(ScheduledCapacity("0 22 * * ? *", 1, 2),))
    with pytest.raises(SpecError, match="half the fleet"):
        endpoint(autoscaling=night, deployment=Canary(instances=2))
    warm = (Variant(compute=Serverless(concurrency=5, provisioned=2)),)
    many = AutoScaling(1, 4, provisioned_utilisation=70, schedules=(ScheduledCapacity("0 8 * * ? *", 1, 100),))
    with pytest.raises(SpecError, match="concurrency"):
        EndpointSpec(variants=warm, autoscaling=many)


def test_what_is_wrong_before_the_first_pin_is_told_before_the_first_pin() -> None:
    with pytest.raises(SpecError, match=r"the code 'nope\.py' is not there"):
        served(endpoint(variants=(Variant(code="nope.py"),)), account())
    with pytest.raises(AccountError, match="does not allow this instance type"):
        served(where=account(instances=InstanceRules(endpoint="ml.m5.large", allowed=("ml.c5.large",))))
    rolling = account(models={"churn": ModelSettings(deployment=Rolling(percent=20))})
    with pytest.raises(AccountError, match="in batches"):
        served(endpoint(variants=TWO), rolling)
    assert served(where=account(instances=InstanceRules())).notices


def test_missing_code_concerns_everybody_and_not_one_account() -> None:
    with pytest.raises(SpecError) as refused:
        served(endpoint(variants=(Variant(code="nope.py"),)))
    assert not isinstance(refused.value, AccountError)


def test_a_serverless_version_registered_with_a_foreign_image_is_refused() -> None:
    foreign = Image("999999999999.dkr.ecr.eu-central-1.amazonaws.com/churn:1")
    with pytest.raises(AccountError, match="another account"):
        served(EndpointSpec(variants=(Variant(compute=Serverless()),)), images=(foreign,))


def test_a_share_of_a_single_instance_is_told() -> None:
    ids = [notice.id for notice in served(EndpointSpec(deployment=Canary(percent=10))).notices]
    assert ids == ["constructs-ml:fleet-of-one"]
    assert served(endpoint(deployment=Canary(percent=10))).notices == ()


def test_what_the_first_pin_will_need_is_told_before_it() -> None:
    closed = served(where=account(), monitors=monitors()).notices[0].text
    assert "models.churn.monitors: none" in closed
    may = served(where=account(existing_customer=("model-monitor",)), monitors=monitors()).notices[0].text
    assert "monitors: none" not in may


def test_one_key_for_all_variants_is_none_where_one_takes_none() -> None:
    fast = Variant(name="fast", compute=Instances(instance_type="ml.m5d.large"))
    found = served(EndpointSpec(variants=(Variant(), fast)), pinned(main=1, fast=2))
    assert "KmsKeyId" not in properties(found, "Config")
    assert [notice.id for notice in found.notices] == ["constructs-ml:volumes-unkeyed"]


def test_a_group_that_no_stage_could_have_is_another_models() -> None:
    where = pinned(main="arn:aws:sagemaker:eu-central-1:222222222222:model-package/a-very-long-customer-churn/4")
    with pytest.raises(AccountError, match="another model's group"):
        served(where=where)


def test_the_role_reads_the_assets_that_versions_of_sagemaker_pipelines_fetch_their_code_from() -> None:
    found = served(fetched=(Code("train.py"), Code("train.py")))
    (asset,) = found.assets
    granted = [item for item in statements_of(found, "EndpointRole") if asset in str(item["Resource"])]
    assert [item["Action"] for item in granted] == ["s3:GetObject", "s3:ListBucket"]
    assert not served().assets


def test_code_that_a_variant_brings_takes_the_place_of_what_another_accounts_version_fetches() -> None:
    foreign = pinned(main="arn:aws:sagemaker:eu-central-1:222222222222:model-package/staging-churn/3")
    spec = endpoint(variants=(Variant(code="train.py"),))
    assert served(spec, foreign, fetched=(Code("train.py"),)).resources
    with pytest.raises(SpecError, match="pin-code"):
        served(endpoint(), foreign, fetched=(Code("train.py"),))
