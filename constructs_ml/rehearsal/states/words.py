"""How Step Functions names what goes wrong in a service.

Optimised integrations speak of the exceptions of AWS's first SDK for Java ("SageMaker.AmazonSageMakerException"), the
others of those of its second ("SageMaker.SageMakerException"): the exception of a code that the service's model has,
else the general one of the service. https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
says that each name ends in "Exception", whether the service's does or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.service_models import model_of

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

# The word before the dot, the general exception after it, and the service in the cause.
_OPTIMISED: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "athena": ("Athena", "AmazonAthenaException", "AmazonAthena"),
        "batch": ("Batch", "AWSBatchException", "AWSBatch"),
        "databrew": ("DataBrew", "AWSGlueDataBrewException", "AWSGlueDataBrew"),
        "dynamodb": ("DynamoDB", "AmazonDynamoDBException", "AmazonDynamoDBv2"),
        "ecs": ("ECS", "AmazonECSException", "AmazonECS"),
        "eks": ("EKS", "AmazonEKSException", "AmazonEKS"),
        "elasticmapreduce": ("ElasticMapReduce", "AmazonElasticMapReduceException", "AmazonElasticMapReduce"),
        "emr-serverless": ("EMRServerless", "AWSEMRServerlessException", "AWSEMRServerless"),
        "events": ("EventBridge", "AmazonEventBridgeException", "AmazonEventBridge"),
        "glue": ("Glue", "AWSGlueException", "AWSGlue"),
        "lambda": ("Lambda", "AWSLambdaException", "AWSLambda"),
        "sagemaker": ("SageMaker", "AmazonSageMakerException", "AmazonSageMaker"),
        "sns": ("SNS", "AmazonSNSException", "AmazonSNS"),
        "sqs": ("SQS", "AmazonSQSException", "AmazonSQS"),
        "states": ("StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions"),
    }
)


def error_of(call: Integration, refused: ClientError) -> tuple[str, str]:
    """The error's name and cause, of a call that a service refused."""
    said, met = refused.response.get("Error", {}), refused.response.get("ResponseMetadata", {})
    code, text = said.get("Code", ""), said.get("Message", "")
    status, request = met.get("HTTPStatusCode", 400), met.get("RequestId", "")
    model, word = model_of(call), word_of(call)
    known = _exceptions(model.service).get(code) if model else None
    if call.sdk:
        name = f"{word}.{known or f'{word}Exception'}"
        return name, f"{text} (Service: {word}, Status Code: {status}, Request ID: {request})"
    _, general, service = _OPTIMISED[call.service]
    details = f"Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request}; Proxy: null"
    return f"{word}.{known or general}", f"{text} ({details})"


def word_of(call: Integration) -> str:
    """The service's name before the dot: for the SDK "DynamoDb" and "Sfn", else "DynamoDB" and "StepFunctions"."""
    if not call.sdk:
        return _OPTIMISED[call.service][0] if call.service in _OPTIMISED else call.service
    model = model_of(call)
    return "".join(word.capitalize() for word in _WORDS.findall(model.id if model else call.service))


@cache
def _exceptions(service: str) -> Mapping[str, str]:
    """The exception of each error code that a service's model has."""
    model = get_service_model(service)
    return {shape.error_code: shape.name.removesuffix("Exception") + "Exception" for shape in model.error_shapes}
