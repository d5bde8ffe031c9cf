"""Training jobs that an alarm ends: the alarm, and every way in which the run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import EarlyStop, Gate, MetricDefinition, Register, Retry, Train
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import Services, failing
from tests.support import compiled, definition_of, pipeline, runnable, statements_of, train
from tools.interpreter import Run, run

LOSS = MetricDefinition("churn:loss", "loss=([0-9.]+)")
CREATED, BEFORE, LATER = "2027-01-01T10:00:00Z", "2027-01-01T09:00:00Z", "2027-01-01T10:30:00Z"
CALM = {"MetricAlarms": [{"StateValue": "OK", "StateUpdatedTimestamp": LATER}]}
RINGS = {"MetricAlarms": [{"StateValue": "ALARM", "StateUpdatedTimestamp": LATER}]}
STALE = {"MetricAlarms": [{"StateValue": "ALARM", "StateUpdatedTimestamp": BEFORE}]}


def stopped(**changes: Any) -> Train:
    stop = EarlyStop(metric="churn:loss", above=2.5, for_minutes=10)
    return train(**{"channels": {}, "metrics": (LOSS,), "stop_when": stop, **changes})


def job(status: str) -> dict[str, Any]:
    return {
        "TrainingJobName": "training-1",
        "TrainingJobStatus": status,
        "CreationTime": CREATED,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/early/model.tar.gz"},
        "FinalMetricDataList": [{"MetricName": "churn:loss", "Value": 2.75}],
    }


def followed(
    looks: list[str], alarm: Any = CALM, ends: tuple[str, ...] = ("Stopped",), **answers: Any
) -> tuple[Run, Services]:
    """A job whose looks see these statuses, and its end these; the last of each again and again."""
    step = stopped()
    good = Gate(name="good", when=step.metric("churn:loss") >= 0, then=(Register(model=step.model),))
    definition = runnable(compiled(pipeline(step, good)))
    for state in definition["States"].values():
        if state["Type"] == "Wait":
            state.pop("SecondsPath", None)
            state.pop("Seconds", None)
            state["Type"] = "Pass"

    def of(statuses: Any) -> Any:
        return lambda attempt: job(statuses[min(attempt, len(statuses)) - 1])

    services = Services(
        {
            "Start train": {"TrainingJobArn": "a"},
            "Look at train": of(looks),
            "Ask alarm of train": alarm,
            "Stop early train": {},
            "Stop train": {},
            "See the end of train": of(ends),
            "Keep train": job("Stopped"),
            **answers,
        }
    )
    return run(definition, {}, services, name="run-1"), services


def test_a_job_that_ends_by_itself_is_taken_as_it_is() -> None:
    ended, services = followed(["InProgress", "InProgress", "Completed"])
    assert ended.status == "SUCCEEDED"
    assert len(services.of("Ask alarm of train")) == 2
    assert services.of("Stop early train") == []
    assert services.of("Ask alarm of train")[0]["AlarmTypes"] == ["MetricAlarm"]


def test_an_alarm_that_rings_stops_the_job_and_its_artifact_and_metrics_are_used() -> None:
    ended, services = followed(["InProgress"], RINGS, ("Stopping", "Stopping", "Stopped"))
    assert ended.status == "SUCCEEDED"
    name = services.of("Start train")[0]["TrainingJobName"]
    assert services.of("Stop early train") == [{"TrainingJobName": name}]
    assert len(services.of("See the end of train")) == 3
    model = services.of("register")[0]["InferenceSpecification"]["Containers"][0]
    assert model["ModelDataUrl"] == "s3://bucket/early/model.tar.gz"


def test_an_alarm_that_rang_before_the_job_was_made_stops_nothing() -> None:
    ended, services = followed(["InProgress", "Completed"], STALE)
    assert ended.status == "SUCCEEDED"
    assert services.of("Stop early train") == []


def test_a_job_that_ended_before_it_could_be_stopped_is_taken_as_it_is() -> None:
    answers = {"Stop early train": failing("SageMaker.ValidationException")}
    ended, _ = followed(["InProgress"], RINGS, ("Completed",), **answers)
    assert ended.status == "SUCCEEDED"


def test_a_job_that_fails_while_it_is_stopped_reaches_the_failure_path() -> None:
    ended, _ = followed(["InProgress"], RINGS, ("Failed",))
    assert ended.states[-3:] == ("Report train", "Notify failure", "Failed")


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_fails_or_that_somebody_else_stops_reaches_the_failure_path(status: str) -> None:
    ended, _ = followed(["InProgress", status])
    assert ended.states[-3:] == ("Report train", "Notify failure", "Failed")
    assert f"ended as {status}" in ended.cause


def test_an_alarm_that_is_gone_reaches_the_failure_path() -> None:
    ended, _ = followed(["InProgress"], {"MetricAlarms": []})
    assert ended.states[-4:] == ("Check alarm of train", "Report alarm of train", "Notify failure", "Failed")
    assert "there is no alarm" in ended.cause


def test_a_throttled_look_at_the_alarm_is_made_again() -> None:
    def answer(attempt: int) -> Any:
        return failing("CloudWatch.ThrottlingException", attempts=2)(attempt) if attempt <= 2 else CALM

    ended, services = followed(["InProgress", "Completed"], answer)
    assert (ended.status, len(services.of("Ask alarm of train"))) == ("SUCCEEDED", 3)


def test_the_alarm_watches_the_metric_by_its_name_in_every_job() -> None:
    result = compiled(pipeline(stopped()))
    alarm = result.resources["TrainingTrainEarlyStop"]["Properties"]
    assert alarm["AlarmName"] == "dev-churn-training-train-stop"
    query = 'SELECT AVG("churn:loss") FROM SCHEMA("/aws/sagemaker/TrainingJobs", TrainingJobName)'
    assert alarm["Metrics"] == [{"Id": "watched", "Expression": query, "Period": 60, "ReturnData": True}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (2.5, "GreaterThanThreshold")
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (10, 10)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_a_metric_may_fall_below_a_number() -> None:
    result = compiled(pipeline(stopped(stop_when=EarlyStop(metric="churn:loss", below=0.01))))
    assert result.resources["TrainingTrainEarlyStop"]["Properties"]["ComparisonOperator"] == "LessThanThreshold"


def test_an_alarm_of_the_account_is_read_by_its_name_and_none_is_made() -> None:
    result = compiled(pipeline(stopped(stop_when="loss-explodes", metrics=())))
    assert not any(item["Type"] == "AWS::CloudWatch::Alarm" for item in result.resources.values())
    asked = definition_of(result)["States"]["Ask alarm of train"]["Parameters"]
    assert asked["AlarmNames"] == ["loss-explodes"]
    assert "alarm:loss-explodes" in str(statements_of(result, "TrainingStatesRole"))
    assert prove_template(result.resources) == ()


def test_the_states_may_start_see_and_stop_the_job_and_read_the_alarm() -> None:
    result = compiled(pipeline(stopped()))
    assert prove_template(result.resources) == ()
    allowed = str(statements_of(result, "TrainingStatesRole"))
    assert "training-job/churn-train-*" in allowed
    assert "alarm:dev-churn-training-train-stop" in allowed
    assert "events:PutRule" not in allowed


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"stop_when": EarlyStop(metric="churn:auc", below=0.1)}, "stop-metric"),
        ({"stop_when": ""}, "alarm-name"),
        ({"retry": Retry(attempts=1)}, "stop-retry"),
    ],
)
def test_a_stop_that_nothing_could_read_is_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        stopped(**changes)


def test_a_metric_that_other_models_could_publish_too_is_refused() -> None:
    step = stopped(metrics=(MetricDefinition("loss", "loss=([0-9.]+)"),), stop_when=EarlyStop(metric="loss", above=2))
    with pytest.raises(ValueError, match=r"\[stop-name\]"):
        compiled(pipeline(step))


@pytest.mark.parametrize(
    "bounds", [{}, {"above": 1, "below": 0}, {"above": float("nan")}, {"above": 1, "for_minutes": 0}]
)
def test_a_bound_that_cannot_be_compared_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\[(alarm-bound|number-range)\]"):
        EarlyStop(metric="churn:loss", **bounds)
