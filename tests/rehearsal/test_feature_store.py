"""Feature Store: the newest record online, every record offline, and what does not fit is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.test_sagemaker_store import ROLE, refused

GROUP = "dev-customers"


@pytest.fixture
def features(account: EmbeddedAccount) -> Iterator[Any]:
    SageMaker(account, Store(account))
    with account.running():
        s3 = account.client("s3")
        s3.create_bucket(Bucket="features", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        account.client("sagemaker").create_feature_group(**group())
        assert account.clock.poll(lambda: described(account)["FeatureGroupStatus"] == "Created", 5)
        yield account.client("sagemaker-featurestore-runtime")


def group(**more: Any) -> dict[str, Any]:
    types = {"id": "String", "at": "String", "age": "Integral", "score": "Fractional"}
    return {
        "FeatureGroupName": GROUP,
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "at",
        "FeatureDefinitions": [{"FeatureName": name, "FeatureType": type} for name, type in types.items()],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://features/offline"}},
        "RoleArn": ROLE,
        **more,
    }


def described(account: EmbeddedAccount) -> Any:
    return account.client("sagemaker").describe_feature_group(FeatureGroupName=GROUP)


def record(at: str = "2026-01-02T03:04:05Z", **values: str) -> list[dict[str, Any]]:
    return [{"FeatureName": name, "ValueAsString": value} for name, value in {"id": "c1", "at": at, **values}.items()]


def got(features: Any, id: str = "c1") -> dict[str, str]:
    answer = features.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString=id)
    return {item["FeatureName"]: item["ValueAsString"] for item in answer.get("Record", ())}


def test_the_newest_event_wins_online(features: Any) -> None:
    features.put_record(FeatureGroupName=GROUP, Record=record(age="41"))
    features.put_record(FeatureGroupName=GROUP, Record=record("2025-01-01T00:00:00Z", age="40"))
    assert got(features) == {"id": "c1", "at": "2026-01-02T03:04:05Z", "age": "41"}
    features.put_record(FeatureGroupName=GROUP, Record=record("2026-01-02T03:04:06.5Z", age="42"))
    assert got(features)["age"] == "42"
    assert got(features, "c2") == {}
    some = features.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString="c1", FeatureNames=["age"])
    assert some["Record"] == [{"FeatureName": "age", "ValueAsString": "42"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (record(colour="red"), "has no feature 'colour'"),
        (record(age="4.5"), "is of the type Integral"),
        (record(age=str(2**63)), "is of the type Integral"),
        (record(score="high"), "is of the type Fractional"),
        (record("yesterday"), "yyyy-MM-dd"),
        (record()[:1], "EventTimeFeatureName"),
        (record()[1:], "RecordIdentifierFeatureName"),
        (record() + record()[:1], "twice"),
    ],
)
def test_what_does_not_fit_the_definitions_is_refused(features: Any, given: Any, said: str) -> None:
    code, message = refused(features.put_record, FeatureGroupName=GROUP, Record=given)
    assert code == "ValidationError"
    assert said in message
    assert got(features) == {}


def test_a_record_lives_as_long_as_its_ttl(account: EmbeddedAccount, features: Any) -> None:
    now = account.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    features.put_record(FeatureGroupName=GROUP, Record=record(now), TtlDuration={"Unit": "Hours", "Value": 1})
    answer = features.get_record(
        FeatureGroupName=GROUP, RecordIdentifierValueAsString="c1", ExpirationTimeResponse="Enabled"
    )
    assert datetime.fromisoformat(answer["ExpiresAt"]) > datetime.now(UTC) + timedelta(minutes=50)
    account.clock.advance(timedelta(hours=2))
    assert got(features) == {}


def test_a_deleted_record_is_gone_until_a_newer_one_comes(features: Any) -> None:
    features.put_record(FeatureGroupName=GROUP, Record=record(age="41"))
    gone = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": "c1"}
    features.delete_record(**gone, EventTime="2025-01-01T00:00:00Z")
    assert got(features)["age"] == "41"
    features.delete_record(**gone, EventTime="2026-02-01T00:00:00Z")
    assert got(features) == {}
    every = features.list_records(FeatureGroupName=GROUP, IncludeSoftDeletedRecords=True)
    assert every["RecordIdentifiers"] == ["c1"]
    features.put_record(FeatureGroupName=GROUP, Record=record())
    assert got(features) == {}
    features.delete_record(**gone, EventTime="2026-02-01T00:00:00Z", DeletionMode="HardDelete")
    features.put_record(FeatureGroupName=GROUP, Record=record())
    assert got(features)["id"] == "c1"


def test_many_records_are_written_and_read_at_once(features: Any) -> None:
    entries = [{"FeatureGroupName": GROUP, "Record": record(id=f"c{n}", age=str(n))} for n in range(3)]
    entries.append({"FeatureGroupName": GROUP, "Record": record(age="old")})
    wrong = features.batch_write_record(Entries=entries)
    (error,) = wrong["Errors"]
    assert error["ErrorCode"] == "ValidationError"
    ids = ["c0", "c2", "c9"]
    answer = features.batch_get_record(
        Identifiers=[
            {"FeatureGroupName": GROUP, "RecordIdentifiersValueAsString": ids},
            {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["c1"]},
        ]
    )
    assert [item["RecordIdentifierValueAsString"] for item in answer["Records"]] == ["c0", "c2"]
    assert [item["ErrorCode"] for item in answer["Errors"]] == ["ResourceNotFound"]
    code, _ = refused(features.batch_write_record, Entries=[entries[0]] * 26)
    assert code == "ValidationError"


def test_the_offline_store_is_parquet_in_the_documented_layout(account: EmbeddedAccount, features: Any) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html."""
    parquet = pytest.importorskip("pyarrow.parquet")
    features.put_record(FeatureGroupName=GROUP, Record=record(age="41", score="0.5"))
    features.delete_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString="c1", EventTime="2026-01-02T03:30:00Z")
    s3 = account.client("s3")
    assert account.clock.poll(lambda: "Contents" in s3.list_objects_v2(Bucket="features"), 10)
    (item,) = s3.list_objects_v2(Bucket="features")["Contents"]
    config = described(account)["OfflineStoreConfig"]
    made = int(described(account)["CreationTime"].timestamp())
    uri = config["S3StorageConfig"]["ResolvedOutputS3Uri"]
    assert uri == f"s3://features/offline/111111111111/sagemaker/eu-central-1/offline-store/{GROUP}-{made}/data"
    assert config["DataCatalogConfig"]["TableName"] == f"dev_customers_{made}"
    key = item["Key"].removeprefix(uri.removeprefix("s3://features/"))
    assert re.fullmatch(r"/year=2026/month=01/day=02/hour=03/20260102T033000Z_[a-zA-Z0-9]{16}\.parquet", key)
    body = s3.get_object(Bucket="features", Key=item["Key"])["Body"].read()
    rows = parquet.read_table(io.BytesIO(body)).to_pylist()
    assert [(row["age"], row["score"], row["is_deleted"]) for row in rows] == [(41, 0.5, False), (None, None, True)]
    assert {"write_time", "api_invocation_time"} < set(rows[0])
    assert described(account)["OfflineStoreStatus"] == {"Status": "Active"}


