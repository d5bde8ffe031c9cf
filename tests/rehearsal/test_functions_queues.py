"""Queues that call functions: messages go when they are done, and come again when they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions import Functions
from tests.rehearsal.functions import deployed

TAKES = """
import json
def handle(event, context):
    bodies = [record["body"] for record in event["Records"]]
    print("got", *bodies, event["Records"][0]["eventSource"])
    if "bad" in bodies and event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
        raise ValueError("not yet")
"""


@pytest.fixture
def running() -> Iterator[EmbeddedAccount]:
    account = EmbeddedAccount("111111111111", "eu-central-1", acceleration=600)
    Functions(account)
    with account.running():
        yield account


def mapped(account: EmbeddedAccount, source: str, **more: Any) -> tuple[Any, str, str]:
    """A queue that calls a function: a client of SQS, the queue's address, and the mapping."""
    client, sqs = deployed(account, source), account.client("sqs")
    place = sqs.create_queue(QueueName="work")["QueueUrl"]
    given = {"EventSourceArn": account.arn("sqs", "work"), "FunctionName": "work"} | more
    return sqs, place, client.create_event_source_mapping(**given)["UUID"]


def left(sqs: Any, place: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=place, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def runs(account: EmbeddedAccount) -> list[Any]:
    return account.journal.entries("function")


def test_a_message_calls_the_function_and_goes(running: EmbeddedAccount) -> None:
    sqs, place, _ = mapped(running, TAKES)
    sqs.send_message(QueueUrl=place, MessageBody="one")
    assert running.clock.poll(lambda: bool(runs(running)) and not left(sqs, place), 10)
    assert runs(running)[0].detail["trigger"] == "sqs"


def test_a_message_whose_function_fails_comes_again(running: EmbeddedAccount) -> None:
    sqs, place, _ = mapped(running, TAKES)
    sqs.send_message(QueueUrl=place, MessageBody="bad")
    assert running.clock.poll(lambda: len(runs(running)) == 2 and not left(sqs, place), 10)
    assert [entry.detail.get("error") for entry in runs(running)] == ["ValueError", None]


def test_only_the_failed_messages_of_a_batch_come_again(running: EmbeddedAccount) -> None:
    source = """
    def handle(event, context):
        failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
        first = all(r["attributes"]["ApproximateReceiveCount"] == "1" for r in event["Records"])
        print(len(event["Records"]))
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failed if first]}
    """
    sqs, place, mapping = mapped(running, source, FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=False)
    sqs.send_message_batch(
        QueueUrl=place, Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(("good", "bad", "good"))]
    )
    assert left(sqs, place) == 3
    running.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    assert running.clock.poll(lambda: len(runs(running)) == 2 and not left(sqs, place), 10)


def test_a_deleted_mapping_calls_no_more(running: EmbeddedAccount) -> None:
    sqs, place, mapping = mapped(running, TAKES)
    running.client("lambda").delete_event_source_mapping(UUID=mapping)
    running.clock.poll(lambda: False, 0.2)
    sqs.send_message(QueueUrl=place, MessageBody="one")
    running.clock.poll(lambda: False, 0.2)
    assert (left(sqs, place), runs(running)) == (1, [])


def test_another_source_a_filter_or_a_role_that_may_not_read_is_refused(account: EmbeddedAccount) -> None:
    def refuse(principal: Any, action: str, resource: str, context: object) -> None:
        if action == "sqs:DeleteMessage":
            raise ServiceError("AccessDeniedException", "no")

    Functions(account)
    with account.running():
        client = deployed(account, TAKES)
        account.client("sqs").create_queue(QueueName="work")
        queue = {"EventSourceArn": account.arn("sqs", "work"), "FunctionName": "work"}
        stream = queue | {"EventSourceArn": account.arn("kinesis", "stream/x"), "StartingPosition": "LATEST"}
        with pytest.raises(ClientError, match="poll queues alone"):
            client.create_event_source_mapping(**stream)
        wanted = {"Filters": [{"Pattern": json.dumps({"body": ["x"]})}]}
        with pytest.raises(ClientError, match="have no filters"):
            client.create_event_source_mapping(**queue, FilterCriteria=wanted)
        account.authorities.append(refuse)
        with pytest.raises(ClientError, match="does not have permissions to call DeleteMessage on SQS"):
            client.create_event_source_mapping(**queue)
