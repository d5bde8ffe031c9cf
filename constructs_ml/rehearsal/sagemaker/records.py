"""A record of a feature group: checked against the group's definitions, with its event time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.sagemaker.store import Resource

# https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-quotas.html, "event time feature": ISO-8601 in UTC.
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_INTEGRAL = re.compile(r"[+-]?\d+")
_LONGEST = 2**63
_UNITS = MappingProxyType({"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800})


@dataclass(frozen=True, slots=True)
class Record:
    """The features of a record by name, each as the API has it; `deleted` is a marker without features."""

    id: str
    at: datetime
    features: Mapping[str, Mapping[str, Json]]
    expires: datetime | None = None
    deleted: bool = False


def record(group: Resource, given: Iterable[Mapping[str, Json]], ttl: Mapping[str, Json] | None) -> Record:
    """A record as PutRecord takes it; `ServiceError` says what does not fit the group."""
    definitions = {item["FeatureName"]: item for item in group.fields["FeatureDefinitions"]}
    features: dict[str, Mapping[str, Json]] = {}
    for feature in given:
        name = feature["FeatureName"]
        if name not in definitions:
            raise refused(f"FeatureGroup {group.name} has no feature {name!r}.")
        if name in features:
            raise refused(f"Feature {name!r} is there twice in the record.")
        _check_value(definitions[name], feature)
        features[name] = dict(feature)
    keys: dict[str, str] = {}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        name = group.fields[member]
        keys[member] = str((features.get(name) or {}).get("ValueAsString") or "")
        if not keys[member]:
            raise refused(f"The record has no value of the {member} {name!r}.")
    at = event_time(group, keys["EventTimeFeatureName"])
    online = group.fields.get("OnlineStoreConfig") or {}
    return Record(keys["RecordIdentifierFeatureName"], at, features, expiry(at, ttl or online.get("TtlDuration")))


def event_time(group: Resource, text: str) -> datetime:
    """Seconds since 1970 for a Fractional event time, else ISO-8601 in UTC."""
    name = group.fields["EventTimeFeatureName"]
    kind = next(d["FeatureType"] for d in group.fields["FeatureDefinitions"] if d["FeatureName"] == name)
    try:
        if kind == "Fractional":
            return datetime.fromtimestamp(float(text), UTC)
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        pass
    wanted = "seconds since 1970" if kind == "Fractional" else "yyyy-MM-dd'T'HH:mm:ss[.SSS]Z"
    raise refused(f"EventTime {name!r} has the value {text!r}; {wanted} is needed.")


def expiry(at: datetime, ttl: Mapping[str, Json] | None) -> datetime | None:
    """When a record is over: "ExpiresAt = EventTime + TtlDuration"."""
    return at + timedelta(seconds=_UNITS[ttl["Unit"]] * ttl["Value"]) if ttl else None


def _check_value(definition: Mapping[str, Json], feature: Mapping[str, Json]) -> None:
    name, kind = definition["FeatureName"], definition["FeatureType"]
    many = feature.get("ValueAsStringList")
    if (many is None) == bool(definition.get("CollectionType")):
        wanted = "ValueAsStringList" if definition.get("CollectionType") else "ValueAsString"
        raise refused(f"Feature {name!r} needs {wanted}.")
    for value in [feature.get("ValueAsString")] if many is None else many:
        if not _is(kind, str(value)):
            raise refused(f"Feature {name!r} is of the type {kind}, and {value!r} is not.")


def _is(kind: str, value: str) -> bool:
    if kind == "Integral":
        return bool(_INTEGRAL.fullmatch(value)) and -_LONGEST <= int(value) < _LONGEST
    if kind == "Fractional":
        try:
            float(value)
        except ValueError:
            return False
    return True


def refused(text: str) -> ServiceError:
    """The run-time API's refusal: its code differs from the control plane's."""
    return ServiceError("ValidationError", f"Validation Error: {text}")
