"""A role that the user gives: what it needs becomes one policy attached to it."""

from __future__ import annotations

from aws_cdk import Token
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_ml.aws.crossing import Crossing
from constructs_ml.compiler.template import Json


def attach(scope: Construct, role: iam.IRole, required: Json, crossing: Crossing) -> None:
    """Attach the required statements, unless the role is `without_policy_updates()`.

    What was brought in waits for them: SageMaker tries a role when something that uses it is made.
    """
    statements = [
        iam.PolicyStatement(
            actions=_listed(item["Action"]),
            resources=[_token(resource) for resource in _listed(item["Resource"])],
            conditions=item.get("Condition"),
        )
        for item in required["Statement"]
    ]
    policy = iam.Policy(scope, "RolePolicy", statements=statements)
    role.attach_inline_policy(policy)
    crossing.include.node.add_dependency(policy)


def _token(value: Json) -> str:
    return value if isinstance(value, str) else Token.as_string(value)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
