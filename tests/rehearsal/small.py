"""A model whose scripts are a few lines, with an input that says what goes wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from constructs_ml import (
    Canary,
    EndpointSpec,
    Fail,
    Function,
    Gate,
    Input,
    Instances,
    LambdaTask,
    MetricDefinition,
    ModelSpec,
    Process,
    Register,
    Retry,
    Serving,
    Sklearn,
    Train,
    Variant,
)

CODE = Path(__file__).parent / "code"
IMAGE = Sklearn("1.4-2")
MODE = Input("mode", default="well")


def train(**changes: Any) -> Train:
    given = {
        "name": "train",
        "image": IMAGE,
        "code": "steps/train.py",
        "hyperparameters": {"mode": MODE},
        "metrics": (MetricDefinition("score", "score=([0-9.]+)"),),
        **changes,
    }
    return Train(**given)


def small(**changes: Any) -> ModelSpec:
    """Check, train, evaluate, and register what is good; `mode` is handed to each."""
    check = LambdaTask(name="check", function=Function(code="functions/check"), payload={"mode": MODE})
    trained = train(retry=Retry(attempts=2, interval=timedelta(seconds=10)))
    evaluate = Process(
        name="evaluate",
        image=IMAGE,
        code="steps/evaluate.py",
        arguments=("--mode", MODE),
        inputs={"model": trained.model},
        outputs=("report",),
        metrics="report/metrics.json",
    )
    register = Register(model=trained.model, metrics=evaluate, serving=Serving(code="steps/inference.py"))
    gate = Gate(
        when=(evaluate.metric("score") >= 0.5) & (check.number("objects") >= 1),
        then=(register,),
        otherwise=(Fail(cause="the word is a poor one"),),
    )
    given = {
        "name": "small",
        "owner": "growth",
        "root": CODE,
        "inputs": (MODE,),
        "steps": (check, trained, evaluate, gate),
        "endpoint": EndpointSpec(
            variants=(Variant(compute=Instances(count=2)),), deployment=Canary(percent=50, bake=timedelta(minutes=2))
        ),
        **changes,
    }
    return ModelSpec(**given)
