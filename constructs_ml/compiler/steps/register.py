"""A Register step: a model package version."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.jobs import with_raw
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.steps.containers import container
from constructs_ml.compiler.template import AssetPart, Json, asset, sub
from constructs_ml.contract import names, tags
from constructs_ml.facts import instances
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import Register, Train, Tune
from constructs_ml.spec.values import Execution, ModelArtifact, Output

_PARTS: tuple[AssetPart, ...] = ("bucket", "key", "file")
_OBJECT = "arn:${AWS::Partition}:s3:::${Bucket}/${Key}"


def add(machine: Machine, step: Register, after: str) -> None:
    """The call that makes the version, after its code was put beside what the model's runs made."""
    context, name = machine.context, step.name
    parameters = request(context, step)
    if step.name in context.code:
        name = f"Register {step.name}"
        place = literal(("s3://", *_keep_code(machine, step, name)))
        parameters["InferenceSpecification"]["Containers"][0]["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] = place
    machine.task(name, "aws-sdk:sagemaker:createModelPackage", parameters, after)
    context.allow(creation(context))


def _keep_code(machine: Machine, step: Register, after: str) -> Text:
    """Copy the inference code into the artifact bucket, under the name of its content; where it lies then.

    A version outlives the assets of the deployment that made it, and whoever may serve it reads that bucket alone.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    context, expressions = machine.context, machine.expressions
    code, infrastructure = context.code[step.name], context.infrastructure
    bucket = expressions.open("ArtifactBucket", infrastructure.artifact_bucket)
    source = [expressions.open(logical_id(f"code {part}", code.asset), asset(code.asset, part)) for part in _PARTS]
    prefix = names.code_prefix(context.spec.model)
    parameters = {
        "Bucket": literal((bucket,)),
        "CopySource": literal((source[0], "/", source[1])),
        "Key": literal((prefix, source[2])),
    }
    machine.task(step.name, "aws-sdk:s3:copyObject", parameters, after, retry=[service_retry("s3")])
    places = {"Bucket": asset(code.asset, "bucket"), "Key": asset(code.asset, "key")}
    context.allow(Statement(("s3:GetObject",), (sub(_OBJECT, **places),)))
    key = sub(f"{prefix}${{File}}", File=asset(code.asset, "file"))
    places = {"Bucket": infrastructure.artifact_bucket, "Key": key}
    context.allow(Statement(("s3:PutObject",), (sub(_OBJECT, **places),)))
    if infrastructure.key_arn is not None:
        context.allow(Statement(("kms:Decrypt", "kms:GenerateDataKey"), (infrastructure.key_arn,)))
    return bucket, "/", prefix, source[2]


def creation(context: Context) -> Statement:
    """The right to make versions in the model's group."""
    group = names.model_package_group(context.account.stage, context.spec.model)
    made = (arn("sagemaker", f"model-package-group/{group}"), arn("sagemaker", f"model-package/{group}/*"))
    because = "the registry numbers the versions of the group"
    return Statement(("sagemaker:CreateModelPackage",), made, because=because)


def _check_artifact(context: Context, step: Register) -> None:
    """A version names a model.tar.gz; plain objects below a prefix are none."""
    source = step.model.step if isinstance(step.model, ModelArtifact) else None
    for made in context.spec.all_steps:
        trained = [made] if isinstance(made, Train) else []
        trained += [item.train for item in made.definitions] if isinstance(made, Tune) else []
        if made.name == source and not all(item.compress_model for item in trained):
            where, got = f"pipeline {context.spec.name!r}, step {step.name!r}", f"the model of {source!r}"
            context.faults.add("register-plain", where=where, got=got, allowed="compress_model=True")


def request(context: Context, step: Register) -> dict[str, Json]:
    """The parameters; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html."""
    _check_artifact(context, step)
    parameters: dict[str, Json] = {
        "ModelPackageGroupName": names.model_package_group(context.account.stage, context.spec.model),
        "ModelApprovalStatus": step.approval,
        "InferenceSpecification": _inference(context, step),
        "CustomerMetadataProperties": _metadata(context, step),
    }
    if step.description:
        parameters["ModelPackageDescription"] = literal((step.description,))
    if step.metrics is not None and step.metrics.metrics:
        output, _, file = step.metrics.metrics.partition("/")
        statistics: dict[str, Json] = {"ContentType": "application/json"}
        uri = context.expressions.text(Output(step.metrics.name, output))
        context.expressions.put(statistics, "S3Uri", (*uri, file))
        parameters["ModelMetrics"] = {"ModelQuality": {"Statistics": statistics}}
    return with_raw(context, step.name, "sagemaker:createModelPackage", parameters, step.raw)


def _inference(context: Context, step: Register) -> dict[str, Json]:
    serving = step.serving
    typical = serving.instance_types[0] if serving.instance_types else None
    specification: dict[str, Json] = {
        "Containers": [container(context, step, typical)],
        "SupportedContentTypes": list(serving.content_types),
        "SupportedResponseMIMETypes": list(serving.response_types),
    }
    if serving.instance_types:
        specification["SupportedRealtimeInferenceInstanceTypes"] = list(serving.instance_types)
        for item in serving.instance_types:
            where = context.where(step.name)
            context.faults.found.extend(instances.faults_of(item, "endpoint", context.account.region, where))
    return specification


def _metadata(context: Context, step: Register) -> dict[str, Json]:
    """What ties a version to its run and its code, beside the tags of the job."""
    source = step.model.step if isinstance(step.model, ModelArtifact) else None
    metadata: dict[str, Json] = {
        tags.MODEL: context.spec.model,
        tags.PIPELINE: context.spec.name,
    }
    context.expressions.put(metadata, tags.EXECUTION, context.expressions.reference(Execution("id")))
    if source in context.code:
        metadata[tags.CODE] = context.code[source].digest
    return context.expressions.put_all(step.metadata) | metadata
