"""The genuine cdk CLI on what the crossing brings in: diff, and hotswap against a local account."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import Fleet, ModelSpec
from constructs_ml.rehearsal.cdk import Cdk, CdkFailed
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.parts import make_parts
from tests.assemblies import synthesize, templates
from tests.support import CODE, account, evaluate, gate, prepare, train
from tools.environment import without_credentials

pytestmark = [pytest.mark.node, pytest.mark.slow]
CDK = Path(__file__).parents[2] / "node_modules" / "aws-cdk" / "bin" / "cdk"


def assembly(folder: Path, **changes: Any) -> Path:
    model = ModelSpec(name="churn", owner="growth", root=CODE, steps=(prepare(), train(**changes), evaluate(), gate()))
    return synthesize(folder, lambda app: Fleet(app, "dev", account=account(), models=[model], commit="a" * 40))


def cdk(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [os.environ["JSII_NODE"], str(CDK), *arguments]
    return subprocess.run(
        command, cwd=folder, env={**without_credentials(), **environment}, capture_output=True, text=True, timeout=240
    )


def test_diff_names_the_changed_resource_by_its_path(tmp_path: Path) -> None:
    before, after = assembly(tmp_path / "before"), assembly(tmp_path / "after", hyperparameters={"depth": 4})
    old = tmp_path / "old.json"
    old.write_text(json.dumps(templates(before)["dev-churn"]))
    done = cdk("diff", "dev/churn", "--exclusively", "--app", str(after), "--template", str(old), folder=tmp_path)
    text = done.stdout + done.stderr
    assert (
        "[~] AWS::StepFunctions::StateMachine churn/Pipeline/Resources/PipelineStateMachine PipelineStateMachine"
        in text
    )
    assert "AWS::IAM::Role" not in text


def test_hotswap_takes_a_changed_definition(tmp_path: Path) -> None:
    """The CLI evaluates the definition and would swap it; the embedded account has no Cloud Control API for that."""
    embedded, said = EmbeddedAccount("111111111111", "eu-central-1"), list[str]()
    make_parts(embedded)
    with embedded.running():
        local = Cdk(embedded, CDK)
        local.bootstrap()
        local.deploy(str(assembly(tmp_path / "before")), ["dev/*"])
        after = assembly(tmp_path / "after", hyperparameters={"depth": 4})
        options = ("--exclusively", "--hotswap", "--app", str(after), "--require-approval", "never")
        with pytest.raises(CdkFailed):
            Cdk(embedded, CDK, said.append).run("deploy", "dev/churn", *options, folder=tmp_path)
    text = "\n".join(said)
    assert "hotswapping resources" in text
    assert (
        "AWS::StepFunctions::StateMachine 'arn:aws:states:eu-central-1:111111111111:stateMachine:dev-churn-training'"
        in text
    )
    assert "non-hotswappable" not in text
