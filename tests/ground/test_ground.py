"""The ground: locks, the wheel, what an import costs, and the demo from end to end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from constructs_ml.node import find, version
from tests.support import ROOT

LOCKS = ["requirements/dev.txt", "requirements/data.txt", "package-lock.json", "package.json"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_records_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|index-url|find-links", text)


def test_every_locked_package_has_its_hashes() -> None:
    for name in LOCKS[:2]:
        text = (ROOT / name).read_text()
        pins = re.findall(r"^[A-Za-z0-9_.-]+(?:\[[^\]]*\])?==", text, re.MULTILINE)
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)


def test_the_cdk_cli_is_pinned_where_it_is_explained() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["dependencies"]["aws-cdk"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", pinned)
    assert pinned in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.slow
def test_the_wheel_ships_functions_data_and_types(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert {
        "constructs_ml/_lambdas/log_retention/handler.py",
        "constructs_ml/py.typed",
        "constructs_ml/facts/data/images.json",
        "constructs_ml/contract/settings.py",
    } <= names
    assert not any(name.startswith(("tests/", "tools/", "apps/")) for name in names)


def test_importing_starts_no_node_and_loads_nothing_heavy() -> None:
    program = "import sys, constructs_ml; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"aws_cdk", "jsii", "pydantic", "yaml", "botocore"} & set(eval(done.stdout))


def test_specs_and_the_compiler_need_no_cdk_either() -> None:
    program = (
        "import sys; from constructs_ml import ModelSpec, Train, Gate, compile_pipeline;"
        "print([name for name in ('aws_cdk', 'jsii', 'pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves_and_an_unknown_one_is_told() -> None:
    import constructs_ml

    for name in constructs_ml.__all__:
        assert getattr(constructs_ml, name) is not None
    with pytest.raises(AttributeError, match="constructs_ml has no 'Trian'"):
        _ = constructs_ml.Trian  # type: ignore[attr-defined]


def test_node_is_recent_enough() -> None:
    assert version(str(find())) >= 22
