"""The facts, against the packages that know."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import pytest

from constructs_ml.contract import names
from constructs_ml.facts import images, instances, jumpstart, limits, regions, services, updates
from constructs_ml.facts.store import load
from constructs_ml.faults import SpecError

FILES = ("images", "instances", "regions", "services", "updates", "closed", "jumpstart")


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_its_source_and_date(name: str) -> None:
    assert load(name)["source"]
    assert load(name)["date"] >= "2026-11-01"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sklearn", "xgboost", "pytorch"])
def test_every_image_is_the_one_that_sagemaker_looks_up(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sagemaker.core import image_uris
    from sagemaker.core.image_uris import retrieve

    # It reads botocore's endpoints and its own file anew for every call.
    monkeypatch.setattr(image_uris.utils, "_botocore_resolver", cache(image_uris.utils._botocore_resolver))
    monkeypatch.setattr(image_uris, "config_for_framework", cache(image_uris.config_for_framework))

    compared = 0
    for scope in ("training", "inference"):
        for version in images.versions(family, scope):
            entry = load("images")["families"][family][scope]["versions"][version]
            for accelerator, pythons in entry["tags"].items():
                for python in pythons:
                    found = images.find(
                        family, version=version, scope=scope, accelerator=accelerator or "cpu", python=python or None
                    )
                    for region in found.accounts:
                        instance = "ml.g5.xlarge" if accelerator == "gpu" else "ml.m5.large"
                        wanted = retrieve(
                            family,
                            region,
                            version=version,
                            py_version=python or None,
                            instance_type=instance,
                            image_scope=scope,
                        )
                        assert found.uri(region) == wanted, (family, version, region, scope, accelerator)
                        compared += 1
    assert compared > 200


def test_the_newest_python_is_taken_and_aliases_are_resolved() -> None:
    assert images.find("pytorch", version="2.3", scope="training").repository == "pytorch-training:2.3.0-cpu-py311"


def test_processing_jobs_run_in_training_images() -> None:
    training = images.find("sklearn", version="1.4-2", scope="training")
    assert images.find("sklearn", version="1.4-2", scope="processing") == training


def test_a_chinese_region_has_its_own_suffix() -> None:
    uri = images.find("sklearn", version="1.2-1", scope="training").uri("cn-north-1")
    assert uri.endswith(".dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1-cpu-py3")


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-northwest-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_a_region_has_its_partition(region: str, partition: str) -> None:
    assert regions.partition_of(region) == partition
    assert region in regions.siblings(region)


def test_an_unknown_region_is_refused_with_near_ones() -> None:
    with pytest.raises(SpecError, match="eu-central-1"):
        regions.partition_of("eu-centrl-1")


@pytest.mark.parametrize(
    ("use", "shape"),
    [
        ("training", "TrainingInstanceType"),
        ("processing", "ProcessingInstanceType"),
        ("transform", "TransformInstanceType"),
        ("endpoint", "ProductionVariantInstanceType"),
    ],
)
def test_instance_types_are_botocores(use: str, shape: str) -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(instances.types(use)) == set(model.shape_for(shape).enum)


@pytest.mark.parametrize("use", ["hosting", "processing", "transform"])
def test_what_a_region_offers_covers_cfn_lints_list(use: str) -> None:
    data = json.loads(
        (files("cfnlint.data.schemas.extensions") / f"aws_sagemaker_{use}" / "instancetype_enum.json").read_text()
    )
    known = {name for uses in load("instances")["uses"].values() for name in uses}
    for region, entry in data.items():
        if isinstance(entry, dict):
            assert set(entry["enum"]) & known <= (instances.offered(region) or set())


def test_instances_with_local_storage_and_gpus_are_known() -> None:
    assert instances.has_local_storage("ml.g5.xlarge")
    assert instances.has_local_storage("ml.m5d.large")
    assert not instances.has_local_storage("ml.m5.large")
    assert instances.has_gpu("ml.p4d.24xlarge")
    assert not instances.has_gpu("ml.c5.xlarge")


def test_a_region_that_no_list_knows_refuses_no_instance() -> None:
    assert instances.offered("aws-nowhere-1") is None
    assert instances.faults_of("ml.m5.large", "training", "us-isob-east-1", "here") == []


def test_a_type_that_a_region_lacks_is_known_and_others_pass() -> None:
    assert not services.has_type("cn-north-1", "AWS::SageMaker::ModelPackageGroup")
    assert services.has_type("eu-central-1", "AWS::SageMaker::ModelPackageGroup")
    assert services.has_type("eu-central-1", "AWS::S3::Bucket")


def test_closed_services_name_their_successor() -> None:
    assert {"model-monitor", "clarify", "debugger"} <= set(services.closed())
    assert all(entry["successor"] and entry["since"] for entry in services.closed().values())


@pytest.mark.parametrize(
    ("shape", "key", "value"),
    [
        ("ProcessingJobName", "max", limits.JOB_NAME_LENGTH),
        ("TrainingJobName", "max", limits.JOB_NAME_LENGTH),
        ("ProcessingInputs", "max", limits.PROCESSING_INPUTS),
        ("ProcessingOutputs", "max", limits.PROCESSING_OUTPUTS),
        ("InputDataConfig", "max", limits.TRAINING_CHANNELS),
        ("HyperParameters", "max", limits.HYPERPARAMETERS),
        ("InstanceGroups", "max", limits.INSTANCE_GROUPS),
        ("AttributeNames", "max", limits.MANIFEST_ATTRIBUTES),
        ("KeepAlivePeriodInSeconds", "max", limits.WARM_POOL_SECONDS),
        ("HyperParameterTuningJobName", "max", names.SHORT_JOB_NAME_LENGTH),
        ("IntegerParameterRanges", "max", limits.TUNED_HYPERPARAMETERS),
        ("ParameterValues", "max", limits.CATEGORIES),
        ("HyperParameterTrainingJobDefinitions", "max", limits.TUNING_DEFINITIONS),
        ("ParentHyperParameterTuningJobs", "max", limits.TUNING_PARENTS),
        ("HyperParameterTrainingJobEnvironmentMap", "max", limits.TUNING_ENVIRONMENT_VARIABLES),
        ("HyperParameterTuningMaxRuntimeInSeconds", "min", limits.TUNING_SECONDS[0]),
        ("HyperParameterTuningMaxRuntimeInSeconds", "max", limits.TUNING_SECONDS[1]),
        ("ProcessingMaxRuntimeInSeconds", "max", limits.PROCESSING_SECONDS),
        ("MaxNumberOfTrainingJobsNotImproving", "min", limits.NOT_IMPROVING_JOBS),
        ("ProcessingEnvironmentMap", "max", limits.ENVIRONMENT_VARIABLES),
        ("TrainingEnvironmentMap", "max", limits.ENVIRONMENT_VARIABLES),
    ],
)
def test_limits_are_botocores(shape: str, key: str, value: int) -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    assert model.shape_for(shape).metadata[key] == value


@pytest.mark.slow
def test_what_an_update_replaces_is_what_the_schemas_say() -> None:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    for name, entry in load("updates")["types"].items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
        pointers = {f"/properties/{path.replace('.', '/')}" for path in entry["create_only"]}
        assert pointers == set(schema.get("createOnlyProperties", [])), name


def test_a_change_above_or_below_a_create_only_property_replaces_and_beside_it_does_not() -> None:
    group = "AWS::SageMaker::FeatureGroup"
    assert updates.replaces(group, "OnlineStoreConfig.StorageType")
    assert updates.replaces(group, "OnlineStoreConfig")
    assert updates.replaces(group, "OfflineStoreConfig.S3StorageConfig.S3Uri")
    assert not updates.replaces(group, "OnlineStoreConfig.TtlDuration.Value")
    assert not updates.replaces(group, "FeatureDefinitions")
    assert updates.replaces("AWS::SageMaker::DataQualityJobDefinition", "Anything")


def test_types_are_named_by_the_property_that_says_so() -> None:
    named = {
        "AWS::SageMaker::FeatureGroup": "FeatureGroupName",
        "AWS::SageMaker::DataQualityJobDefinition": "JobDefinitionName",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::SSM::Parameter": "Name",
        "AWS::S3::Bucket": "BucketName",
        "AWS::Lambda::Permission": None,
    }
    assert {type: updates.name_property(type) for type in named} == named


def test_only_these_types_are_replaced_by_a_tag() -> None:
    ours = {"FeatureGroup", "DataQualityJobDefinition", "ModelQualityJobDefinition"}
    assert {f"AWS::SageMaker::{name}" for name in ours} <= updates.with_create_only_tags()
    assert all(name.startswith("AWS::SageMaker::") for name in updates.with_create_only_tags())


def test_the_monitors_image_has_no_tag_and_not_every_region() -> None:
    assert images.monitor().uri("eu-west-1").endswith(".amazonaws.com/sagemaker-model-monitor-analyzer")
    with pytest.raises(SpecError, match="has no image"):
        images.monitor().uri("us-gov-west-1")


def test_the_bounds_of_endpoints_are_those_of_the_service_model() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")

    def bounds(shape: str) -> tuple[int, int]:
        found = model.shape_for(shape).metadata
        return found["min"], found["max"]

    assert bounds("ServerlessMaxConcurrency") == (1, limits.SERVERLESS_CONCURRENCY)
    assert bounds("ServerlessMemorySizeInMB") == (
        limits.SERVERLESS_MEMORY_MB[0],
        limits.SERVERLESS_MEMORY_MB[-1],
    )
    assert bounds("WaitIntervalInSeconds") == (0, limits.WAIT_SECONDS)
    assert bounds("MaximumExecutionTimeoutInSeconds") == limits.DEPLOYMENT_SECONDS
    assert bounds("ProductionVariantVolumeSizeInGB")[1] == limits.ENDPOINT_VOLUME_GB
    assert bounds("FeatureAdditions") == (1, limits.FEATURES_ADDED_AT_ONCE)
    assert bounds("FeatureDefinitions") == (1, limits.FEATURES)
    assert bounds("AlarmList") == (1, limits.ROLLBACK_ALARMS)
    assert bounds("ProductionVariantList") == (1, limits.VARIANTS)


def test_the_quotas_of_state_machines_are_those_of_the_service_model() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("stepfunctions")
    assert model.shape_for("Definition").metadata["max"] == limits.DEFINITION_BYTES


def test_jumpstarts_buckets_are_those_of_sagemaker() -> None:
    config = json.loads((files("sagemaker.core") / "jumpstart" / "region_config.json").read_text())
    assert set(config) == set(load("jumpstart")["regions"])
    for region, entry in config.items():
        assert jumpstart.bucket(region, gated=False) == entry["content_bucket"]
        assert jumpstart.bucket(region, gated=True) == entry["gated_content_bucket"]
        assert jumpstart.faults_of(region, "here") == []
    assert jumpstart.faults_of("us-iso-west-1", "here")[0].scope == "account"
    assert jumpstart.faults_of(None, "here") == []


def test_data_wranglers_images_are_those_of_sagemaker() -> None:
    config = json.loads((files("sagemaker.core") / "image_uri_config" / "data-wrangler.json").read_text())
    for version, entry in config["processing"]["versions"].items():
        found = images.data_wrangler(version)
        assert found.repository == f"{entry['repository']}:{version}"
        assert dict(found.accounts) == entry["registries"]
    with pytest.raises(SpecError, match="image-version"):
        images.data_wrangler("9.x")
