"""The command line, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import constructs_ml
from constructs_ml.cli import app
from tests.support import ROOT, of_stack

CHURN = "apps.churn.model:churn"
MODEL = """
from constructs_ml import Feature, FeatureGroupSpec, ModelSpec, Process, Image
from pathlib import Path

customers = FeatureGroupSpec(name="customers", record_identifier="id", event_time="at",
                             features=(Feature("id"), Feature("at"), Feature("spend", "{type}")))
churn = ModelSpec(name="churn", owner="growth", root=Path({root!r}), features=(customers,),
                  steps=(Process(name="prepare", image=Image("prepare:1"), outputs=("rows",)),))
"""
ACCOUNTS = """
accounts:
  dev:
    id: "111111111111"
    region: eu-central-1
    instances: {processing: ml.m5.large}
  gov:
    id: "222222222222"
    region: us-gov-west-1
    instances: {processing: ml.m5.large}
"""
run = CliRunner()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    declare(tmp_path)
    return tmp_path


def declare(folder: Path, type: str = "Fractional") -> None:
    (folder / "declared.py").write_text(MODEL.format(type=type, root=str(folder)))
    sys.modules.pop("declared", None)


def test_a_schema_is_recorded_once_and_then_as_it_was(project: Path) -> None:
    first = run.invoke(app, ["features", "record", "declared:churn"])
    assert (first.exit_code, "written" in first.output) == (0, True)
    record = json.loads((project / "features" / "customers.json").read_text())
    assert record["features"] == {"id": "String", "at": "String", "spend": "Fractional"}
    again = run.invoke(app, ["features", "record", "declared:churn"])
    assert (again.exit_code, "as it was" in again.output) == (0, True)


def test_a_check_writes_nothing_and_fails_while_the_record_is_behind(project: Path) -> None:
    done = run.invoke(app, ["features", "record", "--check", "declared:churn"])
    assert (done.exit_code, "is behind" in done.output) == (1, True)
    assert not (project / "features").exists()


def test_what_no_update_could_carry_is_not_recorded(project: Path) -> None:
    run.invoke(app, ["features", "record", "declared:churn"])
    before = (project / "features" / "customers.json").read_text()
    declare(project, "Integral")
    done = run.invoke(app, ["features", "record", "declared:churn"])
    assert done.exit_code == 2
    assert "schema-retyped" in done.output
    assert (project / "features" / "customers.json").read_text() == before


def test_check_tells_every_account_apart_and_fails_for_one(project: Path) -> None:
    done = run.invoke(app, ["check", "declared:churn"])
    assert done.exit_code == 1
    assert "dev: " in done.output
    assert "schema-unrecorded" in done.output
    assert "the region has no AWS::SageMaker::FeatureGroup" in done.output


def test_check_tells_the_faults_of_every_noun(project: Path) -> None:
    text = ACCOUNTS.replace("instances: {processing: ml.m5.large}", "instances: {processing: ml.m5.huge}")
    (project / "accounts.yaml").write_text(text)
    done = run.invoke(app, ["check", "declared:churn"])
    assert done.output.count("instance-type") == 2
    assert "type-region" in done.output


def test_what_a_declaration_imports_and_is_not_there_is_not_taken_for_the_declaration(project: Path) -> None:
    (project / "declared.py").write_text("import not_there")
    sys.modules.pop("declared", None)
    done = run.invoke(app, ["check", "declared:churn"])
    assert isinstance(done.exception, ModuleNotFoundError)


def test_check_says_which_accounts_have_no_endpoint_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run.invoke(app, ["check", CHURN, "--accounts", "apps/churn/accounts.yaml"])
    assert done.exit_code == 0, done.output
    assert "stage 'dev' pins no version of model 'churn' yet" in done.output
    assert "stage 'prod'" not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "declared:chrn"], "declared:churn"),
        (["check", "declard:churn"], "write package.module:name"),
        (["check", ":churn"], "write package.module:name"),
        (["check", ".x:churn"], "write package.module:name"),
        (["check", "declared:churn", "--accounts", "nowhere.yaml"], "accounts-file"),
        (["changes", ".", "."], "assembly-empty"),
    ],
)
def test_a_mistake_ends_with_words_and_two(project: Path, arguments: list[str], said: str) -> None:
    done = run.invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_changes_tell_the_verdicts_and_fail_for_lost_data(tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "records"}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
    of_stack(tmp_path / "before", {"Data": bucket, "Topic": topic})
    of_stack(tmp_path / "after", {"Topic": {**topic, "Properties": {"DisplayName": "two"}}})
    done = run.invoke(app, ["changes", str(tmp_path / "before"), str(tmp_path / "after")], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "data loss" in done.output
    assert "in place" in done.output
    same = run.invoke(app, ["changes", str(tmp_path / "before"), str(tmp_path / "before")])
    assert (same.exit_code, same.output.strip()) == (0, "nothing changes")


def test_a_misspelt_model_of_an_account_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "apps" / "churn" / "accounts.yaml").read_text().replace("      churn: {pins", "      chrun: {pins")
    (tmp_path / "accounts.yaml").write_text(text)
    done = run.invoke(app, ["check", CHURN, "--accounts", str(tmp_path / "accounts.yaml")])
    assert done.exit_code == 1
    assert "did you mean churn?" in done.output


def test_a_mistake_in_the_declaration_is_told_as_it_is(project: Path) -> None:
    (project / "declared.py").write_text("from constructs_ml import Feature\nFeature('a b')\n")
    sys.modules.pop("declared", None)
    done = run.invoke(app, ["check", "declared:churn"])
    assert done.exit_code == 2
    assert "not the name of a feature" in done.output
    assert "package.module" not in done.output


def test_a_long_reason_is_not_cut_where_there_is_no_terminal(tmp_path: Path) -> None:
    one = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
    long = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "two" * 30}}
    of_stack(tmp_path / "before", {"Topic": one})
    of_stack(tmp_path / "after", {"Topic": long})
    done = run.invoke(app, ["changes", str(tmp_path / "before"), str(tmp_path / "after")])
    assert f"DisplayName: one -> {'two' * 30}" in done.output


def test_the_node_and_the_version_are_told() -> None:
    assert Path(run.invoke(app, ["node"]).output.strip()).exists()
    assert run.invoke(app, ["--version"]).output.strip() == constructs_ml.__version__


def test_a_command_without_its_packages_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from constructs_ml.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "constructs-ml[cli]" in done.stderr


def test_the_command_is_installed_and_starts_no_node() -> None:
    code = "import sys, constructs_ml.cli; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    command = Path(sys.executable).parent / "constructs-ml"
    assert "features" in subprocess.run([str(command), "--help"], capture_output=True, text=True).stdout
