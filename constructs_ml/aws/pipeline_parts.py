"""What the pipelines of both engines have alike in the tree: what is handed in, and the roles of their jobs."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_ml.aws.brought import BroughtIn
from constructs_ml.aws.networks import chosen_network
from constructs_ml.aws.slots import Slots
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.compiler.job_roles import JOB_ROLE
from constructs_ml.spec.account import Account, RoleKind


def slots_of(
    scope: Construct,
    account: Account,
    *,
    data_bucket: s3.IBucket | None,
    artifact_bucket: s3.IBucket | None,
    key: kms.IKey | None,
    topic: sns.ITopic | None,
    vpc: ec2.IVpc | None,
    subnets: ec2.SubnetSelection | None,
    security_groups: tuple[ec2.ISecurityGroup, ...],
    role: iam.IRole | None,
) -> Slots:
    """The platform of the account, with what is handed in laid over it."""
    slots = Slots(of_platform(account))
    slots.buckets(data_bucket, artifact_bucket, key)
    slots.topic(topic)
    if vpc is not None:
        slots.network(*chosen_network(scope, vpc, subnets, security_groups))
    if role is not None:
        slots.role(role)
    return slots


class JobRoles(BroughtIn):
    """The roles of a pipeline's jobs as handles: the one that was given, or those made here."""

    @cached_property
    def training_role(self) -> iam.IRole:
        """The role of training and tuning jobs."""
        return self._job_role("training")

    @cached_property
    def processing_role(self) -> iam.IRole:
        """The role of processing jobs."""
        return self._job_role("processing")

    @cached_property
    def transform_role(self) -> iam.IRole:
        """The role of the models of batch transform jobs."""
        return self._job_role("transform")

    def _job_role(self, kind: RoleKind) -> iam.IRole:
        return self._given_role or self._role(f"{kind.capitalize()}Role", JOB_ROLE[kind])

    def _role(self, id: str, part: str) -> iam.IRole:
        """By name: a role imported by an ARN token is immutable in a stack with a concrete account."""
        return iam.Role.from_role_name(cast("Construct", self), id, self.crossing.ref(part))
