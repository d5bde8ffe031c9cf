"""Definitions before a judge that is not ours: the npm package asl-validator."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from apps.churn.model import churn
from constructs_ml import Accounts, compile_pipeline
from tests.compiler.test_definitions import CASES
from tests.support import ROOT, compiled, runnable

pytestmark = pytest.mark.node
PROGRAM = """
const validate = require("asl-validator");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => validate(text))));
"""


def judged(*definitions: dict[str, Any]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [os.environ["JSII_NODE"], "-e", PROGRAM],
        cwd=ROOT,
        input=json.dumps(definitions),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_shape_of_pipeline_is_valid() -> None:
    definitions = [runnable(compiled(spec(), where())) for spec, where in CASES.values()]
    accounts = Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")
    definitions += [runnable(compile_pipeline(churn.pipeline, account, prefix="Training")) for account in accounts]
    for verdict in judged(*definitions):
        assert verdict["isValid"], verdict


@pytest.mark.parametrize("change", ["Next", "Type", "StartAt"])
def test_the_judge_finds_a_bad_twin(change: str) -> None:
    bad = runnable(compiled())
    if change == "StartAt":
        bad["StartAt"] = "nowhere"
    else:
        bad["States"]["prepare"][change] = "nowhere"
    assert not judged(bad)[0]["isValid"]
