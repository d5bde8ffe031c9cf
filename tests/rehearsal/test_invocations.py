"""Requests to endpoints: routed, answered, measured, captured, refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.endpoint_cases import (
    NAME,
    ROLE,
    FakeServer,
    ask,
    create,
    create_config,
    create_model,
    endpoints,
    refused,
    settled,
)

BUCKET = "captured"
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
# The first record of https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html.
DOCUMENTED = json.loads(
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"69,0,153.7","encoding":'
    '"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":'
    '"0.0254181120544672","encoding":"CSV"}},"eventMetadata":{"eventId":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",'
    '"inferenceTime":"2022-02-14T17:25:49Z"},"eventVersion":"0"}'
)


@pytest.fixture
def opened(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    """An open account with endpoints, models blue and green, and a bucket."""
    endpoints(account)
    with account.running():
        place = {"LocationConstraint": account.region}
        account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        for model in ("blue", "green"):
            create_model(account, model)
        yield account


def serve(account: EmbeddedAccount, **more: Any) -> None:
    create_config(account, "blue", **more)
    create(account)


def keys(account: EmbeddedAccount, bucket: str = BUCKET) -> list[str]:
    found = account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return [item["Key"] for item in found]


def read(account: EmbeddedAccount, key: str) -> bytes:
    return bytes(account.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def shape(value: Any) -> Any:
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value)


def metric(account: EmbeddedAccount, name: str, **dimensions: str) -> list[float]:
    given = {"EndpointName": NAME, "VariantName": "main", **dimensions}
    now = account.clock.now()
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in given.items()],
        StartTime=now.replace(year=now.year - 1),
        EndTime=now.replace(year=now.year + 1),
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return [sum(point[kind] for point in found) for kind in ("Sum", "SampleCount")]


def test_variants_answer_by_their_weights(opened: EmbeddedAccount) -> None:
    opened.client("sagemaker").create_endpoint_config(
        EndpointConfigName="blue",
        ProductionVariants=[
            {"VariantName": name, "ModelName": name, "InitialInstanceCount": 1, "InitialVariantWeight": weight}
            | {"InstanceType": "ml.m5.large"}
            for name, weight in (("blue", 3), ("green", 1))
        ],
    )
    create(opened)
    assert sorted(ask(opened) for _ in range(8)) == ["blue(1)"] * 6 + ["green(1)"] * 2
    assert {ask(opened, TargetVariant="green") for _ in range(3)} == {"green(1)"}
    wanted = [{"VariantName": "blue", "DesiredWeight": 0}]
    sagemaker = opened.client("sagemaker")
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=wanted)
    settled(opened)
    assert {ask(opened) for _ in range(4)} == {"green(1)"}
    unknown = [{"VariantName": "red", "DesiredWeight": 0}]
    change = sagemaker.update_endpoint_weights_and_capacities
    refused(lambda: change(EndpointName=NAME, DesiredWeightsAndCapacities=unknown), "ValidationException", "red")


@pytest.mark.parametrize(("body", "status", "side"), [("wrong", 400, "client"), ("broken", 500, "server")])
def test_what_the_model_refuses_is_a_model_error(opened: EmbeddedAccount, body: str, status: int, side: str) -> None:
    serve(opened)
    with pytest.raises(ClientError) as caught:
        ask(opened, body)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["Error"]["Code"] == "ModelError"
    assert f'Received {side} error ({status}) from primary with message "no such feature". See' in str(caught.value)
    assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (status, "no such feature")
    assert ":log-group:/aws/sagemaker/Endpoints/churn" in answer["LogStreamArn"]
    errors = {400: "Invocation4XXErrors", 500: "Invocation5XXErrors"}
    assert metric(opened, errors[status]) == [1, 1]
    assert metric(opened, "InvocationModelErrors") == [1, 1]


def test_too_large_a_request_is_refused(opened: EmbeddedAccount) -> None:
    serve(opened)
    refused(lambda: ask(opened, "1" * 6_291_457), "ValidationError", "6291456")


def test_each_invocation_is_measured_in_microseconds(opened: EmbeddedAccount) -> None:
    serve(opened)
    for _ in range(3):
        ask(opened)
    assert metric(opened, "Invocations") == [3, 3]
    assert metric(opened, "InvocationsPerInstance") == [1.5, 3]
    assert metric(opened, "Invocation5XXErrors") == [0, 3]
    assert metric(opened, "Invocations", EndpointConfigName="blue") == [3, 3]
    entries = opened.journal.entries("invocation")
    total, count = metric(opened, "ModelLatency")
    assert count == 3
    assert total / 1000 == pytest.approx(sum(entry.detail["milliseconds"] for entry in entries), abs=0.1)
    assert (entries[0].detail["request"], entries[0].detail["answer"]) == ("1", "blue(1)")
    assert (entries[0].detail["status"], entries[0].detail["bytes"]) == (200, 1)


def test_containers_write_into_the_endpoints_log_group(opened: EmbeddedAccount) -> None:
    serve(opened)
    ask(opened)
    logs = opened.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/churn")["logStreams"]
    variant, _, instance = stream["logStreamName"].partition("/")
    assert (variant, instance[:2], len(instance)) == ("main", "i-", 19)
    events = logs.get_log_events(logGroupName="/aws/sagemaker/Endpoints/churn", logStreamName=stream["logStreamName"])
    assert [event["message"] for event in events["events"]] == ["churn/main/primary serves blue", "POST /invocations"]


def test_a_captured_request_is_as_documented(opened: EmbeddedAccount) -> None:
    serve(opened, DataCaptureConfig=CAPTURE)
    ask(opened, "69,0", Accept="text/csv")
    (key,) = keys(opened)
    moment = opened.clock.now()
    assert key.startswith(f"capture/{NAME}/main/{moment:%Y/%m/%d}/")
    assert key.endswith(".jsonl")
    found = json.loads(read(opened, key))
    assert shape(found) == shape(DOCUMENTED)
    assert found["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "69,0",
        "encoding": "CSV",
    }
    assert found["captureData"]["endpointOutput"]["data"] == "blue(69,0)"


def test_capture_carries_ids_and_encodes_what_it_does_not_know(opened: EmbeddedAccount) -> None:
    serve(opened, DataCaptureConfig=CAPTURE)
    ask(
        opened,
        "x",
        ContentType="application/x-npy",
        Accept="application/json",
        InferenceId="i1",
        CustomAttributes="a=b",
    )
    found = json.loads(read(opened, keys(opened)[0]))
    asked, answered = found["captureData"]["endpointInput"], found["captureData"]["endpointOutput"]
    assert (asked["encoding"], base64.b64decode(asked["data"])) == ("BASE64", b"x")
    assert (answered["encoding"], answered["data"]) == ("JSON", "blue(x)")
    assert found["eventMetadata"]["inferenceId"] == "i1"
    assert found["eventMetadata"]["customAttributes"] == ["a=b"]


def test_capture_takes_a_percentage_and_only_what_is_wanted(opened: EmbeddedAccount) -> None:
    options = {"InitialSamplingPercentage": 50, "CaptureOptions": [{"CaptureMode": "Output"}]}
    serve(opened, DataCaptureConfig=CAPTURE | options)
    for _ in range(6):
        ask(opened)
    assert len(keys(opened)) == 3
    assert list(json.loads(read(opened, keys(opened)[0]))["captureData"]) == ["endpointOutput"]
    summary = opened.client("sagemaker").describe_endpoint(EndpointName=NAME)["DataCaptureConfig"]
    assert (summary["CaptureStatus"], summary["CurrentSamplingPercentage"]) == ("Started", 50)


def test_capture_is_written_with_the_role_of_the_model_and_never_breaks_an_answer(opened: EmbeddedAccount) -> None:
    seen: list[Any] = []
    opened.gate.before.append(lambda call: seen.append(call) if call.operation == "PutObject" else None)
    serve(opened, DataCaptureConfig=CAPTURE | {"DestinationS3Uri": "s3://nowhere"})
    assert ask(opened) == "blue(1)"
    assert [(call.principal.role, call.principal.session) for call in seen] == [(ROLE, NAME)]
    assert "could not be written" in opened.journal.entries("endpoint")[-1].what


def test_a_shadow_gets_copies_that_nobody_sees(opened: EmbeddedAccount) -> None:
    shadow = {"VariantName": "shadow", "ModelName": "green", "InitialInstanceCount": 1, "InitialVariantWeight": 0.5}
    serve(opened, ShadowProductionVariants=[shadow | {"InstanceType": "ml.m5.large"}])
    assert {ask(opened) for _ in range(4)} == {"blue(1)"}
    answers = [entry.detail["answer"] for entry in opened.journal.entries("invocation")]
    assert (answers.count("blue(1)"), answers.count("green(1)")) == (4, 2)


PIPELINE = [
    {"ContainerHostname": "first", "Image": "images/scale"},
    {"ContainerHostname": "second", "Image": "images/predict"},
]


def pipeline(account: EmbeddedAccount, **more: Any) -> None:
    sagemaker = account.client("sagemaker")
    sagemaker.create_model(ModelName="pipeline", Containers=PIPELINE, ExecutionRoleArn=ROLE, **more)
    create_config(account, "pipeline")
    create(account, "pipeline")


def test_a_pipeline_hands_each_answer_on(opened: EmbeddedAccount) -> None:
    pipeline(opened)
    assert ask(opened) == "predict(scale(1))"
    with pytest.raises(ClientError, match=r"error \(400\) from first"):
        ask(opened, "wrong")
    refused(lambda: ask(opened, TargetContainerHostname="first"), "ValidationError", "mode Direct")


def test_containers_in_mode_direct_are_asked_by_name(opened: EmbeddedAccount) -> None:
    pipeline(opened, InferenceExecutionConfig={"Mode": "Direct"})
    assert ask(opened, TargetContainerHostname="second") == "predict(1)"
    refused(lambda: ask(opened), "ValidationError", "first, second")


def test_a_multi_model_container_is_refused_by_name(opened: EmbeddedAccount) -> None:
    container = {"Image": "images/blue", "Mode": "MultiModel"}
    sagemaker = opened.client("sagemaker")
    sagemaker.create_model(ModelName="many", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    create_config(opened, "many")
    assert "multi-model" in create(opened, "many")["FailureReason"]


def test_a_serverless_endpoint_answers_without_instances(opened: EmbeddedAccount) -> None:
    serverless = {"VariantName": "main", "ModelName": "blue"}
    serverless |= {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}  # type: ignore[dict-item]
    sagemaker = opened.client("sagemaker")
    sagemaker.create_endpoint_config(EndpointConfigName="blue", ProductionVariants=[serverless])
    (variant,) = create(opened)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 5
    assert "CurrentInstanceCount" not in variant
    assert ask(opened) == "blue(1)"
    given = [serverless]
    sagemaker.create_endpoint_config(EndpointConfigName="kept", ProductionVariants=given, DataCaptureConfig=CAPTURE)
    refused(lambda: sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="kept"), "captures no data")
    guarded = {"EndpointName": NAME, "EndpointConfigName": "blue"}
    policy = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    }
    refused(lambda: sagemaker.update_endpoint(**guarded, DeploymentConfig=policy), "no deployment guardrails")


@pytest.fixture
def queue(opened: EmbeddedAccount) -> str:
    """An asynchronous endpoint, and the queue behind both of its topics."""
    sns, sqs = opened.client("sns"), opened.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    topics = [sns.create_topic(Name=name)["TopicArn"] for name in ("good", "bad")]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    told = {"SuccessTopic": topics[0], "ErrorTopic": topics[1]}
    output = {
        "S3OutputPath": f"s3://{BUCKET}/out",
        "S3FailurePath": f"s3://{BUCKET}/failed",
        "NotificationConfig": told,
    }
    serve(opened, AsyncInferenceConfig={"OutputConfig": output})
    return str(queue)


def asked_later(account: EmbeddedAccount, body: str, queue: str) -> tuple[Any, Any]:
    """The answer of the call, and the notification."""
    account.client("s3").put_object(Bucket=BUCKET, Key="in.csv", Body=body.encode())
    said = account.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=NAME, InputLocation=f"s3://{BUCKET}/in.csv", ContentType="text/csv", Accept="text/csv"
    )
    sqs, found = account.client("sqs"), []
    assert account.clock.poll(
        lambda: bool(found.extend(sqs.receive_message(QueueUrl=queue).get("Messages", [])) or found), 5
    )
    return said, json.loads(found[0]["Body"])


def test_an_asynchronous_answer_lies_in_s3_and_is_told(opened: EmbeddedAccount, queue: str) -> None:
    """As in https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html."""
    said, told = asked_later(opened, "7", queue)
    assert read(opened, said["OutputLocation"].removeprefix(f"s3://{BUCKET}/")) == b"blue(7)"
    assert said["OutputLocation"].endswith(".out")
    assert set(told) == {
        "awsRegion",
        "eventTime",
        "receivedTime",
        "invocationStatus",
        "requestParameters",
        "responseParameters",
        "inferenceId",
        "eventVersion",
        "eventSource",
        "eventName",
    }
    assert told["invocationStatus"] == "Completed"
    assert told["requestParameters"]["inputLocation"] == f"s3://{BUCKET}/in.csv"
    assert told["responseParameters"] == {"contentType": "text/csv", "outputLocation": said["OutputLocation"]}
    assert told["inferenceId"] == said["InferenceId"]


def test_an_asynchronous_failure_lies_in_s3_and_is_told(opened: EmbeddedAccount, queue: str) -> None:
    said, told = asked_later(opened, "broken", queue)
    assert told["invocationStatus"] == "Failed"
    assert "Received server error (500)" in told["failureReason"]
    assert read(opened, said["FailureLocation"].removeprefix(f"s3://{BUCKET}/")) == b"no such feature"


def test_the_two_ways_of_asking_exclude_each_other(opened: EmbeddedAccount, queue: str) -> None:
    refused(lambda: ask(opened), "ValidationError", "InvokeEndpointAsync")
    runtime = opened.client("sagemaker-runtime")
    refused(lambda: runtime.invoke_endpoint_async(EndpointName=NAME), "ValidationError", "InputLocation")
    opened.client("sagemaker").delete_endpoint(EndpointName=NAME)
    assert opened.clock.poll(lambda: not FakeServer.running, 5)
    create_config(opened, "green")
    opened.clock.poll(lambda: not opened.client("sagemaker").list_endpoints()["Endpoints"], 5)
    create(opened, "green")
    later = {"EndpointName": NAME, "InputLocation": f"s3://{BUCKET}/in.csv"}
    refused(lambda: runtime.invoke_endpoint_async(**later), "ValidationError", "use InvokeEndpoint.")


def test_what_the_rehearsal_lacks_is_refused_by_name(opened: EmbeddedAccount) -> None:
    serve(opened)
    for given in ({"TargetModel": "a.tar.gz"}, {"SessionId": "NEW_SESSION"}, {"EnableExplanations": "`true`"}):
        refused(lambda given=given: ask(opened, **given), "ValidationError", next(iter(given)), "the rehearsal has no")
    clarify = {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1"}}}}
    create_config(opened, "green", ExplainerConfig=clarify)
    sagemaker = opened.client("sagemaker")
    refused(lambda: sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="green"), "Clarify")
