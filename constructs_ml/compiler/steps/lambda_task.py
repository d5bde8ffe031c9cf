"""A LambdaTask step: the call, and the function that it may bring along."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import escape_sub, key_of, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.metrics import keep_metrics
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import access
from constructs_ml.compiler.template import Json, asset, att, ref, tag_list
from constructs_ml.contract import names
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import Function, LambdaTask
from constructs_ml.spec.values import Result


def add(machine: Machine, step: LambdaTask, after: str) -> None:
    """The call; https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html."""
    context = machine.context
    payload: dict[str, Json] = {}
    for key, value in step.payload.items():
        machine.expressions.put_value(payload, key, value)
    if isinstance(step.function, Function):
        made = att(context.template.id(f"{step.name} function"), "Arn")
        name = literal((machine.expressions.open(logical_id("function", step.name), made),))
        context.allow(Statement(("lambda:InvokeFunction",), (made,)))
        add_function(context, step.name, step.function)
    else:
        name = escape_sub(step.function)
        context.allow(Statement(("lambda:InvokeFunction",), (arn("lambda", f"function:{name}"),)))
    used = sorted(item.key for item in context.used if isinstance(item, Result) and item.step == step.name)
    kept: dict[str, Json] = {f"{key}.$": f"$.Payload.{key}" for key in used}
    compared = context.metrics_of(step.name)
    machine.task(
        step.name,
        "lambda:invoke",
        {"FunctionName": name, "Payload": payload},
        f"Check {step.name} metrics" if compared else after,
        # Whole until its numbers are checked: a path to one that is missing would fail here, with no word of ours.
        kept=kept | ({"found.$": "$.Payload"} if compared else {}),
        retry=retries("lambda", step.retry),
        seconds=int(step.timeout.total_seconds()),
    )
    if compared:
        found = {key: result_path(step.name, f"found.{key}") for key in compared}
        numbers: dict[str, Json] = {f"{key_of(key)}.$": path for key, path in found.items()}
        keep_metrics(machine, step.name, found, numbers, kept, after, "the function's answer")


def add_function(context: Context, step: str, function: Function) -> None:
    """The function, with its own role and log group."""
    part = f"{step} function"
    name = f"{names.state_machine(context.account.stage, context.spec.model, context.spec.name)}-{step}"[:64]
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
        description=f"Function {step} of {context.spec.name} of {context.spec.model}",
        services=("lambda.amazonaws.com",),
        statements=_statements(context, step, function),
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    code = context.code[step].asset
    properties: dict[str, Json] = {
        "FunctionName": name,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Code": {"S3Bucket": asset(code, "bucket"), "S3Key": asset(code, "key")},
        "Role": att(role.id, "Arn"),
        "MemorySize": function.memory_mb,
        "Timeout": int(function.timeout.total_seconds()),
        "LoggingConfig": {"LogGroup": ref(context.template.id(f"{part} log"))},
        "Tags": tag_list(context.tags),
    }
    if function.environment:
        properties["Environment"] = {"Variables": dict(function.environment)}
    context.template.add(part, "AWS::Lambda::Function", properties, depends_on=role.policies)


def _statements(context: Context, step: str, function: Function) -> list[Statement]:
    """What a function that the pipeline brings along may do."""
    streams = att(context.template.id(f"{step} function log"), "Arn")
    logs = Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (streams,))
    return [logs, *access(context, function.reads, function.writes, function.permissions)]
