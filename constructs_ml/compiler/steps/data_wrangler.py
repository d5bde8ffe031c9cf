"""A DataWrangler step: a processing job as Data Wrangler's own notebooks request it."""

from __future__ import annotations

import json

from constructs_ml.compiler import jobs, permissions
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.images import framework_arn, framework_uri
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.template import Json
from constructs_ml.contract import container
from constructs_ml.facts import images
from constructs_ml.faults import SpecError
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import DataWrangler
from constructs_ml.spec.values import JobName


def add(machine: Machine, step: DataWrangler, after: str) -> None:
    """The job."""
    context = machine.context
    parameters = request(context, step)
    machine.expressions.put(parameters, "ProcessingJobName", jobs.job_name(context, step.name))
    context.allow(*jobs.job_calls(context, "ProcessingJob", step.name))
    machine.task(
        step.name,
        "sagemaker:createProcessingJob.sync",
        parameters,
        after,
        kept={"job.$": "$.ProcessingJobName"} if JobName(step.name) in context.used else None,
        retry=retries("sagemaker", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )


def request(context: Context, step: DataWrangler) -> dict[str, Json]:
    """The parameters of the job but its name."""
    network: dict[str, Json] = {
        "EnableNetworkIsolation": step.network.isolation,
        "EnableInterContainerTrafficEncryption": step.network.encrypt_between_containers,
    }
    vpc = jobs.vpc(context, step)
    key = jobs.key(context)
    config = {node: {"content_type": step.content_type} for node in step.outputs.values()}
    sources = {"flow": step.flow, **step.inputs}
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "processing"),)),
        "AppSpecification": {
            "ImageUri": _image(context, step),
            "ContainerArguments": [literal((f"--output-config '{json.dumps(config)}'",))],
        },
        "ProcessingInputs": [_input(context, name, context.expressions.text(at)) for name, at in sources.items()],
        "ProcessingOutputConfig": {"Outputs": [_output(context, step, name) for name in step.outputs]}
        | ({"KmsKeyId": literal((key,))} if key else {}),
        "ProcessingResources": {"ClusterConfig": jobs.cluster(context, "processing", step)},
        "StoppingCondition": {"MaxRuntimeInSeconds": int(step.timeout.total_seconds())},
        "NetworkConfig": network | ({"VpcConfig": vpc} if vpc else {}),
        "Tags": jobs.job_tags(context, step.name),
    }
    return jobs.with_raw(context, step.name, "sagemaker:createProcessingJob", parameters, step.raw)


def _image(context: Context, step: DataWrangler) -> str:
    """The image's URI; the role of the job may pull it, and read what the flow is given."""
    where = context.where(step.name)
    try:
        found = images.data_wrangler(step.version, where)
        uri = framework_uri(context.template, context.account, found, where)
    except SpecError as refused:
        context.faults.found.extend(refused.faults)
        return "unknown"
    pulled = permissions.pull([framework_arn(context.template, context.account, found)])
    sources = (step.flow, *step.inputs.values())
    context.jobs.append(
        Job(kind="processing", step=step.name, sources=sources, network=step.network, more=tuple(pulled))
    )
    return uri if isinstance(uri, str) else literal((context.expressions.open(logical_id("image", step.name), uri),))


def _input(context: Context, name: str, uri: Text) -> Json:
    """The flow, and each data set, in a folder of its own name."""
    source: dict[str, Json] = {
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "LocalPath": f"{container.PROCESSING}/{name}",
    }
    context.expressions.put(source, "S3Uri", uri)
    return {"InputName": name, "S3Input": source}


def _output(context: Context, step: DataWrangler, name: str) -> Json:
    """An output is known by its node; all are written below one folder."""
    target: dict[str, Json] = {"LocalPath": f"{container.PROCESSING}/output", "S3UploadMode": "EndOfJob"}
    context.expressions.put(target, "S3Uri", context.expressions.output_uri(step.name, name))
    return {"OutputName": step.outputs[name], "S3Output": target}
