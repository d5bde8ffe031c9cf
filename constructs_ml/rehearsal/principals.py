"""Who calls: each role has access keys of its own here, one for each service and session that assumed it."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The person at the keyboard (no role), or a role that a service assumed.

    `service` is the assuming service's principal ("sagemaker.amazonaws.com", "states.amazonaws.com"), `session` what
    it does with the role: the name of a job, an execution or a function.
    """

    role: str = ""
    service: str = ""
    session: str = ""

    @property
    def access_key(self) -> str:
        """Twenty characters, the same for the same principal."""
        if self == PERSON:
            return "AKIAREHEARSALPERSON0"
        digest = hashlib.sha256("\n".join((self.role, self.service, self.session)).encode()).digest()
        return "ASIA" + base64.b32encode(digest).decode()[:16]


PERSON = Principal()
SECRET = "rehearsal"  # noqa: S105 - the key of an account that exists on this machine alone


class Principals:
    """The principals that were given keys."""

    def __init__(self) -> None:
        self._by_key = {PERSON.access_key: PERSON}
        self._lock = threading.Lock()

    def assume(self, role: str, service: str, session: str = "") -> Principal:
        """The principal of a role that a service assumed; its keys are known from now on."""
        principal = Principal(role, service, session)
        with self._lock:
            self._by_key[principal.access_key] = principal
        return principal

    def of(self, access_key: str) -> Principal | None:
        """Whose key this is, or None for a key that nobody was given here."""
        return self._by_key.get(access_key)
