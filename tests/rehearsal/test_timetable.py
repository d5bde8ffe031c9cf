"""What time starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.events_world import MACHINE, ROLE, World


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    made = World(account)
    with account.running():
        made.open()
        yield made


def schedule(world: World, name: str, expression: str, target: Any = None, **more: Any) -> None:
    told = {"Arn": MACHINE, "RoleArn": ROLE, "Input": '{"time":"<aws.scheduler.scheduled-time>"}'}
    given = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target or told, **more}
    world.client("scheduler").create_schedule(Name=name, ScheduleExpression=expression, **given)


def times(world: World) -> list[str]:
    assert world.events.settle()
    return [json.loads(start.parameters["input"])["time"] for start in world.starts]


def test_what_is_due_in_a_fast_forward_fires_in_order(world: World) -> None:
    schedule(world, "late", "cron(0 5 * * ? *)")
    schedule(world, "early", "cron(0 3 * * ? *)", ScheduleExpressionTimezone="UTC")
    schedule(world, "off", "cron(0 4 * * ? *)", State="DISABLED")
    world.account.clock.advance(timedelta(days=2))
    found = times(world)
    assert found == sorted(found)
    assert [time[11:] for time in found].count("03:00:00Z") == 2
    assert len(found) == 4
    assert {start.principal.service for start in world.starts} == {"scheduler.amazonaws.com"}


def test_a_schedule_fires_by_hand_as_if_its_next_time_had_come_and_then_not_again(world: World) -> None:
    schedule(world, "daily", "cron(0 3 * * ? *)")
    first, second = world.events.fire("daily"), world.events.fire("daily")
    assert second - first == timedelta(days=1)
    world.account.clock.advance(timedelta(days=2))
    assert times(world) == [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (first, second)]


def test_only_what_there_is_and_is_enabled_can_be_fired(world: World) -> None:
    schedule(world, "off", "rate(1 day)", State="DISABLED")
    with pytest.raises(ValueError, match="there are: off"):
        world.events.fire("of")
    with pytest.raises(ValueError, match="disabled"):
        world.events.fire("off")


def test_a_glob_names_a_schedule_whose_end_nobody_knows_and_not_two(world: World) -> None:
    for name in ("dev-weekly-1A2B", "dev-daily-3C4D"):
        schedule(world, name, "cron(0 3 * * ? *)")
    world.events.fire("dev-daily-*")
    assert len(times(world)) == 1
    with pytest.raises(ValueError, match="several schedules are called 'dev-"):
        world.events.fire("dev-*")


def test_a_rate_starts_at_once_and_a_start_date_waits(world: World) -> None:
    later = world.account.clock.now() + timedelta(days=3)
    schedule(world, "now", "rate(1 day)")
    schedule(world, "then", "rate(1 day)", StartDate=later, EndDate=later + timedelta(days=1, hours=1))
    world.account.clock.advance(timedelta(hours=1))
    assert len(times(world)) == 1
    world.account.clock.advance(timedelta(days=6))
    assert len(times(world)) == 7 + 2


def test_a_one_time_schedule_fires_after_an_accelerated_wait_and_is_gone(world: World) -> None:
    moment = world.account.clock.now() + timedelta(minutes=2)
    schedule(world, "once", f"at({moment:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE")
    assert world.account.journal.wait(lambda entry: entry.kind == "schedule", 5)
    assert times(world) == [f"{moment:%Y-%m-%dT%H:%M:%SZ}"]
    assert world.client("scheduler").list_schedules()["Schedules"] == []


def test_a_universal_target_calls_the_operation(world: World) -> None:
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE}
    body = '{"attempt": <aws.scheduler.attempt-number>, "by": "<aws.scheduler.schedule-arn>"}'
    given = {"QueueUrl": world.url, "MessageBody": body.replace('"', '"')}
    schedule(world, "sends", "cron(0 3 * * ? *)", {**target, "Input": json.dumps(given)})
    schedule(world, "fails", "cron(0 3 * * ? *)", {**target, "Arn": target["Arn"] + "Twice", "Input": "{}"})
    world.events.fire("sends")
    world.events.fire("fails")
    (message,) = world.received()
    assert message["attempt"] == 1
    assert message["by"].endswith(":schedule/default/sends")
    assert any("no operation SendMessageTwice" in line for line in world.told("schedule"))


def test_a_scheduled_rule_sends_a_scheduled_event(world: World) -> None:
    world.rule(world.queue, None, name="daily", ScheduleExpression="rate(1 day)")
    world.account.clock.advance(timedelta(days=1, minutes=1))
    (event,) = world.received()
    assert (event["detail-type"], event["source"], event["detail"]) == ("Scheduled Event", "aws.events", {})
    assert event["resources"][0].endswith("rule/daily")


@pytest.mark.parametrize("expression", ["cron(0 3 * * *)", "rate(soon)", "daily"])
def test_an_expression_that_aws_refuses_is_refused(world: World, expression: str) -> None:
    with pytest.raises(world.client("scheduler").exceptions.ValidationException, match="Invalid Schedule Expression"):
        schedule(world, "bad", expression)


def test_a_schedule_that_would_fire_without_end_is_cut_and_said(world: World) -> None:
    schedule(world, "often", "rate(1 minute)")
    world.account.clock.advance(timedelta(days=1))
    assert len(times(world)) == 200
    assert any("the rest is left out" in line for line in world.told("schedule"))
