"""The genuine cdk CLI against the embedded account: it bootstraps, deploys, updates, is rolled back, and destroys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnResource, DefaultStackSynthesizer, Stack

from apps.churn.app import build
from constructs_ml.rehearsal.cdk import Cdk, CdkFailed
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam import Iam
from tests.assemblies import synthesize
from tests.rehearsal.cfn import Stacks, outputs
from tests.support import ROOT

pytestmark = [pytest.mark.node, pytest.mark.slow]
CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Stacks:
    Iam(account)
    return Stacks(account)


def status(stacks: Stacks, name: str) -> str:
    return str(stacks.client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def test_churns_dev_is_deployed_and_destroyed(stacks: Stacks, account: EmbeddedAccount, tmp_path: Path) -> None:
    assembly = synthesize(tmp_path / "assembly", build)
    cdk = Cdk(account, CDK)
    with account.running():
        cdk.bootstrap()
        assert outputs(stacks.settled("CDKToolkit"))["BootstrapVersion"].isdigit()
        cdk.deploy(str(assembly), ["dev/*"], folder=tmp_path)
        names = ("dev-platform", "dev-features", "dev-churn")
        assert {status(stacks, name) for name in names} == {"CREATE_COMPLETE"}
        before = len(account.journal.entries("resource"))
        cdk.deploy(str(assembly), ["dev/*"], folder=tmp_path)
        assert {status(stacks, name) for name in names} == {"CREATE_COMPLETE"}
        assert len(account.journal.entries("resource")) == before
        cdk.destroy(str(assembly), ["dev/*"], folder=tmp_path)
        alive = [stack["StackName"] for stack in stacks.client.describe_stacks()["Stacks"]]
        assert alive == ["CDKToolkit"]


def small(folder: Path, *, value: str = "one", broken: bool = False, output: bool = False) -> Path:
    """An assembly of one stack, in which a resource may be made to fail."""

    def build_small(app: App) -> Any:
        stack = Stack(app, "small", synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
        properties = {"Name": "/small", "Type": "String", "Value": value}
        found = CfnResource(stack, "P", type="AWS::SSM::Parameter", properties=properties)
        if broken:
            bad = {"Action": "lambda:InvokeFunction"}
            CfnResource(stack, "Bad", type="AWS::Lambda::Permission", properties=bad).add_dependency(found)
        if output:
            stack.export_value(found.ref, name="shared")
        return stack

    return synthesize(folder, build_small)


def test_an_update_and_a_failure_end_as_the_cli_shows_them(
    stacks: Stacks, account: EmbeddedAccount, tmp_path: Path
) -> None:
    cdk = Cdk(account, CDK)
    with account.running():
        cdk.bootstrap()
        cdk.deploy(str(small(tmp_path / "1")), ["small"], folder=tmp_path)
        cdk.deploy(str(small(tmp_path / "2", value="two", output=True)), ["small"], "--method=direct", folder=tmp_path)
        assert status(stacks, "small") == "UPDATE_COMPLETE"
        assert list(outputs(stacks.settled("small")).values()) == ["/small"]
        with pytest.raises(CdkFailed, match="small/Bad") as failed:
            cdk.deploy(str(small(tmp_path / "3", value="three", broken=True)), ["small"], folder=tmp_path)
        assert "CREATE_FAILED" in str(failed.value)
        assert status(stacks, "small") == "UPDATE_ROLLBACK_COMPLETE"
        assert account.client("ssm").get_parameter(Name="/small")["Parameter"]["Value"] == "two"
        lines = cdk.run(
            "diff", "small", "--app", str(small(tmp_path / "4", value="four", output=True)), folder=tmp_path
        )
        assert json.dumps("\n".join(lines)).count("two") == 1
