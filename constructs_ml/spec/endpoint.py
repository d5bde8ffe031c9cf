"""EndpointSpec: which versions of a model answer requests, on what, and how they are replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from constructs_ml.contract import names
from constructs_ml.facts import limits
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.alarms import Errors, Latency, VariantAlarm
from constructs_ml.spec.checks import alike, check_kind, check_name, check_number, check_tuple, check_whole, frozen
from constructs_ml.spec.compute import Instances, Serverless, VariantCompute
from constructs_ml.spec.deployment import AllAtOnce, Canary, Deployment, Linear, Rolling
from constructs_ml.spec.exclusions import check_endpoint
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import IMAGES, ContainerImage
from constructs_ml.spec.jobs import Code, Network
from constructs_ml.spec.scaling import AutoScaling
from constructs_ml.spec.steps.common import check_environment
from constructs_ml.spec.triggers import OnAlarm
from constructs_ml.spec.values import S3


@dataclass(frozen=True, slots=True)
class Pinned:
    """The version that each account names in its settings, under `models.<model>.pins.<variant>`.

    A version is a number in the account's own group, the ARN of a model package, or the `s3://` URI of an
    artifact, which `image` then serves. An account that names none has no endpoint yet.
    """

    image: ContainerImage | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Pinned")
        check_kind("image", self.image, "Pinned", *IMAGES, type(None))


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model.tar.gz and the image that serves it, the same for every account.

    The key should name the version: the same key with new content is no change that CloudFormation sees.
    """

    location: S3
    image: ContainerImage

    def __post_init__(self) -> None:
        check_fields(self, "Artifact")
        check_kind("location", self.location, "Artifact", S3)
        check_kind("image", self.image, "Artifact", *IMAGES)
        if not self.location.key.endswith(".tar.gz"):
            got = repr(self.location.location)
            raise refuse("artifact-key", where="Artifact", got=got, allowed="the key of a .tar.gz file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One version behind the endpoint. `weight` is its share of the traffic relative to the other variants'.

    `code` is the inference script, a file or a folder; without it the model package's own or the image's runs.
    The name is part of what callers and scaling refer to: it stays.
    """

    name: str = "main"
    model: Pinned | Artifact = Pinned()
    weight: float = 1.0
    compute: VariantCompute = Instances()
    code: str | PurePath | Code | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"variant {self.name!r}"
        check_fields(self, where)
        check_name("variant", self.name, where, longest=names.VARIANT_LENGTH)
        check_number("weight", self.weight, where, 0, 1_000_000)
        check_kind("model", self.model, where, Pinned, Artifact)
        check_kind("compute", self.compute, where, Instances, Serverless)
        check_kind("code", self.code, where, str, PurePath, Code, type(None))
        check_environment(self.environment, where, own=3)
        object.__setattr__(self, "environment", frozen(self.environment))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCapture:
    """Requests and answers, kept in the platform's artifact bucket: `percent` of them, 1 to 100."""

    percent: int = 100
    what: Literal["Input", "Output", "InputAndOutput"] = "InputAndOutput"

    def __post_init__(self) -> None:
        check_fields(self, "DataCapture")
        check_whole("percent", self.percent, "DataCapture", 1, 100)
        allowed = ("Input", "Output", "InputAndOutput")
        if self.what not in allowed:
            raise refuse("capture-what", where="DataCapture", got=repr(self.what), allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """An endpoint of a model. Its name is stable; versions come by the account's pins.

    `alarms` are made for each variant; they and the alarms named in `rollback` undo an update that they ring in.
    `autoscaling` holds for every variant. `network` puts the containers into the account's subnets or cuts them
    off. Every limit and exclusion of AWS is checked when the spec is built, or, where the account has a say, when
    it is compiled.

    >>> from constructs_ml import Canary
    >>> spec = EndpointSpec(deployment=Canary(percent=10), variants=(Variant(compute=Instances(count=2)),))
    >>> spec.variants[0].name
    'main'
    """

    variants: tuple[Variant, ...] = (Variant(),)
    deployment: Deployment = AllAtOnce()
    autoscaling: AutoScaling | None = None
    capture: DataCapture | None = None
    alarms: tuple[VariantAlarm, ...] = (Errors(), Latency())
    rollback: tuple[str, ...] = ()
    network: Network = Network()

    def __post_init__(self) -> None:
        check_fields(self, "EndpointSpec")
        where, faults = "endpoint", Faults()
        self._check_kinds(where)
        if not 1 <= len(self.variants) <= limits.VARIANTS:
            raise refuse(
                "number-range",
                quantity="the number of variants",
                where=where,
                got=len(self.variants),
                allowed=f"1 to {limits.VARIANTS}",
            )
        self._check_variants(where, faults)
        self._check_alarms(where, faults)
        check_endpoint(self, where, faults)
        faults.raise_if_any()

    def _check_kinds(self, where: str) -> None:
        check_tuple("variants", self.variants, where, Variant)
        check_kind("deployment", self.deployment, where, AllAtOnce, Canary, Linear, Rolling)
        check_kind("autoscaling", self.autoscaling, where, AutoScaling, type(None))
        check_kind("capture", self.capture, where, DataCapture, type(None))
        check_tuple("alarms", self.alarms, where, Errors, Latency)
        check_tuple("rollback", self.rollback, where, str)
        check_kind("network", self.network, where, Network)

    def _check_variants(self, where: str, faults: Faults) -> None:
        names = [variant.name for variant in self.variants]
        for name, count in Counter(names).items():
            if count > 1:
                faults.add("variant-taken", where=where, got=f"{count} variants", allowed="each name once", name=name)
        for group in alike(dict.fromkeys(names)):
            faults.add("names-alike", where=where, got=group, allowed="other names", names=" and ".join(group))
        if not sum(item.weight for item in self.variants):
            faults.add("variant-weights", where=where, got="0 in all", allowed="at least one weight above 0")
        for variant in self.variants:
            if self.network.isolation and variant.code is not None:
                got, allowed = f"code of variant {variant.name!r}", "an artifact that holds its code, or no isolation"
                faults.add("isolation-code", where=where, got=got, allowed=allowed)

    def _check_alarms(self, where: str, faults: Faults) -> None:
        kinds = [alarm.kind for alarm in self.alarms]
        if len(set(kinds)) != len(kinds):
            faults.add("alarm-twice", where=where, got=kinds, allowed="one alarm of each kind")
        for name in self.rollback:
            OnAlarm(name)
        if len(set(self.rollback)) != len(self.rollback):
            faults.add("alarm-twice", where=where, got=self.rollback, allowed="each name once")
        total = len(self.alarms) * len(self.variants) + len(self.rollback)
        if total > limits.ROLLBACK_ALARMS:
            allowed = f"at most {limits.ROLLBACK_ALARMS}, those of each variant counted"
            faults.add("rollback-alarms", where=where, got=total, allowed=allowed)
