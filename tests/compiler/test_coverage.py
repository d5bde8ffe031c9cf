"""What of the old SDK and of the service's requests is reached: each claim of the page is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from constructs_ml import Metric, PipelineSpec
from constructs_ml.compiler.pipeline import compile_pipeline
from constructs_ml.compiler.proofs import check_raw, prove_template
from constructs_ml.compiler.proofs.service_models import Model, load
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import walk
from constructs_ml.spec.values import Input
from tests.support import CODE, ROOT, evaluate
from tools import coverage
from tools.coverage_examples import ACCOUNT, EXAMPLES, SUCCESSORS


def model() -> Model:
    found = load("sagemaker")
    assert found is not None
    return found


def test_the_page_is_what_the_code_and_the_models_say() -> None:
    assert (ROOT / "docs" / "coverage.md").read_text() == coverage.page()


@pytest.mark.parametrize("number", range(len(EXAMPLES())))
def test_the_examples_compile_to_what_the_services_accept(number: int) -> None:
    assert prove_template(compile_pipeline(EXAMPLES()[number], ACCOUNT, prefix="Example").resources) == ()


@pytest.mark.parametrize("theirs", SUCCESSORS)
def test_what_follows_a_step_of_the_old_sdk_compiles_and_is_proved(theirs: str) -> None:
    steps = SUCCESSORS[theirs].steps()
    used = [reference for step in walk(steps) for reference in references_of(step)]
    if any(isinstance(reference, Metric) for reference in used):
        steps = (replace(evaluate(inputs={}), name="check"), *steps)
    inputs = tuple(reference for reference in used if isinstance(reference, Input))
    spec = PipelineSpec(name="whole", model="churn", owner="growth", root=CODE, steps=steps, inputs=inputs)
    assert prove_template(compile_pipeline(spec, ACCOUNT, prefix="Example").resources) == ()


def test_every_class_of_the_old_sdk_has_a_successor() -> None:
    names = {name.strip() for row in SUCCESSORS for name in row.split(",")}
    assert len(names) == 51
    assert {"TrainingStep", "TuningStep", "EndpointStep", "EksRunJobStep"} <= names


def raw_fields() -> Iterator[tuple[str, str]]:
    for operation in coverage.OPERATIONS:
        for field in coverage.fields(operation):
            if field.verdict == "raw":
                yield operation, field.path


@pytest.mark.parametrize(("operation", "path"), list(raw_fields()))
def test_a_field_that_only_raw_reaches_is_let_through(operation: str, path: str) -> None:
    shape = model().operations[operation]["input"]["shape"]
    value = sample(shape, path.split("."))
    assert check_raw(f"sagemaker:{operation[0].lower()}{operation[1:]}", value, where="raw") == ()


def sample(shape: str, path: list[str], *, whole: bool = False) -> Any:
    """The smallest value that the model accepts in which the path is set; items of lists must be whole."""
    facts = model().shapes[shape]
    match facts["type"]:
        case "structure":
            needed = facts.get("required", ()) if whole else ()
            members = dict.fromkeys([*path[:1], *needed])
            return {
                name: sample(facts["members"][name]["shape"], path[1:] if path[:1] == [name] else [], whole=whole)
                for name in members
            }
        case "list":
            return [sample(facts["member"]["shape"], path, whole=True)] * max(1, facts.get("min", 1))
        case "map":
            return {"a": "b"}
        case "string":
            # A text that the deployment fills in: of it the proof checks what is certain.
            return facts["enum"][0] if "enum" in facts else "${Open}"
        case "boolean":
            return True
    return facts.get("min", 1)


def test_a_field_that_aws_adds_is_a_listed_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    known = model()
    request = known.operations["CreateTransformJob"]["input"]["shape"]
    members = {**known.shapes[request]["members"], "OfTomorrow": {"shape": "JobName"}}
    shapes = {**known.shapes, request: {**known.shapes[request], "members": members}}
    if "JobName" not in shapes:
        shapes["JobName"] = {"type": "string"}
    monkeypatch.setattr(coverage, "load", lambda _: Model("sagemaker", known.operations, shapes))
    coverage.fields.cache_clear()
    try:
        found = {field.path: field.verdict for field in coverage.fields("CreateTransformJob")}
        assert found["OfTomorrow"] == "raw"
        assert found["TransformJobName"] == "friendly"
    finally:
        coverage.fields.cache_clear()
