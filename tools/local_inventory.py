"""What a deployment left in the local account, resource by resource, as the account's own APIs tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from moto.cloudformation.parsing import get_model_map

from tools.local_account import LocalAccount

_Names = Callable[[Any], list[str]]
# For each type the service, and how its API lists names; a resource is there if a name holds its logical id or name.
_LISTINGS: Mapping[str, tuple[str, _Names]] = {
    "AWS::DynamoDB::Table": ("dynamodb", lambda api: list(api.list_tables()["TableNames"])),
    "AWS::IAM::Role": ("iam", lambda api: [item["RoleName"] for item in api.list_roles()["Roles"]]),
    "AWS::Events::Rule": ("events", lambda api: [item["Name"] for item in api.list_rules()["Rules"]]),
    "AWS::KMS::Key": ("kms", lambda api: [item["KeyArn"] for item in api.list_keys()["Keys"]]),
    "AWS::Lambda::Function": (
        "lambda",
        lambda api: [item["FunctionName"] for item in api.list_functions()["Functions"]],
    ),
    "AWS::Logs::LogGroup": (
        "logs",
        lambda api: [item["logGroupName"] for item in api.describe_log_groups()["logGroups"]],
    ),
    "AWS::S3::Bucket": ("s3", lambda api: [item["Name"] for item in api.list_buckets()["Buckets"]]),
    "AWS::SageMaker::Endpoint": (
        "sagemaker",
        lambda api: [item["EndpointName"] for item in api.list_endpoints()["Endpoints"]],
    ),
    "AWS::SageMaker::EndpointConfig": (
        "sagemaker",
        lambda api: [item["EndpointConfigName"] for item in api.list_endpoint_configs()["EndpointConfigs"]],
    ),
    "AWS::SageMaker::Model": ("sagemaker", lambda api: [item["ModelName"] for item in api.list_models()["Models"]]),
    "AWS::SNS::Topic": (
        "sns",
        lambda api: [item["TopicArn"].rpartition(":")[2] for item in api.list_topics()["Topics"]],
    ),
    "AWS::SSM::Parameter": ("ssm", lambda api: [item["Name"] for item in api.describe_parameters()["Parameters"]]),
    "AWS::StepFunctions::StateMachine": (
        "stepfunctions",
        lambda api: [item["name"] for item in api.list_state_machines()["stateMachines"]],
    ),
}
YES, NO = "yes", "no"
LACKS, _UNASKED = "moto lacks the type", "moto has the type; nothing to list"
_NAME_PROPERTIES = (
    "Name",
    "FunctionName",
    "LogGroupName",
    "BucketName",
    "TableName",
    "TopicName",
    "StateMachineName",
    "EndpointName",
)


def inventory(account: LocalAccount, assembly: Path) -> list[dict[str, str]]:
    """One row a resource: `there` is yes, no, or why the account cannot be asked."""
    rows = []
    for path in sorted(assembly.glob("*.template.json")):
        for logical_id, resource in json.loads(path.read_text())["Resources"].items():
            there = _is_there(account, logical_id, resource)
            rows.append({"logical_id": logical_id, "type": resource["Type"], "there": there})
    return rows


def _is_there(account: LocalAccount, logical_id: str, resource: Mapping[str, Any]) -> str:
    if resource["Type"] not in get_model_map():
        return LACKS
    if resource["Type"] not in _LISTINGS:
        return _UNASKED
    service, names = _LISTINGS[resource["Type"]]
    wanted = _name(account, resource["Properties"]) or logical_id
    return YES if any(wanted in name for name in names(account.client(service))) else NO


def _name(account: LocalAccount, properties: Mapping[str, Any]) -> str:
    """The name that the template gives, its pseudo parameters filled in."""
    if "KeyPolicy" in properties:
        return account.id  # keys have no names; a new account has no other key
    given = next((properties[key] for key in _NAME_PROPERTIES if key in properties), "")
    if isinstance(given, Mapping):
        given = given.get("Fn::Sub", "")
    return str(given).replace("${AWS::AccountId}", account.id).replace("${AWS::Region}", account.region)
