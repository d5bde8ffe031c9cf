"""`constructs-ml pipeline`, as a person types it, against an account in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from constructs_ml import Input, PipelineSpec, SpecError
from constructs_ml.cli import app
from constructs_ml.cli.inputs import given_inputs
from tests.compiler.test_states import FINISHED
from tests.drawing.stories import fails
from tests.support import ROOT, account, compiled, pipeline, prepare, runnable, train
from tools.interpreter import answering

REGION, ID, ROLE = "eu-central-1", "123456789012", "arn:aws:iam::123456789012:role/states"
MODEL = """
from constructs_ml import Input, ModelSpec
from tests.support import CODE, prepare, train

day, depth, dry = Input("day", default="1997-09-30"), Input("depth", "Number"), Input("dry", "Boolean", default=False)
cities = Input("cities", "List", default=("Bern", "Basel"))
churn = ModelSpec(name="churn", owner="growth", root=CODE, inputs=(day, depth, dry, cities),
                  steps=(prepare(arguments=("--day", day)), train(hyperparameters={"depth": depth})))
"""
ACCOUNTS = f"""
accounts:
  dev: {{id: "{ID}", region: {REGION}}}
  prod: {{id: "222222222222", region: {REGION}}}
"""
INPUTS = (
    Input("day", default="1997-09-30"),
    Input("depth", "Number"),
    Input("dry", "Boolean", default=False),
    Input("cities", "List", default=("Bern", "Basel")),
)
MACHINE = f"arn:aws:states:{REGION}:{ID}:stateMachine:dev-churn-training"


def declared_pipeline() -> PipelineSpec:
    day, depth, *_ = INPUTS
    steps = (prepare(arguments=("--day", day)), train(hyperparameters={"depth": depth}))
    return pipeline(*steps, inputs=INPUTS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    (tmp_path / "declared_runs.py").write_text(MODEL)
    sys.modules.pop("declared_runs", None)
    return tmp_path


class Account:
    """The account that the pipeline is deployed to. `answers` say what its services answer, by state."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.attempts: dict[str, int] = {}
        self.gate: threading.Event | None = None
        self.client = boto3.client("stepfunctions", region_name=REGION)

    def deploy(self) -> None:
        definition = json.dumps(runnable(compiled(declared_pipeline(), account(id=ID))))
        self.client.create_state_machine(name="dev-churn-training", definition=definition, roleArn=ROLE)

    def __call__(self, call: Any) -> Any:
        self.attempts[call.state] = self.attempts.get(call.state, 0) + 1
        if self.gate and call.state == "train":
            self.gate.wait(20)
        answer = self.answers.get(call.state, FINISHED.get(call.service, {}))
        return answer(self.attempts[call.state]) if callable(answer) else answer

    def started(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_executions(stateMachineArn=MACHINE)["executions"]
        return found


@pytest.fixture
def deployed(project: Path) -> Iterator[Account]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        found = Account()
        with answering(found):
            found.deploy()
            yield found


def say(*arguments: str) -> Result:
    command = ["pipeline", arguments[0], "declared_runs:churn", *arguments[1:]]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def test_a_pipeline_is_shown_as_a_tree_with_its_inputs(project: Path) -> None:
    done = say("show")
    assert done.exit_code == 0, done.output
    assert "training of churn" in done.output
    assert "prepare  Process" in done.output
    assert "depth   Number   required" in done.output
    assert "day     String   1997-09-30" in done.output
    assert 'cities  List     ["Bern", "Basel"]' in done.output


def test_both_arms_of_a_gate_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["pipeline", "show", "apps.churn.model:churn"], env={"COLUMNS": "200"})
    assert "gate  evaluate.auc >= 0.75" in done.output
    assert done.output.index("yes") < done.output.index("register") < done.output.index("no\n")


@pytest.mark.parametrize(("name", "beginning"), [("a.svg", "<svg"), ("a.html", "<!doctype"), ("a.mmd", "flowchart")])
def test_a_drawing_is_written_in_the_form_that_the_suffix_names(project: Path, name: str, beginning: str) -> None:
    assert say("show", "--output", name).exit_code == 0
    assert (project / name).read_text().startswith(beginning)


