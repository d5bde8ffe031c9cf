"""What a call of S3 asks IAM for: its actions, the bucket or the objects, and the keys of its conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here
from constructs_ml.rehearsal.iam.context import Asked, Values
from constructs_ml.rehearsal.iam.s3_table import BUCKETS, KEYS, OBJECTS, OF_VERSIONS

_FAMILIES = frozenset({"s3:requestobjecttag", "s3:requestobjecttagkeys"})


def s3_asked(call: Call, here: Here) -> Iterator[Asked]:
    """Every action of an operation of S3."""
    given, operation = call.parameters, call.operation
    bucket, key = given.get("Bucket"), given.get("Key")
    context = _context(call)
    if not bucket:
        yield Asked("s3:ListAllMyBuckets" if operation == "ListBuckets" else f"s3:{operation}", ("*",), context)
    elif operation == "DeleteObjects":
        for item in given.get("Delete", {}).get("Objects", ()):
            action = "s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject"
            yield Asked(action, (here.arn("s3", f"{bucket}/{item['Key']}"),), context)
    elif key is None:
        yield Asked(BUCKETS.get(operation, f"s3:{operation}"), (here.arn("s3", _name(bucket)),), context)
    else:
        arn = here.arn("s3", f"{_name(bucket)}/{key}")
        for action in OBJECTS.get(operation, (f"s3:{operation}",)):
            yield Asked(
                OF_VERSIONS.get(action, action) if given.get("VersionId") else action, (arn,), context, _FAMILIES
            )
        yield from _beside(call, arn, here, context)


def _beside(call: Call, arn: str, here: Here, context: Values) -> Iterator[Asked]:
    """What an operation on an object needs beside its own action: tags, an ACL, the object that it copies."""
    given = call.parameters
    if given.get("Tagging") and call.operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        yield Asked("s3:PutObjectTagging", (arn,), context, frozenset())
    if given.get("ACL") and call.operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        yield Asked("s3:PutObjectAcl", (arn,), context)
    source = copied(given.get("CopySource"))
    if source is not None:
        bucket, key, version = source
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        yield Asked(action, (here.arn("s3", f"{bucket}/{key}"),), context)


def copied(source: Any) -> tuple[str, str, str] | None:
    """Bucket, key and version of what is copied, from the member CopySource."""
    if not source:
        return None
    if isinstance(source, dict):
        return source["Bucket"], source["Key"], source.get("VersionId", "")
    path, _, query = str(source).partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key, next(iter(parse_qs(query).get("versionId", ())), "")


def _context(call: Call) -> Values:
    found = {key: call.parameters.get(name) for key, name in KEYS.items()}
    if call.operation == "CopyObject" and isinstance(found["s3:x-amz-copy-source"], str):
        found["s3:x-amz-copy-source"] = found["s3:x-amz-copy-source"].lstrip("/")
    return {key: () if value is None else (str(value),) for key, value in found.items()}


def _name(bucket: str) -> str:
    return bucket.rpartition(":")[2] if bucket.startswith("arn:") else bucket
