"""What the libraries below log: a line each on the terminal, with its traceback only where one asks for it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from rich.console import Console

_LOGGERS = ("constructs_ml.rehearsal", "moto", "werkzeug", "flask", "botocore", "boto3", "urllib3")


class _OneLine(logging.Handler):
    def __init__(self, console: Console, verbose: bool) -> None:
        super().__init__(logging.WARNING)
        self._console, self._verbose = console, verbose

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        if self._verbose:
            self._console.print(self.format(record), style="red", markup=False, soft_wrap=True)
            return
        first, *rest = record.getMessage().strip().splitlines() or [""]
        error = repr(record.exc_info[1]) if record.exc_info and record.exc_info[1] else rest[-1] if rest else ""
        text = f"{first.rstrip(':')}: {error}" if error else first
        pointer = " (--verbose shows where)" if error else ""
        self._console.print(f"  inside the rehearsal: {text}{pointer}", style="red", markup=False, soft_wrap=True)


@contextlib.contextmanager
def quiet(console: Console, *, verbose: bool = False) -> Iterator[None]:
    """Let libraries speak through `console` alone; everything is put back at the end."""
    handler = _OneLine(console, verbose)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.propagate, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, propagates, level in before:
            logger.removeHandler(handler)
            logger.propagate = propagates
            logger.setLevel(level)
