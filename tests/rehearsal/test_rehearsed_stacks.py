"""What a rehearsal deploys and destroys through CloudFormation, and how it says that it could not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal import DeploymentFailed, Rehearsed, rehearsal
from constructs_ml.rehearsal.stacks import DeployableStack
from tests.support import account

QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "parcels"}}
EXPORT = {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}, "Export": {"Name": "queue"}}}
IMPORT = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "queue"}}}


def stack(name: str, resources: dict[str, Any], **more: Any) -> DeployableStack:
    return DeployableStack(name, json.dumps({"Resources": resources, **more}), (), {})


@pytest.fixture
def dev() -> Iterator[Rehearsed]:
    with rehearsal([], account=account(), deployed=False) as found:
        yield found


def statuses(dev: Rehearsed) -> dict[str, str]:
    found = dev.client("cloudformation").describe_stacks()["Stacks"]
    return {item["StackName"]: item["StackStatus"] for item in found}


def test_what_is_destroyed_is_gone_and_may_be_destroyed_again(dev):
    dev.bring([stack("parcels", {"Queue": QUEUE})])
    dev.destroy()
    assert statuses(dev) == {}
    dev.stacks = ["parcels"]
    dev.destroy()


def test_a_protected_stack_is_not_destroyed_and_the_reason_is_told(dev):
    dev.bring([stack("parcels", {"Queue": QUEUE})])
    client = dev.client("cloudformation")
    client.update_termination_protection(StackName="parcels", EnableTerminationProtection=True)
    with pytest.raises(DeploymentFailed, match="TerminationProtection is enabled"):
        dev.destroy()
    assert statuses(dev) == {"parcels": "CREATE_COMPLETE"}
    assert dev.stacks == ["parcels"]


def test_a_stack_whose_export_is_in_use_is_not_destroyed_and_the_user_is_named(dev):
    dev.bring([stack("parcels", {"Queue": QUEUE}, Outputs=EXPORT), stack("reader", {"Name": IMPORT})])
    dev.stacks = ["parcels"]
    with pytest.raises(DeploymentFailed, match="reader"):
        dev.destroy()
    assert statuses(dev) == {"parcels": "CREATE_COMPLETE", "reader": "CREATE_COMPLETE"}


def test_a_stack_that_could_not_be_created_is_deleted_first_and_created_again(dev):
    bad = {"Queue": QUEUE, "Topic": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "Wrong", "Value": "a"}}}
    with pytest.raises(DeploymentFailed, match="Topic"):
        dev.bring([stack("parcels", bad)])
    assert statuses(dev) == {"parcels": "ROLLBACK_COMPLETE"}
    assert dev.bring([stack("parcels", {"Queue": QUEUE})]) == ["parcels"]
    assert statuses(dev) == {"parcels": "CREATE_COMPLETE"}
