"""The genuine cdk CLI on what the crossing brings in: diff, and hotswap against a local account."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import Fleet, ModelSpec
from tests.assemblies import synthesize, templates
from tests.support import CODE, account, evaluate, gate, prepare, train
from tools.environment import without_credentials
from tools.local_account import CDK, local_account

pytestmark = [pytest.mark.node, pytest.mark.slow]


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
    """The CLI evaluates the definition and would swap it; the local account has no Cloud Control API to do it by."""
    with local_account("111111111111", "eu-central-1") as local:
        local.bootstrap()
        local.deploy(assembly(tmp_path / "before"), ["dev/*"])
        after = assembly(tmp_path / "after", hyperparameters={"depth": 4})
        arguments = (
            "deploy",
            "dev/churn",
            "--exclusively",
            "--hotswap",
            "--app",
            str(after),
            "--require-approval",
            "never",
        )
        command = [os.environ["JSII_NODE"], str(CDK), *arguments]
        environment = {**without_credentials(), **local.environment()}
        text = ""
        # Which stream the CLI talks on depends on the variable CI.
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as started:
            assert started.stdout is not None
            for line in started.stdout:
                text += line
                if "arn:aws:states" in line:
                    started.kill()
    assert "hotswapping resources" in text
    assert (
        "AWS::StepFunctions::StateMachine 'arn:aws:states:eu-central-1:111111111111:stateMachine:dev-churn-training'"
        in text
    )
    assert "non-hotswappable" not in text
