"""Numbers of a function's answer in conditions: compared, kept beside results, missing, and not numbers at all."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import Fail, Gate, Input, LambdaTask, SpecError
from constructs_ml.compiler.proofs import prove_template
from tests.services import made, ran, throttled
from tests.support import compiled, definition_of, pipeline

count = LambdaTask(name="count-files", function="existing")
FAR = Fail(name="far", cause="there are many")
NEAR = Fail(name="near", cause="there are few")
gate = Gate(when=count.number("files") >= 3, then=(FAR,), otherwise=(NEAR,))


@pytest.mark.parametrize(("files", "cause"), [(3, "many"), (2.5, "few"), (-1, "few")])
def test_a_gate_decides_by_a_number_of_a_functions_answer(files: float, cause: str) -> None:
    ended, _ = ran(count, gate, answers={"count-files": {"Payload": {"files": files, "more": "x"}}})
    assert ended.cause == f"PipelineFailed: there are {cause}"


def test_two_functions_are_compared_with_each_other_and_with_an_input() -> None:
    other, least = LambdaTask(name="other", function="existing"), Input("least", "Number", default=2)
    both = (count.number("files") > other.number("files")) & (other.number("files") >= least)
    ended, _ = ran(
        count,
        other,
        Gate(when=both, then=(FAR,)),
        answers={"count-files": {"Payload": {"files": 3}}, "other": {"Payload": {"files": 2}}},
        inputs=(least,),
    )
    assert ended.cause == "PipelineFailed: there are many"


def test_numbers_and_results_are_kept_and_the_rest_of_the_answer_is_not() -> None:
    tell = LambdaTask(name="tell", function="other", payload={"files": count.result("files"), "of": count.result("of")})
    answer = {"Payload": {"files": 4, "of": "raw", "rest": "x" * 99}}
    ended, services = ran(count, Gate(when=count.number("files") >= 3, then=(tell,)), answers={"count-files": answer})
    assert services.of("tell")[0]["Payload"] == {"files": 4, "of": "raw"}
    assert ended.output["steps"]["count_files"] == {"files": 4, "of": "raw", "metrics": {"files": 4}}


@pytest.mark.parametrize(
    "answer", [None, {}, [], 3, {"files": None}, {"files": "3"}, {"files": True}, {"files": [3]}], ids=str
)
def test_an_answer_without_the_number_fails_the_run_and_never_closes_the_gate(answer: Any) -> None:
    ended, services = ran(count, gate, answers={"count-files": {"Payload": answer}})
    assert ended.status == "FAILED"
    assert "step count-files left no finite number for files in the function's answer" in ended.cause
    assert len(services.of("Notify failure")) == 1


def test_a_throttled_call_is_tried_again() -> None:
    later = throttled("Lambda.TooManyRequestsException", {"Payload": {"files": 3}})
    ended, services = ran(count, gate, answers={"count-files": later})
    assert len(services.of("count-files")) == 3
    assert ended.cause == "PipelineFailed: there are many"


def test_a_function_whose_numbers_nobody_compares_is_rendered_as_before() -> None:
    states = definition_of(compiled(pipeline(count)))["States"]
    assert "Check count-files metrics" not in states
    assert "ResultSelector" not in states["count-files"]


def test_the_proofs_hold() -> None:
    assert prove_template(made(count, gate).resources) == ()


@pytest.mark.parametrize("key", ["", "a-b", "a.b", "1a", 3])
def test_a_number_that_no_path_can_name_is_refused(key: Any) -> None:
    with pytest.raises(SpecError, match="letters, digits and _"):
        count.number(key)


def test_a_number_of_a_function_that_runs_later_is_refused() -> None:
    with pytest.raises(SpecError, match="count-files"):
        pipeline(gate, count)
