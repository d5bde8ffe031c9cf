"""The IAM actions that a definition's states make, derived from the definition alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.compiler.proofs.machine import all_states
from constructs_ml.compiler.proofs.parameters import tasks
from constructs_ml.compiler.proofs.texts import ANYTHING, NO_SUBSTITUTIONS, Hole, Substitutions, Text
from constructs_ml.compiler.proofs.values import Known, Unknown, constant, members, text_of
from constructs_ml.compiler.template import Json

SAGEMAKER = "sagemaker.amazonaws.com"
_HERE = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"
_NOTHING: Mapping[str, Json] = MappingProxyType({})

# What makes a SageMaker resource: the member that names it, and the kind of resource in its ARN.
_MADE = {
    "createEndpoint": (("EndpointName", "endpoint"), ("EndpointConfigName", "endpoint-config")),
    "createEndpointConfig": (("EndpointConfigName", "endpoint-config"),),
    "createHyperParameterTuningJob": (("HyperParameterTuningJobName", "hyper-parameter-tuning-job"),),
    "createLabelingJob": (("LabelingJobName", "labeling-job"),),
    "createModel": (("ModelName", "model"),),
    "createModelPackage": (
        ("ModelPackageGroupName", "model-package-group"),
        ("ModelPackageGroupName", "model-package"),
    ),
    "createProcessingJob": (("ProcessingJobName", "processing-job"),),
    "createTrainingJob": (("TrainingJobName", "training-job"),),
    "createTransformJob": (("TransformJobName", "transform-job"),),
    "updateEndpoint": (("EndpointName", "endpoint"), ("EndpointConfigName", "endpoint-config")),
}
_JOB_EVENTS = {
    "createHyperParameterTuningJob": "SageMakerTuningJobs",
    "createLabelingJob": "SageMakerLabelingJobs",
    "createProcessingJob": "SageMakerProcessingJobs",
    "createTrainingJob": "SageMakerTrainingJobs",
    "createTransformJob": "SageMakerTransformJobs",
}
_ROLES = ("RoleArn", "ExecutionRoleArn", "Role")
# IAM's words for calls that have other ones.
_PREFIXES = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerfeaturestoreruntime": "sagemaker",
    "sagemakermetrics": "sagemaker",
    "sagemakerruntime": "sagemaker",
    "sesv2": "ses",
    "sfn": "states",
}
_S3_ACTIONS = {
    "headObject": ("s3:GetObject",),
    "headBucket": ("s3:ListBucket",),
    "listObjects": ("s3:ListBucket",),
    "listObjectsV2": ("s3:ListBucket",),
    "copyObject": ("s3:PutObject",),
    "createMultipartUpload": ("s3:PutObject",),
}
_ON_OBJECTS = frozenset({"copyObject", "createMultipartUpload", "deleteObject", "getObject", "headObject", "putObject"})
_ON_BUCKETS = frozenset({"headBucket", "listObjects", "listObjectsV2"})


@dataclass(frozen=True, slots=True)
class Call:
    """One IAM action on one resource. `resources` are the spellings that its ARN may have; none means that the
    definition does not tell the resource. `passed_to` is the service that gets a passed role; `where` is the state.
    """

    action: str
    resources: tuple[Text, ...]
    where: str
    passed_to: str = ""

    def __str__(self) -> str:
        on = f" on {self.resources[0]}" if self.resources else ""
        return f"{self.action}{on}" + (f" to {self.passed_to}" if self.passed_to else "")


def calls(
    definition: Mapping[str, Json],
    *,
    substitutions: Mapping[str, Json] = _NOTHING,
    known: Mapping[str, Json] = _NOTHING,
) -> tuple[Call, ...]:
    """Every call that some state makes, those that an integration makes by itself included.

    `substitutions` maps the `${Name}` of the definition to CloudFormation values; `known` gives values to names of
    the template, such as {"AWS::Region": "eu-central-1"}. A service that the table does not know gets the action
    that its name suggests, on a resource that is not told.
    """
    outer = NO_SUBSTITUTIONS.inside(known)
    texts = outer.inside(substitutions)
    found: list[Call] = []
    for place, resource, parameters in tasks(definition):
        call = parse_resource(resource, place)
        if isinstance(call, Integration):
            given = dict(members(parameters, texts)) if isinstance(parameters, Mapping) else {}
            found += _Task(place, call, given, texts, outer).calls()
        elif isinstance(resource, str) and (":lambda:" in resource or resource.startswith("${")):
            found.append(Call("lambda:InvokeFunction", (texts.read(resource),), place))
    found += _map_calls(definition, texts)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Task:
    """One task: `given` are the members of its request, `outer` knows the names of the template."""

    place: str
    call: Integration
    given: Mapping[str, Known]
    texts: Substitutions
    outer: Substitutions

    def calls(self) -> Iterator[Call]:
        """The task's own call and those that come with it."""
        match self.call.service, self.call.action:
            case "sagemaker", action if action in _MADE:
                yield from self.sagemaker()
            case "s3", action:
                yield from self.s3(action)
            case "sns", "publish":
                yield self.on("sns:Publish", self.member("TopicArn", "TargetArn"))
            case "lambda", "invoke":
                yield Call("lambda:InvokeFunction", self.function(), self.place)
            case "sqs", "sendMessage":
                yield self.on("sqs:SendMessage", None)
            case (("events" | "eventbridge"), "putEvents"):
                yield from self.events()
            case (("states" | "sfn"), ("startExecution" | "startSyncExecution")):
                yield from self.execution()
            case "dynamodb", action:
                table = self.member("TableName")
                arn = table and self.arn("dynamodb", "table/", table)
                yield self.on(f"dynamodb:{_capital(action)}", arn)
            case service, action:
                yield self.on(f"{_PREFIXES.get(service, service)}:{_capital(action)}", None)
                if service == "sagemaker":
                    yield from self.roles()

    def sagemaker(self) -> Iterator[Call]:
        action = self.call.action
        names = [(self.member(name), kind) for name, kind in _MADE[action]]
        arns = [self.arn("sagemaker", f"{kind}/", name) for name, kind in names if name is not None]
        arns = [Text.of(arn, "/", ANYTHING) if "model-package/" in str(arn) else arn for arn in arns]
        yield from (self.on(f"sagemaker:{_capital(action)}", arn) for arn in arns)
        if not arns:
            yield self.on(f"sagemaker:{_capital(action)}", None)
        if (self.call.waits or "Tags" in self.given) and arns:
            yield self.on("sagemaker:AddTags", arns[-1])
        yield from self.roles()
        if self.call.waits:
            job = _capital(action).removeprefix("Create")
            yield self.on(f"sagemaker:Describe{job}", arns[0] if arns else None)
            yield self.on(f"sagemaker:Stop{job}", arns[0] if arns else None)
            yield from self.watch(_JOB_EVENTS[action] + "Rule")

    def roles(self) -> Iterator[Call]:
        for role in _roles(self.given.items(), self.texts):
            yield Call("iam:PassRole", (role,), self.place, SAGEMAKER)

    def s3(self, action: str) -> Iterator[Call]:
        bucket, key = self.member("Bucket"), self.member("Key")
        arn = None
        if bucket is not None and action in _ON_BUCKETS:
            arn = Text.of(self.outer.read("arn:${AWS::Partition}:s3:::"), bucket)
        elif bucket is not None and key is not None and action in _ON_OBJECTS:
            arn = Text.of(self.outer.read("arn:${AWS::Partition}:s3:::"), bucket, "/", key)
        for name in _S3_ACTIONS.get(action, (f"s3:{_capital(action)}",)):
            yield self.on(name, arn)
        if action == "copyObject":
            yield self.on("s3:GetObject", None)

    def events(self) -> Iterator[Call]:
        entries = self.given.get("Entries")
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            named = dict(members(entry, self.texts)) if isinstance(entry, Mapping) else {}
            bus = text_of(named["EventBusName"]) if "EventBusName" in named else Text(("default",))
            yield Call("events:PutEvents", self.spellings(bus, "events", "event-bus/"), self.place)

    def execution(self) -> Iterator[Call]:
        machine = self.member("StateMachineArn")
        yield self.on(f"states:{_capital(self.call.action)}", machine)
        if self.call.waits:
            runs = None
            if machine is not None and ":stateMachine:" in str(machine):
                parts = (
                    part if isinstance(part, Hole) else part.replace(":stateMachine:", ":execution:")
                    for part in machine.parts
                )
                runs = Text.of(*parts, ":", ANYTHING)
            yield self.on("states:DescribeExecution", runs)
            yield self.on("states:StopExecution", runs)
            yield from self.watch("StepFunctionsExecutionRule")

    def watch(self, rule: str) -> Iterator[Call]:
        """The rule by which Step Functions hears of a job that ended."""
        arn = self.outer.read(f"{_HERE % 'events'}rule/StepFunctionsGetEventsFor{rule}")
        for action in ("DescribeRule", "PutRule", "PutTargets"):
            yield self.on(f"events:{action}", arn)

    def function(self) -> tuple[Text, ...]:
        name = self.member("FunctionName")
        return self.spellings(name, "lambda", "function:") if name is not None else ()

    def spellings(self, name: Text, service: str, kind: str) -> tuple[Text, ...]:
        """A thing that is given by its ARN or by its name; an open text may be either."""
        if str(name).startswith("arn:"):
            return (name,)
        arn = self.arn(service, kind, name)
        return (name, arn) if name.is_open else (arn,)

    def member(self, *names: str) -> Text | None:
        """The first of these members that is given."""
        for name in names:
            if name in self.given:
                return text_of(self.given[name])
        return None

    def arn(self, service: str, kind: str, name: Text) -> Text:
        """The ARN of something of this account, unless the name is an ARN already."""
        if str(name).startswith("arn:"):
            return name
        return Text.of(self.outer.read((_HERE % service) + kind), name)

    def on(self, action: str, resource: Text | None) -> Call:
        return Call(action, () if resource is None else (resource,), self.place)


