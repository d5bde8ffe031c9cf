"""Deploys and destroys stacks through the account's own CloudFormation API: no node, no cdk CLI."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.stacks import AssetFile, DeployableStack

_LONGEST = 300.0
# The version of the bootstrap stack of aws-cdk 2.1148.1.
_BOOTSTRAP = "33"
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
# What is left of a creation that failed can only be deleted.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_LEFT = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeploymentFailed(Exception):  # noqa: N818 - said as CloudFormation says it
    """A stack that was rolled back: `stack`, its `status`, and each failed resource with its reason in the text."""

    def __init__(self, stack: str, status: str, reasons: Sequence[str]) -> None:
        lines = "\n".join(f"  {reason}" for reason in reasons)
        super().__init__(f"stack {stack} ended as {status}:\n{lines}")
        self.stack, self.status, self.reasons = stack, status, tuple(reasons)


def deploy(account: EmbeddedAccount, stacks: Sequence[DeployableStack]) -> list[str]:
    """Create or update the stacks in their order; the names of those that changed. Raises `DeploymentFailed`."""
    changed = []
    for stack in stacks:
        _bootstrapped(account, stack)
        _publish(account, stack.assets)
        if _apply(account, stack):
            changed.append(stack.name)
    return changed


def destroy(account: EmbeddedAccount, stacks: Sequence[str]) -> None:
    """Delete stacks, the last first. Raises `DeploymentFailed` for one that cannot be deleted."""
    client = account.client("cloudformation")
    for name in reversed(stacks):
        _delete(account, client, name)


def _delete(account: EmbeddedAccount, client: Any, name: str) -> None:
    found = _found(client, name)
    if found is None:
        return
    try:
        client.delete_stack(StackName=name)
    except ClientError as refused:
        raise DeploymentFailed(name, found["StackStatus"], (refused.response["Error"]["Message"],)) from refused
    _wait(account, client, found["StackId"], good=("DELETE_COMPLETE",))


def _bootstrapped(account: EmbeddedAccount, stack: DeployableStack) -> None:
    """Give the account the version that a synthesized template asks for, as `cdk bootstrap` does.

    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    asked = json.loads(stack.template).get("Parameters", {}).get("BootstrapVersion")
    if asked is None:
        return
    ssm = account.client("ssm")
    with contextlib.suppress(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name=asked["Default"], Value=_BOOTSTRAP, Type="String")


def _publish(account: EmbeddedAccount, assets: Sequence[AssetFile]) -> None:
    s3 = account.client("s3")
    for bucket in {asset.bucket for asset in assets}:
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
            place = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
            s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
    for asset in assets:
        s3.upload_file(str(asset.path), asset.bucket, asset.key)


def _apply(account: EmbeddedAccount, stack: DeployableStack) -> bool:
    client = account.client("cloudformation")
    tags = [{"Key": key, "Value": value} for key, value in stack.tags.items()]
    body = {"StackName": stack.name, "TemplateBody": stack.template, "Capabilities": _CAPABILITIES, "Tags": tags}
    found = _found(client, stack.name)
    if found is not None and found["StackStatus"] in _LEFT:
        _delete(account, client, stack.name)
        found = None
    if found is not None:
        try:
            id = client.update_stack(**body)["StackId"]
        except ClientError as refused:
            if "No updates are to be performed" in str(refused):
                return False
            raise
    else:
        id = client.create_stack(**body)["StackId"]
    _wait(account, client, id)
    return True


def _found(client: Any, name: str) -> Any:
    """The stack as `DescribeStacks` tells it; None where there is none."""
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as refused:
        if "does not exist" in str(refused):
            return None
        raise


def _wait(account: EmbeddedAccount, client: Any, id: str, good: Sequence[str] = _GOOD) -> None:
    seen: list[str] = []

    def ended() -> bool:
        seen.append(client.describe_stacks(StackName=id)["Stacks"][0]["StackStatus"])
        return not seen[-1].endswith("_IN_PROGRESS")

    if not account.clock.poll(ended, _LONGEST):
        raise TimeoutError(f"stack {id} is {seen[-1]} after {_LONGEST:.0f} s")
    if seen[-1] not in good:
        raise DeploymentFailed(id.split("/")[1], seen[-1], _reasons(client, id))


def _reasons(client: Any, id: str) -> list[str]:
    """What failed, the first failure first; the stack's own reason where no resource failed."""
    events = client.get_paginator("describe_stack_events").paginate(StackName=id)
    found = [event for page in events for event in page["StackEvents"] if event["ResourceStatus"].endswith("_FAILED")]
    if not found:
        return [client.describe_stacks(StackName=id)["Stacks"][0].get("StackStatusReason", "")]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(found)
    ]
