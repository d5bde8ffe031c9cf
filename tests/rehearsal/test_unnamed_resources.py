"""A resource without a name keeps the one that it was given: through updates, back again, and to its deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.table import TABLE
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events import Events
from tests.rehearsal.cfn import Stacks, of, outputs, parameter

ROLE = "arn:aws:iam::111111111111:role/jobs"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_ALARM = {
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
_TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
}
_SCHEDULE = {
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": "arn:aws:sqs:eu-central-1:111111111111:q", "RoleArn": ROLE},
}


def _machine(state: str) -> str:
    return json.dumps({"StartAt": state, "States": {state: {"Type": "Succeed"}}})


def _policy(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def _pipeline(name: str) -> dict[str, Any]:
    step = {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    body = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]}
    return {"PipelineDefinitionBody": json.dumps(body)}


# By type: the properties that stay, the one that changes, and what it is before and after.
CASES: dict[str, tuple[dict[str, Any], str, Any, Any]] = {
    "AWS::CloudWatch::Alarm": (_ALARM, "Threshold", 1, 2),
    "AWS::CloudWatch::CompositeAlarm": ({}, "AlarmRule", "FALSE", "TRUE"),
    "AWS::CloudWatch::Dashboard": ({}, "DashboardBody", "{}", '{"widgets": []}'),
    "AWS::DynamoDB::Table": (_TABLE, "DeletionProtectionEnabled", True, False),
    "AWS::ECR::Repository": ({}, "ImageTagMutability", "MUTABLE", "IMMUTABLE"),
    "AWS::ECS::Cluster": ({}, "ClusterSettings", [], [{"Name": "containerInsights", "Value": "enabled"}]),
    "AWS::Events::Rule": ({}, "ScheduleExpression", "rate(1 day)", "rate(2 days)"),
    "AWS::IAM::ManagedPolicy": ({}, "PolicyDocument", _policy("s3:GetObject"), _policy("s3:PutObject")),
    "AWS::IAM::Role": ({"AssumeRolePolicyDocument": _TRUST}, "Description", "one", "two"),
    "AWS::Logs::LogGroup": ({}, "RetentionInDays", 1, 3),
    "AWS::S3::Bucket": ({}, "VersioningConfiguration", {"Status": "Suspended"}, {"Status": "Enabled"}),
    "AWS::SNS::Topic": ({}, "DisplayName", "one", "two"),
    "AWS::SQS::Queue": ({}, "VisibilityTimeout", 10, 20),
    "AWS::SSM::Parameter": ({"Type": "String"}, "Value", "one", "two"),
    "AWS::Scheduler::Schedule": (_SCHEDULE, "ScheduleExpression", "rate(1 day)", "rate(2 days)"),
    "AWS::SecretsManager::Secret": ({"SecretString": "x"}, "Description", "one", "two"),
    "AWS::StepFunctions::StateMachine": ({"RoleArn": ROLE}, "DefinitionString", _machine("A"), _machine("B")),
    "AWS::SageMaker::Pipeline": ({"RoleArn": ROLE}, "PipelineDefinition", _pipeline("one"), _pipeline("two")),
    "AWS::SageMaker::ModelPackageGroup": ({}, "Tags", [], [{"Key": "a", "Value": "b"}]),
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": ({}, "OnStart", [{"Content": "YQ=="}], [{"Content": "Yg=="}]),
}


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Iterator[Stacks]:
    found = Stacks(account)
    Events(account)
    with account.running():
        yield found


def template(type: str, *, changed: bool = False, broken: bool = False) -> dict[str, Any]:
    stays, property, before, after = CASES[type]
    thing = {"Type": type, "Properties": {**stays, property: after if changed else before}}
    after_it = {**parameter("x", Oops=1), "DependsOn": "MyThing"}
    return of({"MyThing": thing, **({"Broken": after_it} if broken else {})})


def test_every_type_with_a_name_that_an_update_calls_for_is_tried() -> None:
    named = {type for type, row in TABLE.items() if isinstance(row, Row) and row.name and row.update}
    assert {type for type in named if not type.startswith("AWS::SageMaker::")} <= set(CASES)


@pytest.mark.parametrize("type", sorted(CASES))
def test_an_unnamed_resource_is_changed_brought_back_and_deleted(stacks: Stacks, type: str) -> None:
    made = stacks.create("MyStack", template(type))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("MyStack")
    id = stacks.physical("MyStack", "MyThing")
    changed = stacks.update("MyStack", template(type, changed=True))
    assert changed["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("MyStack")
    assert stacks.physical("MyStack", "MyThing") == id
    back = stacks.update("MyStack", template(type, broken=True))
    assert back["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons("MyStack")
    assert stacks.physical("MyStack", "MyThing") == id
    assert stacks.delete("MyStack")["StackStatus"] == "DELETE_COMPLETE"


def test_a_failed_change_of_an_unnamed_resource_leaves_it_as_it_was(stacks: Stacks) -> None:
    def rule(expression: str) -> dict[str, Any]:
        return of({"R": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": expression}}})

    stacks.create("s", rule("rate(1 day)"))
    stack = stacks.update("s", rule("every day"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons("s")
    (found,) = stacks.account.client("events").list_rules()["Rules"]
    assert (found["Name"], found["ScheduleExpression"]) == (stacks.physical("s", "R"), "rate(1 day)")


def test_an_unnamed_resource_is_changed_not_made_anew_and_gone_with_its_stack(stacks: Stacks) -> None:
    found = {"events": ("list_rules", "Rules"), "cloudwatch": ("describe_alarms", "MetricAlarms")}
    types = ("AWS::Events::Rule", "AWS::CloudWatch::Alarm", "AWS::SQS::Queue")

    def things(*, changed: bool) -> dict[str, Any]:
        return of({f"T{i}": template(one, changed=changed)["Resources"]["MyThing"] for i, one in enumerate(types)})

    def count() -> list[int]:
        queues = stacks.account.client("sqs").list_queues().get("QueueUrls", [])
        others = [getattr(stacks.account.client(service), call)()[key] for service, (call, key) in found.items()]
        return [len(one) for one in (*others, queues)]

    stacks.create("s", things(changed=False))
    stacks.update("s", things(changed=True))
    assert count() == [1, 1, 1]
    stacks.delete("s")
    assert count() == [0, 0, 0]


def test_a_made_name_suits_its_service(stacks: Stacks) -> None:
    stack = stacks.create(
        "MyStack",
        of(
            {
                "MyImages": {"Type": "AWS::ECR::Repository"},
                "MyBucket": {"Type": "AWS::S3::Bucket"},
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
                "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}},
            },
            Outputs={
                "Images": {"Value": {"Ref": "MyImages"}},
                "Bucket": {"Value": {"Ref": "MyBucket"}},
                "Queue": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}},
                "Topic": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}},
            },
        ),
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("MyStack")
    names = outputs(stack)
    assert names["Images"].startswith("mystack-myimages-")
    assert names["Images"].islower()
    assert names["Bucket"].startswith("mystack-mybucket-")
    assert names["Bucket"].islower()
    assert names["Queue"].endswith(".fifo")
    assert names["Topic"].endswith(".fifo")


def test_a_rule_goes_from_its_own_bus_and_a_schedule_from_its_own_group(stacks: Stacks) -> None:
    events, scheduler = (stacks.account.client(name) for name in ("events", "scheduler"))
    events.create_event_bus(Name="own")
    scheduler.create_schedule_group(Name="own")
    rule = {"EventBusName": "own", "EventPattern": {"source": ["a"]}}
    schedule = {**_SCHEDULE, "GroupName": "own", "ScheduleExpression": "rate(1 day)"}
    stacks.create(
        "s",
        of(
            {
                "R": {"Type": "AWS::Events::Rule", "Properties": rule},
                "S": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule},
            }
        ),
    )
    found = (events.list_rules(EventBusName="own")["Rules"], scheduler.list_schedules(GroupName="own")["Schedules"])
    assert [len(one) for one in found] == [1, 1]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert events.list_rules(EventBusName="own")["Rules"] == []
    assert scheduler.list_schedules(GroupName="own")["Schedules"] == []
