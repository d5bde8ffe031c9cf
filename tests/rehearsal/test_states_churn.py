"""The churn application's training pipeline runs as it was compiled, with its jobs and functions faked."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from apps.churn.model import churn
from constructs_ml import Accounts, compile_pipeline
from constructs_ml.rehearsal.calls import Call, Json
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import create, deny, ended, start
from tests.support import ROOT, runnable

_ROLE = "arn:aws:iam::111111111111:role/"


@pytest.fixture
def churned(account: EmbeddedAccount) -> tuple[EmbeddedAccount, Store, dict[str, Any]]:
    """The account with faked jobs, and the definition with ARNs where it needs some."""
    States(account)
    store = Store(account)
    for noun in ("TrainingJob", "ProcessingJob"):
        store.on("Create", noun, lambda resource, _: _complete(store, resource))
    account.gate.override("lambda", "Invoke", _invoke)
    where = next(iter(Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")))
    text = json.dumps(runnable(compile_pipeline(churn.pipeline, where, prefix="Training")))
    for name in ("processingrole", "trainingrole"):
        text = text.replace(f'"{name}"', f'"{_ROLE}{name}"')
    text = re.sub(r'"codeuri(\w+)"', r'"s3://artifactbucket/code/\1.tar.gz"', text)
    text = text.replace('"topicarn"', f'"{account.arn("sns", "told")}"')
    text = text.replace("runs{}", account.arn("states", "execution:{}"))
    return account, store, json.loads(text)


def _complete(store: Store, resource: Resource) -> None:
    more = {"ModelArtifacts": {"S3ModelArtifacts": "s3://artifactbucket/model.tar.gz"}}
    more |= {"FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.8, "Timestamp": resource.created}]}
    known = more if resource.noun.name == "TrainingJob" else {}
    store.change(resource, **{resource.noun.status: "Completed"}, **known)


def _invoke(_: Call) -> Json:
    return {"StatusCode": 200, "Payload": b"{}"}


def _register(account: EmbeddedAccount) -> list[Call]:
    """The calls that register a model; each is answered."""
    calls: list[Call] = []

    def register(call: Call) -> Json:
        calls.append(call)
        return {"ModelPackageArn": account.arn("sagemaker", f"model-package/churn/{len(calls)}")}

    account.gate.override("sagemaker", "CreateModelPackage", register)
    return calls


def _world(account: EmbeddedAccount, auc: float) -> str:
    """What stands in the account when the run begins; the queue that its notices reach."""
    account.client("dynamodb").create_table(
        TableName="runstable",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    s3 = account.client("s3")
    s3.create_bucket(Bucket="artifactbucket", CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.create_bucket(Bucket="codebucketregister", CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket="codebucketregister", Key="codekeyregister", Body=b"the code of the inference script")
    metrics = json.dumps({"auc": auc}).encode()
    s3.put_object(Bucket="artifactbucket", Key="churn/training/run-1/evaluate/report/metrics.json", Body=metrics)
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="dev-churn")
    topic = account.client("sns").create_topic(Name="told")["TopicArn"]
    queue = account.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=account.arn("sqs", "told"))
    return str(queue)


def _run(account: EmbeddedAccount, definition: Any) -> Any:
    return ended(account, start(account, create(account, definition, "training", f"{_ROLE}states"), {}, "run-1"))


def _states(account: EmbeddedAccount) -> list[str]:
    return [entry.name for entry in account.journal.entries("state") if entry.what == "entered"]


def test_churn_trains_and_registers_a_model(churned: tuple[EmbeddedAccount, Store, dict[str, Any]]) -> None:
    account, store, definition = churned
    registered = _register(account)
    with account.running():
        _world(account, auc=0.8)
        found = _run(account, definition)
    assert found["status"] == "SUCCEEDED", found
    assert _states(account)[-2:] == ["Give turn back: done", "Done"]
    assert len(store.all("ProcessingJob")) == 3
    asked = registered[0].parameters["InferenceSpecification"]["Containers"][0]
    assert asked["ModelDataUrl"] == "s3://artifactbucket/model.tar.gz"


def test_churn_tells_of_a_model_that_is_not_good_enough(
    churned: tuple[EmbeddedAccount, Store, dict[str, Any]],
) -> None:
    account, _, definition = churned
    with account.running():
        queue = _world(account, auc=0.6)
        found = _run(account, definition)
        told = account.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"]
    assert (found["status"], found["error"]) == ("FAILED", "PipelineFailed")
    assert "does not separate churned customers" in found["cause"]
    assert "does not separate churned customers" in json.loads(told)["Message"]


def test_churn_waits_for_the_turn_of_another_run(churned: tuple[EmbeddedAccount, Store, dict[str, Any]]) -> None:
    account, _, definition = churned
    _register(account)
    with account.running():
        _world(account, auc=0.8)
        row = {"id": {"S": "turn/churn"}, "owner": {"S": "training:other"}}
        account.client("dynamodb").put_item(TableName="runstable", Item=row)
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99999999, "End": True}}}
        waits = create(account, wait, "training", f"{_ROLE}states")
        other = start(account, waits, {}, "other")
        client = account.client("stepfunctions")
        client.update_state_machine(stateMachineArn=waits, definition=json.dumps(definition))
        arn = start(account, waits, {}, "run-1")
        assert account.journal.wait(lambda entry: (entry.name, entry.what) == ("Wait for turn", "left"), 10)
        client.stop_execution(executionArn=other)
        found = ended(account, arn)
    assert found["status"] == "SUCCEEDED", found
    assert "Take turn over" in _states(account)


def test_a_denied_job_is_told_and_ends_the_run(churned: tuple[EmbeddedAccount, Store, dict[str, Any]]) -> None:
    account, _, definition = churned
    deny(account, "sagemaker:CreateTrainingJob")
    with account.running():
        _world(account, auc=0.8)
        found = _run(account, definition)
    assert found["status"] == "FAILED"
    assert "may not do sagemaker:CreateTrainingJob" in found["cause"]
    assert _states(account)[-3:] == ["Notify failure", "Give turn back: failed", "Failed"]
