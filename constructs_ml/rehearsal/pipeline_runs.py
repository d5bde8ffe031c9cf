"""A run of a pipeline of SageMaker Pipelines, with the face of a state machine's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from constructs_ml.drawing.drawing import Drawing
from constructs_ml.drawing.history import Failure, RunStatus
from constructs_ml.drawing.progress import Progress, StepProgress, StepStatus
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.spec.graph import draw, graph_of
from constructs_ml.spec.pipeline import PipelineSpec

_STATUSES: dict[str, RunStatus] = {"Succeeded": "SUCCEEDED", "Failed": "FAILED", "Stopped": "ABORTED"}
_STEPS: dict[str, StepStatus] = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "failed"}


@dataclass(frozen=True)
class PipelineRun:
    """A pipeline execution: its status is told in Step Functions' words, `states` are the steps that it began.

    Such a run ends with no output; `error` is there when it failed, and `cause` is the service's FailureReason.
    """

    account: EmbeddedAccount
    arn: str
    spec: PipelineSpec

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def status(self) -> RunStatus:
        """RUNNING, SUCCEEDED, FAILED or ABORTED."""
        return _STATUSES.get(self._described()["PipelineExecutionStatus"], "RUNNING")

    @property
    def ended(self) -> bool:
        return self.status != "RUNNING"

    @property
    def input(self) -> dict[str, str]:
        """The parameters that it was started with."""
        client = self.account.client("sagemaker")
        pages = client.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=self.arn)
        return {item["Name"]: item["Value"] for page in pages for item in page["PipelineParameters"]}

    @property
    def output(self) -> Any:
        """None: a pipeline execution has no output."""
        return None

    @property
    def error(self) -> str:
        return "PipelineFailed" if self.status == "FAILED" else ""

    @property
    def cause(self) -> str:
        found = [f"{step['StepName']}: {step['FailureReason']}" for step in self.events if "FailureReason" in step]
        return "; ".join(found) or str(self._described().get("FailureReason", ""))

    @property
    def events(self) -> list[Any]:
        """Its steps as `ListPipelineExecutionSteps` tells them, the first first."""
        client = self.account.client("sagemaker")
        pages = client.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=self.arn, SortOrder="Ascending"
        )
        return [step for page in pages for step in page["PipelineExecutionSteps"]]

    @property
    def states(self) -> list[str]:
        return [step["StepName"] for step in self.events]

    @property
    def seconds(self) -> float:
        """How long it took, in real seconds."""
        found = self._described()
        return float((found["LastModifiedTime"] - found["CreationTime"]).total_seconds())

    @property
    def progress(self) -> Progress:
        """Step by step."""
        status, told = self.status, {step["StepName"]: step for step in self.events}
        absent: StepStatus = "waiting" if status == "RUNNING" else "skipped"
        nodes = [node.key for node in graph_of(self.spec).nodes]
        steps = {
            key: _progress(key, told[key]) if key in told else StepProgress(name=key, status=absent) for key in nodes
        }
        failure = Failure(error=self.error, cause=self.cause) if self.error else None
        return Progress(status=status, steps=MappingProxyType(steps), failure=failure)

    @property
    def drawing(self) -> Drawing:
        """The pipeline drawn, with the path of this run."""
        return draw(self.spec, progress=self.progress)

    def _described(self) -> Any:
        return self.account.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=self.arn)

    def __str__(self) -> str:
        said = f": {self.error}: {self.cause}" if self.error else ""
        return f"{self.arn.split('/')[1]} {self.name} {self.status}{said}"


def start(account: EmbeddedAccount, name: str, spec: PipelineSpec, inputs: Mapping[str, Any]) -> PipelineRun:
    """Start a pipeline by its name, with values for its parameters."""
    given = [{"Name": key, "Value": str(value)} for key, value in inputs.items()]
    client = account.client("sagemaker")
    arn = client.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
    return PipelineRun(account, arn, spec)


def runs_of(account: EmbeddedAccount, name: str, spec: PipelineSpec) -> list[PipelineRun]:
    """The runs of a pipeline, the oldest first; none where it does not exist."""
    client = account.client("sagemaker")
    try:
        pages = client.get_paginator("list_pipeline_executions").paginate(PipelineName=name, SortOrder="Ascending")
        found = [item["PipelineExecutionArn"] for page in pages for item in page["PipelineExecutionSummaries"]]
    except client.exceptions.ResourceNotFound:
        return []
    return [PipelineRun(account, arn, spec) for arn in found]


def _progress(name: str, step: Mapping[str, Any]) -> StepProgress:
    started: datetime = step["StartTime"]
    duration = step["EndTime"] - started if "EndTime" in step else None
    reason = step.get("FailureReason")
    return StepProgress(
        name=name,
        status=_STEPS.get(step["StepStatus"], "running"),
        started=started,
        duration=duration,
        attempts=max(1, step.get("AttemptCount", 1)),
        failure=Failure(error="StepFailed", cause=reason) if reason else None,
    )
