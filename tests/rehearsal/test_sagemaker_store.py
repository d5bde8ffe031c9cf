"""SageMaker's resources: made, described, listed and refused as SageMaker does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.identities import identity
from constructs_ml.rehearsal.sagemaker.nouns import nouns
from constructs_ml.rehearsal.sagemaker.statuses import BEGINS, REFUSED
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.sagemaker.validation import fits

ROLE = "arn:aws:iam::111111111111:role/churn"


@pytest.fixture
def store(account: EmbeddedAccount) -> Iterator[Store]:
    made = Store(account)
    with account.running():
        yield made


@pytest.fixture
def sagemaker(account: EmbeddedAccount, store: Store) -> Any:
    return account.client("sagemaker")


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def processing(name: str) -> dict[str, Any]:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn:1"},
        "RoleArn": ROLE,
    }


def test_every_noun_that_is_kept_gets_an_arn_that_its_model_takes() -> None:
    given = {"DomainId": "d-abc", "SpaceName": "one", "UserProfileName": "one"}
    for noun in nouns().values():
        if noun.name in REFUSED or not noun.arn:
            continue
        pattern = noun.model("Create").output_shape.members[noun.arn].metadata.get("pattern", "")
        arn = (
            f"arn:aws:sagemaker:eu-central-1:111111111111:{noun.path}/{identity(noun, given | {noun.key: 'one'}).name}"
        )
        # The model's own pattern has no digits in regions.
        assert not pattern or fits(pattern, arn) or noun.name == "EdgeDeploymentPlan", (noun.name, arn, pattern)


def test_every_status_of_the_tables_is_one_of_its_noun() -> None:
    for name, begins in BEGINS.items():
        noun = nouns()[name]
        enum = noun.model("Describe").output_shape.members[noun.status].enum
        assert {begins.status, begins.settled} - {""} <= set(enum), name
    assert set(REFUSED) <= set(nouns())


def test_what_takes_a_moment_settles_by_itself(account: EmbeddedAccount, store: Store, sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="churn")
    assert group["ModelPackageGroupStatus"] == "Completed"
    sagemaker.create_mlflow_app(Name="churn", ArtifactStoreUri="s3://churn/mlflow", RoleArn=ROLE)
    (app,) = sagemaker.list_mlflow_apps()["Summaries"]
    assert re.fullmatch(r"arn:aws:sagemaker:eu-central-1:111111111111:mlflow-app/app-[A-Z0-9]{12}", app["Arn"])
    assert account.clock.poll(lambda: sagemaker.describe_mlflow_app(Arn=app["Arn"])["Status"] == "Created", 5)


def test_work_that_nobody_does_here_is_refused_by_name(sagemaker: Any) -> None:
    code, message = refused(
        sagemaker.create_notebook_instance,
        NotebookInstanceName="mine",
        InstanceType="ml.t3.medium",
        RoleArn=ROLE,
    )
    assert code == "UnsupportedOperation"
    assert "CreateNotebookInstance" in message


def test_the_name_of_a_job_is_taken_for_ever(store: Store, sagemaker: Any) -> None:
    sagemaker.create_processing_job(**processing("prepare"))
    code, message = refused(sagemaker.create_processing_job, **processing("prepare"))
    assert (code, message.startswith("Job name must be unique")) == ("ResourceInUse", True)
    sagemaker.delete_processing_job(ProcessingJobName="prepare")
    assert refused(sagemaker.create_processing_job, **processing("prepare"))[0] == "ResourceInUse"
    assert refused(sagemaker.describe_processing_job, ProcessingJobName="prepare") == (
        "ValidationException",
        "Could not find requested job with name: prepare",
    )


def test_a_model_that_is_there_or_not_is_told_in_the_words_that_sdks_look_for(sagemaker: Any) -> None:
    model = {"ModelName": "churn", "PrimaryContainer": {"Image": "image"}, "ExecutionRoleArn": ROLE}
    arn = sagemaker.create_model(**model)["ModelArn"]
    assert refused(sagemaker.create_model, **model) == (
        "ValidationException",
        f'Cannot create already existing model "{arn}".',
    )
    sagemaker.delete_model(ModelName="churn")
    assert refused(sagemaker.delete_model, ModelName="churn") == (
        "ValidationException",
        f'Could not find model "{arn}".',
    )


def test_values_are_refused_as_sagemaker_words_it(sagemaker: Any) -> None:
    request = processing("under_score" + "x" * 60)
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.none"
    code, message = refused(sagemaker.create_processing_job, **request)
    assert code == "ValidationException"
    assert message.startswith("3 validation errors detected: ")
    name = request["ProcessingJobName"]
    assert (
        f"Value '{name}' at 'processingJobName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63"
    ) in message
    assert "Member must satisfy regular expression pattern: " in message
    assert "Value 'ml.none' at 'processingResources.clusterConfig.instanceType' failed" in message
    assert "Member must satisfy enum value set: [" in message


def test_lists_are_filtered_sorted_and_cut_into_pages(store: Store, sagemaker: Any) -> None:
    for number in range(12):
        sagemaker.create_processing_job(**processing(f"prepare-{number:02}"))
    sagemaker.create_processing_job(**processing("other"))
    for job in store.all("ProcessingJob")[:3]:
        store.change(job, ProcessingJobStatus="Completed")

    first = sagemaker.list_processing_jobs(NameContains="PREPARE")
    assert len(first["ProcessingJobSummaries"]) == 10  # "The default value is 10."
    rest = sagemaker.list_processing_jobs(NameContains="PREPARE", NextToken=first["NextToken"])
    assert len(rest["ProcessingJobSummaries"]) == 2
    assert "NextToken" not in rest

    done = sagemaker.list_processing_jobs(StatusEquals="Completed", SortBy="Name", SortOrder="Descending")
    names = [job["ProcessingJobName"] for job in done["ProcessingJobSummaries"]]
    assert names == ["prepare-02", "prepare-01", "prepare-00"]
    tomorrow = datetime(2999, 1, 1, tzinfo=UTC)
    assert sagemaker.list_processing_jobs(CreationTimeAfter=tomorrow)["ProcessingJobSummaries"] == []
    assert len(sagemaker.list_processing_jobs(CreationTimeBefore=tomorrow, MaxResults=3)["ProcessingJobSummaries"]) == 3


def test_a_parameter_of_a_list_that_is_a_field_filters(store: Store, sagemaker: Any) -> None:
    for kind in ("DataSet", "Image"):
        source = {"SourceUri": f"s3://churn/{kind}"}
        sagemaker.create_artifact(ArtifactName=kind, Source=source, ArtifactType=kind)
    (found,) = sagemaker.list_artifacts(ArtifactType="Image")["ArtifactSummaries"]
    assert found["ArtifactName"] == "Image"
    (found,) = sagemaker.list_artifacts(SourceUri="s3://churn/DataSet")["ArtifactSummaries"]
    assert re.fullmatch(r"arn:aws:sagemaker:eu-central-1:111111111111:artifact/[0-9a-f]{32}", found["ArtifactArn"])
    assert sagemaker.describe_artifact(ArtifactArn=found["ArtifactArn"])["ArtifactType"] == "DataSet"


def test_tags_are_added_listed_and_deleted(sagemaker: Any) -> None:
    made = sagemaker.create_model_package_group(
        ModelPackageGroupName="churn", Tags=[{"Key": "team", "Value": "retention"}]
    )
    arn = made["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    assert refused(sagemaker.list_tags, ResourceArn=arn + "-2")[0] == "ValidationException"
