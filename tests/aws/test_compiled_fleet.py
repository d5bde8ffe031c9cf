"""What is compiled without CDK is what CDK synthesizes, stack by stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from apps.churn.model import churn
from constructs_ml import Account, Accounts, Fleet
from constructs_ml.compiler.fleet import compile_fleet
from tests.assemblies import synthesize, templates

pytestmark = pytest.mark.node
ACCOUNTS = Accounts.load(Path(__file__).parents[2] / "apps" / "churn" / "accounts.yaml")


def without_metadata(resources: dict[str, Any]) -> dict[str, Any]:
    """A stack's resources without what CDK adds for its own tools."""
    kept = {key: value for key, value in resources.items() if value["Type"] != "AWS::CDK::Metadata"}
    return {key: {name: item for name, item in value.items() if name != "Metadata"} for key, value in kept.items()}


@pytest.mark.parametrize("account", list(ACCOUNTS), ids=lambda account: account.stage)
def test_a_fleet_compiled_without_cdk_is_the_synthesized_one(account: Account, tmp_path: Path) -> None:
    def build(app: App) -> None:
        Fleet(app, account.stage, account=account, models=[churn], commit="abc")

    synthesized = templates(synthesize(tmp_path, build))
    compiled = compile_fleet([churn], account, commit="abc")
    assert [stack.name for stack in compiled] == sorted(synthesized, key=[s.name for s in compiled].index)
    for stack in compiled:
        theirs = synthesized[stack.name]
        ours = json.loads(json.dumps(stack.template))
        assert without_metadata(ours["Resources"]) == _concrete(without_metadata(theirs["Resources"]))
        assert ours["Description"] == theirs["Description"]
        assert ours.get("Mappings") == theirs.get("Mappings")


def _concrete(value: Any) -> Any:
    """CDK writes the place of an asset with functions that hold nothing to substitute: their values."""
    if isinstance(value, list):
        return [_concrete(item) for item in value]
    if not isinstance(value, dict):
        return value
    known = {key: _concrete(item) for key, item in value.items()}
    match known:
        case {"Fn::Sub": str(text)} if "${" not in text:
            return text
        case {"Fn::Join": [separator, [*parts]]} if all(isinstance(part, str) for part in parts):
            return separator.join(parts)
    return known
