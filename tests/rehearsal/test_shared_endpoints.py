"""Endpoints that several models share: inference components and shadow tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.endpoint_cases import (
    NAME,
    ROLE,
    FakeServer,
    ask,
    create,
    create_config,
    create_model,
    endpoints,
    refused,
    update,
)

MEMORY = {"ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}


@pytest.fixture
def opened(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    """An open account with endpoints and models blue, green and bad."""
    endpoints(account)
    with account.running():
        for model in ("blue", "green", "bad"):
            create_model(account, model)
        yield account
    assert not FakeServer.running


def shared(account: EmbeddedAccount) -> None:
    """An endpoint whose one variant waits for inference components."""
    variant = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker = account.client("sagemaker")
    sagemaker.create_endpoint_config(EndpointConfigName="shared", ProductionVariants=[variant], ExecutionRoleArn=ROLE)
    assert create(account, "shared")["EndpointStatus"] == "InService"


def add(account: EmbeddedAccount, name: str, **specification: Any) -> Any:
    sagemaker = account.client("sagemaker")
    sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=NAME,
        VariantName="main",
        Specification=specification | MEMORY,
        RuntimeConfig={"CopyCount": 2},
    )
    return settled(account, name)


def settled(account: EmbeddedAccount, name: str) -> Any:
    sagemaker, found = account.client("sagemaker"), {}

    def there() -> bool:
        found.update(sagemaker.describe_inference_component(InferenceComponentName=name))
        return found["InferenceComponentStatus"] in ("InService", "Failed")

    assert account.clock.poll(there, 5)
    return found


def test_components_answer_by_name(opened: EmbeddedAccount) -> None:
    shared(opened)
    made = add(opened, "one", ModelName="blue")
    assert made["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    add(opened, "two", Container={"Image": "images/red", "ArtifactUrl": "s3://models/red"})
    assert ask(opened, InferenceComponentName="one") == "blue(1)"
    assert ask(opened, InferenceComponentName="two") == "red(1)"
    refused(lambda: ask(opened), "ValidationError", "InferenceComponentName")
    refused(lambda: ask(opened, InferenceComponentName="none"), "ValidationError", "none")


def test_a_component_is_scaled_changed_and_deleted(opened: EmbeddedAccount) -> None:
    shared(opened)
    add(opened, "one", ModelName="blue")
    sagemaker = opened.client("sagemaker")
    more = {"CopyCount": 4}
    sagemaker.update_inference_component_runtime_config(InferenceComponentName="one", DesiredRuntimeConfig=more)
    assert settled(opened, "one")["RuntimeConfig"]["CurrentCopyCount"] == 4
    new = {"ModelName": "green"} | MEMORY
    sagemaker.update_inference_component(InferenceComponentName="one", Specification=new)
    assert settled(opened, "one")["Specification"]["ModelName"] == "green"
    assert ask(opened, InferenceComponentName="one") == "green(1)"
    broken = {"ModelName": "bad"} | MEMORY
    sagemaker.update_inference_component(InferenceComponentName="one", Specification=broken)
    assert "ping health check" in settled(opened, "one")["FailureReason"]
    assert ask(opened, InferenceComponentName="one") == "green(1)"
    refused(lambda: sagemaker.delete_endpoint(EndpointName=NAME), "ValidationException", "delete one first")
    sagemaker.delete_inference_component(InferenceComponentName="one")
    assert opened.clock.poll(lambda: not FakeServer.running, 5)
    sagemaker.delete_endpoint(EndpointName=NAME)


def test_a_component_that_cannot_be_is_refused_or_fails(opened: EmbeddedAccount) -> None:
    shared(opened)
    made = add(opened, "one", ModelName="bad")
    assert made["InferenceComponentStatus"] == "Failed"
    assert "ping health check" in made["FailureReason"]
    refused(lambda: add(opened, "two"), "ValidationException", "ModelName or a Container")
    refused(lambda: add(opened, "two", BaseInferenceComponentName="one"), "ValidationException", "Adapters")


def test_a_variant_with_a_model_takes_no_components(opened: EmbeddedAccount) -> None:
    create_config(opened, "blue")
    create(opened)
    refused(lambda: add(opened, "one", ModelName="green"), "ValidationException", "without ModelName")


def experiment(account: EmbeddedAccount, shadow: str = "green", **more: Any) -> str:
    machine = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    where = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": machine}
    sagemaker = account.client("sagemaker")
    sagemaker.create_inference_experiment(
        Name="compared",
        Type="ShadowMode",
        RoleArn=ROLE,
        EndpointName=NAME,
        ModelVariants=[
            {"VariantName": "main", "ModelName": "blue", "InfrastructureConfig": where},
            {"VariantName": "shadow", "ModelName": shadow, "InfrastructureConfig": where},
        ],
        ShadowModeConfig={
            "SourceModelVariantName": "main",
            "ShadowModelVariants": [{"ShadowModelVariantName": "shadow", "SamplingPercentage": 50}],
        },
        **more,
    )
    assert account.clock.poll(lambda: status(account) in ("Running", "Cancelled"), 5)
    return status(account)


def status(account: EmbeddedAccount) -> str:
    return str(account.client("sagemaker").describe_inference_experiment(Name="compared")["Status"])


def test_an_experiment_gives_a_shadow_half_of_the_requests(opened: EmbeddedAccount) -> None:
    create_config(opened, "blue")
    create_config(opened, "green")
    create(opened)
    assert experiment(opened) == "Running"
    assert {ask(opened) for _ in range(4)} == {"blue(1)"}
    answers = [entry.detail["answer"] for entry in opened.journal.entries("invocation")]
    assert (answers.count("blue(1)"), answers.count("green(1)")) == (4, 2)
    refused(lambda: update(opened), "ValidationException", "inference experiment compared")
    sagemaker = opened.client("sagemaker")
    refused(lambda: sagemaker.delete_inference_experiment(Name="compared"), "ConflictException", "stop it")
    promote = {"main": "Remove", "shadow": "Promote"}
    stop = sagemaker.stop_inference_experiment
    refused(lambda: stop(Name="compared", ModelVariantActions=promote), "promote with UpdateEndpoint")
    stop(Name="compared", ModelVariantActions={"main": "Retain", "shadow": "Remove"})
    assert opened.clock.poll(lambda: status(opened) == "Completed", 5)
    assert {server.model for server in FakeServer.running} == {"blue"}
    sagemaker.delete_inference_experiment(Name="compared")
    update(opened)


def test_an_experiment_that_cannot_be_is_refused_or_cancelled(opened: EmbeddedAccount) -> None:
    refused(lambda: experiment(opened), "Could not find endpoint")
    create_config(opened, "blue")
    create(opened)
    later = {"Schedule": {"StartTime": opened.clock.now()}}
    refused(lambda: experiment(opened, **later), "ValidationException", "Schedule")
    assert experiment(opened, "bad") == "Cancelled"
    found = opened.client("sagemaker").describe_inference_experiment(Name="compared")
    assert "ping health check" in found["StatusReason"]
    assert ask(opened) == "blue(1)"
