"""How tasks fail."""

from __future__ import annotations


class NotServedError(Exception):
    """An integration that the embedded account does not have."""


class TaskFailedError(Exception):
    """A task that ended with an error of its own: `error` and `cause` as its state reports them."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause
