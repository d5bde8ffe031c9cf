"""A Task state that calls a service: one class for every integration, with the role of its execution."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)

from constructs_ml.compiler.proofs.integrations import OPTIMISED, Integration
from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.errors import NotServedError, TaskFailedError, failure
from constructs_ml.rehearsal.states.service_calls import ServiceCalls
from constructs_ml.rehearsal.states.tokens import Token, Tokens
from constructs_ml.rehearsal.states.words import error_of, word_of

Json = Any
_PATTERNS = {"waitForTaskToken", "sync", "sync:2"}


class ServiceTask(StateTaskServiceCallback):  # type: ignore[misc]  # moto has no types
    """What `Resource: arn:aws:states:::<service>:<action>` does."""

    def __init__(self, account: EmbeddedAccount, calls: ServiceCalls, tokens: Tokens) -> None:
        super().__init__(supported_integration_patterns=_PATTERNS)
        self._account, self._calls, self._tokens = account, calls, tokens

    @property
    def call(self) -> Integration:
        """What this state calls, and how it waits."""
        found, sdk = self.resource, self.resource.service_name == "aws-sdk"
        pattern = "" if found.condition is None else str(found.condition)
        return Integration(found.api_name, found.api_action, pattern, sdk)

    def _validate_service_integration_is_supported(self) -> None:
        call = self.call
        known = ("", "waitForTaskToken") if call.sdk else OPTIMISED.get(call.service, {}).get(call.action, ())
        if call.pattern not in known:
            raise ValueError(
                f"The resource provided {self.resource.resource_arn} is not recognized. "
                "The value is not a valid resource ARN, or the resource is not available in this region."
            )

    def _get_supported_parameters(self) -> set[str]:
        return set()

    def _get_sfn_resource_type(self) -> str:
        call = self.call
        return f"aws-sdk:{call.service}" if call.sdk else call.service

    def _eval_body(self, env: Any) -> None:
        StateTaskService._eval_body(self, env)

    def _eval_execution(self, env: Any) -> None:
        """Each attempt has a token of its own."""
        token = None
        if self.call.pattern == "waitForTaskToken":
            token = self._tokens.new()
            env.states.context_object.context_object_data["Task"] = {"Token": token.id}
        self.timeout.eval(env=env)
        seconds = float(env.stack.pop())
        over = self._account.clock.now() + timedelta(seconds=seconds)
        env.heap |= {"token": token, "deadline": time.monotonic() + seconds, "over": over}
        try:
            super()._eval_execution(env)
        finally:
            if token is not None:
                token.open = False

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Json, state_credentials: Any
    ) -> None:
        role, region = state_credentials.role_arn, resource_runtime_part.region
        context = env.states.context_object.context_object_data
        made = self._calls.make(self.call, normalised_parameters, role, region, context)
        env.heap["made"] = made
        env.stack.append(made.output)

    def _after_eval_execution(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Json, state_credentials: Any
    ) -> None:
        if not env.is_running():
            if self.call.waits:
                self._watch(env)
            return
        super()._after_eval_execution(env, resource_runtime_part, normalised_parameters, state_credentials)

    def _eval_integration_pattern(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Json, state_credentials: Any
    ) -> None:
        started = env.stack.pop()
        token: Token | None = env.heap["token"]
        if token is not None:
            env.stack.append(self._answer_of(token, env))
        else:
            watched = self._watch(env)
            env.stack.append(started if watched is None else watched)

    def _answer_of(self, token: Token, env: Any) -> Json:
        """What was sent with the token; None when the state ended meanwhile."""
        seconds = self._heartbeat_seconds(env)
        token.heard = time.monotonic()
        while env.is_running() and not self._account.clock.stopped:
            if token.answered:
                if token.error is not None:
                    raise TaskFailedError(*token.error)
                return token.output
            if seconds is not None and time.monotonic() - token.heard > seconds:
                raise TaskFailedError("States.HeartbeatTimeout", "")
            if self._account.clock.now() > env.heap["over"]:  # so that a fast-forward counts
                raise EvalTimeoutError
            self._account.clock.poll(lambda: token.answered or not env.is_running(), 0.2)
        return None

    def _watch(self, env: Any) -> Json:
        """The end of the job; an execution that was stopped, even before its job's start was known, stops the job."""
        return self._calls.watch(env.heap["made"], env.is_running, env.heap["deadline"])

    def _heartbeat_seconds(self, env: Any) -> float | None:
        if self.heartbeat is None:
            return None
        self.heartbeat.eval(env=env)
        return float(env.stack.pop())

    def _from_error(self, env: Any, ex: Exception) -> Any:
        if isinstance(ex, FailureEventException | TimeoutError):
            return StateTaskService._from_error(self, env=env, ex=ex)
        error, cause = self._told(ex)
        member = "taskTimedOutEventDetails" if error == "States.HeartbeatTimeout" else "taskFailedEventDetails"
        what = {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
        return failure(env, error, cause, member, **what).failure_event

    def _told(self, ex: Exception) -> tuple[str, str]:
        """The name and cause of an error, as Step Functions tells it."""
        match ex:
            case TaskFailedError():
                return ex.error, ex.cause
            case NotServedError():
                return self._not_served(str(ex))
            case ClientError() if ex.response["Error"].get("Code") == "UnsupportedOperation":
                return self._not_served(ex.response["Error"].get("Message", ""))
            case ClientError():
                return error_of(self.call, ex)
            case ParamValidationError():
                text = f"The Parameters of {self.name!r} could not be used to start the Task: [{ex.kwargs['report']}]"
                return "States.Runtime", text
            case BotoCoreError():
                return f"{word_of(self.call)}.SdkClientException", str(ex)
            case ServiceError():
                return "States.Permissions", f"{ex.message} ({ex.code})"
            case _:
                return "States.Runtime", f"{type(ex).__name__}: {ex}"

    def _not_served(self, text: str) -> tuple[str, str]:
        return "States.Runtime", f"the embedded account does not serve {self.resource.resource_arn}: {text}"
