"""accounts.yaml: which accounts there are, read strictly, with every fault at its line and column."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from constructs_ml.contract import names
from constructs_ml.facts import regions, services
from constructs_ml.faults import Faults, SpecError, refuse
from constructs_ml.spec.account import Account, AccountNetwork, InstanceRules

AccountId = Annotated[str, Field(pattern=r"^\d{12}$", description="Twelve digits, in quotes.")]
_RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_STAGE = rf"^[a-z][a-z0-9-]{{0,{names.STAGE_LENGTH - 1}}}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Network(_Strict):
    """The subnets and security groups in which every job runs."""

    subnets: list[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]] = Field(min_length=1, max_length=16)
    security_groups: list[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")]] = Field(min_length=1, max_length=5)


class _Instances(_Strict):
    """Instance types where a step names none, and what jobs may ask for."""

    training: str | None = Field(default=None, pattern=r"^ml\.", description="For training jobs, such as ml.m5.large.")
    processing: str | None = Field(default=None, pattern=r"^ml\.", description="For processing jobs.")
    allowed: list[str] = Field(default=[], description="Nothing else may be asked for; empty allows all.")
    most: int = Field(default=20, ge=1, le=100, description="The instances of one job.")


class _Account(_Strict):
    """One stage."""

    id: AccountId
    region: str = Field(description="Such as eu-central-1; partition and images follow from it.")
    network: _Network | None = None
    key_arn: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+$")
    permissions_boundary: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+$")
    instances: _Instances = _Instances()
    log_retention_days: Literal[_RETENTION] = 365  # type: ignore[valid-type]  # the values stand once, above
    noncurrent_data_days: int = Field(default=90, ge=1, le=3650)
    notify: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]] = []
    registry_readers: list[AccountId] = []
    destroyable: bool = False
    existing_customer: list[str] = []
    tags: dict[str, str] = {}

    @field_validator("region")
    @classmethod
    def _region_exists(cls, region: str) -> str:
        try:
            regions.partition_of(region)
        except SpecError as refused:
            raise _refusal("region", repr(region), refused.faults[0].allowed) from None
        return region

    @field_validator("existing_customer")
    @classmethod
    def _services_are_closed(cls, found: list[str]) -> list[str]:
        for name in found:
            if name not in services.closed():
                raise _refusal("accounts-closed", name, ", ".join(services.closed()))
        return found

    @model_validator(mode="after")
    def _arns_belong_here(self) -> Self:
        partition = regions.partition_of(self.region)
        if self.key_arn:
            wanted = f"arn:{partition}:kms:{self.region}:{self.id}:key/"
            if not self.key_arn.startswith(wanted):
                raise _refusal("accounts-key", self.key_arn, f"{wanted}...")
        boundary = self.permissions_boundary
        if boundary and boundary.split(":")[1] != partition:
            raise _refusal("accounts-boundary", boundary, f"arn:{partition}:iam::...")
        return self


def _refusal(id: str, got: str, allowed: str) -> PydanticCustomError:
    """A row of the refusal table, on its way through pydantic."""
    return PydanticCustomError("refused", "{row}", {"row": id, "got": got, "allowed": allowed})


class _File(_Strict):
    """accounts.yaml: the accounts by stage."""

    accounts: dict[Annotated[str, Field(pattern=_STAGE)], _Account] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a file, in its order.

    Example: `for account in Accounts.load("accounts.yaml"): ...`, or `Accounts.load(path)["dev"]`.
    """

    path: str
    by_stage: Mapping[str, Account]

    @classmethod
    def load(cls, path: str | Path) -> Accounts:
        """Read a file. Raises one `SpecError` with every fault, each with its line and column."""
        shown = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise refuse("accounts-file", where=shown, got=error.strerror, allowed="a readable YAML file") from None
        places, content, faults = _read(text, shown)
        faults.raise_if_any()
        try:
            parsed = _File.model_validate(content)
        except ValidationError as error:
            for detail in error.errors():
                _explain(detail, shown, places, faults)
            faults.raise_if_any()
            raise
        accounts = {stage: _account(stage, item, shown, places) for stage, item in parsed.accounts.items()}
        return cls(shown, accounts)

    def __iter__(self) -> Iterator[Account]:
        return iter(self.by_stage.values())

    def __len__(self) -> int:
        return len(self.by_stage)

    def __getitem__(self, stage: str) -> Account:
        """One stage. There is no fallback: a stage that the file lacks is an error."""
        if stage not in self.by_stage:
            raise refuse("stage-missing", where=self.path, got=repr(stage), allowed=tuple(self.by_stage))
        return self.by_stage[stage]


