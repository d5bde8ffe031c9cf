"""Lambda: moto keeps what is deployed, and each invocation runs the deployed package here."""

from __future__ import annotations

import base64
import json
import platform
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions.asynchronous import Asynchronous
from constructs_ml.rehearsal.functions.configuration import Configuration, configuration, mend
from constructs_ml.rehearsal.functions.queues import Queues
from constructs_ml.rehearsal.functions.sandbox import Invocation, Outcome
from constructs_ml.rehearsal.functions.sandboxes import Sandboxes
from constructs_ml.rehearsal.functions.triggers import permits, trigger_of
from constructs_ml.rehearsal.stand_ins import StandIn

# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_MOST_BYTES, _MOST_BYTES_OF_EVENT = 6291456, 1048576
_MOST_BYTES_OF_ANSWER = 6291556


class Functions:
    """Runs functions for whoever invokes them: a caller of the API, or a service inside moto.

    A function's process has its package, boto3, its environment and its role's keys; it stays for further calls.
    """

    def __init__(self, account: EmbeddedAccount, stand_ins: Sequence[StandIn] = ()) -> None:
        self.account, self.stand_ins = account, tuple(stand_ins)
        self._sandboxes = Sandboxes(account)
        self._asynchronous = Asynchronous(account, self.run)
        self._queues = Queues(account, self.run, lambda name: self._function(name, None, account.region))
        account.gate.override("lambda", "Invoke", self._invoke)
        why = "S3, SNS and SQS inside moto call functions in its own process, and moto runs them in Docker"

        def invoked(function: LambdaFunction, body: str, asked: Any, answered: Any) -> bytes:
            return self._invoked_by_moto(function, body, answered)

        account.hook("moto.awslambda.models:LambdaFunction", "invoke", invoked, why)
        mend(account)
        account.at_end(self._stop)

    def run(self, function: LambdaFunction, invocation: Invocation, trigger: str) -> Outcome:
        """One invocation, to its end. `ServiceError` where Lambda refuses to begin: throttled, role not to be had."""
        known = configuration(function, self.stand_ins)
        if known.unable:
            outcome = Outcome(json.dumps({"errorType": "Runtime.Unsupported", "errorMessage": known.unable}), "refused")
            self._note(known, invocation, outcome, trigger, cold=False)
            return outcome
        with self._sandboxes.taken(function, known) as sandbox:
            cold, process = sandbox.cold, sandbox.process.id
            outcome = sandbox.invoke(invocation)
        if len(outcome.payload.encode()) > _MOST_BYTES_OF_ANSWER:
            text = f"Response payload size exceeded maximum allowed payload size ({_MOST_BYTES_OF_ANSWER} bytes)."
            kind = "Function.ResponseSizeTooLarge"
            large = json.dumps({"errorMessage": text, "errorType": kind})
            outcome = Outcome(large, kind, outcome.milliseconds, outcome.tail)
        self._note(known, invocation, outcome, trigger, cold=cold, process=process)
        return outcome

    def permits(self, function_arn: str, service: str, source_arn: str = "") -> bool:
        """Whether a function's own policy lets a service call it: `permits(arn, "events.amazonaws.com", rule_arn)`."""
        return permits(self._function(function_arn, None, self.account.region), service, source_arn)

    def _invoke(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""
        given = call.parameters
        function = self._function(given["FunctionName"], given.get("Qualifier"), call.region)
        kind = given.get("InvocationType") or "RequestResponse"
        text = _event(given.get("Payload") or b"", _MOST_BYTES_OF_EVENT if kind == "Event" else _MOST_BYTES)
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        context = base64.b64decode(given.get("ClientContext") or "").decode()
        arn = _arn(function, given["FunctionName"], given.get("Qualifier"))
        invocation = Invocation(str(uuid4()), text, arn, context if kind != "Event" else "")
        trigger = call.principal.service or ("a role" if call.principal.role else "a person")
        if kind == "Event":
            self._asynchronous.start(function, invocation, trigger)
            return {"StatusCode": 202, "Payload": b""}
        outcome = self.run(function, invocation, trigger)
        answer = {"StatusCode": 200, "ExecutedVersion": str(function.version), "Payload": outcome.payload.encode()}
        if outcome.error:
            answer["FunctionError"] = "Unhandled"
        if given.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(outcome.tail).decode()
        return answer

    def _invoked_by_moto(self, function: LambdaFunction, body: str, answered: Any) -> bytes:
        """In the place of moto's own invocation; its senders of S3, SNS and log events do not wait, as on AWS."""
        text = _event(body.encode() if isinstance(body, str) else body, _MOST_BYTES)
        trigger = trigger_of(json.loads(text))
        invocation = Invocation(str(uuid4()), text, function.function_arn)
        if trigger.service and not permits(function, trigger.service, trigger.source):
            what = f"{trigger.service} may not invoke it for {trigger.source}: it has no such permission"
            self.account.journal.write("denied", function.function_name, what, missing="AWS::Lambda::Permission")
            return b"null"
        if trigger.asynchronous:
            self._asynchronous.start(function, invocation, trigger.name)
            return b"null"
        outcome = self.run(function, invocation, trigger.name)
        if outcome.error:
            answered["x-amz-function-error"] = "Unhandled"
        return outcome.payload.encode()

    def _function(self, name: str, qualifier: str | None, region: str) -> LambdaFunction:
        plain = name if name.startswith("arn:") else name.removeprefix(f"{self.account.id}:").removeprefix("function:")
        try:
            return get_backend(self.account.id, region).get_function(plain, qualifier)
        except LambdaClientError as unknown:
            raise ServiceError("ResourceNotFoundException", str(unknown.message)) from unknown

    def _note(
        self,
        known: Configuration,
        invocation: Invocation,
        outcome: Outcome,
        trigger: str,
        *,
        cold: bool,
        process: int = 0,
    ) -> None:
        milliseconds = round(outcome.milliseconds, 1)
        what = f"failed with {outcome.error}" if outcome.error else f"answered in {milliseconds:.0f} ms"
        if known.script is not None and cold:
            self.account.journal.write("stand-in", known.name, f"{known.script.name} stands in for the function")
        detail: dict[str, Any] = {"request_id": invocation.id, "milliseconds": milliseconds, "cold": cold}
        detail |= {"version": known.version, "trigger": trigger, "seconds": round(milliseconds / 1000, 3)}
        detail |= {"processes": [process] if process else []}
        if cold:  # the declared Python, and the one that it ran under
            detail |= {"runtime": known.runtime, "python": platform.python_version()}
        if outcome.error:
            detail |= {"error": outcome.error, "message": json.loads(outcome.payload).get("errorMessage", "")}
        self.account.journal.write("function", known.name, what, **detail)
        dimensions = [{"Name": "FunctionName", "Value": known.name}]
        numbers = {"Invocations": 1.0, "Errors": float(bool(outcome.error)), "Duration": outcome.milliseconds}
        metrics = [
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Value": value,
                "Unit": "Milliseconds" if name == "Duration" else "Count",
                "Timestamp": self.account.clock.now(),
            }
            for name, value in numbers.items()
        ]
        self.account.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=metrics)

    def _stop(self) -> None:
        self.account.processes.stop()
        self._sandboxes.stop()
        self._asynchronous.stop()
        self._queues.stop()


def _event(body: bytes, most: int) -> str:
    if len(body) > most:
        text = f"{len(body)} byte payload is too large for the operation (limit {most} bytes)"
        raise ServiceError("RequestTooLargeException", text)
    try:
        text = bytes(body).decode() or "{}"
        json.loads(text)
    except ValueError as wrong:
        text = f"Could not parse request body into json: {wrong}"
        raise ServiceError("InvalidRequestContentException", text) from wrong
    return text


def _arn(function: LambdaFunction, name: str, qualifier: str | None) -> str:
    """The function's ARN, with the alias or version by which it was called."""
    base = ":".join(function.function_arn.split(":")[:7])
    parts = name.split(":")
    named = qualifier or (parts[7] if len(parts) == 8 else parts[1] if len(parts) == 2 else "")
    return f"{base}:{named}" if named else base
