"""Executions run with their role, wait through the clock, and end as Step Functions ends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import (
    ROLE,
    complete_jobs,
    create,
    deny,
    ended,
    machine,
    output,
    run,
    start,
    task,
    training,
)


@pytest.fixture
def states(account: EmbeddedAccount) -> EmbeddedAccount:
    States(account)
    return account


def test_a_training_job_is_watched_with_the_role_of_its_execution(states: EmbeddedAccount) -> None:
    store, calls = complete_jobs(states), list[Call]()
    states.gate.before.append(calls.append)
    with states.running():
        found = output(run(states, machine(("Train", task("sagemaker:createTrainingJob.sync", training())))))
        tags = store.get("TrainingJob", "train-1").tags
    assert found["TrainingJobStatus"] == "Completed"
    assert isinstance(found["CreationTime"], int)
    assert tags["MANAGED_BY_AWS"] == "STARTED_BY_STEP_FUNCTIONS"
    assert tags["AWS_STEP_FUNCTIONS_EXECUTION_ARN"].endswith(":execution:machine-of-one:one")
    made = {(call.operation, call.principal) for call in calls if call.service == "sagemaker"}
    principal = Principal(ROLE, "states.amazonaws.com", "one")
    assert made == {("CreateTrainingJob", principal), ("DescribeTrainingJob", principal)}


def test_a_job_that_failed_fails_its_task_with_the_description(states: EmbeddedAccount) -> None:
    complete_jobs(states, status="Failed", FailureReason="AlgorithmError: ExitCode 1")
    caught = [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Told"}]
    told = {"Type": "Fail", "Error": "Told", "CausePath": "$.error.Cause"}
    with states.running():
        found = run(
            states,
            machine(("Train", task("sagemaker:createTrainingJob.sync", training(), Catch=caught)), ("Told", told)),
        )
    assert (found["status"], found["error"]) == ("FAILED", "Told")
    assert json.loads(found["cause"])["FailureReason"] == "AlgorithmError: ExitCode 1"


def test_a_throttled_call_is_tried_again(states: EmbeddedAccount) -> None:
    complete_jobs(states)
    refused = deny(states, "sagemaker:CreateTrainingJob", "ThrottlingException", times=2)
    retry = [{"ErrorEquals": ["SageMaker.AmazonSageMakerException"], "IntervalSeconds": 5, "MaxAttempts": 3}]
    with states.running():
        done = task("sagemaker:createTrainingJob.sync", training(), Retry=retry)
        assert run(states, machine(("Train", done)))["status"] == "SUCCEEDED"
    assert len(refused) == 2
    tries = [entry for entry in states.journal.entries("state") if entry.what == "tries again"]
    assert [entry.detail["error"] for entry in tries] == ["SageMaker.AmazonSageMakerException"] * 2


def test_a_denied_call_fails_the_run_with_its_message(states: EmbeddedAccount) -> None:
    complete_jobs(states)
    deny(states, "sagemaker:CreateTrainingJob")
    with states.running():
        found = run(states, machine(("Train", task("sagemaker:createTrainingJob.sync", training()))))
    assert (found["status"], found["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    assert f"{ROLE} may not do sagemaker:CreateTrainingJob (Service: AmazonSageMaker;" in found["cause"]


def test_a_parameter_that_the_api_does_not_have_fails_the_run(states: EmbeddedAccount) -> None:
    complete_jobs(states)
    with states.running():
        found = run(states, machine(("Train", task("sagemaker:createTrainingJob", training(Colour="red")))))
    assert found["error"] == "States.Runtime"
    assert 'Unknown parameter in input: "Colour"' in found["cause"]


def test_stopping_an_execution_stops_its_job(states: EmbeddedAccount) -> None:
    store, stopped = complete_jobs(states, status=""), list[str]()
    states.gate.serve("sagemaker", {"StopTrainingJob": lambda call: stopped.append(call.parameters["TrainingJobName"])})
    with states.running():
        arn = start(states, create(states, machine(("Train", task("sagemaker:createTrainingJob.sync", training())))))
        assert states.clock.poll(lambda: store.find("TrainingJob", "train-1") is not None, 5)
        states.client("stepfunctions").stop_execution(executionArn=arn, error="Enough", cause="by hand")
        found = ended(states, arn)
        assert states.clock.poll(lambda: bool(stopped), 5)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "by hand")
    assert stopped == ["train-1"]


def test_what_runs_when_the_account_closes_is_aborted(states: EmbeddedAccount) -> None:
    complete_jobs(states, status="")
    wait = {"Type": "Wait", "Seconds": 99999, "End": True}
    with states.running():
        start(states, create(states, machine(("Train", task("sagemaker:createTrainingJob.sync", training())))))
        start(states, create(states, machine(("Wait", wait)), "waits"))
        token = task("sns:publish.waitForTaskToken", {"TopicArn": topic(states), "Message.$": "$$.Task.Token"})
        start(states, create(states, machine(("Approve", token)), "approval"))


def topic(account: EmbeddedAccount) -> str:
    return str(account.client("sns").create_topic(Name="told")["TopicArn"])


def test_waits_and_timestamps_are_shortened(states: EmbeddedAccount) -> None:
    later = {"Type": "Wait", "TimestampPath": "$.at", "End": True}
    first = {"Type": "Wait", "Seconds": 60, "Next": "Later"}
    with states.running():
        found = run(states, machine(("First", first), ("Later", later)), {"at": "2020-01-01T00:00:00Z"})
    assert output(found) == {"at": "2020-01-01T00:00:00Z"}


def test_a_definite_path_through_a_list_gives_the_value(states: EmbeddedAccount) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.list[0].x", "NumericGreaterThan": 0.5, "Next": "Good"}],
        "Default": "Bad",
    }
    good = {"Type": "Pass", "Parameters": {"x.$": "$.list[0].x", "all.$": "$.list[*].x"}, "End": True}
    with states.running():
        found = run(
            states, machine(("Which", choice), ("Good", good), ("Bad", {"Type": "Fail"})), {"list": [{"x": 0.9}]}
        )
    assert output(found) == {"x": 0.9, "all": [0.9]}


def test_an_execution_without_a_name_gets_one_and_a_name_is_taken_once(states: EmbeddedAccount) -> None:
    with states.running():
        client = states.client("stepfunctions")
        arn = create(states, machine(("Pass", {"Type": "Pass", "End": True})))
        assert len(client.start_execution(stateMachineArn=arn)["executionArn"].rsplit(":", 1)[1]) == 36
        ended(states, start(states, arn, name="one"))
        with pytest.raises(client.exceptions.ExecutionAlreadyExists):
            start(states, arn, name="one")
        with pytest.raises(client.exceptions.InvalidName):
            start(states, arn, name="a b")
        with pytest.raises(client.exceptions.InvalidExecutionInput):
            client.start_execution(stateMachineArn=arn, input="{")


def test_a_machine_whose_role_states_may_not_assume_is_refused(states: EmbeddedAccount) -> None:
    def distrust(principal: Principal) -> None:
        raise ServiceError("AccessDenied", f"{principal.role} does not trust {principal.service}")

    states.trust.append(distrust)
    with states.running(), pytest.raises(ClientError, match=r"Neither the global service principal states"):
        create(states, machine(("Pass", {"Type": "Pass", "End": True})))


def test_a_job_cannot_be_watched_without_the_managed_rule(states: EmbeddedAccount) -> None:
    asked: list[tuple[str, str]] = []

    def authority(_: Principal, action: str, resource: str, __: Any) -> None:
        asked.append((action, resource.rsplit("/", 1)[1]))
        if action == "events:PutRule":
            raise ServiceError("AccessDeniedException", f"no {action}")

    states.authorities.append(authority)
    with states.running(), pytest.raises(ClientError, match="is not authorized to create managed-rule"):
        create(states, machine(("Train", task("sagemaker:createTrainingJob.sync", training()))))
    rule = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    assert asked == [("events:PutTargets", rule), ("events:PutRule", rule)]


def test_the_journal_and_the_bus_tell_of_an_execution(states: EmbeddedAccount) -> None:
    events: list[dict[str, Any]] = []
    states.buses.append(events.append)
    with states.running():
        run(states, machine(("Pass", {"Type": "Pass", "Next": "No"}), ("No", {"Type": "Fail", "Error": "E"})))
    told = [(entry.name, entry.what) for entry in states.journal.entries("state")]
    assert told == [("Pass", "entered"), ("Pass", "left"), ("No", "entered"), ("No", "failed")]
    assert [entry.what for entry in states.journal.entries("execution")] == ["running", "failed"]
    assert [event["detail"]["status"] for event in events] == ["RUNNING", "FAILED"]
    assert (events[1]["source"], events[1]["detail"]["error"]) == ("aws.states", "E")


def test_the_history_comes_in_pages(states: EmbeddedAccount) -> None:
    with states.running():
        found = run(states, machine(("Pass", {"Type": "Pass", "End": True})))
        pages = states.client("stepfunctions").get_paginator("get_execution_history")
        asked = pages.paginate(executionArn=found["executionArn"], maxResults=2, reverseOrder=True)
        kinds = [event["type"] for page in asked for event in page["events"]]
    assert kinds == ["ExecutionSucceeded", "PassStateExited", "PassStateEntered", "ExecutionStarted"]


def test_executions_are_listed_newest_first_and_by_status(states: EmbeddedAccount) -> None:
    with states.running():
        arn = create(states, machine(("Wait", {"Type": "Wait", "SecondsPath": "$.seconds", "End": True})))
        for name, seconds in (("a", 0), ("b", 0), ("c", 99999999)):
            started = start(states, arn, {"seconds": seconds}, name)
            if name != "c":
                ended(states, started)
        client = states.client("stepfunctions")
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=arn, maxResults=2)
        listed = [item["name"] for page in pages for item in page["executions"]]
        running = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    assert listed == ["c", "b", "a"]
    assert [(item["name"], "stopDate" in item) for item in running] == [("c", False)]


def test_an_execution_and_a_task_run_out_of_time(states: EmbeddedAccount) -> None:
    store, stopped = complete_jobs(states, status=""), list[str]()
    states.gate.serve("sagemaker", {"StopTrainingJob": lambda call: stopped.append(call.parameters["TrainingJobName"])})
    short = task("sagemaker:createTrainingJob.sync", training("task"), TimeoutSeconds=1)
    with states.running():
        whole = start(
            states, create(states, machine(("Wait", {"Type": "Wait", "Seconds": 9999, "End": True}), TimeoutSeconds=1))
        )
        found = run(states, machine(("Train", short)), name="task")
        assert ended(states, whole)["status"] == "TIMED_OUT"
        assert store.get("TrainingJob", "task").status == "InProgress"
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    assert stopped == []


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (machine(("Pass", {"Type": "Pass", "End": True}), QueryLanguage="JSONata"), "reads JSONPath, not JSONata"),
        (machine(("A", {"Type": "Task", "Resource": "arn:aws:states:x:1:activity:a", "End": True})), "activities"),
        (machine(("Ask", task("sagemaker:createModel.sync", {}))), "is not recognized"),
        (machine(("Pass", {"Type": "Pass", "Next": 1})), "Invalid State Machine Definition"),
    ],
)
def test_a_definition_that_cannot_run_is_refused(states: EmbeddedAccount, definition: Any, text: str) -> None:
    with states.running(), pytest.raises(ClientError, match=text) as refused:
        create(states, definition)
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"


def test_states_all_does_not_catch_a_runtime_error(states: EmbeddedAccount) -> None:
    complete_jobs(states)
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Hidden"}]
    bad = task("sagemaker:createTrainingJob", {"TrainingJobName.$": "$.missing"}, Catch=caught)
    with states.running():
        found = run(states, machine(("Train", bad), ("Hidden", {"Type": "Succeed"})))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "'$.missing'" in found["cause"]