@pytest.mark.parametrize("command", [("show",), ("watch", "--stage", "dev")])
def test_another_suffix_is_refused_before_anything_else(project: Path, command: tuple[str, ...]) -> None:
    done = say(*command, "--output", "a.png")
    assert done.exit_code == 2
    assert "drawing-suffix" in done.output


def test_a_drawing_for_a_folder_that_is_not_there_is_refused(project: Path) -> None:
    done = say("show", "--output", "nowhere/a.svg")
    assert done.exit_code == 2
    assert "[drawing-file]" in done.output


@pytest.mark.parametrize("command", ["run", "watch"])
def test_a_model_on_the_other_engine_is_refused_before_any_call(project: Path, command: str) -> None:
    declared = project / "declared_runs.py"
    declared.write_text(MODEL.replace("root=CODE,", 'root=CODE, engine="pipelines",'))
    done = say(command, "--stage", "dev")
    assert done.exit_code == 2
    assert "[run-engine]" in done.output


def test_showing_loads_neither_boto3_nor_node(project: Path) -> None:
    code = (
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = sys.modules['aws_cdk'] = None\n"
        "from constructs_ml.cli import app; app(['pipeline', 'show', 'declared_runs:churn'])"
    )
    environment = {"PYTHONPATH": f"{project}:{ROOT}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "prepare" in done.stdout


def test_a_run_is_started_with_its_inputs_and_its_arn_is_printed(deployed: Account) -> None:
    done = say("run", "--stage", "dev", "--input", "depth=3", "--input", "day=a=b", "--input", "dry=true")
    assert done.exit_code == 0, done.output
    arn = done.output.strip()
    assert arn.startswith(MACHINE.replace(":stateMachine:", ":execution:"))
    given = json.loads(deployed.client.describe_execution(executionArn=arn)["input"])
    assert given == {"depth": 3, "day": "a=b", "dry": True}


def test_a_run_can_be_watched_from_its_start(deployed: Account) -> None:
    done = say("run", "--stage", "dev", "--input", "depth=3", "--watch", "--every", "0.01")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("arn:aws:states:")
    assert "✓ succeeded" in done.output


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ([], ["run-missing"]),
        (["depth"], ["run-input", "run-missing"]),
        (["depth=3", "depth=4"], ["run-input"]),
        (["depth=3", "dpeth=4"], ["input-foreign"]),
        (["depth=three"], ["run-value"]),
        (["depth=NaN"], ["run-value"]),
        (["depth=Infinity"], ["run-value"]),
        (["depth=true"], ["run-value"]),
        (["depth="], ["run-value"]),
        (["depth=3", "dry=yes"], ["run-value"]),
        (["depth=3", "dry=1"], ["run-value"]),
        (["depth=3", "cities=Bern"], ["run-value"]),
        (["depth=3", "cities=[]"], ["run-value"]),
        (["depth=3", "cities=[NaN]"], ["run-value"]),
        (["depth=3", 'cities={"city": "Bern"}'], ["run-value"]),
        (["depth=1e999"], ["run-value"]),
        (["depth=null"], ["run-value"]),
        (["x=1", "depth=x", "dry=y"], ["input-foreign", "run-value", "run-value"]),
    ],
)
def test_wrong_inputs_are_all_told_before_any_call(project: Path, given: list[str], rows: list[str]) -> None:
    options = [word for text in given for word in ("--input", text)]
    done = say("run", "--stage", "dev", *options)
    assert done.exit_code == 2
    assert [done.output.count(f"[{row}]") for row in rows] == [rows.count(row) for row in rows]
    with pytest.raises(SpecError) as refused:
        given_inputs(declared_pipeline(), given)
    assert [fault.id for fault in refused.value.faults] == rows


def test_values_keep_their_json_types() -> None:
    found = given_inputs(declared_pipeline(), ["depth=0.5", "day=3", "dry=false", 'cities=["Bern"]'])
    assert found == {"depth": 0.5, "day": "3", "dry": False, "cities": ["Bern"]}
    assert isinstance(given_inputs(declared_pipeline(), ["depth=3"])["depth"], int)


