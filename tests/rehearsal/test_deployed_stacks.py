"""The stacks of an application come and go completely, each resource really there."""

from __future__ import annotations

from typing import Any

import pytest

from apps.churn.model import churn
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.stacks import DeployableStack, of_models
from tests.rehearsal.cfn import CAPABILITIES, Stacks
from tests.support import account as stage

# type: the service and call that list it, and where the names stand in the answer.
_LISTED = {
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "AWS::DynamoDB::Table": ("dynamodb", "list_tables", "TableNames", ""),
    "AWS::Events::Rule": ("events", "list_rules", "Rules", "Name"),
    "AWS::IAM::Role": ("iam", "list_roles", "Roles", "RoleName"),
    "AWS::KMS::Alias": ("kms", "list_aliases", "Aliases", "AliasName"),
    "AWS::Lambda::Function": ("lambda", "list_functions", "Functions", "FunctionName"),
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::S3::Bucket": ("s3", "list_buckets", "Buckets", "Name"),
    "AWS::SNS::Topic": ("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SSM::Parameter": ("ssm", "describe_parameters", "Parameters", "Name"),
    "AWS::SageMaker::FeatureGroup": ("sagemaker", "list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        "list_model_package_groups",
        "ModelPackageGroupSummaryList",
        "ModelPackageGroupArn",
    ),
    "AWS::StepFunctions::StateMachine": ("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
}


def there(account: EmbeddedAccount, type: str) -> set[str]:
    service, call, listed, name = _LISTED[type]
    client = account.client(service)
    found = getattr(client, call)()[listed]
    return {one[name] if name else one for one in found}


def published(account: EmbeddedAccount, stack: DeployableStack) -> None:
    s3 = account.client("s3")
    for asset in stack.assets:
        if asset.bucket not in there(account, "AWS::S3::Bucket"):
            s3.create_bucket(Bucket=asset.bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
        s3.upload_file(str(asset.path), asset.bucket, asset.key)


@pytest.mark.slow
def test_all_stacks_of_churn_are_created_and_deleted_completely(account: EmbeddedAccount) -> None:
    Iam(account)
    stacks = Stacks(account)
    deployed = of_models([churn], stage(destroyable=True), None)
    with account.running():
        made: dict[str, set[str]] = {}
        before = {type: there(account, type) for type in _LISTED}
        for stack in deployed:
            published(account, stack)
            found = stacks.create(stack.name, stack.template)
            assert found["StackStatus"] == "CREATE_COMPLETE", stacks.reasons(stack.name)
            pages = stacks.client.get_paginator("list_stack_resources").paginate(StackName=stack.name)
            for resource in [one for page in pages for one in page["StackResourceSummaries"]]:
                made.setdefault(resource["ResourceType"], set()).add(resource["PhysicalResourceId"])
        assert {type: names - there(account, type) for type, names in made.items() if type in _LISTED} == {
            type: set() for type in made if type in _LISTED
        }
        assert set(_LISTED) - set(made) <= {"AWS::SageMaker::FeatureGroup"}
        _deploys_again_without_a_change(stacks, deployed)
        for stack in reversed(deployed):
            found = stacks.delete(stack.name)
            assert found["StackStatus"] == "DELETE_COMPLETE", found
        kept = {stack.assets[0].bucket for stack in deployed if stack.assets}
        left = {type: there(account, type) - before[type] - kept for type in _LISTED}
        retained = [
            entry for entry in account.journal.entries("resource") if entry.detail["status"] == "DELETE_SKIPPED"
        ]
        assert {name for names in left.values() for name in names} == {
            one.detail["physical_id"] for one in retained if one.detail["type"] in _LISTED
        }


def _deploys_again_without_a_change(stacks: Stacks, deployed: list[DeployableStack]) -> None:
    for stack in deployed:
        asked: dict[str, Any] = {"StackName": stack.name, "TemplateBody": stack.template, "Capabilities": CAPABILITIES}
        with pytest.raises(stacks.client.exceptions.ClientError, match="No updates are to be performed"):
            stacks.client.update_stack(**asked)
