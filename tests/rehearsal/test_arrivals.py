"""What S3 tells of objects that come and go.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.events_world import World


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    made = World(account)
    with account.running():
        made.open()
        yield made


def bucket(world: World, configuration: Any, *, versioned: bool = False) -> Any:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    if versioned:
        s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket="data", NotificationConfiguration=configuration)
    world.rule(world.queue, {"source": ["aws.s3"]})
    return s3


def test_an_object_that_arrives_is_told_as_s3_tells_it(world: World) -> None:
    s3 = bucket(world, {"EventBridgeConfiguration": {}}, versioned=True)
    version = s3.put_object(Bucket="data", Key="raw/a b.csv", Body=b"hello")["VersionId"]
    (event,) = world.received()
    detail = event["detail"]
    assert (event["detail-type"], event["resources"]) == ("Object Created", ["arn:aws:s3:::data"])
    assert (detail["version"], detail["bucket"], detail["reason"]) == ("0", {"name": "data"}, "PutObject")
    assert set(detail) == {"version", "bucket", "object", "request-id", "requester", "source-ip-address", "reason"}
    etag, sequencer = "5d41402abc4b2a76b9719d911017c592", detail["object"].pop("sequencer")
    assert len(sequencer) == 16
    assert detail["object"] == {"key": "raw/a b.csv", "size": 5, "etag": etag, "version-id": version}


def test_copies_and_multipart_uploads_arrive_too_and_deletions_are_told(world: World) -> None:
    s3 = bucket(world, {"EventBridgeConfiguration": {}}, versioned=True)
    s3.put_object(Bucket="data", Key="a", Body=b"a")
    s3.copy_object(Bucket="data", Key="b", CopySource={"Bucket": "data", "Key": "a"})
    upload = s3.create_multipart_upload(Bucket="data", Key="c")["UploadId"]
    part = s3.upload_part(Bucket="data", Key="c", UploadId=upload, PartNumber=1, Body=b"c")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="data", Key="c", UploadId=upload, MultipartUpload=parts)
    s3.delete_object(Bucket="data", Key="a")
    version = s3.head_object(Bucket="data", Key="b")["VersionId"]
    s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "b", "VersionId": version}]})
    found = [event["detail"] for event in world.received()]
    assert [(detail["reason"], detail["object"]["key"]) for detail in found] == [
        ("PutObject", "a"),
        ("CopyObject", "b"),
        ("CompleteMultipartUpload", "c"),
        ("DeleteObject", "a"),
        ("DeleteObject", "b"),
    ]
    assert [detail.get("deletion-type") for detail in found[3:]] == ["Delete Marker Created", "Permanently Deleted"]
    sequence = [detail["object"]["sequencer"] for detail in found]
    assert sequence == sorted(set(sequence))


def test_a_bucket_without_eventbridge_tells_nothing(world: World) -> None:
    bucket(world, {}).put_object(Bucket="data", Key="a", Body=b"a")
    assert world.received() == []


def test_a_bucket_notifies_a_queue_of_what_its_filter_takes(world: World) -> None:
    world.let("s3.amazonaws.com")
    rules = [{"Name": "prefix", "Value": "raw/"}]
    wanted = {"QueueArn": world.queue, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    s3 = bucket(world, {"QueueConfigurations": [wanted]})
    world.received()
    s3.put_object(Bucket="data", Key="raw/a b", Body=b"a")
    s3.put_object(Bucket="data", Key="other", Body=b"a")
    (notice,) = world.received()
    record = notice["Records"][0]
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectCreated:Put", "raw/a+b")


def test_a_bucket_notifies_a_function_that_lets_it_in(world: World) -> None:
    arn, calls = world.function()
    world.let_in("s3.amazonaws.com", "arn:aws:s3:::data")
    wanted = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    s3 = bucket(world, {"LambdaFunctionConfigurations": [wanted]})
    s3.put_object(Bucket="data", Key="a", Body=b"a")
    s3.delete_object(Bucket="data", Key="a")
    assert world.events.settle()
    (call,) = calls
    record = json.loads(call.parameters["Payload"])["Records"][0]
    assert (record["eventName"], record["s3"]["bucket"]["name"]) == ("ObjectRemoved:Delete", "data")
