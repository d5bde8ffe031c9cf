"""What processing and training jobs have in common: compute, network, data in, retries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, check_number, check_tuple, check_whole
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import Input, Location

InputMode = Literal["File", "FastFile", "Pipe"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
DataType = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"]
DAY = timedelta(days=1)
_FILE_SYSTEM = re.compile(r"fs-[0-9a-f]{8,17}")
_PLAN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:training-plan/.+")


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

    `volume_gb` is the size of the ML storage volume of each instance, 1 to 16,384 GB. `preferences` are types of which
    the first with free capacity is taken; `groups` make a heterogeneous cluster; `training_plan` is the ARN of reserved
    capacity. The last two are for training jobs. Volumes take no key of yours as soon as one type has local NVMe:
    such instances encrypt their storage themselves.
    """

    instance_type: str | None = None
    instance_count: int = 1
    volume_gb: int = 30
    preferences: tuple[str, ...] = ()
    groups: tuple[InstanceGroup, ...] = ()
    training_plan: str | None = None

    def __post_init__(self) -> None:
        where = f"Compute({self.instance_type or 'of the account'})"
        check_fields(self, where)
        check_number("instance_count", self.instance_count, where, 1, 100)
        check_number("volume_gb", self.volume_gb, where, 1, limits.VOLUME_GB)
        check_tuple("preferences", self.preferences, where, str)
        check_tuple("groups", self.groups, where, InstanceGroup)
        ways = [name for name in ("instance_type", "preferences", "groups") if getattr(self, name)]
        if self.groups and self.instance_count != 1:
            ways.append("instance_count")
        if self.preferences and self.training_plan:
            ways.append("training_plan")
        if len(ways) > 1:
            raise refuse("compute-ways", where=where, got=" and ".join(ways), allowed="one of them")
        for name, most in (("preferences", limits.INSTANCE_PREFERENCES), ("groups", limits.INSTANCE_GROUPS)):
            if len(getattr(self, name)) > most:
                got, allowed = len(getattr(self, name)), f"at most {most}"
                raise refuse("number-range", quantity=f"the number of {name}", where=where, got=got, allowed=allowed)
        if len(set(self.group_names)) != len(self.groups):
            raise refuse("compute-group", where=where, got=self.group_names, allowed="each group's name once")
        if self.training_plan is not None and not _PLAN.fullmatch(self.training_plan):
            raise refuse("compute-plan", where=where, got=repr(self.training_plan), allowed="arn:...:training-plan/...")

    @property
    def group_names(self) -> tuple[str, ...]:
        return tuple(group.name for group in self.groups)

    @property
    def instances(self) -> int:
        """How many machines the job has."""
        return sum(group.count for group in self.groups) or self.instance_count


