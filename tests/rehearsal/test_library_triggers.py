"""Every trigger that the library compiles gets its event through to a start of the starter, as the event came."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Cron,
    Input,
    OnAlarm,
    OnApproval,
    OnData,
    OnDrift,
    OnEvent,
    OnFeatures,
    OnImage,
    Rate,
    compile_sagemaker_pipeline,
)
from constructs_ml.contract.events import (
    AlarmStateChange,
    ImagePushed,
    ModelPackageStateChange,
    ObjectCreated,
    Scheduled,
)
from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.inputs import at_path
from tests.rehearsal.events_world import MACHINE, ROLE, World
from tests.support import account as account_of
from tests.support import compiled, customers, monitors, pipeline, prepare

EVENTS = Path(__file__).parent.parent / "events"
PSEUDO = {"AWS::AccountId": "111111111111", "AWS::Region": "eu-central-1", "AWS::Partition": "aws"}
BUCKET = "dev-ml-data-111111111111-eu-central-1"


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    made = World(account)
    with account.running():
        made.open()
        made.client("events").create_event_bus(Name="team")
        made.events.duplicate(every=0)
        yield made


def resolved(value: Any) -> Any:
    """What CloudFormation makes of references here."""
    if isinstance(value, dict):
        if "Ref" in value:
            return MACHINE
        if "Fn::GetAtt" in value:
            return ROLE
        if "Fn::Sub" in value:
            text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
            return re.sub(r"\$\{([^}]+)\}", lambda found: PSEUDO[found[1]], text)
        return {key: resolved(item) for key, item in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list) else value


def deploy(world: World, trigger: Any) -> str:
    data = Input("data", default=S3("raw/"))
    result = compiled(pipeline(prepare(inputs={"raw": data}), triggers=(trigger,), inputs=(data,)))
    for found in result.resources.values():
        if found["Type"] not in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
            continue
        given = resolved(found["Properties"])
        if found["Type"] == "AWS::Events::Rule":
            bus = {"EventBusName": given.get("EventBusName", "default")}
            pattern = json.dumps(given["EventPattern"])
            world.client("events").put_rule(Name="deployed", EventPattern=pattern, State=given["State"], **bus)
            world.client("events").put_targets(Rule="deployed", Targets=given["Targets"], **bus)
        if found["Type"] == "AWS::Scheduler::Schedule":
            world.client("scheduler").create_schedule(Name="deployed", **given)
    return str(trigger.name)


def documented(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def bucket(world: World) -> Any:
    s3 = world.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return s3


def ring(world: World, name: str) -> None:
    client = world.client("cloudwatch")
    compared = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 1}
    client.put_metric_alarm(AlarmName=name, Namespace="n", MetricName=name, Period=60, Statistic="Maximum", **compared)
    client.put_metric_data(Namespace="n", MetricData=[{"MetricName": name, "Value": 5}])


def arrive(key: str) -> Callable[[World], None]:
    def act(world: World) -> None:
        s3 = bucket(world)
        s3.put_object(Bucket=BUCKET, Key="elsewhere/x.csv", Body=b"1")
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")

    return act


def approve(world: World) -> None:
    event = documented("model_package_state_change")
    changed = {"ModelPackageGroupName": "dev-churn", "ModelApprovalStatus": "Approved"}
    for fields in (["ModelLifeCycle"], ["ModelApprovalStatus"]):
        detail = {**event["detail"], **changed, "UpdatedModelPackageFields": fields}
        world.account.emit(event["source"], event["detail-type"], detail, event["resources"])


def push(world: World) -> None:
    event = documented("ecr_image_action")
    for tag in ("old", "latest"):
        world.account.emit(event["source"], event["detail-type"], {**event["detail"], "image-tag": tag})


def order(world: World) -> None:
    for source in ("other.app", "my.app"):
        entry = {"Source": source, "DetailType": "order", "Detail": '{"rows": 2}', "EventBusName": "team"}
        world.client("events").put_events(Entries=[entry])


def fire(world: World) -> None:
    world.events.fire("deployed")


CASES: list[tuple[Any, Callable[[World], None], tuple[str, ...]]] = [
    (Cron("0 3 ? * MON *", time_zone="Europe/Berlin"), fire, Scheduled.TOKEN),
    (OnData("raw/", to="data", suffix=".csv"), arrive("raw/a b.csv"), ObjectCreated.TOKEN),
    (OnFeatures(customers()), arrive("features/customers/2026/x.parquet"), ObjectCreated.TOKEN),
    (OnAlarm("churn kpi"), lambda world: ring(world, "churn kpi"), AlarmStateChange.TOKEN),
    (
        OnDrift(monitors=monitors()),
        lambda world: ring(world, "dev-churn-quality-auc-critical"),
        AlarmStateChange.TOKEN,
    ),
    (OnApproval(), approve, ModelPackageStateChange.TOKEN),
    (OnImage("my-repository-name"), push, ImagePushed.TOKEN),
    (
        OnEvent({"source": ["my.app"], "detail": {"rows": [{"numeric": [">", 0]}]}}, bus="team"),
        order,
        ("$.detail.rows",),
    ),
]


@pytest.mark.parametrize(("trigger", "happen", "token"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_a_trigger_starts_the_starter_once_with_the_event(
    world: World, trigger: Any, happen: Callable[[World], None], token: tuple[str, ...]
) -> None:
    name = deploy(world, trigger)
    happen(world)
    assert world.events.settle()
    (start,) = world.starts
    told = json.loads(start.parameters["input"])
    assert told["trigger"] == name
    assert (start.parameters["stateMachineArn"], start.principal.role) == (MACHINE, ROLE)
    assert all(isinstance(at_path(told["event"], path), (str, int)) for path in token)


def test_a_pipeline_of_sagemaker_starts_with_the_key_of_what_arrived(world: World) -> None:
    calls: list[Call] = []
    world.account.gate.override("sagemaker", "StartPipelineExecution", lambda call: calls.append(call) or {})
    raw = Input("raw", default=S3("raw/"))
    spec = pipeline(prepare(inputs={"raw": raw}), inputs=(raw,), triggers=(OnData("raw/", to="raw"),))
    text = json.dumps(compile_sagemaker_pipeline(spec, account_of(), prefix="Training").resources["TrainingOnData"])
    given = resolved(json.loads(text.replace("${DataBucket}", BUCKET)))["Properties"]
    world.client("events").put_rule(Name="deployed", EventPattern=json.dumps(given["EventPattern"]))
    world.client("events").put_targets(Rule="deployed", Targets=given["Targets"])
    arrive("raw/a.csv")(world)
    assert world.events.settle()
    (call,) = calls
    assert call.parameters["PipelineName"] == "dev-churn-training"
    assert {one["Value"] for one in call.parameters["PipelineParameters"]} == {f"s3://{BUCKET}/", "raw/a.csv"}


def test_a_rate_starts_a_run_as_soon_as_it_is_deployed(world: World) -> None:
    deploy(world, Rate(timedelta(days=1)))
    assert world.account.journal.wait(lambda entry: entry.kind == "schedule", 5)
    assert world.events.settle()
    assert len(world.starts) == 1


def test_an_event_that_comes_twice_names_the_same_change(world: World) -> None:
    deploy(world, OnData("raw/", to="data"))
    world.events.duplicate(next=1)
    arrive("raw/a.csv")(world)
    assert world.events.settle()
    one, other = (ObjectCreated.parse(json.loads(start.parameters["input"])["event"]) for start in world.starts)
    assert one.token == other.token
    assert one.uri == f"s3://{BUCKET}/raw/a.csv"
