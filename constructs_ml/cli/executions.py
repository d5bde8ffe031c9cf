"""The runs of a pipeline in an account: the only place of the command line that calls AWS."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constructs_ml.contract import names
from constructs_ml.drawing.history import Event
from constructs_ml.facts.regions import partition_of
from constructs_ml.faults import refuse
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.pipeline import PipelineSpec

# Errors that mean something of its own; every other one is told in AWS's words.
_ROWS = {
    "StateMachineDoesNotExist": ("machine-missing", "a stage to which this pipeline is deployed"),
    "ExecutionDoesNotExist": ("execution-missing", "the name of an execution, or none for the latest"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The state machine of a pipeline in one account. Its methods call Step Functions."""

    arn: str
    client: Any

    def start(self, given: Mapping[str, object]) -> str:
        """Start an execution; its ARN."""
        with _asking("states:StartExecution", self.arn):
            answer = self.client.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        return str(answer["executionArn"])

    def execution(self, name: str | None) -> str:
        """The ARN of the execution of this name, or of the one that was started last."""
        if name is not None:
            arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
            with _asking("states:DescribeExecution", arn):
                return str(self.client.describe_execution(executionArn=arn)["executionArn"])
        with _asking("states:ListExecutions", self.arn):
            latest = self.client.list_executions(stateMachineArn=self.arn, maxResults=1)["executions"]
        if not latest:
            raise refuse("execution-missing", where=self.arn, got="no execution", allowed="one that was started")
        return str(latest[0]["executionArn"])

    def events(self, execution: str) -> list[Event]:
        """The whole history of an execution."""
        with _asking("states:GetExecutionHistory", execution):
            pages = self.client.get_paginator("get_execution_history").paginate(executionArn=execution)
            return [event for page in pages for event in page["events"]]


def on_states(model: ModelSpec) -> PipelineSpec:
    """The pipeline of a model that Step Functions runs. Raises `SpecError` for one on SageMaker Pipelines."""
    if model.engine != "states":
        raise refuse("run-engine", where=f"model {model.name!r}", got=repr(model.engine), allowed="engine='states'")
    return model.pipeline


def machine_of(spec: PipelineSpec, account: Account) -> Machine:
    """The pipeline's state machine, once the credentials are known to be the account's own.

    Raises `SpecError` where boto3 is missing, credentials are, or they belong to another account.
    """
    assert account.id is not None
    assert account.region is not None
    where = f"stage {account.stage!r}"
    try:
        import boto3
    except ModuleNotFoundError:
        allowed = 'pip install "constructs-ml[aws]"'
        raise refuse("package-missing", where=where, got="no boto3", allowed=allowed, package="boto3") from None
    with _asking("sts:GetCallerIdentity", where):
        caller = boto3.client("sts", region_name=account.region).get_caller_identity()["Account"]
    if caller != account.id:
        raise refuse("run-account", where=where, got=caller, allowed=f"{account.id}, as the accounts file says")
    name = names.state_machine(account.stage, spec.model, spec.name)
    arn = f"arn:{partition_of(account.region)}:states:{account.region}:{account.id}:stateMachine:{name}"
    return Machine(arn, boto3.client("stepfunctions", region_name=account.region))


@contextlib.contextmanager
def _asking(call: str, where: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        row, allowed = _ROWS.get(said["Code"], ("aws-refused", f"credentials that may call {call}"))
        got = f"{said['Code']}: {said['Message']}"
        raise refuse(row, where=where, got=got, allowed=allowed, call=call) from None
    except BotoCoreError as error:
        allowed = "credentials of the stage's account, and a way to AWS"
        raise refuse("aws-refused", where=where, got=str(error), allowed=allowed, call=call) from None
