"""The platform's buckets: encrypted, versioned, private, over TLS only."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.template import Json, Template, att, ref, sub, tag_list
from constructs_ml.contract import names
from constructs_ml.spec.account import Account

_PRIVATE = {
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
}
_ABORT = {"Id": "Abort", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def add_bucket(
    template: Template,
    part: str,
    name: Json,
    account: Account,
    tags: Mapping[str, str],
    *,
    key_arn: Json,
    logs: str,
    events: bool,
    retain: bool,
) -> str:
    """A bucket for data: `events` tells EventBridge of arrivals, `logs` is the bucket of its access logs."""
    old = {
        "Id": "OldVersions",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": account.noncurrent_data_days},
    }
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    properties: dict[str, Json] = {
        "BucketName": name,
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": encryption}
            ]
        },
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": [_ABORT, old]},
        "LoggingConfiguration": {
            "DestinationBucketName": ref(logs),
            "LogFilePrefix": f"{part.split(maxsplit=1)[0].lower()}/",
        },
        "Tags": tag_list(tags),
        **_PRIVATE,
    }
    if events:
        properties["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    bucket = template.add(part, "AWS::S3::Bucket", properties, retain=retain)
    statements = [_tls_only(bucket)]
    if account.registry_readers and not events:
        statements.append(_readers(bucket, account.registry_readers))
    _policy(template, part, bucket, statements)
    return bucket


def add_log_bucket(template: Template, account: Account, tags: Mapping[str, str], *, retain: bool) -> str:
    """The bucket of the access logs, which S3 can write only with S3's own keys."""
    expire = {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": account.log_retention_days}
    properties = {
        "BucketName": sub(names.log_bucket(account.stage, "${AWS::AccountId}", "${AWS::Region}")),
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        "LifecycleConfiguration": {"Rules": [_ABORT, expire]},
        "Tags": tag_list(tags),
        **_PRIVATE,
    }
    bucket = template.add("Log bucket", "AWS::S3::Bucket", properties, retain=retain)
    reason = "this bucket holds the access logs of the others; logging itself would never end"
    template.acknowledge(bucket, "AwsSolutions-S1", None, None, reason)
    own = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    deliver = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": _objects(bucket),
        "Condition": own,
    }
    _policy(template, "Log bucket", bucket, [_tls_only(bucket), deliver])
    return bucket


def _policy(template: Template, part: str, bucket: str, statements: list[Json]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    template.add(f"{part} policy", "AWS::S3::BucketPolicy", {"Bucket": ref(bucket), "PolicyDocument": document})


def _tls_only(bucket: str) -> Json:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [att(bucket, "Arn"), _objects(bucket)],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _readers(bucket: str, readers: tuple[str, ...]) -> Json:
    """Accounts that deploy registered versions read the artifacts those versions name."""
    principals = [sub(f"arn:${{AWS::Partition}}:iam::{reader}:root") for reader in readers]
    return {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "s3:GetObject", "Resource": _objects(bucket)}


def _objects(bucket: str) -> Json:
    return {"Fn::Join": ["", [att(bucket, "Arn"), "/*"]]}
