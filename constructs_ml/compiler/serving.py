"""What the renderers of one endpoint share, and which version each of its variants serves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from constructs_ml.compiler.code import read_code
from constructs_ml.compiler.images import image_uri, registry_arn
from constructs_ml.compiler.infrastructure import Infrastructure, arn
from constructs_ml.compiler.template import Json, Template, asset, sub
from constructs_ml.contract import names, tags
from constructs_ml.faults import Faults, SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.compute import Serverless
from constructs_ml.spec.endpoint import Artifact, EndpointSpec, Variant
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.model_settings import ModelSettings, PackageVersion, Pin
from constructs_ml.spec.values import S3


@dataclass(frozen=True, slots=True)
class Served:
    """What one variant serves: its container, and where the container's parts are read from."""

    container: Mapping[str, Json]
    reads: tuple[tuple[Json, str], ...]
    registries: tuple[Json, ...]
    foreign_keys: tuple[Json, ...] = ()


@dataclass(slots=True, kw_only=True)
class Serving:
    """One endpoint on its way into one account.

    `images` are those that the model's pipeline registers versions with; `vpc` the containers' subnets and groups.
    """

    spec: EndpointSpec
    account: Account
    model: str
    owner: str
    infrastructure: Infrastructure
    template: Template
    root: Path = Path()
    images: tuple[ContainerImage, ...] = ()
    user_tags: Mapping[str, str] = field(default_factory=dict)
    vpc: tuple[Json, Json] | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def settings(self) -> ModelSettings:
        """What the account says about the model."""
        return self.account.model(self.model)

    @property
    def name(self) -> str:
        """The endpoint's name: the same for its callers whatever is behind it."""
        return names.endpoint(self.account.stage, self.model)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource whose tags may change."""
        return {
            **self.account.tags,
            **self.user_tags,
            tags.MODEL: self.model,
            tags.STAGE: self.account.stage,
            tags.OWNER: self.owner,
        }

    @property
    def where(self) -> str:
        """The place of a fault of this account's settings."""
        return f"{self.account.where or f'account {self.account.stage!r}'}: endpoint of model {self.model!r}"

    @property
    def is_serverless(self) -> bool:
        """Whether it has no machines: a serverless endpoint has one variant."""
        return isinstance(self.spec.variants[0].compute, Serverless)


def unpinned(spec: EndpointSpec, settings: ModelSettings) -> tuple[str, ...]:
    """The variants whose version an account should name and does not."""
    return tuple(
        variant.name
        for variant in spec.variants
        if not isinstance(variant.model, Artifact) and variant.name not in settings.pins
    )


def check_pins(serving: Serving) -> None:
    """Add a fault for pins that name no variant, or only some."""
    known = tuple(variant.name for variant in serving.spec.variants if not isinstance(variant.model, Artifact))
    for name in serving.settings.pins:
        if name not in known:
            serving.faults.add("pin-variant", where=serving.where, got=name, allowed=known or "no pins")
    missing = unpinned(serving.spec, serving.settings)
    if missing and len(missing) < len(serving.spec.variants):
        serving.faults.add("pin-partial", where=serving.where, got=f"no pin for {', '.join(missing)}", allowed=known)


@dataclass(frozen=True, slots=True)
class VariantCode:
    """The asset of a variant's inference script, and the file in it that starts."""

    asset: str
    entry: str


def served(serving: Serving, variant: Variant, instance_type: str | None, code: VariantCode | None) -> Served:
    """What a variant serves, by its artifact or the account's pin."""
    where = f"{serving.where}, variant {variant.name!r}"
    model = variant.model
    if isinstance(model, Artifact):
        found = _artifact(serving, model.location, model.image, instance_type, where)
    else:
        pinned: Pin = serving.settings.pins[variant.name]
        if isinstance(pinned, PackageVersion):
            found = _package(serving, pinned, (model.image,) if model.image else serving.images, where)
        else:
            image = model.image or (serving.images[0] if len(serving.images) == 1 else None)
            if image is None:
                serving.faults.add("pin-image", where=where, got=pinned.location, allowed="Pinned(image=...)")
                return Served({}, (), ())
            found = _artifact(serving, pinned, image, instance_type, where)
    environment = {**_environment(code), **variant.environment}
    return replace(found, container={**found.container, "Environment": environment}) if environment else found


