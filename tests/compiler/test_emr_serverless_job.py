"""EmrServerlessJob steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import S3, EmrServerlessJob, Input, LambdaTask, SpecError, join
from tests.services import allowed, broken, made, ran, state, throttled, unproved
from tests.support import prepare, statements_of

DAY = Input("day", default="1997-09-30")
APPLICATION = Input("application", default="00f1abcd")
FINISHED = {"JobRunId": "00run", "State": "SUCCESS"}


def features(**changes: Any) -> EmrServerlessJob:
    given = {"name": "features", "application": "00f1abcd", "entry_point": S3("jobs/features.py"), "role": "spark-job"}
    return EmrServerlessJob(**{**given, **changes})


def test_the_run_gets_its_script_arguments_and_role_and_a_token_of_its_own() -> None:
    step = features(
        application=APPLICATION,
        arguments=("--day", DAY, 3),
        spark_parameters=join("--conf day=", DAY),
        timeout=timedelta(hours=2),
    )
    ended, services = ran(step, inputs=(DAY, APPLICATION), given={"day": "2026-11-21", "application": "00other"})
    assert ended.status == "SUCCEEDED"
    assert services.calls[0].service == "emr-serverless:startJobRun.sync"
    asked = dict(services.of("features")[0])
    token = asked.pop("ClientToken")
    assert (token[-2:], len(token)) == ("-0", 38)
    assert asked == {
        "Name": "churn-features",
        "ApplicationId": "00other",
        "ExecutionRoleArn": "arn:aws:iam::aws-accountid:role/spark-job",
        "ExecutionTimeoutMinutes": 120,
        "JobDriver": {
            "SparkSubmit": {
                "EntryPoint": "s3://databucket/jobs/features.py",
                "EntryPointArguments": ["--day", "2026-11-21", "3"],
                "SparkSubmitParameters": "--conf day=2026-11-21",
            }
        },
    }


def test_a_throttled_start_is_made_again_under_another_token() -> None:
    step = features()
    tell = LambdaTask(name="tell", function="tell", payload={"run": step.result("JobRunId")})
    answers = {"features": throttled("EMRServerless.ThrottlingException", FINISHED), "tell": {"Payload": {}}}
    ended, services = ran(step, tell, answers=answers)
    assert ended.status == "SUCCEEDED"
    assert len({asked["ClientToken"] for asked in services.of("features")}) == 3
    assert services.of("tell")[0]["Payload"] == {"run": "00run"}


def test_a_failed_job_reaches_the_notified_failure_path() -> None:
    ended, _ = ran(features(), answers={"features": broken()})
    assert ended.states[-3:] == ("features", "Notify failure", "Failed")


def test_the_script_may_be_what_an_earlier_step_made() -> None:
    step = features(entry_point=prepare().output("train") / "job.py")
    driver = state("features", prepare(), step)["Parameters"]["JobDriver"]["SparkSubmit"]
    assert driver["EntryPoint.$"].endswith("/prepare/train/job.py', $$.Execution.Name)")


def test_raw_fields_reach_the_request() -> None:
    monitoring = {"MonitoringConfiguration": {"ManagedPersistenceMonitoringConfiguration": {"Enabled": True}}}
    rendered = state("features", features(raw={"ConfigurationOverrides": monitoring}))
    assert rendered["Parameters"]["ConfigurationOverrides"] == monitoring
    with pytest.raises(SpecError, match="Overides"):
        made(features(raw={"ConfigurationOverides": {}}))


def test_the_role_may_run_in_this_application_and_hand_over_this_role() -> None:
    result = made(features())
    assert allowed(result, "emr-serverless") == {
        "/applications/00f1abcd": ["StartJobRun"],
        "/applications/00f1abcd/jobruns/*": ["CancelJobRun", "GetJobRun"],
    }
    passed = [item for item in statements_of(result, "TrainingStatesRole") if item["Action"] == "iam:PassRole"]
    assert passed[0]["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/spark-job"}
    assert passed[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


@pytest.mark.parametrize("application", ["00f1abcd", APPLICATION])
def test_the_pipeline_is_proved(application: str | Input) -> None:
    assert unproved(features(application=application, arguments=(DAY,)), inputs=(DAY, APPLICATION)) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"application": "My app"},
        {"application": Input("application", type="Number")},
        {"entry_point": "jobs/features.py"},
        {"role": "arn:aws:iam::111111111111:role/spark-job"},
        {"role": Input("role")},
        {"arguments": "--day"},
        {"arguments": (object(),)},
        {"spark_parameters": 3},
        {"timeout": timedelta(seconds=1)},
    ],
)
def test_what_cannot_be_run_is_refused_when_the_step_is_built(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        features(**changes)
