"""Everything that a finished rehearsal has to tell, gathered while the account is still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_ml.contract import names
from constructs_ml.rehearsal.iam import Summary
from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.rehearsed import AnyRun, Rehearsed


@dataclass(frozen=True, slots=True)
class RunTold:
    """A run: the model, how it ended, how long it took in real seconds, its states in order, and its drawing."""

    model: str
    name: str
    status: str
    seconds: float
    states: tuple[str, ...]
    error: str
    svg: str


@dataclass(frozen=True, slots=True)
class Told:
    """A rehearsal as the page shows it; `seconds` are those of its parts, `captured` the keys below the captures."""

    account: str
    region: str
    stage: str
    seconds: Mapping[str, float]
    runs: tuple[RunTold, ...]
    entries: tuple[Entry, ...]
    captured: tuple[str, ...]
    iam: Summary

    def of(self, *kinds: str) -> tuple[Entry, ...]:
        """The entries of some kinds."""
        return tuple(entry for entry in self.entries if entry.kind in kinds)


def tell(rehearsed: Rehearsed, seconds: Mapping[str, float] | None = None) -> Told:
    """Gather what there is to tell."""
    embedded = rehearsed.embedded
    return Told(
        account=embedded.id,
        region=embedded.region,
        stage=rehearsed.account.stage,
        seconds=dict(seconds or {}),
        runs=tuple(_told(model, run) for model in rehearsed.models for run in rehearsed.runs(model)),
        entries=tuple(embedded.journal.entries()),
        captured=tuple(_captured(rehearsed, tuple(rehearsed.models))),
        iam=rehearsed.parts.iam.summary(),
    )


def _told(model: str, run: AnyRun) -> RunTold:
    failed = f"{run.error}: {run.cause}" if run.error else ""
    return RunTold(model, run.name, run.status, run.seconds, tuple(run.states), failed, run.drawing.svg)


def _captured(rehearsed: Rehearsed, models: Sequence[str]) -> Iterator[str]:
    embedded = rehearsed.embedded
    bucket = names.data_bucket(rehearsed.account.stage, embedded.id, embedded.region)
    client: Any = rehearsed.client("s3")
    there = {item["Name"] for item in client.list_buckets()["Buckets"]}
    own = (bucket, names.artifact_bucket(rehearsed.account.stage, embedded.id, embedded.region))
    for holder in there.intersection(own):
        for model in models:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=holder, Prefix=names.capture_prefix(model))
            for page in pages:
                yield from (f"s3://{holder}/{item['Key']}" for item in page.get("Contents", ()))
