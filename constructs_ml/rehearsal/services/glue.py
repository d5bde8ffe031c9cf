"""Glue: Python shell jobs run their script; Spark jobs run by a stand-in, or fail and say so."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.logs import LogStream, lost_logs
from constructs_ml.rehearsal.objects import DataError, split
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.services.works import Ended, Task, Work, Works, asked, missing, took

_PATH = Path(__file__).with_name("path")
_RUNNING = ("STARTING", "RUNNING", "STOPPING")
# https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html: two days, where the job says nothing.
_TIMEOUT_MINUTES = 2880
# Moments of the run in words: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html
_TOLD = {"SUCCEEDED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN", "STOPPED": "INFO"}


@dataclass(slots=True)
class _Run:
    """One run, with its work where it has any."""

    job: Mapping[str, Any]
    fields: dict[str, Json]
    work: Work | None = None
    began: float = 0.0
    arguments: dict[str, str] = field(default_factory=dict)


class Glue:
    """Answers the calls around runs; jobs themselves are kept by moto."""

    def __init__(self, account: EmbeddedAccount, works: Works) -> None:
        self._account, self._works = account, works
        self._runs: dict[tuple[str, str], _Run] = {}
        for operation, handler in {
            "StartJobRun": self._start,
            "GetJobRun": self._get,
            "GetJobRuns": self._list,
            "BatchStopJobRun": self._stop,
        }.items():
            account.gate.override("glue", operation, handler)

    def _start(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html."""
        given, name = call.parameters, call.parameters["JobName"]
        job = asked(lambda: self._account.client("glue").get_job(JobName=name))["Job"]
        running = [run for (of, _), run in self._runs.items() if of == name and run.fields["JobRunState"] in _RUNNING]
        if len(running) >= (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1):
            raise ServiceError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
        now = self._account.clock.now()
        arguments = {**(job.get("DefaultArguments") or {}), **(given.get("Arguments") or {})}
        arguments |= job.get("NonOverridableArguments") or {}
        shell = (job.get("Command") or {}).get("Name") == "pythonshell"
        fields = {
            "Id": f"jr_{secrets.token_hex(32)}",
            "Attempt": 0,
            "JobName": name,
            "StartedOn": now,
            "LastModifiedOn": now,
            "JobRunState": "STARTING",
            "Arguments": arguments,
            "ExecutionTime": 0,
            "Timeout": given.get("Timeout") or job.get("Timeout") or _TIMEOUT_MINUTES,
            "LogGroupName": "/aws-glue/python-jobs" if shell else "/aws-glue/jobs",
        }
        fields |= {key: given[key] for key in ("WorkerType", "NumberOfWorkers", "MaxCapacity") if given.get(key)}
        run = _Run(job, fields, arguments=arguments)
        self._runs[name, fields["Id"]] = run
        self._account.journal.write("job", name, "started", service="glue", run=fields["Id"])
        try:
            self._begin(run, shell=shell)
        except (ServiceError, ClientError, DataError) as refused:
            self._finish(run, "FAILED", str(getattr(refused, "message", "")) or str(refused))
        return {"JobRunId": fields["Id"]}

    def _begin(self, run: _Run, *, shell: bool) -> None:
        name, role = run.fields["JobName"], run.job["Role"]
        arn = role if role.startswith("arn:") else f"arn:{self._account.partition}:iam::{self._account.id}:role/{role}"
        principal = self._account.assume(arn, "glue.amazonaws.com", session="GlueJobRunnerSession")
        folder = self._account.folder / "glue" / run.fields["Id"]
        script, path = self._works.stand_in("glue", name), [_PATH]
        if script is None and not shell:
            raise ServiceError("UnsupportedOperation", f"a Spark job needs a cluster: {missing('glue', name)}")
        if script is None:
            script = self._fetched(principal, run.job["Command"]["ScriptLocation"], folder)
        for place in filter(None, run.arguments.get("--extra-py-files", "").split(",")):
            file = self._fetched(principal, place.strip(), folder / "extra")
            path.append(file if file.suffix in (".whl", ".zip", ".egg") else file.parent)
        log = LogStream(self._account, f"{run.fields['LogGroupName']}/output", run.fields["Id"])
        lost = lost_logs(self._account, principal, log.group, log.stream)
        if lost:
            self._account.journal.write("job", name, f"its logs are lost: {lost}", service="glue", logs="lost")
        words = [word for key, value in run.arguments.items() for word in (key, value)]
        if not shell:
            # Spark jobs are told their name, Python shell jobs are not.
            words += ["--JOB_NAME", name, "--JOB_RUN_ID", run.fields["Id"]]
        task = Task(
            name=name,
            script=script,
            principal=principal,
            arguments=words,
            path=path,
            seconds=run.fields["Timeout"] * 60,
            log=None if lost else log,
        )
        run.fields["JobRunState"] = "RUNNING"
        run.work = self._works.start(task, lambda ended: self._ended(run, ended))

    def _fetched(self, principal: Principal, place: str, folder: Path) -> Path:
        """A file of S3, read with the job's role."""
        bucket, key = split(place)
        target = folder / Path(key).name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            answer = self._account.client("s3", principal).get_object(Bucket=bucket, Key=key)
        except ClientError as refused:
            text = f"{place} could not be read: {refused.response['Error'].get('Message', refused)}"
            raise ServiceError("AccessDeniedException", text) from refused
        target.write_bytes(answer["Body"].read())
        return target

    def _ended(self, run: _Run, ended: Ended) -> None:
        states = {"timeout": "TIMEOUT", "stopped": "STOPPED"}
        state = states.get(ended.why, "SUCCEEDED" if ended.succeeded else "FAILED")
        self._finish(run, state, ended.text if state == "FAILED" else "")

    def _finish(self, run: _Run, state: str, message: str) -> None:
        now, name = self._account.clock.now(), run.fields["JobName"]
        worked = int((now - run.fields["StartedOn"]).total_seconds())
        run.fields |= {"CompletedOn": now, "LastModifiedOn": now, "ExecutionTime": worked}
        if message:
            run.fields["ErrorMessage"] = message
        run.fields["JobRunState"] = state
        what = state.lower() + (f": {message}" if message else "")
        times = took(self._account, name, run=run.fields["Id"])
        self._account.journal.write("job", name, what, service="glue", run=run.fields["Id"], status=state, **times)
        detail = {"jobName": name, "severity": _TOLD[state], "state": state, "jobRunId": run.fields["Id"]}
        self._account.emit("aws.glue", "Glue Job State Change", {**detail, "message": message or f"Job run {state}"})

    def _found(self, job: str, run: str) -> _Run:
        try:
            return self._runs[job, run]
        except KeyError:
            raise ServiceError("EntityNotFoundException", f"Job run {run} of {job} is not found.") from None

    def _get(self, call: Call) -> Json:
        return {"JobRun": dict(self._found(call.parameters["JobName"], call.parameters["RunId"]).fields)}

    def _list(self, call: Call) -> Json:
        name = call.parameters["JobName"]
        return {"JobRuns": [dict(run.fields) for (job, _), run in reversed(self._runs.items()) if job == name]}

    def _stop(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchStopJobRun.html."""
        name = call.parameters["JobName"]
        stopped: list[dict[str, str]] = []
        errors: list[dict[str, Any]] = []
        for id in call.parameters["JobRunIds"]:
            run = self._runs.get((name, id))
            if run is None:
                detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": f"Job run {id} is not found."}
                errors.append({"JobName": name, "JobRunId": id, "ErrorDetail": detail})
                continue
            if run.work is not None and run.fields["JobRunState"] == "RUNNING":
                run.fields["JobRunState"] = "STOPPING"
                run.work.stop()
            stopped.append({"JobName": name, "JobRunId": id})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}
