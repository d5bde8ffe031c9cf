"""Runs of one model that take turns, in every order in which their states can follow each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import Allow, Input, LambdaTask, OnAlarm, Queue, Skip, SpecError
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from constructs_ml.contract import names
from tests.support import compiled, definition_of, pipeline, runnable, statements_of
from tests.world import ARNS, Going, World, definition
from tools.interpreter import Call, TaskFailure, run

PIPELINE = ARNS["StateMachine"]
ROW = "turn/churn"
QUEUE = Queue(every=timedelta(minutes=1), at_most=timedelta(hours=2))
CONFLICT = "DynamoDB.ConditionalCheckFailedException"


def made(concurrency: Any = QUEUE, **changes: Any) -> Compiled:
    return compiled(pipeline(LambdaTask(name="work", function="existing"), concurrency=concurrency, **changes))


def world(concurrency: Any = QUEUE, work: Any = lambda call: {}) -> World:
    return World({PIPELINE: definition(made(concurrency), "StateMachine")}, others=work)


def held(arn: str) -> dict[str, str]:
    """A run as the row names its holder."""
    return {"S": arn.removeprefix(ARNS["Runs"])}


def go_on(found: World, arn: str, until: str) -> None:
    """Let one execution go on until it is about to enter a state."""
    going = found.executions[arn]
    while going.state != until and going.status == "RUNNING":
        found.step(going)
    assert going.state == until


def test_a_run_alone_takes_the_turn_and_gives_it_back() -> None:
    found = world()
    arn = found.start(PIPELINE, "one", {})
    go_on(found, arn, "work")
    assert found.table.rows[ROW]["owner"] == held(arn)
    found.settle()
    assert found.executions[arn].visited == ["Inputs", "Take turn", "work", "Give turn back: done", "Done"]
    assert found.table.rows == {}


def test_a_later_run_waits_for_the_turn_and_then_runs() -> None:
    found = world()
    first, second = found.start(PIPELINE, "one", {}), found.start(PIPELINE, "two", {})
    go_on(found, first, "work")
    go_on(found, second, "Wait for turn")
    found.settle()
    assert [found.executions[arn].status for arn in (first, second)] == ["SUCCEEDED", "SUCCEEDED"]
    assert "Take turn over" in found.executions[second].visited
    assert found.table.rows == {}


def test_a_later_run_that_skips_ends_well_without_a_step() -> None:
    found = world(Skip())
    first, second = found.start(PIPELINE, "one", {}), found.start(PIPELINE, "two", {})
    go_on(found, first, "work")
    go_on(found, second, "Skipped")
    found.settle()
    assert "work" not in found.executions[second].visited
    assert found.executions[second].status == "SUCCEEDED"
    assert found.executions[first].visited[-1] == "Done"
    assert found.table.rows == {}


def test_runs_that_are_allowed_do_not_touch_the_table() -> None:
    result = made(Allow())
    assert result.resources == compiled(pipeline(LambdaTask(name="work", function="existing"))).resources
    assert "dynamodb" not in str(result.resources)


@pytest.mark.parametrize("where", ["work", "Give turn back: done"])
@pytest.mark.parametrize("concurrency", [QUEUE, Skip()])
def test_a_stopped_run_does_not_block_the_next_one(concurrency: Any, where: str) -> None:
    found = world(concurrency)
    first = found.start(PIPELINE, "one", {})
    go_on(found, first, where)
    found.stop(first)
    second = found.start(PIPELINE, "two", {})
    found.settle()
    assert "work" in found.executions[second].visited
    assert found.table.rows == {}


def test_a_run_of_long_ago_that_nobody_knows_any_more_does_not_block() -> None:
    found = world()
    found.table.rows[ROW] = {"id": {"S": ROW}, "owner": {"S": "training:long-ago"}}
    arn = found.start(PIPELINE, "one", {})
    found.settle()
    visited = found.executions[arn].visited
    assert visited.index("Wait for news of the other run") < visited.index("Take turn over") < visited.index("work")


def test_a_run_that_is_too_young_to_be_found_keeps_its_turn() -> None:
    found = world()
    first, second = found.start(PIPELINE, "one", {}), found.start(PIPELINE, "two", {})
    go_on(found, first, "work")
    found.unknown.add(first)
    go_on(found, second, "Wait for news of the other run")
    found.unknown.clear()
    go_on(found, second, "Wait for turn")
    assert found.table.rows[ROW]["owner"] == held(first)


def test_a_failed_run_gives_the_turn_back_after_its_notice() -> None:
    def fails(call: Call) -> Any:
        if call.state == "work":
            raise TaskFailure("Broken", "because")
        return {}

    found = world(work=fails)
    arn = found.start(PIPELINE, "one", {})
    found.settle()
    ends = ["work", "Notify failure", "Give turn back: failed", "Failed"]
    assert found.executions[arn].visited[-4:] == ends
    assert found.table.rows == {}


def test_a_failed_run_that_has_no_turn_leaves_that_of_another() -> None:
    day = Input("day")
    found = World({PIPELINE: definition(made(inputs=(day,)), "StateMachine")})
    first, second = found.start(PIPELINE, "one", {"day": "x"}), found.start(PIPELINE, "two", {})
    go_on(found, first, "work")
    while found.executions[second].status == "RUNNING":
        found.step(found.executions[second])
    assert "Take turn" not in found.executions[second].visited
    assert found.executions[second].status == "FAILED"
    assert found.table.rows[ROW]["owner"] == held(first)


def test_a_queue_that_takes_too_long_fails_with_a_notice() -> None:
    found = world(Queue(every=timedelta(minutes=1), at_most=timedelta(minutes=3)))
    first, second = found.start(PIPELINE, "one", {}), found.start(PIPELINE, "two", {})
    go_on(found, first, "work")
    while found.executions[second].status == "RUNNING":
        found.clock = max(found.clock, found.executions[second].wakes)
        found.step(found.executions[second])
    going = found.executions[second]
    assert going.visited.count("Wait for turn") == 3
    assert going.visited[-4:] == ["Give up waiting", "Notify failure", "Give turn back: failed", "Failed"]
    assert going.data["error"] == {
        "Error": "QueueTimedOut",
        "Cause": f"other runs of churn went on for 0:03:00; the last one is {held(first)['S']}",
    }
    assert found.clock == 180
    assert found.table.rows[ROW]["owner"] == held(first)


def test_what_goes_wrong_when_the_turn_is_given_back_does_not_fail_the_run() -> None:
    def answer(call: Call) -> Any:
        if call.state == "Give turn back: done":
            raise TaskFailure("DynamoDB.Something", "because")
        return {"Payload": {}}

    ended = run(runnable(made()), {}, answer)
    assert (ended.status, ended.states[-2:]) == ("SUCCEEDED", ("Give turn back: done", "Done"))


ACTIONS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["step"] * 12 + ["lose", "stop", "tick", "fail"])), max_size=150
)


@given(ACTIONS, st.sampled_from([QUEUE, Skip()]))
def test_however_runs_interleave_one_at_most_works_and_nobody_waits_for_ever(
    actions: list[tuple[int, str]], concurrency: Any
) -> None:
    failing: set[str] = set()
    found = world(concurrency, lambda call: _work(call, failing))
    arns = [found.start(PIPELINE, f"run-{number}", {}) for number in range(5)]
    for number, action in actions:
        _act(found, found.executions[arns[number]], action, failing)
        _check(found)
    while found.running:
        found.clock = max(found.clock, min(item.wakes for item in found.running))
        for going in found.awake:
            found.step(going)
            _check(found)
    stopped = {going.arn for going in found.executions.values() if going.status == "ABORTED"}
    for arn in set(arns) - stopped:
        visited = found.executions[arn].visited
        assert visited[-1] in ("Done", "Failed", "Skipped")
        assert "Give up waiting" not in visited
        assert visited.count("work") == (visited[-1] != "Skipped")
    assert {row["owner"]["S"] for row in found.table.rows.values()} <= {held(arn)["S"] for arn in stopped}


def _work(call: Call, failing: set[str]) -> Any:
    if call.state == "work" and failing:
        failing.clear()
        raise TaskFailure("Broken", "because")
    return {}


def _act(found: World, going: Going, action: str, failing: set[str]) -> None:
    match action:
        case "tick":
            found.clock += 60
        case "fail":
            failing.add("next")
        case "stop":
            found.stop(going.arn)
        case _ if going in found.awake:
            found.lost = action == "lose"
            found.step(going)


def _check(found: World) -> None:
    """Who works holds the row: so there is one at most."""
    working = [going.arn for going in found.running if going.state in ("work", "Give turn back: done")]
    assert len(working) <= 1
    if working:
        assert found.table.rows[ROW]["owner"] == held(working[0])


def test_the_role_may_use_the_row_and_ask_about_runs_of_the_model() -> None:
    result = made()
    found = [item for item in statements_of(result, "TrainingStatesRole") if "dynamodb" in str(item["Action"])]
    table = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/dev-ml-runs"}
    actions = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    assert found == [{"Effect": "Allow", "Action": actions, "Resource": table}]
    asked = [item for item in statements_of(result, "TrainingStatesRole") if "Describe" in str(item["Action"])]
    runs = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:dev-churn-*"
    assert {"Effect": "Allow", "Action": "states:DescribeExecution", "Resource": {"Fn::Sub": runs}} in asked


@pytest.mark.parametrize("concurrency", [Skip(), QUEUE])
def test_taking_turns_is_proved(concurrency: Any) -> None:
    assert prove_template(made(concurrency, triggers=(OnAlarm("kpi"),)).resources) == ()
    assert prove_template(compiled(pipeline(concurrency=concurrency)).resources) == ()


@pytest.mark.parametrize("concurrency", [Skip(), QUEUE])
def test_the_states_of_turns_are_known_to_belong_to_no_step(concurrency: Any) -> None:
    states = set(definition_of(made(concurrency))["States"])
    assert states - {"work"} <= set(names.STATES)
    both = {name for one in (Skip(), QUEUE) for name in definition_of(made(one))["States"]}
    assert set(names.TURN_STATES) <= both


def test_two_pipelines_of_one_model_take_turns_by_the_same_row() -> None:
    row = {"id": {"S": ROW}}
    other = compiled(pipeline(name="scoring", concurrency=Skip()))
    assert definition_of(other)["States"]["See whose turn it is"]["Parameters"]["Key"] == row
    assert definition_of(made())["States"]["See whose turn it is"]["Parameters"]["Key"] == row


@pytest.mark.parametrize(
    ("every", "at_most"),
    [
        (timedelta(seconds=1), timedelta(hours=12)),
        (timedelta(0), timedelta(hours=1)),
        (timedelta(minutes=5), timedelta(minutes=1)),
        (timedelta(milliseconds=1500), timedelta(minutes=1)),
        (60, timedelta(hours=1)),
    ],
)
def test_a_queue_that_cannot_be_counted_is_refused(every: Any, at_most: timedelta) -> None:
    with pytest.raises(SpecError, match="Queue"):
        Queue(every=every, at_most=at_most)


def test_a_concurrency_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="concurrency"):
        made("queue")
