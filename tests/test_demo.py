"""The demo: the same program as `make demo`, watched from inside while its account is still open."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from rich.console import Console

from constructs_ml.contract import names
from constructs_ml.rehearsal.report import page
from constructs_ml.rehearsal.report.told import tell
from tools.demo import Demo, numbers, played

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "real")
        console = Console(file=io.StringIO(), width=160)
        with played(console, tmp_path_factory.mktemp("demo")) as found:
            assert "failed" not in found.report
            yield found


def test_the_data_started_two_runs_that_passed_the_gate(demo: Demo) -> None:
    runs = demo.report["executions"]
    assert [run["status"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert [run["data"].partition("/raw/")[2] for run in runs] == ["1998-03/purchases.csv", "1998-06/purchases.csv"]
    assert all(run["metrics"]["auc"] >= 0.75 for run in runs)
    assert demo.report["purchases"] == [6406, 6919]


def test_both_versions_were_approved_and_the_endpoint_serves_the_second(demo: Demo) -> None:
    assert [version["approval"] for version in demo.report["versions"]] == ["Approved", "Approved"]
    assert served(demo) == demo.report["versions"][1]["arn"]
    assert demo.report["endpoint"]["status"] == "InService"


def served(demo: Demo) -> str:
    client = demo.rehearsed.client("sagemaker")
    config = client.describe_endpoint(EndpointName="dev-churn")["EndpointConfigName"]
    (variant,) = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    return str(client.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["ModelPackageName"])


def recomputed(demo: Demo, version: str, rows: list[str], header: str) -> list[float]:
    """What the artifact of a version in the account's bucket says of customers, without any endpoint."""
    package = demo.rehearsed.client("sagemaker").describe_model_package(ModelPackageName=version)
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = demo.rehearsed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {item.name.removeprefix("./"): archive.extractfile(item) for item in archive if item.isfile()}
        model, columns = joblib.load(files["model.joblib"]), json.load(files["features.json"])  # type: ignore[arg-type]
    table = pd.read_csv(io.StringIO("\n".join([header, *rows])))
    return [float(score) for score in model.predict_proba(table[columns])[:, 1]]


def test_every_answer_is_what_the_artifact_in_the_bucket_says(demo: Demo) -> None:
    requests = demo.report["requests"]
    embedded = demo.rehearsed.embedded
    bucket = names.artifact_bucket("dev", embedded.id, embedded.region)
    prefix = names.output_prefix("churn", "training", demo.report["executions"][0]["name"], "prepare", "test")
    body = demo.rehearsed.client("s3").get_object(Bucket=bucket, Key=f"{prefix}test.csv")["Body"].read().decode()
    header = body.partition("\n")[0]
    half = len(requests) // 2
    for version, sent in zip(demo.report["versions"], (requests[:half], requests[half:]), strict=True):
        expected = recomputed(demo, version["arn"], [request["request"] for request in sent], header)
        assert [request["answer"] for request in sent] == pytest.approx(expected, abs=1e-6)
    assert [request["answer"] for request in requests[:half]] != [request["answer"] for request in requests[half:]]


def test_the_second_version_went_out_as_a_canary_that_both_configurations_answered(demo: Demo) -> None:
    canary = demo.report["canary"]
    assert len(canary) == 2
    assert all(number > 0 for number in canary.values())
    verdicts = {item["logical_id"]: item["verdict"] for item in demo.report["changes"]["2"]}
    assert verdicts == {
        "EndpointConfig": "replaced",
        "EndpointEndpoint": "in place",
        "EndpointMainModel": "replaced",
    }


def test_nothing_was_denied_and_everything_that_ran_has_a_process(demo: Demo) -> None:
    assert demo.rehearsed.parts.iam.denied() == ()
    kinds = {item["kind"] for item in numbers(demo)["happened"]}
    assert {"job", "function", "endpoint", "stack"} <= kinds


def test_requests_were_captured_as_they_were_sent(demo: Demo) -> None:
    told = tell(demo.rehearsed)
    assert told.captured
    bucket, _, key = told.captured[0].removeprefix("s3://").partition("/")
    body = demo.rehearsed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    record = json.loads(body.splitlines()[0])["captureData"]
    assert record["endpointInput"]["observedContentType"] == "text/csv"
    assert record["endpointInput"]["encoding"] == "CSV"
    assert record["endpointInput"]["data"].startswith("customer_id,")


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "br", "hr", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self.open.pop() == tag


def test_the_page_shows_the_runs_and_fetches_nothing(demo: Demo) -> None:
    text = page.render(tell(demo.rehearsed, demo.report["seconds"]))
    parser = _Balanced()
    parser.feed(text)
    assert parser.open == []
    for run in demo.report["executions"]:
        assert run["name"] in text
    for word in ("<script", "http://", "https://", "src=", "@import"):
        assert word not in text.replace("http://www.w3.org/2000/svg", "")


def test_deploying_again_changes_nothing(demo: Demo, tmp_path: Path) -> None:
    lines = demo.cdk.run(
        "deploy",
        "dev/*",
        "--app",
        str(demo.folder / "pinned-2"),
        "--require-approval",
        "never",
        "--progress",
        "events",
        folder=tmp_path,
    )
    assert sum("no changes" in line for line in lines) == 3
