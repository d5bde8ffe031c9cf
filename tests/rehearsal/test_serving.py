"""Model servers answer as AWS's serving containers do."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import packed
from constructs_ml.rehearsal.principals import PERSON
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.serving.serving import ModelServer, ServingError
from constructs_ml.rehearsal.stand_ins import StandIn

SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PRIVATE = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/mine:1"
CHURN = Path(__file__).parents[2] / "apps" / "churn" / "steps" / "inference.py"
BARE = """
class Threshold:
    def predict(self, rows): return rows[:, 0] > 9
def model_fn(folder): return Threshold()
"""


@pytest.fixture
def model(account: EmbeddedAccount, tmp_path: Path):
    """A function that makes a Model resource around a script, its artifact in the account's S3."""
    store = Store(account)

    def make(script: str, image: str = SKLEARN, *, beside: bool = True, **environment: str) -> Resource:
        client = account.client("s3")
        client.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": account.region})
        folder = tmp_path / "model"
        folder.mkdir()
        names = ["a", "b"]
        table = pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=names)
        trained = LogisticRegression().fit(table, np.arange(10) > 4)
        joblib.dump(trained, folder / "model.joblib")
        (folder / "features.json").write_text(json.dumps(names))
        if beside:
            (folder / "code").mkdir()
            (folder / "code" / "inference.py").write_text(script)
        client.put_object(Bucket="models", Key="model.tar.gz", Body=packed(folder))
        code = io.BytesIO()
        with tarfile.open(fileobj=code, mode="w:gz") as archive:
            content = tarfile.TarInfo("inference.py")
            content.size = len(script.encode())
            archive.addfile(content, io.BytesIO(script.encode()))
        client.put_object(Bucket="models", Key="code.tar.gz", Body=code.getvalue())
        container = {"Image": image, "ModelDataUrl": "s3://models/model.tar.gz", "Environment": environment}
        return store.add("Model", "churn", {"PrimaryContainer": container})

    return make


def served(account: EmbeddedAccount, resource: Resource, *stand_ins: StandIn, **more: str) -> ModelServer:
    return ModelServer(account, "churn", resource, PERSON, stand_ins, **more)


@pytest.mark.slow
def test_the_users_script_from_an_archive_beside_the_model_answers(account, model) -> None:
    with account.running():
        submitted = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/code.tar.gz"}
        server = served(account, model(CHURN.read_text(), beside=False, **submitted))
        assert server.ping()
        status, body, made = server.invoke(b"a,b\n0,1\n18,19\n", "text/csv", "text/csv")
        assert (status, made) == (200, "text/csv")
        low, high = map(float, body.decode().split())
        assert low < 0.5 < high
        status, body, _ = server.invoke(b'[{"a": 0, "b": 1}]', "application/json", "application/json")
        assert (status, json.loads(body)["churn"]) == (200, [pytest.approx(low, abs=1e-6)])
        server.stop()
        assert not server.ping()


@pytest.mark.slow
def test_a_script_that_raises_answers_500_and_says_why_in_its_log_alone(account, model) -> None:
    with account.running():
        server = served(account, model(CHURN.read_text()))
        status, body, made = server.invoke(b"<a/>", "text/xml", "text/csv")
        assert (status, made) == (500, "text/html; charset=utf-8")
        assert b"Internal Server Error" in body
        assert account.clock.poll(lambda: any("content type 'text/xml'" in line for line in server.lines), 10)
        server.stop()


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-npy"])
def test_the_default_functions_read_and_write_the_documented_formats(account, model, accept: str) -> None:
    with account.running():
        server = served(account, model(BARE))
        sent = {"application/json": b"[[0, 1], [18, 19]]", "text/csv": b"0,1\n18,19", "application/x-npy": _npy()}[
            accept
        ]
        status, body, made = server.invoke(sent, accept, accept)
        assert (status, made) == (200, accept)
        read = {"application/json": json.loads, "text/csv": lambda text: [w == b"True" for w in text.split()]}
        found = read[accept](body) if accept in read else np.load(io.BytesIO(body)).tolist()
        assert found == [False, True]
        assert server.invoke(b"0", "application/x-image", accept)[0] == 415
        assert server.invoke(sent, accept, "application/x-image")[0] == 406
        server.stop()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([[0.0, 1.0], [18.0, 19.0]]))
    return buffer.getvalue()


def test_a_model_that_does_not_load_says_the_scripts_error(account, model) -> None:
    with account.running(), pytest.raises(ServingError, match="ZeroDivisionError"):
        served(account, model("def model_fn(folder): 1 / 0\n"))


def test_a_missing_script_is_named_with_what_is_there(account, model) -> None:
    with account.running(), pytest.raises(ServingError, match=r"no script serve\.py .* has inference\.py"):
        served(account, model(BARE, SAGEMAKER_PROGRAM="serve.py"))


def test_an_artifact_that_is_not_there_is_named(account, model) -> None:
    with account.running():
        resource = model(BARE)
        account.client("s3").delete_object(Bucket="models", Key="model.tar.gz")
        with pytest.raises(ServingError, match=r"Could not find model data at s3://models/model\.tar\.gz"):
            served(account, resource)


def test_a_script_that_names_opt_ml_finds_its_model_there(account, model) -> None:
    script = "def model_fn(_): return open('/opt/ml/model/features.json').read()\ndef input_fn(b, c): return b\n"
    script += "def predict_fn(data, model): return model\ndef output_fn(found, accept): return found, accept\n"
    with account.running():
        server = served(account, model(script))
        assert server.invoke(b"0", "text/csv", "application/json") == (200, b'["a", "b"]', "application/json")
        server.stop()


def test_a_private_image_is_refused_unless_something_stands_in(account, model, tmp_path: Path) -> None:
    with account.running():
        resource = model(BARE, image=PRIVATE)
        with pytest.raises(ServingError, match=r"mine:1 cannot run .* private image.* StandIn\(of=\"\*/mine\*\""):
            served(account, resource)
        (tmp_path / "mine.py").write_text(BARE)
        server = served(account, resource, StandIn("*/mine:*", tmp_path / "mine.py"))
        assert server.invoke(b"[[18, 19]]")[1] == b"[true]"
        assert "mine.py serves in the place of" in account.journal.entries("stand-in")[0].what
        server.stop()


def test_a_gpu_instance_is_refused_by_its_name(account, model) -> None:
    with account.running(), pytest.raises(ServingError, match=r"endpoint on ml\.g5\.xlarge expects a GPU"):
        served(account, model(BARE), instance_type="ml.g5.xlarge")
