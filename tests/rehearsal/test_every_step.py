"""Steps that hold steps, and those that search and score: split, two branches, a search, a question, each item."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from constructs_ml import (
    S3,
    Account,
    Approve,
    BatchTransform,
    Continuous,
    ForEach,
    InstanceRules,
    MetricDefinition,
    ModelSpec,
    Objective,
    Parallel,
    Serving,
    Sklearn,
    Split,
    Train,
    Tune,
    Wait,
)
from constructs_ml.rehearsal import rehearsal

IMAGE = Sklearn("1.4-2")
TRAIN = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
rate = parser.parse_known_args()[0].rate
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "rate.txt").write_text(str(rate))
print(f"score={1 - abs(rate - 0.5):.4f};")
"""
SERVE = """
import pathlib
def model_fn(folder):
    return float((pathlib.Path(folder) / "rate.txt").read_text())
def input_fn(body, content_type):
    return (body.decode() if isinstance(body, bytes) else body).splitlines()
def predict_fn(lines, rate):
    return [rate for _ in lines]
def output_fn(scores, accept):
    return "\\n".join(map(str, scores)), "text/csv"
"""


def model(root: Path) -> ModelSpec:
    (root / "train.py").write_text(textwrap.dedent(TRAIN))
    (root / "serve.py").write_text(textwrap.dedent(SERVE))
    split = Split(name="split", data=S3("raw/"), parts={"train": 0.75, "test": 0.25})
    train = Train(
        name="base",
        image=IMAGE,
        code="train.py",
        channels={"train": split.output("train")},
        metrics=(MetricDefinition("score", r"score=([0-9.]+)"),),
    )
    tune = Tune(
        name="tune",
        train=train,
        objective=Objective("score", "Maximize"),
        ranges={"rate": Continuous(0.0, 1.0)},
        max_jobs=2,
        parallel=2,
    )
    score = BatchTransform(
        name="score", model=tune.model, data=split.output("test"), serving=Serving(image=IMAGE, code="serve.py")
    )
    each = ForEach(name="each", items=("Bern", "Basel"), steps=(Wait(name="settle", seconds=1),))
    steps = (split, Parallel(branches=(tune, each)), Approve(question="Score the customers?"), score)
    return ModelSpec(name="steps", owner="growth", root=root, steps=steps)


@pytest.mark.slow
def test_steps_of_every_shape_run_and_a_person_is_asked(tmp_path: Path) -> None:
    rules = InstanceRules(training="ml.m5.large", processing="ml.m5.large", transform="ml.m5.large")
    account = Account(stage="dev", id="111111111111", region="eu-central-1", instances=rules)
    with rehearsal(model(tmp_path), account=account) as dev:
        dev.put("raw/a.csv", "a,b\n" + "1,2\n" * 40)
        run = dev.start("steps")
        dev.answer()
        assert dev.wait_for(run).status == "SUCCEEDED", run
        assert run.states.count("settle") == 2
        (search,) = dev.parts.store.all("HyperParameterTuningJob")
        assert search.fields["TrainingJobStatusCounters"]["Completed"] == 2
        (scored,) = dev.parts.store.all("TransformJob")
        assert scored.fields["TransformJobStatus"] == "Completed"
        assert not dev.parts.iam.denied()