def test_a_store_that_cannot_be_written_is_blocked(account: EmbeddedAccount, features: Any) -> None:
    account.client("s3").delete_bucket(Bucket="features")
    features.put_record(FeatureGroupName=GROUP, Record=record())
    assert account.clock.poll(lambda: described(account)["OfflineStoreStatus"]["Status"] == "Blocked", 10)
    assert "NoSuchBucket" in described(account)["OfflineStoreStatus"]["BlockedReason"]


def test_features_are_added_and_never_twice(account: EmbeddedAccount, features: Any) -> None:
    sagemaker = account.client("sagemaker")
    added = {"FeatureName": "visits", "FeatureType": "Integral"}
    sagemaker.update_feature_group(FeatureGroupName=GROUP, FeatureAdditions=[added])
    features.put_record(FeatureGroupName=GROUP, Record=record(visits="3"))
    assert got(features)["visits"] == "3"
    code, message = refused(sagemaker.update_feature_group, FeatureGroupName=GROUP, FeatureAdditions=[added])
    assert (code, "twice" in message) == ("ValidationException", True)
    assert described(account)["LastUpdateStatus"] == {"Status": "Successful"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"RecordIdentifierFeatureName": "none"}, "is not one of the FeatureDefinitions"),
        ({"EventTimeFeatureName": "age"}, "it must be one of Fractional, String"),
        ({"FeatureDefinitions": [{"FeatureName": "is_deleted", "FeatureType": "String"}]}, "reserved"),
    ],
)
def test_a_group_that_cannot_be_is_refused(account: EmbeddedAccount, features: Any, wrong: Any, said: str) -> None:
    sagemaker = account.client("sagemaker")
    code, message = refused(sagemaker.create_feature_group, **{**group(FeatureGroupName="other"), **wrong})
    assert (code, said in message) == ("ValidationException", True)
    names = [item["FeatureGroupName"] for item in sagemaker.list_feature_groups()["FeatureGroupSummaries"]]
    assert names == [GROUP]


def test_a_deleted_group_takes_its_records_along(account: EmbeddedAccount, features: Any) -> None:
    account.client("sagemaker").delete_feature_group(FeatureGroupName=GROUP)
    code, _ = refused(features.get_record, FeatureGroupName=GROUP, RecordIdentifierValueAsString="c1")
    assert code == "ResourceNotFound"
