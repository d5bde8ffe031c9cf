"""What the roles of an endpoint's containers and of its monitors' jobs may do."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler import permissions
from constructs_ml.compiler.baselines import baseline_place
from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.images import framework_arn
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.serving import Served
from constructs_ml.compiler.template import Json, asset
from constructs_ml.contract import metrics, names
from constructs_ml.facts import images
from constructs_ml.spec.monitors import ModelQuality, Monitor

_LOGS = "/aws/sagemaker/Endpoints"


def container_statements(context: EndpointContext, found: Sequence[Served]) -> list[Statement]:
    """What the containers may do: fetch what they serve, write logs and metrics, capture."""
    infrastructure = context.infrastructure
    places: dict[str, tuple[Json, list[str]]] = {}
    for bucket, key in (place for item in found for place in item.reads):
        places.setdefault(str(bucket), (bucket, []))[1].append(key)
    statements = [item for bucket, keys in places.values() for item in permissions.read(bucket, sorted(set(keys)))]
    code = next(iter(context.template.assets), None)
    if code is not None:
        statements += permissions.read_code(asset(code, "bucket"))
    registries = [registry for item in found for registry in item.registries]
    if registries:
        statements += permissions.pull(registries)
    statements += permissions.logs(f"{_LOGS}/{context.name}")
    statements.append(permissions.publish(metrics.ENDPOINT_INSTANCES_NAMESPACE))
    if context.spec.capture is not None:
        statements.append(permissions.write(infrastructure.artifact_bucket, names.capture_prefix(context.model)))
    if infrastructure.key_arn is not None:
        statements += permissions.use_key(infrastructure.key_arn)
    if infrastructure.data_key_arn is not None:
        statements.append(Statement(("kms:Decrypt",), (infrastructure.data_key_arn,)))
    foreign = tuple(key for item in found for key in item.foreign_keys)
    if foreign:
        because = "the key of the account that registered the version is known there alone"
        statements.append(Statement(("kms:Decrypt",), foreign, because=because))
    if context.vpc is not None:
        statements += permissions.network()
    alarms = (*context.spec.rollback, *context.spec.alarms)
    if alarms and not context.is_serverless:
        every = arn("cloudwatch", "alarm:*")
        because = "SageMaker asks for all alarms of a rollback at once"
        statements.append(Statement(("cloudwatch:DescribeAlarms",), (every,), because=because))
    return statements


def monitoring_statements(context: EndpointContext, monitors: Sequence[Monitor]) -> list[Statement]:
    """What the jobs of all monitors may do: read what was captured, its baseline and its labels; write reports."""
    infrastructure = context.infrastructure
    artifacts = infrastructure.artifact_bucket
    statements = permissions.read(artifacts, [names.capture_prefix(context.model)])
    for monitor in monitors:
        place = baseline_place(context, monitor.baseline) if monitor.baseline else None
        if place is not None:
            statements += permissions.read(place[0], [place[1]])
        if isinstance(monitor, ModelQuality):
            bucket = monitor.ground_truth.bucket or infrastructure.data_bucket
            statements += permissions.read(bucket, [monitor.ground_truth.key])
        statements.append(permissions.write(artifacts, names.monitoring_prefix(context.model, monitor.name)))
    statements += permissions.logs("/aws/sagemaker/ProcessingJobs")
    statements.append(permissions.publish(metrics.DATA_QUALITY_NAMESPACE, metrics.MODEL_QUALITY_NAMESPACE))
    pulled = [images.monitor()]
    if any(isinstance(monitor, ModelQuality) for monitor in monitors):
        pulled.append(images.ground_truth_merger())
    statements += permissions.pull([framework_arn(context.template, context.account, image) for image in pulled])
    if infrastructure.key_arn is not None:
        statements += permissions.use_key(infrastructure.key_arn)
    if infrastructure.data_key_arn is not None:
        statements.append(Statement(("kms:Decrypt",), (infrastructure.data_key_arn,)))
    account_wide = infrastructure.subnets is not None
    if any(item.network.subnets or (account_wide and item.network.vpc is not False) for item in monitors):
        statements += permissions.network()
    return statements
