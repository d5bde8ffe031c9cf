"""State machines: what is checked when one is created or updated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.definitions import Definitions, states_of
from constructs_ml.rehearsal.states.roles import STATES
from constructs_ml.rehearsal.states.syncs import RULE_ACTIONS, SYNCS

_CHANGES = ("CreateStateMachine", "UpdateStateMachine")


class Machines:
    """Looks at each state machine as Step Functions does before it takes it."""

    def __init__(self, account: EmbeddedAccount, definitions: Definitions) -> None:
        self._account, self._definitions = account, definitions
        account.gate.before.append(self._check)

    def _check(self, call: Call) -> None:
        if call.service != "stepfunctions" or call.operation not in _CHANGES:
            return
        if call.parameters.get("type") == "EXPRESS":
            text = "the embedded account runs state machines of the type STANDARD, not EXPRESS"
            raise ServiceError("StateMachineTypeNotSupported", text)
        role, definition = self._kept(call)
        principal = self._assume(role)
        for rule in sorted(set(_rules(definition))):
            try:
                for action in RULE_ACTIONS:
                    self._account.authorize(principal, action, self._account.arn("events", f"rule/{rule}"))
            except ServiceError as refused:
                text = f"'{role}' is not authorized to create managed-rule. ({refused.message})"
                raise ServiceError("AccessDeniedException", text) from None

    def _kept(self, call: Call) -> tuple[str, Any]:
        """The role and definition that the machine will have."""
        given = call.parameters
        role, text = given.get("roleArn"), given.get("definition")
        if call.operation == "UpdateStateMachine" and not (role and text):
            backend = stepfunctions_parser_backends[self._account.id][call.region]
            machine = backend.describe_state_machine(given["stateMachineArn"])
            role, text = role or machine.roleArn, text or machine.definition
        try:
            definition = json.loads(text or "")
            self._definitions.parse(str(text))
        except Exception as error:  # noqa: BLE001 - whatever moto's reader raises says what is wrong
            text = f"Invalid State Machine Definition: '{error}'"
            raise ServiceError("InvalidDefinition", text) from None
        return str(role), definition

    def _assume(self, role: str) -> Any:
        try:
            return self._account.assume(role, STATES)
        except ServiceError:
            text = (
                "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
                f"assume the provided role. ({role})"
            )
            raise ServiceError("AccessDeniedException", text) from None


def _rules(definition: Any) -> Iterator[str]:
    """The managed rules of the jobs that a definition waits for."""
    for name, state in states_of(definition):
        found = parse_resource(state.get("Resource"), name) if state.get("Type") == "Task" else None
        if isinstance(found, Integration) and found.waits and found.key in SYNCS and SYNCS[found.key].rule:
            yield SYNCS[found.key].rule
