"""The shape of accounts.yaml, enforced by pydantic and published as a JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from constructs_ml.config.hints import hinted
from constructs_ml.config.models import ModelItem
from constructs_ml.config.strict import Strict, refusal
from constructs_ml.contract import names
from constructs_ml.facts import regions, services
from constructs_ml.faults import SpecError

_RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_MODEL = rf"^[a-z][a-z0-9-]{{0,{names.MODEL_LENGTH - 1}}}$"
_STAGE = rf"^[a-z][a-z0-9-]{{0,{names.STAGE_LENGTH - 1}}}$"


def _region(region: str) -> str:
    try:
        regions.partition_of(region)
    except SpecError as refused:
        raise refusal("region", repr(region), refused.faults[0].allowed) from None
    return region


def _closed(service: str) -> str:
    known = tuple(services.closed())
    if service not in known:
        raise refusal("accounts-closed", hinted(service, service, known), known)
    return service


def _once(found: list[str]) -> list[str]:
    twice = [item for index, item in enumerate(found) if item in found[:index]]
    if twice:
        raise refusal("accounts-value", ", ".join(twice), "each value once")
    return found


def _tag_key(key: str) -> str:
    if key.lower().startswith(("aws:", f"{names.PRODUCT}:")):
        raise refusal("accounts-value", key, f"a key that does not begin with aws: or {names.PRODUCT}:")
    return key


_AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="Twelve digits, in quotes.")]
_Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
_Instance = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")]
# The limits are those of https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html.
_TagKey = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_tag_key)]
_TagValue = Annotated[str, Field(max_length=256)]
_Set: Any = Field(default=[], json_schema_extra={"uniqueItems": True})


class NetworkItem(Strict):
    """The subnets and security groups in which every job runs."""

    subnets: list[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]] = Field(min_length=1, max_length=16)
    security_groups: list[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")]] = Field(min_length=1, max_length=5)


class InstancesItem(Strict):
    """Instance types where a step names none, and what jobs may ask for."""

    training: _Instance | None = Field(default=None, description="For training jobs, such as ml.m5.large.")
    processing: _Instance | None = Field(default=None, description="For processing jobs and monitors.")
    transform: _Instance | None = Field(default=None, description="For batch transform jobs.")
    endpoint: _Instance | None = Field(default=None, description="For endpoints' variants.")
    allowed: list[_Instance] = Field(default=[], description="Nothing else may be asked for; empty allows all.")
    most: int = Field(default=20, ge=1, le=100, description="The instances of one job or variant.")


class AccountItem(Strict):
    """One stage."""

    id: _AccountId
    region: Annotated[str, AfterValidator(_region)] = Field(
        description="Such as eu-central-1; partition and images follow from it."
    )
    network: NetworkItem | None = None
    key_arn: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-z-]+$")
    permissions_boundary: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$")
    mlflow_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-(app|tracking-server)/.+$",
        description="The MLflow app, or tracking server, that jobs log to.",
    )
    instances: InstancesItem = InstancesItem()
    log_retention_days: Literal[_RETENTION] = 365  # type: ignore[valid-type]  # the values stand once, above
    noncurrent_data_days: int = Field(default=90, ge=1, le=3650)
    notify: Annotated[list[_Email], AfterValidator(_once)] = _Set
    registry_readers: Annotated[list[_AccountId], AfterValidator(_once)] = _Set
    destroyable: bool = False
    existing_customer: list[Annotated[str, AfterValidator(_closed)]] = Field(default=[])
    models: dict[Annotated[str, Field(pattern=_MODEL)], ModelItem] = Field(
        default={}, description="What this account says about single models, by their names."
    )
    tags: dict[_TagKey, _TagValue] = Field(default={})

    @field_validator("key_arn")
    @classmethod
    def _key_belongs_here(cls, arn: str | None, info: ValidationInfo) -> str | None:
        own = info.data
        if arn and "region" in own and "id" in own:
            wanted = f"arn:{regions.partition_of(own['region'])}:kms:{own['region']}:{own['id']}:key/"
            if not arn.startswith(wanted):
                raise refusal("accounts-key", arn, f"{wanted}...")
        return arn

    @field_validator("mlflow_arn")
    @classmethod
    def _app_belongs_here(cls, arn: str | None, info: ValidationInfo) -> str | None:
        own = info.data
        if arn and "region" in own and "id" in own:
            wanted = f"arn:{regions.partition_of(own['region'])}:sagemaker:{own['region']}:{own['id']}:mlflow-"
            if not arn.startswith(wanted):
                raise refusal("accounts-mlflow", arn, f"{wanted}app/...")
        return arn

    @field_validator("permissions_boundary")
    @classmethod
    def _boundary_belongs_here(cls, arn: str | None, info: ValidationInfo) -> str | None:
        own = info.data
        if arn and "region" in own and "id" in own:
            partition = regions.partition_of(own["region"])
            wanted = tuple(f"arn:{partition}:iam::{owner}:policy/" for owner in (own["id"], "aws"))
            if not arn.startswith(wanted):
                raise refusal("accounts-boundary", arn, f"{wanted[0]}..., or {wanted[1]}...")
        return arn


class AccountsFile(Strict):
    """accounts.yaml: the accounts by stage."""

    accounts: dict[Annotated[str, Field(pattern=_STAGE)], AccountItem] = Field(min_length=1)
