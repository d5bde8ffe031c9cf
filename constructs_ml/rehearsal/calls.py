"""A call that reached the embedded account: who makes which operation of which service, with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException

from constructs_ml.rehearsal.principals import Principal

Json = Any
"""A JSON value as a request or an answer of a service holds it, with datetimes and bytes where the model says so."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: "sagemaker" and "CreateTrainingJob" in botocore's words, its parameters, and who makes it."""

    service: str
    operation: str
    parameters: Mapping[str, Json]
    principal: Principal
    region: str

    @property
    def action(self) -> str:
        """The call as botocore spells it: "sagemaker:CreateTrainingJob"."""
        return f"{self.service}:{self.operation}"


class ServiceError(ServiceException):  # type: ignore[misc]  # moto has no types
    """What a service answers when it refuses a call: `code` as in botocore's `error.response["Error"]["Code"]`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def invalid(text: str) -> ServiceError:
    """What most services answer to a request that breaks a rule."""
    return ServiceError("ValidationException", text)


Handler = Callable[[Call], Json]
"""Answers one operation: a mapping in the operation's output shape, or None where it has none."""

Watcher = Callable[[Call], None]
"""Sees a call before it is answered, and may refuse it by raising `ServiceError`; or after it was answered."""
