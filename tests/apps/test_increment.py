"""Incremental training: compiled, proved, run through its four ends, and its function and scripts run for real."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from apps.increment.app import build
from apps.increment.functions.arrived import handler
from apps.increment.model import QUIET, SETTLE, increment
from apps.increment.model import trained as trained_step
from apps.increment.steps import inference
from constructs_ml import Account, Accounts, Register, SpecError, compile_pipeline
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from tests.assemblies import synthesize, templates
from tests.services import Services, broken
from tests.support import ROOT, runnable, statements_of
from tools.interpreter import Run, run

FOLDER = ROOT / "apps" / "increment"
ACCOUNTS = Accounts.load(FOLDER / "accounts.yaml")
GROUP, MADE = "arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-increment", "s3://artifacts/increment"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARCELS = 400


def metrics(auc: float, rival: float) -> dict[str, str]:
    return {"Body": json.dumps({"auc": auc, "rival_auc": rival})}


def artifact(step: str) -> dict[str, Any]:
    return {"ModelArtifacts": {"S3ModelArtifacts": f"{MADE}/{step}/model.tar.gz"}}


FIRST: dict[str, Any] = {
    "champion": {"ModelPackageSummaryList": []},
    "arrived": {"Payload": {"manifest": "s3://data/new.manifest", "until": "2026-11-21T12:00:00Z", "count": 2}},
    "cold": artifact("cold"),
    "warm": artifact("warm"),
    "Read evaluate metrics": metrics(0.8, 0.8),
}
LATER = FIRST | {
    "champion": {"ModelPackageSummaryList": [{"ModelPackageArn": f"{GROUP}/7", "ModelPackageVersion": 7}]},
    "Describe champion": {
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"{MADE}/old/model.tar.gz"}]},
        "CustomerMetadataProperties": {"data_until": "2026-11-20T12:00:00Z"},
    },
    "Read evaluate metrics": metrics(0.82, 0.8),
}


def built(account: Account) -> Compiled:
    return compile_pipeline(increment.pipeline, account, prefix="Training")


def ran(answers: Mapping[str, Any], **changes: Any) -> tuple[Run, Services]:
    services = Services({**answers, **changes})
    return run(runnable(built(ACCOUNTS["dev"])), {}, services, name="run-1"), services


def channels(services: Services, step: str) -> dict[str, tuple[str, str]]:
    """What the channels of a training job are read from."""
    found = {}
    for channel in services.of(step)[0]["InputDataConfig"]:
        source = channel["DataSource"]["S3DataSource"]
        found[channel["ChannelName"]] = (source["S3DataType"], source["S3Uri"])
    del found["code"]
    return found


def compared(services: Services) -> tuple[str, ...]:
    """The models that the evaluation is given."""
    inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in services.of("evaluate")[0]["ProcessingInputs"]}
    return inputs["model"], inputs["rival"]


def test_the_first_run_trains_from_nothing_and_says_what_its_model_has_seen() -> None:
    ended, services = ran(FIRST)
    assert ended.status == "SUCCEEDED"
    assert services.of("arrived")[0]["Payload"] == {
        "data": "s3://databucket/arrivals/",
        "champion": "",
        "since": "",
        "manifest": "s3://databucket/increments/run-1/new.manifest",
    }
    assert channels(services, "cold") == {"train": ("ManifestFile", "s3://data/new.manifest")}
    assert compared(services) == (f"{MADE}/cold/model.tar.gz",) * 2
    version = services.of("Register register")[0]
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == f"{MADE}/cold/model.tar.gz"
    assert version["CustomerMetadataProperties"]["data_until"] == "2026-11-21T12:00:00Z"
    assert services.of("warm") == []


def test_a_later_run_trains_on_top_of_the_approved_model_and_is_compared_with_it() -> None:
    ended, services = ran(LATER)
    assert ended.status == "SUCCEEDED"
    asked = services.of("arrived")[0]["Payload"]
    assert (asked["champion"], asked["since"]) == (f"{GROUP}/7", "2026-11-20T12:00:00Z")
    assert channels(services, "warm") == {
        "train": ("ManifestFile", "s3://data/new.manifest"),
        "previous": ("S3Prefix", f"{MADE}/old/model.tar.gz"),
    }
    assert compared(services) == (f"{MADE}/warm/model.tar.gz", f"{MADE}/old/model.tar.gz")
    version = services.of("Register register")[0]
    assert version["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == f"{MADE}/warm/model.tar.gz"
    assert services.of("cold") == []


def test_a_run_with_nothing_new_ends_well_without_a_job() -> None:
    nothing = {"Payload": {"manifest": "", "until": "2026-11-21T12:00:00Z", "count": 0}}
    ended, services = ran(LATER, arrived=nothing)
    assert ended.status == "SUCCEEDED"
    assert not any(services.of(step) for step in ("warm", "cold", "evaluate", "Register register", "Notify failure"))


@pytest.mark.parametrize("payload", [None, {}, {"count": "2"}], ids=str)
def test_an_answer_without_a_number_fails_the_run_instead_of_passing_for_nothing_new(payload: Any) -> None:
    whole = None if payload is None else {"manifest": "", "until": "", **payload}
    ended, services = ran(LATER, arrived={"Payload": whole})
    assert (ended.status, services.of("warm")) == ("FAILED", [])


@pytest.mark.parametrize(("auc", "rival"), [(0.79, 0.8), (0.55, 0.5)])
def test_a_model_that_is_worse_or_no_good_is_not_registered(auc: float, rival: float) -> None:
    ended, services = ran(LATER, **{"Read evaluate metrics": metrics(auc, rival)})
    assert (ended.status, services.of("Register register")) == ("FAILED", [])
    assert "made the model worse" in ended.cause
    assert len(services.of("Notify failure")) == 1


@pytest.mark.parametrize(
    "step", ["champion", "Describe champion", "arrived", "warm", "evaluate", "register", "Register register"]
)
def test_a_step_that_fails_reaches_the_notice_and_gives_the_turn_back(step: str) -> None:
    ended, services = ran(LATER, **{step: broken("Broken")})
    assert ended.status == "FAILED"
    assert len(services.of("Notify failure")) == 1
    assert "Give turn back: failed" in ended.states


@pytest.mark.parametrize("account", tuple(ACCOUNTS), ids=lambda account: account.stage)
def test_the_roles_allow_exactly_what_the_states_call(account: Account) -> None:
    assert prove_template(built(account).resources) == ()


def test_the_function_reads_what_arrives_and_writes_manifests_and_nothing_else() -> None:
    found = {
        action: json.dumps(item["Resource"])
        for item in statements_of(built(ACCOUNTS["dev"]), "TrainingArrivedFunctionRole")
        for action in ([item["Action"]] if isinstance(item["Action"], str) else item["Action"])
        if action.startswith("s3:")
    }
    assert "/arrivals/*" in found["s3:GetObject"]
    assert "/increments/*" in found["s3:PutObject"]


def test_a_model_that_a_result_names_needs_an_image_to_serve_it() -> None:
    with pytest.raises(SpecError, match="the image that serves this artifact"):
        Register(model=trained_step.result("model"))


def test_every_file_of_a_burst_has_settled_when_its_run_begins() -> None:
    assert SETTLE < QUIET


@pytest.mark.node
@pytest.mark.slow
def test_it_is_synthesized_for_every_account_without_a_finding_of_cdk_nag(tmp_path: Path) -> None:
    found = templates(synthesize(tmp_path, build, nag=True))
    assert {f"{account.stage}-increment" for account in ACCOUNTS} < set(found)


# The function


def file(name: str, seconds: float, size: int = 1) -> dict[str, Any]:
    return {"Key": f"arrivals/{name}", "LastModified": NOON + timedelta(seconds=seconds), "Size": size}


def decided(listed: list[dict[str, Any]], since: float, until: float) -> list[str]:
    start, end = (NOON + timedelta(seconds=seconds) for seconds in (since, until))
    found: list[str] = handler.decide(listed, "arrivals/", start, end)[0]
    return found


def test_only_files_that_the_champion_has_not_seen_are_new() -> None:
    listed = [file("old.csv", -1), file("b.csv", 0), file("day/a.csv", 9), file("unsettled.csv", 10)]
    assert decided(listed, 0, 10) == ["b.csv", "day/a.csv"]


def test_what_is_no_data_is_left_out() -> None:
    assert decided([file("a.txt", 1), file("empty.csv", 1, size=0), file("folder/", 1, size=0)], 0, 10) == []


def test_files_of_the_second_in_which_a_window_ends_are_all_in_the_next_one() -> None:
    listed = [file("a.csv", 10), file("b.csv", 10)]
    end = NOON + timedelta(seconds=10.7)
    names, until = handler.decide(listed, "arrivals/", NOON, end)
    assert (names, until) == ([], NOON + timedelta(seconds=10))
    assert handler.decide(listed, "arrivals/", until, NOON + timedelta(seconds=11))[0] == ["a.csv", "b.csv"]


def test_a_clock_that_goes_back_moves_no_window_back() -> None:
    assert handler.decide([file("a.csv", 5)], "arrivals/", NOON + timedelta(seconds=9), NOON) == (
        [],
        NOON + timedelta(seconds=9),
    )


@given(
    written=st.lists(st.integers(0, 30), max_size=20),
    ends=st.lists(st.floats(0, 40, allow_nan=False), max_size=8),
)
def test_windows_one_behind_the_other_lose_nothing_and_take_nothing_twice(
    written: list[int], ends: list[float]
) -> None:
    listed = [file(f"{index:02}.csv", second) for index, second in enumerate(written)]
    since, seen = handler.start("", ""), []
    for end in (*ends, 100):
        names, since = handler.decide(listed, "arrivals/", since, NOON + timedelta(seconds=end))
        since = handler.start("champion", since.strftime(handler.TIME))
        seen += names
    assert sorted(seen) == [f"{index:02}.csv" for index in range(len(written))]


def test_a_champion_that_does_not_say_what_it_has_seen_is_an_error() -> None:
    with pytest.raises(ValueError, match="learned twice"):
        handler.start(f"{GROUP}/7", "")


def test_the_manifest_is_written_as_training_jobs_read_it() -> None:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket="data")
        keys = [f"arrivals/{index:04}.csv" for index in range(1005)]
        for key in (*keys, "arrivals-too/x.csv"):
            client.put_object(Bucket="data", Key=key, Body=b"x")
        asked = {
            "data": "s3://data/arrivals/",
            "champion": "",
            "since": "",
            "manifest": "s3://data/increments/r/new.manifest",
        }
        later = datetime.now(UTC) + timedelta(seconds=5)
        answer = handler.apply(client, asked, later)
        assert answer == {
            "manifest": asked["manifest"],
            "until": later.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "count": len(keys),
        }
        prefix, *names = json.loads(client.get_object(Bucket="data", Key="increments/r/new.manifest")["Body"].read())
        assert [prefix["prefix"].removeprefix("s3://data/") + name for name in names] == keys

        again = asked | {"champion": "v1", "since": answer["until"], "manifest": "s3://data/increments/s/new.manifest"}
        nothing = handler.apply(client, again, later + timedelta(hours=1))
        assert (nothing["manifest"], nothing["count"]) == ("", 0)
        assert "Contents" not in client.list_objects_v2(Bucket="data", Prefix="increments/s/")


# The scripts


def parcels(seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Parcels of which the far and heavy ones come late more often."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"distance_km": draw.gamma(2, 100, PARCELS) + shift, "weight_kg": draw.gamma(2, 3, PARCELS)})
    odds = 0.01 * (table["distance_km"] - 200) + 0.3 * (table["weight_kg"] - 6) + draw.logistic(0, 1, PARCELS)
    return table.assign(late=(odds > 0).astype(int))


def start(script: str, **folders: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **{key: str(path) for key, path in folders.items()}}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(FOLDER / "steps" / script), *(["--epochs", "5"] if script == "train.py" else [])]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def trained(root: Path, data: pd.DataFrame, previous: Path | None = None) -> Path:
    """Train as the container would; the answer is the folder with the archive that SageMaker would make."""
    (root / "data" / "day").mkdir(parents=True)
    data.to_csv(root / "data" / "day" / "a.csv", index=False)
    more = {"SM_CHANNEL_PREVIOUS": previous} if previous else {}
    done = start("train.py", SM_CHANNEL_TRAIN=root / "data", SM_MODEL_DIR=root / "model", **more)
    assert done.returncode == 0, done.stderr
    (root / "artifact").mkdir()
    with tarfile.open(root / "artifact" / "model.tar.gz", "w:gz") as packed:
        for path in sorted((root / "model").iterdir()):
            packed.add(path, f"./{path.name}")
    return root / "artifact"


def model_of(artifact: Path) -> tuple[Any, Any, dict[str, int]]:
    folder = artifact.parent / "model"
    scaler, model = joblib.load(folder / "model.joblib")
    return scaler, model, json.loads((folder / "seen.json").read_text())


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two increments, the second on top of the first."""
    root = tmp_path_factory.mktemp("increment")
    one = trained(root / "one", parcels(1))
    trained(root / "two", parcels(2, shift=40), one)
    return root


