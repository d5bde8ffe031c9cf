"""What the steps that call other services have in common: names of things in the account, results, access to data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_ml.compiler import permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.job_roles import places_of
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.steps.flow import declared
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import Permission
from constructs_ml.spec.values import S3, Input, Location, Result

RUNS = "the service names its runs when it starts them"
_GIVEN = "an input of the run names it"


def kept(context: Context, step: str, paths: Mapping[str, str]) -> dict[str, Json]:
    """The fields of a call's answer that later steps use."""
    used = {item.key for item in context.used if isinstance(item, Result) and item.step == step}
    return {f"{key}.$": path for key, path in sorted(paths.items()) if key in used}


def allow_on(
    context: Context, service: str, actions: Sequence[str], kind: str, name: str | Input, below: str = ""
) -> None:
    """Let the pipeline call actions of a service on something that its spec or an input names, or below it."""
    shown = "*" if isinstance(name, Input) else name
    because = _GIVEN if isinstance(name, Input) else RUNS if "*" in below else ""
    called = tuple(f"{service}:{action}" for action in actions)
    context.allow(Statement(called, (arn(service, f"{kind}{shown}{below}"),), because=because))


def watch(context: Context, rule: str) -> None:
    """Let Step Functions hear of the end of what it started, by its own rule."""
    actions = ("events:DescribeRule", "events:PutRule", "events:PutTargets")
    context.allow(Statement(actions, (arn("events", f"rule/{rule}"),)))


def role_arn(name: str) -> str:
    """The ARN of a role of the account, as it stands in a text that goes through `Fn::Sub`."""
    return f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"


def hand_over(context: Context, roles: Sequence[Json], service: str) -> None:
    """Let the pipeline pass roles to one service."""
    passed = {"StringEquals": {"iam:PassedToService": service}}
    context.allow(Statement(("iam:PassRole",), tuple(roles), passed))


def access(
    context: Context, reads: Sequence[Location], writes: Sequence[S3], more: Sequence[Permission]
) -> list[Statement]:
    """What code that the pipeline brings along may read, write and call."""
    statements: list[Statement] = []
    buckets: dict[str, tuple[Json, list[str]]] = {}
    for bucket, key in (place for source in reads for place in places_of(context, source)):
        buckets.setdefault(str(bucket), (bucket, []))[1].append(key)
    for bucket, keys in buckets.values():
        statements += permissions.read(bucket, keys)
    for place in writes:
        statements.append(permissions.write(place.bucket or context.infrastructure.data_bucket, place.key))
    if reads or writes:
        actions = ("kms:Decrypt", "kms:GenerateDataKey") if writes else ("kms:Decrypt",)
        key_arns = (context.infrastructure.key_arn, context.infrastructure.data_key_arn)
        statements += [Statement(actions, (key_arn,)) for key_arn in key_arns if key_arn is not None]
    return statements + [declared(item) for item in more]
