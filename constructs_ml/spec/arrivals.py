"""Triggers by data that arrives: objects in the data bucket, files of a feature group's offline store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, frozen
from constructs_ml.spec.debounce import Debounce
from constructs_ml.spec.features import FeatureGroupSpec
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.from_event import FromEvent, Given


@dataclass(frozen=True, slots=True)
class OnData:
    """A run when an object arrives below a prefix of the platform's data bucket.

    The input `to` gets the `s3://` URI of the object that arrived; with `debounce` that of the prefix, for a burst
    is many objects.
    """

    prefix: str
    to: str
    suffix: str = ""
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-data"
    debounce: Debounce | None = None

    def __post_init__(self) -> None:
        where = f"OnData({self.prefix!r})"
        check_fields(self, where)
        check_name("trigger", self.name, where)
        if not re.fullmatch(r"[A-Za-z0-9!_.'()/=-]+", self.prefix + self.suffix) or self.prefix.startswith("/"):
            raise refuse(
                "data-prefix",
                where=where,
                got=repr((self.prefix, self.suffix)),
                allowed="a key prefix without a leading slash, letters, digits and ! _ . ' ( ) / = -",
            )
        _check_burst(self, where)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"data in {self.prefix}*{self.suffix}"


@dataclass(frozen=True, slots=True)
class OnFeatures:
    """A run when the offline store of a feature group got new files.

    Feature Store writes many files, some minutes after the records: without `debounce` each is a run. The input `to`
    gets the URI of the store, or that of the file without `debounce`. A store in a bucket of your own needs that
    bucket to send its events to EventBridge.
    """

    group: FeatureGroupSpec
    to: str | None = None
    inputs: Mapping[str, Given] = field(default_factory=dict)
    name: str = "on-features"
    debounce: Debounce | None = Debounce(quiet=timedelta(minutes=15), at_most=timedelta(hours=3))

    def __post_init__(self) -> None:
        check_fields(self, "OnFeatures")
        check_kind("group", self.group, "OnFeatures", FeatureGroupSpec)
        where = f"OnFeatures({self.group.name!r})"
        check_name("trigger", self.name, where)
        if self.group.offline is None:
            allowed = "a group with offline=Offline(...)"
            raise refuse("features-offline", where=where, got="a group without an offline store", allowed=allowed)
        _check_burst(self, where)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def title(self) -> str:
        """What starts a run, in a drawing."""
        return f"features of {self.group.name}"


Arrival = OnData | OnFeatures


def _check_burst(trigger: Arrival, where: str) -> None:
    check_kind("debounce", trigger.debounce, where, Debounce, type(None))
    read = [name for name, value in trigger.inputs.items() if isinstance(value, FromEvent)]
    if trigger.debounce is not None and read:
        raise refuse("debounce-event", where=where, got=read, allowed="constants, or no debounce=")
