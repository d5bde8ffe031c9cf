"""What executions tell: entries of the journal, and the events that Step Functions puts on the bus."""

from __future__ import annotations

import time
from typing import Any

from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.pauses import Pauses
from constructs_ml.rehearsal.states.values import compact, milliseconds

_STATE = "moto.stepfunctions.parser.asl.component.state.state:CommonStateField"
_EXECUTION = "moto.stepfunctions.parser.asl.component.state.exec.execute_state:ExecutionState"
_eval_body = CommonStateField._eval_body
_handle_retry, _handle_catch = ExecutionState._handle_retry, ExecutionState._handle_catch
_LONGEST = 1000


class Story:
    """Writes down what states and executions do."""

    def __init__(self, account: EmbeddedAccount, pauses: Pauses) -> None:
        self._account, self._pauses = account, pauses
        account.hook(_STATE, "_eval_body", self._body(), "the journal tells which state runs")
        account.hook(_EXECUTION, "_handle_retry", self._retry(), "the journal tells of retries, which can be stopped")
        account.hook(_EXECUTION, "_handle_catch", self._catch(), "the journal tells of caught errors")

    def execution(self, execution: Any, status: str) -> None:
        """Tell that an execution began or ended."""
        detail = {
            "machine": execution.state_machine.name,
            "execution": execution.name,
            "arn": execution.exec_arn,
            "status": status,
        }
        if execution.stop_date is not None:
            detail["seconds"] = round((execution.stop_date - execution.start_date).total_seconds(), 3)
            detail |= {"error": execution.error or "", "cause": (execution.cause or "")[:_LONGEST]}
        self._account.journal.write("execution", execution.state_machine.name, status.lower(), **detail)
        self._account.emit("aws.states", "Step Functions Execution Status Change", _status_change(execution, status))

    def _write(self, state: Any, env: Any, what: str, **detail: Any) -> None:
        if self._account.clock.stopped:
            return
        context = env.states.context_object.context_object_data
        execution = env.aws_execution_details.role_arn.session
        where = {"machine": context["StateMachine"]["Name"].split("/")[0], "execution": execution}
        if context["Execution"]["Name"] != execution:
            where["child"] = context["Execution"]["Name"]
        if context.get("Map"):
            where["item"] = context["Map"]["Item"]["Index"]
        self._account.journal.write("state", state.name, what, **where, type=state.state_type.name, **detail)

    def _body(self) -> Any:
        write = self._write

        def eval_body(state: Any, env: Any) -> None:
            began = time.monotonic()
            write(state, env, "entered")
            try:
                _eval_body(state, env)
            except FailureEventException as failed:
                error, cause = failed.extract_error_cause_pair() or ("", "")
                seconds = round(time.monotonic() - began, 3)
                write(state, env, "failed", error=error or "", cause=(cause or "")[:_LONGEST], seconds=seconds)
                raise
            write(state, env, "left", seconds=round(time.monotonic() - began, 3))

        return eval_body

    def _retry(self) -> Any:
        story = self

        def handle_retry(state: Any, env: Any, failure_event: Any) -> RetryOutcome:
            story._pauses.retrying(env)
            outcome = _handle_retry(state, env, failure_event)
            if outcome == RetryOutcome.CanRetry:
                story._write(state, env, "tries again", **_told(failure_event))
            return outcome

        return handle_retry

    def _catch(self) -> Any:
        write = self._write

        def handle_catch(state: Any, env: Any, failure_event: Any) -> None:
            _handle_catch(state, env, failure_event)
            if env.stack and env.stack[-1] == CatchOutcome.Caught:
                write(state, env, "caught", **_told(failure_event))

        return handle_catch


def _told(failure_event: Any) -> dict[str, str]:
    details = next(iter((failure_event.event_details or {}).values()), None) or {}
    return {"error": details.get("error") or "", "cause": str(details.get("cause") or "")[:_LONGEST]}


def _status_change(execution: Any, status: str) -> dict[str, Any]:
    """The detail of the event.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    ended, succeeded = execution.stop_date, status == "SUCCEEDED"
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": milliseconds(execution.start_date),
        "stopDate": milliseconds(ended) if ended else None,
        "input": compact(execution.input_data),
        "output": compact(execution.output) if succeeded else None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if succeeded else None,
        "error": execution.error,
        "cause": execution.cause,
    }
