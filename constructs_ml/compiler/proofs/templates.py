"""All proofs of all state machines and all pipelines of SageMaker in a template at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from constructs_ml.compiler.proofs.allowances import ENCRYPTION
from constructs_ml.compiler.proofs.machine import read_machine
from constructs_ml.compiler.proofs.parameters import check_parameters
from constructs_ml.compiler.proofs.pipeline_calls import pipeline_calls
from constructs_ml.compiler.proofs.pipeline_definitions import check_pipeline
from constructs_ml.compiler.proofs.roles import prove_calls, prove_role
from constructs_ml.compiler.proofs.size import check_size
from constructs_ml.compiler.proofs.states import check_states
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, SpecError

_MACHINE = "AWS::StepFunctions::StateMachine"
_PIPELINE = "AWS::SageMaker::Pipeline"
_NOTHING: Mapping[str, Json] = MappingProxyType({})


def prove_template(
    resources: Mapping[str, Json],
    *,
    known: Mapping[str, Json] = _NOTHING,
    declared: Sequence[Mapping[str, Json]] = (),
) -> tuple[Fault, ...]:
    """Every fault of every state machine and pipeline among resources; each place begins with the logical id.

    The role is proved where it is one of `resources`; one that is given from outside is not. `known` and `declared`
    are those of `prove_role`. Raises `MissingExtraError` without botocore.
    """
    found: list[Fault] = []
    for name, resource in resources.items():
        if resource.get("Type") == _PIPELINE:
            found += _prove_pipeline(resources, name, known, declared)
        if resource.get("Type") != _MACHINE:
            continue
        properties = resource.get("Properties", {})
        try:
            machine = read_machine(properties, where=name)
        except SpecError as error:
            found += error.faults
            continue
        found += check_states(machine.definition, where=name)
        substitutions = machine.substitutions
        found += check_size(machine.text, name, substitutions=substitutions)
        found += check_parameters(machine.definition, substitutions=substitutions, where=name)
        role = role_of(properties)
        if role in resources:
            found += prove_role(
                machine.definition,
                list(policies_of(resources, role)),
                substitutions=substitutions,
                known=known,
                machine=arns_of(name, properties),
                declared=declared,
                where=f"{name}: {role}",
            )
    return tuple(found)


def arns_of(name: str, properties: Mapping[str, Json]) -> tuple[Json, ...]:
    """The spellings of the ARN of a state machine of the template.

    A role that its machine depends on can spell it only by the machine's name; a policy beside both may refer to it.
    """
    spelt = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${Name}"
    named = properties.get("StateMachineName")
    names = [{"Fn::GetAtt": [name, "Name"]}, *([] if named is None else [named])]
    arns = [{"Ref": name}, {"Fn::GetAtt": [name, "Arn"]}]
    return (*({"Fn::Sub": [spelt, {"Name": item}]} for item in reversed(names)), *arns)


def _prove_pipeline(
    resources: Mapping[str, Json], name: str, known: Mapping[str, Json], declared: Sequence[Mapping[str, Json]]
) -> Sequence[Fault]:
    properties = resources[name].get("Properties", {})
    body = properties.get("PipelineDefinition", {}).get("PipelineDefinitionBody")
    try:
        read = read_machine({"DefinitionString": body}, where=name)
    except SpecError as error:
        return error.faults
    found = list(check_pipeline(read.definition, substitutions=read.substitutions, where=name))
    role = role_of(properties)
    if role in resources:
        made = pipeline_calls(read.definition, substitutions=read.substitutions, known=known)
        policies = list(policies_of(resources, role))
        found += prove_calls(
            made, policies, known=known, declared=declared, allowances=(ENCRYPTION,), where=f"{name}: {role}"
        )
    return found


def role_of(properties: Mapping[str, Json]) -> str:
    """The logical id of the role of a state machine or pipeline, or '' for a role from outside."""
    match properties.get("RoleArn"):
        case {"Fn::GetAtt": [str() as role, "Arn"]}:
            return role
        case {"Fn::GetAtt": str() as attribute}:
            return attribute.removesuffix(".Arn")
    return ""


def policies_of(resources: Mapping[str, Json], role: str) -> Iterator[Json]:
    """The policy documents of a role: its own, and those of policies that are attached to it."""
    own = resources[role].get("Properties", {}).get("Policies", ())
    yield from (policy["PolicyDocument"] for policy in own)
    for resource in resources.values():
        if resource.get("Type") in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
            properties = resource.get("Properties", {})
            if {"Ref": role} in (*properties.get("Roles", ()), properties.get("RoleName")):
                yield properties["PolicyDocument"]
