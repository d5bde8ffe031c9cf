"""An account with CloudFormation, and what tests of stacks ask of it."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.cloudformation import CloudFormation
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Store

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


class Stacks:
    """Stacks of an account, deployed and waited for."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self.account = account
        self.store = Store(account)
        self.service = CloudFormation(account)

    @property
    def client(self) -> Any:
        return self.account.client("cloudformation")

    def create(self, name: str, template: Any, **more: Any) -> dict[str, Any]:
        return self.settled(self.client.create_stack(StackName=name, **{**_asked(template), **more})["StackId"])

    def update(self, name: str, template: Any, **more: Any) -> dict[str, Any]:
        return self.settled(self.client.update_stack(StackName=name, **{**_asked(template), **more})["StackId"])

    def delete(self, name: str, **more: Any) -> dict[str, Any]:
        id = self.client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=name, **more)
        return self.settled(id)

    def settled(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def done() -> bool:
            found.append(self.client.describe_stacks(StackName=name)["Stacks"][0])
            return not found[-1]["StackStatus"].endswith("_IN_PROGRESS")

        assert self.account.clock.poll(done, 30)
        return found[-1]

    def events(self, name: str) -> list[tuple[str, str]]:
        """Logical id and status of each event, the oldest first."""
        return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in self.raw_events(name)]

    def raw_events(self, name: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def reasons(self, name: str) -> str:
        return "\n".join(event.get("ResourceStatusReason", "") for event in self.raw_events(name))

    def physical(self, name: str, logical_id: str) -> str:
        found = self.client.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def refusal(self, name: str, template: Any, **more: Any) -> str:
        """What CreateStack says to a template that it refuses."""
        try:
            self.client.create_stack(StackName=name, **{**_asked(template), **more})
        except ClientError as refused:
            return str(refused.response["Error"]["Message"])
        raise AssertionError("not refused")


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def of(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"Resources": resources, **sections}


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def parameter(value: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **properties}}


def _asked(template: Any) -> dict[str, Any]:
    body = template if isinstance(template, str) else json.dumps(template)
    return {"TemplateBody": body, "Capabilities": CAPABILITIES}
