"""A BatchTransform step: a model, the job that needs it, and the model's end."""

from __future__ import annotations

from dataclasses import replace

from constructs_ml.compiler import jobs
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import retries, service_retry
from constructs_ml.compiler.steps.automl import pull_of_candidates
from constructs_ml.compiler.steps.containers import container, images_of, reads_of_version, version_arn
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.steps import AutoML, BatchTransform, FindModel
from constructs_ml.spec.steps.sources import ModelSource, Version
from constructs_ml.spec.values import JobName, Location, Output, Result

_MODELS = "a model's name ends in a UUID, so that every attempt has its own"
# CreateModel answers with the ARN alone.
_NAME = "States.ArrayGetItem(States.StringSplit($.ModelArn, '/'), 1)"


def add(machine: Machine, step: BatchTransform, after: str) -> None:
    """Make the model, run the job, delete the model.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """
    context, expressions = machine.context, machine.expressions
    name, job = result_path(step.name, "model"), f"Transform {step.name}"
    named = JobName(step.name) in context.used
    model = model_request(context, step)
    expressions.put(model, "ModelName", jobs.job_name(context, step.name))
    machine.task(step.name, "sagemaker:createModel", model, job, kept={"model.$": _NAME})
    parameters = request(context, step)
    expressions.put(parameters, "TransformJobName", jobs.job_name(context, step.name))
    machine.task(
        job,
        "sagemaker:createTransformJob.sync",
        parameters | {"ModelName.$": name},
        f"Delete model of {step.name}",
        kept={"name.$": "$.TransformJobName"} if named else None,
        at=result_path(step.name, "done"),
        retry=retries("sagemaker", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )
    machine.task(
        f"Delete model of {step.name}",
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName.$": name},
        f"Keep {step.name}" if named else after,
        retry=[service_retry("sagemaker")],
    )
    if named:
        kept = {"job.$": result_path(step.name, "done.name")}
        place = result_path(step.name)
        machine.put(f"Keep {step.name}", {"Type": "Pass", "Parameters": kept, "ResultPath": place, "Next": after})
    made = arn("sagemaker", f"model/{names.job_prefix(context.spec.model, step.name)}-*")
    calls = ("sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:AddTags")
    context.allow(Statement(calls, (made,), because=_MODELS))
    context.allow(*jobs.job_calls(context, "TransformJob", step.name))


def model_request(context: Context, step: BatchTransform) -> dict[str, Json]:
    """The parameters of the model but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html."""
    step = _with_version(context, step)
    parameters: dict[str, Json] = {
        "ExecutionRoleArn": literal((jobs.role(context, "transform"),)),
        "EnableNetworkIsolation": step.network.isolation,
        "Tags": jobs.job_tags(context, step.name),
    }
    of_automl = _is_of_automl(context, step.model)
    more: list[Statement] = []
    if of_automl and isinstance(step.model, Result):
        context.expressions.put_value(parameters, "Containers", step.model)
        more = pull_of_candidates()
    elif isinstance(step.model, Version):
        parameters["PrimaryContainer"] = _version(context, step, step.model)
        more = reads_of_version(context)
    else:
        chosen = step.compute.instance_type or context.account.instances.default("transform")
        parameters["PrimaryContainer"] = container(context, step, chosen)
    vpc = jobs.vpc(context, step)
    if vpc:
        parameters["VpcConfig"] = vpc
    context.jobs.append(
        Job(
            kind="transform",
            step=step.name,
            sources=(step.input.source, *_artifact(context, step.model)),
            images=() if of_automl else images_of(context, step),
            network=step.network,
            more=tuple(more),
        )
    )
    return parameters


def request(context: Context, step: BatchTransform) -> dict[str, Json]:
    """The parameters of the job but its name and its model's; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html."""
    parameters: dict[str, Json] = {
        "TransformInput": _input(context, step),
        "TransformOutput": _output(context, step),
        "TransformResources": _resources(context, step),
        "Tags": jobs.job_tags(context, step.name),
        **jobs.experiment(step.experiment),
    }
    optional = {
        "BatchStrategy": step.strategy,
        "MaxPayloadInMB": step.max_payload_mb,
        "MaxConcurrentTransforms": step.concurrency,
        "Environment": context.expressions.put_all(step.environment) or None,
        "DataProcessing": _processing(step) or None,
    }
    parameters |= {key: value for key, value in optional.items() if value is not None}
    if step.capture:
        capture: dict[str, Json] = {"GenerateInferenceId": True}
        context.expressions.put(capture, "DestinationS3Uri", _folder(context, step, "capture"))
        parameters["DataCaptureConfig"] = capture | _key(context)
    return jobs.with_raw(context, step.name, "sagemaker:createTransformJob", parameters, step.raw)


def _with_version(context: Context, step: BatchTransform) -> BatchTransform:
    """What a FindModel step found may be given as it is: its result is the ARN of a version."""
    model = step.model
    if isinstance(model, Result) and isinstance(context.step(model.step), FindModel):
        return replace(step, model=Version(model))
    return step


def _version(context: Context, step: BatchTransform, model: Version) -> dict[str, Json]:
    """A registered version brings its container; what the role must pull is told by the pipeline's images."""
    rendered = {key: value for key, value in container(context, step, None).items() if key == "Environment"}
    number = model.version
    if isinstance(number, int):
        context.expressions.put(rendered, "ModelPackageName", version_arn(context, (str(number),)))
    else:
        context.expressions.put(rendered, "ModelPackageName", context.expressions.reference(number))
    return rendered


def _is_of_automl(context: Context, model: ModelSource) -> bool:
    """Whether it is the list of containers of an AutoML step's best candidate."""
    return isinstance(model, Result) and isinstance(context.step(model.step), AutoML)


def _artifact(context: Context, model: ModelSource) -> tuple[Location, ...]:
    """Where the container reads its artifacts."""
    if isinstance(model, Version):
        return ()
    if isinstance(model, Result) and _is_of_automl(context, model):
        return (Output(model.step, "candidates"),)
    return (model,)


def _input(context: Context, step: BatchTransform) -> dict[str, Json]:
    given = step.input
    source: dict[str, Json] = {"S3DataType": given.data_type}
    context.expressions.put(source, "S3Uri", context.expressions.text(given.source))
    return {
        "DataSource": {"S3DataSource": source},
        "ContentType": given.content_type,
        "SplitType": given.split,
        "CompressionType": given.compression,
    }


def _output(context: Context, step: BatchTransform) -> dict[str, Json]:
    wanted = step.predictions
    output: dict[str, Json] = {"Accept": wanted.accept, "AssembleWith": wanted.assemble}
    context.expressions.put(output, "S3OutputPath", _folder(context, step, "predictions"))
    return output | _key(context)


def _folder(context: Context, step: BatchTransform, name: str) -> Text:
    """A prefix as the transform API takes it: the service adds the slash."""
    *before, last = context.expressions.output_uri(step.name, name)
    return (*before, str(last).removesuffix("/"))


def _key(context: Context) -> dict[str, Json]:
    key = jobs.key(context)
    return {"KmsKeyId": literal((key,))} if key else {}


def _resources(context: Context, step: BatchTransform) -> dict[str, Json]:
    """The machines; a transform job has no volume size of its own."""
    cluster = jobs.cluster(context, "transform", step)
    del cluster["VolumeSizeInGB"]
    return cluster


def _processing(step: BatchTransform) -> dict[str, Json]:
    """What of a record reaches the model, and what of both is written."""
    wanted = step.predictions
    parts = {
        "InputFilter": wanted.input_filter,
        "OutputFilter": wanted.output_filter,
        "JoinSource": "Input" if wanted.join else None,
    }
    return {key: literal((value,)) for key, value in parts.items() if value}
