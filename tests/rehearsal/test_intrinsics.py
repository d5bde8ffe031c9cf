"""Intrinsic functions are read and evaluated as the language has them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.intrinsics import invocation_of
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import create, machine, output, run

GIVEN = {"n": 2, "l": [1, 2, 2], "o": {"a-b": 3}, "objs": [{"x": 1, "y": 5}]}
VALUES: dict[str, Any] = {
    "States.Format('{} of {}', $.n, 2.5)": "2 of 2.5",
    r"States.Format('it\'s \{\} {}', $$.Execution.Name)": "it's {} one",
    "States.Format('{}', $.objs[0])": "{x=1, y=5}",
    "States.Format('ä {}', States.Format('{}', $.o['a-b']))": "ä 3",
    "States.Array(1.5, 'a', null, true, -1)": [1.5, "a", None, True, -1],
    "States.ArrayPartition($.l, 2)": [[1, 2], [2]],
    "States.ArrayContains($.l, 2)": True,
    "States.ArrayRange(1, 9, 4)": [1, 5, 9],
    "States.ArrayGetItem($.objs[?(@.x == 1)].y, 0)": 5,
    "States.ArrayLength($.l)": 3,
    "States.ArrayUnique($.l)": [1, 2],
    "States.Base64Decode(States.Base64Encode('text'))": "text",
    "States.Hash('x', 'SHA-1')": "11f6ad8ec52a2984abaafd7c3b516503785c2072",
    "States.JsonMerge($.objs[0], $.o, false)": {"x": 1, "y": 5, "a-b": 3},
    "States.StringToJson('{\"a\": 0.5}')": {"a": 0.5},
    "States.JsonToString($.o)": '{"a-b":3}',
    "States.MathAdd($.n, -3)": -1,
    "States.StringSplit('1,2.3', ',.')": ["1", "2", "3"],
}


@pytest.fixture
def states(account: EmbeddedAccount) -> EmbeddedAccount:
    States(account)
    return account


def test_every_function_gives_its_value(states: EmbeddedAccount) -> None:
    parameters = {f"{n}.$": text for n, text in enumerate(VALUES)}
    state = {"Type": "Pass", "Parameters": parameters, "End": True}
    with states.running():
        found = output(run(states, machine(("Pass", state)), GIVEN))
    assert {text: found[str(n)] for n, text in enumerate(VALUES)} == VALUES


@pytest.mark.parametrize("text", ["States.MathAdd(1", "States.Nope()", "text", "States.Array(1 2)", "States.UUID() x"])
def test_what_is_no_invocation_is_refused_when_the_machine_is_made(states: EmbeddedAccount, text: str) -> None:
    with pytest.raises(ValueError, match=r"States|text"):
        invocation_of(text)
    state = {"Type": "Pass", "Parameters": {"x": [{"y.$": text}]}, "End": True}
    with states.running(), pytest.raises(ClientError, match="InvalidDefinition") as refused:
        create(states, machine(("Pass", state)))
    assert "Pass.Parameters.x.y.$ must be a valid JSONPath" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "States.Format('{}')",
        "States.ArrayGetItem($.l, 9)",
        "States.JsonMerge($.o, $.o, true)",
        "States.MathAdd('1', 2)",
        "States.StringToJson('no')",
    ],
)
def test_a_function_that_fails_fails_its_state_by_name(states: EmbeddedAccount, text: str) -> None:
    with states.running():
        found = run(states, machine(("Pass", {"Type": "Pass", "Parameters": {"x.$": text}, "End": True})), GIVEN)
    assert (found["status"], found["error"]) == ("FAILED", "States.IntrinsicFailure")
