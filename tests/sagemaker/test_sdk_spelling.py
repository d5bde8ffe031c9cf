"""Our definitions beside what the real SDK writes for the same pipeline (`tools/record_pipelines.py`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Execution,
    Fail,
    Gate,
    Image,
    Input,
    LambdaTask,
    MetricDefinition,
    PipelineSpec,
    Process,
    Register,
    Retry,
    Train,
    compile_sagemaker_pipeline,
)
from constructs_ml.compiler.proofs import check_pipeline
from tests.support import CODE, account

RECORDED = json.loads((Path(__file__).parent / "recorded" / "whole.json").read_text())
SDK: dict[str, Any] = RECORDED["definition"]
IMAGE = Image("churn:1")
DAY = Input("day", default="1997-09-30")
DEPTH, LEAST = Input("depth", "Number", 3), Input("least", "Number", 0.8)
STRICT = Input("strict", "Boolean", True)


def whole() -> PipelineSpec:
    """The pipeline that the recording holds, in our words."""
    check = LambdaTask(
        name="check", function="check", payload={"day": DAY, "run": Execution("name"), "limit": 10, "strict": STRICT}
    )
    prepare = Process(
        name="prepare",
        image=IMAGE,
        inputs={"raw": S3("s3://data/raw/") / DAY},
        outputs=("train", "test"),
        arguments=("--rows", check.result("rows"), "--depth", DEPTH),
        retry=Retry(on=("SageMaker.JOB_INTERNAL_ERROR",)),
    )
    train = Train(
        name="train",
        image=IMAGE,
        channels={"train": prepare.output("train")},
        hyperparameters={"depth": DEPTH},
        environment={"DAY": DAY},
        metrics=(MetricDefinition("validation:auc", "auc=([0-9.]+)"),),
    )
    evaluate = Process(
        name="evaluate",
        image=IMAGE,
        inputs={"model": train.model, "test": prepare.output("test")},
        outputs=("report",),
        metrics="report/metrics.json",
        arguments=("--job", train.job_name, "--prepared", prepare.job_name),
    )
    auc, final = evaluate.metric("auc"), train.metric("validation:auc")
    good = Gate(
        when=(auc >= LEAST) & (final < 1.0) & ((auc > 0.9) | (auc <= final)),
        then=(Register(model=train.model, metrics=evaluate),),
        otherwise=(Fail(cause="AUC below 0.8"),),
    )
    return PipelineSpec(
        name="training",
        model="churn",
        owner="growth",
        root=CODE,
        inputs=(DAY, DEPTH, LEAST, STRICT),
        steps=(check, prepare, train, evaluate, good),
    )


def ours() -> dict[str, Any]:
    compiled = compile_sagemaker_pipeline(whole(), account(), prefix="Training")
    body = compiled.resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
    found: dict[str, Any] = json.loads(body["Fn::Sub"][0])
    return found


def steps(definition: Any) -> dict[str, Any]:
    """Every step by name, those in arms included."""
    found = {}
    for step in definition:
        found[step["Name"]] = step
        arguments = step["Arguments"]
        found |= steps([*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())])
    return found


def functions(value: Any) -> Iterator[Any]:
    """Every `Get`, `Std:Join` and `Std:JsonGet` below a value, places of artifacts left out."""
    if isinstance(value, dict):
        if set(value) & {"Get", "Std:Join", "Std:JsonGet"}:
            yield re.sub(r"s3://[^/]*/", "s3://bucket/", json.dumps(value, sort_keys=True))
            return
        for item in value.values():
            yield from functions(item)
    elif isinstance(value, list):
        for item in value:
            yield from functions(item)


def test_the_sdk_that_was_recorded_is_the_third() -> None:
    assert RECORDED["sagemaker"].startswith("3.")


def test_the_definitions_have_the_same_members() -> None:
    mine = ours()
    assert set(SDK) - set(mine) == {"MlflowConfig"}  # a null that its third version added
    assert set(mine) <= set(SDK)
    for name in ("Version", "Metadata", "Parameters", "PipelineExperimentConfig"):
        assert mine[name] == SDK[name]


def test_the_steps_have_the_same_order_and_types() -> None:
    mine, theirs = steps(ours()["Steps"]), steps(SDK["Steps"])
    assert list(mine) == list(theirs)
    for name, step in theirs.items():
        assert mine[name]["Type"] == step["Type"]
        assert mine[name].get("DependsOn") == step.get("DependsOn")


@pytest.mark.parametrize("name", list(steps(SDK["Steps"])))
def test_each_step_has_the_members_that_the_sdk_gives_it(name: str) -> None:
    mine, theirs = steps(ours()["Steps"])[name], steps(SDK["Steps"])[name]
    # The recording has no retries for two of the jobs; ours always have the service's.
    assert set(theirs) <= set(mine) <= {*theirs, "RetryPolicies"}
    beside = {"Environment", "NetworkConfig", "Tags", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation"}
    assert set(mine["Arguments"]) - beside == set(theirs["Arguments"]) - beside


@pytest.mark.parametrize("name", list(steps(SDK["Steps"])))
def test_each_step_spells_its_functions_like_the_sdk(name: str) -> None:
    mine, theirs = steps(ours()["Steps"])[name], steps(SDK["Steps"])[name]
    # The SDK's trainer writes to one place for all runs; ours to the run's own.
    beyond = {item for item in functions(mine["Arguments"]) if "/train/model/" in item}
    assert set(functions(mine["Arguments"])) - beyond == set(functions(theirs["Arguments"]))


def test_conditions_and_failures_are_the_same_to_the_letter() -> None:
    mine, theirs = steps(ours()["Steps"]), steps(SDK["Steps"])
    assert mine["gate"]["Arguments"]["Conditions"] == theirs["gate"]["Arguments"]["Conditions"]
    assert mine["fail"] == theirs["fail"]
    assert mine["evaluate"]["PropertyFiles"] == theirs["evaluate"]["PropertyFiles"]
    assert mine["check"]["Arguments"] == theirs["check"]["Arguments"]
    assert mine["check"]["OutputParameters"] == theirs["check"]["OutputParameters"]
    assert mine["register"]["RetryPolicies"] == theirs["register"]["RetryPolicies"]
    assert mine["prepare"]["RetryPolicies"][1] == theirs["prepare"]["RetryPolicies"][1]


def test_our_checks_accept_what_the_sdk_writes() -> None:
    assert check_pipeline(SDK) == ()


def test_what_only_the_sdk_writes_is_passed_over() -> None:
    exported = json.loads((Path(__file__).parents[1] / "sdk" / "recorded" / "pipeline_definition.json").read_text())
    kinds = {step["Type"] for step in steps(exported["Steps"]).values()}
    assert {"Callback", "EMR", "ForEach"} <= kinds
    assert check_pipeline(exported) == ()
