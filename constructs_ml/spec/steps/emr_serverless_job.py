"""EmrServerlessJob: a Spark job of EMR Serverless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, get_args

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_tuple, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Retry
from constructs_ml.spec.steps.common import check_service_name, result_of
from constructs_ml.spec.values import VALUES, Input, Joined, Location, Result, Value

_APPLICATION = re.compile(r"[0-9a-z]{1,64}")
_ROLE = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmrServerlessJob:
    """Runs a Spark job in an application that exists, and waits for its end.

    `application` is the application's id: an input, where accounts have their own. `entry_point` is the script or jar
    in S3; `spark_parameters` is the line of spark-submit, such as "--conf spark.executor.cores=2". `role` names the
    job's execution role, which the pipeline hands to EMR Serverless. `timeout` bounds the run. `raw` is merged last
    into the StartJobRun request.

    >>> from constructs_ml import EmrServerlessJob, Input, S3
    >>> EmrServerlessJob(name="features", application=Input("application"), role="spark-job",
    ...                  entry_point=S3("jobs/features.py")).result("JobRunId")
    Result(step='features', key='JobRunId')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)
    result_keys: ClassVar[tuple[str, ...]] = ("JobRunId",)

    name: str
    application: str | Input
    entry_point: Location
    role: str
    arguments: tuple[Value, ...] = ()
    spark_parameters: str | Joined | Input | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_service_name("application", self.application, _APPLICATION, where, "the id of an application")
        check_kind("entry_point", self.entry_point, where, *get_args(Location))
        if not isinstance(self.role, str) or not _ROLE.fullmatch(self.role):
            raise refuse("service-name", where=where, got=f"role={self.role!r}", allowed="the name of a role, no ARN")
        check_tuple("arguments", self.arguments, where, *VALUES)
        check_kind("spark_parameters", self.spark_parameters, where, str, Joined, Input, type(None))
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 30 * DAY)
        object.__setattr__(self, "raw", frozen(self.raw))

    def result(self, key: str) -> Result:
        """A field of the finished run: its JobRunId."""
        return result_of(self.name, key, self.result_keys)