def _artifact(serving: Serving, location: S3, image: ContainerImage, instance_type: str | None, where: str) -> Served:
    bucket = location.bucket or serving.infrastructure.data_bucket
    template, account = serving.template, serving.account
    uri = image_uri(template, account, image, "inference", instance_type, where, serving.faults)
    container = {"Image": uri, "ModelDataUrl": sub("s3://${Bucket}/" + location.key, Bucket=bucket)}
    return Served(container, ((bucket, location.key),), (registry_arn(template, account, image, "inference"),))


def _package(serving: Serving, pinned: PackageVersion, images: tuple[ContainerImage, ...], where: str) -> Served:
    account, own = serving.account, names.model_package_group(serving.account.stage, serving.model)
    group = pinned.group or own
    stage = group.removesuffix(f"-{serving.model}")
    if stage == group or not re.fullmatch(rf"[a-z][a-z0-9-]{{0,{names.STAGE_LENGTH - 1}}}", stage):
        serving.faults.add("pin-group", where=where, got=group, allowed=f"{own}, or a group named ...-{serving.model}")
    if pinned.region and account.region and pinned.region != account.region:
        serving.faults.add("pin-region", where=where, got=pinned.region, allowed=account.region)
    if not images:
        allowed = "Pinned(image=...), or images= of the endpoint"
        serving.faults.add("pin-image", where=where, got=f"version {pinned.version} of {group}", allowed=allowed)
    registries = tuple(registry_arn(serving.template, account, image, "inference") for image in images)
    if pinned.account is None or pinned.account == account.id:
        package = arn("sagemaker", f"model-package/{group}/{pinned.version}")
        bucket = serving.infrastructure.artifact_bucket
        if group != own:
            bucket = sub(names.artifact_bucket(stage, "${AWS::AccountId}", "${AWS::Region}"))
        reads = ((bucket, f"{serving.model}/"),)
        return Served({"ModelPackageName": package}, reads, registries)
    region = pinned.region or ""
    package = sub(f"arn:${{AWS::Partition}}:sagemaker:{region}:{pinned.account}:model-package/{group}/{pinned.version}")
    bucket = names.artifact_bucket(stage, pinned.account, region)
    key = sub(f"arn:${{AWS::Partition}}:kms:{region}:{pinned.account}:key/*")
    return Served({"ModelPackageName": package}, ((bucket, f"{serving.model}/"),), registries, (key,))


def read_variant_code(serving: Serving) -> dict[str, VariantCode]:
    """The code of each variant that brings some. Raises `SpecError` with all that is missing."""
    faults, found = Faults(), dict[str, VariantCode]()
    for variant in serving.spec.variants:
        if variant.code is None:
            continue
        code = variant.code if isinstance(variant.code, Code) else Code(variant.code)
        where = f"endpoint of model {serving.model!r}, variant {variant.name!r}"
        try:
            read, entry = read_code(serving.root, code.path, entry=code.entry, where=where)
        except SpecError as refused:
            faults.found.extend(refused.faults)
            continue
        known = {item.digest: name for name, item in serving.template.assets.items()}
        name = known.get(read.digest, f"{variant.name} code")
        serving.template.assets[name] = read
        found[variant.name] = VariantCode(name, entry)
    faults.raise_if_any()
    return found


def _environment(code: VariantCode | None) -> dict[str, Json]:
    """The variables by which AWS's serving images find the inference script."""
    if code is None:
        return {}
    return {
        "SAGEMAKER_PROGRAM": code.entry,
        "SAGEMAKER_SUBMIT_DIRECTORY": asset(code.asset, "uri"),
        "SAGEMAKER_REGION": {"Ref": "AWS::Region"},
    }
