"""The subnets and security groups of a VPC that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


def chosen_network(
    scope: Construct,
    vpc: ec2.IVpc,
    subnets: ec2.SubnetSelection | None,
    security_groups: Sequence[ec2.ISecurityGroup],
) -> tuple[Sequence[str], Sequence[ec2.ISecurityGroup]]:
    """Private subnets with a way out, and a security group of our own, unless others are given."""
    groups = security_groups or (ec2.SecurityGroup(scope, "SecurityGroup", vpc=vpc),)
    return vpc.select_subnets(**_selection(subnets)).subnet_ids, groups


def _selection(subnets: ec2.SubnetSelection | None) -> dict[str, Any]:
    return {"subnet_type": ec2.SubnetType.PRIVATE_WITH_EGRESS} if subnets is None else dict(subnets._values)
