"""A Process step: a processing job, and the reading of its metrics file."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler import jobs, mlflow, permissions
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.infrastructure import bucket_arn
from constructs_ml.compiler.job_roles import places_of
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.metrics import keep_metrics
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import retries, service_retry
from constructs_ml.compiler.template import Json
from constructs_ml.contract import container, names
from constructs_ml.spec.jobs import Channel, FileSystem
from constructs_ml.spec.steps import Process
from constructs_ml.spec.values import JobName, Location

# $0 is the entry and $@ are the arguments: the shell gets them from ContainerArguments.
_START = (
    f"cd {container.processing_input(container.CODE)} && tar -xzf *.gz"
    " && if [ -f requirements.txt ]; then python3 -m pip install -q -r requirements.txt; fi"
    ' && exec python3 "$0" "$@"'
)


def add(machine: Machine, step: Process, after: str) -> None:
    """The job and, where a condition compares its metrics, the reading of their file."""
    context = machine.context
    wanted = context.metrics_of(step.name)
    kept: dict[str, Json] = {"job.$": "$.ProcessingJobName"} if JobName(step.name) in context.used else {}
    parameters = request(context, step)
    machine.expressions.put(parameters, "ProcessingJobName", jobs.job_name(context, step.name))
    context.allow(*jobs.job_calls(context, "ProcessingJob", step.name))
    machine.task(
        step.name,
        "sagemaker:createProcessingJob.sync",
        parameters,
        f"Read {step.name} metrics" if wanted else after,
        kept=kept,
        retry=retries("sagemaker", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )
    if wanted and step.metrics is not None:
        _read_metrics(machine, step, step.metrics, kept, after)


def _read_metrics(machine: Machine, step: Process, file: str, kept: dict[str, Json], after: str) -> None:
    """Read the numbers that are compared out of the file that the script left."""
    context = machine.context
    output, _, name = file.partition("/")
    parameters: dict[str, Json] = {"Bucket": "${ArtifactBucket}"}
    machine.expressions.put(parameters, "Key", (*machine.expressions.output_key(step.name, output), name))
    machine.task(
        f"Read {step.name} metrics",
        "aws-sdk:s3:getObject",
        parameters,
        f"Check {step.name} metrics",
        kept={"found.$": "States.StringToJson($.Body)"},
        at=result_path(step.name, "file"),
        retry=[service_retry("s3")],
    )
    read = f"{names.pipeline_prefix(context.spec.model, context.spec.name)}*/{step.name}/{file}"
    because = "the name of the run stands in the key of its metrics file"
    resource = bucket_arn(context.infrastructure.artifact_bucket, read)
    context.allow(Statement(("s3:GetObject",), (resource,), because=because))
    found = {metric: result_path(step.name, f"file.found.{metric}") for metric in context.metrics_of(step.name)}
    numbers = {f"{metric}.$": path for metric, path in found.items()}
    keep_metrics(machine, step.name, found, numbers, kept, after, file)


def request(context: Context, step: Process) -> dict[str, Json]:
    """The parameters of the job but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html."""
    expressions = context.expressions
    logged = mlflow.environment(context, step.name, step.mlflow)
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "processing"),)),
        "AppSpecification": _application(context, step),
        "Environment": expressions.put_all({**step.folders, **logged, **step.environment}),
        "ProcessingInputs": _inputs(context, step),
        "ProcessingResources": {"ClusterConfig": jobs.cluster(context, "processing", step)},
        "StoppingCondition": {"MaxRuntimeInSeconds": int(step.timeout.total_seconds())},
        "NetworkConfig": _network(context, step),
        "Tags": jobs.job_tags(context, step.name),
        **jobs.experiment(step.experiment),
    }
    if step.outputs:
        parameters["ProcessingOutputConfig"] = _outputs(context, step)
    context.jobs.append(
        Job(
            kind="processing",
            step=step.name,
            sources=tuple(_location(channel) for channel in step.sources.values()),
            images=(step.image,),
            network=step.network,
            more=(*_writes(context, step), *mlflow.statements(context, step.mlflow)),
        )
    )
    return jobs.with_raw(context, step.name, "sagemaker:createProcessingJob", parameters, step.raw)


def _writes(context: Context, step: Process) -> Iterator[Statement]:
    """Outputs at given places lie outside the pipeline's own prefix."""
    for upload in step.uploads.values():
        if upload.to is not None:
            yield from (permissions.write(bucket, prefix) for bucket, prefix in places_of(context, upload.to))


def _location(channel: Channel) -> Location:
    assert not isinstance(channel.source, FileSystem)
    return channel.source


def _application(context: Context, step: Process) -> dict[str, Json]:
    application: dict[str, Json] = {"ImageUri": literal((jobs.image_uri(context, "processing", step, step.image),))}
    arguments = [context.expressions.text(argument) for argument in step.arguments]
    if step.entrypoint:
        application["ContainerEntrypoint"] = [literal((word,)) for word in step.entrypoint]
    if step.name in context.code:
        application["ContainerEntrypoint"] = ["/bin/sh", "-c", _START]
        arguments.insert(0, (context.code[step.name].entry,))
    if arguments:
        context.expressions.put_list(application, "ContainerArguments", arguments)
    return application


def _inputs(context: Context, step: Process) -> list[Json]:
    rendered = []
    for name, channel in step.sources.items():
        source: dict[str, Json] = {
            "S3InputMode": channel.mode,
            "S3DataDistributionType": channel.distribution,
        }
        if channel.compression != "None":
            source["S3CompressionType"] = channel.compression
        uri = context.expressions.text(_location(channel))
        rendered.append(_input(context, name, uri, source, channel.data_type))
    if step.name in context.code:
        rendered.append(_input(context, container.CODE, jobs.code_uri(context, step.name), {"S3InputMode": "File"}))
    return rendered


def _input(context: Context, name: str, uri: Text, source: dict[str, Json], data_type: str = "S3Prefix") -> Json:
    source |= {"S3DataType": data_type, "LocalPath": container.processing_input(name)}
    context.expressions.put(source, "S3Uri", uri)
    return {"InputName": name, "S3Input": source}


def _outputs(context: Context, step: Process) -> dict[str, Json]:
    outputs = []
    for name in step.outputs:
        mode = step.uploads[name].mode if name in step.uploads else "EndOfJob"
        target: dict[str, Json] = {"LocalPath": container.processing_output(name), "S3UploadMode": mode}
        context.expressions.put(target, "S3Uri", context.expressions.output_uri(step.name, name))
        outputs.append({"OutputName": name, "S3Output": target})
    config: dict[str, Json] = {"Outputs": outputs}
    key = jobs.key(context)
    if key:
        config["KmsKeyId"] = literal((key,))
    return config


def _network(context: Context, step: Process) -> dict[str, Json]:
    network: dict[str, Json] = {
        "EnableNetworkIsolation": step.network.isolation,
        "EnableInterContainerTrafficEncryption": step.network.encrypt_between_containers,
    }
    vpc = jobs.vpc(context, step)
    if vpc:
        network["VpcConfig"] = vpc
    return network
