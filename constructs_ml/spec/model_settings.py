"""ModelSettings: what one account says about one model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_number, frozen
from constructs_ml.spec.deployment import Deployment
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import S3

_PACKAGE = re.compile(
    r"arn:aws[a-z-]*:sagemaker:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":model-package/(?P<group>[a-zA-Z0-9-]+)/(?P<version>[0-9]+)"
)
_ALLOWED = "the number of a version, the ARN of a model package, or the s3:// URI of a .tar.gz"


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """A version in a model package group; `account` and `region` None mean this account's own."""

    version: int
    group: str | None = None
    account: str | None = None
    region: str | None = None


Pin = PackageVersion | S3
Constant = str | float | bool | S3 | tuple[object, ...]
"""A value that can be known before a run: the default of an input."""


def pin(value: int | str, where: str = "pin") -> Pin:
    """A pin as an account's settings write it: 7, "arn:...:model-package/group/7", or "s3://bucket/key.tar.gz"."""
    if isinstance(value, int) and not isinstance(value, bool):
        check_number("the version", value, where, 1, 10**9)
        return PackageVersion(value)
    found = _PACKAGE.fullmatch(value) if isinstance(value, str) else None
    if found:
        return PackageVersion(int(found["version"]), found["group"], found["account"], found["region"])
    if isinstance(value, str) and value.startswith("s3://") and value.endswith(".tar.gz"):
        return S3(value)
    raise refuse("pin-form", where=where, got=repr(value), allowed=_ALLOWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What may differ between accounts for one model.

    `pins` are the versions that variants serve; `run` is the execution whose outputs are baselines;
    `instance_type` is for variants that name none; `deployment` replaces the endpoint's own policy; `monitors` and
    `features` "none" leave the model's monitors or feature groups out of this account, knowingly. `inputs` are this
    account's defaults for inputs of the model's pipelines, by their names: ids and names that differ between accounts.
    """

    pins: Mapping[str, Pin] = field(default_factory=dict)
    run: str | None = None
    instance_type: str | None = None
    deployment: Deployment | None = None
    monitors: Literal["native", "none"] = "native"
    features: Literal["all", "none"] = "all"
    inputs: Mapping[str, Constant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, "ModelSettings")
        object.__setattr__(self, "inputs", frozen(self.inputs))
        object.__setattr__(self, "pins", frozen(self.pins))
