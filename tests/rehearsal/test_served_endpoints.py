"""Endpoints with real model servers: the customer's inference script in processes of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import Endpoints
from constructs_ml.rehearsal.objects import packed
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.endpoint_cases import NAME, ROLE, ask, create, create_config, settled, update

SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CHURN = Path(__file__).parents[2] / "apps" / "churn" / "steps" / "inference.py"
TABLE = pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=["a", "b"])


@pytest.fixture
def opened(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    """An open account with endpoints and a bucket for models."""
    Endpoints(account, Store(account), ())
    with account.running():
        place = {"LocationConstraint": account.region}
        account.client("s3").create_bucket(Bucket="models", CreateBucketConfiguration=place)
        yield account


def register(account: EmbeddedAccount, folder: Path, name: str, above: int, script: str | None = None) -> Any:
    """A model that was trained here, with a config; the trained thing."""
    trained = LogisticRegression().fit(TABLE, np.arange(10) > above)
    content = folder / name
    (content / "code").mkdir(parents=True)
    joblib.dump(trained, content / "model.joblib")
    (content / "features.json").write_text(json.dumps(list(TABLE.columns)))
    (content / "code" / "inference.py").write_text(script or CHURN.read_text())
    account.client("s3").put_object(Bucket="models", Key=f"{name}.tar.gz", Body=packed(content))
    define(account, name)
    return trained


def define(account: EmbeddedAccount, name: str, image: str = SKLEARN) -> None:
    container = {"Image": image, "ModelDataUrl": f"s3://models/{name}.tar.gz"}
    account.client("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    create_config(account, name)


@pytest.mark.slow
def test_the_customers_script_answers_and_a_new_model_takes_over(opened: EmbeddedAccount, tmp_path: Path) -> None:
    first, second = register(opened, tmp_path, "first", 4), register(opened, tmp_path, "second", 7)
    create(opened, "first")
    asked = TABLE.iloc[[5]]
    body = asked.to_csv(index=False)
    assert float(ask(opened, body, Accept="text/csv")) == pytest.approx(first.predict_proba(asked)[0, 1], abs=1e-6)
    (server,) = opened.processes.running()
    update(opened, "second")
    assert settled(opened)["EndpointConfigName"] == "second"
    assert float(ask(opened, body, Accept="text/csv")) == pytest.approx(second.predict_proba(asked)[0, 1], abs=1e-6)
    assert not server.running
    assert len(opened.processes.running()) == 1
    opened.client("sagemaker").delete_endpoint(EndpointName=NAME)
    assert opened.clock.poll(lambda: not opened.processes.running(), 10)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_the_load_of_a_server_is_measured(opened: EmbeddedAccount, tmp_path: Path) -> None:
    register(opened, tmp_path, "first", 4)
    create(opened, "first")
    ask(opened, TABLE.to_csv(index=False))
    found = opened.client("cloudwatch").list_metrics(Namespace="/aws/sagemaker/Endpoints")["Metrics"]
    assert [item["MetricName"] for item in found] == ["MemoryUtilization"]
    (server,) = opened.processes.running()
    os.kill(server.id, 0)


def test_what_cannot_be_served_fails_the_endpoint_with_its_reason(opened: EmbeddedAccount, tmp_path: Path) -> None:
    register(opened, tmp_path, "broken", 4, "def model_fn(folder): raise RuntimeError('no weights')")
    define(opened, "absent")
    define(opened, "private", "111111111111.dkr.ecr.eu-central-1.amazonaws.com/mine:1")
    expected = {
        "broken": ("did not pass the ping health check", "no weights"),
        "absent": ("Failed to download model data", "s3://models/absent.tar.gz"),
        "private": ("cannot run in the rehearsal", "StandIn("),
    }
    sagemaker = opened.client("sagemaker")
    for name, words in expected.items():
        made = create(opened, name)
        assert made["EndpointStatus"] == "Failed"
        assert all(word in made["FailureReason"] for word in words), made["FailureReason"]
        sagemaker.delete_endpoint(EndpointName=NAME)
        assert opened.clock.poll(lambda: not sagemaker.list_endpoints()["Endpoints"], 5)
    logs = opened.client("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{NAME}")["logStreams"]
    assert logs
    assert not opened.processes.running()


@pytest.mark.slow
def test_a_script_that_raises_is_a_model_error_and_the_server_goes_on(opened: EmbeddedAccount, tmp_path: Path) -> None:
    register(opened, tmp_path, "first", 4)
    create(opened, "first")
    with pytest.raises(opened.client("sagemaker-runtime").exceptions.ModelError, match=r"error \(500\) from primary"):
        ask(opened, "c\n1\n")
    assert ask(opened, TABLE.to_csv(index=False), Accept="text/csv").count("\n") == len(TABLE)
    ran = opened.journal.entries("invocation")
    assert [entry.detail["status"] for entry in ran] == [500, 200]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("ecr:BatchGetImage", "does not have BatchGetImage permission for the image"),
        ("logs:PutLogEvents", ""),
        ("cloudwatch:PutMetricData", ""),
    ],
)
def test_what_the_role_lacks_is_missing(opened: EmbeddedAccount, tmp_path: Path, missing: str, words: str) -> None:
    def denies(principal: Any, action: str, resource: str, context: Any) -> None:
        if action == missing:
            raise ServiceError("AccessDenied", f"{principal.role} may not {action} on {resource}")

    opened.authorities.append(denies)
    register(opened, tmp_path, "first", 4)
    made = create(opened, "first")
    assert words in made.get("FailureReason", "")
    if words:
        return
    ask(opened, TABLE.to_csv(index=False))
    groups = opened.client("logs").describe_log_groups()["logGroups"]
    metrics = opened.client("cloudwatch").list_metrics(Namespace="/aws/sagemaker/Endpoints")["Metrics"]
    assert bool(groups) == (missing != "logs:PutLogEvents")
    assert bool(metrics) == (missing != "cloudwatch:PutMetricData")
