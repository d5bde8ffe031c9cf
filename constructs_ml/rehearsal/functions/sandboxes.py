"""The execution environments of an account: kept warm, one for each call at a time."""

from __future__ import annotations

import contextlib
import threading
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from moto.awslambda.models import LambdaFunction

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions.configuration import Configuration
from constructs_ml.rehearsal.functions.packages import Packages
from constructs_ml.rehearsal.functions.sandbox import Sandbox
from constructs_ml.rehearsal.logs import lost_logs


class Sandboxes:
    """Idle and busy sandboxes by configuration; what belongs to an older configuration is ended."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self._packages = Packages(account.folder / "functions")
        self._idle: dict[Configuration, list[Sandbox]] = defaultdict(list)
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def taken(self, function: LambdaFunction, configuration: Configuration) -> Iterator[Sandbox]:
        """A sandbox for one invocation, warm if there is one. `ServiceError` where the function is throttled."""
        self._count(function)
        try:
            sandbox = self._warm(configuration) or self._made(function, configuration)
            try:
                yield sandbox
            finally:
                with self._lock:
                    if sandbox.usable:
                        self._idle[configuration].append(sandbox)
        finally:
            with self._lock:
                self._busy[configuration.name] -= 1

    def stop(self) -> None:
        """End all that is idle; the account ends the rest."""
        with self._lock:
            found, self._idle = [item for items in self._idle.values() for item in items], defaultdict(list)
        for sandbox in found:
            sandbox.stop()

    def _count(self, function: LambdaFunction) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html."""
        reserved = function.reserved_concurrency
        with self._lock:
            if reserved is not None and self._busy[function.function_name] >= int(reserved):
                raise ServiceError("TooManyRequestsException", "Rate Exceeded.")
            self._busy[function.function_name] += 1

    def _warm(self, configuration: Configuration) -> Sandbox | None:
        with self._lock:
            stale = [
                sandbox
                for known in list(self._idle)
                if known != configuration and (known.name, known.version) == (configuration.name, configuration.version)
                for sandbox in self._idle.pop(known)
            ]
            idle = self._idle[configuration]
            found = idle.pop() if idle else None
        for sandbox in stale:
            sandbox.stop()
        return found if found is None or found.process.running else self._warm(configuration)

    def _made(self, function: LambdaFunction, configuration: Configuration) -> Sandbox:
        principal = self._account.assume(configuration.role, "lambda.amazonaws.com", session=configuration.name)
        sandbox = Sandbox(self._account, configuration, principal, self._paths(function, configuration))
        lost = lost_logs(self._account, principal, configuration.log_group, sandbox.log.stream)
        if lost:
            sandbox.logs = False
            self._account.journal.write("function", configuration.name, f"its logs are lost: {lost}", logs="lost")
        return sandbox

    def _paths(self, function: LambdaFunction, configuration: Configuration) -> list[Path]:
        if configuration.script is not None:
            return [configuration.script.parent]
        try:
            return [self._packages.code(function), *self._packages.layers(function), self._packages.sdk()]
        except zipfile.BadZipFile as wrong:
            text = f"the code of {configuration.name} is no zip archive: {wrong}"
            raise ServiceError("InvalidZipFileException", text) from wrong
