"""Every type of SageMaker, from botocore's model of its API: the properties are CreateX's members.

Ref is the primary identifier of the type's schema in CloudFormation's registry.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.facts import updates
from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Work, is_gone
from constructs_ml.rehearsal.sagemaker.nouns import Noun, nouns

_LONGEST_WAIT = 3 * 3600.0
_GOING_ON = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Pending", "InProgress", "Starting")
_WENT_WRONG = ("Failed", "OutOfService", "CreateFailed", "UpdateFailed", "UpdateRollbackFailed")

# The types whose Ref is a name; the others' is the ARN.
_NAMED = ("FeatureGroup", "InferenceExperiment", "ModelCard", "Pipeline", "MlflowTrackingServer")
_OTHER_IDS = {"Domain": "DomainId", "UserProfile": "UserProfileName"}
# Types without an own name among their properties.
_NAMELESS = ("ModelPackage", "ImageVersion")
_KEPT_AT_UPDATE = ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig")


def rows() -> Mapping[str, Row]:
    """A row for each noun that has a type in CloudFormation."""
    types = {f"AWS::SageMaker::{name}": noun for name, noun in nouns().items()}
    return {type: _row(noun) for type, noun in types.items() if updates.known(type)}


def _row(noun: Noun) -> Row:
    name = noun.name
    described = noun.model("Describe").output_shape.members
    scalar = [m for m, shape in described.items() if shape.type_name not in ("structure", "list", "map")]
    more = _MORE.get(name, {})
    by = _by(noun)
    return Row(
        service="sagemaker",
        create=f"Create{name}",
        update=f"Update{name}" if noun.has("Update") else "",
        delete=f"Delete{name}" if noun.has("Delete") else "",
        name="" if name in _NAMELESS else noun.key,
        longest=63,
        id=_id(noun),
        keys=by,
        attributes={noun.key: f"{{{noun.key}}}"} if noun.key else {},
        any_attribute=lambda attribute: attribute in (*scalar, "Arn"),
        settled=partial(_settled, noun),
        gone=partial(_gone, noun),
        tagged_by=noun.arn or "id",
        **more,
    )


def _id(noun: Noun) -> str:
    if noun.name in _OTHER_IDS:
        return f"{{{_OTHER_IDS[noun.name]}}}"
    return f"{{{noun.key}}}" if noun.name in _NAMED or not noun.arn else f"{{{noun.arn}}}"


def _by(noun: Noun) -> dict[str, str]:
    """The parameters by which DescribeX and DeleteX know a resource."""
    asked = noun.model("Describe").input_shape
    return {
        member: "{id}" if member in ("ArtifactArn", "Arn", "ModelPackageName") else f"{{{member}}}"
        for member in asked.required_members
    }


def _settled(noun: Noun, work: Work) -> Mapping[str, Json]:
    """What DescribeX says once the resource is neither being made nor changed; a failed one fails."""
    deadline = time.monotonic() + _LONGEST_WAIT
    while True:
        answer = _described(noun, work)
        status = str(answer.get(noun.status, "")) if noun.status else ""
        if not status.startswith(_GOING_ON):
            break
        if work.account.clock.stopped or time.monotonic() > deadline:
            raise Failed(f"Resource timed out waiting for completion ({noun.name} is {status})")
        time.sleep(0.02)
    if status in _WENT_WRONG:
        reason = answer.get("FailureReason") or f"{noun.name} is {status}"
        raise Failed(f'Resource handler returned message: "{reason}" (HandlerErrorCode: NotStabilized)')
    wanted = work.properties.get("EndpointConfigName")
    if noun.name == "Endpoint" and answer.get("EndpointConfigName") != wanted:  # the deployment was rolled back
        reason = answer.get("FailureReason") or f"the endpoint went back to {answer.get('EndpointConfigName')}"
        raise Failed(f'Resource handler returned message: "{reason}" (HandlerErrorCode: NotStabilized)')
    found = {key: value for key, value in answer.items() if isinstance(value, str | int | float)}
    return {**found, "Arn": answer.get(noun.arn, "")}


def _gone(noun: Noun, work: Work) -> None:
    """Wait until a deletion that goes on is over."""
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline and not work.account.clock.stopped:
        try:
            status = _described(noun, work).get(noun.status, "")
        except ClientError as refused:
            if is_gone(refused):
                return
            raise
        if not str(status).startswith(("Deleting", "Stopping")):
            return
        time.sleep(0.02)


def _described(noun: Noun, work: Work) -> dict[str, Any]:
    words = {**work.attributes, **work.properties, "id": work.physical_id}
    keys = {key: pattern.format_map(words) for key, pattern in _by(noun).items()}
    return work.call("sagemaker", f"Describe{noun.name}", **keys)


def _endpoint(work: Work) -> Mapping[str, Json]:
    """What is retained belongs to updates alone; a wait that a template may leave out is none."""
    given = {key: value for key, value in work.properties.items() if work.before or key not in _KEPT_AT_UPDATE}
    routing = given.get("DeploymentConfig", {}).get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration")
    if routing is None or "WaitIntervalInSeconds" in routing:
        return given
    # Required by the API, not by the template:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-sagemaker-endpoint-trafficroutingconfig.html
    policy = given["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    policy = policy | {"TrafficRoutingConfiguration": routing | {"WaitIntervalInSeconds": 0}}
    return given | {"DeploymentConfig": given["DeploymentConfig"] | {"BlueGreenUpdatePolicy": policy}}


def _feature_group(work: Work) -> Mapping[str, Json]:
    """An update adds features; the ones that were there stay."""
    if not work.before:
        return work.properties
    old, new = (given.get("FeatureDefinitions", []) for given in (work.before, work.properties))
    if any(feature not in new for feature in old):
        raise Failed("FeatureDefinitions can be added only: a feature was removed or changed")
    added = [feature for feature in new if feature not in old]
    kept = {key: value for key, value in work.properties.items() if key != "FeatureDefinitions"}
    return {**kept, **({"FeatureAdditions": added} if added else {})}


def _pipeline(work: Work) -> Mapping[str, Json]:
    """`PipelineDefinition` holds a body, or where it lies."""
    given = dict(work.properties)
    definition = given.pop("PipelineDefinition", {})
    if "PipelineDefinitionBody" in definition:
        return {**given, "PipelineDefinition": definition["PipelineDefinitionBody"]}
    place = definition.get("PipelineDefinitionS3Location")
    if not place:
        raise Failed("PipelineDefinition has neither PipelineDefinitionBody nor PipelineDefinitionS3Location")
    renamed = {{"Key": "ObjectKey", "Version": "VersionId"}.get(key, key): value for key, value in place.items()}
    return {**given, "PipelineDefinitionS3Location": {k: v for k, v in renamed.items() if k != "ETag"}}


def _group_policy(work: Work) -> None:
    policy, name = work.properties.get("ModelPackageGroupPolicy"), work.attributes["ModelPackageGroupName"]
    if policy is not None and work.changed("ModelPackageGroupPolicy"):
        text = policy if isinstance(policy, str) else json.dumps(policy)
        work.call("sagemaker", "PutModelPackageGroupPolicy", ModelPackageGroupName=name, ResourcePolicy=text)
    elif policy is None and "ModelPackageGroupPolicy" in work.before:
        work.call("sagemaker", "DeleteModelPackageGroupPolicy", ModelPackageGroupName=name)


def _experiment_state(work: Work) -> None:
    wanted = work.properties.get("DesiredState")
    if wanted == "Running" and not work.before:
        work.call("sagemaker", "StartInferenceExperiment", Name=work.physical_id)
    elif wanted in ("Completed", "Cancelled") and work.changed("DesiredState"):
        shadows = work.given("ShadowModeConfig")["ShadowModelVariants"]
        source = work.given("ShadowModeConfig")["SourceModelVariantName"]
        actions = {source: "Retain"} | {shadow["ShadowModelVariantName"]: "Remove" for shadow in shadows}
        work.call("sagemaker", "StopInferenceExperiment", Name=work.physical_id, ModelVariantActions=actions)


_SCHEDULE_READ_ONLY = ("EndpointName", "FailureReason", "LastMonitoringExecutionSummary", "MonitoringScheduleStatus")
_MORE: dict[str, dict[str, Any]] = {
    "Endpoint": {"reshape": _endpoint},
    "FeatureGroup": {"reshape": _feature_group},
    "InferenceComponent": {"apart": ("EndpointArn",)},
    "InferenceExperiment": {"apart": ("DesiredState", "StatusReason"), "then": (_experiment_state,)},
    "ModelPackageGroup": {"apart": ("ModelPackageGroupPolicy",), "then": (_group_policy,)},
    "MonitoringSchedule": {"apart": _SCHEDULE_READ_ONLY},
    "Pipeline": {"reshape": _pipeline},
    **{
        f"{kind}JobDefinition": {"apart": ("EndpointName",)}
        for kind in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
    },
}
