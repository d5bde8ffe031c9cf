"""Whose role a state acts with: the execution's, or one that the state's `Credentials` name."""

from __future__ import annotations

from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal

STATES = "states.amazonaws.com"


class ExecutionRole(str):
    """The ARN of a role, for moto; it also knows which execution acts with it, and on behalf of which other role."""

    __slots__ = ("by", "session")
    session: str
    by: ExecutionRole | None

    @classmethod
    def of(cls, arn: str, session: str, by: ExecutionRole | None = None) -> ExecutionRole:
        """A role in the hands of the execution `session`."""
        role = cls(arn)
        role.session, role.by = session, by
        return role


class Roles:
    """The clients of states: each carries the keys of its execution's role."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account

    def principal(self, role: ExecutionRole) -> Principal:
        """The principal of a role in the hands of an execution, as the trust policies allow it."""
        if role.by is None:
            return self._account.assume(str(role), STATES, session=role.session)
        self._account.authorize(self.principal(role.by), "sts:AssumeRole", str(role))
        return self._account.assume(str(role), str(role.by), session=role.session)

    def client(self, region: str, service: str, state_credentials: Any = None) -> Any:
        """What moto's `boto_client_for` gives, for the role of the state."""
        return self._account.client(service, self.principal(state_credentials.role_arn), region=region)
