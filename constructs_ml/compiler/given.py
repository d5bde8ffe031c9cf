"""Where the data lies that triggers, or a default, give for an input."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.feature_group import store_place
from constructs_ml.compiler.template import Json
from constructs_ml.spec.arrivals import OnData, OnFeatures
from constructs_ml.spec.from_event import FromEvent
from constructs_ml.spec.triggers import Trigger
from constructs_ml.spec.values import S3, Input


def places_given(context: Context, input: Input) -> list[tuple[Json, str]]:
    """Buckets and prefixes. An input that somebody else gives, or an event, may lie anywhere in the data bucket."""
    data = context.infrastructure.data_bucket
    found: list[tuple[Json, str]] = []
    for trigger in context.spec.triggers:
        found += _given(context, trigger, input.name)
    default = context.default_of(input)
    if isinstance(default, S3):
        found.append((default.bucket or data, default.key))
    return found or [(data, "")]


def _given(context: Context, trigger: Trigger, name: str) -> Iterator[tuple[Json, str]]:
    data = context.infrastructure.data_bucket
    match trigger:
        case OnData(to=to, prefix=prefix) if to == name:
            yield data, prefix
        case OnFeatures(to=to, group=group) if to == name:
            yield store_place(group, context.infrastructure)
    match trigger.inputs.get(name):
        case S3() as place:
            yield place.bucket or data, place.key
        case FromEvent():
            yield data, ""
