"""What an endpoint moves to with every version: its models, and the configuration that names them.

Neither is ever named: every change but their tags replaces them, and a fixed name would be taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler.serving import Served, Serving
from constructs_ml.compiler.template import Json, att, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.facts import instances
from constructs_ml.spec.compute import Instances, Serverless
from constructs_ml.spec.endpoint import Variant
from constructs_ml.spec.exclusions import instances_of

CONFIG = "Config"


def add_config(
    serving: Serving, found: Sequence[Served], types: Sequence[str | None], role: Json, ready: Sequence[str]
) -> None:
    """Add a model for each variant, and the configuration; `ready` are the policies that the role waits for."""
    spec, variants = serving.spec, []
    for variant, item, chosen in zip(serving.spec.variants, found, types, strict=True):
        model = _model(serving, variant, item, role, ready)
        variants.append(_variant(serving, variant, model, chosen))
    config: dict[str, Json] = {"ProductionVariants": variants, "Tags": tag_list(serving.tags)}
    key = serving.infrastructure.key_arn
    local = sorted({chosen for chosen in types if chosen and instances.has_local_storage(chosen)})
    if key is not None and not local and not serving.is_serverless:
        config["KmsKeyId"] = key
    if key is not None and local and len(set(types)) > 1:
        serving.template.notice(
            "volumes-unkeyed",
            f"variants of model {serving.model!r} run on {', '.join(local)}, whose NVMe takes no key: the configuration"
            " has one key for all variants, so no volume of the others has it either.",
        )
    if spec.capture is not None:
        config["DataCaptureConfig"] = _capture(serving)
    serving.template.add(CONFIG, "AWS::SageMaker::EndpointConfig", config)


def _model(serving: Serving, variant: Variant, item: Served, role: Json, ready: Sequence[str]) -> str:
    properties: dict[str, Json] = {
        "ExecutionRoleArn": role,
        "PrimaryContainer": dict(item.container),
        "EnableNetworkIsolation": serving.spec.network.isolation,
        "Tags": tag_list({**serving.tags, tags.VARIANT: variant.name}),
    }
    if serving.vpc is not None:
        properties["VpcConfig"] = {"Subnets": serving.vpc[0], "SecurityGroupIds": serving.vpc[1]}
    return serving.template.add(f"{variant.name} model", "AWS::SageMaker::Model", properties, depends_on=ready)


def _variant(serving: Serving, variant: Variant, model: str, chosen: str | None) -> Json:
    rendered: dict[str, Json] = {
        "VariantName": variant.name,
        "ModelName": att(model, "ModelName"),
        "InitialVariantWeight": variant.weight,
    }
    match variant.compute:
        case Instances(volume_gb=volume) as machine:
            rendered |= {"InstanceType": chosen, "InitialInstanceCount": instances_of(serving.spec, machine)}
            rendered |= {"VolumeSizeInGB": volume} if volume else {}
        case Serverless(memory_mb=memory, concurrency=most, provisioned=warm):
            serverless = {"MemorySizeInMB": memory, "MaxConcurrency": most}
            rendered["ServerlessConfig"] = serverless | ({"ProvisionedConcurrency": warm} if warm else {})
    return rendered


def _capture(serving: Serving) -> Json:
    capture = serving.spec.capture
    assert capture is not None
    modes = ("Input", "Output") if capture.what == "InputAndOutput" else (capture.what,)
    prefix = names.capture_prefix(serving.model).rstrip("/")
    config: dict[str, Json] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": sub("s3://${Bucket}/" + prefix, Bucket=serving.infrastructure.artifact_bucket),
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    if serving.infrastructure.key_arn is not None:
        config["KmsKeyId"] = serving.infrastructure.key_arn
    return config
