"""Which version each variant of an endpoint serves: its container, and where the container's parts are read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from constructs_ml.compiler.code import read_code
from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.images import image_uri, registry_arn
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.template import Json, asset, sub
from constructs_ml.contract import names
from constructs_ml.faults import Faults, SpecError
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


def unpinned(spec: EndpointSpec, settings: ModelSettings) -> tuple[str, ...]:
    """The variants whose version an account should name and does not."""
    return tuple(
        variant.name
        for variant in spec.variants
        if not isinstance(variant.model, Artifact) and variant.name not in settings.pins
    )


def check_pins(context: EndpointContext) -> None:
    """Add a fault for pins that name no variant, or only some."""
    known = tuple(variant.name for variant in context.spec.variants if not isinstance(variant.model, Artifact))
    for name in context.settings.pins:
        if name not in known:
            context.faults.add("pin-variant", where=context.where, got=name, allowed=known or "no pins")
    missing = unpinned(context.spec, context.settings)
    if missing and len(missing) < len(context.spec.variants):
        context.faults.add("pin-partial", where=context.where, got=f"no pin for {', '.join(missing)}", allowed=known)


@dataclass(frozen=True, slots=True)
class VariantCode:
    """The asset of a variant's inference script, and the file in it that starts."""

    asset: str
    entry: str


def served(context: EndpointContext, variant: Variant, instance_type: str | None, code: VariantCode | None) -> Served:
    """What a variant serves, by its artifact or the account's pin."""
    where = f"{context.where}, variant {variant.name!r}"
    model = variant.model
    if isinstance(model, Artifact):
        found = _artifact(context, model.location, model.image, instance_type, where)
    else:
        pinned: Pin = context.settings.pins[variant.name]
        if isinstance(pinned, PackageVersion):
            images = (model.image,) if model.image else context.images
            found = _package(context, pinned, images, where, brought=code is not None)
        else:
            image = model.image or (context.images[0] if len(context.images) == 1 else None)
            if image is None:
                context.faults.add("pin-image", where=where, got=pinned.location, allowed="Pinned(image=...)")
                return Served({}, (), ())
            found = _artifact(context, pinned, image, instance_type, where)
    environment = {**_environment(code), **variant.environment}
    return replace(found, container={**found.container, "Environment": environment}) if environment else found


def _artifact(
    context: EndpointContext, location: S3, image: ContainerImage, instance_type: str | None, where: str
) -> Served:
    bucket = location.bucket or context.infrastructure.data_bucket
    template, account = context.template, context.account
    uri = image_uri(template, account, image, "inference", instance_type, where, context.faults)
    container = {"Image": uri, "ModelDataUrl": sub("s3://${Bucket}/" + location.key, Bucket=bucket)}
    return Served(container, ((bucket, location.key),), (registry_arn(template, account, image, "inference"),))


def _package(
    context: EndpointContext, pinned: PackageVersion, images: tuple[ContainerImage, ...], where: str, *, brought: bool
) -> Served:
    account, own = context.account, names.model_package_group(context.account.stage, context.model)
    group = pinned.group or own
    stage = group.removesuffix(f"-{context.model}")
    if stage == group or not re.fullmatch(rf"[a-z][a-z0-9-]{{0,{names.STAGE_LENGTH - 1}}}", stage):
        context.faults.add("pin-group", where=where, got=group, allowed=f"{own}, or a group named ...-{context.model}")
    if pinned.region and account.region and pinned.region != account.region:
        context.faults.add("pin-region", where=where, got=pinned.region, allowed=account.region)
    if not images:
        allowed = "Pinned(image=...), or images= of the endpoint"
        context.faults.add("pin-image", where=where, got=f"version {pinned.version} of {group}", allowed=allowed)
    registries = tuple(registry_arn(context.template, account, image, "inference") for image in images)
    if pinned.account is None or pinned.account == account.id:
        package = arn("sagemaker", f"model-package/{group}/{pinned.version}")
        bucket = context.infrastructure.artifact_bucket
        if group != own:
            bucket = sub(names.artifact_bucket(stage, "${AWS::AccountId}", "${AWS::Region}"))
        reads = ((bucket, f"{context.model}/"),)
        return Served({"ModelPackageName": package}, reads, registries)
    if context.fetched and not brought:
        got, allowed = f"version {pinned.version} of account {pinned.account}", "Variant(code=...), or engine='states'"
        context.faults.add("pin-code", where=where, got=got, allowed=allowed)
    region = pinned.region or ""
    package = sub(f"arn:${{AWS::Partition}}:sagemaker:{region}:{pinned.account}:model-package/{group}/{pinned.version}")
    bucket = names.artifact_bucket(stage, pinned.account, region)
    key = sub(f"arn:${{AWS::Partition}}:kms:{region}:{pinned.account}:key/*")
    return Served({"ModelPackageName": package}, ((bucket, f"{context.model}/"),), registries, (key,))


def read_variant_code(context: EndpointContext) -> dict[str, VariantCode]:
    """The code of each variant that brings some. Raises `SpecError` with all that is missing."""
    faults, found = Faults(), dict[str, VariantCode]()
    for variant in context.spec.variants:
        if variant.code is None:
            continue
        code = variant.code if isinstance(variant.code, Code) else Code(variant.code)
        where = f"endpoint of model {context.model!r}, variant {variant.name!r}"
        try:
            read, entry = read_code(context.root, code.path, entry=code.entry, where=where)
        except SpecError as refused:
            faults.found.extend(refused.faults)
            continue
        known = {item.digest: name for name, item in context.template.assets.items()}
        name = known.get(read.digest, f"{variant.name} code")
        context.template.assets[name] = read
        found[variant.name] = VariantCode(name, entry)
    faults.raise_if_any()
    return found


def read_fetched_code(context: EndpointContext) -> None:
    """The code that registered versions fetch, as assets of this template too: their bucket is read with its role.

    Code that a variant brings comes first, and takes the place of what the version names.
    """
    known = {item.digest for item in context.template.assets.values()}
    for number, code in enumerate(context.fetched, 1):
        where = f"endpoint of model {context.model!r}, registered code"
        read, _ = read_code(context.root, code.path, entry=code.entry, where=where)
        if read.digest not in known:
            known.add(read.digest)
            context.template.assets[f"fetched code {number}"] = read


def _environment(code: VariantCode | None) -> dict[str, Json]:
    """The variables by which AWS's serving images find the inference script."""
    if code is None:
        return {}
    return {
        "SAGEMAKER_PROGRAM": code.entry,
        "SAGEMAKER_SUBMIT_DIRECTORY": asset(code.asset, "uri"),
        "SAGEMAKER_REGION": {"Ref": "AWS::Region"},
    }
