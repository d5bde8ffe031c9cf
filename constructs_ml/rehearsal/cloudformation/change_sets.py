"""Change sets: what they hold, and how DescribeChangeSet shows it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.cloudformation.model import Change, ChangeSet, Request, Stack
from constructs_ml.rehearsal.cloudformation.plan import Plan
from constructs_ml.rehearsal.embedded import EmbeddedAccount

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def made(account: EmbeddedAccount, stack: Stack, call: Call, request: Request, plan: Plan, type: str) -> ChangeSet:
    """A change set of a call; a failed one where nothing would change, or its plan cannot be made."""
    given, reason = call.parameters, ""
    changes: list[Change] = []
    try:
        changes = plan.changes()
        if type == "UPDATE" and not differs(stack, request, plan, changes):
            reason = NO_CHANGES
    except ServiceError as wrong:
        reason = wrong.message
    name = given["ChangeSetName"]
    return ChangeSet(
        name=name,
        id=account.arn("cloudformation", f"changeSet/{name}/{uuid4()}"),
        type=type,
        request=request,
        created=account.clock.now(),
        changes=changes,
        status="FAILED" if reason else "CREATE_COMPLETE",
        execution="UNAVAILABLE" if reason else "AVAILABLE",
        reason=reason,
        description=given.get("Description") or "",
        deployment=given.get("DeploymentConfig"),
    )


def differs(stack: Stack, request: Request, plan: Plan, changes: Iterable[Change]) -> bool:
    """Whether a request changes anything of a stack: resources, outputs, or tags."""
    if any(True for _ in changes) or plan.changed_outputs(stack.outputs):
        return True
    return stack.request is not None and dict(stack.request.tags) != dict(request.tags)


def found(stack: Stack, name_or_id: str) -> ChangeSet:
    """A change set of a stack by its name or id. `ServiceError` as cdk expects it."""
    for change_set in stack.change_sets.values():
        if name_or_id in (change_set.name, change_set.id):
            return change_set
    raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name_or_id}] does not exist")


def described(stack: Stack, change_set: ChangeSet) -> dict[str, Json]:
    """As DescribeChangeSet answers."""
    request = change_set.request
    return {
        **summary(stack, change_set),
        "Parameters": [parameter.shown for parameter in request.parameters.values()],
        "Capabilities": list(request.capabilities),
        "NotificationARNs": list(request.notified),
        "Tags": [{"Key": key, "Value": value} for key, value in request.tags.items()],
        "Changes": [{"Type": "Resource", "ResourceChange": _change(change)} for change in change_set.changes],
        "OnStackFailure": request.on_failure,
        **({"DeploymentConfig": change_set.deployment} if change_set.deployment else {}),
    }


def summary(stack: Stack, change_set: ChangeSet) -> dict[str, Json]:
    """As ListChangeSets answers."""
    answer = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": change_set.execution,
        "Status": change_set.status,
        "CreationTime": change_set.created,
        "IncludeNestedStacks": False,
    }
    answer |= {"StatusReason": change_set.reason} if change_set.reason else {}
    return answer | ({"Description": change_set.description} if change_set.description else {})


def _change(change: Change) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "ResourceType": change.type,
        "Scope": list(change.scope),
        "Details": [_detail(change, path) for path in change.paths] + _others(change),
    }
    if change.physical_id:
        answer["PhysicalResourceId"] = change.physical_id
    if change.action == "Modify":
        answer["Replacement"] = "True" if change.replacing else "False"
    return answer


def _detail(change: Change, path: str) -> dict[str, Json]:
    name = path.partition(".")[0]
    recreation = "Always" if path in change.replacing else "Never"
    where = {"Attribute": "Tags"} if name == "Tags" else {"Attribute": "Properties", "Name": name}
    target = {**where, "RequiresRecreation": recreation, "Path": "/Properties/" + path.replace(".", "/")}
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def _others(change: Change) -> list[Json]:
    names = [name for name in change.scope if name not in ("Properties", "Tags")]
    target = [{"Attribute": name, "RequiresRecreation": "Never"} for name in names]
    return [{"Target": one, "Evaluation": "Static", "ChangeSource": "DirectModification"} for one in target]
