"""SageMaker's state changes on the default bus and in the journal.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Json
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
_PACKAGE = "SageMaker Model Package State Change"
_QUIET = frozenset({"ModelPackage"})  # told by the registry, which knows what was updated


class StateChanges:
    """Tells each change of a status: an event where SageMaker sends one, and an entry in the journal."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account = account
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
        self._account.journal.write("execution", arns[1], status, pipeline=arns[0], status=status)

    def pipeline_step(self, detail: Mapping[str, Json]) -> None:
        """A step of such a run changed its status."""
        arns = [detail["pipelineArn"], detail["pipelineExecutionArn"]]
        kind = "SageMaker Model Building Pipeline Execution Step Status Change"
        self._account.emit(_SOURCE, kind, {key: _seconds(value) for key, value in detail.items()}, arns)
        status = detail["currentStepStatus"]
        self._account.journal.write("state", detail["stepName"], status, execution=arns[1], status=status)

    def _changed(self, resource: Resource, before: str) -> None:
        noun, status = resource.noun.name, resource.status
        if noun in _QUIET:
            return
        if noun in _TYPES:
            detail = {key: _milliseconds(value) for key, value in resource.fields.items()}
            detail |= {"Tags": dict(resource.tags)}
            if noun == "Endpoint":  # IN_SERVICE in events, InService in DescribeEndpoint
                detail[resource.noun.status] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()
            self._account.emit(_SOURCE, _TYPES[noun], detail, [resource.arn])
        kind = "job" if noun.endswith("Job") else "endpoint" if noun == "Endpoint" else "resource"
        reason = str(resource.fields.get("FailureReason", ""))
        said = {"noun": noun, "name": resource.name, "status": status, "before": before, "reason": reason}
        self._account.journal.write(kind, resource.name, f"{status}: {reason}" if reason else status, **said)


def _milliseconds(value: Json) -> Json:
    return _jsonable(value, lambda moment: int(moment.timestamp() * 1000))


def _seconds(value: Json) -> Json:
    return _jsonable(value, lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


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
