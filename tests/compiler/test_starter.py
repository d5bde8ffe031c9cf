"""What a trigger's event becomes: one run with its inputs, however often the event is told."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Cron,
    Debounce,
    FromEvent,
    Input,
    LambdaTask,
    OnAlarm,
    OnApproval,
    OnData,
    OnDrift,
    OnEvent,
    OnFeatures,
    OnImage,
    Rate,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from constructs_ml.contract.events import (
    AlarmStateChange,
    ImagePushed,
    ModelPackageStateChange,
    ObjectCreated,
    Scheduled,
)
from tests.support import compiled, customers, monitors, pipeline, statements_of
from tests.world import ARNS, World, definition
from tools.interpreter import Call, Run, TaskFailure, run

EVENTS = Path(__file__).parent.parent / "events"
PIPELINE, STARTER = ARNS["StateMachine"], ARNS["Starter"]
DATA, VERSION = Input("data", default=S3("raw/")), Input("my-version", default="none")
BURST = Debounce(quiet=timedelta(minutes=1), at_most=timedelta(minutes=10))


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def made(*triggers: Any, **changes: Any) -> Compiled:
    given = {"inputs": (DATA, VERSION), **changes}
    return compiled(pipeline(LambdaTask(name="work", function="existing"), triggers=triggers, **given))


def ran(trigger: Any, given: Any, answer: Any = None) -> tuple[Run, list[Call]]:
    """The starter in moto's interpreter, told of one event."""
    calls: list[Call] = []

    def answered(call: Call) -> Any:
        calls.append(call)
        return answer(call) if answer else {"ExecutionArn": "arn"}

    found = definition(made(trigger), "Starter")
    return run(found, {"trigger": trigger.name, "event": given}, answered), calls


SAID: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "cron": (Cron("0 3 * * ? *", inputs={"my-version": "v"}), {"time": "2026-11-21T03:00:00Z"}, Scheduled),
    "rate": (Rate(timedelta(hours=1)), {"time": "2026-11-21T03:00:00Z"}, Scheduled),
    "data": (OnData("raw/", to="data"), event("object_created"), ObjectCreated),
    "features": (OnFeatures(customers(), to="data", debounce=None), event("object_created"), ObjectCreated),
    "alarm": (OnAlarm("ServerCpuTooHigh"), event("alarm_state_change"), AlarmStateChange),
    "drift": (OnDrift(monitors=monitors()), event("alarm_state_change"), AlarmStateChange),
    "approval": (OnApproval(to="my-version"), event("model_package_state_change"), ModelPackageStateChange),
    "image": (OnImage("my-repository-name"), event("ecr_image_action"), ImagePushed),
}


@pytest.mark.parametrize("name", SAID)
def test_a_run_is_named_after_its_trigger_and_the_token_of_the_change(name: str) -> None:
    trigger, given, parser = SAID[name]
    ended, calls = ran(trigger, given)
    token = hashlib.sha1(parser.parse(given).token.encode(), usedforsecurity=False).hexdigest()
    assert ended.states == ("Which trigger", f"Read {trigger.name}", "Start run", "Started")
    assert calls[0].parameters["Name"] == f"{trigger.name}-{token}"
    assert len(f"{'t' * 32}-{token}") <= 80


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("cron", {"my-version": "v"}),
        ("rate", {}),
        ("data", {"data": "s3://amzn-s3-demo-bucket1/raw/example-key.csv"}),
        ("features", {"data": "s3://amzn-s3-demo-bucket1/raw/example-key.csv"}),
        ("approval", {"my-version": event("model_package_state_change")["detail"]["ModelPackageArn"]}),
    ],
)
def test_a_run_gets_what_its_trigger_gives_under_the_names_that_they_are_declared_by(name: str, inputs: Any) -> None:
    trigger, given, _ = SAID[name]
    _, calls = ran(trigger, given)
    assert calls[0].parameters == {
        "StateMachineArn": PIPELINE,
        "Name": calls[0].parameters["Name"],
        "Input": inputs,
    }


def test_a_key_with_quotes_and_blanks_arrives_as_it_is() -> None:
    told = event("object_created")
    told["detail"]["object"]["key"] = 'raw/it\'s "a" {}\\ü.csv'
    _, calls = ran(SAID["data"][0], told)
    assert calls[0].parameters["Input"] == {"data": 's3://amzn-s3-demo-bucket1/raw/it\'s "a" {}\\ü.csv'}


def test_values_out_of_an_event_keep_their_types() -> None:
    told = {"id": "1", "detail": {"a b": {"rows-seen": 3}, "day": "2026-11-21"}}
    rows = Input("rows", "Number", default=0)
    inputs = {"rows": FromEvent("$.detail['a b'].rows-seen"), "my-version": FromEvent("$.detail.day")}
    trigger = OnEvent({"source": ["my.app"]}, inputs=inputs, token=FromEvent("$.detail.day"))
    found = definition(made(trigger, inputs=(DATA, VERSION, rows)), "Starter")
    calls: list[Call] = []
    run(found, {"trigger": "on-event", "event": told}, lambda call: calls.append(call) or {})
    assert calls[0].parameters["Input"] == {"rows": 3, "my-version": "2026-11-21"}


