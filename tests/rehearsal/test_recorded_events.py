"""Events that the parts put on the bus have the members and kinds of AWS's examples and recordings.

What is compared, and with which source, stands in `recorded/events.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.utils import get_service_model

from constructs_ml.rehearsal.states.syncs import look
from tests.rehearsal.jobs_data import SKLEARN
from tests.rehearsal.machines import ROLE, create, machine
from tests.rehearsal.recorded_world import BUCKET, Ran, kind, opened, prepare, run_all

pytestmark = pytest.mark.slow
EVENTS = json.loads((Path(__file__).parent / "recorded" / "events.json").read_text())
KINDS = [key for key in EVENTS if key != "about"]
PENDING = "PendingDeploymentSummary"


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    made = opened()
    with made.account.running():
        prepare(made)
        run_all(made)
        register(made)
        arrive(made)
        ring(made)
        schedule(made)
        yield made


def register(ran: Ran) -> None:
    """A version with all that the documented one has, approved."""
    client = ran.account.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="group")
    container = {"Image": SKLEARN, "ModelDataUrl": f"s3://{BUCKET}/models/run-0/output/model.tar.gz"}
    statistics = {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/evaluation.json"}
    arn = client.create_model_package(
        ModelPackageGroupName="group",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        MetadataProperties={"GeneratedBy": "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/p/execution/e"},
        ModelMetrics={"ModelQuality": {"Statistics": statistics}},
    )["ModelPackageArn"]
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def arrive(ran: Ran) -> None:
    s3 = ran.account.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=BUCKET, Key="arrived.csv", Body=b"a")


def ring(ran: Ran) -> None:
    client = ran.account.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="errors",
        AlarmDescription="too many errors",
        Namespace="shop",
        MetricName="errors",
        Dimensions=[{"Name": "variant", "Value": "a"}],
        Statistic="Average",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    for value in ("OK", "ALARM"):
        client.set_alarm_state(AlarmName="errors", StateValue=value, StateReason="asked", StateReasonData='{"a":1}')
    assert ran.parts.events.settle()


def schedule(ran: Ran) -> None:
    """A schedule whose target gets each of the context attributes."""
    arn = create(ran.account, machine(("Pass", {"Type": "Pass", "End": True})), "scheduled")
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    given = json.dumps({name: f"<aws.scheduler.{name}>" for name in names})
    ran.account.client("scheduler").create_schedule(
        Name="daily",
        ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": ROLE, "Input": given},
    )
    ran.parts.events.fire("daily")
    assert ran.parts.events.settle()


def chosen(ran: Ran, name: str) -> dict[str, Any]:
    """The last event of a kind; of deployments the last under way."""
    if name != "SageMaker Endpoint Deployment State Change":
        return ran.told(name)
    known = [event for event in ran.events if event["detail-type"] == name]
    return [e for e in known if e["detail"].get(PENDING, {}).get("ProductionVariants", [{}])[0].get("VariantStatus")][
        -1
    ]


def compare(found: Any, known: dict[str, str], conditional: Any, at: str = "") -> list[str]:
    missing = [f"{at}{member} is missing" for member in known if member not in found and member not in conditional]
    there = [member for member in known if member in found and kind(found[member]) not in known[member].split()]
    return missing + [f"{at}{member} is {found[member]!r}, not {known[member]}" for member in there]


@pytest.mark.parametrize("name", KINDS)
def test_an_event_has_the_members_and_kinds_that_aws_shows(ran: Ran, name: str) -> None:
    known, event = EVENTS[name], chosen(ran, name)
    detail = event["detail"]
    job = "TuningJobArn" in detail  # only jobs of a search have it
    conditional = {**known["conditional"], **({} if job else {"TuningJobArn": ""})}
    assert compare(detail, known["members"], conditional) == []
    for path, members in known["inside"].items():
        assert compare(look(path, detail), members, (), f"{path}.") == []
    assert set(known["schema"]) <= set(known["members"])
    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("SageMaker")])
def test_what_an_event_has_beyond_the_examples_is_of_its_description(ran: Ran, name: str) -> None:
    noun = name.removeprefix("SageMaker ").removesuffix(" State Change").removesuffix(" Deployment").replace(" ", "")
    described = set(get_service_model("sagemaker").operation_model(f"Describe{noun}").output_shape.members)
    told = set().union(*(event["detail"] for event in ran.events if event["detail-type"] == name))
    assert told - set(EVENTS[name]["members"]) <= described | {"Tags"}


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("SageMaker Training Job State Change", {"FailureReason", "TrainingEndTime"}),
        ("SageMaker Transform Job State Change", {"FailureReason", "TransformEndTime"}),
        ("SageMaker Endpoint State Change", {"FailureReason"}),
    ],
)
def test_what_is_not_known_yet_is_null_as_recorded(ran: Ran, name: str, recorded: set[str]) -> None:
    first = next(event["detail"] for event in ran.events if event["detail-type"] == name)
    assert {member for member in first if first[member] is None} == recorded


def test_the_scheduler_fills_its_context_attributes(ran: Ran) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html ."""
    detail = ran.told("Step Functions Execution Status Change")["detail"]
    found = json.loads(detail["input"])
    assert re.fullmatch(r"arn:aws:scheduler:eu-central-1:111111111111:schedule/default/daily", found["schedule-arn"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["scheduled-time"])
    assert re.fullmatch(r"[0-9a-f]{16}", found["execution-id"])
    assert found["attempt-number"] == "1"
