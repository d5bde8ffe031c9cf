"""The model registry: versions are numbered, approved, listed, and told on the bus."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from constructs_ml.contract.events import ModelPackageStateChange
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.test_sagemaker_store import ROLE, refused

GROUP, DATA = "dev-churn", "s3://models/train/output/model.tar.gz"


@pytest.fixture
def events(account: EmbeddedAccount) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    account.buses.append(seen.append)
    return seen


@pytest.fixture
def sagemaker(account: EmbeddedAccount, events: list[dict[str, Any]]) -> Iterator[Any]:
    SageMaker(account, Store(account))
    with account.running():
        s3 = account.client("s3")
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="models", Key="train/output/model.tar.gz", Body=io.BytesIO(b"model"))
        client = account.client("sagemaker")
        client.create_model_package_group(ModelPackageGroupName=GROUP)
        yield client


def version(data: str = DATA, **more: Any) -> dict[str, Any]:
    specification = {
        "Containers": [{"Image": "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn:1", "ModelDataUrl": data}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    return {"ModelPackageGroupName": GROUP, "InferenceSpecification": specification, **more}


def test_versions_are_numbered_and_no_number_comes_twice(sagemaker: Any) -> None:
    first = sagemaker.create_model_package(**version())["ModelPackageArn"]
    second = sagemaker.create_model_package(**version())["ModelPackageArn"]
    assert first == f"arn:aws:sagemaker:eu-central-1:111111111111:model-package/{GROUP}/1"
    sagemaker.delete_model_package(ModelPackageName=second)
    third = sagemaker.create_model_package(**version())["ModelPackageArn"]
    assert third.endswith("/3")
    found = sagemaker.describe_model_package(ModelPackageName=third)
    assert found["ModelPackageVersion"] == 3
    assert found["ModelPackageStatus"] == "Completed"
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert "ModelPackageName" not in found
    assert found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == DATA


def test_an_approval_is_kept_and_told(sagemaker: Any, events: list[dict[str, Any]]) -> None:
    arn = sagemaker.create_model_package(**version(CustomerMetadataProperties={"a": "1", "b": "2"}))["ModelPackageArn"]
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="better than the last",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "better than the last")
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    made, approved = (event for event in events if "Package" in event["detail-type"])
    assert fits(ModelPackageStateChange.pattern(GROUP, "PendingManualApproval"), made)
    assert fits(ModelPackageStateChange.pattern(GROUP, "Approved"), approved)
    assert not fits(ModelPackageStateChange.pattern(GROUP, "Approved"), made)
    assert ModelPackageStateChange.parse(approved).package == arn


def test_an_event_has_the_members_of_the_documented_one(sagemaker: Any, events: list[dict[str, Any]]) -> None:
    sagemaker.create_model_package(**version())
    documented = json.loads(Path("tests/events/model_package_state_change.json").read_text(encoding="utf-8"))
    made = events[-1]
    assert set(made) == set(documented) - {"source-of-this-example"}
    optional = {"MetadataProperties", "ModelLifeCycle", "UpdatedModelPackageFields"}
    assert set(made["detail"]) == set(documented["detail"]) - optional
    assert [len(made["detail"][key]) for key in ("CreationTime", "LastModifiedTime")] == [20, 20]
    assert made["resources"] == [made["detail"]["ModelPackageArn"]]


def test_lists_find_the_newest_version_of_a_status(sagemaker: Any) -> None:
    for status in ("Approved", "Approved", "Rejected"):
        sagemaker.create_model_package(**version(ModelApprovalStatus=status))
    newest = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
    found = sagemaker.list_model_packages(ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", **newest)
    assert [item["ModelPackageVersion"] for item in found["ModelPackageSummaryList"]] == [2]
    every = sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in every] == [1, 2, 3]
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"] == []
    both = sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    assert len(both) == 3


def test_many_versions_are_described_at_once_and_the_missing_named(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(**version())["ModelPackageArn"]
    missing = arn[:-1] + "9"
    found = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, missing])
    assert found["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert found["BatchDescribeModelPackageErrorMap"][missing]["ErrorCode"] == "ValidationException"


def test_what_cannot_be_registered_is_refused(sagemaker: Any) -> None:
    code, message = refused(sagemaker.create_model_package, **version(), ModelPackageName="churn")
    assert (code, message.startswith("Both ModelPackageName and")) == ("ValidationException", True)
    gone = "s3://models/gone.tar.gz"
    assert refused(sagemaker.create_model_package, **version(gone)) == (
        "ValidationException",
        f"Could not find model data at {gone}.",
    )
    code, message = refused(sagemaker.create_model_package, **{**version(), "ModelPackageGroupName": "other"})
    assert (code, message.endswith("model-package-group/other does not exist.")) == ("ValidationException", True)


def test_a_group_with_versions_is_not_deleted(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(**version())["ModelPackageArn"]
    assert refused(sagemaker.delete_model_package_group, ModelPackageGroupName=GROUP)[0] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=GROUP)
    assert refused(sagemaker.describe_model_package_group, ModelPackageGroupName=GROUP)[0] == "ValidationException"


def test_policies_of_groups_are_kept(sagemaker: Any) -> None:
    assert refused(sagemaker.get_model_package_group_policy, ModelPackageGroupName=GROUP)[0] == "ValidationException"
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=GROUP, ResourcePolicy='{"Version": "2012-10-17"}')
    found = sagemaker.get_model_package_group_policy(ModelPackageGroupName=GROUP)
    assert found["ResourcePolicy"] == '{"Version": "2012-10-17"}'
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=GROUP)
    assert refused(sagemaker.delete_model_package_group_policy, ModelPackageGroupName=GROUP)[0] == "ValidationException"


def test_a_model_may_be_a_registered_version_and_needs_its_data(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(**version())["ModelPackageArn"]
    sagemaker.create_model(ModelName="churn", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": arn})
    container = {"Image": "image", "ModelDataUrl": "s3://models/gone.tar.gz"}
    code, message = refused(sagemaker.create_model, ModelName="gone", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert (code, message) == ("ValidationException", "Could not find model data at s3://models/gone.tar.gz.")


def test_an_endpoint_needs_a_configuration_and_that_a_model(sagemaker: Any) -> None:
    variant = {"VariantName": "main", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    code, message = refused(sagemaker.create_endpoint_config, EndpointConfigName="churn", ProductionVariants=[variant])
    assert (code, message.startswith("Could not find model ")) == ("ValidationException", True)
    code, message = refused(sagemaker.create_endpoint, EndpointName="churn", EndpointConfigName="none")
    assert (code, message.startswith("Could not find endpoint configuration ")) == ("ValidationException", True)


def fits(pattern: Any, event: Any) -> bool:
    """EventBridge's matching, as far as the contract's patterns use it."""
    if isinstance(pattern, Mapping):
        return all(fits(wanted, (event or {}).get(key)) for key, wanted in pattern.items())
    values = event if isinstance(event, list) else [event]
    return any(event is None if item == {"exists": False} else item in values for item in pattern)
