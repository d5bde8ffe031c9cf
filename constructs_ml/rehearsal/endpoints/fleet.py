"""The machines behind an endpoint config: its variants with their model servers, and what DescribeEndpoint says."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from constructs_ml.rehearsal.calls import Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.containers import Containers, NotStartedError, Serve
from constructs_ml.rehearsal.endpoints.starting import start
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_SAGEMAKER = "sagemaker.amazonaws.com"


@dataclass(slots=True, eq=False)
class Variant:
    """A production or shadow variant that runs; `containers` is None where inference components bring them."""

    config: Mapping[str, Json]
    config_name: str
    principal: Principal
    containers: Containers | None
    weight: float
    instances: int
    since: datetime

    @property
    def name(self) -> str:
        return str(self.config["VariantName"])

    @property
    def serverless(self) -> bool:
        """Whether it has no instances."""
        return "ServerlessConfig" in self.config

    def summary(self, *, pending: bool = False, status: tuple[str, str] | None = None) -> dict[str, Json]:
        """A ProductionVariantSummary, or a PendingProductionVariantSummary.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantSummary.html.
        """
        given = self.config
        said: dict[str, Json] = {"VariantName": self.name, "CurrentWeight": self.weight, "DesiredWeight": self.weight}
        if self.containers is not None:
            said["DeployedImages"] = [_image(image, self.since) for image in self.containers.images]
        if self.serverless:
            said |= {"CurrentServerlessConfig": given["ServerlessConfig"]}
            said |= {"DesiredServerlessConfig": given["ServerlessConfig"]}
        else:
            said |= {"CurrentInstanceCount": self.instances, "DesiredInstanceCount": self.instances}
        wanted = ("ManagedInstanceScaling", "RoutingConfig", *(("InstanceType", "AcceleratorType") if pending else ()))
        said |= {key: given[key] for key in wanted if key in given}
        if status is not None:
            said["VariantStatus"] = [{"Status": status[0], "StatusMessage": status[1], "StartTime": self.since}]
        return said


@dataclass(slots=True, eq=False)
class Fleet:
    """What one endpoint config brought up."""

    config: Resource
    variants: tuple[Variant, ...]
    shadows: tuple[Variant, ...]
    capture: Mapping[str, Json]

    @property
    def principal(self) -> Principal:
        """The role that does what the endpoint itself does."""
        return self.variants[0].principal

    @property
    def instances(self) -> int:
        return sum(variant.instances for variant in self.variants)

    def describe(self, *, pending: bool = False, status: tuple[str, str] | None = None) -> dict[str, Json]:
        """The members of DescribeEndpoint that speak of it."""
        said: dict[str, Json] = {
            "EndpointConfigName": self.config.name,
            "ProductionVariants": [variant.summary(pending=pending, status=status) for variant in self.variants],
        }
        if self.shadows:
            said["ShadowProductionVariants"] = [variant.summary(pending=pending) for variant in self.shadows]
        if self.capture and not pending:
            on = self.capture.get("EnableCapture", True)
            said["DataCaptureConfig"] = {
                "EnableCapture": on,
                "CaptureStatus": "Started" if on else "Stopped",
                "CurrentSamplingPercentage": self.capture["InitialSamplingPercentage"],
                "DestinationS3Uri": self.capture["DestinationS3Uri"],
                # Required in the answer, yet a config may have no key.
                "KmsKeyId": self.capture.get("KmsKeyId", ""),
            }
        return said

    def keep(self, old: Fleet, excluded: Collection[str]) -> None:
        """Take over what the variants of the same names have (RetainAllVariantProperties), but what is excluded.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html.
        """
        if "DataCaptureConfig" not in excluded:
            self.capture = old.capture
        for variant in self.variants:
            before = next((item for item in old.variants if item.name == variant.name), None)
            if before is None:
                continue
            if "DesiredWeight" not in excluded:
                variant.weight = before.weight
            if "DesiredInstanceCount" not in excluded and not variant.serverless:
                variant.instances = before.instances

    def stop(self, patience: float = 60.0) -> None:
        """Stop every server, once it answered what it was asked."""
        for variant in (*self.variants, *self.shadows):
            if variant.containers is not None:
                with contextlib.suppress(OSError):
                    variant.containers.stop(patience)


def launch(account: EmbeddedAccount, store: Store, endpoint: str, config: Resource, serve: Serve) -> Fleet:
    """Bring up every variant of a config; `NotStartedError` when one does not, with none of them left."""
    started: list[list[Variant]] = [[], []]
    capture = config.fields.get("DataCaptureConfig") or {}
    try:
        for kind, given in enumerate((config.fields["ProductionVariants"], _shadows(config))):
            for variant in given:
                started[kind].append(_variant(account, store, endpoint, config, variant, serve))
    except Exception:
        Fleet(config, tuple(started[0]), tuple(started[1]), capture).stop()
        raise
    return Fleet(config, tuple(started[0]), tuple(started[1]), capture)


def check(store: Store, config: Resource) -> None:
    """Refuse a config that SageMaker, or this rehearsal, cannot bring up."""
    name = config.name
    if "ExplainerConfig" in config.fields:
        raise invalid(
            f"Endpoint config {name}: the rehearsal does not run Clarify explainers; leave ExplainerConfig out."
        )
    for given in (*config.fields["ProductionVariants"], *_shadows(config)):
        if "ModelName" in given and store.find("Model", given["ModelName"]) is None:
            arn = store.account.arn("sagemaker", f"model/{given['ModelName']}")
            raise invalid(f'Could not find model "{arn}".')
        if "ModelName" not in given and "ExecutionRoleArn" not in config.fields:
            raise invalid(f"Endpoint config {name}: variant {given['VariantName']} has neither model nor role.")
        # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature exclusions".
        if "ServerlessConfig" in given and config.fields.get("DataCaptureConfig"):
            raise invalid(f"Endpoint config {name}: a serverless variant captures no data.")


def _shadows(config: Resource) -> list[Mapping[str, Any]]:
    return config.fields.get("ShadowProductionVariants") or []


def _variant(
    account: EmbeddedAccount,
    store: Store,
    endpoint: str,
    config: Resource,
    given: Mapping[str, Any],
    serve: Serve,
) -> Variant:
    name, containers = given["VariantName"], None
    model = store.find("Model", given["ModelName"]) if "ModelName" in given else None
    if "ModelName" in given and model is None:
        raise NotStartedError(f"Model {given['ModelName']} of production variant {name} is gone.")
    role = model.fields.get("ExecutionRoleArn") if model else config.fields.get("ExecutionRoleArn")
    principal = account.assume(str(role), _SAGEMAKER, session=endpoint)
    if model is not None:
        containers = start(account, endpoint, given, model, principal, serve)
    weight = float(given.get("InitialVariantWeight", 1.0))
    instances = 0 if "ServerlessConfig" in given else int(given.get("InitialInstanceCount", 1))
    return Variant(given, config.name, principal, containers, weight, instances, account.clock.now())


def _image(image: str, since: datetime) -> dict[str, Json]:
    return {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": since}
