"""Stacks are created, changed, replaced, brought back and deleted as CloudFormation does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.cfn import Stacks, of, outputs, parameter, topic


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Iterator[Stacks]:
    found = Stacks(account)
    with account.running():
        yield found


def attribute(name: str, of: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, of]}


def value_of(stacks: Stacks, name: str) -> str:
    return str(stacks.account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def test_a_stack_is_created_in_the_order_of_its_references(stacks: Stacks) -> None:
    template = of(
        {"Second": parameter({"Ref": "First"}, Name="/second"), "First": topic(DisplayName="one")},
        Outputs={"Arn": {"Value": {"Ref": "First"}, "Description": "the topic"}},
    )
    stack = stacks.create("s", template)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.events("s") == [
        ("s", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_COMPLETE"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_COMPLETE"),
        ("s", "CREATE_COMPLETE"),
    ]
    assert value_of(stacks, "/second") == outputs(stack)["Arn"] == stacks.physical("s", "First")
    assert outputs(stack)["Arn"].partition(":s-First-")[2].isalnum()


def test_a_failing_resource_is_rolled_back(stacks: Stacks) -> None:
    broken = {"Type": "AWS::Lambda::Permission", "DependsOn": "Fine", "Properties": {"Action": "lambda:InvokeFunction"}}
    stack = stacks.create("s", of({"Fine": topic(TopicName="fine"), "Broken": broken}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.events("s")[-5:] == [
        ("Broken", "CREATE_FAILED"),
        ("s", "ROLLBACK_IN_PROGRESS"),
        ("Fine", "DELETE_IN_PROGRESS"),
        ("Fine", "DELETE_COMPLETE"),
        ("s", "ROLLBACK_COMPLETE"),
    ]
    assert "failed to create: [Broken]. Rollback requested by user." in stacks.reasons("s")
    assert stacks.account.client("sns").list_topics()["Topics"] == []
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update("s", of({"Fine": topic()}))
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_a_second_deployment_without_changes_is_refused_in_the_words_that_cdk_reads(stacks: Stacks) -> None:
    template = of({"Topic": topic()})
    stacks.create("s", template)
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update("s", template)


def test_a_change_in_place_keeps_the_resource(stacks: Stacks) -> None:
    stacks.create("s", of({"P": parameter("1", Name="/p", Tags={"a": "1", "b": "2"})}))
    stacks.update("s", of({"P": parameter("2", Name="/p", Tags={"b": "3"})}))
    assert value_of(stacks, "/p") == "2"
    tags = stacks.account.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"]
    assert tags == [{"Key": "b", "Value": "3"}]


def test_a_replacement_reaches_dependents_whose_own_text_did_not_change(stacks: Stacks) -> None:
    def template(name: str) -> dict[str, Any]:
        return of({"Topic": topic(TopicName=name), "P": parameter({"Ref": "Topic"}, Name="/p")})

    stacks.create("s", template("one"))
    stack = stacks.update("s", template("two"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert value_of(stacks, "/p").endswith(":two")
    assert [one["TopicArn"].rpartition(":")[2] for one in stacks.account.client("sns").list_topics()["Topics"]] == [
        "two"
    ]
    events = stacks.events("s")
    assert events.index(("P", "UPDATE_COMPLETE")) < events.index(("Topic", "DELETE_COMPLETE"))


def test_a_failing_update_is_brought_back(stacks: Stacks) -> None:
    stacks.create("s", of({"A": topic(TopicName="one"), "P": parameter({"Ref": "A"}, Name="/p")}))
    broken = {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "x"}, "DependsOn": ["P", "New"]}
    after = {"A": topic(TopicName="two"), "P": parameter({"Ref": "A"}, Name="/p"), "New": topic(TopicName="new")}
    stack = stacks.update("s", of({**after, "Broken": broken}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value_of(stacks, "/p").endswith(":one")
    assert [one["TopicArn"].rpartition(":")[2] for one in stacks.account.client("sns").list_topics()["Topics"]] == [
        "one"
    ]
    assert stacks.update("s", of(after))["StackStatus"] == "UPDATE_COMPLETE"
