"""What processing and training jobs have in common: compute, network, data in, retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, check_number, check_tuple
from constructs_ml.spec.values import Location

InputMode = Literal["File", "FastFile", "Pipe"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Code:
    """A step's code: a file, or a folder with the file in it that starts. Paths are relative to the model's root.

    A `requirements.txt` at the top of a folder is installed by the container before the entry starts.
    """

    path: str | PurePath
    entry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """The machines of one job. No instance type means the account's own for this kind of job.

    `volume_gb` is the size of the ML storage volume of each instance, 1 to 16,384 GB.
    """

    instance_type: str | None = None
    instance_count: int = 1
    volume_gb: int = 30

    def __post_init__(self) -> None:
        where = f"Compute({self.instance_type or 'of the account'})"
        check_number("instance_count", self.instance_count, where, 1, 100)
        check_number("volume_gb", self.volume_gb, where, 1, limits.VOLUME_GB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How a job is cut off from the world.

    `vpc` None means inside the account's subnets if it has any; True demands them, False stays outside. `subnets` and
    `security_groups` are others than the account's, for what has a network of its own. `isolation` lets the container
    make no network calls at all; `encrypt_between_containers` encrypts the traffic of a job with several instances.
    """

    vpc: bool | None = None
    isolation: bool = False
    encrypt_between_containers: bool = False
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tuple("subnets", self.subnets, "Network", str)
        check_tuple("security_groups", self.security_groups, "Network", str)
        ids = (*self.subnets, *self.security_groups)
        whole = bool(self.subnets) == bool(self.security_groups) and not (self.subnets and self.vpc is False)
        if not whole or any(set(id) & set("${}") for id in ids):
            got = f"subnets={self.subnets!r}, security_groups={self.security_groups!r}, vpc={self.vpc}"
            raise refuse("network-half", where="Network", got=got, allowed="ids of both, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Data that a job reads: a prefix in S3, and how it arrives in the container.

    `mode` File copies before the start, FastFile streams on demand, Pipe streams through a FIFO;
    `distribution` ShardedByS3Key gives each instance its share of the objects.
    """

    source: Location
    mode: InputMode = "File"
    distribution: Distribution = "FullyReplicated"
    content_type: str | None = None
    compression: Literal["None", "Gzip"] = "None"
    shuffle_seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Attempts after a failed one: `attempts` more, `interval` before the first, times `backoff` after each.

    The defaults of every service call (throttling and capacity) are added; this is about the job's own failure.
    """

    attempts: int = 2
    interval: timedelta = timedelta(seconds=30)
    backoff: float = 2.0
    on: tuple[str, ...] = ("States.TaskFailed",)

    def __post_init__(self) -> None:
        check_number("attempts", self.attempts, "Retry", 1, 99)
        check_duration("interval", self.interval, "Retry", timedelta(seconds=1), timedelta(days=1))
        check_number("backoff", self.backoff, "Retry", 1, 100)
        if not self.on:
            raise refuse("empty", thing="on", where="Retry", got="()", allowed="error names such as States.TaskFailed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Where a job's run is filed in SageMaker Experiments."""

    experiment: str | None = None
    trial: str | None = None
    display_name: str | None = None

    def __post_init__(self) -> None:
        if not (self.experiment or self.trial or self.display_name):
            raise refuse(
                "empty", thing="the experiment", where="Experiment", got="no name", allowed="at least one of its fields"
            )


def as_channel(source: Location | Channel) -> Channel:
    """A source that says nothing else is copied as a file to every instance."""
    return source if isinstance(source, Channel) else Channel(source=source)


def check_channels(sources: Mapping[str, Location | Channel], where: str, most: int) -> None:
    """The number and the names of a job's sources; `most` is the service's limit."""
    if len(sources) > most:
        raise refuse(
            "number-range", quantity="the number of inputs", where=where, got=len(sources), allowed=f"at most {most}"
        )
    for name in sources:
        check_name("input", name, where)
        if name == "code":
            raise refuse("input-reserved", where=where, got=name, allowed="any other name", name=name)
