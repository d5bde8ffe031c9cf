"""EMR Serverless: a job run is the work of a declared script, under the role that the request names."""

from __future__ import annotations

import secrets

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.services.works import Ended, Run, Task, Works, asked, took


class EmrServerless:
    """Answers the calls around job runs; applications are kept by moto."""

    def __init__(self, account: EmbeddedAccount, works: Works) -> None:
        self._account, self._works = account, works
        self._runs: dict[tuple[str, str], Run] = {}
        self._by_token: dict[str, Run] = {}
        for operation, handler in {
            "StartJobRun": self._start,
            "GetJobRun": self._get,
            "ListJobRuns": self._list,
            "CancelJobRun": self._cancel,
        }.items():
            account.gate.override("emr-serverless", operation, handler)

    def _start(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html."""
        given = call.parameters
        application, token = given["applicationId"], given.get("clientToken", "")
        client = self._account.client("emr-serverless")
        known = asked(lambda: client.get_application(applicationId=application))["application"]
        if token in self._by_token:  # a token that is known answers with its run
            return _started(self._by_token[token])
        script = self._works.needed("emr-serverless", application, known.get("name", ""))
        id, role = secrets.token_hex(8), given["executionRoleArn"]
        principal = self._account.assume(role, "emr-serverless.amazonaws.com", session=id)
        now = self._account.clock.now()
        fields = {
            "applicationId": application,
            "jobRunId": id,
            "arn": self._account.arn("emr-serverless", f"/applications/{application}/jobruns/{id}"),
            "name": given.get("name") or "",
            "createdBy": f"arn:{self._account.partition}:iam::{self._account.id}:root",
            "createdAt": now,
            "updatedAt": now,
            "executionRole": role,
            "state": "RUNNING",
            "stateDetails": "",
            "releaseLabel": known.get("releaseLabel", ""),
            "jobDriver": given.get("jobDriver") or {},
            "tags": dict(given.get("tags") or {}),
        }
        run = self._runs[application, id] = Run(fields)
        if token:
            self._by_token[token] = run
        driver = fields["jobDriver"].get("sparkSubmit") or {}
        minutes = given.get("executionTimeoutMinutes")
        task = Task(
            name=fields["name"] or id,
            script=script,
            principal=principal,
            arguments=list(driver.get("entryPointArguments") or ()),
            request={**given, "jobRunId": id},
            seconds=60 * minutes if minutes else None,
        )
        self._account.journal.write("job", task.name, "started", service="emr-serverless", run=id)
        run.work = self._works.start(task, lambda ended: self._ended(run, ended))
        return _started(run)

    def _ended(self, run: Run, ended: Ended) -> None:
        # A run beyond its time is cancelled, says the reference of executionTimeoutMinutes.
        state = "SUCCESS" if ended.succeeded else "FAILED" if ended.why == "exit" else "CANCELLED"
        before = run.fields["state"]
        details = "" if ended.succeeded else ended.text if ended.why == "exit" else ended.why
        run.fields |= {"stateDetails": details, "updatedAt": self._account.clock.now()}
        run.fields["state"] = state
        name, id = run.fields["name"] or run.fields["jobRunId"], run.fields["jobRunId"]
        what = state.lower() + (f": {details}" if details else "")
        times = took(self._account, name, run=id)
        self._account.journal.write("job", name, what, service="emr-serverless", run=id, status=state, **times)
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html
        detail = {"jobRunId": id, "applicationId": run.fields["applicationId"], "arn": run.fields["arn"]}
        detail |= {"jobRunName": run.fields["name"], "state": state, "previousState": before}
        self._account.emit("aws.emr-serverless", "EMR Serverless Job Run State Change", detail)

    def _found(self, call: Call) -> Run:
        application, id = call.parameters["applicationId"], call.parameters["jobRunId"]
        if (application, id) not in self._runs:
            raise ServiceError("ResourceNotFoundException", f"JobRun {id} does not exist")
        return self._runs[application, id]

    def _get(self, call: Call) -> Json:
        return {"jobRun": dict(self._found(call).fields)}

    def _list(self, call: Call) -> Json:
        application = call.parameters["applicationId"]
        found = [
            {**run.fields, "id": run.fields["jobRunId"]} for (of, _), run in self._runs.items() if of == application
        ]
        return {"jobRuns": found}

    def _cancel(self, call: Call) -> Json:
        run = self._found(call)
        if run.work is not None and run.fields["state"] == "RUNNING":
            run.fields["state"] = "CANCELLING"
            run.work.stop()
        return {"applicationId": run.fields["applicationId"], "jobRunId": run.fields["jobRunId"]}


def _started(run: Run) -> Json:
    return {key: run.fields[key] for key in ("applicationId", "jobRunId", "arn")}
