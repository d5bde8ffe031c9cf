"""The library's starter, run as it was compiled: changes that are told twice, and bursts, become one run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import S3, Debounce, Input, OnData
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.events_world import ROLE, World
from tests.support import compiled, pipeline, prepare

BUCKET = "dev-ml-data-111111111111-eu-central-1"


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    States(account)
    made = World(account, stub=False)
    with account.running():
        made.open()
        made.events.duplicate(every=0)
        made.permit("states:*", "dynamodb:*")
        yield made


def deploy(world: World, trigger: OnData) -> tuple[str, str]:
    """The ARNs of the starter, behind its rule, and of the machine that it starts."""
    data = Input("data", default=S3("raw/"))
    result = compiled(pipeline(prepare(inputs={"raw": data}), triggers=(trigger,), inputs=(data,)))
    client, arn = world.client("stepfunctions"), world.account.arn
    run = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    known = {
        "StateMachine": client.create_state_machine(name="run", definition=json.dumps(run), roleArn=ROLE)[
            "stateMachineArn"
        ],
        "Starter": arn("states", "stateMachine:starter"),
        "Starts": arn("states", "execution:starter"),
        "RunsTable": "runs",
        "DataBucket": BUCKET,
    }
    text = result.resources["TrainingStarter"]["Properties"]["DefinitionString"]["Fn::Sub"][0]
    filled = re.sub(r"\$\{([A-Za-z0-9:]+)\}", lambda found: known.get(found[1], found[1].replace("::", "-")), text)
    starter = client.create_state_machine(name="starter", definition=filled, roleArn=ROLE)["stateMachineArn"]
    rule = result.resources["TrainingOnData"]["Properties"]
    pattern = {**rule["EventPattern"], "detail": {**rule["EventPattern"]["detail"], "bucket": {"name": [BUCKET]}}}
    target = {**rule["Targets"][0], "Arn": starter, "RoleArn": ROLE}
    world.rule({key: value for key, value in target.items() if key != "Id"}, pattern)
    return starter, known["StateMachine"]


def stand(world: World) -> Any:
    """The bucket and the table of runs."""
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    kinds = [{"AttributeName": "id", "AttributeType": "S"}]
    world.client("dynamodb").create_table(
        TableName="runs", KeySchema=key, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    s3 = world.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return s3


def executions(world: World, machine: str) -> list[Any]:
    client = world.client("stepfunctions")

    def found() -> list[Any]:
        return list(client.list_executions(stateMachineArn=machine)["executions"])

    assert world.events.settle()
    assert world.account.clock.poll(lambda: bool(found()) and all(one["status"] != "RUNNING" for one in found()), 20)
    return found()


@pytest.mark.slow
def test_an_object_that_is_told_twice_starts_one_run(world: World) -> None:
    s3 = stand(world)
    starter, run = deploy(world, OnData("raw/", to="data"))
    world.events.duplicate(next=1)
    s3.put_object(Bucket=BUCKET, Key="raw/a.csv", Body=b"1")
    assert [one["status"] for one in executions(world, starter)] == ["SUCCEEDED"] * 2
    (one,) = executions(world, run)
    told = world.client("stepfunctions").describe_execution(executionArn=one["executionArn"])["input"]
    assert json.loads(told)["data"] == f"s3://{BUCKET}/raw/a.csv"
    s3.put_object(Bucket=BUCKET, Key="raw/a.csv", Body=b"2")
    executions(world, starter)
    assert len(executions(world, run)) == 2


@pytest.mark.slow
def test_a_burst_of_objects_starts_one_run(world: World) -> None:
    s3 = stand(world)
    starter, run = deploy(world, OnData("raw/", to="data", debounce=Debounce(quiet=timedelta(minutes=5))))
    for name in "abc":
        s3.put_object(Bucket=BUCKET, Key=f"raw/{name}.csv", Body=b"1")
    assert {one["status"] for one in executions(world, starter)} == {"SUCCEEDED"}
    assert len(executions(world, run)) == 1
