"""What a call needs beside its own actions because of how things are kept: keys, and lists that tell what is missing.

Keys: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html and
https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.backends import get_backend

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here
from constructs_ml.rehearsal.iam.context import Asked
from constructs_ml.rehearsal.iam.deployed import Deployed
from constructs_ml.rehearsal.iam.s3_requests import copied

_MAKE, _OPEN = "kms:GenerateDataKey", "kms:Decrypt"
_KMS = ("aws:kms", "aws:kms:dsse")


def implied(call: Call, here: Here, deployed: Deployed) -> Iterator[Asked]:
    """The requests that a call is beside those that its parameters tell."""
    reader = _READERS.get(call.service)
    if reader is not None:
        for action, key, about in reader(call, here):
            arn = deployed.key(key, here.region)
            if arn:
                yield _of_key(action, arn, call.service, about, here)
    if call.service == "s3" and _is_absent(call, here):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: without this permission, a missing
        # object is answered with 403 instead of 404.
        yield Asked("s3:ListBucket", (here.arn("s3", call.parameters["Bucket"]),), {"s3:prefix": ()})


def _of_key(action: str, arn: str, service: str, about: Mapping[str, str], here: Here) -> Asked:
    """A request of a key, as its service makes it for the caller."""
    suffix = "amazonaws.com.cn" if here.partition == "aws-cn" else "amazonaws.com"
    context = {
        "kms:viaservice": (f"{service}.{here.region}.{suffix}",),
        "kms:calleraccount": (here.account,),
        "kms:encryptioncontextkeys": tuple(about),
        "aws:viaawsservice": ("true",),
        "aws:calledvia": (f"{service}.amazonaws.com",),
        **{f"kms:encryptioncontext:{key}": (value,) for key, value in about.items()},
    }
    return Asked(action, (arn,), context)


_Need = tuple[str, str, Mapping[str, str]]


def _s3(call: Call, here: Here) -> Iterator[_Need]:
    given, operation = call.parameters, call.operation
    bucket = _bucket(str(given.get("Bucket") or ""), here)
    if bucket is None or not given.get("Key"):
        return
    name, key = given["Bucket"], given["Key"]
    if operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        found = _given_key(given) or (_default_key(bucket) if not given.get("ServerSideEncryption") else "")
        if found:
            yield _MAKE, found, _about(bucket, name, key, here)
    elif operation in ("UploadPart", "CompleteMultipartUpload", "UploadPartCopy"):
        upload = bucket.multiparts.get(given.get("UploadId"))
        found = (upload.kms_key_id if upload is not None and upload.sse_encryption in _KMS else "") or ""
        found = found or (_default_key(bucket) if upload is not None and not upload.sse_encryption else "")
        if found:
            yield _OPEN, found, _about(bucket, name, key, here)
    elif operation == "GetObject":
        yield from _opened(name, key, given.get("VersionId") or "", here)
    source = copied(given.get("CopySource"))
    if source is not None:
        yield from _opened(*source, here)


def _opened(bucket: str, key: str, version: str, here: Here) -> Iterator[_Need]:
    kept = _object(bucket, key, version, here)
    if kept is not None and kept.encryption in _KMS and kept.kms_key_id:
        yield _OPEN, kept.kms_key_id, _about(_bucket(bucket, here), bucket, key, here)


def _given_key(given: Mapping[str, Any]) -> str:
    return str(given.get("SSEKMSKeyId") or "") if given.get("ServerSideEncryption") in _KMS else ""


def _default_key(bucket: Any) -> str:
    """The key of a bucket's default encryption."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    found = (rule[0] if isinstance(rule, list) else rule).get("ApplyServerSideEncryptionByDefault", {})
    return str(found.get("KMSMasterKeyID") or "") if found.get("SSEAlgorithm") in _KMS else ""


def _about(bucket: Any, name: str, key: str, here: Here) -> Mapping[str, str]:
    """The encryption context: the object, or its bucket where the bucket has a key of its own."""
    rule = (bucket.encryption or {}).get("Rule") or {} if bucket is not None else {}
    enabled = str((rule[0] if isinstance(rule, list) else rule).get("BucketKeyEnabled", "")).lower() == "true"
    return {"aws:s3:arn": here.arn("s3", name if enabled else f"{name}/{key}")}


def _sqs(call: Call, here: Here) -> Iterator[_Need]:
    actions = {"SendMessage": (_MAKE, _OPEN), "SendMessageBatch": (_MAKE, _OPEN), "ReceiveMessage": (_OPEN,)}
    name = str(call.parameters.get("QueueUrl") or "").rstrip("/").rpartition("/")[2]
    queue = get_backend("sqs")[here.account][here.region].queues.get(name)
    key = getattr(queue, "kms_master_key_id", None)
    for action in actions.get(call.operation, ()) if key else ():
        yield action, str(key), {"aws:sqs:arn": here.arn("sqs", name)}


def _sns(call: Call, here: Here) -> Iterator[_Need]:
    arn = str(call.parameters.get("TopicArn") or call.parameters.get("TargetArn") or "")
    topic = get_backend("sns")[here.account][here.region].topics.get(arn)
    key = getattr(topic, "kms_master_key_id", None)
    for action in (_MAKE, _OPEN) if key and call.operation in ("Publish", "PublishBatch") else ():
        yield action, str(key), {"aws:sns:topicArn": arn}


_ITEMS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")


def _dynamodb(call: Call, here: Here) -> Iterator[_Need]:
    name = str(call.parameters.get("TableName") or "").rpartition("/")[2]
    table = get_backend("dynamodb")[here.account][here.region].tables.get(name)
    key = (getattr(table, "sse_specification", None) or {}).get("KMSMasterKeyId")
    if key and call.operation in _ITEMS:
        yield _OPEN, str(key), {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": here.account}


def _ssm(call: Call, here: Here) -> Iterator[_Need]:
    given = call.parameters
    if call.operation not in ("GetParameter", "GetParameters") or not given.get("WithDecryption"):
        return
    backend = get_backend("ssm")[here.account][here.region]
    for name in given.get("Names") or [given.get("Name")]:
        kept = backend.get_parameter(str(name))
        if kept is not None and kept.parameter_type == "SecureString" and kept.keyid:
            yield _OPEN, str(kept.keyid), {"PARAMETER_ARN": here.arn("ssm", f"parameter/{str(name).lstrip('/')}")}


_READERS: Mapping[str, Callable[[Call, Here], Iterator[_Need]]] = {
    "dynamodb": _dynamodb,
    "s3": _s3,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}


def _is_absent(call: Call, here: Here) -> bool:
    given = call.parameters
    if call.operation not in ("GetObject", "HeadObject") or _bucket(str(given.get("Bucket")), here) is None:
        return False
    return _object(given["Bucket"], given.get("Key") or "", given.get("VersionId") or "", here) is None


def _bucket(name: str, here: Here) -> Any:
    return get_backend("s3")[here.account][here.partition].buckets.get(name)


def _object(bucket: str, key: str, version: str, here: Here) -> Any:
    backend = get_backend("s3")[here.account][here.partition]
    if _bucket(bucket, here) is None:
        return None
    try:
        return backend.get_object(bucket, key, version_id=version or None)
    except Exception:  # noqa: BLE001 - each of moto's exceptions says that there is none
        return None
