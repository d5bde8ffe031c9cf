"""Feature groups: what they must have, and what they get when they are made.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.rehearsal.calls import Call, Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.statuses import BEGINS
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_RESERVED = frozenset({"is_deleted", "write_time", "api_invocation_time"})
_MOST_FEATURES = 2500
_NOUN = "FeatureGroup"


class FeatureGroups:
    """Creating and updating groups; the store keeps them."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self._store = account, store
        store.on("Create", _NOUN, self._created)
        account.gate.serve("sagemaker", {"UpdateFeatureGroup": self._update})

    def _created(self, group: Resource, call: Call) -> None:
        given = call.parameters
        _check(given)
        fields: dict[str, Json] = {"OnlineStoreTotalSizeBytes": 0} if given.get("OnlineStoreConfig") else {}
        offline = given.get("OfflineStoreConfig")
        if offline:
            fields["OfflineStoreConfig"] = self._offline(group, offline)
        fields.setdefault("ThroughputConfig", given.get("ThroughputConfig") or {"ThroughputMode": "OnDemand"})
        begins = BEGINS[_NOUN]
        self._store.change(group, FeatureGroupStatus=begins.status, **fields)
        settled = {"OfflineStoreStatus": {"Status": "Active"}} if offline else {}
        self._store.later(group, begins.seconds, FeatureGroupStatus=begins.settled, **settled)

    def _offline(self, group: Resource, given: Mapping[str, Json]) -> dict[str, Json]:
        """The path of the group's data, and its table.

        https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
        """
        made = int(group.created.timestamp())
        storage = dict(given["S3StorageConfig"])
        uri, account = storage["S3Uri"].rstrip("/"), self._account
        place = f"{account.id}/sagemaker/{account.region}/offline-store/{group.name}-{made}/data"
        storage["ResolvedOutputS3Uri"] = f"{uri}/{place}"
        config = dict(given) | {"S3StorageConfig": storage}
        config.setdefault("DisableGlueTableCreation", False)
        if not config["DisableGlueTableCreation"]:
            table = f"{group.name.replace('-', '_').lower()}_{made}"
            config["DataCatalogConfig"] = {
                "TableName": table,
                "Catalog": "AwsDataCatalog",
                "Database": "sagemaker_featurestore",
            }
        return config

    def _update(self, call: Call) -> Json:
        """Features are added, never removed; of the online store only the TTL changes."""
        given = call.parameters
        group = self._store.get(_NOUN, given["FeatureGroupName"])
        if group.status != "Created":
            raise invalid(f"FeatureGroup {group.name} is {group.status}; it must be Created to be updated.")
        definitions = list(group.fields["FeatureDefinitions"]) + list(given.get("FeatureAdditions") or ())
        _check_features(definitions)
        changed: dict[str, Json] = {"FeatureDefinitions": definitions, "LastUpdateStatus": {"Status": "Successful"}}
        if given.get("OnlineStoreConfig"):
            online = group.fields.get("OnlineStoreConfig")
            if not online:
                raise invalid(f"FeatureGroup {group.name} has no online store, and cannot be given one.")
            changed["OnlineStoreConfig"] = dict(online) | given["OnlineStoreConfig"]
        if given.get("ThroughputConfig"):
            changed["ThroughputConfig"] = given["ThroughputConfig"]
        self._store.change(group, **changed)
        return {"FeatureGroupArn": group.arn}


def _check(given: Mapping[str, Json]) -> None:
    types = _check_features(given["FeatureDefinitions"])
    for member, allowed in (
        ("RecordIdentifierFeatureName", ("Integral", "Fractional", "String")),
        ("EventTimeFeatureName", ("Fractional", "String")),
    ):
        name = given[member]
        if name not in types:
            raise invalid(f"{member} {name!r} is not one of the FeatureDefinitions.")
        if types[name] not in allowed:
            raise invalid(f"{member} {name!r} is {types[name]}; it must be one of {', '.join(allowed)}.")
    if not given.get("OnlineStoreConfig") and not given.get("OfflineStoreConfig"):
        raise invalid("At least one of OnlineStoreConfig and OfflineStoreConfig is needed.")
    if given.get("OfflineStoreConfig") and not given.get("RoleArn"):
        raise invalid("RoleArn is needed for a FeatureGroup with an OfflineStoreConfig.")


def _check_features(definitions: list[Mapping[str, str]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for definition in definitions:
        name = definition["FeatureName"]
        if name.lower() in {known.lower() for known in types}:
            raise invalid(f"FeatureName {name!r} is there twice.")
        if name.lower() in _RESERVED:
            raise invalid(f"FeatureName {name!r} is reserved: {', '.join(sorted(_RESERVED))}.")
        types[name] = definition["FeatureType"]
    if len(types) > _MOST_FEATURES:
        raise invalid(f"A FeatureGroup has at most {_MOST_FEATURES} FeatureDefinitions.")
    return types
