"""Endpoints whose model servers are played: what the tests of endpoints share."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import Endpoints
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.serving.serving import ServingError

ROLE = "arn:aws:iam::111111111111:role/endpoint"
NAME = "churn"


class FakeServer:
    """Answers with the name of its model; a body "broken" is a 500, "wrong" a 400."""

    running: ClassVar[set[FakeServer]] = set()

    def __init__(self, name: str, model: Any, line: Any) -> None:
        self.image = model.fields["PrimaryContainer"]["Image"]
        self.model, self.id, self.line = self.image.rpartition("/")[2], 0, line
        if self.model == "bad":
            raise ServingError("the model does not load") from ValueError("no model_fn")
        line(f"{name} serves {self.model}")
        self.running.add(self)

    def invoke(
        self, body: bytes, content_type: str, accept: str, headers: Any, *, seconds: float
    ) -> tuple[int, bytes, str]:
        self.line("POST /invocations")
        if self not in self.running:
            raise ServingError("the server was stopped")
        if body in (b"broken", b"wrong"):
            return 500 if body == b"broken" else 400, b"no such feature", "text/plain"
        return 200, self.model.encode() + b"(" + body + b")", accept or "text/plain"

    def stop(self) -> None:
        self.running.discard(self)


def endpoints(account: EmbeddedAccount) -> Endpoints:
    """The part, its servers played."""
    FakeServer.running.clear()
    return Endpoints(
        account, Store(account), (), serve=lambda name, model, principal, kind, line: FakeServer(name, model, line)
    )


def create_model(account: EmbeddedAccount, name: str) -> None:
    sagemaker = account.client("sagemaker")
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": f"images/{name}"}, ExecutionRoleArn=ROLE)


def create_config(account: EmbeddedAccount, model: str, name: str = "", variant: Any = None, **more: Any) -> None:
    given = {"VariantName": "main", "ModelName": model, "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
    account.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name or model, ProductionVariants=[{**given, **(variant or {})}], **more
    )


def described(account: EmbeddedAccount, name: str = NAME) -> Any:
    return account.client("sagemaker").describe_endpoint(EndpointName=name)


def settled(account: EmbeddedAccount, name: str = NAME) -> Any:
    assert account.clock.poll(lambda: described(account, name)["EndpointStatus"] in ("InService", "Failed"), 10)
    return described(account, name)


def create(account: EmbeddedAccount, config: str = "blue", **more: Any) -> Any:
    account.client("sagemaker").create_endpoint(EndpointName=NAME, EndpointConfigName=config, **more)
    return settled(account)


def update(account: EmbeddedAccount, config: str = "green", **more: Any) -> None:
    account.client("sagemaker").update_endpoint(EndpointName=NAME, EndpointConfigName=config, **more)


def ask(account: EmbeddedAccount, body: str = "1", **more: Any) -> str:
    answer = account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=NAME, Body=body, **{"ContentType": "text/csv", **more}
    )
    return str(answer["Body"].read().decode())


def refused(call: Any, *words: str) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
