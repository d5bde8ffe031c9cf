"""The steps of a pipeline, one noun a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_ml.spec.steps.flow import Fail, Permission, RawState
from constructs_ml.spec.steps.gate import Gate
from constructs_ml.spec.steps.lambda_task import Function, LambdaTask
from constructs_ml.spec.steps.process import Process
from constructs_ml.spec.steps.register import Register, Serving
from constructs_ml.spec.steps.train import MetricDefinition, Spot, Train

Step = Process | Train | Gate | Register | LambdaTask | Fail | RawState


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step, those inside gates included, in the order in which they are declared."""
    for step in steps:
        yield step
        if isinstance(step, Gate):
            yield from walk(step.then)
            yield from walk(step.otherwise)


__all__ = [
    "Fail",
    "Function",
    "Gate",
    "LambdaTask",
    "MetricDefinition",
    "Permission",
    "Process",
    "RawState",
    "Register",
    "Serving",
    "Spot",
    "Step",
    "Train",
    "walk",
]
