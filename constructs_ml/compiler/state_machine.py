"""A state machine as a resource: its log, its role, and its definition as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.proofs import ENCRYPTION, check_size
from constructs_ml.compiler.template import Json, att, sub, tag_list
from constructs_ml.contract import names

# What the state machine's own logging and tracing need.
_OBSERVATION = (
    Statement(
        (
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
        ("*",),
        because="CloudWatch Logs' delivery calls have no resources",
    ),
    Statement(
        (
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ),
        ("*",),
        because="X-Ray's calls have no resources",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a state machine's resources are called in the template, and whose states its role is for."""

    machine: str
    role: str
    log: str
    states: str


PIPELINE = Parts(machine="State machine", role="States role", log="Log", states="States")
STARTER = Parts(machine="Starter", role="Starter role", log="Starter log", states="Starter")


def add_state_machine(context: Context, parts: Parts, definition: Mapping[str, Json], ready: Sequence[str] = ()) -> str:
    """Add a state machine and return its logical id. Its role may do what the context allows; it waits for `ready`."""
    template, stage, spec = context.template, context.account.stage, context.spec
    starts = parts is STARTER
    group = names.starter_log_group if starts else names.state_machine_log_group
    name = names.starter if starts else names.state_machine
    log = template.add(
        parts.log,
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": group(stage, spec.model, spec.name),
            "RetentionInDays": context.account.log_retention_days,
            "Tags": tag_list(context.tags),
        },
    )
    role = add_role(
        template,
        parts.role,
        description=f"{parts.states} of {spec.name} of {spec.model}",
        services=("states.amazonaws.com",),
        statements=[*context.calls, *_keys(context), *_OBSERVATION],
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
    text = json.dumps(definition, separators=(",", ":"))
    used = {name: value for name, value in sorted(context.expressions.opened.items()) if f"${{{name}}}" in text}
    where = f"pipeline {spec.name!r} of model {spec.model!r}"
    context.faults.found.extend(check_size(text, where, substitutions=used))
    return template.add(
        parts.machine,
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": name(stage, spec.model, spec.name),
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
        depends_on=[*role.policies, *ready],
    )


def _keys(context: Context) -> list[Statement]:
    """What the machine reads, writes and publishes may be encrypted."""
    key_arn = context.infrastructure.key_arn
    made = {action for statement in context.calls for action in statement.actions}
    if key_arn is None or not made & set(ENCRYPTION.with_calls):
        return []
    return [Statement(ENCRYPTION.actions, (key_arn,))]
