"""The container of a model: its image, its artifact, and the inference script that travels beside it."""

from __future__ import annotations

from constructs_ml.compiler import permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Open, Text, literal
from constructs_ml.compiler.images import image
from constructs_ml.compiler.jumpstart import model_data
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, asset
from constructs_ml.contract import names
from constructs_ml.facts import jumpstart
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.images import Algorithm, ContainerImage
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.steps import BatchTransform, Register, Train, Tune
from constructs_ml.spec.steps.sources import ModelSource, Version
from constructs_ml.spec.values import ModelArtifact


def container(context: Context, step: Register | BatchTransform, instance_type: str | None) -> dict[str, Json]:
    """The container as CreateModel and CreateModelPackage take it alike."""
    serving = step.serving
    environment = {key: literal((value,)) for key, value in serving.environment.items()}
    if step.name in context.code:
        code = context.code[step.name]
        opened = context.expressions.open(logical_id("code uri", code.asset), asset(code.asset, "uri"))
        environment |= {"SAGEMAKER_PROGRAM": code.entry, "SAGEMAKER_SUBMIT_DIRECTORY": literal((opened,))}
        environment["SAGEMAKER_REGION"] = "${AWS::Region}"
    wanted = serving.image or _image_of(context, step)
    rendered: dict[str, Json] = {}
    if wanted is not None:
        rendered["Image"] = literal((image(context, wanted, "inference", instance_type, step.name),))
    if isinstance(step.model, JumpStart):
        rendered |= model_data(step.model)
        if isinstance(step, Register):
            context.faults.found.extend(jumpstart.faults_of(context.account.region, context.where(step.name)))
    elif not isinstance(step.model, Version):
        context.expressions.put(rendered, "ModelDataUrl", context.expressions.text(step.model))
    if environment:
        rendered["Environment"] = environment
    return rendered


def images_of(context: Context, step: Register | BatchTransform) -> tuple[ContainerImage, ...]:
    """The images that the container of a step's model may be made of."""
    if step.serving.image is not None:
        return (step.serving.image,)
    if isinstance(step.model, Version):
        made = [item for item in context.spec.all_steps if isinstance(item, Register)]
        return tuple(dict.fromkeys(image for item in made for image in images_of(context, item)))
    found = _trained_with(context, step.model)
    return () if found is None else (found,)


def version_arn(context: Context, number: Text) -> Text:
    """The ARN of a version in the model's own group of this account."""
    group = names.model_package_group(context.account.stage, context.spec.model)
    region, account = Open("AWS::Region"), Open("AWS::AccountId")
    before = ("arn:", Open("AWS::Partition"), ":sagemaker:", region, ":", account)
    return (*before, f":model-package/{group}/", *number)


def reads_of_version(context: Context) -> list[Statement]:
    """What a container of a registered version reads: what the model's pipelines made, and the code they brought."""
    statements = permissions.read(context.infrastructure.artifact_bucket, [f"{context.spec.model}/"])
    brought = [step.name for step in context.spec.all_steps if isinstance(step, Register) and step.name in context.code]
    if brought:
        statements += permissions.read_code(asset(context.code[brought[0]].asset, "bucket"))
    return statements


def _image_of(context: Context, step: Register | BatchTransform) -> ContainerImage | None:
    """The image of the step that trained the model; a fault where no step of the pipeline tells it."""
    found = images_of(context, step)
    if not found:
        got = f"{step.model}"
        where = f"pipeline {context.spec.name!r}, step {step.name!r}"
        context.faults.add("model-image", where=where, got=got, allowed="serving=Serving(image=...)")
        return None
    return found[0]


def _trained_with(context: Context, model: ModelSource) -> ContainerImage | None:
    if not isinstance(model, ModelArtifact):
        return None
    made = context.step(model.step)
    images = made.images if isinstance(made, (Train, Tune)) else ()
    return images[0] if len(images) == 1 and not isinstance(images[0], Algorithm) else None
