"""Each step as SageMaker Pipelines reads it, and what the pipeline's role may do for it."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub, literal
from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.sagemaker.automl import automl_step
from constructs_ml.compiler.sagemaker.emr_serverless import emr_serverless_step
from constructs_ml.compiler.sagemaker.expressions import PROPERTY_FILE, PipelineExpressions
from constructs_ml.compiler.sagemaker.retries import job_retries, step_retries
from constructs_ml.compiler.steps import batch_transform, lambda_task, process, register, train, tune
from constructs_ml.compiler.template import Json, att
from constructs_ml.contract import names
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.steps import (
    AutoML,
    BatchTransform,
    EmrServerlessJob,
    Fail,
    Function,
    LambdaTask,
    Process,
    Register,
    Split,
    Step,
    Train,
    Tune,
)
from constructs_ml.spec.values import Result

# SageMaker names the job of a step pipelines-<execution>-<step, cut>-<random>: an example stands in
# https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
_STEP_IN_NAME = 20
_TUNED = "nobody says how SageMaker names the tuning jobs of a pipeline"
_NAMES = "SageMaker names what a pipeline makes after the run and the step"


def rendered_steps(context: Context, expressions: PipelineExpressions, step: Step) -> tuple[dict[str, Json], ...]:
    """A step as one or more of SageMaker's, each after the one before it."""
    match step:
        case Process():
            return (_process(context, step),)
        case Split():
            return (_process(context, step.process),)
        case Train():
            return (_job(context, step.name, "Training", train.request(context, step), step.retry),)
        case Tune():
            context.allow(_calls("HyperParameterTuning", "hyper-parameter-tuning-job/*", _TUNED))
            return (_with_retries(step.name, "Tuning", tune.request(context, step), step.retry),)
        case BatchTransform():
            return _transform(context, step)
        case AutoML():
            return (automl_step(context, step),)
        case EmrServerlessJob():
            return (emr_serverless_step(context, step),)
        case Register():
            return (_register(context, step),)
        case LambdaTask():
            return (_lambda(context, expressions, step),)
        case Fail():
            message = {"ErrorMessage": escape_sub(f"{step.error}: {step.cause}")}
            return ({"Name": step.name, "Type": "Fail", "Arguments": message},)
    raise AssertionError(f"SageMaker Pipelines has no {type(step).__name__} step")


def _job(context: Context, name: str, kind: str, arguments: Json, retry: Retry | None) -> dict[str, Json]:
    """A step that runs a job, and the calls by which the pipeline starts it, follows it and stops it."""
    context.allow(_calls(kind, f"{kind.lower()}-job/{_named(name)}", _NAMES))
    return _with_retries(name, kind, arguments, retry)


def _calls(kind: str, resource: str, because: str) -> Statement:
    calls = (*(f"sagemaker:{verb}{kind}Job" for verb in ("Create", "Describe", "Stop")), "sagemaker:AddTags")
    return Statement(calls, (arn("sagemaker", resource),), because=because)


def _with_retries(name: str, kind: str, arguments: Json, retry: Retry | None) -> dict[str, Json]:
    return {"Name": name, "Type": kind, "Arguments": arguments, "RetryPolicies": job_retries(retry)}


def _transform(context: Context, step: BatchTransform) -> tuple[dict[str, Json], ...]:
    """The model and the job. No step of the service deletes a model, so it stays."""
    name = f"{step.name}-CreateModel"  # as the SDK names it; names of steps have no capitals
    arguments = batch_transform.model_request(context, step)
    calls = ("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags")
    context.allow(Statement(calls, (arn("sagemaker", f"model/{_named(name)}"),), because=_NAMES))
    model = {"Name": name, "Type": "Model", "Arguments": arguments, "RetryPolicies": step_retries()}
    request = {**batch_transform.request(context, step), "ModelName": {"Get": f"Steps.{name}.ModelName"}}
    return model, _job(context, step.name, "Transform", request, step.retry)


def _process(context: Context, step: Process) -> dict[str, Json]:
    found = _job(context, step.name, "Processing", process.request(context, step), step.retry)
    if step.metrics is not None and context.metrics_of(step.name):
        output, _, file = step.metrics.partition("/")
        found["PropertyFiles"] = [
            {"PropertyFileName": PROPERTY_FILE, "OutputName": output, "FilePath": escape_sub(file)}
        ]
        read = f"{names.pipeline_prefix(context.spec.model, context.spec.name)}*/{step.name}/{step.metrics}"
        resource = bucket_arn(context.infrastructure.artifact_bucket, read)
        because = "the id of the run stands in the key of its metrics file"
        context.allow(Statement(("s3:GetObject",), (resource,), because=because))
        if context.infrastructure.key_arn is not None:
            context.allow(Statement(("kms:Decrypt",), (context.infrastructure.key_arn,)))
    return found


def _register(context: Context, step: Register) -> dict[str, Json]:
    creation = register.creation(context)
    context.allow(creation)
    versions = creation.resources[1:]
    context.allow(Statement(("sagemaker:DescribeModelPackage",), versions, because=creation.because))
    return {
        "Name": step.name,
        "Type": "RegisterModel",
        "Arguments": register.request(context, step),
        "RetryPolicies": step_retries(),
    }


def _lambda(context: Context, expressions: PipelineExpressions, step: LambdaTask) -> dict[str, Json]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html#step-type-lambda."""
    if isinstance(step.function, Function):
        called = att(context.template.id(f"{step.name} function"), "Arn")
        lambda_task.add_function(context, step.name, step.function)
    else:
        called = arn("lambda", f"function:{step.function}")
    context.allow(Statement(("lambda:InvokeFunction",), (called,)))
    arguments: dict[str, Json] = {}
    for key, value in step.payload.items():
        expressions.put_value(arguments, key, value)
    used = sorted(item.key for item in context.used if isinstance(item, Result) and item.step == step.name)
    return {
        "Name": step.name,
        "Type": "Lambda",
        "FunctionArn": literal((expressions.open(logical_id("function", step.name), called),)),
        "Arguments": arguments,
        "OutputParameters": [{"OutputName": key, "OutputType": "String"} for key in used],
    }


def _named(step: str) -> str:
    """What the names of a step's jobs and models look like."""
    return f"pipelines-*-{step[:_STEP_IN_NAME].rstrip('-')}*"
