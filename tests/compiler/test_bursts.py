"""Bursts of events that become one run, in every order in which their states can follow each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import S3, Debounce, FromEvent, Input, Offline, OnData, OnFeatures, SpecError
from tests.compiler.test_starter import BURST, PIPELINE, STARTER, account, event, made, runs, tell
from tests.support import customers
from tests.world import ARNS, World, definition
from tools.interpreter import TaskFailure

TRIGGER = OnData("new/", to="data", debounce=BURST)
ROW = "burst/churn/training/on-data"


def arrives(found: World, number: int) -> str:
    """An object arrives; the answer is the delivery of its event."""
    told = event("object_created")
    told["detail"]["object"] |= {"key": f"new/{number}.csv", "sequencer": str(number)}
    return tell(found, TRIGGER, told)


def admitted(found: World, number: int) -> str:
    """The event of an object, gone on until it is about to be counted."""
    delivery = found.executions[arrives(found, number)]
    before = set(found.executions)
    while delivery.status == "RUNNING":
        found.step(delivery)
    (arn,) = set(found.executions) - before
    until(found, arn, "Count event")
    return arn


def until(found: World, arn: str, state: str) -> None:
    going = found.executions[arn]
    while going.state != state and going.status == "RUNNING":
        found.clock = max(found.clock, going.wakes)
        found.step(going)
    assert going.state == state


def test_a_burst_gives_one_run_over_the_prefix_when_it_is_quiet() -> None:
    found = account(TRIGGER)
    for number in range(5):
        arrives(found, number)
    found.settle()
    (arn,) = runs(found)
    assert found.executions[arn].given == {"data": "s3://DataBucket/new/"}
    assert found.clock == 60 * 2
    assert found.table.rows == {}


def test_events_told_twice_in_a_burst_and_after_it_change_nothing() -> None:
    found = account(TRIGGER)
    for number in (1, 1, 2):
        arrives(found, number)
    found.settle()
    arrives(found, 2)
    found.settle()
    assert len(runs(found)) == 1
    assert found.table.rows == {}


def test_a_burst_that_does_not_end_gives_a_run_after_the_longest_wait() -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    until(found, leader, "Wait for quiet")
    for number in range(1, 10):
        until(found, leader, "See count")
        until(found, admitted(found, number), "Joined")
        assert runs(found) == []
        until(found, leader, "Wait for quiet")
    until(found, leader, "See count")
    until(found, admitted(found, 10), "Joined")
    until(found, leader, "Give lead back")
    assert found.clock == 600
    assert len(runs(found)) == 1


def test_an_event_between_the_last_look_and_the_release_gives_a_second_run() -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    until(found, leader, "Give lead back")
    until(found, admitted(found, 1), "Joined")
    assert len(runs(found)) == 1
    found.settle()
    assert len(runs(found)) == 2
    assert found.executions[leader].visited[-2:] == ["Start successor", "Started"]
    assert found.table.rows == {}


def test_an_event_after_the_release_begins_a_burst_of_its_own() -> None:
    found = account(TRIGGER)
    arrives(found, 0)
    found.settle()
    arrives(found, 1)
    found.settle()
    assert len(runs(found)) == 2


@pytest.mark.parametrize("where", ["Who leads", "Wait for quiet", "Start run of burst", "Give lead back"])
def test_the_event_after_a_stopped_leader_takes_the_lead(where: str) -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    until(found, leader, where)
    found.stop(leader)
    before = len(runs(found))
    arrives(found, 1)
    found.settle()
    assert len(runs(found)) == before + 1
    assert found.table.rows == {}


def test_a_leader_stopped_before_its_successor_began_is_replaced() -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    until(found, leader, "Give lead back")
    until(found, admitted(found, 1), "Joined")
    until(found, leader, "Start successor")
    found.stop(leader)
    arrives(found, 2)
    found.settle()
    assert len(runs(found)) == 2


def test_an_event_that_comes_too_late_to_lead_has_its_run_already() -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    late = admitted(found, 1)
    until(found, leader, "Wait for quiet")
    until(found, late, "Look at leader")
    until(found, leader, "Started")
    found.settle()
    assert found.executions[late].visited[-4:] == ["Take lead", "See who leads", "Check who leads", "Joined"]
    assert len(runs(found)) == 1
    assert found.table.rows == {}


def test_of_two_that_would_take_the_place_of_a_stopped_leader_one_does() -> None:
    found = account(TRIGGER)
    leader, one, other = (admitted(found, number) for number in range(3))
    until(found, leader, "Wait for quiet")
    found.stop(leader)
    until(found, one, "Take lead")
    until(found, other, "Take lead")
    until(found, one, "Wait for quiet")
    until(found, other, "Joined")
    assert found.table.rows[ROW]["leader"] == {"S": one.rpartition(":")[2]}


@pytest.mark.parametrize(
    "state", ["Count event", "Start run of burst", "Give lead back", "Pass lead on", "Start successor"]
)
def test_a_call_whose_answer_is_lost_is_made_again_without_harm(state: str) -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    late = state in ("Pass lead on", "Start successor")
    if late:
        until(found, leader, "Give lead back")
        until(found, admitted(found, 1), "Joined")
    until(found, leader, state)
    found.lost = True
    found.step(found.executions[leader])
    found.settle()
    assert len(runs(found)) == 1 + late
    assert found.table.rows == {}


def test_a_leader_that_was_taken_for_dead_leaves_the_burst_to_its_heir() -> None:
    found = account(TRIGGER)
    leader = admitted(found, 0)
    until(found, leader, "Wait for quiet")
    found.unknown.add(leader)
    until(found, admitted(found, 1), "Wait for quiet")
    found.settle()
    assert found.executions[leader].visited[-1] == "Joined"
    assert len(runs(found)) == 1


def test_a_leader_whose_run_cannot_start_is_told_and_replaced() -> None:
    result = made(TRIGGER)
    found = World({PIPELINE: definition(result, "StateMachine"), STARTER: definition(result, "Starter")})
    start = found.start
    failing = [True]

    def broken(machine: str, name: str, given: Any) -> str:
        if machine == PIPELINE and failing.pop():
            raise TaskFailure("StepFunctions.StateMachineDoesNotExistException")
        failing.append(False)
        return start(machine, name, given)

    leader = admitted(found, 0)
    until(found, leader, "Start run of burst")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "start", lambda self, *given: broken(*given))
        until(found, leader, "Failed")
    found.settle()
    arrives(found, 1)
    found.settle()
    assert len(runs(found)) == 1


ACTIONS = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from([*["step"] * 10, "arrive", "again", "lose", "tick", "stop", "hide"])),
    max_size=150,
)


@given(ACTIONS)
def test_however_events_interleave_each_that_was_counted_is_followed_by_a_run(actions: list[tuple[int, str]]) -> None:
    found = account(TRIGGER)
    arrived = 0
    stopped = False
    for number, action in actions:
        if action == "arrive" and arrived < 8:
            arrived += 1
            arrives(found, arrived)
        elif action == "again" and arrived:
            arrives(found, 1 + number % arrived)
        elif action == "tick":
            found.clock += 30
        elif found.awake:
            going = found.awake[number % len(found.awake)]
            if action == "stop" and going.arn.startswith(STARTER):
                stopped = True
                found.stop(going.arn)
            else:
                found.unknown = {going.arn} if action == "hide" else set()
                found.lost = action == "lose"
                found.step(going)
    found.unknown = set()
    found.settle()
    if stopped:
        arrives(found, 99)
        found.settle()
    counted = [step for step, state, _ in found.log if state == "Count event"]
    starts = [step for step, state, arn in found.log if state == "start" and arn.startswith(ARNS["Runs"])]
    assert not counted or starts[-1] > counted[-1]
    assert len(starts) <= len(counted)
    ended = [going for going in found.executions.values() if going.status == "SUCCEEDED"]
    for going in ended:
        if "Count event" in going.visited and not stopped:
            step = next(step for step, state, arn in found.log if (state, arn) == ("Count event", going.arn))
            assert any(start > step for start in starts)
    assert found.table.rows == {}


def test_features_are_a_burst_unless_said_otherwise_and_give_the_place_of_the_store() -> None:
    group = customers(offline=Offline(location=S3("s3://lake/crm")))
    found = account(OnFeatures(group, to="data"))
    tell(found, OnFeatures(group, to="data"), event("object_created"))
    found.settle()
    (arn,) = runs(found)
    assert found.executions[arn].given == {"data": "s3://lake/crm/"}
    assert found.clock == 15 * 60


@pytest.mark.parametrize(
    ("quiet", "at_most"),
    [
        (timedelta(0), timedelta(hours=1)),
        (timedelta(minutes=5), timedelta(minutes=1)),
        (timedelta(seconds=1), timedelta(hours=1)),
        (30, timedelta(hours=1)),
    ],
)
def test_a_debounce_that_cannot_be_counted_is_refused(quiet: Any, at_most: timedelta) -> None:
    with pytest.raises(SpecError, match="Debounce"):
        Debounce(quiet=quiet, at_most=at_most)


def test_a_burst_has_no_event_to_read_from() -> None:
    with pytest.raises(SpecError, match="burst"):
        OnData("raw/", to="data", inputs={"day": FromEvent("$.time")}, debounce=BURST)


def test_a_burst_still_has_to_give_declared_inputs() -> None:
    with pytest.raises(SpecError, match="no input of the pipeline"):
        made(OnData("raw/", to="date", debounce=BURST), inputs=(Input("data", default="x"),))
