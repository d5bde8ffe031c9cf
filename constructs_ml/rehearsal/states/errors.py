"""How states fail, and which of their errors can be caught."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from constructs_ml.rehearsal.embedded import EmbeddedAccount

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_TERMINAL = ("States.Runtime", "States.DataLimitExceeded")
_eval_body = ErrorEqualsDecl._eval_body


class NotServedError(Exception):
    """An integration that the embedded account does not have."""


class TaskFailedError(Exception):
    """A task that ended with an error of its own: `error` and `cause` as its state reports them."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


def hook_errors(account: EmbeddedAccount) -> None:
    """Let States.ALL match what it matches in an account."""
    owner = "moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl:ErrorEqualsDecl"
    why = "States.ALL does not catch States.Runtime and States.DataLimitExceeded"
    account.hook(owner, "_eval_body", _matches, why)


def named(error: str) -> ErrorName:
    """An error's name: States.TaskFailed in a Catch stands for every error but those of Step Functions itself."""
    known = {kind.to_name(): kind for kind in StatesErrorNameType}
    return StatesErrorName(known[error]) if error in known else ErrorName(error)


def failure(env: Any, error: str, cause: str, member: str, **more: Any) -> FailureEventException:
    """The failure of a state, told in the history as `member`: "taskFailedEventDetails" is a TaskFailed."""
    kind = getattr(HistoryEventType, member[:1].upper() + member.removesuffix("EventDetails")[1:])
    details = EventDetails(**{member: {"error": error, "cause": cause, **more}})
    return FailureEventException(FailureEvent(env=env, error_name=named(error), event_type=kind, event_details=details))


def _matches(declared: Any, env: Any) -> None:
    name = env.stack[-1]
    if isinstance(name, ErrorName) and name.error_name in _TERMINAL and name not in declared.error_names:
        env.stack.pop()
        env.stack.append(False)
        return
    _eval_body(declared, env)
