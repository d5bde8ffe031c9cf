"""Monitors as SageMaker Model Monitor's own resources, for accounts that may still use it.

A job definition has no update: it is never named, so that a change can replace it while the schedule, whose name is
stable, moves to the new one. CloudFormation takes fewer fields of an input for each kind than the API does, and not
the same ones, so each kind is written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from constructs_ml.compiler import machines
from constructs_ml.compiler.alarms import add_monitor_alarm
from constructs_ml.compiler.baselines import SERVICE, baseline_place
from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.images import framework_uri
from constructs_ml.compiler.policies import Role, add_role
from constructs_ml.compiler.serving_access import monitoring_statements
from constructs_ml.compiler.template import Json, att, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.facts import images, instances
from constructs_ml.faults import SpecError
from constructs_ml.spec.monitors import DataQuality, Monitor

ROLE = "Monitoring role"
_INPUT = "/opt/ml/processing/input/endpoint"
_OUTPUT = "/opt/ml/processing/output"


def add_monitors(context: EndpointContext, monitors: Sequence[Monitor], endpoint: Json) -> None:
    """Add every monitor that the account can have; `endpoint` is the name of what they watch."""
    wanted = _wanted(context, monitors)
    if not wanted:
        return
    if SERVICE not in context.account.existing_customer:
        context.faults.add(
            "monitor-closed",
            where=f"{context.where}, monitors {', '.join(item.name for item in wanted)}",
            got="an account that is no existing customer",
            allowed=f"existing_customer: [{SERVICE}], or models.{context.model}.monitors: none until then",
        )
        return
    try:
        image = framework_uri(context.template, context.account, images.monitor(context.where), context.where)
    except SpecError as refused:
        context.faults.found.extend(refused.faults)
        return
    role = add_role(
        context.template,
        ROLE,
        description=f"Monitoring jobs of the endpoint of {context.model}",
        services=("sagemaker.amazonaws.com",),
        statements=monitoring_statements(context, wanted),
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    for monitor in wanted:
        _monitor(context, monitor, endpoint, image, role)


def _wanted(context: EndpointContext, monitors: Sequence[Monitor]) -> list[Monitor]:
    """The monitors that there will be, with a notice for each that there will not."""
    if monitors and context.settings.monitors == "none":
        text = f"stage {context.account.stage!r} leaves out the monitors of model {context.model!r}"
        context.template.notice("monitors-none", f"{text}, as models.{context.model}.monitors says.")
        return []
    wanted = []
    for monitor in monitors:
        if monitor.baseline is not None and baseline_place(context, monitor.baseline) is None:
            context.template.notice(
                "monitor-unpinned",
                f"stage {context.account.stage!r} names no run for the baseline of monitor {monitor.name!r}:"
                f" it is not there yet. Name one with models.{context.model}.run of the account.",
            )
        else:
            wanted.append(monitor)
    return wanted


def _monitor(context: EndpointContext, monitor: Monitor, endpoint: Json, image: Json, role: Role) -> None:
    template, part = context.template, monitor.name
    definition = template.add(
        f"{part} definition",
        f"AWS::SageMaker::{monitor.kind}JobDefinition",
        {
            **_described(context, monitor, endpoint, image),
            f"{monitor.kind}JobOutputConfig": _output(context, monitor),
            "JobResources": {"ClusterConfig": _cluster(context, monitor)},
            "NetworkConfig": _network(context, monitor),
            "RoleArn": att(role.id, "Arn"),
            "StoppingCondition": {"MaxRuntimeInSeconds": int(monitor.timeout.total_seconds())},
            "Tags": tag_list(_stable_tags(context, monitor)),
        },
    )
    schedule = names.monitoring_schedule(context.account.stage, context.model, monitor.name)
    # The name is the end of the definition's ARN; it has no attribute of its own.
    name = {"Fn::Select": [1, {"Fn::Split": ["/", att(definition, "JobDefinitionArn")]}]}
    template.add(
        f"{part} schedule",
        "AWS::SageMaker::MonitoringSchedule",
        {
            "MonitoringScheduleName": schedule,
            "MonitoringScheduleConfig": {
                "MonitoringJobDefinitionName": name,
                "MonitoringType": monitor.kind,
                "ScheduleConfig": {"ScheduleExpression": monitor.schedule.expression},
            },
            "Tags": tag_list({**context.tags, tags.MONITOR: monitor.name}),
        },
        depends_on=[template.id("Endpoint"), *role.policies],
    )
    for alarm in monitor.alarms:
        add_monitor_alarm(context, monitor, alarm, schedule)


def _described(context: EndpointContext, monitor: Monitor, endpoint: Json, image: Json) -> dict[str, Json]:
    """What differs between the kinds: the program, the baseline, the input."""
    program = {"ImageUri": image, "Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    source: dict[str, Json] = {
        "EndpointName": endpoint,
        "LocalPath": _INPUT,
        "S3DataDistributionType": "FullyReplicated",
        "S3InputMode": "File",
    }
    files = _baseline(context, monitor)
    if isinstance(monitor, DataQuality):
        found: dict[str, Json] = {
            "DataQualityAppSpecification": program,
            "DataQualityJobInput": {"EndpointInput": source},
        }
        return found | ({"DataQualityBaselineConfig": files} if files else {})
    answers = {
        "InferenceAttribute": monitor.inference,
        "ProbabilityAttribute": monitor.probability,
        "ProbabilityThresholdAttribute": monitor.threshold,
        "StartTimeOffset": _offset(monitor.window[0]),
        "EndTimeOffset": _offset(monitor.window[1]),
    }
    source |= {name: value for name, value in answers.items() if value is not None}
    bucket = monitor.ground_truth.bucket or context.infrastructure.data_bucket
    labels = {"S3Uri": sub("s3://${Bucket}/" + monitor.ground_truth.key, Bucket=bucket)}
    constraints = {name: value for name, value in files.items() if name == "ConstraintsResource"}
    return {
        "ModelQualityAppSpecification": program | {"ProblemType": monitor.problem},
        "ModelQualityJobInput": {"EndpointInput": source, "GroundTruthS3Input": labels},
    } | ({"ModelQualityBaselineConfig": constraints} if constraints else {})


def _baseline(context: EndpointContext, monitor: Monitor) -> dict[str, Json]:
    baseline = monitor.baseline
    place = baseline_place(context, baseline) if baseline else None
    if baseline is None or place is None:
        return {}
    bucket, prefix = place
    files = {"ConstraintsResource": baseline.constraints, "StatisticsResource": baseline.statistics}
    return {
        name: {"S3Uri": sub("s3://${Bucket}/" + prefix + file, Bucket=bucket)} for name, file in files.items() if file
    }


def _output(context: EndpointContext, monitor: Monitor) -> Json:
    prefix = names.monitoring_prefix(context.model, monitor.name).rstrip("/")
    uri = sub("s3://${Bucket}/" + prefix, Bucket=context.infrastructure.artifact_bucket)
    outputs = [{"S3Output": {"LocalPath": _OUTPUT, "S3Uri": uri, "S3UploadMode": "EndOfJob"}}]
    key = context.infrastructure.key_arn
    return {"MonitoringOutputs": outputs} | ({"KmsKeyId": key} if key is not None else {})


def _cluster(context: EndpointContext, monitor: Monitor) -> Json:
    compute, where = monitor.compute, f"{context.where}, monitor {monitor.name!r}"
    chosen = machines.instance_type(
        context.account, "processing", compute.instance_type, compute.instance_count, where, context.faults
    )
    cluster: dict[str, Json] = {
        "InstanceCount": compute.instance_count,
        "InstanceType": chosen or "unknown",
        "VolumeSizeInGB": compute.volume_gb,
    }
    key = context.infrastructure.key_arn
    if key is not None and chosen and not instances.has_local_storage(chosen):
        cluster["VolumeKmsKeyId"] = key
    return cluster


def _network(context: EndpointContext, monitor: Monitor) -> Json:
    config: dict[str, Json] = {
        "EnableNetworkIsolation": monitor.network.isolation,
        "EnableInterContainerTrafficEncryption": monitor.network.encrypt_between_containers,
    }
    where = f"{context.where}, monitor {monitor.name!r}"
    found = machines.network(context.infrastructure, monitor.network, where, context.faults)
    if found is not None:
        config["VpcConfig"] = {"Subnets": found[0], "SecurityGroupIds": found[1]}
    return config


def _stable_tags(context: EndpointContext, monitor: Monitor) -> dict[str, str]:
    """Tags that never change, for a changed one would replace the definition."""
    return {tags.MODEL: context.model, tags.STAGE: context.account.stage, tags.MONITOR: monitor.name}


def _offset(back: timedelta) -> str:
    return f"-PT{int(back.total_seconds()) // 3600}H"
