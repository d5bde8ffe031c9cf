"""Lineage: what is written by hand, what SageMaker writes by itself, and what QueryLineage answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import lineage
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.test_sagemaker_store import refused

MODEL, IMAGE = "s3://models/train-1/output/model.tar.gz", "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn:1"


@pytest.fixture
def store(account: EmbeddedAccount) -> Iterator[Store]:
    made = Store(account)
    SageMaker(account, made)
    with account.running():
        yield made


@pytest.fixture
def sagemaker(account: EmbeddedAccount, store: Store) -> Any:
    return account.client("sagemaker")


def artifact(sagemaker: Any, uri: str, type: str = "DataSet", **properties: str) -> str:
    made = sagemaker.create_artifact(Source={"SourceUri": uri}, ArtifactType=type, Properties=properties)
    return str(made["ArtifactArn"])


def trained(store: Store, number: int = 1, data: str = "s3://churn/train") -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}
    fields = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
    }
    job = store.add("TrainingJob", f"train-{number}", fields)
    store.change(job, TrainingJobStatus="InProgress")
    archive = MODEL.replace("train-1", f"train-{number}")
    store.change(job, TrainingJobStatus="Completed", ModelArtifacts={"S3ModelArtifacts": archive})


def found(answer: Any) -> list[str]:
    return sorted(f"{vertex['LineageType']} {vertex['Type']}" for vertex in answer["Vertices"])


def test_there_is_one_artifact_for_a_source(sagemaker: Any) -> None:
    arn = artifact(sagemaker, "s3://churn/train")
    code, message = refused(sagemaker.create_artifact, Source={"SourceUri": "s3://churn/train"}, ArtifactType="Other")
    assert (code, arn in message) == ("ValidationException", True)
    sagemaker.delete_artifact(Source={"SourceUri": "s3://churn/train"})
    assert artifact(sagemaker, "s3://churn/train") != arn


def test_associations_are_added_listed_and_deleted(sagemaker: Any) -> None:
    first, second = artifact(sagemaker, "s3://churn/raw"), artifact(sagemaker, "s3://churn/clean")
    sagemaker.add_association(SourceArn=first, DestinationArn=second, AssociationType="DerivedFrom")
    assert refused(sagemaker.add_association, SourceArn=first, DestinationArn=second)[0] == "ValidationException"
    (edge,) = sagemaker.list_associations(SourceArn=first, AssociationType="DerivedFrom")["AssociationSummaries"]
    assert (edge["DestinationArn"], edge["SourceType"]) == (second, "DataSet")
    assert sagemaker.list_associations(SourceArn=second)["AssociationSummaries"] == []
    past = datetime(2000, 1, 1, tzinfo=UTC)
    assert sagemaker.list_associations(CreatedBefore=past)["AssociationSummaries"] == []
    sagemaker.delete_association(SourceArn=first, DestinationArn=second)
    assert refused(sagemaker.delete_association, SourceArn=first, DestinationArn=second)[0] == "ResourceNotFound"
    missing = first[:-32] + "0" * 32
    assert refused(sagemaker.add_association, SourceArn=first, DestinationArn=missing)[0] == "ResourceNotFound"


def test_what_is_written_by_hand_is_counted(sagemaker: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "QUOTAS", {**lineage.QUOTAS, "Artifact": 2})
    trained(store)  # three artifacts that do not count
    artifact(sagemaker, "s3://churn/1")
    artifact(sagemaker, "s3://churn/2")
    code, _ = refused(sagemaker.create_artifact, Source={"SourceUri": "s3://churn/3"}, ArtifactType="DataSet")
    assert code == "ResourceLimitExceeded"
    assert len(store.all("Artifact")) == 5


def test_a_training_job_leaves_a_trail(sagemaker: Any, store: Store) -> None:
    trained(store)
    job = store.get("TrainingJob", "train-1")
    (component,) = sagemaker.list_trial_components(SourceArn=job.arn)["TrialComponentSummaries"]
    assert component["TrialComponentName"] == "train-1-aws-training-job"
    arn = component["TrialComponentArn"]
    before = sagemaker.query_lineage(StartArns=[arn], Direction="Ascendants", IncludeEdges=True)
    assert found(before) == ["Artifact DataSet", "Artifact Image"]
    assert {edge["AssociationType"] for edge in before["Edges"]} == {"ContributedTo"}
    after = sagemaker.query_lineage(StartArns=[arn], Direction="Descendants", IncludeEdges=True)
    assert found(after) == ["Artifact Model"]
    assert [edge["AssociationType"] for edge in after["Edges"]] == ["Produced"]


def test_both_directions_drag_in_what_shares_an_image(sagemaker: Any, store: Store) -> None:
    trained(store, 1, "s3://churn/one")
    trained(store, 2, "s3://churn/two")
    (model,) = sagemaker.list_artifacts(SourceUri=MODEL)["ArtifactSummaries"]
    start = [model["ArtifactArn"]]
    assert len(sagemaker.query_lineage(StartArns=start, Direction="Ascendants")["Vertices"]) == 3
    assert len(sagemaker.query_lineage(StartArns=start, Direction="Both")["Vertices"]) == 6
    assert found(sagemaker.query_lineage(StartArns=start, Direction="Both", MaxDepth=1)) == [
        "TrialComponent TrainingJob"
    ]


def test_filters_choose_and_edges_bring_the_path(sagemaker: Any, store: Store) -> None:
    trained(store)
    (model,) = sagemaker.list_artifacts(SourceUri=MODEL)["ArtifactSummaries"]
    query = {"StartArns": [model["ArtifactArn"]], "Direction": "Ascendants"}
    only = {"Types": ["DataSet"], "LineageTypes": ["Artifact"]}
    assert found(sagemaker.query_lineage(**query, Filters=only)) == ["Artifact DataSet"]
    paths = sagemaker.query_lineage(**query, Filters=only, IncludeEdges=True)
    assert found(paths) == ["Artifact DataSet", "TrialComponent TrainingJob"]
    assert len(paths["Edges"]) == 2
    past = {"CreatedBefore": datetime(2000, 1, 1, tzinfo=UTC)}
    assert sagemaker.query_lineage(**query, Filters=past)["Vertices"] == []


def test_one_of_several_properties_is_enough(sagemaker: Any) -> None:
    start = artifact(sagemaker, "s3://churn/raw")
    for name in ("a", "b", "c"):
        sagemaker.add_association(SourceArn=start, DestinationArn=artifact(sagemaker, f"s3://x/{name}", team=name))
    answer = sagemaker.query_lineage(StartArns=[start], Filters={"Properties": {"team": "a", "other": "b"}})
    assert len(answer["Vertices"]) == 1


def test_a_query_is_answered_in_pages_within_its_limits(sagemaker: Any) -> None:
    start = artifact(sagemaker, "s3://churn/raw")
    for number in range(5):
        end = artifact(sagemaker, f"s3://churn/{number}")
        sagemaker.add_association(SourceArn=start, DestinationArn=end)
    seen: list[str] = []
    token: dict[str, str] = {}
    edges = 0
    while True:
        answer = sagemaker.query_lineage(StartArns=[start], IncludeEdges=True, MaxResults=2, **token)
        assert len(answer["Vertices"]) <= 2
        seen += [vertex["Arn"] for vertex in answer["Vertices"]]
        edges += len(answer["Edges"])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert (len(set(seen)), edges) == (5, 5)
    code, message = refused(sagemaker.query_lineage, StartArns=[start], MaxDepth=11, MaxResults=51)
    assert (code, message.startswith("2 validation errors detected")) == ("ValidationException", True)
    types = {"Types": [f"type{number}" for number in range(6)]}
    assert refused(sagemaker.query_lineage, StartArns=[start], Filters=types)[0] == "ValidationException"
    assert refused(sagemaker.query_lineage, StartArns=[start, start])[0] == "ValidationException"
    with pytest.raises(ParamValidationError):
        sagemaker.query_lineage(StartArns="all")


def test_a_version_and_its_endpoint_are_tied_to_the_data(
    account: EmbeddedAccount, sagemaker: Any, store: Store
) -> None:
    trained(store)
    s3 = account.client("s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="models", Key="train-1/output/model.tar.gz", Body=b"model")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    containers = {"Containers": [{"Image": IMAGE, "ModelDataUrl": MODEL}]}
    package = sagemaker.create_model_package(ModelPackageGroupName="churn", InferenceSpecification=containers)
    arn = package["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    container = {"ModelPackageName": arn}
    sagemaker.create_model(
        ModelName="churn", ExecutionRoleArn="arn:aws:iam::111111111111:role/x", PrimaryContainer=container
    )
    variant = {"VariantName": "main", "ModelName": "churn", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="one", ProductionVariants=[variant])
    endpoint = store.add("Endpoint", "churn", {"EndpointConfigName": "one"})
    store.change(endpoint, EndpointStatus="InService")
    (context,) = sagemaker.list_contexts(SourceUri=endpoint.arn)["ContextSummaries"]
    answer = sagemaker.query_lineage(StartArns=[context["ContextArn"]], Direction="Ascendants")
    assert found(answer) == [
        "Action Approval",
        "Action Approval",
        "Action ModelDeployment",
        "Artifact DataSet",
        "Artifact Image",
        "Artifact Model",
        "Artifact Model",
        "TrialComponent TrainingJob",
    ]
