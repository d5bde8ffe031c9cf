"""What CloudWatch hears of endpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html: latencies are in microseconds, and each
error metric gets a 0 for a request that went well. During and after a deployment the same values also come by
EndpointConfigName: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.cloudwatch.models import MetricDatumBase

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.fleet import Variant

_PROC = Path("/proc")
_MINUTE = 60.0
_INSTANCES = "/aws/sagemaker/Endpoints"


def exact_dimensions(account: EmbeddedAccount) -> None:
    """Let statistics be those of exactly the dimensions that were asked for.

    CloudWatch takes each combination of dimensions for a metric of its own:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension.
    """
    subset = MetricDatumBase.filter

    def found(self: Any, namespace: Any, name: Any, dimensions: Any, already_present_metrics: Any = None) -> bool:
        # Listing hands in what it has already; statistics do not.
        whole = already_present_metrics is None and dimensions and len(dimensions) != len(self.dimensions)
        return not whole and bool(subset(self, namespace, name, dimensions, already_present_metrics))

    why = "statistics count every metric that has the wanted dimensions and others besides"
    account.hook("moto.cloudwatch.models:MetricDatumBase", "filter", found, why)


@dataclass(frozen=True, slots=True)
class Measure:
    """One invocation: the model's HTTP status, its time and the time around it, in seconds."""

    status: int
    model: float
    overhead: float


@dataclass(slots=True)
class Measures:
    """Puts metrics for each invocation, and the machine's load once a minute of the account's time."""

    account: EmbeddedAccount
    _allowed: dict[Variant, bool] = field(default_factory=dict)
    _load: dict[Variant, tuple[float, float]] = field(default_factory=dict)

    def put(self, endpoint: str, variant: Variant, measure: Measure) -> None:
        """An invocation of a production variant."""
        both = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant.name}]
        three = [*both, {"Name": "EndpointConfigName", "Value": variant.config_name}]
        values = [
            ("Invocations", 1.0, "None"),
            ("Invocation4XXErrors", float(400 <= measure.status < 500), "None"),
            ("Invocation5XXErrors", float(measure.status >= 500), "None"),
            ("InvocationModelErrors", float(not 200 <= measure.status < 300), "None"),
            ("ModelLatency", measure.model * 1e6, "Microseconds"),
            ("OverheadLatency", measure.overhead * 1e6, "Microseconds"),
        ]
        if variant.instances:
            values.append(("InvocationsPerInstance", 1.0 / variant.instances, "None"))
        self._send("AWS/SageMaker", values, [both, three])
        load = self._loaded(variant)
        if load:
            self._send(_INSTANCES, load, [both])

    def _send(self, namespace: str, values: list[tuple[str, float, str]], dimensions: list[Json]) -> None:
        moment = self.account.clock.now()
        data = [
            {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": one, "Timestamp": moment}
            for one in dimensions
            for name, value, unit in values
        ]
        self.account.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)

    def _may(self, variant: Variant) -> bool:
        """The machine's load is put with the endpoint's role; without the permission there is none."""
        if variant not in self._allowed:
            condition = {"cloudwatch:namespace": _INSTANCES}
            try:
                self.account.authorize(variant.principal, "cloudwatch:PutMetricData", "*", **condition)
                self._allowed[variant] = True
            except ServiceError:
                self._allowed[variant] = False
        return self._allowed[variant]

    def _loaded(self, variant: Variant) -> list[tuple[str, float, str]]:
        """The load that the variant's processes really make, where /proc tells it."""
        if variant.containers is None or variant.serverless or not self._may(variant):
            return []
        now, before = time.monotonic(), self._load.get(variant)
        if before is not None and (now - before[0]) * self.account.clock.acceleration < _MINUTE:
            return []
        found = [used for process in variant.containers.processes for used in _used(process)]
        if not found:
            return []
        seconds = sum(item[0] for item in found)
        self._load[variant] = (now, seconds)
        values = [("MemoryUtilization", 100 * sum(item[1] for item in found) / _memory(), "Percent")]
        if before is not None and now > before[0]:
            values.append(("CPUUtilization", 100 * max(0.0, seconds - before[1]) / (now - before[0]), "Percent"))
        return values


def _used(process: int) -> list[tuple[float, float]]:
    """CPU seconds and resident bytes of a process and its children."""
    try:
        words = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
        ticks = int(words[11]) + int(words[12])
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
        children = (_PROC / str(process) / "task" / str(process) / "children").read_text().split()
    except (OSError, ValueError, IndexError):
        return []
    own = (ticks / os.sysconf("SC_CLK_TCK"), float(pages * os.sysconf("SC_PAGE_SIZE")))
    return [own, *(used for child in children for used in _used(int(child)))]


def _memory() -> float:
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
