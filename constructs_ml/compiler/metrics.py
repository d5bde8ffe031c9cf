"""Metrics that conditions compare: checked to be finite numbers, and kept alone."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler import choices
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.template import Json


def keep_metrics(
    machine: Machine,
    step: str,
    found: Mapping[str, str],
    numbers: Mapping[str, Json],
    kept: Mapping[str, Json],
    after: str,
    source: str,
) -> None:
    """Go on with what later steps use alone, or to the failure path if a metric is missing or not finite.

    `found` says where each metric stands, `numbers` how it is taken over, `kept` what else of the step stays.
    """
    names = ", ".join(found)
    checks = [check for path in found.values() for check in choices.is_finite(path)]
    machine.guard(
        f"Check {step} metrics",
        checks,
        f"Keep {step} metrics",
        f"step {step} left no finite number for {names} in {source}",
    )
    again = {name: result_path(step, name.removesuffix(".$")) for name in kept}
    machine.put(
        f"Keep {step} metrics",
        {
            "Type": "Pass",
            "Parameters": again | {"metrics": dict(numbers)},
            "ResultPath": result_path(step),
            "Next": after,
        },
    )
