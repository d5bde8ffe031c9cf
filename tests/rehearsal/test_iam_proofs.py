"""Two judges of one role: what the proofs derive from churn's definitions, and the evaluation of deployed policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from apps.churn.model import churn
from constructs_ml import Accounts, compile_pipeline
from constructs_ml.compiler.proofs import ALLOWANCES, calls, read_machine
from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.compiler.proofs.parameters import tasks
from constructs_ml.compiler.proofs.templates import arns_of, policies_of, role_of
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS, Hole, Text
from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here
from constructs_ml.rehearsal.iam.context import Asked, Caller, Context
from constructs_ml.rehearsal.iam.decisions import Decision, Standing, decide
from constructs_ml.rehearsal.iam.policies import policy
from constructs_ml.rehearsal.iam.requests import asked_of
from constructs_ml.rehearsal.principals import PERSON
from tests.support import ROOT

REGION, ID = "eu-central-1", "111111111111"
HERE = Here("aws", REGION, ID)
KNOWN = {"AWS::Region": REGION, "AWS::AccountId": ID, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
TEXTS = NO_SUBSTITUTIONS.inside(KNOWN)
# What Step Functions and others do with the role beside the calls of states.
BESIDE = {action for allowance in ALLOWANCES for action in allowance.actions} - {"iam:PassRole", "s3:GetObject"}


@dataclass(frozen=True)
class Machine:
    """A state machine: the calls that its states make, and its role's statements."""

    asked: tuple[Asked, ...]
    statements: tuple[dict[str, Any], ...]
    definition: Mapping[str, Any]
    substitutions: Mapping[str, Any]


def literal(text: Text) -> str:
    """A text as a run has it: a name for each thing of the template, something for what the run decides."""
    return "".join(_filled(part.name) if isinstance(part, Hole) else part for part in text.parts)


def _filled(name: str) -> str:
    if name.endswith("Role.Arn"):
        return HERE.arn("iam", f"role/{name}")
    return HERE.arn("lambda", f"function:{name}") if name.endswith("Function.Arn") else name or "run-1"


def opened(value: Any) -> Any:
    """A statement with CloudFormation's values in place."""
    if isinstance(value, list):
        return [opened(item) for item in value]
    if isinstance(value, Mapping) and not any(key.startswith(("Fn::", "Ref")) for key in value):
        return {key: opened(item) for key, item in value.items()}
    return literal(TEXTS.flatten(value)) if isinstance(value, Mapping) else value


@cache
def machines() -> dict[str, Machine]:
    where = Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")["dev"]
    resources = compile_pipeline(churn.pipeline, where, prefix="Training").resources
    found = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::StepFunctions::StateMachine":
            continue
        properties = resource["Properties"]
        read = read_machine(properties, where=name)
        made = calls(read.definition, substitutions=read.substitutions, known=KNOWN, machine=arns_of(name, properties))
        asked = tuple(
            Asked(
                call.action,
                tuple(literal(text) for text in call.resources) or (),
                {"iam:passedtoservice": (call.passed_to,)} if call.passed_to else {},
            )
            for call in made
            if not call.optional
        )
        documents = [opened(document) for document in policies_of(resources, role_of(properties))]
        statements = tuple(statement for document in documents for statement in document["Statement"])
        found[name] = Machine(asked, statements, read.definition, read.substitutions)
    return found


def decided(asked: Asked, statements: Any) -> Decision:
    caller = Caller(ID, "aws", f"arn:aws:iam::{ID}:role/states", f"arn:aws:sts::{ID}:assumed-role/states/run-1")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return decide(Context(caller, asked), Standing((policy("identity", "policy calls", document),)))


def denied(machine: Machine, statements: Any) -> set[str]:
    return {asked.action for asked in machine.asked if not decided(asked, statements).allowed}


@pytest.mark.parametrize("name", ["TrainingStateMachine", "TrainingStarter"])
def test_every_call_that_the_proofs_derive_is_allowed(name: str) -> None:
    machine = machines()[name]
    assert machine.asked
    assert denied(machine, machine.statements) == set()


