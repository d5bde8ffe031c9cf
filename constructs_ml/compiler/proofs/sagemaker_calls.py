"""What calls of SageMaker need: the resource by its name, its tags, the roles it gets, and the end of its job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.needs import Need
from constructs_ml.compiler.proofs.task import Task
from constructs_ml.compiler.proofs.texts import ANYTHING, Substitutions, Text
from constructs_ml.compiler.proofs.values import Known, Unknown, constant, members, text_of

SAGEMAKER = "sagemaker.amazonaws.com"
_VERBS = ("create", "delete", "describe", "stop", "update")
# By the noun of an action: the end of its resource's ARN, with the member that names it.
_NOUNS = {
    "AutoMLJob": "automl-job/{AutoMLJobName}",
    "AutoMLJobV2": "automl-job/{AutoMLJobName}",
    "CompilationJob": "compilation-job/{CompilationJobName}",
    "Endpoint": "endpoint/{EndpointName}",
    "EndpointConfig": "endpoint-config/{EndpointConfigName}",
    "FeatureGroup": "feature-group/{FeatureGroupName|arn}",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
    "InferenceComponent": "inference-component/{InferenceComponentName}",
    "LabelingJob": "labeling-job/{LabelingJobName}",
    "Model": "model/{ModelName}",
    "ModelCard": "model-card/{ModelCardName|arn}",
    "ModelPackage": "model-package/{ModelPackageName|arn}",
    "ModelPackageGroup": "model-package-group/{ModelPackageGroupName|arn}",
    "MonitoringSchedule": "monitoring-schedule/{MonitoringScheduleName}",
    "Pipeline": "pipeline/{PipelineName|arn}",
    "ProcessingJob": "processing-job/{ProcessingJobName}",
    "TrainingJob": "training-job/{TrainingJobName}",
    "TransformJob": "transform-job/{TransformJobName}",
}
# What some calls touch beside it.
_BESIDE = {
    "createEndpoint": "endpoint-config/{EndpointConfigName}",
    "updateEndpoint": "endpoint-config/{EndpointConfigName}",
}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
_JOB_EVENTS = {
    "HyperParameterTuningJob": "Tuning",
    "LabelingJob": "Labeling",
    "ProcessingJob": "Processing",
    "TrainingJob": "Training",
    "TransformJob": "Transform",
}
_ROLES = ("RoleArn", "ExecutionRoleArn", "Role")


def sagemaker_calls(task: Task) -> Iterator[Call]:
    """The calls of one SageMaker task whose action names what it is about."""
    action = task.call.action
    verb = next((item for item in _VERBS if action.startswith(item)), "")
    noun = action.removeprefix(verb)
    capital = f"sagemaker:{action[:1].upper()}{action[1:]}"
    if action == "createModelPackage":
        yield from _model_package(task)
    elif verb and noun in _NOUNS and _is_named(task, _NOUNS[noun]):
        yield from task.need(Need((capital,), _NOUNS[noun]))
        if action in _BESIDE and _is_named(task, _BESIDE[action]):
            yield from task.need(Need((capital,), _BESIDE[action]), waiting=True)
        if verb == "create" and (task.call.waits or "Tags" in task.given):
            yield from task.need(Need(("sagemaker:AddTags",), _NOUNS[noun]), waiting=True)
        if task.call.waits:
            yield from task.need(
                Need((f"sagemaker:Describe{noun}", f"sagemaker:Stop{noun}"), _NOUNS[noun]), waiting=True
            )
            yield from task.watch(f"StepFunctionsGetEventsForSageMaker{_JOB_EVENTS[noun]}JobsRule")
    elif action.startswith("list"):
        yield task.on(capital, ANYTHING)
    else:
        yield task.on(capital)
    for role in _roles(task.given.items(), task.texts):
        yield Call("iam:PassRole", (role,), task.place, SAGEMAKER)


def _model_package(task: Task) -> Iterator[Call]:
    """A version is made in a group and has no name before, so both ARNs are asked for."""
    group = task.member("ModelPackageGroupName")
    if group is None:
        yield task.on("sagemaker:CreateModelPackage")
        return
    made = Text.of(task.arn("sagemaker", "model-package/", group), "/", ANYTHING)
    yield task.on("sagemaker:CreateModelPackage", task.arn("sagemaker", "model-package-group/", group))
    yield task.on("sagemaker:CreateModelPackage", made)
    if "Tags" in task.given:
        yield task.on("sagemaker:AddTags", made)


def _is_named(task: Task, on: str) -> bool:
    return task.member(on.partition("{")[2].removesuffix("}").removesuffix("|arn")) is not None


def _roles(pairs: Iterable[tuple[str, Known]], texts: Substitutions) -> Iterator[Text]:
    """Every role that a request hands to the service, at any depth."""
    for name, value in pairs:
        if name in _ROLES and isinstance(value, (Text, Unknown)):
            yield text_of(value)
        elif isinstance(value, Mapping):
            yield from _roles(members(value, texts), texts)
        elif isinstance(value, (list, tuple)):
            yield from _roles((("", constant(item, texts)) for item in value), texts)
