"""The examples of README, docs and docstrings, run."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import pkgutil
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import constructs_ml.drawing
import constructs_ml.spec
from apps.churn.data import write_csv
from apps.churn.model import churn
from constructs_ml import mermaid
from constructs_ml.config import accounts_schema
from constructs_ml.rehearsal.rehearsed import Rehearsed
from tests.support import CODE, ROOT

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
MODULES = [
    info.name
    for floor in (constructs_ml.drawing, constructs_ml.spec)
    for info in pkgutil.walk_packages(floor.__path__, f"{floor.__name__}.")
]
CUSTOMER = (
    "purchases,weeks_since_last,weeks_since_first,mean_gap_weeks,mean_amount,total_amount,total_quantity,days_bought\n"
    "1,30,30,30,20,20,1,1\n"
)


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder: the code that the examples name, and the YAML of the page."""
    shutil.copytree(CODE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "apps").mkdir()
    shutil.copytree(ROOT / "apps" / "churn", tmp_path / "apps" / "churn")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.node
@pytest.mark.parametrize("page", PAGES)
def test_a_pages_examples_run(page: str, folder: Path) -> None:
    for text in blocks(page, "yaml"):
        (folder / "accounts.yaml").write_text(text)
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page}[{number}]", "exec"), names)


def test_the_readmes_declaration_is_short_and_its_drawing_is_the_compilers(folder: Path) -> None:
    names: dict[str, object] = {}
    declaration = blocks("README.md", "python")[0]
    exec(declaration, names)
    body = declaration[declaration.index("image =") :]
    assert len(body.splitlines()) <= 40
    assert blocks("README.md", "mermaid")[0] + "\n" == mermaid(names["churn"].pipeline)  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_run(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module))
    assert failed == 0


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert os.path.exists((ROOT / page).parent / target), target


def test_the_schema_for_editors_is_the_one_that_is_enforced() -> None:
    assert json.loads((ROOT / "docs" / "accounts.schema.json").read_text()) == accounts_schema()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/rehearsal.md"])
def test_the_tests_that_the_pages_show_pass(page: str, folder: Path, rehearse: Callable[..., Rehearsed]) -> None:
    known = yaml.safe_load((ROOT / "apps" / "churn" / "accounts.yaml").read_text())["accounts"]["dev"]
    content = {"accounts": {"dev": {**known, "models": {"churn": {"monitors": "none"}}}}}
    (folder / "accounts.yaml").write_text(yaml.safe_dump(content))
    write_csv(folder / "purchases.csv")
    (folder / "customer.csv").write_text(CUSTOMER)
    shown = [block for block in blocks(page, "python") if "(rehearse)" in block]
    names: dict[str, Any] = {"churn": churn}
    if page == "README.md":
        exec(blocks(page, "python")[0], names)
    for block in shown:
        exec(block, names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == len(shown) == 1
    tests[0](rehearse)
