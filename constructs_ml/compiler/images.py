"""Images as a template names them: a literal URI for a known region, a mapping where the region is open."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Open
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.template import Json, logical_id, sub
from constructs_ml.facts import images, instances
from constructs_ml.faults import SpecError
from constructs_ml.spec.images import ContainerImage, Image, PyTorch

_OWN = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/"


def image(context: Context, wanted: ContainerImage, scope: str, instance_type: str | None, step: str) -> Open | str:
    """The URI of an image, or the opening that CloudFormation fills with it."""
    if isinstance(wanted, Image):
        return context.expressions.open(logical_id("image", step), own_image(wanted))
    gpu = instance_type is not None and instances.has_gpu(instance_type)
    try:
        found = images.find(
            wanted.family,
            version=wanted.version,
            scope=scope,
            accelerator="gpu" if gpu else "cpu",
            python=wanted.python if isinstance(wanted, PyTorch) else None,
            where=context.where(step),
        )
        if context.account.region:
            return found.uri(context.account.region, where=context.where(step))
    except SpecError as refused:
        context.faults.found.extend(refused.faults)
        return "unknown"
    mapping = context.template.id(f"{wanted.family} registries")
    context.template.mappings[mapping] = found.registries
    return context.expressions.open(logical_id("image", step), _mapped(mapping, found.repository))


def registry_arn(context: Context, wanted: ContainerImage) -> Json:
    """The ARN of the repository that an image is pulled from."""
    if isinstance(wanted, Image):
        registry, _, path = wanted.uri.rpartition("amazonaws.com")
        repository = path.removeprefix(".cn").strip("/").partition("@")[0].partition(":")[0]
        if wanted.is_own_account:
            return arn("ecr", f"repository/{repository}")
        owner, _, place = registry.rstrip(".").partition(".dkr.ecr.")
        return sub(f"arn:${{AWS::Partition}}:ecr:{place}:{owner}:repository/{repository}")
    found = images.find(wanted.family, version=wanted.version, scope="training")
    region = context.account.region
    if region:
        return sub(f"arn:${{AWS::Partition}}:ecr:{region}:{found.account(region)}:repository/{found.name}")
    mapping = context.template.id(f"{wanted.family} registries")
    account = {"Fn::FindInMap": [mapping, {"Ref": "AWS::Region"}, "Account"]}
    return sub(f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{Account}}:repository/{found.name}", Account=account)


def own_image(wanted: Image) -> Json:
    """A team's image: in the account's own ECR, or where its URI says."""
    return sub(_OWN + wanted.uri) if wanted.is_own_account else wanted.uri


def _mapped(mapping: str, repository: str) -> Json:
    account = {"Fn::FindInMap": [mapping, {"Ref": "AWS::Region"}, "Account"]}
    return sub("${Account}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/" + repository, Account=account)
