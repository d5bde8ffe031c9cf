"""The construct of the second engine: handles, grants, messages, and a model of a fleet that chooses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from constructs_ml import S3, ExportedPipeline, Fleet, ModelSpec, Pipeline, SageMakerPipeline, SpecError, Wait
from constructs_ml.compiler.proofs import prove_template
from tests.jsii_messages import counted
from tests.sdk.stand_ins import definition
from tests.support import CODE, account, evaluate, gate, pipeline, prepare, train

pytestmark = pytest.mark.node


def stack(folder: Path) -> Stack:
    return Stack(App(outdir=str(folder)), "S", env=Environment(account="111111111111", region="eu-central-1"))


def resources(scope: Stack, type: str) -> dict[str, Any]:
    found: dict[str, Any] = Template.from_stack(scope).find_resources(type)
    return found


def test_what_comes_in_is_what_was_compiled(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    built = SageMakerPipeline(scope, "Training", pipeline(), account=account())
    found = resources(scope, "AWS::SageMaker::Pipeline")
    assert list(found) == ["TrainingPipeline"]
    compiled = built.compiled.resources["TrainingPipeline"]["Properties"]
    brought = found["TrainingPipeline"]["Properties"]
    assert brought["PipelineName"] == compiled["PipelineName"] == "dev-churn-training"
    text = brought["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"][0]
    assert text == compiled["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"][0]
    assert prove_template(Template.from_stack(scope).to_json()["Resources"]) == ()


def test_it_costs_as_many_messages_as_a_state_machine(tmp_path: Path) -> None:
    costs = []
    for index, kind in enumerate((Pipeline, SageMakerPipeline, Pipeline, SageMakerPipeline)):
        scope = stack(tmp_path / str(index))
        with counted() as found:
            kind(scope, "Training", pipeline(), account=account())
        costs.append(found.total())
    assert costs[2] == costs[3]


def test_a_principal_may_start_runs_and_nothing_else(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    built = SageMakerPipeline(scope, "Training", pipeline(), account=account())
    user = iam.Role(scope, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    built.grant_start_execution(user)
    policies = resources(scope, "AWS::IAM::Policy")
    (policy,) = (item for name, item in policies.items() if name.startswith("User"))
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sagemaker:StartPipelineExecution"
    assert {"Ref": "TrainingPipeline"} in statement["Resource"]["Fn::Join"][1]


def test_another_stack_finds_it_by_its_name(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    found = SageMakerPipeline.from_pipeline_name(scope, "Training", model="churn", name="training", account=account())
    assert found.pipeline_name == "dev-churn-training"
    assert scope.resolve(found.pipeline_arn) == {
        "Fn::Join": [
            "",
            [
                "arn:",
                {"Ref": "AWS::Partition"},
                ":sagemaker:eu-central-1:111111111111:pipeline/dev-churn-training",
            ],
        ]
    }


def test_metrics_are_those_of_model_building_pipelines(tmp_path: Path) -> None:
    built = SageMakerPipeline(stack(tmp_path), "Training", pipeline(), account=account())
    failed, took = built.metric_failed(), built.metric_duration()
    assert (failed.namespace, failed.metric_name, failed.statistic) == (
        "AWS/Sagemaker/ModelBuildingPipeline",
        "ExecutionFailed",
        "Sum",
    )
    assert (took.metric_name, took.statistic) == ("ExecutionDuration", "Average")
    assert built.metric_succeeded().metric_name == "ExecutionSucceeded"


def test_roles_are_handed_out(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    built = SageMakerPipeline(scope, "Training", pipeline(), account=account())
    for role, part in (
        (built.role, "TrainingPipelineRole"),
        (built.training_role, "TrainingTrainingRole"),
        (built.processing_role, "TrainingProcessingRole"),
    ):
        assert scope.resolve(role.role_name) == {"Ref": part}


def test_a_given_role_runs_the_jobs_and_is_passed(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    given = iam.Role(scope, "Jobs", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    built = SageMakerPipeline(scope, "Training", pipeline(), account=account(), role=given)
    assert built.training_role is given
    roles = resources(scope, "AWS::IAM::Role")
    calls = roles["TrainingPipelineRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (passing,) = (item for item in calls if item["Action"] == "iam:PassRole")
    assert "Jobs" in json.dumps(passing["Resource"])
    assert "TrainingTrainingRole" not in roles


def test_a_step_that_does_not_fit_stops_the_construct(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="engine-step"):
        SageMakerPipeline(stack(tmp_path), "Training", pipeline(Wait(seconds=5)), account=account())


def exported() -> ExportedPipeline:
    """The recorded definition of the SDK, with one literal that differs by account."""
    data = {"s3://data/raw/": S3("raw/")}
    return ExportedPipeline(name="training", model="churn", owner="growth", definition=definition(), replace=data)


def test_an_exported_definition_comes_in_as_it_was_compiled(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    bucket = s3.Bucket(scope, "Data")
    built = SageMakerPipeline(scope, "Training", exported(), account=account(), data_bucket=bucket)
    template = Template.from_stack(scope).to_json()["Resources"]
    (brought,) = (item["Properties"] for item in template.values() if item["Type"] == "AWS::SageMaker::Pipeline")
    text, openings = brought["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    assert brought["PipelineName"] == "dev-churn-training"
    assert openings == {"DataBucket": {"Ref": scope.get_logical_id(bucket.node.default_child)}}
    whole = json.dumps(definition()).replace("s3://data/raw/", "s3://${DataBucket}/raw/")
    assert json.loads(text.replace("${!", "${")) == json.loads(whole)
    assert scope.resolve(built.role.role_name) == {"Ref": "TrainingRole"}
    user = iam.Role(scope, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    assert built.grant_start_execution(user).success


def test_what_changes_nothing_for_an_export_is_refused(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    role = iam.Role(scope, "Jobs", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    given: dict[str, Any] = {
        "role": role,
        "commit": "abc",
        "topic": sns.Topic(scope, "Topic"),
        "key": kms.Key(scope, "Key"),
    }
    for name, value in given.items():
        with pytest.raises(SpecError, match=f"{name} has no meaning for an exported definition"):
            SageMakerPipeline(scope, f"Training{name}", exported(), account=account(), **{name: value})
    built = SageMakerPipeline(scope, "Training", exported(), account=account())
    for name in ("training_role", "processing_role"):
        with pytest.raises(SpecError, match=f"{name} has no meaning"):
            getattr(built, name)


def test_a_model_of_a_fleet_chooses_its_engine(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    steps = (prepare(), train(), evaluate(), gate())
    models = [
        ModelSpec(name="churn", owner="growth", root=CODE, steps=steps, engine="pipelines"),
        ModelSpec(name="value", owner="growth", root=CODE, steps=steps),
    ]
    fleet = Fleet(app, "dev", account=account(), models=models)
    churn, value = (Template.from_stack(fleet.models[name]) for name in ("churn", "value"))
    churn.resource_count_is("AWS::SageMaker::Pipeline", 1)
    churn.resource_count_is("AWS::StepFunctions::StateMachine", 0)
    value.resource_count_is("AWS::SageMaker::Pipeline", 0)
    (board,) = churn.find_resources("AWS::CloudWatch::Dashboard").values()
    body = board["Properties"]["DashboardBody"]["Fn::Sub"]
    assert "AWS/Sagemaker/ModelBuildingPipeline" in body
    assert "dev-churn-training" in body
