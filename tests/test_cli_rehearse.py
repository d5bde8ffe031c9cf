"""`constructs-ml rehearse`, as a person types it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from constructs_ml.cli import app
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.rehearsed import Rehearsed
from tests.support import ROOT

MODEL = """
from constructs_ml import Fail, Input, ModelSpec, Wait
from tests.support import CODE

idle = ModelSpec(name="idle", owner="growth", root=CODE, steps=(Wait(name="pause", seconds=30),))

churn = ModelSpec(name="churn", owner="growth", root=CODE, inputs=(Input("day", default="1997-09-30"),),
                  steps=(Fail(name="stop", error="Nothing", cause="there is nothing to do"),))
"""
ACCOUNTS = """
accounts:
  dev: {id: "111111111111", region: eu-central-1}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    (tmp_path / "rehearsed_model.py").write_text(MODEL)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    yield tmp_path
    sys.modules.pop("rehearsed_model", None)


def rehearse(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, ["rehearse", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--put", "raw/a.csv=nowhere.csv"), "rehearse-file"),
        (("--put", "raw/a.csv"), "rehearse-pair"),
        (("--put", "=a.csv"), "rehearse-pair"),
        (("--put", "raw/a.csv="), "rehearse-pair"),
        (("--request", "nowhere.csv"), "rehearse-file"),
        (("--stand-in", "*/xgboost:*=nowhere.py"), "rehearse-file"),
        (("--stand-in", "nowhere.py"), "rehearse-pair"),
        (("--stage", "prod"), "stage-missing"),
        (("--accounts", "nowhere.yaml"), "accounts-file"),
        (("--input", "day=1"), "--start"),
        (("--report", "nowhere/x.html"), "there is no folder nowhere"),
        (("--app", "cdk.out", "--approve"), "pin in the accounts file"),
        (("--start", "--input", "night=1"), "night"),
        (("--acceleration", "0.5"), "acceleration"),
    ],
)
def test_what_is_given_is_checked_before_an_account_opens(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(EmbeddedAccount, "running", lambda _: pytest.fail("an account was opened"))
    done = rehearse("rehearsed_model:churn", *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (project / "rehearsal.html").exists()


@pytest.mark.parametrize(("place", "said"), [("rehearsed_model:nobody", "model-import"), ("nowhere:churn", "nowhere")])
def test_a_model_that_is_not_there_is_refused(project: Path, place: str, said: str) -> None:
    done = rehearse(place)
    assert done.exit_code == 2
    assert said in done.output


def test_without_the_extra_the_command_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("constructs_ml.rehearsal.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)
    done = rehearse("rehearsed_model:churn")
    assert done.exit_code == 2, done.output
    assert 'pip install "constructs-ml[rehearsal]"' in done.output


@pytest.mark.slow
def test_a_good_run_ends_the_command_with_zero_and_a_page(project: Path) -> None:
    done = rehearse("rehearsed_model:idle", "--start")
    assert done.exit_code == 0, done.output
    assert "dev-idle-training  succeeded after" in done.output
    assert "the page: rehearsal.html" in done.output
    assert "SUCCEEDED" in (project / "rehearsal.html").read_text()


@pytest.mark.slow
def test_a_run_that_fails_ends_the_command_with_one_and_the_page_tells_it(project: Path) -> None:
    done = rehearse("rehearsed_model:churn", "--start", "--report", "told.html")
    assert done.exit_code == 1, done.output
    assert "dev-churn-training  failed" in done.output
    assert "Traceback" not in done.output
    text = (project / "told.html").read_text()
    assert "FAILED" in text
    assert "there is nothing to do" in text
    assert len(text) < 1_000_000


@pytest.mark.slow
def test_data_are_put_and_a_request_without_an_endpoint_fails_in_aws_words(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rehearsed, "wait_for", lambda *_, **__: type("Run", (), {"status": "SUCCEEDED"}))
    done = rehearse("rehearsed_model:churn", "--put", "raw/a.csv=a.csv", "--request", "a.csv")
    assert done.exit_code == 1, done.output
    assert "dev-churn" in done.output
    assert "not found" in done.output
    assert "Traceback" not in done.output
    assert (project / "rehearsal.html").exists()


@pytest.mark.slow
def test_kept_open_it_prints_what_other_programs_need_and_ctrl_c_closes_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    stopped = SimpleNamespace(sleep=interrupted, monotonic=time.monotonic)
    monkeypatch.setattr(sys.modules["constructs_ml.cli.rehearse"], "time", stopped)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setattr(Rehearsed, "deploy", lambda *_, **__: [])
    done = rehearse("rehearsed_model:churn", "--keep")
    assert done.exit_code == 0, done.output
    exports = dict(line[7:].split("=", 1) for line in done.output.splitlines() if line.startswith("export "))
    assert exports["AWS_ENDPOINT_URL"].startswith("http://localhost:")
    assert exports["AWS_REGION"] == "eu-central-1"
    assert "real" not in exports.values()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "real"


def test_ctrl_c_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[EmbeddedAccount] = []

    def interrupted(rehearsed: Rehearsed) -> None:
        found.append(rehearsed.embedded)
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        rehearsed.embedded.processes.start("long", command, folder=project, environment={})
        raise KeyboardInterrupt

    monkeypatch.setattr(Rehearsed, "deploy", interrupted)
    done = rehearse("rehearsed_model:churn")
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    assert found[0].processes.running() == []
    with EmbeddedAccount("111111111111", "eu-central-1").running():
        pass
