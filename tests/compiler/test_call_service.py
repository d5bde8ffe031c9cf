"""CallService steps: any call, with values anywhere in its parameters."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import (
    S3,
    CallService,
    Execution,
    ForEach,
    Input,
    Item,
    LambdaTask,
    Parallel,
    SpecError,
    TaskToken,
    join,
)
from constructs_ml.compiler.proofs.later import pascal_service
from constructs_ml.compiler.steps.call_service import integration, resource_of
from constructs_ml.faults import Faults
from tests.services import allowed, broken, made, ran, state, throttled, unproved
from tests.support import prepare, statements_of

DAY = Input("day", default="1997-09-30")
ROWS = Input("rows", type="Number", default=3)
HERE = "${AWS::Region}:${AWS::AccountId}"
QUEUE_URL = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/orders"
QUEUE = f"arn:${{AWS::Partition}}:sqs:{HERE}:orders"
TOPIC = f"arn:${{AWS::Partition}}:sns:{HERE}:orders"


def send(**changes: Any) -> CallService:
    given = {
        "name": "send",
        "call": "sqs:sendMessage",
        "parameters": {"QueueUrl": QUEUE_URL, "MessageBody": {"day": DAY}},
        "on": (QUEUE,),
    }
    return CallService(**{**given, **changes})


def put(**changes: Any) -> CallService:
    item = {"Name": {"S": DAY}, "Places": {"L": [{"S": S3("raw/") / DAY}, {"S": "it's {plain}"}]}}
    given = {"name": "put", "call": "dynamodb:putItem", "parameters": {"TableName": "models", "Item": item}}
    return CallService(**{**given, **changes})


def test_values_stand_anywhere_in_nested_parameters() -> None:
    body = {
        "day": DAY,
        "rows": ROWS,
        "nested": {"deep": [{"at": S3("raw/") / DAY}, {"plain": [1, True, None, "a ${b} 'c' {d}"]}]},
        "texts": ["--day", DAY, "it's {x}", join("day ", DAY), ROWS],
        "run": Execution("name"),
        "empty": {"list": [], "object": {}},
    }
    step = send(parameters={"QueueUrl": QUEUE_URL, "MessageBody": body})
    ended, services = ran(step, inputs=(DAY, ROWS), given={"day": "2026-11-21"})
    assert ended.status == "SUCCEEDED"
    assert services.of("send")[0]["MessageBody"] == {
        "day": "2026-11-21",
        "rows": 3,
        "nested": {"deep": [{"at": "s3://databucket/raw/2026-11-21"}, {"plain": [1, True, None, "a ${b} 'c' {d}"]}]},
        "texts": ["--day", "2026-11-21", "it's {x}", "day 2026-11-21", 3],
        "run": "run-1",
        "empty": {"list": [], "object": {}},
    }


def test_results_of_earlier_steps_stand_in_lists_of_objects() -> None:
    count = LambdaTask(name="count", function="count")
    entries = [{"Source": "ml", "DetailType": "Done", "Detail": {"rows": count.result("rows"), "of": [DAY]}}]
    step = CallService(name="tell", call="events:putEvents", parameters={"Entries": entries})
    answers = {"count": {"Payload": {"rows": 7}}}
    ended, services = ran(count, step, inputs=(DAY,), answers=answers)
    assert ended.status == "SUCCEEDED"
    assert services.of("tell")[0]["Entries"][0]["Detail"] == {"rows": 7, "of": ["1997-09-30"]}
    assert allowed(made(count, step, inputs=(DAY,)), "events") == {"event-bus/default": ["PutEvents"]}
    assert unproved(count, step, inputs=(DAY,)) == ()


def test_the_account_and_its_region_are_filled_in_at_deployment_in_lists_too() -> None:
    step = CallService(
        name="tell",
        call="sns:publish",
        parameters={"TopicArn": TOPIC, "Message": {"of": ["${AWS::Region}", DAY], "plain": ["${AWS::Region}"]}},
    )
    rendered = state("tell", step, inputs=(DAY,))["Parameters"]
    assert rendered["TopicArn"] == TOPIC
    assert rendered["Message"]["plain"] == ["${AWS::Region}"]
    _, services = ran(step, inputs=(DAY,))
    assert services.of("tell")[0]["Message"]["of"] == ["aws-region", "1997-09-30"]


def test_a_list_that_mixes_values_with_objects_is_refused_with_its_place() -> None:
    step = send(parameters={"QueueUrl": QUEUE_URL, "MessageBody": {"a": [DAY, {"b": 1}]}})
    with pytest.raises(SpecError, match=r"send\.Parameters\.MessageBody\.a: a list mixes values"):
        made(step, inputs=(DAY,))


def test_what_keep_names_is_kept_and_nothing_else() -> None:
    step = CallService(
        name="ask",
        call="dynamodb:getItem",
        parameters={"TableName": "models", "Key": {"Name": {"S": DAY}}},
        keep={"owner": "$.Item.Owner.S", "unused": "$.Item"},
    )
    tell = LambdaTask(name="tell", function="tell", payload={"owner": step.result("owner")})
    assert state("ask", step, tell, inputs=(DAY,))["ResultSelector"] == {"owner.$": "$.Item.Owner.S"}
    answers = {"ask": {"Item": {"Owner": {"S": "growth"}}}, "tell": {"Payload": {}}}
    _, services = ran(step, tell, inputs=(DAY,), answers=answers)
    assert services.of("tell")[0]["Payload"] == {"owner": "growth"}


@pytest.mark.parametrize(
    ("call", "wait", "resource"),
    [
        ("sqs:sendMessage", "response", "sqs:sendMessage"),
        ("sqs:purgeQueue", "response", "aws-sdk:sqs:purgeQueue"),
        ("events:enableRule", "response", "aws-sdk:eventbridge:enableRule"),
        ("eventbridge:putEvents", "response", "events:putEvents"),
        ("batch:submitJob", "job", "batch:submitJob.sync"),
        ("states:startExecution", "job", "states:startExecution.sync:2"),
        ("elasticmapreduce:addStep", "job", "elasticmapreduce:addStep.sync"),
        ("ssm:getParameter", "response", "aws-sdk:ssm:getParameter"),
    ],
)
def test_the_services_own_integration_is_chosen_where_there_is_one(call: str, wait: Any, resource: str) -> None:
    step = CallService(name="x", call=call, wait=wait)
    assert resource_of(integration(step, Faults(), "here")) == resource


def test_somebody_answers_with_the_token() -> None:
    step = send(wait="token", parameters={"QueueUrl": QUEUE_URL, "MessageBody": {"token": TaskToken(), "of": [DAY]}})
    rendered = state("send", step, inputs=(DAY,))
    assert rendered["Resource"].endswith(":::sqs:sendMessage.waitForTaskToken")
    ended, services = ran(step, inputs=(DAY,))
    assert ended.status == "SUCCEEDED"
    assert services.of("send")[0]["MessageBody"] == {"token": "token-of-send", "of": ["1997-09-30"]}
    assert unproved(step, inputs=(DAY,)) == ()


@pytest.mark.parametrize("error", ["DynamoDB.ProvisionedThroughputExceededException", "DynamoDB.ThrottlingException"])
def test_a_throttled_call_is_made_again(error: str) -> None:
    ended, services = ran(put(), inputs=(DAY,), answers={"put": throttled(error, {})})
    assert (ended.status, len(services.of("put"))) == ("SUCCEEDED", 3)


def test_an_sdk_call_is_made_again_after_the_errors_that_its_model_tells() -> None:
    step = CallService(name="ask", call="dynamodb:describeTable", parameters={"TableName": "models"})
    errors = state("ask", step)["Retry"][0]["ErrorEquals"]
    assert errors == [
        "DynamoDb.DynamoDbException",
        "DynamoDb.InternalServerErrorException",
        "DynamoDb.SdkClientException",
    ]


def test_a_failed_call_reaches_the_notified_failure_path() -> None:
    ended, _ = ran(send(), inputs=(DAY,), answers={"send": broken("SQS.QueueDoesNotExist")})
    assert ended.states[-3:] == ("send", "Notify failure", "Failed")


def test_calls_work_for_each_item_and_in_branches() -> None:
    one = put(parameters={"TableName": "t", "Item": {"c": {"S": Item()}}})
    both = Parallel(name="both", branches=(send(), ForEach(name="each", items=("Bern", "Basel"), steps=(one,))))
    ended, services = ran(both, inputs=(DAY,))
    assert ended.status == "SUCCEEDED"
    assert sorted(asked["Item"]["c"]["S"] for asked in services.of("put")) == ["Basel", "Bern"]


def test_the_role_allows_the_call_where_its_request_says() -> None:
    assert allowed(made(put(), inputs=(DAY,)), "dynamodb") == {"table/models": ["PutItem"]}


def test_the_role_allows_the_call_where_on_says_if_the_request_does_not() -> None:
    url = Input("queue", default="https://sqs.eu-central-1.amazonaws.com/111111111111/orders")
    step = send(parameters={"QueueUrl": url, "MessageBody": "x"})
    assert allowed(made(step, inputs=(url,)), "sqs") == {"orders": ["SendMessage"]}
    with pytest.raises(SpecError, match="nothing tells what sqs:SendMessage is called on"):
        made(send(parameters={"QueueUrl": url, "MessageBody": "x"}, on=()), inputs=(url,))


def test_a_topic_that_an_input_names_is_one_of_those_that_on_names() -> None:
    topic = Input("topic")
    step = CallService(name="tell", call="sns:publish", parameters={"TopicArn": topic, "Message": "x"}, on=(TOPIC,))
    assert "orders" in allowed(made(step, inputs=(topic,)), "sns")
    assert unproved(step, inputs=(topic,)) == ()


def test_a_part_of_what_the_run_may_name_is_not_enough() -> None:
    table = Input("table")
    key = {"Name": {"S": "x"}}
    step = CallService(name="ask", call="dynamodb:getItem", parameters={"TableName": table, "Key": key})
    assert allowed(made(step, inputs=(table,)), "dynamodb") == {"table/*": ["GetItem"]}
    assert unproved(step, inputs=(table,)) == ()


def test_a_job_that_is_waited_for_needs_what_watching_takes() -> None:
    step = CallService(
        name="score",
        call="batch:submitJob",
        wait="job",
        parameters={"JobName": "score", "JobQueue": "gpu", "JobDefinition": "score:3", "Parameters": {"day": DAY}},
    )
    found = allowed(made(step, inputs=(DAY,)), "batch")
    assert found["job-queue/gpu"] == ["SubmitJob"]
    assert found["job-definition/score:3"] == ["SubmitJob"]
    assert found["job/*"] == ["TerminateJob"]
    assert found["*"] == ["DescribeJobs"]
    assert unproved(step, inputs=(DAY,)) == ()


def test_a_role_that_the_request_hands_over_is_passed_to_that_service_alone() -> None:
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/job-flow"
    parameters = {
        "Name": "cluster",
        "ReleaseLabel": "emr-7.5.0",
        "ServiceRole": role,
        "Instances": {"InstanceCount": 1},
    }
    step = CallService(name="cluster", call="elasticmapreduce:createCluster", wait="job", parameters=parameters)
    result = made(step)
    passed = [item for item in statements_of(result, "TrainingStatesRole") if item["Action"] == "iam:PassRole"]
    assert passed[0]["Resource"] == {"Fn::Sub": role}
    assert passed[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}}
    assert unproved(step) == ()


@pytest.mark.parametrize(
    "step",
    [
        send(),
        put(),
        CallService(name="tell", call="sns:publish", parameters={"TopicArn": TOPIC, "Message": {"day": DAY}}),
        CallService(
            name="copy", call="s3:putObject", parameters={"Bucket": "answers", "Key": join("x/", DAY), "Body": "x"}
        ),
        CallService(
            name="cluster",
            call="eks:call",
            parameters={
                "ClusterName": "ml",
                "CertificateAuthority": "x",
                "Endpoint": "https://x",
                "Method": "GET",
                "Path": "/",
            },
        ),
    ],
)
def test_the_pipeline_is_proved(step: CallService) -> None:
    assert unproved(step, inputs=(DAY,)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"call": "sqss:sendMessage"}, r"send\.Resource: the service has no such call"),
        ({"call": "sqs:sendMesage"}, "sendMessage"),
        (
            {"parameters": {"QueueUrl": QUEUE_URL, "Body": "x"}},
            r"send\.Parameters\.Body: the call has no such parameter",
        ),
        ({"parameters": {"QueueUrl": QUEUE_URL}}, "lacks a parameter"),
        (
            {"parameters": {"QueueUrl": QUEUE_URL, "MessageBody": "x", "MessageAttributes": {"a": {"DataTyp": "S"}}}},
            r"send\.Parameters\.MessageAttributes\.a\.DataTyp",
        ),
        ({"parameters": {"QueueUrl": QUEUE_URL, "MessageBody": "x", "DelaySeconds": "soon"}}, "wrong type"),
        ({"wait": "job"}, "cannot wait for a job"),
        ({"on": (QUEUE, TOPIC)}, "the call needs nothing of this"),
    ],
)
def test_what_the_service_would_refuse_is_told_with_its_place(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        made(send(**changes), inputs=(DAY,))


@pytest.mark.parametrize(
    "changes",
    [
        {"call": "sendMessage"},
        {"call": "aws-sdk:sqs:sendMessage"},
        {"call": "sqs:SendMessage"},
        {"parameters": {"QueueUrl.$": "$.x"}},
        {"parameters": {"QueueUrl": {1: "x"}}},
        {"parameters": {"QueueUrl": object()}},
        {"parameters": {"QueueUrl": [{"x": {1, 2}}]}},
        {"parameters": {"MessageBody": TaskToken()}},
        {"wait": "token"},
        {"wait": "sync"},
        {"keep": {"a b": "$.x"}},
        {"keep": {"a": "x"}},
        {"keep": {"a": "$.x[*]"}},
        {"on": QUEUE},
        {"on": ("arn:aws:sqs:eu-central-1:111111111111:orders",)},
        {"on": (f"arn:${{AWS::Partition}}:sqs:{HERE}:*",)},
    ],
)
def test_what_cannot_be_called_is_refused_when_the_step_is_built(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        send(**changes)


def test_parameters_cannot_change_after_they_were_checked() -> None:
    parameters: dict[str, Any] = {"QueueUrl": QUEUE_URL, "MessageBody": {"list": ["a"]}}
    step = send(parameters=parameters)
    parameters["MessageBody"]["list"].append(object())
    assert step.parameters["MessageBody"] == {"list": ("a",)}


def test_references_inside_parameters_are_checked_as_all_others() -> None:
    with pytest.raises(SpecError, match="'prepare'"):
        made(send(parameters={"QueueUrl": QUEUE_URL, "MessageBody": [{"at": prepare().output("train")}]}))


@pytest.mark.parametrize(
    ("service_id", "name"),
    [
        ("DynamoDB", "DynamoDb"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("EC2", "Ec2"),
        ("SageMaker", "SageMaker"),
        ("EventBridge", "EventBridge"),
        ("EMR Serverless", "EmrServerless"),
        ("CloudWatch Logs", "CloudWatchLogs"),
    ],
)
def test_services_are_called_in_errors_as_the_sdk_for_java_calls_them(service_id: str, name: str) -> None:
    assert pascal_service(service_id) == name
