"""The bounds of what an endpoint, its policies, scaling, alarms and monitors may say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from constructs_ml import (
    S3,
    AllAtOnce,
    Artifact,
    AutoScaling,
    Canary,
    Daily,
    DataCapture,
    DataQuality,
    EndpointSpec,
    Errors,
    Every,
    FeatureGroupSpec,
    Instances,
    Latency,
    Linear,
    ModelQuality,
    MonitorAlarm,
    Offline,
    Online,
    Provisioned,
    Rolling,
    ScheduledCapacity,
    Serverless,
    Sklearn,
    SpecError,
    Variant,
    drift,
    missing,
)
from constructs_ml.spec.model_settings import PackageVersion, pin
from tests.support import customers, endpoint

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GOOD: list[Callable[[], object]] = [
    lambda: Canary(percent=1),
    lambda: Canary(percent=50, bake=HOUR, hold=HOUR, timeout=8 * HOUR),
    lambda: Linear(percent=10, bake=10 * MINUTE),
    lambda: Linear(instances=1, bake=timedelta()),
    lambda: Rolling(percent=5, bake=MINUTE, rollback_percent=100),
    lambda: AllAtOnce(hold=HOUR, timeout=2 * HOUR),
    lambda: AutoScaling(1, 100, utilisation=350),
    lambda: AutoScaling(1, 1, schedules=(ScheduledCapacity("0 6 * * ? *", 1, 1),)),
    lambda: Serverless(memory_mb=6144, concurrency=200, provisioned=200),
    lambda: Instances(count=100, volume_gb=512),
    lambda: Errors(percent=0, periods=1, ringing=1),
    lambda: Latency(percentile=99.99, period=HOUR),
    lambda: drift("spend", above=1),
    lambda: Every(24),
    lambda: Online(ttl=timedelta(seconds=1)),
    lambda: EndpointSpec(variants=tuple(Variant(name=f"v{number}") for number in range(5))),
    lambda: endpoint(deployment=Canary(instances=1)),
]
BAD: list[Callable[[], object]] = [
    lambda: Canary(percent=0),
    lambda: Canary(percent=51),
    lambda: Canary(percent=True),
    Canary,
    lambda: Canary(percent=10, bake=HOUR + MINUTE),
    lambda: Canary(percent=10, bake=timedelta(seconds=0.5)),
    lambda: Canary(percent=10, timeout=9 * MINUTE),
    lambda: Canary(percent=10, timeout=9 * HOUR),
    lambda: Linear(percent=9),
    lambda: Linear(percent=10, bake=48 * MINUTE),
    lambda: Rolling(percent=4),
    lambda: Rolling(percent=5, bake=25 * MINUTE),
    lambda: Rolling(percent=5, bake=MINUTE, rollback_percent=4),
    lambda: AllAtOnce(hold=-MINUTE),
    lambda: AutoScaling(4, 2, utilisation=60),
    lambda: AutoScaling(1, 201, utilisation=60),
    lambda: AutoScaling(1, 4),
    lambda: AutoScaling(1, 4, provisioned_utilisation=101),
    lambda: AutoScaling(1, 4, utilisation=60, scale_in_cooldown=2 * HOUR),
    lambda: ScheduledCapacity("0 6 * * *", 1, 2),
    lambda: ScheduledCapacity("0 6 * * ? *", 3, 2),
    lambda: ScheduledCapacity("0 6 * * ? *", 1, 2, "Europe/Berln"),
    lambda: Serverless(concurrency=0),
    lambda: Serverless(concurrency=5, provisioned=6),
    lambda: Instances(count=0),
    lambda: Instances(volume_gb=513),
    lambda: Variant(name="Main"),
    lambda: Variant(weight=-1),
    lambda: Variant(environment={"A-B": "1"}),
    lambda: DataCapture(percent=0),
    lambda: EndpointSpec(variants=()),
    lambda: EndpointSpec(variants=tuple(Variant(name=f"v{number}") for number in range(11)), alarms=()),
    lambda: EndpointSpec(rollback=("kpi*",)),
    lambda: Errors(percent=101),
    lambda: Errors(periods=2, ringing=3),
    lambda: Latency(milliseconds=0),
    lambda: drift("spend", above=1.1),
    lambda: missing("spend", above=-0.1),
    lambda: Daily(24),
    lambda: Every(1),
    lambda: Online(ttl=timedelta()),
    lambda: Provisioned(reads=-1, writes=0),
    lambda: Offline(table="Lake.Customers"),
    lambda: customers(name="Customers"),
    lambda: customers(version=0),
    lambda: customers(features=()),
    lambda: customers(description="x" * 129),
    lambda: ModelQuality(ground_truth=S3("l/"), problem="Regression", inference="0", start=90 * MINUTE),
    lambda: ModelQuality(ground_truth=S3("l/"), problem="BinaryClassification", probability="0", threshold=1.5),
    lambda: Canary(percent=12.5),  # type: ignore[arg-type]
    lambda: Canary(percent=10, bake=5),  # type: ignore[arg-type]
    lambda: Linear(percent=10, bake=None),  # type: ignore[arg-type]
    lambda: Instances(count=1.5),  # type: ignore[arg-type]
    lambda: AutoScaling(1.5, 2.5, utilisation=50),  # type: ignore[arg-type]
    lambda: DataCapture(percent=12.5),  # type: ignore[arg-type]
    lambda: Daily(1.5),  # type: ignore[arg-type]
    lambda: ScheduledCapacity("0 6 * * ? *", 1, 2, time_zone=None),  # type: ignore[arg-type]
    lambda: EndpointSpec(deployment="canary"),  # type: ignore[arg-type]
    lambda: EndpointSpec(deployment=None),  # type: ignore[arg-type]
    lambda: EndpointSpec(variants=Variant()),  # type: ignore[arg-type]
    lambda: EndpointSpec(variants=("main",)),  # type: ignore[arg-type]
    lambda: EndpointSpec(network=None),  # type: ignore[arg-type]
    lambda: EndpointSpec(rollback=("a", "a")),
    lambda: Variant(compute="ml.m5.large"),  # type: ignore[arg-type]
    lambda: Variant(model="x"),  # type: ignore[arg-type]
    lambda: Variant(code=5),  # type: ignore[arg-type]
    lambda: Artifact(S3("m.tar.gz"), None),  # type: ignore[arg-type]
    lambda: Artifact("m.tar.gz", Sklearn("1.4-2")),  # type: ignore[arg-type]
    lambda: Offline(table=5),  # type: ignore[arg-type]
    lambda: customers(features=("id", "t")),
    lambda: customers(description=None),
    lambda: customers(online=True),
    lambda: customers(tags={"aws:x": "1"}),
    lambda: customers(tags={"x": 1}),
    lambda: MonitorAlarm(metric=None, above=1),  # type: ignore[arg-type]
    lambda: DataQuality(schedule="hourly"),  # type: ignore[arg-type]
    lambda: DataQuality(baseline=S3("x/")),  # type: ignore[arg-type]
    lambda: DataQuality(alarms=(missing("a_b", above=0.1), missing("a-b", above=0.1))),
    lambda: S3("models/${x}.tar.gz"),
    lambda: S3("models/*/m.tar.gz"),
    lambda: pin(0),
    lambda: pin(True),
    lambda: pin("s3://models/churn/"),
    lambda: pin("arn:aws:sagemaker:eu-west-1:222222222222:model-package-group/churn"),
]


@pytest.mark.parametrize("build", GOOD)
def test_what_aws_allows_is_built(build: Callable[[], object]) -> None:
    assert build() is not None


@pytest.mark.parametrize("build", BAD)
def test_what_aws_refuses_is_refused_when_it_is_said(build: Callable[[], object]) -> None:
    with pytest.raises(SpecError, match="allowed:"):
        build()


def test_a_pin_is_a_number_an_arn_or_an_artifact() -> None:
    assert pin(7) == PackageVersion(7)
    arn = "arn:aws-cn:sagemaker:cn-north-1:222222222222:model-package/prod-churn/12"
    assert pin(arn) == PackageVersion(12, "prod-churn", "222222222222", "cn-north-1")
    assert pin("s3://models/churn/3/model.tar.gz") == S3("s3://models/churn/3/model.tar.gz")


def test_all_faults_of_an_endpoint_are_told_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        EndpointSpec(
            variants=(Variant(compute=Serverless()), Variant(compute=Serverless())),
            deployment=Canary(percent=10),
            capture=DataCapture(),
        )
    assert {fault.id for fault in refused.value.faults} == {
        "variant-taken",
        "serverless-deployment",
        "serverless-capture",
        "serverless-variants",
    }


def test_a_group_of_many_features_is_built_and_one_too_many_is_not() -> None:
    def spec(count: int) -> FeatureGroupSpec:
        from constructs_ml import Feature

        own = customers().features
        return customers(features=(*own, *(Feature(f"f{number}") for number in range(count - len(own)))))

    assert len(spec(2500).features) == 2500
    with pytest.raises(SpecError, match="number of features"):
        spec(2501)
