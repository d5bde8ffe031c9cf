"""How the containers of a model come up, or what SageMaker says when they do not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from constructs_ml.rehearsal.access import check_access
from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.containers import Container, Containers, NotStartedError, Serve
from constructs_ml.rehearsal.logs import CREATE_GROUP, open_log
from constructs_ml.rehearsal.objects import DataError
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource
from constructs_ml.rehearsal.serving.serving import ServingError, container_of


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
    log = open_log(account, principal, f"/aws/sagemaker/Endpoints/{endpoint}", stream, CREATE_GROUP)
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


def _lost(_: str) -> None:
    """A line that nobody may write."""


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
