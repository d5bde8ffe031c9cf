"""Each step as SageMaker Pipelines reads it, and what the pipeline's role may do for it."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub, literal
from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.sagemaker.expressions import PROPERTY_FILE, PipelineExpressions
from constructs_ml.compiler.sagemaker.retries import job_retries, step_retries
from constructs_ml.compiler.steps import lambda_task, process, register, train
from constructs_ml.compiler.template import Json, att
from constructs_ml.contract import names
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import Fail, Function, LambdaTask, Process, Register, Split, Step, Train
from constructs_ml.spec.values import Result

# SageMaker names the job of a step pipelines-<execution>-<step, cut>-<random>: an example stands in
# https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
_STEP_IN_JOB_NAME = 20
_JOBS = "SageMaker names the jobs of a pipeline after the run and the step"


def rendered_step(context: Context, expressions: PipelineExpressions, step: Step) -> dict[str, Json]:
    """A step without the steps that it waits for."""
    match step:
        case Process():
            return _process(context, step)
        case Split():
            return _process(context, step.process)
        case Train():
            context.allow(_job_calls("TrainingJob", "training-job", step.name))
            return {
                "Name": step.name,
                "Type": "Training",
                "Arguments": train.request(context, step),
                "RetryPolicies": job_retries(step.retry),
            }
        case Register():
            return _register(context, step)
        case LambdaTask():
            return _lambda(context, expressions, step)
        case Fail():
            message = {"ErrorMessage": escape_sub(f"{step.error}: {step.cause}")}
            return {"Name": step.name, "Type": "Fail", "Arguments": message}
    raise AssertionError(f"SageMaker Pipelines has no {type(step).__name__} step")


def _process(context: Context, step: Process) -> dict[str, Json]:
    context.allow(_job_calls("ProcessingJob", "processing-job", step.name))
    found: dict[str, Json] = {
        "Name": step.name,
        "Type": "Processing",
        "Arguments": process.request(context, step),
        "RetryPolicies": job_retries(step.retry),
    }
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


def _job_calls(noun: str, resource: str, step: str) -> Statement:
    """The calls by which the pipeline starts the job of a step, follows it and stops it."""
    calls = (f"sagemaker:Create{noun}", f"sagemaker:Describe{noun}", f"sagemaker:Stop{noun}", "sagemaker:AddTags")
    name = f"pipelines-*-{step[:_STEP_IN_JOB_NAME].rstrip('-')}*"
    return Statement(calls, (arn("sagemaker", f"{resource}/{name}"),), because=_JOBS)
