"""SageMaker's state changes on the default bus and in the journal.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_SOURCE = "aws.sagemaker"
_TYPES = MappingProxyType(
    {
        "Endpoint": "SageMaker Endpoint State Change",
        "FeatureGroup": "SageMaker Feature Group State Change",
        "HyperParameterTuningJob": "SageMaker HyperParameter Tuning Job State Change",
        "ProcessingJob": "SageMaker Processing Job State Change",
        "TrainingJob": "SageMaker Training Job State Change",
        "TransformJob": "SageMaker Transform Job State Change",
    }
)
# Members that recorded events have as null where a resource has no value, or not yet:
# https://github.com/awslabs/mlspace/blob/c6517a8f/backend/test/resource_metadata/test_process_events.py
_NULL = MappingProxyType(
    {
        "Endpoint": ("FailureReason",),
        "HyperParameterTuningJob": (
            "TrainingJobDefinitions",
            "HyperParameterTuningEndTime",
            "FailureReason",
            "TuningJobCompletionDetails",
        ),
        "TrainingJob": ("FailureReason", "TrainingEndTime"),
        "TransformJob": ("FailureReason", "TransformEndTime"),
    }
)
_PACKAGE = "SageMaker Model Package State Change"
_UNDER_WAY = re.compile(r"(?i)(ing|in_?progress)$")  # Creating, InProgress, Stopping: more will follow
_QUIET = frozenset({"ModelPackage"})  # told by the registry, which knows what was updated


class StateChanges:
    """Tells each change of a status: an event where SageMaker sends one, and an entry in the journal."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account = account
        self._began: dict[str, float] = {}
        self.packages: list[Callable[[Resource, tuple[str, ...]], None]] = []
        store.on_status(self._changed)

    def model_package(self, package: Resource, *updated: str) -> None:
        """A version was registered, or `updated` of it changed; its times are texts, unlike those of jobs."""
        detail = {key: _seconds(value) for key, value in package.fields.items()}
        if updated:
            detail["UpdatedModelPackageFields"] = list(updated)
        for told in self.packages:
            told(package, updated)
        self._account.emit(_SOURCE, _PACKAGE, detail, [package.arn])
        said = {"noun": "ModelPackage", "name": package.name, "status": package.status}
        approval = package.fields.get("ModelApprovalStatus", "")
        what = f"registered, {approval or package.status}" if not updated else ", ".join(updated)
        self._account.journal.write("resource", package.name, what, **said, approval=approval, arn=package.arn)

    def pipeline_execution(self, detail: Mapping[str, Json]) -> None:
        """A run of SageMaker Pipelines changed its status."""
        arns = [detail["pipelineArn"], detail["pipelineExecutionArn"]]
        kind = "SageMaker Model Building Pipeline Execution Status Change"
        self._account.emit(_SOURCE, kind, {key: _seconds(value) for key, value in detail.items()}, arns)
        status = detail["currentPipelineExecutionStatus"]
        name = arns[0].rpartition("/")[2]
        said = {"machine": name, "execution": arns[1].rpartition("/")[2], "arn": arns[1], "status": status}
        took = {} if _UNDER_WAY.search(status) else {"seconds": self._account.journal.since("execution", arn=arns[1])}
        self._account.journal.write("execution", name, status.lower(), **said, **took)

    def pipeline_step(self, detail: Mapping[str, Json]) -> None:
        """A step of such a run changed its status."""
        arns = [detail["pipelineArn"], detail["pipelineExecutionArn"]]
        kind = "SageMaker Model Building Pipeline Execution Step Status Change"
        self._account.emit(_SOURCE, kind, {key: _seconds(value) for key, value in detail.items()}, arns)
        status = detail["currentStepStatus"]
        said = {"machine": arns[0].rpartition("/")[2], "execution": arns[1].rpartition("/")[2], "status": status}
        self._account.journal.write("state", detail["stepName"], status.lower(), **said)

    def _took(self, resource: Resource) -> dict[str, Json]:
        """For how long it was under way, in real seconds, and the processes that ran for it; once it is over."""
        if _UNDER_WAY.search(resource.status):
            self._began.setdefault(resource.arn, time.monotonic())
            return {}
        seconds = time.monotonic() - self._began.pop(resource.arn, time.monotonic())
        return {"seconds": round(seconds, 3), "processes": self._account.processes.ids(resource.name)}

    def _changed(self, resource: Resource, before: str) -> None:
        noun, status = resource.noun.name, resource.status
        if noun in _QUIET:
            return
        if noun in _TYPES:
            detail: dict[str, Json] = dict.fromkeys(_NULL.get(noun, ()))
            detail |= {key: _milliseconds(value) for key, value in resource.fields.items()}
            detail |= {"Tags": dict(resource.tags)}
            if noun == "Endpoint":  # IN_SERVICE in events, InService in DescribeEndpoint
                detail[resource.noun.status] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()
            self._account.emit(_SOURCE, _TYPES[noun], detail, [resource.arn])
        kind = "job" if noun.endswith("Job") else "endpoint" if noun == "Endpoint" else "resource"
        reason = str(resource.fields.get("FailureReason", ""))
        said: dict[str, Json] = {"noun": noun, "status": status, "before": before, "reason": reason}
        said |= self._took(resource)
        self._account.journal.write(kind, resource.name, f"{status}: {reason}" if reason else status, **said)


def _milliseconds(value: Json) -> Json:
    return _jsonable(value, lambda moment: int(moment.timestamp() * 1000))


def _seconds(value: Json) -> Json:
    return _jsonable(value, stamp)


def _jsonable(value: Json, told: Json) -> Json:
    """A value of an answer as an event holds it: times told by `told`."""
    match value:
        case datetime():
            return told(value)
        case Mapping():
            return {key: _jsonable(item, told) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item, told) for item in value]
    return value
