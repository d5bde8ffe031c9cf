"""Where a model finds what it does not own: buckets, key, topic, network, roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from constructs_ml.compiler.template import Json, sub
from constructs_ml.contract import names
from constructs_ml.spec.account import Account, RoleKind

_ACCOUNT, _REGION = "${AWS::AccountId}", "${AWS::Region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """CloudFormation values, or slots for them. `key_arn` None means that nothing is encrypted with an own key;
    `data_key_arn` is the key of a data bucket that has another one, `runs_key_arn` that of the table of runs.

    `roles` are roles that the user gives for a kind of job; the compiler makes the others.
    """

    data_bucket: Json
    artifact_bucket: Json
    topic_arn: Json
    key_arn: Json | None
    runs_table: Json
    data_key_arn: Json | None = None
    runs_key_arn: Json | None = None
    subnets: Json | None = None
    security_groups: Json | None = None
    roles: Mapping[RoleKind, Json] = field(default_factory=dict)


def of_platform(account: Account) -> Infrastructure:
    """What the platform of the account's stage has, found by contract names."""
    stage = account.stage
    return Infrastructure(
        data_bucket=sub(names.data_bucket(stage, _ACCOUNT, _REGION)),
        artifact_bucket=sub(names.artifact_bucket(stage, _ACCOUNT, _REGION)),
        topic_arn=arn("sns", names.topic(stage)),
        key_arn=platform_key(account),
        runs_table=names.runs_table(stage),
        runs_key_arn=platform_key(account),
        subnets=list(account.network.subnets) if account.network else None,
        security_groups=list(account.network.security_groups) if account.network else None,
    )


def platform_key(account: Account) -> str:
    """The ARN of the stage's key: the account's own, or that of the platform, by a dynamic reference."""
    return account.key_arn or f"{{{{resolve:ssm:{names.key_parameter(account.stage)}}}}}"


def arn(service: str, resource: str, **values: Json) -> Json:
    """The ARN of something in this account and region."""
    return sub(f"arn:${{AWS::Partition}}:{service}:{_REGION}:{_ACCOUNT}:{resource}", **values)


def bucket_arn(bucket: Json, key: str = "") -> Json:
    """The ARN of a bucket, or of the objects below `key` in it."""
    tail = f"/{key}" if key else ""
    if isinstance(bucket, str):
        return sub(f"arn:${{AWS::Partition}}:s3:::{bucket}{tail}")
    if isinstance(bucket, Mapping) and isinstance(bucket.get("Fn::Sub"), str):
        return sub(f"arn:${{AWS::Partition}}:s3:::{bucket['Fn::Sub']}{tail}")
    return sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}{tail}", Bucket=bucket)
