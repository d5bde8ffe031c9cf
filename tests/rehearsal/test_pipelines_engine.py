"""A model whose steps SageMaker Pipelines runs: data arrive, a version is made, and its endpoint answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.churn.data import write_csv
from apps.churn.model import IMAGE, ROOT, data, evaluate, prepare, train
from constructs_ml import Accounts, EndpointSpec, Gate, ModelSpec, OnData, Register, Serving
from constructs_ml.rehearsal import rehearsal

REQUEST = (
    "purchases,weeks_since_last,weeks_since_first,mean_gap_weeks,mean_amount,total_amount,total_quantity,days_bought\n"
    "1,30,30,30,20,20,1,1\n"
)


def churn(least: float) -> ModelSpec:
    serving = Serving(image=IMAGE, code="steps/inference.py")
    good = Gate(
        name="good",
        when=evaluate.metric("auc") >= least,
        then=(Register(model=train.model, metrics=evaluate, serving=serving),),
    )
    return ModelSpec(
        name="piped",
        owner="growth",
        root=ROOT,
        inputs=(data,),
        steps=(prepare, train, evaluate, good),
        triggers=(OnData("raw/", to="data", debounce=None),),
        endpoint=EndpointSpec(),
        engine="pipelines",
    )


@pytest.mark.slow
def test_a_pipeline_of_sagemaker_starts_when_data_arrive_and_its_version_is_served(tmp_path: Path) -> None:
    account = Accounts.load(ROOT / "accounts.yaml")["dev"]
    with rehearsal(churn(0.6), account=account) as dev:
        assert dev.runs("piped") == []
        write_csv(tmp_path / "purchases.csv")
        dev.put("raw/purchases.csv", tmp_path / "purchases.csv")
        run = dev.wait_for("piped")
        assert (run.status, run.error, run.cause) == ("SUCCEEDED", "", ""), run
        assert run.states == ["prepare", "train", "evaluate", "good", "register"]
        assert run.input["dataKey"] == "raw/purchases.csv"
        assert {step.status for step in run.progress.steps.values()} == {"succeeded"}
        assert "succeeded" in run.drawing.svg
        dev.pin("piped", dev.approve("piped"))
        assert 0 < float(dev.invoke("piped", REQUEST).body) < 1
        assert not dev.parts.iam.denied()
        failed = dev.wait_for(dev.start("piped", data=f"s3://{dev.put('none/a.txt', 'x').split('/')[2]}/none/"))
        assert (failed.status, failed.error) == ("FAILED", "PipelineFailed")
        assert failed.cause.startswith("prepare: ")
        assert failed.progress.steps["train"].status == "skipped"
        assert [found.arn for found in dev.runs("piped")] == [run.arn, failed.arn]
