"""DataBrewJob: a job of Glue DataBrew that exists in the account, run and waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from constructs_ml.spec.checks import check_duration, check_name, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Retry
from constructs_ml.spec.steps.common import check_service_name, result_of
from constructs_ml.spec.values import Input, Result

_JOB = re.compile(r"[A-Za-z0-9 _.-]{1,240}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBrewJob:
    """Runs a recipe or profile job of DataBrew by its name and waits for its end.

    The job says itself what it reads and where it writes: StartJobRun takes nothing but the name.

    >>> from constructs_ml import DataBrewJob
    >>> DataBrewJob(name="clean", job="orders-clean").result("RunId")
    Result(step='clean', key='RunId')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)
    result_keys: ClassVar[tuple[str, ...]] = ("RunId",)

    name: str
    job: str | Input
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_service_name("job", self.job, _JOB, where, "letters, digits, spaces, - _ . of a job's name")
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 7 * DAY)
        object.__setattr__(self, "raw", frozen(self.raw))

    def result(self, key: str) -> Result:
        """A field of the finished run: its RunId."""
        return result_of(self.name, key, self.result_keys)
