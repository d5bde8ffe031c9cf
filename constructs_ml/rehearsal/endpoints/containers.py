"""The containers behind a variant: one model server each, invoked one after the other or by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.logs import LogStream
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource
from constructs_ml.rehearsal.serving.serving import ServingError

Answer = tuple[int, bytes, str]
"""HTTP status, body and content type."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a container is asked: it must answer within `seconds`.

    60 for InvokeEndpoint: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html.
    """

    body: bytes
    content_type: str
    accept: str
    headers: Mapping[str, str]
    seconds: float = 60.0


class Server(Protocol):
    """A running model server."""

    image: str

    @property
    def id(self) -> int:
        """The id of its process."""

    def invoke(
        self, body: bytes, content_type: str, accept: str, headers: Mapping[str, str], *, seconds: float
    ) -> Answer:
        """POST /invocations of the container; a `ServingError` when no answer comes in time."""

    def stop(self) -> None:
        """Stop the container."""


Serve = Callable[[str, Resource, Principal, Mapping[str, Any], Callable[[str], None]], Server]
"""Starts the server of a model with one container (name, model, role, variant, where its lines go).

It answers /ping when this returns.
"""


class GoneError(Exception):
    """These containers take no requests any more."""


class NotStartedError(Exception):
    """A fleet did not come up; the text is the FailureReason."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container: "primary", or by its hostname in a pipeline."""

    host: str
    server: Server


class Containers:
    """All containers of one variant, as its model declares them."""

    def __init__(self, model: Resource, running: Sequence[Container], stream: str, log: LogStream | None) -> None:
        self.model, self._running, self.log_stream, self._log = model, tuple(running), stream, log
        self._idle, self._asked, self._stopped = threading.Condition(), 0, False
        execution = model.fields.get("InferenceExecutionConfig") or {}
        self.direct = len(self._running) > 1 and execution.get("Mode") == "Direct"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the containers."""
        return tuple(container.host for container in self._running)

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the processes."""
        return tuple(container.server.id for container in self._running)

    @property
    def images(self) -> tuple[str, ...]:
        """The images of the containers, in their order."""
        return tuple(container.server.image for container in self._running)

    def invoke(self, host: str, request: Request) -> tuple[str, Answer]:
        """The answer and who gave it: of the one that `host` names, or of the pipeline's last, or first to fail.

        `GoneError` when they were stopped since the request was routed to them.
        https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html.
        """
        with self._idle:
            if self._stopped:
                raise GoneError
            self._asked += 1
        try:
            meant = [c for c in self._running if c.host == host] if self.direct else list(self._running)
            for number, container in enumerate(meant, 1):
                answer = _ask(container.server, request if number == len(meant) else replace(request, accept=""))
                if not 200 <= answer[0] < 300 or number == len(meant):
                    return container.host, answer
                request = replace(request, body=answer[1], content_type=answer[2])
            raise ServiceError("ValidationError", f"Container {host!r} was not found.")
        finally:
            with self._idle:
                self._asked -= 1
                self._idle.notify_all()
            if self._log is not None:
                self._log.close()

    def stop(self, patience: float = 60.0) -> None:
        """Take no further request, let those under way end within `patience` seconds, and stop every container."""
        with self._idle:
            self._stopped = True
            self._idle.wait_for(lambda: not self._asked, patience)
        for container in self._running:
            container.server.stop()


def _ask(server: Server, request: Request) -> Answer:
    try:
        given = (request.body, request.content_type, request.accept, request.headers)
        return server.invoke(*given, seconds=request.seconds)
    except ServingError as silent:
        if not isinstance(silent.__cause__, TimeoutError):
            return 0, str(silent).encode(), ""
        text = "Your invocation timed out while waiting for a response from container primary. Review the latency"
        return (
            0,
            f"{text} metrics for each container in Amazon CloudWatch, resolve the issue, and try again.".encode(),
            "",
        )
