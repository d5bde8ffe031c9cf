"""Custom resources: their function is asked as CloudFormation asks it, and its answer counts."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.s3.models import s3_backends

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.cfn import Stacks, of, outputs, parameter

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


class Provider:
    """A function that answers as it is told to, and remembers what it was asked."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer: Answer = lambda event: {"PhysicalResourceId": "one", "Data": {"Number": 7, "Deep": {"Key": "k"}}}
        self.runtime = "python3.13"
        self.token = account.arn("lambda", "function:provider")
        account.gate.override("lambda", "Invoke", self._invoke)
        about = {"FunctionName": "provider", "Runtime": "python3.13"}
        account.gate.override(
            "lambda", "GetFunction", lambda call: {"Configuration": {**about, "Runtime": self.runtime}}
        )

    def _invoke(self, call: Call) -> Any:
        event = json.loads(call.parameters["Payload"])
        self.events.append(event)
        answer = self.answer(event)
        if answer is None:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": b'{"errorMessage":"boom"}'}
        kept = {key: event[key] for key in ("RequestId", "StackId", "LogicalResourceId")}
        body = json.dumps(
            {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId"), **kept, **answer}
        )
        request = urllib.request.Request(
            event["ResponseURL"], data=body.encode(), method="PUT", headers={"content-type": ""}
        )
        with urllib.request.urlopen(request) as answered:
            assert answered.status == 200
        return {"StatusCode": 200, "Payload": b"null"}

    def resource(self, type: str = "Custom::Thing", **properties: Any) -> dict[str, Any]:
        return {"Type": type, "Properties": {"ServiceToken": self.token, **properties}}

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        return [(event["RequestType"], event.get("PhysicalResourceId")) for event in self.events]


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Stacks:
    return Stacks(account)


@pytest.fixture
def provider(account: EmbeddedAccount, stacks: Stacks) -> Iterator[Provider]:
    found = Provider(account)
    with account.running():
        yield found


def test_a_provider_is_asked_with_texts_and_hands_out_its_data(stacks: Stacks, provider: Provider) -> None:
    number = {"Fn::GetAtt": ["C", "Number"]}
    template = of(
        {"C": provider.resource(Count=3, On=True, List=[1, {"a": 0.5}])},
        Outputs={
            "Id": {"Value": {"Ref": "C"}},
            "N": {"Value": number},
            "K": {"Value": {"Fn::GetAtt": ["C", "Deep.Key"]}},
        },
    )
    stack = stacks.create("s", template)
    assert outputs(stack) == {"Id": "one", "N": "7", "K": "k"}
    (event,) = provider.events
    assert event["ResourceProperties"] == {
        "ServiceToken": provider.token,
        "Count": "3",
        "On": "true",
        "List": ["1", {"a": "0.5"}],
    }
    assert (event["RequestType"], event["ResourceType"], event["LogicalResourceId"]) == ("Create", "Custom::Thing", "C")
    assert event["StackId"] == stack["StackId"]


def test_a_changed_id_replaces_and_the_old_one_is_deleted_last(stacks: Stacks, provider: Provider) -> None:
    stacks.create("s", of({"C": provider.resource(A="1"), "P": parameter({"Ref": "C"}, Name="/p")}))
    provider.answer = lambda event: {"PhysicalResourceId": "two"} if event["RequestType"] == "Update" else {}
    stacks.update("s", of({"C": provider.resource(A="2"), "P": parameter({"Ref": "C"}, Name="/p")}))
    assert provider.asked == [("Create", None), ("Update", "one"), ("Delete", "one")]
    assert provider.events[1]["OldResourceProperties"]["A"] == "1"
    assert stacks.account.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"] == "two"
    stacks.delete("s")
    assert provider.asked[-1] == ("Delete", "two")


def test_a_failure_fails_the_resource_with_its_reason(stacks: Stacks, provider: Provider) -> None:
    provider.answer = lambda event: {"Status": "FAILED", "Reason": "no quota", "PhysicalResourceId": "half"}
    assert stacks.create("s", of({"C": provider.resource()}))["StackStatus"] == "ROLLBACK_FAILED"
    assert "Message returned: no quota" in stacks.reasons("s")
    assert provider.asked == [("Create", None), ("Delete", "half")]


def test_an_update_that_fails_is_asked_for_again_with_the_old_properties(stacks: Stacks, provider: Provider) -> None:
    stacks.create("s", of({"C": provider.resource(A="1")}))
    provider.answer = lambda event: {
        "Status": "FAILED" if event["ResourceProperties"]["A"] == "2" else "SUCCESS",
        "Reason": "no",
    }
    assert stacks.update("s", of({"C": provider.resource(A="2")}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    asked = [(event["RequestType"], event["ResourceProperties"]["A"]) for event in provider.events]
    assert asked == [("Create", "1"), ("Update", "2"), ("Update", "1")]


def test_a_provider_that_raises_is_told_at_once(stacks: Stacks, provider: Provider) -> None:
    provider.answer = lambda event: None
    assert stacks.create("s", of({"C": provider.resource()}))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "raised instead of answering" in stacks.reasons("s")
    assert "boom" in stacks.reasons("s")


def test_providers_that_are_no_functions_or_need_node_are_refused_by_name(stacks: Stacks, provider: Provider) -> None:
    stacks.create("a", of({"C": {"Type": "Custom::X", "Properties": {"ServiceToken": "arn:aws:sns:x:y:z"}}}))
    assert "calls functions only: C is provided by arn:aws:sns:x:y:z" in stacks.reasons("a")
    provider.runtime = "nodejs22.x"
    stacks.create("b", of({"C": provider.resource("Custom::VpcRestrictDefaultSG")}))
    assert "C (Custom::VpcRestrictDefaultSG) is provided by provider in nodejs22.x" in stacks.reasons("b")


def test_objects_go_before_their_bucket(stacks: Stacks, provider: Provider) -> None:
    tags = [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}]
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full", "Tags": tags}}
    empties = provider.resource("Custom::S3AutoDeleteObjects", BucketName={"Ref": "B"})
    stacks.create("s", of({"B": bucket, "E": empties}))
    stacks.account.client("s3").put_object(Bucket="full", Key="k", Body=b"")
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert provider.events == []


def test_a_call_of_the_sdk_is_made(stacks: Stacks, provider: Provider) -> None:
    def call(value: str) -> str:
        parameters = {"Name": "/p", "Value": value, "Type": "String", "Overwrite": True}
        made = {"service": "@aws-sdk/client-ssm", "action": "PutParameterCommand", "parameters": parameters}
        return json.dumps({**made, "physicalResourceId": {"id": "/p"}})

    gone = json.dumps({"service": "SSM", "action": "deleteParameter", "parameters": {"Name": "/p"}})
    template = of(
        {"C": provider.resource("Custom::AWS", Create=call("1"), Delete=gone)},
        Outputs={"V": {"Value": {"Fn::GetAtt": ["C", "Version"]}}},
    )
    assert outputs(stacks.create("s", template)) == {"V": "1"}
    assert stacks.account.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"] == "1"
    stacks.delete("s")
    assert stacks.account.client("ssm").get_parameters(Names=["/p"])["Parameters"] == []


def test_log_retention_and_bucket_notifications_are_played(stacks: Stacks, provider: Provider) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}}
    told = {"EventBridgeConfiguration": {}}
    resources = {
        "B": bucket,
        "N": provider.resource(
            "Custom::S3BucketNotifications", BucketName={"Ref": "B"}, NotificationConfiguration=told
        ),
        "L": provider.resource("Custom::LogRetention", LogGroupName="/g", RetentionInDays=7),
    }
    assert stacks.create("s", of(resources))["StackStatus"] == "CREATE_COMPLETE"
    configuration = s3_backends[stacks.account.id]["aws"].buckets["data"].notification_configuration
    assert configuration.event_bridge == {}  # moto leaves it out of its answers
    assert stacks.account.client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
