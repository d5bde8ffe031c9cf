"""Alarms of variants and monitors: known by name, told to the stage's topic."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.serving import Serving
from constructs_ml.compiler.template import Json, tag_list
from constructs_ml.contract import metrics, names, tags
from constructs_ml.spec.alarms import Errors, MonitorAlarm, VariantAlarm
from constructs_ml.spec.endpoint import Variant
from constructs_ml.spec.monitors import Monitor


def add_variant_alarms(serving: Serving) -> list[str]:
    """Add every alarm of every variant; the logical ids, for a rollback to refer to.

    They watch the variant, not the endpoint: an alarm of the endpoint rings for the old fleet too.
    """
    made = []
    for variant in serving.spec.variants:
        for alarm in serving.spec.alarms:
            properties = {
                **_alarm(serving, f"{variant.name}-{alarm.kind}", alarm.severity),
                **_measured(alarm),
                "Namespace": metrics.ENDPOINT_NAMESPACE,
                "Dimensions": _dimensions(metrics.variant_dimensions(serving.name, variant.name)),
                "Period": int(alarm.period.total_seconds()),
                "EvaluationPeriods": alarm.periods,
                "DatapointsToAlarm": alarm.ringing,
                "TreatMissingData": "notBreaching",
                "AlarmDescription": _description(serving, variant, alarm),
            }
            made.append(serving.template.add(f"{variant.name} {alarm.kind}", "AWS::CloudWatch::Alarm", properties))
    return made


def add_monitor_alarm(serving: Serving, monitor: Monitor, alarm: MonitorAlarm, schedule: str) -> None:
    """Add an alarm on a metric that a monitor publishes once a run; between runs it keeps its state."""
    above = alarm.above is not None
    what = f"{monitor.name}-{alarm.metric}"
    serving.template.add(
        f"{what} {alarm.severity}",
        "AWS::CloudWatch::Alarm",
        {
            **_alarm(serving, what, alarm.severity),
            "Namespace": monitor.namespace,
            "MetricName": alarm.metric,
            "Dimensions": _dimensions(metrics.monitor_dimensions(serving.name, schedule)),
            "Statistic": "Maximum" if above else "Minimum",
            "Threshold": alarm.above if above else alarm.below,
            "ComparisonOperator": "GreaterThanThreshold" if above else "LessThanThreshold",
            "Period": int(monitor.schedule.interval.total_seconds()),
            "EvaluationPeriods": 1,
            "TreatMissingData": "ignore",
            "AlarmDescription": f"Monitor {monitor.name} of model {serving.model}: {alarm.metric}",
        },
    )


def _alarm(serving: Serving, what: str, severity: str) -> dict[str, Json]:
    return {
        "AlarmName": names.alarm(serving.account.stage, serving.model, what, severity),
        "AlarmActions": [serving.infrastructure.topic_arn],
        "OKActions": [serving.infrastructure.topic_arn],
        "Tags": tag_list({**serving.tags, tags.SEVERITY: severity}),
    }


def _measured(alarm: VariantAlarm) -> dict[str, Json]:
    """Rates are averages of 0 and 1 a request; latencies come in microseconds."""
    if isinstance(alarm, Errors):
        return {
            "MetricName": metrics.SERVER_ERRORS,
            "Statistic": "Average",
            "Threshold": alarm.percent / 100,
            "ComparisonOperator": "GreaterThanThreshold",
        }
    return {
        "MetricName": metrics.MODEL_LATENCY,
        "ExtendedStatistic": f"p{alarm.percentile:g}",
        "Threshold": alarm.milliseconds * 1000,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def _description(serving: Serving, variant: Variant, alarm: VariantAlarm) -> str:
    what = (
        f"more than {alarm.percent:g} % of requests end in a server error"
        if isinstance(alarm, Errors)
        else f"p{alarm.percentile:g} of the model's latency is above {alarm.milliseconds:g} ms"
    )
    return f"Endpoint of model {serving.model}, variant {variant.name}: {what}"


def _dimensions(found: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in found.items()]