@pytest.mark.parametrize("name", ["TrainingStateMachine", "TrainingStarter"])
def test_without_any_one_statement_some_call_is_denied_by_its_name(name: str) -> None:
    machine = machines()[name]
    tried = 0
    for left_out in machine.statements:
        actions = left_out["Action"] if isinstance(left_out["Action"], list) else [left_out["Action"]]
        if set(actions) <= BESIDE:
            continue
        rest = [statement for statement in machine.statements if statement is not left_out]
        assert denied(machine, rest) & set(actions), left_out
        tried += 1
    assert tried


@pytest.mark.parametrize("name", ["TrainingStateMachine", "TrainingStarter"])
def test_without_any_one_action_that_action_is_denied(name: str) -> None:
    machine = machines()[name]
    for number, statement in enumerate(machine.statements):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in set(actions) - BESIDE:
            less = {**statement, "Action": [item for item in actions if item != action] or "s3:Nothing"}
            rest = [*machine.statements[:number], less, *machine.statements[number + 1 :]]
            assert action in denied(machine, rest)


def test_a_role_is_passed_to_no_other_service() -> None:
    machine = machines()["TrainingStateMachine"]
    for asked in machine.asked:
        if asked.action == "iam:PassRole":
            other = Asked(asked.action, asked.resources, {"iam:passedtoservice": ("glue.amazonaws.com",)})
            assert not decided(other, machine.statements).allowed


def test_what_is_called_alike_in_another_account_is_not_allowed() -> None:
    machine = machines()["TrainingStateMachine"]
    for asked in machine.asked:
        if not any(ID in arn for arn in asked.resources):
            continue  # an asset, whose ARN names no account
        other = Asked(asked.action, tuple(arn.replace(ID, "222222222222") for arn in asked.resources), asked.context)
        assert not decided(other, machine.statements).allowed, other


def given(parameters: Any, substitutions: Mapping[str, Any]) -> Any:
    """A task's parameters as a run has them: what the run decides is some text that fits its place."""
    if isinstance(parameters, Mapping):
        found = {key: given(value, substitutions) for key, value in parameters.items()}
        return {key.removesuffix(".$"): _run(key, value) for key, value in found.items()}
    if isinstance(parameters, list):
        return [given(item, substitutions) for item in parameters]
    return literal(TEXTS.inside(substitutions).read(parameters)) if isinstance(parameters, str) else parameters


def _run(key: str, value: Any) -> Any:
    if not key.endswith(".$") or not isinstance(value, str):
        return value
    return value.split("'")[1].replace("{}", "run-1") if value.startswith("States.Format(") else value


SERVICES = {"sagemaker": "sagemaker", "sns": "sns", "dynamodb": "dynamodb", "lambda": "lambda", "sfn": "stepfunctions"}


def test_each_tasks_own_request_is_asked_for_as_the_proofs_say() -> None:
    """The gate's reading of a request and the proofs' reading of the same task name the same actions and ARNs."""
    machine = machines()["TrainingStateMachine"]
    proved = {(asked.action, arn) for asked in machine.asked for arn in asked.resources}
    seen = set()
    for place, resource, parameters in tasks(machine.definition):
        call = parse_resource(resource, place)
        assert isinstance(call, Integration)
        service = SERVICES.get(call.service)
        if service is None or not isinstance(parameters, Mapping):
            continue
        operation = call.action[:1].upper() + call.action[1:]
        made = Call(service, operation, given(parameters, machine.substitutions), PERSON, REGION)
        for asked in asked_of(made, HERE):
            seen.add(asked.action)
            assert decided(asked, machine.statements).allowed, (place, asked)
            if asked.action.startswith(("sagemaker:Create", "dynamodb:", "sns:")) and "run-1" not in asked.resource:
                assert any((asked.action, arn) in proved or "package" in arn for arn in asked.resources), asked
    assert {"sagemaker:CreateTrainingJob", "sagemaker:CreateModelPackage", "iam:PassRole", "dynamodb:PutItem"} <= seen
