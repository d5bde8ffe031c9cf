"""What a request gets that no one of this account made: an answer in the words and the form of the service it asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

_UNKNOWN_S3 = "The AWS Access Key Id you provided does not exist in our records."
_UNKNOWN = "The security token included in the request is invalid."

_XML = "application/xml"
_JSON = "application/x-amz-json-1.0"
Refusal = tuple[str, str, str]
"""Code, message and content type."""


def unknown_key(service: str, environ: Mapping[str, Any]) -> Refusal:
    """The refusal of an access key that was not given here.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (InvalidAccessKeyId),
    https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html (InvalidClientTokenId),
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html (UnrecognizedClientException).
    """
    if service == "s3":
        return "InvalidAccessKeyId", _UNKNOWN_S3, _XML
    if _speaks_json(service, environ.get("CONTENT_TYPE", "")):
        return "UnrecognizedClientException", _UNKNOWN, _JSON
    return "InvalidClientTokenId", _UNKNOWN, _XML


def unsigned() -> Refusal:
    """The refusal of a request that bears no key, as S3 words it."""
    return "AccessDenied", "Access Denied", _XML


def of_moto() -> Refusal:
    """The refusal of moto's own pages: they would empty the account from any page of a browser."""
    return "AccessDenied", "the embedded account has no /moto-api", _XML


def body_of(refusal: Refusal, service: str) -> bytes:
    """The refusal as the service's clients read it."""
    code, message, kind = refusal
    if kind == _JSON:
        return json.dumps({"__type": code, "message": message}).encode()
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service in ("", "s3"):
        return f"<Error>{error}</Error>".encode()
    return f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>".encode()


def _speaks_json(service: str, content_type: str) -> bool:
    if "json" in content_type:
        return True
    try:
        return "json" in str(get_service_model(service).metadata["protocol"])
    except UnknownServiceError:
        return False
