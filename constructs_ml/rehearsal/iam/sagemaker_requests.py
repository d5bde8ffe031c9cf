"""What a call of SageMaker asks IAM for: https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here, spelt
from constructs_ml.rehearsal.iam.context import Asked, Values
from constructs_ml.rehearsal.sagemaker.nouns import Noun, nouns

_VERBS = ("Create", "Describe", "Update", "Delete", "Stop", "Start", "BatchDescribe")
# Condition keys, and the members that hold their values at any depth of the request.
_KEYS: Mapping[str, frozenset[str]] = {
    "sagemaker:instancetypes": frozenset({"InstanceType"}),
    "sagemaker:vpcsubnets": frozenset({"Subnets"}),
    "sagemaker:vpcsecuritygroupids": frozenset({"SecurityGroupIds"}),
    "sagemaker:volumekmskey": frozenset({"VolumeKmsKeyId"}),
    "sagemaker:networkisolation": frozenset({"EnableNetworkIsolation"}),
    "sagemaker:intercontainertrafficencryption": frozenset({"EnableInterContainerTrafficEncryption"}),
    "sagemaker:maxruntimeinseconds": frozenset({"MaxRuntimeInSeconds"}),
}
_RUN = "{PipelineExecutionArn}"
_OTHERS: Mapping[str, str] = {
    "AddTags": "{ResourceArn}",
    "DeleteTags": "{ResourceArn}",
    "ListTags": "{ResourceArn}",
    "UpdateEndpointWeightsAndCapacities": "endpoint/{EndpointName}",
    "StartPipelineExecution": "pipeline/{PipelineName}",
    "ListPipelineExecutions": "pipeline/{PipelineName}",
    "DescribePipelineExecution": _RUN,
    "ListPipelineExecutionSteps": _RUN,
    "ListPipelineParametersForExecution": _RUN,
    "StopPipelineExecution": _RUN,
    "RetryPipelineExecution": _RUN,
    "DescribeModelPackage": "model-package/{ModelPackageName}",
    "DeleteModelPackage": "model-package/{ModelPackageName}",
    "UpdateModelPackage": "{ModelPackageArn}",
    "ListTrainingJobsForHyperParameterTuningJob": "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
    "InvokeEndpoint": "endpoint/{EndpointName}",
    "InvokeEndpointAsync": "endpoint/{EndpointName}",
    "InvokeEndpointWithResponseStream": "endpoint/{EndpointName}",
    "PutRecord": "feature-group/{FeatureGroupName}",
    "GetRecord": "feature-group/{FeatureGroupName}",
    "DeleteRecord": "feature-group/{FeatureGroupName}",
    "AddAssociation": "{SourceArn}",
    "DeleteAssociation": "{SourceArn}",
    "CreateImageVersion": "image/{ImageName}",
    "DescribeImageVersion": "image-version/{ImageName}/{Version=1}",
    "DeleteImageVersion": "image-version/{ImageName}/{Version=1}",
    "CreateModelCardExportJob": "model-card/{ModelCardName}",
    "DescribeModelCardExportJob": "{ModelCardExportJobArn}",
    "CreateEdgeDeploymentPlan": "edge-deployment/{EdgeDeploymentPlanName}",
    "DescribeEdgeDeploymentPlan": "edge-deployment/{EdgeDeploymentPlanName}",
    "DeleteEdgeDeploymentPlan": "edge-deployment/{EdgeDeploymentPlanName}",
    "QueryLineage": "*",
    "Search": "*",
}


def sagemaker_asked(call: Call, here: Here) -> Iterator[Asked]:
    """Every action of an operation of SageMaker and its runtimes."""
    operation, context = call.operation, _context(call.parameters)
    arns = _resources(call, here)
    action = f"sagemaker:{operation}"
    for arn in arns or ("",):
        yield Asked(action, (arn,) if arn else (), context, _FAMILIES)
    if call.parameters.get("Tags") and operation.startswith("Create") and arns:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
        yield Asked("sagemaker:AddTags", (arns[-1],), context, _FAMILIES)


_FAMILIES = frozenset({"aws:requesttag", "aws:tagkeys"})


def _resources(call: Call, here: Here) -> tuple[str, ...]:
    operation = call.operation
    if operation in _OTHERS:
        return spelt(_OTHERS[operation], call, here) or ()
    if operation == "CreateModelPackage":
        return _model_package(call, here)
    if operation in ("BatchGetRecord", "BatchWriteRecord"):
        return tuple(_groups(call, here))
    if operation == "ListModelPackages" and call.parameters.get("ModelPackageGroupName"):
        return spelt("model-package/{ModelPackageGroupName}/*", call, here) or ()
    if operation.startswith("List"):
        return ("*",)
    noun = next((nouns().get(operation.removeprefix(verb)) for verb in _VERBS if operation.startswith(verb)), None)
    if noun is None:
        return ()
    beside = spelt("endpoint-config/{EndpointConfigName}", call, here) if noun.name == "Endpoint" else None
    return (*(beside or ()), *_own(noun, call, here))


def _own(noun: Noun, call: Call, here: Here) -> tuple[str, ...]:
    """The resource of a noun: by its name, or by its ARN."""
    for name in (noun.key, noun.arn, f"{noun.name}Name", f"{noun.name}Arn"):
        found = spelt(f"{noun.path}/{{{name}}}", call, here) if name else None
        if found:
            return found
    return ()


def _model_package(call: Call, here: Here) -> tuple[str, ...]:
    """A version, whose number is not known before. The reference knows no check of the group itself."""
    group = call.parameters.get("ModelPackageGroupName")
    if not group:
        return spelt("model-package/{ModelPackageName}", call, here) or ()
    return (here.arn("sagemaker", f"model-package/{str(group).rpartition('/')[2]}/1"),)


def _groups(call: Call, here: Here) -> Iterator[str]:
    for items in call.parameters.values():
        for item in items if isinstance(items, (list, tuple)) else ():
            name = item.get("FeatureGroupName") if isinstance(item, Mapping) else None
            if name:
                yield name if name.startswith("arn:") else here.arn("sagemaker", f"feature-group/{name}")


def _context(given: Mapping[str, Any]) -> Values:
    found = {key: tuple(dict.fromkeys(_values(given, names))) for key, names in _KEYS.items()}
    tags = [tag for tag in given.get("Tags") or () if isinstance(tag, Mapping)]
    found |= {f"aws:requesttag/{str(tag['Key']).lower()}": (str(tag["Value"]),) for tag in tags}
    return found | ({"aws:tagkeys": tuple(str(tag["Key"]) for tag in tags)} if tags else {})


def _values(given: Any, names: frozenset[str]) -> Iterator[str]:
    if isinstance(given, Mapping):
        for key, value in given.items():
            if key in names and not isinstance(value, Mapping):
                yield from (_text(item) for item in (value if isinstance(value, (list, tuple)) else (value,)))
            else:
                yield from _values(value, names)
    elif isinstance(given, (list, tuple)):
        for item in given:
            yield from _values(item, names)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
