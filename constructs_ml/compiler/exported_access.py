"""What the role of an exported pipeline may do: the calls of its steps, told from the definition.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html (Create, Describe and PassRole
for each kind of step, reading what JsonGet reads) and the managed policy AmazonSageMakerPipelinesIntegrations
(Lambda, SQS, EMR and its rules).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constructs_ml.compiler.exported_text import Texts
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, sub
from constructs_ml.faults import Faults
from constructs_ml.spec.exported import ExportedPipeline
from constructs_ml.spec.exported_structure import FoundStep, steps_of

_NAMED = "SageMaker Pipelines names what it makes after the execution and the step"
_SHORT = "SageMaker Pipelines makes up names of at most 32 characters"
_RUN = "part of the name is known only when the pipeline runs"
_CLUSTERS = "the id of a cluster is known only when the step has started it"

# The noun of the calls, the kind of the resource, the argument that names it, how its names begin otherwise.
_MADE: dict[str, tuple[str, str, str, str]] = {
    "Training": ("TrainingJob", "training-job", "TrainingJobName", "pipelines-"),
    "Processing": ("ProcessingJob", "processing-job", "ProcessingJobName", "pipelines-"),
    "QualityCheck": ("ProcessingJob", "processing-job", "ProcessingJobName", "pipelines-"),
    "ClarifyCheck": ("ProcessingJob", "processing-job", "ProcessingJobName", "pipelines-"),
    "Transform": ("TransformJob", "transform-job", "TransformJobName", "pipelines-"),
    "Tuning": ("HyperParameterTuningJob", "hyper-parameter-tuning-job", "HyperParameterTuningJobName", ""),
    "AutoML": ("AutoMLJob", "automl-job", "AutoMLJobName", ""),
    "Model": ("Model", "model", "ModelName", "pipelines-"),
}
_ROLES = ("RoleArn", "ExecutionRoleArn")
# Steps that run as a role: without one of their own they would take on the pipeline's, which only makes calls.
_RUN_AS = ("Training", "Processing", "QualityCheck", "ClarifyCheck", "Tuning", "AutoML", "Model")
# Steps whose calls no documentation of the pipelines' role tells: the caller has to.
_UNTOLD = {
    "Cleanup": "s3",
    "EMRServerless": "emr-serverless",
    "Endpoint": "sagemaker",
    "EndpointConfig": "sagemaker",
    "InferenceComponent": "sagemaker",
    "Job": "sagemaker",
    "Lineage": "sagemaker",
}
_EMR_RULES = (
    "SageMakerPipelineExecutionEMRStepStatusUpdateRule",
    "SageMakerPipelineExecutionEMRClusterStatusUpdateRule",
)
_QUEUE = re.compile(
    r"https://sqs\.(?P<region>.+?)\.(?:amazonaws\.com(?:\.cn)?|\$\{AWS::URLSuffix\})"
    r"/(?P<owner>[^/]+)/(?P<name>[^/]+)"
)
_FILE = re.compile(r"Steps\.(?P<step>[^.]+)\.PropertyFiles\.(?P<file>.+)")


def statements(spec: ExportedPipeline, document: Any, texts: Texts, where: str, faults: Faults) -> list[Statement]:
    """The statements of the role; a fault for each step whose calls cannot be told, unless `permissions` do."""
    defaults = {item.get("Name"): item.get("DefaultValue") for item in document.get("Parameters") or ()}
    steps = tuple(steps_of(document))
    access = _Access(spec, texts, defaults, {step.name: step for step in steps}, where, faults)
    found: list[Statement] = []
    for step in steps:
        found += access.of(step)
    found += access.reads(document)
    for item in spec.permissions:
        resources = tuple(sub(text) if "${" in text else text for text in item.resources)
        found.append(Statement(item.actions, resources, because=item.because))
    return found


@dataclass(slots=True)
class _Access:
    spec: ExportedPipeline
    texts: Texts
    defaults: Mapping[str, Any]
    steps: Mapping[str, FoundStep]
    where: str
    faults: Faults

    def of(self, step: FoundStep) -> Iterator[Statement]:
        """The calls of one step."""
        arguments = _object(step.body.get("Arguments"))
        if step.type in _MADE:
            yield self._made(step, arguments)
        if step.type in _RUN_AS:
            yield from self._passed(step, arguments)
        if step.type == "RegisterModel":
            yield self._registered(arguments)
        elif step.type == "Lambda":
            function = self._known(step.body.get("FunctionArn"), f"{step.path}.FunctionArn", "lambda")
            if function:
                yield Statement(("lambda:InvokeFunction",), (self.texts.text(function),))
        elif step.type == "Callback":
            yield from self._sent(step)
        elif step.type == "EMR":
            yield from self._emr(step, arguments)
        elif step.type in _UNTOLD:
            self._told(_UNTOLD[step.type], f"{step.path}.Type", step.type)

    def reads(self, document: Any) -> Iterator[Statement]:
        """The files that JsonGet reads while the pipeline runs."""
        for path, value in _json_gets(document, ""):
            uri = self._file_of(value)
            place = uri.removeprefix("s3://") if uri and uri.startswith("s3://") else "*"
            if place.partition("/")[0].count("*"):
                self._told("s3", path, "the file of JsonGet")
            else:
                because = _RUN if "*" in place else ""
                yield Statement(("s3:GetObject",), (sub_arn(self.texts, f":s3:::{place}"),), because=because)

    def _made(self, step: FoundStep, arguments: Mapping[str, Any]) -> Statement:
        """Create, describe and stop what a step makes."""
        noun, kind, name, prefix = _MADE[step.type]
        if noun == "AutoMLJob" and "AutoMLProblemTypeConfig" in arguments:
            noun = "AutoMLJobV2"
        given = self._text(arguments.get(name)) if arguments.get(name) else None
        begins = prefix if given is None else given.rstrip("*")
        calls = [f"sagemaker:Create{noun}", f"sagemaker:Describe{noun}", "sagemaker:AddTags"]
        if noun != "Model":
            calls.append(f"sagemaker:Stop{noun.removesuffix('V2')}")
        because = _RUN if given is not None and not begins else _NAMED if begins else _SHORT
        return Statement(tuple(calls), (self._arn("sagemaker", f"{kind}/{begins}*"),), because=because)

    def _passed(self, step: FoundStep, arguments: Mapping[str, Any]) -> Iterator[Statement]:
        """Pass the roles that the step's jobs run as."""
        roles = [(path, value) for path, value in _members(arguments, _ROLES, f"{step.path}.Arguments")]
        if not roles:
            self._told("iam", f"{step.path}.Arguments.RoleArn", "the role of the step")
        for path, value in roles:
            role = self._known(value, path, "iam")
            if role:
                condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
                yield Statement(("iam:PassRole",), (self.texts.text(role),), condition)

    def _registered(self, arguments: Mapping[str, Any]) -> Statement:
        group = self._text(arguments.get("ModelPackageGroupName")) if "ModelPackageGroupName" in arguments else "*"
        made = tuple(
            self._arn("sagemaker", resource)
            for resource in (f"model-package-group/{group}", f"model-package/{group}/*")
        )
        calls = ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:AddTags")
        return Statement(calls, made, because="the registry numbers the versions of the group")

    def _sent(self, step: FoundStep) -> Iterator[Statement]:
        path = f"{step.path}.SqsQueueUrl"
        url = self._known(step.body.get("SqsQueueUrl"), path, "sqs")
        parts = _QUEUE.fullmatch(url or "")
        if parts:
            queue = f":sqs:{parts['region']}:{parts['owner']}:{parts['name']}"
            yield Statement(("sqs:SendMessage",), (sub_arn(self.texts, queue),))
        elif url:
            self._told("sqs", path, url)

    def _emr(self, step: FoundStep, arguments: Mapping[str, Any]) -> Iterator[Statement]:
        calls = ["AddJobFlowSteps", "CancelSteps", "DescribeCluster", "DescribeStep", "ListSteps"]
        config = arguments.get("ClusterConfig")
        cluster = "*"
        if isinstance(config, Mapping):
            calls += ["AddTags", "RunJobFlow", "TerminateJobFlows"]
            yield from self._emr_roles(step, config)
        elif "ClusterId" in arguments:
            cluster = self._text(arguments["ClusterId"])
        actions = tuple(f"elasticmapreduce:{call}" for call in calls)
        because = _CLUSTERS if "*" in cluster else ""
        yield Statement(actions, (self._arn("elasticmapreduce", f"cluster/{cluster}"),), because=because)
        rules = tuple(arn("events", f"rule/{rule}") for rule in _EMR_RULES)
        yield Statement(("events:DescribeRule", "events:PutRule", "events:PutTargets"), rules)
        if "ExecutionRoleArn" in arguments:
            role = self._known(arguments["ExecutionRoleArn"], f"{step.path}.Arguments.ExecutionRoleArn", "iam")
            yield from self._to_emr(role)

    def _emr_roles(self, step: FoundStep, config: Mapping[str, Any]) -> Iterator[Statement]:
        """The roles of a cluster that a step starts; an instance profile has the name of its role."""
        for name in ("ServiceRole", "JobFlowRole", "AutoScalingRole"):
            if name in config:
                yield from self._to_emr(self._known(config[name], f"{step.path}.Arguments.ClusterConfig.{name}", "iam"))

    def _to_emr(self, role: str | None) -> Iterator[Statement]:
        if role:
            passed = role.replace(":instance-profile/", ":role/")
            whole = self.texts.text(passed) if passed.startswith("arn:") else sub_arn(self.texts, _own_role(passed))
            services = ["elasticmapreduce.amazonaws.com", "ec2.amazonaws.com"]
            yield Statement(("iam:PassRole",), (whole,), {"StringEquals": {"iam:PassedToService": services}})

    def _file_of(self, value: Mapping[str, Any]) -> str | None:
        """Where the file of a JsonGet lies, as far as the definition tells."""
        if "S3Uri" in value:
            return self._text(value["S3Uri"])
        get = value.get("PropertyFile")
        found = _FILE.fullmatch(str(get.get("Get"))) if isinstance(get, Mapping) else None
        step = self.steps.get(found["step"]) if found else None
        if found is None or step is None:
            return None
        for file in _objects(step.body.get("PropertyFiles")):
            if file.get("PropertyFileName") == found["file"]:
                uri = self._output(step, file.get("OutputName"))
                return f"{uri.rstrip('/')}/{file.get('FilePath')}" if uri else None
        return None

    def _output(self, step: FoundStep, name: object) -> str | None:
        config = _object(_object(step.body.get("Arguments")).get("ProcessingOutputConfig"))
        for output in _objects(config.get("Outputs")):
            if output.get("OutputName") == name:
                return self._text(_object(output.get("S3Output")).get("S3Uri"))
        return None

    def _known(self, value: Any, path: str, service: str) -> str | None:
        """A text that the definition tells, or else a fault."""
        text = self._text(value)
        if "*" not in text:
            return text
        self._told(service, path, "a value that is known only when the pipeline runs")
        return None

    def _told(self, service: str, path: str, got: str) -> None:
        """A fault, unless the caller's permissions say what is called of this service."""
        actions = [action for item in self.spec.permissions for action in item.actions]
        if not any(action.startswith(f"{service}:") for action in actions):
            self.faults.add(
                "export-access",
                where=f"{self.where}, {path}",
                got=got,
                allowed=f"a constant, or permissions=(Permission(...),) with actions of {service}",
            )

    def _text(self, value: Any) -> str:
        """A text; a parameter's default for a parameter; * for what is known only when the pipeline runs."""
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping):
            get = value.get("Get")
            if isinstance(get, str) and get.startswith("Parameters."):
                default = self.defaults.get(get.removeprefix("Parameters."))
                return default if isinstance(default, str) else "*"
            join = value.get("Std:Join")
            if isinstance(join, Mapping):
                values = join.get("Values")
                parts = [self._text(item) for item in values] if isinstance(values, list) else ["*"]
                return str(join.get("On") or "").join(parts)
        return str(value) if isinstance(value, (int, float)) else "*"

    def _arn(self, service: str, resource: str) -> Json:
        return sub_arn(self.texts, f":{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")


def _object(value: Any) -> Mapping[str, Any]:
    """An object of the definition; nothing where something else stands."""
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def sub_arn(texts: Texts, rest: str) -> Json:
    """An ARN of the stack's own partition."""
    return texts.text(f"arn:${{AWS::Partition}}{rest}")


def _own_role(name: str) -> str:
    return f":iam::${{AWS::AccountId}}:role/{name}"


def _members(value: Any, names: tuple[str, ...], path: str) -> Iterator[tuple[str, Any]]:
    """Every member of one of these names below a value, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in names:
                yield f"{path}.{key}", item
            else:
                yield from _members(item, names, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _members(item, names, f"{path}[{index}]")


def _json_gets(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, found in _members(value, ("Std:JsonGet",), path):
        if isinstance(found, Mapping):
            yield place.lstrip("."), found
