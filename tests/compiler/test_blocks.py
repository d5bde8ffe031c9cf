"""Steps inside steps: branches, items, and what gates hand on; run state by state with every service answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Approve,
    Execution,
    Fail,
    ForEach,
    Function,
    Gate,
    Input,
    Item,
    LambdaTask,
    Listing,
    Manifest,
    Metric,
    Parallel,
    SpecError,
    Wait,
    join,
)
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import failing, ran
from tests.support import compiled, definition_of, evaluate, gate, pipeline, prepare, statements_of, train

DAY = Input("day", default="1997-09-30")
CITIES = Input("cities", "List", default=({"city": "Bern"}, {"city": "Basel"}))
BAD = {"aws-sdk:s3:getObject": {"Body": '{"auc": 0.1}'}}


def ask(name: str, **payload: Any) -> LambdaTask:
    return LambdaTask(name=name, function="ask", payload=payload)


def each(**changes: Any) -> ForEach:
    score = prepare(name="score", inputs={"raw": S3("raw/") / Item("city")}, arguments=("--city", Item("city")))
    return ForEach(**{"name": "each", "items": CITIES, "steps": (score,), **changes})


# Parallel


def test_later_steps_use_what_every_branch_made() -> None:
    first, second = ask("first"), ask("second")
    third = ask("third", a=first.result("objects"), b=second.result("objects"))
    ended, services = ran(pipeline(Parallel(branches=(first, second)), third))
    assert ended.status == "SUCCEEDED"
    assert services.of("third")[0]["Payload"] == {"a": 3, "b": 3}


def test_a_branch_uses_what_ran_before_it_and_in_it() -> None:
    before, first = ask("before"), ask("first")
    inner = ask("inner", a=before.result("objects"), b=first.result("objects"))
    _, services = ran(pipeline(before, Parallel(branches=((first, inner), ask("second")))))
    assert services.of("inner")[0]["Payload"] == {"a": 3, "b": 3}


def test_branches_hand_on_only_what_is_used_after_them() -> None:
    first, second = ask("first"), ask("second")
    inner = ask("inner", b=first.result("secret"))
    ended, _ = ran(pipeline(Parallel(branches=((first, inner), second)), ask("last", x=second.result("objects"))))
    assert ended.output["steps"] == {"parallel": {"branch2": {"second": {"objects": 3}}}}


def test_an_output_of_a_branch_is_read_after_it() -> None:
    left, right = prepare(name="left"), prepare(name="right")
    ended, services = ran(pipeline(Parallel(branches=(left, right)), train(channels={"a": left.output("train")})))
    assert ended.status == "SUCCEEDED"
    source = services.of("train")[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://artifactbucket/churn/training/run-1/left/train/"


def test_results_of_nested_branches_are_found() -> None:
    deep = ask("deep")
    inner = Parallel(name="inner", branches=(deep, ask("other")))
    outer = Parallel(name="outer", branches=((inner, ask("use", x=deep.result("objects"))), ask("side")))
    _, services = ran(pipeline(outer, ask("last", x=deep.result("objects"))))
    assert services.of("use")[0]["Payload"] == services.of("last")[0]["Payload"] == {"x": 3}


def test_metrics_of_a_branch_decide_a_gate_after_it() -> None:
    both = Parallel(branches=(evaluate(inputs={}), ask("side")))
    chosen = Gate(when=evaluate(inputs={}).metric("auc") > 0.5, otherwise=(Fail(cause="bad"),))
    assert ran(pipeline(both, chosen))[0].status == "SUCCEEDED"
    assert ran(pipeline(both, chosen), BAD)[0].cause == "PipelineFailed: bad"


@pytest.mark.parametrize("state", ["first", "inner"])
def test_a_failed_task_of_a_branch_reaches_the_one_failure_path(state: str) -> None:
    spec = pipeline(Parallel(branches=((ask("first"), ask("inner")), ask("second"))), ask("last"))
    ended, services = ran(spec, {state: failing("Broken")})
    assert (ended.status, ended.states[-2:]) == ("FAILED", ("Notify failure", "Failed"))
    assert "Broken" in services.of("Notify failure")[0]["Message"]
    assert services.of("last") == []


def test_a_fail_step_of_a_branch_ends_the_run_with_its_cause() -> None:
    ended, _ = ran(pipeline(Parallel(branches=(Fail(cause="never"), Wait(seconds=1)))))
    assert (ended.status, ended.cause) == ("FAILED", "PipelineFailed: never")


def test_a_missing_metric_inside_a_branch_fails_the_run() -> None:
    judged = evaluate(inputs={})
    chosen = Gate(when=judged.metric("auc") > 0.5, then=(ask("good"),))
    ended, services = ran(
        pipeline(Parallel(branches=((judged, chosen), ask("side")))), {"aws-sdk:s3:getObject": {"Body": "{}"}}
    )
    assert "left no finite number for auc" in ended.cause
    assert services.of("good") == []


def test_a_throttled_call_inside_a_branch_is_made_again() -> None:
    ended, services = ran(
        pipeline(Parallel(branches=(ask("first"), ask("second")))),
        {"first": failing("Lambda.TooManyRequestsException", attempts=2)},
    )
    assert (ended.status, len(services.of("first"))) == ("SUCCEEDED", 3)


def test_one_branch_cannot_use_what_another_makes() -> None:
    first = ask("first")
    with pytest.raises(SpecError, match="used before it ran"):
        pipeline(Parallel(branches=(first, ask("second", x=first.result("objects")))))


# ForEach


def test_steps_run_once_for_every_item_with_outputs_of_its_own() -> None:
    _, services = ran(pipeline(each(), inputs=(CITIES,)))
    requests = sorted(services.of("score"), key=lambda request: request["AppSpecification"]["ContainerArguments"][2])
    assert [request["ProcessingInputs"][0]["S3Input"]["S3Uri"] for request in requests] == [
        "s3://databucket/raw/Basel",
        "s3://databucket/raw/Bern",
    ]
    assert {request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] for request in requests} == {
        f"s3://artifactbucket/churn/training/run-1/each/{index}/score/train/" for index in (0, 1)
    }


def test_what_is_kept_of_every_item_is_a_list_for_later_steps() -> None:
    kept = each(keep={"city": Item("city"), "train": each().steps[0].output("train")})  # type: ignore[union-attr]
    _, services = ran(pipeline(kept, ask("last", cities=kept.results), inputs=(CITIES,)))  # type: ignore[arg-type]
    found = services.of("last")[0]["Payload"]["cities"]
    assert [item["city"] for item in found] == ["Bern", "Basel"]
    assert found[0]["train"] == "s3://artifactbucket/churn/training/run-1/each/0/score/train/"


def test_items_may_stand_in_the_declaration_or_come_from_a_step() -> None:
    _, services = ran(pipeline(each(items=({"city": "Bern ${HOME} it's"},))))
    assert services.of("score")[0]["AppSpecification"]["ContainerArguments"][2] == "Bern ${HOME} it's"
    listed = ask("list")
    _, services = ran(
        pipeline(listed, each(items=listed.result("cities"))),
        {"list": {"Payload": {"cities": [{"city": "Bern"}, {"city": "Basel"}, {"city": "Chur"}]}}},
    )
    assert len(services.of("score")) == 3


def test_an_empty_list_of_items_is_refused_when_the_run_begins() -> None:
    ended, services = ran(pipeline(each(), inputs=(CITIES,)), given={"cities": []})
    assert "the run needs the inputs cities (List)" in ended.cause
    assert services.of("score") == []


def test_items_use_inputs_earlier_results_and_awkward_texts() -> None:
    before = ask("before")
    inner = prepare(
        name="score", arguments=(DAY, before.result("objects"), "it's {here}", join(Item("city"), "-", DAY))
    )
    _, services = ran(pipeline(before, each(steps=(inner,), items=({"city": "Bern"},)), inputs=(DAY,)))
    arguments = services.of("score")[0]["AppSpecification"]["ContainerArguments"]
    assert arguments == ["prepare.py", "1997-09-30", "3", "it's {here}", "Bern-1997-09-30"]


def test_a_failed_item_reaches_the_failure_path() -> None:
    # One item: two that fail at once race for one slot of moto's interpreter.
    ended, _ = ran(pipeline(each(items=({"city": "Bern"},))), {"score": failing("Broken")})
    assert (ended.status, ended.states[-2:]) == ("FAILED", ("Notify failure", "Failed"))
    assert "Broken" in ended.cause


def test_foreach_and_parallel_nest() -> None:
    both = Parallel(branches=(prepare(name="score", inputs={"raw": S3("raw/") / Item("city")}), Wait(seconds=1)))
    ended, services = ran(pipeline(each(steps=(both,)), inputs=(CITIES,)))
    assert (ended.status, len(services.of("score"))) == ("SUCCEEDED", 2)


def test_the_steps_of_an_item_cannot_be_used_after_it() -> None:
    inner = prepare(name="score")
    with pytest.raises(SpecError, match="runs only inside ForEach 'each'"):
        pipeline(each(steps=(inner,), items=("a",)), train(channels={"train": inner.output("train")}))


def test_a_distributed_map_reads_a_manifest_and_writes_its_results() -> None:
    spec = pipeline(each(items=Manifest(S3("lists/") / DAY / "cities.csv", "CSV"), concurrency=100), inputs=(DAY,))
    result = compiled(spec)
    state = definition_of(result)["States"]["each"]
    assert state["ItemReader"] == {
        "Resource": "arn:${AWS::Partition}:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Parameters": {
            "Bucket": "${DataBucket}",
            "Key.$": "States.Format('lists/{}/cities.csv', $.inputs.day)",
        },
    }
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert state["ResultWriter"]["Parameters"]["Prefix.$"].startswith("States.Format('churn/training/{}/each/results/'")
    assert (state["MaxConcurrency"], state["ResultPath"]) == (100, None)


def test_a_distributed_map_may_start_and_follow_its_own_children_alone() -> None:
    statements = statements_of(compiled(pipeline(each(items=Listing(S3("raw/"))))), "TrainingStatesRole")
    resources = {
        action: statement["Resource"]["Fn::Sub"].rsplit(":", 2)[-2:]
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("states:")
    }
    assert resources == {
        "states:StartExecution": ["stateMachine", "dev-churn-training"],
        "states:DescribeExecution": ["dev-churn-training", "*"],
        "states:StopExecution": ["dev-churn-training", "*"],
    }


def test_an_object_of_a_listing_is_told_by_its_uri() -> None:
    score = prepare(name="score", inputs={"raw": Item("uri")}, arguments=(Execution("name"),))
    state = definition_of(compiled(pipeline(each(items=Listing(S3("raw/")), steps=(score,)))))["States"]["each"]
    assert state["ItemSelector"]["item"]["uri.$"] == "States.Format('s3://${DataBucket}/{}', $$.Map.Item.Value.Key)"
    # A child execution has a name of its own: the facts of the run are handed to it.
    assert state["ItemSelector"]["execution"]["name.$"] == "$$.Execution.Name"
    arguments = state["ItemProcessor"]["States"]["score"]["Parameters"]["AppSpecification"]["ContainerArguments.$"]
    assert arguments == "States.Array('prepare.py', $.execution.name)"


# gates that hand something on


@pytest.mark.parametrize(("answers", "model"), [({}, 3), (BAD, "the old one")])
def test_a_gate_hands_on_the_value_of_the_arm_that_was_taken(answers: Any, model: Any) -> None:
    good = ask("good")
    chosen = gate(then=(good,), otherwise=(), outputs={"model": (good.result("objects"), "the old one")})
    spec = pipeline(prepare(), train(), evaluate(), chosen, ask("last", model=chosen.result("model")))
    _, services = ran(spec, answers)
    assert services.of("last")[0]["Payload"] == {"model": model}


def test_an_output_may_use_only_what_its_own_arm_made() -> None:
    good = ask("good")
    with pytest.raises(SpecError, match="step 'good' runs only inside Gate 'gate'"):
        pipeline(
            prepare(), train(), evaluate(), gate(then=(good,), otherwise=(), outputs={"model": ("x", good.result("y"))})
        )


def test_an_output_that_no_gate_has_is_refused() -> None:
    chosen = gate(outputs={"model": ("a", "b")})
    with pytest.raises(SpecError, match="has no result 'modell'"):
        chosen.result("modell")


# a person, a pause


def test_a_person_gets_the_question_the_facts_and_both_answers() -> None:
    before = ask("before")
    spec = pipeline(
        before, Approve(question="Is it's model good?", facts=(join("objects: ", before.result("objects")),))
    )
    ended, services = ran(spec, {"approve": {}})
    assert ended.status == "SUCCEEDED"
    message = services.of("approve")[0]["Message"]
    assert message.startswith("Is it's model good?\n- objects: 3\n")
    assert 'send-task-success --task-output "{}" --task-token token-of-approve' in message
    assert "send-task-failure --error Declined --cause 'approve: no' --task-token token-of-approve" in message


@pytest.mark.parametrize("error", ["Declined", "States.Timeout"])
def test_a_no_or_no_answer_ends_the_run_as_failed(error: str) -> None:
    ended, services = ran(pipeline(Approve(question="Go?"), ask("last")), {"approve": failing(error)})
    assert (ended.status, services.of("last")) == ("FAILED", [])
    assert error in ended.cause


@pytest.mark.parametrize(
    ("wait", "state"),
    [
        (Wait(seconds=5), {"Seconds": 5}),
        (Wait(seconds=Input("pause", "Number", default=1)), {"SecondsPath": "$.inputs.pause"}),
        (Wait(until="2027-01-01T00:00:00Z"), {"Timestamp": "2027-01-01T00:00:00Z"}),
        (Wait(until=DAY), {"TimestampPath": "$.inputs.day"}),
    ],
)
def test_a_pause_has_a_length_or_an_end(wait: Wait, state: dict[str, Any]) -> None:
    spec = pipeline(wait, prepare(), inputs=(DAY, Input("pause", "Number", default=1)))
    assert definition_of(compiled(spec))["States"]["wait"] == {"Type": "Wait", **state, "Next": "prepare"}


# values


def test_values_stand_inside_locations_texts_and_lists() -> None:
    spec = pipeline(
        prepare(
            inputs={"raw": S3("raw/") / DAY / "part.csv", "old": S3("s3://other/x") / Execution("name")},
            arguments=(join("day=", DAY), join("a", "b")),
            environment={"PLACE": S3("raw/") / DAY},
        ),
        ask("tell", values=(DAY, 1, 0.5, True, "it's", S3("raw/") / DAY), plain=("a", 1)),
        inputs=(DAY,),
    )
    _, services = ran(spec)
    request = services.of("prepare")[0]
    assert [item["S3Input"]["S3Uri"] for item in request["ProcessingInputs"][:2]] == [
        "s3://databucket/raw/1997-09-30/part.csv",
        "s3://other/x/run-1",
    ]
    assert request["AppSpecification"]["ContainerArguments"][1:] == ["day=1997-09-30", "ab"]
    assert request["Environment"]["PLACE"] == "s3://databucket/raw/1997-09-30"
    assert services.of("tell")[0]["Payload"] == {
        "values": ["1997-09-30", 1, 0.5, True, "it's", "s3://databucket/raw/1997-09-30"],
        "plain": ["a", 1],
    }


@pytest.mark.parametrize("part", ["/x", "x/", "../x", "a//b", "", "*", S3("b/"), None])
def test_a_part_of_a_place_that_leads_elsewhere_is_refused(part: Any) -> None:
    with pytest.raises(SpecError, match="not an S3 location"):
        S3("raw/") / part


def test_a_place_below_a_prefix_is_readable_by_the_job() -> None:
    statements = statements_of(compiled(pipeline(prepare(inputs={"raw": S3("raw/") / DAY}), inputs=(DAY,))), ROLE)
    assert any("raw/*" in json.dumps(item["Resource"]) for item in statements)


ROLE = "TrainingProcessingRole"
OBJECT = prepare(name="score", inputs={"raw": Item("uri")})
FUNCTION = Function(code="function", reads=(S3("raw/"),), writes=(S3("lists/"),))
CASES = {
    "parallel": lambda: pipeline(Parallel(branches=(ask("a"), (prepare(), train())))),
    "inline": lambda: pipeline(each(concurrency=3, keep={"city": Item("city")}), inputs=(CITIES,)),
    "constants": lambda: pipeline(each(items=({"city": "Bern"},))),
    "manifest": lambda: pipeline(each(items=Manifest(S3("lists/") / DAY / "a.json")), inputs=(DAY,)),
    "lines": lambda: pipeline(each(items=Manifest(S3("s3://other/a.jsonl"), "JSONL"), tolerated_failures=5)),
    "listing": lambda: pipeline(each(items=Listing(S3("raw/")), steps=(OBJECT,), keep={"from": Item("key")})),
    "distributed": lambda: pipeline(each(distributed=True), inputs=(CITIES,)),
    "approve": lambda: pipeline(Approve(question="Go?", facts=(Execution("name"),))),
    "outputs": lambda: pipeline(prepare(), train(), evaluate(), gate(outputs={"model": (train().model, "none")})),
    "writes": lambda: pipeline(LambdaTask(name="list", function=FUNCTION), Wait(seconds=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_blocks_are_proved_in_structure_parameters_and_role(name: str) -> None:
    assert prove_template(compiled(CASES[name]()).resources) == ()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Parallel(branches=(ask("a"),)), "number of branches"),
        (lambda: Parallel(branches=(ask("a"), ())), "a branch is empty"),
        (lambda: each(items=()), "items is empty"),
        (lambda: each(items="Bern"), "items is not what it must be"),
        (lambda: each(steps=()), "steps is empty"),
        (lambda: each(concurrency=41), "concurrency is out of range"),
        (lambda: each(items=Listing(S3("raw/")), concurrency=10_001), "concurrency is out of range"),
        (lambda: each(tolerated_failures=5), "failed items cannot be tolerated"),
        (lambda: each(keep={"a b": 1}), "not a key"),
        (lambda: each().results, "has no result 'results'"),
        (lambda: Manifest(S3("a.json"), "XML"), "the format is not"),  # type: ignore[arg-type]
        (lambda: Listing("raw/"), "prefix is not"),  # type: ignore[arg-type]
        (lambda: Item("a.b"), "not a key"),
        (join, "the text is empty"),
        (lambda: join(None), "a part is not"),  # type: ignore[arg-type]
        (lambda: Approve(question=""), "question is empty"),
        (Wait, "pause"),
        (lambda: Wait(seconds=0), "seconds is out of range"),
        (lambda: Wait(seconds=DAY), "pause"),
        (lambda: Gate(when=Metric("e", "a") > 1, then=(ask("a"),), outputs={"x": "y"}), "an output of the gate is not"),
    ],
)
def test_a_bad_block_is_refused_where_it_is_written(build: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: pipeline("prepare"),
        lambda: pipeline(prepare().output("train")),
        lambda: pipeline(Parallel(branches={"one": (ask("a"),), "two": (ask("b"),)})),  # type: ignore[arg-type]
        lambda: pipeline(each(steps="prepare"), inputs=(CITIES,)),
        lambda: pipeline(Gate(when=Metric("e", "a") > 1, then=(None,))),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_step_is_refused_wherever_it_stands(build: Any) -> None:
    with pytest.raises(SpecError, match="is not what it must be"):
        build()
