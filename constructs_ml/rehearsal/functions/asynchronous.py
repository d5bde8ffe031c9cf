"""Asynchronous invocations: tried again after errors, and where their records go.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions.configuration import told
from constructs_ml.rehearsal.functions.sandbox import Invocation, Outcome
from constructs_ml.rehearsal.principals import Principal

Run = Callable[[LambdaFunction, Invocation, str], Outcome]
"""Runs one invocation, for a trigger."""

# Lambda waits a minute before the second attempt and two before the third.
_PAUSES = (60.0, 120.0)


class Asynchronous:
    """Runs events in threads of their own, until they are done with or given up."""

    def __init__(self, account: EmbeddedAccount, run: Run) -> None:
        self._account, self._run = account, run
        self._background = Background(account.clock)
        self.stop = self._background.end  # waits for what still runs; its processes and pauses were ended

    def start(self, function: LambdaFunction, invocation: Invocation, trigger: str) -> None:
        """Take an event; the caller does not wait."""
        name = function.function_name

        def lost(failed: Exception) -> None:
            self._account.journal.write("function", name, f"an event was lost: {failed!r}", error=repr(failed))

        work = partial(self._attempts, function, invocation, trigger)
        self._background.start(f"{name} {invocation.id}", work, lost)

    def _attempts(self, function: LambdaFunction, invocation: Invocation, trigger: str) -> None:
        config = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        retries = int(config.get("MaximumRetryAttempts", len(_PAUSES)))
        for count in range(1, retries + 2):
            outcome = self._attempt(function, invocation, trigger)
            if outcome is None:
                return
            last = count > retries or not outcome.error or outcome.error == "TooManyRequestsException"
            if last:
                self._deliver(function, invocation, outcome, config, count)
            if last or not self._account.clock.sleep(_PAUSES[count - 1]):
                return

    def _attempt(self, function: LambdaFunction, invocation: Invocation, trigger: str) -> Outcome | None:
        """None where the rehearsal ended. A throttled event waits for its turn; with no concurrency there is none."""
        while not self._account.clock.stopped:
            try:
                return self._run(function, invocation, trigger)
            except ServiceError as refused:
                if refused.code != "TooManyRequestsException" or function.reserved_concurrency in (0, "0"):
                    payload = {"errorType": refused.code, "errorMessage": refused.message}
                    return Outcome(json.dumps(payload), refused.code)
                self._account.clock.sleep(0.1 * self._account.clock.acceleration)
        return None

    def _deliver(
        self, function: LambdaFunction, invocation: Invocation, outcome: Outcome, config: dict[str, Any], count: int
    ) -> None:
        name, destinations = function.function_name, config.get("DestinationConfig") or {}
        which = "OnFailure" if outcome.error else "OnSuccess"
        target = (destinations.get(which) or {}).get("Destination")
        letters = (told(function).get("DeadLetterConfig") or {}).get("TargetArn") if outcome.error else None
        principal = self._account.assume(function.role, "lambda.amazonaws.com", session=name)
        for arn, text, attributes in (
            (target, json.dumps(self._record(function, invocation, outcome, count)), {}),
            (letters, invocation.event, _letter(invocation, outcome)),
        ):
            if arn:
                try:
                    self._send(principal, arn, text, attributes)
                except ClientError as refused:
                    what = f"the record for {arn} was lost: {refused.response['Error']['Message']}"
                    self._account.journal.write("function", name, what, error="DestinationDeliveryFailures")
        if outcome.error:
            text = f"gave up after {count} attempts" + (f", told {target or letters}" if target or letters else "")
            self._account.journal.write("function", name, text, request_id=invocation.id, attempts=count)

    def _send(self, principal: Principal, arn: str, text: str, attributes: dict[str, Any]) -> None:
        client = self._account.client
        named = arn.rpartition(":")[2]
        match arn.split(":")[2]:
            case "sqs":
                place = self._account.client("sqs").get_queue_url(QueueName=named)["QueueUrl"]
                client("sqs", principal).send_message(QueueUrl=place, MessageBody=text, MessageAttributes=attributes)
            case "sns":
                client("sns", principal).publish(TopicArn=arn, Message=text, MessageAttributes=attributes)
            case "lambda":
                client("lambda", principal).invoke(FunctionName=arn, InvocationType="Event", Payload=text)
            case "events":
                entry = {"Source": "lambda", "EventBusName": arn.rpartition("/")[2], "Detail": text}
                entry["DetailType"] = "Lambda Function Invocation Result - " + (
                    "Failure" if json.loads(text)["responseContext"].get("functionError") else "Success"
                )
                client("events", principal).put_events(Entries=[entry])
            case service:
                text = f"the embedded account delivers no records of functions to {service}"
                raise ClientError({"Error": {"Code": "UnsupportedOperation", "Message": text}}, "Invoke")

    def _record(self, function: LambdaFunction, invocation: Invocation, outcome: Outcome, count: int) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": str(function.version)}
        if outcome.error:
            context["functionError"] = "Unhandled"
        return {
            "version": "1.0",
            "timestamp": self._account.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": invocation.id,
                "functionArn": f"{function.function_arn}:{function.version}",
                "condition": "RetriesExhausted" if outcome.error else "Success",
                "approximateInvokeCount": count,
            },
            "requestPayload": json.loads(invocation.event),
            "responseContext": context,
            "responsePayload": json.loads(outcome.payload),
        }


def _letter(invocation: Invocation, outcome: Outcome) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq."""
    if not outcome.error:
        return {}
    message = str(json.loads(outcome.payload).get("errorMessage", ""))[:1024] or " "
    return {
        "RequestID": {"DataType": "String", "StringValue": invocation.id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": message},
    }
