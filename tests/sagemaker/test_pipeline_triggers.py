"""What starts a pipeline of SageMaker Pipelines, and what it hands over."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest

from constructs_ml import (
    S3,
    Cron,
    Debounce,
    FromEvent,
    Input,
    OnAlarm,
    OnApproval,
    OnData,
    OnEvent,
    OnFeatures,
    OnImage,
    Queue,
    Rate,
    SpecError,
    compile_sagemaker_pipeline,
)
from constructs_ml.compiler.sagemaker.expressions import arrival_key
from constructs_ml.compiler.template import Compiled
from constructs_ml.contract.events import PipelineExecutionChange
from constructs_ml.spec.triggers import Trigger
from tests.support import account, customers, pipeline, prepare, statements_of

ARN = {"Fn::Sub": "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:pipeline/dev-churn-training"}
RAW = Input("raw", default=S3("raw/"))
INPUTS = (RAW, Input("rounds", "Number", 50), Input("rate", "Number", 0.1), Input("strict", "Boolean", True))


def started(*triggers: Trigger) -> Compiled:
    spec = pipeline(prepare(inputs={"raw": RAW}, arguments=INPUTS[1:]), inputs=INPUTS, triggers=triggers)
    return compile_sagemaker_pipeline(spec, account(), prefix="Training")


def parameters(target: dict[str, Any]) -> dict[str, Any]:
    return {item["Name"]: item["Value"] for item in target["SageMakerPipelineParameters"]["PipelineParameterList"]}


def test_a_schedule_hands_over_texts() -> None:
    given = {"raw": S3("raw/new/"), "rounds": 20, "rate": 0.25, "strict": False}
    result = started(Cron("0 3 * * ? *", time_zone="Europe/Berlin", flexible=timedelta(minutes=15), inputs=given))
    schedule = result.resources["TrainingCron"]
    properties = schedule["Properties"]
    assert properties["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert properties["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert properties["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert properties["Target"]["Arn"] == ARN
    data = {"Fn::Sub": "dev-ml-data-${AWS::AccountId}-${AWS::Region}"}
    assert parameters(properties["Target"]) == {
        "raw": {"Fn::Sub": ["s3://${DataBucket}/raw/new/", {"DataBucket": data}]},
        "rounds": "20",
        "rate": "0.25",
        "strict": "false",
    }
    assert schedule["DependsOn"] == ["TrainingPipeline"]


def test_a_start_without_inputs_hands_over_nothing() -> None:
    target = started(Rate(timedelta(days=1))).resources["TrainingRate"]["Properties"]["Target"]
    assert "SageMakerPipelineParameters" not in target


def test_an_object_that_arrives_is_one_location_again() -> None:
    result = started(OnData("raw/", to="raw", inputs={"rounds": 5}))
    (target,) = result.resources["TrainingOnData"]["Properties"]["Targets"]
    data = {"Fn::Sub": "dev-ml-data-${AWS::AccountId}-${AWS::Region}"}
    assert parameters(target) == {
        "raw": {"Fn::Sub": ["s3://${DataBucket}/", {"DataBucket": data}]},
        arrival_key("raw"): "$.detail.object.key",
        "rounds": "5",
    }
    body = result.resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    definition = json.loads(body[0])
    assert {"Name": "rawKey", "Type": "String", "DefaultValue": ""} in definition["Parameters"]
    (step,) = definition["Steps"]
    assert step["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"] == {
        "Std:Join": {"On": "", "Values": [{"Get": "Parameters.raw"}, {"Get": "Parameters.rawKey"}]}
    }


def test_names_of_parameters_are_those_that_eventbridge_takes() -> None:
    model = botocore.loaders.Loader().load_service_model("events", "service-2")
    assert model["shapes"]["SageMakerPipelineParameterName"]["pattern"] == "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
    assert arrival_key("raw-data") == "raw-dataKey"


def test_the_role_of_the_triggers_starts_this_pipeline_alone() -> None:
    result = started(OnAlarm("kpi"), Rate(timedelta(days=1)))
    assert statements_of(result, "TrainingTriggerRole") == [
        {"Effect": "Allow", "Action": "sagemaker:StartPipelineExecution", "Resource": ARN}
    ]
    rule = result.resources["TrainingOnAlarm"]["Properties"]
    assert rule["EventPattern"]["detail-type"] == ["CloudWatch Alarm State Change"]
    assert rule["Targets"][0]["Arn"] == ARN


@pytest.mark.parametrize(
    ("trigger", "what"),
    [
        (Cron("0 3 * * ? *", inputs={"raw": ""}), "text of this length in a start"),
        (Cron("0 3 * * ? *", inputs={"raw": "x" * 1025}), "text of this length in a start"),
        (OnAlarm("kpi", inputs={"raw": "$.detail"}), "constant that reads like a path of the event"),
        (Cron("0 3 * * ? *", inputs={"rounds": 0.5}), "fraction for a parameter whose default is whole"),
    ],
    ids=["empty", "long", "path", "fraction"],
)
def test_a_constant_that_cannot_be_handed_over_is_refused(trigger: Trigger, what: str) -> None:
    with pytest.raises(SpecError) as error:
        started(trigger)
    assert [fault.what for fault in error.value.faults] == [f"SageMaker Pipelines has no {what}"]


def test_a_schedule_may_hand_over_what_a_rule_would_read_as_a_path() -> None:
    target = started(Cron("0 3 * * ? *", inputs={"raw": "$.detail"})).resources["TrainingCron"]["Properties"]["Target"]
    assert parameters(target) == {"raw": "$.detail"}


def test_the_pattern_of_failures_matches_the_recorded_event() -> None:
    event = json.loads((Path(__file__).parents[1] / "events" / "pipeline_execution_status_change.json").read_text())
    found = PipelineExecutionChange.parse(event)
    pattern = PipelineExecutionChange.pattern(found.pipeline, found.status)
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    assert all(event["detail"][name] in values for name, values in pattern["detail"].items())
    assert found.execution.startswith(f"{found.pipeline}/execution/")


BURST = Debounce(quiet=timedelta(minutes=5))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"concurrency": Queue()}, "turns that runs of one model take"),
        ({"triggers": (OnData("raw/", to="raw", debounce=BURST),)}, "bursts of events"),
        ({"triggers": (OnFeatures(customers()),)}, "bursts of events"),
        ({"triggers": (OnFeatures(customers(), to="raw", debounce=None),)}, "place of a file"),
        ({"triggers": (OnEvent({"source": ["a"]}, inputs={"raw": FromEvent("$.detail['a b']")}),)}, "path of an event"),
    ],
)
def test_what_the_engine_cannot_do_of_triggers_is_refused(changes: dict[str, Any], what: str) -> None:
    spec = pipeline(prepare(inputs={"raw": RAW}, arguments=INPUTS[1:]), inputs=INPUTS, **changes)
    with pytest.raises(SpecError, match=what):
        compile_sagemaker_pipeline(spec, account(), prefix="Training")


def test_a_value_of_an_event_is_handed_over_by_its_path() -> None:
    result = started(
        OnImage("churn-train", inputs={"raw": FromEvent("$.detail.image-digest")}), OnApproval(model="prices", to="raw")
    )
    found = {
        key: result.resources[f"Training{key}"]["Properties"]["Targets"][0]["SageMakerPipelineParameters"]
        for key in ("OnImage", "OnApproval")
    }
    given = {key: value["PipelineParameterList"] for key, value in found.items()}
    assert given["OnImage"] == [{"Name": "raw", "Value": "$.detail.image-digest"}]
    assert given["OnApproval"] == [{"Name": "raw", "Value": "$.detail.ModelPackageArn"}]
