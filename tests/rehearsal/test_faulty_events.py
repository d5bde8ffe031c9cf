"""Events that come twice, or while a run is on its way; schedules, approvals and alarms that start runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from constructs_ml import (
    S3,
    Allow,
    Baseline,
    Cron,
    DataCapture,
    DataQuality,
    EndpointSpec,
    Input,
    ModelSpec,
    OnAlarm,
    OnApproval,
    OnData,
    OnDrift,
    Queue,
    Skip,
    Wait,
    drift,
)
from constructs_ml.contract import names
from constructs_ml.rehearsal import Rehearsed, rehearsal
from constructs_ml.rehearsal.runs import Run
from tests.rehearsal.small import CODE, small
from tests.support import account

pytestmark = pytest.mark.slow
DATA, VERSION = Input("data", default=S3("raw/")), Input("version", default="none")
DRIFTED = names.alarm("dev", "told", "data-quality-feature_baseline_drift_spend", "warning")


def arriving(name: str, concurrency: Allow | Skip | Queue) -> ModelSpec:
    """A model whose run takes two minutes, by data below its own name."""
    return ModelSpec(
        name=name,
        owner="growth",
        inputs=(DATA,),
        steps=(Wait(seconds=120),),
        triggers=(OnData(f"{name}/", to="data"),),
        concurrency=concurrency,
    )


def told() -> ModelSpec:
    """A model that schedules, approvals and alarms start."""
    monitor = DataQuality(baseline=Baseline(source=S3("baselines/")), alarms=(drift("spend", above=0.2),))
    return ModelSpec(
        name="told",
        owner="growth",
        root=CODE,
        inputs=(VERSION,),
        steps=(Wait(seconds=1),),
        endpoint=EndpointSpec(capture=DataCapture()),
        monitors=(monitor,),
        triggers=(
            Cron("0 3 ? * MON *", time_zone="Europe/Berlin", name="weekly"),
            OnApproval(model="small", to="version"),
            OnAlarm("business-kpi"),
            OnDrift(),
        ),
    )


@pytest.fixture(scope="module")
def dev() -> Iterator[Rehearsed]:
    models = [arriving("allowing", Allow()), arriving("skipping", Skip()), arriving("queueing", Queue()), told()]
    with rehearsal([*models, small(endpoint=None)], account=account(), acceleration=120) as found:
        found.parts.events.duplicate(every=0)
        yield found


def all_runs(dev: Rehearsed, model: str, number: int) -> list[Run]:
    """The runs of a model once there are so many, no event is on its way, and all ended."""
    assert dev.embedded.clock.poll(lambda: len(dev.runs(model)) >= number, 30, every=0.1), dev.last()
    assert dev.parts.events.settle()
    assert dev.embedded.clock.poll(lambda: all(run.ended for run in dev.runs(model)), 60, every=0.1), dev.last()
    return dev.runs(model)


def test_an_event_that_is_delivered_twice_starts_one_run(dev):
    dev.parts.events.duplicate(next=1)
    place = dev.put("allowing/a.csv", b"1")
    (run,) = all_runs(dev, "allowing", 1)
    assert (run.status, run.input["data"]) == ("SUCCEEDED", place)
    starter = names.starter("dev", "allowing", "training")
    assert len(dev.runs(starter)) == 2


def test_two_objects_are_two_runs_at_a_time_where_that_is_allowed(dev):
    since = len(dev.runs("allowing"))
    places = {dev.put(f"allowing/{name}.csv", b"1") for name in ("b", "c")}
    first, second = all_runs(dev, "allowing", since + 2)[since:]
    assert {first.input["data"], second.input["data"]} == places
    assert _overlap(first, second)


def test_a_later_run_is_skipped_where_that_is_declared(dev):
    for name in ("a", "b"):
        dev.put(f"skipping/{name}.csv", b"1")
    first, second = all_runs(dev, "skipping", 2)
    assert [first.status, second.status] == ["SUCCEEDED", "SUCCEEDED"]
    assert sorted("Skipped" in run.states for run in (first, second)) == [False, True]


def test_a_later_run_waits_for_its_turn_where_that_is_declared(dev):
    for name in ("a", "b", "c"):
        dev.put(f"queueing/{name}.csv", b"1")
    found = all_runs(dev, "queueing", 3)
    assert [run.status for run in found] == ["SUCCEEDED"] * 3
    worked = sorted((_entered(run, "wait"), _ended(run)) for run in found)
    assert worked[0][1] <= worked[1][0]
    assert worked[1][1] <= worked[2][0]


def test_a_run_that_was_stopped_does_not_keep_its_turn(dev):
    first = dev.start("queueing")
    assert dev.embedded.clock.poll(lambda: "wait" in first.states, 20)
    dev.client("stepfunctions").stop_execution(executionArn=first.arn)
    second = dev.wait_for(dev.start("queueing"))
    assert (first.status, second.status) == ("ABORTED", "SUCCEEDED")


def test_a_schedule_starts_a_run_when_it_is_fired_and_when_its_time_comes(dev):
    since = len(dev.runs("told"))
    dev.fire("dev-told-*Weekly*")
    assert len(all_runs(dev, "told", since + 1)) == since + 1
    dev.advance(timedelta(days=14))  # two Mondays, the first of which was fired by hand
    assert len(all_runs(dev, "told", since + 2)) == since + 2


def test_an_approved_version_starts_a_run_with_its_arn_and_a_rejected_one_none(dev):
    since = len(dev.runs("told"))
    for _ in range(2):
        assert dev.wait_for(dev.start("small")).status == "SUCCEEDED"
    dev.reject("small", 1)
    dev.approve("small", 2)
    (run,) = all_runs(dev, "told", since + 1)[since:]
    assert run.input["version"] == dev.versions("small")[1]["ModelPackageArn"]


@pytest.mark.parametrize("name", ["business-kpi", DRIFTED])
def test_an_alarm_starts_one_run_when_it_rings_and_none_when_it_rests(dev, name):
    since = len(dev.runs("told"))
    dev.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="rehearsed",
        MetricName="kpi",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    dev.alarm(name, "OK")
    dev.alarm(name)
    assert len(all_runs(dev, "told", since + 1)) == since + 1


def _entered(run: Run, state: str) -> float:
    return next(
        float(event["timestamp"].timestamp())
        for event in run.events
        if event.get("stateEnteredEventDetails", {}).get("name") == state
    )


def _ended(run: Run) -> float:
    """When a run left its work."""
    return next(
        float(event["timestamp"].timestamp())
        for event in run.events
        if event.get("stateExitedEventDetails", {}).get("name") == "wait"
    )


def _overlap(first: Run, second: Run) -> bool:
    return max(_entered(first, "wait"), _entered(second, "wait")) < min(_ended(first), _ended(second))
