"""Events that nobody waits for: tried again, told to where the declaration says, and sent by other services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions import Functions
from tests.rehearsal.functions import deployed

FAILS = "def handle(event, context): raise ValueError('broken')"
ANSWERS = "def handle(event, context): return {'got': event}"


@pytest.fixture
def running() -> Iterator[EmbeddedAccount]:
    account = EmbeddedAccount("111111111111", "eu-central-1", acceleration=6000)
    Functions(account)
    with account.running():
        yield account


def queue(account: EmbeddedAccount, name: str) -> str:
    account.client("sqs").create_queue(QueueName=name)
    return account.arn("sqs", name)


def received(account: EmbeddedAccount, name: str) -> dict[str, Any]:
    client = account.client("sqs")
    place = client.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        answer = client.receive_message(QueueUrl=place, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return bool(found)

    assert account.clock.poll(arrived, 10)
    return found[0]


def runs(account: EmbeddedAccount, count: int, name: str = "work") -> list[Any]:
    def ran() -> list[Any]:
        return [entry for entry in account.journal.entries("function") if entry.name == name and "cold" in entry.detail]

    assert account.clock.poll(lambda: len(ran()) >= count, 10)
    return ran()


def test_an_event_is_taken_at_once_and_a_success_is_told(running: EmbeddedAccount) -> None:
    client = deployed(running, ANSWERS)
    told = {"OnSuccess": {"Destination": queue(running, "done")}}
    client.put_function_event_invoke_config(FunctionName="work", DestinationConfig=told)
    answer = client.invoke(FunctionName="work", InvocationType="Event", Payload=b'{"a": 1}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    record = json.loads(received(running, "done")["Body"])
    assert record["requestPayload"] == {"a": 1}
    assert record["responsePayload"] == {"got": {"a": 1}}
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["functionArn"] == running.arn("lambda", "function:work:$LATEST")


def test_an_event_that_fails_is_tried_three_times_and_then_told(running: EmbeddedAccount) -> None:
    letters = {"TargetArn": queue(running, "letters")}
    client = deployed(running, FAILS, DeadLetterConfig=letters)
    told = {"OnFailure": {"Destination": queue(running, "failed")}}
    client.put_function_event_invoke_config(FunctionName="work", DestinationConfig=told)
    client.invoke(FunctionName="work", InvocationType="Event", Payload=b'{"a": 1}')
    record = json.loads(received(running, "failed")["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "broken"
    letter = received(running, "letters")
    assert json.loads(letter["Body"]) == {"a": 1}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "broken"
    assert len({entry.detail["request_id"] for entry in runs(running, 3)}) == 1


def test_fewer_attempts_are_made_where_that_is_declared_and_the_last_declaration_counts(
    running: EmbeddedAccount,
) -> None:
    client = deployed(running, FAILS)
    client.put_function_event_invoke_config(FunctionName="work", MaximumRetryAttempts=2)
    told = {"OnFailure": {"Destination": queue(running, "failed")}}
    client.put_function_event_invoke_config(FunctionName="work", MaximumRetryAttempts=0, DestinationConfig=told)
    assert client.get_function_event_invoke_config(FunctionName="work")["MaximumRetryAttempts"] == 0
    client.update_function_event_invoke_config(FunctionName="work", MaximumEventAgeInSeconds=60)
    assert client.get_function_event_invoke_config(FunctionName="work")["DestinationConfig"] == told
    client.invoke(FunctionName="work", InvocationType="Event")
    assert json.loads(received(running, "failed")["Body"])["requestContext"]["approximateInvokeCount"] == 1


def test_a_record_that_the_role_may_not_send_is_lost_and_the_journal_says_so(running: EmbeddedAccount) -> None:
    def refuse(call: Any) -> None:
        if call.action == "sqs:SendMessage":
            raise ServiceError("AccessDenied", "not authorized to perform: sqs:SendMessage")

    client = deployed(running, ANSWERS)
    told = {"OnSuccess": {"Destination": queue(running, "done")}}
    client.put_function_event_invoke_config(FunctionName="work", DestinationConfig=told)
    running.gate.before.append(refuse)
    client.invoke(FunctionName="work", InvocationType="Event")
    entry = running.journal.wait(lambda item: item.detail.get("error") == "DestinationDeliveryFailures", 10)
    assert entry is not None
    assert "not authorized to perform: sqs:SendMessage" in entry.what


def test_an_event_for_a_function_without_concurrency_goes_straight_to_the_letters(running: EmbeddedAccount) -> None:
    client = deployed(running, ANSWERS, DeadLetterConfig={"TargetArn": queue(running, "letters")})
    client.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=0)
    client.invoke(FunctionName="work", InvocationType="Event", Payload=b"[7]")
    assert json.loads(received(running, "letters")["Body"]) == [7]


def test_events_wait_for_their_turn_where_concurrency_is_reserved(running: EmbeddedAccount) -> None:
    client = deployed(running, "import time\ndef handle(e, c): time.sleep(0.05)")
    client.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=1)
    for _ in range(3):
        client.invoke(FunctionName="work", InvocationType="Event")
    assert [entry.detail["cold"] for entry in runs(running, 3)] == [True, False, False]


def test_calls_side_by_side_have_a_process_each(running: EmbeddedAccount) -> None:
    client = deployed(running, "import time\ndef handle(e, c): time.sleep(0.5)")
    for _ in range(2):
        client.invoke(FunctionName="work", InvocationType="Event")
    assert [entry.detail["cold"] for entry in runs(running, 2)] == [True, True]


def test_a_topic_calls_a_function_that_permits_it_and_no_other(running: EmbeddedAccount) -> None:
    client, sns = deployed(running, ANSWERS), running.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=running.arn("lambda", "function:work"))
    sns.publish(TopicArn=topic, Message="hello")
    denied = running.journal.entries("denied")
    assert [entry.name for entry in denied] == ["work"]
    assert "sns.amazonaws.com may not invoke it" in denied[0].what
    client.add_permission(
        FunctionName="work", StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    sns.publish(TopicArn=topic, Message="hello")
    assert runs(running, 1)[0].detail["trigger"] == "sns"


def test_a_function_permits_the_source_that_its_policy_names(account: EmbeddedAccount) -> None:
    functions = Functions(account)
    with account.running():
        client, arn = deployed(account, ANSWERS), account.arn("lambda", "function:work")
        mine, other = account.arn("events", "rule/mine"), account.arn("events", "rule/other")
        assert not functions.permits(arn, "events.amazonaws.com", mine)
        client.add_permission(
            FunctionName="work",
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=mine,
        )
        assert functions.permits(arn, "events.amazonaws.com", mine)
        assert not functions.permits(arn, "events.amazonaws.com", other)
        assert not functions.permits(arn, "s3.amazonaws.com", mine)


def test_an_object_in_a_bucket_calls_a_function(running: EmbeddedAccount) -> None:
    client, s3 = deployed(running, ANSWERS), running.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": running.region})
    client.add_permission(
        FunctionName="work",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::data",
    )
    notice = {"LambdaFunctionArn": running.arn("lambda", "function:work"), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="data", NotificationConfiguration={"LambdaFunctionConfigurations": [notice]}
    )
    s3.put_object(Bucket="data", Key="a", Body=b"1")
    assert runs(running, 1)[0].detail["trigger"] == "s3"
