"""What states get, and what the bus is told, has the members and kinds that were recorded of AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import create, machine, output, run, task

RECORDED = json.loads((Path(__file__).parent / "recorded" / "step_functions.json").read_text())
KINDS = {"text": str, "number": int, "object": dict, "list": list, "any": object}


def check(name: str, found: Any) -> None:
    known = RECORDED[name]
    assert set(found) == set(known["members"]), name
    for member, kind in known["members"].items():
        assert isinstance(found[member], KINDS[kind]), (name, member)
    for member, inside in known["nested"].items():
        assert {key: kind for key, kind in inside.items() if isinstance(found[member][key], KINDS[kind])} == inside


@pytest.fixture
def states(account: EmbeddedAccount) -> EmbeddedAccount:
    States(account)
    return account


def test_each_integration_gives_what_was_recorded(states: EmbeddedAccount) -> None:
    events: list[dict[str, Any]] = []
    states.buses.append(events.append)
    states.gate.override(
        "lambda", "Invoke", lambda _: {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": b"{}"}
    )
    with states.running():
        queue = states.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        states.client("dynamodb").create_table(
            TableName="t",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        inner = create(states, machine(("Pass", {"Type": "Pass", "End": True})), "inner")
        key = {"id": {"S": "1"}}
        asked: dict[str, Any] = {
            "lambda:invoke": {"FunctionName": "f", "Payload": None},
            "dynamodb:putItem": {"TableName": "t", "Item": key},
            "dynamodb:getItem": {"TableName": "t", "Key": key},
            "sqs:sendMessage": {"QueueUrl": queue, "MessageBody": "text"},
            "states:startExecution": {"StateMachineArn": inner, "Name": "target"},
            "states:startExecution.sync": {"StateMachineArn": inner},
        }
        for n, (call, parameters) in enumerate(asked.items()):
            check(call, output(run(states, machine(("Call", task(call, parameters))), name=f"run-{n}")))
    for event in events:
        check(event["detail-type"], event["detail"])
