"""What the requests of processing and training jobs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from constructs_ml.compiler import machines
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Open, Path, Text
from constructs_ml.compiler.images import image
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.job_roles import JOB_ROLE
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.proofs import check_raw
from constructs_ml.compiler.template import Json, asset, att, tag_list
from constructs_ml.contract import names
from constructs_ml.facts import instances
from constructs_ml.spec.account import JobKind, RoleKind
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Experiment
from constructs_ml.spec.steps import AutoML, BatchTransform, Compile, DataWrangler, FargateTask, Process, Train

# A job may wait for capacity, pull its image and upload its output before and after the time it runs.
_AROUND_A_JOB = timedelta(minutes=30)
_JOBS = "a job's name ends in a UUID, so that every attempt has its own"
# The resource in a job's ARN, and the word in the rule by which Step Functions hears of its end.
_WAITED_FOR = {
    "TrainingJob": ("training-job", "Training"),
    "ProcessingJob": ("processing-job", "Processing"),
    "TransformJob": ("transform-job", "Transform"),
    "HyperParameterTuningJob": ("hyper-parameter-tuning-job", "Tuning"),
}


def job_name(context: Context, step: str) -> Text:
    """Unique for every attempt of every run: names of jobs are never free again."""
    prefix = names.job_prefix(context.spec.model, step)
    return (f"{prefix}-", Path("States.UUID()"), "-", Path("$$.State.RetryCount"))


def tuning_job_name(context: Context, step: str) -> Text:
    """Unique for every attempt of every run, within the 32 characters of tuning jobs."""
    prefix = names.tuning_prefix(context.spec.model, context.spec.name, step)
    unique = Path("States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 4)")
    return (f"{prefix}-", unique, "-", Path("$$.State.RetryCount"))


def state_timeout(timeout: timedelta) -> int:
    """Seconds after which the state gives up on a job that should have ended."""
    return int((timeout + _AROUND_A_JOB).total_seconds())


def role(context: Context, kind: RoleKind) -> Open:
    """The execution role of a kind of job, which the pipeline passes to SageMaker."""
    given = context.infrastructure.roles.get(kind)
    value = given if given is not None else att(context.template.id(JOB_ROLE[kind]), "Arn")
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    context.allow(Statement(("iam:PassRole",), (value,), passed))
    return context.expressions.open(logical_id(kind, "role"), value)


def job_calls(context: Context, noun: str, step: str, prefix: str | None = None) -> list[Statement]:
    """The calls by which a state starts a job of SageMaker, such as "TrainingJob", and waits for its end.

    `prefix` is the beginning of the job's name where it is not the step's usual one.
    """
    resource, rule = _WAITED_FOR[noun]
    prefix = prefix or names.job_prefix(context.spec.model, step)
    calls = (f"sagemaker:Create{noun}", f"sagemaker:Describe{noun}", f"sagemaker:Stop{noun}", "sagemaker:AddTags")
    watch = arn("events", f"rule/StepFunctionsGetEventsForSageMaker{rule}JobsRule")
    return [
        Statement(calls, (arn("sagemaker", f"{resource}/{prefix}-*"),), because=_JOBS),
        Statement(("events:PutTargets", "events:PutRule", "events:DescribeRule"), (watch,)),
    ]


def key(context: Context) -> Open | None:
    """The key that encrypts volumes and outputs, if the platform has one."""
    arn = context.infrastructure.key_arn
    return None if arn is None else context.expressions.open("KeyArn", arn)


def code_uri(context: Context, step: str) -> Text:
    """Where a step's code lies."""
    name = context.code[step].asset
    opened = context.expressions.open(logical_id("code uri", name), asset(name, "uri"))
    return (opened,)


def code_file(context: Context, step: str) -> Open:
    """The file name under which a step's code reaches its container."""
    name = context.code[step].asset
    return context.expressions.open(logical_id("code file", name), asset(name, "file"))


def first_type(context: Context, kind: JobKind, step: Process | Train | BatchTransform | DataWrangler) -> str | None:
    """The type of the first machines: they decide the image. The step's own or the account's, unchecked."""
    compute = step.compute
    several = (*compute.preferences, *(group.instance_type for group in compute.groups))
    return compute.instance_type or next(iter(several), None) or context.account.instances.default(kind)


