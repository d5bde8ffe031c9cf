"""Retry policies; https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html."""

from __future__ import annotations

from constructs_ml.compiler.template import Json
from constructs_ml.spec.jobs import Retry

STEP_EXCEPTIONS = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_CAPACITY = ("SageMaker.RESOURCE_LIMIT", "SageMaker.CAPACITY_ERROR")
EXCEPTIONS = (*STEP_EXCEPTIONS, *_CAPACITY, "SageMaker.JOB_INTERNAL_ERROR")
MAX_ATTEMPTS = 20
INTERVAL_SECONDS = 43_200


def job_retries(own: Retry | None) -> list[Json]:
    """The policies of a job: throttling, service faults and exhausted capacity, then the declared one."""
    on = tuple(name for name in own.on if name in EXCEPTIONS) if own else ()
    found = [_policy(tuple(name for name in (*STEP_EXCEPTIONS, *_CAPACITY) if name not in on), 5, 2, 6)]
    if own:
        found.append(_policy(on, int(own.interval.total_seconds()), own.backoff, own.attempts))
    return [policy for policy in found if policy["ExceptionType"]]


def step_retries() -> list[Json]:
    """The policies of a step that runs no job."""
    return [_policy(STEP_EXCEPTIONS, 5, 2, 6)]


def _policy(exceptions: tuple[str, ...], interval: int, backoff: float, attempts: int) -> Json:
    return {
        "ExceptionType": list(exceptions),
        "IntervalSeconds": interval,
        "BackoffRate": backoff,
        "MaxAttempts": attempts,
    }
