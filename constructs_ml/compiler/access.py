"""What the roles of a pipeline may do: exactly the calls of its jobs and of its states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_ml.compiler import permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.images import registry_arn
from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, asset, att, sub
from constructs_ml.contract import names
from constructs_ml.spec.account import JobKind
from constructs_ml.spec.steps import Function, LambdaTask, Process, RawState, Register, Train
from constructs_ml.spec.triggers import OnData
from constructs_ml.spec.values import S3, Input, Location, ModelArtifact, Output

_JOBS = "a job's name ends in a UUID, so that every attempt has its own"
_LOG_GROUP = {"training": "/aws/sagemaker/TrainingJobs", "processing": "/aws/sagemaker/ProcessingJobs"}
_JOB_TYPE = {"training": ("TrainingJob", "training-job"), "processing": ("ProcessingJob", "processing-job")}
_EVENTS_RULE = {"training": "Training", "processing": "Processing"}


def job_statements(context: Context, kind: JobKind, steps: Sequence[Process | Train]) -> list[Statement]:
    """What the containers of one kind of job may do."""
    infrastructure = context.infrastructure
    prefix = names.pipeline_prefix(context.spec.model, context.spec.name)
    written = bucket_arn(infrastructure.artifact_bucket, f"{prefix}*")
    statements = [
        *_reads(context, steps),
        Statement(("s3:PutObject", "s3:AbortMultipartUpload"), (written,), because=permissions.OBJECTS),
        *permissions.logs(_LOG_GROUP[kind]),
        permissions.publish(f"/aws/sagemaker/{_JOB_TYPE[kind][0]}s"),
        *permissions.pull([registry_arn(context.template, context.account, step.image) for step in steps]),
    ]
    if any(isinstance(step, Train) and step.spot and step.spot.checkpoints for step in steps):
        statements.append(Statement(("s3:GetObject",), (written,), because=permissions.OBJECTS))
    if infrastructure.data_key_arn is not None:
        statements.append(_key(infrastructure.data_key_arn, "kms:Decrypt"))
    if infrastructure.key_arn is not None:
        statements += permissions.use_key(infrastructure.key_arn)
    if infrastructure.subnets is not None and any(step.network.vpc is not False for step in steps):
        statements += permissions.network()
    return statements


def _reads(context: Context, steps: Sequence[Process | Train]) -> Iterator[Statement]:
    """Objects below the prefixes that the steps read, and the listing that finds them."""
    prefixes: dict[str, tuple[Json, list[str]]] = {}
    for bucket, prefix in _sources(context, steps):
        _, known = prefixes.setdefault(str(bucket), (bucket, []))
        if prefix not in known:
            known.append(prefix)
    for bucket, known in prefixes.values():
        yield from permissions.read(bucket, sorted(known))
    code = [context.code[step.name].asset for step in steps if step.name in context.code]
    if code:
        yield from permissions.read_code(asset(code[0], "bucket"))


def _sources(context: Context, steps: Sequence[Process | Train]) -> Iterator[tuple[Json, str]]:
    for step in steps:
        for channel in step.sources.values():
            yield from _places(context, channel.source)


def _places(context: Context, source: Location) -> Iterator[tuple[Json, str]]:
    """The bucket and prefix that a source can turn out to be."""
    data, artifacts = context.infrastructure.data_bucket, context.infrastructure.artifact_bucket
    match source:
        case S3():
            yield source.bucket or data, source.key
        case Output() | ModelArtifact():
            yield artifacts, names.pipeline_prefix(context.spec.model, context.spec.name)
        case Input():
            triggers = [item for item in context.spec.triggers if isinstance(item, OnData) and item.to == source.name]
            known = [(data, item.prefix) for item in triggers]
            if isinstance(source.default, S3):
                known.append((source.default.bucket or data, source.default.key))
            yield from known or [(data, "")]


def states_statements(context: Context, roles: Sequence[Json]) -> list[Statement]:
    """What the state machine may do: the calls of its states, and no more. `roles` are those its jobs get."""
    steps = context.spec.all_steps
    statements = [Statement(("sns:Publish",), (context.infrastructure.topic_arn,))]
    for kind, type in (("training", Train), ("processing", Process)):
        found = [step for step in steps if isinstance(step, type)]
        if found:
            statements += _jobs(context, kind, [step.name for step in found])
    if roles:
        passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        statements.append(Statement(("iam:PassRole",), tuple(roles), passed))
    if any(isinstance(step, Register) for step in steps):
        statements += _registration(context)
    statements += _metrics(context)
    statements += _functions(context)
    for step in steps:
        if isinstance(step, RawState):
            for item in step.permissions:
                resources = tuple(sub(text) if "${" in text else text for text in item.resources)
                statements.append(Statement(item.actions, resources, because=item.because))
    if context.infrastructure.key_arn is not None:
        statements.append(_key(context.infrastructure.key_arn, "kms:Decrypt", "kms:GenerateDataKey"))
    return [*statements, *_observation()]


def _jobs(context: Context, kind: str, steps: Sequence[str]) -> list[Statement]:
    noun, resource = _JOB_TYPE[kind]
    prefixes = dict.fromkeys(names.job_prefix(context.spec.model, step) for step in steps)
    jobs = tuple(arn("sagemaker", f"{resource}/{prefix}-*") for prefix in prefixes)
    rule = arn("events", f"rule/StepFunctionsGetEventsForSageMaker{_EVENTS_RULE[kind]}JobsRule")
    calls = (f"sagemaker:Create{noun}", f"sagemaker:Describe{noun}", f"sagemaker:Stop{noun}", "sagemaker:AddTags")
    return [
        Statement(calls, jobs, because=_JOBS),
        Statement(("events:PutTargets", "events:PutRule", "events:DescribeRule"), (rule,)),
    ]


def _registration(context: Context) -> list[Statement]:
    group = names.model_package_group(context.account.stage, context.spec.model)
    made = (arn("sagemaker", f"model-package-group/{group}"), arn("sagemaker", f"model-package/{group}/*"))
    return [
        Statement(("sagemaker:CreateModelPackage",), made, because="the registry numbers the versions of the group"),
    ]


def _metrics(context: Context) -> list[Statement]:
    """The metrics files that conditions are decided by."""
    prefix = names.pipeline_prefix(context.spec.model, context.spec.name)
    files = [
        bucket_arn(context.infrastructure.artifact_bucket, f"{prefix}*/{step.name}/{step.metrics}")
        for step in context.spec.all_steps
        if isinstance(step, Process) and context.metrics_of(step.name)
    ]
    because = "the name of the run stands in the key of its metrics file"
    return [Statement(("s3:GetObject",), tuple(files), because=because)] if files else []


def _functions(context: Context) -> list[Statement]:
    functions: list[Json] = []
    for step in context.spec.all_steps:
        if isinstance(step, LambdaTask):
            own = isinstance(step.function, Function)
            made = att(context.template.id(f"{step.name} function"), "Arn")
            functions.append(made if own else arn("lambda", f"function:{step.function}"))
    return [Statement(("lambda:InvokeFunction",), tuple(functions))] if functions else []


def _observation() -> list[Statement]:
    """What the state machine's own logging and tracing need."""
    deliveries = (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    )
    traces = (
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    )
    return [
        Statement(deliveries, ("*",), because="CloudWatch Logs' delivery calls have no resources"),
        Statement(traces, ("*",), because="X-Ray's calls have no resources"),
    ]


def function_statements(context: Context, step: str, function: Function) -> list[Statement]:
    """What a function that the pipeline brings along may do."""
    streams = att(context.template.id(f"{step} function log"), "Arn")
    statements = [Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (streams,))]
    buckets: dict[str, tuple[Json, list[str]]] = {}
    for place in function.reads:
        bucket = place.bucket or context.infrastructure.data_bucket
        buckets.setdefault(str(bucket), (bucket, []))[1].append(place.key)
    for bucket, keys in buckets.values():
        statements += permissions.read(bucket, keys)
    if function.reads and context.infrastructure.key_arn is not None:
        statements.append(_key(context.infrastructure.key_arn, "kms:Decrypt"))
    return statements


def _key(key_arn: Json, *actions: str) -> Statement:
    return Statement(actions, (key_arn,))
