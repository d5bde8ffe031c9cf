"""LambdaTask: a function that a pipeline waits for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from typing import ClassVar

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_number, check_tuple, frozen
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.steps.common import check_environment, check_result_key, result_of
from constructs_ml.spec.steps.flow import Permission
from constructs_ml.spec.values import S3, VALUES, Result, Value

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that the pipeline brings along: its code is a folder, `handler` is "module.function".

    `reads` and `writes` are the S3 places that the function may list and read, or write below; `permissions` is what
    else it calls. `timeout` is at most 15 minutes.
    """

    code: str | PurePath
    handler: str = "handler.handle"
    runtime: str = "python3.14"
    memory_mb: int = 256
    timeout: timedelta = timedelta(minutes=1)
    environment: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[S3, ...] = ()
    writes: tuple[S3, ...] = ()
    permissions: tuple[Permission, ...] = ()

    def __post_init__(self) -> None:
        where = f"Function({str(self.code)!r})"
        if not re.fullmatch(r"[A-Za-z0-9_./-]+\.[A-Za-z0-9_]+", self.handler):
            raise refuse("function-handler", where=where, got=repr(self.handler), allowed="module.function")
        check_number("memory_mb", self.memory_mb, where, 128, 10_240)
        check_duration("timeout", self.timeout, where, timedelta(seconds=1), timedelta(minutes=15))
        for name, kind in (("reads", S3), ("writes", S3), ("permissions", Permission)):
            check_tuple(name, getattr(self, name), where, kind)
        check_environment(self.environment, where)
        object.__setattr__(self, "environment", frozen(self.environment))


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaTask:
    """Calls a function and waits for its answer, a JSON object whose keys later steps can use.

    `function` is code that the pipeline brings along, or the name of a function that exists in the account.

    >>> from constructs_ml import Function, LambdaTask, S3
    >>> check = LambdaTask(name="check", function=Function(code="functions/freshness"), payload={"data": S3("raw/")})
    >>> check.result("objects")
    Result(step='check', key='objects')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)
    result_keys: ClassVar[None] = None

    name: str
    function: Function | str
    payload: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    retry: Retry | None = None
    timeout: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_name("step", self.name, where)
        check_kind("function", self.function, where, Function, str)
        if isinstance(self.function, str) and not _FUNCTION_NAME.fullmatch(self.function):
            raise refuse(
                "function-name",
                where=where,
                got=repr(self.function),
                allowed="1 to 64 letters, digits, hyphens, underscores",
            )
        check_duration("timeout", self.timeout, where, timedelta(seconds=1), timedelta(minutes=15))
        for key, value in self.payload.items():
            check_result_key(key, f"{where}, payload")
            for item in value if isinstance(value, tuple) else (value,):
                check_kind(f"payload {key!r}", item, where, *VALUES)
        object.__setattr__(self, "payload", frozen(self.payload))

    def result(self, key: str) -> Result:
        """One top-level key of the function's answer."""
        return result_of(self.name, key)