def cluster(context: Context, kind: JobKind, step: Process | Train | BatchTransform | DataWrangler) -> dict[str, Json]:
    """The machines of a job. Volumes of instances with local NVMe take no key: the instance encrypts them itself."""
    compute, count = step.compute, step.compute.instance_count
    groups = {group.instance_type: group.count for group in compute.groups}
    wanted = tuple(groups) or compute.preferences or (compute.instance_type,)
    where = context.where(step.name)
    chosen = [
        machines.instance_type(context.account, kind, given, 1 if number else compute.instances, where, context.faults)
        for number, given in enumerate(wanted)
    ]
    resources: dict[str, Json] = {}
    if compute.groups:
        resources["InstanceGroups"] = [
            {"InstanceGroupName": item.name, "InstanceType": item.instance_type, "InstanceCount": item.count}
            for item in compute.groups
        ]
    elif compute.preferences:
        preferences = [{"InstanceType": item, "InstanceCount": count} for item in compute.preferences]
        resources["InstancePreferences"] = preferences
    else:
        resources |= {"InstanceCount": count, "InstanceType": chosen[0] or "unknown"}
    resources["VolumeSizeInGB"] = compute.volume_gb
    opened = key(context)
    if opened and all(item and not instances.has_local_storage(item) for item in chosen):
        resources["VolumeKmsKeyId"] = f"${{{opened.name}}}"
    return resources


def vpc(
    context: Context, step: Process | Train | BatchTransform | AutoML | Compile | DataWrangler | FargateTask
) -> Json | None:
    """The subnets and security groups of a job, where it runs inside them."""
    found = machines.network(context.infrastructure, step.network, context.where(step.name), context.faults)
    if found is None:
        return None
    return {
        "Subnets": _each(context, "Subnet", found[0]),
        "SecurityGroupIds": _each(context, "SecurityGroup", found[1]),
    }


def _each(context: Context, name: str, values: Json) -> list[str]:
    """A list of ids; a slot for a whole list is one JSON fragment that the construct joins."""
    if isinstance(values, tuple):
        # The step's own, which may differ from those of other steps: literals.
        return list(values)
    if isinstance(values, list):
        each = [context.expressions.open(f"{name}{index}", value) for index, value in enumerate(values, start=1)]
        return [f"${{{item.name}}}" for item in each]
    opened = context.expressions.open(f"{name}s", {"Fn::Join": ['","', values]})
    return [f"${{{opened.name}}}"]


def experiment(step_experiment: Experiment | None) -> dict[str, Json]:
    """The ExperimentConfig of a job."""
    if step_experiment is None:
        return {}
    fields = {
        "ExperimentName": step_experiment.experiment,
        "TrialName": step_experiment.trial,
        "TrialComponentDisplayName": step_experiment.display_name,
        "RunName": step_experiment.run,
    }
    return {"ExperimentConfig": {key: value for key, value in fields.items() if value}}


def job_tags(context: Context, step: str) -> list[Json]:
    return tag_list(context.job_tags(step))


def image_uri(context: Context, kind: JobKind, step: Process | Train, wanted: ContainerImage) -> Open | str:
    """The step's image, literal where the region is known."""
    return image(context, wanted, kind, first_type(context, kind, step), step.name)


def with_raw(
    context: Context, step: str, call: str, request: Mapping[str, Json], raw: Mapping[str, object]
) -> dict[str, Json]:
    """The request with the user's raw fields, each checked against the service's own model."""
    if raw:
        context.faults.found.extend(check_raw(call, raw, where=f"pipeline {context.spec.name!r}, step {step!r}, raw"))
    return merge_raw(request, raw)


def merge_raw(request: Mapping[str, Json], raw: Mapping[str, object]) -> dict[str, Json]:
    """The request with the user's raw fields on top: objects are merged, everything else is replaced."""
    merged = dict(request)
    for name, value in raw.items():
        bare = name.removesuffix(".$")
        before = merged.get(bare)
        for old in (bare, f"{bare}.$"):
            merged.pop(old, None)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[name] = merge_raw(before, value)
        else:
            merged[name] = value
    return merged
