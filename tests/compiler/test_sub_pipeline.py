"""SubPipeline steps: another machine's run, its inputs and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import ForEach, Input, Item, LambdaTask, SpecError, SubPipeline
from tests.services import allowed, broken, made, ran, state, throttled, unproved

DAY = Input("start-day", default="1997-09-30")
MINE = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:dev-churn-scoring"
STARTED_BY = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


def score(**changes: Any) -> SubPipeline:
    return SubPipeline(**{"name": "score", "pipeline": "scoring", **changes})


def test_the_run_of_the_other_pipeline_gets_its_inputs_and_is_linked_to_this_one() -> None:
    step = score(inputs={"start-day": DAY, "rows": 3, "cities": ("Bern", "Basel")})
    ended, services = ran(step, inputs=(DAY,), given={"start-day": "2026-11-21"})
    assert ended.status == "SUCCEEDED"
    assert services.calls[0].service == "states:startExecution.sync:2"
    given = services.of("score")[0]["Input"]
    assert given.pop(STARTED_BY).endswith(":run-1")
    assert given == {"start-day": "2026-11-21", "rows": 3, "cities": ["Bern", "Basel"]}
    assert state("score", step, inputs=(DAY,))["Parameters"]["StateMachineArn"] == MINE


def test_keys_of_its_output_are_results() -> None:
    step = score()
    tell = LambdaTask(name="tell", function="tell", payload={"model": step.result("model")})
    answers = {"score": {"ExecutionArn": "x", "Output": {"model": "m-1", "other": 1}}, "tell": {"Payload": {}}}
    _, services = ran(step, tell, answers=answers)
    assert services.of("tell")[0]["Payload"] == {"model": "m-1"}


def test_another_models_pipeline_and_any_machine_are_found_by_name() -> None:
    other = state("score", score(model="prices"))["Parameters"]["StateMachineArn"]
    assert other.endswith(":stateMachine:dev-prices-scoring")
    any_machine = score(pipeline=None, machine="Nightly_load", inputs={"start-day": "x"})
    parameters = state("score", any_machine)["Parameters"]
    assert parameters["StateMachineArn"].endswith(":stateMachine:Nightly_load")
    assert parameters["Input"]["start-day"] == "x"


def test_without_waiting_the_step_ends_when_the_run_has_begun() -> None:
    step = score(wait=False)
    rendered = state("score", step)
    assert rendered["Resource"].endswith(":::states:startExecution")
    assert rendered["TimeoutSeconds"] == 300
    assert step.result("ExecutionArn").key == "ExecutionArn"
    with pytest.raises(SpecError, match="no result 'model'"):
        step.result("model")
    assert allowed(made(step), "states") == {"stateMachine:dev-churn-scoring": ["StartExecution"]}
    assert allowed(made(step), "events") == {}


def test_a_full_service_is_asked_again_and_a_failed_run_fails_the_step() -> None:
    busy = throttled("StepFunctions.ExecutionLimitExceededException", {"Output": {}})
    ended, services = ran(score(), answers={"score": busy})
    assert (ended.status, len(services.of("score"))) == ("SUCCEEDED", 3)
    ended, _ = ran(score(), answers={"score": broken()})
    assert ended.states[-3:] == ("score", "Notify failure", "Failed")


def test_the_role_may_start_and_follow_this_machine_alone() -> None:
    result = made(score())
    assert allowed(result, "states") == {
        "stateMachine:dev-churn-scoring": ["StartExecution"],
        "execution:dev-churn-scoring:*": ["DescribeExecution", "StopExecution"],
    }
    assert list(allowed(result, "events")) == ["rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"]


def test_one_run_starts_for_each_item() -> None:
    each = ForEach(name="each", items=("Bern", "Basel"), steps=(score(inputs={"city": Item()}),))
    ended, services = ran(each)
    assert ended.status == "SUCCEEDED"
    assert sorted(asked["Input"]["city"] for asked in services.of("score")) == ["Basel", "Bern"]


@pytest.mark.parametrize("step", [score(inputs={"day": DAY}), score(wait=False), score(pipeline=None, machine="x")])
def test_the_pipeline_is_proved(step: SubPipeline) -> None:
    assert unproved(step, inputs=(DAY,)) == ()


@pytest.mark.parametrize(
    "step",
    [
        score(pipeline="training"),
        score(pipeline="training", model="churn"),
        score(pipeline=None, machine="dev-churn-training"),
    ],
)
def test_a_pipeline_that_starts_itself_is_refused(step: SubPipeline) -> None:
    with pytest.raises(SpecError, match="starts itself"):
        made(step)


@pytest.mark.parametrize(
    "changes",
    [
        {"pipeline": None},
        {"machine": "x"},
        {"pipeline": None, "machine": "x", "model": "prices"},
        {"pipeline": None, "machine": "arn:aws:states:::stateMachine:x"},
        {"pipeline": "Scoring"},
        {"model": "Prices"},
        {"inputs": {"day": object()}},
        {"inputs": {"day": (object(),)}},
    ],
)
def test_what_names_no_machine_is_refused_when_the_step_is_built(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        score(**changes)
