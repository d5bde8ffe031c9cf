"""Each integration makes these calls and no others; its exact role is proved, and each of its bad twins is caught."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml.compiler.proofs import calls, prove_role
from constructs_ml.compiler.proofs.needs import NEEDS

PARTITION, PLACE = "arn:${AWS::Partition}", "${AWS::Region}:${AWS::AccountId}"
ROLE = "arn:aws:iam::111111111111:role/job"


def of(resource: str, parameters: object, **state: object) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": f"arn:${{AWS::Partition}}:states:::{resource}", "Parameters": parameters}
    return {"StartAt": "ask", "States": {"ask": {**task, "End": True, **state}}}


def arn(service: str, end: str) -> str:
    return f"{PARTITION}:{service}:{PLACE}:{end}"


def rule(name: str) -> str:
    return f"events:DescribeRule+PutRule+PutTargets {arn('events', f'rule/StepFunctionsGetEvent{name}Rule')}"


def passed(role: str, service: str) -> str:
    return f"iam:PassRole {role} to {service}"


def statement(line: str) -> dict[str, Any]:
    """`service:Action+Action resource [to service]` as a statement."""
    actions, resource, *to = line.split(" ")
    service, _, names = actions.partition(":")
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Action": [f"{service}:{name}" for name in names.split("+")],
        "Resource": {"Fn::Sub": resource} if "${" in resource else resource,
    }
    if to:
        made["Condition"] = {"StringEquals": {"iam:PassedToService": to[1]}}
    return made


JOB, BREW, GROUP = arn("glue", "job/clean"), arn("databrew", "job/clean"), arn("athena", "workgroup/team")
CATALOG = arn("athena", "datacatalog/AwsDataCatalog")
TASKS = arn("ecs", "task/batch/*")
CONTAINER = {"TaskDefinition": "prepare", "Cluster": "batch", "LaunchType": "FARGATE"}
APPLICATION = arn("emr-serverless", "/applications/00f1")
SPARK = {"ApplicationId": "00f1", "ExecutionRoleArn": ROLE, "JobDriver": {}}
EMR = arn("elasticmapreduce", "cluster/j-1")
PROJECT = arn("codebuild", "project/image")
RUN = {"StateMachineArn": f"{PARTITION}:states:{PLACE}:stateMachine:other", "Input": {}}
AUTOML = {"AutoMLJobName.$": "States.Format('churn-auto-{}', States.UUID())", "RoleArn": ROLE}
MODEL = {"ModelName.$": "States.Format('churn-{}', States.UUID())", "ExecutionRoleArn": ROLE, "Tags": []}
TRANSFORM = {"TransformJobName.$": "States.Format('churn-{}', States.UUID())"}
CLUSTER = {"Name": "c", "ServiceRole": "EMR_DefaultRole", "JobFlowRole": ROLE}
SERVICE_ROLE = f"{PARTITION}:iam::${{AWS::AccountId}}:role/EMR_DefaultRole"
SAGEMAKER = "sagemaker.amazonaws.com"

# Resource, parameters, and the exact role: a statement a line.
INTEGRATIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("glue:startJobRun", {"JobName": "clean"}, [f"glue:StartJobRun {JOB}"]),
    (
        "glue:startJobRun.sync",
        {"JobName": "clean"},
        [f"glue:StartJobRun {JOB}", f"glue:GetJobRun+GetJobRuns+BatchStopJobRun {JOB}"],
    ),
    ("databrew:startJobRun", {"Name": "clean"}, [f"databrew:StartJobRun {BREW}"]),
    (
        "databrew:startJobRun.sync",
        {"Name": "clean"},
        [f"databrew:StartJobRun {BREW}", f"databrew:ListJobRuns+StopJobRun {BREW}"],
    ),
    (
        "athena:startQueryExecution",
        {"QueryString": "SELECT 1", "WorkGroup": "team"},
        [f"athena:StartQueryExecution {GROUP}", f"athena:GetDataCatalog {CATALOG}"],
    ),
    (
        "athena:startQueryExecution.sync",
        {
            "QueryString": "SELECT 1",
            "QueryExecutionContext": {"Catalog": "lake"},
            "ResultConfiguration": {"OutputLocation.$": "States.Format('s3://bucket/q/{}/', $$.Execution.Name)"},
        },
        [
            "athena:StartQueryExecution+GetQueryExecution+StopQueryExecution " + arn("athena", "workgroup/primary"),
            "athena:GetDataCatalog " + arn("athena", "datacatalog/lake"),
            f"s3:GetBucketLocation {PARTITION}:s3:::bucket",
            f"s3:PutObject {PARTITION}:s3:::bucket/q/*",
        ],
    ),
    ("ecs:runTask", CONTAINER, ["ecs:RunTask " + arn("ecs", "task-definition/prepare:*")]),
    (
        "ecs:runTask.waitForTaskToken",
        {**CONTAINER, "TaskDefinition": "prepare:3"},
        ["ecs:RunTask " + arn("ecs", "task-definition/prepare:3")],
    ),
    (
        "ecs:runTask.sync",
        {**CONTAINER, "Overrides": {"TaskRoleArn": ROLE}, "Tags": [{"Key": "a", "Value": "b"}]},
        [
            "ecs:RunTask " + arn("ecs", "task-definition/prepare:*"),
            f"ecs:DescribeTasks+StopTask {TASKS}",
            f"ecs:TagResource {TASKS}",
            passed(ROLE, "ecs-tasks.amazonaws.com"),
            rule("sForECSTask"),
        ],
    ),
    (
        "batch:submitJob",
        {"JobName": "j", "JobQueue": "spot", "JobDefinition": "fit"},
        [
            "batch:SubmitJob " + arn("batch", "job-queue/spot"),
            "batch:SubmitJob " + arn("batch", "job-definition/fit:*"),
        ],
    ),
    (
        "batch:submitJob.sync",
        {"JobName": "j", "JobQueue": "spot", "JobDefinition": "fit:2", "Tags": {"a": "b"}},
        [
            "batch:SubmitJob " + arn("batch", "job-queue/spot"),
            "batch:SubmitJob " + arn("batch", "job-definition/fit:2"),
            "batch:TagResource+TerminateJob " + arn("batch", "job/*"),
            "batch:DescribeJobs *",
            rule("sForBatchJobs"),
        ],
    ),
    (
        "emr-serverless:startJobRun",
        SPARK,
        [f"emr-serverless:StartJobRun {APPLICATION}", passed(ROLE, "emr-serverless.amazonaws.com")],
    ),
    (
        "emr-serverless:startJobRun.sync",
        SPARK,
        [
            f"emr-serverless:StartJobRun {APPLICATION}",
            f"emr-serverless:CancelJobRun+GetJobRun {APPLICATION}/jobruns/*",
            passed(ROLE, "emr-serverless.amazonaws.com"),
            rule("sForEMRServerlessJob"),
        ],
    ),
    (
        "emr-serverless:createApplication.sync",
        {"ReleaseLabel": "emr-7.1.0", "Type": "SPARK"},
        [
            "emr-serverless:CreateApplication *",
            "emr-serverless:DeleteApplication+GetApplication " + arn("emr-serverless", "/applications/*"),
            rule("sForEMRServerlessApplication"),
        ],
    ),
    (
        "emr-serverless:startApplication.sync",
        {"ApplicationId": "00f1"},
        [
            f"emr-serverless:StartApplication {APPLICATION}",
            f"emr-serverless:GetApplication+StopApplication {APPLICATION}",
            rule("sForEMRServerlessApplication"),
        ],
    ),
    (
        "emr-serverless:stopApplication.sync",
        {"ApplicationId": "00f1"},
        [
            f"emr-serverless:StopApplication {APPLICATION}",
            f"emr-serverless:GetApplication {APPLICATION}",
            rule("sForEMRServerlessApplication"),
        ],
    ),
    (
        "emr-serverless:cancelJobRun",
        {"ApplicationId": "00f1", "JobRunId": "r"},
        [f"emr-serverless:CancelJobRun {APPLICATION}/jobruns/r"],
    ),
    (
        "elasticmapreduce:createCluster.sync",
        CLUSTER,
        [
            "elasticmapreduce:RunJobFlow *",
            "elasticmapreduce:DescribeCluster+TerminateJobFlows " + arn("elasticmapreduce", "cluster/*"),
            passed(SERVICE_ROLE, "elasticmapreduce.amazonaws.com"),
            passed(ROLE, "ec2.amazonaws.com"),
        ],
    ),
    (
        "elasticmapreduce:addStep.sync",
        {"ClusterId": "j-1", "Step": {}},
        [f"elasticmapreduce:AddJobFlowSteps {EMR}", f"elasticmapreduce:CancelSteps+DescribeStep {EMR}"],
    ),
    (
        "elasticmapreduce:terminateCluster.sync",
        {"ClusterId": "j-1"},
        [f"elasticmapreduce:TerminateJobFlows {EMR}", f"elasticmapreduce:DescribeCluster {EMR}"],
    ),
    (
        "eks:createCluster.sync",
        {"Name": "c", "RoleArn": ROLE},
        [
            "eks:CreateCluster *",
            "eks:DeleteCluster+DescribeCluster " + arn("eks", "cluster/c"),
            passed(ROLE, "eks.amazonaws.com"),
        ],
    ),
    (
        "eks:createNodegroup.sync",
        {"ClusterName": "c", "NodegroupName": "n", "NodeRole": ROLE},
        [
            "eks:CreateNodegroup " + arn("eks", "cluster/c"),
            "ec2:DescribeSubnets *",
            f"iam:GetRole+ListAttachedRolePolicies {ROLE}",
            "eks:DeleteNodegroup+DescribeNodegroup " + arn("eks", "nodegroup/c/n/*"),
            passed(ROLE, "eks.amazonaws.com"),
        ],
    ),
    (
        "codebuild:startBuild.sync",
        {"ProjectName": "image"},
        [
            f"codebuild:StartBuild {PROJECT}",
            f"codebuild:BatchGetBuilds+StopBuild {PROJECT}",
            rule("ForCodeBuildStartBuild"),
        ],
    ),
    (
        "states:startExecution.sync:2",
        RUN,
        [
            f"states:StartExecution {PARTITION}:states:{PLACE}:stateMachine:other",
            f"states:DescribeExecution+StopExecution {PARTITION}:states:{PLACE}:execution:other:*",
            rule("sForStepFunctionsExecution"),
        ],
    ),
    ("aws-sdk:sfn:startExecution", RUN, [f"states:StartExecution {PARTITION}:states:{PLACE}:stateMachine:other"]),
    ("aws-sdk:sfn:sendTaskSuccess", {"TaskToken.$": "$.t", "Output": "{}"}, ["states:SendTaskSuccess *"]),
    (
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn.$": "$.run"},
        ["states:DescribeExecution " + arn("states", "execution:*")],
    ),
    ("lambda:invoke.waitForTaskToken", {"FunctionName": "f"}, ["lambda:InvokeFunction " + arn("lambda", "function:f")]),
    (
        "lambda:invoke",
        {"FunctionName": "f", "Qualifier": "live"},
        ["lambda:InvokeFunction " + arn("lambda", "function:f:live")],
    ),
    (
        "sns:publish.waitForTaskToken",
        {"TopicArn": "arn:aws:sns:r:1:t", "Message": "m"},
        ["sns:Publish arn:aws:sns:r:1:t"],
    ),
    (
        "sqs:sendMessage.waitForTaskToken",
        {
            "QueueUrl": "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/todo",
            "MessageBody": {"token.$": "$$.Task.Token"},
        },
        ["sqs:SendMessage " + arn("sqs", "todo")],
    ),
    (
        "aws-sdk:eventbridge:putEvents",
        {"Entries": [{"EventBusName": "ml"}]},
        ["events:PutEvents " + arn("events", "event-bus/ml")],
    ),
    (
        "aws-sdk:dynamodb:updateItem",
        {"TableName": "locks", "Key": {}},
        ["dynamodb:UpdateItem " + arn("dynamodb", "table/locks")],
    ),
    (
        "aws-sdk:dynamodb:query",
        {"TableName": "runs", "IndexName": "by-day"},
        ["dynamodb:Query " + arn("dynamodb", "table/runs/index/by-day")],
    ),
    (
        "aws-sdk:dynamodb:batchWriteItem",
        {"RequestItems": {"a": [], "b": []}},
        [
            "dynamodb:BatchWriteItem " + arn("dynamodb", "table/a"),
            "dynamodb:BatchWriteItem " + arn("dynamodb", "table/b"),
        ],
    ),
    (
        "aws-sdk:dynamodb:transactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]},
        [
            "dynamodb:PutItem " + arn("dynamodb", "table/a"),
            "dynamodb:ConditionCheckItem " + arn("dynamodb", "table/b"),
        ],
    ),
    ("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k"}, [f"s3:PutObject {PARTITION}:s3:::b/k"]),
    (
        "aws-sdk:s3:copyObject",
        {"Bucket": "b", "Key": "k", "CopySource.$": "States.Format('from/{}/x', $.day)"},
        [f"s3:PutObject {PARTITION}:s3:::b/k", f"s3:GetObject {PARTITION}:s3:::from/*/x"],
    ),
    (
        "aws-sdk:sagemaker:createAutoMLJobV2",
        {**AUTOML, "Tags": []},
        [
            "sagemaker:CreateAutoMLJobV2+AddTags " + arn("sagemaker", "automl-job/churn-auto-*"),
            passed(ROLE, SAGEMAKER),
        ],
    ),
    (
        "aws-sdk:sagemaker:createCompilationJob",
        {"CompilationJobName": "churn", "RoleArn": ROLE},
        ["sagemaker:CreateCompilationJob " + arn("sagemaker", "compilation-job/churn"), passed(ROLE, SAGEMAKER)],
    ),
    (
        "aws-sdk:sagemaker:createModel",
        MODEL,
        ["sagemaker:CreateModel+AddTags " + arn("sagemaker", "model/churn-*"), passed(ROLE, SAGEMAKER)],
    ),
    (
        "sagemaker:createTransformJob.sync",
        TRANSFORM,
        [
            "sagemaker:CreateTransformJob+DescribeTransformJob+StopTransformJob+AddTags "
            + arn("sagemaker", "transform-job/churn-*"),
            rule("sForSageMakerTransformJobs"),
        ],
    ),
    (
        "aws-sdk:sagemaker:describeCompilationJob",
        {"CompilationJobName": "churn"},
        ["sagemaker:DescribeCompilationJob " + arn("sagemaker", "compilation-job/churn")],
    ),
    (
        "aws-sdk:sagemaker:stopTrainingJob",
        {"TrainingJobName.$": "$.job"},
        ["sagemaker:StopTrainingJob " + arn("sagemaker", "training-job/*")],
    ),
    (
        "aws-sdk:sagemaker:startPipelineExecution",
        {"PipelineName": "churn"},
        ["sagemaker:StartPipelineExecution " + arn("sagemaker", "pipeline/churn")],
    ),
    (
        "aws-sdk:sagemaker:describePipelineExecution",
        {"PipelineExecutionArn.$": "$.run"},
        ["sagemaker:DescribePipelineExecution " + arn("sagemaker", "pipeline/*/execution/*")],
    ),
    (
        "aws-sdk:sagemaker:listModelPackages",
        {"ModelPackageGroupName": "churn"},
        ["sagemaker:ListModelPackages " + arn("sagemaker", "model-package/churn/*")],
    ),
    (
        "aws-sdk:sagemaker:describeModelPackage",
        {"ModelPackageName": "arn:aws:sagemaker:r:1:model-package/churn/3"},
        ["sagemaker:DescribeModelPackage arn:aws:sagemaker:r:1:model-package/churn/3"],
    ),
    (
        "aws-sdk:sagemaker:listTrainingJobs",
        {},
        ["sagemaker:ListTrainingJobs *"],
    ),
    (
        "aws-sdk:sagemakerruntime:invokeEndpoint",
        {"EndpointName": "churn"},
        ["sagemaker:InvokeEndpoint " + arn("sagemaker", "endpoint/churn")],
    ),
    (
        "aws-sdk:cloudwatch:describeAlarms",
        {"AlarmNames": ["drift"]},
        ["cloudwatch:DescribeAlarms " + arn("cloudwatch", "alarm:drift")],
    ),
    ("aws-sdk:cloudwatch:describeAlarms", {"AlarmNamePrefix": "churn"}, ["cloudwatch:DescribeAlarms *"]),
    (
        "aws-sdk:cloudwatch:describeAlarms",
        {"AlarmNames": ["all"], "AlarmTypes": ["CompositeAlarm"]},
        ["cloudwatch:DescribeAlarms *"],
    ),
    (
        "aws-sdk:cloudwatch:putMetricAlarm",
        {"AlarmName": "auc"},
        ["cloudwatch:PutMetricAlarm " + arn("cloudwatch", "alarm:auc")],
    ),
    ("aws-sdk:cloudwatch:putMetricData", {"Namespace": "n"}, ["cloudwatch:PutMetricData *"]),
]
NAMES = [resource for resource, _, _ in INTEGRATIONS]
EACH = pytest.mark.parametrize(("resource", "parameters", "lines"), INTEGRATIONS, ids=NAMES)


def ids(definition: dict[str, Any], lines: list[str], **given: Any) -> list[str]:
    return [fault.id for fault in prove_role(definition, [statement(line) for line in lines], **given)]


@EACH
def test_the_exact_role_of_each_integration_is_proved(
    resource: str, parameters: dict[str, Any], lines: list[str]
) -> None:
    assert ids(of(resource, parameters), lines) == []


@EACH
def test_each_action_that_is_taken_away_is_missed(resource: str, parameters: dict[str, Any], lines: list[str]) -> None:
    for index, line in enumerate(lines):
        actions, _, rest = line.partition(" ")
        service, _, names = actions.partition(":")
        for name in names.split("+"):
            left = "+".join(item for item in names.split("+") if item != name)
            kept = [f"{service}:{left} {rest}"] if left else []
            found = ids(of(resource, parameters), [*lines[:index], *kept, *lines[index + 1 :]])
            assert set(found) == {"role-missing"}, name


@EACH
def test_each_action_on_another_resource_is_idle(resource: str, parameters: dict[str, Any], lines: list[str]) -> None:
    for line in lines:
        actions, _, *to = line.split(" ")
        other = " ".join([actions, "arn:aws:other:::thing", *to])
        # What an IAM role allows beside a query or for the encryption of objects is not the states' to use.
        found = ids(of(resource, parameters), [*lines, other], allowances=())
        assert set(found) == {"role-idle"}, other


@EACH
def test_each_statement_that_is_wider_is_found(resource: str, parameters: dict[str, Any], lines: list[str]) -> None:
    for index, line in enumerate(lines):
        actions, named, *to = line.split(" ")
        if named == "*":
            continue
        wider = " ".join([actions, "*", *to])
        assert set(ids(of(resource, parameters), [*lines[:index], wider, *lines[index + 1 :]])) == {"role-wide"}, wider


def test_a_token_adds_nothing_to_the_calls() -> None:
    for service, parameters in (("lambda:invoke", {"FunctionName": "f"}), ("ecs:runTask", CONTAINER)):
        assert calls(of(service, parameters)) == calls(of(f"{service}.waitForTaskToken", parameters))


def test_kubernetes_calls_are_not_iams_to_allow() -> None:
    for action in ("call", "runJob", "runJob.sync"):
        assert calls(of(f"eks:{action}", {"ClusterName": "c"})) == ()


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    """A machine of several tasks; in which order they run makes no difference to its calls."""
    return {"StartAt": "a", "States": {name: item["States"]["ask"] for name, item in states.items()}}


POLL = chain(
    make=of("aws-sdk:sagemaker:createAutoMLJobV2", AUTOML),
    look=of("aws-sdk:sagemaker:describeAutoMLJobV2", {"AutoMLJobName.$": "$.auto.name"}),
)
MAKING = ["sagemaker:CreateAutoMLJobV2 " + arn("sagemaker", "automl-job/churn-auto-*"), passed(ROLE, SAGEMAKER)]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (arn("sagemaker", "automl-job/churn-auto-*"), []),
        (arn("sagemaker", "automl-job/*"), ["role-wide"]),
        (arn("sagemaker", "automl-job/other-*"), ["role-missing", "role-idle"]),
    ],
)
def test_a_loop_looks_at_what_the_definition_made(resource: str, expected: list[str]) -> None:
    assert ids(POLL, [*MAKING, f"sagemaker:DescribeAutoMLJobV2 {resource}"]) == expected


def test_what_is_made_under_a_name_of_the_run_may_be_anything() -> None:
    twice = chain(
        known=of("aws-sdk:sagemaker:createModel", MODEL),
        opened=of("aws-sdk:sagemaker:createModel", {"ModelName.$": "$.name"}),
        look=of("aws-sdk:sagemaker:describeModel", {"ModelName.$": "$.name"}),
    )
    found = {str(call) for call in calls(twice)}
    assert "sagemaker:CreateModel on " + arn("sagemaker", "model/{}") in found
    assert "sagemaker:DescribeModel on " + arn("sagemaker", "model/{}") in found


@pytest.mark.parametrize(
    ("making", "parameters", "looking", "member", "resource"),
    [
        (
            "aws-sdk:sfn:startExecution",
            RUN,
            "aws-sdk:sfn:describeExecution",
            "ExecutionArn",
            ("states", "execution:other:{}"),
        ),
        (
            "aws-sdk:sagemaker:startPipelineExecution",
            {"PipelineName": "churn"},
            "aws-sdk:sagemaker:describePipelineExecution",
            "PipelineExecutionArn",
            ("sagemaker", "pipeline/churn/execution/{}"),
        ),
        (
            "sagemaker:createHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "churn-tune"},
            "aws-sdk:sagemaker:describeTrainingJob",
            "TrainingJobName",
            ("sagemaker", "training-job/churn-tune-{}"),
        ),
        (
            "aws-sdk:athena:startQueryExecution",
            {"WorkGroup": "team"},
            "aws-sdk:athena:getQueryResults",
            "QueryExecutionId",
            ("athena", "workgroup/team"),
        ),
    ],
)
def test_a_run_that_is_started_is_the_one_that_is_looked_at(
    making: str, parameters: dict[str, Any], looking: str, member: str, resource: tuple[str, str]
) -> None:
    both = chain(make=of(making, parameters), look=of(looking, {f"{member}.$": "$.it"}))
    assert [str(call).partition(" on ")[2] for call in calls(both) if call.where == "look"] == [arn(*resource)]


def test_rules_that_editions_of_a_page_disagree_about_may_be_allowed() -> None:
    add = of("elasticmapreduce:addStep.sync", {"ClusterId": "j-1", "Step": {}})
    exact = [f"elasticmapreduce:AddJobFlowSteps+CancelSteps+DescribeStep {EMR}"]
    assert ids(add, exact) == []
    assert ids(add, [*exact, rule("ForEMRAddJobFlowSteps")]) == []
    assert set(ids(add, [*exact, rule("ForEMRRunJobFlow")])) == {"role-idle"}


@pytest.mark.parametrize(
    ("cluster", "allowed", "expected"),
    [
        ("arn:aws:ecs:r:1:cluster/c", "arn:aws:ecs:r:1:task/c/*", []),
        ("${Cluster}", arn("ecs", "task/${Cluster}/*"), []),
        ("${Cluster}", arn("ecs", "task/*"), []),
        ("${Cluster}", "*", ["role-wide", "role-wide"]),
        ("c", arn("ecs", "task/*"), ["role-wide", "role-wide"]),
        ("c", arn("ecs", "task/d/*"), ["role-missing", "role-missing", "role-idle", "role-idle"]),
    ],
)
def test_the_tasks_of_a_cluster_are_those_that_are_watched(cluster: str, allowed: str, expected: list[str]) -> None:
    run = of("ecs:runTask.sync", {**CONTAINER, "Cluster": cluster, "TaskDefinition": "${Task}"})
    exact = ["ecs:RunTask ${Task}", rule("sForECSTask")]
    assert ids(run, [*exact, f"ecs:DescribeTasks+StopTask {allowed}"]) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (passed("${TaskRole.Arn}", "ecs-tasks.amazonaws.com"), []),
        (passed(ROLE, "ecs-tasks.amazonaws.com"), []),
        (passed(ROLE, "ecs.amazonaws.com"), ["role-idle"]),
        (f"iam:PassRole {ROLE}", ["role-idle"]),
        (passed("*", "ecs-tasks.amazonaws.com"), ["role-idle"]),
        (passed(f"{PARTITION}:iam::${{AWS::AccountId}}:role/*", "ecs-tasks.amazonaws.com"), ["role-idle"]),
    ],
)
def test_the_roles_of_a_task_definition_may_be_passed_by_name(line: str, expected: list[str]) -> None:
    run = of("ecs:runTask", CONTAINER)
    assert ids(run, ["ecs:RunTask " + arn("ecs", "task-definition/prepare:*"), line]) == expected
    assert ids(
        of("lambda:invoke", {"FunctionName": "f"}), ["lambda:InvokeFunction " + arn("lambda", "function:f"), line]
    ) == ["role-idle"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"s3:GetObject {PARTITION}:s3:::lake/raw/*", []),
        ("s3:GetObject arn:aws:s3:::lake-${AWS::AccountId}/*", []),
        (f"s3:GetObject {PARTITION}:s3:::*", ["role-idle"]),
        ("s3:GetObject *", ["role-idle"]),
        ("glue:GetTable " + arn("glue", "table/lake/*"), []),
        ("glue:GetTable " + arn("glue", "catalog"), []),
        ("glue:GetTable " + arn("glue", "table/*"), ["role-idle"]),
        ("glue:GetJob " + arn("glue", "job/clean"), ["role-idle"]),
        ("lakeformation:GetDataAccess *", []),
    ],
)
def test_a_query_reads_what_its_definition_does_not_tell(line: str, expected: list[str]) -> None:
    query = of("athena:startQueryExecution", {"QueryString": "SELECT 1", "WorkGroup": "team"})
    assert ids(query, [f"athena:StartQueryExecution {GROUP}", f"athena:GetDataCatalog {CATALOG}", line]) == expected


NAMED = {
    "Type": "Pass",
    "Parameters": {"job.$": "States.Format('churn-neo-{}', States.UUID())", "wait": 15},
    "ResultPath": "$.steps.neo",
}
AGAIN = {"Type": "Pass", "Parameters": {"job.$": "$.steps.neo.job", "wait.$": "$.steps.neo.wait"}}
KEPT = {**NAMED, "Parameters": {"job.$": "$.steps.neo.job"}}
NEO = of("aws-sdk:sagemaker:createCompilationJob", {"CompilationJobName.$": "$.steps.neo.job"}, ResultPath=None)[
    "States"
]["ask"]
LOOK = of(
    "aws-sdk:sagemaker:describeCompilationJob",
    {"CompilationJobName.$": "$.steps['neo'].job"},
    ResultSelector={"status.$": "$.CompilationJobStatus"},
    ResultPath="$.steps.neo.look",
)["States"]["ask"]
JOBS = arn("sagemaker", "compilation-job/churn-neo-*")
BOTH = [f"sagemaker:CreateCompilationJob+DescribeCompilationJob {JOBS}"]


def data(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "named", "States": {"named": NAMED, "start": NEO, "look": LOOK, **states}}


def test_a_name_that_a_state_puts_into_the_data_is_known_where_it_is_used() -> None:
    assert ids(data(), BOTH) == []
    assert ids(data(again={**AGAIN, "ResultPath": "$.steps.neo"}, kept=KEPT), BOTH) == []
    wider = BOTH[0].replace("churn-neo-*", "*")
    assert ids(data(), [wider]) == ["role-wide", "role-wide"]


@pytest.mark.parametrize(
    "other",
    [
        {**NAMED, "Parameters": {"job": "another"}},
        {**NAMED, "Parameters": {"job.$": "$.given"}},
        {**NAMED, "ResultPath": "$.steps", "Parameters": {"neo.$": "$.old"}},
        {"Type": "Pass", "Result": {"job": "another"}, "ResultPath": "$.steps.neo"},
        {"Type": "Pass", "Result": {"steps": {}}},
        {"Type": "Pass", "ResultPath": "$.steps.neo"},
        {**LOOK, "ResultPath": "$.steps.neo", "ResultSelector": {"job.$": "$.CompilationJobName"}},
        {name: value for name, value in {**LOOK, "ResultPath": "$.steps"}.items() if name != "ResultSelector"},
        {name: value for name, value in LOOK.items() if name not in ("ResultSelector", "ResultPath")},
        {"Type": "Map", "ItemProcessor": {"States": {}}, "ResultPath": None},
        {"Type": "Parallel", "Branches": [], "Parameters": {"steps.$": "$.other"}, "ResultPath": None},
        {"Type": "Pass", "InputPath": "$.steps"},
        {"Type": "Pass", "OutputPath": "$.steps"},
    ],
)
def test_a_name_that_could_be_another_is_not_known(other: dict[str, Any]) -> None:
    found = {str(call) for call in calls(data(other=other))}
    assert "sagemaker:CreateCompilationJob on " + arn("sagemaker", "compilation-job/{}") in found


@pytest.mark.parametrize(
    "other",
    [
        {**NAMED, "Parameters": {"status": "done"}},
        {**NAMED, "ResultPath": None, "Parameters": {"job": "another"}},
        {"Type": "Pass", "Parameters": {"steps": {}, "inputs.$": "$.given"}},
        {"Type": "Pass"},
        {**LOOK, "ResultPath": "$.steps.other"},
        {**LOOK, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "x"}]},
        {"Type": "Map", "ItemProcessor": {"States": {}}, "ItemSelector": {"steps.$": "$.steps"}, "ResultPath": None},
        {"Type": "Parallel", "Branches": [], "ResultPath": None},
        {"Type": "Wait", "SecondsPath": "$.steps.neo.wait"},
    ],
)
def test_what_stands_elsewhere_does_not_touch_a_name(other: dict[str, Any]) -> None:
    assert ids(data(other=other), BOTH) == []


def test_names_are_made_of_names() -> None:
    first = {"Type": "Pass", "Parameters": {"name": "churn-neo"}, "ResultPath": "$.run"}
    second = {**NAMED, "Parameters": {"job.$": "States.Format('{}-{}', $.run.name, States.UUID())"}}
    assert ids({"States": {"first": first, **data()["States"], "named": second}}, BOTH) == []


JUNK = st.sampled_from(
    [None, 7, "", "x", "arn:", "${A}", "s3://", "/", [], [7], [{}], {}, {"a": 7}, {"a.$": "$.b"}, {"TableName": 7}]
)


@given(st.sampled_from(INTEGRATIONS), st.data())
def test_whatever_a_request_holds_its_calls_can_be_told(
    integration: tuple[str, dict[str, Any], list[str]], data: st.DataObject
) -> None:
    resource, parameters, _ = integration
    for name in parameters:
        if data.draw(st.booleans()):
            parameters = {**parameters, name: data.draw(JUNK)}
    for call in calls(of(resource, parameters)):
        assert str(call).startswith(call.action)
    assert all("None" not in str(call) for call in calls(of(resource, {})))


@pytest.mark.parametrize(
    ("resource", "parameters", "expected"),
    [
        ("glue:startJobRun", {}, "glue:StartJobRun on " + arn("glue", "job/{}")),
        ("events:putEvents", {"Entries.$": "$.entries"}, "events:PutEvents"),
        ("aws-sdk:dynamodb:batchGetItem", {"RequestItems.$": "$.items"}, "dynamodb:BatchGetItem"),
        ("aws-sdk:dynamodb:listTables", {}, "dynamodb:ListTables"),
        (
            "aws-sdk:s3:copyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/c/d?versionId=1"},
            f"s3:GetObject on {PARTITION}:s3:::c/d",
        ),
        (
            "athena:startQueryExecution",
            {"WorkGroup.$": "$.group"},
            "athena:StartQueryExecution on " + arn("athena", "workgroup/{}"),
        ),
        (
            "elasticmapreduce:createCluster",
            {"ServiceRole": "${Role}"},
            "iam:PassRole on ${Role} to elasticmapreduce.amazonaws.com",
        ),
    ],
)
def test_what_a_request_leaves_open_is_open(resource: str, parameters: dict[str, Any], expected: str) -> None:
    assert expected in {str(call) for call in calls(of(resource, parameters))}


# The Service Authorization Reference, as cfn-lint ships it.
POLICIES = json.loads((Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json").read_text())
EVERY = [of(resource, parameters) for resource, parameters, _ in INTEGRATIONS]
EVERY += [
    of(f"{service}:{action}{pattern}", {"ClusterId": "j-1"})
    for service, _, action in (key.partition(":") for key in NEEDS)
    for pattern in ("", ".sync")
]


@pytest.mark.parametrize("definition", EVERY, ids=lambda item: item["States"]["ask"]["Resource"].partition(":::")[2])
def test_every_action_exists_and_can_be_allowed_on_its_resource(definition: dict[str, Any]) -> None:
    for call in calls(definition):
        service, _, action = call.action.partition(":")
        known = {name.lower(): facts for name, facts in POLICIES[service]["Actions"].items()}
        assert action.lower() in known, call
        kinds = known[action.lower()].get("Resources", [])
        for resource in call.resources:
            text = re.sub(r"\$\{[^}]*\}|\{\}", "x", str(resource))
            if resource.is_anything or text.startswith("x"):
                continue
            formats = [
                re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", re.escape(form).replace(r"\.\*", ".*"))
                for kind in kinds
                for form in POLICIES[service]["Resources"][kind.lower()]["ARNFormats"]
            ]
            assert any(re.fullmatch(form, text) for form in formats), (str(call), kinds)
        if not kinds:
            assert all(resource.is_anything for resource in call.resources), call
