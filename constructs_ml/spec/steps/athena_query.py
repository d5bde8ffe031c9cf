"""AthenaQuery: a query of Athena, waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, check_tuple, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.steps.common import check_service_name, result_of
from constructs_ml.spec.values import S3, VALUES, Joined, Output, Result, Value

_RESULTS = "results"
_GROUP = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TABLE = re.compile(r"[A-Za-z0-9_-]{1,255}\.[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaQuery:
    """Runs a query and waits for its end.

    `query` is a text, or a `join(...)` of texts and values; `parameters` fill its question marks, which keeps quotes
    of a value from ending a literal. Athena reads with the pipeline's own rights: `tables` ("database.table") and
    `reads` are what the query needs, `writes` where an UNLOAD of it goes. Results go to the run's own prefix, or to
    `output`. `raw` is merged last into the StartQueryExecution request.

    >>> from constructs_ml import AthenaQuery, S3
    >>> orders = AthenaQuery(name="orders", query="SELECT * FROM orders", database="shop", tables=("shop.orders",),
    ...                      reads=(S3("orders/"),))
    >>> orders.output
    Output(step='orders', name='results')
    """

    leaves: ClassVar[tuple[type, ...]] = (Output, Result)
    result_keys: ClassVar[tuple[str, ...]] = ("QueryExecutionId", "OutputLocation")

    name: str
    query: str | Joined
    parameters: tuple[Value, ...] = ()
    database: str | None = None
    workgroup: str = "primary"
    catalog: str = "AwsDataCatalog"
    to: S3 | None = None
    reads: tuple[S3, ...] = ()
    writes: tuple[S3, ...] = ()
    tables: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: timedelta = timedelta(minutes=30)
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("query", self.query, where, str, Joined)
        if isinstance(self.query, str) and not 1 <= len(self.query) <= limits.QUERY_LENGTH:
            allowed = f"1 to {limits.QUERY_LENGTH} characters"
            raise refuse(
                "number-range", quantity="the length of the query", where=where, got=len(self.query), allowed=allowed
            )
        check_tuple("parameters", self.parameters, where, *VALUES)
        check_kind("to", self.to, where, S3, type(None))
        check_tuple("reads", self.reads, where, S3)
        check_tuple("writes", self.writes, where, S3)
        check_service_name("workgroup", self.workgroup, _GROUP, where, "letters, digits, . _ -")
        check_service_name("catalog", self.catalog, _GROUP, where, "letters, digits, . _ -")
        if self.database is not None:
            check_service_name("database", self.database, _DATABASE, where, "letters, digits, _ -")
        check_tuple("tables", self.tables, where, str)
        for table in self.tables:
            check_service_name("tables", table, _TABLE, where, "database.table")
        check_duration("timeout", self.timeout, where, timedelta(seconds=1), timedelta(hours=12))
        object.__setattr__(self, "raw", frozen(self.raw))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that references may name."""
        return () if self.to else (_RESULTS,)

    @property
    def output(self) -> Output | S3:
        """The S3 prefix of the results: one CSV file, and what Athena notes about it."""
        return self.to or Output(self.name, _RESULTS)

    def result(self, key: str) -> Result:
        """A field of the finished query: its QueryExecutionId, or the OutputLocation of its file."""
        return result_of(self.name, key, self.result_keys)
