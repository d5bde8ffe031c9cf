"""The containers behind a variant: one model server each, invoked one after the other or by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs.access import check_access
from constructs_ml.rehearsal.logs import LogStream
from constructs_ml.rehearsal.objects import DataError
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource
from constructs_ml.rehearsal.serving.serving import ServingError, container_of

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

        https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html.
        """
        try:
            meant = [c for c in self._running if c.host == host] if self.direct else list(self._running)
            for number, container in enumerate(meant, 1):
                answer = _ask(container.server, request if number == len(meant) else replace(request, accept=""))
                if not 200 <= answer[0] < 300 or number == len(meant):
                    return container.host, answer
                request = replace(request, body=answer[1], content_type=answer[2])
            raise ServiceError("ValidationError", f"Container {host!r} was not found.")
        finally:
            if self._log is not None:
                self._log.close()

    def stop(self) -> None:
        """Stop every container."""
        for container in self._running:
            container.server.stop()


def start(
    account: EmbeddedAccount,
    endpoint: str,
    variant: Mapping[str, Any],
    model: Resource,
    principal: Principal,
    serve: Serve,
) -> Containers:
    """Start what a model declares; `NotStartedError` in SageMaker's words when one of its containers fails."""
    name = variant["VariantName"]
    stream = f"{name}/{_instance(endpoint, model.name)}"
    log = _log(account, principal, endpoint, stream)
    running: list[Container] = []
    for host, single in declared(model):
        try:
            _pull(account, single, principal)
            server = serve(f"{endpoint}/{name}/{host}", single, principal, variant, log.write if log else _lost)
            running.append(Container(host, server))
        except Exception as failed:
            for container in running:
                container.server.stop()
            raise NotStartedError(_reason(host, name, failed)) from failed
        finally:
            if log is not None and not account.clock.stopped:
                log.close()
    return Containers(model, running, stream, log)


def declared(model: Resource) -> list[tuple[str, Resource]]:
    """Each container by its name, as a model that has it alone."""
    fields: dict[str, Any] = dict(model.fields)
    several = fields.pop("Containers", None) or []
    if not several:
        if "PrimaryContainer" not in fields:
            raise NotStartedError(f"Model {model.name} has no container.")
        several, hosts = [fields["PrimaryContainer"]], ["primary"]
    else:
        hosts = [item.get("ContainerHostname") or f"container-{number}" for number, item in enumerate(several, 1)]
    for item in several:
        if item.get("Mode") == "MultiModel":
            raise NotStartedError(
                f"Model {model.name} is a multi-model container, which the rehearsal does not run: declare a stand-in"
                " model with one artifact for it."
            )
    return [
        (host, replace(model, fields={**fields, "PrimaryContainer": item}))
        for host, item in zip(hosts, several, strict=True)
    ]


def _pull(account: EmbeddedAccount, model: Resource, principal: Principal) -> None:
    """What the role needs to fetch the image and to join the network."""
    image = container_of(account, model)["Image"]
    try:
        check_access(account, principal, image, model.fields.get("VpcConfig"))
    except ServiceError as denied:
        words = f"The role '{principal.role}' does not have BatchGetImage permission for the image: '{image}'."
        kept = f"{words} ({denied.message})" if "ecr:" in denied.message else denied.message
        raise NotStartedError(kept) from denied


def _log(account: EmbeddedAccount, principal: Principal, endpoint: str, stream: str) -> LogStream | None:
    """The stream, or none where the role may not write it: the endpoint answers all the same."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    place = account.arn("logs", f"log-group:{group}")
    try:
        account.authorize(principal, "logs:CreateLogGroup", place)
        account.authorize(principal, "logs:CreateLogStream", f"{place}:log-stream:{stream}")
        account.authorize(principal, "logs:PutLogEvents", f"{place}:log-stream:{stream}")
    except ServiceError:
        return None
    return LogStream(account, group, stream)


def _lost(_: str) -> None:
    """A line that nobody may write."""


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


def _reason(host: str, variant: str, failed: Exception) -> str:
    """The words that DescribeEndpoint is known for; what is refused here by name keeps its own."""
    if isinstance(failed, (ServiceError, NotStartedError)):
        return str(failed)
    if isinstance(failed, ServingError) and failed.__cause__ is None:
        return f"Production variant {variant}: {failed}"
    if isinstance(failed.__cause__, DataError):
        return (
            f"Failed to download model data for container {host} of production variant {variant}. Please ensure that"
            f" there is an object and that the role has permissions to download it. ({failed})"
        )
    return (
        f"The {host} container for production variant {variant} did not pass the ping health check."
        f" Please check CloudWatch logs for this endpoint. ({failed})"
    )


def _instance(endpoint: str, model: str) -> str:
    """An instance id: the same for the same model behind the same endpoint."""
    return "i-" + hashlib.sha256(f"{endpoint}\n{model}".encode()).hexdigest()[:17]
