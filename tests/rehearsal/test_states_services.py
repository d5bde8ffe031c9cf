"""What states call, and what they get: each integration in the shape that Step Functions gives it."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import ROLE, create, ended, machine, output, run, start, task, training


@pytest.fixture
def states(account: EmbeddedAccount) -> EmbeddedAccount:
    States(account)
    return account


def function(account: EmbeddedAccount, payload: Any, error: str = "") -> list[Call]:
    """Every function answers alike; the calls that reached one."""
    calls: list[Call] = []

    def invoke(call: Call) -> Json:
        calls.append(call)
        failed = {"FunctionError": error} if error else {}
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": json.dumps(payload).encode(), **failed}

    account.gate.override("lambda", "Invoke", invoke)
    return calls


def test_a_function_gets_and_gives_json(states: EmbeddedAccount) -> None:
    calls = function(states, {"answer": 42})
    with states.running():
        asked = task("lambda:invoke", {"FunctionName": "f", "Payload": {"in.$": "$.x"}})
        found = output(run(states, machine(("Ask", asked)), {"x": 1}))
    assert json.loads(calls[0].parameters["Payload"]) == {"in": 1}
    assert found["Payload"] == {"answer": 42}
    assert set(found) == {"ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"}


def test_what_a_function_raises_is_the_error_of_its_state(states: EmbeddedAccount) -> None:
    function(states, {"errorType": "ValueError", "errorMessage": "bad", "stackTrace": []}, "Unhandled")
    with states.running():
        found = run(states, machine(("Ask", task("lambda:invoke", {"FunctionName": "f"}))))
    assert (found["status"], found["error"]) == ("FAILED", "ValueError")
    assert json.loads(found["cause"])["errorMessage"] == "bad"


def test_a_function_as_a_resource_gives_its_payload_alone(states: EmbeddedAccount) -> None:
    calls = function(states, [1, 2])
    with states.running():
        arn = states.arn("lambda", "function:f")
        state = {"Type": "Task", "Resource": arn, "End": True}
        assert output(run(states, machine(("Ask", state)))) == [1, 2]
    assert (calls[0].principal.role, calls[0].principal.session) == (ROLE, "one")


def table(account: EmbeddedAccount) -> None:
    account.client("dynamodb").create_table(
        TableName="turns",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_condition_that_does_not_hold_is_caught_by_its_name(states: EmbeddedAccount) -> None:
    put = {"TableName": "turns", "Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)"}
    caught = [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "ResultPath": None, "Next": "Look"}]
    look = task("dynamodb:getItem", {"TableName": "turns", "Key": {"id": {"S": "a"}}}, ResultPath="$.row")
    first, second = (
        task("dynamodb:putItem", put, ResultPath=None, Next="Again"),
        task("dynamodb:putItem", put, Catch=caught),
    )
    with states.running():
        table(states)
        found = output(run(states, machine(("Put", first), ("Again", second), ("Look", look)), {"kept": 1}))
    assert found["kept"] == 1
    assert found["row"]["Item"] == {"id": {"S": "a"}}


def test_an_object_comes_as_text_and_a_missing_one_as_the_sdk_says(states: EmbeddedAccount) -> None:
    read = task(
        "aws-sdk:s3:getObject",
        {"Bucket": "given", "Key.$": "$.key"},
        ResultSelector={"found.$": "States.StringToJson($.Body)"},
    )
    with states.running():
        s3 = states.client("s3")
        s3.create_bucket(Bucket="given", CreateBucketConfiguration={"LocationConstraint": states.region})
        s3.put_object(Bucket="given", Key="metrics.json", Body=b'{"auc": 0.75}')
        assert output(run(states, machine(("Read", read)), {"key": "metrics.json"})) == {"found": {"auc": 0.75}}
        missing = run(states, machine(("Read", read)), {"key": "no"}, "two")
    assert missing["error"] == "S3.NoSuchKeyException"
    assert "(Service: S3, Status Code: 404, Request ID:" in missing["cause"]


def test_errors_of_the_sdk_have_the_names_of_the_services(states: EmbeddedAccount) -> None:
    asked = task("aws-sdk:sagemaker:describeTrainingJob", {"TrainingJobName": "no"})
    codes = iter(["ResourceNotFound", "ValidationException", "ThrottlingException"])

    def refuse(_: Call) -> Json:
        raise ServiceError(next(codes), "no")

    states.gate.serve("sagemaker", {"DescribeTrainingJob": refuse})
    sfn = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": states.arn("states", "execution:no:no")})
    with states.running():
        names = [run(states, machine(("Ask", asked)), name=f"ask-{n}")["error"] for n in range(3)]
        assert run(states, machine(("Ask", sfn)), name="sfn")["error"] == "Sfn.ExecutionDoesNotExistException"
    general = "SageMaker.SageMakerException"
    assert names == ["SageMaker.ResourceNotFoundException", general, general]


def test_members_are_spelt_in_capitals_and_times_are_texts(states: EmbeddedAccount) -> None:
    with states.running():
        other = start(states, create(states, machine(("Pass", {"Type": "Pass", "End": True})), "other"), {"a": 1})
        ended(states, other)
        found = output(run(states, machine(("Ask", task("aws-sdk:sfn:describeExecution", {"ExecutionArn": other})))))
    assert (found["Status"], found["Input"]) == ("SUCCEEDED", '{"a": 1}')
    assert found["StartDate"].endswith("Z")
    assert "SdkHttpMetadata" not in found


def test_messages_and_events_carry_objects_as_texts(states: EmbeddedAccount) -> None:
    calls: list[Call] = []
    states.gate.before.append(calls.append)
    entry = {"Source": "ours", "DetailType": "told", "Detail": {"x.$": "$.x"}, "EventBusName": "default"}
    with states.running():
        queue = states.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        topic = states.client("sns").create_topic(Name="t")["TopicArn"]
        send = task(
            "sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"x.$": "$.x"}}, ResultPath="$.sqs", Next="Tell"
        )
        tell = task("sns:publish", {"TopicArn": topic, "Message.$": "$.x"}, ResultPath="$.sns", Next="Put")
        put = task("events:putEvents", {"Entries": [entry]}, ResultPath="$.events")
        found = output(run(states, machine(("Send", send), ("Tell", tell), ("Put", put)), {"x": "y"}))
        message = states.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert json.loads(message["Body"]) == {"x": "y"}
    assert {"MD5OfMessageBody", "MessageId"} <= set(found["sqs"])
    assert "MessageId" in found["sns"]
    assert found["events"]["FailedEntryCount"] == 0
    sent = next(call for call in calls if call.operation == "PutEvents").parameters["Entries"][0]
    assert json.loads(sent["Detail"]) == {"x": "y"}
    assert [arn.split(":")[5] for arn in sent["Resources"]] == ["stateMachine", "execution"]


def test_a_nested_execution_is_waited_for(states: EmbeddedAccount) -> None:
    with states.running():
        inner = create(states, machine(("Pass", {"Type": "Pass", "Result": {"done": True}, "End": True})), "inner")
        asked = {"StateMachineArn": inner, "Input": {"from.$": "$$.Execution.Id"}}
        text = output(run(states, machine(("Nest", task("states:startExecution.sync", asked))), name="text"))
        read = output(run(states, machine(("Nest", task("states:startExecution.sync:2", asked))), name="read"))
    assert (text["Status"], text["Output"], read["Output"]) == ("SUCCEEDED", '{"done":true}', {"done": True})
    assert isinstance(text["StartDate"], int)
    assert read["Input"]["from"].endswith(":read")


def test_a_nested_execution_that_failed_fails_its_task(states: EmbeddedAccount) -> None:
    with states.running():
        inner = create(states, machine(("No", {"Type": "Fail", "Error": "Inner", "Cause": "why"})), "inner")
        found = run(states, machine(("Nest", task("states:startExecution.sync:2", {"StateMachineArn": inner}))))
        other = inner.replace(":111111111111:", ":222222222222:")
        refused = run(states, machine(("Nest", task("states:startExecution", {"StateMachineArn": other}))), name="x")
    assert found["error"] == "States.TaskFailed"
    assert json.loads(found["cause"])["Error"] == "Inner"
    assert refused["error"] == "StepFunctions.AWSStepFunctionsException"


def test_a_glue_job_run_is_watched_to_its_end(states: EmbeddedAccount) -> None:
    looks: list[Call] = []

    def look(call: Call) -> Json:
        looks.append(call)
        state = "SUCCEEDED" if len(looks) > 1 else "RUNNING"
        return {"JobRun": {"Id": "jr_1", "JobName": "job", "JobRunState": state, "StartedOn": states.clock.now()}}

    states.gate.override("glue", "StartJobRun", lambda _: {"JobRunId": "jr_1"})
    states.gate.override("glue", "GetJobRun", look)
    with states.running():
        found = output(run(states, machine(("Glue", task("glue:startJobRun.sync", {"JobName": "job"})))))
    assert (found["JobRunState"], found["JobName"]) == ("SUCCEEDED", "job")
    assert isinstance(found["StartedOn"], int)
    assert [dict(call.parameters) for call in looks] == [{"JobName": "job", "RunId": "jr_1"}] * 2


def test_a_run_of_databrew_is_found_among_the_runs_of_its_job(states: EmbeddedAccount) -> None:
    looks: list[Call] = []

    def runs(call: Call) -> Json:
        looks.append(call)
        state = "SUCCEEDED" if len(looks) > 1 else "RUNNING"
        return {"JobRuns": [{"RunId": "later", "State": "FAILED"}, {"RunId": "ours", "State": state}]}

    states.gate.override("databrew", "StartJobRun", lambda _: {"RunId": "ours"})
    states.gate.override("databrew", "ListJobRuns", runs)
    with states.running():
        found = output(run(states, machine(("Clean", task("databrew:startJobRun.sync", {"Name": "clean"})))))
    assert found == {"RunId": "ours", "State": "SUCCEEDED"}
    assert [dict(call.parameters) for call in looks] == [{"Name": "clean"}] * 2


@pytest.mark.parametrize(("code", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_an_ecs_task_ends_as_its_containers_do(states: EmbeddedAccount, code: int, status: str) -> None:
    task_arn, cluster = (
        "arn:aws:ecs:eu-central-1:111111111111:task/c/1",
        "arn:aws:ecs:eu-central-1:111111111111:cluster/c",
    )
    made = {"taskArn": task_arn, "clusterArn": cluster, "lastStatus": "PENDING"}
    done = made | {"lastStatus": "STOPPED", "containers": [{"name": "main", "exitCode": code}]}
    states.gate.override("ecs", "RunTask", lambda _: {"tasks": [made], "failures": []})
    states.gate.override("ecs", "DescribeTasks", lambda _: {"tasks": [done], "failures": []})
    with states.running():
        found = run(states, machine(("Ecs", task("ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "t"}))))
    assert found["status"] == status
    told = json.loads(found["output"] if status == "SUCCEEDED" else found["cause"])
    assert told["Containers"] == [{"Name": "main", "ExitCode": code}]


def test_what_nobody_serves_fails_the_run_by_name(states: EmbeddedAccount) -> None:
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Hidden"}]
    eks = task("eks:runJob.sync", {"ClusterName": "c"}, Catch=caught)
    with states.running():
        found = run(states, machine(("Eks", eks), ("Hidden", {"Type": "Succeed"})))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "the embedded account does not serve arn:aws:states:::eks:runJob.sync" in found["cause"]


def test_a_states_own_credentials_name_its_role(states: EmbeddedAccount) -> None:
    asked: list[tuple[str, str, str]] = []
    states.authorities.append(lambda who, action, resource, _: asked.append((who.role, action, resource)))
    calls, other = function(states, {}), "arn:aws:iam::111111111111:role/other"
    with states.running():
        state = task("lambda:invoke", {"FunctionName": "f"}, Credentials={"RoleArn": other})
        output(run(states, machine(("Ask", state))))
    assert asked == [(ROLE, "sts:AssumeRole", other)]
    assert (calls[0].principal.role, calls[0].principal.service) == (other, ROLE)


def tokens(account: EmbeddedAccount) -> list[str]:
    """The tokens that functions were called with, as they come."""
    found: list[str] = []
    calls = function(account, None)
    account.gate.before.append(
        lambda call: (
            found.append(json.loads(call.parameters["Payload"])["token"]) if call.operation == "Invoke" else None
        )
    )
    assert calls == []
    return found


APPROVE = {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}


def test_an_approval_goes_on_with_what_was_sent(states: EmbeddedAccount) -> None:
    found, client = tokens(states), states
    with states.running():
        arn = start(states, create(states, machine(("Approve", task("lambda:invoke.waitForTaskToken", APPROVE)))))
        assert states.clock.poll(lambda: bool(found), 5)
        sfn = client.client("stepfunctions")
        sfn.send_task_success(taskToken=found[0], output='{"by": "me"}')
        assert output(ended(states, arn)) == {"by": "me"}
        with pytest.raises(sfn.exceptions.TaskTimedOut):
            sfn.send_task_success(taskToken=found[0], output="{}")
        with pytest.raises(sfn.exceptions.InvalidToken):
            sfn.send_task_failure(taskToken=base64.b64encode(b"x").decode())


def test_a_rejection_fails_the_state_with_its_error_and_cause(states: EmbeddedAccount) -> None:
    found = tokens(states)
    with states.running():
        arn = start(states, create(states, machine(("Approve", task("lambda:invoke.waitForTaskToken", APPROVE)))))
        assert states.clock.poll(lambda: bool(found), 5)
        states.client("stepfunctions").send_task_failure(taskToken=found[0], error="Rejected", cause="no")
        assert (ended(states, arn)["error"], ended(states, arn)["cause"]) == ("Rejected", "no")


def test_each_attempt_has_a_token_of_its_own_and_can_run_out_of_time(states: EmbeddedAccount) -> None:
    found = tokens(states)
    retry = [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}]
    state = task("lambda:invoke.waitForTaskToken", APPROVE, TimeoutSeconds=1, Retry=retry)
    with states.running():
        assert run(states, machine(("Approve", state)))["error"] == "States.Timeout"
    assert len(set(found)) == 2


def test_a_heartbeat_that_stays_away_fails_the_state(states: EmbeddedAccount) -> None:
    tokens(states)
    state = task("lambda:invoke.waitForTaskToken", APPROVE, TimeoutSeconds=60, HeartbeatSeconds=1)
    with states.running():
        assert run(states, machine(("Approve", state)))["error"] == "States.HeartbeatTimeout"


def test_two_branches_fail_at_once_and_the_job_of_the_third_is_stopped(states: EmbeddedAccount) -> None:
    store, stopped = Store(states), threading.Event()
    store.on("Create", "TrainingJob", lambda resource, _: store.change(resource, TrainingJobStatus="InProgress"))
    states.gate.serve("sagemaker", {"StopTrainingJob": lambda _: stopped.set()})

    def late(name: str) -> dict[str, Any]:
        wait = {"Type": "Wait", "Seconds": 120, "Next": f"{name} fails"}
        return machine((name, wait), (f"{name} fails", {"Type": "Fail", "Error": "No", "Cause": "never"}))

    long = machine(("Train", task("sagemaker:createTrainingJob.sync", training())))
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Told"}]
    both = {"Type": "Parallel", "Branches": [late("A"), late("B"), long], "Catch": caught, "End": True}
    with states.running():
        found = output(run(states, machine(("Both", both), ("Told", {"Type": "Pass", "End": True}))))
        assert stopped.wait(5)
    assert found["error"] == {"Error": "No", "Cause": "never"}
