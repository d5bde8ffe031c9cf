"""Task tokens: who waits for which, and what was sent."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.calls import Call, Json, ServiceError


@dataclass(slots=True, eq=False)
class Token:
    """One token: `output` or `error` once it was answered; `open` for as long as its state waits."""

    id: str = field(default_factory=lambda: str(uuid4()))
    open: bool = True
    answered: bool = False
    output: Json = None
    error: tuple[str, str] | None = None
    heard: float = field(default_factory=time.monotonic)


class Tokens:
    """The tokens of all executions: SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat find theirs here."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()
        self.handlers = {
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def new(self) -> Token:
        """A token for a state that is about to wait."""
        token = Token()
        with self._lock:
            self._tokens[token.id] = token
        return token

    def waits(self, id: str) -> bool:
        """Whether a state still waits for the answer to a token."""
        with self._lock:
            token = self._tokens.get(id)
            return token is not None and token.open and not token.answered

    def _success(self, call: Call) -> Json:
        try:
            output = json.loads(call.parameters["output"])
        except ValueError as error:
            raise ServiceError("InvalidOutput", f"Invalid Output: '{error}'") from None
        self._answer(call, output, None)
        return {}

    def _failure(self, call: Call) -> Json:
        self._answer(call, None, (call.parameters.get("error") or "", call.parameters.get("cause") or ""))
        return {}

    def _heartbeat(self, call: Call) -> Json:
        with self._lock:
            self._open(call).heard = time.monotonic()
        return {}

    def _answer(self, call: Call, output: Json, error: tuple[str, str] | None) -> None:
        with self._lock:
            token = self._open(call)
            token.output, token.error, token.answered = output, error, True

    def _open(self, call: Call) -> Token:
        token: Any = self._tokens.get(call.parameters["taskToken"])
        if token is None:
            raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
        if not token.open or token.answered:
            raise ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return token  # type: ignore[no-any-return]