def test_the_second_model_goes_on_from_the_first_one_and_has_seen_both(chain: Path) -> None:
    scaler, model, seen = model_of(chain / "one" / "artifact")
    later_scaler, later, later_seen = model_of(chain / "two" / "artifact")
    assert seen == {"rows": PARCELS, "increments": 1}
    assert later_seen == {"rows": 2 * PARCELS, "increments": 2}
    assert later.t_ == 2 * model.t_ - 1  # the count of updates, which begins at 1, goes on: so does the step's size
    np.testing.assert_array_equal(later_scaler.mean_, scaler.mean_)
    assert not np.allclose(later.coef_, model.coef_)

    table = pd.read_csv(chain / "two" / "data" / "day" / "a.csv")
    for _ in range(5):
        model.partial_fit(scaler.transform(table[["distance_km", "weight_kg"]]), table["late"])
    np.testing.assert_array_equal(later.coef_, model.coef_)
    np.testing.assert_array_equal(later.intercept_, model.intercept_)


def test_a_start_from_nothing_on_the_second_files_is_another_model(chain: Path, tmp_path: Path) -> None:
    fresh = model_of(trained(tmp_path / "fresh", parcels(2, shift=40)))
    warm = model_of(chain / "two" / "artifact")
    assert fresh[2] == {"rows": PARCELS, "increments": 1}
    assert not np.allclose(fresh[0].mean_, warm[0].mean_)
    assert not np.allclose(fresh[1].coef_, warm[1].coef_)


