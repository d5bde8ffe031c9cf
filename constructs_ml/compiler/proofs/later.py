"""Which errors of a call say "later": what its service's model tells, under the names that Step Functions reports."""

from __future__ import annotations

import re

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.service_models import model_of

# Parts of the names of errors that end by themselves: throttling, exhausted capacity, a fault on the service's side.
_PASSING = ("Throttl", "TooManyRequest", "Exceeded", "Internal", "Unavailable", "ServerException", "SlowDown")
# Integrations with own rules report under these names; their base exceptions are those of the SDK for Java 1.
_OPTIMISED = {
    "batch": ("Batch", "AWSBatchException"),
    "bedrock": ("Bedrock", "AmazonBedrockException"),
    "codebuild": ("CodeBuild", "AWSCodeBuildException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "eks": ("EKS", "AmazonEKSException"),
    "elasticmapreduce": ("ElasticMapReduce", "AmazonElasticMapReduceException"),
    "emr-containers": ("EMRContainers", "AmazonEMRContainersException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
    "mediaconvert": ("MediaConvert", "AWSMediaConvertException"),
    "sqs": ("SQS", "AmazonSQSException"),
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def passing_errors(call: Integration) -> tuple[str, ...]:
    """The errors after which the same call may well succeed.

    `aws-sdk` calls report as the SDK for Java 2 names its exceptions: `DynamoDb.RequestLimitExceededException`; see
    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html.
    """
    model = model_of(call)
    if model is None:
        service, base = _OPTIMISED.get(call.service, (call.service.capitalize(), ""))
        return tuple(sorted(f"{service}.{name}" for name in (base, "SdkClientException") if name))
    service = pascal_service(model.id)
    base = f"{service}Exception"
    if not call.sdk:
        service, base = _OPTIMISED.get(call.service, (service, base))
    operation = model.operations.get(call.action[:1].upper() + call.action[1:], {})
    errors = [item["shape"] for item in operation.get("errors", ())]
    names = [_exception(name) for name in errors if any(part in name for part in _PASSING)]
    return tuple(sorted({f"{service}.{name}" for name in (*names, base, "SdkClientException")}))


def pascal_service(service_id: str) -> str:
    """A service's id as the SDK for Java 2 writes it: `DynamoDB` is `DynamoDb`, `EMR Serverless` `EmrServerless`."""
    return "".join(word.capitalize() for word in _WORD.findall(service_id))


def _exception(name: str) -> str:
    name = name.removesuffix("Fault")
    name = name[:1].upper() + name[1:]
    return name if name.endswith("Exception") else f"{name}Exception"
