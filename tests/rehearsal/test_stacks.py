"""Stacks are created, changed, replaced, brought back and deleted as CloudFormation does it."""

from __future__ import annotations

import json
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


def topics(stacks: Stacks) -> list[str]:
    return sorted(one["TopicArn"].rpartition(":")[2] for one in stacks.account.client("sns").list_topics()["Topics"])


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
    assert topics(stacks) == []
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
    assert topics(stacks) == ["two"]
    events = stacks.events("s")
    assert events.index(("P", "UPDATE_COMPLETE")) < events.index(("Topic", "DELETE_COMPLETE"))


def test_a_failing_update_is_brought_back(stacks: Stacks) -> None:
    stacks.create("s", of({"A": topic(TopicName="one"), "P": parameter({"Ref": "A"}, Name="/p")}))
    broken = {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "x"}, "DependsOn": ["P", "New"]}
    after = {"A": topic(TopicName="two"), "P": parameter({"Ref": "A"}, Name="/p"), "New": topic(TopicName="new")}
    stack = stacks.update("s", of({**after, "Broken": broken}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value_of(stacks, "/p").endswith(":one")
    assert topics(stacks) == ["one"]
    assert stacks.update("s", of(after))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_custom_named_resource_is_not_replaced(stacks: Stacks) -> None:
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "g"}}
    stacks.create("s", of({"G": group}))
    changed = {**group, "Properties": {**group["Properties"], "ModelPackageGroupDescription": "other"}}
    assert stacks.update("s", of({"G": changed}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    text = "cannot update a stack when a custom-named resource requires replacing. Rename g and update the stack again."
    assert text in stacks.reasons("s")


def test_what_is_retained_stays(stacks: Stacks) -> None:
    kept = {**topic(TopicName="kept"), "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    stacks.create("s", of({"Kept": kept, "Gone": topic(TopicName="gone")}))
    stacks.update("s", of({"Kept": {**kept, "Properties": {"TopicName": "next"}}, "Gone": topic(TopicName="gone")}))
    assert topics(stacks) == ["gone", "kept", "next"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert topics(stacks) == ["kept", "next"]


@pytest.mark.parametrize(("policy", "left"), [("Retain", ["one"]), ("RetainExceptOnCreate", [])])
def test_a_failed_creation_honours_the_deletion_policy(stacks: Stacks, policy: str, left: list[str]) -> None:
    broken = {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "x"}, "DependsOn": "One"}
    stacks.create("s", of({"One": {**topic(TopicName="one"), "DeletionPolicy": policy}, "Broken": broken}))
    assert topics(stacks) == left


def test_a_removed_resource_is_deleted_after_the_rest_was_updated(stacks: Stacks) -> None:
    stacks.create("s", of({"A": topic(TopicName="a"), "B": {**topic(TopicName="b"), "DependsOn": "A"}}))
    stacks.update("s", of({"C": topic(TopicName="c")}))
    assert topics(stacks) == ["c"]
    deleted = [name for name, status in stacks.events("s") if status == "DELETE_COMPLETE"]
    assert deleted == ["B", "A"]


def test_deletion_goes_backwards_through_what_a_resource_depends_on(stacks: Stacks) -> None:
    stacks.create("s", of({"A": topic(), "B": {**topic(), "DependsOn": "A"}, "C": {**topic(), "DependsOn": "B"}}))
    id = stacks.delete("s")["StackId"]
    assert [name for name, status in stacks.events(id) if status == "DELETE_COMPLETE"] == ["C", "B", "A", "s"]
    with pytest.raises(ClientError, match="Stack with id s does not exist"):
        stacks.client.describe_stacks(StackName="s")


def test_what_cannot_be_deleted_fails_the_deletion_and_can_be_retained(stacks: Stacks) -> None:
    stacks.create("s", of({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full"}}}))
    stacks.account.client("s3").put_object(Bucket="full", Key="k", Body=b"")
    stack = stacks.delete("s")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert "failed to delete: [Bucket]" in stack["StackStatusReason"]
    assert stacks.delete("s", RetainResources=["Bucket"])["StackStatus"] == "DELETE_COMPLETE"


def exporting(value: Any = "one") -> dict[str, Any]:
    return of({"T": topic()}, Outputs={"O": {"Value": value, "Export": {"Name": "shared"}}})


def test_an_export_in_use_is_neither_deleted_nor_changed(stacks: Stacks) -> None:
    stacks.create("a", exporting())
    stacks.create("b", of({"P": parameter({"Fn::ImportValue": "shared"}, Name="/p")}))
    assert stacks.client.list_imports(ExportName="shared")["Imports"] == ["b"]
    stack = stacks.delete("a")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["StackStatusReason"] == "Export shared cannot be deleted as it is in use by b"


def test_a_changed_export_in_use_is_rolled_back(stacks: Stacks) -> None:
    stacks.create("a", exporting())
    stacks.create("b", of({"P": parameter({"Fn::ImportValue": "shared"}, Name="/p")}))
    assert stacks.update("a", exporting("two"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared cannot be updated as it is in use by b" in stacks.reasons("a")
    assert stacks.client.list_exports()["Exports"][0]["Value"] == "one"


def test_two_stacks_refer_to_each_other(stacks: Stacks) -> None:
    def both(name: str, other: str | None) -> dict[str, Any]:
        resources = {"T": topic(TopicName=name)}
        resources |= {"P": parameter({"Fn::ImportValue": other}, Name=f"/{name}")} if other else {}
        return of(resources, Outputs={"O": {"Value": {"Ref": "T"}, "Export": {"Name": name}}})

    stacks.create("a", both("a", None))
    stacks.create("b", both("b", "a"))
    stacks.update("a", both("a", "b"))
    assert value_of(stacks, "/a").endswith(":b")
    assert value_of(stacks, "/b").endswith(":a")
    assert stacks.delete("a")["StackStatus"] == "UPDATE_COMPLETE"
    stacks.update("b", both("b", None))
    assert stacks.update("a", both("a", None))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.delete("b")["StackStatus"] == stacks.delete("a")["StackStatus"] == "DELETE_COMPLETE"


def test_an_import_of_nothing_fails(stacks: Stacks) -> None:
    stack = stacks.create("b", of({"P": parameter({"Fn::ImportValue": "nothing"})}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "No export named nothing found." in stacks.reasons("b")


def test_protected_stacks_stay(stacks: Stacks) -> None:
    stacks.create("s", of({"T": topic()}), EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        stacks.delete("s")
    stacks.client.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_the_stacks_tags_go_to_resources_and_change_with_it(stacks: Stacks) -> None:
    template = of({"P": parameter("1", Name="/p", Tags={"own": "1"})})
    stacks.create("s", template, Tags=[{"Key": "team", "Value": "a"}])
    stacks.update("s", template, Tags=[{"Key": "team", "Value": "b"}])
    found = stacks.account.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in found} == {"own": "1", "team": "b"}


def test_secrets_of_parameters_are_hidden_and_dynamic_references_opened_late(stacks: Stacks) -> None:
    stacks.account.client("ssm").put_parameter(Name="/source", Value="found", Type="String")
    template = of(
        {"P": parameter({"Fn::Sub": "{{resolve:ssm:/source}}-${S}"}, Name="/p")},
        Parameters={"S": {"Type": "String", "NoEcho": True}},
    )
    stack = stacks.create("s", template, Parameters=[{"ParameterKey": "S", "ParameterValue": "deep"}])
    assert stack["Parameters"] == [{"ParameterKey": "S", "ParameterValue": "****"}]
    assert value_of(stacks, "/p") == "found-deep"


def test_iam_needs_the_callers_word(stacks: Stacks) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": "r"}}
    said = stacks.refusal("s", of({"R": role}), Capabilities=["CAPABILITY_IAM"])
    assert said == "Requires capabilities : [CAPABILITY_NAMED_IAM]"


def test_types_that_are_not_there_are_refused_before_anything_is_created(stacks: Stacks) -> None:
    said = stacks.refusal("s", of({"T": topic(), "V": {"Type": "AWS::EC2::VPNGateway"}}))
    assert said.startswith("Unsupported resource type in the rehearsal: AWS::EC2::VPNGateway (V)")
    assert topics(stacks) == []


def test_a_nested_stack_hands_out_its_outputs(stacks: Stacks) -> None:
    s3 = stacks.account.client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    inner = of(
        {"T": topic(TopicName={"Ref": "Name"})},
        Parameters={"Name": {"Type": "String"}},
        Outputs={"Arn": {"Value": {"Ref": "T"}}},
    )
    s3.put_object(Bucket="templates", Key="inner.json", Body=json.dumps(inner).encode())
    url = "https://s3.eu-central-1.amazonaws.com/templates/inner.json"

    def outer(name: str) -> dict[str, Any]:
        nested = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": url, "Parameters": {"Name": name}},
        }
        return of({"N": nested, "P": parameter(attribute("N", "Outputs.Arn"), Name="/p")})

    stacks.create("s", outer("one"))
    assert value_of(stacks, "/p").endswith(":one")
    stacks.update("s", outer("two"))
    assert value_of(stacks, "/p").endswith(":two")
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert topics(stacks) == []


def test_the_journal_tells_of_stacks_and_resources(stacks: Stacks) -> None:
    stacks.create("s", of({"T": topic(TopicName="t")}))
    journal = stacks.account.journal
    assert [entry.what for entry in journal.entries("stack")] == [
        "CREATE_IN_PROGRESS: User Initiated",
        "CREATE_COMPLETE",
    ]
    (made,) = journal.entries("resource")
    assert made.name == "T"
    assert made.detail["type"] == "AWS::SNS::Topic"
    assert made.detail["physical_id"].endswith(":t")
