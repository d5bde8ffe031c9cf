"""Asynchronous inference: the request lies in S3, and so will the answer; topics hear of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.containers import Answer
from constructs_ml.rehearsal.endpoints.fleet import Variant
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.objects import encrypted, split
from constructs_ml.rehearsal.principals import Principal

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html.
_SECONDS = 900
_SMALL = 128 * 1024  # bytes of an answer that a notification may hold


@dataclass(frozen=True, slots=True)
class _Request:
    live: Live
    given: Mapping[str, Any]
    config: Mapping[str, Any]
    id: str
    output: str
    failure: str
    received: datetime

    def lost(self, account: EmbeddedAccount) -> Callable[[Exception], None]:
        """What is written down when neither answer nor failure could be left in S3."""

        def failed(broken: Exception) -> None:
            text = f"the asynchronous request {self.id} could not be finished: {broken}"
            account.journal.write("endpoint", self.live.name, text)

        return failed


class Asynchronous:
    """Takes requests, and answers each in a thread.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-invoke-endpoint.html and
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html.
    """

    def __init__(
        self,
        account: EmbeddedAccount,
        invoke: Callable[[Live, Mapping[str, Any], bytes], tuple[Variant, Answer]],
        background: Background,
    ) -> None:
        self._account, self._invoke, self._background = account, invoke, background

    def accept(self, live: Live, given: Mapping[str, Any]) -> Json:
        """Queue a request: where its answer, or what went wrong, will be."""
        assert live.fleet is not None
        if ("InputLocation" in given) == bool(given.get("Body")):
            raise ServiceError("ValidationError", "InputLocation or Body is needed, and not both.")
        config = live.fleet.config.fields["AsyncInferenceConfig"]["OutputConfig"]
        name = given.get("Filename") or str(uuid4())
        output, failure = _place(config, "S3OutputPath", given), _place(config, "S3FailurePath", given)
        id = given.get("InferenceId") or str(uuid4())
        places = (f"{output}{name}.out", f"{failure}{name}-error.out" if failure else "")
        request = _Request(
            live, {"InvocationTimeoutSeconds": _SECONDS, **given}, config, id, *places, self._account.clock.now()
        )
        self._background.start(f"request to {live.name}", lambda: self._work(request), request.lost(self._account))
        said = {"InferenceId": id, "OutputLocation": request.output}
        return said | ({"FailureLocation": request.failure} if request.failure else {})

    def _work(self, request: _Request) -> None:
        fleet = request.live.fleet
        if fleet is None:
            return
        principal = fleet.principal
        try:
            variant, answer = self._invoke(request.live, request.given, self._input(request, principal))
        except (ServiceError, ClientError) as failed:
            said = getattr(failed, "OriginalMessage", str(failed))
            if request.failure:
                self._write(request, request.failure, said.encode(), principal)
            self._notify(request, "Failed", said.encode(), principal, failureReason=str(failed))
            return
        self._write(request, request.output, answer[1], variant.principal)
        where = {"contentType": answer[2], "outputLocation": request.output}
        self._notify(request, "Completed", answer[1], variant.principal, responseParameters=where)

    def _input(self, request: _Request, principal: Principal) -> bytes:
        if request.given.get("Body"):
            return bytes(request.given["Body"])
        bucket, key = split(request.given["InputLocation"])
        return bytes(self._account.client("s3", principal).get_object(Bucket=bucket, Key=key)["Body"].read())

    def _write(self, request: _Request, place: str, body: bytes, principal: Principal) -> None:
        bucket, key = split(place)
        more = encrypted(request.config.get("KmsKeyId"))
        self._account.client("s3", principal).put_object(Bucket=bucket, Key=key, Body=body, **more)

    def _notify(self, request: _Request, status: str, body: bytes, principal: Principal, **more: Json) -> None:
        config = request.config.get("NotificationConfig") or {}
        completed = status == "Completed"
        topic = config.get("SuccessTopic" if completed else "ErrorTopic")
        if not topic:
            return
        message = self._message(request, status) | more
        wanted = f"{'SUCCESS' if completed else 'ERROR'}_NOTIFICATION_TOPIC"
        if wanted in (config.get("IncludeInferenceResponseIn") or ()) and len(body) <= _SMALL:
            message["responseBody"] = {"content": body.decode("utf-8", "replace"), "encoding": "UTF-8"}
        message |= {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "InferenceResult"}
        self._account.client("sns", principal).publish(TopicArn=topic, Message=json.dumps(message))

    def _message(self, request: _Request, status: str) -> dict[str, Json]:
        names = {"accept": "Accept", "contentType": "ContentType", "endpointName": "EndpointName"}
        names["inputLocation"] = "InputLocation"
        return {
            "awsRegion": self._account.region,
            "eventTime": _written(self._account.clock.now()),
            "receivedTime": _written(request.received),
            "invocationStatus": status,
            "requestParameters": {key: request.given[name] for key, name in names.items() if request.given.get(name)},
            "inferenceId": request.id,
        }


def _place(config: Mapping[str, Any], name: str, given: Mapping[str, Any]) -> str:
    if not config.get(name):
        return ""
    extension = str(given.get("S3OutputPathExtension") or "").strip("/")
    return str(config[name]).rstrip("/") + "/" + (f"{extension}/" if extension else "")


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