def test_the_same_files_make_the_same_model(chain: Path, tmp_path: Path) -> None:
    again = trained(tmp_path / "two", parcels(2, shift=40), trained(tmp_path / "one", parcels(1)))
    np.testing.assert_array_equal(model_of(again)[1].coef_, model_of(chain / "two" / "artifact")[1].coef_)


def test_an_increment_of_one_class_alone_is_learned_from(chain: Path, tmp_path: Path) -> None:
    late = parcels(3).query("late == 1")
    _, _, seen = model_of(trained(tmp_path / "three", late, chain / "two" / "artifact"))
    assert seen == {"rows": 2 * PARCELS + len(late), "increments": 3}


def test_both_models_are_measured_on_the_same_parcels(chain: Path, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    parcels(9).to_csv(tmp_path / "test" / "a.csv", index=False)
    done = start(
        "evaluate.py",
        PROCESSING_INPUT_MODEL=chain / "two" / "artifact",
        PROCESSING_INPUT_RIVAL=chain / "one" / "artifact",
        PROCESSING_INPUT_TEST=tmp_path / "test",
        PROCESSING_OUTPUT_REPORT=tmp_path / "report",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert found["parcels"] == PARCELS
    assert found["auc"] > 0.75
    assert found["rival_auc"] > 0.75
    assert found["auc"] != found["rival_auc"]


def test_a_previous_channel_without_a_model_ends_the_job_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    parcels(1).to_csv(tmp_path / "data" / "a.csv", index=False)
    folders = {"SM_CHANNEL_TRAIN": tmp_path / "data", "SM_MODEL_DIR": tmp_path / "model"}
    none = start("train.py", SM_CHANNEL_PREVIOUS=tmp_path / "none", **folders)
    assert (none.returncode, "0 model.tar.gz" in none.stderr) == (1, True)
    (tmp_path / "odd").mkdir()
    with tarfile.open(tmp_path / "odd" / "model.tar.gz", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("model.joblib"), io.BytesIO())
    odd = start("train.py", SM_CHANNEL_PREVIOUS=tmp_path / "odd", **folders)
    assert (odd.returncode, "lacks seen.json" in odd.stderr) == (1, True)


def test_no_files_end_the_job_with_their_reason(tmp_path: Path) -> None:
    done = start("train.py", SM_CHANNEL_TRAIN=tmp_path / "data", SM_MODEL_DIR=tmp_path / "model")
    assert (done.returncode, "no CSV files" in done.stderr) == (1, True)


def test_the_registered_model_answers(chain: Path) -> None:
    loaded = inference.model_fn(str(chain / "two" / "model"))
    table = inference.input_fn(b"weight_kg,distance_km\n20,900\n1,5\n", "text/csv")
    body, content_type = inference.output_fn(inference.predict_fn(table, loaded), "text/csv")
    far, near = (float(line) for line in body.split())
    assert content_type == "text/csv"
    assert far > 0.9 > 0.2 > near
    with pytest.raises(ValueError, match="text/csv"):
        inference.input_fn(b"{}", "application/json")
