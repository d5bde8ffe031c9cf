"""What a user hands in, as the values that fill a compiled spec's slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aws_cdk import Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.job_roles import JOB_ROLE
from constructs_ml.compiler.template import Json, slot


@dataclass(slots=True)
class Slots:
    """Collects tokens by slot name while it builds the infrastructure that refers to them."""

    infrastructure: Infrastructure
    values: dict[str, Any] = field(default_factory=dict)

    def buckets(self, data: s3.IBucket | None, artifacts: s3.IBucket | None, key: kms.IKey | None) -> None:
        """Buckets with the keys they are encrypted with; `key` encrypts volumes and what jobs write."""
        found = self.infrastructure
        if data is not None:
            own = data.encryption_key
            found = replace(found, data_bucket=self._fill("DataBucket", data.bucket_name))
            found = replace(found, data_key_arn=self._fill("DataKeyArn", own.key_arn) if own else None)
        if artifacts is not None:
            key = key or artifacts.encryption_key
            found = replace(found, artifact_bucket=self._fill("ArtifactBucket", artifacts.bucket_name), key_arn=None)
        if key is not None:
            found = replace(found, key_arn=self._fill("KeyArn", key.key_arn))
        self.infrastructure = found

    def runs(self, table: dynamodb.ITable | None) -> None:
        """The table in which runs take turns, with the key it is encrypted with."""
        if table is not None:
            own = table.encryption_key
            found = replace(self.infrastructure, runs_table=self._fill("RunsTable", table.table_name))
            self.infrastructure = replace(found, runs_key_arn=self._fill("RunsKeyArn", own.key_arn) if own else None)

    def topic(self, topic: sns.ITopic | None) -> None:
        """The topic of failure notices."""
        if topic is not None:
            self.infrastructure = replace(self.infrastructure, topic_arn=self._fill("TopicArn", topic.topic_arn))

    def network(self, subnet_ids: Sequence[str], security_groups: Sequence[ec2.ISecurityGroup]) -> None:
        """The subnets and security groups of jobs."""
        self.infrastructure = replace(
            self.infrastructure,
            subnets=self._fill_list("Subnet", subnet_ids),
            security_groups=self._fill_list("SecurityGroup", [group.security_group_id for group in security_groups]),
        )

    def role(self, role: iam.IRole) -> None:
        """One role for every kind of job."""
        self.infrastructure = replace(self.infrastructure, roles=dict.fromkeys(JOB_ROLE, self.role_arn(role)))

    def role_arn(self, role: iam.IRole) -> Json:
        """The slot of a role that is handed in."""
        return self._fill("RoleArn", role.role_arn)

    def _fill(self, name: str, value: Any) -> Json:
        self.values[name] = value
        return slot(name)

    def _fill_list(self, name: str, values: Sequence[str]) -> Json:
        """Item by item, or as one slot where the length is known only at deployment."""
        if any(Token.is_unresolved([value]) and value.startswith("#{") for value in values):
            return self._fill(f"{name}s", list(values))
        return [self._fill(f"{name}{number}", value) for number, value in enumerate(values, start=1)]
