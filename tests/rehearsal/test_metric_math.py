"""Metric math, by the functions that AWS documents.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import pytest

from constructs_ml.rehearsal.clock import Clock
from constructs_ml.rehearsal.events.expressions import Math, select
from constructs_ml.rehearsal.events.metrics import Metric, Metrics, UnsupportedStatisticError

METRICS = {"m1": {1: 10.0, 2: 20.0}, "m2": {1: 5.0, 2: 0.0, 3: 1.0}}


def value(expression: str) -> dict[int, float]:
    return Math(METRICS, {"e1": "m1 * 2", "loop": "loop + 1"}, range(1, 4)).value(expression)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("m1 + m2", {1: 15, 2: 20}),
        ("m1 / m2", {1: 2}),
        ("100 * (m1 - 5) / 10", {1: 50, 2: 150}),
        ("m1 ^ 2", {1: 100, 2: 400}),
        ("-m1", {1: -10, 2: -20}),
        ("e1 + 1", {1: 21, 2: 41}),
        ("SUM(METRICS())", {1: 15, 2: 20, 3: 1}),
        ('AVG(METRICS("2"))', {1: 5, 2: 0, 3: 1}),
        ("MAX([m1, m2])", {1: 10, 2: 20, 3: 1}),
        ("MIN(m1)", {1: 10, 2: 10, 3: 10}),
        ("IF(m2 > 0, m1, -1)", {1: 10, 2: -1}),
        ("IF(m1 > 15 && m2 == 0, 1, 0)", {1: 0, 2: 1}),
        ("m1 > 5 OR m2 > 5", {1: 1, 2: 1}),
        ("FILL(m1, 0)", {1: 10, 2: 20, 3: 0}),
        ("FILL(m1, REPEAT)", {1: 10, 2: 20, 3: 20}),
        ("ABS(m1 - 15)", {1: 5, 2: 5}),
    ],
)
def test_expressions_are_computed_period_by_period(expression: str, found: dict[int, float]) -> None:
    assert value(expression) == found


@pytest.mark.parametrize(
    "expression",
    [
        "ANOMALY_DETECTION_BAND(m1)",
        "FILL(m1, LINEAR)",
        "m9",
        "m1 +",
        "METRICS()",
        "IF(m1)",
        "m1 < m2 < 3",
        "loop",
        "m1.x",
    ],
)
def test_what_is_not_known_is_named(expression: str) -> None:
    with pytest.raises(UnsupportedStatisticError):
        value(expression)


def test_queries_of_metrics_insights_give_one_series() -> None:
    metrics = Metrics(Clock(1))
    for job, number in (("a", 1.0), ("b", 3.0)):
        datum = {"MetricName": "churn:loss", "Value": number, "Dimensions": [{"Name": "Job", "Value": job}]}
        metrics.put({"Namespace": "/aws/sagemaker/TrainingJobs", "MetricData": [datum]})
    query = 'SELECT AVG("churn:loss") FROM SCHEMA("/aws/sagemaker/TrainingJobs", Job)'
    assert list(select(query, metrics, 3600).values()) == [2.0]
    assert select(query.replace("Job)", "Host)"), metrics, 3600) == {}
    with pytest.raises(UnsupportedStatisticError, match="SELECT"):
        select(query + " GROUP BY Job", metrics, 3600)


@pytest.mark.parametrize(
    ("statistic", "found"),
    [
        ("Average", 2.5),
        ("Sum", 10.0),
        ("Minimum", 1.0),
        ("Maximum", 4.0),
        ("SampleCount", 4.0),
        ("p50", 2.0),
        ("p99.9", 4.0),
    ],
)
def test_statistics_of_values_counts_and_sets(statistic: str, found: float) -> None:
    metrics = Metrics(Clock(1))
    values = {"MetricName": "m", "Values": [1, 2], "Counts": [1, 1]}
    sets = {"MetricName": "m", "StatisticValues": {"Minimum": 3, "Maximum": 4, "Sum": 7, "SampleCount": 2}}
    metrics.put({"Namespace": "n", "MetricData": [values, sets]})
    assert list(metrics.series(Metric("n", "m", frozenset()), statistic, 86_400).values()) == [found]
    with pytest.raises(UnsupportedStatisticError, match="statistic tm90"):
        metrics.series(Metric("n", "m", frozenset()), "tm90", 60)
