"""FeatureGroupSpec: the features of one kind of record, and the stores that keep them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from constructs_ml.contract import names
from constructs_ml.facts import limits
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.checks import (
    check_duration,
    check_kind,
    check_name,
    check_tags,
    check_tuple,
    check_whole,
    frozen,
)
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import S3

FeatureType = Literal["String", "Integral", "Fractional"]
TYPES: tuple[FeatureType, ...] = ("String", "Integral", "Fractional")
_NAME = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
# Columns that the offline store adds to every record.
_RESERVED = ("api_invocation_time", "is_deleted", "write_time")
_ALLOWED = "letters and digits with _ or - between them, at most 64"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its name, and its type as Feature Store keeps it.

    >>> Feature("tenure", "Integral")
    Feature(name='tenure', type='Integral')
    """

    name: str
    type: FeatureType = "String"

    def __post_init__(self) -> None:
        where = f"Feature({self.name!r})"
        check_fields(self, where)
        if not isinstance(self.name, str) or len(self.name) > limits.FEATURE_NAME_LENGTH:
            raise refuse("feature-name", where=where, got=repr(self.name), allowed=_ALLOWED)
        if not _NAME.fullmatch(self.name):
            raise refuse("feature-name", where=where, got=repr(self.name), allowed=_ALLOWED)
        if self.name.lower() in _RESERVED:
            raise refuse("feature-reserved", where=where, got=self.name, allowed="any other name")
        if self.type not in TYPES:
            raise refuse("feature-type", where=where, got=repr(self.type), allowed=TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """The online store: the newest record of each identifier, read in milliseconds.

    `storage` Standard or InMemory and whether there is an online store at all are for ever; `ttl` may change, and
    lets records expire (whole seconds, at least one). None keeps them until they are deleted.
    """

    storage: Literal["Standard", "InMemory"] = "Standard"
    ttl: timedelta | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Online")
        if self.storage not in ("Standard", "InMemory"):
            raise refuse("store-storage", where="Online", got=repr(self.storage), allowed=("Standard", "InMemory"))
        if self.ttl is not None:
            check_duration("ttl", self.ttl, "Online", timedelta(seconds=1), timedelta(days=36_500))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """The offline store: every record ever written, as Parquet in S3 with a table in the Glue catalogue.

    `location` is a prefix in the platform's data bucket or a whole URI; None means `features/` there. Feature
    Store makes the table by itself, unless `table` names one of your own as "database.table".
    `lake_formation` puts the location under Lake Formation's permissions. All but that is for ever.
    """

    format: Literal["Glue", "Iceberg"] = "Glue"
    location: S3 | None = None
    table: str | None = None
    lake_formation: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "Offline")
        if self.format not in ("Glue", "Iceberg"):
            raise refuse("store-format", where="Offline", got=repr(self.format), allowed=("Glue", "Iceberg"))
        check_kind("location", self.location, "Offline", S3, type(None))
        check_kind("table", self.table, "Offline", str, type(None))
        if self.table is not None and not re.fullmatch(r"[a-z0-9_-]{1,255}\.[a-z0-9_-]{1,255}", self.table):
            raise refuse("store-table", where="Offline", got=repr(self.table), allowed="database.table, in lower case")
        if self.table is not None and self.format == "Iceberg":
            raise refuse("store-iceberg-table", where="Offline", got=self.table, allowed="no table=, or format='Glue'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """Throughput that is paid for whether it is used or not: units a second, 0 to 10,000,000."""

    reads: int
    writes: int

    def __post_init__(self) -> None:
        check_fields(self, "Provisioned")
        check_whole("reads", self.reads, "Provisioned", 0, limits.CAPACITY_UNITS)
        check_whole("writes", self.writes, "Provisioned", 0, limits.CAPACITY_UNITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureGroupSpec:
    """The features of one kind of record. At least one of `online` and `offline` keeps them.

    `throughput` None means on demand. `version` above 1 makes a group of its own beside the earlier ones: the
    way to change what cannot be changed. `tags` are written when the group is made and never again.

    >>> customers = FeatureGroupSpec(
    ...     name="customers", record_identifier="customer_id", event_time="updated_at",
    ...     features=(Feature("customer_id"), Feature("updated_at"), Feature("spend", "Fractional")),
    ...     online=Online(ttl=timedelta(days=30)),
    ... )
    >>> customers.id
    'customers'
    """

    name: str
    record_identifier: str
    event_time: str
    features: tuple[Feature, ...]
    online: Online | None = None
    offline: Offline | None = Offline()
    throughput: Provisioned | None = None
    description: str = ""
    version: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"feature group {self.name!r}"
        check_fields(self, where, own=("features",))
        check_name("feature group", self.name, where, longest=names.FEATURE_GROUP_LENGTH)
        check_whole("version", self.version, where, 1, 999)
        self._check_kinds(where)
        if isinstance(self.features, Mapping):
            raise refuse("features-form", where=where, got="a mapping", allowed="features_from_mapping(...)")
        check_tuple("features", self.features, where, Feature)
        faults = Faults()
        self._check_features(where, faults)
        self._check_stores(where, faults)
        if len(self.description) > 128:
            faults.add(
                "number-range",
                quantity="the description's length",
                where=where,
                got=len(self.description),
                allowed="at most 128",
            )
        faults.raise_if_any()
        object.__setattr__(self, "tags", frozen(self.tags))

    @property
    def id(self) -> str:
        """The name with its version, as resources and files carry it."""
        return self.name if self.version == 1 else f"{self.name}-v{self.version}"

    @property
    def types(self) -> dict[str, FeatureType]:
        """The type of each feature."""
        return {feature.name: feature.type for feature in self.features}

    def _check_kinds(self, where: str) -> None:
        check_kind("online", self.online, where, Online, type(None))
        check_kind("offline", self.offline, where, Offline, type(None))
        check_kind("throughput", self.throughput, where, Provisioned, type(None))
        check_kind("description", self.description, where, str)
        check_tags(self.tags, where)

    def _check_features(self, where: str, faults: Faults) -> None:
        types = self.types
        if not 1 <= len(self.features) <= limits.FEATURES:
            faults.add(
                "number-range",
                quantity="the number of features",
                where=where,
                got=len(self.features),
                allowed=f"1 to {limits.FEATURES:,}",
            )
        for name, count in Counter(feature.name.lower() for feature in self.features).items():
            if count > 1:
                faults.add("feature-taken", where=where, got=f"{count} features", allowed="each name once", name=name)
        for role, name, allowed in (
            ("record_identifier", self.record_identifier, ("String", "Integral")),
            ("event_time", self.event_time, ("String", "Fractional")),
        ):
            if name not in types:
                faults.add("feature-missing", where=where, got=repr(name), allowed=tuple(types), role=role)
            elif types[name] not in allowed:
                faults.add("feature-role-type", where=where, got=f"{name}: {types[name]}", allowed=allowed, role=role)
        if self.record_identifier == self.event_time:
            faults.add("feature-roles", where=where, got=self.event_time, allowed="two features")

    def _check_stores(self, where: str, faults: Faults) -> None:
        if self.online is None and self.offline is None:
            faults.add("store-missing", where=where, got="no store", allowed="online=Online(), offline=Offline()")
        if self.throughput is not None and self.online is not None and self.online.storage == "InMemory":
            faults.add("store-memory-throughput", where=where, got="InMemory, Provisioned", allowed="throughput=None")
