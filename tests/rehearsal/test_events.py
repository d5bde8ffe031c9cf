"""Events that find their way: from services and users to whatever is their target."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.events_world import MACHINE, ORDER, ROLE, World


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    made = World(account)
    with account.running():
        made.open()
        yield made


def test_a_users_event_reaches_the_target_of_the_rule_that_matches(world: World) -> None:
    world.rule(world.queue)
    told = world.order(state="paid")
    (event,) = world.received()
    assert told["FailedEntryCount"] == 0
    assert event["id"] == told["Entries"][0]["EventId"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "order", {"state": "paid"})


def test_an_event_that_no_rule_takes_is_told(world: World) -> None:
    world.rule(world.queue)
    world.order(state="open")
    assert world.received() == []
    assert "order: no rule takes it" in world.told()


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Source": "aws.s3", "DetailType": "x", "Detail": "{}"}, "NotAuthorizedForSourceException"),
        ({"Source": "shop", "DetailType": "x", "Detail": "{"}, "MalformedDetail"),
        ({"Source": "shop", "DetailType": "x", "Detail": "[]"}, "MalformedDetail"),
        ({"Source": "shop", "Detail": "{}"}, "InvalidArgument"),
    ],
)
def test_an_entry_that_aws_refuses_is_refused(world: World, entry: Any, code: str) -> None:
    told = world.client("events").put_events(Entries=[entry])
    assert (told["FailedEntryCount"], told["Entries"][0]["ErrorCode"]) == (1, code)


def test_a_pattern_is_tested_before_it_is_used(world: World) -> None:
    client = world.client("events")
    event = {
        "id": "1",
        "account": "1",
        "source": "shop",
        "time": "x",
        "region": "x",
        "resources": [],
        "detail-type": "x",
    }
    assert client.test_event_pattern(EventPattern='{"source": ["shop"]}', Event=json.dumps(event))["Result"]
    assert not client.test_event_pattern(EventPattern='{"source": ["inn"]}', Event=json.dumps(event))["Result"]
    with pytest.raises(client.exceptions.InvalidEventPatternException):
        client.test_event_pattern(EventPattern='{"source": "shop"}', Event=json.dumps(event))
    with pytest.raises(client.exceptions.InvalidEventPatternException):
        client.put_rule(Name="bad", EventPattern='{"source": [{"starts": "a"}]}')


def test_a_service_event_starts_a_state_machine_with_the_rules_role(world: World) -> None:
    transformer = {"InputTemplate": '{"trigger":"x","event":<aws.events.event.json>}'}
    world.rule({"Arn": MACHINE, "RoleArn": ROLE, "InputTransformer": transformer}, {"source": ["aws.ecr"]})
    world.account.emit("aws.ecr", "ECR Image Action", {"image-tag": "1"})
    assert world.events.settle()
    (start,) = world.starts
    assert (start.principal.role, start.principal.service) == (ROLE, "events.amazonaws.com")
    assert json.loads(start.parameters["input"])["event"]["detail"] == {"image-tag": "1"}
    assert world.told() == ["rule: ECR Image Action -> stateMachine:starter"]


def test_a_state_machine_needs_a_role(world: World) -> None:
    with pytest.raises(world.client("events").exceptions.ClientError, match="RoleArn is required"):
        world.rule(MACHINE)


def test_a_disabled_rule_and_a_scheduled_rule_take_no_event(world: World) -> None:
    world.rule(world.queue, name="off", State="DISABLED")
    world.rule(world.queue, None, name="daily", ScheduleExpression="rate(1 day)")
    world.order()
    assert world.received() == []


def test_each_fifth_event_of_a_service_comes_twice_to_a_state_machine(world: World) -> None:
    world.rule({"Arn": MACHINE, "RoleArn": ROLE}, {"source": ["aws.ecr"]})
    for _ in range(10):
        world.account.emit("aws.ecr", "ECR Image Action", {})
    assert world.events.settle()
    ids = [json.loads(start.parameters["input"])["id"] for start in world.starts]
    assert len(ids) == 12
    assert len(set(ids)) == 10
    assert sum("twice" in line for line in world.told()) == 2


def test_duplicates_are_chosen_by_number_or_by_rule_or_not_at_all(world: World) -> None:
    world.rule(world.queue)
    world.events.duplicate(every=0, next=1)
    world.order()
    world.order()
    assert len(world.received()) == 3
    world.events.duplicate(rules=["rule"])
    world.order()
    assert len(world.received()) == 2


def test_a_target_that_nobody_delivers_to_is_named(world: World) -> None:
    world.rule({"Arn": "arn:aws:ecs:eu-central-1:111111111111:cluster/c", "RoleArn": ROLE})
    world.order()
    (line,) = world.told()
    assert "UNSUPPORTED_TARGET" in line
    assert "cluster/c" in line


def test_a_queue_that_lets_nobody_in_gets_nothing(world: World) -> None:
    world.let("sns.amazonaws.com")
    world.rule(world.queue)
    world.order()
    assert world.received() == []
    assert "AccessDenied" in world.told()[0]


def test_what_is_denied_is_not_tried_again_and_goes_to_the_dead_letter_queue(world: World) -> None:
    world.refusals.append(ServiceError("AccessDeniedException", "no"))
    world.rule({"Arn": MACHINE, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": world.queue}})
    world.order()
    (event,) = world.received()
    assert event["detail"] == {"state": "paid"}
    assert len(world.starts) == 1


def test_a_role_that_may_not_start_or_is_not_trusted_delivers_nothing(world: World) -> None:
    world.rule({"Arn": MACHINE, "RoleArn": ROLE})
    world.permit("states:StopExecution")
    world.order()
    world.rule({"Arn": MACHINE, "RoleArn": ROLE + "-gone"})
    world.order()
    assert world.starts == []
    assert all("AccessDenied" in line for line in world.told())
    assert len(world.told("denied")) == 2


def test_what_is_throttled_is_tried_again(world: World) -> None:
    world.refusals += [ServiceError("ThrottlingException", "slow")] * 2
    world.rule({"Arn": MACHINE, "RoleArn": ROLE})
    world.order()
    assert len(world.starts) == 3
    assert "-> stateMachine:starter" in world.told()[0]


def test_attempts_end_where_the_retry_policy_says(world: World) -> None:
    world.refusals += [ServiceError("ThrottlingException", "slow")] * 5
    target = {"Arn": MACHINE, "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 1}}
    world.rule({**target, "DeadLetterConfig": {"Arn": world.queue}})
    world.order()
    assert len(world.starts) == 2
    assert len(world.received()) == 1


def test_a_bus_hands_on_to_another_bus(world: World) -> None:
    client = world.client("events")
    arn = client.create_event_bus(Name="other")["EventBusArn"]
    world.rule({"Arn": arn, "RoleArn": ROLE})
    client.put_rule(Name="second", EventBusName="other", EventPattern=json.dumps(ORDER))
    client.put_targets(Rule="second", EventBusName="other", Targets=[{"Id": "1", "Arn": world.queue}])
    world.order()
    assert len(world.received()) == 1


def test_a_topic_and_a_log_group_are_targets_too(world: World) -> None:
    sns, logs = world.client("sns"), world.client("logs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="me@example.com")
    logs.create_log_group(logGroupName="/events")
    world.rule(topic, name="closed")
    world.order()
    assert "AuthorizationError" in world.told()[0]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": topic}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    world.rule("arn:aws:logs:eu-central-1:111111111111:log-group:/events", name="log")
    world.order()
    lines = logs.filter_log_events(logGroupName="/events")["events"]
    assert json.loads(lines[0]["message"])["source"] == "shop"
    assert any("notice to me@example.com" in line for line in world.told())


def test_a_function_must_let_the_rule_in(world: World) -> None:
    arn, calls = world.function()
    world.rule(arn)
    world.order()
    assert (len(calls), "AccessDenied" in world.told()[0]) == (0, True)
    world.let_in("events.amazonaws.com", "arn:aws:events:eu-central-1:111111111111:rule/rule")
    world.order()
    assert json.loads(calls[0].parameters["Payload"])["detail"] == {"state": "paid"}
    assert calls[0].parameters["InvocationType"] == "Event"


def test_a_function_that_is_not_there_is_said(world: World) -> None:
    world.rule("arn:aws:lambda:eu-central-1:111111111111:function:gone")
    world.order()
    assert "not delivered to function:gone" in world.told()[0]


def test_a_topic_hands_its_notices_to_functions_that_let_it_in(world: World) -> None:
    arn, calls = world.function()
    sns = world.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    world.let_in("sns.amazonaws.com", topic)
    sns.publish(TopicArn=topic, Message="hello", Subject="s")
    assert world.events.settle()
    record = json.loads(calls[0].parameters["Payload"])["Records"][0]
    assert record["EventSource"] == "aws:sns"
    assert (record["Sns"]["Message"], record["Sns"]["Subject"]) == ("hello", "s")


def test_a_pipeline_of_sagemaker_gets_its_parameters_from_the_event(world: World) -> None:
    seen: list[Call] = []

    def start(call: Call) -> Any:
        seen.append(call)
        return {"PipelineExecutionArn": "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/p/execution/x"}

    world.account.gate.override("sagemaker", "StartPipelineExecution", start)
    given = [{"Name": "key", "Value": "$.detail.key"}, {"Name": "fixed", "Value": "1"}]
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/p"
    parameters = {"PipelineParameterList": given}
    world.rule({"Arn": arn, "RoleArn": ROLE, "SageMakerPipelineParameters": parameters})
    world.order(key="raw/a.csv")
    (call,) = seen
    assert call.parameters["PipelineName"] == "p"
    assert call.parameters["PipelineParameters"] == [
        {"Name": "key", "Value": "raw/a.csv"},
        {"Name": "fixed", "Value": "1"},
    ]
