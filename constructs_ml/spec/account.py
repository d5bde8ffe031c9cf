"""An account that models are deployed to: what may differ between stages stands here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from constructs_ml.contract import names
from constructs_ml.facts import regions
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_name
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.model_settings import ModelSettings

JobKind = Literal["training", "processing", "transform"]
RoleKind = Literal["training", "processing", "transform", "automl", "compilation"]
Use = Literal["training", "processing", "transform", "endpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNetwork:
    """The subnets and security groups in which every job of the account runs."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRules:
    """Which instances jobs and endpoints run on when they name none, and what they may ask for.

    `allowed` empty means every type that the region offers; `most` bounds the instances of one job or variant.
    """

    training: str | None = None
    processing: str | None = None
    transform: str | None = None
    endpoint: str | None = None
    allowed: tuple[str, ...] = ()
    most: int = 20

    def default(self, use: Use) -> str | None:
        chosen: str | None = getattr(self, use)
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One stage of a platform. `id` and `region` are None together in a stack that is not bound to an environment.

    `key_arn` names a key the account already has (None: the platform makes one); `permissions_boundary` is the
    ARN of a managed policy put on every role; `destroyable` is the account's half of the two keys that deleting
    data takes; `existing_customer` names closed services that this account may still use; `models` is what this
    account says about single models; `mlflow_arn` names the MLflow app or tracking server that jobs log to; `where`
    says which file and line declared the account, for errors.
    """

    stage: str
    id: str | None = None
    region: str | None = None
    network: AccountNetwork | None = None
    key_arn: str | None = None
    permissions_boundary: str | None = None
    instances: InstanceRules = field(default_factory=InstanceRules)
    log_retention_days: int = 365
    noncurrent_data_days: int = 90
    notify: tuple[str, ...] = ()
    registry_readers: tuple[str, ...] = ()
    destroyable: bool = False
    existing_customer: tuple[str, ...] = ()
    models: Mapping[str, ModelSettings] = field(default_factory=lambda: MappingProxyType({}))
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mlflow_arn: str | None = None
    where: str = ""

    def __post_init__(self) -> None:
        where = self.where or f"Account({self.stage!r})"
        check_fields(self, where)
        check_name("stage", self.stage, where, longest=names.STAGE_LENGTH)
        if (self.id is None) != (self.region is None):
            got = f"id {self.id!r} and region {self.region!r}"
            raise refuse("account-half", where=where, got=got, allowed="both, or neither")
        if self.id is not None and not re.fullmatch(r"[0-9]{12}", self.id):
            raise refuse("account-id", where=where, got=repr(self.id), allowed="twelve digits, as text")
        if self.region is not None:
            regions.partition_of(self.region, where)

    def model(self, name: str) -> ModelSettings:
        """What this account says about a model; nothing, if it does not name it."""
        return self.models.get(name, ModelSettings())
