"""Queues that call functions: Lambda polls them with the function's role, and deletes what was done.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction
from moto.sqs.models import sqs_backends

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions.sandbox import Invocation, Outcome

Run = Callable[[LambdaFunction, Invocation, str], Outcome]

_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_LARGEST, _LOOK_SECONDS = 10, 0.05


class Queues:
    """A thread for each event source mapping; sources beside SQS, and filters, are refused by name."""

    def __init__(self, account: EmbeddedAccount, run: Run, find: Callable[[str], LambdaFunction]) -> None:
        self._account, self._run, self._find = account, run, find
        self._background = Background(account.clock)
        self.stop = self._background.end
        create = LambdaBackend.create_event_source_mapping
        why = "moto calls the function while the sender waits, and once only"
        account.hook("moto.awslambda.models:LambdaBackend", "create_event_source_mapping", self._creating(create), why)
        account.gate.before.append(self._check)

    def _check(self, call: Call) -> None:
        if call.action not in ("lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"):
            return
        source = call.parameters.get("EventSourceArn", "")
        if source and source.split(":")[2] != "sqs":
            text = f"event source mappings of the embedded account poll queues alone; {source} is none"
            raise ServiceError("UnsupportedOperation", text)
        if call.parameters.get("FilterCriteria"):
            text = "event source mappings of the embedded account have no filters"
            raise ServiceError("UnsupportedOperation", text)
        if source:
            function = self._find(call.parameters["FunctionName"])
            name = function.function_name
            principal = self._account.assume(function.role, "lambda.amazonaws.com", session=name)
            for action in _ACTIONS:
                try:
                    self._account.authorize(principal, f"sqs:{action}", source)
                except ServiceError as denied:
                    text = f"The provided execution role does not have permissions to call {action} on SQS"
                    raise ServiceError("InvalidParameterValueException", text) from denied

    def _creating(self, create: Callable[..., EventSourceMapping]) -> Callable[..., EventSourceMapping]:
        def created(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
            mapping = create(backend, spec)
            queue = self._queue(mapping)
            queue.lambda_event_source_mappings.pop(mapping.function_arn, None)
            self._background.start(
                mapping.uuid, partial(self._poll, backend, mapping), partial(self._given_up, mapping)
            )
            return mapping

        return created

    def _queue(self, mapping: EventSourceMapping) -> Any:
        name = mapping.event_source_arn.rpartition(":")[2]
        return sqs_backends[self._account.id][mapping.region].get_queue(name)

    def _poll(self, backend: LambdaBackend, mapping: EventSourceMapping) -> None:
        def due() -> bool:
            known = backend.get_event_source_mapping(mapping.uuid)
            return known is None or (known.enabled and bool(self._queue(mapping).messages))

        while not self._account.clock.stopped:
            if not self._account.clock.poll(due, 60, every=_LOOK_SECONDS):
                continue
            if backend.get_event_source_mapping(mapping.uuid) is None:
                return
            self._batch(mapping)

    def _given_up(self, mapping: EventSourceMapping, failed: Exception) -> None:
        name, text = mapping.function_arn.split(":")[6], f"its queue is polled no more: {failed}"
        self._account.journal.write("function", name, text, error=repr(failed))

    def _batch(self, mapping: EventSourceMapping) -> None:
        function, queue = self._find(mapping.function_arn), self._queue(mapping)
        principal = self._account.assume(function.role, "lambda.amazonaws.com", session=function.function_name)
        client, most = self._account.client("sqs", principal), min(int(mapping.batch_size), _LARGEST)
        place = self._account.client("sqs").get_queue_url(QueueName=queue.name)["QueueUrl"]
        found = client.receive_message(
            QueueUrl=place,
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not found:
            return
        event = json.dumps({"Records": [_record(message, mapping) for message in found]})
        try:
            outcome = self._run(function, Invocation(str(uuid4()), event, mapping.function_arn), "sqs")
        except ServiceError as refused:
            outcome = Outcome("null", refused.code)
        failed = _failed(found, outcome, mapping)
        for message in found:
            given = {"QueueUrl": place, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] not in failed:
                client.delete_message(**given)
            elif self._account.clock.sleep(float(queue.visibility_timeout)):
                # What failed is seen again after its time, which is shortened here as all pauses are.
                self._account.client("sqs").change_message_visibility(**given, VisibilityTimeout=0)


def _failed(found: list[dict[str, Any]], outcome: Outcome, mapping: EventSourceMapping) -> set[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html."""
    every = {message["MessageId"] for message in found}
    if outcome.error:
        return every
    if "ReportBatchItemFailures" not in (mapping.function_response_types or ()):
        return set()
    answer = json.loads(outcome.payload)
    items = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
    named = {item.get("itemIdentifier") for item in items or ()}
    return named if named <= every else every


def _record(message: Mapping[str, Any], mapping: EventSourceMapping) -> dict[str, Any]:
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.event_source_arn,
        "awsRegion": mapping.region,
    }
