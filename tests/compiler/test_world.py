"""The world in which tests interleave executions, against moto: its table, and its reading of definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from constructs_ml import OnData, Queue
from tests.compiler.test_starter import BURST, event, made
from tests.world import World, definition
from tools.interpreter import Call, TaskFailure, run

RESULT = made(
    OnData("new/", to="data", debounce=BURST),
    concurrency=Queue(every=timedelta(seconds=1), at_most=timedelta(seconds=2)),
)
ME, OTHER = "training:me", "training:other"
VALUES = {
    "States.Format('training:{}', $$.Execution.Name)": ME,
    "$.burst.me": ME,
    "$.row.arrivals": "3",
    "$.row.leader": OTHER,
    "$.turn.owner": OTHER,
}
ROWS: list[dict[str, Any] | None] = [
    None,
    {"owner": {"S": ME}},
    {"owner": {"S": OTHER}},
    {"leader": {"S": ME}, "arrivals": {"N": "3"}},
    {"leader": {"S": OTHER}, "arrivals": {"N": "3"}},
    {"leader": {"S": ME}, "arrivals": {"N": "4"}},
]


def calls() -> list[tuple[str, dict[str, Any]]]:
    """Every call of the table in the definitions, with values for its paths."""
    states = [state for part in ("StateMachine", "Starter") for state in definition(RESULT, part)["States"].values()]
    return [
        (state["Resource"].rpartition(":")[2], filled(state["Parameters"]))
        for state in states
        if ":dynamodb:" in state.get("Resource", "")
    ]


def filled(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {
        key.removesuffix(".$"): VALUES.get(item, "key") if key.endswith(".$") else filled(item)
        for key, item in value.items()
    }


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "dynamodb", region_name="eu-central-1", aws_access_key_id="local", aws_secret_access_key="local"
        )
        client.create_table(
            TableName="dev-ml-runs",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_the_table_answers_as_dynamodb_does(dynamodb: Any, row: int) -> None:
    before = ROWS[row]
    for action, request in calls():
        key = (request.get("Key") or request["Item"])["id"]
        world = World({})
        dynamodb.delete_item(TableName="dev-ml-runs", Key={"id": key})
        if before is not None:
            dynamodb.put_item(TableName="dev-ml-runs", Item={"id": key, **before})
            world.table.rows[key["S"]] = {"id": key, **before}
        request["TableName"] = "dev-ml-runs"
        try:
            real = getattr(dynamodb, action.replace("Item", "_item"))(**request)
            real = {name: value for name, value in real.items() if name in ("Item", "Attributes")}
        except ClientError as refused:
            real = f"DynamoDB.{refused.response['Error']['Code']}"
        assert answered(world, Call("", f"dynamodb:{action}", request)) == real, request
        left = dynamodb.get_item(TableName="dev-ml-runs", Key={"id": key}).get("Item")
        assert world.table.rows.get(key["S"]) == left, request


def answered(world: World, call: Call) -> Any:
    try:
        return world.answer(call)
    except TaskFailure as failure:
        return failure.error


def test_a_burst_goes_through_the_same_states_in_moto() -> None:
    starter = definition(RESULT, "Starter")
    for state in starter["States"].values():
        if "SecondsPath" in state:  # waits are real in moto
            state["Seconds"] = 0
            del state["SecondsPath"]
    world = World({"arn:starter": starter})
    arn = world.start("arn:starter", "local", {"trigger": "on-data", "admitted": True})
    world.settle()
    twin = World({})

    ended = run(starter, {"trigger": "on-data", "admitted": True}, twin.answer)
    assert list(ended.states) == world.executions[arn].visited
    assert twin.table.rows == world.table.rows == {}


def test_an_event_is_read_alike_in_moto() -> None:
    starter = definition(RESULT, "Starter")
    world = World({"arn:starter": starter})
    given = {"trigger": "on-data", "event": event("object_created")}
    arn = world.start("arn:starter", "local", given)
    world.step(world.executions[arn])
    world.step(world.executions[arn])
    read: list[Call] = []
    run(starter, given, lambda call: read.append(call) or {})
    assert read[0].parameters["Name"] == world.executions[arn].data["name"]
    assert read[0].parameters["Input"] == world.executions[arn].data["inputs"]
