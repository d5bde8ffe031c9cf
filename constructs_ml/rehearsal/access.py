"""What SageMaker does with a role before a container runs: pull the image, join the network.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html lists the permissions of each call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.images import ECR
from constructs_ml.rehearsal.principals import Principal

_LAYERS = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_DESCRIBED = (
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeNetworkInterfaces",
)
_CHANGED = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)


def assume(account: EmbeddedAccount, role: str, name: str) -> Principal:
    """The job's role. Raises `ServiceError` as SageMaker does where it cannot be assumed."""
    try:
        return account.assume(role, "sagemaker.amazonaws.com", session=name)
    except ServiceError as refused:
        text = f"Could not assume role {role}. Please ensure that the role exists and allows principal"
        raise invalid(f"{text} 'sagemaker.amazonaws.com'. {refused.message}") from refused


def check_access(
    account: EmbeddedAccount,
    principal: Principal,
    image: str,
    network: Mapping[str, Any] | None,
    volume_key: str | None = None,
) -> None:
    """Refuse what the role may not: with a `ServiceError` in the authority's words."""
    if volume_key:
        key = volume_key if volume_key.startswith("arn:") else account.arn("kms", f"key/{volume_key}")
        account.authorize(principal, "kms:CreateGrant", key, **{"kms:GrantIsForAWSResource": "true"})
    check_pull(account, principal, image)
    if network:
        for action in _DESCRIBED:
            account.authorize(principal, action, "*")
        for action in _CHANGED:
            account.authorize(principal, action, account.arn("ec2", "network-interface/*"))


def check_pull(account: EmbeddedAccount, principal: Principal, image: str) -> None:
    """Refuse a role that may not fetch an image from its repository in ECR."""
    found = ECR.fullmatch(image)
    if found:
        place = f"arn:{account.partition}:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"
        account.authorize(principal, "ecr:GetAuthorizationToken", "*")
        for action in _LAYERS:
            account.authorize(principal, action, place)
