"""The actions and resources of the tables are those of the Service Authorization Reference."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from moto.core.utils import get_service_model

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here
from constructs_ml.rehearsal.iam.context import Asked
from constructs_ml.rehearsal.iam.requests import asked_of
from constructs_ml.rehearsal.iam.s3_table import BUCKETS, OBJECTS, OF_VERSIONS
from constructs_ml.rehearsal.iam.table import ROWS
from constructs_ml.rehearsal.principals import PERSON
from constructs_ml.rehearsal.sagemaker.nouns import nouns

HERE = Here("aws", "eu-central-1", "111111111111")


@cache
def reference() -> dict[str, Any]:
    """The Service Authorization Reference as cfn-lint ships it: actions and ARNs by service, in small letters."""
    text = files("cfnlint").joinpath("data/AdditionalSpecs/Policies.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def asked(service: str, operation: str, /, **given: Any) -> tuple[Asked, ...]:
    return asked_of(Call(service, operation, given, PERSON, HERE.region), HERE)


def named(service: str, operation: str, /, **given: Any) -> set[tuple[str, str]]:
    return {(item.action, item.resource) for item in asked(service, operation, **given)}


def arn(service: str, resource: str) -> str:
    return HERE.arn(service, resource)


ROWS_OF_OPERATIONS = [
    (service, template, operation)
    for service, rows in ROWS.items()
    for template, operations in rows.items()
    for operation in operations.split()
]
# The reference that cfn-lint ships has no ARNs of secrets.
_UNTOLD = ("secretsmanager",)


def test_every_operation_of_the_table_is_one_of_the_service() -> None:
    wrong = [
        f"{service}:{operation}"
        for service, _, operation in ROWS_OF_OPERATIONS
        if operation not in get_service_model(service).operation_names
    ]
    assert not wrong, chr(10).join(wrong)


def test_every_member_of_a_template_is_one_of_its_operations() -> None:
    for service, template, operation in ROWS_OF_OPERATIONS:
        shape = get_service_model(service).operation_model(operation).input_shape
        members = {name.lower() for name in shape.members} if shape else set()
        assert {name.lower() for name in re.findall(r"\{(\w+)", template)} <= members, (service, operation)


def test_every_action_of_the_tables_exists() -> None:
    actions = {item.action for service, _, op in ROWS_OF_OPERATIONS for item in asked(service, op)}
    actions |= {action for names in OBJECTS.values() for action in names} | {*BUCKETS.values(), *OF_VERSIONS.values()}
    wrong = []
    for action in sorted(actions):
        service, _, name = action.partition(":")
        if name.lower() not in reference()[service]["Actions"]:
            wrong.append(action)
    assert not wrong, chr(10).join(wrong)


def test_the_resource_of_each_row_is_of_a_type_that_its_action_has() -> None:
    wrong = []
    for service, template, operation in ROWS_OF_OPERATIONS:
        if template.lower().endswith(("arn}", "{resource}")) or template == "?" or service in _UNTOLD:
            continue
        given = {name: f"{name}x" for name in re.findall(r"\{(\w+)", template)}
        for item in asked(service, operation, **given):
            own, _, name = item.action.partition(":")
            facts = reference()[own]["Actions"].get(name.lower(), {})
            types = facts.get("Resources", [])
            formats = [f for kind in types for f in reference()[own]["Resources"].get(kind, {}).get("ARNFormats", ())]
            if not types or types == ["dataset"]:
                fits = "*" in item.resources
            else:
                patterns = [re.sub(r"\$\{\w+\}", "[^:]*", text) for text in formats]
                fits = any(re.fullmatch(text, spelling) for text in patterns for spelling in item.resources)
            if not fits:
                wrong.append(f"{item.action} {item.resources} {types} {formats[:2]}")
    assert not wrong, chr(10).join(wrong)


@pytest.mark.parametrize("noun", nouns())
def test_a_noun_of_sagemaker_has_the_arn_that_the_reference_tells(noun: str) -> None:
    for verb in ("Create", "Describe", "Delete", "Stop"):
        if not nouns()[noun].has(verb):
            continue
        members = nouns()[noun].model(verb).input_shape.members
        given = {name: "x" for name in members if name.endswith(("Name", "Id"))}
        facts = reference()["sagemaker"]["Actions"].get(f"{verb}{noun}".lower(), {})
        types = [reference()["sagemaker"]["Resources"].get(kind, {}) for kind in facts.get("Resources", ())]
        patterns = [re.sub(r"\$\{\w+\}", "[^:]*", text) for kind in types for text in kind.get("ARNFormats", ())]
        for item in asked("sagemaker", f"{verb}{noun}", **given):
            assert not patterns or not item.resources or any(re.fullmatch(p, item.resource) for p in patterns)


JOB = {"TrainingJobName": "j", "RoleArn": "arn:aws:iam::111111111111:role/r", "Tags": [{"Key": "a", "Value": "b"}]}


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("s3:HeadObject", {"Bucket": "b", "Key": "k"}, {("s3:GetObject", "arn:aws:s3:::b/k")}),
        (
            "s3:GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            {("s3:GetObjectVersion", "arn:aws:s3:::b/k")},
        ),
        ("s3:ListObjectsV2", {"Bucket": "b"}, {("s3:ListBucket", "arn:aws:s3:::b")}),
        ("s3:GetBucketEncryption", {"Bucket": "b"}, {("s3:GetEncryptionConfiguration", "arn:aws:s3:::b")}),
        ("s3:ListBuckets", {}, {("s3:ListAllMyBuckets", "*")}),
        (
            "s3:PutObject",
            {"Bucket": "b", "Key": "k", "Tagging": "a=b"},
            {("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:PutObjectTagging", "arn:aws:s3:::b/k")},
        ),
        (
            "s3:CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/c/d%20e?versionId=1"},
            {("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObjectVersion", "arn:aws:s3:::c/d e")},
        ),
        (
            "sagemaker:CreateTrainingJob",
            JOB,
            {
                ("sagemaker:CreateTrainingJob", arn("sagemaker", "training-job/j")),
                ("sagemaker:AddTags", arn("sagemaker", "training-job/j")),
                ("iam:PassRole", "arn:aws:iam::111111111111:role/r"),
            },
        ),
        (
            "sagemaker:CreateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            {
                ("sagemaker:CreateEndpoint", arn("sagemaker", "endpoint/e")),
                ("sagemaker:CreateEndpoint", arn("sagemaker", "endpoint-config/c")),
            },
        ),
        (
            "sagemaker-runtime:InvokeEndpoint",
            {"EndpointName": "e"},
            {("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/e"))},
        ),
        (
            "sagemaker-featurestore-runtime:PutRecord",
            {"FeatureGroupName": "f"},
            {("sagemaker:PutRecord", arn("sagemaker", "feature-group/f"))},
        ),
        (
            "sagemaker-featurestore-runtime:BatchGetRecord",
            {"Identifiers": [{"FeatureGroupName": "f"}, {"FeatureGroupName": arn("sagemaker", "feature-group/g")}]},
            {
                ("sagemaker:BatchGetRecord", arn("sagemaker", "feature-group/f")),
                ("sagemaker:BatchGetRecord", arn("sagemaker", "feature-group/g")),
            },
        ),
        (
            "stepfunctions:StartExecution",
            {"stateMachineArn": arn("states", "stateMachine:m")},
            {("states:StartExecution", arn("states", "stateMachine:m"))},
        ),
        (
            "stepfunctions:StopExecution",
            {"executionArn": arn("states", "execution:m:1")},
            {("states:StopExecution", arn("states", "execution:m:1"))},
        ),
        ("stepfunctions:SendTaskSuccess", {"taskToken": "t"}, {("states:SendTaskSuccess", "*")}),
        (
            "lambda:Invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            {("lambda:InvokeFunction", arn("lambda", "function:f:live"))},
        ),
        (
            "lambda:Invoke",
            {"FunctionName": arn("lambda", "function:f")},
            {("lambda:InvokeFunction", arn("lambda", "function:f"))},
        ),
        (
            "sqs:SendMessageBatch",
            {"QueueUrl": "http://localhost:1/111111111111/q"},
            {("sqs:SendMessage", arn("sqs", "q"))},
        ),
        ("sns:Publish", {"TopicArn": arn("sns", "t")}, {("sns:Publish", arn("sns", "t"))}),
        ("dynamodb:GetItem", {"TableName": "t"}, {("dynamodb:GetItem", arn("dynamodb", "table/t"))}),
        (
            "dynamodb:Query",
            {"TableName": "t", "IndexName": "i"},
            {("dynamodb:Query", arn("dynamodb", "table/t/index/i"))},
        ),
        (
            "dynamodb:BatchWriteItem",
            {"RequestItems": {"t": [], "u": []}},
            {
                ("dynamodb:BatchWriteItem", arn("dynamodb", "table/t")),
                ("dynamodb:BatchWriteItem", arn("dynamodb", "table/u")),
            },
        ),
        (
            "dynamodb:TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
            {
                ("dynamodb:PutItem", arn("dynamodb", "table/t")),
                ("dynamodb:ConditionCheckItem", arn("dynamodb", "table/u")),
            },
        ),
        (
            "events:PutEvents",
            {"Entries": [{"Source": "s"}, {"EventBusName": "own"}]},
            {
                ("events:PutEvents", arn("events", "event-bus/default")),
                ("events:PutEvents", arn("events", "event-bus/own")),
            },
        ),
        ("events:PutRule", {"Name": "r", "EventBusName": "own"}, {("events:PutRule", arn("events", "rule/own/r"))}),
        (
            "events:PutTargets",
            {"Rule": "r", "Targets": [{"RoleArn": "arn:aws:iam::1:role/r"}]},
            {("events:PutTargets", arn("events", "rule/r")), ("iam:PassRole", "arn:aws:iam::1:role/r")},
        ),
        (
            "scheduler:CreateSchedule",
            {"Name": "s", "Target": {"RoleArn": "arn:aws:iam::1:role/r"}},
            {
                ("scheduler:CreateSchedule", arn("scheduler", "schedule/default/s")),
                ("iam:PassRole", "arn:aws:iam::1:role/r"),
            },
        ),
        ("ssm:GetParameter", {"Name": "/a/b"}, {("ssm:GetParameter", arn("ssm", "parameter/a/b"))}),
        ("ssm:GetParametersByPath", {"Path": "/a"}, {("ssm:GetParametersByPath", arn("ssm", "parameter/a"))}),
        (
            "logs:PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            {("logs:PutLogEvents", arn("logs", "log-group:/g:log-stream:s"))},
        ),
        ("cloudwatch:PutMetricData", {"Namespace": "n"}, {("cloudwatch:PutMetricData", "*")}),
        ("glue:StartJobRun", {"JobName": "j"}, {("glue:StartJobRun", arn("glue", "job/j"))}),
        (
            "glue:GetTable",
            {"DatabaseName": "d", "Name": "t"},
            {
                ("glue:GetTable", arn("glue", "catalog")),
                ("glue:GetTable", arn("glue", "database/d")),
                ("glue:GetTable", arn("glue", "table/d/t")),
            },
        ),
        (
            "athena:StartQueryExecution",
            {"QueryString": "q"},
            {("athena:StartQueryExecution", arn("athena", "workgroup/primary"))},
        ),
        (
            "ecs:RunTask",
            {"taskDefinition": "f:3", "cluster": "c", "overrides": {"taskRoleArn": "arn:aws:iam::1:role/r"}},
            {("ecs:RunTask", arn("ecs", "task-definition/f:3")), ("iam:PassRole", "arn:aws:iam::1:role/r")},
        ),
        ("ecr:GetAuthorizationToken", {}, {("ecr:GetAuthorizationToken", "*")}),
        ("sts:GetCallerIdentity", {}, set()),
        ("glue:GetMLTransform", {"TransformId": "t"}, {("glue:GetMLTransform", "?")}),
    ],
)
def test_a_call_asks_for_these_actions_on_these_resources(
    operation: str, given: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    service, _, name = operation.partition(":")
    assert named(service, name, **given) == expected


@pytest.mark.parametrize(
    ("service", "operation", "principal"),
    [
        ("sagemaker", "CreateModel", "sagemaker.amazonaws.com"),
        ("lambda", "CreateFunction", "lambda.amazonaws.com"),
        ("scheduler", "CreateSchedule", "scheduler.amazonaws.com"),
        ("events", "PutTargets", "events.amazonaws.com"),
        ("ecs", "RegisterTaskDefinition", "ecs-tasks.amazonaws.com"),
        ("glue", "CreateJob", "glue.amazonaws.com"),
        ("emr-serverless", "StartJobRun", "emr-serverless.amazonaws.com"),
        ("stepfunctions", "UpdateStateMachine", "states.amazonaws.com"),
    ],
)
def test_a_role_in_a_call_is_passed_to_the_service_that_gets_it(service: str, operation: str, principal: str) -> None:
    for spelling in ("Role", "RoleArn", "executionRoleArn"):
        found = [item for item in asked(service, operation, Deep=[{spelling: "r"}]) if item.action == "iam:PassRole"]
        assert [item.resource for item in found] == ["arn:aws:iam::111111111111:role/r"]
        assert found[0].context == {"iam:passedtoservice": (principal,)}


def test_a_role_that_is_only_looked_at_is_passed_to_nobody() -> None:
    assert named("sagemaker", "DescribeModel", ModelName="m") == {
        ("sagemaker:DescribeModel", arn("sagemaker", "model/m"))
    }
    assert {item.action for item in asked("sts", "AssumeRole", RoleArn="arn:aws:iam::1:role/r")} == {"sts:AssumeRole"}


def test_conditions_are_told_by_the_request() -> None:
    (item, *_) = asked("sagemaker", "CreateTrainingJob", **JOB, ResourceConfig={"InstanceType": "ml.m5.large"})
    assert item.context["sagemaker:instancetypes"] == ("ml.m5.large",)
    assert item.context["sagemaker:vpcsubnets"] == ()
    assert (item.context["aws:requesttag/a"], item.context["aws:tagkeys"]) == (("b",), ("a",))
    (metric,) = asked("cloudwatch", "PutMetricData", Namespace="n")
    assert metric.context["cloudwatch:namespace"] == ("n",)
    (listed,) = asked("s3", "ListObjectsV2", Bucket="b", Prefix="p/")
    assert (listed.context["s3:prefix"], listed.context["s3:delimiter"]) == (("p/",), ())
