"""What a role may allow although no state makes the call: someone else does, for the state machine."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.compiler.proofs.run_calls import CONTAINERS


@dataclass(frozen=True, slots=True)
class Allowance:
    """Actions that a role may allow although no state makes the call. `reason` says who does.

    `with_calls` are actions of which the states must make at least one; empty means always. `anywhere` lets the
    actions stand on `*`, `below` on everything inside something that is named; otherwise they stand on what is named
    itself. `passed_to` is the one service that a role may be passed to, by the statement's condition.
    """

    name: str
    actions: tuple[str, ...]
    reason: str
    with_calls: tuple[str, ...] = ()
    anywhere: bool = False
    below: bool = False
    passed_to: str = ""


LOGGING = Allowance(
    "logging",
    (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    "the state machine delivers its own log: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    anywhere=True,
)
TRACING = Allowance(
    "tracing",
    ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    "the state machine is traced: https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html",
    anywhere=True,
)
ENCRYPTION = Allowance(
    "encryption",
    ("kms:Decrypt", "kms:GenerateDataKey"),
    "objects and topics may be encrypted, which their names do not tell",
    with_calls=("s3:GetObject", "s3:PutObject", "sns:Publish", "sqs:SendMessage", "athena:StartQueryExecution"),
)
PARTS = Allowance(
    "parts",
    ("kms:Encrypt",),
    "a distributed Map writes its results in parts: "
    "https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html",
    with_calls=("s3:ListMultipartUploadParts",),
)
TASK_ROLES = Allowance(
    "task roles",
    ("iam:PassRole",),
    "the roles of a container stand in its task definition: "
    "https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html",
    with_calls=("ecs:RunTask",),
    passed_to=CONTAINERS,
)
QUERIES = Allowance(
    "queries",
    (
        *("glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchDeleteTable", "glue:BatchGetPartition"),
        *("glue:CreateDatabase", "glue:CreatePartition", "glue:CreateTable", "glue:DeleteDatabase"),
        *("glue:DeletePartition", "glue:DeleteTable", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition"),
        *("glue:GetPartitions", "glue:GetTable", "glue:GetTables", "glue:UpdateDatabase", "glue:UpdatePartition"),
        *("glue:UpdateTable", "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"),
        *("s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:PutObject"),
    ),
    "Athena reads and writes tables with the caller's permissions, and which ones only the query tells: "
    "https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html",
    with_calls=("athena:StartQueryExecution",),
    below=True,
)
LAKE = Allowance(
    "lake",
    ("lakeformation:GetDataAccess",),
    "tables that Lake Formation governs are read through it, and IAM knows no narrower resource than `*`",
    with_calls=("athena:StartQueryExecution",),
    anywhere=True,
)
ALLOWANCES = (LOGGING, TRACING, ENCRYPTION, PARTS, TASK_ROLES, QUERIES, LAKE)
