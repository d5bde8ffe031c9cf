"""Requests and answers on the wire: which operation a request means, and how its answer is written.

moto's own routers, parsers and serializers do the work, from botocore's models of the services.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from constructs_ml.rehearsal.calls import Json

# Where the name in a signature is not botocore's name of the service.
_SIGNED = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "elasticfilesystem": "efs",
    "tagging": "resourcegroupstaggingapi",
    "eventbridge": "events",
}
_SAGEMAKER_PATHS = {
    "invocations": "sagemaker-runtime",
    "async-invocations": "sagemaker-runtime",
    "invocations-response-stream": "sagemaker-runtime",
    "BatchPutMetrics": "sagemaker-metrics",
    "FeatureGroup": "sagemaker-featurestore-runtime",
    "BatchGetRecord": "sagemaker-featurestore-runtime",
    "BatchWriteRecord": "sagemaker-featurestore-runtime",
}


def buffered(environ: dict[str, Any]) -> bytes:
    """The body of a request, left readable for whoever comes next."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def signed(environ: Mapping[str, Any]) -> tuple[str, str, str]:
    """The access key, region and service of a request signed in its header or its URL; empty where it is not signed.

    S3 is signed in the older way too, which names no region:
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
    """
    header = environ.get("HTTP_AUTHORIZATION", "")
    asked = parse_qs(environ.get("QUERY_STRING", ""))
    credential = header.partition("Credential=")[2].partition(",")[0]
    words = (credential or asked.get("X-Amz-Credential", [""])[0]).strip().split("/")
    if len(words) == 5:
        key, _, region, service, _ = words
        return key, region, _SIGNED.get(service, service)
    older = header[4:].partition(":")[0] if header.startswith("AWS ") else asked.get("AWSAccessKeyId", [""])[0]
    return (older, "", "s3") if older else ("", "", "")


def service_of(signing_name: str, path: str) -> str:
    """Botocore's name of the service: SageMaker's four share one name in signatures."""
    if signing_name != "sagemaker":
        return signing_name
    words = path.strip("/").split("/")
    return next((_SAGEMAKER_PATHS[word] for word in words if word in _SAGEMAKER_PATHS), "sagemaker")


def parse(service: str, environ: dict[str, Any], body: bytes) -> tuple[str, Json] | None:
    """The operation of a request and its parameters; None where botocore knows no such operation."""
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    try:
        operation, found = get_service_router(service).match(request)
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
    except (NotFound, NotImplementedError):
        return None
    parser = PROTOCOL_PARSERS[protocol](operation, map_type=dict)
    content = {"method": request.method, "values": request.values, "headers": request.headers, "body": body}
    content |= {"url_path": request.path, "url_params": found}
    return operation.name, parser.parse(content)


def answer(service: str, operation: str, result: Json, content_type: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, or of an error where `result` is one."""
    model = get_service_model(service)
    protocol = determine_request_protocol(model, content_type)
    asked = model.operation_model(operation)
    serializer = get_serializer_class(service, protocol)(operation_model=asked)
    made = serializer.serialize(result)
    text, headers = made["body"], dict(made["headers"])
    if isinstance(result, Mapping) and asked.has_event_stream_output:
        headers |= _headers_of(asked, result)
    elif isinstance(result, Mapping) and result.get("ContentType"):
        headers["Content-Type"] = result["ContentType"]
    status = _status(asked.output_shape, result) or made["status_code"]
    return status, headers, text if isinstance(text, bytes) else str(text or "").encode()


def _status(shape: Any, result: Json) -> int:
    """The status that the answer itself says, in operations such as Lambda's Invoke; 0 for none."""
    if shape is None or not isinstance(result, Mapping):
        return 0
    named = (name for name, member in shape.members.items() if member.serialization.get("location") == "statusCode")
    return int(result.get(next(named, "")) or 0)


def _headers_of(operation: Any, result: Mapping[str, Any]) -> dict[str, str]:
    """The members of an answer that travel in headers: moto leaves them out beside an event stream."""
    return {
        shape.serialization["name"]: str(result[member])
        for member, shape in operation.output_shape.members.items()
        if shape.serialization.get("location") == "header" and result.get(member) is not None
    }
