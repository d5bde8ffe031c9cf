"""Alarms that ring: on data, on other alarms, and by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from constructs_ml.contract.events import AlarmStateChange
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.events_world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Time is real here: the periods of data with times of their own must not run away."""
    account = EmbeddedAccount("111111111111", "eu-central-1", acceleration=1)
    made = World(account)
    with account.running():
        made.open()
        yield made


def alarm(world: World, name: str = "errors", **changes: Any) -> None:
    given = {
        "Namespace": "shop",
        "MetricName": "errors",
        "Dimensions": [{"Name": "variant", "Value": "a"}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }
    world.client("cloudwatch").put_metric_alarm(
        AlarmName=name, **{key: one for key, one in given.items() if one is not None}
    )


def publish(
    world: World, value: float, minutes_ago: float | None = None, metric: str = "errors", variant: str = "a"
) -> None:
    datum: dict[str, Any] = {
        "MetricName": metric,
        "Value": value,
        "Dimensions": [{"Name": "variant", "Value": variant}],
    }
    if minutes_ago is not None:
        datum["Timestamp"] = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    world.client("cloudwatch").put_metric_data(Namespace="shop", MetricData=[datum])


def state(world: World, name: str = "errors") -> str:
    assert world.events.settle()
    found = world.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return str((found["MetricAlarms"] + found.get("CompositeAlarms", []))[0]["StateValue"])


def test_an_alarm_begins_without_data_rings_and_calms_down(world: World) -> None:
    alarm(world)
    assert state(world) == "INSUFFICIENT_DATA"
    publish(world, 1)
    assert state(world) == "ALARM"
    publish(world, 0)
    publish(world, 0)
    assert state(world) == "OK"
    assert world.told("alarm") == ["errors: INSUFFICIENT_DATA -> ALARM", "errors: ALARM -> OK"]


def test_data_of_other_dimensions_is_another_metric(world: World) -> None:
    alarm(world)
    publish(world, 1, variant="b")
    assert state(world) == "INSUFFICIENT_DATA"


def test_so_many_of_so_many_periods_must_breach(world: World) -> None:
    alarm(world, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    publish(world, 1, 4)
    assert state(world) == "OK"
    publish(world, 0, 3)
    publish(world, 1, 2)
    publish(world, 1, 1)
    assert state(world) == "ALARM"


@pytest.mark.parametrize(
    ("treatment", "found"), [("breaching", "ALARM"), ("notBreaching", "OK"), ("ignore", "INSUFFICIENT_DATA")]
)
def test_missing_data_is_treated_as_the_alarm_says(world: World, treatment: str, found: str) -> None:
    alarm(world, TreatMissingData=treatment)
    assert state(world) == found


def test_what_rang_is_forgotten_as_time_is_advanced(world: World) -> None:
    alarm(world, TreatMissingData="notBreaching")
    publish(world, 1)
    assert state(world) == "ALARM"
    world.account.clock.advance(timedelta(hours=1))
    assert state(world) == "OK"
    publish(world, 1, 0)
    assert state(world) == "ALARM"


@pytest.mark.parametrize(
    ("operator", "rings"),
    [
        ("GreaterThanThreshold", False),
        ("GreaterThanOrEqualToThreshold", True),
        ("LessThanThreshold", False),
        ("LessThanOrEqualToThreshold", True),
    ],
)
def test_the_threshold_itself_breaches_where_the_operator_says_so(world: World, operator: str, rings: bool) -> None:
    alarm(world, ComparisonOperator=operator)
    publish(world, 0.5)
    assert (state(world) == "ALARM") is rings


def test_a_percentile_and_a_growing_sum(world: World) -> None:
    alarm(world, "p", Statistic=None, ExtendedStatistic="p90", Threshold=8)
    alarm(world, "few", Statistic="Sum", Period=3600, Threshold=5, ComparisonOperator="LessThanThreshold")
    for number in range(1, 11):
        publish(world, number)
    assert state(world, "p") == "ALARM"
    assert state(world, "few") == "INSUFFICIENT_DATA"
    publish(world, 1, 60)
    assert state(world, "few") == "ALARM"


def test_the_event_is_the_documented_one_and_the_contract_reads_it(world: World) -> None:
    arn = "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:errors"
    world.rule(world.queue, AlarmStateChange.pattern(arn))
    alarm(world, AlarmDescription="too many")
    publish(world, 1)
    (event,) = world.received()
    found = AlarmStateChange.parse(event)
    assert (found.alarm, found.arn, found.state) == ("errors", arn, "ALARM")
    detail = event["detail"]
    assert "1 datapoints [1.0] was greater than the threshold 0.5" in detail["state"]["reason"]
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [1.0]
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    metric = {"dimensions": {"variant": "a"}, "name": "errors", "namespace": "shop"}
    assert detail["configuration"]["description"] == "too many"
    assert detail["configuration"]["metrics"][0]["metricStat"] == {"metric": metric, "period": 60, "stat": "Average"}


def test_actions_tell_a_topic_unless_they_are_off_and_others_are_named(world: World) -> None:
    topic = world.client("sns").create_topic(Name="t")["TopicArn"]
    world.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="me@example.com")
    alarm(world, AlarmActions=[topic, "arn:aws:ssm:eu-central-1:111111111111:opsitem:1"])
    alarm(world, "quiet", AlarmActions=[topic], ActionsEnabled=False)
    publish(world, 1)
    assert state(world) == state(world, "quiet") == "ALARM"
    notices = [line for line in world.told() if "notice to" in line]
    assert notices == ['t: notice to me@example.com: ALARM: "errors" in eu-central-1']
    assert any("has no arn:aws:ssm" in line for line in world.told("alarm"))


def test_an_alarm_invokes_a_function_that_lets_it_in(world: World) -> None:
    arn, calls = world.function()
    world.let_in("lambda.alarms.cloudwatch.amazonaws.com", "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:errors")
    alarm(world, AlarmActions=[arn])
    alarm(world, "another", AlarmActions=[arn])
    publish(world, 1)
    assert state(world) == state(world, "another") == "ALARM"
    (call,) = calls
    told = json.loads(call.parameters["Payload"])
    assert (told["source"], told["alarmData"]["alarmName"]) == ("aws.cloudwatch", "errors")
    assert told["alarmData"]["state"]["value"] == "ALARM"


def test_a_state_set_by_hand_is_told_and_stays_until_data_comes(world: World) -> None:
    world.rule(world.queue, AlarmStateChange.pattern_of_any(["errors"]))
    alarm(world)
    client = world.client("cloudwatch")
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="by hand")
    assert [event["detail"]["state"]["reason"] for event in world.received()] == ["by hand"]
    publish(world, 0, metric="other")
    assert state(world) == "ALARM"
    publish(world, 0)
    assert state(world) == "OK"


