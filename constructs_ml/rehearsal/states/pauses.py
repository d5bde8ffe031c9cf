"""Where an execution waits: Wait states and retries, through the account's clock, and only while it runs."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException

from constructs_ml.rehearsal.embedded import EmbeddedAccount

_WAITS = "moto.stepfunctions.parser.asl.component.state.wait.wait_function"
_RETRIES = "moto.stepfunctions.parser.asl.component.common.retry.retrier_decl"


class Pauses:
    """Shortens what waits by the clock's acceleration; a fast-forward shortens it too."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._clock = account.clock
        self._here = threading.local()
        why = "pauses go through the account's clock"
        account.hook(f"{_WAITS}.wait_function:WaitFunction", "_wait_interval", self._wait, why)
        account.hook(f"{_WAITS}.timestamp:Timestamp", "_get_wait_seconds", self._until, "a Timestamp is in UTC")
        account.hook(_RETRIES, "time", SimpleNamespace(sleep=self._before_retry), why)

    def retrying(self, env: Any) -> None:
        """The next retry of this thread is one of `env`'s."""
        self._here.env = env

    def pause(self, env: Any, seconds: float) -> None:
        """Wait for `seconds` of the account's time, or until the execution is stopped."""
        began, started = self._clock.now(), time.monotonic()

        def over() -> bool:
            real = time.monotonic() - started
            ahead = (self._clock.now() - began).total_seconds() - real
            return not env.is_running() or real * self._clock.acceleration + ahead >= seconds

        self._clock.poll(over, seconds / self._clock.acceleration + 1, every=0.01)

    def _before_retry(self, seconds: float) -> None:
        self.pause(self._here.env, seconds)

    @property
    def _wait(self) -> Any:
        pauses = self

        def wait_interval(_: Any, env: Any, wait_seconds: int) -> None:
            pauses.pause(env, wait_seconds)

        return wait_interval

    @property
    def _until(self) -> Any:
        now = self._clock.now

        def seconds_until(state: Any, env: Any) -> float:
            state.string.eval(env=env)
            text = env.stack.pop()
            try:
                moment = datetime.fromisoformat(text)
            except (TypeError, ValueError):
                raise FailureEventException(state._create_failure_event(env, text)) from None
            return (moment.replace(tzinfo=moment.tzinfo or UTC) - now()).total_seconds()

        return seconds_until