def test_an_event_without_the_value_fails_its_start_and_starts_no_run() -> None:
    trigger = OnEvent({"source": ["my.app"]}, inputs={"my-version": FromEvent("$.detail.day")})
    ended, calls = ran(trigger, {"id": "1", "detail": {}})
    assert (ended.status, calls) == ("FAILED", [])


def test_the_same_change_told_twice_ends_well_as_a_duplicate() -> None:
    def taken(call: Call) -> Any:
        raise TaskFailure("StepFunctions.ExecutionAlreadyExistsException", "taken")

    ended, _ = ran(SAID["data"][0], event("object_created"), taken)
    assert (ended.status, ended.states[-1]) == ("SUCCEEDED", "Duplicate")


def test_a_start_that_is_throttled_is_made_again_under_the_same_name() -> None:
    names = []

    def throttled(call: Call) -> Any:
        names.append(call.parameters["Name"])
        if len(names) < 3:
            raise TaskFailure("StepFunctions.ThrottlingException", "later")
        return {}

    ended, _ = ran(SAID["image"][0], event("ecr_image_action"), throttled)
    assert (ended.states[-1], len(names), len(set(names))) == ("Started", 3, 1)


def test_a_start_that_fails_is_told() -> None:
    def broken(call: Call) -> Any:
        if call.state == "Start run":
            raise TaskFailure("StepFunctions.StateMachineDoesNotExistException", "gone")
        return {}

    ended, calls = ran(SAID["alarm"][0], event("alarm_state_change"), broken)
    assert (ended.status, ended.states[-2:]) == ("FAILED", ("Notify failure", "Failed"))
    assert calls[-1].parameters["Subject"] == "starting training of churn failed in dev"


def test_a_trigger_that_nobody_knows_is_told() -> None:
    found = definition(made(OnAlarm("kpi")), "Starter")
    ended = run(found, {"trigger": "other", "event": {}}, lambda call: {})
    assert (ended.status, ended.cause) == ("FAILED", "TriggerUnknown: no trigger is named other")


def account(*triggers: Any) -> World:
    result = made(*triggers)
    return World({PIPELINE: definition(result, "StateMachine"), STARTER: definition(result, "Starter")})


def tell(found: World, trigger: Any, given: Any) -> str:
    return found.start(STARTER, f"delivery-{len(found.executions)}", {"trigger": trigger.name, "event": given})


def runs(found: World) -> list[str]:
    return [arn for arn in found.executions if arn.startswith(ARNS["Runs"])]


@pytest.mark.parametrize("name", SAID)
def test_events_of_one_change_start_one_run_whatever_their_ids(name: str) -> None:
    trigger, given, _ = SAID[name]
    found = account(trigger)
    for number in range(3):
        tell(found, trigger, {**copy.deepcopy(given), "id": f"id-{number}"})
        found.settle()
    assert len(runs(found)) == 1


def test_another_change_starts_another_run() -> None:
    trigger, given, _ = SAID["data"]
    found = account(trigger)
    tell(found, trigger, given)
    later = copy.deepcopy(given)
    later["detail"]["object"]["sequencer"] = "617f08299329d190"
    tell(found, trigger, later)
    found.settle()
    assert len(runs(found)) == 2


def test_an_event_without_a_token_of_its_own_is_known_by_its_id() -> None:
    trigger = OnEvent({"source": ["my.app"]})
    found = account(trigger)
    for id in ("1", "1", "2"):
        tell(found, trigger, {"id": id})
    found.settle()
    assert len(runs(found)) == 2


def test_two_triggers_of_one_event_start_two_runs() -> None:
    first, second = OnData("raw/", to="data"), OnData("raw/", to="data", name="other")
    found = account(first, second)
    for trigger in (first, second):
        tell(found, trigger, event("object_created"))
    found.settle()
    assert len(runs(found)) == 2


def test_the_starter_may_start_this_pipeline_and_tell_of_failures() -> None:
    statements = statements_of(made(OnAlarm("kpi")), "TrainingStarterRole")
    actions = [item["Action"] for item in statements if "logs" not in str(item) and "xray" not in str(item)]
    assert actions == ["states:StartExecution", "sns:Publish", ["kms:Decrypt", "kms:GenerateDataKey"]]
    assert statements[0]["Resource"] == {"Ref": "TrainingStateMachine"}


def test_a_starter_of_bursts_may_start_and_ask_about_itself_and_write_its_row() -> None:
    statements = statements_of(made(OnData("raw/", to="data", debounce=BURST)), "TrainingStarterRole")
    own = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:%s:dev-churn-training_start"
    started = [{"Ref": "TrainingStateMachine"}, {"Fn::Sub": own % "stateMachine"}]
    assert statements[0] == {"Effect": "Allow", "Action": "states:StartExecution", "Resource": started}
    asked = {"Fn::Sub": own % "execution" + ":*"}
    assert {"Effect": "Allow", "Action": "states:DescribeExecution", "Resource": asked} in statements


@pytest.mark.parametrize("debounce", [None, BURST])
def test_a_starter_is_proved(debounce: Any) -> None:
    burst = OnData("new/", to="data", name="burst", debounce=debounce)
    result = made(*(item[0] for item in SAID.values()), burst, OnEvent({"source": ["a"]}))
    assert prove_template(result.resources) == ()
    assert prove_template(made(burst).resources) == ()
