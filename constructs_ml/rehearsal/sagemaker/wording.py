"""What SageMaker says when a name is taken or names nothing: the codes and texts that SDKs look for."""

from __future__ import annotations

from types import MappingProxyType

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.sagemaker.nouns import Noun

_REFUSED = "ValidationException"

# As users report them (https://github.com/aws/aws-sdk/issues/165, though the model declares ResourceNotFound there;
# https://github.com/astronomer/astronomer-providers/issues/1055;
# https://github.com/awslabs/spot-tagging-bot-for-digital-assets/issues/2), and as sagemaker-python-sdk looks for them:
# "Cannot create already existing", "ModelPackage already exists", "already exists".
_CANNOT_FIND = MappingProxyType(
    {
        "Endpoint": (_REFUSED, 'Could not find endpoint "{arn}".'),
        "EndpointConfig": (_REFUSED, 'Could not find endpoint configuration "{arn}".'),
        "FeatureGroup": (
            "ResourceNotFound",
            "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}",
        ),
        "Model": (_REFUSED, 'Could not find model "{arn}".'),
        "ModelPackage": (_REFUSED, "ModelPackage {arn} does not exist."),
        "ModelPackageGroup": (_REFUSED, "ModelPackageGroup {arn} does not exist."),
        "Pipeline": ("ResourceNotFound", "Pipeline '{arn}' does not exist."),
        "ProcessingJob": (_REFUSED, "Could not find requested job with name: {name}"),
        "TrainingJob": (_REFUSED, "Requested resource not found."),
        "TransformJob": (_REFUSED, "Could not find requested job with name: {name}"),
    }
)
_TAKEN = MappingProxyType(
    {
        "Endpoint": (_REFUSED, 'Cannot create already existing endpoint "{arn}".'),
        "EndpointConfig": (_REFUSED, 'Cannot create already existing endpoint configuration "{arn}".'),
        "FeatureGroup": (
            "ResourceInUse",
            "Resource Already Exists: FeatureGroup with name {name} already exists. Choose a different name.",
        ),
        "Model": (_REFUSED, 'Cannot create already existing model "{arn}".'),
        "ModelPackage": (_REFUSED, "ModelPackage already exists: {arn}"),
        "ModelPackageGroup": (_REFUSED, "Model Package Group already exists: {arn}"),
        "Pipeline": (
            _REFUSED,
            "Pipeline names must be unique within an AWS account and region: one named ({name}) already exists.",
        ),
    }
)


def cannot_find(noun: Noun, name: str, arn: str) -> ServiceError:
    """There is no such resource: "ResourceNotFound" where the operation's model has it, else "ValidationException"."""
    declared = {shape.name for shape in noun.model("Describe").error_shapes}
    code = "ResourceNotFound" if "ResourceNotFound" in declared else _REFUSED
    code, text = _CANNOT_FIND.get(noun.name, (code, 'Could not find {path} "{arn}".'))
    return ServiceError(code, text.format(name=name, arn=arn, path=noun.path.replace("-", " ")))


def taken(noun: Noun, name: str, arn: str) -> ServiceError:
    """The name is taken; the names of jobs stay so for ever."""
    code, text = _TAKEN.get(noun.name, ("", ""))
    if not code:
        declared = {shape.name for shape in noun.model("Create").error_shapes}
        code = "ResourceInUse" if "ResourceInUse" in declared else _REFUSED
        text = f"{noun.name} names must be unique within an AWS account and region: {{arn}} already exists."
        if noun.name.endswith("Job"):
            job = noun.path.removesuffix("-job").replace("-", " ")
            text = "Job name must be unique within an AWS account and region, and a "
            text += f"{job} job with this name already exists ({{arn}})"
    return ServiceError(code, text.format(name=name, arn=arn))
