"""Faults end as the declaration says: each is rehearsed with the whole account, its IAM and real jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from constructs_ml import S3, Approve, ForEach, Item, Manifest, ModelSpec, Process, Spot
from constructs_ml.contract import names
from constructs_ml.rehearsal import Rehearsed, rehearsal
from constructs_ml.rehearsal.runs import Run
from tests.rehearsal.small import CODE, IMAGE, MODE, small, train
from tests.support import account


def alone(name: str, *steps: object) -> ModelSpec:
    return ModelSpec(name=name, owner="growth", root=CODE, inputs=(MODE,), steps=steps)  # type: ignore[arg-type]


LATE = alone("late", train(raw={"StoppingCondition": {"MaxRuntimeInSeconds": 2}}))
SPOT = alone("spotted", train(spot=Spot(max_wait=timedelta(hours=2)), timeout=timedelta(hours=1)))
ASKING = alone("asking", Approve(question="Does it go live?", timeout=timedelta(days=3)))
ONE = Process(name="score", image=IMAGE, code="steps/score.py", arguments=("--city", Item("city")))
CITIES = Manifest(S3("cities.json"))
EACH = alone("cities", ForEach(name="each", items=CITIES, steps=(ONE,), tolerated_failures=50, concurrency=2))
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dev() -> Iterator[Rehearsed]:
    """One account with all the models that go wrong."""
    with rehearsal(
        [small(), LATE, SPOT, ASKING, EACH], account=account(notify=("a@example.com",)), acceleration=120
    ) as found:
        yield found


def notices(dev: Rehearsed, run: Run) -> list[str]:
    """What people were told of a run."""
    entries = dev.embedded.journal.entries("event")
    return [entry.detail["message"] for entry in entries if run.arn in entry.detail.get("message", "")]


def jobs(dev: Rehearsed, since: int, step: str = "") -> dict[str, str]:
    """The jobs of a step that began after the journal's entry `since`, with their last statuses."""
    found = [entry for entry in dev.embedded.journal.entries()[since:] if entry.kind == "job"]
    return {entry.name: entry.what.partition(":")[0] for entry in found if f"-{step}" in entry.name}


def logged(dev: Rehearsed, job: str) -> str:
    """What a training job printed."""
    pages = dev.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/"
    )
    return "\n".join(event["message"] for event in pages["events"])


def test_a_run_with_nothing_wrong_registers_a_version_and_denies_nothing(dev):
    run = dev.wait_for(dev.start("small"))
    assert run.status == "SUCCEEDED", str(run)
    assert dev.versions("small")[0]["ModelApprovalStatus"] == "PendingManualApproval"
    assert dev.parts.iam.denied() == ()


def test_a_script_that_crashes_is_tried_again_as_declared_and_then_people_are_told_why(dev):
    since = len(dev.embedded.journal)
    run = dev.wait_for(dev.start("small", mode="crash"))
    assert (run.status, run.error) == ("FAILED", "PipelineFailed")
    assert "the columns 'age' and 'income' are not there" in run.cause
    assert list(jobs(dev, since, "train").values()) == ["Failed"] * 3
    assert run.states[-2:] == ["Notify failure", "Failed"]
    (told,) = notices(dev, run)
    assert told.startswith("training of small failed in dev. Error: States.TaskFailed. Cause: ")
    assert "the columns 'age' and 'income' are not there" in told
    assert run.arn in told


def test_a_job_out_of_time_is_stopped_and_fails_the_run(dev):
    since = len(dev.embedded.journal)
    run = dev.wait_for(dev.start("late", mode="endless"))
    assert run.status == "FAILED"
    assert "MaxRuntimeExceeded" in run.cause
    assert list(jobs(dev, since, "train").values()) == ["Stopped"]
    assert len(notices(dev, run)) == 1


def test_a_spot_job_that_is_interrupted_resumes_from_its_checkpoints(dev):
    since = len(dev.embedded.journal)
    run = dev.start("spotted", mode="spot")
    s3, bucket = dev.client("s3"), names.artifact_bucket("dev", dev.account.id, dev.account.region)

    def kept() -> bool:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"spotted/training/{run.name}/train/checkpoints/")
        return [item["Key"].rpartition("/")[2] for item in found.get("Contents", ())] == ["epoch-1.ckpt"]

    assert dev.embedded.clock.poll(kept, 60)
    (name,) = jobs(dev, since, "train")
    dev.parts.jobs.interrupt(name)
    assert dev.wait_for(run).status == "SUCCEEDED", str(run)
    job = dev.client("sagemaker").describe_training_job(TrainingJobName=name)
    went = [item["Status"] for item in job["SecondaryStatusTransitions"]]
    assert went.count("Interrupted") == 1
    assert went.count("Training") == 2
    assert jobs(dev, since, "train") == {name: "Completed"}
    assert "resumed from epoch-1.ckpt" in logged(dev, name)
    assert dev.parts.iam.denied() == ()


