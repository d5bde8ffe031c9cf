"""Statements that the roles of jobs, endpoints and monitors share."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json

OBJECTS = "the objects below a declared prefix have no names before they exist"
_CODE = "code is named by its content: naming the objects would change the role with every commit"
_STREAMS = "SageMaker names the log streams after what runs"


def read(bucket: Json, prefixes: Sequence[str]) -> list[Statement]:
    """Read the objects below prefixes of a bucket, and list them."""
    objects = tuple(bucket_arn(bucket, f"{prefix}*") for prefix in prefixes)
    listing = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
    return [
        Statement(("s3:GetObject",), objects, because=OBJECTS),
        Statement(("s3:ListBucket",), (bucket_arn(bucket),), listing),
    ]


def read_code(bucket: Json) -> list[Statement]:
    """Read the code that travels as assets."""
    return [
        Statement(("s3:GetObject",), (bucket_arn(bucket, "*"),), because=_CODE),
        Statement(("s3:ListBucket",), (bucket_arn(bucket),)),
    ]


def write(bucket: Json, prefix: str) -> Statement:
    """Write objects below a prefix."""
    actions = ("s3:PutObject", "s3:AbortMultipartUpload")
    return Statement(actions, (bucket_arn(bucket, f"{prefix}*"),), because=OBJECTS)


def logs(group: str) -> list[Statement]:
    """Write to one of SageMaker's log groups."""
    streams = arn("logs", f"log-group:{group}:log-stream:*")
    return [
        Statement(("logs:CreateLogGroup", "logs:DescribeLogStreams"), (arn("logs", f"log-group:{group}"),)),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (streams,), because=_STREAMS),
    ]


def publish(*namespaces: str) -> Statement:
    """Publish metrics in namespaces."""
    return Statement(
        ("cloudwatch:PutMetricData",),
        ("*",),
        {"StringEquals": {"cloudwatch:namespace": list(namespaces)}},
        because="PutMetricData has no resources; the namespace bounds it",
    )


def pull(registries: Sequence[Json]) -> list[Statement]:
    """Pull images from registries."""
    layers = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    return [
        Statement(layers, tuple(registries)),
        Statement(("ecr:GetAuthorizationToken",), ("*",), because="GetAuthorizationToken has no resources"),
    ]


def use_key(key_arn: Json) -> list[Statement]:
    """Encrypt and decrypt with a key, volumes included."""
    return [
        Statement(("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"), (key_arn,)),
        Statement(("kms:CreateGrant",), (key_arn,), {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]


def network() -> list[Statement]:
    """Run inside subnets."""
    described = (
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    )
    changed = (
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    )
    places = tuple(arn("ec2", f"{kind}/*") for kind in ("network-interface", "subnet", "security-group"))
    return [
        Statement(described, ("*",), because="EC2's describe calls have no resources"),
        Statement(changed, places, because="network interfaces are made for each job"),
    ]
