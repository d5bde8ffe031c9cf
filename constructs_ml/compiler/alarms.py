"""Alarms of variants and monitors: known by name, told to the stage's topic."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.template import Json, tag_list
from constructs_ml.contract import metrics, names, tags
from constructs_ml.spec.alarms import Errors, MonitorAlarm, VariantAlarm
from constructs_ml.spec.endpoint import Variant
from constructs_ml.spec.monitors import Monitor


def add_variant_alarms(context: EndpointContext) -> list[str]:
    """Add every alarm of every variant; the logical ids, for a rollback to refer to.

    They watch the variant, not the endpoint: an alarm of the endpoint rings for the old fleet too.
    """
    made = []
    for variant in context.spec.variants:
        for alarm in context.spec.alarms:
            properties = {
                **_alarm(context, f"{variant.name}-{alarm.kind}", alarm.severity),
                **_measured(alarm),
                "Namespace": metrics.ENDPOINT_NAMESPACE,
                "Dimensions": _dimensions(metrics.variant_dimensions(context.name, variant.name)),
                "Period": int(alarm.period.total_seconds()),
                "EvaluationPeriods": alarm.periods,
                "DatapointsToAlarm": alarm.ringing,
                "TreatMissingData": "notBreaching",
                "AlarmDescription": _description(context, variant, alarm),
            }
            made.append(context.template.add(f"{variant.name} {alarm.kind}", "AWS::CloudWatch::Alarm", properties))
    return made


def add_monitor_alarm(context: EndpointContext, monitor: Monitor, alarm: MonitorAlarm, schedule: str) -> None:
    """Add an alarm on a metric that a monitor publishes once a run; between runs it keeps its state."""
    above = alarm.above is not None
    what = f"{monitor.name}-{alarm.metric}"
    context.template.add(
        f"{what} {alarm.severity}",
        "AWS::CloudWatch::Alarm",
        {
            **_alarm(context, what, alarm.severity),
            "Namespace": monitor.namespace,
            "MetricName": alarm.metric,
            "Dimensions": _dimensions(metrics.monitor_dimensions(context.name, schedule)),
            "Statistic": "Maximum" if above else "Minimum",
            "Threshold": alarm.above if above else alarm.below,
            "ComparisonOperator": "GreaterThanThreshold" if above else "LessThanThreshold",
            "Period": int(monitor.schedule.interval.total_seconds()),
            "EvaluationPeriods": 1,
            "TreatMissingData": "ignore",
            "AlarmDescription": f"Monitor {monitor.name} of model {context.model}: {alarm.metric}",
        },
    )


def _alarm(context: EndpointContext, what: str, severity: str) -> dict[str, Json]:
    return {
        "AlarmName": names.alarm(context.account.stage, context.model, what, severity),
        "AlarmActions": [context.infrastructure.topic_arn],
        "OKActions": [context.infrastructure.topic_arn],
        "Tags": tag_list({**context.tags, tags.SEVERITY: severity}),
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


def _description(context: EndpointContext, variant: Variant, alarm: VariantAlarm) -> str:
    what = (
        f"more than {alarm.percent:g} % of requests end in a server error"
        if isinstance(alarm, Errors)
        else f"p{alarm.percentile:g} of the model's latency is above {alarm.milliseconds:g} ms"
    )
    return f"Endpoint of model {context.model}, variant {variant.name}: {what}"


def _dimensions(found: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in found.items()]
