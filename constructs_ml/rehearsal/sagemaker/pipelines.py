"""SageMaker Pipelines: definitions are checked when they come, and run when they are started.

Steps of other kinds than `KINDS`, step caching and selective execution are refused by name or not done.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines.html
"""

from __future__ import annotations

import json
import secrets
import string
import threading
from collections.abc import Callable, Mapping

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.pipeline_run import Execution, Run, every_step
from constructs_ml.rehearsal.sagemaker.pipeline_steps import KINDS
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_LETTERS = string.ascii_lowercase + string.digits
_READ: Mapping[str, Callable[[str], Json]] = {
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: text.lower() == "true",
    "String": str,
}
_ENDED = ("Succeeded", "Failed", "Stopped")


class Pipelines:
    """Runs of the pipelines of a store."""

    def __init__(self, account: EmbeddedAccount, store: Store, changes: StateChanges) -> None:
        self._account, self._store, self._changes = account, store, changes
        self._runs: dict[str, Execution] = {}
        self._tokens: dict[str, str] = {}
        self._background = Background(account.clock)
        self._lock = threading.Lock()
        for verb in ("Create", "Update"):
            store.on(verb, "Pipeline", self._defined)
        operations = {
            "StartPipelineExecution": self._start,
            "StopPipelineExecution": self._stop,
            "DescribePipelineExecution": lambda call: dict(self._run(call).fields),
            "DescribePipelineDefinitionForExecution": self._definition,
            "ListPipelineExecutions": self._list,
            "ListPipelineExecutionSteps": self._steps,
            "ListPipelineParametersForExecution": self._parameters,
        }
        account.gate.serve("sagemaker", operations)
        account.at_end(self._background.end)

    def _defined(self, pipeline: Resource, call: Call) -> None:
        place = call.parameters.get("PipelineDefinitionS3Location")
        changed: dict[str, Json] = {"PipelineStatus": "Active"}
        if place:
            version = {"VersionId": place["VersionId"]} if place.get("VersionId") else {}
            s3 = self._account.client("s3", call.principal)
            try:
                read = s3.get_object(Bucket=place["Bucket"], Key=place["ObjectKey"], **version)
            except ClientError as error:
                raise invalid(f"Pipeline definition at {place} cannot be read: {error}") from error
            changed["PipelineDefinition"] = read["Body"].read().decode()
        text = changed.get("PipelineDefinition") or pipeline.fields.get("PipelineDefinition") or ""
        try:
            definition = json.loads(text)
            names = [step["Name"] for step in every_step(definition["Steps"])]
        except (ValueError, KeyError, TypeError) as error:
            raise invalid(f"Unable to parse pipeline definition: {error!r}") from None
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise invalid(f"Step names must be unique in a pipeline: {', '.join(sorted(twice))}.")
        self._store.change(pipeline, **changed)

    def _start(self, call: Call) -> Json:
        given = call.parameters
        with self._lock:
            arn = self._tokens.get(given["ClientRequestToken"])
            if arn is None:
                execution = self._made(self._store.get("Pipeline", given["PipelineName"]), given)
                arn = self._tokens[given["ClientRequestToken"]] = execution.arn
                self._runs[arn] = execution
                run = Run(self._account, self._changes, execution)
                self._background.start(f"pipeline {arn[-12:]}", run.go)
        return {"PipelineExecutionArn": arn}

    def _made(self, pipeline: Resource, given: Mapping[str, Json]) -> Execution:
        definition = json.loads(pipeline.fields["PipelineDefinition"])
        kinds = {step["Type"] for step in every_step(definition["Steps"])} - KINDS
        refused = [f"steps of the type {kind}" for kind in sorted(kinds)]
        refused += ["selective execution"] if given.get("SelectiveExecutionConfig") else []
        if refused:
            text = f"the embedded account does not run {', '.join(refused)} of SageMaker Pipelines"
            raise ServiceError("UnsupportedOperation", text)
        id, now = "".join(secrets.choice(_LETTERS) for _ in range(12)), self._account.clock.now()
        fields = {
            "PipelineArn": pipeline.arn,
            "PipelineExecutionArn": f"{pipeline.arn}/execution/{id}",
            "PipelineExecutionDisplayName": given.get("PipelineExecutionDisplayName") or f"execution-{id}",
            "PipelineExecutionStatus": "Executing",
            "PipelineExecutionDescription": given.get("PipelineExecutionDescription"),
            "ParallelismConfiguration": given.get("ParallelismConfiguration")
            or pipeline.fields.get("ParallelismConfiguration"),
            "CreationTime": now,
            "LastModifiedTime": now,
            "RoleArn": given.get("RoleArn") or pipeline.fields["RoleArn"],
        }
        fields = {key: value for key, value in fields.items() if value is not None}
        principal = self._account.assume(fields["RoleArn"], "sagemaker.amazonaws.com", id)
        pipeline.fields["LastRunTime"] = now
        return Execution(fields, definition, _parameters(definition, given), principal)

    def _stop(self, call: Call) -> Json:
        execution = self._run(call)
        if execution.status not in _ENDED:
            execution.stopping.set()
            Run(self._account, self._changes, execution).tell("Stopping", execution.status)
        return {"PipelineExecutionArn": execution.arn}

    def _run(self, call: Call) -> Execution:
        arn = call.parameters["PipelineExecutionArn"]
        if arn not in self._runs:
            raise ServiceError("ResourceNotFound", f"Pipeline execution '{arn}' does not exist.")
        return self._runs[arn]

    def _definition(self, call: Call) -> Json:
        execution = self._run(call)
        return {
            "PipelineDefinition": json.dumps(execution.definition),
            "CreationTime": execution.fields["CreationTime"],
        }

    def _list(self, call: Call) -> Json:
        given = call.parameters
        arn = self._store.get("Pipeline", given["PipelineName"]).arn
        found = [run.fields for run in self._runs.values() if run.fields["PipelineArn"] == arn]
        if given.get("CreatedAfter"):
            found = [item for item in found if item["CreationTime"] > listing.moment(given["CreatedAfter"])]
        if given.get("CreatedBefore"):
            found = [item for item in found if item["CreationTime"] < listing.moment(given["CreatedBefore"])]
        by = "PipelineExecutionArn" if given.get("SortBy") == "PipelineExecutionArn" else "CreationTime"
        found = sorted(found, key=lambda item: item[by], reverse=given.get("SortOrder") != "Ascending")
        summaries = [
            {
                "PipelineExecutionArn": item["PipelineExecutionArn"],
                "StartTime": item["CreationTime"],
                "PipelineExecutionStatus": item["PipelineExecutionStatus"],
                "PipelineExecutionDisplayName": item["PipelineExecutionDisplayName"],
                **({"PipelineExecutionFailureReason": item["FailureReason"]} if "FailureReason" in item else {}),
            }
            for item in found
        ]
        return listing.cut(summaries, "PipelineExecutionSummaries", given)

    def _steps(self, call: Call) -> Json:
        steps = [dict(step) for step in self._run(call).steps.values()]
        if call.parameters.get("SortOrder") != "Ascending":
            steps.reverse()
        return listing.cut(steps, "PipelineExecutionSteps", call.parameters)

    def _parameters(self, call: Call) -> Json:
        found = [{"Name": name, "Value": str(value)} for name, value in self._run(call).parameters.items()]
        return listing.cut(found, "PipelineParameters", call.parameters)


def _parameters(definition: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters of a run, each of its type; `ServiceError` for one that is unknown, missing or no such value."""
    asked = {item["Name"]: item["Value"] for item in given.get("PipelineParameters") or ()}
    known = {item["Name"]: item for item in definition.get("Parameters") or ()}
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise invalid(f"Unknown parameters {unknown}: the pipeline has {sorted(known)}.")
    found: dict[str, Json] = {}
    for name, item in known.items():
        value = asked.get(name, item.get("DefaultValue"))
        if value is None:
            raise invalid(f"Parameter {name} has no default value, and none was given.")
        try:
            found[name] = _READ[item["Type"]](value) if isinstance(value, str) else value
        except ValueError:
            raise invalid(f"Parameter {name} is of the type {item['Type']}; {value!r} is not.") from None
        if item.get("EnumValues") and found[name] not in item["EnumValues"]:
            raise invalid(f"Parameter {name} must be one of {item['EnumValues']}; {value!r} is not.")
    return found
