"""Every fault in the structure of a definition is found, and sound definitions have none."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml.compiler.proofs import check_size, check_states, prove_template, read_machine
from constructs_ml.compiler.proofs.language import FUNCTIONS
from constructs_ml.facts import limits
from constructs_ml.faults import SpecError
from tests.support import compiled, definition_of

CALL = "arn:aws:states:::aws-sdk:s3:getObject"
TASK: dict[str, Any] = {"Type": "Task", "Resource": CALL, "Parameters": {"Bucket": "b", "Key": "k"}, "Next": "done"}


def of(first: object, **others: object) -> dict[str, Any]:
    return {"StartAt": "first", "States": {"first": first, "done": {"Type": "Succeed"}, **others}}


def found(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(fault.id, fault.where) for fault in check_states(definition)]


def rule(**test: object) -> dict[str, Any]:
    return of({"Type": "Choice", "Choices": [{**test, "Next": "done"}], "Default": "done"})


def retry(fields: dict[str, object]) -> dict[str, Any]:
    return of(TASK | {"Retry": [{"ErrorEquals": ["a"], **fields}]})


def value(expression: object) -> dict[str, Any]:
    return of({"Type": "Pass", "Parameters": {"a.$": expression}, "Next": "done"})


def test_a_compiled_definition_is_sound() -> None:
    assert check_states(definition_of(compiled())) == ()


SOUND: dict[str, dict[str, Any]] = {
    "a wait": of({"Type": "Wait", "Seconds": 0, "Next": "done"}),
    "a wait for a time": of({"Type": "Wait", "TimestampPath": "$.at", "Next": "done"}),
    "null paths": of({"Type": "Pass", "InputPath": None, "OutputPath": None, "ResultPath": None, "Next": "done"}),
    "a result that looks computed": of({"Type": "Pass", "Result": {"a": "$.b", "c.$": 1}, "Next": "done"}),
    "an end by a failure": of({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "done"}]}),
    "a failure with paths": {"StartAt": "a", "States": {"a": {"Type": "Fail", "ErrorPath": "$.e", "Cause": "c"}}},
    "nested rules": rule(
        And=[
            {"Not": {"Variable": "$.a", "StringMatches": "x*"}},
            {"Variable": "$$.State.RetryCount", "NumericEquals": 1},
        ]
    ),
    "a rule by path": rule(Variable="$.a", NumericLessThanEqualsPath="$.b"),
    "a rule of time": rule(Variable="$.a", TimestampLessThan="2026-11-01T00:00:00Z"),
    "retry and catch": of(
        {
            **TASK,
            "TimeoutSeconds": 60,
            "HeartbeatSeconds": 30,
            "Retry": [
                {"ErrorEquals": ["S3.SlowDown"], "IntervalSeconds": 1, "MaxAttempts": 0, "BackoffRate": 1.5},
                {"ErrorEquals": ["States.ALL"], "MaxDelaySeconds": 2, "JitterStrategy": "FULL"},
            ],
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.error", "Next": "done"},
                {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "done"},
            ],
        }
    ),
    "blocks": of(
        {
            "Type": "Parallel",
            "Branches": [{"StartAt": "l", "States": {"l": {"Type": "Succeed"}}}],
            "ResultPath": "$.both",
            "Next": "each",
        },
        each={
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 4,
            "ItemSelector": {"item.$": "$$.Map.Item.Value"},
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.k"}},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "one",
                "States": {"one": {"Type": "Pass", "End": True}},
            },
            "Next": "done",
        },
    ),
    "a loop with a way out": of(
        {"Type": "Wait", "Seconds": 1, "Next": "ask"},
        ask={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "first"}], "Default": "done"},
    ),
}


@pytest.mark.parametrize("name", sorted(SOUND))
def test_sound_definitions_have_no_fault(name: str) -> None:
    assert found(SOUND[name]) == []


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    (of({"Type": "Pass", "Next": "dnoe"}), "state-target", "first.Next"),
    ({**of({"Type": "Pass", "Next": "done"}), "StartAt": "frist"}, "state-target", "StartAt"),
    ({"States": {"a": {"Type": "Succeed"}}}, "state-target", "StartAt"),
    ({"StartAt": "a", "States": {}}, "state-field", "States"),
    ({"StartAt": "a"}, "state-field", "States"),
    ({**of({"Type": "Pass", "Next": "done"}), "Startat": "x"}, "state-field", "Startat"),
    ({**of({"Type": "Pass", "Next": "done"}), "QueryLanguage": "JSONata"}, "state-field", "QueryLanguage"),
    ({**of({"Type": "Pass", "Next": "done"}), "TimeoutSeconds": 0}, "state-number", "TimeoutSeconds"),
    (of(TASK, alone={"Type": "Pass", "Next": "done"}), "state-unreached", "alone"),
    (of(TASK | {"Next": "a"}, a={"Type": "Pass", "Next": "b"}, b={"Type": "Pass", "Next": "a"}), "state-endless", "a"),
    (of({"Type": "Pass"}), "state-end", "first"),
    (of({"Type": "Pass", "End": False}), "state-end", "first.End"),
    (of({"Type": "Pass", "Next": "done", "Seconds": 1}), "state-field", "first.Seconds"),
    (of({"Type": "Choice", "Choices": [], "Default": "done"}), "state-choice", "first.Choices"),
    (of({"Type": "Choice", "Default": "done"}), "state-missing", "first"),
    (
        of({"Type": "Choice", "Next": "done", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "done"}]}),
        "state-field",
        "first.Next",
    ),
    (
        of({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True}], "Default": "done"}),
        "state-choice",
        "first.Choices[0]",
    ),
    (of({"Type": "Choice", "Choices": ["a"], "Default": "done"}), "state-choice", "first.Choices[0]"),
    (rule(Variable="$.a", NumericEqual=1), "state-choice", "first.Choices[0]"),
    (rule(Variable="$.a", NumericEquals="1"), "state-choice", "first.Choices[0].NumericEquals"),
    (rule(Variable="$.a", NumericEquals=True), "state-choice", "first.Choices[0].NumericEquals"),
    (rule(Variable="$.a", IsNull="yes"), "state-choice", "first.Choices[0].IsNull"),
    (rule(Variable="$.a", TimestampEquals="tomorrow"), "state-choice", "first.Choices[0].TimestampEquals"),
    (rule(Variable="$.a", IsNull=True, IsPresent=True), "state-choice", "first.Choices[0]"),
    (rule(IsNull=True), "state-path", "first.Choices[0].Variable"),
    (rule(Variable="$.a", NumericEqualsPath="b"), "state-path", "first.Choices[0].NumericEqualsPath"),
    (rule(And=[]), "state-choice", "first.Choices[0].And"),
    (rule(And=[{"Variable": "$.a", "IsNull": True, "Next": "done"}]), "state-choice", "first.Choices[0].And[0]"),
    (rule(Not=[{"Variable": "$.a", "IsNull": True}]), "state-choice", "first.Choices[0].Not"),
    (rule(Variable="$.a", Not={"Variable": "$.a", "IsNull": True}), "state-choice", "first.Choices[0].Not"),
    (of(TASK | {"Retry": {}}), "state-handler", "first.Retry"),
    (of(TASK | {"Retry": ["all"]}), "state-handler", "first.Retry[0]"),
    (of(TASK | {"Retry": [{"ErrorEquals": []}]}), "state-handler", "first.Retry[0].ErrorEquals"),
    (of(TASK | {"Retry": [{"ErrorEquals": ["States.Al"]}]}), "state-handler", "first.Retry[0].ErrorEquals"),
    (
        of(TASK | {"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["a"]}]}),
        "state-handler",
        "first.Retry[0].ErrorEquals",
    ),
    (retry({"BackoffRate": 0.5}), "state-handler", "first.Retry[0].BackoffRate"),
    (retry({"JitterStrategy": "full"}), "state-handler", "first.Retry[0].JitterStrategy"),
    (retry({"MaxAttempts": -1}), "state-number", "first.Retry[0].MaxAttempts"),
    (retry({"IntervalSeconds": 0}), "state-number", "first.Retry[0].IntervalSeconds"),
    (retry({"IntervalSeconds": 9, "MaxDelaySeconds": 9}), "state-number", "first.Retry[0].MaxDelaySeconds"),
    (retry({"MaxAttempt": 3}), "state-field", "first.Retry[0].MaxAttempt"),
    (of(TASK | {"Catch": [{"ErrorEquals": ["a"]}]}), "state-handler", "first.Catch[0]"),
    (of(TASK | {"Catch": [{"ErrorEquals": ["a"], "Next": "doen"}]}), "state-target", "first.Catch[0].Next"),
    (
        of(TASK | {"Catch": [{"ErrorEquals": ["a"], "Next": "done", "ResultPath": "$.a[*]"}]}),
        "state-path",
        "first.Catch[0].ResultPath",
    ),
    (of(TASK | {"ResultPath": "$$.a"}), "state-path", "first.ResultPath"),
    (of(TASK | {"ResultPath": "$.a..b"}), "state-path", "first.ResultPath"),
    (of(TASK | {"TimeoutSeconds": 30, "HeartbeatSeconds": 30}), "state-number", "first.HeartbeatSeconds"),
    (of(TASK | {"TimeoutSeconds": 30, "TimeoutSecondsPath": "$.t"}), "state-either", "first"),
    (of(TASK | {"Resource": "s3:getObject"}), "call-form", "first.Resource"),
    (of(TASK | {"Parameters": {"Bucket": "$.bucket", "Key": "k"}}), "state-constant", "first.Parameters.Bucket"),
    (of(TASK | {"Parameters": {"a": ["States.UUID()"]}}), "state-constant", "first.Parameters.a[0]"),
    (of(TASK | {"Parameters": {"a": 1, "a.$": "$.a"}}), "state-either", "first.Parameters.a.$"),
    (of(TASK | {"ResultSelector": {"a.$": "b"}}), "state-path", "first.ResultSelector.a.$"),
    (of({"Type": "Wait", "Next": "done"}), "state-either", "first"),
    (of({"Type": "Parallel", "Branches": [], "Next": "done"}), "state-field", "first.Branches"),
    (of({"Type": "Parallel", "Branches": [1], "Next": "done"}), "state-field", "first.Branches"),
    (of({"Type": "Map", "Next": "done"}), "state-missing", "first"),
    (of({"Type": "Map", "ItemProcessor": 1, "Next": "done"}), "state-field", "first.ItemProcessor"),
    (
        of({"Type": "Map", "Iterator": of({"Type": "Pass", "Next": "done"}), "Next": "done"}),
        "state-name",
        "first.Iterator.first",
    ),
    (
        of(
            {
                "Type": "Parallel",
                "Next": "done",
                "Branches": [{"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "done"}}}],
            }
        ),
        "state-target",
        "first.Branches[0].a.Next",
    ),
    (of(7), "state-type", "first"),
    (of({"Next": "done"}), "state-type", "first"),
    (of({"Type": ["Pass"]}), "state-type", "first"),
]


@pytest.mark.parametrize(("definition", "id", "where"), BROKEN, ids=[f"{id} at {where}" for _, id, where in BROKEN])
def test_a_broken_definition_is_told_where_it_is_broken(definition: dict[str, Any], id: str, where: str) -> None:
    assert (id, where) in found(definition)


@pytest.mark.parametrize(
    "expression",
    [
        "$",
        "$$",
        "$.a.b-c",
        "$.a[0][-1]",
        "$['a b']['c']",
        '$["a"]',
        "$.a[*].b",
        "$.a[0:2]",
        "$.a[1,2]",
        "$..a",
        "$.*",
        "$.m[?(@.name=='auc (test)' && @.value > 0)].value",
        "$$.Execution.Input.a",
        "States.Format('{} is \\'\\{\\}\\' in ${Bucket}', $.a)",
        "States.Array($.a, 'b', 3, -1.5e3, true, null, States.UUID())",
        "States.JsonMerge($.a, $.b, false)",
        "States.MathRandom(1, 9)",
        "States.Hash( $.a , 'SHA-256' )",
    ],
)
def test_every_form_of_an_expression_is_read(expression: str) -> None:
    assert found(value(expression)) == []


@pytest.mark.parametrize(
    ("expression", "id"),
    [
        (7, "state-path"),
        ("a", "state-path"),
        ("$.", "state-path"),
        ("$.a b", "state-path"),
        ("$.a[", "state-path"),
        ("$.a[b]", "state-path"),
        ("$.a[?(@.b=='c']", "state-path"),
        ("$$.Exection.Name", "state-path"),
        ("$$.Execution.Nmae", "state-path"),
        ("States.Format('{}')", "state-intrinsic"),
        ("States.Format('{', $.a)", "state-intrinsic"),
        ("States.Format('{}', $.a", "state-intrinsic"),
        ("States.Format('{}' $.a)", "state-intrinsic"),
        ('States.Format("{}", $.a)', "state-intrinsic"),
        ("States.Format('{}', $.a) ", "state-intrinsic"),
        ("States.Format", "state-intrinsic"),
        ("States.Nothing()", "state-intrinsic"),
        ("States.UUID(1)", "state-intrinsic"),
        ("States.JsonMerge($.a, $.b, true)", "state-intrinsic"),
        ("States.Array(" * 11 + ")" * 11, "state-intrinsic"),
        ("States.Array(.a)", "state-intrinsic"),
        ("States.StringToJson($.)", "state-path"),
    ],
)
def test_an_expression_that_the_service_refuses_is_found(expression: object, id: str) -> None:
    assert found(value(expression)) == [(id, "first.Parameters.a.$")]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_with_too_many_or_too_few_arguments_is_refused(name: str) -> None:
    least, most = FUNCTIONS[name]
    wrong = [least - 1, most + 1] if most < 1_000 else [least - 1]
    for count in wrong:
        if count >= 0:
            arguments = ", ".join(["$.a"] * count)
            assert [id for id, _ in found(value(f"{name}({arguments})"))] == ["state-intrinsic"]


def test_every_place_begins_with_what_the_caller_says() -> None:
    definition = {**of({"Type": "Pas"}), "Startat": "x"}
    places = [fault.where for fault in check_states(definition, where="pipeline 'training'")]
    assert "pipeline 'training': Startat" in places
    assert all(place.startswith("pipeline 'training': ") for place in places)


def test_a_definition_is_read_from_every_form_of_a_template() -> None:
    plain = '{"StartAt":"a","States":{"a":{"Type":"Pass","Comment":"${X}","End":true}}}'
    as_text = read_machine({"DefinitionString": plain, "DefinitionSubstitutions": {"X": "x"}}, where="M")
    as_sub = read_machine({"DefinitionString": {"Fn::Sub": [plain, {"X": {"Ref": "Y"}}]}}, where="M")
    before, after = plain.split("${X}")
    joined = {"Fn::Join": ["", [before, {"Fn::GetAtt": ["Y", "Arn"]}, after]]}
    as_join = read_machine({"DefinitionString": joined}, where="M")
    as_object = read_machine({"Definition": as_text.definition}, where="M")
    assert as_text.substitutions == {"X": "x"}
    assert as_sub.substitutions == {"X": {"Ref": "Y"}}
    assert list(as_join.substitutions.values()) == [{"Fn::GetAtt": ["Y", "Arn"]}]
    assert as_sub.definition == as_text.definition == as_object.definition
    assert check_states(as_join.definition) == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="definition-json"):
        read_machine({"DefinitionString": text}, where="StateMachine")


@st.composite
def definitions(draw: st.DrawFn, prefix: str = "s", depth: int = 0) -> dict[str, Any]:
    """A sound definition: states go on to later ones, each to the next one at least."""
    names = [f"{prefix}{index}" for index in range(draw(st.integers(1, 5)))]
    states: dict[str, Any] = {}
    for index, name in enumerate(names):
        later = names[index + 1 :]
        on: dict[str, Any] = {"Next": later[0]} if later else {"End": True}
        kinds = ["Pass", "Wait", "Task", *(["Choice"] if later else []), *(["Parallel", "Map"] if depth < 2 else [])]
        match draw(st.sampled_from(kinds)):
            case "Pass":
                states[name] = {"Type": "Pass", "Parameters": {"a.$": "$.b"}, **on}
            case "Wait":
                states[name] = {"Type": "Wait", "Seconds": draw(st.integers(0, 99)), **on}
            case "Task":
                handler = {"ErrorEquals": ["States.ALL"]}
                catch = [{**handler, "Next": draw(st.sampled_from(later))}] if later else []
                states[name] = {"Type": "Task", "Resource": CALL, "Retry": [handler], "Catch": catch, **on}
            case "Choice":
                test = {"Variable": "$.a", "NumericEquals": draw(st.integers())}
                rules = [{**test, "Next": draw(st.sampled_from(later))}]
                states[name] = {"Type": "Choice", "Choices": rules, "Default": later[0]}
            case "Parallel":
                branches = [
                    draw(definitions(f"{name}b{number}", depth + 1)) for number in range(draw(st.integers(1, 2)))
                ]
                states[name] = {"Type": "Parallel", "Branches": branches, **on}
            case "Map":
                states[name] = {"Type": "Map", "ItemProcessor": draw(definitions(f"{name}m", depth + 1)), **on}
    return {"StartAt": names[0], "States": states}


@given(definitions())
def test_random_sound_definitions_have_no_fault(definition: dict[str, Any]) -> None:
    assert found(definition) == []


def _levels(definition: dict[str, Any]) -> list[dict[str, Any]]:
    levels = [definition]
    for state in definition["States"].values():
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor")):
            levels += _levels(inner) if inner else []
    return levels


def _break(definition: dict[str, Any], how: str, chance: random.Random) -> None:
    level = chance.choice(_levels(definition))
    name = chance.choice(sorted(level["States"]))
    state = level["States"][name]
    match how:
        case "rename":
            level["States"][name + "x"] = level["States"].pop(name)
        case "type":
            state["Type"] += "x"
        case "field":
            state["Nxt"] = "s0"
        case "end":
            state.update({"Next": name, "End": True})
        case "orphan":
            level["States"]["orphan"] = {"Type": "Pass", "End": True}
        case "loop":
            level["States"][name] = {"Type": "Wait", "Seconds": 1, "Next": name}
        case "path":
            state["InputPath"] = "$.[a]"


@given(
    definitions(),
    st.sampled_from(["rename", "type", "field", "end", "orphan", "loop", "path"]),
    st.randoms(use_true_random=False),
)
def test_one_break_anywhere_in_a_sound_definition_is_found(
    definition: dict[str, Any], how: str, chance: random.Random
) -> None:
    broken = deepcopy(definition)
    _break(broken, how, chance)
    assert found(broken) != []


WORDS = (
    "And",
    "Branches",
    "Catch",
    "Choices",
    "ErrorEquals",
    "Next",
    "Parameters",
    "Retry",
    "StartAt",
    "States",
    "a.$",
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(WORDS)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)


@given(st.recursive(LEAVES, _grown, max_leaves=12))
def test_any_json_at_all_gives_faults_and_no_crash(state: Any) -> None:
    for kind in ("Task", "Map", "Parallel", "Choice", "Pass"):
        first = {**state, "Type": kind} if isinstance(state, dict) else state
        assert isinstance(check_states({"StartAt": "first", "States": {"first": first}}), tuple)


LIMIT = limits.DEFINITION_BYTES


@pytest.mark.parametrize(
    ("text", "substitutions", "size"),
    [
        ("x" * LIMIT, {}, None),
        ("x" * (LIMIT + 1), {}, "1,048,577 bytes"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}" * (LIMIT // 2) + "x", {}, "1,048,577 bytes"),
        ("x" * (LIMIT - 14) + "${AWS::Region}", {}, None),
        ("x" * (LIMIT - 128) + "${Bucket}", {}, None),
        ("x" * (LIMIT - 127) + "${Bucket}", {}, "1,048,577 bytes"),
        ("x" * (LIMIT - 128) + "${Bucket}", {"Bucket": {"Fn::ImportValue": "other"}}, None),
        ("x" * (LIMIT - 3) + "${Bucket}", {"Bucket": "abc"}, None),
        ("x" * (LIMIT - 2) + "${Bucket}", {"Bucket": "abc"}, "1,048,577 bytes"),
        ("x" * (LIMIT - 7) + "${!Plain}", {}, "1,048,577 bytes"),
        ("x" * (LIMIT - 8) + "${!Plain}", {}, None),
    ],
)
def test_a_definition_is_measured_as_step_functions_gets_it(
    text: str, substitutions: dict[str, object], size: str | None
) -> None:
    found = check_size(text, "StateMachine", substitutions=substitutions)
    assert [(fault.id, fault.where, fault.got) for fault in found] == (
        [("definition-size", "StateMachine", size)] if size else []
    )


def test_a_definition_that_is_too_large_says_how_to_split_it() -> None:
    (fault,) = check_size("x" * (LIMIT + 1), "StateMachine")
    assert "1,048,576" in fault.allowed
    assert "SubPipeline" in fault.allowed
    assert "ForEach" in fault.allowed


def test_the_size_is_proved_with_the_template() -> None:
    definition = {"StartAt": "a", "States": {"a": {"Type": "Pass", "Comment": "x" * LIMIT, "End": True}}}
    for properties in ({"Definition": definition}, {"DefinitionString": json.dumps(definition)}):
        machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        assert [(fault.id, fault.where) for fault in prove_template({"Machine": machine})] == [
            ("definition-size", "Machine")
        ]
