"""Change sets, as the cdk CLI makes and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.cfn import CAPABILITIES, Stacks, of, outputs, parameter, topic


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Iterator[Stacks]:
    found = Stacks(account)
    with account.running():
        yield found


def change_set(stacks: Stacks, template: Any, type: str = "UPDATE") -> dict[str, Any]:
    asked = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": type, "Capabilities": CAPABILITIES}
    stacks.client.create_change_set(TemplateBody=json.dumps(template), **asked)
    found: dict[str, Any] = stacks.client.describe_change_set(StackName="s", ChangeSetName="c")
    return found


def test_a_new_stack_waits_for_its_change_set(stacks: Stacks) -> None:
    found = change_set(stacks, of({"T": topic()}, Outputs={"O": {"Value": {"Ref": "T"}}}), "CREATE")
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [change["ResourceChange"]["Action"] for change in found["Changes"]] == ["Add"]
    assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    stacks.client.execute_change_set(StackName="s", ChangeSetName="c")
    assert outputs(stacks.settled("s"))["O"].startswith("arn:aws:sns:")
    with pytest.raises(ClientError) as gone:
        stacks.client.describe_change_set(StackName="s", ChangeSetName="c")
    assert gone.value.response["Error"]["Code"] == "ChangeSetNotFound"


def test_a_change_set_without_changes_fails_in_the_words_that_cdk_reads(stacks: Stacks) -> None:
    stacks.create("s", of({"T": topic()}))
    found = change_set(stacks, of({"T": topic()}))
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError, match="cannot be executed"):
        stacks.client.execute_change_set(StackName="s", ChangeSetName="c")
    stacks.client.delete_change_set(StackName="s", ChangeSetName="c")
    stacks.client.delete_change_set(StackName="s", ChangeSetName="c")


def test_a_change_set_foresees_replacements_and_their_dependents(stacks: Stacks) -> None:
    def template(name: str) -> dict[str, Any]:
        same = {"T": topic(TopicName=name), "P": parameter({"Fn::Sub": "to ${T}"}, Name="/p"), "Q": topic()}
        return of({**same, **({} if name == "two" else {"Old": topic()})})

    stacks.create("s", template("one"))
    changes = [change["ResourceChange"] for change in change_set(stacks, template("two"))["Changes"]]
    found = {one["LogicalResourceId"]: (one["Action"], one.get("Replacement")) for one in changes}
    assert found == {"T": ("Modify", "True"), "P": ("Modify", "False"), "Old": ("Remove", None)}


def test_a_failing_resource_of_a_change_set_ends_as_a_status(stacks: Stacks) -> None:
    change_set(stacks, of({"Broken": {"Type": "AWS::Lambda::Permission", "Properties": {}}}), "CREATE")
    stacks.client.execute_change_set(StackName="s", ChangeSetName="c")
    assert stacks.settled("s")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_an_output_alone_is_a_change(stacks: Stacks) -> None:
    stacks.create("s", of({"T": topic()}))
    found = change_set(stacks, of({"T": topic()}, Outputs={"O": {"Value": "new"}}))
    assert found["Status"] == "CREATE_COMPLETE"
    stacks.client.execute_change_set(StackName="s", ChangeSetName="c")
    assert outputs(stacks.settled("s")) == {"O": "new"}


def test_imports_are_refused(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="imports no resources"):
        change_set(stacks, of({"T": topic()}), "IMPORT")


def test_a_change_set_of_no_stack_is_not_found(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="Stack with id s does not exist"):
        change_set(stacks, of({"T": topic()}))
