"""Everything that a finished rehearsal has to tell, gathered while the account is still open."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.contract import names
from constructs_ml.rehearsal.iam import Summary
from constructs_ml.rehearsal.journal import Entry
from constructs_ml.rehearsal.rehearsed import AnyRun, Rehearsed

_LINES, _RECORDS, _LONGEST = 15, 20, 2000
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
_GROUPS = {noun: f"/aws/sagemaker/{noun}s" for noun in ("TrainingJob", "ProcessingJob", "TransformJob")}
_HAPPENED = ("stack", "execution", "job", "function", "endpoint", "alarm", "event", "schedule", "person", "stand-in")


@dataclass(frozen=True, slots=True)
class RunTold:
    """A run: the model, how it ended, how long it took in real seconds, its states in order, and its drawing."""

    model: str
    name: str
    arn: str
    status: str
    seconds: float
    states: tuple[str, ...]
    metrics: Mapping[str, Mapping[str, Any]]
    error: str
    cause: str
    svg: str


@dataclass(frozen=True, slots=True)
class JobTold:
    """A job: when it began and how it ended, the ids of its processes, and the last lines of its log."""

    name: str
    kind: str
    status: str
    began: float
    seconds: float
    processes: tuple[int, ...]
    reason: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A rehearsal as the page shows it; `seconds` are those of its parts, `records` the text of the first captures."""

    account: str
    region: str
    stage: str
    port: int
    seconds: Mapping[str, float]
    runs: tuple[RunTold, ...]
    jobs: tuple[JobTold, ...]
    entries: tuple[Entry, ...]
    captured: tuple[str, ...]
    records: Mapping[str, str]
    iam: Summary

    def of(self, *kinds: str) -> tuple[Entry, ...]:
        """The entries of some kinds."""
        return tuple(entry for entry in self.entries if entry.kind in kinds)

    def to_json(self) -> dict[str, Any]:
        """The numbers for programs: what `json.dumps` can write, without drawings."""
        return {
            "account": self.account,
            "region": self.region,
            "stage": self.stage,
            "port": self.port,
            "pid": os.getpid(),
            "seconds": dict(self.seconds),
            "executions": [_without(run, "svg") for run in self.runs],
            "jobs": [_without(job, "lines") for job in self.jobs],
            "requests": [{"at": item.at, **item.detail} for item in self.of("invocation")],
            "captured": list(self.captured),
            "denied": [{"at": item.at, **item.detail} for item in self.of("denied")],
            "happened": [
                {"at": item.at, "kind": item.kind, "name": item.name, "what": item.what, **item.detail}
                for item in self.of(*_HAPPENED)
            ],
        }


def tell(rehearsed: Rehearsed, seconds: Mapping[str, float] | None = None) -> Told:
    """Gather what there is to tell."""
    embedded = rehearsed.embedded
    entries = tuple(embedded.journal.entries())
    captured = tuple(_captured(rehearsed, tuple(rehearsed.models)))
    return Told(
        account=embedded.id,
        region=embedded.region,
        stage=rehearsed.account.stage,
        port=embedded.port,
        seconds=dict(seconds or {}),
        runs=tuple(_told(model, run) for model in rehearsed.models for run in rehearsed.runs(model)),
        jobs=tuple(_jobs(rehearsed.client("logs"), [entry for entry in entries if entry.kind == "job"])),
        entries=entries,
        captured=captured,
        records={uri: _text(rehearsed.client("s3"), uri) for uri in captured[:_RECORDS]},
        iam=rehearsed.parts.iam.summary(),
    )


def _told(model: str, run: AnyRun) -> RunTold:
    steps = run.output.get("steps", {}) if isinstance(run.output, Mapping) else {}
    metrics = {name: kept["metrics"] for name, kept in steps.items() if isinstance(kept, Mapping) and "metrics" in kept}
    about = (model, run.name, run.arn, run.status, run.seconds, tuple(run.states), metrics)
    return RunTold(*about, run.error, run.cause, run.drawing.svg)


def _jobs(logs: Any, entries: Sequence[Entry]) -> Iterator[JobTold]:
    """Jobs in the order in which they began: the first and the last entry about each."""
    about: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        detail = entry.detail
        run = next((str(detail[key]) for key in ("run", "query", "task") if key in detail), "")
        about.setdefault((entry.name, run), []).append(entry)
    for (name, _), told in about.items():
        end = next((entry for entry in reversed(told) if "seconds" in entry.detail), told[-1])
        kind = str(end.detail.get("noun") or end.detail.get("service", ""))
        yield JobTold(
            name=name,
            kind=kind,
            status=str(end.detail.get("status") or end.what),
            began=told[0].at,
            seconds=float(end.detail.get("seconds", 0)),
            processes=tuple(end.detail.get("processes", ())),
            reason=str(end.detail.get("reason", ""))
            or (end.what.partition(": ")[2] if "service" in end.detail else ""),
            lines=tuple(_lines(logs, _GROUPS[kind], name)) if kind in _GROUPS else (),
        )


def _lines(logs: Any, group: str, job: str) -> list[str]:
    """The last lines of a job's newest log stream."""
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        stream = streams[-1]["logStreamName"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=_LINES)["events"]
    except (ClientError, IndexError):
        return []
    return [str(event["message"])[:_LONGEST] for event in events]


def _captured(rehearsed: Rehearsed, models: Sequence[str]) -> Iterator[str]:
    embedded = rehearsed.embedded
    bucket = names.data_bucket(rehearsed.account.stage, embedded.id, embedded.region)
    client: Any = rehearsed.client("s3")
    there = {item["Name"] for item in client.list_buckets()["Buckets"]}
    own = (bucket, names.artifact_bucket(rehearsed.account.stage, embedded.id, embedded.region))
    for holder in sorted(there.intersection(own)):
        for model in models:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=holder, Prefix=names.capture_prefix(model))
            for page in pages:
                yield from (f"s3://{holder}/{item['Key']}" for item in page.get("Contents", ()))


def _text(client: Any, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read(_LONGEST)
    return body.decode("utf-8", "replace")


def _without(told: Any, field: str) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(told).items() if key != field}
