"""Schedules and rules, as properties of what they compile to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from constructs_ml import S3, Cron, Input, OnAlarm, OnData, Rate
from tests.support import compiled, pipeline, prepare, statements_of

DATA = Input("data", default=S3("raw/"))


def trigger(part: str, *triggers: Any, **changes: Any) -> dict[str, Any]:
    result = compiled(pipeline(prepare(), triggers=triggers, **changes))
    found: dict[str, Any] = result.resources[f"Training{part}"]["Properties"]
    return found


def test_a_schedule_says_when_where_and_how_flexibly() -> None:
    found = trigger("Cron", Cron("0 3 * * ? *", time_zone="Europe/Berlin", flexible=timedelta(minutes=15)))
    assert found["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert found["Target"]["Arn"] == {"Ref": "TrainingStateMachine"}
    assert found["Target"]["RoleArn"] == {"Fn::GetAtt": ["TrainingTriggerRole", "Arn"]}


def test_a_rate_has_no_zone_and_no_window_unless_said() -> None:
    found = trigger("Rate", Rate(timedelta(hours=6)))
    assert found["ScheduleExpression"] == "rate(6 hours)"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "ScheduleExpressionTimezone" not in found


def test_constants_arrive_as_the_runs_inputs() -> None:
    depth = Input("depth", "Number", default=3)
    found = trigger("Rate", Rate(timedelta(hours=1), inputs={"depth": 5, "data": S3("new/")}), inputs=(DATA, depth))
    text, values = found["Target"]["Input"]["Fn::Sub"]
    assert json.loads(text) == {"data": "s3://${DataBucket}/new/", "depth": 5}
    assert values == {"DataBucket": {"Fn::Sub": "dev-ml-data-${AWS::AccountId}-${AWS::Region}"}}


def test_a_constant_with_dollars_and_quotes_survives() -> None:
    day = Input("day", default="x")
    found = trigger("Rate", Rate(timedelta(hours=1), inputs={"day": '${HOME} "q"'}), inputs=(day,))
    assert json.loads(found["Target"]["Input"]["Fn::Sub"].replace("${!", "${")) == {"day": '${HOME} "q"'}


def test_no_inputs_start_the_run_with_an_empty_object() -> None:
    assert trigger("Cron", Cron("0 3 * * ? *"))["Target"]["Input"] == "{}"


def test_data_that_arrives_is_an_input_of_the_run() -> None:
    day = Input("day", default="x")
    found = trigger("OnData", OnData("raw/", to="data", suffix=".csv", inputs={"day": "y"}), inputs=(DATA, day))
    assert found["EventPattern"]["detail"]["object"]["key"] == [{"wildcard": "raw/*.csv"}]
    transformer = found["Targets"][0]["InputTransformer"]
    assert transformer["InputPathsMap"] == {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
    assert json.loads(transformer["InputTemplate"]) == {"data": "s3://<bucket>/<key>", "day": "y"}


def test_an_alarm_is_that_of_this_account_and_region() -> None:
    found = trigger("OnAlarm", OnAlarm("churn kpi"))
    arn = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:churn kpi"}
    assert found["EventPattern"]["resources"] == [arn]
    assert found["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}


def test_ids_follow_names_and_never_expressions() -> None:
    first = compiled(pipeline(prepare(), triggers=(Cron("0 3 * * ? *"), Cron("0 4 * * ? *", name="late"))))
    second = compiled(pipeline(prepare(), triggers=(Cron("0 5 * * ? *", name="late"), Cron("0 6 * * ? *"))))
    assert set(first.resources) == set(second.resources)


def test_one_role_starts_this_pipeline_and_nothing_else() -> None:
    result = compiled(pipeline(prepare(), triggers=(Cron("0 3 * * ? *"), OnAlarm("kpi"))))
    assert statements_of(result, "TrainingTriggerRole") == [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "TrainingStateMachine"}}
    ]
    trust = result.resources["TrainingTriggerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_start_is_tried_for_a_day() -> None:
    for part, item in (("Cron", Cron("0 3 * * ? *")), ("OnAlarm", OnAlarm("kpi"))):
        found = trigger(part, item)
        target = found.get("Target") or found["Targets"][0]
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_a_pipeline_without_triggers_has_no_role_for_them() -> None:
    assert "TrainingTriggerRole" not in compiled().resources
