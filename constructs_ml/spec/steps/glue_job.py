"""GlueJob: a Glue job that exists in the account, run and waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Retry
from constructs_ml.spec.steps.common import check_service_name, result_of
from constructs_ml.spec.values import VALUES, Input, Result, Value

_JOB = re.compile(r"[A-Za-z0-9 _.-]{1,255}")
_ARGUMENT = re.compile(r"(--)?[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueJob:
    """Runs a Glue job by its name and waits for its end.

    The script finds an argument `day` as `--day`: Glue wants names that begin with two hyphens, so they are added
    where they are missing. `timeout` bounds the run, 1 minute to 7 days, and counts before the job's own. `raw` is
    merged last into the StartJobRun request.

    >>> from constructs_ml import GlueJob, Input
    >>> extract = GlueJob(name="extract", job="orders-extract", arguments={"day": Input("day")})
    >>> extract.result("Id")
    Result(step='extract', key='Id')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)
    result_keys: ClassVar[tuple[str, ...]] = ("Id", "JobRunState", "ExecutionTime")

    name: str
    job: str | Input
    arguments: Mapping[str, Value] = field(default_factory=dict)
    worker_type: str | None = None
    number_of_workers: int | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_service_name("job", self.job, _JOB, where, "letters, digits, spaces, - _ . of a job's name")
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), limits.GLUE_RUN)
        for key, value in self.arguments.items():
            if not isinstance(key, str) or not _ARGUMENT.fullmatch(key):
                raise refuse("glue-argument", where=where, got=repr(key), allowed="letters, digits, - _ . such as day")
            check_kind(f"argument {key!r}", value, where, *VALUES)
        twice = sorted(key for key in self.arguments if f"--{key}" in self.arguments)
        if twice:
            got = f"{', '.join(twice)} with and without --"
            raise refuse("glue-argument", where=where, got=got, allowed="one of both")
        if (self.worker_type is None) != (self.number_of_workers is None):
            got = f"worker_type={self.worker_type!r}, number_of_workers={self.number_of_workers!r}"
            raise refuse("glue-workers", where=where, got=got, allowed="both, or neither")
        if self.number_of_workers is not None:
            check_whole("number_of_workers", self.number_of_workers, where, 1, 2**31 - 1)
        object.__setattr__(self, "arguments", frozen(self.arguments))
        object.__setattr__(self, "raw", frozen(self.raw))

    @property
    def named_arguments(self) -> Mapping[str, Value]:
        """The arguments under the names that Glue takes."""
        return {f"--{key.removeprefix('--')}": value for key, value in self.arguments.items()}

    def result(self, key: str) -> Result:
        """A field of the finished run: its Id, its JobRunState, or its ExecutionTime in seconds."""
        return result_of(self.name, key, self.result_keys)
