"""How far a run is, read from histories: recorded ones, and ones told by hand where times and aborts matter."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    Fail,
    ForEach,
    Gate,
    Item,
    Parallel,
    PipelineSpec,
    Progress,
    RawState,
    SpecError,
    Wait,
    draw,
    read_progress,
)
from constructs_ml.drawing.drawing import Drawing
from constructs_ml.drawing.graph import Graph
from constructs_ml.drawing.progress import follow, in_words, step_of
from tests.compiler.test_states import FINISHED
from tests.drawing.graphs import both, each, either, graph, node
from tests.drawing.stories import NOON, Story, chain, fails, recorded, task
from tests.support import compiled, evaluate, gate, pipeline, prepare, runnable, train

ENDS = ("ExecutionSucceeded", "ExecutionFailed")
READ = {"Body": json.dumps({"auc": 0.85})}
ANSWERS = {
    "prepare": FINISHED["sagemaker:createProcessingJob.sync"],
    "train": FINISHED["sagemaker:createTrainingJob.sync"],
    "evaluate": FINISHED["sagemaker:createProcessingJob.sync"],
    "Read evaluate metrics": READ,
}


def ran(spec: Any = None, **answers: Any) -> Progress:
    """The progress of a compiled pipeline that ran to its end."""
    spec = spec or pipeline()
    named = {name.replace("_", " "): answer for name, answer in answers.items()}
    return read_progress(spec, recorded(runnable(compiled(spec)), {**ANSWERS, **named}))


def statuses(progress: Progress) -> dict[str, str]:
    return {step.name: step.status for step in progress.steps.values()}


def parallel(**answers: Any) -> tuple[Graph, list[Mapping[str, Any]]]:
    definition = {
        "StartAt": "both",
        "States": {
            "both": {
                "Type": "Parallel",
                "Branches": [chain("a", "a-too"), chain("b")],
                "ResultPath": None,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Notify failure"}],
                "Next": "last",
            },
            "last": task(),
            "Notify failure": {"Type": "Pass", "Next": "Failed"},
            "Failed": {"Type": "Fail", "Error": "PipelineFailed"},
        },
    }
    drawn = graph(both((node("a"), node("a-too")), (node("b"),)), node("last"))
    return drawn, list(recorded(definition, answers))


def mapped(items: int = 3, **answers: Any) -> tuple[Graph, list[Mapping[str, Any]]]:
    each_state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": chain("x", "y"), "ResultPath": None}
    definition = {"StartAt": "each", "States": {"each": {**each_state, "Next": "last"}, "last": task()}}
    drawn = graph(each(node("x"), node("y")), node("last"))
    return drawn, list(recorded(definition, answers, {"items": list(range(items))}))


def test_a_good_run_is_told_step_by_step() -> None:
    progress = ran()
    assert progress.status == "SUCCEEDED"
    assert not progress.running
    expected = dict.fromkeys(("prepare", "train", "evaluate", "gate", "register"), "succeeded")
    assert statuses(progress) == {**expected, "fail": "skipped"}
    assert [other.name for other in progress.others] == ["Inputs", "Done"]
    assert progress.failure is None
    assert all(step.error == "" for step in progress.steps.values())


def test_the_other_arm_of_a_gate_is_told_with_the_cause_it_declares() -> None:
    progress = ran(Read_evaluate_metrics={"Body": '{"auc": 0.1}'})
    assert progress.status == "FAILED"
    assert statuses(progress)["gate"] == "succeeded"
    assert statuses(progress)["register"] == "skipped"
    assert statuses(progress)["fail"] == "failed"
    assert progress.steps["fail"].error == "PipelineFailed: AUC below 0.8"


def test_a_failed_job_is_failed_where_it_failed_and_the_rest_was_skipped() -> None:
    progress = ran(train=fails("AlgorithmError"))
    assert statuses(progress) == {
        "prepare": "succeeded",
        "train": "failed",
        **dict.fromkeys(("evaluate", "gate", "register", "fail"), "skipped"),
    }
    assert progress.steps["train"].error == "AlgorithmError: because"
    assert [other.name for other in progress.others] == ["Inputs", "Notify failure", "Failed"]


def test_a_throttled_call_that_went_through_counts_its_attempts() -> None:
    progress = ran(prepare=lambda attempt: fails("ThrottlingException", 2)(attempt) or ANSWERS["prepare"])
    assert progress.steps["prepare"].attempts == 3
    assert progress.steps["prepare"].status == "succeeded"
    assert progress.steps["prepare"].error == ""
    assert progress.steps["prepare"].words.endswith("3 attempts")


@pytest.mark.parametrize("body", ["{}", "no json"])
def test_what_a_helper_state_finds_is_told_of_its_step(body: str) -> None:
    progress = ran(Read_evaluate_metrics={"Body": body})
    assert progress.steps["evaluate"].status == "failed"
    assert progress.steps["evaluate"].error
    assert progress.steps["train"].status == "succeeded"


def test_a_raw_states_own_catch_lets_the_run_go_on() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "prepare"}]
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "ResultPath": None, "Catch": catch}
    progress = ran(pipeline(RawState(name="ask", state=state), prepare()), ask=fails("Denied"))
    assert progress.status == "SUCCEEDED"
    assert statuses(progress) == {"ask": "caught", "prepare": "succeeded"}
    assert progress.steps["ask"].error == "Denied: because"


def test_branches_that_interleave_are_told_apart() -> None:
    drawn, events = parallel(a=fails("ThrottlingException", 2))
    progress = follow(drawn, events)
    assert statuses(progress) == dict.fromkeys(("both", "a", "a-too", "b", "last"), "succeeded")
    assert [progress.steps[name].attempts for name in ("a", "a-too", "b")] == [3, 1, 1]


def test_a_failed_branch_fails_the_whole_and_skips_the_rest() -> None:
    drawn, events = parallel(a=fails("Broken"))
    progress = follow(drawn, events)
    assert statuses(progress)["a"] == "failed"
    assert statuses(progress)["a-too"] == "skipped"
    assert statuses(progress)["both"] == "failed"
    assert statuses(progress)["last"] == "skipped"
    assert progress.steps["a"].error == "Broken: because"


def test_items_of_a_map_are_counted() -> None:
    progress = follow(*mapped())
    assert statuses(progress) == dict.fromkeys(("each", "x", "y", "last"), "succeeded")
    assert [(progress.steps[name].done, progress.steps[name].total) for name in "xy"] == [(3, 3), (3, 3)]
    assert progress.steps["each"].total is None


def test_an_item_that_fails_fails_its_step_while_others_are_done() -> None:
    drawn, events = mapped(x=lambda attempt: fails("Broken")(1) if attempt == 2 else {})
    progress = follow(drawn, events)
    assert progress.status == "FAILED"
    found = statuses(progress)
    assert (found["each"], found["x"], found["last"]) == ("failed", "failed", "skipped")
    assert progress.steps["x"].error == "Broken: because"
    assert progress.steps["x"].total == 3


def blocks() -> PipelineSpec:
    """Branches and items, with every kind of helper state that a block brings."""
    left, right = evaluate(name="left", inputs={}), prepare(name="right")
    score = prepare(name="score", inputs={}, arguments=("--city", Item("city")))
    each_city = ForEach(
        name="cities", items=({"city": "Bern"}, {"city": "Basel"}), steps=(score,), keep={"city": Item("city")}
    )
    kept = Gate(
        name="better",
        when=left.metric("auc") > 0.8,
        then=(Wait(name="note", seconds=1),),
        outputs={"job": (left.job_name, right.job_name)},
    )
    return pipeline(Parallel(name="sides", branches=(left, right)), kept, each_city, Fail(name="end-here", cause="no"))


def test_compiled_blocks_are_told_with_their_helper_states() -> None:
    spec, answers = blocks(), {"Read left metrics": READ}
    for state in ("left", "right", "score"):
        answers[state] = ANSWERS["prepare"]
    progress = read_progress(spec, recorded(runnable(compiled(spec)), answers))
    good = dict.fromkeys(("sides", "left", "right", "better", "note", "cities", "score"), "succeeded")
    assert statuses(progress) == {**good, "end-here": "failed"}
    assert (progress.steps["score"].done, progress.steps["score"].total) == (2, 2)
    assert {other.name for other in progress.others} == {"Inputs", "Notify failure", "Failed"}


def test_a_check_that_fails_inside_a_block_is_told_of_its_step() -> None:
    spec = blocks()
    answers = {"Read left metrics": {"Body": "{}"}, "left": ANSWERS["prepare"], "right": ANSWERS["prepare"]}
    progress = read_progress(spec, recorded(runnable(compiled(spec)), answers))
    assert statuses(progress)["left"] == statuses(progress)["sides"] == "failed"
    assert "left no finite number for auc" in progress.steps["left"].error
    assert "left no finite number for auc" in progress.steps["sides"].error
    assert statuses(progress)["cities"] == statuses(progress)["score"] == "skipped"


def test_a_failure_declared_inside_a_block_is_told_as_it_is_declared() -> None:
    spec = pipeline(Parallel(name="sides", branches=(Fail(cause="never"), Wait(seconds=1))))
    progress = read_progress(spec, recorded(runnable(compiled(spec))))
    assert progress.steps["fail"].error == progress.steps["sides"].error == "PipelineFailed: never"


def test_what_happens_to_a_block_is_not_told_of_one_that_ended_inside_it() -> None:
    story, drawn = Story(), graph(each(each(node("x"), key="inner")))
    story.enter("each", 0, kind="Map")
    story.add("MapStateStarted", 0, length=1)
    story.add("MapIterationStarted", 0, name="each", index=0)
    story.enter("inner", 0, kind="Map")
    story.add("MapStateStarted", 0, length=1)
    story.add("MapIterationStarted", 0, name="inner", index=0)
    story.task("x", 0, 5)
    story.add("MapIterationSucceeded", 5, name="inner", index=0)
    story.add("MapStateSucceeded", 5)
    story.leave("inner", 5, kind="Map")
    story.add("MapIterationFailed", 6, name="each", index=0)
    story.add("MapStateFailed", 6)
    story.add("ExecutionFailed", 6, error="Broken")
    assert statuses(follow(drawn, story.events)) == {"each": "failed", "inner": "succeeded", "x": "succeeded"}


def test_what_is_told_after_the_end_is_not_heard() -> None:
    story = Story()
    story.enter("train", 0)
    task = story.add("TaskScheduled", 0)
    story.add("ExecutionFailed", 1, error="Broken")
    story.add("TaskFailed", 2, after=task, error="Late")
    assert read_progress(pipeline(train(channels={})), story.events).steps["train"].error == "Broken"


def test_a_branch_that_has_not_begun_is_not_passed_by() -> None:
    story, drawn = Story(), graph(both((node("a"),), (node("b"),)))
    story.enter("both", 0, kind="Parallel")
    story.add("ParallelStateStarted", 0)
    story.enter("a", 0)
    assert statuses(follow(drawn, story.events)) == {"both": "running", "a": "running", "b": "waiting"}


def test_items_of_a_polled_job_are_done_when_it_is_no_longer_looked_at() -> None:
    story, drawn = Story(), graph(each(node("job")))
    story.enter("each", 0, kind="Map")
    begun = story.add("MapStateStarted", 0, length=2)
    for index, passed in enumerate((("job", "Wait for job", "Look at job", "End of each"), ("job",))):
        story.add("MapIterationStarted", 0, after=begun, name="each", index=index)
        for state in passed:
            story.task(state, 0, 5)
    story.enter("Wait for job", 5, kind="Wait")
    found = follow(drawn, story.events).steps["job"]
    assert (found.status, found.done, found.total) == ("running", 1, 2)


def test_an_error_that_the_step_itself_answers_is_none() -> None:
    story, drawn = Story(), graph(node("job"), node("last"))
    story.enter("Start job", 0)
    story.add("TaskScheduled", 0)
    story.add("TaskFailed", 1, error="SageMaker.ResourceInUseException")
    story.leave("Start job", 1)
    assert follow(drawn, story.events).steps["job"].status == "caught"
    story.enter("Wait for job", 1, kind="Wait")
    story.leave("Wait for job", 2, kind="Wait")
    story.enter("last", 2)
    found = follow(drawn, story.events).steps["job"]
    assert (found.status, found.error) == ("succeeded", "")


def test_any_beginning_of_any_history_can_be_told() -> None:
    spec = pipeline()
    histories = [parallel(a=fails("ThrottlingException", 1)), parallel(a=fails("Broken")), mapped()]
    good = list(recorded(runnable(compiled(spec)), ANSWERS))
    answers = {"Read left metrics": READ, **dict.fromkeys(("left", "right", "score"), ANSWERS["prepare"])}
    block = list(recorded(runnable(compiled(blocks())), answers))
    for drawn, events in [*histories, (draw(spec).graph, good), (draw(blocks()).graph, block)]:
        started: set[str] = set()
        for end in range(1, len(events) + 1):
            progress = follow(drawn, events[:end], now=NOON)
            assert progress.running is not any(event["type"] in ENDS for event in events[:end])
            now = {step.name for step in progress.steps.values() if step.started}
            assert started <= now
            assert not any(progress.steps[name].status == "waiting" for name in now)
            started = now
            Drawing(drawn, progress).html  # noqa: B018 - it must not raise


def test_the_order_of_pages_does_not_matter() -> None:
    drawn, events = mapped()
    shuffled = random.Random(7).sample(events, len(events))
    assert follow(drawn, shuffled) == follow(drawn, events)
    assert follow(drawn, reversed(events)) == follow(drawn, events)


def test_times_may_be_iso_text() -> None:
    drawn, events = mapped()
    plain = json.loads(json.dumps(events, default=lambda at: at.isoformat()))
    assert follow(drawn, plain) == follow(drawn, events)


@pytest.mark.parametrize("kept", [slice(1, None), slice(None, None, 2)])
def test_a_history_with_gaps_is_refused(kept: slice) -> None:
    drawn, events = mapped()
    with pytest.raises(SpecError, match="history-gap"):
        follow(drawn, events[kept])


def test_a_run_that_has_no_events_yet_waits() -> None:
    progress = read_progress(pipeline(), [])
    assert progress.running
    assert set(statuses(progress).values()) == {"waiting"}
    assert progress.duration is None


def test_durations_and_attempts_of_a_running_step() -> None:
    story = Story()
    story.task("prepare", 0, 90)
    story.enter("train", 90)
    story.add("TaskScheduled", 90)
    story.add("TaskFailed", 100, error="ThrottlingException", cause="slow down")
    spec = pipeline(prepare(), train(), prepare(name="last"))
    waiting = read_progress(spec, story.events, now=NOON + timedelta(seconds=300))
    assert statuses(waiting) == {"prepare": "succeeded", "train": "running", "last": "waiting"}
    assert waiting.steps["train"].error == ""
    story.add("TaskScheduled", 110)
    progress = read_progress(spec, story.events, now=NOON + timedelta(seconds=300))
    assert progress.steps["prepare"].words == "succeeded, 1 min 30 s"
    assert progress.steps["train"].words == "running, 3 min 30 s, 2 attempts"
    assert progress.words == "running, 5 min"
    assert read_progress(spec, story.events).steps["train"].duration is None


def test_a_step_and_its_helper_states_are_one() -> None:
    story = Story()
    story.task("evaluate", 0, 60)
    story.enter("Read evaluate metrics", 60)
    spec = pipeline(prepare(), train(), evaluate(), gate())
    assert read_progress(spec, story.events).steps["evaluate"].status == "running"
    story.leave("Read evaluate metrics", 70)
    found = read_progress(spec, story.events).steps["evaluate"]
    assert found.status == "succeeded"
    assert found.duration == timedelta(seconds=70)


def test_a_poll_loop_keeps_its_step_running_and_is_one_attempt() -> None:
    story, drawn = Story(), graph(node("deploy"), node("last"))
    story.task("deploy", 0, 5)
    for look in range(3):
        story.enter("Wait for deploy", 10 * look, kind="Wait")
        story.leave("Wait for deploy", 10 * look + 5, kind="Wait")
        story.task("Look at deploy", 10 * look + 5, 10 * look + 6)
    story.enter("Wait for deploy", 30, kind="Wait")
    progress = follow(drawn, story.events, now=NOON + timedelta(seconds=33))
    assert progress.steps["deploy"].status == "running"
    assert progress.steps["deploy"].words == "running, 33 s"
    assert progress.others == ()


@pytest.mark.parametrize(
    ("end", "details", "status", "error"),
    [
        ("ExecutionAborted", {"error": "Stop", "cause": "by hand"}, "ABORTED", "Stop: by hand"),
        ("ExecutionAborted", {}, "ABORTED", "Aborted"),
        ("ExecutionTimedOut", {}, "TIMED_OUT", "States.Timeout"),
        ("ExecutionFailed", {"error": "States.Runtime", "cause": "no path"}, "FAILED", "States.Runtime: no path"),
    ],
)
def test_a_run_that_is_cut_off_leaves_its_step_failed(
    end: str, details: dict[str, str], status: str, error: str
) -> None:
    story = Story()
    story.enter("train", 0)
    story.add("TaskScheduled", 0)
    story.add(end, 100, **details)
    progress = read_progress(pipeline(train(channels={}), prepare()), story.events)
    assert progress.status == status
    assert statuses(progress) == {"train": "failed", "prepare": "skipped"}
    assert progress.steps["train"].error == error
    assert progress.steps["train"].duration == timedelta(seconds=100)
    assert progress.words == f"{status.lower().replace('_', ' ')}, 1 min 40 s"


def test_a_redriven_run_runs_again() -> None:
    story = Story()
    story.enter("train", 0)
    story.add("TaskScheduled", 0)
    story.add("TaskFailed", 10, error="Broken")
    story.add("ExecutionFailed", 11, error="Broken")
    story.add("ExecutionRedriven", 500)
    story.add("TaskScheduled", 500)
    spec = pipeline(train(channels={}), prepare())
    progress = read_progress(spec, story.events)
    assert progress.running
    assert statuses(progress) == {"train": "running", "prepare": "waiting"}
    assert progress.failure is None
    story.add("TaskSucceeded", 600)
    story.leave("train", 600)
    assert statuses(read_progress(spec, story.events))["train"] == "succeeded"


def test_a_task_that_timed_out_says_so() -> None:
    story = Story()
    story.enter("train", 0)
    story.add("TaskScheduled", 0)
    story.add("TaskTimedOut", 10)
    story.leave("train", 10)
    story.enter("Notify failure", 10)
    assert read_progress(pipeline(train(channels={})), story.events).steps["train"].error == "States.Timeout"


def test_a_branch_that_another_one_aborted_is_no_longer_running() -> None:
    story, drawn = Story(), graph(both((node("a"),), (node("b"),)))
    story.enter("both", 0, kind="Parallel")
    fork = story.add("ParallelStateStarted", 0)
    story.enter("a", 0, after=fork)
    first = story.add("TaskScheduled", 0)
    story.enter("b", 0, after=fork)
    second = story.add("TaskScheduled", 0)
    failed = story.add("TaskFailed", 5, error="Broken", after=second)
    story.add("TaskStateAborted", 5, after=first)
    story.add("ParallelStateFailed", 5, after=failed, error="Broken")
    progress = follow(drawn, story.events)
    assert (progress.steps["a"].error, progress.steps["b"].error) == ("Aborted", "Broken")
    assert statuses(progress)["a"] == "failed"


def test_the_error_is_that_of_the_item_that_failed_and_not_of_one_that_was_cut_off() -> None:
    story, drawn = Story(), graph(each(node("x")))
    story.enter("each", 0, kind="Map")
    begun = story.add("MapStateStarted", 0, length=3)
    for index in range(3):
        story.add("MapIterationStarted", 0, after=begun, name="each", index=index)
        story.enter("x", 0)
        story.add("TaskScheduled", 0)
        if index == 1:
            story.add("TaskFailed", 1, error="Broken", cause="item 1")
            failed = story.last
        if index == 2:
            story.add("TaskStateAborted", 1)
    story.add("MapStateFailed", 2, after=failed, error="Other")
    story.add("ExecutionFailed", 2, error="Other", cause="the whole")
    assert follow(drawn, story.events).steps["x"].error == "Broken: item 1"


def test_a_retried_map_counts_only_its_last_try() -> None:
    story, drawn = Story(), graph(each(node("x")))
    story.enter("each", 0, kind="Map")
    for attempt in range(2):
        begun = story.add("MapStateStarted", attempt * 10, length=2)
        for index in range(2 - attempt):
            story.add("MapIterationStarted", attempt * 10, after=begun, name="each", index=index)
            done = story.task("x", attempt * 10, attempt * 10 + 5)
        story.add("MapIterationSucceeded" if attempt else "MapIterationFailed", attempt * 10 + 6, after=done)
        if not attempt:
            story.add("MapStateFailed", 6)
    progress = follow(drawn, story.events)
    assert (progress.steps["x"].done, progress.steps["x"].total) == (1, 2)
    assert statuses(progress) == {"each": "running", "x": "running"}


def test_a_map_in_a_map_ends_where_it_ends() -> None:
    inner = {"Type": "Map", "ItemProcessor": chain("x"), "End": True}
    outer = {"Type": "Map", "ItemProcessor": {"StartAt": "inner", "States": {"inner": inner}}, "Next": "last"}
    definition = {"StartAt": "outer", "States": {"outer": {**outer, "ItemsPath": "$.items"}, "last": task()}}
    events = recorded(definition, {}, {"items": [[1, 2], [3]]})
    progress = follow(graph(each(each(node("x"), key="inner"), key="outer"), node("last")), events)
    assert progress.status == "SUCCEEDED"
    assert set(statuses(progress).values()) == {"succeeded"}
    assert (progress.steps["x"].done, progress.steps["x"].total) == (3, 3)
    assert (progress.steps["inner"].done, progress.steps["inner"].total) == (2, 2)


def test_a_distributed_map_tells_its_steps_as_one() -> None:
    story, drawn = Story(), graph(each(node("x")), node("last"))
    story.enter("each", 0, kind="Map")
    story.add("MapStateStarted", 0, length=0)
    story.add("MapRunStarted", 0, mapRunArn="arn:aws:states:eu-west-1:1:mapRun:m/each:1")
    assert statuses(follow(drawn, story.events)) == {"each": "running", "x": "running", "last": "waiting"}
    story.add("MapRunSucceeded", 9)
    story.add("MapStateSucceeded", 9)
    story.leave("each", 9, kind="Map")
    story.enter("last", 9)
    assert statuses(follow(drawn, story.events)) == {"each": "succeeded", "x": "succeeded", "last": "running"}


def test_the_arm_that_is_not_taken_is_skipped_as_soon_as_that_is_known() -> None:
    drawn = graph(either((node("yes"),), (node("no"),)), node("last"))
    story = Story()
    story.enter("gate", 0, kind="Choice")
    assert statuses(follow(drawn, story.events))["no"] == "waiting"
    story.leave("gate", 0, kind="Choice")
    story.enter("yes", 0)
    found = statuses(follow(drawn, story.events))
    assert (found["gate"], found["yes"], found["no"], found["last"]) == ("succeeded", "running", "skipped", "waiting")


def test_both_arms_are_skipped_behind_an_empty_one() -> None:
    drawn = graph(either((node("yes"),), ()), node("last"))
    story = Story()
    story.enter("gate", 0, kind="Choice")
    story.leave("gate", 0, kind="Choice")
    story.enter("last", 0)
    assert statuses(follow(drawn, story.events)) == {"gate": "succeeded", "yes": "skipped", "last": "running"}


def test_history_without_execution_data_still_tells_the_error() -> None:
    story = Story()
    story.enter("fail", 0, kind="Pass")
    story.add("PassStateExited", 0, name="fail")
    story.enter("Notify failure", 0)
    story.add("ExecutionFailed", 1, error="PipelineFailed", cause="AUC below 0.8")
    found = follow(graph(node("fail", shape="failure")), story.events)
    assert found.steps["fail"].error == "PipelineFailed: AUC below 0.8"


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("train", "train"),
        ("Read train metrics", "train"),
        ("Wait for train", "train"),
        ("Look at train", "train"),
        ("Look at at", "at"),
        ("Read at metrics", "at"),
        ("Keep inputs metrics", "inputs"),
        ("Keep other train outputs", "train"),
        ("Wait longer for train", "train"),
        ("Wait again for train", "train"),
        ("Give up train", "train"),
        ("Each train", "train"),
        ("End of train", None),
        ("Check inputs", None),
        ("Notify failure", None),
        ("Read something metrics", None),
        ("Done", None),
    ],
)
def test_states_are_known_by_the_names_of_steps(state: str, step: str | None) -> None:
    assert step_of(state, ["train", "at", "inputs", "failure", "metrics", "for"]) == step


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599.6, "1 h"),
        (7260, "2 h 1 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_told_in_two_units_at_most(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def test_a_drawing_shows_how_the_run_stands_and_where_it_failed() -> None:
    spec = pipeline()
    progress = read_progress(spec, recorded(runnable(compiled(spec)), {**ANSWERS, "train": fails("AlgorithmError")}))
    drawn = draw(spec, progress=progress)
    assert 'class="task succeeded"><title>prepare' in drawn.svg
    assert 'class="task failed"><title>train, Train, AlgorithmError: because' in drawn.svg
    assert "AlgorithmError: because" in drawn.html
    assert 'n_train["train<br/>Train<br/>failed' in drawn.mermaid
    assert "class n_train failed" in drawn.mermaid
    assert "training of churn: failed" in drawn.svg


def test_an_error_is_never_markup() -> None:
    story = Story()
    story.enter("train", 0)
    story.add("TaskScheduled", 0)
    story.add("TaskFailed", 1, error="Broken", cause="<script>alert(1)</script>")
    story.add("ExecutionFailed", 1, error="Broken")
    spec = pipeline(train(channels={}))
    drawn = draw(spec, progress=read_progress(spec, story.events))
    for form in (drawn.svg, drawn.html, drawn.mermaid):
        assert "alert(1)" in form
        assert "<script" not in form
