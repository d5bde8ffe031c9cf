"""Executions: started, run in threads of their own, stopped, described."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramRunning,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.roles import ExecutionRole
from constructs_ml.rehearsal.states.story import Story
from constructs_ml.rehearsal.states.values import compact, iso

_BACKEND = "moto.stepfunctions.parser.backend"
_NAME = re.compile(r"[^\x00-\x20\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")
_GRACE = 5.0
_set_error = Environment.set_error


class Executions:
    """Every execution of the account, and what the API says of them."""

    def __init__(self, account: EmbeddedAccount, story: Story) -> None:
        self._account, self._story = account, story
        self._running: dict[str, Any] = {}
        self._background = Background(account.clock)
        self._lock = threading.Lock()
        self._hook()
        for operation, handler in {
            "StartExecution": self._start,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
            "GetExecutionHistory": self._history,
            "ListExecutions": self._list,
        }.items():
            account.gate.override("stepfunctions", operation, partial(_answered, handler))
        account.at_end(self._end)

    def _hook(self) -> None:
        executions = self

        def details(execution: Any) -> AWSExecutionDetails:
            role = ExecutionRole.of(execution.role_arn, execution.name)
            return AWSExecutionDetails(account=execution.account_id, region=execution.region_name, role_arn=role)

        def start(worker: Any) -> None:
            executions._begin(worker)

        def set_error(env: Any, error: Any) -> None:
            if not isinstance(env._program_state, ProgramStopped | ProgramTimedOut):
                _set_error(env, error)

        hook = self._account.hook
        why = "an execution acts with its role, under its own name"
        hook(f"{_BACKEND}.execution:Execution", "_get_start_aws_execution_details", details, why)
        why = "an execution can be described and stopped from its first moment"
        hook(f"{_BACKEND}.execution_worker:ExecutionWorker", "start", start, why)
        why = "what fails because the execution was stopped does not make it a failed one"
        hook("moto.stepfunctions.parser.asl.eval.environment:Environment", "set_error", set_error, why)

    def _begin(self, worker: Any) -> None:
        execution = worker._execution_communication.execution
        program, env = worker._get_evaluation_entrypoint(), worker._get_evaluation_environment()
        env.states.context_object.context_object_data["Execution"]["StartTime"] = iso(execution.start_date)
        worker.env = env
        started = {
            "input": compact(execution.input_data),
            "inputDetails": {"truncated": False},
            "roleArn": str(execution.role_arn),
        }
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details=EventDetails(executionStartedEventDetails=started),
            update_source_event_id=False,
        )
        with self._lock:
            self._running[execution.exec_arn] = execution
        self._background.start(f"execution {execution.name}", partial(self._run, execution, program, env))

    def _run(self, execution: Any, program: Any, env: Any) -> None:
        self._story.execution(execution, "RUNNING")
        program.eval(env)
        state = env.program_state()
        execution.stop_date = datetime.now(UTC)
        status = _STATUS.get(type(state), "FAILED")
        if isinstance(state, ProgramEnded):
            execution.output = env.states.get_input()
        elif isinstance(state, ProgramError):
            execution.error, execution.cause = (state.error or {}).get("error"), (state.error or {}).get("cause")
        elif isinstance(state, ProgramStopped):
            execution.error, execution.cause = state.error, state.cause
        execution.exec_status = type(execution.exec_status)(status)
        with self._lock:
            self._running.pop(execution.exec_arn, None)
        if not self._account.clock.stopped:
            self._story.execution(execution, status)

    def _start(self, call: Call) -> Json:
        given = call.parameters
        arn, name, text = given["stateMachineArn"], given.get("name") or str(uuid4()), given.get("input") or "{}"
        if arn.split(":")[4:5] != [self._account.id]:
            raise ServiceError("AccessDeniedException", f"{arn} is a state machine of another account")
        if not _NAME.fullmatch(name):
            raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
        try:
            json.loads(text)
        except ValueError as error:
            raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from None
        execution = self._backend(call).start_execution(arn, name, text)
        return {"executionArn": execution.exec_arn, "startDate": execution.start_date}

    def _stop(self, call: Call) -> Json:
        execution = self._backend(call).describe_execution(call.parameters["executionArn"])
        given, now = call.parameters, datetime.now(UTC)
        if execution.stop_date is None:
            execution.exec_worker.env.set_stop(stop_date=now, cause=given.get("cause"), error=given.get("error"))
            self._account.clock.poll(lambda: execution.stop_date is not None, _GRACE)
        return {"stopDate": execution.stop_date or now}

    def _describe(self, call: Call) -> Json:
        execution = self._backend(call).describe_execution(call.parameters["executionArn"])
        found = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine.arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.start_date,
            "stopDate": execution.stop_date,
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "error": execution.error,
            "cause": execution.cause,
            **_redrive(execution.status),
        }
        if execution.status == "SUCCEEDED":
            found |= {"output": compact(execution.output), "outputDetails": {"included": True}}
        return {key: value for key, value in found.items() if value is not None}

    def _history(self, call: Call) -> Json:
        given, execution = call.parameters, self._backend(call).describe_execution(call.parameters["executionArn"])
        events = execution.exec_worker.env.event_manager.get_event_history()
        if given.get("reverseOrder"):
            events.reverse()
        first, most = int(given.get("nextToken") or 0), int(given.get("maxResults") or 100)
        page = [event | {"timestamp": _moment(event["timestamp"])} for event in events[first : first + most]]
        return {"events": page} | ({"nextToken": str(first + most)} if first + most < len(events) else {})

    def _list(self, call: Call) -> Json:
        """Newest first."""
        given = call.parameters
        machine = self._backend(call).describe_state_machine(given["stateMachineArn"])
        wanted = given.get("statusFilter")
        found = [item for item in reversed(machine.executions) if wanted in (None, item.status)]
        first, most = int(given.get("nextToken") or 0), int(given.get("maxResults") or 100)
        page = [_listed(item) for item in found[first : first + most]]
        return {"executions": page} | ({"nextToken": str(first + most)} if first + most < len(found) else {})

    def _backend(self, call: Call) -> Any:
        return stepfunctions_parser_backends[self._account.id][call.region]

    def _end(self) -> None:
        """Abort what runs: the account is about to close."""
        with self._lock:
            running = list(self._running.values())
        for execution in running:
            execution.exec_worker.env.set_stop(stop_date=datetime.now(UTC), cause="the account closed", error=None)
        self._background.end()


_STATUS = {
    ProgramEnded: "SUCCEEDED",
    ProgramError: "FAILED",
    ProgramStopped: "ABORTED",
    ProgramTimedOut: "TIMED_OUT",
    ProgramRunning: "FAILED",
}


def _answered(handler: Handler, call: Call) -> Json:
    try:
        return handler(call)
    except JsonRESTError as refused:
        raise ServiceError(refused.error_type, refused.message) from None


def _listed(execution: Any) -> Json:
    stopped = {"stopDate": execution.stop_date} if execution.stop_date else {}
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        **stopped,
    }


def _moment(time: Any) -> datetime:
    return time if isinstance(time, datetime) else datetime.fromisoformat(time)


def _redrive(status: str) -> dict[str, Json]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html ."""
    if status in ("RUNNING", "SUCCEEDED"):
        why = f"Execution is {status} and cannot be redriven"
        return {"redriveCount": 0, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": why}
    return {"redriveCount": 0, "redriveStatus": "REDRIVABLE"}
