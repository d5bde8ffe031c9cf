"""The run-time API of Feature Store: the newest record of each identifier online, every record offline.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Feature_Store_Runtime.html
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing, validation
from constructs_ml.rehearsal.sagemaker.offline_store import OfflineStore
from constructs_ml.rehearsal.sagemaker.records import Record, event_time, record, refused
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_SERVICE = "sagemaker-featurestore-runtime"
_STORES = {"OnlineStore": "OnlineStoreConfig", "OfflineStore": "OfflineStoreConfig"}


class FeatureStore:
    """Puts, gets and deletes records of the groups of a store."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self._store = account, store
        self._online: dict[str, dict[str, Record]] = {}
        self._offline = OfflineStore(account, store)
        self._lock = threading.RLock()
        store.on("Delete", "FeatureGroup", lambda group, _: self._forget(group))
        operations = {
            "PutRecord": self._put,
            "GetRecord": self._get,
            "DeleteRecord": self._delete,
            "UpdateRecord": self._update,
            "ListRecords": self._list,
            "BatchGetRecord": self._get_many,
            "BatchWriteRecord": self._write_many,
        }
        account.gate.serve(_SERVICE, operations)
        account.gate.before.append(self._check)

    def _check(self, call: Call) -> None:
        if call.service == _SERVICE:
            # A list that is not in the query arrives as an empty one.
            given = {key: value for key, value in call.parameters.items() if value != []}
            try:
                validation.check(replace(call, parameters=given))
            except ServiceError as error:
                raise refused(error.message) from error

    def _put(self, call: Call) -> Json:
        self._write(call.parameters, call.parameters.get("TtlDuration"))

    def _write(self, given: Mapping[str, Json], ttl: Mapping[str, Json] | None) -> None:
        group = self._group(given["FeatureGroupName"])
        self._keep(group, record(group, given["Record"], ttl), given.get("TargetStores"))

    def _keep(self, group: Resource, new: Record, wanted: Json) -> None:
        """Online "if a new record's EventTime is greater"; offline always."""
        stores = _targets(group, wanted)
        if "OfflineStore" in stores:
            self._offline.put(group, new)
        if "OnlineStore" in stores:
            with self._lock:
                records = self._online.setdefault(group.name, {})
                known = records.get(new.id)
                if known is None or new.at > known.at:
                    records[new.id] = new

    def _delete(self, call: Call) -> Json:
        given = call.parameters
        group = self._group(given["FeatureGroupName"])
        id, text = given["RecordIdentifierValueAsString"], given["EventTime"]
        names = (group.fields["RecordIdentifierFeatureName"], group.fields["EventTimeFeatureName"])
        features = {
            name: {"FeatureName": name, "ValueAsString": value} for name, value in zip(names, (id, text), strict=True)
        }
        marker = Record(id, event_time(group, text), features, deleted=True)
        stores = _targets(group, given.get("TargetStores"))
        if given.get("DeletionMode") == "HardDelete" and "OnlineStore" in stores:
            with self._lock:
                known = self._online.get(group.name, {}).get(id)
                if known is not None and marker.at >= known.at:
                    del self._online[group.name][id]
            stores = tuple(item for item in stores if item != "OnlineStore")
        if stores:
            self._keep(group, marker, stores)

    def _update(self, call: Call) -> Json:
        given = call.parameters
        group = self._group(given["FeatureGroupName"], online=True)
        if (group.fields["OnlineStoreConfig"].get("StorageType") or "Standard") == "Standard":
            raise refused("UpdateRecord needs an online store of the type Standard_V2 or InMemory.")
        known = self._found(group, given["RecordIdentifierValueAsString"])
        if known is None:
            text = f"Record {given['RecordIdentifierValueAsString']} is not in the FeatureGroup {group.name}."
            raise ServiceError("ResourceNotFound", text)
        merged = {**known.features, **{item["FeatureName"]: item for item in given["Features"]}}
        new = record(group, list(merged.values()), given.get("TtlDuration"))
        if new.at < known.at:
            raise ServiceError("ConflictException", "The EventTime is older than that of the record.")
        with self._lock:
            self._online[group.name][new.id] = new
        if "OfflineStore" in _targets(group, given.get("TargetStores")):
            self._offline.put(group, new)

    def _get(self, call: Call) -> Json:
        given = call.parameters
        group = self._group(given["FeatureGroupName"], online=True)
        found = self._found(group, given["RecordIdentifierValueAsString"])
        return _answer(group, found, given) if found is not None else {}

    def _list(self, call: Call) -> Json:
        given = call.parameters
        group = self._group(given["FeatureGroupName"], online=True)
        with self._lock:
            known = list(self._online.get(group.name, {}).values())
        ids = [r.id for r in known if given.get("IncludeSoftDeletedRecords") or self._is_there(r)]
        return listing.cut(ids, "RecordIdentifiers", given, 100)

    def _get_many(self, call: Call) -> Json:
        records: list[Json] = []
        errors: list[Json] = []
        for wanted in call.parameters["Identifiers"]:
            asked = {**wanted, "ExpirationTimeResponse": call.parameters.get("ExpirationTimeResponse")}
            for id in wanted["RecordIdentifiersValueAsString"]:
                place = {"FeatureGroupName": wanted["FeatureGroupName"], "RecordIdentifierValueAsString": id}
                try:
                    group = self._group(wanted["FeatureGroupName"], online=True)
                    found = self._found(group, id)
                    if found is not None:
                        records.append(place | _answer(group, found, asked))
                except ServiceError as error:
                    errors.append(place | {"ErrorCode": error.code, "ErrorMessage": error.message})
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def _write_many(self, call: Call) -> Json:
        errors: list[Json] = []
        for entry in call.parameters["Entries"]:
            try:
                self._write(entry, entry.get("TtlDuration") or call.parameters.get("TtlDuration"))
            except ServiceError as error:
                errors.append({"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message})
        return {"Errors": errors, "UnprocessedEntries": []}

    def _found(self, group: Resource, id: str) -> Record | None:
        with self._lock:
            known = self._online.get(group.name, {}).get(id)
        return known if known is not None and self._is_there(known) else None

    def _is_there(self, known: Record) -> bool:
        return not known.deleted and (known.expires is None or known.expires > self._account.clock.now())

    def _group(self, name: str, *, online: bool = False) -> Resource:
        group = self._store.find("FeatureGroup", name)
        if group is None:
            raise ServiceError("ResourceNotFound", f"Resource Not Found: no FeatureGroup with the name {name}")
        if group.status != "Created":
            raise refused(f"FeatureGroup {group.name} is {group.status}; it must be Created.")
        if online and not _has(group, "OnlineStore"):
            raise refused(f"FeatureGroup {group.name} has no online store.")
        return group

    def _forget(self, group: Resource) -> None:
        with self._lock:
            self._online.pop(group.name, None)


def _has(group: Resource, store: str) -> bool:
    config = group.fields.get(_STORES[store])
    return config is not None and bool(config.get("EnableOnlineStore", True))


def _targets(group: Resource, wanted: Json) -> tuple[str, ...]:
    """The stores that are asked for, or all that the group has."""
    for store in wanted or ():
        if not _has(group, store):
            raise refused(f"FeatureGroup {group.name} has no {store}.")
    return tuple(wanted or (store for store in _STORES if _has(group, store)))


def _answer(group: Resource, found: Record, given: Mapping[str, Any]) -> dict[str, Json]:
    """The features in the order of their definitions: all, or those that are asked for."""
    names = [item["FeatureName"] for item in group.fields["FeatureDefinitions"]]
    for name in given.get("FeatureNames") or ():
        if name not in names:
            raise refused(f"FeatureGroup {group.name} has no feature {name!r}.")
    wanted = given.get("FeatureNames") or names
    answer: dict[str, Json] = {"Record": [found.features[n] for n in names if n in wanted and n in found.features]}
    if given.get("ExpirationTimeResponse") == "Enabled":
        answer["ExpiresAt"] = stamp(found.expires) if found.expires else "null"
    return answer
