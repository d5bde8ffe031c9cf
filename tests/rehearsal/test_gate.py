"""Every call passes one gate: it is parsed, may be refused, and is answered by us or by moto."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import PERSON


def seen(account: EmbeddedAccount) -> list[Call]:
    calls: list[Call] = []
    account.gate.before.append(calls.append)
    return calls


@pytest.mark.parametrize(
    ("service", "ask", "operation", "parameters"),
    [
        ("s3", lambda c: c.list_objects_v2(Bucket="data", Prefix="a/ü"), "ListObjectsV2", {"Bucket": "data"}),
        ("sqs", lambda c: c.create_queue(QueueName="q"), "CreateQueue", {"QueueName": "q"}),
        ("sns", lambda c: c.create_topic(Name="t"), "CreateTopic", {"Name": "t"}),
        ("iam", lambda c: c.list_roles(), "ListRoles", {}),
        ("lambda", lambda c: c.list_functions(), "ListFunctions", {}),
        ("stepfunctions", lambda c: c.list_state_machines(), "ListStateMachines", {}),
        ("dynamodb", lambda c: c.list_tables(), "ListTables", {}),
        ("cloudwatch", lambda c: c.describe_alarms(), "DescribeAlarms", {}),
        ("scheduler", lambda c: c.list_schedules(NamePrefix="x"), "ListSchedules", {"NamePrefix": "x"}),
        ("sts", lambda c: c.get_caller_identity(), "GetCallerIdentity", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_of_any_protocol_is_parsed_and_answered_by_moto(account, service, ask, operation, parameters):
    calls = seen(account)
    with account.running():
        account.client("s3").create_bucket(
            Bucket="data", CreateBucketConfiguration={"LocationConstraint": account.region}
        )
        ask(account.client(service))
    call = calls[-1]
    assert (call.service, call.operation, call.principal, call.region) == (service, operation, PERSON, account.region)
    assert parameters.items() <= dict(call.parameters).items()


def test_a_service_that_is_served_here_refuses_what_it_does_not_have(account):
    account.gate.serve("sagemaker", {"ListModels": lambda call: {"Models": []}})
    with account.running():
        client = account.client("sagemaker")
        assert client.list_models()["Models"] == []
        with pytest.raises(ClientError, match="does not have sagemaker:ListEndpoints") as refused:
            client.list_endpoints()
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_one_operation_of_a_service_of_moto_is_answered_here(account):
    account.gate.override("sns", "Publish", lambda call: {"MessageId": "ours"})
    with account.running():
        client = account.client("sns")
        topic = client.create_topic(Name="t")["TopicArn"]
        assert client.publish(TopicArn=topic, Message="x")["MessageId"] == "ours"


def test_a_watcher_refuses_a_call_before_it_is_answered(account):
    def refuse(call: Call) -> None:
        if call.action == "s3:PutObject":
            raise ServiceError("AccessDenied", "not allowed")

    account.gate.before.append(refuse)
    with account.running():
        client = account.client("s3")
        client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": account.region})
        with pytest.raises(ClientError, match="not allowed") as refused:
            client.put_object(Bucket="data", Key="k", Body=b"x")
        assert client.list_objects_v2(Bucket="data")["KeyCount"] == 0
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_what_comes_after_a_call_sees_only_those_that_succeeded(account):
    after: list[str] = []
    account.gate.after.append(lambda call: after.append(call.operation))
    with account.running():
        client = account.client("s3")
        with pytest.raises(ClientError):
            client.get_object(Bucket="absent", Key="k")
        client.list_buckets()
    assert after == ["ListBuckets"]


def test_a_call_tells_the_role_whose_keys_it_bears(account):
    calls = seen(account)
    role = account.principals.assume("arn:aws:iam::111111111111:role/job", "sagemaker.amazonaws.com", "train-1")
    with account.running():
        account.client("s3", role).list_buckets()
    assert calls[-1].principal == role


def test_a_handler_that_fails_answers_with_its_error_and_the_account_stays_open(account):
    def fail(call: Call) -> None:
        raise KeyError("lost")

    account.gate.serve("sagemaker", {"ListModels": fail, "ListEndpoints": lambda call: {"Endpoints": []}})
    with account.running():
        client = account.client("sagemaker")
        with pytest.raises(ClientError, match="KeyError"):
            client.list_models()
        assert client.list_endpoints()["Endpoints"] == []


def test_an_error_code_that_the_model_does_not_list_reaches_the_client(account):
    def throttle(call: Call) -> None:
        raise ServiceError("ThrottlingException", "Rate exceeded")

    account.gate.serve("sagemaker", {"ListModels": throttle})
    with account.running(), pytest.raises(ClientError, match="Rate exceeded") as refused:
        account.client("sagemaker").list_models()
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"


def test_an_account_begins_empty_however_the_last_one_ended(account):
    def fail() -> None:
        account.client("sqs").create_queue(QueueName="q")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"), account.running():
        fail()
    again = EmbeddedAccount(account.id, account.region)
    with again.running():
        assert "QueueUrls" not in again.client("sqs").list_queues()


def test_one_process_holds_one_account_at_a_time(account):
    with account.running():
        other = EmbeddedAccount(account.id, account.region)
        with pytest.raises(RuntimeError, match="one at a time"), other.running():
            pass
