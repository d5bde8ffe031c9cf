"""DataBrew: a run of a job is the work of a declared script, under the job's role."""

from __future__ import annotations

import secrets

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.services.works import Ended, Run, Task, Works, asked, took


class DataBrew:
    """Answers the calls around runs; jobs are kept by moto."""

    def __init__(self, account: EmbeddedAccount, works: Works) -> None:
        self._account, self._works = account, works
        self._runs: dict[tuple[str, str], Run] = {}
        for operation, handler in {
            "StartJobRun": self._start,
            "DescribeJobRun": self._describe,
            "ListJobRuns": self._list,
            "StopJobRun": self._stop,
        }.items():
            account.gate.override("databrew", operation, handler)

    def _start(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/databrew/latest/dg/API_StartJobRun.html."""
        name, id = call.parameters["Name"], f"db_{secrets.token_hex(32)}"
        job = asked(lambda: self._account.client("databrew").describe_job(Name=name))
        script = self._works.needed("databrew", name)
        principal = self._account.assume(job["RoleArn"], "databrew.amazonaws.com", session=name)
        fields = {"JobName": name, "RunId": id, "State": "RUNNING", "Attempt": 0, "ExecutionTime": 0}
        fields |= {"StartedOn": self._account.clock.now()}
        run = self._runs[name, id] = Run(fields)
        request = {key: value for key, value in job.items() if key != "ResponseMetadata"} | {"RunId": id}
        minutes = job.get("Timeout")
        task = Task(
            name=name,
            script=script,
            principal=principal,
            request=request,
            seconds=60 * minutes if minutes else None,
        )
        self._account.journal.write("job", name, "started", service="databrew", run=id)
        run.work = self._works.start(task, lambda ended: self._ended(run, ended))
        return {"RunId": id}

    def _ended(self, run: Run, ended: Ended) -> None:
        states = {"timeout": "TIMEOUT", "stopped": "STOPPED"}
        state = states.get(ended.why, "SUCCEEDED" if ended.succeeded else "FAILED")
        now, name, id = self._account.clock.now(), run.fields["JobName"], run.fields["RunId"]
        run.fields |= {"CompletedOn": now, "ExecutionTime": int((now - run.fields["StartedOn"]).total_seconds())}
        if state == "FAILED":
            run.fields["ErrorMessage"] = ended.text
        run.fields["State"] = state
        what = state.lower() + (f": {ended.text}" if state == "FAILED" else "")
        times = took(self._account, name, run=id)
        self._account.journal.write("job", name, what, service="databrew", run=id, status=state, **times)
        # https://docs.aws.amazon.com/databrew/latest/dg/monitoring-automating-with-cloudwatch-events.html
        detail = {"jobName": name, "severity": "ERROR" if state == "FAILED" else "INFO", "state": state, "jobRunId": id}
        self._account.emit("aws.databrew", "DataBrew Job State Change", {**detail, "message": what})

    def _found(self, call: Call) -> Run:
        name, id = call.parameters["Name"], call.parameters["RunId"]
        if (name, id) not in self._runs:
            raise ServiceError("ResourceNotFoundException", f"Job run {id} of job {name} wasn't found.")
        return self._runs[name, id]

    def _describe(self, call: Call) -> Json:
        return dict(self._found(call).fields)

    def _list(self, call: Call) -> Json:
        name = call.parameters["Name"]
        return {"JobRuns": [dict(run.fields) for (job, _), run in reversed(self._runs.items()) if job == name]}

    def _stop(self, call: Call) -> Json:
        run = self._found(call)
        if run.work is not None and run.fields["State"] == "RUNNING":
            run.work.stop()
        return {"RunId": run.fields["RunId"]}
