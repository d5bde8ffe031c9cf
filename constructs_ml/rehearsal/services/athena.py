"""Athena: a query is the work of a declared script, with the rights of whoever asks, as on AWS."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import split
from constructs_ml.rehearsal.services.works import Ended, Run, Task, Works, asked, took


class Athena:
    """Answers the calls around queries; workgroups are kept by moto.

    A script writes its result, a CSV file, to the OutputLocation of the request.
    """

    def __init__(self, account: EmbeddedAccount, works: Works) -> None:
        self._account, self._works = account, works
        self._queries: dict[str, Run] = {}
        for operation, handler in {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
        }.items():
            account.gate.override("athena", operation, handler)

    def _start(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html."""
        given, id = call.parameters, str(uuid4())
        group = given.get("WorkGroup") or "primary"
        found = asked(lambda: self._account.client("athena").get_work_group(WorkGroup=group))["WorkGroup"]
        settings = found.get("Configuration") or {}
        own = (settings.get("ResultConfiguration") or {}).get("OutputLocation")
        asked_for = (given.get("ResultConfiguration") or {}).get("OutputLocation")
        place = own if own and settings.get("EnforceWorkGroupConfiguration") else asked_for or own
        if not place:
            text = "No output location provided. An output location is required either through the Workgroup result "
            raise ServiceError("InvalidRequestException", f"{text}configuration setting or as an API input.")
        script = self._works.needed("athena", group)
        fields = {
            "QueryExecutionId": id,
            "Query": given["QueryString"],
            "StatementType": "DDL" if given["QueryString"].lstrip()[:6].upper() in ("CREATE", "ALTER ") else "DML",
            "ResultConfiguration": {"OutputLocation": f"{place.rstrip('/')}/{id}.csv"},
            "QueryExecutionContext": dict(given.get("QueryExecutionContext") or {}),
            "Status": {"State": "RUNNING", "SubmissionDateTime": self._account.clock.now()},
            "WorkGroup": group,
        }
        if given.get("ExecutionParameters"):
            fields["ExecutionParameters"] = given["ExecutionParameters"]
        query = self._queries[id] = Run(fields)
        request = {**given, "QueryExecutionId": id, "OutputLocation": fields["ResultConfiguration"]["OutputLocation"]}
        task = Task(name=f"query {id}", script=script, principal=call.principal, request=request)
        self._account.journal.write("job", group, "query started", service="athena", query=id)
        query.work = self._works.start(task, lambda ended: self._ended(query, ended))
        return {"QueryExecutionId": id}

    def _ended(self, query: Run, ended: Ended) -> None:
        state = "CANCELLED" if ended.why == "stopped" else "SUCCEEDED" if ended.succeeded else "FAILED"
        status = {**query.fields["Status"], "State": state, "CompletionDateTime": self._account.clock.now()}
        if state == "FAILED":
            status["StateChangeReason"] = ended.text
        query.fields["Status"] = status
        group, id = query.fields["WorkGroup"], query.fields["QueryExecutionId"]
        what = f"query {state.lower()}" + (f": {ended.text}" if state == "FAILED" else "")
        times = took(self._account, f"query {id}", query=id)
        self._account.journal.write("job", group, what, service="athena", query=id, status=state, **times)
        # https://docs.aws.amazon.com/athena/latest/ug/athena-events.html
        detail = {"versionId": "0", "currentState": state, "previousState": "RUNNING", "queryExecutionId": id}
        detail |= {"statementType": query.fields["StatementType"], "workgroupName": group, "sequenceNumber": "3"}
        self._account.emit("aws.athena", "Athena Query State Change", detail)

    def _found(self, call: Call) -> Run:
        id = call.parameters["QueryExecutionId"]
        if id not in self._queries:
            raise ServiceError("InvalidRequestException", f"QueryExecution {id} was not found")
        return self._queries[id]

    def _get(self, call: Call) -> Json:
        return {"QueryExecution": dict(self._found(call).fields)}

    def _stop(self, call: Call) -> Json:
        query = self._found(call)
        if query.work is not None and _state(query) == "RUNNING":
            query.work.stop()
        return {}

    def _results(self, call: Call) -> Json:
        """The rows of the file that the script wrote, its header first, read as the caller."""
        query = self._found(call)
        if _state(query) != "SUCCEEDED":
            raise ServiceError(
                "InvalidRequestException", f"Query did not finish successfully. Final state: {_state(query)}"
            )
        bucket, key = split(query.fields["ResultConfiguration"]["OutputLocation"])
        client = self._account.client("s3", call.principal)
        body = asked(lambda: client.get_object(Bucket=bucket, Key=key))["Body"].read()
        rows = list(csv.reader(io.StringIO(body.decode())))
        columns: list[Any] = [{"Name": name, "Type": "varchar"} for name in (rows[0] if rows else ())]
        data = [{"Data": [{"VarCharValue": value} for value in row]} for row in rows]
        return {"UpdateCount": 0, "ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": columns}}}


def _state(query: Run) -> str:
    return str(query.fields["Status"]["State"])
