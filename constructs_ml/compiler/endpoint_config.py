"""What an endpoint moves to with every version: its models, and the configuration that names them.

Neither is ever named: every change but their tags replaces them, and a fixed name would be taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.serving import Served
from constructs_ml.compiler.template import Json, att, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.facts import instances
from constructs_ml.spec.compute import Instances, Serverless
from constructs_ml.spec.endpoint import Variant
from constructs_ml.spec.exclusions import instances_of

CONFIG = "Config"


def add_config(
    context: EndpointContext, found: Sequence[Served], types: Sequence[str | None], role: Json, ready: Sequence[str]
) -> None:
    """Add a model for each variant, and the configuration; `ready` are the policies that the role waits for."""
    spec, variants = context.spec, []
    for variant, item, chosen in zip(context.spec.variants, found, types, strict=True):
        model = _model(context, variant, item, role, ready)
        variants.append(_variant(context, variant, model, chosen))
    config: dict[str, Json] = {"ProductionVariants": variants, "Tags": tag_list(context.tags)}
    key = context.infrastructure.key_arn
    local = sorted({chosen for chosen in types if chosen and instances.has_local_storage(chosen)})
    if key is not None and not local and not context.is_serverless:
        config["KmsKeyId"] = key
    if key is not None and local and len(set(types)) > 1:
        context.template.notice(
            "volumes-unkeyed",
            f"variants of model {context.model!r} run on {', '.join(local)}, whose NVMe takes no key: the configuration"
            " has one key for all variants, so no volume of the others has it either.",
        )
    if spec.capture is not None:
        config["DataCaptureConfig"] = _capture(context)
    context.template.add(CONFIG, "AWS::SageMaker::EndpointConfig", config)


def _model(context: EndpointContext, variant: Variant, item: Served, role: Json, ready: Sequence[str]) -> str:
    properties: dict[str, Json] = {
        "ExecutionRoleArn": role,
        "PrimaryContainer": dict(item.container),
        "EnableNetworkIsolation": context.spec.network.isolation,
        "Tags": tag_list({**context.tags, tags.VARIANT: variant.name}),
    }
    if context.vpc is not None:
        properties["VpcConfig"] = {"Subnets": context.vpc[0], "SecurityGroupIds": context.vpc[1]}
    return context.template.add(f"{variant.name} model", "AWS::SageMaker::Model", properties, depends_on=ready)


def _variant(context: EndpointContext, variant: Variant, model: str, chosen: str | None) -> Json:
    rendered: dict[str, Json] = {
        "VariantName": variant.name,
        "ModelName": att(model, "ModelName"),
        "InitialVariantWeight": variant.weight,
    }
    match variant.compute:
        case Instances(volume_gb=volume) as machine:
            rendered |= {"InstanceType": chosen, "InitialInstanceCount": instances_of(context.spec, machine)}
            rendered |= {"VolumeSizeInGB": volume} if volume else {}
        case Serverless(memory_mb=memory, concurrency=most, provisioned=warm):
            serverless = {"MemorySizeInMB": memory, "MaxConcurrency": most}
            rendered["ServerlessConfig"] = serverless | ({"ProvisionedConcurrency": warm} if warm else {})
    return rendered


def _capture(context: EndpointContext) -> Json:
    capture = context.spec.capture
    assert capture is not None
    modes = ("Input", "Output") if capture.what == "InputAndOutput" else (capture.what,)
    prefix = names.capture_prefix(context.model).rstrip("/")
    config: dict[str, Json] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": sub("s3://${Bucket}/" + prefix, Bucket=context.infrastructure.artifact_bucket),
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    if context.infrastructure.key_arn is not None:
        config["KmsKeyId"] = context.infrastructure.key_arn
    return config
