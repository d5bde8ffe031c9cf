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
from constructs_ml.compiler.images import framework_uri
from constructs_ml.compiler.policies import Role, add_role
from constructs_ml.compiler.serving import Serving
from constructs_ml.compiler.serving_access import monitoring_statements
from constructs_ml.compiler.template import Json, att, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.facts import images, instances
from constructs_ml.faults import SpecError
from constructs_ml.spec.monitors import DataQuality, Monitor

ROLE = "Monitoring role"
_INPUT = "/opt/ml/processing/input/endpoint"
_OUTPUT = "/opt/ml/processing/output"


def add_monitors(serving: Serving, monitors: Sequence[Monitor], endpoint: Json) -> None:
    """Add every monitor that the account can have; `endpoint` is the name of what they watch."""
    wanted = _wanted(serving, monitors)
    if not wanted:
        return
    if SERVICE not in serving.account.existing_customer:
        serving.faults.add(
            "monitor-closed",
            where=f"{serving.where}, monitors {', '.join(item.name for item in wanted)}",
            got="an account that is no existing customer",
            allowed=f"existing_customer: [{SERVICE}], or models.{serving.model}.monitors: none until then",
        )
        return
    try:
        image = framework_uri(serving.template, serving.account, images.monitor(serving.where), serving.where)
    except SpecError as refused:
        serving.faults.found.extend(refused.faults)
        return
    role = add_role(
        serving.template,
        ROLE,
        description=f"Monitoring jobs of the endpoint of {serving.model}",
        services=("sagemaker.amazonaws.com",),
        statements=monitoring_statements(serving, wanted),
        boundary=serving.account.permissions_boundary,
        tags=serving.tags,
    )
    for monitor in wanted:
        _monitor(serving, monitor, endpoint, image, role)


def _wanted(serving: Serving, monitors: Sequence[Monitor]) -> list[Monitor]:
    """The monitors that there will be, with a notice for each that there will not."""
    if monitors and serving.settings.monitors == "none":
        text = f"stage {serving.account.stage!r} leaves out the monitors of model {serving.model!r}"
        serving.template.notice("monitors-none", f"{text}, as models.{serving.model}.monitors says.")
        return []
    wanted = []
    for monitor in monitors:
        if monitor.baseline is not None and baseline_place(serving, monitor.baseline) is None:
            serving.template.notice(
                "monitor-unpinned",
                f"stage {serving.account.stage!r} names no run for the baseline of monitor {monitor.name!r}:"
                f" it is not there yet. Name one with models.{serving.model}.run of the account.",
            )
        else:
            wanted.append(monitor)
    return wanted


def _monitor(serving: Serving, monitor: Monitor, endpoint: Json, image: Json, role: Role) -> None:
    template, part = serving.template, monitor.name
    definition = template.add(
        f"{part} definition",
        f"AWS::SageMaker::{monitor.kind}JobDefinition",
        {
            **_described(serving, monitor, endpoint, image),
            f"{monitor.kind}JobOutputConfig": _output(serving, monitor),
            "JobResources": {"ClusterConfig": _cluster(serving, monitor)},
            "NetworkConfig": _network(serving, monitor),
            "RoleArn": att(role.id, "Arn"),
            "StoppingCondition": {"MaxRuntimeInSeconds": int(monitor.timeout.total_seconds())},
            "Tags": tag_list(_stable_tags(serving, monitor)),
        },
    )
    schedule = names.monitoring_schedule(serving.account.stage, serving.model, monitor.name)
    # The name is the end of the definition's ARN; it has no attribute of its own.
    name = {"Fn::Select": [1, {"Fn::Split": ["/", att(definition, "JobDefinitionArn")]}]}
    known = [template.id("Endpoint")] if template.id("Endpoint") in template.resources else []
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
            "Tags": tag_list({**serving.tags, tags.MONITOR: monitor.name}),
        },
        depends_on=[*known, *role.policies],
    )
    for alarm in monitor.alarms:
        add_monitor_alarm(serving, monitor, alarm, schedule)


def _described(serving: Serving, monitor: Monitor, endpoint: Json, image: Json) -> dict[str, Json]:
    """What differs between the kinds: the program, the baseline, the input."""
    program = {"ImageUri": image, "Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    source: dict[str, Json] = {
        "EndpointName": endpoint,
        "LocalPath": _INPUT,
        "S3DataDistributionType": "FullyReplicated",
        "S3InputMode": "File",
    }
    files = _baseline(serving, monitor)
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
    bucket = monitor.ground_truth.bucket or serving.infrastructure.data_bucket
    labels = {"S3Uri": sub("s3://${Bucket}/" + monitor.ground_truth.key, Bucket=bucket)}
    constraints = {name: value for name, value in files.items() if name == "ConstraintsResource"}
    return {
        "ModelQualityAppSpecification": program | {"ProblemType": monitor.problem},
        "ModelQualityJobInput": {"EndpointInput": source, "GroundTruthS3Input": labels},
    } | ({"ModelQualityBaselineConfig": constraints} if constraints else {})


def _baseline(serving: Serving, monitor: Monitor) -> dict[str, Json]:
    baseline = monitor.baseline
    place = baseline_place(serving, baseline) if baseline else None
    if baseline is None or place is None:
        return {}
    bucket, prefix = place
    files = {"ConstraintsResource": baseline.constraints, "StatisticsResource": baseline.statistics}
    return {
        name: {"S3Uri": sub("s3://${Bucket}/" + prefix + file, Bucket=bucket)} for name, file in files.items() if file
    }


def _output(serving: Serving, monitor: Monitor) -> Json:
    prefix = names.monitoring_prefix(serving.model, monitor.name).rstrip("/")
    uri = sub("s3://${Bucket}/" + prefix, Bucket=serving.infrastructure.artifact_bucket)
    outputs = [{"S3Output": {"LocalPath": _OUTPUT, "S3Uri": uri, "S3UploadMode": "EndOfJob"}}]
    key = serving.infrastructure.key_arn
    return {"MonitoringOutputs": outputs} | ({"KmsKeyId": key} if key is not None else {})


def _cluster(serving: Serving, monitor: Monitor) -> Json:
    compute, where = monitor.compute, f"{serving.where}, monitor {monitor.name!r}"
    chosen = machines.instance_type(
        serving.account, "processing", compute.instance_type, compute.instance_count, where, serving.faults
    )
    cluster: dict[str, Json] = {
        "InstanceCount": compute.instance_count,
        "InstanceType": chosen or "unknown",
        "VolumeSizeInGB": compute.volume_gb,
    }
    key = serving.infrastructure.key_arn
    if key is not None and chosen and not instances.has_local_storage(chosen):
        cluster["VolumeKmsKeyId"] = key
    return cluster


def _network(serving: Serving, monitor: Monitor) -> Json:
    config: dict[str, Json] = {
        "EnableNetworkIsolation": monitor.network.isolation,
        "EnableInterContainerTrafficEncryption": monitor.network.encrypt_between_containers,
    }
    where = f"{serving.where}, monitor {monitor.name!r}"
    found = machines.network(serving.infrastructure, monitor.network, where, serving.faults)
    if found is not None:
        config["VpcConfig"] = {"Subnets": found[0], "SecurityGroupIds": found[1]}
    return config


def _stable_tags(serving: Serving, monitor: Monitor) -> dict[str, str]:
    """Tags that never change, for a changed one would replace the definition."""
    return {tags.MODEL: serving.model, tags.STAGE: serving.account.stage, tags.MONITOR: monitor.name}


def _offset(back: timedelta) -> str:
    return f"-PT{int(back.total_seconds()) // 3600}H"