@dataclass(frozen=True, slots=True)
class InstanceGroup:
    """Machines of one type in a heterogeneous cluster; channels may name the groups that they go to."""

    name: str
    instance_type: str
    count: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "InstanceGroup")
        check_name("instance group", self.name, f"InstanceGroup({self.name!r})", longest=64)
        check_whole("count", self.count, f"InstanceGroup({self.name!r})", 1, 100)


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
        check_fields(self, "Network")
        check_tuple("subnets", self.subnets, "Network", str)
        check_tuple("security_groups", self.security_groups, "Network", str)
        ids = (*self.subnets, *self.security_groups)
        whole = bool(self.subnets) == bool(self.security_groups) and not (self.subnets and self.vpc is False)
        if not whole or any(set(id) & set("${}") for id in ids):
            got = f"subnets={self.subnets!r}, security_groups={self.security_groups!r}, vpc={self.vpc}"
            raise refuse("network-half", where="Network", got=got, allowed="ids of both, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """A directory of a file system that a training job mounts; the job must run inside a VPC that reaches it."""

    id: str | Input
    directory: str
    kind: Literal["EFS", "FSxLustre"] = "EFS"
    access: Literal["ro", "rw"] = "ro"

    def __post_init__(self) -> None:
        where = f"FileSystem({self.id!r})"
        check_fields(self, where, choices=True)
        if isinstance(self.id, str) and not _FILE_SYSTEM.fullmatch(self.id):
            raise refuse("file-system", where=where, got=repr(self.id), allowed="fs-0123456789abcdef0, or an Input")
        if not self.directory.startswith("/"):
            raise refuse("file-system", where=where, got=repr(self.directory), allowed="a directory that begins with /")
        for field, value, known in (("kind", self.kind, ("EFS", "FSxLustre")), ("access", self.access, ("ro", "rw"))):
            if value not in known:
                raise refuse("file-system", where=where, got=f"{field}={value!r}", allowed=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Data that a job reads: a prefix in S3 or a file system, and how it arrives in the container.

    `mode` File copies before the start, FastFile streams on demand, Pipe streams through a FIFO;
    `distribution` ShardedByS3Key gives each instance its share of the objects, and `groups` gives data to these
    instance groups alone. `data_type` ManifestFile reads the objects that a manifest lists, AugmentedManifestFile the
    `attributes` of its JSON lines.
    """

    source: Location | FileSystem
    mode: InputMode = "File"
    distribution: Distribution = "FullyReplicated"
    content_type: str | None = None
    compression: Literal["None", "Gzip"] = "None"
    shuffle_seed: int | None = None
    data_type: DataType = "S3Prefix"
    attributes: tuple[str, ...] = ()
    record_wrapper: Literal["None", "RecordIO"] = "None"
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "Channel", choices=True)
        for got, allowed in self._clashes():
            raise refuse("channel-mode", where=f"Channel({self.source!r})", got=got, allowed=allowed)

    def _clashes(self) -> Iterator[tuple[str, str]]:
        """What the API reference of Channel and S3DataSource excludes."""
        piped = {
            "compression='Gzip'": self.compression != "None",
            "record_wrapper='RecordIO'": self.record_wrapper != "None",
            "data_type='AugmentedManifestFile'": self.data_type == "AugmentedManifestFile",
        }
        for got, given in piped.items():
            if given and self.mode != "Pipe":
                yield f"{got} with mode={self.mode!r}", "mode='Pipe'"
        if self.data_type == "ManifestFile" and self.mode == "FastFile":
            yield "data_type='ManifestFile' with mode='FastFile'", "mode='File' or 'Pipe'"
        if bool(self.attributes) != (self.data_type == "AugmentedManifestFile"):
            yield f"attributes={self.attributes} with data_type={self.data_type!r}", "both, or neither of them"
        if len(self.attributes) > limits.MANIFEST_ATTRIBUTES:
            yield f"{len(self.attributes)} attributes", f"at most {limits.MANIFEST_ATTRIBUTES}"
        of_s3 = (
            self.mode != "File",
            self.distribution != "FullyReplicated",
            self.shuffle_seed is not None,
            self.groups,
        )
        if isinstance(self.source, FileSystem) and (any(of_s3) or self.data_type != "S3Prefix"):
            yield "a file system with settings of S3", "content_type alone"


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
        check_fields(self, "Retry")
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
    run: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Experiment")
        if not (self.experiment or self.trial or self.display_name or self.run):
            raise refuse(
                "empty", thing="the experiment", where="Experiment", got="no name", allowed="at least one of its fields"
            )


def as_channel(source: Location | FileSystem | Channel, mode: InputMode = "File") -> Channel:
    """A source that says nothing else is given whole to every instance, in the mode of its job."""
    if isinstance(source, Channel):
        return source
    return Channel(source=source, mode="File" if isinstance(source, FileSystem) else mode)


def check_channels(sources: Mapping[str, Location | FileSystem | Channel], where: str, most: int) -> None:
    """The number and the names of a job's sources; `most` is the service's limit."""
    if len(sources) > most:
        raise refuse(
            "number-range", quantity="the number of inputs", where=where, got=len(sources), allowed=f"at most {most}"
        )
    for name in sources:
        check_name("input", name, where)
        if name == "code":
            raise refuse("input-reserved", where=where, got=name, allowed="any other name", name=name)
