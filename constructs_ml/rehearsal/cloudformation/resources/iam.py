"""Roles and policies of IAM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from constructs_ml.rehearsal.cloudformation.resources.parts import Coded
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.work import Made, Work

_HOLDERS = (("Roles", "Role"), ("Users", "User"), ("Groups", "Group"))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _policies_of_role(work: Work) -> None:
    """Inline policies, managed policies, trust and boundary, as the properties have them."""
    name = work.physical_id
    inline = {policy["PolicyName"]: _text(policy["PolicyDocument"]) for policy in work.properties.get("Policies", [])}
    for gone in {policy["PolicyName"] for policy in work.before.get("Policies", [])} - set(inline):
        work.call("iam", "DeleteRolePolicy", RoleName=name, PolicyName=gone)
    for policy, document in inline.items():
        work.call("iam", "PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=document)
    now, before = (given.get("ManagedPolicyArns", []) for given in (work.properties, work.before))
    for arn in before:
        if arn not in now:
            work.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)
    for arn in now:
        work.call("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)
    if work.before and work.changed("AssumeRolePolicyDocument"):
        document = _text(work.given("AssumeRolePolicyDocument"))
        work.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document)
    if work.before and work.changed("PermissionsBoundary"):
        boundary = work.properties.get("PermissionsBoundary")
        if boundary:
            work.call("iam", "PutRolePermissionsBoundary", RoleName=name, PermissionsBoundary=boundary)
        else:
            work.call("iam", "DeleteRolePermissionsBoundary", RoleName=name)


def _empty_role(work: Work) -> None:
    """A role with policies cannot be deleted; whatever was put on it since is in CloudFormation's way."""
    name = work.physical_id
    for policy in work.properties.get("Policies", []):
        work.call("iam", "DeleteRolePolicy", RoleName=name, PolicyName=policy["PolicyName"])
    for arn in work.properties.get("ManagedPolicyArns", []):
        work.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)


ROLE = Row(
    service="iam",
    create="CreateRole",
    update="UpdateRole",
    delete="DeleteRole",
    name="RoleName",
    keys={"RoleName": "{id}"},
    attributes={"Arn": "{Role[Arn]}", "RoleId": "{Role[RoleId]}"},
    apart=("Policies", "ManagedPolicyArns"),
    then=(_policies_of_role,),
    first=(_empty_role,),
    tagged_by="id",
    settles=("AssumeRolePolicyDocument", "PermissionsBoundary"),
)


def _attach(work: Work) -> None:
    """A managed policy on those that hold it, and its newest version on top."""
    arn = work.physical_id
    for property, holder in _HOLDERS:
        now, before = (given.get(property, []) for given in (work.properties, work.before))
        for name in before:
            if name not in now:
                work.call("iam", f"Detach{holder}Policy", PolicyArn=arn, **{f"{holder}Name": name})
        for name in now:
            work.call("iam", f"Attach{holder}Policy", PolicyArn=arn, **{f"{holder}Name": name})
    if work.before and work.changed("PolicyDocument"):
        _forget_versions(work)
        document = _text(work.given("PolicyDocument"))
        work.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


def _forget_versions(work: Work) -> None:
    for version in work.call("iam", "ListPolicyVersions", PolicyArn=work.physical_id)["Versions"]:
        if not version["IsDefaultVersion"]:
            work.call("iam", "DeletePolicyVersion", PolicyArn=work.physical_id, VersionId=version["VersionId"])


def _detached(work: Work) -> None:
    for property, holder in _HOLDERS:
        for name in work.properties.get(property, []):
            work.call("iam", f"Detach{holder}Policy", PolicyArn=work.physical_id, **{f"{holder}Name": name})
    _forget_versions(work)


MANAGED_POLICY = Row(
    service="iam",
    create="CreatePolicy",
    delete="DeletePolicy",
    name="ManagedPolicyName",
    longest=128,
    id="{Policy[Arn]}",
    keys={"PolicyArn": "{id}"},
    attributes={"PolicyArn": "{Policy[Arn]}", "PolicyId": "{Policy[PolicyId]}"},
    renames={"ManagedPolicyName": "PolicyName"},
    apart=tuple(property for property, _ in _HOLDERS),
    settles=("PolicyDocument",),
    tagged=False,
    then=(_attach,),
    first=(_detached,),
)


def _held(properties: Any) -> Iterator[tuple[str, str]]:
    for property, holder in _HOLDERS:
        for name in properties.get(property, []):
            yield holder, name


def _put_inline(work: Work) -> None:
    name, document = work.given("PolicyName"), _text(work.given("PolicyDocument"))
    now, before = set(_held(work.properties)), set(_held(work.before))
    for holder, held in before:
        if (holder, held) not in now or work.changed("PolicyName"):
            old = work.before["PolicyName"]
            work.call("iam", f"Delete{holder}Policy", PolicyName=old, **{f"{holder}Name": held})
    for holder, held in now:
        work.call("iam", f"Put{holder}Policy", PolicyName=name, PolicyDocument=document, **{f"{holder}Name": held})


def _remove_inline(work: Work) -> None:
    for holder, held in _held(work.properties):
        work.call("iam", f"Delete{holder}Policy", PolicyName=work.properties["PolicyName"], **{f"{holder}Name": held})


POLICY = Coded(
    made=lambda work: Made(work.given("PolicyName"), {"Id": work.given("PolicyName")}),
    settle=_put_inline,
    removed=_remove_inline,
    attributes=("Id",),
    known=("PolicyName", "PolicyDocument", "Roles", "Users", "Groups"),
)


def _put_role_policy(work: Work) -> None:
    document = _text(work.properties.get("PolicyDocument", {}))
    role, name = work.given("RoleName"), work.given("PolicyName")
    work.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=document)


def _remove_role_policy(work: Work) -> None:
    role, name = work.given("RoleName"), work.given("PolicyName")
    work.call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)


ROLE_POLICY = Coded(
    made=lambda work: Made(f"{work.given('PolicyName')}|{work.given('RoleName')}"),
    settle=_put_role_policy,
    removed=_remove_role_policy,
    replace=("PolicyName", "RoleName"),
    known=("PolicyName", "RoleName", "PolicyDocument"),
)