def test_a_redefined_alarm_keeps_its_state_and_a_deleted_one_is_forgotten(world: World) -> None:
    alarm(world)
    publish(world, 1)
    assert state(world) == "ALARM"
    alarm(world, AlarmDescription="new words")
    assert state(world) == "ALARM"
    world.client("cloudwatch").delete_alarms(AlarmNames=["errors"])
    alarm(world, MetricName="nothing")
    assert state(world) == "INSUFFICIENT_DATA"


def test_a_composite_alarm_follows_the_alarms_it_names(world: World) -> None:
    alarm(world)
    alarm(world, "slow", MetricName="slow")
    client = world.client("cloudwatch")
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors) AND ALARM(slow)")
    client.put_composite_alarm(AlarmName="above", AlarmRule='ALARM("both")')
    publish(world, 1)
    assert (state(world, "both"), state(world, "above")) == ("OK", "OK")
    publish(world, 1, metric="slow")
    assert (state(world, "both"), state(world, "above")) == ("ALARM", "ALARM")
    with pytest.raises(client.exceptions.ClientError, match="cannot be read"):
        client.put_composite_alarm(AlarmName="bad", AlarmRule="RINGS(errors)")


def stat(id: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "variant", "Value": "a"}]
    one = {
        "Metric": {"Namespace": "shop", "MetricName": metric, "Dimensions": dimensions},
        "Period": 3600,
        "Stat": "Sum",
    }
    return {"Id": id, "MetricStat": one, "ReturnData": False}


def computed(world: World, *metrics: Any, name: str = "rate") -> None:
    gone = dict.fromkeys(("Namespace", "MetricName", "Dimensions", "Statistic", "Period"))
    alarm(world, name, **gone, Metrics=list(metrics))


def test_an_alarm_on_an_expression_computes_it(world: World) -> None:
    expression = {"Id": "e", "Expression": "bad / (bad + good)", "ReturnData": True}
    computed(world, expression, stat("bad", "bad"), stat("good", "good"))
    publish(world, 2, metric="bad")
    publish(world, 1, metric="good")
    assert state(world, "rate") == "ALARM"


def test_what_is_never_evaluated_is_said_once(world: World) -> None:
    expression = {"Id": "e", "Expression": "RATE(bad)", "ReturnData": True}
    computed(world, expression, stat("bad", "bad"))
    publish(world, 2, metric="bad")
    publish(world, 2, metric="bad")
    assert state(world, "rate") == "INSUFFICIENT_DATA"
    assert world.told("alarm") == ["rate: is never evaluated here: metric math function RATE"]


def test_periods_pass_as_fast_as_all_else_that_waits(account: EmbeddedAccount) -> None:
    world = World(account)
    with account.running():
        world.open()
        alarm(world, TreatMissingData="notBreaching")
        publish(world, 1)
        for what in ("-> ALARM", "ALARM -> OK"):
            assert account.journal.wait(lambda entry, what=what: entry.kind == "alarm" and what in entry.what, 5)
