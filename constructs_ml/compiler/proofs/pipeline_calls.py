"""The IAM actions that a run of SageMaker Pipelines makes with the pipeline's role, derived from the definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.pipeline_definitions import all_steps
from constructs_ml.compiler.proofs.pipeline_references import opened, references
from constructs_ml.compiler.proofs.sagemaker_calls import SAGEMAKER
from constructs_ml.compiler.proofs.texts import ANYTHING, NO_SUBSTITUTIONS, Hole, Substitutions, Text
from constructs_ml.compiler.template import Json

_NOTHING: Mapping[str, Json] = MappingProxyType({})
_HERE = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:"
_STARTED = ("Create", "Describe", "Stop")
# What a step makes: the noun in its calls, the kind of resource in its ARN, and the verbs.
_MADE = {
    "Processing": ("ProcessingJob", "processing-job", _STARTED),
    "Training": ("TrainingJob", "training-job", _STARTED),
    "Transform": ("TransformJob", "transform-job", _STARTED),
    "Tuning": ("HyperParameterTuningJob", "hyper-parameter-tuning-job", _STARTED),
    "AutoML": ("AutoMLJob", "automl-job", _STARTED),
    "Model": ("Model", "model", ("Create", "Describe")),
}
EMR_SERVERLESS = "emr-serverless.amazonaws.com"
_ROLES = ("RoleArn", "ExecutionRoleArn", "executionRoleArn")
# Of a step's name, this much stands in the names of its jobs.
_CUT = 20


def pipeline_calls(
    definition: Mapping[str, Json],
    *,
    substitutions: Mapping[str, Json] = _NOTHING,
    known: Mapping[str, Json] = _NOTHING,
) -> tuple[Call, ...]:
    """Every call that some step makes: its job's, the passing of roles, functions, and the reading of metrics files.

    The calls are those of https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html, with the end
    of a job when its run is stopped, and the tags that every job gets.
    """
    outer = NO_SUBSTITUTIONS.inside(known)
    texts = outer.inside(substitutions)
    compared = {
        found.text
        for step in all_steps(definition.get("Steps"))
        for found in references(step)
        if ".PropertyFiles." in found.text
    }
    found: list[Call] = []
    for step in all_steps(definition.get("Steps")):
        found += _of_step(step, texts, outer, compared)
    return tuple(dict.fromkeys(found))


def _of_step(
    step: Mapping[str, Json], texts: Substitutions, outer: Substitutions, compared: set[str]
) -> Iterator[Call]:
    name, kind, arguments = str(step.get("Name")), step.get("Type"), step.get("Arguments") or {}
    if kind in _MADE:
        noun, resource, verbs = _MADE[kind]
        # Of the names of tuning and AutoML jobs, which are short, nothing is known.
        known = () if kind in ("AutoML", "Tuning") else ("pipelines-", ANYTHING, f"-{name[:_CUT].rstrip('-')}")
        job = Text.of(outer.read(f"{_HERE}{resource}/"), *known, ANYTHING)
        for verb in verbs:
            yield Call(f"sagemaker:{verb}{noun}", (job,), name)
        yield Call("sagemaker:AddTags", (job,), name)
    elif kind == "RegisterModel":
        group = texts.read(str(arguments.get("ModelPackageGroupName")))
        version = Text.of(outer.read(f"{_HERE}model-package/"), group, "/", ANYTHING)
        yield Call("sagemaker:CreateModelPackage", (Text.of(outer.read(f"{_HERE}model-package-group/"), group),), name)
        yield Call("sagemaker:CreateModelPackage", (version,), name)
        yield Call("sagemaker:DescribeModelPackage", (version,), name)
    elif kind == "Lambda":
        yield Call("lambda:InvokeFunction", (texts.read(str(step.get("FunctionArn"))),), name)
    elif kind == "EMRServerless":
        yield from _in_application(arguments, texts, outer, name)
    if kind != "Condition":
        yield from _passed(arguments, texts, name, EMR_SERVERLESS if kind == "EMRServerless" else SAGEMAKER)
    for file in step.get("PropertyFiles") or ():
        if f"Steps.{name}.PropertyFiles.{file.get('PropertyFileName')}" in compared:
            yield Call("s3:GetObject", _object(arguments, file, texts, outer), name)


def _in_application(
    arguments: Mapping[str, Json], texts: Substitutions, outer: Substitutions, step: str
) -> Iterator[Call]:
    """The run of a job in an application, and its end; no page tells the calls, so they are those of any caller."""
    given = opened(arguments.get("ApplicationId", {"Get": ""}), texts)
    application = texts.read(given) if isinstance(given, str) else given if isinstance(given, Text) else ANYTHING
    here = Text.of(outer.read(_HERE.replace("sagemaker", "emr-serverless")), "/applications/", application)
    yield Call("emr-serverless:StartJobRun", (here,), step)
    for verb in ("Cancel", "Get"):
        yield Call(f"emr-serverless:{verb}JobRun", (Text.of(here, "/jobruns/", ANYTHING),), step)


def _passed(arguments: Json, texts: Substitutions, step: str, service: str) -> Iterator[Call]:
    """The roles that a request hands to a service, at any depth."""
    if isinstance(arguments, Mapping):
        for key, value in arguments.items():
            if key in _ROLES and isinstance(value, str):
                yield Call("iam:PassRole", (texts.read(value),), step, service)
            else:
                yield from _passed(value, texts, step, service)
    elif isinstance(arguments, (list, tuple)):
        for item in arguments:
            yield from _passed(item, texts, step, service)


def _object(
    arguments: Mapping[str, Json], file: Mapping[str, Json], texts: Substitutions, outer: Substitutions
) -> tuple[Text, ...]:
    """The ARN of a metrics file, where the request tells its place."""
    for output in arguments.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        given = opened(output.get("S3Output", {}).get("S3Uri"), texts)
        uri = texts.read(given) if isinstance(given, str) else given
        if output.get("OutputName") != file.get("OutputName") or not isinstance(uri, Text) or uri.is_open:
            continue
        first, *rest = uri.parts
        if isinstance(first, Hole) or not first.startswith("s3://"):
            return ()
        below = Text.of(first.removeprefix("s3://"), *rest)
        slash = "" if str(below).endswith("/") else "/"
        return (Text.of(outer.read("arn:${AWS::Partition}:s3:::"), below, slash, str(file.get("FilePath"))),)
    return ()
