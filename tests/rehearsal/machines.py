"""Runs definitions in an embedded account, with SageMaker's jobs faked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

ROLE = "arn:aws:iam::111111111111:role/states"
_LONGEST = 20.0


def task(resource: str, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A Task state that ends its machine, unless `more` says otherwise."""
    end = {} if "Next" in more else {"End": True}
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": dict(parameters), **end, **more}


def machine(*states: tuple[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A definition that begins with the first state."""
    return {"StartAt": states[0][0], "States": dict(states), **more}


def create(account: EmbeddedAccount, definition: Mapping[str, Any], name: str = "run", role: str = ROLE) -> str:
    """A state machine's ARN."""
    client = account.client("stepfunctions")
    made = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    return str(made["stateMachineArn"])


def start(account: EmbeddedAccount, arn: str, given: Any = None, name: str = "one") -> str:
    """An execution's ARN."""
    client = account.client("stepfunctions")
    return str(client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given or {}))["executionArn"])


def ended(account: EmbeddedAccount, arn: str) -> Any:
    """An execution's description when it has ended."""
    deadline = time.monotonic() + _LONGEST
    while (found := account.client("stepfunctions").describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution does not end"
        time.sleep(0.02)
    return found


def run(account: EmbeddedAccount, definition: Mapping[str, Any], given: Any = None, name: str = "one") -> Any:
    """An execution's description when it has ended."""
    return ended(account, start(account, create(account, definition, f"machine-of-{name}"), given, name))


def output(found: Any) -> Any:
    """What a run that succeeded gave."""
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])


def complete_jobs(
    account: EmbeddedAccount, noun: str = "TrainingJob", status: str = "Completed", **fields: Any
) -> Store:
    """A store whose jobs of a noun end by themselves, a moment after they began; "" for those that never do."""
    store = Store(account)

    def started(resource: Resource, _: Call) -> None:
        store.change(resource, **{f"{noun}Status": "InProgress"})
        if status:
            threading.Timer(0.05, lambda: store.change(resource, **{f"{noun}Status": status, **fields})).start()

    store.on("Create", noun, started)
    return store


def deny(account: EmbeddedAccount, action: str, code: str = "AccessDeniedException", times: int = 1000) -> list[Call]:
    """Refuse a call that a role makes, the first `times`; all that were refused."""
    refused: list[Call] = []

    def before(call: Call) -> None:
        if call.action == action and call.principal.role and len(refused) < times:
            refused.append(call)
            raise ServiceError(code, f"{call.principal.role} may not do {action}")

    account.gate.before.append(before)
    return refused


def training(name: str = "train-1", **more: Any) -> dict[str, Any]:
    """The parameters of a training job."""
    return {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::111111111111:role/job",
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/output"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }
