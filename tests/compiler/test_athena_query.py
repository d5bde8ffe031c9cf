"""AthenaQuery steps: the query, its results, and the data that it reads with the pipeline's own rights."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import S3, AthenaQuery, Input, LambdaTask, SpecError, compile_pipeline, join
from constructs_ml.compiler.infrastructure import of_platform
from tests.services import allowed, broken, made, ran, spec, state, throttled, unproved
from tests.support import account, prepare

DAY = Input("day", default="1997-09-30")
FINISHED = {
    "QueryExecution": {
        "QueryExecutionId": "q-1",
        "ResultConfiguration": {"OutputLocation": "s3://artifacts/x/q-1.csv"},
        "Query": "SELECT 1",
    }
}


def orders(**changes: Any) -> AthenaQuery:
    given = {"name": "orders", "query": "SELECT * FROM orders", "database": "shop", "tables": ("shop.orders",)}
    return AthenaQuery(**{**given, "reads": (S3("orders/"),), **changes})


def test_the_query_holds_values_of_the_run_whatever_its_quotes() -> None:
    query = join("SELECT 'it''s {}', \"ü\" FROM orders WHERE day = '", DAY, "' AND n > ", 3)
    ended, services = ran(orders(query=query), inputs=(DAY,), given={"day": "2026-11-21"})
    assert ended.status == "SUCCEEDED"
    assert services.calls[0].service == "athena:startQueryExecution.sync"
    assert services.of("orders") == [
        {
            "QueryString": "SELECT 'it''s {}', \"ü\" FROM orders WHERE day = '2026-11-21' AND n > 3",
            "WorkGroup": "primary",
            "QueryExecutionContext": {"Catalog": "AwsDataCatalog", "Database": "shop"},
            "ResultConfiguration": {"OutputLocation": "s3://artifactbucket/churn/training/run-1/orders/results/"},
        }
    ]


def test_parameters_fill_the_question_marks() -> None:
    step = orders(query="SELECT * FROM orders WHERE day = ? AND n > ?", parameters=(DAY, 3))
    _, services = ran(step, inputs=(DAY,))
    assert services.of("orders")[0]["ExecutionParameters"] == ["1997-09-30", "3"]


def test_its_results_are_an_output_that_later_steps_read() -> None:
    step = orders()
    ended, services = ran(step, prepare(inputs={"raw": step.output}), answers={"orders": FINISHED})
    assert ended.status == "SUCCEEDED"
    place = services.of("orders")[0]["ResultConfiguration"]["OutputLocation"]
    assert services.of("prepare")[0]["ProcessingInputs"][0]["S3Input"]["S3Uri"] == place


def test_its_results_may_go_to_a_place_of_ones_own() -> None:
    step = orders(to=S3("answers/"))
    assert step.output == S3("answers/")
    assert state("orders", step)["Parameters"]["ResultConfiguration"] == {
        "OutputLocation": "s3://${DataBucket}/answers/"
    }


def test_fields_of_the_finished_query_are_results() -> None:
    step = orders()
    results = {"query": step.result("QueryExecutionId"), "file": step.result("OutputLocation")}
    _, services = ran(
        step,
        LambdaTask(name="tell", function="tell", payload=results),
        answers={"orders": FINISHED, "tell": {"Payload": {}}},
    )
    assert services.of("tell")[0]["Payload"] == {"query": "q-1", "file": "s3://artifacts/x/q-1.csv"}


def test_a_throttled_query_is_asked_again_and_a_failed_one_is_told() -> None:
    ended, services = ran(orders(), answers={"orders": throttled("Athena.TooManyRequestsException", FINISHED)})
    assert (ended.status, len(services.of("orders"))) == ("SUCCEEDED", 3)
    ended, _ = ran(orders(), answers={"orders": broken()})
    assert ended.states[-3:] == ("orders", "Notify failure", "Failed")


def test_the_role_may_read_these_tables_and_their_data_alone() -> None:
    result = made(orders())
    read = ["GetDatabase", "GetPartition", "GetPartitions", "GetTable", "GetTables"]
    assert allowed(result, "glue") == {
        "catalog": ["GetDatabase", *read],
        "database/default": ["GetDatabase"],
        "database/shop": read,
        "table/shop/orders": read,
    }
    assert allowed(result, "athena") == {
        "workgroup/primary": ["GetQueryExecution", "StartQueryExecution", "StopQueryExecution"],
        "datacatalog/AwsDataCatalog": ["GetDataCatalog"],
    }
    found = {place.rpartition(":::")[2]: calls for place, calls in allowed(result, "s3").items()}
    made_here = next(calls for place, calls in found.items() if place.endswith("/churn/training/*/orders/results/*"))
    assert made_here == ["AbortMultipartUpload", "GetObject", "ListMultipartUploadParts", "PutObject"]
    assert next(calls for place, calls in found.items() if place.endswith("}/orders/*")) == ["GetObject"]
    assert sum("/" in place for place in found) == 2


def test_another_catalog_needs_nothing_of_glue() -> None:
    assert allowed(made(orders(catalog="dynamo", tables=())), "glue") == {}


def test_what_an_unload_writes_may_be_written() -> None:
    result = made(orders(writes=(S3("s3://exports/orders/"),)))
    assert {"AbortMultipartUpload", "PutObject"} in [set(calls) for calls in allowed(result, "s3").values()]


def test_data_under_another_key_can_be_read() -> None:
    where = account()
    infrastructure = dataclasses.replace(of_platform(where), data_key_arn="arn:aws:kms:eu-central-1:1:key/2")
    result = compile_pipeline(spec(orders()), where, prefix="Training", infrastructure=infrastructure)
    assert "key/2" in str(result.resources["TrainingStatesRole"])


@pytest.mark.parametrize(
    "step",
    [
        orders(),
        orders(query=join("SELECT ", DAY), to=S3("answers/"), writes=(S3("exports/"),), workgroup="team"),
        orders(catalog="dynamo", tables=(), reads=()),
    ],
)
def test_the_pipeline_is_proved(step: AthenaQuery) -> None:
    assert unproved(step, inputs=(DAY,)) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"query": ""},
        {"query": "x" * 262_145},
        {"query": DAY},
        {"parameters": "x"},
        {"tables": ("orders",)},
        {"tables": ("shop.*",)},
        {"reads": ("orders/",)},
        {"writes": S3("x/")},
        {"workgroup": "a b"},
        {"database": "${x}"},
        {"to": "s3://x/"},
        {"timeout": timedelta(days=2)},
    ],
)
def test_what_athena_would_refuse_is_refused_when_the_step_is_built(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        orders(**changes)


def test_a_place_of_ones_own_is_no_output_of_the_step() -> None:
    with pytest.raises(SpecError, match="no output 'results'"):
        made(orders(to=S3("answers/")), prepare(inputs={"raw": orders().output}))
