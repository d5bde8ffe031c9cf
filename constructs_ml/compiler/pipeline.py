"""A pipeline for one account: state machine, roles, functions, triggers, and the record of its code."""

from __future__ import annotations

import json

from constructs_ml.compiler import access, states
from constructs_ml.compiler.code import read_code
from constructs_ml.compiler.context import CodeAsset, Context
from constructs_ml.compiler.expressions import Expressions
from constructs_ml.compiler.infrastructure import Infrastructure, of_platform
from constructs_ml.compiler.policies import Role, add_role, merge
from constructs_ml.compiler.template import (
    Asset,
    Compiled,
    Json,
    Packaging,
    Template,
    asset,
    att,
    check_types,
    sub,
    tag_list,
)
from constructs_ml.compiler.triggers import add_triggers
from constructs_ml.contract import names
from constructs_ml.faults import SpecError
from constructs_ml.spec.account import Account, JobKind
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import Function, LambdaTask, Process, Register, Step, Train

STATE_MACHINE, STATES_ROLE, LOG = "State machine", "States role", "Log"
JOB_ROLE: dict[JobKind, str] = {"training": "Training role", "processing": "Processing role"}


def compile_pipeline(
    spec: PipelineSpec,
    account: Account,
    *,
    prefix: str,
    infrastructure: Infrastructure | None = None,
    commit: str | None = None,
) -> Compiled:
    """Render a pipeline. Raises `AccountError` with every setting of the account that cannot carry it."""
    found = infrastructure or of_platform(account)
    context = Context(
        spec=spec,
        account=account,
        infrastructure=found,
        template=Template(prefix),
        expressions=Expressions(spec.model, spec.name, found.data_bucket, found.artifact_bucket),
    )
    _collect_code(context)
    definition = states.definition(context)
    context.faults.raise_if_any()
    roles = _job_roles(context)
    _functions(context)
    add_triggers(context, _state_machine(context, definition, roles))
    if commit or context.code:
        _code_record(context, commit)
    context.faults.raise_if_any()
    check_types(context.template, account, f"pipeline {spec.name!r} of model {spec.model!r}")
    return context.template.compiled()


def _collect_code(context: Context) -> None:
    """Read the code of every step; steps that share a source share its asset."""
    for step in context.spec.all_steps:
        code, packaging = _code_of(step)
        if code is None:
            continue
        where = f"pipeline {context.spec.name!r}, step {step.name!r}"
        try:
            found, entry = read_code(context.spec.root, code.path, entry=code.entry, packaging=packaging, where=where)
        except SpecError as refused:
            context.faults.found.extend(refused.faults)
            found, entry = None, ""
        if found is None:
            context.code[step.name] = CodeAsset("missing", entry, "missing")
            continue
        name = _asset_name(context, found, step.name)
        context.code[step.name] = CodeAsset(name, entry, found.digest)


def _asset_name(context: Context, found: Asset, step: str) -> str:
    """The asset's name: that of the first step which brings this content."""
    for name, known in context.template.assets.items():
        if (known.digest, known.packaging) == (found.digest, found.packaging):
            return name
    context.template.assets[step] = found
    return step


def _code_of(step: Step) -> tuple[Code | None, Packaging]:
    match step:
        case Process(code=code) | Train(code=code) if code is not None:
            return (code if isinstance(code, Code) else Code(code)), "tar.gz"
        case Register(serving=serving) if serving.code is not None:
            return (serving.code if isinstance(serving.code, Code) else Code(serving.code)), "tar.gz"
        case LambdaTask(function=Function(code=path)):
            return Code(path), "zip"
    return None, "zip"


def _job_roles(context: Context) -> dict[JobKind, Role | None]:
    """One role per kind of job that the pipeline has; None for a kind whose role the user gives."""
    roles: dict[JobKind, Role | None] = {}
    kinds: tuple[tuple[JobKind, type[Process] | type[Train]], ...] = (("training", Train), ("processing", Process))
    for kind, type in kinds:
        steps = [step for step in context.spec.all_steps if isinstance(step, type)]
        if not steps:
            continue
        statements = access.job_statements(context, kind, steps)
        if kind in context.infrastructure.roles:
            rendered = [statement.render() for statement in merge(statements)]
            context.template.required += [item for item in rendered if item not in context.template.required]
            roles[kind] = None
            continue
        roles[kind] = add_role(
            context.template,
            JOB_ROLE[kind],
            description=f"{kind.capitalize()} jobs of {context.spec.name} of {context.spec.model}",
            services=("sagemaker.amazonaws.com",),
            statements=statements,
            boundary=context.account.permissions_boundary,
            tags=context.tags,
        )
    return roles


