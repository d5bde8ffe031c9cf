"""One run of a pipeline of SageMaker Pipelines: steps in the order of their dependencies, side by side."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import split
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.pipeline_steps import StepFailedError, Worker
from constructs_ml.rehearsal.sagemaker.pipeline_values import Scope, UnresolvedError

_SIDE_BY_SIDE = 50


@dataclass(slots=True)
class Execution:
    """A run: what DescribePipelineExecution answers, and what its steps came to."""

    fields: dict[str, Json]
    definition: Mapping[str, Json]
    parameters: Mapping[str, Json]
    principal: Principal
    steps: dict[str, dict[str, Json]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def arn(self) -> str:
        return str(self.fields["PipelineExecutionArn"])

    @property
    def status(self) -> str:
        return str(self.fields["PipelineExecutionStatus"])


class Run:
    """Runs an execution to its end."""

    def __init__(self, account: EmbeddedAccount, changes: StateChanges, execution: Execution) -> None:
        self._account, self._changes, self._execution = account, changes, execution
        self._results: dict[str, Json] = {}
        self._known = {step["Name"]: step for step in every_step(execution.definition["Steps"])}
        facts = {
            "PipelineExecutionId": execution.arn.rpartition("/")[2],
            "PipelineExecutionArn": execution.arn,
            "PipelineArn": execution.fields["PipelineArn"],
            "PipelineName": execution.fields["PipelineArn"].rpartition("/")[2],
            "StartDateTime": stamp(execution.fields["CreationTime"]),
        }
        self._scope = Scope(execution.parameters, facts, self._results, self._property)

    def go(self) -> None:
        """Run every step that is reached, and end the execution."""
        self.tell("Executing", "")
        reason = ""
        try:
            reason = self._steps()
        except Exception as broken:  # noqa: BLE001 - whatever breaks is the run's end, never a silent thread
            reason = f"InternalFailure: {broken!r}"
        status = "Stopped" if self._execution.stopping.is_set() else "Failed" if reason else "Succeeded"
        if reason and status == "Failed":
            self._execution.fields["FailureReason"] = reason
        before = self._execution.status
        self.tell(status, before)

    def tell(self, status: str, before: str) -> None:
        """A new status of the run, as an event."""
        fields, now = self._execution.fields, self._account.clock.now()
        fields |= {"PipelineExecutionStatus": status, "LastModifiedTime": now}
        detail = {
            "pipelineExecutionDisplayName": fields["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": status,
            "executionStartTime": fields["CreationTime"],
            "pipelineExecutionDescription": fields.get("PipelineExecutionDescription", ""),
            "pipelineArn": fields["PipelineArn"],
            "pipelineExecutionArn": self._execution.arn,
        }
        detail |= {"previousPipelineExecutionStatus": before} if before else {}
        detail |= {"executionEndTime": now} if status in ("Succeeded", "Failed", "Stopped") else {}
        self._changes.pipeline_execution(detail)

    def _steps(self) -> str:
        """Start what is ready, until nothing is left or something failed; the reason of a failure."""
        waiting = list(self._execution.definition["Steps"])
        running: dict[Future[list[Json]], str] = {}
        reason = ""
        parallel = (self._execution.fields.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
        with ThreadPoolExecutor(int(parallel or _SIDE_BY_SIDE), thread_name_prefix="step") as pool:
            while True:
                if not reason and not self._execution.stopping.is_set():
                    ready = [step for step in waiting if self._needs(step) <= set(self._results)]
                    waiting = [step for step in waiting if step not in ready]
                    running |= {pool.submit(self._step, step): step["Name"] for step in ready}
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    try:
                        waiting += future.result()
                    except (StepFailedError, UnresolvedError) as failed:
                        reason = reason or f"Step failure: One or multiple steps failed. {name}: {failed}"
        if waiting and not reason and not self._execution.stopping.is_set():
            names = ", ".join(step["Name"] for step in waiting)
            return f"Steps that wait for what never ran: {names}"
        return reason

    def _needs(self, step: Mapping[str, Json]) -> set[str]:
        """The steps before it: those named, and those whose values it uses."""
        return {*(step.get("DependsOn") or ()), *(name for name in _named(step) if name in self._known)}

    def _step(self, step: Mapping[str, Json]) -> list[Json]:
        """Run one step with its retries; a condition answers with the steps of its arm."""
        name, kind = step["Name"], step["Type"]
        told = {"StepName": name, "StartTime": self._account.clock.now(), "Metadata": {}, "AttemptCount": 0}
        self._execution.steps[name] = told
        self._tell(told, kind, "Executing")
        try:
            if kind == "Condition":
                return self._condition(step, told)
            if kind == "Fail":
                message = str(self._scope.value(step["Arguments"]["ErrorMessage"]))
                told["Metadata"]["Fail"] = {"ErrorMessage": message}
                raise StepFailedError(message)
            self._results[name] = self._tried(step, told)
        except (StepFailedError, UnresolvedError) as failed:
            stopped = self._execution.stopping.is_set()
            told |= {"FailureReason": str(failed), "EndTime": self._account.clock.now()}
            self._tell(told, kind, "Stopped" if stopped else "Failed")
            raise
        told["EndTime"] = self._account.clock.now()
        self._tell(told, kind, "Succeeded")
        return []

    def _condition(self, step: Mapping[str, Json], told: dict[str, Json]) -> list[Json]:
        arguments = step["Arguments"]
        outcome = all(self._scope.holds(item) for item in arguments["Conditions"])
        told["Metadata"]["Condition"] = {"Outcome": str(outcome)}
        told["EndTime"] = self._account.clock.now()
        self._results[step["Name"]] = {"Outcome": outcome}
        self._tell(told, "Condition", "Succeeded")
        return list(arguments.get("IfSteps" if outcome else "ElseSteps") or ())

    def _tried(self, step: Mapping[str, Json], told: dict[str, Json]) -> Json:
        """Carry a step out as often as its retry policies say; job names are new each time."""
        tries: dict[int, int] = {}
        while True:
            told["AttemptCount"] += 1
            id = self._execution.arn.rpartition("/")[2]
            account, stopping = self._account, self._execution.stopping.is_set
            worker = Worker(account, self._execution.principal, id, step["Name"], stopping, told["Metadata"])
            try:
                arguments = self._scope.value(step.get("Arguments") or {})
                return worker.run(step["Type"], arguments, self._scope.value(dict(step)))
            except StepFailedError as failed:
                policies = step.get("RetryPolicies") or ()
                found = next((i for i, p in enumerate(policies) if failed.exception in p["ExceptionType"]), None)
                if found is None or self._execution.stopping.is_set():
                    raise
                policy, tried = policies[found], tries.get(found, 0)
                if tried >= policy.get("MaxAttempts", 5):
                    raise
                tries[found] = tried + 1
                pause = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** tried
                if not self._account.clock.sleep(pause):
                    raise

    def _property(self, step: str, name: str) -> Json:
        """A property file, read from where the job's output went."""
        files = (self._known.get(step) or {}).get("PropertyFiles") or ()
        file = next((item for item in files if item["PropertyFileName"] == name), None)
        if file is None or step not in self._results:
            raise UnresolvedError(f"step {step} has no property file {name!r}")
        outputs = self._results[step]["ProcessingOutputConfig"]["Outputs"]
        output = next(item for item in outputs if item["OutputName"] == file["OutputName"])
        uri = f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}"
        bucket, key = split(uri)
        try:
            read = self._account.client("s3", self._execution.principal).get_object(Bucket=bucket, Key=key)
            return json.loads(read["Body"].read())
        except (ClientError, ValueError) as error:
            raise UnresolvedError(f"property file {uri}: {error}") from error

    def _tell(self, told: dict[str, Json], kind: str, status: str) -> None:
        before, told["StepStatus"] = told.get("StepStatus", "Starting"), status
        detail = {
            "metadata": {key[:1].lower() + key[1:]: _lower(value) for key, value in told["Metadata"].items()},
            "stepStartTime": told["StartTime"],
            "stepName": told["StepName"],
            "stepType": kind,
            "previousStepStatus": before,
            "currentStepStatus": status,
            "pipelineArn": self._execution.fields["PipelineArn"],
            "pipelineExecutionArn": self._execution.arn,
        }
        for member in ("EndTime", "FailureReason"):
            if member in told:
                detail["stepEndTime" if member == "EndTime" else "failureReason"] = told[member]
        self._changes.pipeline_step(detail)


def _lower(value: Mapping[str, Json]) -> dict[str, Json]:
    return {key[:1].lower() + key[1:]: item for key, item in value.items()}


def every_step(steps: list[Json]) -> Iterator[Mapping[str, Json]]:
    """Every step, those in the arms of conditions too."""
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            for arm in ("IfSteps", "ElseSteps"):
                yield from every_step(step["Arguments"].get(arm) or [])


def _named(value: Json) -> Iterator[str]:
    """The steps whose values are used; what a condition's arms use, they wait for themselves."""
    match value:
        case {"Get": str(path)} if path.startswith("Steps."):
            yield path.split(".")[1]
        case {"Type": "Condition", "Arguments": arguments}:
            yield from _named(arguments["Conditions"])
        case Mapping():
            for item in value.values():
                yield from _named(item)
        case list():
            for item in value:
                yield from _named(item)
