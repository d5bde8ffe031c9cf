"""The Split step: a processing job that brings the library's own script, for both engines."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import (
    S3,
    ByTime,
    Compute,
    Grouped,
    Randomly,
    Retry,
    SpecError,
    Split,
    Stratified,
    compile_pipeline,
)
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import failing, ran
from tests.support import account, compiled, pipeline, train


def split(**changes: Any) -> Split:
    return Split(**{"name": "split", "data": S3("raw/"), "parts": {"train": 0.7, "test": 0.2, "last": 0.1}, **changes})


def whole(step: Split) -> Any:
    return pipeline(step, train(channels={"train": step.output("train")}))


@pytest.mark.parametrize(
    ("by", "arguments"),
    [
        (Randomly(7), ["--by", "random", "--seed", "7"]),
        (Stratified("churned"), ["--by", "stratified", "--column", "churned", "--seed", "0"]),
        (Grouped("customer", 1), ["--by", "grouped", "--column", "customer", "--seed", "1"]),
        (ByTime("day"), ["--by", "time", "--column", "day"]),
    ],
)
def test_the_script_is_started_with_the_parts_and_the_way(by: Any, arguments: list[str]) -> None:
    ended, services = ran(whole(split(by=by)))
    assert ended.status == "SUCCEEDED"
    request = services.of("split")[0]
    parts = ["--part", "train=0.7", "--part", "test=0.2", "--part", "last=0.1"]
    assert request["AppSpecification"]["ContainerArguments"] == ["split.py", *parts, *arguments]
    assert [item["OutputName"] for item in request["ProcessingOutputConfig"]["Outputs"]] == ["train", "test", "last"]
    assert [item["InputName"] for item in request["ProcessingInputs"]] == ["data", "code"]


def test_later_steps_read_the_parts() -> None:
    _, services = ran(whole(split()))
    channel = services.of("train")[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert channel["S3Uri"] == "s3://artifactbucket/churn/training/run-1/split/train/"


def test_the_script_travels_as_code_of_the_library() -> None:
    result = compiled(whole(split()))
    assert result.assets["split"].source.endswith("constructs_ml/analysis/split.py")
    assert prove_template(result.resources) == ()


def test_a_failure_reaches_the_notified_failure_path_after_its_retries() -> None:
    ended, services = ran(whole(split(retry=Retry(attempts=1))), {"split": failing("AlgorithmError")})
    assert (len(services.of("split")), ended.states[-2]) == (2, "Notify failure")


def test_sagemaker_pipelines_has_the_same_job() -> None:
    from constructs_ml.compiler.sagemaker.pipeline import compile_sagemaker_pipeline

    result = compile_sagemaker_pipeline(whole(split()), account(), prefix="Training")
    assert "ProcessingOutputConfig.Outputs['train']" in str(result.resources).replace("\\", "")
    assert '"Type":"Processing"' in str(result.resources).replace(" ", "")
    assert compile_pipeline(whole(split()), account(), prefix="Training").assets == result.assets


@pytest.mark.parametrize(
    "parts", [{"train": 0.1, "test": 0.2, "last": 0.7}, {"a": 0.3, "b": 0.3, "c": 0.3, "d": 0.1}, {"a": 0.5, "b": 0.5}]
)
def test_fractions_are_summed_as_they_are_written(parts: dict[str, float]) -> None:
    assert split(parts=parts).outputs == tuple(parts)


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"parts": {"train": 0.8, "test": 0.1}}, "split-parts"),
        ({"parts": {"train": 1.0, "test": 0.0}}, "split-parts"),
        ({"parts": {"train": 1.0}}, "number-range"),
        ({"parts": {"train": 1.5, "test": -0.5}}, "number-range"),
        ({"parts": {"Train": 0.5, "test": 0.5}}, "name"),
        ({"by": "random"}, "kind"),
        ({"by": Stratified("")}, "empty"),
        ({"compute": Compute(instance_count=2)}, "number-range"),
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any], id: str) -> None:
    with pytest.raises(SpecError, match=rf"\[{id}\]"):
        split(**changes)


@pytest.mark.parametrize("build", [lambda: Randomly(-1), lambda: Grouped("c", seed=2**32), lambda: split().output("x")])
def test_a_wrong_seed_or_part_is_refused(build: Any) -> None:
    with pytest.raises(SpecError):
        build()
