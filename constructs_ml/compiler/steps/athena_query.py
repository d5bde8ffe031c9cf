"""An AthenaQuery step: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler import jobs, permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import allow_on, kept
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.steps import AthenaQuery

_PATHS = {
    "QueryExecutionId": "$.QueryExecution.QueryExecutionId",
    "OutputLocation": "$.QueryExecution.ResultConfiguration.OutputLocation",
}
_GLUE_CATALOG = "AwsDataCatalog"
_READ = ("glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables")
_RUN = "the name of the run stands in the prefix of its results"


def add(machine: Machine, step: AthenaQuery, after: str) -> None:
    """The query, with the pipeline's own rights on what it reads and writes."""
    context = machine.context
    calls = ("GetQueryExecution", "StartQueryExecution", "StopQueryExecution")
    allow_on(context, "athena", calls, "workgroup/", step.workgroup)
    allow_on(context, "athena", ("GetDataCatalog",), "datacatalog/", step.catalog)
    context.allow(*_results(context, step), *_data(context, step), *_tables(step))
    machine.task(
        step.name,
        "athena:startQueryExecution.sync",
        request(context, step),
        after,
        kept=kept(context, step.name, _PATHS),
        retry=retries("athena", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )


def request(context: Context, step: AthenaQuery) -> dict[str, Json]:
    """The parameters of StartQueryExecution."""
    expressions = context.expressions
    place: dict[str, Json] = {}
    expressions.put(place, "OutputLocation", expressions.text(step.output))
    context_of_query = {"Catalog": step.catalog} | ({"Database": step.database} if step.database else {})
    parameters: dict[str, Json] = {
        "WorkGroup": step.workgroup,
        "QueryExecutionContext": context_of_query,
        "ResultConfiguration": place,
    }
    expressions.put(parameters, "QueryString", expressions.text(step.query))
    if step.parameters:
        filled = [expressions.text(item) for item in step.parameters]
        expressions.put_list(parameters, "ExecutionParameters", filled)
    return jobs.with_raw(context, step.name, "athena:startQueryExecution", parameters, step.raw)


def _results(context: Context, step: AthenaQuery) -> Iterator[Statement]:
    """Athena writes a file of results, in parts if it is large."""
    if step.to is None:
        prefix = f"{names.pipeline_prefix(context.spec.model, context.spec.name)}*/{step.name}/results/"
        bucket, because = context.infrastructure.artifact_bucket, _RUN
    else:
        prefix, bucket, because = step.to.key, step.to.bucket or context.infrastructure.data_bucket, permissions.OBJECTS
    objects = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
    yield Statement(objects, (bucket_arn(bucket, f"{prefix}*"),), because=because)
    yield Statement(("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), (bucket_arn(bucket),))


def _data(context: Context, step: AthenaQuery) -> Iterator[Statement]:
    """The objects behind the tables, and what an UNLOAD writes."""
    infrastructure = context.infrastructure
    buckets: dict[str, tuple[Json, list[str]]] = {}
    for place in step.reads:
        bucket = place.bucket or infrastructure.data_bucket
        buckets.setdefault(str(bucket), (bucket, []))[1].append(place.key)
    for bucket, keys in buckets.values():
        yield from permissions.read(bucket, keys)
        yield Statement(("s3:GetBucketLocation",), (bucket_arn(bucket),))
    for place in step.writes:
        bucket = place.bucket or infrastructure.data_bucket
        yield permissions.write(bucket, place.key)
        yield Statement(("s3:GetBucketLocation",), (bucket_arn(bucket),))
    if infrastructure.data_key_arn is not None:
        yield Statement(("kms:Decrypt", "kms:GenerateDataKey"), (infrastructure.data_key_arn,))


def _tables(step: AthenaQuery) -> Iterator[Statement]:
    """Tables of Glue's catalog, their databases, and "default", which Athena always asks for.

    https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    """
    if step.catalog != _GLUE_CATALOG:
        return
    databases = sorted({table.split(".")[0] for table in step.tables} | ({step.database} if step.database else set()))
    shown = [arn("glue", "catalog"), *(arn("glue", f"database/{name}") for name in databases)]
    yield Statement(("glue:GetDatabase",), (arn("glue", "catalog"), arn("glue", "database/default")))
    if step.tables:
        tables = [arn("glue", f"table/{table.replace('.', '/', 1)}") for table in step.tables]
        yield Statement(_READ, (*shown, *tables))
