"""Data capture: requests and answers in S3, as SageMaker writes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.fleet import Fleet, Variant
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.objects import encrypted, split

_ENCODINGS = (("CsvContentTypes", "CSV"), ("JsonContentTypes", "JSON"))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was answered."""

    body: bytes
    content_type: str
    answer: bytes
    answer_type: str
    inference_id: str = ""
    custom_attributes: str = ""


def capture(account: EmbeddedAccount, live: Live, fleet: Fleet, variant: Variant, exchange: Exchange) -> None:
    """Write one record if capture is on and it is this request's turn; each record is a file of its own.

    s3://{destination}/{endpoint}/{variant}/yyyy/mm/dd/hh/{file}.jsonl:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html. A failure to write
    does not touch the answer.
    """
    config = fleet.capture
    if not config or not config.get("EnableCapture", True):
        return
    if not live.captured.takes(float(config["InitialSamplingPercentage"])):
        return
    moment = account.clock.now()
    text = json.dumps(record(config, exchange, str(uuid4()), stamp(moment)))
    bucket, prefix = split(config["DestinationS3Uri"])
    name = f"{moment:%Y/%m/%d/%H/%M-%S}-{moment.microsecond // 1000:03d}-{uuid4()}.jsonl"
    key = "/".join(filter(None, (prefix.strip("/"), live.name, variant.name, name)))
    client = account.client("s3", variant.principal)
    try:
        client.put_object(Bucket=bucket, Key=key, Body=text.encode() + b"\n", **encrypted(config.get("KmsKeyId")))
    except client.exceptions.ClientError as refused:
        account.journal.write("endpoint", live.name, f"a captured request could not be written: {refused}")


def record(config: Mapping[str, Json], exchange: Exchange, event: str, moment: str) -> dict[str, Json]:
    """One line of a capture file."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    whole = "InputAndOutput" in modes
    data: dict[str, Json] = {}
    headers = config.get("CaptureContentTypeHeader") or {}
    if whole or "Input" in modes:
        data["endpointInput"] = _part(headers, exchange.body, exchange.content_type, "INPUT")
    if whole or "Output" in modes:
        data["endpointOutput"] = _part(headers, exchange.answer, exchange.answer_type, "OUTPUT")
    metadata: dict[str, Json] = {"eventId": event}
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    if exchange.custom_attributes:
        metadata["customAttributes"] = [exchange.custom_attributes]
    metadata["inferenceTime"] = moment
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _part(headers: Mapping[str, Sequence[str]], body: bytes, content_type: str, mode: str) -> dict[str, Json]:
    encoding = _encoding(headers, content_type)
    text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def _encoding(headers: Mapping[str, Sequence[str]], content_type: str) -> str:
    """What is not named as CSV or JSON is captured in base64.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html.
    """
    media = content_type.partition(";")[0].strip().lower()
    return next((word for kind, word in _ENCODINGS if media in map(str.lower, headers.get(kind, ()))), "BASE64")