def _state_machine(context: Context, definition: Json, roles: dict[JobKind, Role | None]) -> str:
    template, stage, spec = context.template, context.account.stage, context.spec
    log = template.add(
        LOG,
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": names.state_machine_log_group(stage, spec.model, spec.name),
            "RetentionInDays": context.account.log_retention_days,
            "Tags": tag_list(context.tags),
        },
    )
    passed = [
        context.expressions.opened[name]
        for name in ("TrainingRole", "ProcessingRole")
        if name in context.expressions.opened
    ]
    role = add_role(
        template,
        STATES_ROLE,
        description=f"States of {spec.name} of {spec.model}",
        services=("states.amazonaws.com",),
        statements=access.states_statements(context, passed),
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    text = json.dumps(definition, separators=(",", ":"))
    used = {name: value for name, value in sorted(context.expressions.opened.items()) if f"${{{name}}}" in text}
    ready = [policy for item in (role, *roles.values()) if item for policy in item.policies]
    return template.add(
        STATE_MACHINE,
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": names.state_machine(stage, spec.model, spec.name),
            "StateMachineType": "STANDARD",
            "RoleArn": att(role.id, "Arn"),
            "DefinitionString": sub(text, **used),
            "LoggingConfiguration": {
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": att(log, "Arn")}}],
                "IncludeExecutionData": True,
                "Level": "ALL",
            },
            "TracingConfiguration": {"Enabled": True},
            "Tags": tag_list(context.tags),
        },
        depends_on=ready,
    )


def _functions(context: Context) -> None:
    """The functions that LambdaTask steps bring along, each with its own role and log group."""
    for step in context.spec.all_steps:
        if not isinstance(step, LambdaTask) or not isinstance(step.function, Function):
            continue
        function, part = step.function, f"{step.name} function"
        name = f"{names.state_machine(context.account.stage, context.spec.model, context.spec.name)}-{step.name}"[:64]
        context.template.add(
            f"{part} log",
            "AWS::Logs::LogGroup",
            {
                "LogGroupName": f"/aws/lambda/{name}",
                "RetentionInDays": context.account.log_retention_days,
                "Tags": tag_list(context.tags),
            },
        )
        role = add_role(
            context.template,
            f"{part} role",
            description=f"Function {step.name} of {context.spec.name} of {context.spec.model}",
            services=("lambda.amazonaws.com",),
            statements=access.function_statements(context, step.name, function),
            boundary=context.account.permissions_boundary,
            tags=context.tags,
        )
        code = context.code[step.name].asset
        properties: dict[str, Json] = {
            "FunctionName": name,
            "Runtime": function.runtime,
            "Handler": function.handler,
            "Code": {"S3Bucket": asset(code, "bucket"), "S3Key": asset(code, "key")},
            "Role": att(role.id, "Arn"),
            "MemorySize": function.memory_mb,
            "Timeout": int(function.timeout.total_seconds()),
            "LoggingConfig": {"LogGroup": {"Ref": context.template.id(f"{part} log")}},
            "Tags": tag_list(context.tags),
        }
        if function.environment:
            properties["Environment"] = {"Variables": dict(function.environment)}
        context.template.add(part, "AWS::Lambda::Function", properties, depends_on=role.policies)


def _code_record(context: Context, commit: str | None) -> None:
    """The one place where the commit stands: which code digests, from which commit."""
    digests = {step: code.digest for step, code in sorted(context.code.items())}
    value = json.dumps({"commit": commit or "unknown", "code": digests}, sort_keys=True)
    context.template.add(
        "Code record",
        "AWS::SSM::Parameter",
        {
            "Name": names.code_parameter(context.account.stage, context.spec.model, context.spec.name),
            "Description": f"Commit and code digests of {context.spec.name} of {context.spec.model}",
            "Type": "String",
            "Value": value,
            "Tags": dict(sorted(context.tags.items())),
        },
    )
