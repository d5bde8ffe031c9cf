"""FargateTask: a container that runs on Fargate, once, and is waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal, get_args

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_tuple, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Image
from constructs_ml.spec.jobs import DAY, Network, Retry
from constructs_ml.spec.steps.common import check_environment, check_service_name, result_of
from constructs_ml.spec.steps.flow import Permission
from constructs_ml.spec.values import S3, VALUES, Input, Location, Result, Value

_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,255}")
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}(:[1-9][0-9]*)?")
_CONTAINER = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ROLE = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A task definition that exists in the account.

    `family` means its newest revision, "family:3" one of them. `container` is the container that gets the step's
    command and environment; `roles` are the names of its task role and execution role, which the pipeline must be
    allowed to hand over.
    """

    family: str
    container: str
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        where = f"TaskDefinition({self.family!r})"
        check_fields(self, where)
        check_service_name("family", self.family, _FAMILY, where, "a family, or family:revision")
        check_service_name("container", self.container, _CONTAINER, where, "the name of a container in it")
        check_tuple("roles", self.roles, where, str)
        for role in self.roles:
            check_service_name("roles", role, _ROLE, where, "names of roles, without their ARNs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container that the pipeline brings along: its task definition, roles and log group are made with the pipeline.

    `cpu` are CPU units, 1,024 a vCPU; Fargate allows certain amounts of memory with each. `reads` and `writes` are
    the places in S3 that it may list and read, or write below; `permissions` is what else it calls. `storage_gb`
    above 20 is 21 to 200.
    """

    image: Image
    cpu: int = 1024
    memory_mb: int = 2048
    storage_gb: int | None = None
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    reads: tuple[Location, ...] = ()
    writes: tuple[S3, ...] = ()
    permissions: tuple[Permission, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "Container")
        check_kind("image", self.image, "Container", Image)
        where = f"Container({self.image.uri!r})"
        if self.cpu not in limits.FARGATE_MEMORY_MB:
            raise refuse("fargate-size", where=where, got=f"cpu={self.cpu!r}", allowed=tuple(limits.FARGATE_MEMORY_MB))
        memory = limits.FARGATE_MEMORY_MB[self.cpu]
        if self.memory_mb not in memory:
            got = f"memory_mb={self.memory_mb!r} with cpu={self.cpu}"
            raise refuse("fargate-size", where=where, got=got, allowed=memory)
        if self.storage_gb is not None:
            check_whole("storage_gb", self.storage_gb, where, *limits.FARGATE_STORAGE_GB)
        if self.architecture not in ("X86_64", "ARM64"):
            got = f"architecture={self.architecture!r}"
            raise refuse("kind", where=where, got=got, allowed=("X86_64", "ARM64"), field="architecture")
        check_tuple("reads", self.reads, where, *get_args(Location))
        check_tuple("writes", self.writes, where, S3)
        check_tuple("permissions", self.permissions, where, Permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class FargateTask:
    """Runs one task on Fargate, in the account's subnets or those of `network`, and waits for its end.

    `task` is a definition that exists, or a container that the pipeline brings along. `command` replaces the
    image's, `environment` is added to it. A container that ends with another code than 0 fails the step. `raw` is
    merged last into the RunTask request.

    >>> from constructs_ml import Container, FargateTask, Image, S3
    >>> FargateTask(name="transform", task=Container(image=Image("transform:1.2"), writes=(S3("clean/"),)),
    ...             environment={"TO": S3("clean/")}).cluster
    'ml'
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)
    result_keys: ClassVar[tuple[str, ...]] = ("TaskArn",)

    name: str
    task: TaskDefinition | Container
    cluster: str | Input = "ml"
    command: tuple[Value, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    network: Network = Network()
    public_ip: bool = False
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("task", self.task, where, TaskDefinition, Container)
        check_service_name("cluster", self.cluster, _CLUSTER, where, "the name of a cluster")
        check_tuple("command", self.command, where, *VALUES)
        check_environment(self.environment, where)
        check_kind("network", self.network, where, Network)
        cut_off = self.network.isolation or self.network.encrypt_between_containers
        if cut_off or self.network.vpc is False:
            raise refuse("fargate-network", where=where, got=self.network, allowed="Network() with or without subnets=")
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 14 * DAY)
        object.__setattr__(self, "environment", frozen(self.environment))
        object.__setattr__(self, "raw", frozen(self.raw))

    def result(self, key: str) -> Result:
        """A field of the task that ended: its TaskArn."""
        return result_of(self.name, key, self.result_keys)
