"""The custom resources whose functions CDK ships in Node.js, played: what each would do, by the same calls.

https://github.com/aws/aws-cdk/tree/main/packages/@aws-cdk/custom-resource-handlers
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.shapes import member_of, shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work, is_gone

Provided = Callable[[Work, str], Made]


def _auto_delete(work: Work, request: str) -> Made:
    """`autoDeleteObjects`: the bucket is emptied before it goes, if it still has the tag that says so."""
    bucket = str(work.given("BucketName"))
    if request == "Delete":
        with contextlib.suppress(ClientError):
            tags = work.call("s3", "GetBucketTagging", Bucket=bucket)["TagSet"]
            if {"Key": "aws-cdk:auto-delete-objects", "Value": "true"} in tags:
                _empty(work, bucket)
    return Made(work.physical_id or bucket)


def _empty(work: Work, bucket: str) -> None:
    pages = work.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            work.call("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _notifications(work: Work, request: str) -> Made:
    """`addEventNotification`: the bucket's notifications, beside those of others where it is not managed."""
    bucket = str(work.given("BucketName"))
    wanted = {} if request == "Delete" else dict(work.properties.get("NotificationConfiguration") or {})
    if str(work.properties.get("Managed", "true")).lower() != "true":
        raise Failed(f"the rehearsal sets the notifications of buckets of the app only, not of {bucket}")
    shape = work.client("s3").meta.service_model.operation_model("PutBucketNotificationConfiguration").input_shape
    found = shaped(shape.members["NotificationConfiguration"], wanted)
    try:
        work.call("s3", "PutBucketNotificationConfiguration", Bucket=bucket, NotificationConfiguration=found)
    except ClientError as refused:
        if request != "Delete" or not is_gone(refused):
            raise
    return Made(work.physical_id or work.made_name())


def _log_retention(work: Work, request: str) -> Made:
    """`logRetention`: the group exists and has its retention."""
    group = str(work.given("LogGroupName"))
    if request == "Delete":
        if work.properties.get("RemovalPolicy") == "destroy":
            with contextlib.suppress(ClientError):
                work.call("logs", "DeleteLogGroup", logGroupName=group)
        return Made(group)
    with contextlib.suppress(work.client("logs").exceptions.ResourceAlreadyExistsException):
        work.call("logs", "CreateLogGroup", logGroupName=group)
    if "RetentionInDays" in work.properties:
        days = int(work.properties["RetentionInDays"])
        work.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=days)
    return Made(group, {"LogGroupName": group})


def _sdk_call(work: Work, request: str) -> Made:
    """`AwsCustomResource`: one call of the SDK for each request that declares one."""
    text = work.properties.get(request)
    before = Made(work.physical_id or work.made_name(), work.attributes)
    if text is None:
        return before
    call = json.loads(text)
    id = (call.get("physicalResourceId") or {}).get("id")
    data: dict[str, Json] = {}
    try:
        answer = _sdk_answer(work, call)
        data = dict(_flat(answer))
    except ClientError as refused:
        ignored = call.get("ignoreErrorCodesMatching")
        if not ignored or not re.search(ignored, refused.response["Error"]["Code"]):
            raise
    path = (call.get("physicalResourceId") or {}).get("responsePath")
    if path:
        if path not in data:
            raise Failed(f"{call['action']} answered nothing at {path}")
        id = data[path]
    wanted = call.get("outputPaths") or ([call["outputPath"]] if call.get("outputPath") else [])
    if wanted:
        data = {key: value for key, value in data.items() if key.startswith(tuple(wanted))}
    return Made(str(id or before.physical_id), data)


def _sdk_answer(work: Work, call: Mapping[str, Any]) -> dict[str, Any]:
    """The call in botocore's words: "@aws-sdk/client-ssm" or "SSM", "getParameter" or "GetParameterCommand"."""
    service = str(call["service"]).rpartition("client-")[2].lower()
    service = {
        "sfn": "stepfunctions",
        "eventbridge": "events",
        "cloudwatch-logs": "logs",
        "cloudwatchlogs": "logs",
    }.get(service, service)
    action = str(call["action"]).removesuffix("Command")
    operation = action[0].upper() + action[1:]
    model = work.client(service).meta.service_model.operation_model(operation)
    parameters = {}
    for key, value in (call.get("parameters") or {}).items():
        meant = work.physical_id if value == "PHYSICAL:RESOURCEID:" else value
        member = member_of(model.input_shape, key)
        if not member:
            raise Failed(f"{service}:{operation} knows no parameter {key}")
        parameters[member] = shaped(model.input_shape.members[member], meant, key)
    answer: dict[str, Any] = getattr(work.client(service), xform_name(operation))(**parameters)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Each leaf by its dotted path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}.{index}")
    else:
        yield path, value if isinstance(value, str | int | float | bool) else str(value)


PROVIDED: Mapping[str, Provided] = {
    "Custom::S3AutoDeleteObjects": _auto_delete,
    "Custom::S3BucketNotifications": _notifications,
    "Custom::LogRetention": _log_retention,
    "Custom::AWS": _sdk_call,
}
