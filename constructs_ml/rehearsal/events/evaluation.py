"""A metric alarm against its data: which periods count, and what state follows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from constructs_ml.rehearsal.events.expressions import Math, select
from constructs_ml.rehearsal.events.judgement import ALARM, COMPARISONS, EXTRA, INSUFFICIENT, judge
from constructs_ml.rehearsal.events.metrics import Metric, Metrics, Series, UnsupportedStatisticError


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state that an alarm is found in, why, and the data that says so."""

    state: str
    reason: str
    datapoints: list[float]
    period: int

    def data(self, definition: Mapping[str, Any], now: datetime) -> str:
        """StateReasonData."""
        told = {
            "version": "1.0",
            "queryDate": f"{now:%Y-%m-%dT%H:%M:%S.000+0000}",
            "statistic": definition.get("Statistic") or definition.get("ExtendedStatistic") or "",
            "period": self.period,
            "recentDatapoints": self.datapoints,
            "threshold": definition["Threshold"],
        }
        return json.dumps(told)


def evaluate(definition: Mapping[str, Any], metrics: Metrics, current: str) -> Evaluation:
    """Look at an alarm, as PutMetricAlarm defined it.

    The evaluation range ends with the newest period: the one that passes now as soon as it has data - except where a
    sum that still grows is compared as too small -, else the one before; or that of the newest datum, if that is
    later. Periods are those of `Metrics`. Raises `UnsupportedStatisticError` for what is not known here, such as
    anomaly detection.
    """
    if definition["ComparisonOperator"] not in COMPARISONS or definition.get("ThresholdMetricId"):
        raise UnsupportedStatisticError(f"anomaly detection ({definition['ComparisonOperator']})")
    breaches, words = COMPARISONS[definition["ComparisonOperator"]]
    periods, threshold = int(definition["EvaluationPeriods"]), float(definition["Threshold"])
    needed = int(definition.get("DatapointsToAlarm") or periods)
    series, period = _series(definition, metrics, periods)
    window = _window(definition, series, math.floor(metrics.now() / period), periods)
    points = [series.get(index) for index in window]
    judged = [None if point is None else breaches(point, threshold) for point in points]
    state = judge(judged, periods, needed, _missing(definition), current)
    found = [point for point in points if point is not None][-periods:]
    return Evaluation(state, _reason(state, found, words, threshold, needed), found, period)


def _series(definition: Mapping[str, Any], metrics: Metrics, periods: int) -> tuple[Series, int]:
    queries = definition.get("Metrics")
    if not queries:
        metric = Metric.of(definition["Namespace"], definition["MetricName"], definition.get("Dimensions"))
        statistic = definition.get("Statistic") or definition["ExtendedStatistic"]
        period = int(definition["Period"])
        return metrics.series(metric, statistic, period, definition.get("Unit") or ""), period
    given = [int((query.get("MetricStat") or query).get("Period") or 0) for query in queries]
    period = max(given) or 60
    found: dict[str, Series] = {}
    expressions: dict[str, str] = {}
    for query in queries:
        if query.get("Expression", "").lstrip().upper().startswith("SELECT"):
            found[query["Id"]] = select(query["Expression"], metrics, period)
        elif query.get("Expression"):
            expressions[query["Id"]] = query["Expression"]
        else:
            stat = query["MetricStat"]
            one = stat["Metric"]
            metric = Metric.of(one["Namespace"], one["MetricName"], one.get("Dimensions"))
            found[query["Id"]] = metrics.series(metric, stat["Stat"], period, stat.get("Unit") or "")
    returned = next(query["Id"] for query in queries if query.get("ReturnData", True) is not False)
    if returned in found:
        return found[returned], period
    last = max([math.floor(metrics.now() / period), *(index for one in found.values() for index in one)])
    window = range(last - periods - EXTRA, last + 1)
    return Math(found, expressions, window).value(expressions[returned]), period


def _window(definition: Mapping[str, Any], series: Series, now: int, periods: int) -> range:
    statistic = definition.get("Statistic")
    grows = statistic in ("Sum", "SampleCount") and definition["ComparisonOperator"].startswith("Less")
    newest = max(series, default=now - 1)
    last = max(now - 1, min(newest, now - 1) if grows else newest)
    return range(last - periods - EXTRA + 1, last + 1)


def _missing(definition: Mapping[str, Any]) -> str:
    """Alarms on DynamoDB's own metrics ignore what is missing, whatever they say."""
    found = definition.get("TreatMissingData") or "missing"
    return "ignore" if definition.get("Namespace") == "AWS/DynamoDB" else str(found)


def _reason(state: str, found: list[float], words: str, threshold: float, needed: int) -> str:
    if not found:
        return "Insufficient Data: no datapoints were received." if state == INSUFFICIENT else "No datapoints."
    verb = "was" if len(found) == 1 else "were"
    no = "" if state == ALARM else "not "
    shown = ", ".join(str(point) for point in found)
    end = f"{threshold} (minimum {needed} datapoint{'s' if needed > 1 else ''})"
    return f"Threshold Crossed: {len(found)} datapoints [{shown}] {verb} {no}{words} the threshold {end}."
