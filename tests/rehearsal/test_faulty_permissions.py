"""A statement that is missing from a deployed role fails the run, and the rehearsal says which one it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from constructs_ml.rehearsal import Rehearsed, rehearsal
from constructs_ml.rehearsal.stacks import DeployableStack, of_models
from tests.rehearsal.small import small
from tests.support import account

pytestmark = pytest.mark.slow
MODEL = small(endpoint=None)


@pytest.fixture(scope="module")
def dev() -> Iterator[Rehearsed]:
    with rehearsal(MODEL, account=account(), acceleration=120) as found:
        yield found


def without(role: str, action: str) -> tuple[list[DeployableStack], list[dict[str, Any]]]:
    """The stacks without the statements of a role that allow an action, and those statements."""
    stacks, removed = of_models([MODEL], account(), None), []
    for number, stack in enumerate(stacks):
        template = json.loads(stack.template)
        for name, resource in template["Resources"].items():
            if role not in name or resource["Type"] != "AWS::IAM::Role":
                continue
            for policy in resource["Properties"]["Policies"]:
                document = policy["PolicyDocument"]
                gone = [item for item in document["Statement"] if action in _listed(item["Action"])]
                document["Statement"] = [item for item in document["Statement"] if item not in gone]
                removed += gone
        stacks[number] = replace(stack, template=json.dumps(template))
    return stacks, removed


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


CASES = {
    "StatesRole": "sagemaker:CreateTrainingJob",
    "TrainingRole": "s3:GetObject",
    "ProcessingRole": "s3:PutObject",
}


@pytest.mark.parametrize(("role", "action"), CASES.items())
def test_a_statement_that_is_taken_from_a_role_fails_the_run_and_is_told_to_be_missing(dev, role, action):
    stacks, removed = without(role, action)
    dev.bring(stacks)
    before = {denied.message for denied in dev.parts.iam.denied()}
    run = dev.wait_for(dev.start("small"))
    assert run.status == "FAILED"
    found = [denied for denied in dev.parts.iam.denied() if denied.message not in before]
    for denied in found:
        assert f"Pipeline{role}" in denied.role
        assert (denied.missing_in, denied.denied_by, denied.unknown) == ("identity", "", ())
        assert denied.missing is not None
        assert denied.missing["Effect"] == "Allow"
        assert any(_covers(statement, denied.missing) for statement in removed)
    assert action in {denied.action for denied in found}
    said = [entry.what for entry in dev.embedded.journal.entries("denied")]
    assert any(what.startswith(f"{action} on resource") for what in said)


def test_a_notice_that_may_not_be_published_does_not_hide_the_failure(dev):
    stacks, (removed,) = without("StatesRole", "sns:Publish")
    dev.bring(stacks)
    run = dev.wait_for(dev.start("small", mode="refused"))
    assert run.status == "FAILED"
    assert "no data for mode 'refused'" in run.cause
    assert removed["Action"] in {denied.action for denied in dev.parts.iam.denied()}


def _covers(statement: dict[str, Any], missing: Mapping[str, Any]) -> bool:
    """Whether a statement of a template, as it was deployed, is the one that a request lacks."""
    known = {"Partition": "aws", "AccountId": account().id, "Region": account().region}
    places = []
    for resource in _listed(statement["Resource"]):
        given = _listed(resource["Fn::Sub"])[0] if isinstance(resource, dict) else resource
        text = re.sub(r"\$\{AWS::(\w+)\}", lambda found: str(known[found[1]]), given)
        places.append(re.sub(r"\$\{\w+\}", "*", text))  # another resource of the template
    named = any(fnmatchcase(missing["Resource"], place) for place in places)
    return missing["Action"] in _listed(statement["Action"]) and named


def test_with_every_statement_nothing_is_denied_and_what_is_never_used_is_listed(dev):
    dev.deploy()
    before = dev.parts.iam.denied()
    run = dev.wait_for(dev.start("small"))
    assert run.status == "SUCCEEDED", str(run)
    assert dev.parts.iam.denied() == before
    unused = {role.rpartition("/")[2]: items for role, items in dev.parts.iam.unused().items()}
    (states,) = (items for role, items in unused.items() if "PipelineStatesRole" in role)
    why = {item.action: item.because for item in states}
    assert why["sagemaker:StopTrainingJob"] == "only a run that is stopped needs it"
    assert "sagemaker:CreateTrainingJob" not in why


def test_a_permission_that_nobody_needs_is_listed_without_an_excuse(dev):
    stacks = of_models([MODEL], account(), None)
    template = json.loads(stacks[-1].template)
    for name, resource in template["Resources"].items():
        if "ProcessingRole" in name and resource["Type"] == "AWS::IAM::Role":
            vain = {"Effect": "Allow", "Action": "dynamodb:DeleteTable", "Resource": "*"}
            resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(vain)
    dev.bring([*stacks[:-1], replace(stacks[-1], template=json.dumps(template))])
    found = [item for role, items in dev.parts.iam.unused().items() if "ProcessingRole" in role for item in items]
    assert [item.because for item in found if item.action == "dynamodb:DeleteTable"] == [""]
