"""Infrastructure that the user hands in: where its tokens go, and where grants land."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_ml import Network, Pipeline, PipelineSpec, SpecError
from tests.aws.stacks import CONCRETE, new_app, new_stack, of_type, resources
from tests.support import account, definition_of, evaluate, gate, pipeline, prepare, train

pytestmark = pytest.mark.node
AGNOSTIC = account(id=None, region=None)


def built(stack: Stack, spec: PipelineSpec | None = None, **given: Any) -> Pipeline:
    where = given.pop("account", account())
    return Pipeline(stack, "Training", spec or pipeline(prepare(), train(), evaluate(), gate()), account=where, **given)


def texts(found: dict[str, Any], type: str) -> str:
    return json.dumps(of_type(found, type))


def test_nothing_handed_in_means_the_platform_by_its_names(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    built(new_stack(app))
    found = texts(resources(app), "AWS::StepFunctions::StateMachine")
    assert "dev-ml-artifacts-${AWS::AccountId}-${AWS::Region}" in found
    assert "{{resolve:ssm:/constructs-ml/dev/key-arn}}" in found


def test_given_buckets_key_and_topic_replace_the_platforms(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    key = kms.Key(stack, "Key")
    data = s3.Bucket(stack, "Data", encryption_key=key)
    artifacts = s3.Bucket(stack, "Artifacts", encryption_key=key)
    built(stack, data_bucket=data, artifact_bucket=artifacts, topic=sns.Topic(stack, "Topic"))
    found = resources(app)
    text = texts(found, "AWS::StepFunctions::StateMachine") + texts(found, "AWS::IAM::Role")
    assert "dev-ml-" not in text.replace("dev-ml-notices", "")
    assert "dev-ml-notices" not in text
    assert "{{resolve" not in text
    for name in ("Data", "Artifacts", "Topic", "Key"):
        assert any(key.startswith(name) and key in text for key in found), name


def test_a_bucket_without_a_key_leaves_volumes_to_the_service(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    pipe = built(stack, artifact_bucket=s3.Bucket(stack, "Artifacts"))
    assert "KmsKeyId" not in json.dumps(definition_of(pipe.compiled))
    assert "VolumeKmsKeyId" not in json.dumps(definition_of(pipe.compiled))


@pytest.mark.parametrize("other_stack", [False, True])
@pytest.mark.parametrize("concrete", [False, True])
@pytest.mark.parametrize("own_role", [False, True])
@pytest.mark.parametrize("kind", ["bucket", "key", "topic", "table"])
def test_a_grant_lands_on_the_role(
    kind: str, own_role: bool, concrete: bool, other_stack: bool, tmp_path: Path
) -> None:
    app = new_app(tmp_path)
    env = CONCRETE if concrete else None
    stack = new_stack(app, env=env)
    away = new_stack(app, "Other", env=env) if other_stack else stack
    given = None if own_role else iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    pipe = built(stack, account=account() if concrete else AGNOSTIC, role=given)
    role = pipe.processing_role
    if kind == "bucket":
        s3.Bucket(away, "B", encryption_key=kms.Key(away, "K")).grant_read(role)
    elif kind == "key":
        kms.Key(away, "K").grant_decrypt(role)
    elif kind == "topic":
        sns.Topic(away, "T").grant_publish(role)
    else:
        partition = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        dynamodb.Table(away, "D", partition_key=partition).grant_read_data(role)
    found = resources(app)
    action = {"bucket": "s3:GetObject*", "key": "kms:Decrypt", "topic": "sns:Publish", "table": "dynamodb:GetItem"}[
        kind
    ]
    wanted = "TrainingProcessingRole" if own_role else "Given"
    policies = [
        policy for policy in of_type(found, "AWS::IAM::Policy") if action in json.dumps(policy["PolicyDocument"])
    ]
    assert any(role["Ref"].startswith(wanted) for policy in policies for role in policy["Roles"])


def test_a_given_role_gets_one_policy_and_no_role_is_made(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    pipe = built(stack, role=role)
    found = resources(app)
    assert not any(key.startswith(("TrainingTrainingRole", "TrainingProcessingRole")) for key in found)
    policies = of_type(found, "AWS::IAM::Policy")
    assert len(policies) == 1
    assert _actions(policies[0]["PolicyDocument"]) == _actions(pipe.required_policy)
    assert "s3:GetObject" in json.dumps(policies[0])
    passed = [item for item in _states_statements(found) if item["Action"] == "iam:PassRole"]
    assert json.dumps(passed[0]["Resource"]).count("Given") == 1


def test_a_role_without_policy_updates_is_left_alone_and_told_what_it_needs(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    pipe = built(stack, role=role.without_policy_updates())
    actions = json.dumps(pipe.required_policy)
    assert of_type(resources(app), "AWS::IAM::Policy") == []
    for action in ("s3:GetObject", "s3:PutObject", "logs:PutLogEvents", "ecr:BatchGetImage", "kms:Decrypt"):
        assert action in actions


def test_an_imported_role_is_passed_by_its_arn(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    arn = "arn:aws:iam::111111111111:role/ml/jobs"
    built(stack, role=iam.Role.from_role_arn(stack, "Given", arn))
    assert arn in texts(resources(app), "AWS::StepFunctions::StateMachine")


def test_a_vpc_puts_every_job_into_its_private_subnets(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    pipe = built(stack, vpc=ec2.Vpc(stack, "Vpc", max_azs=2))
    states = definition_of(pipe.compiled)["States"]
    for config in (states["train"]["Parameters"], states["prepare"]["Parameters"]["NetworkConfig"]):
        assert config["VpcConfig"] == {
            "Subnets": ["${Subnet1}", "${Subnet2}"],
            "SecurityGroupIds": ["${SecurityGroup1}"],
        }
    found = resources(app)
    assert texts(found, "AWS::StepFunctions::StateMachine").count("PrivateSubnet") == 2
    assert "ec2:CreateNetworkInterface" in texts(found, "AWS::IAM::Role")


def test_a_vpc_whose_subnets_are_known_only_at_deployment(tmp_path: Path) -> None:
    from aws_cdk import Fn

    app = new_app(tmp_path)
    stack = new_stack(app)
    subnets = Fn.split(",", Fn.import_value("subnets"), 2)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"], private_subnet_ids=subnets
    )
    built(stack, vpc=vpc)
    assert "Fn::ImportValue" in texts(resources(app), "AWS::StepFunctions::StateMachine")


def test_a_step_may_stay_outside_the_vpc(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    outside = prepare(network=Network(vpc=False, isolation=True, encrypt_between_containers=True))
    pipe = built(stack, pipeline(outside), vpc=ec2.Vpc(stack, "Vpc"))
    assert definition_of(pipe.compiled)["States"]["prepare"]["Parameters"]["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }


def test_the_state_machine_works_as_a_target_of_events_and_in_an_alarm(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    pipe = built(stack)
    schedule = events.Schedule.cron(hour="5")
    events.Rule(stack, "Rule", schedule=schedule, targets=[targets.SfnStateMachine(pipe.state_machine)])
    cloudwatch.Alarm(stack, "Alarm", metric=pipe.metric_failed(), threshold=1, evaluation_periods=1)
    pipe.grant_start_execution(iam.User(stack, "User"))
    found = resources(app)
    assert of_type(found, "AWS::Events::Rule")[0]["Targets"][0]["Arn"] == {"Ref": "TrainingStateMachine"}
    alarm = of_type(found, "AWS::CloudWatch::Alarm")[0]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/States", "ExecutionsFailed", "Sum")
    assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": "TrainingStateMachine"}}]
    starts = [policy for policy in of_type(found, "AWS::IAM::Policy") if "states:StartExecution" in json.dumps(policy)]
    assert len(starts) == 2


def test_a_stack_that_is_bound_to_no_region_looks_images_up_in_a_mapping(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app, env=None)
    pipe = built(stack, account=AGNOSTIC)
    mapping = pipe.compiled.mappings["TrainingSagemakerScikitLearnRegistries"]
    assert mapping["eu-central-1"] == {"Account": "492215442770"}
    assert "Fn::FindInMap" in texts(resources(app), "AWS::StepFunctions::StateMachine")


def test_an_account_that_contradicts_its_stack_is_refused(tmp_path: Path) -> None:
    stack = new_stack(new_app(tmp_path), env=Environment(account="111111111111", region="us-east-1"))
    with pytest.raises(SpecError, match="account-environment"):
        built(stack)


def test_a_fault_of_the_account_is_an_error_on_the_construct_and_stops_nobody_else(tmp_path: Path) -> None:
    from aws_cdk.assertions import Annotations, Match

    app = new_app(tmp_path)
    stack, other = new_stack(app), new_stack(app, "Other")
    from constructs_ml import InstanceRules

    pipe = built(stack, account=account(instances=InstanceRules()))
    built(other)
    message = Match.string_like_regexp("neither the declaration nor the account names an instance type")
    Annotations.from_stack(stack).has_error("/S/Training", message)
    with pytest.raises(SpecError, match="instance-missing"):
        _ = pipe.state_machine


def _actions(document: dict[str, Any]) -> set[str]:
    listed = [item["Action"] for item in document["Statement"]]
    return {action for item in listed for action in ([item] if isinstance(item, str) else item)}


def _states_statements(found: dict[str, Any]) -> list[dict[str, Any]]:
    policy = found["TrainingStatesRole"]["Properties"]["Policies"][0]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements
