"""What S3 tells of objects that come and go: events on the bus, and notices to functions, queues and topics.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

from moto.s3.models import S3Backend

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.deliveries import Deliveries
from constructs_ml.rehearsal.events.targets import Sent

_SERVICE = "s3.amazonaws.com"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_DELETED, _MARKED = "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"


class Arrivals:
    """Takes the place of moto's sender, whose events lack names and whose deletions are not told."""

    def __init__(self, account: EmbeddedAccount, deliveries: Deliveries) -> None:
        self._account, self._deliveries = account, deliveries
        self._sequence = count(1)
        why = "moto's events name no API as their reason and have one sequencer for all; its errors are swallowed"
        account.hook("moto.s3.notifications", "send_event", self._created, why)
        why = "moto tells of no delete marker, and of a version only when it was the last"
        account.hook("moto.s3.models:S3Backend", "delete_object", self._deleting(S3Backend.delete_object), why)

    def _created(self, _account: str, event_name: Any, bucket: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        # The parts of an upload are put together by a call of moto's own, which is nobody's PutObject.
        assembled = name == "s3:ObjectCreated:Put" and key.multipart is not None
        if name in _REASONS and not assembled:
            found = {"key": key.name, "size": key.size, "etag": key.etag.replace('"', "")}
            if bucket.is_versioned:
                found["version-id"] = key.version_id
            self._tell(name, bucket, found)

    def _deleting(self, delete: Any) -> Any:
        arrivals = self

        def delete_object(backend: Any, bucket_name: str, key_name: str, *rest: Any, **more: Any) -> Any:
            bucket = backend.get_bucket(bucket_name)
            version = rest[0] if rest else more.get("version_id")
            before = bucket.keys.get(key_name)
            deleted, meta = delete(backend, bucket_name, key_name, *rest, **more)
            if deleted and (before is not None or bucket.is_versioned):
                found = {"key": key_name}
                if meta.get("version-id") and bucket.is_versioned:
                    found["version-id"] = meta["version-id"]
                if getattr(before, "etag", None):
                    found["etag"] = before.etag.replace('"', "")
                marked = bucket.is_versioned and version is None
                arrivals._tell(_MARKED if marked else _DELETED, bucket, found)
            return deleted, meta

        return delete_object

    def _tell(self, name: str, bucket: Any, found: Mapping[str, Any]) -> None:
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        # 16 digits that grow: two of one key tell which came later.
        stamp = int(self._account.clock.now().timestamp())
        found = {**found, "sequencer": f"{stamp:08X}{next(self._sequence):08X}"}
        for kind in (configuration.cloud_function, configuration.queue, configuration.topic):
            for wanted in kind:
                if wanted.matches(name, found["key"]):
                    self._notify(name, bucket, found, wanted)
        if configuration.event_bridge is not None:
            self._emit(name, bucket, found)

    def _emit(self, name: str, bucket: Any, found: Mapping[str, Any]) -> None:
        detail: dict[str, Any] = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": dict(found),
            "request-id": uuid4().hex[:16].upper(),
            "requester": self._account.id,
            "source-ip-address": "127.0.0.1",
            "reason": _REASONS.get(name, "DeleteObject"),
        }
        if name in _REASONS:
            self._account.emit("aws.s3", "Object Created", detail, [bucket.arn])
            return
        detail["deletion-type"] = "Permanently Deleted" if name == _DELETED else "Delete Marker Created"
        self._account.emit("aws.s3", "Object Deleted", detail, [bucket.arn])

    def _notify(self, name: str, bucket: Any, found: Mapping[str, Any], wanted: Any) -> None:
        names = {"size": "size", "etag": "eTag", "version-id": "versionId", "sequencer": "sequencer"}
        told = {"key": quote_plus(found["key"], safe="/")} | {
            new: found[old] for old, new in names.items() if old in found
        }
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": bucket.region_name,
            "eventTime": self._account.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "eventName": name.removeprefix("s3:"),
            "userIdentity": {"principalId": f"AWS:{self._account.id}"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": uuid4().hex[:16].upper(), "x-amz-id-2": uuid4().hex},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": wanted.id,
                "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": self._account.id}, "arn": bucket.arn},
                "object": told,
            },
        }
        text = json.dumps({"Records": [record]})
        self._deliveries.add("event", name, Sent({"Arn": wanted.arn}, text, _SERVICE, bucket.name, bucket.arn))
