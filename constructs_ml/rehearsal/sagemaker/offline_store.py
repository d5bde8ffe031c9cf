"""The offline store: records as Parquet below the group's path, one file an hour of event time and writing.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
"""

from __future__ import annotations

import importlib
import io
import secrets
import string
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import split
from constructs_ml.rehearsal.sagemaker.records import Record
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_BUFFERED_SECONDS = 300  # "written into Amazon S3 within 15 minutes"
_LETTERS = string.ascii_letters + string.digits
_Row = tuple[Record, datetime]


class OfflineStore:
    """Buffers what is put, and writes it with the group's role a moment later."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self._store = account, store
        self._waiting: dict[str, list[_Row]] = {}
        self._lock = threading.Lock()
        account.at_end(self.flush)

    def put(self, group: Resource, record: Record) -> None:
        """Take a record; `ServiceError` where Parquet cannot be written."""
        _pyarrow("pyarrow")
        with self._lock:
            first = group.name not in self._waiting
            self._waiting.setdefault(group.name, []).append((record, self._account.clock.now()))
        if first:
            threading.Thread(target=self._later, args=(group,), name=f"offline {group.name}", daemon=True).start()

    def flush(self) -> None:
        """Write whatever waits."""
        for name in list(self._waiting):
            group = self._store.find("FeatureGroup", name)
            if group is not None:
                self._write(group)

    def _later(self, group: Resource) -> None:
        if self._account.clock.sleep(_BUFFERED_SECONDS):
            self._write(group)

    def _write(self, group: Resource) -> None:
        with self._lock:
            rows = self._waiting.pop(group.name, [])
        hours: dict[str, list[_Row]] = {}
        for row in rows:
            hours.setdefault(row[0].at.astimezone(UTC).strftime("year=%Y/month=%m/day=%d/hour=%H"), []).append(row)
        config = group.fields["OfflineStoreConfig"]["S3StorageConfig"]
        bucket, prefix = split(config["ResolvedOutputS3Uri"])
        try:
            s3 = self._account.client("s3", self._account.assume(group.fields["RoleArn"], "sagemaker.amazonaws.com"))
            for hour, some in hours.items():
                latest = max(record.at for record, _ in some).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
                name = f"{latest}_{''.join(secrets.choice(_LETTERS) for _ in range(16))}.parquet"
                body = parquet(group, some, self._account.clock.now())
                s3.put_object(Bucket=bucket, Key=f"{prefix}/{hour}/{name}", Body=body)
        except (ClientError, ServiceError) as error:
            self._store.change(group, OfflineStoreStatus={"Status": "Blocked", "BlockedReason": str(error)})
            text = f"offline store blocked: {error}"
            self._account.journal.write("resource", group.name, text, noun="FeatureGroup", status="Blocked")


def parquet(group: Resource, rows: list[_Row], now: datetime) -> bytes:
    """A Parquet file with a column for each feature, and the three that Feature Store adds."""
    pa, pq = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    types = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
    columns: dict[str, Any] = {}
    for definition in group.fields["FeatureDefinitions"]:
        name, kind = definition["FeatureName"], definition["FeatureType"]
        values = [_value(kind, record.features.get(name)) for record, _ in rows]
        type = pa.list_(types[kind]) if definition.get("CollectionType") else types[kind]
        columns[name] = pa.array(values, type)
    time = pa.timestamp("ms", "UTC")
    columns["api_invocation_time"] = pa.array([taken for _, taken in rows], time)
    columns["write_time"] = pa.array([now] * len(rows), time)
    columns["is_deleted"] = pa.array([record.deleted for record, _ in rows], pa.bool_())
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


def _value(kind: str, feature: Mapping[str, Json] | None) -> Json:
    if feature is None:
        return None
    if feature.get("ValueAsStringList") is not None:
        return [_typed(kind, item) for item in feature["ValueAsStringList"]]
    return _typed(kind, feature["ValueAsString"])


def _typed(kind: str, text: str) -> Json:
    return {"Integral": int, "Fractional": float}.get(kind, str)(text)


def _pyarrow(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        text = "the offline store is written as Parquet, which needs pyarrow: pip install pyarrow"
        raise ServiceError("UnsupportedOperation", text) from None
