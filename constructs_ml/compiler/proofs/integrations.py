"""What a Task's `Resource` calls: the forms of Step Functions' service integrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.compiler.proofs.texts import near
from constructs_ml.faults import Fault, fault

_OPEN = re.compile(r"\$\{[^{}]+\}")
_RESOURCE = re.compile(
    r"arn:[a-z-]+:states:[a-z0-9-]*:[a-z0-9]*:(?P<sdk>aws-sdk:)?(?P<service>[a-zA-Z0-9-]+):"
    r"(?P<action>[a-zA-Z0-9]+)(?:\.(?P<pattern>.+))?"
)
_OWN_CODE = re.compile(r"arn:[a-z-]+:(lambda:[^:]+:[^:]+:function|states:[^:]+:[^:]+:activity):.+")
_CALLBACK = "waitForTaskToken"
_NOTHING = ("",)
_JOB = ("", "sync")
_TASK = ("", _CALLBACK)

OPTIMISED: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sagemaker": {
            "createEndpoint": _NOTHING,
            "createEndpointConfig": _NOTHING,
            "createHyperParameterTuningJob": _JOB,
            "createLabelingJob": _JOB,
            "createModel": _NOTHING,
            "createProcessingJob": _JOB,
            "createTrainingJob": _JOB,
            "createTransformJob": _JOB,
            "updateEndpoint": _NOTHING,
        },
        "lambda": {"invoke": _TASK},
        "sns": {"publish": _TASK},
        "sqs": {"sendMessage": _TASK},
        "events": {"putEvents": _TASK},
        "states": {"startExecution": ("", "sync", "sync:2", _CALLBACK)},
        "dynamodb": dict.fromkeys(("deleteItem", "getItem", "putItem", "updateItem"), _NOTHING),
        "batch": {"submitJob": ("", "sync", _CALLBACK)},
        "ecs": {"runTask": ("", "sync", _CALLBACK)},
        "glue": {"startJobRun": _JOB},
        "databrew": {"startJobRun": _JOB},
        "athena": {
            "getQueryExecution": _NOTHING,
            "getQueryResults": _NOTHING,
            "startQueryExecution": _JOB,
            "stopQueryExecution": _NOTHING,
        },
        "codebuild": {
            "batchDeleteBuilds": _NOTHING,
            "batchGetReports": _NOTHING,
            "startBuild": _JOB,
            "startBuildBatch": _JOB,
            "stopBuild": _NOTHING,
            "stopBuildBatch": _NOTHING,
        },
        "elasticmapreduce": {
            "addStep": _JOB,
            "cancelStep": _NOTHING,
            "createCluster": _JOB,
            "modifyInstanceFleetByName": _NOTHING,
            "modifyInstanceGroupByName": _NOTHING,
            "setClusterTerminationProtection": _NOTHING,
            "terminateCluster": _JOB,
        },
        "emr-containers": {"createVirtualCluster": _NOTHING, "deleteVirtualCluster": _JOB, "startJobRun": _JOB},
        "emr-serverless": {
            "cancelJobRun": _JOB,
            "createApplication": _JOB,
            "deleteApplication": _JOB,
            "startApplication": _JOB,
            "startJobRun": _JOB,
            "stopApplication": _JOB,
        },
        "bedrock": {"createModelCustomizationJob": _JOB, "invokeModel": _TASK},
        "mediaconvert": {"createJob": _JOB},
        "apigateway": {"invoke": _TASK},
        "eks": {
            **dict.fromkeys(("createCluster", "createFargateProfile", "createNodegroup"), _JOB),
            **dict.fromkeys(("deleteCluster", "deleteFargateProfile", "deleteNodegroup"), _JOB),
            "call": _NOTHING,
            "runJob": _JOB,
        },
        "http": {"invoke": _NOTHING},
    }
)
"""The integrations with own rules, and how each may wait; what is not here is called as `aws-sdk:...`.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html, November 2026.
"""


@dataclass(frozen=True, slots=True)
class Integration:
    """One call of a service. `sdk` calls take the API as it is; `pattern` is how the state waits, or ''."""

    service: str
    action: str
    pattern: str = ""
    sdk: bool = False

    def __str__(self) -> str:
        return f"{'aws-sdk:' if self.sdk else ''}{self.service}:{self.action}"

    @property
    def key(self) -> str:
        """The call without the way of calling: `s3:getObject`."""
        return f"{self.service}:{self.action}"

    @property
    def waits(self) -> bool:
        """Whether Step Functions itself watches the job."""
        return self.pattern.startswith("sync")


def parse_resource(resource: object, where: str) -> Integration | Fault | None:
    """What a `Resource` calls; None for a function, an activity or an open text, which have no parameters to check."""
    if not isinstance(resource, str):
        return _unreadable(resource, where)
    if _OPEN.fullmatch(resource):
        return None
    text = _OPEN.sub("x", resource)
    if _OWN_CODE.fullmatch(text):
        return None
    match = _RESOURCE.fullmatch(text)
    if match is None:
        return _unreadable(resource, where)
    found = Integration(match["service"], match["action"], match["pattern"] or "", bool(match["sdk"]))
    return _refused(found, where) or found


def _unreadable(resource: object, where: str) -> Fault:
    form = "arn:${AWS::Partition}:states:::<service>:<action>, or ...:::aws-sdk:<service>:<action>"
    return fault("call-form", where=where, got=repr(resource), allowed=form)


def _refused(found: Integration, where: str) -> Fault | None:
    if found.sdk:
        if found.pattern in _TASK:
            return None
        return fault("call-form", where=where, got=found.pattern, allowed=_CALLBACK)
    actions = OPTIMISED.get(found.service)
    if actions is None:
        allowed = (*near(found.service, tuple(OPTIMISED)), f"aws-sdk:{found.service}:{found.action}")
        return fault("call-unknown", where=where, got=found.service, allowed=allowed)
    if found.action not in actions:
        allowed = (*near(found.action, tuple(actions)), f"aws-sdk:{found.service}:{found.action}")
        return fault("call-unknown", where=where, got=found.action, allowed=allowed)
    patterns = actions[found.action]
    if found.pattern not in patterns:
        allowed = tuple(item or "none" for item in patterns)
        return fault("call-form", where=where, got=found.pattern, allowed=allowed)
    return None
