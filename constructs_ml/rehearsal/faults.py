"""Faults that a rehearsal plays: a service that throttles or fails, as often as was asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_THROTTLED = ("ThrottlingException", "Rate exceeded")


@dataclass(slots=True)
class _Fault:
    action: str
    code: str
    message: str
    times: int


@dataclass(slots=True)
class Faults:
    """Calls that fail instead of being answered. People's own calls are spared."""

    account: EmbeddedAccount
    _waiting: list[_Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.account.gate.before.append(self._meet)

    def fail(self, action: str, code: str, message: str = "", *, times: int = 1) -> None:
        """Answer the next `times` calls of `action` ("sagemaker:CreateTrainingJob") with an error of this code."""
        with self._lock:
            self._waiting.append(_Fault(action, code, message or code, times))

    def throttle(self, action: str, *, times: int = 1) -> None:
        """Let the service say that the rate was exceeded."""
        self.fail(action, *_THROTTLED, times=times)

    def _meet(self, call: Call) -> None:
        if not call.principal.role:
            return
        with self._lock:
            found = next((fault for fault in self._waiting if fault.action == call.action), None)
            if found is None:
                return
            found.times -= 1
            if found.times <= 0:
                self._waiting.remove(found)
        raise ServiceError(found.code, found.message)
