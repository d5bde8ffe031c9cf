"""Schedules and rules, as properties of what they compile to."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import (
    S3,
    AccountError,
    Cron,
    Debounce,
    FromEvent,
    Input,
    LambdaTask,
    ModelSpec,
    Offline,
    OnAlarm,
    OnApproval,
    OnData,
    OnDrift,
    OnEvent,
    OnFeatures,
    OnImage,
    Queue,
    Rate,
)
from constructs_ml.compiler.platform import compile_platform
from tests.support import (
    CODE,
    account,
    compiled,
    customers,
    endpoint,
    monitors,
    pinned,
    pipeline,
    prepare,
    served,
    statements_of,
)

LINT = str(Path(sys.executable).parent / "cfn-lint")

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
    assert found["Target"]["Arn"] == {"Ref": "TrainingStarter"}
    assert found["Target"]["RoleArn"] == {"Fn::GetAtt": ["TrainingTriggerRole", "Arn"]}


def test_a_rate_has_no_zone_and_no_window_unless_said() -> None:
    found = trigger("Rate", Rate(timedelta(hours=6)))
    assert found["ScheduleExpression"] == "rate(6 hours)"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "ScheduleExpressionTimezone" not in found


def test_constants_are_the_runs_inputs() -> None:
    depth = Input("depth", "Number", default=3)
    result = compiled(
        pipeline(
            prepare(),
            triggers=(Rate(timedelta(hours=1), inputs={"depth": 5, "data": S3("new/")}),),
            inputs=(DATA, depth),
        )
    )
    text, values = result.resources["TrainingStarter"]["Properties"]["DefinitionString"]["Fn::Sub"]
    assert json.loads(text)["States"]["Read rate"]["Parameters"]["inputs"] == {
        "data": "s3://${DataBucket}/new/",
        "depth": 5,
    }
    assert values["DataBucket"] == {"Fn::Sub": "dev-ml-data-${AWS::AccountId}-${AWS::Region}"}


def test_a_constant_with_dollars_and_quotes_survives() -> None:
    day = Input("day", default="x")
    trigger = Rate(timedelta(hours=1), inputs={"day": '${HOME} "q"'})
    result = compiled(pipeline(prepare(), triggers=(trigger,), inputs=(day,)))
    text = result.resources["TrainingStarter"]["Properties"]["DefinitionString"]["Fn::Sub"][0]
    assert json.loads(text)["States"]["Read rate"]["Parameters"]["inputs"] == {"day": '${!HOME} "q"'}


def test_a_schedule_tells_its_name_and_the_time_it_was_to_start_at() -> None:
    told = json.loads(trigger("Cron", Cron("0 3 * * ? *"))["Target"]["Input"])
    assert told == {"trigger": "cron", "event": {"time": "<aws.scheduler.scheduled-time>"}}


def test_a_rule_hands_the_event_on_as_it_came() -> None:
    target = trigger("OnData", OnData("raw/", to="data", suffix=".csv"), inputs=(DATA,))["Targets"][0]
    template = target["InputTransformer"]["InputTemplate"]
    assert json.loads(template.replace("<aws.events.event.json>", "1")) == {"trigger": "on-data", "event": 1}
    assert set(target["InputTransformer"]) == {"InputTemplate"}
    assert target["Arn"] == {"Ref": "TrainingStarter"}


def test_data_is_that_below_the_prefix() -> None:
    found = trigger("OnData", OnData("raw/", to="data", suffix=".csv"), inputs=(DATA,))
    assert found["EventPattern"]["detail"]["object"]["key"] == [{"wildcard": "raw/*.csv"}]


def test_features_are_files_below_the_place_of_the_offline_store() -> None:
    found = trigger("OnFeatures", OnFeatures(customers()))
    assert found["EventPattern"]["detail"] == {
        "bucket": {"name": [{"Fn::Sub": "dev-ml-data-${AWS::AccountId}-${AWS::Region}"}]},
        "object": {"key": [{"wildcard": "features/customers/*.parquet"}]},
    }
    elsewhere = customers(offline=Offline(location=S3("s3://lake/crm")))
    detail = trigger("OnFeatures", OnFeatures(elsewhere))["EventPattern"]["detail"]
    assert detail == {"bucket": {"name": ["lake"]}, "object": {"key": [{"wildcard": "crm/*.parquet"}]}}


def test_an_approval_is_that_of_the_models_own_group_or_another_models() -> None:
    own = trigger("OnApproval", OnApproval())["EventPattern"]["detail"]
    other = trigger("OnApproval", OnApproval(model="prices", status="Rejected"))["EventPattern"]["detail"]
    assert (own["ModelPackageGroupName"], own["ModelApprovalStatus"]) == (["dev-churn"], ["Approved"])
    assert (other["ModelPackageGroupName"], other["ModelApprovalStatus"]) == (["dev-prices"], ["Rejected"])


def alarms_made() -> set[str]:
    made = served(where=dataclasses.replace(pinned(main=3), existing_customer=("model-monitor",)), monitors=monitors())
    found = [item["Properties"] for item in made.resources.values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    return {item["AlarmName"] for item in found if "MonitoringSchedule" in str(item["Dimensions"])}


def model(*triggers: Any) -> ModelSpec:
    return ModelSpec(
        name="churn",
        owner="growth",
        root=CODE,
        steps=pipeline().steps,
        triggers=triggers,
        endpoint=endpoint(),
        monitors=monitors(),
    )


def test_a_drift_is_any_alarm_of_the_models_monitors_by_the_names_that_they_get() -> None:
    found = compiled(model(OnDrift()).pipeline).resources["TrainingOnDrift"]["Properties"]["EventPattern"]
    assert set(found["detail"]["alarmName"]) == alarms_made()


@pytest.mark.parametrize(
    ("chosen", "alarms"),
    [
        (OnDrift(monitors=("quality",)), ["dev-churn-quality-auc-critical"]),
        (OnDrift(severity="warning"), ["dev-churn-data-quality-feature_baseline_drift_spend-warning"]),
    ],
)
def test_a_drift_can_be_that_of_some_monitors(chosen: OnDrift, alarms: list[str]) -> None:
    found = compiled(model(chosen).pipeline).resources["TrainingOnDrift"]["Properties"]["EventPattern"]
    assert found["detail"]["alarmName"] == alarms


def test_an_event_is_matched_by_the_users_own_pattern_on_the_users_own_bus() -> None:
    pattern = {"source": ["my.app"], "detail": {"rows": [{"numeric": [">", 0]}], "$or": [{"a": ["x"]}, {"b": ["y"]}]}}
    found = trigger("OnEvent", OnEvent(pattern, bus="team"))
    assert (found["EventPattern"], found["EventBusName"]) == (pattern, "team")
    assert "EventBusName" not in trigger("OnEvent", OnEvent(pattern))


def test_a_job_may_read_wherever_some_trigger_says_its_data_lies() -> None:
    job = prepare(inputs={"raw": DATA})
    given = (
        OnData("in/", to="data"),
        OnFeatures(customers(), to="data"),
        Rate(timedelta(days=1), inputs={"data": S3("s3://other/x/")}),
    )
    role = json.dumps(statements_of(compiled(pipeline(job, triggers=given, inputs=(DATA,))), "TrainingProcessingRole"))
    for place in ("/in/*", "/features/customers/*", "other/x/*", "/raw/*"):
        assert place in role
    event = OnEvent({"source": ["a"]}, inputs={"data": FromEvent("$.detail.uri")})
    wide = statements_of(compiled(pipeline(job, triggers=(event,), inputs=(DATA,))), "TrainingProcessingRole")
    assert "${AWS::Region}/*" in json.dumps(wide)


def test_an_alarm_is_that_of_this_account_and_region() -> None:
    found = trigger("OnAlarm", OnAlarm("churn kpi"))
    arn = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:churn kpi"}
    assert found["EventPattern"]["resources"] == [arn]
    assert found["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}


def test_ids_follow_names_and_never_expressions() -> None:
    first = compiled(pipeline(prepare(), triggers=(Cron("0 3 * * ? *"), Cron("0 4 * * ? *", name="late"))))
    second = compiled(pipeline(prepare(), triggers=(Cron("0 5 * * ? *", name="late"), Cron("0 6 * * ? *"))))
    assert set(first.resources) == set(second.resources)


def test_one_role_starts_the_starter_and_nothing_else() -> None:
    result = compiled(pipeline(prepare(), triggers=(Cron("0 3 * * ? *"), OnAlarm("kpi"))))
    assert statements_of(result, "TrainingTriggerRole") == [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "TrainingStarter"}}
    ]
    trust = result.resources["TrainingTriggerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_start_is_tried_for_a_day() -> None:
    for part, item in (("Cron", Cron("0 3 * * ? *")), ("OnAlarm", OnAlarm("kpi"))):
        found = trigger(part, item)
        target = found.get("Target") or found["Targets"][0]
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_a_pipeline_without_triggers_has_no_role_for_them_and_no_starter() -> None:
    assert not {"TrainingTriggerRole", "TrainingStarter"} & set(compiled().resources)


@pytest.mark.parametrize("name", ["log", "starter", "state-machine", "trigger-role"])
def test_a_trigger_cannot_take_the_place_of_another_part(name: str) -> None:
    with pytest.raises(AccountError, match="cannot be named"):
        compiled(pipeline(prepare(), triggers=(OnAlarm("kpi", name=name),)))


def test_every_trigger_passes_the_judge_of_templates(tmp_path: Path) -> None:
    everything = (
        Cron("0 3 * * ? *", flexible=timedelta(minutes=5)),
        OnData("raw/", to="data"),
        OnData("in/", to="data", name="burst", debounce=Debounce(quiet=timedelta(minutes=1))),
        OnFeatures(customers()),
        OnApproval(),
        OnDrift(monitors=monitors()),
        OnImage("a/b"),
        OnEvent({"source": ["my.app"]}, bus="team"),
        OnAlarm("kpi"),
    )
    work = LambdaTask(name="work", function="existing")
    spec = pipeline(work, triggers=everything, inputs=(DATA,), concurrency=Queue())
    for name, result in (
        ("pipeline", compiled(spec)),
        ("platform", compile_platform(account(), prefix="Platform")),
    ):
        parts = {"bucket": "assets", "key": "code.tar.gz", "uri": "s3://assets/code.tar.gz", "file": "code.tar.gz"}
        template = result.template({}, dict.fromkeys(result.assets, parts))  # type: ignore[dict-item]
        (tmp_path / f"{name}.json").write_text(json.dumps(template))
    command = [LINT, "--regions", "eu-central-1", "--non-zero-exit-code", "error", "-t", str(tmp_path / "*.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]
