"""What every task of a pipeline does when its service says "later"."""

from __future__ import annotations

from collections.abc import Sequence

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
    "athena": (
        "Athena.AmazonAthenaException",
        "Athena.InternalServerException",
        "Athena.SdkClientException",
        "Athena.TooManyRequestsException",
    ),
    "databrew": (
        "DataBrew.AWSGlueDataBrewException",
        "DataBrew.SdkClientException",
        "DataBrew.ServiceQuotaExceededException",
        "DataBrew.ThrottlingException",
    ),
    "ecs": (
        "ECS.AmazonECSException",
        "ECS.LimitExceededException",
        "ECS.SdkClientException",
        "ECS.ServerException",
        "ECS.ThrottlingException",
    ),
    "emr-serverless": (
        "EMRServerless.AWSEMRServerlessException",
        "EMRServerless.InternalServerException",
        "EMRServerless.SdkClientException",
        "EMRServerless.ServiceQuotaExceededException",
        "EMRServerless.ThrottlingException",
    ),
    "glue": (
        "Glue.AWSGlueException",
        "Glue.ConcurrentRunsExceededException",
        "Glue.InternalServiceException",
        "Glue.OperationTimeoutException",
        "Glue.ResourceNumberLimitExceededException",
        "Glue.SdkClientException",
        "Glue.ThrottlingException",
    ),
    "states": (
        "StepFunctions.AWSStepFunctionsException",
        "StepFunctions.ExecutionLimitExceededException",
        "StepFunctions.SdkClientException",
        "StepFunctions.ThrottlingException",
    ),
    "s3": ("S3.S3Exception", "S3.SdkClientException", "S3.SlowDownException"),
    "sns": ("SNS.AmazonSNSException", "SNS.InternalErrorException", "SNS.ThrottledException"),
    "cloudwatch": (
        "CloudWatch.CloudWatchException",
        "CloudWatch.SdkClientException",
        "CloudWatch.ThrottlingException",
    ),
    "dynamodb": (
        "DynamoDB.AmazonDynamoDBException",
        "DynamoDB.InternalServerErrorException",
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.RequestLimitExceededException",
        "DynamoDB.SdkClientException",
        "DynamoDB.ThrottlingException",
    ),
    "sfn": ("Sfn.SdkClientException", "Sfn.SfnException", "Sfn.ThrottlingException"),
    "lambda": (
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
    ),
}


def is_known(service: str) -> bool:
    """Whether the errors of a service's own integration are in the table."""
    return service in _LATER


def service_retry(service: str, errors: Sequence[str] = ()) -> Json:
    """Six more attempts over about five minutes, spread so that many models do not come back at once.

    `errors` are those of a service that the table does not have.
    """
    return {
        "ErrorEquals": list(errors or _LATER[service]),
        "IntervalSeconds": 5,
        "MaxAttempts": 6,
        "BackoffRate": 2,
        "MaxDelaySeconds": 120,
        "JitterStrategy": "FULL",
    }


def retries(service: str, own: Retry | None, errors: Sequence[str] = ()) -> list[Json]:
    """The retriers of a task: the service's, then the declared one."""
    found = [service_retry(service, errors)]
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
