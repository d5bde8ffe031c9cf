"""What every task of a pipeline does when its service says "later"."""

from __future__ import annotations

from constructs_ml.compiler.template import Json
from constructs_ml.spec.jobs import Retry

# The errors by which each integration reports throttling, exhausted capacity, or a fault on its own side.
_LATER = {
    "sagemaker": (
        "ThrottlingException",
        "SageMaker.AmazonSageMakerException",
        "SageMaker.ResourceLimitExceededException",
        "SageMaker.SageMakerException",
        "SageMaker.ThrottlingException",
    ),
    "s3": ("S3.S3Exception", "S3.SdkClientException", "S3.SlowDownException"),
    "sns": ("SNS.AmazonSNSException", "SNS.InternalErrorException", "SNS.ThrottledException"),
    "cloudwatch": (
        "CloudWatch.CloudWatchException",
        "CloudWatch.SdkClientException",
        "CloudWatch.ThrottlingException",
    ),
    "lambda": (
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
    ),
}


def service_retry(service: str) -> Json:
    """Six more attempts over about five minutes, spread so that many models do not come back at once."""
    return {
        "ErrorEquals": list(_LATER[service]),
        "IntervalSeconds": 5,
        "MaxAttempts": 6,
        "BackoffRate": 2,
        "MaxDelaySeconds": 120,
        "JitterStrategy": "FULL",
    }


def retries(service: str, own: Retry | None) -> list[Json]:
    """The retriers of a task: the service's, then the declared one."""
    found = [service_retry(service)]
    if own:
        found.append(
            {
                "ErrorEquals": list(own.on),
                "IntervalSeconds": int(own.interval.total_seconds()),
                "MaxAttempts": own.attempts,
                "BackoffRate": own.backoff,
            }
        )
    return found