def test_a_watched_run_ends_with_its_result(deployed: Account) -> None:
    say("run", "--stage", "dev", "--input", "depth=3")
    done = say("watch", "--stage", "dev", "--every", "0.01", "--output", "run.svg")
    assert done.exit_code == 0, done.output
    assert "training of churn" in done.output
    assert done.output.count("✓ succeeded") >= 2
    assert 'class="task succeeded"' in Path("run.svg").read_text()


def test_a_failed_run_ends_with_one_and_the_error_where_it_failed(deployed: Account) -> None:
    deployed.answers["train"] = fails("AlgorithmError")
    say("run", "--stage", "dev", "--input", "depth=3")
    done = say("watch", "--stage", "dev", "--every", "0.01", "--output", "run.html")
    assert done.exit_code == 1
    assert "✗ failed" in done.output
    assert "AlgorithmError: because" in done.output
    assert "AlgorithmError: because" in Path("run.html").read_text()
    assert say("watch", "--stage", "dev", "--once").exit_code == 1


def test_a_running_run_is_looked_at_once_or_until_it_ends(deployed: Account) -> None:
    deployed.gate = threading.Event()
    say("run", "--stage", "dev", "--input", "depth=3")
    wait_until(lambda: deployed.attempts.get("train") == 1)
    once = say("watch", "--stage", "dev", "--once")
    assert once.exit_code == 0, once.output
    assert "▶ running" in once.output
    threading.Timer(0.5, deployed.gate.set).start()
    done = say("watch", "--stage", "dev", "--every", "0.05")
    assert done.exit_code == 0
    assert done.output.count("✓ succeeded") >= 2


def test_an_execution_is_found_by_its_name_or_is_the_latest(deployed: Account) -> None:
    given = json.dumps({"depth": 3})
    deployed.client.start_execution(stateMachineArn=MACHINE, name="first", input=given)
    wait_until(lambda: {run["status"] for run in deployed.started()} == {"SUCCEEDED"})
    assert "first" in say("watch", "--stage", "dev").output
    assert "first" in say("watch", "--stage", "dev", "--execution", "first").output
    missing = say("watch", "--stage", "dev", "--execution", "second")
    assert missing.exit_code == 2
    assert "execution-missing" in missing.output


def test_nothing_was_started_yet(deployed: Account) -> None:
    done = say("watch", "--stage", "dev")
    assert done.exit_code == 2
    assert "execution-missing" in done.output


@pytest.mark.parametrize("command", [("run", "--input", "depth=3"), ("watch",)])
def test_another_accounts_credentials_start_and_tell_nothing(deployed: Account, command: tuple[str, ...]) -> None:
    done = say(*command, "--stage", "prod")
    assert done.exit_code == 2
    assert "[run-account]" in done.output
    assert ID in done.output
    assert deployed.started() == []


@pytest.mark.parametrize("command", [("run", "--input", "depth=3"), ("watch",)])
def test_a_pipeline_that_is_not_deployed_is_refused(project: Path, command: tuple[str, ...]) -> None:
    with mock_aws():
        done = say(*command, "--stage", "dev")
    assert done.exit_code == 2
    assert "[machine-missing]" in done.output


@pytest.mark.parametrize("command", [("run", "--input", "depth=3"), ("watch",)])
def test_a_stage_that_is_not_there_is_refused(project: Path, command: tuple[str, ...]) -> None:
    done = say(*command, "--stage", "dve")
    assert done.exit_code == 2
    assert "[stage-missing]" in done.output


def test_without_credentials_nothing_is_tried(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(project / "none"))
    done = say("watch", "--stage", "dev")
    assert done.exit_code == 2
    assert "[aws-refused]" in done.output
    assert "Unable to locate credentials" in done.output


def test_a_denied_call_is_told_in_awss_words(deployed: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    call = BaseClient._make_api_call

    def denied(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "StartExecution":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", denied)
    done = say("run", "--stage", "dev", "--input", "depth=3")
    assert done.exit_code == 2
    assert "AccessDeniedException: not you" in done.output
    assert "states:StartExecution" in done.output


def test_a_missing_boto3_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    done = say("watch", "--stage", "dev")
    assert done.exit_code == 2
    assert 'pip install "constructs-ml[aws]"' in done.output


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise TimeoutError
