"""The example's scripts on the real purchase log, each as a process of its own, as its container would start it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from moto import mock_aws

from apps.churn.data import purchases_file, write_csv
from apps.churn.functions.freshness import handler
from apps.churn.model import churn
from apps.churn.steps import inference

STEPS = Path(__file__).parent.parent.parent / "apps" / "churn" / "steps"
Start = Callable[..., "subprocess.CompletedProcess[str]"]


def start(script: str, *arguments: str, **folders: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **{key: str(path) for key, path in folders.items()}}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(STEPS / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def prepared(raw: Path, out: Path, day: str = "1997-09-30") -> subprocess.CompletedProcess[str]:
    folders = {
        "PROCESSING_INPUT_RAW": raw,
        "PROCESSING_OUTPUT_TRAIN": out / "train",
        "PROCESSING_OUTPUT_TEST": out / "test",
    }
    return start("prepare.py", "--split-date", day, "--test-fraction", "0.25", **folders)


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the three jobs leave, from the whole log."""
    root = tmp_path_factory.mktemp("churn")
    (root / "raw").mkdir()
    write_csv(root / "raw" / "purchases.csv")
    assert prepared(root / "raw", root).returncode == 0
    trained = start("train.py", "--C", "1.0", SM_CHANNEL_TRAIN=root / "train", SM_MODEL_DIR=root / "model")
    assert trained.returncode == 0, trained.stderr
    (root / "train.log").write_text(trained.stdout)
    archive(root / "artifact", {path.name: path.read_bytes() for path in (root / "model").iterdir()})
    folders = {"PROCESSING_INPUT_MODEL": root / "artifact", "PROCESSING_INPUT_TEST": root / "test"}
    evaluated = start("evaluate.py", PROCESSING_OUTPUT_REPORT=root / "report", **folders)
    assert evaluated.returncode == 0, evaluated.stderr
    return root


def test_the_log_is_the_whole_one(tmp_path: Path) -> None:
    assert write_csv(tmp_path / "log.csv") == 6919
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["customer_id"].nunique() == 2357
    assert (log["date"].min(), log["date"].max()) == ("1997-01-01", "1998-06-30")
    assert purchases_file().name == "CDNOW_sample.txt"


def test_every_customer_is_in_one_part(chain: Path) -> None:
    train, test = pd.read_csv(chain / "train" / "train.csv"), pd.read_csv(chain / "test" / "test.csv")
    assert len(train) + len(test) == 2357
    assert not set(train["customer_id"]) & set(test["customer_id"])
    assert 0.2 < len(test) / 2357 < 0.3
    assert set(train["churned"]) == {0, 1}


def test_features_know_nothing_of_the_time_after_the_split(chain: Path, tmp_path: Path) -> None:
    log = pd.read_csv(chain / "raw" / "purchases.csv", dtype=str)
    changed = log[(log["date"] <= "1997-09-30") | (log["date"] > "1998-05-01")]
    (tmp_path / "raw").mkdir()
    changed.to_csv(tmp_path / "raw" / "log.csv", index=False)
    assert prepared(tmp_path / "raw", tmp_path).returncode == 0
    before = pd.read_csv(chain / "train" / "train.csv").drop(columns="churned")
    after = pd.read_csv(tmp_path / "train" / "train.csv").drop(columns="churned")
    pd.testing.assert_frame_equal(before, after)


def test_the_model_separates_churned_customers(chain: Path) -> None:
    metrics = json.loads((chain / "report" / "metrics.json").read_text())
    assert all(isinstance(value, float) for value in metrics.values())
    assert metrics["auc"] > 0.75
    assert metrics["customers"] == len(pd.read_csv(chain / "test" / "test.csv"))
    logged = float((chain / "train.log").read_text().split("validation:auc=")[1].split(";")[0])
    assert abs(logged - metrics["auc"]) < 0.05


def test_the_registered_model_answers_as_the_evaluated_one(chain: Path) -> None:
    loaded = inference.model_fn(str(chain / "model"))
    text = (chain / "test" / "test.csv").read_text()
    scores = inference.predict_fn(inference.input_fn(text.encode(), "text/csv"), loaded)
    rows = json.loads(pd.read_csv(chain / "test" / "test.csv").head(3).to_json(orient="records"))
    same = inference.predict_fn(inference.input_fn(json.dumps(rows), "application/json"), loaded)
    assert list(same) == pytest.approx(list(scores[:3]))
    body, content_type = inference.output_fn(same, "application/json")
    assert (json.loads(body)["churn"], content_type) == (list(same), "application/json")
    assert inference.output_fn(same, "text/csv") == ("".join(f"{score:.6f}\n" for score in same), "text/csv")


@pytest.fixture(scope="module")
def baseline(chain: Path) -> Path:
    folders = {
        "PROCESSING_INPUT_MODEL": chain / "artifact",
        "PROCESSING_INPUT_TRAIN": chain / "train",
        "PROCESSING_INPUT_TEST": chain / "test",
        "PROCESSING_OUTPUT_DATA": chain / "baseline-data",
        "PROCESSING_OUTPUT_QUALITY": chain / "baseline-quality",
    }
    done = start("baseline.py", **folders)
    assert done.returncode == 0, done.stderr
    return chain


