"""A Compile step: a compilation job of SageMaker Neo, which no integration waits for."""

from __future__ import annotations

import json
from datetime import timedelta

from constructs_ml.compiler import jobs, polling
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.steps import Compile, TargetPlatform
from constructs_ml.spec.values import JobName, ModelArtifact

_JOBS = "a job's name ends in a UUID, so that every run has its own"
# The job bounds itself; this is for one that hangs before or after its time.
_AROUND = timedelta(minutes=30)


def add(machine: Machine, step: Compile, after: str) -> None:
    """Start the job, look at it until it has ended, and keep where the compiled model lies."""
    context = machine.context
    kept: dict[str, Json] = {}
    if ModelArtifact(step.name) in context.used:
        kept["model.$"] = "$.ModelArtifacts.S3ModelArtifacts"
    if JobName(step.name) in context.used and kept:
        kept["job.$"] = "$.CompilationJobName"
    poll = polling.Poll(
        start="aws-sdk:sagemaker:createCompilationJob",
        look="aws-sdk:sagemaker:describeCompilationJob",
        stop="aws-sdk:sagemaker:stopCompilationJob",
        name="CompilationJobName",
        status="$.CompilationJobStatus",
        done=("COMPLETED",),
        failed=("FAILED", "STOPPED"),
        exists="SageMaker.ResourceInUseException",
        deadline=step.timeout + _AROUND,
        kept=kept,
        retry=step.retry,
    )
    prefix = names.job_prefix(context.spec.model, step.name)
    polling.add(machine, step.name, poll, (prefix,), request(context, step), after)
    calls = tuple(f"sagemaker:{verb}CompilationJob" for verb in ("Create", "Describe", "Stop"))
    made = arn("sagemaker", f"compilation-job/{prefix}-*")
    context.allow(Statement((*calls, "sagemaker:AddTags"), (made,), because=_JOBS))


def request(context: Context, step: Compile) -> dict[str, Json]:
    """The parameters of the job but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateCompilationJob.html."""
    given: dict[str, Json] = {"Framework": step.framework}
    context.expressions.put(given, "S3Uri", context.expressions.text(step.source))
    if step.input_shape:
        shapes = {name: list(shape) for name, shape in step.input_shape.items()}
        given["DataInputConfig"] = literal((json.dumps(shapes),))
    if step.framework_version:
        given["FrameworkVersion"] = step.framework_version
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "compilation"),)),
        "InputConfig": given,
        "OutputConfig": _output(context, step),
        "StoppingCondition": {"MaxRuntimeInSeconds": int(step.timeout.total_seconds())},
        "Tags": jobs.job_tags(context, step.name),
    }
    vpc = jobs.vpc(context, step)
    if vpc:
        parameters["VpcConfig"] = vpc
    context.jobs.append(Job(kind="compilation", step=step.name, sources=(step.source,), network=step.network))
    return jobs.with_raw(context, step.name, "aws-sdk:sagemaker:createCompilationJob", parameters, step.raw)


def _output(context: Context, step: Compile) -> dict[str, Json]:
    output: dict[str, Json] = {}
    context.expressions.put(output, "S3OutputLocation", context.expressions.output_uri(step.name, "model"))
    match step.target:
        case TargetPlatform(os=os, arch=arch, accelerator=chip):
            output["TargetPlatform"] = {"Os": os, "Arch": arch} | ({"Accelerator": chip} if chip else {})
        case device:
            output["TargetDevice"] = device
    if step.options:
        output["CompilerOptions"] = literal((json.dumps(dict(step.options)),))
    key = jobs.key(context)
    if key:
        output["KmsKeyId"] = literal((key,))
    return output
