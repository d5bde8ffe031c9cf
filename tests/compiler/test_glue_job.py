"""GlueJob and DataBrewJob steps: what is asked of the services, and what is made of their answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from constructs_ml import S3, DataBrewJob, GlueJob, Input, LambdaTask, Retry, SpecError, join
from tests.services import allowed, broken, made, ran, state, throttled, unproved

DAY = Input("day", default="1997-09-30")
FINISHED = {"Id": "jr_1", "JobRunState": "SUCCEEDED", "ExecutionTime": 60, "JobName": "orders-extract"}


def extract(**changes: object) -> GlueJob:
    return GlueJob(**{"name": "extract", "job": "orders-extract", **changes})  # type: ignore[arg-type]


def test_arguments_reach_the_job_under_names_with_two_hyphens() -> None:
    step = extract(arguments={"day": DAY, "--to": S3("clean/") / DAY, "rows": 10, "note": join("it's ", DAY)})
    ended, services = ran(step, inputs=(DAY,), given={"day": "2026-11-21"})
    assert ended.status == "SUCCEEDED"
    assert services.of("extract") == [
        {
            "JobName": "orders-extract",
            "Timeout": 1440,
            "Arguments": {
                "--day": "2026-11-21",
                "--to": "s3://databucket/clean/2026-11-21",
                "--rows": "10",
                "--note": "it's 2026-11-21",
            },
        }
    ]
    assert services.calls[0].service == "glue:startJobRun.sync"


def test_workers_and_raw_fields_are_part_of_the_request() -> None:
    step = extract(worker_type="G.1X", number_of_workers=2, raw={"ExecutionClass": "FLEX"}, timeout=timedelta(hours=2))
    rendered = state("extract", step)
    assert rendered["Parameters"] == {
        "JobName": "orders-extract",
        "Timeout": 120,
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "ExecutionClass": "FLEX",
    }
    assert rendered["TimeoutSeconds"] == 2 * 3600 + 30 * 60


def test_later_steps_use_fields_of_the_finished_run_and_nothing_else_is_kept() -> None:
    step = extract()
    tell = LambdaTask(name="tell", function="tell", payload={"run": step.result("Id")})
    assert state("extract", step, tell)["ResultSelector"] == {"Id.$": "$.Id"}
    _, services = ran(step, tell, answers={"extract": FINISHED, "tell": {"Payload": {}}})
    assert services.of("tell")[0]["Payload"] == {"run": "jr_1"}


@pytest.mark.parametrize("error", ["Glue.ConcurrentRunsExceededException", "Glue.ThrottlingException"])
def test_a_busy_job_is_started_again_later(error: str) -> None:
    ended, services = ran(extract(), answers={"extract": throttled(error, FINISHED)})
    assert ended.status == "SUCCEEDED"
    assert len(services.of("extract")) == 3


@pytest.mark.parametrize("step", [extract(), DataBrewJob(name="extract", job="clean")])
def test_a_failed_job_reaches_the_notified_failure_path(step: GlueJob | DataBrewJob) -> None:
    ended, services = ran(step, answers={"extract": broken()})
    assert ended.states[-3:] == ("extract", "Notify failure", "Failed")
    assert len(services.of("extract")) == 1


def test_a_failed_job_is_run_again_as_its_own_retry_says() -> None:
    step = extract(retry=Retry(attempts=2, interval=timedelta(seconds=15), backoff=4))
    ended, services = ran(step, answers={"extract": broken()})
    assert (ended.status, len(services.of("extract"))) == ("FAILED", 3)


def test_the_role_may_run_and_watch_this_job_alone() -> None:
    calls = ["BatchStopJobRun", "GetJobRun", "GetJobRuns", "StartJobRun"]
    assert allowed(made(extract()), "glue") == {"job/orders-extract": calls}


def test_a_job_that_an_input_names_may_be_any() -> None:
    job = Input("job", default="orders-extract")
    result = made(extract(job=job), inputs=(job,))
    assert list(allowed(result, "glue")) == ["job/*"]
    _, services = ran(extract(job=job), inputs=(job,), given={"job": "other"})
    assert services.of("extract")[0]["JobName"] == "other"


def test_a_databrew_job_is_run_by_its_name() -> None:
    step = DataBrewJob(name="clean", job="orders clean")
    tell = LambdaTask(name="tell", function="tell", payload={"run": step.result("RunId")})
    ended, services = ran(step, tell, answers={"clean": {"RunId": "db_1"}, "tell": {"Payload": {}}})
    assert ended.status == "SUCCEEDED"
    assert services.calls[0].service == "databrew:startJobRun.sync"
    assert services.of("clean") == [{"Name": "orders clean"}]
    assert services.of("tell")[0]["Payload"] == {"run": "db_1"}
    calls = ["ListJobRuns", "StartJobRun", "StopJobRun"]
    assert allowed(made(step), "databrew") == {"job/orders clean": calls}


@pytest.mark.parametrize(
    "step",
    [
        extract(arguments={"day": DAY}),
        extract(job=DAY),
        DataBrewJob(name="clean", job="clean"),
        DataBrewJob(name="clean", job=DAY),
    ],
)
def test_the_pipeline_is_proved(step: GlueJob | DataBrewJob) -> None:
    assert unproved(step, inputs=(DAY,)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"job": ""}, "not the name of something"),
        ({"job": "a/b"}, "not the name of something"),
        ({"job": Input("job", type="Number")}, "not the name of something"),
        ({"arguments": {"a b": "x"}}, "not an argument of a Glue job"),
        ({"arguments": {"a": "x", "--a": "y"}}, "a with and without --"),
        ({"arguments": {"a": object()}}, "arguments is not what it must be"),
        ({"worker_type": "G.1X"}, "half of a Glue job's workers"),
        ({"worker_type": "G.1X", "number_of_workers": 0}, "number_of_workers is out of range"),
        ({"timeout": timedelta(days=8)}, "timeout is out of range"),
        ({"timeout": timedelta(seconds=30)}, "timeout is out of range"),
        ({"name": "Extract"}, "name that cannot be used"),
    ],
)
def test_what_glue_would_refuse_is_refused_when_the_step_is_built(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        extract(**changes)


def test_unknown_raw_fields_and_results_are_refused() -> None:
    with pytest.raises(SpecError, match="ExecutionClas"):
        made(extract(raw={"ExecutionClas": "FLEX"}))
    with pytest.raises(SpecError, match="no result 'JobRunId'"):
        extract().result("JobRunId")
