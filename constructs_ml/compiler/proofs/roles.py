"""The calls of a definition against the policy of its role: nothing missing, nothing more.

Resources are compared as text in which `*`, `{}` and what is filled in at deployment stand for anything. That
finds a wrong bucket, prefix or job name and a missing or idle permission; it does not evaluate conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_ml.compiler.proofs.tasks import Task, tasks
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, fault

_JOBS = {
    "createTrainingJob": ("TrainingJob", "training-job", "Training"),
    "createProcessingJob": ("ProcessingJob", "processing-job", "Processing"),
    "createTransformJob": ("TransformJob", "transform-job", "Transform"),
    "createHyperParameterTuningJob": ("HyperParameterTuningJob", "hyper-parameter-tuning-job", "Tuning"),
}
# What a state machine needs beside the calls of its states: its own logs and traces, and the key of its topic.
_OWN = ("logs:", "xray:", "kms:")
_ANY = "\0"


@dataclass(frozen=True, slots=True)
class Need:
    """One action that a state needs, on one resource; in the resource, `*` stands for what is not known yet."""

    state: str
    action: str
    resource: str


def needs(definition: Mapping[str, Any], opened: Mapping[str, Json] | None = None) -> tuple[Need, ...]:
    """What the states of a definition call; `opened` are the values of its `Fn::Sub`."""
    texts = {name: flat(value) for name, value in (opened or {}).items()}
    return tuple(need for task in tasks(definition) for need in _needs_of(task, texts))


def prove_role(
    definition: Mapping[str, Any], opened: Mapping[str, Json], policies: Sequence[Json]
) -> tuple[Fault, ...]:
    """Faults where the policies allow less or more than the definition's states call."""
    wanted = needs(definition, opened)
    granted = [
        (action, flat(resource))
        for policy in policies
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    faults = []
    for need in wanted:
        allowed = [resource for action, resource in granted if action == need.action]
        if not any(covers(resource, need.resource) for resource in allowed):
            faults.append(
                fault(
                    "role-missing",
                    where=need.state,
                    got=allowed or "no such action",
                    allowed=need.resource,
                    action=need.action,
                )
            )
    for action, resource in granted:
        used = any(action == need.action and covers(resource, need.resource) for need in wanted)
        if not used and not action.startswith(_OWN):
            faults.append(
                fault("role-idle", where="policy", got=resource, allowed="a call of some state", action=action)
            )
    return tuple(faults)


def covers(granted: str, needed: str) -> bool:
    """Whether a granted resource can be the needed one: `*` on either side stands for any text."""
    return granted == "*" or _pattern(granted).fullmatch(needed.replace("*", "x")) is not None


def flat(value: Json) -> str:
    """A CloudFormation value as one text; references stand in it by name."""
    if isinstance(value, str):
        return value
    name, body = next(iter(value.items()))
    if name == "Fn::Sub":
        text, values = (body, {}) if isinstance(body, str) else body
        for key, item in values.items():
            text = text.replace(f"${{{key}}}", flat(item))
        return str(text)
    if name == "Fn::Join":
        return str(body[0]).join(flat(item) for item in body[1])
    return f"<{'.'.join(body) if isinstance(body, list) else body}>"


def _needs_of(task: Task, texts: Mapping[str, str]) -> Iterator[Need]:
    def need(action: str, resource: str) -> Need:
        return Need(task.state, action, resource)

    parameters = task.parameters
    if task.service == "sagemaker" and task.action in _JOBS:
        noun, resource, rule = _JOBS[task.action]
        job = _arn("sagemaker", f"{resource}/{_text(parameters, f'{noun}Name', texts)}")
        for action in (f"Create{noun}", *((f"Describe{noun}", f"Stop{noun}") if task.pattern else ()), "AddTags"):
            yield need(f"sagemaker:{action}", job)
        yield need("iam:PassRole", _text(parameters, "RoleArn", texts))
        if task.pattern:
            watched = _arn("events", f"rule/StepFunctionsGetEventsForSageMaker{rule}JobsRule")
            for action in ("PutTargets", "PutRule", "DescribeRule"):
                yield need(f"events:{action}", watched)
    elif (task.service, task.action) == ("sagemaker", "createModelPackage"):
        group = _text(parameters, "ModelPackageGroupName", texts)
        yield need("sagemaker:CreateModelPackage", _arn("sagemaker", f"model-package-group/{group}"))
        yield need("sagemaker:CreateModelPackage", _arn("sagemaker", f"model-package/{group}/*"))
    elif (task.service, task.action) == ("s3", "getObject"):
        bucket, key = _text(parameters, "Bucket", texts), _text(parameters, "Key", texts)
        yield need("s3:GetObject", f"arn:${{AWS::Partition}}:s3:::{bucket}/{key}")
    elif task.service == "sns":
        yield need("sns:Publish", _text(parameters, "TopicArn", texts))
    elif task.service == "lambda":
        name = _text(parameters, "FunctionName", texts)
        yield need("lambda:InvokeFunction", name if ":" in name or "<" in name else _arn("lambda", f"function:{name}"))
    else:
        yield need(f"{task.service}:{task.action[0].upper()}{task.action[1:]}", "*")


def _text(parameters: Mapping[str, Any], name: str, texts: Mapping[str, str]) -> str:
    """A parameter as text, `*` where it is known only at run time."""
    value = parameters.get(name)
    if value is None:
        dynamic = str(parameters.get(f"{name}.$", ""))
        literal = re.match(r"States\.Format\('((?:[^'\\]|\\.)*)'", dynamic)
        value = literal[1].replace("{}", "*") if literal else "*"
    for key, text in texts.items():
        value = value.replace(f"${{{key}}}", text)
    return str(value)


def _arn(service: str, resource: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


def _pattern(granted: str) -> re.Pattern[str]:
    return re.compile(re.escape(granted.replace("*", _ANY)).replace(re.escape(_ANY), ".*"))


def _listed(value: Json) -> list[Any]:
    return value if isinstance(value, list) else [value]
