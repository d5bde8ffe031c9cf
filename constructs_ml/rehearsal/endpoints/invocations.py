"""sagemaker-runtime: requests to endpoints and their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.asynchronous import Asynchronous
from constructs_ml.rehearsal.endpoints.capture import Exchange, capture
from constructs_ml.rehearsal.endpoints.containers import Answer, Containers, GoneError, Request
from constructs_ml.rehearsal.endpoints.fleet import Fleet, Variant
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.measures import Measure, Measures, exact_dimensions

_MOST = 6_291_456  # bytes; botocore's model of InvokeEndpoint
_SHOWN = 200
_ACCEPTED = "application/json"
_UNKNOWN = {
    "TargetModel": "multi-model endpoints",
    "SessionId": "stateful sessions",
    "EnableExplanations": "Clarify explainers",
}
Find = Callable[[Live, Variant, str], Containers]


class ModelError(ServiceError):
    """The model did not answer with 2xx.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html; the message as callers
    see and parse it.
    """

    def __init__(self, account: EmbeddedAccount, endpoint: str, host: str, stream: str, answer: Answer) -> None:
        status, body, _ = answer
        said, group = body.decode("utf-8", "replace"), f"/aws/sagemaker/Endpoints/{endpoint}"
        side = "client" if 400 <= status < 500 else "server"
        place = f"https://{account.region}.console.aws.amazon.com/cloudwatch/home?region={account.region}"
        super().__init__(
            "ModelError",
            f'Received {side} error ({status}) from {host} with message "{said}". See {place}'
            f"#logEventViewer:group={group} in account {account.id} for more information.",
        )
        self.OriginalStatusCode, self.OriginalMessage = status, said
        self.LogStreamArn = account.arn("logs", f"log-group:{group}:log-stream:{stream}")


class Invocations:
    """Answers requests; `find` finds the containers of an inference component."""

    def __init__(self, account: EmbeddedAccount, live: Mapping[str, Live], background: Background, find: Find) -> None:
        self._account, self._live, self._component = account, live, find
        self._measures = Measures(account)
        exact_dimensions(account)
        self._asynchronous = Asynchronous(account, self._invoke, background)
        operations = {
            "InvokeEndpoint": self._answer,
            "InvokeEndpointWithResponseStream": self._stream,
            "InvokeEndpointAsync": self._accept,
        }
        account.gate.serve("sagemaker-runtime", operations)

    def _answer(self, call: Call) -> Json:
        live = self._found(call)
        assert live.fleet is not None
        if "AsyncInferenceConfig" in live.fleet.config.fields:
            raise _invalid(f"Endpoint {live.name} is asynchronous: use InvokeEndpointAsync.")
        variant, (_, body, content_type) = self._invoke(live, call.parameters, _body(call))
        return {"Body": body, "ContentType": content_type, "InvokedProductionVariant": variant.name}

    def _stream(self, call: Call) -> Json:
        """The whole answer in one part: the local server does not stream."""
        said = self._answer(call)
        return said | {"Body": [{"PayloadPart": {"Bytes": said["Body"]}}]}

    def _accept(self, call: Call) -> Json:
        live = self._found(call)
        assert live.fleet is not None
        if "AsyncInferenceConfig" not in live.fleet.config.fields:
            raise _invalid(f"Endpoint {live.name} is not asynchronous: use InvokeEndpoint.")
        return self._asynchronous.accept(live, call.parameters)

    def _found(self, call: Call) -> Live:
        name = call.parameters["EndpointName"]
        live = self._live.get(name)
        if live is None or live.fleet is None or live.resource.status == "Deleting":
            raise _invalid(f"Endpoint {name} of account {self._account.id} not found.")
        return live

    def _invoke(self, live: Live, given: Mapping[str, Any], body: bytes) -> tuple[Variant, Answer]:
        """Route, ask, write down; `ModelError` where the model did not answer with 2xx."""
        began = time.perf_counter()
        asked = _request(given, body)
        while True:
            fleet, variant = live.route(given.get("TargetVariant") or "")
            containers = self._containers(live, variant, given)
            try:
                host, answer, model = self._ask(containers, given, asked)
                break
            except GoneError:  # an update took them away meanwhile: whoever follows answers
                continue
        overhead = time.perf_counter() - began - model
        self._journal(live, variant, given, body, answer, model)
        self._measures.put(live.name, variant, Measure(answer[0] or 500, model, overhead))
        self._copy(live, fleet, given, asked)
        if not 200 <= answer[0] < 300:
            raise ModelError(self._account, live.name, host, containers.log_stream, answer)
        ids = (given.get("InferenceId") or "", given.get("CustomAttributes") or "")
        capture(self._account, live, fleet, variant, Exchange(body, asked.content_type, answer[1], answer[2], *ids))
        return variant, answer

    def _containers(self, live: Live, variant: Variant, given: Mapping[str, Any]) -> Containers:
        component = given.get("InferenceComponentName") or ""
        for name, what in _UNKNOWN.items():
            if given.get(name):
                raise _invalid(f"{name}: the rehearsal has no {what}.")
        if variant.containers is None and not component:
            raise _invalid(f"Variant {variant.name} has inference components: name one (InferenceComponentName).")
        if component or variant.containers is None:
            return self._component(live, variant, component)
        host = given.get("TargetContainerHostname") or ""
        if host and not variant.containers.direct:
            raise _invalid(f"Endpoint {live.name}: TargetContainerHostname needs a model in mode Direct.")
        if variant.containers.direct and host not in variant.containers.hosts:
            known = ", ".join(variant.containers.hosts)
            raise _invalid(f"Endpoint {live.name}: TargetContainerHostname must be one of {known}.")
        return variant.containers

    def _ask(self, containers: Containers, given: Mapping[str, Any], asked: Request) -> tuple[str, Answer, float]:
        began = time.perf_counter()
        host, answer = containers.invoke(given.get("TargetContainerHostname") or "", asked)
        return host, answer, time.perf_counter() - began

    def _copy(self, live: Live, fleet: Fleet, given: Mapping[str, Any], asked: Request) -> None:
        """A shadow variant gets the same request; its answer reaches nobody."""
        shadow = None if given.get("TargetVariant") else live.shadow(fleet)
        if shadow is None or shadow.containers is None:
            return
        try:
            _, answer, model = self._ask(shadow.containers, {}, asked)
        except GoneError:
            return
        self._journal(live, shadow, given, asked.body, answer, model)
        self._measures.put(live.name, shadow, Measure(answer[0] or 500, model, 0.0))
        if 200 <= answer[0] < 300:
            exchange = Exchange(asked.body, asked.content_type, answer[1], answer[2])
            capture(self._account, live, fleet, shadow, exchange)

    def _journal(
        self, live: Live, variant: Variant, given: Mapping[str, Any], body: bytes, answer: Answer, model: float
    ) -> None:
        detail = {
            "endpoint": live.name,
            "variant": variant.name,
            "config": variant.config_name,
            "status": answer[0],
            "milliseconds": round(model * 1000, 2),
            "bytes": len(body),
            "request": _shown(body),
            "answer": _shown(answer[1]),
        }
        if given.get("InferenceId"):
            detail["inference_id"] = given["InferenceId"]
        text = f"{variant.name} answered {answer[0]} in {model * 1000:.0f} ms"
        self._account.journal.write("invocation", live.name, text, **detail)


def _body(call: Call) -> bytes:
    body = call.parameters.get("Body") or b""
    body = body if isinstance(body, bytes) else bytes(body, "utf-8")
    if len(body) > _MOST:
        raise _invalid(f"The request has {len(body)} bytes; {_MOST} may be.")
    return body


def _request(given: Mapping[str, Any], body: bytes) -> Request:
    """What the container is asked; asynchronous requests alone say how much time it has."""
    asked = Request(body, given.get("ContentType") or "", given.get("Accept") or _ACCEPTED, _headers(given))
    return replace(asked, seconds=float(given.get("InvocationTimeoutSeconds") or asked.seconds))


def _headers(given: Mapping[str, Any]) -> dict[str, str]:
    """What SageMaker passes on to the container."""
    names = {
        "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
        "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    }
    return {header: given[name] for name, header in names.items() if given.get(name)}


def _shown(body: bytes) -> str:
    return body[: 4 * _SHOWN].decode("utf-8", "replace")[:_SHOWN]


def _invalid(text: str) -> ServiceError:
    return ServiceError("ValidationError", text)