def test_the_baseline_of_data_tells_how_the_training_data_are_distributed(baseline: Path) -> None:
    train = pd.read_csv(baseline / "train" / "train.csv")
    found = json.loads((baseline / "baseline-data" / "statistics.json").read_text())
    assert found["dataset"]["item_count"] == len(train)
    assert [item["name"] for item in found["features"]] == json.loads(
        (baseline / "model" / "features.json").read_text()
    )
    for item in found["features"]:
        numbers, column = item["numerical_statistics"], train[item["name"]]
        assert numbers["mean"] == pytest.approx(column.mean())
        assert numbers["common"] == {"num_present": len(train), "num_missing": 0}
        kll = numbers["distribution"]["kll"]
        assert sum(bucket["count"] for bucket in kll["buckets"]) == len(train)
        assert sum(len(level) * 2**number for number, level in enumerate(kll["sketch"]["data"])) == len(train)
    limits = json.loads((baseline / "baseline-data" / "constraints.json").read_text())
    assert all(item["completeness"] == 1.0 for item in limits["features"])
    assert limits["monitoring_config"]["emit_metrics"] == "Enabled"


def test_the_baseline_of_quality_lies_a_little_below_what_was_measured(baseline: Path) -> None:
    measured = json.loads((baseline / "report" / "metrics.json").read_text())
    limits = json.loads((baseline / "baseline-quality" / "constraints.json").read_text())
    found = limits["binary_classification_constraints"]
    for name in ("auc", "accuracy"):
        assert found[name]["threshold"] == pytest.approx(measured[name] - 0.05, abs=1e-5)
        assert found[name]["comparison_operator"] == "LessThanThreshold"


@pytest.mark.parametrize("rows", [100, 2048, 2049, 10_000])
def test_a_sketch_stands_for_every_value(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STEPS))
    import importlib

    sketch = importlib.import_module("baseline").sketch
    levels = sketch(np.arange(rows, dtype=float))["data"]
    assert all(len(level) <= 2048 for level in levels)
    weight = sum(len(level) * 2**number for number, level in enumerate(levels))
    assert weight == pytest.approx(rows, rel=0.01)


def test_the_feature_group_holds_what_the_model_learns_from(chain: Path) -> None:
    learned = set(json.loads((chain / "model" / "features.json").read_text()))
    assert set(churn.features[0].types) == learned | {"customer_id", "as_of"}


def test_a_request_that_lacks_a_feature_or_speaks_another_language_is_refused(chain: Path) -> None:
    with pytest.raises(ValueError, match="text/csv with a header"):
        inference.input_fn("x", "text/plain")
    with pytest.raises(ValueError, match="lacks purchases"):
        inference.predict_fn(pd.DataFrame({"total_amount": [1.0]}), inference.model_fn(str(chain / "model")))


def test_rows_that_cannot_be_read_are_counted(chain: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    text = (chain / "raw" / "purchases.csv").read_text() + "9999,1997-99-99,1,1.0\n9999,1997-01-01,one,1.0\n"
    (tmp_path / "raw" / "log.csv").write_text(text)
    assert "rows=6919; left_out=2;" in prepared(tmp_path / "raw", tmp_path).stdout


@pytest.mark.parametrize(
    ("files", "day", "message"),
    [
        ({}, "1997-09-30", "no CSV files in"),
        ({"a.csv": ""}, "1997-09-30", "no CSV files in"),
        ({"a.csv": "customer_id,date,quantity\n1,1997-01-01,1\n"}, "1997-09-30", "a.csv lacks the columns amount"),
        ({"a.csv": "customer_id,date,quantity,amount\n1,1997-01-01,1,2\n"}, "1997-09-30", "must reach over 1997-09-30"),
    ],
)
def test_data_that_cannot_be_learned_from_ends_the_job(
    files: dict[str, str], day: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "raw").mkdir()
    for name, text in files.items():
        (tmp_path / "raw" / name).write_text(text)
    done = prepared(tmp_path / "raw", tmp_path, day)
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"other.txt": b"x"}, "lacks model.joblib, features.json; it has other.txt"),
        ({"../../model.joblib": b"x", "features.json": b"[]"}, "lacks model.joblib"),
    ],
)
def test_an_archive_without_the_model_ends_the_job(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    folders = {"PROCESSING_INPUT_TEST": tmp_path / "test", "PROCESSING_OUTPUT_REPORT": tmp_path / "report"}
    done = start("evaluate.py", PROCESSING_INPUT_MODEL=archive(tmp_path / "artifact", files), **folders)
    assert done.returncode != 0
    assert message in done.stderr


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    for key, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(key, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def test_the_function_counts_what_is_there(bucket: Any) -> None:
    for key in ("raw/a.csv", "raw/b.csv", "other/c.csv"):
        bucket.put_object(Bucket="data", Key=key, Body=b"12345")
    assert handler.handle({"data": "s3://data/raw/"}, None) == {"objects": 2, "bytes": 10}
    assert handler.handle({"data": "s3://data/raw/a.csv"}, None) == {"objects": 1, "bytes": 5}


def test_the_function_raises_where_nothing_is(bucket: Any) -> None:
    bucket.put_object(Bucket="data", Key="raw/empty.csv", Body=b"")
    with pytest.raises(LookupError, match="no data at s3://data/raw/"):
        handler.handle({"data": "s3://data/raw/"}, None)


@pytest.mark.parametrize("data", ["raw/", "https://data/raw/", "s3:///raw"])
def test_the_function_wants_a_uri(data: str) -> None:
    with pytest.raises(ValueError, match="an s3:// URI is needed"):
        handler.decide({"data": data})


def test_the_steps_are_modules_for_the_images_own_python() -> None:
    import ast

    for path in STEPS.glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))
    assert isinstance(inference, ModuleType)