def test_a_throttled_call_is_made_again_and_the_run_succeeds(dev):
    since = len(dev.embedded.journal)
    dev.throttle("sagemaker:CreateTrainingJob", times=2)
    run = dev.wait_for(dev.start("small"))
    assert run.status == "SUCCEEDED", str(run)
    refused = [event["taskFailedEventDetails"]["error"] for event in run.events if "taskFailedEventDetails" in event]
    assert refused == ["SageMaker.AmazonSageMakerException"] * 2
    assert list(jobs(dev, since, "train").values()) == ["Completed"]


def test_a_function_that_raises_fails_the_run_with_its_own_words(dev):
    run = dev.wait_for(dev.start("small", mode="refused"))
    assert run.status == "FAILED"
    assert run.cause.startswith("LookupError: ")
    assert "no data for mode 'refused'" in run.cause
    assert "train" not in run.states
    assert len(notices(dev, run)) == 1


@pytest.mark.parametrize("mode", ["keyless", "missing", "nan", "text"])
def test_an_answer_without_its_key_or_number_fails_the_run_and_closes_no_gate(dev, mode):
    run = dev.wait_for(dev.start("small", mode=mode))
    assert run.status == "FAILED"
    left = "objects in the function's answer" if mode == "keyless" else "score in report/metrics.json"
    assert run.cause.endswith(f"left no finite number for {left}")
    assert "gate" not in run.states
    assert len(notices(dev, run)) == 1


def test_a_gate_that_says_no_ends_as_declared(dev):
    before = len(dev.versions("small"))
    run = dev.wait_for(dev.start("small", mode="poor"))
    assert run.status == "FAILED"
    assert "the word is a poor one" in run.cause
    assert len(notices(dev, run)) == 1
    assert len(dev.versions("small")) == before


def test_a_question_that_is_answered_with_yes_lets_the_run_go_on(dev):
    run = dev.start("asking")
    assert "asking" in dev.answer(yes=True)
    assert dev.wait_for(run).status == "SUCCEEDED"


def test_a_question_that_is_answered_with_no_fails_the_run(dev):
    run = dev.start("asking")
    dev.answer(yes=False)
    assert dev.wait_for(run).status == "FAILED"
    assert "declined" in run.cause


def test_a_question_that_nobody_answers_times_out(dev):
    run = dev.start("asking")
    assert dev.embedded.clock.poll(lambda: bool(dev.parts.people.questions), 20)
    dev.advance(timedelta(days=2, hours=23))
    assert run.status == "RUNNING"
    dev.advance(timedelta(hours=1, seconds=1))
    dev.wait_for(run)
    assert run.status == "FAILED"
    assert "States.Timeout" in run.cause
    assert len(notices(dev, run)) == 2  # the question, and that nobody answered it
    assert dev.parts.people.questions == []


def test_a_question_that_timed_out_is_not_in_the_way_of_the_next_one(dev):
    late = dev.start("asking")
    assert dev.embedded.clock.poll(lambda: bool(dev.parts.people.questions), 20)
    dev.advance(timedelta(days=3, seconds=1))
    assert dev.wait_for(late).status == "FAILED"
    run = dev.start("asking")
    dev.answer(yes=True)
    assert dev.wait_for(run).status == "SUCCEEDED"


def test_one_item_of_many_may_fail_where_that_is_tolerated(dev):
    dev.put("cities.json", json.dumps([{"city": name} for name in ("Bern", "Nowhere", "Basel")]))
    since = len(dev.embedded.journal)
    run = dev.wait_for(dev.start("cities"))
    assert run.status == "SUCCEEDED", str(run)
    assert sorted(jobs(dev, since, "score").values()) == ["Completed", "Completed", "Failed"]


def test_more_items_that_fail_than_are_tolerated_fail_the_run(dev):
    dev.put("cities.json", json.dumps([{"city": "Nowhere"}, {"city": "Nowhere"}, {"city": "Basel"}]))
    run = dev.wait_for(dev.start("cities"))
    assert run.status == "FAILED"
    assert "States.ExceedToleratedFailureThreshold" in run.cause
    assert len(notices(dev, run)) == 1
