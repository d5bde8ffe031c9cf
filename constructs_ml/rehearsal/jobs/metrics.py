"""The metrics that a training job prints: found by the declared expressions, shown by describe calls and CloudWatch."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class Metrics:
    """Reads a job's lines; `publish` sends what came since the last time.

    https://docs.aws.amazon.com/sagemaker/latest/dg/training-metrics.html
    """

    def __init__(
        self, account: EmbeddedAccount, principal: Principal, job: str, definitions: Sequence[Mapping[str, str]]
    ) -> None:
        self._account, self._job = account, job
        self._wanted = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
        self._last: dict[str, tuple[float, datetime]] = {}
        self._new: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._allowed = True
        if definitions:
            try:
                condition = {"cloudwatch:namespace": NAMESPACE}
                account.authorize(principal, "cloudwatch:PutMetricData", "*", **condition)
            except ServiceError:
                self._allowed = False

    def read(self, line: str) -> None:
        """Look for every metric in a line."""
        for name, wanted in self._wanted:
            for found in wanted.finditer(line):
                try:
                    value = float(found.group(1) if found.re.groups else found.group(0))
                except (TypeError, ValueError):
                    continue
                now = self._account.clock.now()
                with self._lock:
                    self._last[name] = value, now
                    dimensions = [{"Name": "TrainingJobName", "Value": self._job}]
                    item = {"MetricName": name, "Dimensions": dimensions, "Timestamp": now, "Value": value}
                    self._new.append(item)

    def publish(self) -> None:
        """Put the new values into CloudWatch; NaN and infinities are no values there."""
        with self._lock:
            new, self._new = self._new, []
        sound = [item for item in new if abs(item["Value"]) < float("inf")]
        if not self._allowed:
            return
        for start in range(0, len(sound), 500):
            self._account.client("cloudwatch").put_metric_data(
                Namespace=NAMESPACE, MetricData=sound[start : start + 500]
            )

    @property
    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last value of each."""
        with self._lock:
            last = dict(self._last)
        return [{"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in last.items()]
