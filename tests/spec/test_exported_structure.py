"""The structure of an exported definition is judged when the spec is built, each fault with its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import S3, ExportedPipeline, SpecError
from constructs_ml.spec.exported_structure import STEP_TYPES
from tests.sdk.exports import json_values, of, step
from tests.sdk.stand_ins import definition


def exported(found: Any = None, **given: Any) -> ExportedPipeline:
    return ExportedPipeline(
        name="training", model="churn", owner="growth", definition=definition() if found is None else found, **given
    )


def faults(found: Any, **given: Any) -> list[tuple[str, str]]:
    """The place of each fault below the pipeline, and its id."""
    with pytest.raises(SpecError) as error:
        exported(found, **given)
    return [(item.where.partition(", ")[2], item.id) for item in error.value.faults]


def test_a_file_a_text_and_an_object_are_the_same_definition(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps(definition()))
    specs = [exported(), exported(file), exported(str(file)), exported(json.dumps(definition()))]
    assert all(spec.document == definition() for spec in specs)


def test_a_definition_cannot_change_after_it_was_checked() -> None:
    found = definition()
    spec = exported(found)
    found["Steps"].clear()
    spec.document["Steps"].clear()
    assert spec.document == definition()


def test_steps_inside_conditions_and_loops_are_steps() -> None:
    loop = step("Each", "ForEach")
    loop["Arguments"] = {
        "IterableItems": ["a"],
        "ForEachBody": [step("One", "Lambda", Arguments={"item": {"Get": "ForEach.CurrentItem.name"}})],
        "Selector": {"Pick": "Max", "Field": {"Get": "IterationOutput.One.OutputParameters['n']"}},
    }
    after = step("After", "Lambda", Arguments={"n": {"Get": "Steps.Each.Selected.OutputParameters['n']"}})
    assert exported(of(loop, after)).document["Steps"][1]["Name"] == "After"


@pytest.mark.parametrize("type", STEP_TYPES)
def test_every_type_of_the_sdk_is_known(type: str) -> None:
    assert exported(of(step("One", type))).document["Steps"][0]["Type"] == type


@pytest.mark.parametrize(
    ("found", "place", "id"),
    [
        (of(step("a")) | {"Version": "2019-01-01"}, "Version", "export-version"),
        (of(), "Steps", "empty"),
        ({"Version": "2020-12-01"}, "Steps", "empty"),
        (of("a"), "Steps[0]", "export-json"),
        (of(step("a"), step("a")), "Steps[1]", "export-name"),
        (of(step("a", Arguments=[])), "Steps[0].Arguments", "export-json"),
        (of(step("a", DependsOn="b")), "Steps[0].DependsOn", "export-json"),
        (of(step("a", "Condition", Arguments={"IfSteps": {}})), "Steps[0].Arguments.IfSteps", "export-json"),
        (of(step("a"), Parameters=["P"]), "Parameters[0]", "export-json"),
        (of(step("a b")), "Steps[0]", "export-name"),
        (of(step("x" * 65)), "Steps[0]", "export-name"),
        (of({"Type": "Fail"}), "Steps[0]", "export-name"),
        (of(step("a", "Trainign")), "Steps[0].Type", "export-type"),
        (of(step("a"), Parameters=[{"Name": "P", "Type": "Text"}]), "Parameters[0]", "export-type"),
        (of(step("a"), Parameters=[{"Type": "String"}]), "Parameters[0]", "export-name"),
        (of(step("a"), Parameters=[{"Name": "P", "Type": "String"}] * 2), "Parameters[1]", "export-name"),
        (of(step("a", DependsOn=["b"])), "Steps[0].DependsOn[0]", "export-reference"),
        (of(step("a", DependsOn=[{"Step": "b", "Trigger": "Failed"}])), "Steps[0].DependsOn[0]", "export-reference"),
        (of(step("a", Arguments={"x": [{"Get": "Parameters.P"}]})), "Steps[0].Arguments.x[0]", "export-reference"),
        (of(step("a", Arguments={"x": {"Get": "Steps.b.Out"}})), "Steps[0].Arguments.x", "export-reference"),
        (of(step("a", Arguments={"x": {"Get": "Execution.Nme"}})), "Steps[0].Arguments.x", "export-reference"),
        (of(step("a", Arguments={"x": {"Get": "Stes.b"}})), "Steps[0].Arguments.x", "export-reference"),
        (of(step("a", Arguments={"x": {"Get": 1}})), "Steps[0].Arguments.x", "export-reference"),
        (of(step("a"), PipelineExperimentConfig={"ExperimentName": {"Get": "Parameters.P"}}),
         "PipelineExperimentConfig.ExperimentName", "export-reference"),
        (of(step("a", DependsOn=["b"]), step("b", DependsOn=["a"])), "", "export-cycle"),
        (of(step("a", DependsOn=["a"])), "", "export-cycle"),
        (of(step("a", "Condition", Arguments={"IfSteps": [step("b")]}, DependsOn=["b"])), "", "export-cycle"),
        (of(step("a", "Condition", Arguments={"IfSteps": [step("a")]})),
         "Steps[0].Arguments.IfSteps[0]", "export-name"),
    ],
)  # fmt: skip
def test_a_fault_of_the_structure_names_its_path(found: Any, place: str, id: str) -> None:
    assert (place, id) in faults(found)


@pytest.mark.parametrize("found", ["{", "nowhere.json", {"x": object()}, '{"a": NaN}'])
def test_what_is_no_definition_is_refused(found: Any) -> None:
    assert [id for _, id in faults(found)] == ["export-json"]


def test_every_fault_is_told_at_once() -> None:
    assert len(faults(of(step("a", "X", DependsOn=["b"]), step("a", "Y")) | {"Version": "1"})) == 5


def test_a_chain_of_thousands_of_steps_is_no_cycle() -> None:
    steps = [step(f"s{n}", DependsOn=[f"s{n + 1}"]) for n in range(3000)]
    assert len(exported(of(*steps, step("s3000"))).document["Steps"]) == 3001


@pytest.mark.parametrize(
    ("replace", "id"),
    [
        ({"not there": "x"}, "export-literal"),
        ({"": "x"}, "export-literal"),
        ({"111111111111": "${AWS::AccountID}"}, "export-opening"),
        ({"111111111111": 7}, "kind"),
    ],
)
def test_a_replacement_that_replaces_nothing_or_by_nothing_is_refused(replace: dict[str, Any], id: str) -> None:
    assert [found for _, found in faults(definition(), replace=replace)] == [id]


def test_a_definition_longer_than_the_service_takes_is_refused() -> None:
    long = of(step("a", Arguments={"ErrorMessage": "x" * 1_048_576}))
    assert [id for _, id in faults(long)] == ["number-range"]


@pytest.mark.parametrize(
    "given", [{"parallel": 0}, {"parallel": True}, {"permissions": ("x",)}, {"tags": {"aws:x": "y"}}]
)
def test_fields_beside_the_definition_are_checked(given: dict[str, Any]) -> None:
    assert len(faults(definition(), **given)) == 1


def test_replacements_are_frozen() -> None:
    replace: dict[str, Any] = {"s3://data/raw/": S3("raw/")}
    spec = exported(replace=replace)
    replace["x"] = "y"
    assert spec.replace == {"s3://data/raw/": S3("raw/")}


@given(st.dictionaries(st.sampled_from(["Version", "Steps", "Parameters", "Metadata"]), json_values, max_size=4))
def test_any_object_is_a_definition_or_a_spec_error(found: dict[str, Any]) -> None:
    try:
        exported({"Version": "2020-12-01", **found})
    except SpecError:
        return
