"""The IAM actions that a definition's states make, derived from the definition alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.data_calls import dynamodb_calls, query_calls, s3_calls
from constructs_ml.compiler.proofs.data_flow import with_data
from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.compiler.proofs.map_calls import map_calls
from constructs_ml.compiler.proofs.message_calls import message_calls
from constructs_ml.compiler.proofs.needs import MAKING, NEEDS, Needs
from constructs_ml.compiler.proofs.parameters import tasks
from constructs_ml.compiler.proofs.run_calls import batch_calls, container_calls, execution_calls, runs_of
from constructs_ml.compiler.proofs.sagemaker_calls import sagemaker_calls
from constructs_ml.compiler.proofs.task import Task
from constructs_ml.compiler.proofs.texts import ANYTHING, NO_SUBSTITUTIONS, Substitutions, Text
from constructs_ml.compiler.proofs.values import constant, members, text_of
from constructs_ml.compiler.template import Json

_NOTHING: Mapping[str, Json] = MappingProxyType({})
# IAM's words for services that Step Functions calls by other ones.
_PREFIXES = {
    "cloudwatchlogs": "logs",
    "emr": "elasticmapreduce",
    "emrcontainers": "emr-containers",
    "emrserverless": "emr-serverless",
    "eventbridge": "events",
    "sagemakerfeaturestoreruntime": "sagemaker",
    "sagemakermetrics": "sagemaker",
    "sagemakerruntime": "sagemaker",
    "sesv2": "ses",
    "sfn": "states",
}


def calls(
    definition: Mapping[str, Json],
    *,
    substitutions: Mapping[str, Json] = _NOTHING,
    known: Mapping[str, Json] = _NOTHING,
    machine: Json = None,
) -> tuple[Call, ...]:
    """Every call that some state makes, those that an integration makes by itself included.

    `substitutions` maps the `${Name}` of the definition to CloudFormation values; `known` gives values to names of
    the template, such as {"AWS::Region": "eu-central-1"}. `machine` is the ARN of the state machine itself, which a
    distributed Map starts: a CloudFormation value, or a tuple of several spellings of it. A service that no table
    knows gets the action that its name suggests, on a resource that is not told.

    What only the run's data names, such as the job that a loop describes, is taken to be something that the
    definition itself makes, if it makes anything of that kind.
    """
    outer = NO_SUBSTITUTIONS.inside(known)
    texts = with_data(definition, outer.inside(substitutions))
    first = list(_calls(definition, texts, outer, ()))
    found = _calls(definition, texts, outer, tuple(dict.fromkeys(_made(first))))
    given = machine if isinstance(machine, (tuple, list)) else () if machine is None else (machine,)
    spelt = tuple(item if isinstance(item, Text) else outer.flatten(item) for item in given)
    return tuple(dict.fromkeys([*found, *map_calls(definition, texts, spelt)]))


def _calls(
    definition: Mapping[str, Json], texts: Substitutions, outer: Substitutions, made: tuple[Text, ...]
) -> Iterator[Call]:
    for place, resource, parameters in tasks(definition):
        call = parse_resource(resource, place)
        if isinstance(call, Integration):
            given = dict(members(parameters, texts)) if isinstance(parameters, Mapping) else {}
            yield from _of(Task(place, call, given, texts, outer, made))
        elif isinstance(resource, str) and (":lambda:" in resource or resource.startswith("${")):
            yield Call("lambda:InvokeFunction", (texts.read(resource),), place)


def _of(task: Task) -> Iterator[Call]:
    """The task's own call and those that come with it."""
    service, action = _PREFIXES.get(task.call.service, task.call.service), task.call.action
    needs = NEEDS.get(f"{service}:{action}")
    if needs is not None:
        yield from _tabled(task, needs)
        return
    match service, action:
        case "sagemaker", _:
            yield from sagemaker_calls(task)
        case "s3", _:
            yield from s3_calls(task)
        case "dynamodb", _:
            yield from dynamodb_calls(task)
        case "athena", "startQueryExecution":
            yield from query_calls(task)
        case ("sns", "publish") | ("sqs", _) | ("lambda", "invoke") | ("events", "putEvents"):
            yield from message_calls(task)
        case "states", ("startExecution" | "startSyncExecution"):
            yield from execution_calls(task)
        case "ecs", "runTask":
            yield from container_calls(task)
        case "batch", "submitJob":
            yield from batch_calls(task)
        case "cloudwatch", ("describeAlarms" | "deleteAlarms"):
            yield from _alarms(task)
        case _:
            yield task.on(f"{service}:{action[:1].upper()}{action[1:]}")


def _tabled(task: Task, needs: Needs) -> Iterator[Call]:
    for need in needs.always:
        yield from task.need(need)
    if task.call.waits:
        for need in needs.waiting:
            yield from task.need(need, waiting=True)
        if needs.rule:
            yield from task.watch(needs.rule, optional=needs.rule_optional)
    for member, service in needs.roles:
        yield from task.hand(service, member)


def _alarms(task: Task) -> Iterator[Call]:
    """Alarms by their names; composite ones are described on `*` alone.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """
    action = f"cloudwatch:{task.call.action[:1].upper()}{task.call.action[1:]}"
    names, kinds = task.given.get("AlarmNames"), task.given.get("AlarmTypes")
    composite = isinstance(kinds, (list, tuple)) and "CompositeAlarm" in kinds
    if composite or not isinstance(names, (list, tuple)):
        yield task.on(action, ANYTHING)
        return
    for name in names:
        yield task.on(action, task.arn("cloudwatch", "alarm:", text_of(constant(name, task.texts))))


def _made(found: list[Call]) -> Iterator[Text]:
    """The ARNs of what the definition makes, those of the runs that it starts included."""
    for call in found:
        if not call.verb.startswith(MAKING):
            continue
        for resource in call.resources:
            yield resource
            runs = runs_of(resource)
            if runs is not None:
                yield Text.of(runs, ":", ANYTHING)
            elif call.action == "sagemaker:StartPipelineExecution":
                yield Text.of(resource, "/execution/", ANYTHING)
            elif call.action == "sagemaker:CreateHyperParameterTuningJob":
                yield _trained(resource)


def _trained(tuning: Text) -> Text:
    """The training jobs of a tuning job: their names begin with its name."""
    parts = (
        part.replace(":hyper-parameter-tuning-job/", ":training-job/") if isinstance(part, str) else part
        for part in tuning.parts
    )
    return Text.of(*parts, "-", ANYTHING)