def accounts_schema() -> dict[str, Any]:
    """The JSON Schema of accounts.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_File.model_json_schema()}


_Place = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Safe loading that also remembers where everything stands; numbers keep their quotes' meaning."""


def _read(text: str, path: str) -> tuple[dict[_Place, yaml.Mark], Any, Faults]:
    faults = Faults()
    places: dict[_Place, yaml.Mark] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        got = getattr(error, "problem", None) or str(error)
        faults.add("accounts-yaml", where=_at(path, mark), got=got, allowed="YAML")
        return places, None, faults
    content = None
    if node is not None:
        _walk(node, (), path, places, faults)
        if not faults.found:
            content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    if content is None and not faults.found:
        faults.add("accounts-yaml", where=path, got="an empty file", allowed="accounts: by stage")
    return places, content, faults


def _walk(node: yaml.Node, place: _Place, path: str, places: dict[_Place, yaml.Mark], faults: Faults) -> None:
    places.setdefault(place, node.start_mark)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                where = _at(path, key.start_mark)
                faults.add("accounts-duplicate", where=where, got=key.value, allowed="each key once", name=key.value)
            seen.add(key.value)
            places[(*place, key.value)] = key.start_mark
            _walk(value, (*place, key.value), path, places, faults)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), path, places, faults)


def _explain(detail: ErrorDetails, path: str, places: Mapping[_Place, yaml.Mark], faults: Faults) -> None:
    """One of pydantic's errors in our own words."""
    place = tuple(item for item in detail["loc"] if item != "[key]")
    known = place
    while known and known not in places:
        known = known[:-1]
    where = f"{_at(path, places.get(known))}: {'.'.join(str(item) for item in place)}"
    got, kind = detail["input"], detail["type"]
    if kind == "refused":
        context = detail["ctx"]
        faults.add(context["row"], where=where, got=context["got"], allowed=context["allowed"])
    elif kind == "extra_forbidden":
        allowed = _siblings(place)
        near = get_close_matches(str(place[-1]), allowed, n=1)
        hint = f"{place[-1]} (did you mean {near[0]}?)" if near else str(place[-1])
        faults.add("accounts-unknown", where=where, got=hint, allowed=allowed)
    elif kind == "missing":
        faults.add("accounts-missing", where=where, got="nothing", allowed=f"{place[-1]}:", name=place[-1])
    elif kind == "string_type" and isinstance(got, (int, float)) and not isinstance(got, bool):
        faults.add("accounts-quotes", where=where, got=repr(got), allowed=f'text in quotes, such as "{got}"')
    else:
        faults.add("accounts-value", where=where, got=repr(got), allowed=_allowed(detail))


def _siblings(place: _Place) -> tuple[str, ...]:
    """The keys that the mapping around a place may have."""
    models: dict[str, type[BaseModel]] = {"network": _Network, "instances": _Instances}
    if len(place) == 1:
        return tuple(_File.model_fields)
    model = models.get(str(place[2])) if len(place) > 3 else _Account
    return tuple(model.model_fields) if model else ()


def _allowed(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if "pattern" in context:
        return f"text like {context['pattern']}"
    if "expected" in context:
        return str(context["expected"])
    return detail["msg"][0].lower() + detail["msg"][1:]


def _account(stage: str, item: _Account, path: str, places: Mapping[_Place, yaml.Mark]) -> Account:
    values = {field.name: getattr(item, field.name) for field in fields(Account) if field.name in _Account.model_fields}
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    network, instances = item.network, item.instances
    values["network"] = network and AccountNetwork(
        subnets=tuple(network.subnets), security_groups=tuple(network.security_groups)
    )
    values["instances"] = InstanceRules(**{**instances.model_dump(), "allowed": tuple(instances.allowed)})
    return Account(stage=stage, where=f"{_at(path, places.get(('accounts', stage)))}: accounts.{stage}", **values)


def _at(path: str, mark: yaml.Mark | None) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path


if __name__ == "__main__":
    json.dump(accounts_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
