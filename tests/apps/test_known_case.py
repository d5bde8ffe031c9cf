"""The known case: compiled for every account, proved, and run through success, throttling and each failure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apps.known_case.containers.transform.transform import transform
from apps.known_case.functions.deploy import handler as deploy
from apps.known_case.functions.prepare import handler as prepare
from apps.known_case.model import known_case
from apps.known_case.steps.train import read
from constructs_ml import Account, Accounts, compile_pipeline
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from tests.services import Services, broken, throttled
from tests.support import ROOT, runnable
from tools.interpreter import Run, run

FOLDER = ROOT / "apps" / "known_case"
ACCOUNTS = Accounts.load(FOLDER / "accounts.yaml")
LINT = str(Path(sys.executable).parent / "cfn-lint")
STEPS = ("prepare", "extract", "transform", "train", "deploy")
ANSWERS = {
    "prepare": {"Payload": {"day": "2026-11-21"}},
    "extract": {"Id": "jr_1", "JobRunState": "SUCCEEDED"},
    "transform": {"TaskArn": "arn:aws:ecs:::task/ml/1"},
    "train": {
        "TrainingJobName": "known-case-train-1",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://made/model.tar.gz"},
    },
    "deploy": {"Payload": {"endpoint": "known-case"}},
}
LATER = {
    "prepare": "Lambda.TooManyRequestsException",
    "extract": "Glue.ConcurrentRunsExceededException",
    "transform": "ECS.ThrottlingException",
    "train": "SageMaker.ResourceLimitExceededException",
    "deploy": "Lambda.ServiceException",
}


def built(account: Account) -> Compiled:
    return compile_pipeline(known_case.pipeline, account, prefix="Training")


def ran(stage: str = "dev", **answers: Any) -> tuple[Run, Services]:
    services = Services({**ANSWERS, **answers})
    return run(runnable(built(ACCOUNTS[stage])), {}, services, name="run-1"), services


def test_it_runs_from_the_first_step_to_the_last() -> None:
    ended, services = ran()
    assert ended.status == "SUCCEEDED"
    assert [name for name in ended.states if name in STEPS] == list(STEPS)
    raw, run_of = "s3://databucket/raw/", "run-1"
    assert services.of("prepare")[0]["Payload"] == {"data": raw}
    assert services.of("extract")[0] == {
        "JobName": "orders-extract-dev",
        "Timeout": 120,
        "Arguments": {"--from": f"{raw}2026-11-21", "--to": f"s3://databucket/extracted/{run_of}"},
    }
    task = services.of("transform")[0]
    assert task["Cluster"] == "playground"
    assert task["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == ["subnet1"]
    assert task["Overrides"]["ContainerOverrides"][0]["Environment"] == [
        {"Name": "FROM", "Value": f"s3://databucket/extracted/{run_of}"},
        {"Name": "TO", "Value": f"s3://databucket/transformed/{run_of}"},
        {"Name": "DAY", "Value": "2026-11-21"},
        {"Name": "LOG_LEVEL", "Value": "info"},
    ]
    job = services.of("train")[0]
    assert job["EnableManagedSpotTraining"] is True
    assert job["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert "-gpu-" in job["AlgorithmSpecification"]["TrainingImage"]
    channel = job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert channel == f"s3://databucket/transformed/{run_of}"
    assert services.of("deploy")[0]["Payload"] == {"job": "known-case-train-1", "model": "s3://made/model.tar.gz"}


def test_each_account_names_its_own_job_and_cluster() -> None:
    _, services = ran("prod")
    assert services.of("extract")[0]["JobName"] == "orders-extract"
    assert services.of("transform")[0]["Cluster"] == "ml"
    assert services.of("transform")[0]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == [
        "subnet1",
        "subnet2",
    ]


@pytest.mark.parametrize("step", STEPS)
def test_a_throttled_step_comes_back(step: str) -> None:
    ended, services = ran(**{step: throttled(LATER[step], ANSWERS[step])})
    assert (ended.status, len(services.of(step))) == ("SUCCEEDED", 3)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_is_tried_twice_more_and_caught_to_the_failed_state(step: str) -> None:
    ended, services = ran(**{step: broken("Broken")})
    assert ended.status == "FAILED"
    assert ended.states[-3:] == (step, "Notify failure", "Failed")
    assert ended.cause == "Broken: later"
    assert len(services.of(step)) == 3
    assert len(services.of("Notify failure")) == 1


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_tried_again_after_15_seconds_with_a_backoff_of_4(step: str) -> None:
    own = json.loads(
        built(ACCOUNTS["dev"]).resources["TrainingStateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"][0]
    )["States"][step]["Retry"][-1]
    assert own == {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": 15,
        "MaxAttempts": 2,
        "BackoffRate": 4,
    }


@pytest.mark.parametrize("account", tuple(ACCOUNTS), ids=lambda account: account.stage)
def test_the_roles_allow_exactly_what_the_states_call(account: Account) -> None:
    assert prove_template(built(account).resources) == ()


def test_the_declaration_names_no_arn_no_account_and_no_subnet() -> None:
    text = (FOLDER / "model.py").read_text()
    assert not re.search(r"\d{12}|subnet-|sg-|arn:aws|\.dkr\.ecr\.", text)


def test_a_template_names_nothing_of_another_account() -> None:
    for account in ACCOUNTS:
        others = [other for other in ACCOUNTS if other is not account]
        text = json.dumps(built(account).resources)
        assert not [other for other in others if str(other.id) in text or str(other.region) in text]


@pytest.mark.slow
@pytest.mark.parametrize("account", tuple(ACCOUNTS), ids=lambda account: account.stage)
def test_cfn_lint_finds_no_error(account: Account, tmp_path: Path) -> None:
    result = built(account)
    assets = {name: {part: f"{part}.zip" for part in ("bucket", "key", "uri", "file")} for name in result.assets}
    (tmp_path / "t.json").write_text(json.dumps(result.template({}, assets)))
    command = [LINT, "--regions", str(account.region), "--non-zero-exit-code", "error", "-t", str(tmp_path / "t.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_newest_day_with_data_is_learned_from() -> None:
    keys = ["raw/2026-11-20/a.csv", "raw/2026-11-21/a.csv", "raw/readme.txt"]
    assert prepare.decide(keys, "raw/") == {"day": "2026-11-21"}
    with pytest.raises(LookupError, match="no day of data"):
        prepare.decide(["raw/readme.txt"], "raw/")


def test_orders_become_numbers() -> None:
    order = {"quantity": 2, "amount": 9.5, "day": date(2026, 11, 21), "returned": True}
    assert transform([order, {**order, "amount": None}]) == "quantity,amount,weekday,returned\n2,9.5,5,1\n"


def test_numbers_are_read_from_every_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("quantity,amount,weekday,returned\n2,9.5,5,1\n")
    assert read([tmp_path / "a.csv"]) == ([[2.0, 9.5, 5.0]], [1.0])
    with pytest.raises(ValueError, match="no orders"):
        read([])


class Client:
    """SageMaker, with or without what an earlier attempt made."""

    class ClientError(Exception):
        pass

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *, made: bool = False, deployed: bool = False, broken: bool = False) -> None:
        self.made, self.deployed, self.broken = made, deployed, broken
        self.calls: list[str] = []

    def _create(self, name: str) -> None:
        self.calls.append(name)
        if self.broken:
            raise self.ClientError("denied")
        if self.made:
            raise self.ClientError("Cannot create already existing model")

    def create_model(self, **request: Any) -> None:
        self._create("create_model")

    def create_endpoint_config(self, **request: Any) -> None:
        self._create("create_endpoint_config")

    def describe_endpoint(self, **request: Any) -> None:
        if not self.deployed:
            raise self.ClientError("Could not find endpoint")

    def create_endpoint(self, **request: Any) -> None:
        self.calls.append("create_endpoint")

    def update_endpoint(self, **request: Any) -> None:
        self.calls.append("update_endpoint")


def asked() -> tuple[dict[str, Any], dict[str, Any]]:
    trained = {"AlgorithmSpecification": {"TrainingImage": "x/pytorch-training:2.3.0-gpu-py311"}}
    event = {"job": "known-case-train-1", "model": "s3://made/model.tar.gz"}
    return deploy.decide(event, trained, "arn:aws:iam::1:role/r", "ml.g4dn.xlarge")  # type: ignore[no-any-return, no-untyped-call]


def test_the_model_is_served_by_the_sibling_of_the_image_that_trained_it() -> None:
    model, config = asked()
    assert model["PrimaryContainer"] == {
        "Image": "x/pytorch-inference:2.3.0-gpu-py311",
        "ModelDataUrl": "s3://made/model.tar.gz",
    }
    assert config["ProductionVariants"][0]["ModelName"] == model["ModelName"] == "known-case-train-1"


@pytest.mark.parametrize(
    ("client", "last"),
    [
        (Client(), "create_endpoint"),
        (Client(deployed=True), "update_endpoint"),
        (Client(made=True, deployed=True), "update_endpoint"),
    ],
)
def test_the_endpoint_is_made_or_updated_however_often_it_is_tried(client: Client, last: str) -> None:
    assert deploy.apply(client, "known-case", *asked()) == {"endpoint": "known-case", "model": "known-case-train-1"}
    assert client.calls == ["create_model", "create_endpoint_config", last]


def test_a_model_that_cannot_be_made_fails_the_step() -> None:
    with pytest.raises(Client.ClientError, match="denied"):
        deploy.apply(Client(broken=True), "known-case", *asked())
