"""The event "SageMaker Endpoint Deployment State Change"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.fleet import Fleet
from constructs_ml.rehearsal.endpoints.live import Live

_KINDS = ("VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")


def told(account: EmbeddedAccount, live: Live, status: str, fleet: Fleet, stage: tuple[str, str] | None) -> None:
    """Put the event on the bus: what DescribeEndpoint says, its status in capitals, its times in milliseconds.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html, "SageMaker endpoint
    deployment state change", has an example; endpoints with serverless variants send none (deployment guardrails,
    "Exclusions").
    """
    resource = live.resource
    if any(variant.serverless for variant in fleet.variants):
        return
    detail: dict[str, Json] = {"EndpointName": resource.name, "EndpointArn": resource.arn}
    detail["EndpointConfigName"] = fleet.config.name
    detail["ProductionVariants"] = [_shown(item.summary(status=stage)) for item in fleet.variants]
    detail["EndpointStatus"] = status
    detail["CreationTime"] = _milliseconds(resource.fields["CreationTime"])
    detail["LastModifiedTime"] = _milliseconds(resource.fields["LastModifiedTime"])
    detail["Tags"] = dict(resource.tags)
    pending = resource.fields.get("PendingDeploymentSummary")
    if pending:
        shown = [_shown(item) for item in pending["ProductionVariants"]]
        detail["PendingDeploymentSummary"] = _plain(pending) | {"ProductionVariants": shown}
    account.emit("aws.sagemaker", "SageMaker Endpoint Deployment State Change", detail, [resource.arn])


def _shown(variant: Mapping[str, Json]) -> dict[str, Json]:
    said = {key: variant[key] for key in _KINDS if key in variant}
    if "VariantStatus" in variant:
        said["VariantStatus"] = [_plain(item) for item in variant["VariantStatus"]]
    return said


def _plain(given: Mapping[str, Json]) -> dict[str, Json]:
    return {key: _milliseconds(value) if isinstance(value, datetime) else value for key, value in given.items()}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