def _roles(pairs: Iterable[tuple[str, Known]], texts: Substitutions) -> Iterator[Text]:
    """Every role that a request hands to the service, at any depth."""
    for name, value in pairs:
        if name in _ROLES and isinstance(value, (Text, Unknown)):
            yield text_of(value)
        elif isinstance(value, Mapping):
            yield from _roles(members(value, texts), texts)
        elif isinstance(value, (list, tuple)):
            yield from _roles((("", constant(item, texts)) for item in value), texts)


def _map_calls(definition: Mapping[str, Json], texts: Substitutions) -> Iterator[Call]:
    """What a distributed Map does by itself: it starts its own children, and writes their results."""
    for place, state in all_states(definition):
        processor = state.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, Mapping) else None
        if not isinstance(config, Mapping) or config.get("Mode") != "DISTRIBUTED":
            continue
        for action in ("StartExecution", "DescribeExecution", "StopExecution"):
            yield Call(f"states:{action}", (), place)
        writer = state.get("ResultWriter")
        given = writer.get("Parameters") if isinstance(writer, Mapping) else None
        if isinstance(given, Mapping):
            named = dict(members(given, texts))
            bucket, prefix = (text_of(named.get(name, Text())) for name in ("Bucket", "Prefix"))
            arn = Text.of(texts.read("arn:${AWS::Partition}:s3:::"), bucket, "/", prefix, "/", ANYTHING)
            for action in ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"):
                yield Call(action, (arn,), place)


def _capital(action: str) -> str:
    return action[:1].upper() + action[1:]
