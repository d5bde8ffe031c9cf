"""A model's dashboard: its endpoint, the runs of its pipeline, what its monitors measure."""

from __future__ import annotations

import json
from typing import Any

from constructs_ml.compiler.baselines import monitor_is_there
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.serving import unpinned
from constructs_ml.compiler.template import Compiled, Json, Template, sub
from constructs_ml.contract import metrics, names
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.monitors import Monitor

DASHBOARD = "Dashboard"
_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3
_REGION = "${AWS::Region}"


def compile_dashboard(model: ModelSpec, account: Account, *, prefix: str) -> Compiled:
    """Render the dashboard: pipeline first, then the endpoint and the monitors that this account has."""
    template = Template(prefix)
    widgets = _pipeline(model, account)
    settings = account.model(model.name)
    if model.endpoint is not None and not unpinned(model.endpoint, settings):
        widgets += _endpoint(model, account)
        there = [monitor for monitor in model.monitors if monitor_is_there(monitor, account, settings)]
        widgets += [item for monitor in there for item in _monitor(model, account, monitor)]
    for index, widget in enumerate(widgets):
        row, column = divmod(index, _COLUMNS)
        widget |= {"x": column * _WIDTH, "y": row * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
    machine = arn("states", f"stateMachine:{names.state_machine(account.stage, model.name, model.pipeline.name)}")
    opened = {"StateMachine": machine} if model.engine == "states" else {}
    body = json.dumps({"widgets": widgets}, separators=(",", ":"))
    template.add(
        DASHBOARD,
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": names.dashboard(account.stage, model.name), "DashboardBody": sub(body, **opened)},
    )
    return template.compiled()


def _pipeline(model: ModelSpec, account: Account) -> list[dict[str, Json]]:
    if model.engine == "pipelines":
        return _sagemaker_pipeline(model, account)
    machine = {"StateMachineArn": "${StateMachine}"}
    ended = [
        _metric("AWS/States", name, machine, "Sum")
        for name in ("ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    ]
    return [
        _widget(f"Runs of {model.pipeline.name}", ended, period=3600),
        _widget("Duration of runs, ms", [_metric("AWS/States", "ExecutionTime", machine, "Average")], period=3600),
    ]


def _sagemaker_pipeline(model: ModelSpec, account: Account) -> list[dict[str, Json]]:
    space = metrics.PIPELINE_NAMESPACE
    runs = metrics.pipeline_dimensions(names.sagemaker_pipeline(account.stage, model.name, model.pipeline.name))
    ended = (metrics.PIPELINE_SUCCEEDED, metrics.PIPELINE_FAILED, metrics.PIPELINE_STOPPED)
    took = [_metric(space, metrics.PIPELINE_DURATION, runs, "Average")]
    return [
        _widget(f"Runs of {model.pipeline.name}", [_metric(space, name, runs, "Sum") for name in ended], period=3600),
        _widget("Duration of runs, ms", took, period=3600),
    ]


def _endpoint(model: ModelSpec, account: Account) -> list[dict[str, Json]]:
    assert model.endpoint is not None
    endpoint, space = names.endpoint(account.stage, model.name), metrics.ENDPOINT_NAMESPACE
    each = [metrics.variant_dimensions(endpoint, item.name) for item in model.endpoint.variants]
    errors = (metrics.SERVER_ERRORS, metrics.CLIENT_ERRORS)
    return [
        _widget("Requests", [_metric(space, metrics.INVOCATIONS, item, "Sum") for item in each]),
        _widget("Errors", [_metric(space, name, item, "Sum") for item in each for name in errors]),
        _widget(
            "Latency of the model, \N{MICRO SIGN}s",
            [_metric(space, metrics.MODEL_LATENCY, item, stat) for item in each for stat in ("p50", "p99")],
        ),
        _widget(
            "Utilisation, %",
            [
                _metric(metrics.ENDPOINT_INSTANCES_NAMESPACE, name, item, "Average")
                for item in each
                for name in ("CPUUtilization", "MemoryUtilization")
            ],
        ),
    ]


def _monitor(model: ModelSpec, account: Account, monitor: Monitor) -> list[dict[str, Json]]:
    """What a monitor's alarms watch; one without alarms shows nothing, for its metrics are not known."""
    if not monitor.alarms:
        return []
    schedule = names.monitoring_schedule(account.stage, model.name, monitor.name)
    dimensions = metrics.monitor_dimensions(names.endpoint(account.stage, model.name), schedule)
    watched = dict.fromkeys(alarm.metric for alarm in monitor.alarms)
    found = [_metric(monitor.namespace, name, dimensions, "Average") for name in watched]
    bounds = [
        {"label": f"{alarm.metric} {alarm.severity}", "value": alarm.above if alarm.above is not None else alarm.below}
        for alarm in monitor.alarms
    ]
    widget = _widget(f"Monitor {monitor.name}", found, period=3600)
    widget["properties"]["annotations"] = {"horizontal": bounds}
    return [widget]


def _widget(title: str, found: list[Json], *, period: int = 60) -> dict[str, Any]:
    properties = {"title": title, "region": _REGION, "view": "timeSeries", "period": period, "metrics": found}
    return {"type": "metric", "properties": properties}


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> Json:
    flat = [item for pair in dimensions.items() for item in pair]
    return [namespace, name, *flat, {"stat": statistic}]
