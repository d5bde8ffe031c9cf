"""A pipeline for one account on SageMaker Pipelines: roles, functions, triggers, and the notice of failures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.infrastructure import Infrastructure, arn, of_platform
from constructs_ml.compiler.job_roles import add_job_roles
from constructs_ml.compiler.pipeline import add_code_record, collect_code
from constructs_ml.compiler.policies import Role, add_role
from constructs_ml.compiler.sagemaker.definition import definition
from constructs_ml.compiler.sagemaker.expressions import expressions_of
from constructs_ml.compiler.sagemaker.fits import check_fit
from constructs_ml.compiler.sagemaker.triggers import add_triggers, check_triggers
from constructs_ml.compiler.template import Compiled, Json, Template, att, check_types, sub, tag_list
from constructs_ml.contract import names
from constructs_ml.contract.events import PipelineExecutionChange
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.pipeline import PipelineSpec

PIPELINE, PIPELINE_ROLE, FAILURES = "Pipeline", "Pipeline role", "Failures"


def compile_sagemaker_pipeline(
    spec: PipelineSpec,
    account: Account,
    *,
    prefix: str,
    infrastructure: Infrastructure | None = None,
    commit: str | None = None,
) -> Compiled:
    """Render a pipeline for SageMaker Pipelines.

    Raises `SpecError` with everything that the service cannot express, and `AccountError` with every setting of the
    account that cannot carry the pipeline.
    """
    faults = Faults()
    check_fit(spec, faults)
    check_triggers(spec, faults)
    faults.raise_if_any()
    found = infrastructure or of_platform(account)
    expressions = expressions_of(spec, found.data_bucket, found.artifact_bucket)
    context = Context(
        spec=spec, account=account, infrastructure=found, template=Template(prefix), expressions=expressions
    )
    context.check_inputs()
    collect_code(context)
    body = definition(context, expressions)
    context.faults.raise_if_any()
    pipeline = _pipeline(context, body, add_job_roles(context))
    _failures(context)
    add_triggers(context, pipeline, pipeline_arn(context))
    if commit or context.code:
        add_code_record(context, commit)
    context.faults.raise_if_any()
    check_types(context.template, account, f"pipeline {spec.name!r} of model {spec.model!r}")
    return context.template.compiled()


def pipeline_arn(context: Context) -> Json:
    """The pipeline's ARN: CloudFormation gives a pipeline's name alone."""
    return arn("sagemaker", f"pipeline/{_name(context)}")


def _name(context: Context) -> str:
    return names.sagemaker_pipeline(context.account.stage, context.spec.model, context.spec.name)


def _pipeline(context: Context, body: Json, roles: Sequence[Role]) -> str:
    template, spec = context.template, context.spec
    role = add_role(
        template,
        PIPELINE_ROLE,
        description=f"Steps of {spec.name} of {spec.model}",
        services=("sagemaker.amazonaws.com",),
        statements=context.calls,
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    text = json.dumps(body, separators=(",", ":"))
    used = {name: value for name, value in sorted(context.expressions.opened.items()) if f"${{{name}}}" in text}
    return template.add(
        PIPELINE,
        "AWS::SageMaker::Pipeline",
        {
            "PipelineName": _name(context),
            "PipelineDescription": f"{spec.name} of {spec.model}",
            "PipelineDefinition": {"PipelineDefinitionBody": sub(text, **used)},
            "RoleArn": att(role.id, "Arn"),
            "Tags": tag_list(context.tags),
        },
        depends_on=[policy for item in (role, *roles) for policy in item.policies],
    )


def _failures(context: Context) -> None:
    """A notice on the stage's topic for every run that fails; the topic lets EventBridge publish."""
    spec, stage = context.spec, context.account.stage
    told = f"{spec.name} of {spec.model} failed in {stage}. Run: <execution>"
    target = {
        "Id": "Notices",
        "Arn": context.infrastructure.topic_arn,
        "InputTransformer": {
            "InputPathsMap": dict(PipelineExecutionChange.PATHS),
            "InputTemplate": json.dumps(told),
        },
    }
    context.template.add(
        FAILURES,
        "AWS::Events::Rule",
        {
            "Description": f"Tells of failed runs of {spec.name} of {spec.model}",
            "EventPattern": PipelineExecutionChange.pattern(pipeline_arn(context), "Failed"),
            "State": "ENABLED",
            "Targets": [target],
        },
    )
