"""The same resources as a model's stack, written as idiomatic CDK L2 code in Python: what a team writes today."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Aws, Duration, Stack, Tags, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from apps.churn.model import churn
from benchmarks import l2_serving

ROOT = churn.root


def build(stack: Stack, name: str, states: dict[str, Any]) -> None:
    """One model; `states` are the SageMaker states, for which CDK has no or only partial task classes."""
    data = s3.Bucket.from_bucket_name(stack, "Data", f"dev-ml-data-{Aws.ACCOUNT_ID}-{Aws.REGION}")
    artifacts = s3.Bucket.from_bucket_name(stack, "Artifacts", f"dev-ml-artifacts-{Aws.ACCOUNT_ID}-{Aws.REGION}")
    topic = sns.Topic.from_topic_arn(
        stack, "Topic", f"arn:{Aws.PARTITION}:sns:{Aws.REGION}:{Aws.ACCOUNT_ID}:dev-ml-notices"
    )
    code = [
        assets.Asset(stack, f"Code{step}", path=str(ROOT / "steps" / f"{step}.py"))
        for step in ("prepare", "train", "evaluate", "inference")
    ]
    roles = []
    for kind in ("Training", "Processing"):
        role = iam.Role(stack, f"{kind}Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        data.grant_read(role, "raw/*")
        artifacts.grant_read_write(role, f"{name}/*")
        for item in code:
            item.grant_read(role)
        role.add_to_policy(
            _statement(["logs:CreateLogStream", "logs:PutLogEvents"], "logs", "log-group:/aws/sagemaker/*")
        )
        role.add_to_policy(iam.PolicyStatement(actions=["cloudwatch:PutMetricData"], resources=["*"]))
        role.add_to_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
        role.add_to_policy(iam.PolicyStatement(actions=["ecr:BatchGetImage"], resources=["*"]))
        roles.append(role)
    function = lambda_.Function(
        stack,
        "Check",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="handler.handle",
        code=lambda_.Code.from_asset(str(ROOT / "functions" / "freshness")),
        log_group=logs.LogGroup(stack, "CheckLog", retention=logs.RetentionDays.ONE_YEAR),
        timeout=Duration.minutes(1),
    )
    data.grant_read(function, "raw/*")
    machine = _state_machine(stack, name, states, function, topic)
    for role in roles:
        role.grant_pass_role(machine.role)
    machine.add_to_role_policy(_statement(["sagemaker:CreateTrainingJob"], "sagemaker", f"training-job/{name}-*"))
    machine.add_to_role_policy(_statement(["sagemaker:CreateProcessingJob"], "sagemaker", f"processing-job/{name}-*"))
    machine.add_to_role_policy(_statement(["events:PutRule", "events:PutTargets"], "events", "rule/StepFunctions*"))
    artifacts.grant_read(machine, f"{name}/*")
    _triggers(stack, machine)
    l2_serving.build(stack, name, data, artifacts, topic)
    sagemaker.CfnModelPackageGroup(stack, "Group", model_package_group_name=f"dev-{name}")
    record = json.dumps({"commit": "a" * 40})
    ssm.StringParameter(stack, "Record", parameter_name=f"/ml/dev/{name}/code", string_value=record)
    for key, value in {"model": name, "stage": "dev", "owner": "growth", "pipeline": "training"}.items():
        Tags.of(stack).add(f"constructs-ml:{key}", value)


def _state_machine(
    stack: Stack, name: str, states: dict[str, Any], function: lambda_.Function, topic: sns.ITopic
) -> sfn.StateMachine:
    failed = sfn.Fail(stack, "Failed")
    message = sfn.TaskInput.from_json_path_at("$.error.Cause")
    notify = tasks.SnsPublish(stack, "Notify", topic=topic, message=message).next(failed)
    chain: Any = tasks.LambdaInvoke(stack, "check", lambda_function=function).add_catch(notify, result_path="$.error")
    for key, state in states.items():
        task = sfn.CustomState(stack, key, state_json=state)
        task.add_retry(errors=["ThrottlingException"], max_attempts=6)
        task.add_catch(notify, errors=["States.ALL"], result_path="$.error")
        if key == "register":
            good = sfn.Condition.number_greater_than_equals("$.steps.evaluate.metrics.auc", 0.75)
            chain = chain.next(sfn.Choice(stack, "gate").when(good, task).otherwise(notify))
        else:
            chain = chain.next(task)
    log = logs.LogGroup(stack, "Log", retention=logs.RetentionDays.ONE_YEAR)
    return sfn.StateMachine(
        stack,
        "StateMachine",
        state_machine_name=f"dev-{name}-training",
        definition_body=sfn.DefinitionBody.from_chainable(chain),
        logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL),
        tracing_enabled=True,
    )


def _triggers(stack: Stack, machine: sfn.StateMachine) -> None:
    scheduler.Schedule(
        stack,
        "Cron",
        schedule=scheduler.ScheduleExpression.cron(
            minute="0", hour="3", week_day="MON", time_zone=TimeZone.EUROPE_BERLIN
        ),
        target=scheduler_targets.StepFunctionsStartExecution(machine),
    )
    for id, source, kind in (
        ("OnData", "aws.s3", "Object Created"),
        ("OnAlarm", "aws.cloudwatch", "CloudWatch Alarm State Change"),
    ):
        pattern = events.EventPattern(source=[source], detail_type=[kind])
        events.Rule(stack, id, event_pattern=pattern, targets=[targets.SfnStateMachine(machine)])


def _statement(actions: list[str], service: str, resource: str) -> iam.PolicyStatement:
    arn = f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
    return iam.PolicyStatement(actions=actions, resources=[arn])
