"""Jobs that are started and looked at: every way in which they can end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from constructs_ml.compiler import polling, states
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import StatesExpressions
from constructs_ml.compiler.polling import Poll
from constructs_ml.compiler.template import Template
from tests.compiler.test_states import Services, failing
from tests.support import account, pipeline, prepare
from tools.interpreter import Run, run

POLL = Poll(
    start="aws-sdk:sagemaker:createCompilationJob",
    look="aws-sdk:sagemaker:describeCompilationJob",
    stop="aws-sdk:sagemaker:stopCompilationJob",
    name="CompilationJobName",
    status="$.CompilationJobStatus",
    done=("COMPLETED",),
    failed=("FAILED", "STOPPED"),
    exists="SageMaker.ResourceInUseException",
    deadline=timedelta(minutes=5),
    kept={"model.$": "$.ModelArtifacts.S3ModelArtifacts"},
)
ANSWER = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m.tar.gz"}, "Other": 1}


def followed(poll: Poll = POLL, answers: dict[str, Any] | None = None, *statuses: str) -> tuple[Run, Services]:
    """A job whose looks see these statuses, the last one again and again."""
    found = of_platform(account())
    expressions = StatesExpressions("churn", "training", "data", "artifacts")
    context = Context(
        spec=pipeline(prepare()),
        account=account(),
        infrastructure=found,
        template=Template("T"),
        expressions=expressions,
    )
    machine = Machine(context, expressions)
    polling.add(machine, "compile", poll, ("churn-compile",), {"RoleArn": "r"}, states.DONE)
    states._end(machine)
    definition = {"StartAt": "compile", "States": machine.states}

    def look(attempt: int) -> Any:
        return {**ANSWER, "CompilationJobStatus": statuses[min(attempt, len(statuses)) - 1]}

    services = Services(
        {
            "Start compile": {"CompilationJobArn": "a"},
            "Look at compile": look,
            "Keep compile": ANSWER,
            **(answers or {}),
        }
    )
    return run(_without_waiting(definition), {}, services, name="run-1"), services


def _without_waiting(definition: dict[str, Any]) -> dict[str, Any]:
    """Pauses take no time here; how long they would be stands in the run's data."""
    definition["States"]["Wait for compile"] = {"Type": "Pass", "Next": "Look at compile"}
    for state in definition["States"].values():
        if "Resource" in state:
            state["Resource"] = state["Resource"].replace("${AWS::Partition}", "aws")
        if "TopicArn" in state.get("Parameters", {}):
            state["Parameters"]["TopicArn"] = "topic"
    return definition


def test_a_job_that_ends_well_leaves_what_later_steps_use() -> None:
    ended, services = followed(POLL, None, "INPROGRESS", "INPROGRESS", "COMPLETED")
    assert ended.status == "SUCCEEDED"
    assert ended.output["steps"]["compile"] == {"model": "s3://b/m.tar.gz"}
    names = {call.parameters["CompilationJobName"] for call in services.calls}
    assert len(names) == 1
    assert next(iter(names)).startswith("churn-compile-")


def test_nothing_is_asked_again_when_nothing_is_kept() -> None:
    ended, services = followed(Poll(**{**_fields(POLL), "kept": {}}), None, "COMPLETED")
    assert set(ended.output["steps"]["compile"]) == {"job"}
    assert services.of("Keep compile") == []


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_a_job_that_fails_reaches_the_failure_path_with_its_name(status: str) -> None:
    ended, services = followed(POLL, None, "INPROGRESS", status)
    assert ended.status == "FAILED"
    job = services.of("Look at compile")[0]["CompilationJobName"]
    assert ended.cause == f"JobFailed: step compile: the job {job} ended as {status}"


def test_a_job_that_does_not_end_is_stopped_at_the_deadline() -> None:
    ended, services = followed(POLL, {"Stop compile": {}}, "INPROGRESS")
    assert "did not end within 0:05:00" in ended.cause
    assert len(services.of("Stop compile")) == 1
    # 15, 30, 60, 120 and 240 seconds were waited: the next look is beyond five minutes.
    assert len(services.of("Look at compile")) == 6


def test_pauses_grow_to_four_minutes_and_no_further() -> None:
    long = Poll(**{**_fields(POLL), "deadline": timedelta(hours=1)})
    _, services = followed(long, {"Stop compile": {}}, "INPROGRESS")
    # 15 + 30 + 60 + 120 + 14 pauses of 240 seconds are the first to pass an hour.
    assert len(services.of("Look at compile")) == 4 + 15 + 1


def test_a_start_whose_answer_was_lost_is_not_a_failure() -> None:
    ended, _ = followed(POLL, {"Start compile": failing("SageMaker.ResourceInUseException")}, "COMPLETED")
    assert ended.status == "SUCCEEDED"


def test_a_throttled_start_and_a_throttled_look_are_made_again() -> None:
    answers = {"Start compile": failing("SageMaker.ThrottlingException", attempts=2)}
    ended, services = followed(POLL, answers, "COMPLETED")
    assert (ended.status, len(services.of("Start compile"))) == ("SUCCEEDED", 3)


def test_a_start_that_is_refused_reaches_the_failure_path() -> None:
    ended, services = followed(POLL, {"Start compile": failing("SageMaker.ValidationException")}, "COMPLETED")
    assert ended.cause == "SageMaker.ValidationException: because"
    assert services.of("Look at compile") == []


def _fields(poll: Poll) -> dict[str, Any]:
    return {name: getattr(poll, name) for name in poll.__dataclass_fields__}
