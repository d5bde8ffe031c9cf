"""Images as a template names them: a literal URI for a known region, a mapping where the region is open."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Open
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.template import Json, Template, sub
from constructs_ml.facts import images, instances
from constructs_ml.facts.images import FrameworkImage
from constructs_ml.faults import Faults, SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.images import ContainerImage, Image, PyTorch

_OWN = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/"


def image(context: Context, wanted: ContainerImage, scope: str, instance_type: str | None, step: str) -> Open | str:
    """The URI of an image, or the opening that CloudFormation fills with it."""
    where = context.where(step)
    found = image_uri(context.template, context.account, wanted, scope, instance_type, where, context.faults)
    return found if isinstance(found, str) else context.expressions.open(logical_id("image", step), found)


def image_uri(
    template: Template,
    account: Account,
    wanted: ContainerImage,
    scope: str,
    instance_type: str | None,
    where: str,
    faults: Faults,
) -> Json:
    """The URI of an image as CloudFormation reads it: literal where the region is known, mapped where it is not."""
    if isinstance(wanted, Image):
        return own_image(wanted)
    gpu = instance_type is not None and instances.has_gpu(instance_type)
    try:
        found = images.find(
            wanted.family,
            version=wanted.version,
            scope=scope,
            accelerator="gpu" if gpu else "cpu",
            python=wanted.python if isinstance(wanted, PyTorch) else None,
            where=where,
        )
        return framework_uri(template, account, found, where)
    except SpecError as refused:
        faults.found.extend(refused.faults)
        return "unknown"


def framework_uri(template: Template, account: Account, found: FrameworkImage, where: str) -> Json:
    """The URI of one of AWS's images. Raises `SpecError` for a region that lacks it."""
    if account.region:
        return found.uri(account.region, where=where)
    return sub(
        "${Account}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/" + found.repository, Account=_mapped(template, found)
    )


def registry_arn(template: Template, account: Account, wanted: ContainerImage, scope: str = "training") -> Json:
    """The ARN of the repository that an image is pulled from; jobs run in training images."""
    if isinstance(wanted, Image):
        registry, _, path = wanted.uri.rpartition("amazonaws.com")
        repository = path.removeprefix(".cn").strip("/").partition("@")[0].partition(":")[0]
        if wanted.is_own_account:
            return arn("ecr", f"repository/{repository}")
        owner, _, place = registry.rstrip(".").partition(".dkr.ecr.")
        return sub(f"arn:${{AWS::Partition}}:ecr:{place}:{owner}:repository/{repository}")
    return framework_arn(template, account, images.find(wanted.family, version=wanted.version, scope=scope))


def framework_arn(template: Template, account: Account, found: FrameworkImage) -> Json:
    """The ARN of the repository of one of AWS's images."""
    region = account.region
    if region:
        return sub(f"arn:${{AWS::Partition}}:ecr:{region}:{found.account(region)}:repository/{found.name}")
    return sub(
        f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{Account}}:repository/{found.name}",
        Account=_mapped(template, found),
    )


def own_image(wanted: Image) -> Json:
    """A team's image: in the account's own ECR, or where its URI says."""
    return sub(_OWN + wanted.uri) if wanted.is_own_account else wanted.uri


def _mapped(template: Template, found: FrameworkImage) -> Json:
    """The account of an image's registry, looked up when the stack knows its region."""
    mapping = template.id(f"{found.name} registries")
    template.mappings[mapping] = found.registries
    return {"Fn::FindInMap": [mapping, {"Ref": "AWS::Region"}, "Account"]}
