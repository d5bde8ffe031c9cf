"""The page of the engines says what the code says, and templates are clean."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from constructs_ml import Cron, Function, LambdaTask, OnAlarm, OnData, compile_sagemaker_pipeline
from constructs_ml.compiler.sagemaker.fits import fits
from constructs_ml.compiler.sagemaker.retries import EXCEPTIONS
from constructs_ml.compiler.template import AssetPart, Json
from constructs_ml.spec.steps import Step
from tests.support import DAY, ROOT, account, evaluate, gate, pipeline, prepare, train

PAGE = (ROOT / "docs" / "engines.md").read_text()
LINT = str(Path(sys.executable).parent / "cfn-lint")


def test_the_table_has_every_step_and_what_runs_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| yes \| (yes|no)[^|]*\|$", PAGE, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    assert dict(rows) == {kind.__name__: "yes" if fits(kind) else "no" for kind in get_args(Step)}


def test_the_page_names_every_error_that_can_be_retried() -> None:
    assert [name for name in EXCEPTIONS if f"`{name}`" not in PAGE] == []


@pytest.mark.slow
def test_a_template_with_everything_is_clean(tmp_path: Path) -> None:
    check = LambdaTask(name="check", function=Function(code="function"), payload={"day": DAY})
    triggers = (Cron("0 3 * * ? *"), OnData("raw/", to="day"), OnAlarm("kpi"))
    spec = pipeline(check, prepare(arguments=(DAY,)), train(), evaluate(), gate(), inputs=(DAY,), triggers=triggers)
    compiled = compile_sagemaker_pipeline(spec, account(), prefix="Training", commit="abc")
    parts: dict[AssetPart, Json] = {"bucket": "assets", "key": "c.tar.gz", "uri": "s3://assets/c", "file": "c.tar.gz"}
    file = tmp_path / "template.json"
    file.write_text(json.dumps(compiled.template({}, dict.fromkeys(compiled.assets, parts))))
    command = [LINT, "--regions", "eu-central-1", "--non-zero-exit-code", "error", "-t", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
